//! The path as a diagram of characters: one line a stop, the two flows as columns at its left.

use crate::report::path_rows::{self, FlowCell, PathRow, PathStop, Seen, Signal};
use crate::report::record::Record;
use crate::report::words::span;

/// The lines of the diagram.
pub(super) fn diagram(record: &Record) -> Vec<String> {
    let rows = path_rows::rows(record);
    let controls = rows.iter().any(|row| row.control.signal.is_some());
    let port = format!("port {}", record.endpoint.port);
    let left = |endpoint: char, control: char| match controls {
        true => format!("{endpoint:^10}  {control:^7}  "),
        false => format!("{endpoint:^10}  "),
    };
    let mut lines = vec![match controls {
        true => format!("{port:^10}  control"),
        false => port,
    }];
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            let links = left(link(&rows, index, endpoint), link(&rows, index, control));
            lines.push(links.trim_end().to_owned());
        }
        lines.push(format!(
            "{}{}",
            left(sign(row, row.endpoint, true), sign(row, row.control, false)),
            words(record, &row.stop)
        ));
    }
    lines
}

const fn endpoint(row: &PathRow) -> FlowCell {
    row.endpoint
}

const fn control(row: &PathRow) -> FlowCell {
    row.control
}

/// What joins a row to the one above: a flow shown to get there, one sent that far, or nothing.
fn link(rows: &[PathRow], index: usize, lane: fn(&PathRow) -> FlowCell) -> char {
    let below = rows.get(index..).unwrap_or_default();
    if rows.get(index).is_some_and(|row| lane(row).arrives) {
        '│'
    } else if below.iter().any(|row| lane(row).signal.is_some()) {
        '┊'
    } else {
        ' '
    }
}

fn sign(row: &PathRow, lane: FlowCell, endpoint: bool) -> char {
    match (lane.signal, &row.stop) {
        (Some(Signal::Answered), _) => '●',
        (Some(Signal::Refused), _) => '◆',
        (Some(Signal::Silent), _) => '○',
        (None, PathStop::Mark { .. }) if endpoint => '✕',
        (None, _) if lane.arrives => '│',
        (None, _) => ' ',
    }
}

fn words(record: &Record, stop: &PathStop) -> String {
    let seen = |name: String, seen: &Seen| {
        let address = seen
            .address
            .map_or("no address: it never answered".to_owned(), |a| {
                a.to_string()
            });
        let rtt = seen
            .rtt_us
            .map_or(String::new(), |rtt| format!("  {}", span(rtt)));
        format!("{name:<10} {address}{rtt}")
    };
    match stop {
        PathStop::Here { address, interface } => {
            format!("{:<10} {address} on {interface}", "this host")
        }
        PathStop::Gap { from, to, silent } => {
            let what = if *silent { "no answer" } else { "not probed" };
            format!("hops {from} to {to}: {what}")
        }
        PathStop::Hop(hop) => seen(format!("hop {}", hop.ttl.unwrap_or(0)), hop),
        PathStop::Target(hop) if hop.rtt_us.is_none() => {
            format!(
                "{:<10} {}, never answered",
                "target", record.endpoint.address
            )
        }
        PathStop::Target(hop) => seen("target".to_owned(), hop),
        PathStop::Mark { words, place } => format!("{}: {place}", words.to_uppercase()),
    }
}
