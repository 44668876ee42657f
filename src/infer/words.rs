//! What a finding says in words: the summary of a verdict, and why a rival stands.

use crate::model::verdict::{Cause, HopRef, Method, Place, PlaceKind};

use super::case::Case;
use super::sign::{Observed, Sign};
use super::{character, translation};

/// One or two sentences for a tired person.
pub(super) fn summary(
    case: &Case<'_>,
    cause: Cause,
    place: &Place,
    method: Option<Method>,
    signs: &[&Observed],
    open: &[Cause],
) -> String {
    let mut summary = headline(case, cause, place, method, signs);
    for remark in character::remarks(case, cause) {
        summary.push(' ');
        summary.push_str(&remark);
    }
    let open: Vec<&str> = open.iter().map(|cause| cause.word()).collect();
    if !open.is_empty() {
        summary.push_str(&format!(" Not excluded: {}.", open.join(", ")));
    }
    summary
}

fn headline(
    case: &Case<'_>,
    cause: Cause,
    place: &Place,
    method: Option<Method>,
    signs: &[&Observed],
) -> String {
    let port = case.brief.endpoint.port;
    let how = method.map_or("", Method::word);
    let because = |wanted: &[Sign]| {
        signs
            .iter()
            .find(|observed| wanted.contains(&observed.sign))
            .map_or(String::new(), |observed| format!(": {}", observed.because))
    };
    if let Some(translated) = translation::headline(cause, place, (port, how)) {
        return translated;
    }
    let at = place
        .at_hop
        .map_or_else(String::new, |hop| format!(" at {}", named(hop)));
    match cause {
        Cause::Open => format!("Port {port} is open: the host itself answers SYN-ACK."),
        Cause::OpenProxied => format!(
            "Something in front of the host answers for port {port}{at}{}. Whether the database is \
             reachable is not shown.",
            because(&[Sign::NearListener, Sign::ZeroWindow, Sign::EveryPortOpens])
        ),
        Cause::MtuBlackHole => format!(
            "Port {port} is open, but full-size packets vanish{} without an ICMP message.",
            between(place)
        ),
        Cause::Intermittent => format!(
            "Port {port} answers only some of the time{}.",
            because(&[Sign::ByFlow, Sign::ByChance, Sign::NoPattern])
        ),
        Cause::RateLimited => {
            format!("Port {port} is rate-limited{}.", because(&[Sign::ByRate]))
        }
        Cause::Banned => format!(
            "Port {port} answered at first and then no more{}. This host may have been banned; do \
             not retry.",
            because(&[Sign::UntilStopped])
        ),
        Cause::Closed
            if signs
                .iter()
                .any(|observed| observed.sign == Sign::NearerThanHost) =>
        {
            format!(
                "A TCP stack resets port {port}, and not the host's{}: a translation or a proxy on \
                 the way whose own end is closed.",
                because(&[Sign::NearerThanHost])
            )
        }
        Cause::Closed => format!("The host is reachable, and nothing listens on port {port}."),
        Cause::RejectHost => {
            format!("A firewall on the host refuses port {port} with {how}.")
        }
        Cause::RejectPath => {
            format!("A device before the host refuses port {port} with {how}{at}.")
        }
        Cause::DropHost => format!(
            "SYNs to port {port} reach the host and are discarded there: its own firewall drops \
             them."
        ),
        Cause::DropEdge => format!(
            "SYNs to port {port} vanish{} before the host's IP stack: a security group, network \
             ACL or hypervisor.",
            behind(place)
        ),
        Cause::DropEdgeOrHost => format!(
            "SYNs to port {port} vanish{}, at the edge or on the host; the evidence cannot split \
             the two.",
            behind(place)
        ),
        Cause::DropPath => format!("SYNs to port {port} vanish{}.", between(place)),
        Cause::DropReturn => format!(
            "The answers of port {port} are lost on the way back{}.",
            because(&[Sign::OtherRangeAnswers])
        ),
        Cause::DropSomewhere if signs.iter().any(|o| o.sign == Sign::TraceBeyond) => format!(
            "SYNs to port {port} are forwarded beyond the address itself, and lost{}: behind a \
             translation, where nothing else can be compared.",
            behind(place)
        ),
        Cause::DropSomewhere if signs.iter().any(|o| o.sign == Sign::HostAnswers) => format!(
            "SYNs to port {port} vanish{}; the host answers elsewhere, and the hops between report \
             too little to say where.",
            behind(place)
        ),
        Cause::DropSomewhere => format!(
            "Silence{}, from port {port} and from the controls alike: a filter, a dead host or a \
             missing route.",
            behind(place)
        ),
        Cause::ListenerOverloaded => format!(
            "The host is up and port {port} has a listener, but its queue is full: it answers ACKs, \
             not SYNs."
        ),
        Cause::NoNeighbor if place.kind == PlaceKind::Local => format!(
            "The next hop does not answer ARP/ND, so nothing leaves this host towards port {port}."
        ),
        Cause::NoNeighbor => {
            format!("The host does not answer ARP/ND: so says the router before it{at}.")
        }
        Cause::NoRoute if place.kind == PlaceKind::Local => {
            format!(
                "This host has no way to the target{}.",
                because(&[Sign::SendUnrouted])
            )
        }
        Cause::NoRoute => format!("There is no route to the host: so says the router{at}."),
        Cause::LocalEgress => format!(
            "This host's own firewall stops SYNs to port {port}{}.",
            because(&[Sign::SendForbidden, Sign::NeverLeaves])
        ),
        Cause::LocalIngress => {
            format!("Port {port} answers, and this host discards the answer on arrival.")
        }
        Cause::Conflicting => {
            format!("Port {port} gives contradictory answers, each with the right token.")
        }
        Cause::Inconclusive => inconclusive(case),
    }
}

/// Why nothing could be concluded.
fn inconclusive(case: &Case<'_>) -> String {
    let evidence = case.evidence;
    let refused = evidence.trials().iter().find_map(|trial| trial.refused);
    if evidence.receive_drops() > 0 {
        "Not decided: this host dropped received frames while it listened.".into()
    } else if refused.is_some() {
        "Not decided: this host could not send.".into()
    } else if evidence.interrupted() {
        "Not decided: stopped before there was an answer.".into()
    } else if case.loss().lost > 0 {
        "Not decided: the path loses so much that loss alone may explain the silence.".into()
    } else if evidence.trials().is_empty() {
        "Not decided: nothing has been sent yet.".into()
    } else {
        "Not decided: nothing has been answered yet.".into()
    }
}

pub(super) fn named(hop: HopRef) -> String {
    match hop.address {
        Some(address) => format!("hop {} ({address})", hop.ttl),
        None => format!("hop {}", hop.ttl),
    }
}

fn between(place: &Place) -> String {
    match (place.after_hop, place.before_hop) {
        (Some(after), Some(before)) => {
            format!(" between {} and {}", named(after), named(before))
        }
        (Some(after), None) => format!(" after {}", named(after)),
        (None, Some(before)) => format!(" before {}", named(before)),
        (None, None) => String::new(),
    }
}

fn behind(place: &Place) -> String {
    place
        .after_hop
        .map_or_else(String::new, |hop| format!(" after {}", named(hop)))
}

/// Why a rival that nothing rules out still stands, as a clause.
pub(super) const fn still_open(cause: Cause) -> &'static str {
    match cause {
        Cause::DropReturn => "a filter on the way back, keyed on the port, would look the same",
        Cause::DropHost => "a rule of the host's own firewall would look the same",
        Cause::RejectHost => "a REJECT rule of the host could look the same",
        Cause::DropEdgeOrHost => {
            "a device that rewrites the TTL of this port's flow, or another way for it, would look \
             the same"
        }
        Cause::NoRoute => {
            "an address that forwards the port to a network without a route would look the same"
        }
        Cause::RejectPath => "a transparent box just before the host could refuse in its name",
        Cause::OpenProxied => "a proxy that imitates a listener cannot be excluded",
        _ => "nothing in the evidence excludes it",
    }
}
