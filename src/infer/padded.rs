//! Padded probes: which sizes are worth one, and what those of a size drew.

use crate::model::endpoint::Family;
use crate::model::evidence::{LocalRefusal, Trial};
use crate::model::probe::{Kind, ProbeId};
use crate::model::reply::Answer;

use super::analysis::{Analysis, Response, hop_of_arrival};
use super::departure::DEPARTURE_LAG;

/// The largest datagram worth a look: loopback's 64 KiB would measure nothing.
const LARGEST: u16 = 9000;
/// A size that hardly any link falls short of, and that filters on large echo requests do not let
/// pass: the minimum MTU of IPv6.
const MIDDLE: u16 = 1280;
/// The size of a full datagram between us and the port: no larger than the route carries, the port
/// takes by its MSS, or a router said that fits.
pub(super) fn full(analysis: &Analysis<'_>) -> u16 {
    let headers = match analysis.family() {
        Family::V4 => 40,
        Family::V6 => 60,
    };
    let stated = analysis.port_syns().filter_map(|trial| {
        let heard = analysis.telling(trial)?;
        match heard.reply.answer {
            Answer::SynAck { mss, .. } => mss.map(|mss| mss.saturating_add(headers)),
            _ => None,
        }
    });
    let most = stated.fold(analysis.job.vantage.mtu.min(LARGEST), u16::min);
    // A lower one is a forgery, or a mistake that no stack follows.
    let fits = told(analysis).filter_map(|(_, mtu)| mtu.filter(|mtu| *mtu >= small(analysis)));
    fits.fold(most, u16::min)
}

/// A padded size that every path must carry: the minimum reassembly size of IPv4 (RFC 791), the
/// minimum MTU of IPv6 (RFC 8200 §5).
pub(super) fn small(analysis: &Analysis<'_>) -> u16 {
    match analysis.family() {
        Family::V4 => 576,
        Family::V6 => MIDDLE,
    }
}

/// A size between, for echo requests.
pub(super) fn middle(analysis: &Analysis<'_>) -> u16 {
    if full(analysis) > MIDDLE {
        MIDDLE
    } else {
        small(analysis)
    }
}

/// Probes of a kind and size that are meant to reach the host.
pub(super) fn padded<'a>(analysis: &Analysis<'a>, kind: Kind, size: u16) -> Vec<&'a Trial> {
    analysis
        .trials(move |probe| {
            probe.kind == kind && probe.padded_to == Some(size) && probe.ttl.is_full()
        })
        .collect()
}

/// Those that drew the like.
pub(super) fn of<'a>(
    analysis: &Analysis<'_>,
    trials: &[&'a Trial],
    response: Response,
) -> Vec<&'a Trial> {
    trials
        .iter()
        .copied()
        .filter(|trial| analysis.response(trial) == response)
        .collect()
}

/// The probes about which a router said that they are too long, and the MTU it stated.
pub(super) fn told<'a>(
    analysis: &Analysis<'a>,
) -> impl Iterator<Item = (ProbeId, Option<u16>)> + 'a {
    let padded = analysis.trials(|probe| probe.padded_to.is_some());
    padded.filter_map(|trial| {
        let mut replies = trial.replies.iter();
        let mtu = replies.find_map(|heard| heard.reply.answer.too_big())?;
        Some((trial.id, mtu))
    })
}

/// Those that drew nothing, or that the interface itself swallowed: a virtual link whose far end
/// takes less reports a full queue, for long frames only.
pub(super) fn vanished<'a>(analysis: &Analysis<'_>, sent: &[&'a Trial]) -> Vec<&'a Trial> {
    sent.iter()
        .copied()
        .filter(|trial| {
            analysis.response(trial) == Response::Silence
                || trial.refused == Some(LocalRefusal::Overload)
        })
        .collect()
}

/// Whether a probe may still be answered: also one that the tap has not seen leave yet.
pub(super) fn is_under_way(analysis: &Analysis<'_>, trial: &Trial) -> bool {
    let leaving =
        trial.is_pending() && !trial.invalidated && analysis.now.since(trial.sent) < DEPARTURE_LAG;
    leaving || analysis.response(trial) == Response::Pending
}

/// Whether an echo reply comes from the machine that the port is on, as far as distances tell: a port
/// that is translated is another machine than its address.
pub(super) fn is_of_port(analysis: &Analysis<'_>, trial: &Trial) -> bool {
    let hop = |trial: &Trial| {
        analysis
            .telling(trial)
            .map(|heard| hop_of_arrival(heard.reply.ttl))
    };
    let mut port = analysis
        .port_syns()
        .filter(|trial| analysis.response(trial) == Response::SynAck)
        .map(hop);
    port.any(|distance| distance == hop(trial))
}
