//! The one sanitiser: makes strings from users, files and networks harmless to who shows them.
//!
//! Every string that this program did not write itself passes [`visible`] on its way into text, be
//! it for a terminal, a web page, a table or a ticket; each form then escapes what its own language
//! gives a meaning: [`csv_field`] for spreadsheets, [`shell_word`] for commands to be copied.

use std::borrow::Cow;
use std::fmt::Write as _;

/// `text` with every character that would act on a terminal rather than show escaped as `\u{…}`.
///
/// Escaped are the control characters (C0, DEL, C1), the line and paragraph separators, the marks
/// that reorder text (Unicode Bidi_Control), what takes no room (zero-width characters, fillers,
/// tags, the soft hyphen), and the two codes that are no characters and that XML cannot hold.
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
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e0fff}')
}

/// `text` as the field of a table that a spreadsheet will open, without quotes around it: sanitised,
/// and with an apostrophe before what would make it a formula.
///
/// For text only: a number is written as it is.
pub fn csv_field(text: &str) -> Cow<'_, str> {
    let shown = visible(text);
    // Spreadsheets overlook spaces, and take the wide forms of the signs for the signs.
    let formula = |c: char| matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠');
    // A tab or a carriage return acts in the same place, and is no longer there.
    if shown.trim_start().starts_with(formula) {
        Cow::Owned(format!("'{shown}"))
    } else {
        shown
    }
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
    use super::{csv_field, shell_word, visible};

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
        check("zero\u{200b}width", "zero\\u{200b}width");
        check("soft\u{ad}hyphen", "soft\\u{ad}hyphen");
        check("tag\u{e0041}ged", "tag\\u{e0041}ged");
        check("일본語 ✓ \u{301}", "일본語 ✓ \u{301}");
    }

    #[test]
    fn no_field_of_a_table_becomes_a_formula() {
        let check = |text: &str, field: &str| assert_eq!(csv_field(text), field);
        check("db1.example:3306", "db1.example:3306");
        check("=HYPERLINK(1)", "'=HYPERLINK(1)");
        check("+1", "'+1");
        check("-1", "'-1");
        check("@SUM(A1)", "'@SUM(A1)");
        check(" =1", "' =1");
        check("＝1", "'＝1");
        check("\t=1", "\\u{9}=1");
        check("\r=1", "\\u{d}=1");
        check("a=1", "a=1");
        check("", "");
    }

    #[test]
    fn a_shell_word_cannot_leave_its_quotes() {
        assert_eq!(shell_word("eth0.7"), "eth0.7");
        assert_eq!(shell_word("[2001:db8::1]:3306"), "'[2001:db8::1]:3306'");
        assert_eq!(shell_word("a'; rm -rf b"), "'a'\\''; rm -rf b'");
        assert_eq!(shell_word(""), "''");
    }
}
