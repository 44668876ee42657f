//! The tokens of an nft listing.

use crate::rules::unreadable::{Fault, Unreadable};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A word, number, address or range.
    Word,
    /// Text in quotes.
    Quoted,
    /// Punctuation.
    Mark,
    /// The end of a line.
    Newline,
    /// `# handle N`.
    Handle,
}

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// What it is.
    pub(super) kind: Kind,
    /// Its text without quotes; the number of a handle.
    pub(super) text: String,
    /// Its line in the input, from 1.
    pub(super) line: usize,
    /// Its column, from 1.
    pub(super) column: usize,
}

/// Two-character marks.
const LONG: [&str; 6] = ["==", "!=", "<=", ">=", "<<", ">>"];

/// The tokens of one line, its end included.
pub(super) fn tokens(text: &str, line: usize) -> Result<Vec<Token>, Unreadable> {
    let characters: Vec<char> = text.chars().collect();
    let at = |index: usize| characters.get(index).copied().unwrap_or('\n');
    let mut found = Vec::new();
    let mut index = 0;
    while index < characters.len() {
        let start = index;
        let token = |kind, text: String| Token {
            kind,
            text,
            line,
            column: start + 1,
        };
        let character = at(index);
        if character.is_whitespace() {
            index += 1;
        } else if character == '"' {
            index += 1;
            while index < characters.len() && at(index) != '"' {
                index += 1;
            }
            if index >= characters.len() {
                return Err(Unreadable::at(line, start + 1, Fault::Quotation));
            }
            let body = characters.get(start + 1..index).unwrap_or_default();
            found.push(token(Kind::Quoted, body.iter().collect()));
            index += 1;
        } else if character == '#' {
            let rest: String = characters.get(start..).unwrap_or_default().iter().collect();
            if let Some(handle) = rest.strip_prefix("# handle ") {
                found.push(token(Kind::Handle, handle.trim().to_owned()));
            }
            break;
        } else if is_word(character) || (character == '.' && is_word(at(index + 1))) {
            while is_word(at(index)) || at(index) == '.' {
                index += 1;
            }
            let body: String = characters
                .get(start..index)
                .unwrap_or_default()
                .iter()
                .collect();
            // `22: accept` is written by people, `22 : accept` by nft.
            match body.strip_suffix(':') {
                Some(key) if !key.is_empty() && !key.ends_with(':') => {
                    found.push(token(Kind::Word, key.to_owned()));
                    found.push(token(Kind::Word, ":".to_owned()));
                }
                Some(_) | None => found.push(token(Kind::Word, body)),
            }
        } else {
            let pair: String = [character, at(index + 1)].iter().collect();
            let mark = if LONG.contains(&pair.as_str()) {
                pair
            } else {
                character.to_string()
            };
            index += mark.chars().count();
            found.push(token(Kind::Mark, mark));
        }
    }
    found.push(Token {
        kind: Kind::Newline,
        text: String::new(),
        line,
        column: characters.len() + 1,
    });
    Ok(found)
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || "_:/*-+@[]%$\\~".contains(character)
}
