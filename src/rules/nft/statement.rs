//! Statements of a rule in an nft listing, by the grammar of nft (`parser_bison.y`).
//!
//! Each form takes just the words that it is made of. What is left, and what is of no known form,
//! is told as unknown, and a verdict map is looked up in whatever stands before it.

use super::field::begins_field;
use super::lexer::Kind;
use super::lower;
use super::parser::Parser;
use super::syntax::{Clause, Expression, Relation};
use super::target;
use crate::rules::unreadable::{Fault, Unreadable};

/// Words that begin a statement, where the words before are not understood.
const STARTS: [&str; 24] = [
    "accept",
    "drop",
    "return",
    "continue",
    "jump",
    "goto",
    "reject",
    "counter",
    "queue",
    "log",
    "limit",
    "quota",
    "snat",
    "dnat",
    "masquerade",
    "redirect",
    "tproxy",
    "synproxy",
    "notrack",
    "comment",
    "add",
    "update",
    "delete",
    "fwd",
];

impl Parser<'_> {
    /// The statements up to the end of the rule.
    pub(super) fn rule(&mut self) -> Result<Vec<Clause>, Unreadable> {
        let mut clauses = Vec::new();
        while !self.at_end_of_rule()? {
            let before = self.position();
            let known = clauses.len();
            match self.statement(&mut clauses) {
                Ok(()) => {}
                Err(fault) if matches!(fault.fault, Fault::Expected { .. }) => {
                    clauses.truncate(known);
                    self.back_to(before);
                    self.untold(&mut clauses)?;
                }
                Err(fault) => return Err(fault),
            }
            if self.position() == before {
                return Err(self.expected("a statement"));
            }
        }
        Ok(clauses)
    }

    fn statement(&mut self, clauses: &mut Vec<Clause>) -> Result<(), Unreadable> {
        let token = self.sure("a statement")?;
        if token.kind == Kind::Hidden {
            self.skip();
            // Extensions that match are written small.
            let matches = !token.text.starts_with(|c: char| c.is_ascii_uppercase());
            clauses.extend(target::extension(matches, token.text));
            return Ok(());
        }
        if token.kind == Kind::Mark && token.text == "(" {
            return self.comparison(clauses);
        }
        if token.kind != Kind::Word {
            return self.untold(clauses);
        }
        match token.text {
            "jump" | "goto" => self.leading(clauses)?,
            "accept" | "drop" | "return" | "continue" => {
                clauses.extend(self.verdict()?.map(Clause::Verdict));
            }
            "counter" => self.options(&["name", "packets", "bytes"])?,
            "last" => self.options(&["used"])?,
            "log" => self.log()?,
            "comment" => {
                self.skip();
                self.word("a comment")?;
            }
            "limit" | "quota" => self.rated(clauses)?,
            "reject" => clauses.push(self.reject()?),
            "notrack" => {
                self.skip();
                clauses.push(Clause::Untrack);
            }
            "snat" | "masquerade" => self.source(clauses)?,
            "redirect" => self.redirect(clauses)?,
            "dnat" => self.destination(clauses)?,
            "add" | "update" | "delete" => self.update(token.text == "delete", clauses)?,
            "set" => self.old_update(clauses)?,
            "meter" => self.untold(clauses)?,
            "flow" => {
                self.skip();
                self.word("add or offload")?;
                self.word("a flow table")?;
            }
            "dup" => self.duplicate(clauses)?,
            "reset" => self.reset()?,
            "xt" => self.extension(clauses)?,
            other => match handover(other) {
                Some(clause) => {
                    self.skip_rest()?;
                    clauses.push(clause);
                }
                None => self.comparison(clauses)?,
            },
        }
        Ok(())
    }

    /// `reset tcp option sack-perm`
    fn reset(&mut self) -> Result<(), Unreadable> {
        self.skip();
        match self.field()? {
            Some(_) => Ok(()),
            None => Err(self.expected("an option of TCP")),
        }
    }

    /// `xt match comment`: an extension of iptables, which nft cannot print.
    fn extension(&mut self, clauses: &mut Vec<Clause>) -> Result<(), Unreadable> {
        self.skip();
        let kind = self.word("match or target")?;
        let name = self.word("the name of an extension")?;
        clauses.extend(target::extension(kind == "match", name));
        Ok(())
    }

    /// `jump chain`; `jump { … }` is a chain without a name, which nft shows in place.
    fn leading(&mut self, clauses: &mut Vec<Clause>) -> Result<(), Unreadable> {
        let start = self.position();
        self.skip();
        if self.is_next("{")? {
            self.skip_block()?;
            clauses.push(Clause::Handover(
                "JUMP".to_owned(),
                "a chain without a name".to_owned(),
            ));
            return Ok(());
        }
        self.back_to(start);
        clauses.extend(self.verdict()?.map(Clause::Verdict));
        Ok(())
    }

    /// `field [relation] value`, `field vmap data`, `field set value`.
    fn comparison(&mut self, clauses: &mut Vec<Clause>) -> Result<(), Unreadable> {
        let start = self.position();
        let Some(left) = self.left()? else {
            self.back_to(start);
            return self.untold(clauses);
        };
        if self.takes("vmap")? {
            let data = self.value()?;
            clauses.push(Clause::Dispatch(left, data));
            return Ok(());
        }
        if self.takes("set")? {
            let value = self.new_value()?;
            clauses.push(Clause::Mangle(left, value));
            return Ok(());
        }
        if self.at_end_of_rule()? {
            self.back_to(start);
            return self.untold(clauses);
        }
        let relation = self.relation()?;
        let right = self.right()?;
        if self.takes("/")? {
            // `tcp flags syn / fin,syn,ack`: of these flags, just those.
            let mask = self.right()?;
            let masked = Expression::And(Box::new(left), Box::new(mask));
            let relation = if relation == Relation::Implicit {
                Relation::Equal
            } else {
                relation
            };
            clauses.push(Clause::Match(relation, masked, right));
            return Ok(());
        }
        clauses.push(Clause::Match(relation, left, right));
        Ok(())
    }

    /// Something that is not understood, up to the statement behind it.
    fn untold(&mut self, clauses: &mut Vec<Clause>) -> Result<(), Unreadable> {
        let start = self.position();
        let first = self.sure("a statement")?;
        let known = begins_field(first.text) && first.kind == Kind::Word || first.text == "(";
        let mut sets = false;
        loop {
            if self.is_next("{")? {
                self.skip_block()?;
            } else if self.is_next("vmap")? {
                let key = Expression::Other(self.text_since(start));
                self.skip();
                let data = self.value()?;
                clauses.push(Clause::Dispatch(key, data));
                return Ok(());
            } else {
                sets |= self.is_next("set")?;
                self.skip();
            }
            let ends = self
                .peek()?
                .is_none_or(|next| next.kind == Kind::Word && STARTS.contains(&next.text));
            if ends || self.at_end_of_rule()? {
                break;
            }
        }
        let text = self.text_since(start);
        if sets {
            let key = Expression::Other(text.clone());
            clauses.push(Clause::Mangle(key, Expression::Other(text)));
        } else if known || first.text == "meter" {
            let stable = !lower::varies(&text);
            clauses.push(Clause::Opaque(text, stable));
        } else {
            clauses.push(Clause::Unknown(text));
        }
        Ok(())
    }

    /// Skips a block in braces, which begins here.
    fn skip_block(&mut self) -> Result<(), Unreadable> {
        let mut depth = 0_usize;
        loop {
            let token = self.next("}")?;
            match (token.kind, token.text) {
                (Kind::Mark, "{") => depth += 1,
                (Kind::Mark, "}") => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// Skips the rest of a rule that is over with what was read.
    pub(super) fn skip_rest(&mut self) -> Result<(), Unreadable> {
        while !self.at_end_of_rule()? {
            if self.is_next("{")? {
                self.skip_block()?;
            } else {
                self.skip();
            }
        }
        Ok(())
    }

    /// Skips the rest of a rule; where it looks something up in a map, the rule hangs on that.
    pub(super) fn looked_up(&mut self, clauses: &mut Vec<Clause>) -> Result<(), Unreadable> {
        let start = self.position();
        self.skip_rest()?;
        if self.since(start).iter().any(|token| token.text == "map") {
            let text = format!("the map finds something ({})", self.text_since(start));
            clauses.push(Clause::Opaque(text, false));
        }
        Ok(())
    }

    /// Skips the current word, and options with their values behind it.
    pub(super) fn options(&mut self, names: &[&str]) -> Result<(), Unreadable> {
        self.skip();
        while self.peek_word()?.is_some_and(|word| names.contains(&word)) {
            self.skip();
            self.word("the value of an option")?;
        }
        Ok(())
    }

    fn log(&mut self) -> Result<(), Unreadable> {
        self.skip();
        loop {
            match self.peek_word()? {
                Some("prefix" | "level" | "group" | "snaplen" | "queue-threshold") => {
                    self.skip();
                    self.word("the value of an option")?;
                }
                Some("flags") => {
                    self.skip();
                    if self.takes("tcp")? || self.takes("ip")? {
                        self.word("what of a header")?;
                        while self.takes(",")? {
                            self.word("what of a header")?;
                        }
                    } else {
                        self.word("skuid, ether or all")?;
                    }
                }
                Some(_) | None => return Ok(()),
            }
        }
    }

    /// `limit rate 10/second burst 5 packets`, `quota over 10 mbytes used 5 mbytes`.
    fn rated(&mut self, clauses: &mut Vec<Clause>) -> Result<(), Unreadable> {
        const PARTS: [&str; 10] = [
            "rate", "over", "until", "burst", "packets", "bytes", "kbytes", "mbytes", "name",
            "used",
        ];
        let start = self.position();
        self.skip();
        while let Some(token) = self.peek()? {
            let is_amount =
                token.text.starts_with(|c: char| c.is_ascii_digit()) || token.kind == Kind::Quoted;
            // `10 mbytes/second`
            let unit = token.text.split('/').next().unwrap_or_default();
            let known = unit.is_empty() || PARTS.contains(&unit);
            if !matches!(token.kind, Kind::Word | Kind::Quoted) || !(is_amount || known) {
                break;
            }
            self.skip();
        }
        clauses.push(Clause::Opaque(self.text_since(start), false));
        Ok(())
    }

    fn reject(&mut self) -> Result<Clause, Unreadable> {
        self.skip();
        if !self.takes("with")? {
            return Ok(Clause::Reject(String::new(), "port-unreachable".to_owned()));
        }
        let family = self.word("icmp, icmpv6, icmpx or tcp")?;
        self.takes("type")?;
        let kind = self.word("the kind of a refusal")?;
        Ok(Clause::Reject(family.to_owned(), kind.to_owned()))
    }

    /// `add @set { ip saddr timeout 5m limit rate 5/second }`
    fn update(&mut self, removes: bool, clauses: &mut Vec<Clause>) -> Result<(), Unreadable> {
        self.skip();
        let name = self.word("a set")?.trim_start_matches('@').to_owned();
        let inner = self.position();
        if !self.takes("{")? {
            return Err(self.expected("{"));
        }
        let key = self.left()?;
        let asked = self.position();
        self.back_to(inner);
        self.skip_block()?;
        let text = self.text_since(inner);
        let plain = key.is_some() && {
            let rest = self.since(asked).first();
            rest.is_some_and(|token| {
                ["}", ":", "timeout", "expires", "counter", "comment"].contains(&token.text)
            })
        };
        clauses.extend(key.map(Clause::Has));
        clauses.push(Clause::Update(name, removes));
        // What is asked of the element when it is put there.
        if !plain || lower::varies(&text) {
            clauses.push(Clause::Opaque(text, false));
        }
        Ok(())
    }

    /// `set add ip saddr @set`, as it was written before.
    fn old_update(&mut self, clauses: &mut Vec<Clause>) -> Result<(), Unreadable> {
        let start = self.position();
        self.skip();
        let removes = self.word("add or update")? == "delete";
        let key = self.left()?;
        let name = self.word("a set")?.trim_start_matches('@').to_owned();
        match key {
            Some(key) => clauses.push(Clause::Has(key)),
            None => clauses.push(Clause::Opaque(self.text_since(start), false)),
        }
        clauses.push(Clause::Update(name, removes));
        Ok(())
    }

    /// `dup to 10.0.0.1 device "eth0"`
    fn duplicate(&mut self, clauses: &mut Vec<Clause>) -> Result<(), Unreadable> {
        let start = self.position();
        self.skip();
        if !self.takes("to")? {
            return Err(self.expected("to"));
        }
        self.new_value()?;
        if self.takes("device")? {
            self.new_value()?;
        }
        if self.since(start).iter().any(|token| token.text == "map") {
            clauses.push(Clause::Opaque(self.text_since(start), true));
        }
        Ok(())
    }
}

/// What gives the packet away, and to whom.
fn handover(word: &str) -> Option<Clause> {
    let (target, to) = match word {
        "queue" => ("QUEUE", "the program that reads the queue"),
        "synproxy" => ("SYNPROXY", "the SYN proxy of this host"),
        "tproxy" => ("TPROXY", "the transparent proxy of this host"),
        "fwd" => ("FWD", "the device to which the packet is forwarded"),
        _ => return None,
    };
    Some(Clause::Handover(target.to_owned(), to.to_owned()))
}
