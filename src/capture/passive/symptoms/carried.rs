//! What the connections carried, and how they ended.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::assess::Situation;
use super::super::attempt::AttemptState;
use super::super::conversation::{AttemptOutcome, Ending, Side};
use super::super::stream::Stuck;
use crate::infer::{Carried, Symptom};
use crate::model::session::End;
use crate::model::verdict::Way;

/// A segment so long may be lost for its size on links that carry little less than Ethernet.
const NEARLY_FULL: u16 = 1000;

/// Whether who completed the handshake serves as well: data that the client took, from as far away
/// as the SYN-ACK.
pub(in super::super) fn serves(attempt: &AttemptState) -> bool {
    let Some(opened) = attempt.opened_at() else {
        return false;
    };
    attempt.is_established() && attempt.server.acknowledged() > 0 && attempt.is_served_from(opened)
}

/// What the attempts that were established carried.
pub(super) fn carried(situation: &Situation<'_>) -> Option<Symptom> {
    let attempts = situation.view.attempts.iter().copied();
    let established: Vec<&AttemptState> = attempts
        .filter(|attempt| attempt.is_established())
        .collect();
    if established.is_empty() {
        return None;
    }
    if let Some(hole) = hole(situation, &established) {
        return Some(Symptom::Carried(hole));
    }
    let served = established.iter().any(|attempt| serves(attempt));
    if let Some(unserved) = unserved(situation, &established).filter(|_| !served) {
        return Some(Symptom::Carried(unserved));
    }
    let octets = |of: fn(&AttemptState) -> u64| -> u64 {
        established.iter().map(|attempt| of(attempt)).sum()
    };
    Some(Symptom::Carried(Carried::Completed {
        sent: octets(|attempt| attempt.client.octets()),
        received: octets(|attempt| attempt.server.octets()),
        alone: established.iter().all(|attempt| attempt.speaks_alone()),
        held: established
            .iter()
            .any(|attempt| may_be_size(situation, attempt)),
    }))
}

/// What a port shows that takes connections and does not serve on them.
fn unserved(situation: &Situation<'_>, established: &[&AttemptState]) -> Option<Carried> {
    if established.iter().any(|attempt| attempt.relayed) {
        return Some(Carried::Relayed);
    }
    let full: usize = established
        .iter()
        .map(|attempt| usize::from(attempt.resent))
        .sum();
    if full > 0 {
        return Some(Carried::AnsweredAgain(full));
    }
    let ignored = established.iter().all(|attempt| {
        let stuck = matches!(
            attempt.outcome(situation.view.end),
            AttemptOutcome::Established {
                ending: Ending::Stuck {
                    sender: Side::Client,
                    ..
                },
                ..
            }
        );
        attempt.client.acknowledged() == 0 && stuck
    });
    ignored.then_some(Carried::Ignored)
}

/// Whether a session that fell silent may have done so for the size of what the client sent: its first
/// large segment, which was not seen at the server.
fn may_be_size(situation: &Situation<'_>, attempt: &AttemptState) -> bool {
    let silent = attempt
        .session(situation.distances())
        .is_some_and(|session| session.end == End::Silence);
    let large = |side| {
        let stuck = attempt.held_up(side, situation.view.end);
        stuck.is_some_and(|stuck| stuck.size >= NEARLY_FULL) && !attempt.stream(side).large_passed()
    };
    silent
        && attempt.too_big.is_none()
        && (large(Side::Client) && !is_at(situation, Side::Server)
            || large(Side::Server) && !is_at(situation, Side::Client))
}

/// What `sender` repeats in vain, where it is the first full-size segment of all and follows at once on
/// small ones that passed: its size is then the likelier reason than an outage at that very moment.
fn sudden(situation: &Situation<'_>, attempt: &AttemptState, sender: Side) -> Option<Stuck> {
    const FULL: u16 = 1200;
    const AT_ONCE: Duration = Duration::from_secs(1);
    let stuck = attempt.held_up(sender, situation.view.end)?;
    let first = stuck.size >= FULL && stuck.quiet < AT_ONCE;
    (first && attempt.server.acknowledged() + attempt.client.acknowledged() > 0)
        .then_some(stuck)
        .filter(|_| !is_at(situation, sender.other()))
}

/// Whether what is seen here has come as far as `side`: a hole lies before it.
fn is_at(situation: &Situation<'_>, side: Side) -> bool {
    let distance = match side {
        Side::Client => situation.position.from_client,
        Side::Server => situation.position.from_server,
    };
    distance == Some(0) && !situation.position.forwards
}

/// Large segments that never arrive, on connections whose small ones do.
pub(super) fn hole(situation: &Situation<'_>, established: &[&AttemptState]) -> Option<Carried> {
    let mut times = 0;
    let mut size = 0;
    let mut ways = BTreeSet::new();
    for attempt in established {
        for (way, sender) in [(Way::ToServer, Side::Client), (Way::ToClient, Side::Server)] {
            // Told honestly, it is no hole.
            let shrunk = attempt
                .stream(sender)
                .shrunk()
                .filter(|_| attempt.too_big.is_none());
            if let Some(shrunk) = shrunk.filter(|_| !is_at(situation, sender.other())) {
                times += 2;
                size = size.max(shrunk);
                ways.insert(way);
                continue;
            }
            // And what passed before does not stick for its size.
            if attempt.too_big.is_some() || attempt.stream(sender).large_passed() {
                continue;
            }
            // Small ones must pass after the large one, which must not be seen behind the hole.
            let stuck = attempt
                .held_up(sender, situation.view.end)
                .filter(|stuck| stuck.is_large() && stuck.alive);
            if let Some(stuck) = stuck.filter(|_| !is_at(situation, sender.other())) {
                times += 2;
                size = size.max(stuck.size);
                ways.insert(way);
            } else if let Some((_, firm)) = attempt.lacking(sender) {
                times += if firm { 2 } else { 1 };
                ways.insert(way);
            } else if let Some(stuck) = sudden(situation, attempt, sender) {
                // Nothing small follows that would decide it.
                times += usize::from(times == 0);
                size = size.max(stuck.size);
                ways.insert(way);
            }
        }
    }
    if times == 0 {
        return None;
    }
    Some(Carried::LargeHeld {
        size,
        way: ways.pop_first().filter(|_| ways.is_empty()),
        shown: times > 1,
    })
}
