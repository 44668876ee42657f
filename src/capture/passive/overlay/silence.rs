//! Rules 4, 6 and 7: what silence means where the capture was taken.

use std::time::Duration;

use super::super::assess::Situation;
use super::super::encounter::{Ending, Fate};
use super::super::phase::{Kind, Phases};
use super::super::track::{Syn, Track};
use super::super::words;
use super::Say;
use crate::model::verdict::{Cause, Confidence, Finding, HopRef, PlaceKind};
use crate::wire::frame::Direction;

/// Ports of protocols whose server speaks first (FTP, SSH, SMTP, POP3, IMAP, submission, MySQL).
const GREETING: [u16; 7] = [21, 22, 25, 110, 143, 587, 3306];

/// A client resends a SYN because of silence no sooner than this; sooner ones follow a reset.
const RESENT: Duration = Duration::from_millis(900);

/// Whether the verdict rests on silence.
const fn is_silence(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::DropSomewhere
            | Cause::DropEdgeOrHost
            | Cause::DropEdge
            | Cause::DropHost
            | Cause::DropPath
    )
}

/// Rule 6.
pub(super) fn one_way(situation: &Situation<'_>, finding: &Finding) -> Option<Say> {
    if situation.both_ways || !is_silence(finding.verdict.cause) {
        return None;
    }
    let port = situation.server.port;
    let resent = resent(situation);
    let cause = if resent {
        Cause::DropSomewhere
    } else {
        Cause::Inconclusive
    };
    let say = Say::new(cause, Confidence::Possible, PlaceKind::Unknown);
    Some(say.saying(words::one_way(port, resent)))
}

/// Rule 4: the listener's queue is full, and nobody takes from it.
pub(super) fn backlog(situation: &Situation<'_>, _: &Finding) -> Option<Say> {
    /// A server that takes connections closes one that the client has closed, or greets, sooner.
    const SOON: Duration = Duration::from_secs(1);
    let phases = Phases::of(&situation.view)?;
    if phases.first != Kind::Open || phases.then != Kind::Silent {
        return None;
    }
    let (end, port) = (situation.view.end, situation.server.port);
    let attempts = situation.view.attempts.iter();
    let opened: Vec<&&Track> = attempts
        .filter(|track| track.first < phases.since)
        .collect();
    let waits = |track: &&&Track| track.is_unserved() && end.since(track.first) >= SOON;
    if !opened.iter().all(waits) {
        return None;
    }
    // The kernel acknowledges what comes on a connection that nobody takes.
    let is_silenced = |track: &&&Track| {
        let fate = track.fate(end);
        matches!(
            fate,
            Fate::Established {
                ending: Ending::Stuck { .. },
                ..
            }
        )
    };
    if opened.iter().any(is_silenced) {
        return None;
    }
    let alive = opened.iter().any(|track| track.speaks_after(phases.since));
    let ignored = opened.iter().any(|track| track.is_left_half_closed());
    // A ban on new connections looks the same where an idle one is all that is known of the server.
    if !alive || !ignored && !GREETING.contains(&port) {
        return None;
    }
    let say = Say::new(
        Cause::ListenerOverloaded,
        Confidence::Likely,
        PlaceKind::Host,
    )
    .against(&[Cause::Banned, Cause::RateLimited])
    .saying(words::backlog(port, opened.len(), phases.after));
    Some(say.seen(phases.after))
}

/// Rule 7.
pub(super) fn lost_here(situation: &Situation<'_>, finding: &Finding) -> Option<Say> {
    let traced = finding.verdict.cause == Cause::DropPath;
    let undecided = finding.verdict.cause == Cause::Inconclusive && resent(situation);
    if !is_silence(finding.verdict.cause) && !undecided || traced {
        return None;
    }
    let port = situation.server.port;
    let attempts = situation.view.attempts;
    let position = situation.position;
    let others = || situation.view.others.iter().map(|(_, track)| *track);
    if situation.unresolved {
        let mut say = Say::new(Cause::NoNeighbor, Confidence::Likely, PlaceKind::Path)
            .saying(words::unresolved(port, situation.server.address));
        let ttl = position.from_client.map(|hops| hops.saturating_add(1));
        say.place.at_hop = ttl.map(|ttl| HopRef { ttl, address: None });
        return Some(say);
    }
    let kept_back = !situation.translated && !attempts.iter().any(|track| track.forwarded);
    // A host that routes for its containers sends nothing on that is for itself.
    let for_itself = position.from_server == Some(0) && !others().any(|track| track.forwarded);
    let after_here = |mut say: Say| {
        let ttl = position.from_client.unwrap_or(0).saturating_add(1);
        say.place.after_hop = Some(HopRef { ttl, address: None });
        say.grounds.traced = true;
        say
    };
    if situation.router && kept_back && !for_itself {
        let say = Say::new(Cause::DropPath, Confidence::Likely, PlaceKind::Path)
            .against(&[Cause::NoRoute, Cause::NoNeighbor])
            .saying(words::not_forwarded(port));
        return Some(after_here(say));
    }
    if position.from_server == Some(0) {
        let wish = match position.from_client {
            Some(0) | None => Confidence::Possible,
            Some(_) => Confidence::Likely,
        };
        let say = Say::new(Cause::DropEdgeOrHost, wish, PlaceKind::Edge)
            .against(&[Cause::DropHost, Cause::DropEdge, Cause::ListenerOverloaded])
            .saying(words::at_server(port, situation.others_served));
        return Some(say);
    }
    let syns = || attempts.iter().flat_map(|track| &track.syns);
    let came_in = |syn: &Syn| {
        let outbound = syn.crossing.direction == Some(Direction::Outbound);
        !syn.elsewhere && !outbound
    };
    if !kept_back || position.from_server.is_some() || !syns().all(came_in) || !resent(situation) {
        return None;
    }
    // A capture of all interfaces would hold the packet once more if it were sent on.
    let inbound = |syn: &Syn| syn.crossing.direction == Some(Direction::Inbound);
    if syns().all(|syn| syn.crossing.of_all && inbound(syn)) {
        let say = Say::new(Cause::DropEdgeOrHost, Confidence::Possible, PlaceKind::Edge)
            .against(&[Cause::DropHost, Cause::DropPath, Cause::ListenerOverloaded])
            .saying(words::received_here(port));
        return Some(say);
    }
    let first = syns().next().map(|syn| syn.crossing.interface);
    if situation.interfaces > 1 && syns().all(|syn| Some(syn.crossing.interface) == first) {
        let say = Say::new(Cause::DropPath, Confidence::Possible, PlaceKind::Path)
            .against(&[Cause::DropEdgeOrHost, Cause::NoRoute, Cause::NoNeighbor])
            .saying(words::not_passed_on(port));
        return Some(after_here(say));
    }
    None
}

/// Whether a client sent a SYN again because nothing came.
fn resent(situation: &Situation<'_>) -> bool {
    situation.view.attempts.iter().any(|track| {
        track
            .syns
            .windows(2)
            .any(|two| matches!(two, [one, two] if two.at.since(one.at) >= RESENT))
    })
}
