//! What is sent to a port that answers only sometimes: the plan behind the patterns.

use std::time::Duration;

use crate::model::evidence::Trial;
use crate::model::probe::Target;
use crate::model::time::Moment;

use super::Ask;
use super::answer::{OPEN_SYNS, STEP, flows};
use super::case::{Case, Drawn, syn};
use super::pattern::Shot;

/// Paced SYNs: more than a second apart, so that a rate of one a second lets them through.
const PACED: usize = 8;
const PACE: Duration = Duration::from_millis(1250);
/// SYNs of one crowded group, and their distance.
const CROWD: usize = 8;
const CROWDING: Duration = Duration::from_millis(20);

/// The next SYN of the plan: `None` when the plan is done, `Some(None)` when what was sent must be
/// waited for first.
pub(super) fn schedule(case: &Case<'_>, syns: &[&Trial], shots: &[Shot]) -> Option<Option<Ask>> {
    let sent = syns.len();
    let last = syns.last()?.sent;
    let waiting = syns.iter().any(|trial| case.drawn(trial) == Drawn::Pending);
    let ask = |flow: usize, not_before: Moment| {
        let flow = u8::try_from(flow % flows(case)).unwrap_or(0);
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
    if shots.iter().rev().take(PACED).all(|shot| !shot.good) {
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
