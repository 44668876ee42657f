//! What a bystander sees of the port, read into a sign. Decision: the first symptom that applies, in the
//! order of the capture.
//!
//! 1. What clients do (ask again, go on, are served at times) says more than answers to SYNs.
//! 2. What connections carried counts where the port opens, or nothing speaks against it.
//! 3. Where SYNs are lost counts where they draw nothing, and no traceroute says more.
//! 4. How the port is reset counts where it is reset, and no distance says more.
//! 5. A router that says "no route" is taken at its word: nothing can be asked of it.
//!
//! Nothing here is `proven`: no token shows that an answer is one, and the client asked what it
//! wanted to know, not what would tell one cause from another.

mod told;

use std::time::Duration;

use crate::model::probe::Target;
use crate::model::reply::Refusal;
use crate::model::verdict::Confidence::{self, Confirmed, Likely};
use crate::model::verdict::{Cause, HopRef, Method, Place, PlaceKind};

use super::analysis::{Analysis, Response};
use super::observer::{Bystander, Carried, Lost, Observer, Refused, Symptom};
use super::sign::Sign::{self, *};
use super::sign::{Observed, Question, Reading};
use super::{answer, distance, locate, refusal, table, throttle};

/// A router that waits for ARP/ND refuses after 3 s (three requests a second apart); no path is so
/// slow.
const RESOLUTION: Duration = Duration::from_millis(2500);

const NOTHING_SEEN: &str =
    "Not decided: no SYN of this connection is in the capture, and what is says too little.";
const CUT_OFF: &str = "Not decided: the capture ends before an answer was due.";

/// What a capture shows, where the evidence is one.
pub(super) fn bystander<'a>(analysis: &Analysis<'a>) -> Option<&'a Bystander> {
    match &analysis.job.observer {
        Observer::Own => None,
        Observer::Passive(bystander) => Some(bystander),
    }
}

/// Whether a symptom decides.
pub(super) fn decides(analysis: &Analysis<'_>) -> bool {
    symptom(analysis).is_some()
}

/// The symptom that counts.
fn symptom<'a>(analysis: &Analysis<'a>) -> Option<&'a Symptom> {
    let bystander = bystander(analysis)?;
    *analysis.symptom.get_or_init(|| {
        let mut symptoms = bystander.symptoms.iter();
        symptoms.find(|symptom| applies(analysis, bystander, symptom))
    })
}

fn applies(analysis: &Analysis<'_>, bystander: &Bystander, symptom: &Symptom) -> bool {
    let port = || {
        answer::read_port(analysis)
            .sign
            .map(|observed| observed.sign)
    };
    match symptom {
        Symptom::Carried(carried) => {
            let whatever_answered =
                bystander.served || matches!(carried, Carried::LargeHeld { .. });
            matches!(port(), None | Some(PortOpens)) && (whatever_answered || !is_proxied(analysis))
        }
        Symptom::Lost(lost) => match port() {
            Some(PortSilent) => is_lost(analysis),
            None => bystander.resent && *lost != Lost::OneWay,
            Some(_) => false,
        },
        Symptom::Refused(Refused::ResetNearer { since: None, .. }) => port() == Some(PortResets),
        Symptom::Refused(Refused::Labelled | Refused::Unlabelled) => {
            let distance = || distance::read_distance(analysis).sign;
            port() == Some(PortResets) && distance().is_none_or(|seen| seen.sign != NearerThanHost)
        }
        Symptom::Unseen(_)
        | Symptom::Refused(_)
        | Symptom::Unheard(_)
        | Symptom::Disowned
        | Symptom::Backlog { .. }
        | Symptom::Changed(_)
        | Symptom::AtTimes { .. } => true,
    }
}

/// Whether the SYN-ACK looks like that of something before the host.
fn is_proxied(analysis: &Analysis<'_>) -> bool {
    let opened = analysis
        .port_syns()
        .any(|trial| analysis.response(trial) == Response::SynAck);
    let sign = answer::read_listener(analysis)
        .sign
        .map(|observed| observed.sign);
    opened && matches!(sign, Some(NearListener | ZeroWindow | EveryPortOpens))
}

/// Whether nothing but silence speaks: neither a traceroute in the capture, nor what others were told.
fn is_lost(analysis: &Analysis<'_>) -> bool {
    let sign = |reading: Reading| reading.sign.map(|observed| observed.sign);
    let traced = matches!(
        sign(locate::read_trace(analysis)),
        Some(TraceInPath | TraceLoops)
    );
    let rationed = sign(throttle::read_ration(analysis));
    !traced && !rationed.is_some_and(|sign| table::REFUSED_TO_OTHERS.contains(sign))
}

/// Reads [`Question::Symptom`].
pub(super) fn read_symptom(analysis: &Analysis<'_>) -> Reading {
    let Some(bystander) = bystander(analysis) else {
        return Reading::nothing();
    };
    let told = symptom(analysis).map(|symptom| {
        let (sign, strength) = told::sign(analysis, bystander, symptom);
        (sign, strength, told::words(analysis, bystander, symptom))
    });
    let Some((sign, strength, says)) = told.or_else(|| refused_for_want_of_a_way(analysis)) else {
        return Reading::nothing();
    };
    let of_port = analysis.trials(|probe| probe.target == Target::Endpoint);
    Reading::done(Observed {
        sign,
        strength,
        basis: of_port.map(|trial| trial.id).collect(),
        because: says.into(),
    })
}

/// Reads [`Question::Nearness`]: an ICMP error quotes the SYN's random number, so it was written by who
/// saw it; who writes from nearer than the server is another. An address alone may be the server's
/// second one.
pub(super) fn read_nearness(analysis: &Analysis<'_>) -> Reading {
    match bystander(analysis) {
        Some(bystander) if bystander.refused_nearer => Reading::done(Observed {
            sign: RefusedNearer,
            strength: Confirmed,
            basis: Vec::new(),
            because: "the refusal comes from nearer than the server's own answers".into(),
        }),
        _ => Reading::nothing(),
    }
}

/// A router that says that there is no route, or that it asked for the host in vain.
fn refused_for_want_of_a_way(analysis: &Analysis<'_>) -> Option<(Sign, Confidence, String)> {
    let port = analysis.job.endpoint.port;
    if answer::read_port(analysis).sign?.sign != PortRefused {
        return None;
    }
    let refusals = refusal::refusals(analysis);
    let first = refusals
        .first()
        .filter(|first| first.from != analysis.address())?;
    let late = refusals.iter().any(|refused| {
        let plight = matches!(
            refused.refusal,
            Refusal::HostUnreachable | Refusal::AddressUnreachable6
        );
        plight && refused.took >= RESOLUTION
    });
    let shown = refusal::read_latency(analysis)
        .sign
        .map(|observed| observed.sign);
    if late && shown == Some(RefusedLate) {
        return None;
    }
    if late {
        let says = format!(
            "The host of port {port} does not answer ARP/ND: so says the router before it ({}), seconds \
             after the SYN.",
            first.from
        );
        return Some((SaysNoNeighbor, Likely, says));
    }
    refusal::says_no_route(first.refusal).then(|| {
        let says = format!(
            "There is no route to the host of port {port}: so says a router ({}).",
            first.from
        );
        (SaysNoRoute, Likely, says)
    })
}

/// Where the symptom shows that it happens.
pub(super) fn place(analysis: &Analysis<'_>, kind: PlaceKind) -> Option<Place> {
    let symptom = symptom(analysis)?;
    let position = bystander(analysis)?.position;
    let next = |hops: u8| HopRef {
        ttl: hops.saturating_add(1),
        address: None,
    };
    let at_hop = match symptom {
        Symptom::Refused(Refused::Since { by, hop, .. }) => hop.map(|ttl| HopRef {
            ttl,
            address: Some(*by),
        }),
        Symptom::Refused(Refused::ResetNearer { hop, .. }) => Some(HopRef {
            ttl: *hop,
            address: None,
        }),
        Symptom::Unheard(unheard) => unheard.refused_by.and_then(|(_, hop)| hop),
        Symptom::Lost(Lost::Unresolved) => position.from_client.map(next),
        _ => None,
    };
    let after_hop = matches!(
        symptom,
        Symptom::Lost(Lost::NotForwarded | Lost::NotPassedOn)
    )
    .then(|| next(position.from_client.unwrap_or(0)));
    let way = match symptom {
        Symptom::Carried(Carried::LargeHeld { way, .. }) => *way,
        _ => None,
    };
    Some(Place {
        at_hop,
        after_hop,
        way,
        ..Place::of(kind)
    })
}

/// How the symptom shows that the port is refused.
pub(super) fn method(analysis: &Analysis<'_>) -> Option<Method> {
    match symptom(analysis)? {
        Symptom::Refused(Refused::Since { refusal, .. }) => Some(Method::Icmp(*refusal)),
        Symptom::Refused(Refused::ResetNearer { .. } | Refused::Unlabelled) => {
            Some(Method::TcpReset)
        }
        _ => None,
    }
}

/// What a verdict on a capture says first, where that is not what one on our own probes would say.
fn headline(analysis: &Analysis<'_>, cause: Cause, signs: &[&Observed]) -> Option<String> {
    bystander(analysis)?;
    if let Some(seen) = signs
        .iter()
        .find(|seen| seen.sign.question() == Question::Symptom)
    {
        return Some(seen.because.clone().into_owned());
    }
    let port = analysis.job.endpoint.port;
    let syns: Vec<_> = analysis
        .trials(|probe| probe.target == Target::Endpoint)
        .collect();
    match cause {
        Cause::Open => Some(format!("Port {port} is open: it answers SYN-ACK.")),
        Cause::DropSomewhere => {
            let elsewhere = analysis.trials(|probe| probe.target != Target::Endpoint);
            let count = match syns.len() {
                1 => "A SYN".to_owned(),
                count => format!("{count} SYNs"),
            };
            let but = if elsewhere.into_iter().any(|trial| !trial.replies.is_empty()) {
                ", although other ports of the host answer"
            } else {
                ": a filter, a dead host, a missing route, or answers that are lost on the way back"
            };
            Some(format!("{count} to port {port} drew nothing{but}."))
        }
        Cause::Inconclusive => {
            let awaited = !syns.is_empty()
                && syns
                    .iter()
                    .all(|t| analysis.response(t) == Response::Pending);
            Some(if awaited { CUT_OFF } else { NOTHING_SEEN }.to_owned())
        }
        _ => None,
    }
}

/// What a verdict on a capture says, where that is not what one on our own probes would say: `open` are
/// the rivals that stand.
pub(super) fn summary(
    analysis: &Analysis<'_>,
    cause: Cause,
    signs: &[&Observed],
    open: &[Cause],
) -> Option<String> {
    let headline = headline(analysis, cause, signs)?;
    let open: Vec<&str> = open.iter().map(|cause| cause.word()).collect();
    Some(if open.is_empty() {
        headline
    } else {
        format!("{headline} Not excluded: {}.", open.join(", "))
    })
}
