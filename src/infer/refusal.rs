//! An ICMP refusal: who says it, what it says, and whether it is policy or plight.
//!
//! A router without a route refuses before it looks at the TTL (`ip_route_input`, `ip_error`), a
//! router whose FORWARD chain rejects looks at the TTL first (`ip_forward`), and a router whose
//! next hop does not resolve refuses after seconds of asking. So the refusing router is sought by
//! TTL: one that reports a SYN expired, yet refuses the next, has a route and a policy.

use std::net::IpAddr;
use std::time::Duration;

use crate::model::evidence::Trial;
use crate::model::probe::{Dscp, Kind, Probe, ProbeId, Target};
use crate::model::reply::Refusal;
use crate::model::verdict::{Confidence, HopRef, Method};

use super::analysis::{Analysis, hop_of_arrival, ids, limited_syn, spare_flow};
use super::controls::{host_answers, join, retry_for};
use super::sign::{Observed, Progress, Reading, Sign};
use super::translation::{is_forwarded, reports_in_its_name};

/// A refusal that took longer than a round trip by this much waited for something: ARP and ND give up after 3 s.
const LATE: Duration = Duration::from_millis(800);

/// SYNs that were sent at least so far apart, and are refused at once, waited for the same thing.
const TOGETHER: Duration = Duration::from_millis(30);

/// One refusal of a SYN to the port.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused<'a> {
    pub(super) trial: &'a Trial,
    pub(super) from: IpAddr,
    pub(super) refusal: Refusal,
    pub(super) hop: u8,
    pub(super) dscp: Dscp,
    pub(super) took: Duration,
}

/// The refusals that SYNs to the port drew, of any TTL; where they drew none, those of echo requests
/// that say of the whole address that there is no way to it. (A router rations such errors.)
pub(super) fn refusals<'a>(analysis: &Analysis<'a>) -> Vec<Refused<'a>> {
    let of_port = drawn_by(analysis, |probe| {
        probe.kind == Kind::Syn && probe.target == Target::Endpoint
    });
    if !of_port.is_empty() {
        return of_port;
    }
    let mut of_address = drawn_by(analysis, |probe| probe.kind == Kind::Echo);
    of_address
        .retain(|refused| refused.refusal.says_no_way() && refused.from != analysis.address());
    of_address
}

fn drawn_by<'a>(analysis: &Analysis<'a>, pick: impl Fn(&Probe) -> bool + 'a) -> Vec<Refused<'a>> {
    analysis
        .trials(pick)
        .filter_map(|trial| {
            trial
                .replies
                .iter()
                .filter(|heard| !analysis.is_own(&heard.reply))
                .find_map(|heard| {
                    Some(Refused {
                        trial,
                        from: heard.reply.from,
                        refusal: heard.reply.answer.refusal()?,
                        hop: hop_of_arrival(heard.reply.ttl),
                        dscp: heard.reply.dscp,
                        took: heard.at.since(trial.sent),
                    })
                })
        })
        .collect()
}

/// The method of the first refusal.
pub(super) fn method(analysis: &Analysis<'_>) -> Option<Method> {
    refusals(analysis)
        .first()
        .map(|refused| Method::Icmp(refused.refusal))
}

/// Reads [`super::sign::Question::Refuser`].
pub(super) fn read_refuser(analysis: &Analysis<'_>) -> Reading {
    let refusals = refusals(analysis);
    let Some(first) = refusals.first() else {
        return Reading::nothing();
    };
    if let Some(behind) = refused_behind(analysis, &refusals) {
        return Reading::done(behind);
    }
    let by_target = first.from == analysis.address();
    Reading::done(Observed {
        sign: if by_target {
            Sign::RefusedByTarget
        } else {
            Sign::RefusedByRouter
        },
        strength: Confidence::Proven,
        basis: basis(&refusals),
        because: format!("the refusal comes from {}", first.from).into(),
    })
}

/// A device behind a translation that forwards the port's SYNs, and refuses them: the translation
/// writes the address on what it says.
fn refused_behind(analysis: &Analysis<'_>, refusals: &[Refused<'_>]) -> Option<Observed> {
    let own = host_answers(analysis)
        .iter()
        .map(|(_, heard)| hop_of_arrival(heard.reply.ttl))
        .max()?;
    let mut behind = refusals
        .iter()
        .filter(|refused| refused.from == analysis.address() && refused.hop > own);
    let refused = behind.find(|refused| {
        is_forwarded(refused) || reports_in_its_name(analysis, refused.hop).is_some()
    })?;
    Some(Observed {
        sign: Sign::RefusedByRouter,
        strength: Confidence::Likely,
        basis: vec![refused.trial.id],
        because: format!(
            "the refusal bears the address, and comes from a device behind it, at hop {}, that \
             forwards this port",
            refused.hop
        )
        .into(),
    })
}

/// Reads [`super::sign::Question::Reason`].
pub(super) fn read_reason(analysis: &Analysis<'_>) -> Reading {
    let refusals = refusals(analysis);
    let Some(first) = refusals.first() else {
        return Reading::nothing();
    };
    let sign = match first.refusal {
        Refusal::NetUnreachable | Refusal::NoRoute6 | Refusal::RejectRoute6 => Sign::ReasonRoute,
        Refusal::HostUnreachable | Refusal::AddressUnreachable6 => Sign::ReasonHost,
        Refusal::ProtocolUnreachable
        | Refusal::PortUnreachable
        | Refusal::NetProhibited
        | Refusal::HostProhibited
        | Refusal::AdminProhibited
        | Refusal::AdminProhibited6
        | Refusal::PortUnreachable6
        | Refusal::PolicyFail6
        | Refusal::Unknown(_) => Sign::ReasonPolicy,
    };
    Reading::done(Observed {
        sign,
        strength: Confidence::Proven,
        basis: basis(&refusals),
        because: format!("the refusal says {}", Method::Icmp(first.refusal).word()).into(),
    })
}

/// Whether a refusal says that there is no route.
pub(super) const fn says_no_route(refusal: Refusal) -> bool {
    matches!(
        refusal,
        Refusal::NetUnreachable | Refusal::NoRoute6 | Refusal::RejectRoute6
    )
}

/// Reads [`super::sign::Question::Latency`].
pub(super) fn read_latency(analysis: &Analysis<'_>) -> Reading {
    let refusals = refusals(analysis);
    let Some(slowest) = refusals.iter().max_by_key(|refused| refused.took) else {
        return Reading::nothing();
    };
    let least = refusals.iter().map(|refused| refused.took).min();
    let quick = analysis
        .least_round_trip()
        .into_iter()
        .chain(least)
        .min()
        .unwrap_or_default();
    let together = came_together(&refusals);
    // Whatever else waited for the same resolution is refused with it: its first probe waited longest.
    let longest = longest_wait(analysis, slowest).max(slowest.took);
    let late = together || longest.saturating_sub(quick) >= LATE;
    // Only a refusal of that kind tells of a vain resolution; any other is late by what carried it.
    let waits = |refusal: Refusal| {
        matches!(
            refusal,
            Refusal::HostUnreachable | Refusal::AddressUnreachable6
        )
    };
    if late && !waits(slowest.refusal) {
        return Reading::nothing();
    }
    // A queue on the way that holds packets for seconds holds other answers as well.
    let prompt = analysis
        .slowest_round_trip()
        .is_none_or(|most| longest >= 2 * most);
    Reading::done(Observed {
        sign: if late {
            Sign::RefusedLate
        } else {
            Sign::RefusedAtOnce
        },
        // Some routers remember a failed resolution and refuse at once.
        strength: if late && prompt {
            Confidence::Proven
        } else {
            Confidence::Likely
        },
        basis: basis(&refusals),
        because: format!(
            "the refusal comes {} ms after its probe, {}",
            longest.as_millis(),
            if late {
                "as after vain ARP/ND requests"
            } else {
                "without a pause"
            }
        )
        .into(),
    })
}

/// The longest that any probe to the address waited for a refusal like this one, from the same device.
fn longest_wait(analysis: &Analysis<'_>, like: &Refused<'_>) -> Duration {
    let waits = analysis.evidence.trials().iter().flat_map(|trial| {
        let refused = trial.replies.iter().filter(|heard| {
            let reply = &heard.reply;
            reply.from == like.from && reply.answer.refusal() == Some(like.refusal)
        });
        refused.map(|heard| heard.at.since(trial.sent))
    });
    waits.max().unwrap_or_default()
}

/// Whether SYNs sent at different times are refused at one: what waited for the same resolution is
/// given up together.
fn came_together(refusals: &[Refused<'_>]) -> bool {
    let came = |refused: &Refused<'_>| refused.trial.sent.after(refused.took);
    refusals.iter().any(|one| {
        refusals.iter().any(|other| {
            let apart = other.trial.sent.since(one.trial.sent);
            let between = came(other)
                .since(came(one))
                .max(came(one).since(came(other)));
            apart >= TOGETHER && between <= apart / 5 && one.took >= LATE
        })
    })
}

fn basis(refusals: &[Refused<'_>]) -> Vec<ProbeId> {
    ids(refusals.iter().map(|refused| refused.trial))
}

/// The router that refuses, found by TTL, and whether it looks at the TTL first.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) hop: HopRef,
    pub(super) sign: Sign,
    pub(super) basis: Vec<ProbeId>,
}

/// Looks for the refusing router among SYNs of limited TTL.
pub(super) fn find_refuser(analysis: &Analysis<'_>) -> Option<Found> {
    let refusals = refusals(analysis);
    let first = refusals.first()?;
    let refuser = first.from;
    let expired = |ttl: u8| super::distance::router_at(analysis, ttl);
    // A router that reports a SYN expired on it, and refuses those that live longer.
    for ttl in 1..=30 {
        if let Some((hop, trial)) = expired(ttl)
            && hop.address == Some(refuser)
        {
            return Some(Found {
                hop,
                sign: Sign::TtlFirst,
                basis: vec![trial.id],
            });
        }
    }
    // A router that refuses what expires on it, next to one that reports expiry.
    let least = refusals
        .iter()
        .filter(|refused| !refused.trial.probe.ttl.is_full())
        .min_by_key(|refused| refused.trial.probe.ttl.0)?;
    let ttl = least.trial.probe.ttl.0;
    // A router that refuses and reports from different addresses must not pass for the next one.
    let before = least.hop == ttl && (ttl == 1 || expired(ttl - 1).is_some());
    before.then(|| Found {
        hop: HopRef {
            ttl,
            address: Some(refuser),
        },
        sign: if says_no_route(first.refusal) {
            Sign::RouteMissing
        } else {
            Sign::RefusalFirst
        },
        basis: vec![least.trial.id],
    })
}

/// Reads [`super::sign::Question::TtlCheckOrder`].
pub(super) fn read_ttl_check_order(analysis: &Analysis<'_>) -> Reading {
    let refusals = refusals(analysis);
    let Some(first) = refusals.first() else {
        return Reading::nothing();
    };
    if let Some(found) = find_refuser(analysis) {
        let (ttl, because) = (
            found.hop.ttl,
            match found.sign {
                Sign::TtlFirst => {
                    "reports SYNs that expire on it, and refuses those that live longer"
                }
                _ => "refuses even SYNs that expire on it, as a router without a route does",
            },
        );
        // A filter before the routing decision that says so would look the same.
        let strength = match found.sign {
            Sign::RouteMissing => Confidence::Likely,
            _ => Confidence::Proven,
        };
        return Reading::done(Observed {
            sign: found.sign,
            strength,
            basis: found.basis,
            because: format!("hop {ttl} {because}").into(),
        });
    }
    let mut progress = Progress::Done;
    for ttl in 1..=first.hop.min(30).saturating_add(1) {
        let at: Vec<&Trial> = analysis
            .trials(move |probe| {
                probe.kind == Kind::Syn && probe.target == Target::Endpoint && probe.ttl.0 == ttl
            })
            .collect();
        let expiring = limited_syn(Target::Endpoint, spare_flow(analysis, 0), ttl);
        join(&mut progress, retry_for(analysis, &at, expiring, 1, 3));
    }
    if progress != Progress::Done {
        return Reading {
            sign: None,
            progress,
        };
    }
    Reading::done(Observed {
        sign: Sign::UnknownOrder,
        strength: Confidence::Possible,
        basis: basis(&refusals),
        because: "no hop within reach reports from the refuser's address".into(),
    })
}
