//! Commands of nft's own language, as a file of its rules or a shell has them, and its variables.
//!
//! What adds to tables that were read is carried out; any other command is a caveat.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::lexer::{Kind, Token};
use super::lower;
use super::parser::Parser;
use crate::rules::edits;
pub(super) use crate::rules::edits::is_of_nft;
use crate::rules::lines::Line;
use crate::rules::ruleset::{Caveat, Family, Origin, Recipe, Ruleset, Shown, Table};
use crate::rules::unreadable::Unreadable;

/// What `define` has given names.
#[derive(Clone, Debug, Default)]
pub(in crate::rules) struct Variables<'a>(Rc<BTreeMap<&'a str, Vec<Token<'a>>>>);

impl<'a> Variables<'a> {
    /// Puts what variables stand for in their place among the tokens from `first` on. One that is
    /// not known is no word any more, so that nothing is taken for its name.
    pub(super) fn put_in(&self, tokens: &mut Vec<Token<'a>>, first: usize) {
        let is_variable =
            |token: &Token<'a>| token.kind == Kind::Word && token.text.starts_with('$');
        if !tokens.iter().skip(first).any(is_variable) {
            return;
        }
        for token in tokens.split_off(first) {
            let value = token.text.strip_prefix('$').filter(|_| is_variable(&token));
            match value.map(|name| self.0.get(name)) {
                Some(Some(value)) => tokens.extend(value.iter().map(|one| Token {
                    row: token.row,
                    at: token.at,
                    ..*one
                })),
                Some(None) => tokens.push(Token {
                    kind: Kind::Mark,
                    ..token
                }),
                None => tokens.push(token),
            }
        }
    }
}

/// Whether a line gives a variable its value, or takes it away.
pub(in crate::rules) fn defines(text: &str) -> bool {
    let first = text.split_whitespace().next().unwrap_or_default();
    match first {
        "define" | "redefine" => text.contains('='),
        "undefine" => text.split_whitespace().count() == 2,
        _ => false,
    }
}

/// Reads the definition that begins in the first of `lines`; says how many lines it took.
pub(in crate::rules) fn define<'a>(
    lines: &'a [Line<'a>],
    variables: &mut Variables<'a>,
) -> Result<usize, Unreadable> {
    let mut parser = Parser::of(lines, variables);
    let verb = parser.word("define")?;
    let name = parser.word("the name of a variable")?;
    if verb != "undefine" && !parser.takes("=")? {
        return Err(parser.expected("="));
    }
    let mut value = Vec::new();
    let mut depth = 0_usize;
    while let Some(token) = parser.peek()? {
        match (token.kind, token.text) {
            (Kind::Newline, _) if depth > 0 => {}
            (Kind::Newline, _) => break,
            (Kind::Mark, ";") if depth == 0 => break,
            (Kind::Mark, "{") => depth += 1,
            (Kind::Mark, "}") => depth = depth.saturating_sub(1),
            _ => {}
        }
        if token.kind != Kind::Newline {
            value.push(token);
        }
        parser.skip();
    }
    if depth > 0 {
        return Err(parser.expected("}"));
    }
    let rows = parser.row() + 1;
    drop(parser);
    let known = Rc::make_mut(&mut variables.0);
    if verb == "undefine" {
        known.remove(name);
    } else {
        known.insert(name, value);
    }
    Ok(rows)
}

/// Whether a line is a command that is carried out here: one that makes a table, or changes those
/// that commands have made. Of one behind a listing nobody can tell whether it was given.
pub(in crate::rules) fn is_followed(text: &str, ruleset: &Ruleset) -> bool {
    let mut words = text.split([' ', '\t', ';']).filter(|word| !word.is_empty());
    let (verb, object) = (words.next(), words.next());
    let mut by_nft = ruleset
        .tables
        .iter()
        .filter(|table| table.origin == Origin::Nft);
    let none = by_nft.clone().next().is_none();
    let scripted = by_nft.all(|table| table.scripted);
    match (verb, object) {
        (Some("add" | "create"), Some("table")) => scripted,
        (_, _) => scripted && !none && is_of_nft(text) && !edits::includes(text),
    }
}

/// Carries out the commands that begin in the first of `lines`; says how many lines they took.
pub(in crate::rules) fn read<'a>(
    lines: &'a [Line<'a>],
    variables: &Variables<'a>,
    ruleset: &mut Ruleset,
) -> Result<usize, Unreadable> {
    let mut parser = Parser::of(lines, variables);
    parser.command(ruleset)?;
    parser.rest(ruleset)
}

/// The words that a shell hands to nft on this command line; `None` where it is none of nft.
pub(in crate::rules) fn typed(line: &str) -> Option<String> {
    let (_, words) = line.split_once("nft ")?;
    let mut text = String::new();
    let mut characters = words.chars();
    let mut quote = None;
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, '\'' | '"') => quote = Some(character),
            (Some(mark), _) if mark == character => quote = None,
            (None | Some('"'), '\\') => text.extend(characters.next()),
            (Some(_), _) => text.push(character),
            (None, ';' | '|' | '&' | '>' | '#') => break,
            (None, _) => text.push(character),
        }
    }
    Some(text.trim_start().to_owned())
}

impl<'a> Parser<'a> {
    /// `inet filter`; a table without its family is of IPv4.
    pub(super) fn table_name(&mut self) -> Result<(Family, &'a str), Unreadable> {
        let first = self.word("a family")?;
        Ok(match Family::named(first) {
            Some(family) => (family, self.word("the name of a table")?),
            None => (Family::Ip, first),
        })
    }

    /// Carries out the command that begins here, up to its end.
    pub(super) fn command(&mut self, ruleset: &mut Ruleset) -> Result<(), Unreadable> {
        let start = self.position();
        let done = self.carried_out(ruleset)?;
        let over = self.at_end_of_rule()?;
        while !self.at_end_of_rule()? {
            if self.is_next("{")? {
                self.block()?;
            } else {
                self.skip();
            }
        }
        if !done || !over {
            let caveat = Caveat::Changed(self.text_since(start));
            if !ruleset.caveats.contains(&caveat) {
                ruleset.caveats.push(caveat);
            }
        }
        Ok(())
    }

    /// Whether the command that begins here is one that is followed, and was.
    fn carried_out(&mut self, ruleset: &mut Ruleset) -> Result<bool, Unreadable> {
        let verb = self.word("a command")?;
        let object = self.position();
        let kind = self.word("what the command is for")?;
        match (verb, kind) {
            ("flush", "ruleset") => {
                let family = match self.peek_word()? {
                    Some(word) => Family::named(word),
                    None => None,
                };
                if family.is_some() {
                    self.skip();
                }
                let spared = |table: &Table| {
                    table.origin != Origin::Nft || family.is_some_and(|one| one != table.family)
                };
                let listed = |table: &Table| !spared(table) && !table.scripted;
                if ruleset.tables.iter().any(listed) {
                    return Ok(false);
                }
                ruleset.tables.retain(spared);
                Ok(true)
            }
            ("add" | "create", "table") => {
                let (family, name) = self.table_name()?;
                let name = name.to_owned();
                if self.is_next("{")? {
                    self.back_to(object);
                    self.table(ruleset)?;
                } else if of_nft(ruleset, family, &name).is_none() {
                    ruleset.tables.push(Table::new(family, &name, Origin::Nft));
                }
                if let Some(table) = of_nft(ruleset, family, &name) {
                    table.scripted = true;
                }
                Ok(true)
            }
            (_, "chain" | "rule" | "set" | "map" | "element" | "table") => {
                let (family, name) = self.table_name()?;
                let name = name.to_owned();
                let Some(table) = of_nft(ruleset, family, &name) else {
                    return Ok(false);
                };
                if table.dormant || table.foreign || !table.scripted {
                    return Ok(false);
                }
                self.within(verb, kind, table)
            }
            ("add" | "create", "counter" | "quota" | "limit" | "flowtable" | "secmark") => {
                while !self.at_end_of_rule()? && !self.is_next("{")? {
                    self.skip();
                }
                if self.is_next("{")? {
                    self.block()?;
                }
                Ok(true)
            }
            (_, _) => Ok(false),
        }
    }

    /// A command for what is in a table.
    fn within(&mut self, verb: &str, kind: &str, table: &mut Table) -> Result<bool, Unreadable> {
        match (verb, kind) {
            ("add" | "create", "chain") => {
                let name = self.word("the name of a chain")?;
                let family = table.family;
                let chain = table.chain(name);
                chain.shown = Shown::Exactly;
                if self.is_next("{")? {
                    self.open()?;
                    self.chain_body(chain, family)?;
                }
                Ok(true)
            }
            ("add" | "create", "set" | "map") => {
                self.named_set(table)?;
                Ok(true)
            }
            ("add" | "create", "element") => {
                let name = self.word("the name of a set")?;
                let Some(set) = table.sets.get_mut(name) else {
                    return Ok(false);
                };
                let kinds = lower::kinds_of_type(&set.kind);
                let elements = Arc::make_mut(&mut set.elements);
                self.members(&mut |parser, member| {
                    elements.push(lower::element(member, &kinds));
                    parser.forget();
                })?;
                set.known = true;
                Ok(true)
            }
            ("add" | "insert", "rule") => self.put_rule(verb == "insert", table),
            ("flush", "table") => {
                let names: Vec<String> = table.chains.iter().map(|one| one.name.clone()).collect();
                for name in names {
                    table.chain(&name).rules.clear();
                }
                Ok(true)
            }
            ("flush", "chain") => {
                let name = self.word("the name of a chain")?;
                let known = table.position(name).is_some();
                if known {
                    table.chain(name).rules.clear();
                }
                Ok(known)
            }
            (_, _) => Ok(false),
        }
    }

    /// `add rule t c [index N | handle N] …`, `insert rule …`.
    fn put_rule(&mut self, inserts: bool, table: &mut Table) -> Result<bool, Unreadable> {
        let name = self.word("the name of a chain")?;
        if table.position(name).is_none() {
            return Ok(false);
        }
        let family = table.family;
        let chain = table.chain(name);
        let count = chain.rules.len();
        let place = self
            .peek_word()?
            .filter(|word| ["index", "handle", "position"].contains(word));
        let mut at = if inserts { 0 } else { count };
        if let Some(word) = place {
            self.skip();
            let number: Option<u64> = self.word("a number")?.parse().ok();
            let found = match (word, number) {
                (_, None) => None,
                ("index", Some(index)) => usize::try_from(index).ok().filter(|at| *at < count),
                (_, Some(_)) => chain.rules.iter().position(|rule| rule.handle == number),
            };
            let Some(found) = found else {
                return Ok(false);
            };
            at = found + usize::from(!inserts);
        }
        let start = self.position();
        let clauses = self.rule()?;
        let text = self.text_since(start);
        let recipe = if self.is_whole(start) {
            Recipe::Same
        } else {
            Recipe::Incomplete
        };
        lower::push(chain, family, None, text, recipe, &clauses);
        let tail = chain.rules.get_mut(at..).unwrap_or_default();
        tail.rotate_right(1);
        for (index, rule) in chain.rules.iter_mut().enumerate().skip(at) {
            rule.number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        }
        Ok(true)
    }
}

/// The table of nft of that name.
fn of_nft<'r>(ruleset: &'r mut Ruleset, family: Family, name: &str) -> Option<&'r mut Table> {
    let is_it = |table: &&mut Table| {
        table.origin == Origin::Nft && table.family == family && table.name == name
    };
    ruleset.tables.iter_mut().find(is_it)
}
