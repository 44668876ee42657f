//! Remarks on a conversation that change nothing in the verdict, and how its sessions ended, in words.

use std::time::Duration;

use crate::model::session::{End, Party, Session};
use crate::model::time::{Moment, spell};
use crate::model::verdict::Finding;

use super::assess::Situation;
use super::attempt::AttemptState;
use super::conversation::Side;
use super::symptoms::serves;

/// A server that speaks at all has spoken by then.
const UNTALKATIVE: Duration = Duration::from_secs(2);

/// Says of a port whose sessions died that they did.
pub(super) fn mourn(situation: &Situation<'_>, finding: &mut Finding) {
    let attempts = situation.view.attempts.iter();
    let sessions: Vec<(u16, Session)> = attempts
        .filter_map(|attempt| Some((attempt.client_port, attempt.session(situation.distances())?)))
        .collect();
    let died = || sessions.iter().filter(|(_, session)| session.died());
    let Some((port, session)) = died().next() else {
        return;
    };
    let others = match died().count() {
        1 => String::new(),
        several => format!(" {several} of {} sessions died.", sessions.len()),
    };
    let words = format!(
        " The session from client port {port} died at +{}: {}.{others}",
        spell(session.at.since(Moment::START)),
        session.words(),
    );
    finding.verdict.summary.push_str(&words);
}

/// Adds the remarks that the capture gives rise to.
pub(super) fn remark(situation: &Situation<'_>, finding: &mut Finding) {
    let view = &situation.view;
    let notes = &mut finding.notes;
    match (
        situation.position.from_client,
        situation.position.from_server,
    ) {
        (Some(0), _) if situation.on_client => {
            notes.push("captured on the client".into());
        }
        (Some(0), _) => notes.push("captured at the client, or on its link".into()),
        (Some(_), Some(0)) => notes.push("captured at the server, or on its link".into()),
        (Some(hops), _) => notes.push(format!(
            "captured {hops} {} from the client",
            if hops == 1 { "router" } else { "routers" }
        )),
        (None, _) => {}
    }
    if !situation.both_ways {
        notes.push(
            "the capture holds no packet towards any client: one direction may be missing".into(),
        );
    }
    let unheard = view
        .attempts
        .iter()
        .filter(|attempt| attempt.went_on.is_none());
    let broken: u32 = unheard.map(|attempt| attempt.broken).sum();
    if broken > 0 {
        notes.push(format!(
            "{broken} of the answers that the client does not go on after have a wrong checksum in the \
             capture: where they arrived so, its kernel discards them; at their sender and on virtual \
             links it is only filled in later"
        ));
    }
    let mut missing = 0;
    for attempt in view.attempts {
        missing += usize::from(attempt.syns.is_empty());
        notes.extend(about(attempt, situation));
    }
    if situation.leftover > 0 {
        notes.push(format!(
            "answers to {} older attempts, whose SYN is not in the capture, are no evidence here",
            situation.leftover
        ));
    }
    if situation.rewritten {
        notes.push(
            "a TTL is as fresh as on the same link, and the delay is not: something on the way answers \
             or writes TTLs anew, so the distances are not known"
                .into(),
        );
    }
    if missing > 0 {
        notes.push(format!(
            "the SYN of {missing} of the attempts is not in the capture"
        ));
    }
    if view.attempts.iter().any(|attempt| attempt.forwarded) {
        notes.push("the capturing host sends the SYNs on: it is a router or bridge".into());
    }
    let mut seen: Vec<String> = Vec::new();
    notes.retain(|note| {
        let fresh = !seen.contains(note);
        if fresh {
            seen.push(note.clone());
        }
        fresh && seen.len() <= 12
    });
}

fn about(attempt: &AttemptState, situation: &Situation<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    let port = attempt.client_port;
    if attempt.challenged {
        notes.push(format!(
            "the server answered client port {port} with an ACK of an older connection"
        ));
    }
    if let Some(refused) = attempt.answer_refused {
        notes.push(format!(
            "{} refused what the server sent to client port {port}",
            refused.by
        ));
    }
    if let Some(mtu) = attempt.too_big {
        notes.push(match mtu {
            Some(mtu) => format!("a router said that segments are too big and {mtu} octets fit"),
            None => "a router said that segments are too big".to_owned(),
        });
    }
    let Some(session) = attempt.session(situation.distances()) else {
        return notes;
    };
    match (session.end, session.by) {
        (End::Reset, Party::Server) if session.from_server == 0 => notes.push(format!(
            "the server reset the connection from client port {port} after the handshake, before \
             any data of its own"
        )),
        (End::Fin, Party::Server) if session.from_server == 0 => notes.push(format!(
            "the server closed the connection from client port {port} without a word"
        )),
        (End::Fin | End::Alive, _)
            if session.from_server == 0 && attempt.last.since(attempt.first) >= UNTALKATIVE =>
        {
            notes.push(format!(
                "the server never spoke on the connection from client port {port}, in {}",
                spell(attempt.last.since(attempt.first))
            ));
        }
        (End::Fin | End::Alive, _) if !session.died() => {}
        _ => notes.push(format!(
            "the connection from client port {port} was {}",
            session.words()
        )),
    }
    if let Some(prohibited) = attempt.prohibited {
        notes.push(format!(
            "{} refused segments of the {} on the running connection from client port {port}, {} times, \
             with {}",
            prohibited.by,
            prohibited.of.word(),
            prohibited.times,
            prohibited.refusal.word()
        ));
    }
    for (sender, stuck) in [Side::Client, Side::Server]
        .into_iter()
        .filter_map(|side| Some((side, attempt.stream(side).stuck()?)))
    {
        let what = match stuck.size {
            0 => "its FIN".to_owned(),
            size => format!("{size} octets"),
        };
        notes.push(format!(
            "the {} sent {what} {} times on the connection from client port {port}, never \
             acknowledged",
            sender.word(),
            stuck.tries
        ));
    }
    for side in [Side::Client, Side::Server] {
        if attempt.lacked_room(side) {
            let (who, until) = (side.word(), attempt.is_shut(side));
            let until = if until {
                "until it was seen last"
            } else {
                "for a while"
            };
            notes.push(format!(
                "the {who} offered no window {until} on the connection from client port {port}: it does \
                 not read as fast as it is sent to"
            ));
        }
    }
    if attempt.server.has_gap() && session.stalled.is_none() {
        notes.push(format!(
            "octets of the server are missing in the capture on client port {port}: lost, or not \
             captured"
        ));
    }
    if attempt.resent > 0 && serves(attempt) {
        notes.push("the listener's queue was full for a while: SYN-ACKs were sent again".into());
    }
    notes
}
