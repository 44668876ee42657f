//! The checkup: what this host can and cannot do, as text and as JSON.

use serde::{Deserialize, Serialize};

use super::page::{BAD, DOUBTFUL, FAINT, GOOD, PLAIN, Page};

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

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was checked, as a short noun.
    pub name: String,
    /// How it stands.
    pub standing: Standing,
    /// What was found.
    pub finding: String,
    /// What to do about it; `None` when nothing is to be done.
    pub remedy: Option<String>,
}

/// How a check stands; the worst is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Said for information.
    Note,
    /// As it should be.
    Good,
    /// Probing works, but something may blur what it finds.
    Doubtful,
    /// Probing cannot work.
    Bad,
}

impl Checkup {
    /// A checkup of `checks`.
    pub fn new(checks: Vec<Check>) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            checks,
        }
    }

    /// The worst standing of its checks; `None` when nothing was checked.
    pub fn worst(&self) -> Option<Standing> {
        self.checks.iter().map(|check| check.standing).max()
    }
}

/// The checkup as text, `width` columns wide, with ANSI codes.
pub fn text(checkup: &Checkup, width: usize) -> String {
    let mut page = Page::new(width);
    for check in &checkup.checks {
        let (style, word) = match check.standing {
            Standing::Note => (PLAIN, "note"),
            Standing::Good => (GOOD, "good"),
            Standing::Doubtful => (DOUBTFUL, "check"),
            Standing::Bad => (BAD, "bad"),
        };
        page.item(
            style,
            0,
            &format!("{word:<5}  {}:", check.name),
            26,
            &check.finding,
        );
        if let Some(remedy) = &check.remedy {
            page.paragraph(FAINT, 26, remedy);
        }
    }
    page.finish()
}
