//! How fast this host lets us go: half as fast at each sign of a shortage, and back to what was asked
//! for little by little (additive increase, multiplicative decrease; Chiu and Jain, 1989).

use std::time::Duration;

use crate::model::time::Moment;

/// Signs of one shortage come in crowds: all within this time count as one. Also how often the rate is
/// raised again.
const STEP: Duration = Duration::from_millis(500);
/// Steps from a standstill to the full rate.
const STEPS: u32 = 20;
/// The rate is never less than this part of what was asked for.
const LEAST: u32 = 16;

/// The rate at present.
#[derive(Clone, Copy, Debug)]
pub(super) struct Brake {
    asked: u32,
    present: u32,
    changed: Moment,
}

impl Brake {
    /// Nothing is short.
    pub(super) const fn new(asked: u32) -> Self {
        Self {
            asked,
            present: asked,
            changed: Moment::START,
        }
    }

    /// Datagrams a second.
    pub(super) const fn rate(&self) -> u32 {
        self.present
    }

    /// This host is short of something. Says whether the rate changed.
    pub(super) fn press(&mut self, now: Moment) -> bool {
        let braked = self.present < self.asked;
        if braked && now.since(self.changed) < STEP {
            return false;
        }
        self.changed = now;
        let before = self.present;
        self.present = (before / 2).max(self.asked / LEAST).max(1);
        self.present != before
    }

    /// Time passes without a shortage. Says whether the rate changed.
    pub(super) fn release(&mut self, now: Moment) -> bool {
        if self.present >= self.asked || now.since(self.changed) < STEP {
            return false;
        }
        self.changed = now;
        let raised = self.present.saturating_add((self.asked / STEPS).max(1));
        self.present = raised.min(self.asked);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn a_crowd_of_signs_halves_the_rate_once() {
        let mut brake = Brake::new(1000);
        assert!(brake.press(at(1)));
        assert!(!brake.press(at(2)));
        assert_eq!(brake.rate(), 500);
        assert!(brake.press(at(501)));
        assert_eq!(brake.rate(), 250);
    }

    #[test]
    fn the_rate_comes_back_in_steps_and_not_beyond_what_was_asked_for() {
        let mut brake = Brake::new(1000);
        brake.press(at(0));
        assert!(!brake.release(at(499)));
        assert!(brake.release(at(500)));
        assert_eq!(brake.rate(), 550);
        for step in 2..30 {
            brake.release(at(500 * step));
        }
        assert_eq!(brake.rate(), 1000);
    }

    #[test]
    fn some_rate_is_always_left() {
        let mut brake = Brake::new(1000);
        for step in 0..20 {
            brake.press(at(500 * step));
        }
        assert_eq!(brake.rate(), 62);
        let mut slow = Brake::new(1);
        slow.press(at(0));
        assert_eq!(slow.rate(), 1);
    }
}
