//! By which pattern a port answers only sometimes.
//!
//! When some SYNs are answered and others not, more are sent: first the group that showed it once
//! more, at the same pace; then eight *paced* SYNs with more than a second of room each, one a flow;
//! then, unless the answers have stopped for good, two *crowded* groups over the same flows. So
//! every flow is seen paced and crowded, early and late, and the four explanations differ; [`Odds`]
//! weighs all but the third against each other on the same SYNs:
//!
//! | | by flow | by rate | until stopped | by chance |
//! |---|---|---|---|---|
//! | same flow again | the same | may differ | silent | may differ |
//! | paced | as its flow | all answered | silent | as crowded |
//! | crowded | as its flow | the first few | silent | as paced |

use std::time::Duration;

use crate::model::evidence::Trial;
use crate::model::probe::Dscp;
use crate::model::time::Moment;
use crate::model::verdict::Confidence;

use super::analysis::{Analysis, Response, ids};
use super::answer::{OPEN_SYNS, Tally};
use super::odds::{self, Odds};
use super::sign::{Observed, Progress, Reading, Sign};
use super::{attempt, controls, flawed, loss, retest};

/// A SYN with at least this much room before it is paced.
const ROOM: Duration = Duration::from_millis(1000);
/// A silence of this length after answers is a stop, not a pause of a slow rate.
const STOPPED_FOR: Duration = Duration::from_secs(20);
/// Loss that plain retries hide: clients retransmit a SYN within a second, several times.
const HIDDEN_LOSS: f64 = 0.20;
/// Failures in the first group up to which one clean repetition settles them as loss.
const SMALL_LOSS: usize = 2;

/// What the SYNs to the port show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Pattern {
    /// Losses that retries hide: the port answers.
    Negligible,
    /// Some flows always, others never: how many live and dead ones, and the odds against chance and
    /// rate.
    ByFlow {
        alive: usize,
        dead: usize,
        odds: f64,
    },
    /// As a rate lets them pass, and the odds against chance and flow.
    ByRate { odds: f64 },
    /// Answered until some moment, not since; the chance that loss explains it, how long, and whether
    /// controls were answered meanwhile.
    UntilStopped {
        chance: f64,
        since: Duration,
        controlled: bool,
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
pub(super) struct Sample {
    /// When.
    pub(super) sent: Moment,
    /// On which flow.
    pub(super) flow: u8,
    /// Whether it drew the best answer seen.
    pub(super) good: bool,
    /// Whether it had room before it.
    pub(super) paced: bool,
    /// Whether it is another SYN again.
    pub(super) repeats: bool,
    /// Whether it bears a mark, which may be what a device drops.
    pub(super) marked: bool,
}

/// Classifies what the SYNs to the port drew.
pub(super) fn classify(analysis: &Analysis<'_>) -> Classified {
    let tally = Tally::of(analysis);
    let wanted = if tally.opened.is_empty() {
        Response::Reset
    } else {
        Response::SynAck
    };
    let syns: Vec<&Trial> = analysis.port_syns().collect();
    let samples = samples(analysis, &syns, wanted);
    let unfinished = syns
        .iter()
        .any(|trial| analysis.response(trial) == Response::Pending);
    let next = if analysis.job.thorough {
        retest::schedule(analysis, &syns, &samples)
    } else {
        retest::schedule_few(analysis, &syns, &samples)
    };
    let Some(next) = next else {
        return Classified {
            pattern: weigh(analysis, &samples, true),
            progress: Progress::Done,
        };
    };
    let pattern = weigh(analysis, &samples, false);
    let firm = match pattern {
        Pattern::Negligible => !unfinished,
        Pattern::UntilStopped { chance, since, .. } => {
            chance <= loss::CONFIRMED && since >= STOPPED_FOR
        }
        Pattern::ByFlow { odds, .. } | Pattern::ByRate { odds } => odds >= 1.0 / loss::CONFIRMED,
        Pattern::ByChance { .. } | Pattern::Unclear => false,
    };
    let progress = match next {
        _ if firm => Progress::Done,
        Some(ask) => {
            let mut asks = vec![ask];
            if !analysis.job.thorough || syns.len() >= 2 * OPEN_SYNS {
                asks.extend(controls::accompany(analysis));
            }
            Progress::Asking(asks)
        }
        None => Progress::Waiting(None),
    };
    Classified { pattern, progress }
}

fn samples(analysis: &Analysis<'_>, syns: &[&Trial], wanted: Response) -> Vec<Sample> {
    let mut samples = Vec::new();
    let mut before: Option<Moment> = None;
    let excused = if analysis.job.thorough {
        Vec::new()
    } else {
        attempt::answered_when_repeated(analysis)
    };
    for trial in syns.iter().filter(|trial| !excused.contains(&trial.id)) {
        let paced = before.is_none_or(|before| trial.sent.since(before) >= ROOM);
        before = Some(trial.sent);
        let response = analysis.response(trial);
        if !matches!(response, Response::Pending | Response::Invalidated) {
            let (sent, flow) = (trial.sent, trial.probe.flow.index);
            samples.push(Sample {
                sent,
                flow,
                good: response == wanted,
                paced,
                repeats: trial.probe.repeats.is_some(),
                marked: trial.probe.dscp != Dscp::ZERO,
            });
        }
    }
    samples
}

fn weigh(analysis: &Analysis<'_>, samples: &[Sample], complete: bool) -> Pattern {
    let least = if analysis.job.thorough { OPEN_SYNS } else { 3 };
    if samples.len() < least {
        return Pattern::Unclear;
    }
    if let Some(stopped) = until_stopped(analysis, samples, complete) {
        return stopped;
    }
    if !analysis.job.thorough && retest::has_recovered(samples) {
        return Pattern::Negligible;
    }
    // The first group showed a loss or two, and its exact repetition none.
    if analysis.job.thorough
        && let Some((first, second)) = samples
            .get(..2 * OPEN_SYNS)
            .map(|two| two.split_at(OPEN_SYNS))
    {
        let failed = first.iter().filter(|sample| !sample.good).count();
        if failed <= SMALL_LOSS && second.iter().all(|sample| sample.good) {
            return Pattern::Negligible;
        }
    }
    if !analysis.job.thorough && retest::has_stopped(samples) {
        // A stop, a rate or loss: two looks more do not tell them apart.
        return Pattern::Unclear;
    }
    let odds = Odds::of(samples);
    if let Some(pattern) =
        by_flow(analysis, samples, odds).or_else(|| by_rate(analysis, samples, odds))
    {
        return pattern;
    }
    if !complete {
        return Pattern::Unclear;
    }
    let failed = samples.iter().filter(|sample| !sample.good).count();
    let (low, high) = loss::wilson(failed as f64, samples.len() as f64);
    // A client that is refused learns so at the first answer: losses before it change nothing.
    let refused = Tally::of(analysis).opened.is_empty();
    if low < HIDDEN_LOSS || refused {
        Pattern::Negligible
    } else {
        Pattern::ByChance { low, high }
    }
}

fn until_stopped(analysis: &Analysis<'_>, samples: &[Sample], complete: bool) -> Option<Pattern> {
    let last_good = samples.iter().rposition(|sample| sample.good)?;
    let (before, after) = samples.split_at(last_good + 1);
    let first = after.first()?;
    if flawed::answers_since(analysis, first.sent) {
        // No client takes them, but nothing has stopped.
        return None;
    }
    let paced: Vec<Moment> = after
        .iter()
        .filter(|sample| sample.paced && !sample.marked)
        .map(|sample| sample.sent)
        .collect();
    let good_before = before.iter().filter(|sample| sample.good).count();
    if paced.len() < 3 || good_before * 2 < before.len() {
        return None;
    }
    let since = after.last()?.sent.since(first.sent);
    // The flows that answered before must be among the silent ones, or the flow explains it.
    let revisited = after
        .iter()
        .any(|sample| before.iter().any(|b| b.good && b.flow == sample.flow));
    if !revisited {
        return None;
    }
    // A ban of the source silences the controls as well: then what was answered before it counts.
    let mut control = analysis.loss_until(first.sent);
    control.answered += u32::try_from(good_before).unwrap_or(0);
    let paced = loss::spread(paced);
    let chance = control
        .chance_of_silence(paced)
        .min(analysis.loss().chance_of_silence(paced));
    if complete && since < loss::CONFIRMED_SPAN {
        return None;
    }
    // Few looks tell a stop from loss only where it came after several answers, or took echo with it.
    let told = good_before >= 2 && chance <= loss::LIKELY
        || echo_stopped(analysis, first.sent, after, control);
    if !(analysis.job.thorough || told && retest::has_stopped(samples)) {
        return None;
    }
    let controlled = analysis.controls_answered_between(first.sent, after.last()?.sent) >= 3;
    Some(Pattern::UntilStopped {
        chance,
        since,
        controlled,
    })
}

/// The greatest chance of loss alone at which a stop of SYNs and echo requests alike counts as one.
const BOTH_BY_LOSS: f64 = 0.02;

/// Whether echo was answered before a moment and has drawn nothing since, as the SYNs `after` it, so that
/// loss hardly explains both.
fn echo_stopped(
    analysis: &Analysis<'_>,
    moment: Moment,
    after: &[Sample],
    control: loss::Loss,
) -> bool {
    let (before, since): (Vec<&Trial>, Vec<&Trial>) =
        analysis.echoes().partition(|trial| trial.sent < moment);
    let silent = |trial: &&Trial| analysis.response(trial) == Response::Silence;
    let looks = after.iter().filter(|sample| !sample.marked);
    let looks = looks.map(|sample| sample.sent);
    let looks = looks.chain(since.iter().map(|trial| trial.sent));
    before
        .iter()
        .any(|trial| analysis.response(trial) == Response::Echo)
        && !since.is_empty()
        && since.iter().all(silent)
        && control.chance_of_silence(loss::spread(looks)) <= BOTH_BY_LOSS
}

/// Flows that are dead beside living ones, each seen twice at least.
fn by_flow(analysis: &Analysis<'_>, samples: &[Sample], odds: Odds) -> Option<Pattern> {
    let flows = odds::tally_flows(samples);
    let dead = flows.iter().filter(|(_, tally)| tally.good == 0).count();
    let alive = flows.len() - dead;
    if dead == 0 || alive == 0 || flows.iter().any(|(_, tally)| tally.good + tally.bad < 2) {
        return None;
    }
    let living = flows.iter().filter(|(_, tally)| tally.good > 0);
    let (good, bad) = living.fold((0, 0), |(good, bad), (_, tally)| {
        (good + tally.good, bad + tally.bad)
    });
    let quiet_elsewhere = f64::from(bad) / f64::from(good + bad)
        <= analysis
            .loss()
            .bounds()
            .map_or(0.5, |(_, high)| high.max(0.25));
    let odds = odds.of_flow();
    (odds >= 1.0 / loss::LIKELY && quiet_elsewhere).then_some(Pattern::ByFlow { alive, dead, odds })
}

/// A rate that lets some pass. What the path loses of the controls, it loses of these SYNs as well.
fn by_rate(analysis: &Analysis<'_>, samples: &[Sample], odds: Odds) -> Option<Pattern> {
    let failed = samples.iter().filter(|sample| !sample.good).count();
    let (_, worst) = loss::wilson(failed as f64, samples.len() as f64);
    if analysis
        .loss()
        .bounds()
        .is_some_and(|(lost, _)| lost >= worst)
    {
        return None;
    }
    let odds = odds.of_rate();
    (odds >= 1.0 / loss::LIKELY).then_some(Pattern::ByRate { odds })
}

/// Reads [`super::sign::Question::Pattern`].
pub(super) fn read_pattern(analysis: &Analysis<'_>) -> Reading {
    let Classified { pattern, progress } = classify(analysis);
    let tally = Tally::of(analysis);
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
        Pattern::ByRate { odds } => (
            Sign::ByRate,
            if odds >= 1.0 / loss::CONFIRMED {
                Confidence::Confirmed
            } else {
                Confidence::Likely
            },
            "SYNs with room around them are answered, more of them are not".to_owned(),
        ),
        Pattern::UntilStopped {
            chance,
            since,
            controlled,
        } => (
            Sign::UntilStopped,
            // A slow rate may resume later, and an outage of everything is no ban. Few looks weigh
            // little.
            if analysis.job.thorough && since >= STOPPED_FOR {
                loss::confidence(chance, since, controlled)
            } else {
                Confidence::Possible
            },
            format!(
                "the answers stopped, and did not resume within {} s",
                since.as_secs()
            ),
        ),
        Pattern::ByChance { low, high } => (
            Sign::ByChance,
            // Where controls lose far less, the path is not the reason, and the pattern is not found.
            match analysis.loss().bounds() {
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
            because: because.into(),
        }),
        progress,
    }
}
