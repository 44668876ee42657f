//! One thing that was checked of a host, and how it stands.

use serde::{Deserialize, Serialize};

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was checked, as a short noun.
    pub name: String,
    /// How it stands.
    pub standing: Rating,
    /// What was found.
    pub finding: String,
    /// What to do about it; `None` when nothing is to be done.
    pub remedy: Option<String>,
    /// What to run for it.
    pub command: Option<String>,
}

/// How a check stands; the worst is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rating {
    /// Said for information.
    Note,
    /// As it should be.
    Good,
    /// Probing works, but something may blur what it finds.
    Doubtful,
    /// Probing cannot work.
    Bad,
}

impl Check {
    /// A check that calls for nothing.
    pub fn new(name: &str, standing: Rating, finding: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            standing,
            finding: finding.into(),
            remedy: None,
            command: None,
        }
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn with_remedy(self, remedy: impl Into<String>) -> Self {
        Self {
            remedy: Some(remedy.into()),
            ..self
        }
    }

    /// The same with what to run for it.
    #[must_use]
    pub fn with_command(self, command: impl Into<String>) -> Self {
        Self {
            command: Some(command.into()),
            ..self
        }
    }
}
