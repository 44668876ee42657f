//! Expressions of an nft listing.

use super::lexer::{Kind, Token};
use super::syntax::{Expression, Member, Relation};
use super::text::{DEEPEST, Parser};
use crate::rules::ruleset::Verdict;
use crate::rules::unreadable::{Fault, Unreadable};

/// Words that name something of the packet together with the word after them.
const PAIRS: [&str; 18] = [
    "ip", "ip6", "tcp", "udp", "udplite", "th", "sctp", "dccp", "icmp", "icmpv6", "igmp", "ether",
    "vlan", "arp", "rt", "frag", "comp", "ah",
];

/// Fields of TCP options.
const OPTION_PARTS: [&str; 8] = [
    "kind", "length", "size", "count", "left", "right", "tsval", "tsecr",
];

/// Words that `meta` may be left out before.
const BARE: [&str; 22] = [
    "iif",
    "oif",
    "iifname",
    "oifname",
    "iiftype",
    "oiftype",
    "iifgroup",
    "oifgroup",
    "mark",
    "skuid",
    "skgid",
    "nftrace",
    "rtclassid",
    "pkttype",
    "cpu",
    "cgroup",
    "l4proto",
    "protocol",
    "nfproto",
    "length",
    "ibrname",
    "obrname",
];

impl Parser {
    /// The left side of a statement; `None` when no field begins here.
    pub(super) fn left(&mut self) -> Result<Option<Expression>, Unreadable> {
        let Some(first) = self.field()? else {
            return Ok(None);
        };
        let first = self.operations(first)?;
        let mut all = vec![first];
        while self.takes(".") {
            match self.field()? {
                Some(next) => all.push(self.operations(next)?),
                None => return Err(self.expected("a field")),
            }
        }
        Ok(Some(single(all, Expression::Concat)))
    }

    /// A field by the words that name it.
    fn field(&mut self) -> Result<Option<Expression>, Unreadable> {
        let word = match self.peek() {
            Some(token) if token.kind == Kind::Word => token.text.clone(),
            Some(_) | None => return Ok(None),
        };
        if BARE.contains(&word.as_str()) {
            self.skip();
            return Ok(Some(Expression::Field(format!("meta {word}"))));
        }
        let mut name = word.clone();
        match word.as_str() {
            "meta" => self.append(&mut name)?,
            "ct" => {
                self.append(&mut name)?;
                if name.ends_with(" original") || name.ends_with(" reply") {
                    self.append(&mut name)?;
                    if name.ends_with(" ip") || name.ends_with(" ip6") {
                        self.append(&mut name)?;
                    }
                }
                return Ok(Some(Expression::Field(name)));
            }
            "fib" => {
                self.append(&mut name)?;
                while self.takes(".") {
                    name.push_str(" .");
                    self.append_next(&mut name)?;
                }
                self.append_next(&mut name)?;
                return Ok(Some(Expression::Field(name)));
            }
            _ if PAIRS.contains(&word.as_str()) => {
                self.append(&mut name)?;
                if name == "tcp option" {
                    // `tcp option maxseg size`, `tcp option 8 exists`: what follows is a value then.
                    self.append_next(&mut name)?;
                    let is_part = |token: &Token| OPTION_PARTS.contains(&token.text.as_str());
                    if self.peek().is_some_and(is_part) {
                        self.append_next(&mut name)?;
                    }
                }
                return Ok(Some(Expression::Field(name)));
            }
            _ => return Ok(None),
        }
        Ok(Some(Expression::Field(name)))
    }

    /// Skips the current word and appends the next one.
    fn append(&mut self, name: &mut String) -> Result<(), Unreadable> {
        self.skip();
        self.append_next(name)
    }

    fn append_next(&mut self, name: &mut String) -> Result<(), Unreadable> {
        let next = self.word("a word of a field")?;
        name.push(' ');
        name.push_str(&next);
        Ok(())
    }

    /// `& mask`, `| bits`, `^ bits` behind an expression.
    fn operations(&mut self, mut left: Expression) -> Result<Expression, Unreadable> {
        for _ in 0..DEEPEST {
            let mark = self
                .peek()
                .filter(|token| matches!(token.kind, Kind::Mark | Kind::Word));
            let mark = mark.map(|token| token.text.clone()).unwrap_or_default();
            left = match mark.as_str() {
                "&" | "and" => {
                    self.skip();
                    Expression::And(Box::new(left), Box::new(self.operand()?))
                }
                "|" | "or" => {
                    self.skip();
                    let mut all = if let Expression::List(all) = left {
                        all
                    } else {
                        vec![left]
                    };
                    all.push(self.operand()?);
                    Expression::List(all)
                }
                "^" | "xor" => {
                    self.skip();
                    Expression::Xor(Box::new(left), Box::new(self.operand()?))
                }
                _ => return Ok(left),
            };
        }
        Err(self.too_deep())
    }

    /// A value, or a field where one can stand: words such as `tcp` are both.
    fn operand(&mut self) -> Result<Expression, Unreadable> {
        let sure = self.peek().is_some_and(|token| {
            token.kind == Kind::Word && ["meta", "ct", "mark"].contains(&token.text.as_str())
        });
        let field = if sure || self.takes_fields() {
            self.field()?
        } else {
            None
        };
        match field {
            Some(field) => Ok(field),
            None => self.value(),
        }
    }

    /// How the sides of a match relate, nothing being written most of the time.
    pub(super) fn relation(&mut self) -> Relation {
        let text = self.peek().map(|token| (token.kind, token.text.clone()));
        let relation = match text.as_ref().map(|(kind, text)| (*kind, text.as_str())) {
            Some((Kind::Mark, "==")) | Some((Kind::Word, "eq")) => Relation::Equal,
            Some((Kind::Mark, "!=")) | Some((Kind::Word, "ne")) => Relation::NotEqual,
            Some((Kind::Mark, "!")) => Relation::None,
            Some((Kind::Mark, "<")) | Some((Kind::Word, "lt")) => Relation::Less,
            Some((Kind::Mark, "<=")) | Some((Kind::Word, "le")) => Relation::AtMost,
            Some((Kind::Mark, ">")) | Some((Kind::Word, "gt")) => Relation::Greater,
            Some((Kind::Mark, ">=")) | Some((Kind::Word, "ge")) => Relation::AtLeast,
            Some(_) | None => return Relation::Implicit,
        };
        self.skip();
        relation
    }

    /// The right side of a match.
    pub(super) fn right(&mut self) -> Result<Expression, Unreadable> {
        let first = self.concatenation()?;
        let first = self.operations(first)?;
        let mut all = vec![first];
        while self.takes(",") {
            let next = self.concatenation()?;
            all.push(self.operations(next)?);
        }
        Ok(single(all, Expression::List))
    }

    /// Values joined by dots.
    fn concatenation(&mut self) -> Result<Expression, Unreadable> {
        let mut all = vec![self.operand()?];
        while self.takes(".") {
            all.push(self.operand()?);
        }
        let first = single(all, Expression::Concat);
        if self.takes("map") {
            let data = self.value()?;
            return Ok(Expression::Map(Box::new(first), Box::new(data)));
        }
        Ok(first)
    }

    /// One value: a word, a range, a set, a reference.
    pub(super) fn value(&mut self) -> Result<Expression, Unreadable> {
        let Some(token) = self.peek().cloned() else {
            return Err(self.expected("a value"));
        };
        match (token.kind, token.text.as_str()) {
            (Kind::Mark, "{") => self.set(),
            (Kind::Mark, "(") => {
                self.skip();
                self.deeper()?;
                let inner = self.operand()?;
                let inner = self.operations(inner)?;
                self.shallower();
                if self.takes(")") {
                    Ok(inner)
                } else {
                    Err(self.expected(")"))
                }
            }
            (Kind::Word, text) if text.len() > 1 && text.starts_with('@') => {
                self.skip();
                Ok(Expression::Reference(
                    text.trim_start_matches('@').to_owned(),
                ))
            }
            (Kind::Word, _) => {
                self.skip();
                Ok(word(&token.text))
            }
            (Kind::Quoted, _) => {
                self.skip();
                let low = Expression::Quoted(token.text);
                if self.takes("-")
                    && let Some(Token {
                        kind: Kind::Quoted,
                        text,
                        ..
                    }) = self.peek().cloned()
                {
                    self.skip();
                    return Ok(Expression::Range(
                        Box::new(low),
                        Box::new(Expression::Quoted(text)),
                    ));
                }
                Ok(low)
            }
            (Kind::Mark | Kind::Newline | Kind::Handle, _) => Err(self.expected("a value")),
        }
    }

    /// `{ a, b : verdict, … }`
    pub(super) fn set(&mut self) -> Result<Expression, Unreadable> {
        self.skip();
        self.deeper()?;
        let mut members = Vec::new();
        loop {
            self.skip_lines();
            if self.takes("}") {
                break;
            }
            let start = self.position();
            let key = self.concatenation()?;
            self.skip_lines();
            let mut text = self.text_since(start);
            let verdict = self.member_rest(&mut text)?;
            members.push(Member { key, verdict, text });
            self.skip_lines();
            if !self.takes(",") {
                self.skip_lines();
                if self.takes("}") {
                    break;
                }
                return Err(self.expected("a comma or the end of a set"));
            }
        }
        self.shallower();
        Ok(Expression::Set(members))
    }

    /// What is said of a member: timeouts, counters, comments, and what a map gives for it.
    fn member_rest(&mut self, text: &mut String) -> Result<Option<Verdict>, Unreadable> {
        let mut verdict = None;
        loop {
            self.skip_lines();
            let Some(token) = self.peek().cloned() else {
                return Err(self.expected("the end of a set"));
            };
            match (token.kind, token.text.as_str()) {
                (Kind::Mark, "," | "}") => return Ok(verdict),
                (Kind::Word, ":") => {
                    self.skip();
                    let start = self.position();
                    verdict = self.verdict()?;
                    if verdict.is_none() {
                        self.concatenation()?;
                    }
                    text.push_str(" : ");
                    text.push_str(&self.text_since(start));
                }
                (Kind::Word, "timeout") => {
                    self.skip();
                    text.push_str(" timeout ");
                    text.push_str(&self.word("a time")?);
                }
                _ => self.skip(),
            }
        }
    }

    /// A verdict, when one begins here.
    pub(super) fn verdict(&mut self) -> Result<Option<Verdict>, Unreadable> {
        let text = self
            .peek()
            .filter(|token| token.kind == Kind::Word)
            .map(|token| token.text.clone());
        let verdict = match text.as_deref() {
            Some("accept") => Verdict::Accept,
            Some("drop") => Verdict::Drop,
            Some("return") => Verdict::Return,
            Some("continue") => Verdict::Continue,
            Some("jump") | Some("goto") => {
                let goes = text.as_deref() == Some("goto");
                self.skip();
                let chain = self.word("a chain")?;
                return Ok(Some(if goes {
                    Verdict::Goto(chain)
                } else {
                    Verdict::Jump(chain)
                }));
            }
            Some(_) | None => return Ok(None),
        };
        self.skip();
        Ok(Some(verdict))
    }

    pub(super) fn expected(&self, expected: &'static str) -> Unreadable {
        let (line, column, found) = match self.peek() {
            Some(token) => (token.line, token.column, token.text.clone()),
            None => self.end(),
        };
        Unreadable::at(line, column, Fault::Expected { expected, found })
    }
}

/// The only one, or all of them together.
fn single(mut all: Vec<Expression>, many: fn(Vec<Expression>) -> Expression) -> Expression {
    if all.len() == 1 {
        all.pop().unwrap_or_else(|| many(Vec::new()))
    } else {
        many(all)
    }
}

/// A word as a value: a prefix, a range, or what it says.
pub(super) fn word(text: &str) -> Expression {
    let plain = |text: &str| Expression::Word(text.to_owned());
    if let Some((address, length)) = text.split_once('/')
        && let Ok(length) = length.parse()
    {
        return Expression::Prefix(Box::new(plain(address)), length);
    }
    if let Some((low, high)) = text.split_once('-')
        && is_bound(low)
        && is_bound(high)
    {
        return Expression::Range(Box::new(plain(low)), Box::new(plain(high)));
    }
    plain(text)
}

/// Whether a word can be a bound of a range: a name may hold a hyphen of its own.
fn is_bound(text: &str) -> bool {
    text.parse::<std::net::IpAddr>().is_ok() || crate::rules::names::number(text).is_some()
}
