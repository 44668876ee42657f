//! The rate at which datagrams leave, over all diagnoses: a token bucket.
//!
//! Kept as one moment (the generic cell rate algorithm, ITU-T I.371): when the bucket would be full
//! again. A late call is not made up for by a burst larger than the bucket.

use std::time::Duration;

use crate::model::time::Moment;

/// A bucket holds what may leave in this time, at least one datagram.
const DEPTH: Duration = Duration::from_millis(10);

/// A token bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pacer {
    interval: Duration,
    depth: Duration,
    full_at: Moment,
}

impl Pacer {
    /// A full bucket that refills with `rate` datagrams a second; zero counts as one.
    pub(super) fn new(rate: u32) -> Self {
        let interval = Duration::from_secs(1) / rate.max(1);
        Self::spaced(interval, DEPTH.max(interval))
    }

    /// A full bucket that refills with one datagram each `interval` and holds `depth` worth of them.
    pub(super) const fn spaced(interval: Duration, depth: Duration) -> Self {
        Self {
            interval,
            depth,
            full_at: Moment::START,
        }
    }

    /// Goes on with another rate.
    pub(super) fn change(&mut self, rate: u32) {
        let full_at = self.full_at;
        *self = Self {
            full_at,
            ..Self::new(rate)
        };
    }

    /// The earliest moment, from `now` on, when a datagram may leave.
    pub(super) fn ready_at(&self, now: Moment) -> Moment {
        let debt = self.full_at.after(self.interval).since(Moment::START);
        let allowed = Moment::START.after(debt.saturating_sub(self.depth));
        allowed.max(now)
    }

    /// A datagram leaves.
    pub(super) fn spend(&mut self, now: Moment) {
        self.full_at = self.full_at.max(now).after(self.interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many datagrams leave in `span` when every one leaves as early as it may.
    fn count(rate: u32, span: Duration) -> u32 {
        let mut pacer = Pacer::new(rate);
        let mut now = Moment::from_nanos(5_000_000_000);
        let end = now.after(span);
        let mut sent = 0;
        loop {
            now = pacer.ready_at(now);
            if now >= end {
                return sent;
            }
            pacer.spend(now);
            sent += 1;
        }
    }

    #[test]
    fn the_rate_is_kept_and_the_first_burst_is_one_bucket() {
        for (rate, burst) in [(1, 1), (10, 1), (1000, 10), (50_000, 500)] {
            let at_once = count(rate, Duration::from_nanos(1));
            assert_eq!(at_once, burst, "rate {rate}");
            let sent = count(rate, Duration::from_secs(2));
            assert!(
                (2 * rate..=2 * rate + burst).contains(&sent),
                "{rate} {sent}"
            );
        }
    }

    #[test]
    fn an_idle_hour_earns_no_more_than_one_bucket() {
        let mut pacer = Pacer::new(1000);
        pacer.spend(Moment::START);
        let later = Moment::START.after(Duration::from_secs(3600));
        for _ in 0..10 {
            assert_eq!(pacer.ready_at(later), later);
            pacer.spend(later);
        }
        assert!(pacer.ready_at(later) > later);
    }
}
