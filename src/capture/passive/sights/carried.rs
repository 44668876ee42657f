//! What the connections carried, and how they ended.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::assess::Situation;
use super::super::encounter::{Ending, Fate, Side};
use super::super::stream::Stuck;
use super::super::track::Track;
use crate::infer::{Carried, Sight};
use crate::model::session::End;
use crate::model::verdict::Way;

/// A segment so long may be lost for its size on links that carry little less than Ethernet.
const NEARLY_FULL: u16 = 1000;

/// Whether who completed the handshake serves as well: data that the client took, from as far away
/// as the SYN-ACK.
pub(in super::super) fn serves(track: &Track) -> bool {
    let Some(opened) = track.opened_at() else {
        return false;
    };
    track.is_established() && track.server.acknowledged() > 0 && track.is_served_from(opened)
}

/// What the attempts that were established carried.
pub(super) fn carried(situation: &Situation<'_>) -> Option<Sight> {
    let attempts = situation.view.attempts.iter().copied();
    let established: Vec<&Track> = attempts.filter(|track| track.is_established()).collect();
    if established.is_empty() {
        return None;
    }
    if let Some(hole) = hole(situation, &established) {
        return Some(Sight::Carried(hole));
    }
    let served = established.iter().any(|track| serves(track));
    if let Some(unserved) = unserved(situation, &established).filter(|_| !served) {
        return Some(Sight::Carried(unserved));
    }
    let octets = |of: fn(&Track) -> u64| -> u64 { established.iter().map(|track| of(track)).sum() };
    Some(Sight::Carried(Carried::Completed {
        sent: octets(|track| track.client.octets()),
        received: octets(|track| track.server.octets()),
        alone: established.iter().all(|track| track.speaks_alone()),
        held: established
            .iter()
            .any(|track| may_be_size(situation, track)),
    }))
}

/// What a port shows that takes connections and does not serve on them.
fn unserved(situation: &Situation<'_>, established: &[&Track]) -> Option<Carried> {
    if established.iter().any(|track| track.relayed) {
        return Some(Carried::Relayed);
    }
    let full: usize = established
        .iter()
        .map(|track| usize::from(track.resent))
        .sum();
    if full > 0 {
        return Some(Carried::AnsweredAgain(full));
    }
    let ignored = established.iter().all(|track| {
        let stuck = matches!(
            track.fate(situation.view.end),
            Fate::Established {
                ending: Ending::Stuck {
                    sender: Side::Client,
                    ..
                },
                ..
            }
        );
        track.client.acknowledged() == 0 && stuck
    });
    ignored.then_some(Carried::Ignored)
}

/// Whether a session that fell silent may have done so for the size of what the client sent: its first
/// large segment, which was not seen at the server.
fn may_be_size(situation: &Situation<'_>, track: &Track) -> bool {
    let silent = track
        .session(situation.distances())
        .is_some_and(|session| session.end == End::Silence);
    let large = |side| {
        let stuck = track.held_up(side, situation.view.end);
        stuck.is_some_and(|stuck| stuck.size >= NEARLY_FULL) && !track.stream(side).large_passed()
    };
    silent
        && track.too_big.is_none()
        && (large(Side::Client) && !is_at(situation, Side::Server)
            || large(Side::Server) && !is_at(situation, Side::Client))
}

/// What `sender` repeats in vain, where it is the first full-size segment of all and follows at once on
/// small ones that passed: its size is then the likelier reason than an outage at that very moment.
fn sudden(situation: &Situation<'_>, track: &Track, sender: Side) -> Option<Stuck> {
    const FULL: u16 = 1200;
    const AT_ONCE: Duration = Duration::from_secs(1);
    let stuck = track.held_up(sender, situation.view.end)?;
    let first = stuck.size >= FULL && stuck.quiet < AT_ONCE;
    (first && track.server.acknowledged() + track.client.acknowledged() > 0)
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
pub(super) fn hole(situation: &Situation<'_>, established: &[&Track]) -> Option<Carried> {
    let mut times = 0;
    let mut size = 0;
    let mut ways = BTreeSet::new();
    for track in established {
        for (way, sender) in [(Way::ToServer, Side::Client), (Way::ToClient, Side::Server)] {
            // Told honestly, it is no hole.
            let shrunk = track
                .stream(sender)
                .shrunk()
                .filter(|_| track.too_big.is_none());
            if let Some(shrunk) = shrunk.filter(|_| !is_at(situation, sender.other())) {
                times += 2;
                size = size.max(shrunk);
                ways.insert(way);
                continue;
            }
            // And what passed before does not stick for its size.
            if track.too_big.is_some() || track.stream(sender).large_passed() {
                continue;
            }
            // Small ones must pass after the large one, which must not be seen behind the hole.
            let stuck = track
                .held_up(sender, situation.view.end)
                .filter(|stuck| stuck.is_large() && stuck.alive);
            if let Some(stuck) = stuck.filter(|_| !is_at(situation, sender.other())) {
                times += 2;
                size = size.max(stuck.size);
                ways.insert(way);
            } else if let Some((_, firm)) = track.lacking(sender) {
                times += if firm { 2 } else { 1 };
                ways.insert(way);
            } else if let Some(stuck) = sudden(situation, track, sender) {
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
