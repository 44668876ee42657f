//! Rules 5 and 6: what silence means where the capture was taken.

use std::time::Duration;

use super::super::assess::Situation;
use super::super::words;
use super::Say;
use crate::model::verdict::{Cause, Confidence, Finding, HopRef, PlaceKind};

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

/// Rule 5.
pub(super) fn one_way(situation: &Situation<'_>, finding: &Finding) -> Option<Say> {
    if situation.both_ways || !is_silence(finding.verdict.cause) {
        return None;
    }
    let port = situation.server.port;
    let resent = situation.view.attempts.iter().any(|track| {
        track
            .syns
            .windows(2)
            .any(|two| matches!(two, [one, two] if two.at.since(one.at) >= RESENT))
    });
    let cause = if resent {
        Cause::DropSomewhere
    } else {
        Cause::Inconclusive
    };
    let say = Say::new(cause, Confidence::Possible, PlaceKind::Unknown);
    Some(say.saying(words::one_way(port, resent)))
}

/// Rule 6.
pub(super) fn lost_here(situation: &Situation<'_>, finding: &Finding) -> Option<Say> {
    let traced = finding.verdict.cause == Cause::DropPath;
    if !is_silence(finding.verdict.cause) || traced {
        return None;
    }
    let port = situation.server.port;
    let attempts = situation.view.attempts;
    let position = situation.position;
    let others = || situation.view.others.iter().map(|(_, track)| *track);
    let kept_back = !situation.translated && !attempts.iter().any(|track| track.forwarded);
    // A host that routes for its containers sends nothing on that is for itself.
    let for_itself = position.from_server == Some(0) && !others().any(|track| track.forwarded);
    if situation.router && kept_back && !for_itself {
        let ttl = position.from_client.unwrap_or(0).saturating_add(1);
        let mut say = Say::new(Cause::DropPath, Confidence::Likely, PlaceKind::Path)
            .against(&[Cause::NoRoute, Cause::NoNeighbor])
            .saying(words::not_forwarded(port));
        say.place.after_hop = Some(HopRef { ttl, address: None });
        say.grounds.traced = true;
        return Some(say);
    }
    if position.from_server == Some(0) {
        let wish = match position.from_client {
            Some(0) | None => Confidence::Possible,
            Some(_) => Confidence::Likely,
        };
        let say = Say::new(Cause::DropEdgeOrHost, wish, PlaceKind::Edge)
            .against(&[Cause::DropHost, Cause::DropEdge, Cause::ListenerOverloaded])
            .saying(words::at_server(port));
        return Some(say);
    }
    None
}
