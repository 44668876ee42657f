//! Lists as text: `HOST:PORT`, then a label; `#` begins a comment.

use super::spelt::{Spelt, Text};

/// What `line` says. A `#` begins a comment at the beginning of the line or after a blank: labels may
/// hold one (`ticket#7`).
pub(super) fn read(line: &str) -> Spelt {
    let blank = |(at, _): &(usize, &str)| {
        *at == 0 || line[..*at].ends_with(|before: char| before.is_whitespace())
    };
    let end = line.match_indices('#').find(blank);
    let said = end.map_or(line, |(at, _)| &line[..at]);
    let target = said.trim_start();
    let column = 1 + said.len() - target.len();
    let (target, label) = target
        .split_once(char::is_whitespace)
        .unwrap_or((target, ""));
    Spelt {
        host: Text {
            text: target.to_owned(),
            column,
        },
        label: label.trim().to_owned(),
        ..Spelt::default()
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_line_is_a_target_a_label_and_a_comment() {
        let check = |line: &str, target: &str, label: &str, column: usize| {
            let spelt = read(line);
            assert_eq!(spelt.host.text, target, "{line}");
            assert_eq!(spelt.label, label, "{line}");
            assert_eq!(spelt.host.column, column, "{line}");
        };
        check("db:3306", "db:3306", "", 1);
        check(
            "  db:3306\t orders, west  # old",
            "db:3306",
            "orders, west",
            3,
        );
        check("db:3306 ticket#7", "db:3306", "ticket#7", 1);
        check("db:3306#", "db:3306#", "", 1);
    }
}
