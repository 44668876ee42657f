//! Rule 4: what the connections carried, and how they ended.

use std::collections::BTreeSet;

use super::super::assess::Situation;
use super::super::encounter::{Ending, Fate, Side};
use super::super::support::Grounds;
use super::super::track::Track;
use super::super::words;
use super::Say;
use crate::model::reply::Answer;
use crate::model::verdict::{Cause, Confidence, Finding, PlaceKind, Way};

/// Whether who completed the handshake serves as well: data that the client took, from as far away
/// as the SYN-ACK, which offered a window.
pub(in super::super) fn serves(track: &Track) -> bool {
    let Some(opened) = track.opened_at() else {
        return false;
    };
    let windowless = matches!(opened.reply.answer, Answer::SynAck { window: 0, .. });
    track.is_established()
        && track.server.acknowledged() > 0
        && track.served_ttl == Some(opened.reply.ttl.0)
        && !windowless
}

/// Rule 4.
pub(super) fn carried(situation: &Situation<'_>, finding: &Finding) -> Option<Say> {
    let open = matches!(
        finding.verdict.cause,
        Cause::Open | Cause::OpenProxied | Cause::MtuBlackHole | Cause::Inconclusive
    );
    let established: Vec<&&Track> = situation
        .view
        .attempts
        .iter()
        .filter(|track| track.is_established())
        .collect();
    if !open || established.is_empty() {
        return None;
    }
    let port = situation.server.port;
    if let Some(say) = hole(situation, &established) {
        return Some(say);
    }
    let served = established.iter().any(|track| serves(track));
    if finding.verdict.cause == Cause::OpenProxied {
        return None;
    }
    if established.iter().any(|track| track.relayed) {
        let say = Say::new(Cause::OpenProxied, Confidence::Likely, PlaceKind::Path);
        return Some(say.against(&[Cause::Open]).saying(words::relayed(port)));
    }
    let full = established.iter().filter(|track| track.resent > 0);
    let full: usize = full.map(|track| usize::from(track.resent)).sum();
    if full > 0 && !served {
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
    let rivals: &[Cause] = if served { &[] } else { &[Cause::OpenProxied] };
    Some(
        say.against(rivals)
            .saying(words::open(port, &established, served, alone)),
    )
}

/// Large segments that never arrive, on connections whose small ones do.
fn hole(situation: &Situation<'_>, established: &[&&Track]) -> Option<Say> {
    let mut times = 0;
    let mut size = 0;
    let mut ways = BTreeSet::new();
    for track in established {
        let streams = [
            (Way::ToServer, &track.client),
            (Way::ToClient, &track.server),
        ];
        for (way, stream) in streams {
            let Some(stuck) = stream.stuck().filter(|stuck| stuck.is_large()) else {
                continue;
            };
            // Told honestly, it is no hole; and what passed before does not stick for its size.
            if track.too_big.is_some() || stream.large_passed() {
                continue;
            }
            let alive = stuck.alive || stream.acknowledged() > 0;
            times += if alive { 2 } else { 1 };
            size = size.max(stuck.size);
            ways.insert(way);
        }
    }
    if times == 0 {
        return None;
    }
    let mut say = Say::new(Cause::MtuBlackHole, Confidence::Likely, PlaceKind::Path);
    say.place.way = ways.pop_first().filter(|_| ways.is_empty());
    Some(
        say.against(&[Cause::Open, Cause::Banned])
            .seen(times)
            .saying(words::hole(situation.server.port, size)),
    )
}
