//! The sign of each symptom, how firm it is, and the sentence for it.

use crate::model::time::{Moment, spell};
use crate::model::verdict::Confidence::{self, Confirmed, Likely, Possible};
use crate::model::verdict::Way;

use super::super::case::Case;
use super::super::observer::{
    Bystander, Carried, Drew, Lost, Phases, Refused, Symptom, Unheard, Unseen,
};
use super::super::sign::Sign::{self, *};

/// A sign, how firm it is, and a sentence.
pub(super) type Told = (Sign, Confidence, String);

/// Reads a symptom.
pub(super) fn told(case: &Case<'_>, bystander: &Bystander, symptom: &Symptom) -> Told {
    let port = case.brief.endpoint.port;
    match symptom {
        Symptom::Unseen(seen) => unseen(case, seen),
        Symptom::Refused(refused_by) => refused(port, refused_by),
        Symptom::Unheard(seen) => unheard(port, bystander, seen),
        Symptom::Disowned => (
            Disowned,
            Possible,
            format!(
                "Port {port} answers, and the client resets each answer and asks again: it does not take \
                 it for one, as where it comes from another address or port than was asked."
            ),
        ),
        // The kernel acknowledges what comes on a connection that nobody takes.
        Symptom::Backlog { open, silent } => (
            Backlog,
            Likely,
            format!(
                "Port {port} takes a connection and does not serve it ({open} acknowledged, never greeted \
                 and never closed by the server), and then no further SYN is answered ({silent} attempts): \
                 nobody takes connections from the listener's queue, which is full."
            ),
        ),
        Symptom::Changed(phases) => changed(port, bystander, phases),
        // A retry hides what a pattern needs to be seen; loss looks the same.
        Symptom::AtTimes { open, all } => (
            AtTimes,
            Possible,
            format!(
                "Port {port} answers only at times: {open} of {all} attempts were answered SYN-ACK."
            ),
        ),
        Symptom::Carried(seen) => carried(port, bystander, seen),
        Symptom::Lost(seen) => lost(case, bystander, *seen),
    }
}

/// Seen twice it is `likely`: once may be loss.
const fn by(times: usize) -> Confidence {
    if times >= 2 { Likely } else { Possible }
}

fn unseen(case: &Case<'_>, seen: &Unseen) -> Told {
    let port = case.brief.endpoint.port;
    match seen {
        Unseen::OwnStack { unresolved: true } => (
            StackUnresolved,
            Likely,
            format!(
                "The client's own kernel reports the host of port {port} unreachable, and no SYN leaves: \
                 its next hop answers no ARP/ND request."
            ),
        ),
        Unseen::OwnStack { unresolved: false } => (
            StackRefuses,
            Likely,
            format!(
                "The client's own kernel refuses its SYNs to port {port}, and none leaves: its firewall or \
                 its routes forbid them."
            ),
        ),
        Unseen::Refused(by) => {
            let says =
                format!("{by} refuses packets to port {port}; the SYN is not in the capture.");
            if *by == case.address() {
                (UnseenRefusedByTarget, Possible, says)
            } else {
                (UnseenRefusedByRouter, Possible, says)
            }
        }
        Unseen::Open {
            running,
            established,
        } => (
            OpenUnseen,
            if *established { Likely } else { Possible },
            if *running {
                format!(
                    "Port {port} is open: a connection to it was running when the capture began."
                )
            } else {
                format!("Port {port} answers SYN-ACK; the SYN is not in the capture.")
            },
        ),
    }
}

/// Who writes a reset in the server's name is not shown without marked SYNs: `likely` at most.
fn refused(port: u16, seen: &Refused) -> Told {
    let from_on = |since: &Moment| format!("from +{} on", spell(since.since(Moment::START)));
    let nearer = "its resets come from nearer than the host's other answers";
    match seen {
        Refused::Since {
            by,
            refusal,
            since,
            hop,
        } => (
            if hop.is_some() {
                RefusedSinceByDevice
            } else {
                RefusedSinceByTarget
            },
            Likely,
            format!(
                "Port {port} was open until {by} refused it with {}, {}.",
                refusal.word(),
                from_on(since)
            ),
        ),
        Refused::ResetNearer {
            hop,
            since: Some(since),
        } => (
            ResetSince,
            Likely,
            format!(
                "Port {port} was open until a device before the host refused it with tcp-reset at hop \
                 {hop}, {}: {nearer}.",
                from_on(since)
            ),
        ),
        Refused::ResetNearer { hop, since: None } => (
            ResetNearer,
            Likely,
            format!(
                "A device before the host refuses port {port} with tcp-reset at hop {hop}: {nearer}."
            ),
        ),
        Refused::Labelled => (
            ResetsLabelled,
            Likely,
            format!(
                "The host is reachable, and nothing listens on port {port}: a TCP stack resets it, with a \
                 flow label that packet filters do not write."
            ),
        ),
        Refused::Unlabelled => (
            ResetsUnlabelled,
            Likely,
            format!(
                "A packet filter refuses port {port} with tcp-reset: its resets carry no flow label, \
                 those of the host's TCP stack do."
            ),
        ),
    }
}

fn unheard(port: u16, bystander: &Bystander, seen: &Unheard) -> Told {
    let position = bystander.position;
    // A router next to the client has sent the answers on, or not: the client did not get them.
    let here = position.from_client == Some(0) && !position.forwards;
    let firm = if here && !bystander.on_client {
        Possible
    } else {
        by(seen.times)
    };
    let (sign, strength, what) = match (seen.refused_by, seen.sent_back) {
        (Some((by, _)), _) => (
            AnswersStopped,
            firm,
            format!("and {by} refuses the answer on its way back"),
        ),
        (None, Some(false)) => {
            let hop = position.from_client;
            let hop = hop.map_or_else(String::new, |hops| format!(" (hop {})", hops + 1));
            let what = format!(
                "and the capturing router{hop}, which sends the SYNs on, does not send the answers back: \
                 it discards them"
            );
            (AnswersStopped, by(seen.times), what)
        }
        (None, Some(true)) => (
            UnheardHere,
            Possible,
            "the router next to the client sends the answers on to it, and the client asks again as if it \
             had heard nothing: it discards them on arrival, or its link loses them"
                .to_owned(),
        ),
        (None, None) if here => (
            UnheardHere,
            firm,
            "the answer reaches the client's link, and the client asks again as if it had heard nothing: \
             it discards the answer on arrival"
                .to_owned(),
        ),
        (None, None) => (
            UnheardBehind,
            firm,
            "and the client asks again as if it had heard nothing: the answers are lost between the place \
             of capture and the client"
                .to_owned(),
        ),
    };
    (sign, strength, format!("Port {port} answers, {what}."))
}

fn changed(port: u16, bystander: &Bystander, phases: &Phases) -> Told {
    let word = |drew: Drew| match drew {
        Drew::Open => "answered SYN-ACK",
        Drew::Reset => "reset",
        Drew::Refused => "refused by ICMP",
        Drew::Silent => "left without an answer",
    };
    let count = |count: usize| match count {
        1 => "1 attempt was".to_owned(),
        count => format!("{count} attempts were"),
    };
    let (sign, strength, then) = match (phases.first, phases.then) {
        // A filter that was changed, or a host that died, looks the same.
        (Drew::Open, Drew::Silent) => {
            let firm = bystander.others_served && phases.after >= 3;
            let strength = if firm { Likely } else { Possible };
            (Stopped, strength, ": a ban, or a filter that was changed")
        }
        (Drew::Open, Drew::Reset) => (
            ResetNow,
            Possible,
            ": the service stopped, or a filter refuses since",
        ),
        (_, Drew::Open) => (Began, Likely, ""),
        (_, Drew::Reset) => (ResetAtLast, Likely, ""),
        (_, Drew::Silent | Drew::Refused) => (
            StoppedResetting,
            Possible,
            ": a ban, or a filter that was changed",
        ),
    };
    let says = format!(
        "Port {port} changed: {} {}, then {} {}{then}.",
        count(phases.before),
        word(phases.first),
        count(phases.after),
        word(phases.then)
    );
    (sign, strength, says)
}

fn carried(port: u16, bystander: &Bystander, seen: &Carried) -> Told {
    match seen {
        // Small segments pass and large ones do not; an outage that begins then looks alike.
        Carried::LargeHeld { size, way, shown } => (
            LargeHeld,
            if *shown { Likely } else { Possible },
            hole(port, *size, *way, *shown),
        ),
        Carried::Relayed => (
            Relayed,
            Likely,
            format!(
                "Something on the way completes the handshake with port {port} itself: it sends a SYN of \
                 its own on, with the client's number."
            ),
        ),
        // A lost ACK looks the same, once.
        Carried::AnsweredAgain(times) => (
            AnsweredAgain,
            by(*times),
            format!(
                "The host sends its SYN-ACK for port {port} again although the client acknowledged it: the \
                 listener's queue is full."
            ),
        ),
        Carried::Ignored => (
            Ignored,
            Possible,
            format!(
                "The handshake with port {port} is completed, and nothing that the client sends then is \
                 ever acknowledged: who answered may not be the host."
            ),
        ),
        Carried::Completed {
            sent,
            received,
            alone,
            held,
        } => {
            // Data that the client took came from whoever completed the handshake: the port serves. A
            // bare handshake may be a proxy's.
            let (sign, strength) = match (bystander.served, held) {
                (true, false) => (Served, Confirmed),
                (true, true) => (ServedThenHeld, Likely),
                (false, false) => (Completed, Likely),
                (false, true) => (CompletedThenHeld, Likely),
            };
            let how = if *alone {
                "the client goes on as after a SYN-ACK, although no answer is in the capture"
                    .to_owned()
            } else if bystander.served {
                format!(
                    "the handshake is completed, and the server serves ({sent} octets to it, {received} \
                     from it)"
                )
            } else {
                "the handshake is completed".to_owned()
            };
            (sign, strength, format!("Port {port} is open: {how}."))
        }
    }
}

fn hole(port: u16, size: u16, way: Option<Way>, shown: bool) -> String {
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

fn lost(case: &Case<'_>, bystander: &Bystander, seen: Lost) -> Told {
    let port = case.brief.endpoint.port;
    match seen {
        Lost::Unresolved => (
            NeighbourUnresolved,
            Likely,
            format!(
                "SYNs to port {port} arrive at the last router, which asks for {} by ARP/ND and gets no \
                 answer: the host is down, or not on that link.",
                case.address()
            ),
        ),
        Lost::NotForwarded => (
            NotForwarded,
            Likely,
            format!(
                "SYNs to port {port} reach the capturing router, which sends others on and not these: they \
                 are discarded there."
            ),
        ),
        Lost::AtServer => {
            let is_far = bystander.position.from_client.is_some_and(|hops| hops > 0);
            let alive = if bystander.others_served {
                ", which answers other clients"
            } else {
                ""
            };
            (
                AtServer,
                if is_far { Likely } else { Possible },
                format!(
                    "SYNs to port {port} arrive at the place of capture, next to the host{alive}, and no \
                     answer leaves it: they are discarded on the host or just before it, not on the path."
                ),
            )
        }
        // A capture of all interfaces would hold the packet once more if it were sent on.
        Lost::ReceivedHere => (
            ReceivedHere,
            Possible,
            format!(
                "The capturing host receives the SYNs to port {port} and neither sends them on nor answers \
                 them, on any of its interfaces: it discards them itself, as the server's host or as a \
                 router."
            ),
        ),
        Lost::NotPassedOn => (
            NotPassedOn,
            Possible,
            format!(
                "SYNs to port {port} come in on one of the interfaces in the capture and leave by none of \
                 the others: the capturing host discards them, as a router or as the server's host."
            ),
        ),
        Lost::OneWay if bystander.resent => (
            OneWayResent,
            Possible,
            format!(
                "The client resends its SYNs to port {port}, so it hears no answer. The capture holds no \
                 packet towards any client: it may lack that direction."
            ),
        ),
        Lost::OneWay => (
            OneWay,
            Possible,
            "Not decided: the capture holds no packet towards any client, so that an answer is not in it \
             says nothing."
                .to_owned(),
        ),
    }
}
