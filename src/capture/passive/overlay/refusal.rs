//! Rules 2, 7 and 8: who sent the reset, and what a router's refusal means.

use std::time::Duration;

use super::super::assess::Situation;
use super::super::evidence::{View, attribute};
use super::super::phase::{Kind, Phases};
use super::super::track::Track;
use super::super::words;
use super::Say;
use crate::model::reply::{Answer, Refusal, Reply};
use crate::model::time::Moment;
use crate::model::verdict::{Cause, Confidence, Finding, HopRef, Method, Place, PlaceKind};

/// A router that waits for ARP/ND refuses after 3 s (three requests a second apart); no path is so
/// slow.
const RESOLUTION: Duration = Duration::from_millis(2500);

/// Rule 2: the attempts that are refused now, after others were answered; nearer than the answers were,
/// it is a device that refuses.
pub(super) fn refused_since(situation: &Situation<'_>, _: &Finding) -> Option<Say> {
    let phases = Phases::of(&situation.view)?;
    let (port, server) = (situation.server.port, situation.server.address);
    if phases.first != Kind::Open || phases.then != Kind::Refused {
        return None;
    }
    let last = situation.view.attempts.iter();
    let last = last.filter(|track| track.first >= phases.since);
    let mut heard = last.flat_map(|track| track.answers.iter().map(|heard| (*track, heard)));
    let (track, heard, refusal) =
        heard.find_map(|(track, heard)| Some((track, heard, heard.reply.answer.refusal()?)))?;
    let away = track.away(heard);
    let by = heard.reply.from;
    let nearer = farthest(situation).is_some_and(|farthest| away < farthest);
    let (cause, place) = if by == server && !nearer {
        (Cause::RejectHost, Place::of(PlaceKind::Host))
    } else {
        let ttl = away.saturating_add(1).saturating_add(situation.view.hops);
        let address = Some(by);
        (Cause::RejectPath, Place::at(HopRef { ttl, address }))
    };
    let mut say = Say::new(cause, Confidence::Likely, place.kind)
        .against(&[Cause::Banned])
        .saying(words::refused_since(port, by, refusal, phases.since));
    say.place = place;
    say.method = Some(Method::Icmp(refusal));
    Some(say)
}

/// The farthest that the server's SYN-ACKs come from, on any of its ports.
fn farthest(situation: &Situation<'_>) -> Option<u8> {
    let others = situation.view.others.iter().map(|(_, track)| *track);
    let tracks = situation.view.attempts.iter().copied().chain(others);
    let opened = tracks.filter_map(|track| Some(track.away(track.opened_at()?)));
    opened.chain(situation.position.from_server).max()
}

/// Rule 2: resets that began after SYN-ACKs, from nearer.
pub(super) fn reset_since(situation: &Situation<'_>, _: &Finding) -> Option<Say> {
    let phases = Phases::of(&situation.view)?;
    if phases.first != Kind::Open || phases.then != Kind::Reset {
        return None;
    }
    let last = situation.view.attempts.iter().copied();
    let last: Vec<&Track> = last.filter(|track| track.first >= phases.since).collect();
    let mut say = device(
        situation,
        &resets(situation, last.into_iter()),
        Some(phases.since),
    )?;
    say.rivals.push(Cause::Banned);
    Some(say)
}

/// A device that resets from nearer than anything else in the server's name comes from.
fn device(situation: &Situation<'_>, own: &[(Reply, u8)], since: Option<Moment>) -> Option<Say> {
    let port = situation.server.port;
    let reset = own.iter().map(|(_, away)| *away).max()?;
    // The farthest that anything in the server's name comes from: a device may answer other ports.
    let others = situation.view.others.iter().map(|(_, track)| *track);
    let elsewhere = resets(situation, others);
    let farthest = elsewhere
        .iter()
        .map(|(_, away)| *away)
        .chain(farthest(situation))
        .max();
    farthest.filter(|farthest| reset < *farthest)?;
    let ttl = (reset + 1).saturating_add(situation.view.hops);
    let mut say = Say::new(Cause::RejectPath, Confidence::Likely, PlaceKind::Path)
        .against(&[Cause::Closed])
        .saying(words::reset_nearer(port, ttl, since));
    say.method = Some(Method::TcpReset);
    say.place = Place::at(HopRef { ttl, address: None });
    Some(say)
}

/// Rule 7.
pub(super) fn reset_nearer(situation: &Situation<'_>, finding: &Finding) -> Option<Say> {
    if !matches!(finding.verdict.cause, Cause::Closed | Cause::RejectHost) {
        return None;
    }
    let port = situation.server.port;
    let own = resets(situation, situation.view.attempts.iter().copied());
    if let Some(say) = device(situation, &own, None) {
        return Some(say);
    }
    let others = situation.view.others.iter().map(|(_, track)| *track);
    let elsewhere = resets(situation, others);
    // A TCP stack writes a flow label into its resets, netfilter's REJECT none.
    let labelled =
        |replies: &[(Reply, u8)]| replies.iter().any(|(reply, _)| reply.flow_label > Some(0));
    let bare = !own.is_empty() && own.iter().all(|(reply, _)| reply.flow_label == Some(0));
    if bare && labelled(&elsewhere) {
        let mut say = Say::new(Cause::RejectHost, Confidence::Likely, PlaceKind::Host)
            .against(&[Cause::RejectPath])
            .saying(words::unlabelled(port));
        say.method = Some(Method::TcpReset);
        return Some(say);
    }
    labelled(&own).then(|| {
        Say::new(Cause::Closed, Confidence::Likely, PlaceKind::Host).saying(words::labelled(port))
    })
}

/// The resets in the server's name, and how far away from the place of capture each was written.
fn resets<'t>(
    situation: &Situation<'_>,
    tracks: impl Iterator<Item = &'t Track>,
) -> Vec<(Reply, u8)> {
    let replies = tracks.flat_map(|track| {
        let heard = track.answers.iter();
        heard.map(|heard| (heard.reply, track.away(heard)))
    });
    replies
        .filter(|(reply, _)| {
            reply.answer == Answer::Reset && reply.from == situation.server.address
        })
        .collect()
}

/// Rule 8.
pub(super) fn unrouted(situation: &Situation<'_>, finding: &Finding) -> Option<Say> {
    let verdict = &finding.verdict;
    let unrouted = matches!(
        verdict.method,
        Some(Method::Icmp(
            Refusal::NetUnreachable | Refusal::NoRoute6 | Refusal::RejectRoute6
        ))
    );
    if verdict.cause == Cause::RejectPath && refused_late(&situation.view) {
        let mut say = Say::new(Cause::NoNeighbor, Confidence::Likely, PlaceKind::Path)
            .against(&[Cause::RejectPath])
            .saying(words::no_neighbor(
                situation.server.port,
                verdict.place.at_hop,
            ));
        say.place = verdict.place;
        return Some(say);
    }
    if verdict.cause != Cause::RejectPath || !unrouted {
        return None;
    }
    let mut say = Say::new(Cause::NoRoute, Confidence::Likely, PlaceKind::Path)
        .against(&[Cause::RejectPath])
        .saying(words::unrouted(situation.server.port, verdict.place.at_hop));
    say.place = verdict.place;
    Some(say)
}

/// Whether "host unreachable" took as long as vain ARP/ND requests do.
fn refused_late(view: &View<'_>) -> bool {
    view.attempts.iter().any(|track| {
        let by_syn = attribute(track);
        let mut pairs = track.syns.iter().zip(&by_syn);
        pairs.any(|(syn, heard)| {
            heard.iter().any(|heard| {
                let plight = matches!(
                    heard.reply.answer.refusal(),
                    Some(Refusal::HostUnreachable | Refusal::AddressUnreachable6)
                );
                plight && heard.at.since(syn.at) >= RESOLUTION
            })
        })
    })
}
