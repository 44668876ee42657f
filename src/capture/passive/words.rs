//! What an encounter says in words: summaries.

use std::net::IpAddr;

use crate::model::reply::Refusal;
use crate::model::time::{Moment, spell};
use crate::model::verdict::{Cause, Confidence, Finding, HopRef, State, Way};

use super::assess::Situation;
use super::encounter::{Fate, Opinion};
use super::phase::{Kind, Phases};
use super::track::Track;

pub(super) const CUT_OFF: &str = "Not decided: the capture ends before an answer was due.";
pub(super) const NOTHING_SEEN: &str =
    "Not decided: no SYN of this connection is in the capture, and what is says too little.";

pub(super) fn own_refusal(port: u16, unresolved: bool) -> String {
    if unresolved {
        format!(
            "The client's own kernel reports the host of port {port} unreachable, and no SYN leaves: \
             its next hop answers no ARP/ND request."
        )
    } else {
        format!(
            "The client's own kernel refuses its SYNs to port {port}, and none leaves: its firewall \
             or its routes forbid them."
        )
    }
}

pub(super) fn refused_unseen(port: u16, by: IpAddr) -> String {
    format!("{by} refuses packets to port {port}; the SYN is not in the capture.")
}

pub(super) fn answered_unseen(port: u16, running: usize) -> String {
    if running > 0 {
        return format!(
            "Port {port} is open: a connection to it was running when the capture began."
        );
    }
    format!("Port {port} answers SYN-ACK; the SYN is not in the capture.")
}

pub(super) fn disowned(port: u16) -> String {
    format!(
        "Port {port} answers, and the client resets each answer and asks again: it does not take it \
         for one, as where it comes from another address or port than was asked."
    )
}

pub(super) fn unheard(port: u16, here: bool, refused_by: Option<IpAddr>) -> String {
    if let Some(by) = refused_by {
        return format!("Port {port} answers, and {by} refuses the answer on its way back.");
    }
    if here {
        format!(
            "Port {port} answers, the answer reaches the client's link, and the client asks again as \
             if it had heard nothing: it discards the answer on arrival."
        )
    } else {
        format!(
            "Port {port} answers, and the client asks again as if it had heard nothing: the answers \
             are lost between the place of capture and the client."
        )
    }
}

pub(super) fn not_sent_back(port: u16, hop: Option<u8>) -> String {
    let hop = hop.map_or_else(String::new, |hop| format!(" (hop {hop})"));
    format!(
        "Port {port} answers, and the capturing router{hop}, which sends the SYNs on, does not send the \
         answers back: it discards them."
    )
}

pub(super) fn sent_back(port: u16) -> String {
    format!(
        "Port {port} answers, the router next to the client sends the answers on to it, and the client \
         asks again as if it had heard nothing: it discards them on arrival, or its link loses them."
    )
}

pub(super) fn changed(port: u16, phases: &Phases) -> String {
    let word = |kind: Kind| match kind {
        Kind::Open => "answered SYN-ACK",
        Kind::Reset => "reset",
        Kind::Refused => "refused by ICMP",
        Kind::Silent => "left without an answer",
    };
    let count = |count: usize| match count {
        1 => "1 attempt was".to_owned(),
        count => format!("{count} attempts were"),
    };
    let then = match (phases.first, phases.then) {
        (Kind::Open, Kind::Silent | Kind::Refused) | (Kind::Reset, Kind::Silent) => {
            ": a ban, or a filter that was changed"
        }
        (Kind::Open, Kind::Reset) => ": the service stopped, or a filter refuses since",
        _ => "",
    };
    format!(
        "Port {port} changed: {} {}, then {} {}{then}.",
        count(phases.before),
        word(phases.first),
        count(phases.after),
        word(phases.then)
    )
}

pub(super) fn at_times(port: u16, open: usize, all: usize) -> String {
    format!("Port {port} answers only at times: {open} of {all} attempts were answered SYN-ACK.")
}

pub(super) fn no_neighbor(port: u16, at: Option<HopRef>) -> String {
    let by = at
        .and_then(|hop| hop.address)
        .map_or_else(String::new, |address| format!(" ({address})"));
    format!(
        "The host of port {port} does not answer ARP/ND: so says the router before it{by}, seconds \
         after the SYN."
    )
}

pub(super) fn relayed(port: u16) -> String {
    format!(
        "Something on the way completes the handshake with port {port} itself: it sends a SYN of its \
         own on, with the client's number."
    )
}

pub(super) fn overloaded(port: u16) -> String {
    format!(
        "The host sends its SYN-ACK for port {port} again although the client acknowledged it: the \
         listener's queue is full."
    )
}

pub(super) fn ignored(port: u16) -> String {
    format!(
        "The handshake with port {port} is completed, and nothing that the client sends then is ever \
         acknowledged: who answered may not be the host."
    )
}

pub(super) fn open(port: u16, established: &[&&Track], served: bool, alone: bool) -> String {
    let octets = |of: fn(&Track) -> u64| -> u64 { established.iter().map(|track| of(track)).sum() };
    let (sent, received) = (
        octets(|track| track.client.octets()),
        octets(|track| track.server.octets()),
    );
    if alone {
        format!(
            "Port {port} is open: the client goes on as after a SYN-ACK, although no answer is in \
             the capture."
        )
    } else if served {
        format!(
            "Port {port} is open: the handshake is completed, and the server serves ({sent} octets \
             to it, {received} from it)."
        )
    } else {
        format!("Port {port} is open: the handshake is completed.")
    }
}

pub(super) fn hole(port: u16, size: u16, way: Option<Way>, shown: bool) -> String {
    let whither = match way {
        Some(Way::ToClient) => " towards the client",
        Some(Way::ToServer) => " towards the server",
        None => "",
    };
    if size == 0 {
        return format!(
            "Port {port} is open, but large segments{whither} vanish: the sender's later numbers show \
             that it sent them, the receiver still waits for them, smaller ones pass, and no ICMP \
             message says why."
        );
    }
    let small = if shown {
        "while small ones are"
    } else {
        "though small ones were until then (none follows that would tell a hole from an outage)"
    };
    format!(
        "Port {port} is open, but segments of {size} octets{whither} are sent over and over and never \
         acknowledged, {small}, and no ICMP message says why."
    )
}

pub(super) fn backlog(port: u16, open: usize, silent: usize) -> String {
    format!(
        "Port {port} takes a connection and does not serve it ({open} acknowledged, never greeted and \
         never closed by the server), and then no further SYN is answered ({silent} attempts): \
         nobody takes connections from the listener's queue, which is full."
    )
}

pub(super) fn received_here(port: u16) -> String {
    format!(
        "The capturing host receives the SYNs to port {port} and neither sends them on nor answers \
         them, on any of its interfaces: it discards them itself, as the server's host or as a router."
    )
}

pub(super) fn not_passed_on(port: u16) -> String {
    format!(
        "SYNs to port {port} come in on one of the interfaces in the capture and leave by none of the \
         others: the capturing host discards them, as a router or as the server's host."
    )
}

pub(super) fn unresolved(port: u16, server: IpAddr) -> String {
    format!(
        "SYNs to port {port} arrive at the last router, which asks for {server} by ARP/ND and gets no \
         answer: the host is down, or not on that link."
    )
}

pub(super) fn one_way(port: u16, resent: bool) -> String {
    if resent {
        format!(
            "The client resends its SYNs to port {port}, so it hears no answer. The capture holds \
             no packet towards any client: it may lack that direction."
        )
    } else {
        "Not decided: the capture holds no packet towards any client, so that an answer is not in it \
         says nothing."
            .to_owned()
    }
}

pub(super) fn not_forwarded(port: u16) -> String {
    format!(
        "SYNs to port {port} reach the capturing router, which sends others on and not these: they \
         are discarded there."
    )
}

pub(super) fn at_server(port: u16, others_served: bool) -> String {
    let alive = if others_served {
        ", which answers other clients"
    } else {
        ""
    };
    format!(
        "SYNs to port {port} arrive at the place of capture, next to the host{alive}, and no answer \
         leaves it: they are discarded on the host or just before it, not on the path."
    )
}

pub(super) fn reset_nearer(port: u16, hop: u8, since: Option<Moment>) -> String {
    match since {
        Some(since) => format!(
            "Port {port} was open until a device before the host refused it with tcp-reset at hop \
             {hop}, from +{} on: its resets come from nearer than the host's other answers.",
            spell(since.since(Moment::START))
        ),
        None => format!(
            "A device before the host refuses port {port} with tcp-reset at hop {hop}: its resets come \
             from nearer than the host's other answers."
        ),
    }
}

pub(super) fn refused_since(port: u16, by: IpAddr, refusal: Refusal, since: Moment) -> String {
    format!(
        "Port {port} was open until {by} refused it with {}, from +{} on.",
        refusal.word(),
        spell(since.since(Moment::START))
    )
}

pub(super) fn unlabelled(port: u16) -> String {
    format!(
        "A packet filter refuses port {port} with tcp-reset: its resets carry no flow label, those \
         of the host's TCP stack do."
    )
}

pub(super) fn labelled(port: u16) -> String {
    format!(
        "The host is reachable, and nothing listens on port {port}: a TCP stack resets it, with a \
         flow label that packet filters do not write."
    )
}

pub(super) fn unrouted(port: u16, at: Option<HopRef>) -> String {
    let by = at
        .and_then(|hop| hop.address)
        .map_or_else(String::new, |address| format!(" ({address})"));
    format!("There is no route to the host of port {port}: so says a router{by}.")
}

/// What a traceroute's SYN shows.
pub(super) fn of_traceroute(ttl: u8, fate: Fate) -> Opinion {
    let (state, cause, summary) = match fate {
        Fate::Expired { by } => (
            State::Unknown,
            Cause::Inconclusive,
            format!("A SYN that lives for {ttl} hops: {by} reports it expired."),
        ),
        Fate::Answered { .. } | Fate::Established { .. } => (
            State::Open,
            Cause::Open,
            format!("A SYN that lives for {ttl} hops draws SYN-ACK."),
        ),
        Fate::Reset => (
            State::Closed,
            Cause::Closed,
            format!("A SYN that lives for {ttl} hops draws a reset."),
        ),
        Fate::Refused { by, .. } => (
            State::Filtered,
            Cause::RejectPath,
            format!("A SYN that lives for {ttl} hops is refused by {by}."),
        ),
        Fate::Silent | Fate::CutOff | Fate::Contradicted | Fate::Unseen => (
            State::Unknown,
            Cause::Inconclusive,
            format!("A SYN that lives for {ttl} hops draws nothing."),
        ),
    };
    Opinion {
        state,
        cause,
        confidence: Confidence::Possible,
        summary,
    }
}

/// Puts the summaries of inference right that speak of probes of ours.
pub(super) fn rewrite(situation: &Situation<'_>, finding: &mut Finding) {
    let port = situation.server.port;
    let attempts = situation.view.attempts;
    let syns: usize = attempts.iter().map(|track| track.syns.len()).sum();
    let pending = attempts
        .iter()
        .all(|track| track.fate(situation.view.end) == Fate::CutOff);
    let headline = match finding.verdict.cause {
        Cause::Open => format!("Port {port} is open: it answers SYN-ACK."),
        Cause::DropSomewhere => {
            let elsewhere = situation
                .view
                .others
                .iter()
                .any(|(_, track)| track.opened_at().is_some() || !track.answers.is_empty());
            let count = match syns {
                1 => "A SYN".to_owned(),
                count => format!("{count} SYNs"),
            };
            if elsewhere {
                format!(
                    "{count} to port {port} drew nothing, although other ports of the host answer."
                )
            } else {
                format!(
                    "{count} to port {port} drew nothing: a filter, a dead host, a missing route, \
                     or answers that are lost on the way back."
                )
            }
        }
        Cause::Inconclusive if pending => CUT_OFF.to_owned(),
        Cause::Inconclusive => NOTHING_SEEN.to_owned(),
        _ => return,
    };
    let open: Vec<&str> = finding
        .alternatives
        .iter()
        .filter(|rival| !rival.ruled_out)
        .map(|rival| rival.cause.word())
        .collect();
    finding.verdict.summary = if open.is_empty() {
        headline
    } else {
        format!("{headline} Not excluded: {}.", open.join(", "))
    };
}
