//! The forms of a report, and which of them a file name asks for.

use std::path::{Path, PathBuf};

use crate::files::destination::{Refusal, Refused};
use crate::report::record::Record;
use crate::report::{html, markdown};

/// A form of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A page for a browser.
    Html,
    /// Markdown, for a ticket.
    Markdown,
}

impl Form {
    /// The ends of file names that ask for a form.
    pub const ENDINGS: &'static str = ".html, .htm, .md";

    /// The form that the name of `path` asks for.
    fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "html" | "htm" => Some(Self::Html),
            "md" => Some(Self::Markdown),
            _ => None,
        }
    }

    /// The report on `records` in this form.
    pub fn page(self, records: &[Record]) -> String {
        match self {
            Self::Html => html::page(records),
            Self::Markdown => markdown::page(records),
        }
    }
}

/// The forms that the names of `paths` ask for.
///
/// # Errors
///
/// The first that asks for none.
pub fn forms(paths: &[PathBuf]) -> Result<Vec<Form>, Refused> {
    let asked = |path: &PathBuf| {
        Form::of(path).ok_or_else(|| Refused {
            path: path.clone(),
            refusal: Refusal::Ending(Form::ENDINGS),
        })
    };
    paths.iter().map(asked).collect()
}
