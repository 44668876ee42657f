//! The path as a drawing sees it: this host first, the target last, one row a stop, and for each of
//! the two flows what it drew there and how far it is shown to get. No shapes, no characters.

use std::net::IpAddr;

use super::mark::Mark;
use super::place;
use super::record::{HopRecord, Record};
use crate::model::path::Sight;
use crate::model::response::ProbeOutcome;
use crate::model::word::Known;

/// One row of the drawing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PathRow {
    /// What stands there.
    pub(super) stop: PathStop,
    /// The flow to the port under diagnosis.
    pub(super) endpoint: FlowCell,
    /// The flow to other ports, or to the host itself.
    pub(super) control: FlowCell,
    /// Whether the verdict's mark says that this stop acts.
    pub(super) acts: bool,
    /// Whether it lies within the interval of the verdict, so that it may be this stop that acts.
    pub(super) within: bool,
}

/// What stands in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PathStop {
    /// The host the probes left from.
    Here {
        /// Its address.
        address: IpAddr,
        /// The interface they left by.
        interface: String,
    },
    /// Hops of which the record has no row.
    Gap {
        /// The first.
        from: u8,
        /// The last.
        to: u8,
        /// Whether probes expired among them, and nothing came of it.
        silent: bool,
    },
    /// A router.
    Hop(Seen),
    /// The target.
    Target(Seen),
    /// The place of the verdict.
    Mark {
        /// What happens there.
        words: String,
        /// Where that is, in words.
        place: String,
    },
}

/// What was seen of a stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// Its distance; `None` for a target that was never reached.
    pub(super) ttl: Option<u8>,
    /// Its address, when it reported.
    pub(super) address: Option<IpAddr>,
    /// Least round-trip time, in microseconds.
    pub(super) rtt_us: Option<u64>,
}

/// One flow in one row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FlowCell {
    /// What it drew here; `None` when not probed.
    pub(super) signal: Option<Signal>,
    /// Whether it is shown to get here.
    pub(super) arrives: bool,
}

/// What a flow drew from a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// The stop reported, or is where the flow starts.
    Answered,
    /// A refusal.
    Refused,
    /// Nothing, although waited for.
    Silent,
}

/// The rows of `record`.
pub(super) fn rows(record: &Record) -> Vec<PathRow> {
    let here = PathStop::Here {
        address: record.local.source,
        interface: record.local.interface.clone(),
    };
    let mut rows = vec![PathRow {
        endpoint: shown(Some(Signal::Answered)),
        control: shown(compared(record).then_some(Signal::Answered)),
        ..row(here)
    }];
    let mark = Mark::of(record);
    let mut last = 0;
    for hop in &record.path {
        gap(&mut rows, record, last, hop.ttl);
        rows.push(seen(record, hop));
        last = hop.ttl;
    }
    let arrived = matches!(rows.last(), Some(row) if matches!(row.stop, PathStop::Target(_)));
    if !arrived {
        beyond(&mut rows, record, last);
    }
    if let Some(mark) = &mark {
        let at = stand(&rows, mark);
        if let Some(actor) = at.checked_sub(1).and_then(|index| rows.get_mut(index)) {
            actor.acts = mark.acts;
        }
        let stop = PathStop::Mark {
            words: said(record, mark),
            place: place::phrase(&record.verdict.place).unwrap_or_default(),
        };
        rows.insert(at, row(stop));
        for row in &mut rows {
            row.within = within(record, row);
        }
    }
    let stand = mark.and_then(|_| position(&rows, |row| matches!(row.stop, PathStop::Mark { .. })));
    arrive(&mut rows, stand, |row| &mut row.endpoint);
    arrive(&mut rows, None, |row| &mut row.control);
    rows
}

/// Whether anything at all was sent to compare with.
fn compared(record: &Record) -> bool {
    let port = Some(record.endpoint.port);
    record
        .evidence
        .iter()
        .any(|entry| entry.target_port != port)
}

fn row(stop: PathStop) -> PathRow {
    PathRow {
        stop,
        endpoint: FlowCell::default(),
        control: FlowCell::default(),
        acts: false,
        within: false,
    }
}

const fn shown(signal: Option<Signal>) -> FlowCell {
    FlowCell {
        signal,
        arrives: false,
    }
}

/// What a flow drew from a hop; what only another version knows, it drew.
fn drew(sight: Option<&Known<Sight>>) -> FlowCell {
    shown(sight.map(|sight| match sight.known() {
        Some(Sight::Silent) => Signal::Silent,
        Some(Sight::Refused) => Signal::Refused,
        Some(Sight::TimeExceeded | Sight::Reached) | None => Signal::Answered,
    }))
}

fn seen(record: &Record, hop: &HopRecord) -> PathRow {
    let seen = Seen {
        ttl: Some(hop.ttl),
        address: hop.address,
        rtt_us: hop.rtt_us,
    };
    let target = hop.address == Some(record.endpoint.address)
        && record.path.last().is_some_and(|last| last.ttl == hop.ttl);
    PathRow {
        endpoint: drew(hop.endpoint_flow.as_ref()),
        control: drew(hop.control_flow.as_ref()),
        ..row(if target {
            PathStop::Target(seen)
        } else {
            PathStop::Hop(seen)
        })
    }
}

/// The hops between `last` and `next` that the record has no row of.
fn gap(rows: &mut Vec<PathRow>, record: &Record, last: u8, next: u8) {
    let (from, to) = (last.saturating_add(1), next.saturating_sub(1));
    if from <= to {
        let within = |ttl: u8| (from..=to).contains(&ttl);
        rows.push(row(PathStop::Gap {
            from,
            to,
            silent: record.evidence.iter().any(|entry| within(entry.ttl)),
        }));
    }
}

/// What lies past the last hop of a path that does not end at the target.
fn beyond(rows: &mut Vec<PathRow>, record: &Record, last: u8) {
    let furthest = record
        .evidence
        .iter()
        .filter(|entry| entry.ttl > last && entry.ttl < 64 && entry.outcome == ProbeOutcome::Silent)
        .map(|entry| entry.ttl)
        .max();
    if let Some(to) = furthest {
        rows.push(row(PathStop::Gap {
            from: last.saturating_add(1),
            to,
            silent: true,
        }));
    }
    let full = |to_port: bool| {
        let mut entries = record.evidence.iter().filter(|entry| {
            entry.ttl == 64 && (entry.target_port == Some(record.endpoint.port)) == to_port
        });
        let silent = entries.clone().next().is_some()
            && entries.all(|entry| {
                let outcome = entry.outcome.known();
                outcome.is_some_and(|came| came.is_no_answer() || came == ProbeOutcome::Pending)
            });
        shown(silent.then_some(Signal::Silent))
    };
    let target = PathStop::Target(Seen {
        ttl: None,
        address: Some(record.endpoint.address),
        rtt_us: None,
    });
    rows.push(PathRow {
        endpoint: full(true),
        control: full(false),
        ..row(target)
    });
}

/// What the mark says: where hops lie within the interval of the verdict, also which hops bound it.
fn said(record: &Record, mark: &Mark) -> String {
    let place = &record.verdict.place;
    match (place.at_hop, place.after_hop, place.before_hop) {
        (None, Some(after), Some(before)) if before.ttl > after.ttl.saturating_add(1) => {
            let what = mark.words.strip_suffix(" here").unwrap_or(mark.words);
            format!("{what} between hops {} and {}", after.ttl, before.ttl)
        }
        _ => mark.words.to_owned(),
    }
}

fn within(record: &Record, row: &PathRow) -> bool {
    let place = &record.verdict.place;
    let (Some(after), Some(before)) = (place.after_hop, place.before_hop) else {
        return false;
    };
    let inside = |ttl: u8| after.ttl < ttl && ttl < before.ttl;
    match &row.stop {
        PathStop::Hop(seen) | PathStop::Target(seen) => seen.ttl.is_some_and(inside),
        PathStop::Gap { from, .. } => inside(*from),
        PathStop::Here { .. } | PathStop::Mark { .. } => false,
    }
}

/// Where in `rows` the mark stands: before the first stop behind it.
fn stand(rows: &[PathRow], mark: &Mark) -> usize {
    let behind = |row: &PathRow| match &row.stop {
        PathStop::Here { .. } | PathStop::Mark { .. } => false,
        PathStop::Gap { from, .. } => *from > mark.after,
        PathStop::Hop(seen) | PathStop::Target(seen) => seen.ttl.is_none_or(|ttl| ttl > mark.after),
    };
    position(rows, behind).unwrap_or(rows.len())
}

fn position(rows: &[PathRow], wanted: impl Fn(&PathRow) -> bool) -> Option<usize> {
    rows.iter().position(wanted)
}

/// Marks how far a flow is shown to get: to the last stop that it drew an answer from, or to the
/// mark.
fn arrive(rows: &mut [PathRow], mark: Option<usize>, lane: impl Fn(&mut PathRow) -> &mut FlowCell) {
    let answered = |signal| matches!(signal, Some(Signal::Answered | Signal::Refused));
    let last = rows
        .iter_mut()
        .enumerate()
        .filter_map(|(index, row)| answered(lane(row).signal).then_some(index))
        .next_back();
    if let Some(last) = last.max(mark.filter(|_| last.is_some())) {
        for row in rows.iter_mut().take(last.saturating_add(1)) {
            lane(row).arrives = true;
        }
    }
}
