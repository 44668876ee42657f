//! Translations in an nft listing: `dnat to`, `redirect to`, and the version of an address.

use super::expression;
use super::lexer::Kind;
use super::maps;
use super::parser::Parser;
use super::syntax::{Clause, Expression};
use crate::rules::unreadable::Unreadable;

/// What may stand behind the new destination of a translation.
const DESTINATION_FLAGS: [&str; 4] = [",", "random", "fully-random", "persistent"];

impl Parser<'_> {
    /// The IP version that a translation is for, where it is written.
    pub(super) fn version(&mut self) -> Result<Option<u128>, Unreadable> {
        if self.takes("ip")? {
            return Ok(Some(2));
        }
        Ok(self.takes("ip6")?.then_some(10))
    }

    /// `snat to 10.0.0.1`, `masquerade`.
    pub(super) fn source(&mut self, clauses: &mut Vec<Clause>) -> Result<(), Unreadable> {
        self.skip();
        let version = self.version()?;
        self.looked_up(clauses)?;
        clauses.push(Clause::Source(version));
        Ok(())
    }

    pub(super) fn redirect(&mut self, clauses: &mut Vec<Clause>) -> Result<(), Unreadable> {
        self.skip();
        let port = if self.takes("to")? {
            let start = self.position();
            self.looked_up(clauses)?;
            Some(self.target(start))
        } else {
            self.skip_rest()?;
            None
        };
        let port = port.map(|target| {
            if let Expression::Word(text) = target {
                expression::word(text.trim_start_matches(':'))
            } else {
                target
            }
        });
        clauses.push(Clause::Redirect(port));
        Ok(())
    }

    /// `dnat ip to 10.0.0.5:80`, its addresses being a map or a range at times.
    pub(super) fn destination(&mut self, clauses: &mut Vec<Clause>) -> Result<(), Unreadable> {
        self.skip();
        let version = self.version()?;
        let words = ["addr", "port", ".", "prefix", "interval", "to"];
        while self
            .peek()?
            .is_some_and(|token| words.contains(&token.text))
        {
            self.skip();
        }
        let start = self.position();
        if let Some(lookup) = self.destination_map()? {
            clauses.push(Clause::Destination(version, Some(lookup), None));
            return Ok(());
        }
        self.back_to(start);
        self.looked_up(clauses)?;
        let target = self.target(start);
        let (address, port) = if let Expression::Word(text) = &target {
            destination(text)
        } else {
            (Some(target), None)
        };
        clauses.push(Clause::Destination(version, address, port));
        Ok(())
    }

    /// `KEY map @name` or `KEY map { … }`, where the key can be looked up and nothing but flags
    /// follows.
    fn destination_map(&mut self) -> Result<Option<Expression>, Unreadable> {
        let Ok(lookup) = self.new_value() else {
            return Ok(None);
        };
        let is_flag = |text: &str| DESTINATION_FLAGS.contains(&text);
        while self.peek()?.is_some_and(|token| is_flag(token.text)) {
            self.skip();
        }
        let is_last = self.at_end_of_rule()? || self.peek_word()? == Some("comment");
        if !is_last || !maps::is_lookup(&lookup) {
            return Ok(None);
        }
        Ok(Some(lookup))
    }

    /// What a translation leads to: the word at `start`, where it is all but flags.
    fn target(&self, start: usize) -> Expression {
        let mut tokens = self.since(start).iter();
        let first = tokens.next();
        let mut rest = tokens.take_while(|token| token.text != "comment");
        match first {
            Some(token)
                if token.kind == Kind::Word
                    && rest.all(|one| DESTINATION_FLAGS.contains(&one.text)) =>
            {
                Expression::Word(token.text.to_owned())
            }
            Some(_) | None => Expression::Other(self.text_since(start)),
        }
    }
}

/// An address with a port, as `dnat to` writes them.
fn destination(text: &str) -> (Option<Expression>, Option<Expression>) {
    let translation = crate::rules::iptables::target::destination(text);
    if translation.varied {
        let address = if translation.keeps_port {
            expression::word(text)
        } else {
            Expression::Other(text.to_owned())
        };
        return (Some(address), None);
    }
    let address = translation.address;
    let port = translation.port;
    (
        address.map(|address| Expression::Word(address.to_string())),
        port.map(|port| Expression::Word(port.to_string())),
    )
}
