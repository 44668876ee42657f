//! The sign of each symptom, how firm it is, and the sentence for it.

use crate::model::time::{Moment, spell};
use crate::model::verdict::Confidence::{self, Confirmed, Likely, Possible};
use crate::model::verdict::Way;

use super::super::analysis::Analysis;
use super::super::observer::{
    Bystander, Carried, Drew, Lost, Phases, Refused, Symptom, Unheard, Unseen,
};
use super::super::sign::Sign::{self, *};

/// The sign of a symptom, and how firm it is.
pub(super) fn sign(
    analysis: &Analysis<'_>,
    bystander: &Bystander,
    symptom: &Symptom,
) -> (Sign, Confidence) {
    match symptom {
        Symptom::Unseen(Unseen::OwnStack { unresolved: true }) => (StackUnresolved, Likely),
        Symptom::Unseen(Unseen::OwnStack { unresolved: false }) => (StackRefuses, Likely),
        Symptom::Unseen(Unseen::Refused(by)) if *by == analysis.address() => {
            (UnseenRefusedByTarget, Possible)
        }
        Symptom::Unseen(Unseen::Refused(_)) => (UnseenRefusedByRouter, Possible),
        Symptom::Unseen(Unseen::Open { established, .. }) => (OpenUnseen, firm_if(*established)),
        // Who writes a reset in the server's name is not shown without marked SYNs.
        Symptom::Refused(Refused::Since { hop: None, .. }) => (RefusedSinceByTarget, Likely),
        Symptom::Refused(Refused::Since { .. }) => (RefusedSinceByDevice, Likely),
        Symptom::Refused(Refused::ResetNearer { since: None, .. }) => (ResetNearer, Likely),
        Symptom::Refused(Refused::ResetNearer { .. }) => (ResetSince, Likely),
        Symptom::Refused(Refused::Labelled) => (ResetsLabelled, Likely),
        Symptom::Refused(Refused::Unlabelled) => (ResetsUnlabelled, Likely),
        Symptom::Unheard(unheard) => {
            // Once may be loss; and a router next to the client has sent the answers on, or not.
            let here = is_here(bystander);
            let firm = unheard.times >= 2 && (!here || bystander.on_client);
            match (unheard.refused_by, unheard.sent_back) {
                (Some(_), _) => (AnswersStopped, firm_if(firm)),
                (None, Some(false)) => (AnswersStopped, firm_if(unheard.times >= 2)),
                (None, Some(true)) => (UnheardHere, Possible),
                (None, None) if here => (UnheardHere, firm_if(firm)),
                (None, None) => (UnheardBehind, firm_if(firm)),
            }
        }
        Symptom::Disowned => (Disowned, Possible),
        // The kernel acknowledges what comes on a connection that nobody takes.
        Symptom::Backlog { .. } => (Backlog, Likely),
        Symptom::Changed(phases) => match (phases.first, phases.then) {
            // A filter that was changed, or a host that died, looks the same.
            (Drew::Open, Drew::Silent) => (
                Stopped,
                firm_if(bystander.others_served && phases.after >= 3),
            ),
            (Drew::Open, Drew::Reset) => (ResetNow, Possible),
            (_, Drew::Open) => (Began, Likely),
            (_, Drew::Reset) => (ResetAtLast, Likely),
            (_, Drew::Silent | Drew::Refused) => (StoppedResetting, Possible),
        },
        // A retry hides what a pattern needs to be seen; loss looks the same.
        Symptom::AtTimes { .. } => (AtTimes, Possible),
        Symptom::Carried(seen) => carried_sign(bystander, seen),
        Symptom::Lost(seen) => lost_sign(bystander, *seen),
    }
}

const fn firm_if(firm: bool) -> Confidence {
    if firm { Likely } else { Possible }
}

const fn carried_sign(bystander: &Bystander, seen: &Carried) -> (Sign, Confidence) {
    match seen {
        // Small segments pass and large ones do not; an outage that begins then looks alike.
        Carried::LargeHeld { shown, .. } => (LargeHeld, firm_if(*shown)),
        Carried::Relayed => (Relayed, Likely),
        // A lost ACK looks the same, once.
        Carried::AnsweredAgain(times) => (AnsweredAgain, firm_if(*times >= 2)),
        Carried::Ignored => (Ignored, Possible),
        // Data that the client took came from whoever completed the handshake: the port serves. A bare
        // handshake may be a proxy's.
        Carried::Completed { held, .. } => match (bystander.served, *held) {
            (true, false) => (Served, Confirmed),
            (true, true) => (ServedThenHeld, Likely),
            (false, false) => (Completed, Likely),
            (false, true) => (CompletedThenHeld, Likely),
        },
    }
}

fn lost_sign(bystander: &Bystander, seen: Lost) -> (Sign, Confidence) {
    match seen {
        Lost::Unresolved => (NeighbourUnresolved, Likely),
        Lost::NotForwarded => (NotForwarded, Likely),
        Lost::AtServer => {
            let is_far = bystander.position.from_client > Some(0);
            (AtServer, firm_if(is_far))
        }
        // A capture of all interfaces would hold the packet once more if it were sent on.
        Lost::ReceivedHere => (ReceivedHere, Possible),
        Lost::NotPassedOn => (NotPassedOn, Possible),
        Lost::OneWay if bystander.resent => (OneWayResent, Possible),
        Lost::OneWay => (OneWay, Possible),
    }
}

/// Whether the capture was taken on the client's link, and not on a router.
fn is_here(bystander: &Bystander) -> bool {
    bystander.position.from_client == Some(0) && !bystander.position.forwards
}

/// The sentence for a symptom.
pub(super) fn words(analysis: &Analysis<'_>, bystander: &Bystander, symptom: &Symptom) -> String {
    let port = analysis.job.endpoint.port;
    match symptom {
        Symptom::Unseen(seen) => unseen(port, seen),
        Symptom::Refused(seen) => refused(port, seen),
        Symptom::Unheard(seen) => unheard(port, bystander, seen),
        Symptom::Disowned => format!(
            "Port {port} answers, and the client resets each answer and asks again: it does not take it \
             for one, as where it comes from another address or port than was asked."
        ),
        Symptom::Backlog { open, silent } => format!(
            "Port {port} takes a connection and does not serve it ({open} acknowledged, never greeted and \
             never closed by the server), and then no further SYN is answered ({silent} attempts): \
             nobody takes connections from the listener's queue, which is full."
        ),
        Symptom::Changed(phases) => changed(port, phases),
        Symptom::AtTimes { open, all } => format!(
            "Port {port} answers only at times: {open} of {all} attempts were answered SYN-ACK."
        ),
        Symptom::Carried(seen) => carried(port, bystander, seen),
        Symptom::Lost(seen) => lost(analysis, bystander, *seen),
    }
}

fn unseen(port: u16, seen: &Unseen) -> String {
    match seen {
        Unseen::OwnStack { unresolved: true } => format!(
            "The client's own kernel reports the host of port {port} unreachable, and no SYN leaves: its \
             next hop answers no ARP/ND request."
        ),
        Unseen::OwnStack { unresolved: false } => format!(
            "The client's own kernel refuses its SYNs to port {port}, and none leaves: its firewall or its \
             routes forbid them."
        ),
        Unseen::Refused(by) => {
            format!("{by} refuses packets to port {port}; the SYN is not in the capture.")
        }
        Unseen::Open { running: true, .. } => {
            format!("Port {port} is open: a connection to it was running when the capture began.")
        }
        Unseen::Open { .. } => {
            format!("Port {port} answers SYN-ACK; the SYN is not in the capture.")
        }
    }
}

fn refused(port: u16, seen: &Refused) -> String {
    let from_on = |since: &Moment| format!("from +{} on", spell(since.since(Moment::START)));
    let nearer = "its resets come from nearer than the host's other answers";
    match seen {
        Refused::Since {
            by, refusal, since, ..
        } => format!(
            "Port {port} was open until {by} refused it with {}, {}.",
            refusal.word(),
            from_on(since)
        ),
        Refused::ResetNearer {
            hop,
            since: Some(since),
        } => format!(
            "Port {port} was open until a device before the host refused it with tcp-reset at hop {hop}, \
             {}: {nearer}.",
            from_on(since)
        ),
        Refused::ResetNearer { hop, since: None } => format!(
            "A device before the host refuses port {port} with tcp-reset at hop {hop}: {nearer}."
        ),
        Refused::Labelled => format!(
            "The host is reachable, and nothing listens on port {port}: a TCP stack resets it, with a flow \
             label that packet filters do not write."
        ),
        Refused::Unlabelled => format!(
            "A packet filter refuses port {port} with tcp-reset: its resets carry no flow label, those of \
             the host's TCP stack do."
        ),
    }
}

fn unheard(port: u16, bystander: &Bystander, seen: &Unheard) -> String {
    let again = "the client asks again as if it had heard nothing";
    let what = match (seen.refused_by, seen.sent_back) {
        (Some((by, _)), _) => format!("and {by} refuses the answer on its way back"),
        (None, Some(false)) => {
            let hop = bystander.position.from_client;
            let hop = hop.map_or_else(String::new, |hops| format!(" (hop {})", hops + 1));
            format!(
                "and the capturing router{hop}, which sends the SYNs on, does not send the answers back: it \
                 discards them"
            )
        }
        (None, Some(true)) => format!(
            "the router next to the client sends the answers on to it, and {again}: it discards them on \
             arrival, or its link loses them"
        ),
        (None, None) if is_here(bystander) => format!(
            "the answer reaches the client's link, and {again}: it discards the answer on arrival"
        ),
        (None, None) => {
            format!("and {again}: the answers are lost between the place of capture and the client")
        }
    };
    format!("Port {port} answers, {what}.")
}

fn changed(port: u16, phases: &Phases) -> String {
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
    let then = match (phases.first, phases.then) {
        (Drew::Open, Drew::Reset) => ": the service stopped, or a filter refuses since",
        (_, Drew::Open | Drew::Reset) => "",
        (_, Drew::Silent | Drew::Refused) => ": a ban, or a filter that was changed",
    };
    format!(
        "Port {port} changed: {} {}, then {} {}{then}.",
        count(phases.before),
        word(phases.first),
        count(phases.after),
        word(phases.then)
    )
}

fn carried(port: u16, bystander: &Bystander, seen: &Carried) -> String {
    match seen {
        Carried::LargeHeld { size, way, shown } => hole(port, *size, *way, *shown),
        Carried::Relayed => format!(
            "Something on the way completes the handshake with port {port} itself: it sends a SYN of its \
             own on, with the client's number."
        ),
        Carried::AnsweredAgain(_) => format!(
            "The host sends its SYN-ACK for port {port} again although the client acknowledged it: the \
             listener's queue is full."
        ),
        Carried::Ignored => format!(
            "The handshake with port {port} is completed, and nothing that the client sends then is ever \
             acknowledged: who answered may not be the host."
        ),
        Carried::Completed { alone: true, .. } => format!(
            "Port {port} is open: the client goes on as after a SYN-ACK, although no answer is in the \
             capture."
        ),
        Carried::Completed { sent, received, .. } if bystander.served => format!(
            "Port {port} is open: the handshake is completed, and the server serves ({sent} octets to it, \
             {received} from it)."
        ),
        Carried::Completed { .. } => format!("Port {port} is open: the handshake is completed."),
    }
}

fn hole(port: u16, size: u16, way: Option<Way>, shown: bool) -> String {
    let whither = match way {
        Some(Way::ToClient) => " towards the client",
        Some(Way::ToServer) => " towards the server",
        None => "",
    };
    let why = "and no ICMP message says why";
    if size == 0 {
        return format!(
            "Port {port} is open, but large segments{whither} vanish: the sender's later numbers show that \
             it sent them, the receiver still waits for them, smaller ones pass, {why}."
        );
    }
    let small = if shown {
        "while small ones are"
    } else {
        "though small ones were until then (none follows that would tell a hole from an outage)"
    };
    format!(
        "Port {port} is open, but segments of {size} octets{whither} are sent over and over and never \
         acknowledged, {small}, {why}."
    )
}

fn lost(analysis: &Analysis<'_>, bystander: &Bystander, seen: Lost) -> String {
    let syns = format!("SYNs to port {}", analysis.job.endpoint.port);
    match seen {
        Lost::Unresolved => format!(
            "{syns} arrive at the last router, which asks for {} by ARP/ND and gets no answer: the host is \
             down, or not on that link.",
            analysis.address()
        ),
        Lost::NotForwarded => format!(
            "{syns} reach the capturing router, which sends others on and not these: they are discarded \
             there."
        ),
        Lost::AtServer => {
            let alive = if bystander.others_served {
                ", which answers other clients"
            } else {
                ""
            };
            format!(
                "{syns} arrive at the place of capture, next to the host{alive}, and no answer leaves it: \
                 they are discarded on the host or just before it, not on the path."
            )
        }
        Lost::ReceivedHere => format!(
            "The capturing host receives the {syns} and neither sends them on nor answers them, on any of \
             its interfaces: it discards them itself, as the server's host or as a router."
        ),
        Lost::NotPassedOn => format!(
            "{syns} come in on one of the interfaces in the capture and leave by none of the others: the \
             capturing host discards them, as a router or as the server's host."
        ),
        Lost::OneWay if bystander.resent => format!(
            "The client resends its {syns}, so it hears no answer. The capture holds no packet towards any \
             client: it may lack that direction."
        ),
        Lost::OneWay => {
            "Not decided: the capture holds no packet towards any client, so that an answer is \
                         not in it says nothing."
                .to_owned()
        }
    }
}
