//! Control probes: what the same address answers elsewhere, for comparison.
//!
//! The echo request comes first: it shows the host's distance, its treatment of the DSCP and the loss
//! of the path, and no guard takes it for a port scan. Other ports are asked only where inference
//! needs them, one after the other and a second apart: those the user named, a random high one, a
//! well-known one where that is silent. A thorough diagnosis asks two random ones, marked and
//! unmarked, at once.

use std::time::Duration;

use crate::model::evidence::{HeardReply, Trial};
use crate::model::probe::{Dscp, Kind, Probe, Target};
use crate::model::time::Moment;

use super::brief::{Ask, ControlOrigin};
use super::case::{Case, Response, echo, hop_of_arrival, marked_syn, syn};
use super::sign::Progress;

/// How often a silent control is tried.
pub(super) const ATTEMPTS: usize = 3;
/// How often a silent port is, that may be guarded.
const PORT_ATTEMPTS: usize = 2;
/// Answered controls beside which four silences are not loss (1 in 1000, see `loss`), and three of
/// fragments.
const ENOUGH: u32 = 12;
/// Between controls that only wait.
const MEANWHILE: Duration = Duration::from_millis(2500);
/// Pause before a probe is repeated that this host did not send, or could not listen to.
const PAUSE: Duration = Duration::from_millis(300);
/// Between SYNs to other ports of the host, and after the first to the port under diagnosis: guards
/// against port scans count ports within a second.
const APART: Duration = Duration::from_secs(1);

/// The echo requests that the baseline still lacks.
pub(super) fn echo_baseline(case: &Case<'_>) -> Progress {
    let echoes: Vec<&Trial> = case.echoes().collect();
    retry(case, &of_mark(&echoes, Dscp::ZERO), echo())
}

/// Whether echo requests were sent and none was answered in the time that answers take here.
pub(super) fn is_without_echo(case: &Case<'_>) -> bool {
    let timeout = prompt(case);
    let mut sent = case.echoes().peekable();
    sent.peek().is_some()
        && sent.all(|trial| match case.response(trial) {
            Response::Echo => false,
            Response::Pending => case.now.since(trial.sent) >= timeout,
            _ => true,
        })
}

/// Until when the first echo request may be answered as promptly as answers come here; `None` where it
/// was, was not in that time, or was not sent.
pub(super) fn echo_shows_at(case: &Case<'_>) -> Option<Moment> {
    let first = case.echoes().next()?;
    let until = first.sent.after(prompt(case));
    (case.response(first) == Response::Pending && until > case.now).then_some(until)
}

/// The time that answers take here, generously.
fn prompt(case: &Case<'_>) -> Duration {
    (4 * case.round_trip()).max(Duration::from_millis(100))
}

/// The probes that the baseline still lacks.
pub(super) fn baseline(case: &Case<'_>) -> Progress {
    // First, lest a router that limits its ICMP errors leaves none for it.
    let mut progress = echo_baseline(case);
    let mut silent_randoms = 0;
    // A port that the user knows to answer spares the guessing.
    let mut given = case.controls(ControlOrigin::Given);
    let is_known = given.any(|control| {
        let mut trials = case.control_syns(control.port);
        trials.any(|trial| case.response(trial).is_answer())
    });
    for (index, control) in (0u8..).zip(&case.brief.controls) {
        let trials: Vec<&Trial> = case.control_syns(control.port).collect();
        // A marked SYN shows the distance and the loss as well.
        let plain = if case.brief.thorough {
            of_mark(&trials, Dscp::ZERO)
        } else {
            trials.clone()
        };
        let wanted = match control.origin {
            ControlOrigin::Given => true,
            ControlOrigin::Random => {
                case.brief.thorough || index_of_random(case, control.port) == 0 && !is_known
            }
            ControlOrigin::WellKnown => silent_randoms > 0 && !is_known,
        };
        if wanted {
            let probe = syn(Target::Control(control.port), index % 8);
            join(&mut progress, retry(case, &plain, probe));
        }
        if trials
            .iter()
            .any(|trial| case.response(trial) == Response::Silence)
        {
            silent_randoms += 1;
        }
    }
    if case.brief.thorough {
        join(&mut progress, marked_baseline(case));
    }
    progress
}

/// The marked SYN that a control port still lacks: the port that answers unmarked ones, else each in
/// turn until one answers.
pub(super) fn marked_baseline(case: &Case<'_>) -> Progress {
    let answering = case.answering_control();
    let mut ports = case.brief.controls.iter().map(|control| control.port);
    let ports: Vec<u16> = match answering {
        Some(port) => vec![port],
        None if case.brief.thorough => return Progress::Done,
        None => ports.by_ref().collect(),
    };
    for port in ports {
        let trials: Vec<&Trial> = case.control_syns(port).collect();
        let marked = of_mark(&trials, Dscp::MARK);
        let more = retry(case, &marked, marked_syn(Target::Control(port), 1));
        if more != Progress::Done {
            return more;
        }
    }
    Progress::Done
}

/// When a SYN to another port of the host may follow those before.
fn turn_of_other_port(case: &Case<'_>) -> Moment {
    if case.brief.thorough {
        return case.now;
    }
    let trials = case.evidence.trials();
    let to_other = |trial: &&Trial| {
        matches!(trial.probe.target, Target::Control(_)) && trial.probe.kind == Kind::Syn
    };
    let last = trials.iter().rev().find(to_other).or(trials.first());
    last.map_or(case.now, |last| last.sent.after(APART).max(case.now))
}

fn index_of_random(case: &Case<'_>, port: u16) -> usize {
    case.controls(ControlOrigin::Random)
        .position(|c| c.port == port)
        .unwrap_or(usize::MAX)
}

fn of_mark<'t>(trials: &[&'t Trial], mark: Dscp) -> Vec<&'t Trial> {
    trials
        .iter()
        .copied()
        .filter(|trial| trial.probe.dscp == mark)
        .collect()
}

/// Asks for `probe` until one of its `trials` drew something or [`ATTEMPTS`] were silent.
pub(super) fn retry(case: &Case<'_>, trials: &[&Trial], probe: Probe) -> Progress {
    let guarded = probe.kind == Kind::Syn && !case.brief.thorough;
    let most = if guarded { PORT_ATTEMPTS } else { ATTEMPTS };
    retry_for(case, trials, probe, 1, most)
}

/// Asks for `probe` until `want` of its `trials` drew something or `most` did not.
pub(super) fn retry_for(
    case: &Case<'_>,
    trials: &[&Trial],
    probe: Probe,
    want: usize,
    most: usize,
) -> Progress {
    let count = |pick: &dyn Fn(Response) -> bool| {
        trials
            .iter()
            .filter(|trial| pick(case.response(trial)))
            .count()
    };
    let silent = count(&|response| response == Response::Silence);
    let invalidated = count(&|response| response == Response::Invalidated);
    let pending = count(&|response| response == Response::Pending);
    let drew = trials.len() - silent - invalidated - pending;
    if drew >= want || silent >= most || invalidated >= 2 * most {
        Progress::Done
    } else if drew + pending >= want || pending > 0 && silent + invalidated > 0 {
        Progress::Waiting(None)
    } else {
        let mut ask = case.now(probe);
        let at_other_port = matches!(probe.target, Target::Control(_)) && probe.kind == Kind::Syn;
        if at_other_port {
            ask.not_before = turn_of_other_port(case);
        }
        if let Some(last) = trials
            .last()
            .filter(|last| case.response(last) == Response::Invalidated)
        {
            // What was in the way may pass.
            ask.not_before = last.sent.after(PAUSE);
        }
        Progress::Asking(vec![ask])
    }
}

/// Merges the progress of a part into that of the whole.
pub(super) fn join(whole: &mut Progress, part: Progress) {
    let merged = match (std::mem::replace(whole, Progress::Done), part) {
        (Progress::Asking(mut one), Progress::Asking(two)) => {
            one.extend(two);
            Progress::Asking(one)
        }
        (asking @ Progress::Asking(_), _) | (_, asking @ Progress::Asking(_)) => asking,
        (Progress::Waiting(one), Progress::Waiting(two)) => Progress::Waiting(one.or(two)),
        (waiting @ Progress::Waiting(_), Progress::Done)
        | (Progress::Done, waiting @ Progress::Waiting(_)) => waiting,
        (Progress::Done, Progress::Done) => Progress::Done,
    };
    *whole = merged;
}

/// Controls to follow the last SYN to the port, so that silence is weighed against what the path
/// carried in those very moments: an echo request where echo answers, else a SYN to the control port
/// that does; a thorough diagnosis sends both, and after every SYN.
pub(super) fn accompany(case: &Case<'_>) -> Vec<Ask> {
    let Some(last) = case.port_syns().last() else {
        return Vec::new();
    };
    let thorough = case.brief.thorough;
    if !thorough && case.port_syns().count().is_multiple_of(3) {
        return Vec::new();
    }
    let echo = case.echo_answers().then(echo);
    let control = case
        .answering_control()
        .filter(|_| thorough || echo.is_none())
        .map(|port| syn(Target::Control(port), last.probe.flow.index));
    let missing = control.into_iter().chain(echo).filter(|control| {
        let like = |probe: &Probe| probe.kind == control.kind && probe.target == control.target;
        !case
            .evidence
            .trials()
            .iter()
            .any(|t| like(&t.probe) && t.sent >= last.sent)
    });
    let not_before = last.sent.after(Duration::from_millis(20));
    missing.map(|probe| Ask { probe, not_before }).collect()
}

/// Controls while a reassembly timer is waited for, until so many were answered that loss no longer
/// explains a few silences.
pub(super) fn meanwhile(case: &Case<'_>) -> Vec<Ask> {
    let Some(last) = case
        .control_trials()
        .last()
        .filter(|_| case.loss().answered < ENOUGH)
    else {
        return Vec::new();
    };
    let probe = match (case.echo_answers(), case.answering_control()) {
        (true, _) => echo(),
        (false, Some(port)) => syn(Target::Control(port), last.probe.flow.index),
        (false, None) => return Vec::new(),
    };
    vec![Ask {
        probe,
        not_before: last.sent.after(MEANWHILE),
    }]
}

/// Answers that the address itself gives for something else than the port: resets and SYN-ACKs of
/// controls, echo replies.
pub(super) fn host_answers<'a>(case: &Case<'a>) -> Vec<(&'a Trial, &'a HeardReply)> {
    case.control_trials()
        .iter()
        .copied()
        .filter(|trial| case.response(trial).is_answer())
        .filter_map(|trial| Some((trial, case.telling(trial)?)))
        .collect()
}

/// The host's distance as its own answers show it: the farthest that any of them comes from, since
/// a device before the host may answer in its name. (One behind it may too, where ports are
/// translated inward; the rooms that lean on this look for that.) `None` without answers.
pub(super) fn host_hop(case: &Case<'_>) -> Option<u8> {
    host_answers(case)
        .iter()
        .map(|(_, heard)| hop_of_arrival(heard.reply.ttl))
        .max()
}
