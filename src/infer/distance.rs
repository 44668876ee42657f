//! Does the answer come from the host, or from a device before it that writes its address?
//!
//! The port's answer arrives with a TTL that shows how far away it was sent. Two comparisons:
//!
//! 1. With what the host answers elsewhere (resets of controls, echo replies): a smaller distance
//!    is a device before the host.
//! 2. With a SYN that expires at that very distance: a router reports it expired, the sender of the
//!    answer answers it. Alone this is weaker, since the way back may be shorter than the way there.

use crate::model::evidence::Trial;
use crate::model::probe::{Kind, Target};
use crate::model::reply::Answer;
use crate::model::verdict::{Confidence, HopRef};

use super::case::{Case, Drawn, hop_of_arrival, ids, limited_syn, spare_flow};
use super::controls::{baseline, host_answers, host_hop, insist_for, join};
use super::sign::{Observed, Progress, Reading, Sign};

/// The distance at which the port's answers are sent, as their TTL shows it: the nearest of them.
pub(super) fn answer_hop(case: &Case<'_>) -> Option<u8> {
    answers(case)
        .iter()
        .filter_map(|trial| arrival(case, trial))
        .min()
}

/// SYNs to the port that were answered in the name of its address.
fn answers<'a>(case: &Case<'a>) -> Vec<&'a Trial> {
    case.port_syns()
        .filter(|trial| {
            let in_its_name = case
                .telling(trial)
                .is_some_and(|heard| heard.reply.from == case.address());
            in_its_name
                && matches!(
                    case.drawn(trial),
                    Drawn::SynAck | Drawn::Reset | Drawn::Refused(_)
                )
        })
        .collect()
}

fn arrival(case: &Case<'_>, trial: &Trial) -> Option<u8> {
    case.telling(trial)
        .map(|heard| hop_of_arrival(heard.reply.ttl))
}

/// The router that reports SYNs to the port expired at hop `ttl`.
pub(super) fn router_at<'a>(case: &Case<'a>, ttl: u8) -> Option<(HopRef, &'a Trial)> {
    case.evidence
        .trials()
        .iter()
        .filter(|trial| trial.probe.kind == Kind::Syn && trial.probe.target == Target::Endpoint)
        .filter(|trial| trial.probe.ttl.0 == ttl)
        .find_map(|trial| {
            let from = trial
                .replies
                .iter()
                .find_map(|heard| match heard.reply.answer {
                    Answer::TimeExceeded(_) => Some(heard.reply.from),
                    Answer::SynAck { .. }
                    | Answer::Reset
                    | Answer::EchoReply
                    | Answer::ReassemblyTimeout(_)
                    | Answer::Unreachable(..)
                    | Answer::TooBig { .. }
                    | Answer::OtherIcmp { .. } => None,
                })?;
            Some((
                HopRef {
                    ttl,
                    address: Some(from),
                },
                trial,
            ))
        })
}

/// Reads [`super::sign::Question::Distance`].
pub(super) fn read_distance(case: &Case<'_>) -> Reading {
    let answered = answers(case);
    let Some(near) = answer_hop(case) else {
        return Reading::nothing();
    };
    if case.brief.vantage.on_link() && near == 1 {
        return Reading::done(Observed {
            sign: Sign::AtHost,
            strength: Confidence::Proven,
            basis: ids(answered.iter().take(1).copied()),
            because: "no router stands between, and the answer's TTL shows none".into(),
        });
    }
    let mut progress = baseline(case);
    let limited = limited(case, near);
    let expiring = limited_syn(Target::Endpoint, spare_flow(case), near);
    join(&mut progress, insist_for(case, &limited, expiring, 1, 2));
    let sent_from = |wanted: &dyn Fn(u8) -> bool| -> Vec<&Trial> {
        host_answers(case)
            .iter()
            .filter(|(_, heard)| wanted(hop_of_arrival(heard.reply.ttl)))
            .map(|(trial, _)| *trial)
            .collect()
    };
    let (same, farther) = (sent_from(&|hop| hop == near), sent_from(&|hop| hop > near));
    let basis = |others: &[&Trial]| {
        let mut basis = ids(answered.iter().take(4).copied());
        basis.extend(ids(others.iter().take(4).copied()));
        basis
    };
    let seen = |sign, strength, others: &[&Trial], because: String, progress| Reading {
        sign: Some(Observed {
            sign,
            strength,
            basis: basis(others),
            because,
        }),
        progress,
    };
    let answers_there = limited
        .iter()
        .copied()
        .find(|trial| is_same_answer(case, trial));
    let router = router_at(case, near);
    // 1. All that the host answers elsewhere comes from farther away.
    if same.is_empty() && farther.len() >= 2 {
        let host = host_hop(case).unwrap_or(near);
        let between = between(case, near, host);
        if host > near + 1 {
            let probe = limited_syn(Target::Endpoint, spare_flow(case), near + 1);
            join(&mut progress, insist_for(case, &between, probe, 1, 2));
        }
        let decisive = between.iter().any(|trial| is_same_answer(case, trial)) || router.is_some();
        let steady = answered.len() >= 2
            && answered
                .iter()
                .all(|trial| arrival(case, trial) == Some(near));
        let strength = if decisive && steady {
            Confidence::Proven
        } else {
            Confidence::Likely
        };
        let because =
            format!("the answer is sent from hop {near}, the host answers from hop {host}");
        let progress = if decisive && router.is_some() {
            Progress::Done
        } else {
            progress
        };
        return seen(Sign::NearerThanHost, strength, &farther, because, progress);
    }
    // 2. All of it comes from where the answer does.
    if !same.is_empty() && farther.is_empty() {
        let because =
            format!("the answer is sent from hop {near}, as are the host's other answers");
        return seen(Sign::AtHost, Confidence::Proven, &same, because, progress);
    }
    // 3. Nothing else, or both: the SYN that expires at that distance decides. Ports that are
    // translated inward answer from farther than the host itself.
    if let Some(trial) = answers_there {
        let because = format!("a SYN that lives for {near} hops draws the same answer");
        let strength = if farther.is_empty() {
            Confidence::Proven
        } else {
            Confidence::Likely
        };
        return seen(Sign::AtHost, strength, &[trial], because, progress);
    }
    if let Some((_, trial)) = router {
        let because =
            format!("the answer is sent from hop {near}, where a router reports the SYN expired");
        return seen(
            Sign::NearerThanHost,
            Confidence::Likely,
            &[trial],
            because,
            progress,
        );
    }
    if progress != Progress::Done {
        return Reading {
            sign: None,
            progress,
        };
    }
    let because = "nothing else shows how far away the host is".to_owned();
    seen(
        Sign::UnknownDistance,
        Confidence::Possible,
        &[],
        because,
        Progress::Done,
    )
}

/// SYNs to the port that expire after `ttl` hops.
fn limited<'a>(case: &Case<'a>, ttl: u8) -> Vec<&'a Trial> {
    case.trials(move |probe| {
        probe.kind == Kind::Syn && probe.target == Target::Endpoint && probe.ttl.0 == ttl
    })
    .collect()
}

/// SYNs to the port that live longer than to `near` and not as long as to `host`.
fn between<'a>(case: &Case<'a>, near: u8, host: u8) -> Vec<&'a Trial> {
    (near + 1..host)
        .flat_map(|ttl| limited(case, ttl))
        .collect()
}

/// Whether a SYN of limited TTL drew what those of full TTL draw.
fn is_same_answer(case: &Case<'_>, trial: &Trial) -> bool {
    matches!(case.drawn(trial), Drawn::SynAck | Drawn::Reset)
}
