//! Writes what was found of each endpoint as it becomes known, and remembers what it all comes to.

use std::time::SystemTime;

use serde::Serialize;

use super::arguments::Shared;
use super::exit::ExitStatus;
use super::failure::Failure;
use super::terminal::{Reader, Terminal};
use crate::model::verdict::Cause;
use crate::report::group::Group;
use crate::report::listed::Unresolved;
use crate::report::record::Record;
use crate::report::visible::visible;
use crate::report::{json, text};

/// Writes records to stdout.
#[derive(Debug)]
pub struct RecordWriter<'a> {
    shared: &'a Shared,
    terminal: Terminal,
    /// The records written, where an artefact is to hold them.
    records: Option<Vec<Record>>,
    first: bool,
    worst: ExitStatus,
    /// Whether anything more can be written, or why not.
    stream: Result<Reader, Failure>,
}

impl<'a> RecordWriter<'a> {
    /// A writer that has written nothing yet, and keeps the records if told to.
    pub fn new(shared: &'a Shared, terminal: Terminal, keeps: bool) -> Self {
        Self {
            shared,
            terminal,
            records: keeps.then(Vec::new),
            first: true,
            worst: ExitStatus::Open,
            stream: Ok(Reader::Listens),
        }
    }

    /// Writes a record, whose cause is `cause`; false when nothing more can be written.
    pub fn write(&mut self, cause: Cause, record: Record) -> bool {
        self.judge(ExitStatus::of([cause]), record)
    }

    /// Writes a record that means `status`; false when nothing more can be written.
    pub fn judge(&mut self, status: ExitStatus, record: Record) -> bool {
        let text = self.form(&record);
        self.tell(status, text);
        if let Some(records) = &mut self.records {
            records.push(record);
        }
        self.goes_on()
    }

    /// Whether what is written is read by a person.
    pub const fn is_for_people(&self) -> bool {
        !self.shared.json
    }

    /// Keeps a record for the artefacts that is told otherwise.
    pub fn keep(&mut self, record: Record) {
        if let Some(records) = &mut self.records {
            records.push(record);
        }
    }

    /// Writes a group of endpoints, the worst of which means `status`.
    pub fn sum_up(&mut self, status: ExitStatus, group: &Group) {
        let text = self.json_or(group, || format!("{}\n", visible(&group.line())));
        self.tell(status, text);
    }

    /// Writes that a name has no address.
    pub fn miss(&mut self, unresolved: &Unresolved) {
        let gap = if self.first || self.shared.quiet {
            ""
        } else {
            "\n"
        };
        let summary = &unresolved.verdict.summary;
        let text = self.json_or(unresolved, || format!("{gap}{}\n", visible(summary)));
        self.tell(ExitStatus::Undecided, text);
    }

    /// Whether what is written still goes somewhere.
    const fn goes_on(&self) -> bool {
        matches!(self.stream, Ok(Reader::Listens))
    }

    fn tell(&mut self, status: ExitStatus, text: Result<String, Failure>) {
        self.worst = self.worst.max(status);
        self.first = false;
        if self.goes_on() {
            self.stream = text.and_then(|text| self.terminal.data(&text));
        }
    }

    fn form(&self, record: &Record) -> Result<String, Failure> {
        self.json_or(record, || {
            if self.shared.quiet {
                text::line(record)
            } else {
                let gap = if self.first { "" } else { "\n\n" };
                format!("{gap}{}", text::report(record, self.terminal.width()))
            }
        })
    }

    fn json_or<T: Serialize>(
        &self,
        document: &T,
        text: impl FnOnce() -> String,
    ) -> Result<String, Failure> {
        if self.shared.json {
            Ok(json::document(document)? + "\n")
        } else {
            Ok(text())
        }
    }

    /// The records, for the artefacts; empty where they were not kept.
    pub fn take_records(&mut self) -> Vec<Record> {
        self.records.take().unwrap_or_default()
    }

    /// What it all comes to.
    ///
    /// # Errors
    ///
    /// Why not everything was written, save that the reader of stdout has gone.
    pub fn finish(self) -> Result<ExitStatus, Failure> {
        self.stream.map(|_| self.worst)
    }
}

/// A time of day in UTC, to the second.
pub fn time_of_day(time: SystemTime) -> String {
    // Fails for times that no clock shows.
    jiff::Timestamp::try_from(time)
        .unwrap_or_default()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}
