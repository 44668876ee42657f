//! Does the answer come from the host, or from a device before it that writes its address?
//!
//! The port's answer arrives with a TTL that shows how far away it was sent: at hop `n`. Decision,
//! first match:
//!
//! 0. A refusal quotes the SYN with a TTL that it had before the host: its sender is nearer.
//! 1. A SYN to the port that dies before `n` draws the answer, and one to another port is reported expired
//!    there: the sender is nearer, and its TTL lies; unless the host's other answers come from exactly
//!    as far: then the TTL of this port's flow is rewritten, and at most `likely` is said.
//! 2. The same for SYNs that live for `n` hops: a device at hop `n` takes this port for itself, and
//!    forwards the rest; unless the address's other answers come from that distance as well.
//! 3. What the host answers elsewhere (echo before control ports, which may be translated) comes from
//!    farther away: nearer than the host; from the same distance: at the host.
//! 4. Nothing to compare with: a SYN that lives for `n` hops and is answered is at the host, `likely`; one
//!    that a router reports expired there is nearer, `likely` too, since the way back may be shorter.

use std::borrow::Cow;
use std::time::Duration;

use crate::model::evidence::{HeardReply, Trial};
use crate::model::probe::{Kind, Probe, ProbeId, Target, Ttl};
use crate::model::time::Moment;
use crate::model::verdict::{Confidence, HopRef};

use super::case::{Case, Drawn, echo, hop_of_arrival, ids, limited_syn, spare_flow};
use super::controls::{baseline, echo_baseline, host_answers, insist_for, is_without_echo, join};
use super::refusal::refusals;
use super::sign::{Observed, Progress, Reading, Sign};
use super::translation::{farthest_quoted, is_raised, translation};

/// The distance at which the port's answers are sent, as their TTL shows it: the nearest of them.
pub(super) fn answer_hop(case: &Case<'_>) -> Option<u8> {
    answers(case)
        .iter()
        .filter_map(|trial| arrival(case, trial))
        .min()
}

/// SYNs to the port that were answered in the name of its address.
pub(super) fn answers<'a>(case: &Case<'a>) -> Vec<&'a Trial> {
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
            let heard = trial
                .replies
                .iter()
                .find(|heard| heard.reply.answer.is_time_exceeded())?;
            let from = heard.reply.from;
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
    if let Some(waiting) = echo_awaited(case) {
        return Reading {
            sign: None,
            progress: waiting,
        };
    }
    let compared = compare(case, near, &answered);
    // Where the host's own answers come from the same distance, no other port need be asked.
    let is_certain = !matches!(compared, Compared::Nothing) && !case.brief.thorough;
    let is_same = is_certain && matches!(compared, Compared::Same(_));
    let mut progress = if case.brief.thorough || is_without_echo(case) {
        baseline(case)
    } else {
        echo_baseline(case)
    };
    let mut insist_on = |ttl: u8| -> Vec<&Trial> {
        let target = Target::Endpoint;
        let sent = limited(case, target, ttl);
        if ttl > 0 && ttl < 64 {
            let probe = limited_syn(target, spare_flow(case, usize::from(ttl)), ttl);
            join(&mut progress, insist_for(case, &sent, probe, 1, 2));
        }
        sent
    };
    let at = if is_same { Vec::new() } else { insist_on(near) };
    let before = insist_on(near - 1);
    // An answer from before its own distance is followed down to where it begins.
    for ttl in (1..near.saturating_sub(1)).rev() {
        if !limited(case, Target::Endpoint, ttl + 1)
            .iter()
            .any(|t| is_same_answer(case, t))
        {
            break;
        }
        insist_on(ttl);
    }
    let mut compare_at = |ttl: u8| -> Vec<&Trial> {
        let Some((probe, sent)) = limited_control(case, ttl).filter(|_| ttl > 0 && ttl < 64) else {
            return Vec::new();
        };
        join(&mut progress, insist_for(case, &sent, probe, 1, 2));
        sent
    };
    // The way back may be longer than the way there: then controls are answered there as well.
    let early = before.iter().any(|trial| is_same_answer(case, trial));
    let other_before = if early {
        compare_at(near - 1)
    } else {
        Vec::new()
    };
    let elsewhere = if is_certain {
        Vec::new()
    } else {
        compare_at(near)
    };
    if let Some(awaited) = elsewhere
        .first()
        .or(at.first())
        .or(other_before.first())
        .or(before.first())
        && let Some(until) = awaited_until(case, awaited)
    {
        join(&mut progress, Progress::Waiting(Some(until)));
        return Reading {
            sign: None,
            progress,
        };
    }
    let first = if is_certain { &before } else { &elsewhere };
    let is_unasked = first.is_empty() || early && other_before.is_empty();
    if is_unasked && matches!(progress, Progress::Asking(_)) {
        return Reading {
            sign: None,
            progress,
        };
    }
    let router = router_at(case, near);
    let seen = |sign, strength, others: &[&Trial], because: Cow<'static, str>| {
        let mut basis = ids(answered.iter().take(4).copied());
        basis.extend(ids(others.iter().take(4).copied()));
        Some(Observed {
            sign,
            strength,
            basis,
            because,
        })
    };
    let drew = |trials: &[&'_ Trial]| {
        trials
            .iter()
            .copied()
            .find(|t| is_same_answer(case, t))
            .map(|t| t.id)
    };
    let expired = |trials: &[&'_ Trial]| {
        let mut expired = trials
            .iter()
            .filter(|trial| case.drawn(trial) == Drawn::EnRoute);
        expired.next().map(|trial| trial.id)
    };
    let alone = |from: &[&Trial], others: &[&Trial]| {
        drew(from)
            .zip(expired(others))
            .map(|(port, other)| vec![port, other])
    };
    let takes_alone = |basis: Vec<ProbeId>, because: String| {
        // Legs of unequal length could show the same by chance.
        let strength = Confidence::Likely;
        Some(Observed {
            sign: Sign::NearerThanHost,
            strength,
            basis,
            because: because.into(),
        })
    };
    let sign = if let Some((trial, farthest)) = quoted_early(case) {
        takes_alone(
            vec![trial],
            format!("the refusal quotes the SYN as it was no farther than hop {farthest}"),
        )
    } else if let (Some(basis), Compared::Same(_)) = (alone(&before, &other_before), &compared) {
        // Who imitates the host's distance to the hop, or rewrites the TTL of this port's flow.
        let because = format!(
            "the answer is sent from hop {near}, as are the host's other answers; a SYN that ought \
             to expire before draws it as well, so the TTL of this port's flow is rewritten on the \
             way"
        );
        Some(Observed {
            sign: Sign::AtHost,
            strength: Confidence::Likely,
            basis,
            because: because.into(),
        })
    } else if let Some(basis) = alone(&before, &other_before) {
        let because = format!(
            "a SYN that expires before hop {near} draws the answer as well, where one to another \
             port is reported expired"
        );
        takes_alone(basis, because)
    } else if let (Some(basis), false) = (
        alone(&at, &elsewhere),
        matches!(compared, Compared::Same(_)),
    ) {
        let because = format!(
            "the answer is sent from hop {near}, where a router reports SYNs to another port expired"
        );
        takes_alone(basis, because)
    } else {
        match compared {
            Compared::Farther(host, references) => {
                if references.len() < 2 && case.echo_answers() {
                    let echoes: Vec<&Trial> = case.echoes().collect();
                    join(&mut progress, insist_for(case, &echoes, echo(), 2, 4));
                }
                let steady = answered.len() >= 2
                    && answered
                        .iter()
                        .all(|trial| arrival(case, trial) == Some(near));
                let firm = steady && router.is_some() && references.len() >= 2;
                let strength = if firm {
                    Confidence::Proven
                } else {
                    Confidence::Likely
                };
                let because = format!(
                    "the answer is sent from hop {near}, the address's other answers from hop {host}"
                );
                seen(Sign::NearerThanHost, strength, &references, because.into())
            }
            Compared::Same(references) => {
                let because = format!(
                    "the answer is sent from hop {near}, as are the address's other answers"
                );
                seen(
                    Sign::AtHost,
                    Confidence::Proven,
                    &references,
                    because.into(),
                )
            }
            Compared::Nothing => {
                match (at.iter().copied().find(|t| is_same_answer(case, t)), router) {
                    (Some(trial), _) => {
                        let because =
                            format!("a SYN that lives for {near} hops draws the same answer");
                        let answers = elsewhere.iter().any(|t| case.drawn(t).is_answer());
                        let strength = if answers && translation(case).is_none() {
                            Confidence::Proven
                        } else {
                            Confidence::Likely
                        };
                        seen(Sign::AtHost, strength, &[trial], because.into())
                    }
                    (None, Some((_, trial))) => {
                        let because = format!(
                            "the answer is sent from hop {near}, where a router reports the SYN expired"
                        );
                        seen(
                            Sign::NearerThanHost,
                            Confidence::Likely,
                            &[trial],
                            because.into(),
                        )
                    }
                    (None, None) if progress == Progress::Done => seen(
                        Sign::UnknownDistance,
                        Confidence::Possible,
                        &[],
                        "nothing else shows how far away the host is".into(),
                    ),
                    (None, None) => None,
                }
            }
        }
    };
    Reading { sign, progress }
}

/// What is to be waited for before other ports are compared with; `None` when echo was answered, or
/// not in the time that answers take here.
fn echo_awaited(case: &Case<'_>) -> Option<Progress> {
    if case.brief.thorough || case.echo_answers() || is_without_echo(case) {
        return None;
    }
    let until = case
        .echoes()
        .filter_map(|trial| awaited_until(case, trial))
        .min();
    Some(match until {
        Some(until) => Progress::Waiting(Some(until)),
        None => echo_baseline(case),
    })
}

/// Until when a probe may still be answered as promptly as others are; `None` when it was, or not in
/// that time.
fn awaited_until(case: &Case<'_>, trial: &Trial) -> Option<Moment> {
    let patience = (4 * case.round_trip()).max(Duration::from_millis(100));
    let until = trial.sent.after(patience);
    (case.drawn(trial) == Drawn::Pending && until > case.now).then_some(until)
}

/// The nearest hop from which the answer is drawn although its TTL claims a farther one: the hop whose
/// successor a SYN must reach to draw it. `None` where its TTL does not lie.
pub(super) fn unmasked(case: &Case<'_>) -> Option<HopRef> {
    let near = answer_hop(case)?;
    let least = (1..near).find(|ttl| {
        limited(case, Target::Endpoint, *ttl)
            .iter()
            .any(|trial| is_same_answer(case, trial))
    })?;
    let router = router_at(case, least - 1).map(|(hop, _)| hop);
    Some(router.unwrap_or(HopRef {
        ttl: least,
        address: None,
    }))
}

/// Where the address's other answers come from, beside the port's.
enum Compared<'a> {
    /// From farther away, at this hop.
    Farther(u8, Vec<&'a Trial>),
    /// From the same distance.
    Same(Vec<&'a Trial>),
    /// There are none, or they do not agree.
    Nothing,
}

/// Compares the port's distance with the host's: by echo, which nobody translates by port, before
/// control ports. Paths of unequal length show several distances for either: one in common is enough.
fn compare<'a>(case: &Case<'a>, near: u8, answered: &[&Trial]) -> Compared<'a> {
    let port: Vec<u8> = answered
        .iter()
        .filter_map(|trial| arrival(case, trial))
        .collect();
    let all = host_answers(case);
    let echoes = all
        .iter()
        .filter(|(trial, _)| trial.probe.kind == Kind::Echo);
    let controls = all
        .iter()
        .filter(|(trial, _)| trial.probe.kind != Kind::Echo);
    let hops = |heard: &HeardReply| hop_of_arrival(heard.reply.ttl);
    let same: Vec<&Trial> = all
        .iter()
        .filter(|(_, heard)| port.contains(&hops(heard)))
        .map(|(t, _)| *t)
        .collect();
    let farther: Vec<&Trial> = all
        .iter()
        .filter(|(_, heard)| hops(heard) > near)
        .map(|(t, _)| *t)
        .collect();
    let echo = echoes.clone().map(|(_, heard)| hops(heard)).max();
    let control = controls.clone().map(|(_, heard)| hops(heard)).max();
    let agree = controls
        .map(|(_, heard)| hops(heard))
        .all(|hop| Some(hop) == control);
    match (echo, control) {
        (Some(echo), _) if port.contains(&echo) => Compared::Same(same),
        (Some(echo), _) if echo > near => Compared::Farther(echo, farther),
        (None, Some(control)) if agree && port.contains(&control) => Compared::Same(same),
        (None, Some(control)) if agree && control > near => Compared::Farther(control, farther),
        _ => Compared::Nothing,
    }
}

/// The control of limited TTL to compare one to the port with, and those sent: an echo request where
/// echo is answered, lest another port be touched; else a SYN to a random port.
pub(super) fn limited_control<'a>(case: &Case<'a>, ttl: u8) -> Option<(Probe, Vec<&'a Trial>)> {
    if case.echo_answers() && !case.brief.thorough {
        let probe = Probe {
            ttl: Ttl(ttl),
            ..echo()
        };
        let sent = case.trials(move |other| other.kind == Kind::Echo && other.ttl.0 == ttl);
        return Some((probe, sent.collect()));
    }
    let target = Target::Control(case.random_control()?);
    let probe = limited_syn(target, spare_flow(case, usize::from(ttl)), ttl);
    Some((probe, limited(case, target, ttl)))
}

/// Whether the port's answers come from as far as what the address answers elsewhere.
pub(super) fn is_as_far_as_host(case: &Case<'_>) -> bool {
    let answered = answers(case);
    answer_hop(case).is_some_and(|near| matches!(compare(case, near, &answered), Compared::Same(_)))
}

/// SYNs to a target that expire after `ttl` hops.
pub(super) fn limited<'a>(case: &Case<'a>, target: Target, ttl: u8) -> Vec<&'a Trial> {
    case.trials(move |probe| {
        probe.kind == Kind::Syn && probe.target == target && probe.ttl.0 == ttl
    })
    .collect()
}

/// Whether a SYN of limited TTL drew what those of full TTL draw.
fn is_same_answer(case: &Case<'_>, trial: &Trial) -> bool {
    match case.drawn(trial) {
        Drawn::SynAck | Drawn::Reset => true,
        Drawn::Refused(_) => case
            .telling(trial)
            .is_some_and(|heard| heard.reply.from == case.address()),
        _ => false,
    }
}

/// A refusal in the name of the address that quotes the SYN as it was before it could reach the host:
/// where nothing raises the TTL on the way, who refuses is nearer.
fn quoted_early(case: &Case<'_>) -> Option<(ProbeId, u8)> {
    let host = case
        .echoes()
        .filter(|trial| case.drawn(trial) == Drawn::Echo)
        .filter_map(|trial| arrival(case, trial))
        .min()?;
    let refusals = refusals(case);
    let mut early = refusals
        .iter()
        .filter(|refused| refused.from == case.address())
        .filter_map(|refused| Some((refused.trial.id, farthest_quoted(refused)?)));
    early.find(|(_, farthest)| *farthest < host && !is_raised(case))
}
