//! The way out of and back into this host: local causes are told before any network cause.
//!
//! 1. The kernel refuses the send → by errno: firewall, or no route.
//! 2. The tap never saw the probe leave → `departure`.
//! 3. The tap hears answers and the raw sockets never do → the local firewall eats them.
//! 4. The tap hears answers whose checksum is wrong, and no other → the kernel discards them.

use std::time::Duration;

use crate::model::evidence::{HeardReply, LocalRefusal, Trial};
use crate::model::probe::{Kind, Probe, Target};
use crate::model::reply::Flaw;
use crate::model::verdict::Confidence;

use super::analysis::{Analysis, echo, ids, syn};
use super::sign::{Observed, Progress, Reading, Sign};
use super::{departure, flawed};

/// How long the second receiver may lag behind the first.
const EAR_LAG: Duration = Duration::from_millis(250);

/// Reads [`super::sign::Question::Way`].
pub(super) fn read_way(analysis: &Analysis<'_>) -> Reading {
    let sent: Vec<&Trial> = analysis
        .trials(|probe| {
            probe.target == Target::Endpoint && probe.kind == Kind::Syn && probe.padded_to.is_none()
        })
        .collect();
    if sent.is_empty() {
        return Reading::going_on(None, vec![analysis.now(syn(Target::Endpoint, 0))]);
    }
    if let Some(reading) = detour(analysis) {
        return reading;
    }
    if let Some(reading) = cut_short(analysis, &sent).or_else(|| refused_send(analysis, &sent)) {
        return reading;
    }
    if let Some(reading) = departure::unresolved(analysis, &sent) {
        return reading;
    }
    heard(analysis, &sent)
}

/// What a connection to the port would be told, where a policy rule sends it another way than probes.
fn detour(analysis: &Analysis<'_>) -> Option<Reading> {
    let (sign, because) = told(analysis.evidence.detour()?.refusal?);
    Some(Reading::done(Observed {
        sign,
        strength: Confidence::Likely,
        basis: Vec::new(),
        because: format!(
            "a policy rule sends TCP connections to this port another way than other packets, where \
             {because}"
        )
        .into(),
    }))
}

/// The least time after a change of the way in which silence can be told from loss.
const FRESH: Duration = Duration::from_secs(10);

/// The diagnosis was stopped soon after the way changed, and before the port answered on the new one.
fn cut_short(analysis: &Analysis<'_>, sent: &[&Trial]) -> Option<Reading> {
    let (at, change) = analysis.evidence.changes().last()?;
    let measured = analysis.now.since(*at) >= FRESH
        || sent
            .iter()
            .any(|trial| analysis.response(trial).is_answer())
        || change.after.refusal.is_some();
    (analysis.evidence.interrupted() && !measured).then(|| {
        Reading::done(Observed {
            sign: Sign::WayChanged,
            strength: Confidence::Proven,
            basis: Vec::new(),
            because: format!("{change}, and no time is left to measure the new way").into(),
        })
    })
}

/// Refusals in a row after which the way out counts as gone, mid-run too.
const REFUSALS: usize = 4;
/// How long after a change of the way one that is gone may take to come back: an address that is
/// renewed, a tunnel that is set up anew.
const RETURN: Duration = Duration::from_millis(2500);
/// How long a queue may stay full before it is no shortage any more.
const SHORTAGE: Duration = Duration::from_secs(4);

fn refused_send(analysis: &Analysis<'_>, sent: &[&Trial]) -> Option<Reading> {
    // The last word of the kernel counts: refusals since the last probe that it took.
    let taken = sent.iter().rposition(|trial| trial.refused.is_none());
    let (_, refused) = sent.split_at(taken.map_or(0, |at| at + 1));
    let reason = refused.first()?.refused?;
    let (sign, because) = told(reason);
    // A shortage may pass, and a way that has just gone may come back; a rule or a missing route is
    // told at the first refusal.
    let lasted = analysis.now.since(refused.first()?.sent);
    let (passing, patience) = match analysis.evidence.changes() {
        [] => (taken.is_some(), Duration::ZERO),
        _ => (true, RETURN),
    };
    let enough = refused.len() >= REFUSALS && lasted >= patience;
    if !enough && (passing || sign == Sign::SendImpaired) {
        return Some(resend(refused));
    }
    if reason == LocalRefusal::Overload {
        return Some(what_passes(analysis, refused));
    }
    Some(Reading::done(Observed {
        sign,
        strength: Confidence::Proven,
        basis: ids(refused.iter().copied()),
        because: because.into(),
    }))
}

/// What a refusal is a sign of, and why.
const fn told(reason: LocalRefusal) -> (Sign, &'static str) {
    match reason {
        LocalRefusal::Firewall => (
            Sign::SendForbidden,
            "the kernel refuses the send with EPERM, as its firewall demands",
        ),
        LocalRefusal::Prohibited => (
            Sign::SendUnrouted,
            "the kernel refuses the send with EACCES: a prohibit route",
        ),
        LocalRefusal::NoRoute => (
            Sign::SendUnrouted,
            "the kernel has no route: it refuses the send as unreachable",
        ),
        LocalRefusal::Blackhole => (
            Sign::SendUnrouted,
            "the kernel refuses the send with EINVAL: a blackhole route",
        ),
        LocalRefusal::InterfaceDown => (
            Sign::SendUnrouted,
            "the outgoing interface is down, without a carrier, or gone",
        ),
        LocalRefusal::SourceGone => (
            Sign::SendImpaired,
            "the source address is not, or no longer, one of this host's",
        ),
        LocalRefusal::Overload | LocalRefusal::TooLong | LocalRefusal::Other(_) => {
            (Sign::SendImpaired, "the kernel no longer takes our probes")
        }
    }
}

/// Does the queue refuse this port's probes, or all TCP, or everything? A filter behind routing (nft
/// `egress`, `tc`) drops with the errno of a full queue.
fn what_passes(analysis: &Analysis<'_>, refused: &[&Trial]) -> Reading {
    let Some((first, last)) = refused.first().zip(refused.last()) else {
        return Reading::nothing();
    };
    let since = first.sent;
    let mut basis = ids(refused.iter().copied());
    let mut never_leaves = |passed: &[&Trial], strength, because: &'static str| {
        basis.extend(ids(passed.iter().copied()));
        Reading::done(Observed {
            sign: Sign::NeverLeaves,
            strength,
            basis: std::mem::take(&mut basis),
            because: because.into(),
        })
    };
    let later = |trial: &&Trial| trial.sent >= since;
    for (probe, because) in comparisons(analysis) {
        let like = |trial: &&Trial| {
            trial.probe.kind == probe.kind
                && trial.probe.target == probe.target
                && trial.probe.ttl.is_full()
        };
        let tried: Vec<&Trial> = analysis
            .trials(|_| true)
            .filter(later)
            .filter(like)
            .collect();
        if tried.is_empty() {
            return Reading::going_on(None, vec![analysis.now(probe)]);
        }
        let passed: Vec<&Trial> = tried.into_iter().filter(|t| t.refused.is_none()).collect();
        if !passed.is_empty() {
            return never_leaves(&passed, Confidence::Likely, because);
        }
    }
    if analysis.now.since(since) < SHORTAGE {
        return Reading::going_on(
            None,
            vec![super::Ask {
                probe: syn(Target::Endpoint, 0),
                not_before: last.sent.after(SHORTAGE / 4),
            }],
        );
    }
    // What waited for a neighbour was taken, and never left either.
    let mut all = analysis.trials(|_| true);
    let strength = if all.all(|trial| !trial.departed && trial.replies.is_empty()) {
        Confidence::Likely
    } else {
        Confidence::Possible
    };
    never_leaves(
        &[],
        strength,
        "the kernel has taken nothing for seconds: a filter at the interface, or a queue that \
         stays full",
    )
}

/// What may pass where the port's probes do not, and what it shows when it does.
fn comparisons(analysis: &Analysis<'_>) -> Vec<(Probe, &'static str)> {
    let control = analysis.job.controls.first().map(|control| {
        (
            syn(Target::Control(control.port), 0),
            "the kernel takes probes to other ports, and none to this one: a filter at the \
             interface",
        )
    });
    let echo = (
        echo(),
        "the kernel takes echo requests, and no TCP: a filter at the interface",
    );
    control.into_iter().chain([echo]).collect()
}

/// A local shortage says nothing of the network: try again, a few times, with growing pauses.
fn resend(refused: &[&Trial]) -> Reading {
    let pause = Duration::from_millis(100 << refused.len().min(5));
    let asks = refused.last().map(|trial| super::Ask {
        probe: syn(Target::Endpoint, 0),
        not_before: trial.sent.after(pause),
    });
    Reading::going_on(None, asks.into_iter().collect())
}

fn heard(analysis: &Analysis<'_>, sent: &[&Trial]) -> Reading {
    // Only what answers the port is told: what routers report may take another way in. An answer that
    // a translation of this host's own has yet to undo is one as well.
    let answers = sent.iter().flat_map(|trial| {
        let undone = |heard: &&HeardReply| {
            heard.reply.flaw != Some(Flaw::Checksum) && flawed::is_translated_here(trial, heard)
        };
        let told = trial
            .replies
            .iter()
            .chain(trial.flawed.iter().filter(undone))
            .filter(|heard| {
                !analysis.is_own(&heard.reply) && !heard.reply.answer.is_time_exceeded()
            });
        told.map(move |heard| (*trial, heard))
    });
    let mut tap_only = Vec::new();
    let mut fresh = None;
    for (trial, heard) in answers {
        if heard.by_stack {
            return Reading::done(Observed {
                sign: Sign::WayClear,
                strength: Confidence::Proven,
                basis: vec![trial.id],
                because: "the answer passes this host's own firewall".into(),
            });
        }
        if analysis.now.since(heard.at) >= EAR_LAG {
            tap_only.push(trial.id);
        } else {
            fresh = Some(heard.at.after(EAR_LAG));
        }
    }
    if tap_only.is_empty()
        && fresh.is_none()
        && let Some(reading) = flawed::read_broken(analysis)
    {
        return reading;
    }
    if tap_only.is_empty() {
        if fresh.is_some() {
            return Reading {
                sign: None,
                progress: Progress::Waiting(fresh),
            };
        }
        return clear_so_far(sent);
    }
    let enough = tap_only.len() >= 2;
    let observed = Observed {
        sign: Sign::HeardByTapOnly,
        // A full socket looks the same as a firewall before it.
        strength: if enough && analysis.evidence.receive_drops() == 0 {
            Confidence::Proven
        } else {
            Confidence::Likely
        },
        basis: tap_only,
        because: "answers reach the interface, and the local firewall or reverse-path filter \
                  discards them before any socket hears them"
            .into(),
    };
    if enough {
        return Reading::done(observed);
    }
    Reading::going_on(Some(observed), vec![analysis.now(syn(Target::Endpoint, 1))])
}

/// Nothing was answered: the way out is clear when the tap saw a probe leave.
fn clear_so_far(sent: &[&Trial]) -> Reading {
    let left: Vec<&Trial> = sent
        .iter()
        .copied()
        .filter(|trial| trial.departed)
        .collect();
    if left.is_empty() {
        return Reading::waiting();
    }
    Reading::done(Observed {
        sign: Sign::WayClear,
        strength: Confidence::Proven,
        basis: ids(left),
        because: "the probes leave this host's interface".into(),
    })
}
