//! Where on the path do SYNs to a silent port vanish?
//!
//! The port's flow (a fixed five-tuple a round) and control flows (SYNs to a control port from the
//! same source port, echo requests) run over the same TTLs, side by side, in rounds spread over
//! seconds; each round takes another source port, for one leg of a multipath may be mute. The last hop that reports the
//! port's flow expired is the last that saw it. Linux looks at the TTL before the FORWARD chain, so
//! the discarding rule may sit on that very hop or before the next: the place is an interval.
//!
//! The host's distance is measured where the port's flow seems to get there: by a control that lives just
//! as long. The TTL of the host's answers tells the length of the way back.
//!
//! Decision, first match (`h`: last hop that reported the port's flow; `d`: the host's distance):
//! 0. The target is this host: there is no path.
//! 1. SYNs of full TTL expire on the way → a loop.
//! 2. On the link: there is no path to look at → to the edge.
//! 3. The port's flow is reported at `d` or beyond → the address is translated there.
//! 4. `h ≥ d − 1` → to the edge.
//! 5. A control is reported, or reaches the host, beyond `h`; the port's flow never is, though tried
//!    as often, and loss does not explain it → in the path, unless every hop between `h` and the
//!    host is silent to controls too → unclear.
//! 6. Nothing reaches the host → stops all.

use std::net::IpAddr;

use crate::model::probe::{Probe, ProbeId, Target, Ttl};
use crate::model::time::Moment;
use crate::model::verdict::{Confidence, HopRef};

use super::analysis::{Analysis, echo, ids, limited_syn};
use super::controls::host_hop;
use super::loss::{self, Loss};
use super::rounds::plan;
use super::sign::{Observed, Progress, Reading, Sign};
use super::trace::{Circle, Flowed, Row};
use super::{beside, trace, words};

/// Where the port's flow ends, as the trace shows it.
#[derive(Clone, Debug, Default)]
pub(super) struct End {
    /// The last hop that reported the port's flow; `None` before the first.
    pub(super) after: Option<HopRef>,
    /// The next hop the control flow shows, the host's included.
    pub(super) before: Option<HopRef>,
    /// The host's distance.
    pub(super) host: Option<u8>,
    /// Whether packets that live no longer were seen to reach the host, or nothing lies between: the TTL of
    /// its answers alone shows the way back, which may be shorter or longer.
    pub(super) measured: bool,
    /// Whether it rests on what SYNs to the target's neighbours drew.
    pub(super) inferred: bool,
    basis: Vec<ProbeId>,
}

/// Tries at the distance that the TTL of the host's answers shows, before it is taken as it is.
pub(super) const MEASURED: usize = 2;

/// Whether controls were sent as far as the host's answers seem to come from, and none was answered or
/// reported.
fn measured_in_vain(analysis: &Analysis<'_>, rows: &[Row], end: &End) -> bool {
    let at_host = rows.iter().find(|row| Some(row.ttl) == end.host);
    measure(analysis, 0).is_none()
        || at_host.is_some_and(|row| row.control.silent.len() >= MEASURED)
}

/// The probe that shows whether the host is as near as the TTL of its answers says: of the kind that it
/// answers, echo before a SYN.
pub(super) fn measure(analysis: &Analysis<'_>, ttl: u8) -> Option<Probe> {
    if analysis.echo_answers() {
        return Some(Probe {
            ttl: Ttl(ttl),
            ..echo()
        });
    }
    let port = analysis.answering_control()?;
    Some(limited_syn(Target::Control(port), 0, ttl))
}

/// Where the port's flow ends.
pub(super) fn end(analysis: &Analysis<'_>, rows: &[Row]) -> End {
    let after = rows.iter().rev().find(|row| row.port.reported());
    let (host, measured) = host_distance(analysis, rows);
    let last = after.map_or(0, |row| row.ttl);
    let before = rows.iter().find(|row| row.ttl > last && row.control.seen());
    let reference = |flowed: &Flowed, ttl: u8, reached: Option<IpAddr>| HopRef {
        ttl,
        address: flowed.expired.first().map(|(_, from)| *from).or(reached),
    };
    let mut basis: Vec<ProbeId> = after
        .iter()
        .flat_map(|row| row.port.expired.iter().map(|(id, _)| *id))
        .take(2)
        .collect();
    for row in rows.iter().filter(|row| row.ttl > last) {
        basis.extend(row.port.silent.iter().map(|(id, _)| *id));
        basis.extend(row.control.expired.iter().map(|(id, _)| *id).take(3));
        basis.extend(row.control.reached.iter().copied().take(1));
    }
    basis.sort_unstable();
    basis.truncate(24);
    let mut end = End {
        after: after.map(|row| reference(&row.port, row.ttl, None)),
        before: before.map(|row| {
            let reached = (!row.control.reached.is_empty()).then(|| analysis.address());
            reference(&row.control, row.ttl, reached)
        }),
        host,
        measured,
        inferred: false,
        basis,
    };
    beside::extend(rows, &mut end);
    end
}

/// When SYNs of the port's flow were sent that ended before a hop which reports controls, one for
/// each that drew nothing there; and what was lost of those controls.
pub(super) fn stopped_short(analysis: &Analysis<'_>) -> (Vec<Moment>, Loss) {
    let rows = trace::rows(analysis);
    let reported = rows.iter().rev().find(|row| row.port.reported());
    let last = reported.map_or(0, |row| row.ttl);
    let (mut times, mut loss) = (Vec::new(), Loss::default());
    for row in rows
        .iter()
        .filter(|row| row.ttl > last && row.control.reported())
    {
        times.extend(row.port.silent.iter().map(|(_, at)| *at));
        loss = loss.and(row.control.loss());
    }
    (times, loss)
}

/// The host's distance, and whether it is measured: the least TTL that reached it, or what its answers'
/// TTLs show, unless a control that lived as long expired on the way.
fn host_distance(analysis: &Analysis<'_>, rows: &[Row]) -> (Option<u8>, bool) {
    if analysis.job.vantage.on_link() {
        return (Some(1), true);
    }
    let reached = rows.iter().find(|row| !row.control.reached.is_empty());
    if let Some(row) = reached {
        return (Some(row.ttl), true);
    }
    let expired = rows.iter().rev().find(|row| row.control.reported());
    let beyond = expired.map_or(0, |row| row.ttl.saturating_add(1));
    (host_hop(analysis).map(|hop| hop.max(beyond)), false)
}

/// Reads [`super::sign::Question::Trace`].
pub(super) fn read_trace(analysis: &Analysis<'_>) -> Reading {
    if analysis.job.vantage.loopback {
        return Reading::done(Observed {
            sign: Sign::TraceToHost,
            strength: Confidence::Proven,
            basis: Vec::new(),
            because: "the target is this very host".into(),
        });
    }
    if analysis.job.vantage.on_link() {
        return Reading::done(Observed {
            sign: Sign::TraceToEdge,
            strength: Confidence::Proven,
            basis: Vec::new(),
            because: "the target is on the local link, no router stands between".into(),
        });
    }
    let rows = trace::rows(analysis);
    let end = end(analysis, &rows);
    if let Some(reading) = read_loop(analysis, &rows, &end) {
        return reading;
    }
    let (sign, mut because) = read_end(analysis, &rows, &end);
    if end.inferred {
        because.push_str(", as SYNs to its neighbours show");
    }
    let strength = weigh(analysis, &rows, &end, sign);
    let observed = (!rows.is_empty()).then(|| Observed {
        sign,
        strength,
        basis: end.basis.clone(),
        because: because.into(),
    });
    let looked_at_host = end
        .host
        .is_none_or(|host| rows.iter().any(|row| row.ttl == host && row.port.tried > 0));
    let enough = match sign {
        Sign::TraceToEdge => {
            looked_at_host && (end.measured || measured_in_vain(analysis, &rows, &end))
        }
        Sign::TraceInPath if end.inferred => strength == Confidence::Likely,
        Sign::TraceInPath => strength == Confidence::Confirmed,
        _ => false,
    };
    if enough {
        return Reading {
            sign: observed,
            progress: Progress::Done,
        };
    }
    let progress = plan(analysis, &rows, &end);
    Reading {
        sign: observed,
        progress,
    }
}

/// Whether full-TTL SYNs expire on the way, between routers that are seen to send them round.
pub(super) fn goes_round(analysis: &Analysis<'_>) -> bool {
    !trace::expired_in_full(analysis).is_empty() && trace::circle(&trace::rows(analysis)).is_some()
}

/// SYNs that ought to reach any host and expire on the way go round in a loop.
fn read_loop(analysis: &Analysis<'_>, rows: &[Row], end: &End) -> Option<Reading> {
    let expired = trace::expired_in_full(analysis);
    let (_, from) = expired.first()?;
    let circle = trace::circle(rows);
    let whereabouts = circle.map_or_else(
        || format!("at {from}: a routing loop, or a device that lowers their TTL"),
        |Circle { first, back }| {
            let (first, back) = (words::named(first), words::named(back));
            format!("in a routing loop between {first} and {back}")
        },
    );
    let strength = if circle.is_some() {
        Confidence::Likely
    } else {
        Confidence::Possible
    };
    let observed = Observed {
        sign: Sign::TraceLoops,
        strength,
        basis: ids(expired.iter().map(|(trial, _)| *trial)),
        because: format!("SYNs with full TTL expire in transit {whereabouts}").into(),
    };
    let progress = match circle {
        Some(_) => Progress::Done,
        None => plan(analysis, rows, end),
    };
    Some(Reading {
        sign: Some(observed),
        progress,
    })
}

fn read_end(analysis: &Analysis<'_>, rows: &[Row], end: &End) -> (Sign, String) {
    let last = end.after.map_or(0, |hop| hop.ttl);
    let translated = end
        .after
        .is_some_and(|hop| hop.address == Some(analysis.address()));
    let Some(host) = end.host else {
        return match end.before {
            Some(next) => (
                Sign::TraceInPath,
                format!(
                    "hop {} reports the control flow, and never the port's",
                    next.ttl
                ),
            ),
            None => (
                Sign::TraceStopsAll,
                format!("nothing is reported beyond hop {last}"),
            ),
        };
    };
    if last >= host || translated {
        return (
            Sign::TraceBeyond,
            format!("hop {last} reports the port's flow although the address answers at {host}"),
        );
    }
    if last + 1 == host {
        return (
            Sign::TraceToEdge,
            format!("hop {last}, the last router, saw the SYN"),
        );
    }
    let visible = rows.iter().any(|row| {
        let reports = row.control.reported() || row.control_beside().reports > 0;
        row.ttl > last && row.ttl < host && reports
    });
    match end.before {
        Some(next) if visible => (
            Sign::TraceInPath,
            format!(
                "hop {} reports the control flow, and never the port's",
                next.ttl
            ),
        ),
        _ => (
            Sign::TraceUnclear,
            format!("the hops between {last} and the host report no flow at all"),
        ),
    }
}

/// How firmly the sign stands against loss and rate limits: silence of the port's flow is weighed
/// against what controls drew from the same hops.
fn weigh(analysis: &Analysis<'_>, rows: &[Row], end: &End, sign: Sign) -> Confidence {
    match sign {
        _ if end.inferred => beside::weigh(rows, end, sign),
        Sign::TraceToEdge if end.measured => Confidence::Proven,
        Sign::TraceBeyond if !end.measured => Confidence::Possible,
        Sign::TraceInPath => {
            let last = end.after.map_or(0, |hop| hop.ttl);
            let beyond = || {
                rows.iter()
                    .filter(|row| row.ttl > last && row.control.seen())
            };
            let firmest = match diverge(rows, last) {
                false => Confidence::Confirmed,
                // Legs of unequal length show one router at two TTLs; many flows tell them apart.
                true if rounds(rows, last) >= 5 => Confidence::Likely,
                true => Confidence::Possible,
            };
            let mut control = Loss::default();
            let mut times: Vec<Moment> = Vec::new();
            let mut reliable = true;
            for row in beyond().filter(|row| row.control.reported()) {
                reliable &= row.control.silent.is_empty();
                control = control.and(row.control.loss());
                times.extend(row.port.silent.iter().map(|(_, at)| *at));
            }
            // A hop that reports only some of the controls limits its errors: it speaks for itself.
            let control = if reliable {
                control.and(analysis.loss())
            } else {
                control
            };
            let tries = loss::spread(times.iter().copied());
            let span = times
                .iter()
                .max()
                .zip(times.iter().min())
                .map(|(a, b)| a.since(*b));
            let chance = control.chance_of_silence(tries);
            // The full-TTL SYNs of the same flows span the nine seconds; the trace itself must
            // only be beyond chance.
            let strength = match loss::confidence(chance, span.unwrap_or_default(), true) {
                Confidence::Possible => Confidence::Possible,
                _ if chance <= loss::CONFIRMED => Confidence::Confirmed,
                _ => Confidence::Likely,
            };
            strength.min(firmest)
        }
        _ => Confidence::Likely,
    }
}

/// How many rounds, each on a flow of its own, tried the port beyond a hop.
fn rounds(rows: &[Row], last: u8) -> usize {
    let beyond = rows.iter().filter(|row| row.ttl > last);
    beyond.map(|row| row.port.silent.len()).max().unwrap_or(0)
}

/// Whether port and control take different legs of a multipath: no router in common at the last hop that
/// reported both. Then what the control shows beyond says nothing of the port's way.
fn diverge(rows: &[Row], last: u8) -> bool {
    let common = rows
        .iter()
        .rev()
        .find(|row| row.ttl <= last && row.port.reported() && row.control.reported());
    common.is_some_and(|row| {
        let by = |flowed: &Flowed, from: IpAddr| flowed.expired.iter().any(|(_, f)| *f == from);
        !row.port
            .expired
            .iter()
            .any(|(_, from)| by(&row.control, *from))
    })
}
