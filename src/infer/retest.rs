//! What is sent to a port that answers only sometimes: the plan behind the patterns.
//!
//! Each further SYN may be what prolongs a ban. So one that drew nothing is repeated as a kernel would,
//! and then a plain SYN on a flow that was answered is asked
//! again first; where it draws nothing, one gentle look follows, and no more. Where it is answered,
//! paced SYNs on that flow and on the one that failed, in turns without a period, tell a dead leg from
//! chance. A thorough diagnosis knocks in groups.

use std::time::Duration;

use crate::model::evidence::Trial;
use crate::model::probe::Target;
use crate::model::time::Moment;

use super::analysis::{Analysis, Response, syn};
use super::answer::{self, OPEN_SYNS, STEP, flows};
use super::attempt::Attempt;
use super::job::Ask;
use super::pattern::Sample;

/// Paced SYNs: more than a second apart, so that a rate of one a second lets them through.
const PACED: usize = 8;
const PACE: Duration = Duration::from_millis(1250);
/// SYNs of one crowded group, and their distance.
const CROWD: usize = 8;
const CROWDING: Duration = Duration::from_millis(20);

/// SYNs to a port that answers sometimes, those before included.
const FEW: usize = 9;
/// Before the gentle look: with those before, silence then spans nine seconds.
const QUIET: Duration = Duration::from_secs(7);

/// The next SYN of a diagnosis that is not thorough, as [`schedule`].
pub(super) fn schedule_few(
    analysis: &Analysis<'_>,
    syns: &[&Trial],
    samples: &[Sample],
) -> Option<Option<Ask>> {
    let last = syns.last()?.sent;
    if syns
        .iter()
        .any(|trial| analysis.response(trial) == Response::Pending)
    {
        return Some(None);
    }
    let mut attempts = Attempt::all(analysis).into_iter();
    let unanswered = attempts.find(|attempt| {
        analysis.response(attempt.first) == Response::Silence
            && !attempt.needed_repetition(analysis)
    });
    if let Some(again) = unanswered.and_then(|attempt| attempt.repetition(analysis, 1)) {
        return Some(Some(again));
    }
    let alive = samples.iter().find(|sample| sample.good)?.flow;
    let failed = samples.iter().find(|sample| !sample.good)?.flow;
    let looks = looks(samples);
    let (flow, pause) = match looks {
        [] => (alive, PACE),
        // Not a flow that the host may still hold half-open.
        [one] if !one.good => (answer::flow_after(analysis), QUIET),
        _ if looks.iter().all(|look| !look.good) || syns.len() >= FEW => return None,
        _ if looks.len().count_ones() % 2 == 1 => (failed, PACE),
        _ => (alive, PACE),
    };
    Some(Some(Ask {
        probe: syn(Target::Endpoint, flow),
        not_before: last.after(pause),
    }))
}

/// The SYNs after the first that failed and its repetition.
fn looks(samples: &[Sample]) -> &[Sample] {
    let failed = samples.iter().position(|sample| !sample.good);
    let rest = failed
        .and_then(|at| samples.get(at + 1..))
        .unwrap_or_default();
    match rest {
        [repetition, looks @ ..] if repetition.repeats => looks,
        looks => looks,
    }
}

/// Whether nothing was answered since.
pub(super) fn has_stopped(samples: &[Sample]) -> bool {
    let looks = looks(samples);
    !looks.is_empty() && looks.iter().all(|look| !look.good)
}

/// Whether one failure was followed by answers alone, on its own flow too.
pub(super) fn has_recovered(samples: &[Sample]) -> bool {
    let looks = looks(samples);
    let failed = samples
        .iter()
        .find(|sample| !sample.good)
        .map(|sample| sample.flow);
    looks.len() >= 3
        && looks.iter().all(|look| look.good)
        && looks.iter().any(|look| Some(look.flow) == failed)
}

/// The next SYN of the plan: `None` when the plan is done, `Some(None)` when what was sent must be
/// waited for first.
pub(super) fn schedule(
    analysis: &Analysis<'_>,
    syns: &[&Trial],
    samples: &[Sample],
) -> Option<Option<Ask>> {
    let sent = syns.len();
    let last = syns.last()?.sent;
    let waiting = syns
        .iter()
        .any(|trial| analysis.response(trial) == Response::Pending);
    let ask = |flow: usize, not_before: Moment| {
        let flow = u8::try_from(flow % flows(analysis)).unwrap_or(0);
        Some(Some(Ask {
            probe: syn(Target::Endpoint, flow),
            not_before,
        }))
    };
    // Phase 1: the first group, whole.
    if sent < OPEN_SYNS {
        return ask(sent, last.after(STEP));
    }
    // Phase 2: once more, at the same pace, when everything of the first is known.
    if sent < 2 * OPEN_SYNS {
        if sent == OPEN_SYNS && waiting {
            return Some(None);
        }
        return ask(sent - OPEN_SYNS, last.after(STEP));
    }
    if waiting && sent == 2 * OPEN_SYNS {
        return Some(None);
    }
    // Phase 3: paced.
    let paced = sent - 2 * OPEN_SYNS;
    if paced < PACED {
        return ask(paced, last.after(PACE));
    }
    if waiting && paced == PACED {
        return Some(None);
    }
    if samples.iter().rev().take(PACED).all(|sample| !sample.good) {
        // It has stopped: crowding would be knocking. Two gentle looks more.
        return match paced - PACED {
            0 => ask(0, last.after(Duration::from_secs(6))),
            1 => ask(1, last.after(Duration::from_secs(6))),
            _ if waiting => Some(None),
            _ => None,
        };
    }
    // Phase 4: crowded, twice, in opposite orders, with room before each.
    let crowded = paced - PACED;
    if crowded < 2 * CROWD {
        let step = if crowded.is_multiple_of(CROWD) {
            PACE
        } else {
            CROWDING
        };
        let flow = if crowded < CROWD {
            CROWD - 1 - crowded
        } else {
            crowded - CROWD
        };
        return ask(flow, last.after(step));
    }
    if waiting { Some(None) } else { None }
}
