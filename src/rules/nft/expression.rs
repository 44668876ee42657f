//! Expressions of an nft listing.

use super::lexer::Kind;
use super::parser::Parser;
use super::syntax::{Expression, Member, Relation};
use crate::rules::ruleset::Verdict;
use crate::rules::unreadable::Unreadable;

impl Parser<'_> {
    /// A value, or a field where one can stand: words such as `tcp` are both.
    pub(super) fn operand(&mut self) -> Result<Expression, Unreadable> {
        let sure = self
            .peek_word()?
            .is_some_and(|word| ["meta", "ct", "mark"].contains(&word));
        let field = if sure || self.fields {
            self.field()?
        } else {
            None
        };
        match field {
            Some(field) => Ok(field),
            None => self.value(),
        }
    }

    /// What is set to: a value, a field, or made of both.
    pub(super) fn new_value(&mut self) -> Result<Expression, Unreadable> {
        self.fields = true;
        let read = self.right();
        self.fields = false;
        read
    }

    /// How the sides of a match relate, nothing being written most of the time.
    pub(super) fn relation(&mut self) -> Result<Relation, Unreadable> {
        let next = self.peek()?;
        let relation = match next.map(|token| (token.kind, token.text)) {
            Some((Kind::Mark, "==") | (Kind::Word, "eq")) => Relation::Equal,
            Some((Kind::Mark, "!=") | (Kind::Word, "ne")) => Relation::NotEqual,
            Some((Kind::Mark, "!") | (Kind::Word, "not")) => Relation::None,
            Some((Kind::Mark, "<") | (Kind::Word, "lt")) => Relation::Less,
            Some((Kind::Mark, "<=") | (Kind::Word, "le")) => Relation::AtMost,
            Some((Kind::Mark, ">") | (Kind::Word, "gt")) => Relation::Greater,
            Some((Kind::Mark, ">=") | (Kind::Word, "ge")) => Relation::AtLeast,
            Some(_) | None => return Ok(Relation::Implicit),
        };
        self.skip();
        Ok(relation)
    }

    /// The right side of a match.
    pub(super) fn right(&mut self) -> Result<Expression, Unreadable> {
        let first = self.concatenation()?;
        let first = self.operations(first)?;
        let mut all = vec![first];
        while self.takes(",")? {
            let next = self.concatenation()?;
            all.push(self.operations(next)?);
        }
        Ok(single(all, Expression::List))
    }

    /// Values joined by dots.
    fn concatenation(&mut self) -> Result<Expression, Unreadable> {
        let mut all = vec![self.operand()?];
        while self.takes(".")? {
            all.push(self.operand()?);
        }
        let first = single(all, Expression::Concat);
        if self.takes("map")? {
            let data = self.value()?;
            return Ok(Expression::Map(Box::new(first), Box::new(data)));
        }
        Ok(first)
    }

    /// One value: a word, a range, a set, a reference.
    pub(super) fn value(&mut self) -> Result<Expression, Unreadable> {
        let token = self.sure("a value")?;
        match (token.kind, token.text) {
            (Kind::Mark, "{") => self.set(),
            (Kind::Mark, "(") => {
                self.skip();
                self.deeper()?;
                let inner = self.operand()?;
                let inner = self.operations(inner)?;
                self.shallower();
                if self.takes(")")? {
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
            (Kind::Word, text) => {
                self.skip();
                Ok(word(text))
            }
            (Kind::Quoted, text) => {
                self.skip();
                let low = Expression::Quoted(text.to_owned());
                if !self.takes("-")? {
                    return Ok(low);
                }
                let high = Expression::Quoted(self.word("the end of a range")?.to_owned());
                Ok(Expression::Range(Box::new(low), Box::new(high)))
            }
            (Kind::Mark | Kind::Newline | Kind::Handle | Kind::Hidden, _) => {
                Err(self.expected("a value"))
            }
        }
    }

    /// `{ a, b : verdict, … }`
    fn set(&mut self) -> Result<Expression, Unreadable> {
        let mut members = Vec::new();
        self.deeper()?;
        self.members(&mut |_, member| members.push(member))?;
        self.shallower();
        Ok(Expression::Set(members))
    }

    /// The members of a set, each handed to `take` as it is read.
    pub(super) fn members(
        &mut self,
        take: &mut dyn FnMut(&mut Self, Member),
    ) -> Result<(), Unreadable> {
        if !self.takes("{")? {
            return Err(self.expected("{"));
        }
        loop {
            self.skip_lines()?;
            if self.takes("}")? {
                return Ok(());
            }
            let start = self.position();
            let key = self.concatenation()?;
            let key = self.operations(key)?;
            let mut member = Member {
                key,
                verdict: None,
                data: None,
                text: self.text_since(start),
                limited: false,
            };
            self.member_rest(&mut member)?;
            // A variable may stand for several.
            if let Expression::Set(inner) = member.key {
                for one in inner {
                    let verdict = member.verdict.clone();
                    let data = member.data.clone();
                    let limited = member.limited;
                    take(
                        self,
                        Member {
                            verdict,
                            data,
                            limited,
                            ..one
                        },
                    );
                }
            } else {
                take(self, member);
            }
            self.skip_lines()?;
            if !self.takes(",")? {
                self.skip_lines()?;
                if self.takes("}")? {
                    return Ok(());
                }
                return Err(self.expected("a comma or the end of a set"));
            }
        }
    }

    /// What is said of a member: timeouts, counters, comments, and what a map gives for it.
    fn member_rest(&mut self, member: &mut Member) -> Result<(), Unreadable> {
        loop {
            self.skip_lines()?;
            let token = self.sure("the end of a set")?;
            match (token.kind, token.text) {
                (Kind::Mark, "," | "}") => return Ok(()),
                (Kind::Word, ":") => {
                    self.skip();
                    let start = self.position();
                    member.verdict = self.verdict()?;
                    if member.verdict.is_none() {
                        member.data = Some(self.concatenation()?);
                    }
                    member.text.push_str(" : ");
                    member.text.push_str(&self.text_since(start));
                }
                (Kind::Word, "timeout") => {
                    self.skip();
                    member.text.push_str(" timeout ");
                    let time = self.word("a time")?;
                    member.text.push_str(time);
                }
                (Kind::Word, "expires" | "comment") => {
                    self.skip();
                    self.word("what is said of a member")?;
                }
                (Kind::Word, "counter") => self.options(&["packets", "bytes"])?,
                // A limit of its own.
                (Kind::Word, "limit" | "quota" | "ct" | "last") => {
                    member.limited = true;
                    self.skip();
                }
                _ if member.limited => self.skip(),
                // What nobody has heard of may be another member.
                (_, text) => {
                    member.key = Expression::Other(text.to_owned());
                    self.skip();
                }
            }
        }
    }

    /// A verdict, when one begins here.
    pub(super) fn verdict(&mut self) -> Result<Option<Verdict>, Unreadable> {
        let verdict = match self.peek_word()? {
            Some("accept") => Verdict::Accept,
            Some("drop") => Verdict::Drop,
            Some("return") => Verdict::Return,
            Some("continue") => Verdict::Continue,
            Some(leads @ ("jump" | "goto")) => {
                self.skip();
                let chain = self.word("a chain")?.to_owned();
                return Ok(Some(if leads == "goto" {
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
}

/// The only one, or all of them together.
pub(super) fn single(
    mut all: Vec<Expression>,
    many: fn(Vec<Expression>) -> Expression,
) -> Expression {
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
