//! `nft list ruleset`: tables, chains and sets as text.

use super::lexer::{Kind, Token, tokens};
use super::lower;
use super::syntax::Expression;
use crate::rules::ruleset::{
    Base, Chain, Family, Hook, Kind as ChainKind, Origin, Policy, Recipe, Ruleset, Set, Shown,
    Table,
};
use crate::rules::unreadable::{Fault, Unreadable};

/// Deepest nesting of expressions.
pub(super) const DEEPEST: usize = 64;

/// Reads one table, which begins in the first of `lines`; says how many lines it took.
pub(in crate::rules) fn read(
    lines: &[(usize, String)],
    ruleset: &mut Ruleset,
) -> Result<usize, Unreadable> {
    let mut all = Vec::new();
    let mut depth = 0_usize;
    let mut taken = 0;
    for (line, text) in lines {
        let found = tokens(text, *line)?;
        for token in found.iter().filter(|token| token.kind == Kind::Mark) {
            match token.text.as_str() {
                "{" => depth += 1,
                "}" => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        all.extend(found);
        taken += 1;
        if depth == 0 {
            break;
        }
    }
    let mut parser = Parser {
        tokens: all,
        next: 0,
        depth: 0,
        fields: false,
    };
    parser.table(ruleset)?;
    Ok(taken)
}

/// The tokens of a table, read one after the other.
#[derive(Debug)]
pub(super) struct Parser {
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
    /// Whether fields may stand where values do.
    fields: bool,
}

impl Parser {
    pub(super) const fn takes_fields(&self) -> bool {
        self.fields
    }

    /// What is set to: a value, a field, or made of both.
    pub(super) fn new_value(&mut self) -> Result<Expression, Unreadable> {
        self.fields = true;
        let read = self.right();
        self.fields = false;
        read
    }

    pub(super) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    pub(super) fn skip(&mut self) {
        self.next += 1;
    }

    pub(super) const fn position(&self) -> usize {
        self.next
    }

    pub(super) const fn back_to(&mut self, position: usize) {
        self.next = position;
    }

    pub(super) fn deeper(&mut self) -> Result<(), Unreadable> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.too_deep());
        }
        Ok(())
    }

    pub(super) fn too_deep(&self) -> Unreadable {
        let (line, column, _) = self.end();
        Unreadable::at(line, column, Fault::Depth)
    }

    pub(super) const fn shallower(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Where the input ends.
    pub(super) fn end(&self) -> (usize, usize, String) {
        let last = self.tokens.last();
        last.map_or((1, 1, String::new()), |token| {
            (token.line, token.column, "the end".to_owned())
        })
    }

    /// Takes a mark or word when it comes next.
    pub(super) fn takes(&mut self, text: &str) -> bool {
        let next = self.peek();
        let taken = next.is_some_and(|token| {
            token.text == text && matches!(token.kind, Kind::Mark | Kind::Word)
        });
        self.next += usize::from(taken);
        taken
    }

    pub(super) fn word(&mut self, expected: &'static str) -> Result<String, Unreadable> {
        match self.peek() {
            Some(token) if matches!(token.kind, Kind::Word | Kind::Quoted) => {
                let text = token.text.clone();
                self.next += 1;
                Ok(text)
            }
            Some(_) | None => Err(self.expected(expected)),
        }
    }

    pub(super) fn skip_lines(&mut self) {
        while self.peek().is_some_and(|token| {
            matches!(token.kind, Kind::Newline | Kind::Handle) || token.text == ";"
        }) {
            self.next += 1;
        }
    }

    /// The tokens since `start`, as they can be read again.
    pub(super) fn text_since(&self, start: usize) -> String {
        let mut text = String::new();
        for token in self.tokens.get(start..self.next).unwrap_or_default() {
            let written = match token.kind {
                Kind::Quoted => format!("\"{}\"", token.text),
                Kind::Newline | Kind::Handle => continue,
                Kind::Word | Kind::Mark => token.text.clone(),
            };
            let tight = token.text == "," || token.text == ";";
            if !text.is_empty() && !tight {
                text.push(' ');
            }
            text.push_str(&written);
        }
        text
    }

    /// Whether a rule ends here.
    pub(super) fn at_end_of_rule(&self) -> bool {
        self.peek().is_none_or(|token| {
            matches!(token.kind, Kind::Newline | Kind::Handle)
                || (token.kind == Kind::Mark && matches!(token.text.as_str(), ";" | "}"))
        })
    }

    fn open(&mut self) -> Result<(), Unreadable> {
        if self.takes("{") {
            Ok(())
        } else {
            Err(self.expected("{"))
        }
    }

    fn table(&mut self, ruleset: &mut Ruleset) -> Result<(), Unreadable> {
        self.skip();
        let first = self.word("a family")?;
        let (family, name) = match Family::named(&first) {
            Some(family) => (family, self.word("the name of a table")?),
            None => (Family::Ip, first),
        };
        self.open()?;
        let existing = ruleset.tables.iter().position(|table| {
            table.origin == Origin::Nft && table.family == family && table.name == name
        });
        let mut table = match existing {
            Some(index) => ruleset.tables.remove(index),
            None => Table::new(family, &name, Origin::Nft),
        };
        loop {
            self.skip_lines();
            if self.takes("}") {
                break;
            }
            let kind = self.word("a chain, a set or a map")?;
            match kind.as_str() {
                "chain" => self.chain(&mut table)?,
                "set" | "map" => self.named_set(&mut table)?,
                "comment" | "flags" => {
                    let start = self.position();
                    while !self.at_end_of_rule() {
                        self.skip();
                    }
                    table.dormant |= kind == "flags" && self.text_since(start).contains("dormant");
                }
                _ => self.block()?,
            }
        }
        lower::finish(&mut table);
        ruleset.tables.push(table);
        Ok(())
    }

    /// Skips what has no part in decisions: counters, quotas, flow tables.
    fn block(&mut self) -> Result<(), Unreadable> {
        while !self.takes("{") {
            if self.peek().is_none() {
                return Err(self.expected("{"));
            }
            self.skip();
        }
        let mut depth = 1_usize;
        while depth > 0 {
            match self.peek() {
                None => return Err(self.expected("}")),
                Some(token) if token.kind == Kind::Mark && token.text == "{" => depth += 1,
                Some(token) if token.kind == Kind::Mark && token.text == "}" => depth -= 1,
                Some(_) => {}
            }
            self.skip();
        }
        Ok(())
    }

    fn named_set(&mut self, table: &mut Table) -> Result<(), Unreadable> {
        let name = self.word("the name of a set")?;
        self.open()?;
        let mut set = Set {
            known: true,
            ..Set::default()
        };
        let mut members = None;
        loop {
            self.skip_lines();
            if self.takes("}") {
                break;
            }
            let word = self.word("a property of a set")?;
            if word == "elements" {
                if !self.takes("=") {
                    return Err(self.expected("="));
                }
                if self.peek().is_none_or(|token| token.text != "{") {
                    return Err(self.expected("{"));
                }
                members = Some(self.set()?);
                continue;
            }
            let start = self.position();
            while !self.at_end_of_rule() {
                self.skip();
            }
            if matches!(word.as_str(), "type" | "typeof") {
                set.kind = self.text_since(start);
            }
        }
        if let Some(Expression::Set(members)) = members {
            set.elements = lower::elements(&members, &lower::kinds_of_type(&set.kind));
        }
        table.sets.insert(name, set);
        Ok(())
    }

    fn chain(&mut self, table: &mut Table) -> Result<(), Unreadable> {
        let name = self.word("the name of a chain")?;
        self.open()?;
        let family = table.family;
        let chain = table.chain(&name);
        chain.shown = Shown::Exactly;
        chain.rules.clear();
        self.chain_body(chain, family)
    }

    fn chain_body(&mut self, chain: &mut Chain, family: Family) -> Result<(), Unreadable> {
        loop {
            self.skip_lines();
            if self.takes("}") {
                return Ok(());
            }
            let next = self
                .peek()
                .map(|token| token.text.clone())
                .unwrap_or_default();
            match next.as_str() {
                "type" => chain.base = Some(self.base(family)?),
                "policy" => {
                    self.skip();
                    let policy = policy(&self.word("a policy")?);
                    if let Some(base) = &mut chain.base {
                        base.policy = policy;
                    }
                }
                "comment" => {
                    self.skip();
                    self.word("a comment")?;
                }
                _ => {
                    let start = self.position();
                    let clauses = self.rule()?;
                    let text = self.text_since(start);
                    let handle = self.handle();
                    let foreign = text.contains("xt match")
                        || text.contains("xt target")
                        || text.contains("jump {");
                    let recipe = if foreign {
                        Recipe::Incomplete
                    } else {
                        Recipe::Nft(text.clone())
                    };
                    lower::push(chain, family, handle, text, recipe, &clauses);
                }
            }
        }
    }

    fn handle(&mut self) -> Option<u64> {
        let token = self.peek().filter(|token| token.kind == Kind::Handle)?;
        let handle = token.text.parse().ok();
        self.next += 1;
        handle
    }

    /// `type filter hook input priority filter; policy drop;`
    fn base(&mut self, family: Family) -> Result<Base, Unreadable> {
        self.skip();
        let kind = self.word("the type of a chain")?;
        let mut base = Base {
            hook: Hook::Input,
            kind: chain_kind(&kind),
            priority: 0,
            policy: Policy::Accept,
            devices: Vec::new(),
        };
        while !self.at_end_of_rule() {
            let word = self
                .peek()
                .map(|token| token.text.clone())
                .unwrap_or_default();
            self.skip();
            match word.as_str() {
                "hook" => {
                    let name = self.word("a hook")?;
                    base.hook = Hook::named(&name).ok_or_else(|| self.expected("a hook"))?;
                }
                "device" => base.devices.push(self.word("a device")?),
                "devices" => {
                    while !self.at_end_of_rule() && !self.takes("}") {
                        if let Some(token) = self
                            .peek()
                            .filter(|token| matches!(token.kind, Kind::Word | Kind::Quoted))
                        {
                            base.devices.push(token.text.clone());
                        }
                        self.skip();
                    }
                }
                "priority" => {
                    let start = self.position();
                    while !self.at_end_of_rule() {
                        self.skip();
                    }
                    let text = self.text_since(start);
                    base.priority = priority(&text, family, base.hook).ok_or_else(|| {
                        self.back_to(start);
                        self.expected("a priority")
                    })?;
                }
                _ => {}
            }
        }
        Ok(base)
    }
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
