//! The CSV form: one row for each line of the list, in the order in which endpoints settle.
//!
//! | column | holds |
//! |---|---|
//! | `line` | number of the line of the list, from 1 |
//! | `host`, `port` | as the list has them; an IPv6 address without brackets |
//! | `address` | what was probed; empty for a name that did not resolve |
//! | `label`, `group`, `expect` | from the line |
//! | `as_expected` | `true`, `false`, or empty when the line expects nothing |
//! | `state`, `cause`, `confidence`, `method` | words of the verdict |
//! | `place` | where, in words |
//! | `at_hop`, `after_hop`, `before_hop` | address of the hop or, when it never reported, its distance as `hop 3` |
//! | `summary` | the verdict in a sentence or two |
//! | `who_acts` | the owner of the first advice |
//! | `probes`, `replies` | sent for this endpoint alone, and heard |
//! | `rtt_us` | least round-trip time to the endpoint's own port, in microseconds |
//! | `elapsed_us` | duration of its diagnosis, in microseconds |
//! | `started` | when the run began |
//!
//! The list's other columns follow under their own names; one that is called as a column above
//! stands as `list_NAME`. Text passes [`csv_field`]: no cell becomes a formula.

use std::borrow::Cow;
use std::io::Write;
use std::net::IpAddr;

use csv::{Terminator, Writer, WriterBuilder};

use super::brief::Brief;
use crate::model::word::Known;
use crate::report::listed::Line;
use crate::report::place;
use crate::report::record::{HopName, PlaceRecord};
use crate::report::visible::csv_field;

/// The columns of every table, in their order.
pub const COLUMNS: [&str; 23] = [
    "line",
    "host",
    "address",
    "port",
    "label",
    "group",
    "expect",
    "as_expected",
    "state",
    "cause",
    "confidence",
    "method",
    "place",
    "at_hop",
    "after_hop",
    "before_hop",
    "summary",
    "who_acts",
    "probes",
    "replies",
    "rtt_us",
    "elapsed_us",
    "started",
];

/// A table under construction; keeps no row.
#[derive(Debug)]
pub struct Table<W: Write> {
    writer: Writer<W>,
    /// The list's own columns.
    carried: Vec<String>,
}

impl<W: Write> Table<W> {
    /// Begins a table with the list's own columns, `carried`, after ours. Columns of a line that are
    /// not among them are left out.
    ///
    /// # Errors
    ///
    /// What `out` says.
    pub fn begin(out: W, carried: &[String]) -> csv::Result<Self> {
        let mut writer = WriterBuilder::new()
            .terminator(Terminator::CRLF)
            .from_writer(out);
        for column in COLUMNS {
            writer.write_field(column)?;
        }
        for name in carried {
            let name = if COLUMNS.contains(&name.as_str()) {
                Cow::Owned(format!("list_{name}"))
            } else {
                Cow::Borrowed(name.as_str())
            };
            writer.write_field(csv_field(&name).as_ref())?;
        }
        writer.write_record(None::<&[u8]>)?;
        Ok(Self {
            writer,
            carried: carried.to_vec(),
        })
    }

    /// Adds the rows of one result.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn add(&mut self, brief: &Brief<'_>) -> csv::Result<()> {
        if brief.list.is_empty() {
            return self.row(brief, None);
        }
        for line in brief.list {
            self.row(brief, Some(line))?;
        }
        Ok(())
    }

    fn row(&mut self, brief: &Brief<'_>, line: Option<&Line>) -> csv::Result<()> {
        let number = |number: Option<u64>| number.map_or(String::new(), |n| n.to_string());
        let stats = brief.record.map(|record| &record.stats);
        let hop = |hop: fn(&PlaceRecord) -> Option<HopName>| {
            brief.place.and_then(hop).map_or(String::new(), hop_name)
        };
        let text = |text: Option<&str>| csv_field(text.unwrap_or_default()).into_owned();
        let label = line.and_then(|line| line.label.as_deref()).or(brief.label);
        let fields: [String; COLUMNS.len()] = [
            number(line.map(|line| line.line)),
            text(Some(host(brief))),
            brief
                .address
                .map_or(String::new(), |a: IpAddr| a.to_string()),
            brief.port.to_string(),
            text(label),
            text(line.and_then(|line| line.group.as_deref())),
            text(line.and_then(|line| line.expect.as_deref())),
            line.and_then(|line| line.as_expected)
                .map_or(String::new(), |met| met.to_string()),
            text(Some(brief.state.word())),
            text(Some(brief.cause.word())),
            text(Some(brief.confidence.word())),
            text(brief.method.map(Known::word)),
            text(brief.place.and_then(place::phrase).as_deref()),
            hop(|place| place.at_hop),
            hop(|place| place.after_hop),
            hop(|place| place.before_hop),
            text(Some(brief.summary)),
            text(brief.advice.first().map(|advice| advice.owner.word())),
            number(stats.map(|stats| stats.probes_sent)),
            number(stats.map(|stats| stats.replies)),
            number(brief.rtt_us()),
            number(stats.map(|stats| stats.elapsed_us)),
            text(Some(brief.started)),
        ];
        for field in &fields {
            self.writer.write_field(field)?;
        }
        for name in &self.carried {
            let value = line.and_then(|line| line.columns.get(name));
            self.writer.write_field(text(value.map(String::as_str)))?;
        }
        self.writer.write_record(None::<&[u8]>)
    }

    /// Ends the table; every row is with `out` then.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn finish(mut self) -> csv::Result<()> {
        Ok(self.writer.flush()?)
    }
}

/// The host as the user typed it: what stands before the port.
fn host<'a>(brief: &Brief<'a>) -> &'a str {
    let given = brief.given;
    let host = match given.rsplit_once(':') {
        // An IPv6 address stands in brackets where a port follows.
        Some((host, _)) if !host.contains(':') || host.ends_with(']') => host,
        _ => given,
    };
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    bare.unwrap_or(host)
}

fn hop_name(hop: HopName) -> String {
    match hop.address {
        Some(address) => address.to_string(),
        None => format!("hop {}", hop.ttl),
    }
}
