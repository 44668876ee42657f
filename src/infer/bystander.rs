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

use super::case::{Case, Response};
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
pub(super) fn bystander<'a>(case: &Case<'a>) -> Option<&'a Bystander> {
    match &case.brief.observer {
        Observer::Own => None,
        Observer::Passive(bystander) => Some(bystander),
    }
}

/// Whether a symptom decides.
pub(super) fn decides(case: &Case<'_>) -> bool {
    symptom(case).is_some()
}

/// The symptom that counts.
fn symptom<'a>(case: &Case<'a>) -> Option<&'a Symptom> {
    let bystander = bystander(case)?;
    *case.symptom.get_or_init(|| {
        let mut symptoms = bystander.symptoms.iter();
        symptoms.find(|symptom| applies(case, bystander, symptom))
    })
}

fn applies(case: &Case<'_>, bystander: &Bystander, symptom: &Symptom) -> bool {
    let port = || answer::read_port(case).sign.map(|observed| observed.sign);
    match symptom {
        Symptom::Carried(carried) => {
            let whatever_answered =
                bystander.served || matches!(carried, Carried::LargeHeld { .. });
            matches!(port(), None | Some(PortOpens)) && (whatever_answered || !is_proxied(case))
        }
        Symptom::Lost(lost) => match port() {
            Some(PortSilent) => is_lost(case),
            None => bystander.resent && *lost != Lost::OneWay,
            Some(_) => false,
        },
        Symptom::Refused(Refused::ResetNearer { since: None, .. }) => port() == Some(PortResets),
        Symptom::Refused(Refused::Labelled | Refused::Unlabelled) => {
            let distance = || distance::read_distance(case).sign;
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
fn is_proxied(case: &Case<'_>) -> bool {
    let opened = case
        .port_syns()
        .any(|trial| case.response(trial) == Response::SynAck);
    let sign = answer::read_listener(case)
        .sign
        .map(|observed| observed.sign);
    opened && matches!(sign, Some(NearListener | ZeroWindow | EveryPortOpens))
}

/// Whether nothing but silence speaks: neither a traceroute in the capture, nor what others were told.
fn is_lost(case: &Case<'_>) -> bool {
    let sign = |reading: Reading| reading.sign.map(|observed| observed.sign);
    let traced = matches!(
        sign(locate::read_trace(case)),
        Some(TraceInPath | TraceLoops)
    );
    let rationed = sign(throttle::read_ration(case));
    !traced && !rationed.is_some_and(|sign| table::REFUSED_TO_OTHERS.contains(sign))
}

/// Reads [`Question::Symptom`].
pub(super) fn read_symptom(case: &Case<'_>) -> Reading {
    let Some(bystander) = bystander(case) else {
        return Reading::nothing();
    };
    let told = symptom(case).map(|symptom| {
        let (sign, strength) = told::sign(case, bystander, symptom);
        (sign, strength, told::words(case, bystander, symptom))
    });
    let Some((sign, strength, says)) = told.or_else(|| refused_for_want_of_a_way(case)) else {
        return Reading::nothing();
    };
    let of_port = case.trials(|probe| probe.target == Target::Endpoint);
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
pub(super) fn read_nearness(case: &Case<'_>) -> Reading {
    match bystander(case) {
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
fn refused_for_want_of_a_way(case: &Case<'_>) -> Option<(Sign, Confidence, String)> {
    let port = case.brief.endpoint.port;
    if answer::read_port(case).sign?.sign != PortRefused {
        return None;
    }
    let refusals = refusal::refusals(case);
    let first = refusals
        .first()
        .filter(|first| first.from != case.address())?;
    let late = refusals.iter().any(|refused| {
        let plight = matches!(
            refused.refusal,
            Refusal::HostUnreachable | Refusal::AddressUnreachable6
        );
        plight && refused.took >= RESOLUTION
    });
    let shown = refusal::read_latency(case)
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
pub(super) fn place(case: &Case<'_>, kind: PlaceKind) -> Option<Place> {
    let symptom = symptom(case)?;
    let position = bystander(case)?.position;
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
pub(super) fn method(case: &Case<'_>) -> Option<Method> {
    match symptom(case)? {
        Symptom::Refused(Refused::Since { refusal, .. }) => Some(Method::Icmp(*refusal)),
        Symptom::Refused(Refused::ResetNearer { .. } | Refused::Unlabelled) => {
            Some(Method::TcpReset)
        }
        _ => None,
    }
}

/// What a verdict on a capture says first, where that is not what one on our own probes would say.
fn headline(case: &Case<'_>, cause: Cause, signs: &[&Observed]) -> Option<String> {
    bystander(case)?;
    if let Some(seen) = signs
        .iter()
        .find(|seen| seen.sign.question() == Question::Symptom)
    {
        return Some(seen.because.clone().into_owned());
    }
    let port = case.brief.endpoint.port;
    let syns: Vec<_> = case
        .trials(|probe| probe.target == Target::Endpoint)
        .collect();
    match cause {
        Cause::Open => Some(format!("Port {port} is open: it answers SYN-ACK.")),
        Cause::DropSomewhere => {
            let elsewhere = case.trials(|probe| probe.target != Target::Endpoint);
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
            let awaited =
                !syns.is_empty() && syns.iter().all(|t| case.response(t) == Response::Pending);
            Some(if awaited { CUT_OFF } else { NOTHING_SEEN }.to_owned())
        }
        _ => None,
    }
}

/// What a verdict on a capture says, where that is not what one on our own probes would say: `open` are
/// the rivals that stand.
pub(super) fn summary(
    case: &Case<'_>,
    cause: Cause,
    signs: &[&Observed],
    open: &[Cause],
) -> Option<String> {
    let headline = headline(case, cause, signs)?;
    let open: Vec<&str> = open.iter().map(|cause| cause.word()).collect();
    Some(if open.is_empty() {
        headline
    } else {
        format!("{headline} Not excluded: {}.", open.join(", "))
    })
}
