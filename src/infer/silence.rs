//! A silent port: does the packet reach the host, and does anything at the port answer?
//!
//! The incomplete first fragment is the sharpest question. Linux reassembles IPv4 before the INPUT
//! hook, so a first fragment that holds the whole SYN, whose rest never comes, makes the *host*
//! report a reassembly timeout after 30 s, whatever its INPUT chain does with the port. A filter
//! before the host that looks at ports drops the fragment, and nothing is reported. The same is sent
//! to something the host answers: without a report for that, fragments do not survive here and
//! silence says nothing.
//!
//! IPv6 reassembles behind the INPUT hook unless connection tracking is on, so there a report proves
//! arrival and its absence proves nothing.

use std::time::Duration;

use crate::model::endpoint::Family;
use crate::model::evidence::Trial;
use crate::model::probe::{Dscp, Flow, Kind, Probe, ProbeId, Target};
use crate::model::time::Moment;
use crate::model::verdict::Confidence;

use super::analysis::{Analysis, Response, ids};
use super::controls::{self, baseline, host_answers};
use super::job::Ask;
use super::locate;
use super::loss::{self, Loss};
use super::sign::{Observed, Progress, Reading, Sign};

/// Fragments to each target: ICMP time-exceeded is limited to one a second a destination, and one
/// may be lost.
const FRAGMENTS: u32 = 3;
/// The same on a path that loses packets.
const MORE_FRAGMENTS: usize = 5;
/// Pause between fragments.
const APART: Duration = Duration::from_millis(1100);
/// The port must have been silent this long before fragments are sent.
const QUIET: Duration = Duration::from_millis(1500);

const fn fragment(target: Target, flow: u8) -> Probe {
    Probe::plain(Kind::Fragment, target, Flow::ephemeral(flow))
}

fn fragments<'a>(analysis: &Analysis<'a>, target: Target) -> Vec<&'a Trial> {
    analysis
        .trials(move |probe| probe.kind == Kind::Fragment && probe.target == target)
        .collect()
}

/// Those that the host itself reports. A router that tracks connections may reassemble as well, and
/// on IPv6 says so in its own name.
fn reported(analysis: &Analysis<'_>, trials: &[&Trial]) -> Vec<ProbeId> {
    let by_host = |trial: &&Trial| {
        analysis.response(trial) == Response::Reassembly
            && trial
                .replies
                .iter()
                .any(|heard| heard.reply.from == analysis.address())
    };
    ids(trials.iter().copied().filter(by_host))
}

/// What fragments can be compared with: a TCP port that the host answers, and echo.
fn comparisons(analysis: &Analysis<'_>) -> Vec<Target> {
    let mut targets = Vec::new();
    if let Some(port) = analysis.answering_control() {
        targets.push(Target::Control(port));
    }
    if targets.is_empty() && (analysis.job.thorough || baseline(analysis) == Progress::Done) {
        if analysis.job.thorough {
            targets.extend(analysis.random_control().map(Target::Control));
        }
        targets.push(Target::Host);
    }
    targets
}

/// Reads [`super::sign::Question::Host`].
pub(super) fn read_host(analysis: &Analysis<'_>) -> Reading {
    // What goes round and round never gets to where others do.
    if locate::goes_round(analysis) {
        return Reading::nothing();
    }
    let answered = host_answers(analysis);
    let progress = baseline(analysis);
    if !answered.is_empty() {
        let observed = Observed {
            sign: Sign::HostAnswers,
            strength: Confidence::Proven,
            basis: ids(answered.iter().map(|(trial, _)| *trial).take(4)),
            because: "the host answers elsewhere".into(),
        };
        return Reading {
            sign: Some(observed),
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
        sign: Sign::HostSilent,
        strength: Confidence::Likely,
        basis: Vec::new(),
        because: "neither control ports nor echo are answered".into(),
    })
}

/// Reads [`super::sign::Question::Fragment`].
pub(super) fn read_fragment(analysis: &Analysis<'_>) -> Reading {
    if locate::goes_round(analysis) {
        return Reading::nothing();
    }
    let port = fragments(analysis, Target::Endpoint);
    let arrived = reported(analysis, &port);
    if !arrived.is_empty() {
        return Reading::done(Observed {
            sign: Sign::FragmentArrives,
            strength: Confidence::Proven,
            basis: arrived,
            because: "the host's reassembly timer speaks for a fragment sent to the port".into(),
        });
    }
    let targets = comparisons(analysis);
    let compared: Vec<(Target, Vec<&Trial>)> = analysis
        .trials(|probe| probe.kind == Kind::Fragment && probe.target != Target::Endpoint)
        .fold(
            Vec::new(),
            |mut groups: Vec<(Target, Vec<&Trial>)>, trial| {
                match groups
                    .iter_mut()
                    .find(|(target, _)| *target == trial.probe.target)
                {
                    Some((_, group)) => group.push(trial),
                    None => groups.push((trial.probe.target, vec![trial])),
                }
                groups
            },
        );
    let asks = fragment_asks(analysis, &port, &targets);
    if !asks.is_empty() {
        return Reading::going_on(None, asks);
    }
    let waits = |trials: &[&Trial]| {
        let mut trials = trials.iter();
        trials.any(|trial| analysis.response(trial) == Response::Pending)
    };
    let compares = |(_, group): &(Target, Vec<&Trial>)| reported(analysis, group).len() >= 2;
    let is_compared = compared.iter().any(compares);
    if waits(&port) || !is_compared && compared.iter().any(|(_, group)| waits(group)) {
        return Reading::going_on(None, controls::meanwhile(analysis));
    }
    stopped(analysis, &port, &compared)
}

/// No fragment to the port was reported, and all were waited for.
fn stopped(
    analysis: &Analysis<'_>,
    port: &[&Trial],
    compared: &[(Target, Vec<&Trial>)],
) -> Reading {
    let mut control = Loss::default();
    let mut basis = ids(port.iter().copied());
    for (_, group) in compared {
        let arrived = reported(analysis, group);
        if !arrived.is_empty() {
            control.answered += u32::try_from(arrived.len()).unwrap_or(0);
            control.lost += u32::try_from(group.len() - arrived.len()).unwrap_or(0);
            basis.extend(arrived);
        }
    }
    let silent: Vec<Moment> = port
        .iter()
        .filter(|trial| analysis.response(trial) == Response::Silence)
        .map(|trial| trial.sent)
        .collect();
    let chance = control
        .and(analysis.loss())
        .chance_of_silence(loss::spread(silent));
    let by_loss = chance > loss::LIKELY;
    if control.answered == 0 || analysis.family() == Family::V6 || by_loss {
        let because = if analysis.family() == Family::V4 && control.answered > 0 {
            "the path loses so much that the fragments to the port may all have been lost"
        } else if control.answered > 0 {
            "IPv6 hosts may filter the port before they reassemble, so the fragment test cannot \
             tell host from edge"
        } else {
            "no fragment was reported, not even one to a port that the host answers"
        };
        return Reading::done(Observed {
            sign: Sign::FragmentsUnusable,
            strength: Confidence::Likely,
            basis,
            because: because.into(),
        });
    }
    Reading::done(Observed {
        sign: Sign::FragmentStops,
        // Never more: a rule in an early hook of the host looks the same.
        strength: Confidence::Likely,
        basis,
        because: "the host's reassembly timer speaks for a control, and not for the port".into(),
    })
}

fn fragment_asks(analysis: &Analysis<'_>, port: &[&Trial], targets: &[Target]) -> Vec<Ask> {
    let Some(first) = analysis.port_syns().next() else {
        return Vec::new();
    };
    let all: Vec<&Trial> = analysis
        .trials(|probe| probe.kind == Kind::Fragment)
        .collect();
    let begin = first.sent.after(QUIET);
    let next = all
        .last()
        .map_or(begin, |last| last.sent.after(APART).max(begin));
    let groups = std::iter::once((Target::Endpoint, port.len())).chain(
        targets
            .iter()
            .map(|target| (*target, fragments(analysis, *target).len())),
    );
    // The least tried first, the port one ahead of its comparisons: its silence takes longest to show.
    let ahead = |target: &Target| usize::from(*target == Target::Endpoint);
    let turn = |(target, count): &(Target, usize)| count.saturating_sub(ahead(target));
    let Some((target, count)) = groups.min_by_key(turn) else {
        return Vec::new();
    };
    let seen = analysis.loss();
    let lossy = seen.lost > 0 && seen.chance_of_silence(FRAGMENTS) > loss::LIKELY;
    // What resets an ACK may be a listener that is only too busy for SYNs.
    let passes = analysis
        .trials(|probe| probe.kind == Kind::Ack)
        .any(|trial| analysis.response(trial) == Response::Reset);
    let enough = if lossy || passes {
        MORE_FRAGMENTS
    } else {
        FRAGMENTS as usize
    };
    if count >= enough {
        return Vec::new();
    }
    let flow = u8::try_from(count).unwrap_or(0);
    vec![Ask {
        probe: fragment(target, flow),
        not_before: next,
    }]
}

/// Reads [`super::sign::Question::FragmentRefusal`].
pub(super) fn read_fragment_refusal(analysis: &Analysis<'_>) -> Reading {
    if let Some(kernel) = kernel_refusal(analysis) {
        return Reading::done(kernel);
    }
    if analysis.family() == Family::V6 {
        return Reading::nothing();
    }
    let sent = fragments(analysis, Target::Endpoint);
    let refused: Vec<&Trial> = sent
        .iter()
        .copied()
        .filter(|trial| {
            matches!(
                analysis.response(trial),
                Response::Reset | Response::Refused(_)
            )
        })
        .collect();
    if !refused.is_empty() {
        return Reading::done(Observed {
            sign: Sign::FragmentRefused,
            strength: Confidence::Likely,
            basis: ids(refused),
            because:
                "a fragment is refused although its rest never came; a host would have waited \
                      for it"
                    .into(),
        });
    }
    let patience = (4 * analysis.round_trip()).max(Duration::from_millis(150));
    let waited = |trial: &&&Trial| analysis.now.since(trial.sent) >= patience;
    if sent.iter().filter(waited).count() >= 2 {
        return Reading::done(Observed {
            sign: Sign::FragmentHeld,
            strength: Confidence::Likely,
            basis: ids(sent),
            because: "a fragment is not refused before its rest comes, as on a host".into(),
        });
    }
    if sent.len() >= 2 {
        let until = sent.last().map(|trial| trial.sent.after(patience));
        return Reading {
            sign: None,
            progress: Progress::Waiting(until),
        };
    }
    let flow = u8::try_from(sent.len()).unwrap_or(0);
    Reading::going_on(None, vec![analysis.now(fragment(Target::Endpoint, flow))])
}

/// An ICMP error of the target's own ICMP layer: `icmp_send` writes precedence "internetwork
/// control" on errors, a bridge that forges one (`nf_reject_skb_v4_unreach`) writes 0.
fn kernel_refusal(analysis: &Analysis<'_>) -> Option<Observed> {
    let refusals = super::refusal::refusals(analysis);
    let kernels: Vec<&Trial> = refusals
        .iter()
        .filter(|refused| refused.from == analysis.address() && refused.dscp == Dscp::CS6)
        .map(|refused| refused.trial)
        .collect();
    (!kernels.is_empty()).then(|| Observed {
        sign: Sign::KernelRefusal,
        // Behind a translation every router's error bears the address.
        strength: match super::translation::translation(analysis) {
            Some(_) => Confidence::Possible,
            None => Confidence::Proven,
        },
        basis: ids(kernels),
        because: "the ICMP error carries the precedence that a host's own ICMP layer writes".into(),
    })
}
