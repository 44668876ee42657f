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
use super::controls::{baseline, host_answers, host_hop, insist_for};
use super::sign::{Observed, Progress, Reading, Sign};

/// The distance at which the port's answers are sent, as their TTL shows it: the nearest of them.
pub(super) fn answer_hop(case: &Case<'_>) -> Option<u8> {
    answers(case)
        .iter()
        .filter_map(|trial| arrival(trial))
        .min()
}

/// SYNs to the port that were answered in the name of its address.
fn answers<'a>(case: &Case<'a>) -> Vec<&'a Trial> {
    case.port_syns()
        .filter(|trial| {
            let in_its_name = trial
                .first()
                .is_some_and(|heard| heard.reply.from == case.address());
            in_its_name
                && matches!(
                    case.drawn(trial),
                    Drawn::SynAck | Drawn::Reset | Drawn::Refused(_)
                )
        })
        .collect()
}

fn arrival(trial: &Trial) -> Option<u8> {
    trial.first().map(|heard| hop_of_arrival(heard.reply.ttl))
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
    let limited: Vec<&Trial> = case
        .trials(move |probe| {
            probe.kind == Kind::Syn && probe.target == Target::Endpoint && probe.ttl.0 == near
        })
        .collect();
    let mut progress = baseline(case);
    let expiring = limited_syn(Target::Endpoint, spare_flow(case), near);
    super::controls::join(&mut progress, insist_for(case, &limited, expiring, 1, 2));
    let host = host_hop(case);
    let references = host_answers(case);
    let same: Vec<&Trial> = references
        .iter()
        .filter(|(_, heard)| hop_of_arrival(heard.reply.ttl) == near)
        .map(|(trial, _)| *trial)
        .collect();
    let farther: Vec<&Trial> = references
        .iter()
        .filter(|(_, heard)| hop_of_arrival(heard.reply.ttl) > near)
        .map(|(trial, _)| *trial)
        .collect();
    let basis = |others: &[&Trial]| {
        let mut basis = ids(answered.iter().take(4).copied());
        basis.extend(ids(others.iter().take(4).copied()));
        basis
    };
    if let Some(host) = host.filter(|host| *host > near && farther.len() >= 2) {
        let firm = answered.len() >= 2 && answered.iter().all(|trial| arrival(trial) == Some(near));
        return Reading {
            sign: Some(Observed {
                sign: Sign::NearerThanHost,
                strength: if firm {
                    Confidence::Proven
                } else {
                    Confidence::Likely
                },
                basis: basis(&farther),
                because: format!(
                    "the answer is sent from hop {near}, the host answers from hop {host}"
                ),
            }),
            progress: if router_at(case, near).is_some() {
                Progress::Done
            } else {
                progress
            },
        };
    }
    if !same.is_empty() {
        return Reading {
            sign: Some(Observed {
                sign: Sign::AtHost,
                strength: Confidence::Proven,
                basis: basis(&same),
                because: format!(
                    "the answer is sent from hop {near}, as are the host's other answers"
                ),
            }),
            progress,
        };
    }
    if let Some(drawing) = limited
        .iter()
        .find(|t| matches!(case.drawn(t), Drawn::SynAck | Drawn::Reset))
    {
        return Reading {
            sign: Some(Observed {
                sign: Sign::AtHost,
                strength: Confidence::Proven,
                basis: basis(&[drawing]),
                because: format!("a SYN that lives for {near} hops draws the same answer"),
            }),
            progress,
        };
    }
    if let Some((_, trial)) = router_at(case, near) {
        return Reading {
            sign: Some(Observed {
                sign: Sign::NearerThanHost,
                strength: Confidence::Likely,
                basis: basis(&[trial]),
                because: format!(
                    "the answer is sent from hop {near}, where a router reports the SYN expired"
                ),
            }),
            progress,
        };
    }
    if progress != Progress::Done {
        return Reading {
            sign: None,
            progress,
        };
    }
    Reading::done(Observed {
        sign: Sign::UnknownDistance,
        strength: Confidence::Possible,
        basis: basis(&[]),
        because: "nothing else shows how far away the host is".into(),
    })
}
