//! What only a bystander sees: that a client asks again although it was answered, that it goes on
//! although no answer was captured, what became of the connection, where its packets are lost.
//!
//! Facts, in the order in which they say more than answers to SYNs; what they mean is for
//! [`crate::infer`] to judge.

mod carried;
mod refusal;
mod silence;

use std::net::IpAddr;

use crate::infer::{Bystander, Drew, Symptom, Unheard, Unseen};
use crate::model::reply::Refusal;
use crate::model::verdict::HopRef;
use crate::wire::frame::Direction;

use super::assess::Situation;
use super::attempt::AttemptState;
use super::conversation::AttemptOutcome;
use super::evidence::View;
use super::phase;
use super::position::passed;

pub(super) use carried::serves;

/// Everything that only a bystander sees of a situation.
pub(super) fn bystander(situation: &Situation<'_>) -> Bystander {
    let symptoms: [fn(&Situation<'_>) -> Option<Symptom>; 12] = [
        unseen,
        refusal::refused_since,
        refusal::reset_since,
        unheard,
        disowned,
        silence::backlog,
        changed,
        at_times,
        carried::carried,
        silence::lost_here,
        silence::one_way,
        refusal::reset_nearer,
    ];
    Bystander {
        position: situation.position,
        on_client: situation.on_client,
        translated: situation.translated,
        others_served: situation.others_served,
        refused_nearer: refusal::refused_nearer(situation),
        served: situation
            .view
            .attempts
            .iter()
            .any(|attempt| serves(attempt)),
        resent: silence::resent(situation),
        symptoms: symptoms
            .iter()
            .filter_map(|symptom| symptom(situation))
            .collect(),
    }
}

/// Whether SYNs of attempts that were answered in the end were lost so often that a retry does not
/// hide it: a third of at least nine.
pub(super) fn loses_much(view: &View<'_>) -> bool {
    let answered: Vec<&&AttemptState> = view
        .attempts
        .iter()
        .filter(|attempt| attempt.is_established() || attempt.opened_at().is_some())
        .collect();
    let sent: usize = answered.iter().map(|attempt| attempt.syns.len()).sum();
    let lost = sent.saturating_sub(answered.len());
    lost >= 3 && lost * 3 >= sent
}

/// Whether all that answers an attempt in the server's name comes from nearer than the farthest of
/// its SYN-ACKs.
pub(super) fn is_forged(attempt: &AttemptState, server: IpAddr, farthest: Option<u8>) -> bool {
    let Some(farthest) = farthest.filter(|_| attempt.opened_at().is_none()) else {
        return false;
    };
    let own = || {
        attempt
            .answers
            .iter()
            .filter(|heard| heard.reply.from == server)
    };
    own().next().is_some() && own().all(|heard| attempt.away(heard) < farthest)
}

/// What stands in the capture where no SYN of the client does.
fn unseen(situation: &Situation<'_>) -> Option<Symptom> {
    let attempts = situation.view.attempts;
    if attempts.iter().any(|attempt| !attempt.syns.is_empty()) {
        return None;
    }
    let mut told = attempts
        .iter()
        .map(|attempt| (attempt, attempt.outcome(situation.view.end)));
    told.find_map(|(attempt, outcome)| match outcome {
        AttemptOutcome::Refused { refusal, by } if by == situation.view.client => {
            Some(Symptom::Unseen(Unseen::OwnStack {
                unresolved: matches!(
                    refusal,
                    Refusal::HostUnreachable | Refusal::AddressUnreachable6
                ),
            }))
        }
        AttemptOutcome::Refused { by, .. } => Some(Symptom::Unseen(Unseen::Refused(by))),
        AttemptOutcome::Answered { .. } | AttemptOutcome::Established { .. } => {
            let running: Vec<&AttemptState> =
                attempts.iter().copied().filter(|t| t.runs()).collect();
            let hole = carried::hole(situation, &running).map(Symptom::Carried);
            Some(hole.unwrap_or(Symptom::Unseen(Unseen::Open {
                running: !running.is_empty(),
                established: attempt.is_established(),
            })))
        }
        _ => None,
    })
}

/// The client asks again after an answer. Answers that others of its attempts heard are lost by chance.
fn unheard(situation: &Situation<'_>) -> Option<Symptom> {
    let attempts = situation.view.attempts;
    let times: usize = attempts.iter().map(|attempt| attempt.unheard()).sum();
    let heard = |attempt: &&AttemptState| {
        attempt.is_established() || !attempt.answers.is_empty() && attempt.unheard() == 0
    };
    if times == 0 || attempts.iter().any(heard) {
        return None;
    }
    let refused = attempts.iter().find_map(|attempt| attempt.answer_refused);
    let refused_by = refused.map(|refused| {
        // Written by the capturing router itself: as fresh as it left.
        let own = refused.direction == Some(Direction::Outbound) && passed(refused.ttl) == 0;
        let hops = situation.position.from_client;
        let hops = hops.filter(|_| own && situation.position.forwards);
        let address = Some(refused.by);
        let hop = hops.map(|hops| HopRef {
            ttl: hops + 1,
            address,
        });
        (refused.by, hop)
    });
    Some(Symptom::Unheard(Unheard {
        times,
        refused_by,
        sent_back: sent_back(situation),
    }))
}

/// On a router that sends the SYNs on: whether it sends the answers on as well, all of them.
fn sent_back(situation: &Situation<'_>) -> Option<bool> {
    let attempts = situation.view.attempts.iter();
    let answers = || {
        let attempts = attempts.clone().filter(|attempt| attempt.forwarded);
        attempts.flat_map(|attempt| attempt.answers.iter().map(move |heard| (*attempt, heard)))
    };
    if !situation.position.forwards || answers().next().is_none() {
        return None;
    }
    if answers().all(|(attempt, heard)| !heard.relayed && attempt.is_beyond(heard.crossing)) {
        return Some(false);
    }
    // The next station is the client.
    let next = situation.position.from_client == Some(0);
    (next && answers().all(|(_, heard)| heard.relayed)).then_some(true)
}

/// The client resets the answers and asks again, in each attempt.
fn disowned(situation: &Situation<'_>) -> Option<Symptom> {
    let attempts = situation.view.attempts;
    let each = !attempts.is_empty() && attempts.iter().all(|attempt| attempt.disowned() > 0);
    each.then_some(Symptom::Disowned)
}

/// The port's behaviour changes once.
fn changed(situation: &Situation<'_>) -> Option<Symptom> {
    let phases = phase::phases(&situation.view)?;
    let is_telling = match (phases.first, phases.then) {
        (Drew::Open, Drew::Silent) | (Drew::Reset, Drew::Silent) => true,
        (_, Drew::Open | Drew::Reset) => true,
        (first, Drew::Refused) => first == Drew::Open,
        (_, Drew::Silent) => false,
    };
    is_telling.then_some(Symptom::Changed(phases))
}

/// The port's behaviour changes several times.
fn at_times(situation: &Situation<'_>) -> Option<Symptom> {
    let drawn = phase::drawn(&situation.view);
    let open = drawn.iter().filter(|drew| **drew == Drew::Open).count();
    let all = drawn.len();
    (open > 0 && open < all).then_some(Symptom::AtTimes { open, all })
}
