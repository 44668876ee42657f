//! Whether the port's behaviour changed once, from one attempt to the next.

use std::time::Duration;

use crate::infer::{Drew, Phases};
use crate::model::time::Moment;

use super::conversation::AttemptOutcome;
use super::evidence::View;

/// Silence after answers for so long, by attempts that began after the last answer, is a change and
/// no loss.
const STOPPED: Duration = Duration::from_secs(3);

const fn drew(outcome: AttemptOutcome) -> Option<Drew> {
    match outcome {
        AttemptOutcome::Established { .. } | AttemptOutcome::Answered { .. } => Some(Drew::Open),
        AttemptOutcome::Reset => Some(Drew::Reset),
        AttemptOutcome::Refused { .. } => Some(Drew::Refused),
        AttemptOutcome::Silent => Some(Drew::Silent),
        AttemptOutcome::CutOff
        | AttemptOutcome::Expired { .. }
        | AttemptOutcome::Contradicted
        | AttemptOutcome::Unseen => None,
    }
}

/// What the attempts drew that are no probes of a traceroute, where that is known: a single SYN that
/// was lost is no failure yet.
pub(super) fn drawn(view: &View<'_>) -> Vec<Drew> {
    let ordinary = view
        .attempts
        .iter()
        .filter(|attempt| attempt.limited(view.hops).is_none());
    ordinary
        .filter_map(|attempt| {
            let drew = drew(attempt.outcome(view.end))?;
            (drew != Drew::Silent || attempt.syns.len() >= 2).then_some(drew)
        })
        .collect()
}

/// The two phases of these attempts; `None` where there are fewer or more, or where loss may
/// explain the second.
pub(super) fn phases(view: &View<'_>) -> Option<Phases> {
    let shown: Vec<(Drew, Moment, Moment)> = view
        .attempts
        .iter()
        .filter(|attempt| attempt.limited(view.hops).is_none())
        .filter_map(|attempt| {
            Some((
                drew(attempt.outcome(view.end))?,
                attempt.first,
                attempt.last,
            ))
        })
        .collect();
    let first = shown.first()?.0;
    let turn = shown.iter().position(|(kind, ..)| *kind != first)?;
    let (before, after) = shown.split_at(turn);
    let (then, since, _) = *after.first()?;
    let last = after.iter().map(|(_, _, last)| *last).max()?;
    if after.iter().any(|(kind, ..)| *kind != then) {
        return None;
    }
    if then == Drew::Silent && (after.len() < 2 || last.since(since) < STOPPED) {
        return None;
    }
    Some(Phases {
        first,
        then,
        before: before.len(),
        after: after.len(),
        since,
    })
}
