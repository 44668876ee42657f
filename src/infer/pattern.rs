//! By which pattern a port answers only sometimes.
//!
//! When some SYNs are answered and others not, more are sent: first the group that showed it once
//! more, at the same pace; then eight *paced* SYNs with more than a second of room each, one a flow;
//! then, unless the answers have stopped for good, two *crowded* groups over the same flows. So
//! every flow is seen paced and crowded, early and late, and the four explanations differ:
//!
//! | | by flow | by rate | until stopped | by chance |
//! |---|---|---|---|---|
//! | same flow again | the same | may differ | silent | may differ |
//! | paced | as its flow | all answered | silent | as crowded |
//! | crowded | as its flow | the first few | silent | as paced |

use std::time::Duration;

use crate::model::evidence::Trial;
use crate::model::time::Moment;
use crate::model::verdict::Confidence;

use super::answer::{OPEN_SYNS, Tally};
use super::case::{Case, Drawn, ids};
use super::sign::{Observed, Progress, Reading, Sign};
use super::{campaign, controls, loss};

/// A SYN with at least this much room before it is paced.
const ROOM: Duration = Duration::from_millis(1000);
/// A silence of this length after answers is a stop, not a pause of a slow rate.
const STOPPED_FOR: Duration = Duration::from_secs(20);
/// Loss that plain retries hide: clients retransmit a SYN within a second, several times.
const HIDDEN_LOSS: f64 = 0.20;
/// Chance up to which a pattern of rates is not taken for one of loss.
const RATE_BY_CHANCE: f64 = 1e-4;
/// Failures in the first group up to which one clean repetition settles them as loss.
const SMALL_LOSS: usize = 2;

/// What the SYNs to the port show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Pattern {
    /// Losses that retries hide: the port answers.
    Negligible,
    /// Some flows always, others never: how many live and dead ones, and the odds against chance.
    ByFlow {
        alive: usize,
        dead: usize,
        odds: f64,
    },
    /// Paced always, crowded not; the chance that this is chance.
    ByRate { chance: f64 },
    /// Answered until some moment, not since; the chance that loss explains it, how long, and whether
    /// controls were answered meanwhile.
    UntilStopped {
        chance: f64,
        since: Duration,
        witnessed: bool,
    },
    /// By chance, with bounds of the share that fails.
    ByChance { low: f64, high: f64 },
    /// Not enough to say.
    Unclear,
}

/// A pattern and how to see it more clearly.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Classified {
    pub(super) pattern: Pattern,
    pub(super) progress: Progress,
}

/// One SYN to the port as the pattern sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shot {
    /// When.
    pub(super) sent: Moment,
    /// On which flow.
    pub(super) flow: u8,
    /// Whether it drew the best answer seen.
    pub(super) good: bool,
    /// Whether it had room before it.
    pub(super) paced: bool,
}

/// Classifies what the SYNs to the port drew.
pub(super) fn classify(case: &Case<'_>) -> Classified {
    let tally = Tally::of(case);
    let wanted = if tally.opened.is_empty() {
        Drawn::Reset
    } else {
        Drawn::SynAck
    };
    let syns: Vec<&Trial> = case.port_syns().collect();
    let shots = shots(case, &syns, wanted);
    let unfinished = syns.iter().any(|trial| case.drawn(trial) == Drawn::Pending);
    let Some(next) = campaign::schedule(case, &syns, &shots) else {
        return Classified {
            pattern: weigh(case, &shots, true),
            progress: Progress::Done,
        };
    };
    let pattern = weigh(case, &shots, false);
    let firm = match pattern {
        Pattern::Negligible => !unfinished,
        Pattern::ByFlow { odds, .. } => odds >= 1.0 / loss::CONFIRMED,
        Pattern::UntilStopped { chance, since, .. } => {
            chance <= loss::CONFIRMED && since >= STOPPED_FOR
        }
        Pattern::ByRate { chance } => chance <= loss::CONFIRMED,
        Pattern::ByChance { .. } | Pattern::Unclear => false,
    };
    let progress = match next {
        _ if firm => Progress::Done,
        Some(ask) => {
            let mut asks = vec![ask];
            if syns.len() >= 2 * OPEN_SYNS {
                asks.extend(controls::accompany(case));
            }
            Progress::Asking(asks)
        }
        None => Progress::Waiting(None),
    };
    Classified { pattern, progress }
}

fn shots(case: &Case<'_>, syns: &[&Trial], wanted: Drawn) -> Vec<Shot> {
    let mut shots = Vec::new();
    let mut before: Option<Moment> = None;
    for trial in syns {
        let paced = before.is_none_or(|before| trial.sent.since(before) >= ROOM);
        before = Some(trial.sent);
        let drawn = case.drawn(trial);
        if !matches!(drawn, Drawn::Pending | Drawn::Void) {
            let (sent, flow) = (trial.sent, trial.probe.flow.index);
            shots.push(Shot {
                sent,
                flow,
                good: drawn == wanted,
                paced,
            });
        }
    }
    shots
}

fn weigh(case: &Case<'_>, shots: &[Shot], complete: bool) -> Pattern {
    if shots.len() < OPEN_SYNS {
        return Pattern::Unclear;
    }
    if let Some(stopped) = until_stopped(case, shots, complete) {
        return stopped;
    }
    // The first group showed a loss or two, and its exact repetition none.
    if let Some((first, second)) = shots
        .get(..2 * OPEN_SYNS)
        .map(|two| two.split_at(OPEN_SYNS))
    {
        let failed = first.iter().filter(|shot| !shot.good).count();
        if failed <= SMALL_LOSS && second.iter().all(|shot| shot.good) {
            return Pattern::Negligible;
        }
    }
    let failed = shots.iter().filter(|shot| !shot.good).count();
    if let Some(by_flow) = by_flow(case, shots) {
        return by_flow;
    }
    if let Some(by_rate) = by_rate(case, shots) {
        return by_rate;
    }
    if !complete {
        return Pattern::Unclear;
    }
    if let Some(by_rate) = spent(shots) {
        return by_rate;
    }
    let (low, high) = loss::wilson(failed as f64, shots.len() as f64);
    // A client that is refused learns so at the first answer: losses before it change nothing.
    let refused = Tally::of(case).opened.is_empty();
    if low < HIDDEN_LOSS || refused {
        Pattern::Negligible
    } else {
        Pattern::ByChance { low, high }
    }
}

fn until_stopped(case: &Case<'_>, shots: &[Shot], complete: bool) -> Option<Pattern> {
    let last_good = shots.iter().rposition(|shot| shot.good)?;
    let (before, after) = shots.split_at(last_good + 1);
    let first = after.first()?;
    let paced: Vec<Moment> = after
        .iter()
        .filter(|shot| shot.paced)
        .map(|shot| shot.sent)
        .collect();
    let good_before = before.iter().filter(|shot| shot.good).count();
    if paced.len() < 3 || good_before * 2 < before.len() {
        return None;
    }
    let since = after.last()?.sent.since(first.sent);
    // The flows that answered before must be among the silent ones, or the flow explains it.
    let revisited = after
        .iter()
        .any(|shot| before.iter().any(|b| b.good && b.flow == shot.flow));
    if !revisited {
        return None;
    }
    // A ban of the source silences the controls as well: then what was answered before it counts.
    let mut witness = case.loss_until(first.sent);
    witness.answered += u32::try_from(good_before).unwrap_or(0);
    let paced = loss::spread(paced);
    let chance = witness
        .chance_of_silence(paced)
        .min(case.loss().chance_of_silence(paced));
    if complete && since < loss::CONFIRMED_SPAN {
        return None;
    }
    let witnessed = case.witnessed_between(first.sent, after.last()?.sent) >= 3;
    Some(Pattern::UntilStopped {
        chance,
        since,
        witnessed,
    })
}

/// Likelihood of "each flow is dead or alive" against "every SYN has the same chance", each with its
/// best parameters; the first has more of them, and pays for each as in the Bayesian information
/// criterion.
fn by_flow(case: &Case<'_>, shots: &[Shot]) -> Option<Pattern> {
    let mut seen: Vec<(u8, f64, f64)> = Vec::new();
    for shot in shots {
        let at = match seen.iter().position(|(flow, ..)| *flow == shot.flow) {
            Some(at) => at,
            None => {
                seen.push((shot.flow, 0.0, 0.0));
                seen.len() - 1
            }
        };
        if let Some((_, good, bad)) = seen.get_mut(at) {
            if shot.good { *good += 1.0 } else { *bad += 1.0 }
        }
    }
    let dead = seen.iter().filter(|(_, good, _)| *good == 0.0).count();
    let alive = seen.len() - dead;
    if dead == 0 || alive == 0 || seen.iter().any(|(_, good, bad)| good + bad < 2.0) {
        return None;
    }
    let (good, bad) = seen
        .iter()
        .fold((0.0, 0.0), |sum, (_, g, b)| (sum.0 + g, sum.1 + b));
    let (live_good, live_bad) = seen
        .iter()
        .filter(|(_, good, _)| *good > 0.0)
        .fold((0.0, 0.0), |sum, (_, g, b)| (sum.0 + g, sum.1 + b));
    let entropy = |hits: f64, misses: f64| {
        let term = |part: f64| {
            if part > 0.0 {
                part * (part / (hits + misses)).ln()
            } else {
                0.0
            }
        };
        term(hits) + term(misses)
    };
    // Which flows are dead is not known beforehand: one bit a flow.
    let penalty = seen.len() as f64 * std::f64::consts::LN_2;
    let odds = (entropy(live_good, live_bad) - entropy(good, bad) - penalty).exp();
    let quiet_elsewhere = live_bad / (live_good + live_bad)
        <= case.loss().bounds().map_or(0.5, |(_, high)| high.max(0.25));
    (odds >= 1.0 / loss::LIKELY && quiet_elsewhere).then_some(Pattern::ByFlow { alive, dead, odds })
}

/// Fisher's exact test, and the order within crowds: beyond what controls lose, are paced SYNs answered more often than crowded ones?
fn by_rate(case: &Case<'_>, shots: &[Shot]) -> Option<Pattern> {
    let count = |paced: bool, good: bool| {
        shots
            .iter()
            .filter(|shot| shot.paced == paced && shot.good == good)
            .count()
    };
    let (paced_good, paced_bad) = (count(true, true), count(true, false));
    let (crowded_good, crowded_bad) = (count(false, true), count(false, false));
    if paced_good <= 3 * paced_bad || crowded_bad == 0 {
        return None;
    }
    // What the path loses of the controls, it loses of crowded SYNs as well.
    let (worse, _) = loss::wilson(crowded_bad as f64, (crowded_good + crowded_bad) as f64);
    if case.loss().bounds().is_some_and(|(_, lost)| lost >= worse) {
        return None;
    }
    let chance = fisher(paced_good, paced_bad, crowded_good, crowded_bad) * ordered(shots);
    (chance <= RATE_BY_CHANCE).then_some(Pattern::ByRate { chance })
}

/// A slow rate spends its burst on the first SYNs and answers few after them, at any pace we take: the
/// chance that the first are all answered by accident, C(n−k, g−k) / C(n, g).
fn spent(shots: &[Shot]) -> Option<Pattern> {
    let first = shots.iter().take_while(|shot| shot.good).count();
    let good = shots.iter().filter(|shot| shot.good).count();
    let seldom = 4 * (good - first) <= shots.len() - first;
    let chance: f64 = (0..first)
        .map(|i| (good - i) as f64 / (shots.len() - i) as f64)
        .product();
    (first >= 3 && good > first && seldom && chance <= loss::LIKELY).then_some(Pattern::ByRate {
        chance: chance.max(loss::LIKELY / 10.0),
    })
}

/// The chance that in every crowd the answered SYNs come first by accident, as a rate limit makes
/// them: one in C(n, k) a crowd of which k of n are answered.
fn ordered(shots: &[Shot]) -> f64 {
    let mut chance = 1.0;
    for crowd in shots.chunk_by(|_, next| !next.paced) {
        let good = crowd.iter().take_while(|shot| shot.good).count();
        if crowd.iter().skip(good).all(|shot| !shot.good) {
            let ways = (0..good).fold(1.0, |ways, i| {
                ways * (crowd.len() - i) as f64 / (i + 1) as f64
            });
            chance /= ways;
        }
    }
    chance
}

/// One-sided Fisher exact test: the chance of a table at least as lopsided, given its margins.
fn fisher(a: usize, b: usize, c: usize, d: usize) -> f64 {
    let ln_factorial = |n: usize| (1..=n).map(|i| (i as f64).ln()).sum::<f64>();
    let table = |a: usize, b: usize, c: usize, d: usize| {
        let margins = [a + b, c + d, a + c, b + d]
            .map(ln_factorial)
            .iter()
            .sum::<f64>();
        let cells = [a, b, c, d, a + b + c + d]
            .map(ln_factorial)
            .iter()
            .sum::<f64>();
        (margins - cells).exp()
    };
    (0..=b.min(c))
        .map(|i| table(a + i, b - i, c - i, d + i))
        .sum()
}

/// Reads [`super::sign::Question::Pattern`].
pub(super) fn read_pattern(case: &Case<'_>) -> Reading {
    let Classified { pattern, progress } = classify(case);
    let tally = Tally::of(case);
    let failed = || {
        let mut basis = ids(tally.silent.iter().chain(&tally.refused).copied());
        if !tally.opened.is_empty() {
            basis.extend(ids(tally.reset.iter().copied()));
        }
        basis.sort_unstable();
        basis
    };
    let (sign, strength, because) = match pattern {
        Pattern::Negligible | Pattern::Unclear => (
            Sign::NoPattern,
            Confidence::Possible,
            "no pattern shows yet".to_owned(),
        ),
        Pattern::ByFlow { alive, dead, odds } => (
            Sign::ByFlow,
            if odds >= 1.0 / loss::CONFIRMED {
                Confidence::Confirmed
            } else {
                Confidence::Likely
            },
            format!("{alive} flows are always answered, and {dead} never in the same way"),
        ),
        Pattern::ByRate { chance } => (
            Sign::ByRate,
            if chance <= loss::CONFIRMED {
                Confidence::Confirmed
            } else {
                Confidence::Likely
            },
            "SYNs with room around them are answered, more of them are not".to_owned(),
        ),
        Pattern::UntilStopped {
            chance,
            since,
            witnessed,
        } => (
            Sign::UntilStopped,
            // A slow rate may resume later, and an outage of everything is no ban.
            loss::confidence(chance, since, witnessed && since >= STOPPED_FOR),
            format!(
                "the answers stopped, and did not resume within {} s",
                since.as_secs()
            ),
        ),
        Pattern::ByChance { low, high } => (
            Sign::ByChance,
            // Where controls lose far less, the path is not the reason, and the pattern is not found.
            match case.loss().bounds() {
                Some((_, lost)) if lost < low => Confidence::Possible,
                _ => Confidence::Likely,
            },
            format!(
                "between {:.0} and {:.0} % of the SYNs fail, whatever their flow or pace",
                low * 100.0,
                high * 100.0
            ),
        ),
    };
    Reading {
        sign: Some(Observed {
            sign,
            strength,
            basis: failed(),
            because,
        }),
        progress,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fishers_test_gives_the_textbook_values() {
        // Fisher's tea: 3 of 4 and 1 of 4.
        assert!((fisher(3, 1, 1, 3) - 17.0 / 70.0).abs() < 1e-9);
        assert!((fisher(4, 0, 0, 4) - 1.0 / 70.0).abs() < 1e-9);
    }
}
