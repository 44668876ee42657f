//! Is the port another machine than its address?
//!
//! Published containers, node ports and port forwards give one port of an address to a machine of its
//! own. What other ports and echo of the address show says nothing of that machine then: not its
//! distance, not its firewall, not whether it is up. Decision, first match:
//!
//! 1. A SYN to the port is reported expired in the name of the address itself: only who forwards looks
//!    at the TTL, and a translation writes its address on what comes from behind it.
//! 2. A refusal in the name of the address quotes the SYN with a TTL that was lowered there: who
//!    refuses what is addressed to itself has not forwarded it (`ip_forward` against
//!    `ip_local_deliver`).
//! 3. Everything that the port answers comes from farther away than anything the address answers
//!    elsewhere.

use crate::model::evidence::Trial;
use crate::model::probe::{Kind, ProbeId, Target};
use crate::model::reply::Answer;
use crate::model::verdict::{Cause, Confidence, HopRef, Place};

use super::analysis::{Analysis, hop_of_arrival};
use super::controls::host_answers;
use super::distance::answers;
use super::refusal::{Refused, refusals};
use super::sign::{Observed, Reading, Sign};

/// The device that forwards the port to another machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Translation {
    pub(super) at: HopRef,
    strength: Confidence,
    basis: Vec<ProbeId>,
    because: String,
}

/// What shows that the port is forwarded to another machine; `None` where nothing does.
pub(super) fn translation(analysis: &Analysis<'_>) -> Option<Translation> {
    if analysis.job.vantage.loopback {
        return None;
    }
    own_report(analysis)
        .or_else(|| forwarded(analysis))
        .or_else(|| farther(analysis))
}

/// Reads [`super::sign::Question::Translation`].
pub(super) fn read_translation(analysis: &Analysis<'_>) -> Reading {
    let Some(found) = translation(analysis) else {
        return Reading::nothing();
    };
    Reading::done(Observed {
        sign: Sign::PortTranslated,
        strength: found.strength,
        basis: found.basis,
        because: found.because.into(),
    })
}

/// The nearest hop that reports SYNs to the port expired in the name of the address.
pub(super) fn reports_in_its_name<'a>(analysis: &Analysis<'a>, ttl: u8) -> Option<&'a Trial> {
    let sent = analysis.trials(move |probe| {
        probe.kind == Kind::Syn && probe.target == Target::Endpoint && probe.ttl.0 == ttl
    });
    let address = analysis.address();
    let mut reported = sent.filter(|trial| {
        let mut replies = trial.replies.iter();
        replies.any(|heard| heard.reply.from == address && heard.reply.answer.is_time_exceeded())
    });
    reported.next()
}

fn own_report(analysis: &Analysis<'_>) -> Option<Translation> {
    let (ttl, trial) = (1..64).find_map(|ttl| Some((ttl, reports_in_its_name(analysis, ttl)?)))?;
    Some(Translation {
        at: HopRef {
            ttl,
            address: Some(analysis.address()),
        },
        strength: Confidence::Proven,
        basis: vec![trial.id],
        because: format!(
            "hop {ttl} reports the port's SYN expired in the name of the address itself, so it \
             forwards it"
        ),
    })
}

/// How many hops lowered the TTL of a refused SYN, by its quote.
fn passed(refused: &Refused<'_>) -> Option<u8> {
    let heard = refused
        .trial
        .replies
        .iter()
        .find_map(|heard| match heard.reply.answer {
            Answer::Unreachable(refusal, quote) if refusal == refused.refusal => Some(quote),
            _ => None,
        })?;
    refused.trial.probe.ttl.0.checked_sub(heard.ttl.0)
}

/// Whether the hop that refuses had lowered the TTL before, as who forwards does.
pub(super) fn is_forwarded(refused: &Refused<'_>) -> bool {
    passed(refused) == Some(refused.hop)
}

/// The hop at which a refused SYN can have been at the farthest, by the TTL that is quoted of it.
pub(super) fn farthest_quoted(refused: &Refused<'_>) -> Option<u8> {
    passed(refused).map(|passed| passed.saturating_add(1))
}

/// Whether a SYN is quoted with a TTL that leaves no doubt: something on the way raised it.
pub(super) fn is_raised(analysis: &Analysis<'_>) -> bool {
    refusals(analysis).iter().any(|refused| {
        let limited = !refused.trial.probe.ttl.is_full();
        limited && passed(refused).is_none()
    })
}

fn forwarded(analysis: &Analysis<'_>) -> Option<Translation> {
    let refusals = refusals(analysis);
    let mut own = refusals
        .iter()
        .filter(|refused| refused.from == analysis.address());
    let refused = own.find(|refused| is_forwarded(refused))?;
    let at = match nearest_elsewhere(analysis) {
        Some(hop) if hop < refused.hop => hop,
        _ => refused.hop,
    };
    Some(Translation {
        at: HopRef {
            ttl: at,
            address: Some(analysis.address()),
        },
        strength: Confidence::Likely,
        basis: vec![refused.trial.id],
        because: format!(
            "the refusal quotes the SYN as it was forwarded beyond hop {}",
            refused.hop
        ),
    })
}

/// The nearest hop from which the address answers something else.
fn nearest_elsewhere(analysis: &Analysis<'_>) -> Option<u8> {
    let answers = host_answers(analysis);
    let hops = answers
        .iter()
        .map(|(_, heard)| hop_of_arrival(heard.reply.ttl));
    hops.min()
}

fn farther(analysis: &Analysis<'_>) -> Option<Translation> {
    let elsewhere = host_answers(analysis);
    let known = elsewhere
        .iter()
        .map(|(_, heard)| hop_of_arrival(heard.reply.ttl))
        .max()?;
    let own = answers(analysis);
    let nearest = own
        .iter()
        .filter_map(|trial| Some(hop_of_arrival(analysis.telling(trial)?.reply.ttl)))
        .min()?;
    (nearest > known).then(|| Translation {
        at: HopRef {
            ttl: known,
            address: Some(analysis.address()),
        },
        strength: Confidence::Likely,
        basis: own
            .iter()
            .map(|trial| trial.id)
            .take(2)
            .chain(elsewhere.iter().map(|(trial, _)| trial.id).take(2))
            .collect(),
        because: format!(
            "the port answers from hop {nearest}, the address elsewhere from hop {known}"
        ),
    })
}

/// What a verdict says of a port that is forwarded at `place.translated_at`; `None` where its own
/// words hold for such a port as well.
pub(super) fn headline(cause: Cause, place: &Place, (port, how): (u16, &str)) -> Option<String> {
    let device = super::words::named(place.translated_at?);
    Some(match cause {
        Cause::Open => format!(
            "Port {port} is open: the machine that {device} forwards it to answers SYN-ACK."
        ),
        Cause::Closed => format!(
            "The machine that {device} forwards port {port} to is reachable, and nothing listens \
             there."
        ),
        Cause::RejectHost if place.at_hop.is_none() => format!(
            "A firewall on the machine that {device} forwards port {port} to, or on that device, \
             refuses with {how}."
        ),
        Cause::NoNeighbor => format!(
            "The machine that {device} forwards port {port} to does not answer ARP/ND: a \
             translation to a machine that is gone, or has another address."
        ),
        Cause::NoRoute => format!(
            "Port {port} is refused as unreachable by {device}, which seems to forward it to a \
             network that it has no route to."
        ),
        _ => return None,
    })
}
