//! The evidence as rows of a table: every probe, what came of it, and what else that says.

use super::entry::{Entry, Shared};
use super::record::Record;
use super::words::{sent_words, span};

/// What became of a probe, at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// Something answered.
    Answered,
    /// Something, or this host, refused it.
    Refused,
    /// Nothing came, although waited for.
    Silent,
    /// It was not waited for to the end, or its silence means nothing.
    Pending,
}

impl Class {
    /// Its word.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Silent => "silent",
            Self::Pending => "pending",
        }
    }
}

/// What became of `entry`.
pub(super) fn class(entry: &Entry) -> Class {
    let word = entry.outcome.as_str();
    let unreachable = ["unreach", "prohibited", "policy", "no-route", "reject"];
    match word {
        "refused" => Class::Refused,
        "pending" => Class::Pending,
        "silent" if entry.details.void == Some(true) => Class::Pending,
        // Answers that no client takes: to it, silence.
        "silent" | "misaddressed" | "bad-checksum" => Class::Silent,
        _ if unreachable.iter().any(|part| word.contains(part)) => Class::Refused,
        _ => Class::Answered,
    }
}

/// One probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) id: u32,
    /// When, in seconds since the run began.
    pub(super) at: String,
    pub(super) sent: String,
    pub(super) source_port: String,
    /// Word of its [`Class`].
    pub(super) class: &'static str,
    pub(super) outcome: String,
    pub(super) from: String,
    pub(super) rtt: String,
    pub(super) remarks: String,
    /// Whether the verdict rests on it.
    pub(super) cited: bool,
    pub(super) packet: String,
    pub(super) replies: String,
}

/// The rows of `record`, in the order sent.
pub(super) fn rows(record: &Record) -> Vec<Row> {
    let row = |entry: &Entry| Row {
        id: entry.id,
        at: seconds(entry.at_us),
        sent: sent_words(entry, record.endpoint.port, false),
        source_port: text(entry.details.source_port),
        class: class(entry).word(),
        outcome: entry.outcome.clone(),
        from: text(entry.from),
        rtt: entry.details.rtt_us.map_or(String::new(), span),
        remarks: remarks(entry).join(", "),
        cited: record.verdict.basis.contains(&entry.id),
        packet: text(entry.packet),
        replies: joined(&entry.reply_packets),
    };
    record.evidence.iter().map(row).collect()
}

/// Whether any probe of `record` stands in a capture file.
pub(super) fn captured(record: &Record) -> bool {
    let mut entries = record.evidence.iter();
    entries.any(|entry| entry.packet.is_some() || !entry.reply_packets.is_empty())
}

/// What else a probe's fate says, each as a clause.
fn remarks(entry: &Entry) -> Vec<String> {
    let details = &entry.details;
    let named = |name: &str, value: Option<String>| value.map(|value| format!("{name} {value}"));
    let icmp = details
        .icmp_type
        .map(|kind| format!("ICMP type {kind}"))
        .into_iter()
        .chain(details.icmp_code.map(|code| format!("ICMP code {code}")));
    let single = [
        named(
            "TTL on arrival",
            details.arrival_ttl.map(|ttl| ttl.to_string()),
        ),
        named("window", details.window.map(|window| window.to_string())),
        named("MSS", details.mss.map(|mss| mss.to_string())),
        named("next-hop MTU", details.mtu.map(|mtu| mtu.to_string())),
        named(
            "DSCP on arrival",
            details.dscp_received.map(|dscp| dscp.to_string()),
        ),
        named(
            "flow label",
            details.flow_label.map(|label| label.to_string()),
        ),
        named(
            "quotes our DSCP as",
            details.quoted_dscp.map(|dscp| dscp.to_string()),
        ),
        named(
            "quotes our TTL as",
            details.quoted_ttl.map(|ttl| ttl.to_string()),
        ),
        named(
            "quotes our source as",
            details.quoted_source.map(|from| from.to_string()),
        ),
        named("kernel:", details.errno.clone()),
        details.heard_by.as_deref().map(|ear| match ear {
            "tap" => "seen on the interface, kept from applications".to_owned(),
            _ => "not seen on the interface".to_owned(),
        }),
        (details.departed == Some(false)).then(|| "never seen leaving".to_owned()),
        (details.void == Some(true)).then(|| "void: frames were lost here".to_owned()),
        details.shared.map(Shared::words),
    ];
    let also = details.also.iter().map(|also| {
        format!(
            "then {} from {} at {} s, TTL {}",
            also.outcome,
            also.from,
            seconds(also.at_us),
            also.arrival_ttl
        )
    });
    single
        .into_iter()
        .flatten()
        .chain(icmp)
        .chain(also)
        .collect()
}

fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

fn text(value: Option<impl ToString>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

pub(super) fn joined(numbers: &[u64]) -> String {
    let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
    numbers.join(", ")
}
