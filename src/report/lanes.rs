//! The path as a drawing sees it: this host first, the target last, one row a stop, and for each of
//! the two flows what it drew there and how far it is shown to get. No shapes, no characters.

use std::net::IpAddr;

use super::mark::Mark;
use super::place;
use super::record::{HopRecord, Record};

/// One row of the drawing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// What stands there.
    pub(super) stop: Stop,
    /// The flow to the port under inquest.
    pub(super) endpoint: Lane,
    /// The flow to other ports, or to the host itself.
    pub(super) control: Lane,
    /// Whether the verdict's mark says that this stop acts.
    pub(super) acts: bool,
    /// Whether it lies within the interval of the verdict, so that it may be this stop that acts.
    pub(super) within: bool,
}

/// What stands in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
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
pub(super) struct Lane {
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
pub(super) fn rows(record: &Record) -> Vec<Row> {
    let here = Stop::Here {
        address: record.local.source,
        interface: record.local.interface.clone(),
    };
    let mut rows = vec![Row {
        endpoint: lane(Some("here")),
        control: lane(compared(record).then_some("here")),
        ..row(here)
    }];
    let mark = Mark::of(record);
    let mut last = 0;
    for hop in &record.path {
        gap(&mut rows, record, last, hop.ttl);
        rows.push(seen(record, hop));
        last = hop.ttl;
    }
    let arrived = matches!(rows.last(), Some(row) if matches!(row.stop, Stop::Target(_)));
    if !arrived {
        beyond(&mut rows, record, last);
    }
    if let Some(mark) = &mark {
        let at = stand(&rows, mark);
        if let Some(actor) = at.checked_sub(1).and_then(|index| rows.get_mut(index)) {
            actor.acts = mark.acts;
        }
        let stop = Stop::Mark {
            words: said(record, mark),
            place: place::phrase(&record.verdict.place).unwrap_or_default(),
        };
        rows.insert(at, row(stop));
        for row in &mut rows {
            row.within = within(record, row);
        }
    }
    let stand = mark.and_then(|_| position(&rows, |row| matches!(row.stop, Stop::Mark { .. })));
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

fn row(stop: Stop) -> Row {
    Row {
        stop,
        endpoint: Lane::default(),
        control: Lane::default(),
        acts: false,
        within: false,
    }
}

fn lane(word: Option<&str>) -> Lane {
    let signal = word.map(|word| match word {
        "silent" => Signal::Silent,
        "refused" => Signal::Refused,
        _ => Signal::Answered,
    });
    Lane {
        signal,
        arrives: false,
    }
}

fn seen(record: &Record, hop: &HopRecord) -> Row {
    let seen = Seen {
        ttl: Some(hop.ttl),
        address: hop.address,
        rtt_us: hop.rtt_us,
    };
    let target = hop.address == Some(record.endpoint.address)
        && record.path.last().is_some_and(|last| last.ttl == hop.ttl);
    Row {
        endpoint: lane(hop.endpoint_flow.as_deref()),
        control: lane(hop.control_flow.as_deref()),
        ..row(if target {
            Stop::Target(seen)
        } else {
            Stop::Hop(seen)
        })
    }
}

/// The hops between `last` and `next` that the record has no row of.
fn gap(rows: &mut Vec<Row>, record: &Record, last: u8, next: u8) {
    let (from, to) = (last.saturating_add(1), next.saturating_sub(1));
    if from <= to {
        let within = |ttl: u8| (from..=to).contains(&ttl);
        rows.push(row(Stop::Gap {
            from,
            to,
            silent: record.evidence.iter().any(|entry| within(entry.ttl)),
        }));
    }
}

/// What lies past the last hop of a path that does not end at the target.
fn beyond(rows: &mut Vec<Row>, record: &Record, last: u8) {
    let furthest = record
        .evidence
        .iter()
        .filter(|entry| entry.ttl > last && entry.ttl < 64 && entry.outcome == "silent")
        .map(|entry| entry.ttl)
        .max();
    if let Some(to) = furthest {
        rows.push(row(Stop::Gap {
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
                let outcome = entry.outcome.as_str();
                matches!(
                    outcome,
                    "silent" | "pending" | "misaddressed" | "bad-checksum"
                )
            });
        lane(silent.then_some("silent"))
    };
    let target = Stop::Target(Seen {
        ttl: None,
        address: Some(record.endpoint.address),
        rtt_us: None,
    });
    rows.push(Row {
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

fn within(record: &Record, row: &Row) -> bool {
    let place = &record.verdict.place;
    let (Some(after), Some(before)) = (place.after_hop, place.before_hop) else {
        return false;
    };
    let inside = |ttl: u8| after.ttl < ttl && ttl < before.ttl;
    match &row.stop {
        Stop::Hop(seen) | Stop::Target(seen) => seen.ttl.is_some_and(inside),
        Stop::Gap { from, .. } => inside(*from),
        Stop::Here { .. } | Stop::Mark { .. } => false,
    }
}

/// Where in `rows` the mark stands: before the first stop behind it.
fn stand(rows: &[Row], mark: &Mark) -> usize {
    let behind = |row: &Row| match &row.stop {
        Stop::Here { .. } | Stop::Mark { .. } => false,
        Stop::Gap { from, .. } => *from > mark.after,
        Stop::Hop(seen) | Stop::Target(seen) => seen.ttl.is_none_or(|ttl| ttl > mark.after),
    };
    position(rows, behind).unwrap_or(rows.len())
}

fn position(rows: &[Row], wanted: impl Fn(&Row) -> bool) -> Option<usize> {
    rows.iter().position(wanted)
}

/// Marks how far a flow is shown to get: to the last stop that it drew an answer from, or to the
/// mark.
fn arrive(rows: &mut [Row], mark: Option<usize>, lane: impl Fn(&mut Row) -> &mut Lane) {
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
