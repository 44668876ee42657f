//! What a person at a terminal sees while waiting: one line on stderr, never in a pipe.

use std::net::SocketAddr;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::model::outcome::Outcome;
use crate::report::live;

/// How often the line moves, to show that the program lives.
const TICK: Duration = Duration::from_millis(120);

/// The line, or nothing where nobody watches.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    total: usize,
    settled: usize,
    /// The endpoint the line is about, until it settles: a line that changes its subject ten times
    /// a second tells nothing.
    subject: Option<SocketAddr>,
}

impl Progress {
    /// A line about `total` endpoints; nothing unless `shown`.
    pub fn new(total: usize, shown: bool) -> Self {
        let bar = spinner("{spinner} {elapsed:>4} {wide_msg}", shown);
        bar.set_message("asking for the way to the target");
        Self {
            bar,
            total,
            settled: 0,
            subject: None,
        }
    }

    /// Shows the best reading so far, of one endpoint after the other.
    pub fn reading(&mut self, outcome: &Outcome) {
        let socket = outcome.endpoint.socket();
        if *self.subject.get_or_insert(socket) != socket {
            return;
        }
        let count = if self.total > 1 {
            format!("{} of {} done; ", self.settled, self.total)
        } else {
            String::new()
        };
        self.bar
            .set_message(format!("{count}{}", live::line(outcome)));
    }

    /// Counts one endpoint as done, and steps aside while `write` writes about it.
    pub fn settle<T>(&mut self, outcome: &Outcome, write: impl FnOnce() -> T) -> T {
        self.settled += 1;
        if self.subject == Some(outcome.endpoint.socket()) {
            self.subject = None;
        }
        self.bar.suspend(write)
    }

    /// Removes the line.
    pub fn clear(self) {
        self.bar.finish_and_clear();
    }
}

/// A line that moves, to show that the program lives; nothing unless `shown`.
pub fn spinner(template: &str, shown: bool) -> ProgressBar {
    if !shown {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.tick_chars("-\\|/ "));
    }
    bar.enable_steady_tick(TICK);
    bar
}
