//! Time as the core knows it: nanoseconds since the run began.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A moment of a run, in nanoseconds since the run began.
///
/// The zero is [`Moment::START`]. Moments come from the driver (monotonic clock, or kernel
/// timestamps mapped onto it) or from the simulator; nothing in the core makes one up.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Moment(u64);

impl Moment {
    /// The beginning of the run.
    pub const START: Self = Self(0);

    /// The moment `nanos` nanoseconds after the run began.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the run began.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// Whole microseconds since the run began.
    pub const fn micros(self) -> u64 {
        self.0 / 1_000
    }

    /// The moment `span` later; saturates after 584 years.
    pub fn after(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)),
        )
    }

    /// The span from `earlier` to here; zero when `earlier` is not earlier.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// A span with the unit and the digits that a person reads at a glance: `212 µs`, `1.2 ms`, `9.3 s`.
pub fn spell(span: Duration) -> String {
    let micros = span.as_micros();
    let unit = if micros < 1_000_000 { 1_000 } else { 1_000_000 };
    let (whole, tenth) = (micros / unit, micros % unit * 10 / unit);
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..100_000 => format!("{whole}.{tenth} ms"),
        100_000..1_000_000 => format!("{whole} ms"),
        1_000_000..100_000_000 => format!("{whole}.{tenth} s"),
        _ => format!("{whole} s"),
    }
}

/// Whole microseconds of `span`; saturates.
pub fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
