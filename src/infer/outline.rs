//! The path and the remarks of a finding, as the evidence shows them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::model::evidence::{LocalRefusal, Trial};
use crate::model::path::{Hop, Sight};
use crate::model::probe::{Dscp, Target};
use crate::model::reply::Answer;
use crate::model::verdict::Cause;

use super::analysis::{Analysis, Response};
use super::attempt::answered_when_repeated;
use super::controls::host_hop;
use super::distance::answer_hop;
use super::interference;
use super::refusal::refusals;
use super::trace::{Flowed, Row, circle};

/// The path, one row a hop, the host's own row last where its distance is known.
pub(super) fn path(analysis: &Analysis<'_>, rows: &[Row]) -> Vec<Hop> {
    let mut hops: Vec<Hop> = rows.iter().map(|row| hop(analysis, row)).collect();
    while hops
        .last()
        .is_some_and(|hop| hop.address.is_none() && hop.endpoint_flow != Some(Sight::Refused))
    {
        hops.pop();
    }
    let reached = hops
        .iter()
        .any(|hop| hop.control_flow == Some(Sight::Reached));
    let host = if analysis.job.vantage.on_link() {
        Some(1)
    } else {
        host_hop(analysis).or(answer_hop(analysis))
    };
    if let (false, Some(ttl)) = (reached, host) {
        hops.retain(|hop| hop.ttl < ttl);
        hops.push(host_row(analysis, ttl));
    } else if let Some(last) = hops.last_mut().filter(|_| reached) {
        last.endpoint_flow = port_sight(analysis).or(last.endpoint_flow);
    }
    hops
}

fn host_row(analysis: &Analysis<'_>, ttl: u8) -> Hop {
    let controls = analysis.control_trials();
    let answered = controls
        .iter()
        .filter(|trial| analysis.response(trial).is_answer());
    let port = analysis
        .port_syns()
        .filter(|trial| analysis.response(trial).is_answer());
    let rtt = answered
        .clone()
        .copied()
        .chain(port)
        .filter_map(|trial| trial.rtt())
        .min();
    Hop {
        ttl,
        address: Some(analysis.address()),
        rtt,
        endpoint_flow: port_sight(analysis),
        control_flow: answered.clone().next().map(|_| Sight::Reached),
        notes: Vec::new(),
    }
}

/// What full-TTL SYNs to the port drew, as a sight.
fn port_sight(analysis: &Analysis<'_>) -> Option<Sight> {
    let responses: Vec<Response> = analysis
        .port_syns()
        .map(|trial| analysis.response(trial))
        .collect();
    if responses
        .iter()
        .any(|response| matches!(response, Response::SynAck | Response::Reset))
    {
        Some(Sight::Reached)
    } else if responses
        .iter()
        .any(|response| matches!(response, Response::Refused(_)))
    {
        Some(Sight::Refused)
    } else {
        responses
            .contains(&Response::Silence)
            .then_some(Sight::Silent)
    }
}

fn hop(analysis: &Analysis<'_>, row: &Row) -> Hop {
    let addresses: BTreeSet<IpAddr> = row
        .port
        .expired
        .iter()
        .chain(&row.control.expired)
        .map(|(_, from)| *from)
        .collect();
    let first = row
        .port
        .expired
        .first()
        .or_else(|| row.control.expired.first());
    let reached = !row.control.reached.is_empty() || !row.port.reached.is_empty();
    let mut notes = Vec::new();
    if addresses.len() > 1 {
        let all: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        notes.push(format!(
            "several routers answer at this hop: {}",
            all.join(", ")
        ));
    }
    if first.is_some_and(|(_, from)| *from == analysis.address()) {
        notes.push("reports from the target's own address: it is translated here".into());
    }
    notes.extend(rewritten(analysis, row.ttl));
    let mut beside = row.siblings.iter().flat_map(|beside| &beside.from);
    let beside = beside.next().filter(|_| first.is_none() && !reached);
    if beside.is_some() {
        notes.push("reports SYNs to neighbours of the target; none of this diagnosis".into());
    }
    Hop {
        ttl: row.ttl,
        address: first
            .map(|(_, from)| *from)
            .or_else(|| reached.then(|| analysis.address()))
            .or(beside.copied()),
        rtt: row.port.rtt.into_iter().chain(row.control.rtt).min(),
        endpoint_flow: sight(&row.port),
        control_flow: sight(&row.control),
        notes,
    }
}

fn sight(flowed: &Flowed) -> Option<Sight> {
    if !flowed.reached.is_empty() {
        Some(Sight::Reached)
    } else if !flowed.expired.is_empty() {
        Some(Sight::TimeExceeded)
    } else if !flowed.refused.is_empty() {
        Some(Sight::Refused)
    } else {
        (!flowed.silent.is_empty()).then_some(Sight::Silent)
    }
}

/// Whether the probes quoted at a hop carry another DSCP than they left with.
fn rewritten(analysis: &Analysis<'_>, ttl: u8) -> Option<String> {
    analysis
        .evidence
        .trials()
        .iter()
        .filter(|trial| trial.probe.ttl.0 == ttl)
        .find_map(|trial| {
            let heard = analysis.telling(trial)?;
            let Answer::TimeExceeded(quote) = heard.reply.answer else {
                return None;
            };
            (quote.dscp != trial.probe.dscp).then(|| {
                format!(
                    "a probe sent with DSCP {} arrives here with {}",
                    trial.probe.dscp.0, quote.dscp.0
                )
            })
        })
}

/// The changes of the way because of which the diagnosis began again.
fn changes(analysis: &Analysis<'_>) -> impl Iterator<Item = String> {
    let began = analysis.job.began;
    let changes = analysis.evidence.changes().iter();
    changes.map(move |(at, change)| {
        let after = at.since(began).as_secs_f64();
        format!(
            "{after:.1} s after the beginning {change}: what was measured before was set aside, and \
             the diagnosis began again"
        )
    })
}

/// The way of the port's connections, which is not the way of the probes.
fn detour(analysis: &Analysis<'_>) -> Option<String> {
    let way = analysis.evidence.detour()?;
    way.refusal.is_none().then(|| {
        format!(
            "a policy rule of this host sends TCP connections to the port by {way}, and the probes, of \
             which the kernel sees no ports, another way: the verdict holds for theirs only"
        )
    })
}

/// This host's own firewall refused some of the SYNs to the port, and let others pass.
fn partly_refused(analysis: &Analysis<'_>) -> Option<String> {
    let all = analysis.port_syns().count();
    let by_firewall = |trial: &&Trial| trial.refused == Some(LocalRefusal::Firewall);
    let refused = analysis.port_syns().filter(by_firewall).count();
    (refused > 0 && refused < all).then(|| {
        format!(
            "this host's own firewall refused {refused} of {all} SYNs to the port with EPERM, as a \
             rule with a limit does: they were not counted"
        )
    })
}

/// What a diagnosis that keeps to its allowance did not look at, and a thorough one would.
fn unchecked(analysis: &Analysis<'_>, cause: Cause) -> Option<String> {
    if analysis.job.thorough || analysis.job.quick {
        return None;
    }
    let what = match cause {
        Cause::Open | Cause::OpenProxied | Cause::MtuBlackHole | Cause::Misaddressed => {
            "whether every flow is answered, and a burst of SYNs: a dead leg of several paths or a \
             rate limit may be missed"
        }
        Cause::Closed | Cause::RejectHost | Cause::RejectPath => {
            "whether every flow draws the same, on all legs of several paths"
        }
        Cause::Intermittent | Cause::RateLimited | Cause::Banned => {
            "more than a few SYNs: by flow, by rate and by chance look alike in few"
        }
        Cause::DropHost
        | Cause::DropEdge
        | Cause::DropEdgeOrHost
        | Cause::DropPath
        | Cause::DropReturn
        | Cause::DropSomewhere
        | Cause::ListenerOverloaded => {
            "more than a dozen SYNs, and more ports to compare with: heavy loss or one dead leg of \
             several paths is told less surely"
        }
        Cause::NoNeighbor
        | Cause::NoRoute
        | Cause::LocalEgress
        | Cause::LocalIngress
        | Cause::Conflicting
        | Cause::Inconclusive => return None,
    };
    Some(format!("not checked without --thorough: {what}"))
}

/// Remarks that change nothing in the verdict.
pub(super) fn notes(analysis: &Analysis<'_>, cause: Cause, rows: &[Row]) -> Vec<String> {
    let mut notes = Vec::new();
    notes.extend(changes(analysis));
    notes.extend(partly_refused(analysis));
    notes.extend(detour(analysis));
    notes.extend(circle(rows).map(|circle| {
        let (hop, from) = (circle.first.ttl, circle.first.address);
        let from = from.map_or_else(String::new, |from| format!(" ({from})"));
        format!("hop {hop}{from} reports again beyond: a routing loop")
    }));
    if analysis.evidence.receive_drops() > 0 {
        notes.push(format!(
            "this host dropped {} received frames; silence around them was not counted",
            analysis.evidence.receive_drops()
        ));
    }
    notes.extend(interference::note(analysis));
    let repeated = answered_when_repeated(analysis);
    // Refusals are rationed, or wait for a neighbour, and so may well be missing the first time.
    let is_refused = !refusals(analysis).is_empty();
    if !repeated.is_empty() && !is_refused {
        notes.push(format!(
            "{} answered only when repeated as a client's kernel repeats it: loss, or a device that \
             drops the first SYN of a flow on purpose; clients do not notice",
            match repeated.len() {
                1 => "a SYN was".to_owned(),
                count => format!("{count} SYNs were"),
            }
        ));
    }
    let marked = analysis
        .evidence
        .trials()
        .iter()
        .filter(|t| t.probe.dscp == Dscp::MARK);
    let bleached = marked
        .filter(|trial| trial.probe.target == Target::Host)
        .any(|trial| {
            analysis
                .telling(trial)
                .is_some_and(|heard| heard.reply.dscp == Dscp::ZERO)
        });
    if bleached {
        notes.push("the path (or the host) clears the DSCP of echo requests or replies".into());
    }
    if let (Some(host), Some(answer)) = (host_hop(analysis), answer_hop(analysis))
        && answer > host
    {
        notes.push(format!(
            "the port answers from hop {answer}, the address from hop {host}: the port is \
             translated to a host behind it"
        ));
    }
    notes.extend(unchecked(analysis, cause));
    notes
}
