//! `synquest explain`: the verdicts again, from a capture file alone.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::arguments::{ExplainArguments, Shared};
use super::exit::ExitStatus;
use super::failure::Failure;
use super::observed;
use super::scribe::Scribe;
use super::terminal::Terminal;
use crate::capture::explain::{Explained, explain};
use crate::capture::note;
use crate::capture::read::{Reader, Unreadable};
use crate::report::record::{Record, Run};

/// Why a file cannot be explained at all.
#[derive(Debug, thiserror::Error)]
pub enum Unexplained {
    /// It cannot be opened.
    #[error("cannot open {}: {source}", path.display())]
    Closed {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no capture.
    #[error("cannot explain {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: Unreadable,
    },
}

/// Explains a capture.
///
/// # Errors
///
/// When the file cannot be read at all, or the result not be written.
pub fn run(
    arguments: &ExplainArguments,
    shared: &Shared,
    terminal: Terminal,
) -> Result<ExitStatus, Failure> {
    let path = &arguments.file;
    let source = open(path)?;
    let reader = Reader::open(source).map_err(|reason| Unexplained::Unreadable {
        path: path.clone(),
        reason,
    })?;
    let explained = explain(reader);
    let mut scribe = Scribe::new(shared, terminal, false);
    for (run, inquest) in &explained.inquests {
        let mut record = Record::new(&inquest.outcome, &its_run(run));
        record.number(|id| inquest.numbers.of(id).to_vec());
        scribe.write(inquest.outcome.finding.verdict.cause, record);
    }
    if let Some((began, account)) = &explained.observed {
        let run = observed_run(*began);
        for encounter in &account.encounters {
            let cause = encounter.outcome.finding.verdict.cause;
            scribe.write(cause, observed::record(encounter, &run));
        }
    }
    warn(&explained);
    scribe.finish()
}

fn warn(explained: &Explained) {
    for damage in &explained.damage {
        tracing::warn!("the capture is damaged: {damage}");
    }
}

fn open(path: &Path) -> Result<Box<dyn Read + Send>, Unexplained> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdin()));
    }
    match File::open(path) {
        Ok(file) => Ok(Box::new(file)),
        Err(source) => Err(Unexplained::Closed {
            path: path.to_owned(),
            source,
        }),
    }
}

/// The run that told itself in this capture.
fn its_run(run: &note::Run) -> Run {
    Run {
        version: run.version.clone(),
        seed: run.seed,
        started: time_of_day(run.began),
    }
}

/// The "run" of those who did not know that they would be read: it began with the first packet.
fn observed_run(began: u64) -> Run {
    Run::new(None, time_of_day(began))
}

/// A time in nanoseconds since the Unix epoch as UTC, to the second.
fn time_of_day(nanos: u64) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(nanos))
        .unwrap_or_default()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}
