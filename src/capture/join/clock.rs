//! How the clock of another point runs against ours, from the packets that both saw.
//!
//! A packet is nowhere seen before it was sent. So one of ours that is stamped `y` later there than
//! here says that their clock is ahead by at most `y`, and one of theirs that is stamped `z` later
//! there says that it is ahead by at least `z`. With a clock that runs fast or slow these are bounds of
//! a line; what is stated is what all of them allow.

use std::collections::BTreeMap;
use std::fmt;

use super::journey::{Journey, Way};
use super::link::seen;
use super::point::Point;

/// How far the clock of a point is ahead of ours, in nanoseconds; behind is negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// At least so far; `None` where none of its packets was seen here.
    pub low: Option<i64>,
    /// At most so far; `None` where none of ours was seen there.
    pub high: Option<i64>,
}

/// The clock of a point against ours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clock {
    /// How far it is ahead at [`Clock::at`].
    pub offset: Bounds,
    /// The moment of the offset by our clock, in nanoseconds since the Unix epoch.
    pub at: u64,
    /// By how much it gains at least and at most, in parts per billion; `None` where the matched
    /// packets span too little to say.
    pub drift: Option<(i64, i64)>,
    /// Matched packets of ours, and of theirs.
    pub pairs: (usize, usize),
    /// False where no steady clock explains the pairs: it was set meanwhile, or is very uneven.
    pub is_steady: bool,
}

/// A packet that both saw: when by our clock, and how much later by theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) at: u64,
    pub(super) later: i64,
}

/// Most that a clock is believed to gain or lose.
const MOST_DRIFT: f64 = 1e-3;
/// What stamps are rounded by: captures in microseconds cut off the rest.
const ROUNDED: f64 = 2_000.0;
const ROUNDS: usize = 80;
/// Stretches of time of which one pair each is looked at.
const STRETCHES: u64 = 2_000;

impl Clock {
    /// The clock that the pairs show; `None` without any.
    pub(super) fn of(ours: &[Pair], theirs: &[Pair]) -> Option<Self> {
        let all = || ours.iter().chain(theirs);
        let (first, last) = (all().map(|p| p.at).min()?, all().map(|p| p.at).max()?);
        let at = first.midpoint(last);
        let base = all().next()?.later;
        let lines = Lines {
            upper: relative(&thin(ours, |one, other| one.later < other.later), at, base),
            lower: relative(
                &thin(theirs, |one, other| one.later > other.later),
                at,
                base,
            ),
        };
        let pairs = (ours.len(), theirs.len());
        let is_both = !ours.is_empty() && !theirs.is_empty();
        let best = if is_both { lines.widest() } else { 0.0 };
        let is_steady = lines.room(best) >= -ROUNDED;
        let range = if is_steady && is_both {
            (lines.edge(best, -MOST_DRIFT), lines.edge(best, MOST_DRIFT))
        } else {
            (best, best)
        };
        let told = ours.len() > 1 && theirs.len() > 1 && is_steady;
        let is_bounded = range.0 > -MOST_DRIFT && range.1 < MOST_DRIFT;
        let drift = (told && is_bounded).then(|| (whole(range.0 * 1e9), whole(range.1 * 1e9)));
        let slopes = || steps(range);
        let high = slopes()
            .filter_map(|slope| lines.ceiling(slope))
            .reduce(f64::max);
        let low = slopes()
            .filter_map(|slope| lines.floor(slope))
            .reduce(f64::min);
        let absolute = |bound: f64| base.saturating_add(whole(bound));
        Some(Self {
            offset: Bounds {
                low: low.map(absolute),
                high: high.map(absolute),
            },
            at,
            drift,
            pairs,
            is_steady,
        })
    }

    /// The clock of our own point.
    pub(super) const fn own() -> Self {
        Self {
            offset: Bounds {
                low: Some(0),
                high: Some(0),
            },
            at: 0,
            drift: Some((0, 0)),
            pairs: (0, 0),
            is_steady: true,
        }
    }

    /// The offset in the middle of its bounds, or the only bound there is.
    pub fn middle(&self) -> i64 {
        match (self.offset.low, self.offset.high) {
            (Some(low), Some(high)) => low.midpoint(high),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => 0,
        }
    }

    /// A moment of theirs by our clock, as well as is known.
    pub fn here(&self, theirs: u64) -> i64 {
        let near = signed(theirs).saturating_sub(self.middle());
        let drift = self.drift.map_or(0, |(low, high)| low.midpoint(high));
        let since = near.saturating_sub(signed(self.at));
        let gained = i128::from(since) * i128::from(drift) / 1_000_000_000;
        near.saturating_sub(i64::try_from(gained).unwrap_or(0))
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_steady {
            return out.write_str("not steady against ours: it was set meanwhile");
        }
        match (self.offset.low, self.offset.high) {
            (Some(low), Some(high)) => {
                let half = high.saturating_sub(low).unsigned_abs() / 2;
                let middle = span(self.middle());
                write!(
                    out,
                    "{middle} against ours (± {})",
                    unsigned(half.max(1_000))
                )?;
            }
            (None, Some(high)) => write!(out, "at most {} against ours", span(high))?,
            (Some(low), None) => write!(out, "at least {} against ours", span(low))?,
            (None, None) => out.write_str("unknown")?,
        }
        match self.drift {
            // Below that a capture of some minutes shows no difference.
            Some((low, high)) if low > 1_000 || high < -1_000 => {
                write!(out, ", gains {} to {} ppm", ppm(low), ppm(high))
            }
            _ => Ok(()),
        }
    }
}

/// Parts per million to one digit.
fn ppm(billionths: i64) -> String {
    format!(
        "{}.{}",
        billionths / 1000,
        billionths.unsigned_abs() % 1000 / 100
    )
}

/// A signed span with its unit: `+2 h 0 min 0.500 s`, `-1.2 ms`.
fn span(nanos: i64) -> String {
    let sign = if nanos <= -1_000 { '-' } else { '+' };
    format!("{sign}{}", unsigned(nanos.unsigned_abs()))
}

fn unsigned(nanos: u64) -> String {
    let (seconds, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    let (micros, millis) = (rest / 1_000, rest / 1_000_000);
    match seconds {
        0 if micros < 1_000 => format!("{micros} µs"),
        0 => format!("{millis}.{} ms", micros % 1_000 / 100),
        1..60 => format!("{seconds}.{millis:03} s"),
        60..3_600 => format!("{} min {}.{millis:03} s", seconds / 60, seconds % 60),
        _ => format!(
            "{} h {} min {}.{millis:03} s",
            seconds / 3_600,
            seconds % 3_600 / 60,
            seconds % 60
        ),
    }
}

/// A time as a signed number; saturates after 2262.
pub(super) fn signed(at: u64) -> i64 {
    i64::try_from(at).unwrap_or(i64::MAX)
}

/// The bounds that pairs set, as points: seconds from the middle are not needed, nanoseconds are.
struct Lines {
    upper: Vec<(f64, f64)>,
    lower: Vec<(f64, f64)>,
}

impl Lines {
    /// The highest offset in the middle that a clock of this drift can have.
    fn ceiling(&self, drift: f64) -> Option<f64> {
        let bounds = self.upper.iter().map(|(at, later)| later - drift * at);
        bounds.reduce(f64::min)
    }

    /// The lowest.
    fn floor(&self, drift: f64) -> Option<f64> {
        let bounds = self.lower.iter().map(|(at, later)| later - drift * at);
        bounds.reduce(f64::max)
    }

    /// How much room the two leave; negative where they contradict each other. Concave in the drift.
    fn room(&self, drift: f64) -> f64 {
        match (self.ceiling(drift), self.floor(drift)) {
            (Some(ceiling), Some(floor)) => ceiling - floor,
            _ => 0.0,
        }
    }

    /// The drift that leaves the most room.
    fn widest(&self) -> f64 {
        let (mut low, mut high) = (-MOST_DRIFT, MOST_DRIFT);
        for _ in 0..ROUNDS {
            let third = (high - low) / 3.0;
            let (left, right) = (low + third, high - third);
            if self.room(left) < self.room(right) {
                low = left;
            } else {
                high = right;
            }
        }
        low.midpoint(high)
    }

    /// The drift furthest from `inside` toward `outside` that still leaves room.
    fn edge(&self, inside: f64, outside: f64) -> f64 {
        let is_allowed = |drift| self.room(drift) >= -ROUNDED;
        if is_allowed(outside) {
            return outside;
        }
        let (mut good, mut bad) = (inside, outside);
        for _ in 0..ROUNDS {
            let middle = good.midpoint(bad);
            if is_allowed(middle) {
                good = middle;
            } else {
                bad = middle;
            }
        }
        good
    }
}

/// Drifts over a range, its ends included.
fn steps((low, high): (f64, f64)) -> impl Iterator<Item = f64> {
    (0..=16).map(move |step| low + (high - low) * f64::from(step) / 16.0)
}

/// The pair of each stretch of time that binds most: the others add little.
fn thin(pairs: &[Pair], binds: impl Fn(&Pair, &Pair) -> bool) -> Vec<Pair> {
    let (Some(first), Some(last)) = (
        pairs.iter().map(|pair| pair.at).min(),
        pairs.iter().map(|pair| pair.at).max(),
    ) else {
        return Vec::new();
    };
    let stretch = last.saturating_sub(first) / STRETCHES + 1;
    let mut kept: BTreeMap<u64, Pair> = BTreeMap::new();
    for pair in pairs {
        let entry = kept
            .entry(pair.at.saturating_sub(first) / stretch)
            .or_insert(*pair);
        if binds(pair, entry) {
            *entry = *pair;
        }
    }
    kept.into_values().collect()
}

#[allow(
    clippy::cast_precision_loss,
    reason = "differences within a capture are far below 2^52 ns"
)]
fn relative(pairs: &[Pair], at: u64, base: i64) -> Vec<(f64, f64)> {
    let since = |pair: &Pair| signed(pair.at).saturating_sub(signed(at)) as f64;
    let later = |pair: &Pair| pair.later.saturating_sub(base) as f64;
    pairs
        .iter()
        .map(|pair| (since(pair), later(pair)))
        .collect()
}

#[allow(clippy::cast_possible_truncation, reason = "casts of floats saturate")]
fn whole(number: f64) -> i64 {
    number.round() as i64
}

/// The clocks of all points against that of the first, by the packets that both saw.
pub(super) fn clocks(points: &[Point], journeys: &[Journey]) -> Vec<Option<Clock>> {
    let mut clocks = vec![Some(Clock::own())];
    for capture in 1..points.len() {
        let mut nearer: i64 = 0;
        let mut pairs: [Vec<Pair>; 2] = [Vec::new(), Vec::new()];
        for journey in journeys.iter().filter(|journey| !journey.is_uncertain) {
            let Some(ours) = journey.by(0).and_then(|sight| seen(points, 0, sight.index)) else {
                continue;
            };
            for sight in journey.sights.iter().filter(|s| s.place.capture == capture) {
                let Some(theirs) = seen(points, capture, sight.index) else {
                    continue;
                };
                let pair = Pair {
                    at: ours.at,
                    later: signed(theirs.at).saturating_sub(signed(ours.at)),
                };
                let fewer = i64::from(ours.ttl)
                    .saturating_sub(theirs.ttl.into())
                    .signum();
                let (list, sign) = match (journey.way, &mut pairs) {
                    (Way::There, [list, _]) => (list, 1),
                    (Way::Back, [_, list]) => (list, -1),
                };
                list.push(pair);
                nearer = nearer.saturating_add(fewer.saturating_mul(sign));
            }
        }
        let [there, back] = pairs;
        // Where packets of the client pass the other point first, what is after what turns round.
        clocks.push(if nearer < 0 {
            Clock::of(&back, &there)
        } else {
            Clock::of(&there, &back)
        });
    }
    clocks
}
