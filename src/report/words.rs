//! Words shared by the forms of text: a probe, a citation, a number, a span.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::entry::{EvidenceEntry, Shared};
use crate::model::evidence::ReceivedBy;
use crate::model::probe::Kind;
use crate::model::time::spell;
use crate::model::word::Known;

/// What was sent, in words: `SYN to control port 51234, TTL 3`. With its source port where that is
/// below 1024, or when flows are to be told apart `by_flow`.
pub(super) fn sent_words(entry: &EvidenceEntry, endpoint_port: u16, by_flow: bool) -> String {
    let details = &entry.details;
    let kind = match (entry.probe.known(), entry.target_port) {
        (Some(Kind::Echo), _) => "echo request".to_owned(),
        (Some(Kind::Fragment), Some(_)) => "first fragment of a SYN".to_owned(),
        (Some(Kind::Fragment), None) => "first fragment of an echo request".to_owned(),
        (Some(Kind::Syn | Kind::Ack | Kind::Fin) | None, _) => entry.probe.word().to_uppercase(),
    };
    let mut words = match entry.target_port {
        Some(port) if port == endpoint_port => format!("{kind} to port {port}"),
        Some(port) => format!("{kind} to control port {port}"),
        None => kind,
    };
    if entry.ttl != 64 {
        words.push_str(&format!(", TTL {}", entry.ttl));
    }
    if let Some(dscp) = details.dscp_sent {
        words.push_str(&format!(", DSCP {dscp}"));
    }
    match details.options.as_deref() {
        Some("none") => words.push_str(", no options"),
        Some(other) => words.push_str(&format!(", with {}", other.to_uppercase())),
        None => {}
    }
    if let Some(size) = details.size {
        words.push_str(&format!(", {size} octets"));
    }
    if let Some(port) = details
        .source_port
        .filter(|_| by_flow || details.source_range.is_some())
    {
        words.push_str(&format!(", from port {port}"));
    }
    words
}

/// One entry in words: `SYN to port 3306, TTL 3: time-exceeded from 10.9.2.2`.
pub(super) fn entry_words(entry: &EvidenceEntry, endpoint_port: u16, by_flow: bool) -> String {
    let details = &entry.details;
    let mut words = sent_words(entry, endpoint_port, by_flow);
    words.push_str(": ");
    words.push_str(entry.outcome.word());
    if let Some(from) = entry.from {
        words.push_str(&format!(" from {from}"));
    }
    if let Some(port) = details
        .from_port
        .filter(|port| Some(*port) != entry.target_port)
    {
        words.push_str(&format!(" port {port}"));
    }
    let remarks = [
        details.answer.as_ref().map(Known::to_string),
        details.dscp_received.map(|dscp| format!("DSCP {dscp}")),
        details.mtu.map(|mtu| format!("MTU {mtu}")),
        details
            .size_received
            .filter(|size| details.in_pieces.is_none() && details.size != Some(*size))
            .map(|size| format!("of {size} octets")),
        details.in_pieces.map(|_| "in fragments".to_owned()),
        details.errno.clone(),
        details.heard_by.as_ref().map(heard_by),
        details.void.map(|_| VOID.to_owned()),
        details.shared.map(Shared::words),
    ];
    let remarks: Vec<String> = remarks.into_iter().flatten().collect();
    if !remarks.is_empty() {
        words.push_str(&format!(" ({})", remarks.join(", ")));
    }
    words
}

/// What it says of a reply that only one receiver heard it, as a clause.
pub(super) fn heard_by(by: &Known<ReceivedBy>) -> String {
    match by.known() {
        Some(ReceivedBy::Tap) => "seen on the interface, kept from applications",
        Some(ReceivedBy::Stack) | None => "not seen on the interface",
    }
    .to_owned()
}

/// What is said of a probe whose silence means nothing.
pub(super) const VOID: &str = "void: frames were lost here";

/// Numbers of evidence as they are cited: `#4`, `#4,9`, `#4-9,12`.
pub(super) fn citation(ids: &[u32]) -> String {
    let runs: Vec<String> = runs(ids)
        .iter()
        .map(|(start, end)| match end - start {
            0 => format!("{start}"),
            1 => format!("{start},{end}"),
            _ => format!("{start}-{end}"),
        })
        .collect();
    format!("#{}", runs.join(","))
}

/// The runs of consecutive numbers in `ids`, each as its first and last.
pub(super) fn runs(ids: &[u32]) -> Vec<(u32, u32)> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for id in ids {
        match runs.last_mut() {
            Some((_, end)) if end.checked_add(1) == Some(id) => *end = id,
            _ => runs.push((id, id)),
        }
    }
    runs
}

/// A number with its noun.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A span of `micros` microseconds with a unit a person reads at a glance.
pub(super) fn span(micros: u64) -> String {
    spell(Duration::from_micros(micros))
}

/// An endpoint's name: what the user typed, what it stands for, what the user calls it.
pub(super) fn named(
    given: &str,
    address: Option<IpAddr>,
    port: u16,
    label: Option<&str>,
) -> String {
    let mut name = given.to_owned();
    if let Some(address) = address {
        let socket = SocketAddr::new(address, port).to_string();
        if name != socket {
            name.push_str(&format!(" = {socket}"));
        }
    }
    if let Some(label) = label {
        name.push_str(&format!(" ({label})"));
    }
    name
}

/// `text` as the beginning of a sentence.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::{citation, span};

    #[test]
    fn numbers_of_evidence_are_cited_as_runs() {
        let check = |ids: &[u32], text: &str| assert_eq!(citation(ids), text);
        check(&[4], "#4");
        check(&[9, 4], "#4,9");
        check(&[4, 5], "#4,5");
        check(&[4, 5, 6, 9], "#4-6,9");
        check(&[4, 4, 4], "#4");
    }

    #[test]
    fn spans_carry_the_unit_that_fits() {
        let check = |micros: u64, text: &str| assert_eq!(span(micros), text);
        check(0, "0 µs");
        check(212, "212 µs");
        check(1_250, "1.2 ms");
        check(99_999, "99.9 ms");
        check(123_456, "123 ms");
        check(9_300_000, "9.3 s");
        check(120_000_000, "120 s");
    }
}
