//! Where SYNs are lost that draw nothing, as the place of capture shows it.

use std::time::Duration;

use super::super::assess::Situation;
use super::super::attempt::{AttemptState, Syn};
use super::super::conversation::{AttemptOutcome, Ending};
use super::super::phase;
use crate::infer::{Drew, Lost, Symptom};
use crate::wire::frame::Direction;

/// Ports of protocols whose server speaks first (FTP, SSH, SMTP, POP3, IMAP, submission, MySQL).
const GREETING: [u16; 7] = [21, 22, 25, 110, 143, 587, 3306];

/// A client resends a SYN because of silence no sooner than this; sooner ones follow a reset.
const RESENT: Duration = Duration::from_millis(900);

/// The capture holds nothing towards any client.
pub(super) fn one_way(situation: &Situation<'_>) -> Option<Symptom> {
    (!situation.both_ways).then_some(Symptom::Lost(Lost::OneWay))
}

/// Connections are taken and not served, and then no SYN is answered: the listener's queue is full, and
/// nobody takes from it.
pub(super) fn backlog(situation: &Situation<'_>) -> Option<Symptom> {
    /// A server that takes connections closes one that the client has closed, or greets, sooner.
    const SOON: Duration = Duration::from_secs(1);
    let phases = phase::phases(&situation.view)?;
    if (phases.first, phases.then) != (Drew::Open, Drew::Silent) {
        return None;
    }
    let (end, port) = (situation.view.end, situation.server.port);
    let attempts = situation.view.attempts.iter();
    let opened: Vec<&&AttemptState> = attempts
        .filter(|attempt| attempt.first < phases.since)
        .collect();
    let waits =
        |attempt: &&&AttemptState| attempt.is_unserved() && end.since(attempt.first) >= SOON;
    if !opened.iter().all(waits) {
        return None;
    }
    // The kernel acknowledges what comes on a connection that nobody takes.
    let is_silenced = |attempt: &&&AttemptState| {
        let outcome = attempt.outcome(end);
        matches!(
            outcome,
            AttemptOutcome::Established {
                ending: Ending::Stuck { .. },
                ..
            }
        )
    };
    if opened.iter().any(is_silenced) {
        return None;
    }
    let alive = opened
        .iter()
        .any(|attempt| attempt.speaks_after(phases.since));
    let ignored = opened.iter().any(|attempt| attempt.is_left_half_closed());
    // A ban on new connections looks the same where an idle one is all that is known of the server.
    if !alive || !ignored && !GREETING.contains(&port) {
        return None;
    }
    Some(Symptom::Backlog {
        open: opened.len(),
        silent: phases.after,
    })
}

/// Where SYNs are lost that draw nothing.
pub(super) fn lost_here(situation: &Situation<'_>) -> Option<Symptom> {
    let attempts = situation.view.attempts;
    let position = situation.position;
    if situation.unresolved {
        return Some(Symptom::Lost(Lost::Unresolved));
    }
    let kept_back = !situation.translated && !attempts.iter().any(|attempt| attempt.forwarded);
    // A host that routes for its containers sends nothing on that is for itself.
    let mut others = situation.view.others.iter();
    let for_itself =
        position.from_server == Some(0) && !others.any(|(_, attempt)| attempt.forwarded);
    if situation.router && kept_back && !for_itself {
        return Some(Symptom::Lost(Lost::NotForwarded));
    }
    if position.from_server == Some(0) {
        return Some(Symptom::Lost(Lost::AtServer));
    }
    let syns = || attempts.iter().flat_map(|attempt| &attempt.syns);
    let came_in = |syn: &Syn| {
        let outbound = syn.crossing.direction == Some(Direction::Outbound);
        !syn.elsewhere && !outbound
    };
    if !kept_back || position.from_server.is_some() || !syns().all(came_in) || !resent(situation) {
        return None;
    }
    let inbound = |syn: &Syn| syn.crossing.direction == Some(Direction::Inbound);
    if syns().all(|syn| syn.crossing.of_all && inbound(syn)) {
        return Some(Symptom::Lost(Lost::ReceivedHere));
    }
    let first = syns().next().map(|syn| syn.crossing.interface);
    let one = situation.interfaces > 1 && syns().all(|syn| Some(syn.crossing.interface) == first);
    one.then_some(Symptom::Lost(Lost::NotPassedOn))
}

/// Whether a client sent a SYN again because nothing came.
pub(super) fn resent(situation: &Situation<'_>) -> bool {
    situation.view.attempts.iter().any(|attempt| {
        attempt
            .syns
            .windows(2)
            .any(|two| matches!(two, [one, two] if two.at.since(one.at) >= RESENT))
    })
}
