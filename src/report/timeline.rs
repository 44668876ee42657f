//! The probes and their answers in time: one lane a kind of probe, each mark told by its shape.
//! Positions in time are per cent of the picture's width, so that it fills a telephone and a desk
//! without scaling its words.

use std::fmt;

use super::entry::EvidenceEntry;
use super::record::Record;
use super::rows::{Class, class};
use super::words::{entry_words, span};
use crate::model::probe::Kind;
use crate::model::verdict::Cause;

/// Height of a lane: its words, then its marks.
const LANE: u32 = 46;
/// Where the first mark of a lane stands below its upper edge.
const MARKS: u32 = 26;
/// Height of the axis.
const AXIS: u32 = 24;
/// The share of the width left free at either end, in hundredths of a per cent.
const MARGIN: u64 = 150;

/// The timeline of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Timeline {
    pub(super) height: u32,
    /// Where the axis stands.
    pub(super) axis: u32,
    pub(super) ticks: Vec<Tick>,
    pub(super) lanes: Vec<Lane>,
}

/// A label on the axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tick {
    pub(super) x: XShare,
    pub(super) words: String,
}

/// One kind of probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lane {
    /// Upper edge, and where its marks stand.
    pub(super) y: u32,
    pub(super) middle: u32,
    pub(super) name: String,
    /// How many were sent and answered.
    pub(super) count: String,
    pub(super) dots: Vec<Dot>,
}

/// One probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dot {
    pub(super) x: XShare,
    /// Number of the probe.
    pub(super) id: u32,
    /// Word of its [`Class`].
    pub(super) class: &'static str,
    /// What was sent and what came of it.
    pub(super) words: String,
}

/// A share of the width, in hundredths of a per cent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct XShare(u64);

impl XShare {
    /// How words stand that belong to this place, lest they leave the picture.
    pub(super) const fn anchor(self) -> &'static str {
        match self.0 {
            0..=500 => "start",
            501..=9_400 => "middle",
            _ => "end",
        }
    }
}

impl fmt::Display for XShare {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

/// The timeline of `record`; `None` when nothing was sent.
pub(super) fn timeline(record: &Record) -> Option<Timeline> {
    let first = record.evidence.iter().map(|entry| entry.at_us).min()?;
    let last = record.evidence.iter().map(|entry| entry.at_us).max()?;
    // A single probe has no length of its own.
    let end = (last - first).max(1_000);
    let step = step(end);
    let x = |at: u64| {
        let share = u128::from(at) * u128::from(10_000 - 2 * MARGIN) / u128::from(end);
        XShare(MARGIN + u64::try_from(share).unwrap_or(0))
    };
    let mut kinds: Vec<(String, Vec<&EvidenceEntry>)> = Vec::new();
    for entry in &record.evidence {
        let name = kind(entry, record);
        match kinds.iter_mut().find(|(known, _)| *known == name) {
            Some((_, entries)) => entries.push(entry),
            None => kinds.push((name, vec![entry])),
        }
    }
    // The port under diagnosis before what it is compared with.
    let port = Some(record.endpoint.port);
    kinds.sort_by_key(|(_, entries)| entries.first().map(|entry| entry.target_port != port));
    let mut y = 0;
    let mut lanes = Vec::new();
    for (name, entries) in kinds {
        lanes.push(Lane {
            y,
            middle: y + MARKS,
            count: count(&entries),
            name,
            dots: dots(&entries, record, |at| x(at - first)),
        });
        y += LANE;
    }
    let ticks = (0..=end / step).map(|number| Tick {
        x: x(number.saturating_mul(step)),
        words: match number {
            0 => "0".to_owned(),
            _ => span(number.saturating_mul(step)),
        },
    });
    Some(Timeline {
        height: y + AXIS,
        axis: y,
        ticks: ticks.collect(),
        lanes,
    })
}

/// The marks of a lane: answers last, lest silence beside them hide them.
fn dots(entries: &[&EvidenceEntry], record: &Record, x: impl Fn(u64) -> XShare) -> Vec<Dot> {
    let dot = |entry: &&EvidenceEntry| Dot {
        x: x(entry.at_us),
        id: entry.id,
        class: class(entry).word(),
        words: format!(
            "{}: {}, at {}",
            entry.id,
            entry_words(entry, record.endpoint.port, true),
            span(entry.at_us)
        ),
    };
    let (answered, rest): (Vec<&EvidenceEntry>, Vec<&EvidenceEntry>) = entries
        .iter()
        .partition(|entry| class(entry) == Class::Answered);
    rest.iter().chain(&answered).map(dot).collect()
}

/// A round number of microseconds that cuts `length` into at most five pieces.
fn step(length: u64) -> u64 {
    let mut decade: u64 = 1;
    loop {
        for factor in [1, 2, 5] {
            let step = decade.saturating_mul(factor);
            if step.saturating_mul(5) >= length {
                return step;
            }
        }
        decade = decade.saturating_mul(10);
    }
}

fn kind(entry: &EvidenceEntry, record: &Record) -> String {
    let what = match entry.probe.known() {
        Some(Kind::Echo) => "echo request".to_owned(),
        Some(Kind::Fragment) => "fragment".to_owned(),
        Some(Kind::Syn | Kind::Ack | Kind::Fin) | None => entry.probe.word().to_uppercase(),
    };
    let to_port = entry.target_port == Some(record.endpoint.port);
    let mut name = match entry.target_port {
        Some(port) if port == record.endpoint.port => format!("{what} to port {port}"),
        Some(_) => format!("{what} to control ports"),
        None => format!("{what} to the host"),
    };
    if entry.ttl < 64 {
        name.push_str(", short TTL");
    }
    if entry.details.size.is_some() {
        name.push_str(", padded");
    }
    match entry.details.source_port {
        Some(port) if by_flow(record) && entry.ttl == 64 && to_port => {
            name.push_str(&format!(", from {port}"));
        }
        _ if entry.details.source_range.is_some() => name.push_str(", from below 1024"),
        _ => {}
    }
    name
}

/// Whether flows fare differently, and so have lanes of their own.
fn by_flow(record: &Record) -> bool {
    record.verdict.cause == Cause::Intermittent
}

fn count(entries: &[&EvidenceEntry]) -> String {
    let of = |wanted: Class| {
        entries
            .iter()
            .filter(|entry| class(entry) == wanted)
            .count()
    };
    let answered = entries.len() - of(Class::Silent) - of(Class::Refused) - of(Class::Pending);
    let mut words = format!("{answered}/{} answered", entries.len());
    if of(Class::Refused) > 0 {
        words = format!("{}/{} refused", of(Class::Refused), entries.len());
    }
    words
}
