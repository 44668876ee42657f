//! SYNs whose TTL ends on the way or just at the host: what draws the port's answer, and what draws that
//! of another port.

use std::time::Duration;

use crate::model::evidence::Trial;
use crate::model::probe::{Kind, Probe, Target, Ttl};
use crate::model::time::Moment;

use super::analysis::{Analysis, Response, echo, limited_syn, spare_flow};
use super::controls::{baseline, echo_baseline, is_without_echo, join, retry_for};
use super::sign::Progress;

/// What SYNs drew that live no longer than the port's answers seem to have come.
pub(super) struct Limited<'a> {
    /// To the port, as far as that.
    pub(super) at: Vec<&'a Trial>,
    /// To the port, one hop less.
    pub(super) before: Vec<&'a Trial>,
    /// To another port, one hop less; only where the port answered those.
    pub(super) other_before: Vec<&'a Trial>,
    /// To another port, as far as that.
    pub(super) elsewhere: Vec<&'a Trial>,
    /// What decides was not sent yet.
    pub(super) is_unasked: bool,
}

impl<'a> Limited<'a> {
    /// What they drew so far, and what is still to be sent, where the answer seems to be sent from hop
    /// `near`. `is_same`: whether the address's other answers are known to come from as far, so that no
    /// other port need be asked; `None` where that is not known.
    pub(super) fn ask(
        analysis: &Analysis<'a>,
        near: u8,
        is_same: Option<bool>,
    ) -> (Self, Progress) {
        let is_certain = is_same.is_some();
        let mut progress = if analysis.job.thorough || is_without_echo(analysis) {
            baseline(analysis)
        } else {
            echo_baseline(analysis)
        };
        let mut ask_port = |ttl: u8| -> Vec<&'a Trial> {
            let target = Target::Endpoint;
            let sent = limited(analysis, target, ttl);
            if ttl > 0 && ttl < 64 {
                let probe = limited_syn(target, spare_flow(analysis, usize::from(ttl)), ttl);
                join(&mut progress, retry_for(analysis, &sent, probe, 1, 2));
            }
            sent
        };
        let at = if is_same == Some(true) {
            Vec::new()
        } else {
            ask_port(near)
        };
        let before = ask_port(near - 1);
        // An answer from before its own distance is followed down to where it begins.
        for ttl in (1..near.saturating_sub(1)).rev() {
            let sent = limited(analysis, Target::Endpoint, ttl + 1);
            if !sent.iter().any(|trial| is_same_answer(analysis, trial)) {
                break;
            }
            ask_port(ttl);
        }
        let mut ask_elsewhere = |ttl: u8| -> Vec<&'a Trial> {
            let control = limited_control(analysis, ttl).filter(|_| ttl > 0 && ttl < 64);
            let Some((probe, sent)) = control else {
                return Vec::new();
            };
            join(&mut progress, retry_for(analysis, &sent, probe, 1, 2));
            sent
        };
        // The way back may be longer than the way there: then controls are answered there as well.
        let early = before.iter().any(|trial| is_same_answer(analysis, trial));
        let other_before = if early {
            ask_elsewhere(near - 1)
        } else {
            Vec::new()
        };
        let elsewhere = if is_certain {
            Vec::new()
        } else {
            ask_elsewhere(near)
        };
        let decides = if is_certain { &before } else { &elsewhere };
        let is_unasked = decides.is_empty() || early && other_before.is_empty();
        let limited = Self {
            at,
            before,
            other_before,
            elsewhere,
            is_unasked,
        };
        (limited, progress)
    }

    /// The first of those that are waited for together.
    pub(super) fn first(&self) -> Option<&'a Trial> {
        let all = [&self.elsewhere, &self.at, &self.other_before, &self.before];
        all.into_iter().find_map(|sent| sent.first().copied())
    }
}

/// SYNs to a target that expire after `ttl` hops.
pub(super) fn limited<'a>(analysis: &Analysis<'a>, target: Target, ttl: u8) -> Vec<&'a Trial> {
    analysis
        .trials(move |probe| {
            probe.kind == Kind::Syn && probe.target == target && probe.ttl.0 == ttl
        })
        .collect()
}

/// Whether a SYN of limited TTL drew what those of full TTL draw.
pub(super) fn is_same_answer(analysis: &Analysis<'_>, trial: &Trial) -> bool {
    match analysis.response(trial) {
        Response::SynAck | Response::Reset => true,
        Response::Refused(_) => analysis
            .telling(trial)
            .is_some_and(|heard| heard.reply.from == analysis.address()),
        _ => false,
    }
}

/// The control of limited TTL to compare one to the port with, and those sent: an echo request where
/// echo is answered, lest another port be touched; else a SYN to a random port.
pub(super) fn limited_control<'a>(
    analysis: &Analysis<'a>,
    ttl: u8,
) -> Option<(Probe, Vec<&'a Trial>)> {
    if analysis.echo_answers() && !analysis.job.thorough {
        let probe = Probe {
            ttl: Ttl(ttl),
            ..echo()
        };
        let sent = analysis.trials(move |other| other.kind == Kind::Echo && other.ttl.0 == ttl);
        return Some((probe, sent.collect()));
    }
    let target = Target::Control(analysis.random_control()?);
    let probe = limited_syn(target, spare_flow(analysis, usize::from(ttl)), ttl);
    Some((probe, limited(analysis, target, ttl)))
}

/// Until when a probe may still be answered as promptly as others are; `None` when it was, or not in
/// that time.
pub(super) fn awaited_until(analysis: &Analysis<'_>, trial: &Trial) -> Option<Moment> {
    let patience = (4 * analysis.round_trip()).max(Duration::from_millis(100));
    let until = trial.sent.after(patience);
    (analysis.response(trial) == Response::Pending && until > analysis.now).then_some(until)
}
