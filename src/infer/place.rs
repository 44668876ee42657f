//! Where it happens, and how: the place, method and state of a verdict.

use crate::model::evidence::{KernelSays, LocalRefusal};
use crate::model::probe::Target;
use crate::model::verdict::{Cause, HopRef, KernelReason, Method, Place, PlaceKind, State, Way};

use super::analysis::Analysis;
use super::answer::Tally;
use super::distance::{answer_hop, router_at, unmasked};
use super::locate;
use super::sign::{Observed, Sign};
use super::trace::{Row, circle};
use super::translation::translation;
use super::{bystander, flawed, hole, refusal, throttle};

/// The port's state under a cause.
pub(super) fn state(analysis: &Analysis<'_>, cause: Cause) -> State {
    match cause {
        Cause::Open | Cause::OpenProxied | Cause::MtuBlackHole => State::Open,
        Cause::Intermittent if Tally::of(analysis).opened.is_empty() => State::Closed,
        Cause::Intermittent => State::Open,
        Cause::Closed => State::Closed,
        Cause::RateLimited
        | Cause::Banned
        | Cause::RejectHost
        | Cause::RejectPath
        | Cause::DropHost
        | Cause::DropEdge
        | Cause::DropEdgeOrHost
        | Cause::DropPath
        | Cause::DropReturn
        | Cause::DropSomewhere
        | Cause::ListenerOverloaded
        | Cause::Misaddressed
        | Cause::LocalEgress
        | Cause::LocalIngress => State::Filtered,
        Cause::NoNeighbor | Cause::NoRoute => State::Unreachable,
        Cause::Conflicting | Cause::Inconclusive => State::Unknown,
    }
}

/// How a refusal was made, or what in this host discards; `None` for causes that are neither, and
/// where it is not known.
pub(super) fn method(analysis: &Analysis<'_>, cause: Cause) -> Option<Method> {
    let says = |says| analysis.evidence.kernel_says(says);
    if bystander::decides(analysis) {
        return bystander::method(analysis);
    }
    match cause {
        Cause::LocalEgress => egress_reason(analysis).map(Method::Kernel),
        Cause::LocalIngress if !flawed::broken(analysis).is_empty() => {
            Some(Method::Kernel(KernelReason::Checksum))
        }
        Cause::LocalIngress if says(KernelSays::ReversePath) => {
            Some(Method::Kernel(KernelReason::ReversePath))
        }
        Cause::LocalIngress if says(KernelSays::PolicyIn) => {
            Some(Method::Kernel(KernelReason::XfrmPolicy))
        }
        // What a translation of this host's own does not undo, nothing names.
        Cause::LocalIngress if analysis.port_syns().any(|trial| !trial.flawed.is_empty()) => None,
        Cause::LocalIngress => Some(Method::Kernel(KernelReason::Netfilter)),
        Cause::RejectHost | Cause::RejectPath => {
            let known = || throttle::method(analysis);
            Some(
                refusal::method(analysis)
                    .or_else(known)
                    .unwrap_or(Method::TcpReset),
            )
        }
        _ => None,
    }
}

/// What keeps probes to the port from leaving: its errno tells, or the kernel's counters.
fn egress_reason(analysis: &Analysis<'_>) -> Option<KernelReason> {
    if analysis.evidence.kernel_says(KernelSays::PolicyOut) {
        return Some(KernelReason::XfrmPolicy);
    }
    let to_port = analysis.trials(|probe| probe.target == Target::Endpoint);
    let mut refused = to_port.filter_map(|trial| trial.refused);
    refused.find_map(|refused| match refused {
        LocalRefusal::Firewall => Some(KernelReason::Netfilter),
        LocalRefusal::Overload => Some(KernelReason::EgressHook),
        _ => None,
    })
}

/// Where a cause acts.
pub(super) fn place(
    analysis: &Analysis<'_>,
    cause: Cause,
    signs: &[&Observed],
    rows: &[Row],
) -> Place {
    let kind = kind(cause, signs);
    if let Some(place) = bystander::place(analysis, kind) {
        return place;
    }
    let place = untranslated(analysis, cause, signs, rows);
    let here = |sign: Sign| signs.iter().any(|observed| observed.sign == sign);
    // Nobody refuses so what is addressed to itself.
    let implied = kind == PlaceKind::Path
        && (here(Sign::RefusedByTarget) || here(Sign::PortAlone))
        && matches!(cause, Cause::NoNeighbor | Cause::NoRoute);
    let shown = here(Sign::PortTranslated)
        .then(|| translation(analysis).map(|found| found.at))
        .flatten();
    Place {
        translated_at: shown.or(place.at_hop.filter(|_| implied)),
        ..place
    }
}

fn untranslated(analysis: &Analysis<'_>, cause: Cause, signs: &[&Observed], rows: &[Row]) -> Place {
    let kind = kind(cause, signs);
    let inferred = [
        Sign::RationedByRouter,
        Sign::UnroutedElsewhere,
        Sign::UnresolvedElsewhere,
        Sign::UnroutedForOthers,
        Sign::UnresolvedForOthers,
    ];
    let is_inferred = signs.iter().any(|o| inferred.contains(&o.sign));
    match cause {
        // Which of the routers of a loop is at fault, nothing shows.
        Cause::NoRoute if signs.iter().any(|o| o.sign == Sign::TraceLoops) => Place {
            after_hop: circle(rows).map(|circle| circle.first),
            ..Place::of(kind)
        },
        Cause::RejectPath | Cause::NoRoute | Cause::NoNeighbor if is_inferred => Place {
            at_hop: throttle::refuser(analysis),
            inferred: true,
            ..Place::of(kind)
        },
        Cause::RejectPath
        | Cause::OpenProxied
        | Cause::NoRoute
        | Cause::NoNeighbor
        | Cause::Closed
            if kind == PlaceKind::Path =>
        {
            Place {
                at_hop: actor(analysis, cause),
                ..Place::of(kind)
            }
        }
        Cause::DropPath | Cause::DropEdge | Cause::DropEdgeOrHost | Cause::DropSomewhere => {
            let end = locate::end(analysis, rows);
            let before = if cause == Cause::DropPath {
                end.before
            } else {
                None
            };
            Place {
                after_hop: end.after,
                before_hop: before,
                inferred: end.inferred,
                ..Place::of(kind)
            }
        }
        Cause::MtuBlackHole => {
            let way = hole::way(signs);
            let (after_hop, before_hop) = match way {
                Some(Way::ToServer) => hole::interval(analysis),
                Some(Way::ToClient) | None => (None, None),
            };
            Place {
                after_hop,
                before_hop,
                way,
                ..Place::of(kind)
            }
        }
        _ => Place::of(kind),
    }
}

fn kind(cause: Cause, signs: &[&Observed]) -> PlaceKind {
    let here = |sign: Sign| signs.iter().any(|observed| observed.sign == sign);
    match cause {
        Cause::Closed if here(Sign::NearerThanHost) => PlaceKind::Path,
        Cause::RejectHost if here(Sign::UnseenRefusedByTarget) => PlaceKind::Unknown,
        Cause::Open
        | Cause::Closed
        | Cause::RejectHost
        | Cause::DropHost
        | Cause::ListenerOverloaded => PlaceKind::Host,
        Cause::DropEdge | Cause::DropEdgeOrHost => PlaceKind::Edge,
        Cause::LocalEgress | Cause::LocalIngress => PlaceKind::Local,
        Cause::NoNeighbor if here(Sign::NextHopUnresolved) || here(Sign::StackUnresolved) => {
            PlaceKind::Local
        }
        Cause::OpenProxied if here(Sign::Ignored) => PlaceKind::Unknown,
        Cause::RejectPath if here(Sign::UnseenRefusedByRouter) => PlaceKind::Unknown,
        Cause::NoRoute if here(Sign::SendUnrouted) => PlaceKind::Local,
        Cause::NoNeighbor
        | Cause::NoRoute
        | Cause::OpenProxied
        | Cause::MtuBlackHole
        | Cause::RejectPath
        | Cause::DropPath
        | Cause::DropReturn => PlaceKind::Path,
        Cause::Intermittent
        | Cause::RateLimited
        | Cause::Banned
        | Cause::DropSomewhere
        | Cause::Misaddressed
        | Cause::Conflicting
        | Cause::Inconclusive => PlaceKind::Unknown,
    }
}

/// The device that acted: the sender of the ICMP error, or the hop that the answer's TTL shows.
fn actor(analysis: &Analysis<'_>, cause: Cause) -> Option<HopRef> {
    let refusals = refusal::refusals(analysis);
    if let Some(refused) = refusals.first()
        && (refused.from != analysis.address()
            || matches!(cause, Cause::NoRoute | Cause::NoNeighbor))
    {
        let by_router = refused.from != analysis.address();
        let found = refusal::find_refuser(analysis).filter(|_| by_router);
        let found = found.map(|found| found.hop);
        let by_arrival = HopRef {
            ttl: refused.hop,
            address: Some(refused.from),
        };
        return Some(found.unwrap_or(by_arrival));
    }
    if let Some(hop) = unmasked(analysis) {
        return Some(hop);
    }
    let ttl = answer_hop(analysis)?;
    let beside = || {
        // Any flow's report names the router of that hop.
        analysis
            .evidence
            .trials()
            .iter()
            .filter(|trial| trial.probe.ttl.0 == ttl)
            .find_map(|trial| {
                let heard = analysis.telling(trial)?;
                let expired = heard.reply.answer.is_time_exceeded();
                let elsewhere = trial.probe.target != Target::Endpoint;
                (expired && elsewhere).then_some(HopRef {
                    ttl,
                    address: Some(heard.reply.from),
                })
            })
    };
    let reported = router_at(analysis, ttl).map(|(hop, _)| hop).or_else(beside);
    Some(reported.unwrap_or(HopRef { ttl, address: None }))
}
