//! Whether the port's behaviour changed once, from one attempt to the next.

use std::time::Duration;

use crate::model::time::Moment;

use super::encounter::Fate;
use super::evidence::View;

/// Silence after answers for so long, by attempts that began after the last answer, is a change and
/// no loss.
const STOPPED: Duration = Duration::from_secs(3);

/// What an attempt drew, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Open,
    Reset,
    Refused,
    Silent,
}

/// Two phases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Phases {
    pub(super) first: Kind,
    pub(super) then: Kind,
    /// Attempts of the first phase, and of the second.
    pub(super) before: usize,
    pub(super) after: usize,
    /// When the second began.
    pub(super) since: Moment,
}

const fn kind(fate: Fate) -> Option<Kind> {
    match fate {
        Fate::Established { .. } | Fate::Answered { .. } => Some(Kind::Open),
        Fate::Reset => Some(Kind::Reset),
        Fate::Refused { .. } => Some(Kind::Refused),
        Fate::Silent => Some(Kind::Silent),
        Fate::CutOff | Fate::Expired { .. } | Fate::Contradicted | Fate::Unseen => None,
    }
}

/// What the attempts drew that are no probes of a traceroute, where that is known: a single SYN that
/// was lost is no failure yet.
pub(super) fn kinds(view: &View<'_>) -> Vec<Kind> {
    let ordinary = view
        .attempts
        .iter()
        .filter(|track| track.limited(view.hops).is_none());
    ordinary
        .filter_map(|track| {
            let kind = kind(track.fate(view.end))?;
            (kind != Kind::Silent || track.syns.len() >= 2).then_some(kind)
        })
        .collect()
}

impl Phases {
    /// The two phases of these attempts; `None` where there are fewer or more, or where loss may
    /// explain the second.
    pub(super) fn of(view: &View<'_>) -> Option<Self> {
        let shown: Vec<(Kind, Moment, Moment)> = view
            .attempts
            .iter()
            .filter(|track| track.limited(view.hops).is_none())
            .filter_map(|track| Some((kind(track.fate(view.end))?, track.first, track.last)))
            .collect();
        let first = shown.first()?.0;
        let turn = shown.iter().position(|(kind, ..)| *kind != first)?;
        let (before, after) = shown.split_at(turn);
        let (then, since, _) = *after.first()?;
        let last = after.iter().map(|(_, _, last)| *last).max()?;
        if after.iter().any(|(kind, ..)| *kind != then) {
            return None;
        }
        if then == Kind::Silent && (after.len() < 2 || last.since(since) < STOPPED) {
            return None;
        }
        Some(Self {
            first,
            then,
            before: before.len(),
            after: after.len(),
            since,
        })
    }
}
