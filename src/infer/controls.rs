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

use super::analysis::{Analysis, Response, echo, hop_of_arrival, marked_syn, syn};
use super::job::{Ask, ControlOrigin};
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
pub(super) fn echo_baseline(analysis: &Analysis<'_>) -> Progress {
    let echoes: Vec<&Trial> = analysis.echoes().collect();
    retry(analysis, &of_mark(&echoes, Dscp::ZERO), echo())
}

/// Whether echo requests were sent and none was answered in the time that answers take here.
pub(super) fn is_without_echo(analysis: &Analysis<'_>) -> bool {
    let timeout = prompt(analysis);
    let mut sent = analysis.echoes().peekable();
    sent.peek().is_some()
        && sent.all(|trial| match analysis.response(trial) {
            Response::Echo => false,
            Response::Pending => analysis.now.since(trial.sent) >= timeout,
            _ => true,
        })
}

/// Until when the first echo request may be answered as promptly as answers come here; `None` where it
/// was, was not in that time, or was not sent.
pub(super) fn echo_shows_at(analysis: &Analysis<'_>) -> Option<Moment> {
    let first = analysis.echoes().next()?;
    let until = first.sent.after(prompt(analysis));
    (analysis.response(first) == Response::Pending && until > analysis.now).then_some(until)
}

/// The time that answers take here, generously.
fn prompt(analysis: &Analysis<'_>) -> Duration {
    (4 * analysis.round_trip()).max(Duration::from_millis(100))
}

/// The probes that the baseline still lacks.
pub(super) fn baseline(analysis: &Analysis<'_>) -> Progress {
    // First, lest a router that limits its ICMP errors leaves none for it.
    let mut progress = echo_baseline(analysis);
    let mut silent_randoms = 0;
    // A port that the user knows to answer spares the guessing.
    let mut given = analysis.controls(ControlOrigin::Given);
    let is_known = given.any(|control| {
        let mut trials = analysis.control_syns(control.port);
        trials.any(|trial| analysis.response(trial).is_answer())
    });
    for (index, control) in (0u8..).zip(&analysis.job.controls) {
        let trials: Vec<&Trial> = analysis.control_syns(control.port).collect();
        // A marked SYN shows the distance and the loss as well.
        let plain = if analysis.job.thorough {
            of_mark(&trials, Dscp::ZERO)
        } else {
            trials.clone()
        };
        let wanted = match control.origin {
            ControlOrigin::Given => true,
            ControlOrigin::Random => {
                analysis.job.thorough || index_of_random(analysis, control.port) == 0 && !is_known
            }
            ControlOrigin::WellKnown => silent_randoms > 0 && !is_known,
        };
        if wanted {
            let probe = syn(Target::Control(control.port), index % 8);
            join(&mut progress, retry(analysis, &plain, probe));
        }
        if trials
            .iter()
            .any(|trial| analysis.response(trial) == Response::Silence)
        {
            silent_randoms += 1;
        }
    }
    if analysis.job.thorough {
        join(&mut progress, marked_baseline(analysis));
    }
    progress
}

/// The marked SYN that a control port still lacks: the port that answers unmarked ones, else each in
/// turn until one answers.
pub(super) fn marked_baseline(analysis: &Analysis<'_>) -> Progress {
    let answering = analysis.answering_control();
    let mut ports = analysis.job.controls.iter().map(|control| control.port);
    let ports: Vec<u16> = match answering {
        Some(port) => vec![port],
        None if analysis.job.thorough => return Progress::Done,
        None => ports.by_ref().collect(),
    };
    for port in ports {
        let trials: Vec<&Trial> = analysis.control_syns(port).collect();
        let marked = of_mark(&trials, Dscp::MARK);
        let more = retry(analysis, &marked, marked_syn(Target::Control(port), 1));
        if more != Progress::Done {
            return more;
        }
    }
    Progress::Done
}

/// When a SYN to another port of the host may follow those before.
fn turn_of_other_port(analysis: &Analysis<'_>) -> Moment {
    if analysis.job.thorough {
        return analysis.now;
    }
    let trials = analysis.evidence.trials();
    let to_other = |trial: &&Trial| {
        matches!(trial.probe.target, Target::Control(_)) && trial.probe.kind == Kind::Syn
    };
    let last = trials.iter().rev().find(to_other).or(trials.first());
    last.map_or(analysis.now, |last| {
        last.sent.after(APART).max(analysis.now)
    })
}

fn index_of_random(analysis: &Analysis<'_>, port: u16) -> usize {
    analysis
        .controls(ControlOrigin::Random)
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
pub(super) fn retry(analysis: &Analysis<'_>, trials: &[&Trial], probe: Probe) -> Progress {
    let guarded = probe.kind == Kind::Syn && !analysis.job.thorough;
    let most = if guarded { PORT_ATTEMPTS } else { ATTEMPTS };
    retry_for(analysis, trials, probe, 1, most)
}

/// Asks for `probe` until `want` of its `trials` drew something or `most` did not.
pub(super) fn retry_for(
    analysis: &Analysis<'_>,
    trials: &[&Trial],
    probe: Probe,
    want: usize,
    most: usize,
) -> Progress {
    let count = |pick: &dyn Fn(Response) -> bool| {
        trials
            .iter()
            .filter(|trial| pick(analysis.response(trial)))
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
        let mut ask = analysis.now(probe);
        let at_other_port = matches!(probe.target, Target::Control(_)) && probe.kind == Kind::Syn;
        if at_other_port {
            ask.not_before = turn_of_other_port(analysis);
        }
        if let Some(last) = trials
            .last()
            .filter(|last| analysis.response(last) == Response::Invalidated)
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
pub(super) fn accompany(analysis: &Analysis<'_>) -> Vec<Ask> {
    let Some(last) = analysis.port_syns().last() else {
        return Vec::new();
    };
    let thorough = analysis.job.thorough;
    if !thorough && analysis.port_syns().count().is_multiple_of(3) {
        return Vec::new();
    }
    let echo = analysis.echo_answers().then(echo);
    let control = analysis
        .answering_control()
        .filter(|_| thorough || echo.is_none())
        .map(|port| syn(Target::Control(port), last.probe.flow.index));
    let missing = control.into_iter().chain(echo).filter(|control| {
        let like = |probe: &Probe| probe.kind == control.kind && probe.target == control.target;
        !analysis
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
pub(super) fn meanwhile(analysis: &Analysis<'_>) -> Vec<Ask> {
    let Some(last) = analysis
        .control_trials()
        .last()
        .filter(|_| analysis.loss().answered < ENOUGH)
    else {
        return Vec::new();
    };
    let probe = match (analysis.echo_answers(), analysis.answering_control()) {
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
pub(super) fn host_answers<'a>(analysis: &Analysis<'a>) -> Vec<(&'a Trial, &'a HeardReply)> {
    analysis
        .control_trials()
        .iter()
        .copied()
        .filter(|trial| analysis.response(trial).is_answer())
        .filter_map(|trial| Some((trial, analysis.telling(trial)?)))
        .collect()
}

/// The host's distance as its own answers show it: the farthest that any of them comes from, since
/// a device before the host may answer in its name. (One behind it may too, where ports are
/// translated inward; the rooms that lean on this look for that.) `None` without answers.
pub(super) fn host_hop(analysis: &Analysis<'_>) -> Option<u8> {
    host_answers(analysis)
        .iter()
        .map(|(_, heard)| hop_of_arrival(heard.reply.ttl))
        .max()
}
