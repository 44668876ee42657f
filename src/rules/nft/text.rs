//! `nft list ruleset`: tables, chains and sets as text.
//!
//! What is not understood never disappears: a statement becomes unknown with its words, a chain
//! that may not be called as it seems says so, and a text that ends too early is refused.

use std::sync::Arc;

use super::lexer::{Kind, Token};
use super::lower;
use super::parser::Parser;
use super::script::{self, Variables};
use crate::rules::lines::{self, Line};
use crate::rules::ruleset::{
    Base, Caveat, Chain, Family, Hook, Kind as ChainKind, Origin, Policy, Recipe, Rule, Ruleset,
    Set, Shown, Table,
};
use crate::rules::unreadable::{Fault, Unreadable};

/// Reads the tables that begin in the first of `lines`; says how many lines they took.
pub(in crate::rules) fn read<'a>(
    lines: &'a [Line<'a>],
    variables: &Variables<'a>,
    ruleset: &mut Ruleset,
) -> Result<usize, Unreadable> {
    let mut parser = Parser::of(lines, variables);
    loop {
        parser.table(ruleset)?;
        let row = parser.row();
        // The next table may begin where this one ends.
        let Some(token) = parser.peek()?.filter(|token| token.row == row) else {
            return Ok(row + 1);
        };
        if token.kind == Kind::Newline {
            return Ok(row + 1);
        }
        if token.text != "table" {
            return parser.rest(ruleset);
        }
    }
}

impl Parser<'_> {
    /// What stands in one line behind a table or a command: other commands, another table, or what
    /// somebody says. Says how many lines that took.
    pub(super) fn rest(&mut self, ruleset: &mut Ruleset) -> Result<usize, Unreadable> {
        let row = self.row();
        while self.takes(";")? {}
        let Some(token) = self.peek()?.filter(|token| token.row == row) else {
            return Ok(row + 1);
        };
        let (line, text) = self.line(token);
        let rest = text.get(token.at..).unwrap_or_default().trim();
        if token.kind == Kind::Newline {
            return Ok(row + 1);
        }
        if token.text == "table" && token.kind == Kind::Word {
            self.table(ruleset)?;
            return self.rest(ruleset);
        }
        if script::is_of_nft(rest) {
            self.command(ruleset)?;
            return self.rest(ruleset);
        }
        if "table".starts_with(rest) && self.is_last(row) {
            return Err(Unreadable::at(line, 1, Fault::CutOff(line)));
        }
        ruleset.caveats.push(if lines::is_prose(rest) {
            Caveat::PassedOver(line, rest.to_owned())
        } else {
            Caveat::NotUnderstood(rest.to_owned())
        });
        Ok(row + 1)
    }

    pub(super) fn open(&mut self) -> Result<(), Unreadable> {
        self.skip_ends()?;
        if self.takes("{")? {
            Ok(())
        } else {
            Err(self.expected("{"))
        }
    }

    pub(super) fn table(&mut self, ruleset: &mut Ruleset) -> Result<(), Unreadable> {
        self.skip();
        let (family, name) = self.table_name()?;
        self.open()?;
        let existing = ruleset.tables.iter().position(|table| {
            table.origin == Origin::Nft && table.family == family && table.name == name
        });
        let mut table = match existing {
            Some(index) => ruleset.tables.remove(index),
            None => Table::new(family, name, Origin::Nft),
        };
        table.scripted = false;
        let mut agrees = true;
        loop {
            self.skip_lines()?;
            if self.takes("}")? {
                break;
            }
            let kind = self.word("a chain, a set or a map")?;
            match kind {
                "chain" => agrees &= self.chain(&mut table)?,
                "set" | "map" => self.named_set(&mut table)?,
                "comment" | "flags" => {
                    let text = self.rest_of_line()?;
                    table.dormant |= kind == "flags" && text.contains("dormant");
                }
                "counter" | "quota" | "limit" | "secmark" | "synproxy" | "flowtable" | "tunnel"
                | "ct" => self.block()?,
                _ => {
                    let words = format!("{kind} {}", self.rest_of_line()?);
                    ruleset.caveats.push(Caveat::NotUnderstood(words));
                    if self.is_next("{")? {
                        self.block()?;
                    }
                }
            }
            self.forget();
        }
        lower::finish(&mut table);
        let caveat = Caveat::GivenTwice(table.title());
        if !agrees && !ruleset.caveats.contains(&caveat) {
            ruleset.caveats.push(caveat);
        }
        ruleset.tables.push(table);
        Ok(())
    }

    /// Skips to the end of a statement or line, and says what it held; a block is left alone.
    pub(super) fn rest_of_line(&mut self) -> Result<String, Unreadable> {
        let start = self.position();
        while !self.at_end_of_rule()? && !self.is_next("{")? {
            self.skip();
        }
        Ok(self.text_since(start))
    }

    /// Skips what has no part in decisions: counters, quotas, flow tables.
    pub(super) fn block(&mut self) -> Result<(), Unreadable> {
        while !self.takes("{")? {
            self.next("{")?;
        }
        let mut depth = 1_usize;
        while depth > 0 {
            let token = self.next("}")?;
            match (token.kind, token.text) {
                (Kind::Mark, "{") => depth += 1,
                (Kind::Mark, "}") => depth -= 1,
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn named_set(&mut self, table: &mut Table) -> Result<(), Unreadable> {
        let name = self.word("the name of a set")?;
        self.open()?;
        let mut set = Set {
            known: true,
            ..Set::default()
        };
        let mut dynamic = false;
        loop {
            self.skip_lines()?;
            if self.takes("}")? {
                break;
            }
            let word = self.word("a property of a set")?;
            if word == "elements" {
                if !self.takes("=")? {
                    return Err(self.expected("="));
                }
                let kinds = lower::kinds_of_type(&set.kind);
                let elements = Arc::make_mut(&mut set.elements);
                self.members(&mut |parser, member| {
                    elements.push(lower::element(member, &kinds));
                    parser.forget();
                })?;
                continue;
            }
            let text = self.rest_of_line()?;
            match word {
                "type" | "typeof" => set.kind = text,
                "flags" => dynamic = text.contains("dynamic"),
                // What each element asks besides.
                "limit" | "quota" | "ct" => set.varies = true,
                _ => {}
            }
        }
        set.varies |= set.kind.is_empty();
        // It is filled while packets pass, so that it is empty at times only.
        set.known = !(dynamic && set.elements.is_empty());
        table.sets.insert(name.to_owned(), set);
        Ok(())
    }

    /// Reads a chain; says whether it agrees with what was read of it before.
    fn chain(&mut self, table: &mut Table) -> Result<bool, Unreadable> {
        let name = self.word("the name of a chain")?;
        self.open()?;
        let family = table.family;
        let chain = table.chain(name);
        let before = std::mem::take(&mut chain.rules);
        let twice = chain.shown == Shown::Exactly && !before.is_empty();
        chain.shown = Shown::Exactly;
        self.chain_body(chain, family)?;
        // One listing behind the other, or a file that adds to what it has.
        Ok(!twice || rules_are_alike(&before, &chain.rules))
    }

    pub(super) fn chain_body(
        &mut self,
        chain: &mut Chain,
        family: Family,
    ) -> Result<(), Unreadable> {
        loop {
            self.skip_lines()?;
            self.forget();
            if self.takes("}")? {
                return Ok(());
            }
            let next = self.sure("}")?;
            match next.text {
                "type" if next.kind == Kind::Word => chain.base = Some(self.base(family)?),
                "policy" if next.kind == Kind::Word => {
                    self.skip();
                    let policy = policy(self.word("a policy")?);
                    if let Some(base) = &mut chain.base {
                        base.policy = policy;
                    }
                }
                "comment" if next.kind == Kind::Word => {
                    self.skip();
                    self.word("a comment")?;
                }
                _ => {
                    let start = self.position();
                    let clauses = self.rule()?;
                    let text = self.text_since(start);
                    let whole = self.is_whole(start);
                    let handle = self.handle()?;
                    let recipe = if whole {
                        Recipe::Same
                    } else {
                        Recipe::Incomplete
                    };
                    lower::push(chain, family, handle, text, recipe, &clauses);
                }
            }
        }
    }

    /// Whether nft shows all of the rule that begins at `start`, so that it can be made again.
    pub(super) fn is_whole(&self, start: usize) -> bool {
        let mut before: Option<&Token<'_>> = None;
        for token in self.since(start) {
            let hides = match before.map(|before| before.text) {
                Some("xt") => matches!(token.text, "match" | "target"),
                Some("jump" | "goto") => token.text == "{",
                Some(_) | None => false,
            };
            if hides || token.kind == Kind::Hidden {
                return false;
            }
            before = Some(token);
        }
        true
    }

    pub(super) fn handle(&mut self) -> Result<Option<u64>, Unreadable> {
        let Some(token) = self.peek()?.filter(|token| token.kind == Kind::Handle) else {
            return Ok(None);
        };
        let handle = token.text.parse().ok();
        self.skip();
        Ok(handle)
    }

    /// `type filter hook input priority filter; policy drop;`
    fn base(&mut self, family: Family) -> Result<Base, Unreadable> {
        let start = self.position();
        self.skip();
        let kind = self.word("the type of a chain")?;
        let mut base = Base {
            hook: Hook::Input,
            kind: chain_kind(kind),
            priority: 0,
            policy: Policy::Accept,
            devices: Vec::new(),
            unread: None,
        };
        let mut understood = matches!(kind, "filter" | "nat" | "route");
        while !self.at_end_of_rule()? {
            match self.sure("a hook")?.text {
                "hook" => {
                    self.skip();
                    let hook = Hook::named(self.word("a hook")?);
                    understood &= hook.is_some();
                    base.hook = hook.unwrap_or(base.hook);
                }
                "device" => {
                    self.skip();
                    base.devices.push(self.word("a device")?.to_owned());
                }
                "devices" => {
                    self.skip();
                    if !self.takes("=")? || !self.takes("{")? {
                        return Err(self.expected("= {"));
                    }
                    loop {
                        self.skip_ends()?;
                        if self.takes("}")? {
                            break;
                        }
                        if !self.takes(",")? {
                            base.devices.push(self.word("a device")?.to_owned());
                        }
                    }
                }
                "priority" => {
                    self.skip();
                    let text = self.rest_of_line()?;
                    let known = priority(&text, family, base.hook);
                    understood &= known.is_some();
                    base.priority = known.unwrap_or(0);
                }
                _ => {
                    understood = false;
                    self.skip();
                }
            }
        }
        if !understood {
            base.unread = Some(self.text_since(start));
        }
        Ok(base)
    }
}

/// Doubts the chains of which it is not understood where they are called, in either form.
pub(in crate::rules) fn note_unhooked(ruleset: &mut Ruleset) {
    let chains = ruleset.tables.iter().flat_map(|table| &table.chains);
    let bases = chains.filter_map(|chain| chain.base.as_ref());
    let unread = bases.filter_map(|base| base.unread.as_ref());
    let is_hook = |words: &&String| {
        let all = words.split(|letter: char| !letter.is_alphanumeric());
        let mut words = all
            .filter(|word| !word.is_empty())
            .skip_while(|word| *word != "hook");
        words.nth(1).is_some_and(|name| Hook::named(name).is_some())
    };
    let strange: Vec<Caveat> = unread
        .filter(|words| !is_hook(words))
        .map(|words| Caveat::NotUnderstood(words.clone()))
        .collect();
    ruleset.caveats.extend(strange);
}

/// Whether two readings of a chain do the same.
fn rules_are_alike(one: &[Rule], other: &[Rule]) -> bool {
    let mut pairs = one.iter().zip(other);
    one.len() == other.len() && pairs.all(|(one, other)| one.statements == other.statements)
}

/// The policy of that name.
pub(super) fn policy(name: &str) -> Policy {
    match name {
        "accept" => Policy::Accept,
        "drop" => Policy::Drop,
        _ => Policy::Unknown,
    }
}

/// The type of a base chain of that name.
pub(super) fn chain_kind(name: &str) -> ChainKind {
    match name {
        "nat" => ChainKind::Nat,
        "route" => ChainKind::Route,
        _ => ChainKind::Filter,
    }
}

/// A priority: a number, a name, or a name with an offset. Names are those of nft(8).
fn priority(text: &str, family: Family, hook: Hook) -> Option<i32> {
    let compact: String = text.split_whitespace().collect();
    if let Ok(number) = compact.parse() {
        return Some(number);
    }
    let at = compact.find(['+', '-']).unwrap_or(compact.len());
    let (name, offset) = compact.split_at(at);
    let offset: i32 = if offset.is_empty() {
        0
    } else {
        offset.parse().ok()?
    };
    let base: i32 = match (name, family) {
        ("filter", Family::Bridge) => -200,
        ("dstnat", Family::Bridge) => -300,
        ("srcnat", Family::Bridge) => 300,
        ("raw", _) => -300,
        ("mangle", _) => -150,
        ("dstnat", _) => -100,
        ("filter", _) => 0,
        ("security", _) => 50,
        ("srcnat", _) => 100,
        ("out", Family::Bridge) if hook == Hook::Output => 100,
        (_, _) => return None,
    };
    base.checked_add(offset)
}
