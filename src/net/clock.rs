//! The run's one clock: monotonic, from zero, with kernel timestamps mapped onto it.
//!
//! Deadlines only ever come from the monotonic clock. Kernel timestamps of frames are wall-clock
//! times; a tie between the two clocks, taken afresh for every batch of frames, maps them, and
//! a window bounds what a step of the wall clock between stamp and tie can do: a frame was stamped
//! after the socket was last seen empty and before now.

#![allow(
    clippy::disallowed_methods,
    reason = "the one place that reads the machine's clocks"
)]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::model::time::Moment;

/// The clock of one run.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    zero: Instant,
    began: SystemTime,
}

impl Clock {
    /// A clock that reads zero now.
    pub fn start() -> Self {
        Self {
            zero: Instant::now(),
            began: SystemTime::now(),
        }
    }

    /// The moment it is.
    pub fn now(&self) -> Moment {
        Moment::from_nanos(u64::try_from(self.zero.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    /// The wall-clock time at which the run began: for headings and capture files, never for
    /// deadlines.
    pub const fn began(&self) -> SystemTime {
        self.began
    }

    /// Ties the monotonic clock to the wall clock as both stand now.
    pub(super) fn tie(&self) -> Tie {
        let before = self.now();
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        let after = self.now();
        // Being preempted between the two readings would shift every stamp of the batch by the
        // time lost; the middle halves that, and the window of `moment` bounds it.
        Tie {
            at: before.after(after.since(before) / 2),
            now: after,
            wall,
        }
    }
}

/// The two clocks side by side at one instant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tie {
    at: Moment,
    now: Moment,
    wall: Duration,
}

impl Tie {
    /// The moment of a kernel stamp (time since the Unix epoch), kept between `floor` and the
    /// time of the tie. Without a stamp: the time of the tie.
    pub(super) fn moment(&self, stamp: Option<Duration>, floor: Moment) -> Moment {
        let Some(stamp) = stamp else { return self.now };
        let ago = self.wall.saturating_sub(stamp);
        let nanos = self
            .at
            .nanos()
            .saturating_sub(u64::try_from(ago.as_nanos()).unwrap_or(u64::MAX));
        Moment::from_nanos(nanos).max(floor).min(self.now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn tie(at: u64, wall: u64) -> Tie {
        Tie {
            at: Moment::from_nanos(at),
            now: Moment::from_nanos(at),
            wall: Duration::from_nanos(wall),
        }
    }

    fn check(stamp: Option<u64>, expected: u64) {
        let tie = tie(5_000, 1_000_000);
        let floor = Moment::from_nanos(4_000);
        let moment = tie.moment(stamp.map(Duration::from_nanos), floor);
        assert_eq!(moment, Moment::from_nanos(expected), "stamp {stamp:?}");
    }

    #[test]
    fn a_stamp_is_moved_by_the_offset_of_the_clocks() {
        check(Some(999_700), 4_700);
    }

    #[test]
    fn a_stamp_outside_the_window_is_kept_in_it() {
        check(Some(1_000_001), 5_000);
        check(Some(2_000_000), 5_000);
        check(Some(990_000), 4_000);
        check(Some(0), 4_000);
    }

    #[test]
    fn a_frame_without_a_stamp_is_of_now() {
        check(None, 5_000);
    }
}
