//! Who sent this RST: a TCP stack, or a packet filter in its name?
//!
//! Linux' stack copies the DSCP of the segment it resets (`tcp_v4_send_reset`, `arg.tos`; v6: the
//! traffic class) and writes a flow label on IPv6; netfilter's REJECT writes 0 for both
//! (`nf_reject_ipv4.c`). So a SYN is sent unmarked and marked, to the port and to a control port of
//! the same host: what counts is whether the answer's DSCP *follows* the SYN's, not its value, so a
//! path that marks everything alike misleads nobody. Decision, first match:
//!
//! 0. A SYN that expires before the host draws the reset as well → a filter on the way; unless it is sent
//!    from the host's distance and as in 1: then the TTL of this port's flow is rewritten.
//! 1. The port's reset follows the mark, or carries a flow label → a stack.
//! 2. It does not, and a control's reset does → a filter.
//! 3. Neither does, but an echo reply follows the mark (so the path keeps it), from a host whose
//!    initial TTL is Linux' → a filter, `likely`; only `possible` where controls reset alike: a stack
//!    that never copies would look the same.
//! 4. Otherwise unclear: the path bleaches, or the host's stack never copies.

use std::collections::BTreeSet;

use crate::model::evidence::Trial;
use crate::model::probe::{Dscp, Probe, ProbeId, Target};
use crate::model::reply::Reply;
use crate::model::verdict::Confidence;

use super::analysis::{Analysis, Response, echo, limited_syn, spare_flow, syn};
use super::answer::{Tally, reset_syns};
use super::controls::{baseline, join, marked_baseline, retry, retry_for};
use super::distance::{answer_hop, is_as_far_as_host};
use super::limited::{limited, limited_control};
use super::sign::{Observed, Progress, Reading, Sign};

/// Marked SYNs that drew nothing, before a reset to unmarked ones alone is called unclear.
const MARKED_IN_VAIN: usize = 3;

/// Whether the answers to a target follow the mark.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Echoing {
    /// `None` until it was seen answered both marked and unmarked.
    follows: Option<bool>,
    /// The DSCP of the answers to marked SYNs.
    marked: BTreeSet<Dscp>,
    /// Whether any answer carries a non-zero flow label; `None` for IPv4.
    labelled: Option<bool>,
    basis: Vec<ProbeId>,
}

fn echoing<'a>(
    analysis: &Analysis<'a>,
    trials: impl Iterator<Item = &'a Trial>,
    answer: Response,
) -> Echoing {
    let answered: Vec<(&Trial, Reply)> = trials
        .filter(|trial| analysis.response(trial) == answer)
        .filter_map(|trial| Some((trial, analysis.telling(trial)?.reply)))
        .collect();
    let written = |mark: Dscp| -> BTreeSet<Dscp> {
        let of_mark = answered
            .iter()
            .filter(|(trial, _)| trial.probe.dscp == mark);
        of_mark.map(|(_, reply)| reply.dscp).collect()
    };
    let (plain, marked) = (written(Dscp::ZERO), written(Dscp::MARK));
    let follows = (!plain.is_empty() && !marked.is_empty()).then(|| plain.is_disjoint(&marked));
    let labels: Vec<u32> = answered
        .iter()
        .filter_map(|(_, reply)| reply.flow_label)
        .collect();
    let labelled = (!labels.is_empty()).then(|| labels.iter().any(|label| *label != 0));
    Echoing {
        follows,
        marked,
        labelled,
        basis: answered.iter().map(|(trial, _)| trial.id).collect(),
    }
}

/// Whether a reset is drawn by a SYN that dies before the host.
struct Early {
    answered: Option<Vec<ProbeId>>,
    progress: Progress,
}

/// Sends a SYN that dies one hop before the distance the reset claims: a device on the way may copy the
/// DSCP and choose its TTL, but it answers what the host never sees. Where the way back is longer than the
/// way there, the host is that near indeed: then a control is not reported expired there.
/// `None` where no router stands between.
fn drawn_early(analysis: &Analysis<'_>) -> Option<Early> {
    let before = answer_hop(analysis)?
        .checked_sub(1)
        .filter(|ttl| (1..64).contains(ttl))?;
    let flow = spare_flow(analysis, usize::from(before));
    let port = limited(analysis, Target::Endpoint, before);
    let mut progress = retry_for(
        analysis,
        &port,
        limited_syn(Target::Endpoint, flow, before),
        1,
        2,
    );
    let mut answered = None;
    if let Some(drew) = port
        .iter()
        .find(|trial| analysis.response(trial) == Response::Reset)
        && let Some((probe, other)) = limited_control(analysis, before)
    {
        join(&mut progress, retry_for(analysis, &other, probe, 1, 2));
        let expired = other
            .iter()
            .find(|trial| analysis.response(trial) == Response::EnRoute);
        answered = expired.map(|expired| vec![drew.id, expired.id]);
    }
    Some(Early { answered, progress })
}

/// Reads [`super::sign::Question::Origin`].
pub(super) fn read_origin(analysis: &Analysis<'_>) -> Reading {
    let port = echoing(analysis, analysis.port_syns(), Response::Reset);
    let tally = Tally::of(analysis);
    let seen = |sign, strength, basis, because: &'static str| {
        Reading::done(Observed {
            sign,
            strength,
            basis,
            because: because.into(),
        })
    };
    if let Some(early) = drawn_early(analysis) {
        if let Some(basis) = early.answered {
            let copies = port.follows == Some(true) || port.labelled == Some(true);
            if copies && is_as_far_as_host(analysis) {
                let because = "the reset is a TCP stack's, sent from the host's distance; something \
                               rewrites the TTL of this port's flow on the way";
                // Who imitates the host's reset to the hop and the mark cannot be excluded.
                return seen(Sign::StackReset, Confidence::Possible, basis, because);
            }
            let because = "a SYN that expires before the host draws the reset as well";
            return seen(Sign::ForgedReset, Confidence::Likely, basis, because);
        }
        if early.progress != Progress::Done && !analysis.job.quick {
            return Reading {
                sign: None,
                progress: early.progress,
            };
        }
    }
    if port.follows == Some(true) {
        let because = "the reset copies the DSCP of the SYN, as a TCP stack does";
        return seen(Sign::StackReset, Confidence::Proven, port.basis, because);
    }
    if port.labelled == Some(true) {
        let because = "the reset carries a flow label, as a TCP stack writes it";
        return seen(Sign::StackReset, Confidence::Proven, port.basis, because);
    }
    let mut progress = marked_baseline(analysis);
    if analysis.job.thorough {
        join(&mut progress, baseline(analysis));
    }
    if port.follows.is_none()
        && (tally.pending > 0 || analysis.port_syns().count() < reset_syns(analysis))
    {
        // The port's own schedule sends marked SYNs in turn. Two SYNs on one flow at a time would
        // confuse connection tracking on the way.
        return Reading {
            sign: None,
            progress: Progress::Waiting(None),
        };
    }
    if port.follows.is_none() {
        // On a flow that is known to be answered: a dead leg would hide the mark.
        let reset = analysis
            .port_syns()
            .find(|trial| analysis.response(trial) == Response::Reset);
        let flow = reset.map_or(0, |trial| trial.probe.flow.index);
        for mark in [Dscp::ZERO, Dscp::MARK] {
            let probe = Probe {
                dscp: mark,
                ..syn(Target::Endpoint, flow)
            };
            let of_mark: Vec<&Trial> = analysis
                .port_syns()
                .filter(|trial| trial.probe.dscp == mark && trial.probe.flow.index == flow)
                .collect();
            join(&mut progress, retry_for(analysis, &of_mark, probe, 1, 6));
        }
        let unclear = Observed {
            sign: Sign::UntestedReset,
            strength: Confidence::Possible,
            basis: port.basis,
            because: "marked and unmarked SYNs were not both answered".into(),
        };
        let silent = analysis.port_syns().filter(|trial| {
            trial.probe.dscp == Dscp::MARK && analysis.response(trial) == Response::Silence
        });
        let is_shown = progress == Progress::Done || silent.count() >= MARKED_IN_VAIN;
        return Reading {
            sign: is_shown.then_some(unclear),
            progress,
        };
    }
    for control in &analysis.job.controls {
        let control = echoing(
            analysis,
            analysis.control_syns(control.port),
            Response::Reset,
        );
        let basis = || port.basis.iter().chain(&control.basis).copied().collect();
        // Marked alike, they are answered differently, and the port's answers do not follow the mark.
        let alike = control.marked.is_empty() || !control.marked.is_disjoint(&port.marked);
        if control.follows == Some(true) || control.follows.is_none() && !alike {
            let because = "the reset does not copy the DSCP of the SYN; a control port's does";
            return seen(Sign::ForgedReset, Confidence::Proven, basis(), because);
        }
        if port.labelled == Some(false) && control.labelled == Some(true) {
            let because = "the reset carries no flow label; a control port's does";
            return seen(Sign::ForgedReset, Confidence::Proven, basis(), because);
        }
    }
    let marked = Probe {
        dscp: Dscp::MARK,
        ..echo()
    };
    let marked_echoes: Vec<&Trial> = analysis
        .echoes()
        .filter(|t| t.probe.dscp == Dscp::MARK)
        .collect();
    if analysis.echo_answers() {
        join(&mut progress, retry(analysis, &marked_echoes, marked));
    }
    if progress != Progress::Done {
        return Reading {
            sign: None,
            progress,
        };
    }
    let echoes = echoing(analysis, analysis.echoes(), Response::Echo);
    let like_linux = analysis
        .port_syns()
        .filter_map(|trial| analysis.telling(trial))
        .all(|heard| heard.reply.ttl.0 <= 64);
    if echoes.follows == Some(true) && like_linux {
        let basis = port.basis.iter().chain(&echoes.basis).copied().collect();
        let because = "no reset of this address copies the DSCP, though the path keeps it: echo \
                       replies do";
        // Control ports that reset alike may be a stack that never copies, as well.
        let strength = if analysis.answering_control().is_some() {
            Confidence::Possible
        } else {
            Confidence::Likely
        };
        return seen(Sign::ForgedReset, strength, basis, because);
    }
    let because = if echoes.follows == Some(false) {
        "the path rewrites the DSCP, so a stack's reset and a filter's look the same"
    } else {
        "nothing on this address shows how its own stack resets"
    };
    seen(Sign::UnclearReset, Confidence::Likely, port.basis, because)
}
