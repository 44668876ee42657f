//! The statistics of silence: how likely is it that loss alone explains it?
//!
//! The loss of this path is estimated from control probes that something answers. With a Jeffreys
//! prior Beta(½, ½) and `a` controls answered, `l` lost, the chance that `n` further probes are all
//! lost is the Beta–binomial predictive ∏ (½ + l + i) / (1 + a + l + i), i = 0 … n−1.
//!
//! Losses come in bursts, so probes that stand close together are one trial: see [`spread`].

use std::time::Duration;

use crate::model::time::Moment;
use crate::model::verdict::Confidence;

/// Bound of `confirmed`: chance of loss.
pub(super) const CONFIRMED: f64 = 1e-6;
/// Bound of `likely`: chance of loss.
pub(super) const LIKELY: f64 = 1e-3;
/// Bound of `confirmed`: least span of the silent probes.
pub(super) const CONFIRMED_SPAN: Duration = Duration::from_secs(9);

/// Probes nearer together than this may fall into one loss burst and count once.
const BURST: Duration = Duration::from_millis(200);

/// How many a list holds.
pub(super) fn count(list: usize) -> u32 {
    u32::try_from(list).unwrap_or(u32::MAX)
}

/// What control probes show of the path's loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Loss {
    /// Control probes that were answered.
    pub(super) answered: u32,
    /// Control probes that were not, though their like was.
    pub(super) lost: u32,
}

impl Loss {
    /// Both samples together.
    pub(super) const fn and(self, other: Self) -> Self {
        Self {
            answered: self.answered + other.answered,
            lost: self.lost + other.lost,
        }
    }

    /// The chance that loss alone silences `count` independent probes.
    pub(super) fn chance_of_silence(self, count: u32) -> f64 {
        let lost = 0.5 + f64::from(self.lost);
        let all = 1.0 + f64::from(self.answered) + f64::from(self.lost);
        (0..count)
            .map(|i| (lost + f64::from(i)) / (all + f64::from(i)))
            .product()
    }

    /// Bounds of the loss per round trip: the Wilson score interval at 90 %; `None` without controls.
    pub(super) fn bounds(self) -> Option<(f64, f64)> {
        let count = f64::from(self.answered) + f64::from(self.lost);
        (count > 0.0).then(|| wilson(f64::from(self.lost), count))
    }
}

/// The 90 % Wilson score interval of `hits` in `count`; `count` must not be 0.
pub(super) fn wilson(hits: f64, count: f64) -> (f64, f64) {
    const Z: f64 = 1.645;
    let share = hits / count;
    let scale = 1.0 + Z * Z / count;
    let middle = (share + Z * Z / (2.0 * count)) / scale;
    let half = Z / scale * (share * (1.0 - share) / count + Z * Z / (4.0 * count * count)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

/// How many independent trials probes sent at `times` (in any order) are worth.
pub(super) fn spread(times: impl IntoIterator<Item = Moment>) -> u32 {
    let mut times: Vec<Moment> = times.into_iter().collect();
    times.sort_unstable();
    let mut count = 0;
    let mut last: Option<Moment> = None;
    for time in times {
        if last.is_none_or(|last| time.since(last) >= BURST) {
            count += 1;
            last = Some(time);
        }
    }
    count
}

/// The confidence that a silence of chance `chance` over `span` deserves, when controls were
/// answered meanwhile (`controlled`).
pub(super) fn confidence(chance: f64, span: Duration, controlled: bool) -> Confidence {
    if chance <= CONFIRMED && span >= CONFIRMED_SPAN && controlled {
        Confidence::Confirmed
    } else if chance <= LIKELY {
        Confidence::Likely
    } else {
        Confidence::Possible
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seven_silent_probes_beside_twenty_answered_controls_are_one_in_a_million() {
        let loss = Loss {
            answered: 20,
            lost: 0,
        };
        assert!(loss.chance_of_silence(6) < CONFIRMED);
        assert!(loss.chance_of_silence(3) < LIKELY && loss.chance_of_silence(3) > CONFIRMED);
    }

    #[test]
    fn without_controls_silence_proves_little() {
        assert!(Loss::default().chance_of_silence(10) > 0.1);
    }

    #[test]
    fn a_burst_of_probes_counts_once() {
        let at = |millis: u64| Moment::from_nanos(millis * 1_000_000);
        assert_eq!(spread([at(0), at(50), at(100), at(300), at(1000)]), 3);
    }

    #[test]
    fn silence_is_confirmed_only_over_nine_witnessed_seconds() {
        let nine = Duration::from_secs(9);
        assert_eq!(confidence(1e-7, nine, true), Confidence::Confirmed);
        assert_eq!(confidence(1e-7, nine, false), Confidence::Likely);
        assert_eq!(
            confidence(1e-7, Duration::from_secs(8), true),
            Confidence::Likely
        );
        assert_eq!(confidence(1e-2, nine, true), Confidence::Possible);
    }
}
