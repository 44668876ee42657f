//! What a person at a terminal sees while a sweep runs: one line on stderr, never in a pipe.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::net::driver::Standing;
use crate::report::sweep::tally::Tally;

/// How often the line moves, to show that the program lives.
const TICK: Duration = Duration::from_millis(120);
/// Causes that are counted apart in the line.
const CAUSES: usize = 4;

/// The line, or nothing where nobody watches.
#[derive(Debug)]
pub(super) struct Watch {
    bar: ProgressBar,
    shown: bool,
}

impl Watch {
    /// A line about `total` endpoints, `done` of which were known before; nothing unless `shown`.
    pub(super) fn new(total: u64, done: u64, shown: bool) -> Self {
        let bar = if shown {
            ProgressBar::new(total)
        } else {
            ProgressBar::hidden()
        };
        let template = "{spinner} {pos} of {len}, {eta} left; {wide_msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.tick_chars("-\\|/ "));
        }
        bar.set_position(done);
        bar.reset_eta();
        if shown {
            bar.enable_steady_tick(TICK);
        }
        Self { bar, shown }
    }

    /// One more endpoint has settled; `write` writes about it.
    pub(super) fn settle<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.inc(1);
        if self.shown {
            self.bar.suspend(write)
        } else {
            write()
        }
    }

    /// Shows how the sweep stands.
    pub(super) fn stand(&self, standing: Standing, tally: &Tally) {
        if self.shown {
            self.bar.set_message(line(standing, tally));
        }
    }

    /// Removes the line.
    pub(super) fn clear(self) {
        self.bar.finish_and_clear();
    }
}

/// Counts by cause, the most frequent first, then what it costs. What matters least comes last: a
/// narrow terminal cuts it.
fn line(standing: Standing, tally: &Tally) -> String {
    let mut causes: Vec<(u64, &str)> = Vec::new();
    for (kind, count) in &tally.kinds {
        match causes.iter_mut().find(|(_, cause)| *cause == kind.cause) {
            Some((sum, _)) => *sum += count,
            None => causes.push((*count, &kind.cause)),
        }
    }
    causes.sort_unstable_by(|a, b| b.cmp(a));
    let mut words: Vec<String> = causes
        .iter()
        .take(CAUSES)
        .map(|(count, cause)| format!("{count} {cause}"))
        .collect();
    words.push(format!("{} open inquests", standing.open));
    words.push(format!("at most {} pps", standing.rate));
    if standing.receive_drops > 0 {
        words.push(format!("{} frames lost here", standing.receive_drops));
    }
    words.join(", ")
}
