//! The way out of and back into this host: local causes are told before any network cause.
//!
//! 1. The kernel refuses the send → by errno: firewall, or no route.
//! 2. The kernel's own "host unreachable", or a failed neighbour, and the tap never saw the probe
//!    leave → the next hop is not resolved.
//! 3. The tap never saw the probe leave, while it saw others leave → something below routing.
//! 4. The tap hears answers and the raw sockets never do → the local firewall eats them.
//! 5. The tap hears answers whose checksum is wrong, and no other → the kernel discards them.

use std::time::Duration;

use crate::model::evidence::{HeardReply, LocalRefusal, NeighbourState, Trial};
use crate::model::probe::{Kind, Target};
use crate::model::reply::{Answer, Flaw};
use crate::model::verdict::Confidence;

use super::case::{Case, ids, syn};
use super::flawed;
use super::sign::{Observed, Progress, Reading, Sign};

/// How long the second ear may lag behind the first.
const EAR_LAG: Duration = Duration::from_millis(250);
/// How long a probe may take from the system call to the tap.
pub(super) const DEPARTURE_LAG: Duration = Duration::from_millis(250);
/// When neighbour resolution has certainly been tried: three requests a second apart
/// (`net.ipv4.neigh.*.mcast_solicit`, `retrans_time`).
const RESOLUTION: Duration = Duration::from_millis(2500);

/// Reads [`super::sign::Question::Way`].
pub(super) fn read_way(case: &Case<'_>) -> Reading {
    let sent: Vec<&Trial> = case
        .trials(|probe| {
            probe.target == Target::Endpoint && probe.kind == Kind::Syn && probe.padded_to.is_none()
        })
        .collect();
    if sent.is_empty() {
        return Reading::going_on(None, vec![case.now(syn(Target::Endpoint, 0))]);
    }
    if let Some(reading) = refused_send(case, &sent) {
        return reading;
    }
    if let Some(reading) = unresolved(case, &sent) {
        return reading;
    }
    heard(case, &sent)
}

/// Refusals in a row after which the way out counts as gone, mid-run too.
const REFUSALS: usize = 4;

fn refused_send(case: &Case<'_>, sent: &[&Trial]) -> Option<Reading> {
    // The last word of the kernel counts: refusals since the last probe that it took.
    let taken = sent.iter().rposition(|trial| trial.refused.is_none());
    let (_, refused) = sent.split_at(taken.map_or(0, |at| at + 1));
    let reason = refused.first()?.refused?;
    let enough = refused.len() >= REFUSALS;
    let (sign, because) = match reason {
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
        LocalRefusal::InterfaceDown => {
            (Sign::SendUnrouted, "the outgoing interface is down or gone")
        }
        LocalRefusal::Overload
        | LocalRefusal::TooLong
        | LocalRefusal::SourceGone
        | LocalRefusal::Other(_) => (Sign::SendImpaired, "the kernel no longer takes our probes"),
    };
    // A shortage may pass; a rule or a missing route is told at the first refusal.
    if !enough && (taken.is_some() || sign == Sign::SendImpaired) {
        return Some(resend(refused));
    }
    if sign == Sign::SendImpaired {
        return Some(port_or_all(case, refused));
    }
    Some(Reading::done(Observed {
        sign,
        strength: Confidence::Proven,
        basis: ids(refused.iter().copied()),
        because: because.into(),
    }))
}

/// Does the kernel refuse this port's probes, or all? A filter behind routing (nft `egress`) drops with
/// the errno of a full queue.
fn port_or_all(case: &Case<'_>, refused: &[&Trial]) -> Reading {
    let Some(control) = case.brief.controls.first() else {
        return Reading::nothing();
    };
    let tried: Vec<&Trial> = case.control_syns(control.port).collect();
    if tried.is_empty() {
        return Reading::going_on(None, vec![case.now(syn(Target::Control(control.port), 0))]);
    }
    let leaves = tried.iter().any(|trial| trial.refused.is_none());
    Reading::done(Observed {
        sign: if leaves {
            Sign::NeverLeaves
        } else {
            Sign::SendImpaired
        },
        strength: if leaves {
            Confidence::Likely
        } else {
            Confidence::Proven
        },
        basis: ids(refused.iter().chain(&tried).copied()),
        because: if leaves {
            "the kernel takes probes to other ports, and none to this one".into()
        } else {
            "the kernel no longer takes our probes".into()
        },
    })
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

fn unresolved(case: &Case<'_>, sent: &[&Trial]) -> Option<Reading> {
    let lingering = |trial: &&&Trial| case.now.since(trial.sent) >= DEPARTURE_LAG;
    if sent.iter().any(|trial| {
        let answered = !trial.replies.is_empty() || !trial.flawed.is_empty();
        trial.departed || answered && !own(case, trial)
    }) {
        return None;
    }
    let stuck: Vec<&Trial> = sent.iter().filter(lingering).copied().collect();
    if stuck.is_empty() {
        return Some(Reading {
            sign: None,
            progress: Progress::Waiting(sent.first().map(|t| t.sent.after(DEPARTURE_LAG))),
        });
    }
    let others_leave = case.evidence.trials().iter().any(|trial| trial.departed);
    let own_error = sent.iter().any(|trial| own(case, trial));
    let (sign, strength, because) = match case.evidence.neighbour() {
        _ if others_leave => (
            Sign::NeverLeaves,
            Confidence::Likely,
            "probes to this port never leave the interface, though others do",
        ),
        Some(NeighbourState::Failed) => (
            Sign::NextHopUnresolved,
            Confidence::Proven,
            "the next hop answers no ARP/ND request, so no probe leaves the interface",
        ),
        _ if own_error => (
            Sign::NextHopUnresolved,
            Confidence::Proven,
            "this host reports its own next hop unreachable, and no probe leaves the interface",
        ),
        Some(NeighbourState::Incomplete) => (
            Sign::NextHopUnresolved,
            Confidence::Likely,
            "the next hop has not answered ARP/ND requests, and no probe leaves the interface",
        ),
        Some(NeighbourState::Resolved) => (
            // The tap is deaf to probes that this host's own NAT rewrites.
            Sign::NeverLeaves,
            Confidence::Possible,
            "the next hop is resolved, yet no probe ever leaves the interface",
        ),
        None => return Some(Reading::waiting()),
    };
    let observed = Observed {
        sign,
        strength,
        basis: ids(stuck),
        because: because.into(),
    };
    let settled = match sign {
        Sign::NextHopUnresolved => strength == Confidence::Proven,
        _ => sent
            .first()
            .is_some_and(|t| case.now.since(t.sent) >= RESOLUTION),
    };
    if settled {
        return Some(Reading::done(observed));
    }
    let next = sent.first().map(|trial| trial.sent.after(RESOLUTION));
    let mut asks = Vec::new();
    if sent.len() < 3
        && let Some(not_before) = next
    {
        asks.push(super::Ask {
            probe: syn(Target::Endpoint, 0),
            not_before,
        });
    }
    if asks.is_empty() {
        // A control to another port tells a filter from a link that carries nothing.
        return Some(Reading {
            sign: Some(observed),
            progress: Progress::Waiting(next),
        });
    }
    Some(Reading::going_on(Some(observed), asks))
}

/// Whether this host itself reported the probe undeliverable.
fn own(case: &Case<'_>, trial: &Trial) -> bool {
    trial.replies.iter().any(|heard| {
        case.is_own(&heard.reply) && matches!(heard.reply.answer, Answer::Unreachable(..))
    })
}

fn heard(case: &Case<'_>, sent: &[&Trial]) -> Reading {
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
            .filter(|heard| !case.is_own(&heard.reply) && !heard.reply.answer.is_time_exceeded());
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
        if case.now.since(heard.at) >= EAR_LAG {
            tap_only.push(trial.id);
        } else {
            fresh = Some(heard.at.after(EAR_LAG));
        }
    }
    if tap_only.is_empty()
        && fresh.is_none()
        && let Some(reading) = flawed::read_broken(case)
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
        strength: if enough && case.evidence.receive_drops() == 0 {
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
    Reading::going_on(Some(observed), vec![case.now(syn(Target::Endpoint, 1))])
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
