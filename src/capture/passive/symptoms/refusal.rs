//! Refusals and resets beside the server's other answers: since when, and from where.

use super::super::assess::Situation;
use super::super::attempt::AttemptState;
use super::super::phase;
use super::super::position::passed;
use crate::infer::{Drew, Refused, Symptom};
use crate::model::reply::{Answer, Reply};

/// Attempts are refused now, after others were answered; nearer than the answers were, it is a device
/// that refuses.
pub(super) fn refused_since(situation: &Situation<'_>) -> Option<Symptom> {
    let phases = phase::phases(&situation.view)?;
    if (phases.first, phases.then) != (Drew::Open, Drew::Refused) {
        return None;
    }
    let last = situation.view.attempts.iter();
    let last = last.filter(|attempt| attempt.first >= phases.since);
    let mut heard = last.flat_map(|attempt| attempt.answers.iter().map(|heard| (*attempt, heard)));
    let (attempt, heard, refusal) =
        heard.find_map(|(attempt, heard)| Some((attempt, heard, heard.reply.answer.refusal()?)))?;
    let away = attempt.away(heard);
    let by = heard.reply.from;
    let nearer = farthest(situation).is_some_and(|farthest| away < farthest);
    let hop = away.saturating_add(1).saturating_add(situation.view.hops);
    Some(Symptom::Refused(Refused::Since {
        by,
        refusal,
        since: phases.since,
        hop: (by != situation.server.address || nearer).then_some(hop),
    }))
}

/// Whether an ICMP policy comes from nearer than the server's own answers.
pub(super) fn refused_nearer(situation: &Situation<'_>) -> bool {
    let Some(server) = situation.position.from_server else {
        return false;
    };
    let attempts = situation.view.attempts.iter();
    let heard = attempts.flat_map(|attempt| &attempt.answers);
    heard
        .filter(|heard| heard.reply.from != situation.server.address)
        .any(|heard| heard.reply.answer.refusal().is_some() && passed(heard.reply.ttl.0) < server)
}

/// The farthest that the server's SYN-ACKs come from, on any of its ports.
fn farthest(situation: &Situation<'_>) -> Option<u8> {
    let others = situation.view.others.iter().map(|(_, attempt)| *attempt);
    let attempts = situation.view.attempts.iter().copied().chain(others);
    let opened = attempts.filter_map(|attempt| Some(attempt.away(attempt.opened_at()?)));
    opened.chain(situation.position.from_server).max()
}

/// Resets that began after SYN-ACKs, from nearer.
pub(super) fn reset_since(situation: &Situation<'_>) -> Option<Symptom> {
    let phases = phase::phases(&situation.view)?;
    if (phases.first, phases.then) != (Drew::Open, Drew::Reset) {
        return None;
    }
    let last = situation.view.attempts.iter().copied();
    let last = last.filter(|attempt| attempt.first >= phases.since);
    let hop = device(situation, &resets(situation, last))?;
    let since = Some(phases.since);
    Some(Symptom::Refused(Refused::ResetNearer { hop, since }))
}

/// The hop of a device that resets from nearer than anything else in the server's name comes from: it
/// may answer other ports as well.
fn device(situation: &Situation<'_>, own: &[(Reply, u8)]) -> Option<u8> {
    let reset = own.iter().map(|(_, away)| *away).max()?;
    let others = situation.view.others.iter().map(|(_, attempt)| *attempt);
    let elsewhere = resets(situation, others);
    let elsewhere = elsewhere.iter().map(|(_, away)| *away);
    let farthest = elsewhere.chain(farthest(situation)).max()?;
    (reset < farthest).then(|| (reset + 1).saturating_add(situation.view.hops))
}

/// Resets from nearer than the server's other answers; on IPv6, with the flow label that a TCP stack
/// writes, or without it where the server's other resets carry one.
pub(super) fn reset_nearer(situation: &Situation<'_>) -> Option<Symptom> {
    let own = resets(situation, situation.view.attempts.iter().copied());
    if let Some(hop) = device(situation, &own) {
        let since = None;
        return Some(Symptom::Refused(Refused::ResetNearer { hop, since }));
    }
    let others = situation.view.others.iter().map(|(_, attempt)| *attempt);
    let elsewhere = resets(situation, others);
    let labelled =
        |replies: &[(Reply, u8)]| replies.iter().any(|(reply, _)| reply.flow_label > Some(0));
    let bare = !own.is_empty() && own.iter().all(|(reply, _)| reply.flow_label == Some(0));
    if bare && labelled(&elsewhere) {
        return Some(Symptom::Refused(Refused::Unlabelled));
    }
    labelled(&own).then_some(Symptom::Refused(Refused::Labelled))
}

/// The resets in the server's name, and how far away from the place of capture each was written.
fn resets<'t>(
    situation: &Situation<'_>,
    attempts: impl Iterator<Item = &'t AttemptState>,
) -> Vec<(Reply, u8)> {
    let replies = attempts.flat_map(|attempt| {
        let heard = attempt.answers.iter();
        heard.map(|heard| (heard.reply, attempt.away(heard)))
    });
    replies
        .filter(|(reply, _)| {
            reply.answer == Answer::Reset && reply.from == situation.server.address
        })
        .collect()
}
