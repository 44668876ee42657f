//! How fast datagrams leave, over all that a run asks: as asked for, and slower while this host cannot
//! follow.
//!
//! At each sign of a shortage (a refusal for want of room, a frame lost before it was read) half of the
//! rate that was reached; from then on back to what was asked for little by little (additive increase,
//! multiplicative decrease; Chiu and Jain, 1989).

use std::time::Duration;

use super::pacer::Pacer;
use crate::model::time::Moment;

/// Steps from a standstill to the full rate.
const STEPS: u32 = 20;
/// Slowest rate that a shortage leads to, datagrams a second.
const LEAST: u32 = 100;
/// A rate is not measured over less than this.
const MEASURABLE: Duration = Duration::from_millis(10);

/// A token bucket whose rate follows the host.
#[derive(Clone, Debug)]
pub(super) struct Governor {
    pacer: Pacer,
    asked: u32,
    rate: u32,
    /// Signs of one shortage come in crowds: all within this time count as one. Also how often the rate
    /// is raised again, and how long it is measured.
    step: Duration,
    /// When the rate was last changed.
    changed: Moment,
    /// Since when `spent` counts.
    since: Moment,
    spent: u32,
}

impl Governor {
    /// Nothing is short: `asked` datagrams a second, zero counts as one.
    pub(super) fn new(asked: u32, step: Duration) -> Self {
        let asked = asked.max(1);
        Self {
            pacer: Pacer::new(asked),
            asked,
            rate: asked,
            step,
            changed: Moment::START,
            since: Moment::START,
            spent: 0,
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
        if now.since(self.since) >= self.step {
            self.since = now;
            self.spent = 0;
        }
        self.spent = self.spent.saturating_add(1);
        self.pacer.spend(now);
    }

    /// This host is short of something.
    pub(super) fn brake(&mut self, now: Moment) {
        if self.rate < self.asked && now.since(self.changed) < self.step {
            return;
        }
        let measured = now.since(self.since);
        let reached = if measured < MEASURABLE {
            self.rate
        } else {
            let reached = f64::from(self.spent) / measured.as_secs_f64();
            // Rounded down, and no more than the rate.
            reached.min(f64::from(self.rate)) as u32
        };
        self.set(now, reached / 2);
    }

    /// Time passes without a shortage.
    pub(super) fn recover(&mut self, now: Moment) {
        if self.rate < self.asked && now.since(self.changed) >= self.step {
            self.set(now, self.rate.saturating_add((self.asked / STEPS).max(1)));
        }
    }

    fn set(&mut self, now: Moment, rate: u32) {
        self.changed = now;
        self.rate = rate.clamp(LEAST.min(self.asked), self.asked);
        self.pacer.change(self.rate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(500);

    fn at(millis: u64) -> Moment {
        Moment::from_nanos(millis * 1_000_000)
    }

    /// How many leave in the second from `now`.
    fn reached(governor: &mut Governor, mut now: Moment) -> u32 {
        let end = now.after(Duration::from_secs(1));
        let mut sent = 0;
        loop {
            governor.recover(now);
            now = governor.ready_at(now);
            if now >= end {
                return sent;
            }
            governor.spend(now);
            sent += 1;
        }
    }

    #[test]
    fn a_crowd_of_signs_halves_the_rate_once() {
        let mut governor = Governor::new(1000, STEP);
        governor.brake(at(1));
        governor.brake(at(2));
        assert_eq!(governor.rate(), 500);
    }

    #[test]
    fn the_rate_that_was_reached_is_halved_not_the_one_that_was_asked_for() {
        let mut governor = Governor::new(1_000_000, STEP);
        for sent in 0..400 {
            governor.spend(at(1000 + sent / 4));
        }
        governor.brake(at(1100));
        assert_eq!(governor.rate(), 2000);
    }

    #[test]
    fn the_rate_comes_back_in_steps_and_not_beyond_what_was_asked_for() {
        let mut governor = Governor::new(1000, STEP);
        governor.brake(at(1));
        governor.recover(at(500));
        assert_eq!(governor.rate(), 500);
        governor.recover(at(501));
        assert_eq!(governor.rate(), 550);
        for step in 2..30 {
            governor.recover(at(501 * step));
        }
        assert_eq!(governor.rate(), 1000);
    }

    #[test]
    fn some_rate_is_always_left() {
        let mut governor = Governor::new(1000, STEP);
        for step in 1..20 {
            governor.brake(at(500 * step));
        }
        assert_eq!(governor.rate(), LEAST);
        let mut slow = Governor::new(1, STEP);
        slow.brake(at(1));
        assert_eq!(slow.rate(), 1);
    }

    #[test]
    fn a_shortage_slows_and_a_while_without_one_makes_up_for_it() {
        let mut governor = Governor::new(10_000, STEP / 5);
        assert!((10_000..=10_100).contains(&reached(&mut governor, at(1000))));
        governor.brake(at(2000));
        governor.brake(at(2000));
        let slow = reached(&mut governor, at(2000));
        assert!((4_000..9_000).contains(&slow), "{slow}");
        reached(&mut governor, at(3000));
        assert!((9_900..=10_100).contains(&reached(&mut governor, at(4000))));
    }
}
