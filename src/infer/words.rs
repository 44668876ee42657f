//! What a finding says in words: the summary of a verdict, and why a rival stands.

use crate::model::evidence::LocalRefusal;
use crate::model::near::{NearSide, near_side};
use crate::model::probe::{Kind, Probe};
use crate::model::verdict::{Cause, HopRef, KernelReason, Method, Place, PlaceKind, Way};

use super::analysis::{Analysis, Response};
use super::sign::{Observed, Sign};
use super::{character, flawed, hole, refusal, translation};

/// Others were told that there is no route.
const UNROUTED: [Sign; 2] = [Sign::UnroutedForOthers, Sign::UnroutedElsewhere];
/// Others were told that nobody answers ARP/ND.
const UNRESOLVED: [Sign; 2] = [Sign::UnresolvedForOthers, Sign::UnresolvedElsewhere];

/// One or two sentences for a tired person.
pub(super) fn summary(
    analysis: &Analysis<'_>,
    cause: Cause,
    place: &Place,
    method: Option<Method>,
    signs: &[&Observed],
    open: &[Cause],
) -> String {
    let mut summary = headline(analysis, cause, place, method, signs);
    for remark in character::remarks(analysis, cause) {
        summary.push(' ');
        summary.push_str(&remark);
    }
    for sentence in told_apart(analysis, cause, signs) {
        summary.push(' ');
        summary.push_str(&sentence);
    }
    if place.inferred && place.at_hop.is_none() {
        summary.push_str(" Where is inferred: from what SYNs to its neighbours drew.");
    }
    let vanishes = [
        Cause::DropPath,
        Cause::DropSomewhere,
        Cause::DropEdge,
        Cause::DropEdgeOrHost,
    ];
    if vanishes.contains(&cause) && near_side(analysis.evidence) == Some(NearSide::Suspect) {
        summary.push_str(
            " Past the first hop nothing answers any TCP of this host, and echo passes: this side's own \
             security group or network ACL comes first.",
        );
    }
    if let Some((_, change)) = analysis.evidence.changes().last()
        && cause != Cause::Inconclusive
    {
        summary.push_str(&format!(" Measured anew after {change}."));
    }
    let sizes_open = cause == Cause::Open && open.contains(&Cause::MtuBlackHole);
    let stands = |other: &&Cause| match other {
        Cause::MtuBlackHole => !sizes_open,
        Cause::Open => cause != Cause::MtuBlackHole,
        _ => true,
    };
    let open: Vec<&str> = open
        .iter()
        .filter(stands)
        .map(|cause| cause.word())
        .collect();
    if !open.is_empty() {
        summary.push_str(&format!(" Not excluded: {}.", open.join(", ")));
    }
    if sizes_open {
        summary.push_str(untested_sizes(analysis, signs));
    } else if cause == Cause::MtuBlackHole {
        summary.push_str(&format!(" Not excluded: {}.", no_hole(signs)));
    }
    summary
}

/// What is not known of full-size packets to and from an open port.
fn untested_sizes(analysis: &Analysis<'_>, signs: &[&Observed]) -> &'static str {
    let here = |sign: Sign| signs.iter().any(|observed| observed.sign == sign);
    if here(Sign::WayTherePasses) {
        " Not tested: full-size packets on the way back (mtu-black-hole)."
    } else if !here(Sign::SizesUntestable) && hole::is_tried(analysis) {
        " Not settled: whether full-size packets pass (mtu-black-hole)."
    } else {
        " Not tested: full-size packets (mtu-black-hole)."
    }
}

/// What would look like a hole for full-size packets and is none, as a clause.
pub(super) fn no_hole(signs: &[&Observed]) -> &'static str {
    let here = |sign: Sign| signs.iter().any(|observed| observed.sign == sign);
    if here(Sign::LargeVanish) {
        "a filter on SYNs with much data would look the same"
    } else {
        "a filter on echo requests of that size would look the same"
    }
}

fn headline(
    analysis: &Analysis<'_>,
    cause: Cause,
    place: &Place,
    method: Option<Method>,
    signs: &[&Observed],
) -> String {
    let port = analysis.job.endpoint.port;
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
        Cause::MtuBlackHole => match place.way {
            Some(Way::ToClient) => format!(
                "Port {port} is open, but full-size packets seem to vanish on the way back from the \
                 host{}.",
                because(&[Sign::AnswersVanish])
            ),
            Some(Way::ToServer) => format!(
                "Port {port} is open, but full-size packets to the host vanish{} without an ICMP \
                 message; the way back was not tested.",
                between(place)
            ),
            None => format!(
                "Port {port} is open, but full-size packets seem to vanish on one of the two ways{}.",
                because(&[Sign::EchoesVanish])
            ),
        },
        Cause::Intermittent => format!(
            "Port {port} answers only some of the time{}.{}",
            because(&[Sign::ByFlow, Sign::ByChance, Sign::NoPattern]),
            flawed::elsewhere(analysis).map_or_else(String::new, |from| format!(
                " Other answers come from {from}."
            ))
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
        Cause::RejectHost | Cause::RejectPath
            if has(signs, &[Sign::RationedByRouter, Sign::RationedByTarget]) =>
        {
            format!(
                "Port {port} is silent, and probably refused{}.",
                because(&[Sign::RationedByRouter, Sign::RationedByTarget])
            )
        }
        Cause::NoRoute if has(signs, &UNROUTED) => format!(
            "Port {port} is silent, and probably has no route to it{}.",
            because(&UNROUTED)
        ),
        Cause::NoNeighbor if has(signs, &UNRESOLVED) => format!(
            "Port {port} is silent, and its machine probably does not answer ARP/ND{}.",
            because(&UNRESOLVED)
        ),
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
        Cause::DropReturn => {
            format!("The answers of port {port} are lost on the way back.")
        }
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
        Cause::NoNeighbor => format!(
            "The router{at} gets no answer to ARP/ND from what comes next: the host, or the next \
             router towards it."
        ),
        Cause::NoRoute if place.kind == PlaceKind::Local => {
            format!(
                "This host has no way to the target{}.",
                because(&[Sign::SendUnrouted])
            )
        }
        Cause::NoRoute if signs.iter().any(|o| o.sign == Sign::TraceLoops) => format!(
            "There is no way to the host{}.",
            because(&[Sign::TraceLoops])
        ),
        Cause::NoRoute => format!("There is no route to the host: so says the router{at}."),
        Cause::LocalEgress if signs.iter().any(|o| o.sign == Sign::NeverLeaves) => format!(
            "SYNs to port {port} do not leave this host{}.",
            because(&[Sign::NeverLeaves])
        ),
        Cause::LocalEgress => format!(
            "This host's own firewall stops SYNs to port {port}{}.",
            because(&[Sign::SendForbidden])
        ),
        Cause::LocalIngress => format!(
            "Port {port} answers, and this host discards the answer on arrival{}.",
            match method {
                Some(Method::Kernel(KernelReason::ReversePath)) => ": its reverse-path filter does",
                Some(Method::Kernel(KernelReason::XfrmPolicy)) => ": an IPsec policy of its does",
                Some(Method::Kernel(KernelReason::Checksum)) => ": its checksum is wrong",
                _ => "",
            }
        ),
        Cause::Misaddressed => format!(
            "Port {port} answers from {}: no client takes that for its answer.",
            flawed::elsewhere(analysis).unwrap_or_default()
        ),
        Cause::Conflicting => {
            format!("Port {port} gives contradictory answers, each with the right token.")
        }
        Cause::Inconclusive => inconclusive(analysis, signs),
    }
}

/// What the port answers although its SYNs are silent, as sentences: by that a filter tells packets
/// apart.
fn told_apart(analysis: &Analysis<'_>, cause: Cause, signs: &[&Observed]) -> Vec<String> {
    let filters = [
        Cause::DropPath,
        Cause::DropEdge,
        Cause::DropEdgeOrHost,
        Cause::DropHost,
        Cause::DropReturn,
    ];
    let is_filter = filters.contains(&cause);
    let is_silence = is_filter || matches!(cause, Cause::DropSomewhere | Cause::Inconclusive);
    let sentence = |observed: &&Observed| match observed.sign {
        Sign::AckResets if is_silence => Some("A bare ACK to the port draws a reset.".to_owned()),
        Sign::FinResets if is_silence => Some("A bare FIN to the port draws a reset.".to_owned()),
        _ if !is_filter => None,
        Sign::OptionsMatter => Some(
            "A SYN without TCP options is answered: what discards the others looks at options \
             (timestamps, window scale, SACK)."
                .to_owned(),
        ),
        Sign::FlagsMatter => Some(
            "A SYN that asks for ECN is answered: what discards the others looks at the exact \
             flags."
                .to_owned(),
        ),
        Sign::OtherRangeAnswers => {
            let ports = &analysis.job.vantage.ephemeral_ports;
            let (low, high) = (ports.iter().min()?, ports.iter().max()?);
            Some(format!(
                "SYNs from source ports below 1024 are answered, those from {low} to {high} are \
                 not: a filter looks at the client's port."
            ))
        }
        _ => None,
    };
    signs.iter().filter_map(sentence).collect()
}

/// Whether one of the signs is seen.
fn has(signs: &[&Observed], wanted: &[Sign]) -> bool {
    signs.iter().any(|observed| wanted.contains(&observed.sign))
}

/// Why nothing could be concluded.
fn inconclusive(analysis: &Analysis<'_>, signs: &[&Observed]) -> String {
    let evidence = analysis.evidence;
    let refused = evidence.trials().iter().find_map(|trial| trial.refused);
    let gone = evidence.trials().last().and_then(|trial| trial.refused);
    let impaired = [Sign::SendImpaired, Sign::WayChanged];
    let impaired = signs.iter().find(|o| impaired.contains(&o.sign));
    if gone == Some(LocalRefusal::SourceGone) {
        format!(
            "Not decided: the source address {} is not, or no longer, one of this host's.",
            analysis.job.vantage.source
        )
    } else if let Some(impaired) = impaired {
        format!("Not decided: {}.", impaired.because)
    } else if evidence.receive_drops() > 0 {
        "Not decided: this host dropped received frames while it listened.".into()
    } else if refused.is_some() {
        "Not decided: this host could not send.".into()
    } else if evidence.interrupted() {
        "Not decided: stopped before there was an answer.".into()
    } else if let Some(refused) = refusal::refusals(analysis).first() {
        format!(
            "Not decided: {} refuses with {}, which the rest of the evidence does not bear out.",
            refused.from,
            Method::Icmp(refused.refusal).word()
        )
    } else if analysis.loss().lost > 0 {
        let bare = |probe: &Probe| matches!(probe.kind, Kind::Ack | Kind::Fin);
        let reset = analysis
            .trials(bare)
            .any(|trial| analysis.response(trial) == Response::Reset);
        let besides = if reset {
            " A bare segment to the port draws a reset."
        } else {
            ""
        };
        format!(
            "Not decided: the path loses so much that loss alone may explain the silence.{besides}"
        )
    } else if evidence.trials().is_empty() {
        "Not decided: nothing has been sent yet.".into()
    } else {
        "Not decided: nothing has been answered yet.".into()
    }
}

/// A hop in words.
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
        Cause::RejectHost => {
            "a REJECT rule of the host could look the same, or withhold its rationed errors"
        }
        Cause::RejectPath => {
            "a device before the host could refuse in its name, or withhold its rationed refusals"
        }
        Cause::DropEdgeOrHost => {
            "a device that rewrites the TTL of this port's flow, or another way for it, would look \
             the same"
        }
        Cause::NoRoute => {
            "an address that forwards the port to a network without a route would look the same"
        }
        Cause::OpenProxied => "a proxy that imitates a listener cannot be excluded",
        _ => "nothing in the evidence excludes it",
    }
}
