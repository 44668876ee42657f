//! The evidence as rows of a table: every probe, what came of it, and what else that says.

use std::fmt::Display;

use super::entry::{EvidenceEntry, Shared};
use super::record::Record;
use super::words::{VOID, heard_by, sent_words, span};
use crate::model::response::ProbeOutcome;

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
pub(super) fn class(entry: &EvidenceEntry) -> Class {
    match entry.outcome.known() {
        Some(ProbeOutcome::Refused | ProbeOutcome::Unreachable(_)) => Class::Refused,
        Some(ProbeOutcome::Pending) => Class::Pending,
        Some(ProbeOutcome::Silent) if entry.details.void == Some(true) => Class::Pending,
        Some(outcome) if outcome.is_no_answer() => Class::Silent,
        Some(_) | None => Class::Answered,
    }
}

/// One probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EvidenceRow {
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
pub(super) fn rows(record: &Record) -> Vec<EvidenceRow> {
    let row = |entry: &EvidenceEntry| EvidenceRow {
        id: entry.id,
        at: seconds(entry.at_us),
        sent: sent_words(entry, record.endpoint.port, false),
        source_port: text(entry.details.source_port),
        class: class(entry).word(),
        outcome: entry.outcome.to_string(),
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
fn remarks(entry: &EvidenceEntry) -> Vec<String> {
    let details = &entry.details;
    let single = [
        named("TTL on arrival", details.arrival_ttl),
        named("window", details.window),
        named("MSS", details.mss),
        named("next-hop MTU", details.mtu),
        named("DSCP on arrival", details.dscp_received),
        named("flow label", details.flow_label),
        named("quotes our DSCP as", details.quoted_dscp),
        named("quotes our TTL as", details.quoted_ttl),
        named("quotes our source as", details.quoted_source),
        named("kernel:", details.errno.as_ref()),
        details.heard_by.as_ref().map(heard_by),
        (details.departed == Some(false)).then(|| "never seen leaving".to_owned()),
        (details.void == Some(true)).then(|| VOID.to_owned()),
        details.shared.map(Shared::words),
        named("ICMP type", details.icmp_type),
        named("ICMP code", details.icmp_code),
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
    single.into_iter().flatten().chain(also).collect()
}

fn named(name: &str, value: Option<impl Display>) -> Option<String> {
    value.map(|value| format!("{name} {value}"))
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
