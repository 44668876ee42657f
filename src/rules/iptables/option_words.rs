//! The words of a rule, as options take them.

use super::specs;
use super::words::Word;
use crate::rules::unreadable::{Fault, Unreadable};

/// The words of a rule, read one after the other.
#[derive(Debug)]
pub(super) struct Words<'a> {
    words: &'a [Word],
    next: usize,
    line: usize,
}

impl<'a> Words<'a> {
    pub(super) const fn new(words: &'a [Word], line: usize) -> Self {
        Self {
            words,
            next: 0,
            line,
        }
    }

    pub(super) fn next(&mut self) -> Option<&'a Word> {
        let word = self.words.get(self.next);
        self.next += usize::from(word.is_some());
        word
    }

    pub(super) fn peek(&self) -> Option<&'a Word> {
        self.words.get(self.next)
    }

    /// The values of `option`, and whether the old way of negating them (`-s ! ADDRESS`) is used.
    pub(super) fn operands(
        &mut self,
        option: &Word,
        count: usize,
    ) -> Result<(Vec<&'a Word>, bool), Unreadable> {
        let mut values = Vec::with_capacity(count);
        let mut negated = false;
        for at in 0..count {
            let next = self.peek();
            let is_negation = next.is_some_and(|word| word.text == "!" && !word.quoted);
            if is_negation {
                self.next += 1;
                negated |= at == 0;
            }
            match self.next() {
                Some(word) => values.push(word),
                None => return Err(self.fault(option, Fault::NoValue(option.text.clone()))),
            }
        }
        Ok((values, negated))
    }

    /// The words up to the next option.
    pub(super) fn values(&mut self) -> &'a [Word] {
        let start = self.next;
        while self.peek().is_some_and(|word| !is_option(word)) {
            self.next += 1;
        }
        self.words.get(start..self.next).unwrap_or_default()
    }

    /// The word that comes next, or that a negation which comes next negates.
    pub(super) fn after_negation(&self) -> Option<&'a Word> {
        let next = self.peek()?;
        if next.text == "!" && !next.quoted {
            return self.words.get(self.next + 1);
        }
        Some(next)
    }

    /// The words up to the next match or target.
    pub(super) fn rest_of_match(&mut self) -> &'a [Word] {
        let start = self.next;
        while self
            .peek()
            .is_some_and(|word| !["-m", "-j", "-g"].contains(&word.text.as_str()))
        {
            self.next += 1;
        }
        self.words.get(start..self.next).unwrap_or_default()
    }

    /// The options of a target, up to one that is no target's: matches may stand behind it.
    pub(super) fn of_target(&mut self, name: &str) -> &'a [Word] {
        let start = self.next;
        let takes = |option: &str| match name {
            "ACCEPT" | "DROP" | "RETURN" => false,
            "REJECT" => option == "--reject-with",
            // Options of targets are written in full.
            _ => option == "!" || (option.starts_with("--") && specs::spec(option).is_none()),
        };
        while let Some(next) = self.after_negation() {
            if is_option(next) && !takes(&next.text) {
                break;
            }
            // A prefix may be any text.
            self.next += 1 + usize::from(next.text.ends_with("-prefix"));
        }
        self.next = self.next.min(self.words.len());
        self.words.get(start..self.next).unwrap_or_default()
    }

    pub(super) const fn fault(&self, at: &Word, fault: Fault) -> Unreadable {
        Unreadable::at(self.line, at.column, fault)
    }

    /// That `option` cannot have `value`.
    pub(super) fn bad(&self, option: &str, value: &Word) -> Unreadable {
        let fault = Fault::Value {
            option: option.to_owned(),
            value: value.text.clone(),
        };
        self.fault(value, fault)
    }
}

/// Whether a word begins an option, or negates one.
pub(super) fn is_option(word: &Word) -> bool {
    let text = &word.text;
    let negative = text
        .strip_prefix('-')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    !word.quoted && (text == "!" || (text.starts_with('-') && text.len() > 1 && !negative))
}
