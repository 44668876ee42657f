//! The two streams: data to stdout, everything else to stderr.

use std::io::{self, IsTerminal as _, Write as _};

use anstream::AutoStream;
use clap::ColorChoice;
use clap::error::ErrorKind;

use super::exit::ExitStatus;

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
    /// Whatever the write says; [`io::ErrorKind::BrokenPipe`] when the reader has gone.
    pub fn data(self, text: &str) -> io::Result<()> {
        let mut stdout = AutoStream::new(io::stdout(), self.color).lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
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
