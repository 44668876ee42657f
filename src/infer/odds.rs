//! The odds between rival explanations of which SYNs were answered.
//!
//! Each explanation states how likely every answer and silence was, in the order sent; what it does
//! not know beforehand (which flows are dead, which rate) it averages over. Their ratio is a Bayes
//! factor: where one is true, another reaches odds of `k` against it with a chance of at most `1/k`,
//! however often it is looked at meanwhile (Ville's inequality).
//!
//! | explanation | what it predicts |
//! |---|---|
//! | by chance | every SYN fails alike |
//! | by half-open flow | a lost answer leaves a half-open connection that keeps its flow silent for a while (RFC 9293 §3.10.7.4, Linux `tcp_check_req`) |
//! | by flow | a flow is dead or alive, and stays so; the living ones lose a few |
//! | by rate | a token bucket lets SYNs pass; those that pass lose a few |
//!
//! The second is what loss of answers looks like while flows are used again. Bursts of loss are not
//! among them: the controls beside the SYNs show those.

use crate::model::time::Moment;

use super::pattern::Sample;

/// Shares that living flows, or SYNs that the bucket lets pass, may lose.
const LOSSES: [f64; 5] = [0.005, 0.02, 0.06, 0.15, 0.3];
/// The share of SYNs that are answered although a bucket, as computed, is empty: its clock, its
/// rounding and the delay on the way are not ours.
const SLIPS: [f64; 2] = [0.01, 0.1];
/// The chance that a dead flow answers: a route that changes.
const REVIVAL: f64 = 0.001;
/// Shares of dead flows.
const DEAD: [f64; 7] = [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875];
/// Rates per second: 2^(n/4) for these n, from one in 64 s to 32 a second.
const RATES: std::ops::RangeInclusive<i32> = -24..=20;
/// Tokens a bucket holds at most.
const BURSTS: std::ops::RangeInclusive<u32> = 1..=10;

/// Logarithms of how likely the samples are under each explanation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Odds {
    chance: f64,
    half_open: f64,
    flow: f64,
    rate: f64,
}

impl Odds {
    /// Weighs the samples, which must stand in the order sent.
    pub(super) fn of(samples: &[Sample]) -> Self {
        Self {
            chance: by_chance(samples),
            half_open: by_half_open(samples),
            flow: by_flow(samples),
            rate: by_rate(samples),
        }
    }

    /// The odds that the flow explains what neither chance nor a rate does.
    pub(super) fn of_flow(self) -> f64 {
        (self.flow - self.chance.max(self.rate)).exp()
    }

    /// The odds that a rate explains what neither chance nor the flow does.
    pub(super) fn of_rate(self) -> f64 {
        (self.rate - self.chance.max(self.half_open).max(self.flow)).exp()
    }
}

fn by_chance(samples: &[Sample]) -> f64 {
    let mut tally = Tally::default();
    for sample in samples {
        tally.count(sample.good);
    }
    tally.marginal()
}

/// A chain a flow: what follows a silence on the same flow has a chance of its own.
fn by_half_open(samples: &[Sample]) -> f64 {
    let (mut fresh, mut again) = (Tally::default(), Tally::default());
    for (index, sample) in samples.iter().enumerate() {
        let before = samples
            .iter()
            .take(index)
            .rfind(|before| before.flow == sample.flow);
        let tally = match before {
            Some(before) if !before.good => &mut again,
            Some(_) | None => &mut fresh,
        };
        tally.count(sample.good);
    }
    fresh.marginal() + again.marginal()
}

fn by_flow(samples: &[Sample]) -> f64 {
    let flows = tally_flows(samples);
    let revival = Failing::by(1.0 - REVIVAL);
    let losses = LOSSES.map(Failing::by);
    let terms = DEAD.iter().flat_map(|dead| {
        let (living, silent) = ((1.0 - dead).ln(), dead.ln());
        let flows = &flows;
        losses.iter().map(move |loss| {
            let each = flows.iter().map(|(_, tally)| {
                sum_of(&[
                    living + loss.likelihood(*tally),
                    silent + revival.likelihood(*tally),
                ])
            });
            each.sum()
        })
    });
    mean_of(&terms.collect::<Vec<f64>>())
}

/// What each flow drew.
pub(super) fn tally_flows(samples: &[Sample]) -> Vec<(u8, Tally)> {
    let mut flows: Vec<(u8, Tally)> = Vec::new();
    for sample in samples {
        match flows.iter_mut().find(|(flow, _)| *flow == sample.flow) {
            Some((_, tally)) => tally.count(sample.good),
            None => {
                let mut tally = Tally::default();
                tally.count(sample.good);
                flows.push((sample.flow, tally));
            }
        }
    }
    flows
}

fn by_rate(samples: &[Sample]) -> f64 {
    let losses = LOSSES.map(Failing::by);
    let slips = SLIPS.map(|slip| Failing::by(1.0 - slip));
    let mut terms = Vec::new();
    for rate in RATES.map(|quarter_octave| (f64::from(quarter_octave) / 4.0).exp2()) {
        for burst in BURSTS.map(f64::from) {
            let mut bucket = Bucket::full(rate, burst);
            let (mut passed, mut held) = (Tally::default(), Tally::default());
            for sample in samples {
                let tally = if bucket.takes(sample.sent) {
                    &mut passed
                } else {
                    &mut held
                };
                tally.count(sample.good);
            }
            // A bucket that never empties explains nothing.
            let explains = held != Tally::default();
            for (loss, slip) in losses
                .iter()
                .flat_map(|loss| slips.iter().map(move |slip| (loss, slip)))
            {
                terms.push(if explains {
                    loss.likelihood(passed) + slip.likelihood(held)
                } else {
                    f64::NEG_INFINITY
                });
            }
        }
    }
    mean_of(&terms)
}

/// A token bucket, as netfilter's `limit` and most rate limits are.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    rate: f64,
    burst: f64,
    tokens: f64,
    filled: Option<Moment>,
}

impl Bucket {
    const fn full(rate: f64, burst: f64) -> Self {
        Self {
            rate,
            burst,
            tokens: burst,
            filled: None,
        }
    }

    fn takes(&mut self, at: Moment) -> bool {
        if let Some(filled) = self.filled {
            let gained = self.rate * at.since(filled).as_secs_f64();
            self.tokens = (self.tokens + gained).min(self.burst);
        }
        self.filled = Some(at);
        let passes = self.tokens >= 1.0;
        if passes {
            self.tokens -= 1.0;
        }
        passes
    }
}

/// Answered and silent SYNs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Tally {
    pub(super) good: u32,
    pub(super) bad: u32,
}

impl Tally {
    const fn count(&mut self, good: bool) {
        if good {
            self.good += 1;
        } else {
            self.bad += 1;
        }
    }

    /// Logarithm of how likely this is where all fail by the same chance, whichever it is:
    /// ln B(good + 1, bad + 1).
    fn marginal(self) -> f64 {
        let ln_factorial = |n: u32| (1..=n).map(|i| f64::from(i).ln()).sum::<f64>();
        ln_factorial(self.good) + ln_factorial(self.bad) - ln_factorial(self.good + self.bad + 1)
    }
}

/// A known chance of failing, as logarithms.
#[derive(Clone, Copy, Debug)]
struct Failing {
    good: f64,
    bad: f64,
}

impl Failing {
    fn by(chance: f64) -> Self {
        Self {
            good: (1.0 - chance).ln(),
            bad: chance.ln(),
        }
    }

    fn likelihood(self, tally: Tally) -> f64 {
        f64::from(tally.good) * self.good + f64::from(tally.bad) * self.bad
    }
}

/// ln Σ exp.
fn sum_of(terms: &[f64]) -> f64 {
    let greatest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if greatest == f64::NEG_INFINITY {
        return greatest;
    }
    greatest
        + terms
            .iter()
            .map(|term| (term - greatest).exp())
            .sum::<f64>()
            .ln()
}

/// ln of the mean of exp.
fn mean_of(terms: &[f64]) -> f64 {
    sum_of(terms) - (terms.len() as f64).ln()
}
