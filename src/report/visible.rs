//! The one sanitiser: makes strings from users and networks harmless to a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

/// `text` with every character that would act on a terminal rather than show escaped as `\u{…}`.
///
/// Escaped are the control characters (C0, DEL, C1), the line and paragraph separators, and the
/// marks that reorder or hide text (Unicode Bidi_Control, zero-width characters).
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if acts(character) {
            // Writing to a string cannot fail.
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Whether `character` acts on a terminal rather than shows.
pub fn acts(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// `word` as one word of a POSIX shell: quoted unless it needs no quotes.
pub fn shell_word(word: &str) -> Cow<'_, str> {
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-' | '_' | '/' | '@');
    if !word.is_empty() && word.chars().all(plain) {
        Cow::Borrowed(word)
    } else {
        Cow::Owned(format!("'{}'", word.replace('\'', "'\\''")))
    }
}

#[cfg(test)]
mod tests {
    use super::{shell_word, visible};

    #[test]
    fn what_acts_on_a_terminal_is_escaped_and_the_rest_is_kept() {
        let check = |text: &str, shown: &str| assert_eq!(visible(text), shown);
        check("db1.example", "db1.example");
        check("datenbank-für-ä", "datenbank-für-ä");
        check("\x1b[2Jgone", "\\u{1b}[2Jgone");
        check("one\ntwo\r", "one\\u{a}two\\u{d}");
        check("\u{9b}31m", "\\u{9b}31m");
        check("abc\u{202e}cba", "abc\\u{202e}cba");
        check("\u{7f}", "\\u{7f}");
    }

    #[test]
    fn a_shell_word_cannot_leave_its_quotes() {
        assert_eq!(shell_word("eth0.7"), "eth0.7");
        assert_eq!(shell_word("[2001:db8::1]:3306"), "'[2001:db8::1]:3306'");
        assert_eq!(shell_word("a'; rm -rf b"), "'a'\\''; rm -rf b'");
        assert_eq!(shell_word(""), "''");
    }
}
