//! The words of a line, quoted as iptables-save quotes them, each with its column.

use crate::rules::unreadable::{Fault, Unreadable};

/// A word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::rules) struct Word {
    /// Without its quotes.
    pub(in crate::rules) text: String,
    /// Its first column, from 1.
    pub(in crate::rules) column: usize,
    /// Whether it stood in quotes, so that it is never an option.
    pub(in crate::rules) quoted: bool,
}

/// The words of `text`, which begins in `column` of `line`.
pub(in crate::rules) fn split(
    text: &str,
    line: usize,
    column: usize,
) -> Result<Vec<Word>, Unreadable> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut quote: Option<(char, usize)> = None;
    let mut characters = text.chars().zip(column..);
    while let Some((character, column)) = characters.next() {
        let begun = || Word {
            text: String::new(),
            column,
            quoted: false,
        };
        match (quote, character) {
            (None, ' ' | '\t') => words.extend(word.take()),
            // What iptables-save writes knows no quotes but double ones.
            (None, '\'')
                if word.as_ref().is_some_and(|word| !word.quoted) || !closes(&characters) =>
            {
                word.get_or_insert_with(begun).text.push(character);
            }
            (None, '"' | '\'') => {
                quote = Some((character, column));
                word.get_or_insert_with(begun).quoted = true;
            }
            (Some((mark, _)), _) if character == mark => quote = None,
            (None | Some(('"', _)), '\\') => {
                if let Some((escaped, _)) = characters.next() {
                    word.get_or_insert_with(begun).text.push(escaped);
                }
            }
            (_, _) => word.get_or_insert_with(begun).text.push(character),
        }
    }
    if let Some((_, column)) = quote {
        return Err(Unreadable::at(line, column, Fault::Quotation));
    }
    words.extend(word);
    Ok(words)
}

/// Whether a single quote ends somewhere in what follows.
fn closes(rest: &(impl Iterator<Item = (char, usize)> + Clone)) -> bool {
    rest.clone().any(|(character, _)| character == '\'')
}

/// `words` as a shell takes them again.
pub(in crate::rules) fn join(words: &[Word]) -> String {
    let written: Vec<String> = words.iter().map(|word| shell(&word.text)).collect();
    written.join(" ")
}

/// `text` as one word of a shell.
pub(in crate::rules) fn shell(text: &str) -> String {
    let plain =
        |character: char| character.is_ascii_alphanumeric() || "-_./:,=+@%^".contains(character);
    if text == "!" || (!text.is_empty() && text.chars().all(plain)) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
