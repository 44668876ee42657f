//! The tokens of an nft listing, read one after the other; those behind are forgotten.

use super::lexer::{self, Kind, Token, tokens};
use super::script::Variables;
use crate::rules::lines::Line;
use crate::rules::unreadable::{Fault, Unreadable};

/// Deepest nesting of expressions.
pub(super) const DEEPEST: usize = 64;

/// How many tokens are kept at most once they are read and nobody goes back to them.
const KEPT: usize = 4096;

/// Reads tokens.
#[derive(Debug)]
pub(super) struct Parser<'a> {
    lines: &'a [Line<'a>],
    /// The next line to be split.
    row: usize,
    tokens: Vec<Token<'a>>,
    next: usize,
    depth: usize,
    /// Whether fields may stand where values do.
    pub(super) fields: bool,
    variables: Variables<'a>,
}

impl<'a> Parser<'a> {
    pub(super) fn of(lines: &'a [Line<'a>], variables: &Variables<'a>) -> Self {
        Self {
            lines,
            row: 0,
            tokens: Vec::new(),
            next: 0,
            depth: 0,
            fields: false,
            variables: variables.clone(),
        }
    }

    /// The token that comes next; `None` at the end of the text.
    pub(super) fn peek(&mut self) -> Result<Option<Token<'a>>, Unreadable> {
        while self.next >= self.tokens.len() {
            let Some((_, text)) = self.lines.get(self.row) else {
                return Ok(None);
            };
            let known = self.tokens.len();
            tokens(text, self.row, &mut self.tokens);
            self.variables.put_in(&mut self.tokens, known);
            self.row += 1;
        }
        Ok(self.tokens.get(self.next).copied())
    }

    /// The same, where the text must not end.
    pub(super) fn sure(&mut self, expected: &'static str) -> Result<Token<'a>, Unreadable> {
        match self.peek()? {
            Some(token) => Ok(token),
            None => Err(self.expected(expected)),
        }
    }

    /// Takes the next token.
    pub(super) fn next(&mut self, expected: &'static str) -> Result<Token<'a>, Unreadable> {
        let token = self.sure(expected)?;
        self.skip();
        Ok(token)
    }

    /// The row of the token read last.
    pub(super) fn row(&self) -> usize {
        let last = self.next.checked_sub(1);
        let last = last.and_then(|last| self.tokens.get(last));
        last.map_or(0, |token| token.row)
    }

    /// The line of a token, and its number in the input.
    pub(super) fn line(&self, token: Token<'a>) -> (usize, &'a str) {
        let line = self.lines.get(token.row);
        line.map_or((1, ""), |(line, text)| (*line, &**text))
    }

    /// Whether nothing stands in the lines behind this row.
    pub(super) fn is_last(&self, row: usize) -> bool {
        let mut behind = self.lines.iter().skip(row + 1);
        behind.all(|(_, text)| text.trim().is_empty())
    }

    pub(super) const fn skip(&mut self) {
        self.next += 1;
    }

    pub(super) const fn position(&self) -> usize {
        self.next
    }

    pub(super) const fn back_to(&mut self, position: usize) {
        self.next = position;
    }

    /// Drops what was read, where nobody goes back to it.
    pub(super) fn forget(&mut self) {
        if self.next > KEPT && self.next > self.tokens.len() / 2 {
            self.tokens.drain(..self.next.min(self.tokens.len()));
            self.next = 0;
        }
    }

    pub(super) fn deeper(&mut self) -> Result<(), Unreadable> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.too_deep());
        }
        Ok(())
    }

    pub(super) fn too_deep(&self) -> Unreadable {
        let (line, column, _) = self.here();
        Unreadable::at(line, column, Fault::Depth)
    }

    pub(super) const fn shallower(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Where the next token stands and what it is; at the end of the text, that.
    fn here(&self) -> (usize, usize, Option<&'a str>) {
        if let Some(token) = self.tokens.get(self.next) {
            let (line, text) = self.line(*token);
            return (line, lexer::column(text, token.at), Some(token.text));
        }
        let mut rows = self.lines.iter().rev();
        let last = rows.find(|(_, text)| !text.trim().is_empty());
        let (line, text) = last.map_or((1, ""), |(line, text)| (*line, &**text));
        (line, lexer::column(text, text.len()), None)
    }

    /// That something else was expected than what comes next.
    pub(super) fn expected(&self, expected: &'static str) -> Unreadable {
        let (line, column, found) = self.here();
        let fault = match found {
            Some(found) => Fault::Expected {
                expected,
                found: found.to_owned(),
            },
            None => Fault::CutOff(line),
        };
        Unreadable::at(line, column, fault)
    }

    /// Takes a mark or word when it comes next.
    pub(super) fn takes(&mut self, text: &str) -> Result<bool, Unreadable> {
        let taken = self.is_next(text)?;
        self.next += usize::from(taken);
        Ok(taken)
    }

    /// Whether this mark or word comes next.
    pub(super) fn is_next(&mut self, text: &str) -> Result<bool, Unreadable> {
        Ok(self.peek()?.is_some_and(|token| {
            token.text == text && matches!(token.kind, Kind::Mark | Kind::Word)
        }))
    }

    /// The word that comes next, where one does.
    pub(super) fn peek_word(&mut self) -> Result<Option<&'a str>, Unreadable> {
        let next = self.peek()?.filter(|token| token.kind == Kind::Word);
        Ok(next.map(|token| token.text))
    }

    pub(super) fn word(&mut self, expected: &'static str) -> Result<&'a str, Unreadable> {
        match self.peek()? {
            Some(token) if matches!(token.kind, Kind::Word | Kind::Quoted) => {
                self.next += 1;
                Ok(token.text)
            }
            Some(_) | None => Err(self.expected(expected)),
        }
    }

    pub(super) fn skip_lines(&mut self) -> Result<(), Unreadable> {
        while self.peek()?.is_some_and(|token| {
            matches!(token.kind, Kind::Newline | Kind::Handle)
                || (token.kind == Kind::Mark && token.text == ";")
        }) {
            self.next += 1;
        }
        Ok(())
    }

    /// Skips the ends of lines alone.
    pub(super) fn skip_ends(&mut self) -> Result<(), Unreadable> {
        while self
            .peek()?
            .is_some_and(|token| matches!(token.kind, Kind::Newline | Kind::Handle))
        {
            self.next += 1;
        }
        Ok(())
    }

    /// The tokens since `start`.
    pub(super) fn since(&self, start: usize) -> &[Token<'a>] {
        self.tokens.get(start..self.next).unwrap_or_default()
    }

    /// The tokens since `start`, as they can be read again.
    pub(super) fn text_since(&self, start: usize) -> String {
        let mut text = String::new();
        for token in self.since(start) {
            let is_tight = matches!(token.text, "," | ";");
            if matches!(token.kind, Kind::Newline | Kind::Handle) {
                continue;
            }
            if !text.is_empty() && !is_tight {
                text.push(' ');
            }
            match token.kind {
                Kind::Quoted => {
                    text.push('"');
                    text.push_str(token.text);
                    text.push('"');
                }
                Kind::Hidden => {
                    text.push_str("# xt_");
                    text.push_str(token.text);
                }
                Kind::Word | Kind::Mark | Kind::Newline | Kind::Handle => {
                    text.push_str(token.text);
                }
            }
        }
        text.shrink_to_fit();
        text
    }

    /// Whether a rule ends here.
    pub(super) fn at_end_of_rule(&mut self) -> Result<bool, Unreadable> {
        Ok(self.peek()?.is_none_or(|token| {
            matches!(token.kind, Kind::Newline | Kind::Handle)
                || (token.kind == Kind::Mark && matches!(token.text, ";" | "}"))
        }))
    }
}
