//! How strings from outside enter Markdown. Each passes the one sanitiser first, so none holds a
//! line's end.

use std::borrow::Borrow;

use crate::report::visible::visible;

/// `text` as running text, also in a cell of a table: no mark-up, no link, no reference.
pub(in crate::report) fn plain(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in visible(text).chars() {
        // The dot and the colon make links of `www.` and `://`, the underscore and the rest mark up.
        let marks = "\\`*_[]{}<>|~#$&!".contains(character);
        let links = (character == '.' && ends_in(&escaped, "www"))
            || (character == '/' && escaped.ends_with(':'))
            || (character == '@');
        if marks || links {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

fn ends_in(text: &str, word: &str) -> bool {
    let start = text.len().checked_sub(word.len());
    let end = start.and_then(|start| text.get(start..));
    end.is_some_and(|end| end.eq_ignore_ascii_case(word))
}

/// `text` as a span of code, also in a cell of a table.
pub(in crate::report) fn code(text: &str) -> String {
    let shown = visible(text).replace('|', "\\|");
    let ticks = "`".repeat(longest_run(&shown).saturating_add(1));
    // A blank on either side is taken off again; without it a backtick would join the fence.
    if shown.starts_with(['`', ' ']) || shown.ends_with(['`', ' ']) || shown.is_empty() {
        format!("{ticks} {shown} {ticks}")
    } else {
        format!("{ticks}{shown}{ticks}")
    }
}

/// `lines` as they are, in a fence that none of them can close.
pub(in crate::report) fn fence(language: &str, lines: &[impl Borrow<str>]) -> String {
    let shown: Vec<_> = lines.iter().map(|line| visible(line.borrow())).collect();
    let longest = shown
        .iter()
        .map(|line| longest_run(line))
        .max()
        .unwrap_or(0);
    let ticks = "`".repeat(longest.saturating_add(1).max(3));
    format!("{ticks}{language}\n{}\n{ticks}\n", shown.join("\n"))
}

/// Length of the longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|character| character != '`')
        .map(str::len)
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{code, fence, plain};

    #[test]
    fn running_text_marks_nothing_up() {
        let check = |text: &str, escaped: &str| assert_eq!(plain(text), escaped);
        check("hop 2 (10.9.1.2)", "hop 2 (10.9.1.2)");
        check("a|b", "a\\|b");
        check("[x](javascript:alert(1))", "\\[x\\](javascript:alert(1))");
        check("<script>", "\\<script\\>");
        check("one\n# two", "one\\\\u\\{a\\}\\# two");
        check(
            "https://x www.x WWW.x a@b",
            "https:\\//x www\\.x WWW\\.x a\\@b",
        );
        check("&lt;", "\\&lt;");
    }

    #[test]
    fn code_cannot_be_left() {
        let check = |text: &str, escaped: &str| assert_eq!(code(text), escaped);
        check("eth0", "`eth0`");
        check("a`b", "``a`b``");
        check("``", "``` `` ```");
        check("a|b", "`a\\|b`");
    }

    #[test]
    fn a_fence_outlasts_what_it_holds() {
        assert_eq!(fence("sh", &["a"]), "```sh\na\n```\n");
        assert_eq!(fence("sh", &["````\n"]), "`````sh\n````\\u{a}\n`````\n");
    }
}
