//! Rule 5: what the connections carried, and how they ended.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::assess::Situation;
use super::super::encounter::{Ending, Fate, Side};
use super::super::stream::Stuck;
use super::super::support::Grounds;
use super::super::track::Track;
use super::super::words;
use super::Say;
use crate::model::session::End;
use crate::model::verdict::{Cause, Confidence, Finding, PlaceKind, Way};

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

/// Rule 5.
pub(super) fn carried(situation: &Situation<'_>, finding: &Finding) -> Option<Say> {
    let established: Vec<&&Track> = situation
        .view
        .attempts
        .iter()
        .filter(|track| track.is_established())
        .collect();
    let served = established.iter().any(|track| serves(track));
    // Data that flowed say more than how the handshake looked.
    let open = matches!(
        finding.verdict.cause,
        Cause::Open | Cause::OpenProxied | Cause::MtuBlackHole | Cause::Inconclusive
    ) || served && finding.verdict.cause == Cause::Conflicting;
    if !open || established.is_empty() {
        return None;
    }
    let port = situation.server.port;
    if let Some(say) = hole(situation, &established) {
        return Some(say);
    }
    if !served && let Some(say) = unserved(situation, finding, &established) {
        return Some(say);
    }
    if !served && finding.verdict.cause == Cause::OpenProxied {
        return None;
    }
    let alone = established.iter().all(|track| track.speaks_alone());
    let wish = if served {
        Confidence::Confirmed
    } else {
        Confidence::Likely
    };
    let mut say = Say::new(Cause::Open, wish, PlaceKind::Host);
    say.grounds = Grounds {
        served,
        // A client goes on only when it was answered.
        answered: true,
        ..Grounds::default()
    };
    let mut rivals: Vec<Cause> = Vec::new();
    if !served {
        rivals.push(Cause::OpenProxied);
    }
    if established
        .iter()
        .any(|track| may_be_size(situation, track))
    {
        rivals.push(Cause::MtuBlackHole);
        say.confidence = say.confidence.min(Confidence::Likely);
    }
    Some(
        say.against(&rivals)
            .saying(words::open(port, &established, served, alone)),
    )
}

/// What a port shows that takes connections and does not serve on them.
fn unserved(situation: &Situation<'_>, finding: &Finding, established: &[&&Track]) -> Option<Say> {
    let port = situation.server.port;
    if finding.verdict.cause == Cause::OpenProxied {
        return None;
    }
    if established.iter().any(|track| track.relayed) {
        let say = Say::new(Cause::OpenProxied, Confidence::Likely, PlaceKind::Path);
        return Some(say.against(&[Cause::Open]).saying(words::relayed(port)));
    }
    let full = established.iter().filter(|track| track.resent > 0);
    let full: usize = full.map(|track| usize::from(track.resent)).sum();
    if full > 0 {
        let say = Say::new(
            Cause::ListenerOverloaded,
            Confidence::Likely,
            PlaceKind::Host,
        );
        return Some(
            say.against(&[Cause::Open, Cause::OpenProxied])
                .seen(full)
                .saying(words::overloaded(port)),
        );
    }
    let ignored = established.iter().all(|track| {
        track.client.acknowledged() == 0
            && matches!(
                track.fate(situation.view.end),
                Fate::Established {
                    ending: Ending::Stuck {
                        sender: Side::Client,
                        ..
                    },
                    ..
                }
            )
    });
    if ignored {
        let say = Say::new(Cause::OpenProxied, Confidence::Possible, PlaceKind::Unknown);
        return Some(
            say.against(&[Cause::Open, Cause::ListenerOverloaded, Cause::MtuBlackHole])
                .saying(words::ignored(port)),
        );
    }
    None
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
pub(super) fn hole(situation: &Situation<'_>, established: &[&&Track]) -> Option<Say> {
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
    let mut say = Say::new(Cause::MtuBlackHole, Confidence::Likely, PlaceKind::Path);
    say.place.way = ways.pop_first().filter(|_| ways.is_empty());
    let say_way = say.place.way;
    if times == 1 {
        say.confidence = Confidence::Possible;
    }
    Some(
        say.against(&[Cause::Open, Cause::Banned])
            .seen(times)
            .saying(words::hole(situation.server.port, size, say_way, times > 1)),
    )
}
