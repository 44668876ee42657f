//! Control probes: what the same address answers elsewhere, for comparison.
//!
//! The baseline is one unmarked and one marked SYN to a random high port, one to a second, one to
//! each port the user named, and an echo request; each repeated when silent. A well-known port is
//! tried when the random ones are silent. Echo and resets of a control give the host's distance,
//! its treatment of the DSCP, and the loss of the path.

use std::time::Duration;

use crate::model::evidence::{HeardReply, Trial};
use crate::model::probe::{Dscp, Probe, Target};

use super::case::{Case, Drawn, echo, hop_of_arrival, marked_syn, syn};
use super::sign::Progress;
use super::{Ask, ControlOrigin};

/// How often a silent control is tried.
pub(super) const ATTEMPTS: usize = 3;
/// Pause before a probe is repeated that this host did not send, or could not listen to.
const PAUSE: Duration = Duration::from_millis(300);

/// The probes that the baseline still lacks.
pub(super) fn baseline(case: &Case<'_>) -> Progress {
    let mut progress = Progress::Done;
    let mut silent_randoms = 0;
    // First, lest a router that limits its ICMP errors leaves none for it.
    let echoes: Vec<&Trial> = case.echoes().collect();
    join(
        &mut progress,
        insist(case, &of_mark(&echoes, Dscp::ZERO), echo()),
    );
    for (index, control) in (0u8..).zip(&case.brief.controls) {
        let trials: Vec<&Trial> = case.control_syns(control.port).collect();
        let target = Target::Control(control.port);
        let plain = || of_mark(&trials, Dscp::ZERO);
        match control.origin {
            ControlOrigin::Random if index_of_random(case, control.port) == 0 => {
                join(&mut progress, insist(case, &plain(), syn(target, 0)));
                if answered(case, &plain()) {
                    let marked = of_mark(&trials, Dscp::MARK);
                    join(&mut progress, insist(case, &marked, marked_syn(target, 1)));
                }
            }
            ControlOrigin::Random | ControlOrigin::Given => {
                join(
                    &mut progress,
                    insist(case, &plain(), syn(target, index % 8)),
                );
            }
            ControlOrigin::WellKnown if silent_randoms > 0 => {
                join(
                    &mut progress,
                    insist(case, &plain(), syn(target, index % 8)),
                );
            }
            ControlOrigin::WellKnown => {}
        }
        if trials
            .iter()
            .any(|trial| case.drawn(trial) == Drawn::Silence)
        {
            silent_randoms += 1;
        }
    }
    progress
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

fn answered(case: &Case<'_>, trials: &[&Trial]) -> bool {
    trials.iter().any(|trial| case.drawn(trial).is_answer())
}

/// Asks for `probe` until one of its `trials` drew something or [`ATTEMPTS`] were silent.
pub(super) fn insist(case: &Case<'_>, trials: &[&Trial], probe: Probe) -> Progress {
    insist_for(case, trials, probe, 1, ATTEMPTS)
}

/// Asks for `probe` until `want` of its `trials` drew something or `most` did not.
pub(super) fn insist_for(
    case: &Case<'_>,
    trials: &[&Trial],
    probe: Probe,
    want: usize,
    most: usize,
) -> Progress {
    let count = |pick: &dyn Fn(Drawn) -> bool| {
        trials
            .iter()
            .filter(|trial| pick(case.drawn(trial)))
            .count()
    };
    let silent = count(&|drawn| drawn == Drawn::Silence);
    let void = count(&|drawn| drawn == Drawn::Void);
    let pending = count(&|drawn| drawn == Drawn::Pending);
    let drew = trials.len() - silent - void - pending;
    if drew >= want || silent >= most || void >= 2 * most {
        Progress::Done
    } else if drew + pending >= want || pending > 0 && silent + void > 0 {
        Progress::Waiting(None)
    } else {
        let mut ask = case.now(probe);
        if let Some(last) = trials.last().filter(|last| case.drawn(last) == Drawn::Void) {
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

/// Witness probes to follow the last SYN to the port, so that silence is weighed against what the
/// path carried in those very moments: one to the control port that answers, one echo, where either
/// does.
pub(super) fn accompany(case: &Case<'_>) -> Vec<Ask> {
    let Some(last) = case.port_syns().last() else {
        return Vec::new();
    };
    let control = case
        .answering_control()
        .map(|port| syn(Target::Control(port), last.probe.flow.index));
    let echo = case.echo_answers().then(echo);
    let missing = control.into_iter().chain(echo).filter(|witness| {
        let like = |probe: &Probe| probe.kind == witness.kind && probe.target == witness.target;
        !case
            .evidence
            .trials()
            .iter()
            .any(|t| like(&t.probe) && t.sent >= last.sent)
    });
    let not_before = last.sent.after(Duration::from_millis(20));
    missing.map(|probe| Ask { probe, not_before }).collect()
}

/// Answers that the address itself gives for something else than the port: resets and SYN-ACKs of
/// controls, echo replies.
pub(super) fn host_answers<'a>(case: &Case<'a>) -> Vec<(&'a Trial, &'a HeardReply)> {
    case.witnesses()
        .iter()
        .copied()
        .filter(|trial| case.drawn(trial).is_answer())
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
