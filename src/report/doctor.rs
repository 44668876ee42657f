//! The checkup: what this host can and cannot do, as text and as JSON.

use serde::{Deserialize, Serialize};

use super::page::{BAD, DOUBTFUL, FAINT, GOOD, PLAIN, Page, STRONG, columns};
use crate::model::check::{Check, Rating};

/// The name and version of the document.
pub const SCHEMA: &str = "synquest/doctor/1";

/// What was found of this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkup {
    /// [`SCHEMA`].
    pub schema: String,
    /// What was checked, in the order in which it matters.
    pub checks: Vec<Check>,
}

impl Checkup {
    /// A checkup of `checks`.
    pub fn new(checks: Vec<Check>) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            checks,
        }
    }

    /// The worst rating of its checks; `None` when nothing was checked.
    pub fn worst(&self) -> Option<Rating> {
        self.checks.iter().map(|check| check.standing).max()
    }
}

/// Columns of the word for a rating.
const WORD: usize = 7;

/// The checkup as text, `width` columns wide, with ANSI codes.
pub fn text(checkup: &Checkup, width: usize) -> String {
    let mut page = Page::new(width);
    let names = checkup.checks.iter().map(|check| columns(&check.name));
    let hang = WORD + names.max().unwrap_or(0) + 2;
    for check in &checkup.checks {
        let (style, word) = match check.standing {
            Rating::Note => (PLAIN, "note"),
            Rating::Good => (GOOD, "good"),
            Rating::Doubtful => (DOUBTFUL, "check"),
            Rating::Bad => (BAD, "bad"),
        };
        let mark = format!("{word:<WORD$}{}:", check.name);
        page.item(style, 0, &mark, hang, &check.finding);
        if let Some(remedy) = &check.remedy {
            page.paragraph(FAINT, hang, remedy);
        }
        if let Some(command) = &check.command {
            page.line(STRONG, &format!("{}{command}", " ".repeat(WORD)));
        }
    }
    page.finish()
}

#[cfg(test)]
mod tests {
    use super::{Check, Checkup, Rating, text};

    #[test]
    fn a_checkup_reads_as_a_list_and_its_worst_standing_counts() {
        let check = |name: &str, standing, command: Option<&str>| Check {
            name: name.to_owned(),
            standing,
            finding: "as \x1bfound".to_owned(),
            remedy: command.map(|_| "Run this.".to_owned()),
            command: command.map(str::to_owned),
        };
        let checkup = Checkup::new(vec![
            check("route", Rating::Good, None),
            check("privilege", Rating::Bad, Some("setcap x")),
        ]);
        assert_eq!(checkup.worst(), Some(Rating::Bad));
        assert_eq!(
            anstream::adapter::strip_str(&text(&checkup, 80)).to_string(),
            "good   route:     as \\u{1b}found\n\
             bad    privilege: as \\u{1b}found\n                  Run this.\n       setcap x\n"
        );
    }
}
