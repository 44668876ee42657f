//! The forms of a report, and which of them a file name asks for.

use std::path::Path;

use crate::report::record::Record;
use crate::report::text;

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
    pub fn of(path: &Path) -> Option<Self> {
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
            Self::Html => format!(
                "<!doctype html><meta charset=\"utf-8\"><title>synquest</title><pre>{}</pre>\n",
                texts(records).replace('&', "&amp;").replace('<', "&lt;")
            ),
            // Indented, it is code, which Markdown leaves alone.
            Self::Markdown => texts(records)
                .lines()
                .map(|line| format!("    {line}\n"))
                .collect(),
        }
    }
}

fn texts(records: &[Record]) -> String {
    let texts: Vec<String> = records
        .iter()
        .map(|record| text::report(record, 100))
        .collect();
    anstream::adapter::strip_str(&texts.join("\n\n")).to_string()
}
