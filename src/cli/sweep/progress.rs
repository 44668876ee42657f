//! What a person at a terminal sees while a sweep runs: one line on stderr, never in a pipe.

use std::time::Duration;

use indicatif::ProgressBar;

use crate::cli::progress::spinner;
use crate::model::time::Moment;
use crate::net::clock::Clock;
use crate::net::driver::RunStatus;
use crate::report::sweep::pace::Pace;
use crate::report::sweep::tally::Tally;

/// Over how long the rate is measured at least.
const LATELY: Duration = Duration::from_secs(1);
/// The widest line: what is beyond 80 columns a narrow terminal would wrap.
const COLUMNS: usize = 78;

/// The line, or nothing where nobody watches.
#[derive(Debug)]
pub(super) struct SweepProgress {
    bar: ProgressBar,
    shown: bool,
    clock: Clock,
    total: u64,
    before: u64,
    /// When probes were last counted, how many there were, and how many a second came before.
    counted: (Moment, u64, u64),
}

impl SweepProgress {
    /// A line about `total` endpoints, `before` of which were known before; nothing unless `shown`.
    pub(super) fn new(total: u64, before: u64, shown: bool) -> Self {
        Self {
            bar: spinner("{spinner} {wide_msg}", shown),
            shown,
            clock: Clock::start(),
            total,
            before,
            counted: (Moment::START, 0, 0),
        }
    }

    /// Steps aside while `write` writes.
    pub(super) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        if self.shown {
            self.bar.suspend(write)
        } else {
            write()
        }
    }

    /// Shows how the sweep stands.
    pub(super) fn stand(&mut self, standing: RunStatus, tally: &Tally) {
        if !self.shown {
            return;
        }
        let now = self.clock.now();
        let (at, sent, _) = self.counted;
        let span = now.since(at);
        if span >= LATELY {
            let new = u128::from(standing.sent.saturating_sub(sent));
            let rate = new * 1000 / span.as_millis().max(1);
            let rate = u64::try_from(rate).unwrap_or(u64::MAX);
            self.counted = (now, standing.sent, rate);
        }
        let pace = Pace {
            tally,
            before: self.before,
            total: Some(self.total),
            elapsed: now.since(Moment::START),
            rate: self.counted.2,
            receive_drops: standing.receive_drops,
        };
        self.bar.set_message(pace.line(COLUMNS));
    }

    /// Removes the line.
    pub(super) fn clear(self) {
        self.bar.finish_and_clear();
    }
}
