//! The rate of a triage: as asked, and slower while this host cannot follow.
//!
//! A refusal for want of room, or a frame lost before it was read, halves the rate that was reached;
//! from then on it grows back by a tenth every tenth of a second, up to the rate asked for.

use std::time::Duration;

use super::super::pacer::Pacer;
use crate::model::time::Moment;

/// How often the rate is changed, and how long it is measured.
const STEP: Duration = Duration::from_millis(100);
/// Slowest rate that a shortage leads to.
const LEAST: u32 = 100;

/// A token bucket whose rate follows the host.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    pacer: Pacer,
    asked: u32,
    rate: u32,
    /// Since when `spent` counts.
    since: Moment,
    spent: u32,
    /// When the rate was last lowered.
    braked: Option<Moment>,
}

impl Pace {
    pub(super) fn new(rate: u32) -> Self {
        Self {
            pacer: Pacer::new(rate),
            asked: rate.max(1),
            rate: rate.max(1),
            since: Moment::START,
            spent: 0,
            braked: None,
        }
    }

    /// Datagrams that may leave in a second at present.
    pub(super) const fn rate(&self) -> u32 {
        self.rate
    }

    /// The earliest moment, from `now` on, when a datagram may leave.
    pub(super) fn ready_at(&self, now: Moment) -> Moment {
        self.pacer.ready_at(now)
    }

    /// A datagram leaves.
    pub(super) fn spend(&mut self, now: Moment) {
        if now.since(self.since) >= STEP {
            let rested = self.braked.is_none_or(|at| now.since(at) >= STEP);
            if rested && self.rate < self.asked {
                self.set(self.rate.saturating_add(self.rate / 10).saturating_add(1));
            }
            self.since = now;
            self.spent = 0;
        }
        self.spent = self.spent.saturating_add(1);
        self.pacer.spend(now);
    }

    /// This host cannot follow.
    pub(super) fn brake(&mut self, now: Moment) {
        if self.braked.is_some_and(|at| now.since(at) < STEP) {
            return;
        }
        self.braked = Some(now);
        let reached = match u32::try_from(now.since(self.since).as_millis()) {
            // Too short to measure.
            Ok(0..10) | Err(_) => self.rate,
            Ok(millis) => self.spent.saturating_mul(1000) / millis,
        };
        self.set(self.rate.min(reached) / 2);
    }

    fn set(&mut self, rate: u32) {
        self.rate = rate.clamp(LEAST.min(self.asked), self.asked);
        self.pacer.change(self.rate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many leave in the second from `now`.
    fn reached(pace: &mut Pace, mut now: Moment) -> u32 {
        let end = now.after(Duration::from_secs(1));
        let mut sent = 0;
        loop {
            now = pace.ready_at(now);
            if now >= end {
                return sent;
            }
            pace.spend(now);
            sent += 1;
        }
    }

    #[test]
    fn a_shortage_slows_and_a_while_without_one_makes_up_for_it() {
        let second = |n| Moment::START.after(Duration::from_secs(n));
        let mut pace = Pace::new(10_000);
        assert!((10_000..=10_100).contains(&reached(&mut pace, second(1))));
        pace.brake(second(2));
        pace.brake(second(2));
        let slow = reached(&mut pace, second(2));
        assert!((5_000..9_000).contains(&slow), "{slow}");
        reached(&mut pace, second(3));
        assert!((9_900..=10_100).contains(&reached(&mut pace, second(4))));
    }
}
