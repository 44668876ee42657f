//! The path drawn: [`super::path_rows`] as shapes of an SVG picture, top to bottom, so that it reads the
//! same on a telephone and on a desk. Lengths are the picture's own units; its width is [`WIDTH`].

use super::path_rows::{self, FlowCell, PathStop, Seen, Signal};
use super::record::Record;
use super::words::span;

/// Width of the picture: an IPv6 address in full fits into a box.
pub(super) const WIDTH: u32 = 360;
/// Where the endpoint flow runs.
pub(super) const ENDPOINT_X: u32 = 16;
/// Where the control flow runs.
pub(super) const CONTROL_X: u32 = 42;
/// Where boxes begin.
pub(super) const BOX_X: u32 = 64;

/// Height of the words above the lanes.
const HEAD: u32 = 22;
/// Height of a box, and of the room it stands in.
const BOX: (u32, u32) = (42, 52);
/// Height of the rows without a box.
const SLIM: u32 = 40;

/// The drawing of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Drawing {
    pub(super) height: u32,
    /// The whole of it in words, for who cannot see it.
    pub(super) words: String,
    pub(super) rows: Vec<PathShape>,
    /// Whether a control flow was measured.
    pub(super) controls: bool,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PathShape {
    /// `box`, `silent` (a box of which nothing is known), `gap` or `mark`.
    pub(super) kind: &'static str,
    /// Upper edge.
    pub(super) y: u32,
    /// Height of the box.
    pub(super) height: u32,
    /// The row's middle, on which the signals stand.
    pub(super) middle: u32,
    /// First line, and what stands at its right end.
    pub(super) title: String,
    pub(super) aside: String,
    /// Second line.
    pub(super) text: String,
    pub(super) acts: bool,
    /// Whether it lies within the interval of the verdict.
    pub(super) within: bool,
    pub(super) endpoint: Track,
    pub(super) control: Track,
}

/// One flow in one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Track {
    /// `answered`, `refused`, `silent`, or nothing.
    pub(super) signal: &'static str,
    /// How it comes from the row above: `sure`, `lost`, or nothing.
    pub(super) line: &'static str,
    /// Where that line begins.
    pub(super) from: u32,
}

/// Draws the path of `record`.
pub(super) fn draw(record: &Record) -> Drawing {
    let rows = path_rows::rows(record);
    let sent = |lane: fn(&path_rows::PathRow) -> FlowCell| {
        rows.iter()
            .rposition(|row| lane(row).signal.is_some() || lane(row).arrives)
    };
    let (endpoint_end, control_end) = (sent(|row| row.endpoint), sent(|row| row.control));
    let mut y = HEAD;
    let mut above = None;
    let mut shapes = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let (height, room) = match row.stop {
            PathStop::Gap { .. } | PathStop::Mark { .. } => (SLIM - 8, SLIM),
            PathStop::Here { .. } | PathStop::Hop(_) | PathStop::Target(_) => BOX,
        };
        let (kind, title, aside, text) = words(&row.stop);
        let middle = y + height / 2;
        shapes.push(PathShape {
            kind,
            y,
            height,
            middle,
            title,
            aside,
            text,
            acts: row.acts,
            within: row.within,
            endpoint: track(row.endpoint, above, endpoint_end >= Some(index)),
            control: track(row.control, above, control_end >= Some(index)),
        });
        above = Some(middle);
        y += room;
    }
    Drawing {
        height: y,
        words: spoken(record, &rows),
        controls: control_end.is_some_and(|end| end > 0),
        rows: shapes,
    }
}

fn track(lane: FlowCell, above: Option<u32>, runs: bool) -> Track {
    Track {
        signal: match lane.signal {
            Some(Signal::Answered) => "answered",
            Some(Signal::Refused) => "refused",
            Some(Signal::Silent) => "silent",
            None => "",
        },
        line: match above {
            Some(_) if lane.arrives => "sure",
            Some(_) if runs => "lost",
            _ => "",
        },
        from: above.unwrap_or(0),
    }
}

/// Kind, first line, its right end, second line.
fn words(stop: &PathStop) -> (&'static str, String, String, String) {
    let seen = |name: String, seen: &Seen| {
        let kind = if seen.address.is_some() {
            "box"
        } else {
            "silent"
        };
        let text = seen
            .address
            .map_or("no address: it never answered".to_owned(), |a| {
                a.to_string()
            });
        (kind, name, seen.rtt_us.map_or(String::new(), span), text)
    };
    match stop {
        PathStop::Here { address, interface } => (
            "box",
            if interface.is_empty() {
                "client".to_owned()
            } else {
                "tested from here".to_owned()
            },
            interface.clone(),
            address.to_string(),
        ),
        PathStop::Gap { from, to, silent } => {
            let hops = if from == to {
                format!("hop {from}")
            } else {
                format!("hops {from} to {to}")
            };
            let what = if *silent { "no answer" } else { "not probed" };
            (
                "gap",
                format!("{hops}: {what}"),
                String::new(),
                String::new(),
            )
        }
        PathStop::Hop(hop) => seen(format!("hop {}", hop.ttl.unwrap_or(0)), hop),
        PathStop::Target(hop) => {
            let (kind, _, aside, text) = seen(String::new(), hop);
            let far = hop.ttl.map(|ttl| format!("hop {ttl}"));
            let heard = hop.rtt_us.is_some();
            let mute = (!heard).then(|| "never answered".to_owned());
            let remarks: Vec<String> = far.into_iter().chain(mute).collect();
            (
                if heard { kind } else { "silent" },
                format!("target ({})", remarks.join(", ")),
                aside,
                text,
            )
        }
        PathStop::Mark { words, place } => {
            ("mark", words.to_uppercase(), String::new(), place.clone())
        }
    }
}

fn spoken(record: &Record, rows: &[path_rows::PathRow]) -> String {
    let signal = |lane: FlowCell| match lane.signal {
        Some(Signal::Answered) => "answered",
        Some(Signal::Refused) => "refused",
        Some(Signal::Silent) => "silent",
        None => "not probed",
    };
    let mut spoken = format!(
        "Path from {} to {}.",
        record.local.source, record.endpoint.address
    );
    for row in rows {
        let (_, title, _, text) = words(&row.stop);
        let flows = match row.stop {
            PathStop::Hop(_) | PathStop::Target(_) => format!(
                "; port {} {}, control {}",
                record.endpoint.port,
                signal(row.endpoint),
                signal(row.control)
            ),
            PathStop::Here { .. } | PathStop::Gap { .. } | PathStop::Mark { .. } => String::new(),
        };
        let text = if text.is_empty() {
            text
        } else {
            format!(", {text}")
        };
        spoken.push_str(&format!(" {title}{text}{flows}."));
    }
    spoken
}
