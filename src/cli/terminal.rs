//! The two streams: data to stdout, everything else to stderr.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use anstream::AutoStream;
use clap::ColorChoice;
use clap::error::ErrorKind;
use serde::Serialize;

use super::arguments::Shared;
use super::exit::ExitStatus;
use super::failure::Failure;
use crate::report::json;
use crate::report::page::BAD;
use crate::report::visible::visible;

/// Columns of a report where stdout is no terminal.
const COLUMNS: usize = 80;

/// The widest report: longer lines are hard to read.
const MOST_COLUMNS: usize = 100;

/// The program's two streams and whether they are coloured.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    color: anstream::ColorChoice,
}

/// Whether anybody still reads stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// Somebody does, as far as is known.
    Listens,
    /// Nobody does: a closed pipe.
    Gone,
}

impl Terminal {
    /// The streams of this process, coloured when `choice` says so.
    pub const fn new(choice: ColorChoice) -> Self {
        Self {
            color: match choice {
                ColorChoice::Auto => anstream::ColorChoice::Auto,
                ColorChoice::Always => anstream::ColorChoice::Always,
                ColorChoice::Never => anstream::ColorChoice::Never,
            },
        }
    }

    /// Writes data to stdout and flushes it; ANSI codes are stripped where colour is not wanted.
    ///
    /// # Errors
    ///
    /// When it cannot be written, save that the reader has gone: nobody wants to hear of that.
    pub fn data(self, text: &str) -> Result<Reader, Failure> {
        let mut stdout = AutoStream::new(io::stdout(), self.color).lock();
        let written = stdout.write_all(text.as_bytes());
        match written.and_then(|()| stdout.flush()) {
            Ok(()) => Ok(Reader::Listens),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
            Err(error) => Err(Failure::incapable(format!(
                "cannot write to stdout: {error}"
            ))),
        }
    }

    /// Writes one document to stdout: JSON on a line where that is asked for, else `text`.
    ///
    /// # Errors
    ///
    /// As [`Self::data`].
    pub fn document<T: Serialize>(
        self,
        shared: &Shared,
        document: &T,
        text: impl FnOnce() -> String,
    ) -> Result<Reader, Failure> {
        if shared.json {
            self.data(&(json::document(document)? + "\n"))
        } else {
            self.data(&text())
        }
    }

    /// Says on stderr which files were written, unless it is to be quiet.
    pub fn announce<'a>(self, shared: &Shared, written: impl IntoIterator<Item = &'a Path>) {
        if !shared.quiet {
            for path in written {
                self.note(&format!("wrote {}", path.display()));
            }
        }
    }

    /// Writes an error message to stderr. Nobody is left to tell when that fails.
    pub fn error(self, message: &str) {
        let mut stderr = AutoStream::new(io::stderr(), self.color).lock();
        let mut lines = message.lines();
        let first = visible(lines.next().unwrap_or_default());
        let _ = writeln!(stderr, "{BAD}error:{BAD:#} {first}");
        for line in lines {
            let _ = writeln!(stderr, "  {}", visible(line));
        }
    }

    /// Writes a remark to stderr. Nobody is left to tell when that fails.
    pub fn note(self, message: &str) {
        let mut stderr = AutoStream::new(io::stderr(), self.color).lock();
        let _ = writeln!(stderr, "note: {}", visible(message));
    }

    /// Writes text, which may hold ANSI codes, to stderr. Nobody is left to tell when that fails.
    pub fn aside(self, text: &str) {
        let _ = AutoStream::new(io::stderr(), self.color)
            .lock()
            .write_all(text.as_bytes());
    }

    /// Whether a person watches stderr.
    pub fn watched(self) -> bool {
        io::stderr().is_terminal()
    }

    /// Columns of a report: those of the terminal, within reason; 80 where there is none.
    pub fn width(self) -> usize {
        terminal_size::terminal_size_of(io::stdout())
            .map_or(COLUMNS, |(width, _)| usize::from(width.0).min(MOST_COLUMNS))
    }
}

/// Writes what clap has to say of the arguments: help and version as they are, an error (which
/// repeats what the user typed) sanitised.
pub fn explain(error: &clap::Error) -> ExitStatus {
    if error.exit_code() == 0 || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    {
        // Nobody is left to tell when that fails.
        let _ = error.print();
    } else {
        let mut stderr = io::stderr().lock();
        for line in error.to_string().lines() {
            let _ = writeln!(stderr, "{}", visible(line));
        }
    }
    if error.exit_code() == 0 {
        ExitStatus::Open
    } else {
        ExitStatus::Usage
    }
}
