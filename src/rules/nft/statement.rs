//! Statements of a rule in an nft listing.

use super::lexer::Kind;
use super::lower;
use super::syntax::{Clause, Expression, Relation};
use super::text::Parser;
use crate::rules::unreadable::Unreadable;

impl Parser {
    /// The statements up to the end of the rule.
    pub(super) fn rule(&mut self) -> Result<Vec<Clause>, Unreadable> {
        let mut clauses = Vec::new();
        while !self.at_end_of_rule() {
            let before = self.position();
            self.statement(&mut clauses)?;
            if self.position() == before {
                return Err(self.expected("a statement"));
            }
        }
        Ok(clauses)
    }

    fn statement(&mut self, clauses: &mut Vec<Clause>) -> Result<(), Unreadable> {
        let start = self.position();
        let word = match self.peek() {
            Some(token) if token.kind == Kind::Word => token.text.clone(),
            Some(_) | None => {
                clauses.push(self.untold(start));
                return Ok(());
            }
        };
        match word.as_str() {
            "jump" | "goto" => {
                self.skip();
                if self.peek().is_some_and(|token| token.kind == Kind::Mark) {
                    // A chain without a name, which nft shows in place.
                    self.skip_block();
                    clauses.push(Clause::Handover(
                        "JUMP".to_owned(),
                        "a chain without a name".to_owned(),
                    ));
                    return Ok(());
                }
                self.back_to(start);
                clauses.extend(self.verdict()?.map(Clause::Verdict));
            }
            "accept" | "drop" | "return" | "continue" => {
                clauses.extend(self.verdict()?.map(Clause::Verdict))
            }
            "counter" => self.options(&["name", "packets", "bytes"], &[]),
            "log" => self.options(
                &[
                    "prefix",
                    "level",
                    "group",
                    "flags",
                    "snaplen",
                    "queue-threshold",
                ],
                &[
                    "tcp",
                    "sequence,options",
                    "sequence",
                    "options",
                    "ip",
                    "skuid",
                    "ether",
                    "all",
                ],
            ),
            "comment" => {
                self.skip();
                self.skip();
            }
            "limit" | "quota" => {
                self.skip();
                let mut text = word.clone();
                let parts = [
                    "rate", "over", "until", "burst", "packets", "bytes", "kbytes", "mbytes",
                    "name", "used",
                ];
                while let Some(token) = self.peek() {
                    let is_amount = token.text.starts_with(|c: char| c.is_ascii_digit())
                        || token.kind == Kind::Quoted;
                    let is_unit = token.text.starts_with('/')
                        || ["second", "minute", "hour", "day", "week"]
                            .contains(&token.text.as_str());
                    if token.kind == Kind::Newline
                        || !(is_amount || is_unit || parts.contains(&token.text.as_str()))
                    {
                        break;
                    }
                    text.push(' ');
                    text.push_str(&token.text);
                    self.skip();
                }
                clauses.push(Clause::Opaque(text, false));
            }
            "reject" => clauses.push(self.reject()?),
            "notrack" => {
                self.skip();
                clauses.push(Clause::Untrack);
            }
            "snat" | "masquerade" => {
                self.skip_rest();
                clauses.push(Clause::Source);
            }
            "redirect" => {
                self.skip();
                let port = self
                    .takes("to")
                    .then(|| self.peek().map(|token| token.text.clone()))
                    .flatten();
                self.skip_rest();
                let port = port.map(|text| super::expression::word(text.trim_start_matches(':')));
                clauses.push(Clause::Redirect(port));
            }
            "dnat" => clauses.push(self.destination()),
            "queue" => {
                self.skip_rest();
                clauses.push(Clause::Handover(
                    "QUEUE".to_owned(),
                    "the program that reads the queue".to_owned(),
                ));
            }
            "synproxy" => {
                self.skip_rest();
                clauses.push(Clause::Handover(
                    "SYNPROXY".to_owned(),
                    "the SYN proxy of this host".to_owned(),
                ));
            }
            "tproxy" => {
                self.skip_rest();
                clauses.push(Clause::Handover(
                    "TPROXY".to_owned(),
                    "the transparent proxy of this host".to_owned(),
                ));
            }
            "add" | "update" | "delete" | "set" => {
                self.skip();
                if let Some(name) = self
                    .peek()
                    .map(|token| token.text.trim_start_matches('@').to_owned())
                {
                    clauses.push(Clause::Update(name, word == "delete"));
                }
                self.skip();
                let inner = self.position();
                self.skip_block();
                let text = self.text_since(inner);
                // What is asked of the element when it is put there.
                if lower::is_fickle(&text) {
                    clauses.push(Clause::Opaque(text, false));
                }
            }
            "fwd" => {
                self.skip_rest();
                clauses.push(Clause::Handover(
                    "FWD".to_owned(),
                    "the device to which the packet is forwarded".to_owned(),
                ));
            }
            "flow" | "dup" => self.skip_rest(),
            "xt" => {
                self.skip();
                let kind = self.word("match or target")?;
                let name = self.word("the name of an extension")?;
                clauses.extend(lower::extension(kind == "match", &name));
            }
            _ => self.comparison(start, clauses)?,
        }
        Ok(())
    }

    /// `field [relation] value`, `field vmap data`, `field set value`.
    fn comparison(&mut self, start: usize, clauses: &mut Vec<Clause>) -> Result<(), Unreadable> {
        let left = match self.left() {
            Ok(Some(left)) => left,
            Ok(None) | Err(_) => {
                self.back_to(start);
                clauses.push(self.untold(start));
                return Ok(());
            }
        };
        if self.takes("vmap") {
            let data = self.value()?;
            clauses.push(Clause::Dispatch(left, data));
            return Ok(());
        }
        if self.takes("set") {
            let value = self.new_value()?;
            clauses.push(Clause::Mangle(left, value));
            return Ok(());
        }
        if matches!(&left, Expression::Field(name) if name == "ct count") || self.at_end_of_rule() {
            self.back_to(start);
            clauses.push(self.untold(start));
            return Ok(());
        }
        let relation = self.relation();
        let right = self.right()?;
        if self.takes("/") {
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

    /// Something that is not read, up to the verdict behind it.
    fn untold(&mut self, start: usize) -> Clause {
        let verdicts = [
            "accept", "drop", "return", "continue", "jump", "goto", "reject", "counter", "queue",
            "log",
        ];
        self.skip();
        while !self.at_end_of_rule()
            && !self.peek().is_some_and(|token| {
                token.kind == Kind::Word && verdicts.contains(&token.text.as_str())
            })
        {
            if self.peek().is_some_and(|token| token.text == "{") {
                self.skip_block();
            } else {
                self.skip();
            }
        }
        let text = self.text_since(start);
        let stable = !lower::is_fickle(&text);
        Clause::Opaque(text, stable)
    }

    /// Skips a block in braces, which begins here.
    fn skip_block(&mut self) {
        let mut depth = 0_usize;
        while let Some(token) = self.peek() {
            match (token.kind, token.text.as_str()) {
                (Kind::Mark, "{") => depth += 1,
                (Kind::Mark, "}") => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.skip();
            if depth == 0 {
                break;
            }
        }
    }

    fn skip_rest(&mut self) {
        while !self.at_end_of_rule() {
            if self.peek().is_some_and(|token| token.text == "comment") {
                break;
            }
            if self.peek().is_some_and(|token| token.text == "{") {
                self.skip_block();
            } else {
                self.skip();
            }
        }
    }

    /// Skips the current word, and options with their values behind it.
    fn options(&mut self, with_value: &[&str], alone: &[&str]) {
        self.skip();
        loop {
            let next = self
                .peek()
                .map(|token| token.text.clone())
                .unwrap_or_default();
            if with_value.contains(&next.as_str()) {
                self.skip();
                self.skip();
            } else if alone.contains(&next.as_str()) || next == "," {
                self.skip();
            } else {
                return;
            }
        }
    }

    fn reject(&mut self) -> Result<Clause, Unreadable> {
        self.skip();
        if !self.takes("with") {
            return Ok(Clause::Reject(String::new(), "port-unreachable".to_owned()));
        }
        let family = self.word("icmp, icmpv6, icmpx or tcp")?;
        self.takes("type");
        let kind = self.word("the kind of a refusal")?;
        Ok(Clause::Reject(family, kind))
    }

    /// `dnat ip to 10.0.0.5:80`, its addresses being a map or a range at times.
    fn destination(&mut self) -> Clause {
        self.skip();
        while self
            .peek()
            .is_some_and(|token| ["ip", "ip6", "to"].contains(&token.text.as_str()))
        {
            self.skip();
        }
        let text = self
            .peek()
            .map(|token| token.text.clone())
            .unwrap_or_default();
        self.skip();
        let simple = self.at_end_of_rule()
            || self.peek().is_some_and(|token| {
                ["comment", "random", "fully-random", "persistent"].contains(&token.text.as_str())
            });
        self.skip_rest();
        if simple {
            destination(&text)
        } else {
            Clause::Destination(Some(Expression::Other(text)), None)
        }
    }
}

/// An address with a port, as `dnat to` writes them.
fn destination(text: &str) -> Clause {
    let translation = crate::rules::iptables::target::destination(text);
    if translation.varied {
        return Clause::Destination(Some(Expression::Other(text.to_owned())), None);
    }
    let address = translation
        .address
        .map(|address| Expression::Word(address.to_string()));
    let port = translation
        .port
        .map(|port| Expression::Word(port.to_string()));
    Clause::Destination(address, port)
}
