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

use crate::model::evidence::{HeardReply, Trial};
use crate::model::probe::{Kind, ProbeId, Target};
use crate::model::verdict::{Confidence, HopRef};

use super::analysis::{Analysis, Response, echo, hop_of_arrival, ids};
use super::controls::{echo_baseline, host_answers, is_without_echo, join, retry_for};
use super::limited::{Limited, awaited_until, is_same_answer, limited};
use super::refusal::refusals;
use super::sign::{Observed, Progress, Reading, Sign};
use super::translation::{farthest_quoted, is_raised, translation};

/// The distance at which the port's answers are sent, as their TTL shows it: the nearest of them.
pub(super) fn answer_hop(analysis: &Analysis<'_>) -> Option<u8> {
    answers(analysis)
        .iter()
        .filter_map(|trial| arrival(analysis, trial))
        .min()
}

/// SYNs to the port that were answered in the name of its address.
pub(super) fn answers<'a>(analysis: &Analysis<'a>) -> Vec<&'a Trial> {
    analysis
        .port_syns()
        .filter(|trial| {
            let in_its_name = analysis
                .telling(trial)
                .is_some_and(|heard| heard.reply.from == analysis.address());
            in_its_name
                && matches!(
                    analysis.response(trial),
                    Response::SynAck | Response::Reset | Response::Refused(_)
                )
        })
        .collect()
}

fn arrival(analysis: &Analysis<'_>, trial: &Trial) -> Option<u8> {
    analysis
        .telling(trial)
        .map(|heard| hop_of_arrival(heard.reply.ttl))
}

/// The router that reports SYNs to the port expired at hop `ttl`.
pub(super) fn router_at<'a>(analysis: &Analysis<'a>, ttl: u8) -> Option<(HopRef, &'a Trial)> {
    analysis
        .evidence
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
pub(super) fn read_distance(analysis: &Analysis<'_>) -> Reading {
    let answered = answers(analysis);
    let Some(near) = answer_hop(analysis) else {
        return Reading::nothing();
    };
    if analysis.job.vantage.on_link() && near == 1 {
        return Reading::done(Observed {
            sign: Sign::AtHost,
            strength: Confidence::Proven,
            basis: ids(answered.iter().take(1).copied()),
            because: "no router stands between, and the answer's TTL shows none".into(),
        });
    }
    let nothing_yet = |progress| Reading {
        sign: None,
        progress,
    };
    if let Some(waiting) = echo_awaited(analysis) {
        return nothing_yet(waiting);
    }
    let compared = compare(analysis, near, &answered);
    let is_same = match compared {
        Compared::Nothing => None,
        Compared::Same(_) => Some(true),
        Compared::Farther(..) => Some(false),
    };
    let is_same = is_same.filter(|_| !analysis.job.thorough);
    let (drawn, mut progress) = Limited::ask(analysis, near, is_same);
    if let Some(until) = drawn
        .first()
        .and_then(|trial| awaited_until(analysis, trial))
    {
        join(&mut progress, Progress::Waiting(Some(until)));
        return nothing_yet(progress);
    }
    if drawn.is_unasked && matches!(progress, Progress::Asking(_)) {
        return nothing_yet(progress);
    }
    let answer = Answer {
        analysis,
        near,
        answered,
    };
    let sign = match (answer.before_its_distance(&drawn, &compared), compared) {
        (Some(sign), _) => Some(sign),
        (None, Compared::Farther(host, references)) => {
            if references.len() < 2 && analysis.echo_answers() {
                let echoes: Vec<&Trial> = analysis.echoes().collect();
                join(&mut progress, retry_for(analysis, &echoes, echo(), 2, 4));
            }
            Some(answer.nearer_than(host, &references))
        }
        (None, Compared::Same(references)) => {
            let because =
                format!("the answer is sent from hop {near}, as are the address's other answers");
            Some(answer.seen(Sign::AtHost, Confidence::Proven, &references, because))
        }
        (None, Compared::Nothing) => answer.uncompared(&drawn, &progress),
    };
    Reading { sign, progress }
}

/// The port's answer and the hop from which it seems to be sent.
struct Answer<'c, 'a> {
    analysis: &'c Analysis<'a>,
    near: u8,
    answered: Vec<&'a Trial>,
}

impl Answer<'_, '_> {
    fn seen(
        &self,
        sign: Sign,
        strength: Confidence,
        others: &[&Trial],
        because: impl Into<Cow<'static, str>>,
    ) -> Observed {
        let mut basis = ids(self.answered.iter().take(4).copied());
        basis.extend(ids(others.iter().take(4).copied()));
        Observed {
            sign,
            strength,
            basis,
            because: because.into(),
        }
    }

    /// The probe that drew the answer, and one to another port that was reported expired.
    fn alone(&self, port: &[&Trial], others: &[&Trial]) -> Option<Vec<ProbeId>> {
        let analysis = self.analysis;
        let drew = port.iter().find(|trial| is_same_answer(analysis, trial))?;
        let expired = others
            .iter()
            .find(|trial| analysis.response(trial) == Response::EnRoute)?;
        Some(vec![drew.id, expired.id])
    }

    /// What shows that the answer is drawn by what never gets as far as its TTL claims.
    fn before_its_distance(
        &self,
        drawn: &Limited<'_>,
        compared: &Compared<'_>,
    ) -> Option<Observed> {
        let near = self.near;
        let is_same = matches!(compared, Compared::Same(_));
        let (sign, basis, because) = if let Some((trial, farthest)) = quoted_early(self.analysis) {
            let because =
                format!("the refusal quotes the SYN as it was no farther than hop {farthest}");
            (Sign::NearerThanHost, vec![trial], because)
        } else if let Some(basis) = self.alone(&drawn.before, &drawn.other_before) {
            // Who imitates the host's distance to the hop, or rewrites the TTL of this port's flow.
            let (sign, because) = if is_same {
                let because = format!(
                    "the answer is sent from hop {near}, as are the host's other answers; a SYN that ought \
                     to expire before draws it as well, so the TTL of this port's flow is rewritten on the \
                     way"
                );
                (Sign::AtHost, because)
            } else {
                let because = format!(
                    "a SYN that expires before hop {near} draws the answer as well, where one to another \
                     port is reported expired"
                );
                (Sign::NearerThanHost, because)
            };
            (sign, basis, because)
        } else {
            let basis = self.alone(&drawn.at, &drawn.elsewhere);
            let because = format!(
                "the answer is sent from hop {near}, where a router reports SYNs to another port expired"
            );
            (Sign::NearerThanHost, basis.filter(|_| !is_same)?, because)
        };
        Some(Observed {
            sign,
            // Legs of unequal length could show the same by chance.
            strength: Confidence::Likely,
            basis,
            because: because.into(),
        })
    }

    /// The address's other answers come from farther away.
    fn nearer_than(&self, host: u8, references: &[&Trial]) -> Observed {
        let (analysis, near) = (self.analysis, self.near);
        let from_there = |trial: &&Trial| arrival(analysis, trial) == Some(near);
        let steady = self.answered.len() >= 2 && self.answered.iter().all(from_there);
        let firm = steady && router_at(analysis, near).is_some() && references.len() >= 2;
        let strength = if firm {
            Confidence::Proven
        } else {
            Confidence::Likely
        };
        let because = format!(
            "the answer is sent from hop {near}, the address's other answers from hop {host}"
        );
        self.seen(Sign::NearerThanHost, strength, references, because)
    }

    /// With nothing to compare with: whether a SYN that lives as long as the answer's TTL says draws it.
    fn uncompared(&self, drawn: &Limited<'_>, progress: &Progress) -> Option<Observed> {
        let (analysis, near) = (self.analysis, self.near);
        if let Some(trial) = drawn
            .at
            .iter()
            .find(|trial| is_same_answer(analysis, trial))
        {
            let because = format!("a SYN that lives for {near} hops draws the same answer");
            let answers = |trial: &&Trial| analysis.response(trial).is_answer();
            let strength = if drawn.elsewhere.iter().any(answers) && translation(analysis).is_none()
            {
                Confidence::Proven
            } else {
                Confidence::Likely
            };
            return Some(self.seen(Sign::AtHost, strength, &[trial], because));
        }
        if let Some((_, trial)) = router_at(analysis, near) {
            let because = format!(
                "the answer is sent from hop {near}, where a router reports the SYN expired"
            );
            return Some(self.seen(Sign::NearerThanHost, Confidence::Likely, &[trial], because));
        }
        (*progress == Progress::Done).then(|| {
            let because = "nothing else shows how far away the host is";
            self.seen(Sign::UnknownDistance, Confidence::Possible, &[], because)
        })
    }
}

/// What is to be waited for before other ports are compared with; `None` when echo was answered, or
/// not in the time that answers take here.
fn echo_awaited(analysis: &Analysis<'_>) -> Option<Progress> {
    if analysis.job.thorough || analysis.echo_answers() || is_without_echo(analysis) {
        return None;
    }
    let until = analysis
        .echoes()
        .filter_map(|trial| awaited_until(analysis, trial))
        .min();
    Some(match until {
        Some(until) => Progress::Waiting(Some(until)),
        None => echo_baseline(analysis),
    })
}

/// The nearest hop from which the answer is drawn although its TTL claims a farther one: the hop whose
/// successor a SYN must reach to draw it. `None` where its TTL does not lie.
pub(super) fn unmasked(analysis: &Analysis<'_>) -> Option<HopRef> {
    let near = answer_hop(analysis)?;
    let least = (1..near).find(|ttl| {
        limited(analysis, Target::Endpoint, *ttl)
            .iter()
            .any(|trial| is_same_answer(analysis, trial))
    })?;
    let router = router_at(analysis, least - 1).map(|(hop, _)| hop);
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
fn compare<'a>(analysis: &Analysis<'a>, near: u8, answered: &[&Trial]) -> Compared<'a> {
    let port: Vec<u8> = answered
        .iter()
        .filter_map(|trial| arrival(analysis, trial))
        .collect();
    let all = host_answers(analysis);
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

/// Whether the port's answers come from as far as what the address answers elsewhere.
pub(super) fn is_as_far_as_host(analysis: &Analysis<'_>) -> bool {
    let answered = answers(analysis);
    answer_hop(analysis)
        .is_some_and(|near| matches!(compare(analysis, near, &answered), Compared::Same(_)))
}

/// A refusal in the name of the address that quotes the SYN as it was before it could reach the host:
/// where nothing raises the TTL on the way, who refuses is nearer.
fn quoted_early(analysis: &Analysis<'_>) -> Option<(ProbeId, u8)> {
    let host = analysis
        .echoes()
        .filter(|trial| analysis.response(trial) == Response::Echo)
        .filter_map(|trial| arrival(analysis, trial))
        .min()?;
    let refusals = refusals(analysis);
    let mut early = refusals
        .iter()
        .filter(|refused| refused.from == analysis.address())
        .filter_map(|refused| Some((refused.trial.id, farthest_quoted(refused)?)));
    early.find(|(_, farthest)| *farthest < host && !is_raised(analysis))
}
