//! Whether the port's behaviour changed once, from one attempt to the next.

use std::time::Duration;

use crate::infer::{Drew, Phases};
use crate::model::time::Moment;

use super::encounter::Fate;
use super::evidence::View;

/// Silence after answers for so long, by attempts that began after the last answer, is a change and
/// no loss.
const STOPPED: Duration = Duration::from_secs(3);

const fn drew(fate: Fate) -> Option<Drew> {
    match fate {
        Fate::Established { .. } | Fate::Answered { .. } => Some(Drew::Open),
        Fate::Reset => Some(Drew::Reset),
        Fate::Refused { .. } => Some(Drew::Refused),
        Fate::Silent => Some(Drew::Silent),
        Fate::CutOff | Fate::Expired { .. } | Fate::Contradicted | Fate::Unseen => None,
    }
}

/// What the attempts drew that are no probes of a traceroute, where that is known: a single SYN that
/// was lost is no failure yet.
pub(super) fn drawn(view: &View<'_>) -> Vec<Drew> {
    let ordinary = view
        .attempts
        .iter()
        .filter(|track| track.limited(view.hops).is_none());
    ordinary
        .filter_map(|track| {
            let drew = drew(track.fate(view.end))?;
            (drew != Drew::Silent || track.syns.len() >= 2).then_some(drew)
        })
        .collect()
}

/// The two phases of these attempts; `None` where there are fewer or more, or where loss may
/// explain the second.
pub(super) fn phases(view: &View<'_>) -> Option<Phases> {
    let shown: Vec<(Drew, Moment, Moment)> = view
        .attempts
        .iter()
        .filter(|track| track.limited(view.hops).is_none())
        .filter_map(|track| Some((drew(track.fate(view.end))?, track.first, track.last)))
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
