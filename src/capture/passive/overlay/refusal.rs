//! Rules 7 and 8: who sent the reset, and what a router's refusal means.

use std::time::Duration;

use super::super::assess::Situation;
use super::super::evidence::{View, attribute};
use super::super::position::passed;
use super::super::track::Track;
use super::super::words;
use super::Say;
use crate::model::reply::{Answer, Refusal, Reply};
use crate::model::verdict::{Cause, Confidence, Finding, HopRef, Method, Place, PlaceKind};

/// A router that waits for ARP/ND refuses after 3 s (three requests a second apart); no path is so
/// slow.
const RESOLUTION: Duration = Duration::from_millis(2500);

/// Rule 7.
pub(super) fn reset_nearer(situation: &Situation<'_>, finding: &Finding) -> Option<Say> {
    if !matches!(finding.verdict.cause, Cause::Closed | Cause::RejectHost) {
        return None;
    }
    let port = situation.server.port;
    let own = resets(situation, situation.view.attempts.iter().copied());
    let others = situation.view.others.iter().map(|(_, track)| *track);
    let reset = own.iter().map(|reply| passed(reply.ttl.0)).max()?;
    // The farthest that anything in the server's name comes from: a device may answer other ports.
    let elsewhere = resets(situation, others);
    let farthest = elsewhere
        .iter()
        .map(|reply| passed(reply.ttl.0))
        .chain(situation.position.from_server)
        .max();
    if farthest.is_some_and(|farthest| reset < farthest) {
        let ttl = (reset + 1).saturating_add(situation.view.hops);
        let mut say = Say::new(Cause::RejectPath, Confidence::Likely, PlaceKind::Path)
            .against(&[Cause::Closed])
            .saying(words::reset_nearer(port, ttl));
        say.method = Some(Method::TcpReset);
        say.place = Place::at(HopRef { ttl, address: None });
        return Some(say);
    }
    // A TCP stack writes a flow label into its resets, netfilter's REJECT none.
    let labelled = |replies: &[Reply]| replies.iter().any(|reply| reply.flow_label > Some(0));
    if own.iter().all(|reply| reply.flow_label == Some(0)) && labelled(&elsewhere) {
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

/// The resets in the server's name.
fn resets<'t>(situation: &Situation<'_>, tracks: impl Iterator<Item = &'t Track>) -> Vec<Reply> {
    let replies = tracks.flat_map(|track| track.answers.iter().map(|heard| heard.reply));
    replies
        .filter(|reply| reply.answer == Answer::Reset && reply.from == situation.server.address)
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
