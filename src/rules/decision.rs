//! What all ways of a packet come to.

use serde::Serialize;

use super::packet::{Journey, Packet, Step};
use super::ruleset::Ruleset;
use super::walk::{End, Outcome, Place, outcomes};

/// Whether a packet arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Ruling {
    /// It does, on every way.
    Allowed,
    /// It does not, on any way.
    Blocked,
    /// That hangs on what the input does not tell.
    Depends,
}

impl Ruling {
    /// Its word in the output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Blocked => "blocked",
            Self::Depends => "depends",
        }
    }
}

/// The decision on a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it arrives.
    pub ruling: Ruling,
    /// The packet it is about.
    pub packet: Packet,
    /// Every way, one for each place and manner of ending, that with the fewest assumptions.
    pub outcomes: Vec<Outcome>,
    /// The outcome that is told first: what blocks, where anything does.
    pub chief: Option<Outcome>,
    /// Whether the exploration was ended before every way was known.
    pub cut_short: bool,
}

/// Decides on `packet`.
pub fn decide(ruleset: &Ruleset, packet: &Packet) -> Decision {
    let mut all = outcomes(ruleset, packet);
    let cut_short = all.iter().any(|outcome| outcome.end == End::TooLong);
    let allowed = all
        .iter()
        .any(|outcome| matches!(outcome.end, End::Allowed(_)));
    let blocked = all.iter().any(is_blocked);
    let ruling = match (allowed, blocked) {
        _ if cut_short => Ruling::Depends,
        (false, true) => Ruling::Blocked,
        (true, true) => Ruling::Depends,
        (_, false) => Ruling::Allowed,
    };
    all.retain(|outcome| outcome.end != End::TooLong);
    all.sort_by_key(|outcome| outcome.assumed.len());
    let mut told: Vec<Outcome> = Vec::new();
    for outcome in all {
        if !told.iter().any(|other| same_end(&other.end, &outcome.end)) {
            told.push(outcome);
        }
    }
    // A rule says more than a policy.
    let by_rule = |outcome: &&Outcome| {
        is_blocked(outcome) && decided_at(outcome).is_some_and(|place| place.rule.is_some())
    };
    let blocked = told
        .iter()
        .find(by_rule)
        .or_else(|| told.iter().find(|outcome| is_blocked(outcome)));
    let chief = blocked.or_else(|| told.first());
    Decision {
        ruling,
        packet: packet.clone(),
        chief: chief.cloned(),
        outcomes: told,
        cut_short,
    }
}

/// The decisions on the packets of a handshake after the opening one, on which `first` decided;
/// none where that one is blocked.
pub fn handshake(ruleset: &Ruleset, first: &Decision) -> Vec<Decision> {
    let opening = &first.packet;
    let mut told = Vec::new();
    let arrived = first
        .outcomes
        .iter()
        .find(|outcome| matches!(outcome.end, End::Allowed(_)));
    if let Some(arrived) = arrived.filter(|_| first.ruling != Ruling::Blocked) {
        let flow = &arrived.flow;
        let translated_to = flow.settled.then_some((flow.to, flow.port));
        let answer = Packet {
            journey: match opening.journey {
                Journey::Inbound => Journey::Outbound,
                Journey::Outbound => Journey::Inbound,
            },
            step: Step::Answer,
            from: flow.to.unwrap_or_else(|| unspecified(opening)),
            to: Some(opening.from),
            protocol: opening.protocol,
            source_port: flow.port,
            port: opening.source_port,
            in_interface: opening.out_interface.clone(),
            out_interface: opening.in_interface.clone(),
            translated_to: None,
        };
        let completion = Packet {
            step: Step::Completion,
            translated_to,
            ..opening.clone()
        };
        // What is forwarded is answered by another host: its answer takes the same hooks again.
        let packets = if flow.to_here == Some(false) && opening.journey == Journey::Inbound {
            vec![completion]
        } else {
            vec![answer, completion]
        };
        told.extend(packets.iter().map(|packet| decide(ruleset, packet)));
    }
    told
}

fn unspecified(packet: &Packet) -> std::net::IpAddr {
    if packet.from.is_ipv4() {
        std::net::Ipv4Addr::UNSPECIFIED.into()
    } else {
        std::net::Ipv6Addr::UNSPECIFIED.into()
    }
}

/// Whether the packet was stopped on this way.
pub(super) fn is_blocked(outcome: &Outcome) -> bool {
    matches!(outcome.end, End::Blocked(_))
}

fn same_end(one: &End, other: &End) -> bool {
    match (one, other) {
        (End::Blocked(one), End::Blocked(other)) => {
            one.place == other.place && one.target == other.target
        }
        (End::Allowed(one), End::Allowed(other)) => one == other,
        (End::TooLong, End::TooLong) => true,
        (End::Allowed(_) | End::Blocked(_) | End::TooLong, _) => false,
    }
}

/// Where an outcome was decided.
pub(super) const fn decided_at(outcome: &Outcome) -> Option<Place> {
    match &outcome.end {
        End::Allowed(place) => *place,
        End::Blocked(block) => Some(block.place),
        End::TooLong => None,
    }
}
