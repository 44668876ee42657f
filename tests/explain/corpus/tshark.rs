//! What tshark counts in a capture, beside what `explain` counts.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{Situation, check};

/// What both count: SYNs, handshakes completed, segments sent again or late, resets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    syns: u64,
    handshakes: u64,
    behind: u64,
    resets: u64,
}

/// Every field for which tshark says that a segment stands behind another one.
const BEHIND: [&str; 4] = [
    "tcp.analysis.retransmission",
    "tcp.analysis.fast_retransmission",
    "tcp.analysis.spurious_retransmission",
    "tcp.analysis.out_of_order",
];

/// SYN, SYN-ACK and ACK in `tcp.completeness`.
const HANDSHAKE: u64 = 7;

/// Packets that tshark counts and `explain` does not, by the reason.
pub(super) type Reasons = BTreeMap<&'static str, u64>;

/// A router captures on all interfaces what it sends on: the copy differs in its TTL alone.
const FORWARDED: &str = "seen a second time, a hop on";
/// A stack without identifications answers a SYN and its own timer in one millisecond with the same
/// octets, which are a packet seen twice to who captured no SYN between.
const ALIKE: &str = "the same octets as a SYN-ACK of less than 150 ms and no SYN before";
/// What answers a SYN-ACK from elsewhere bears ports that nobody asked for.
const ALONE: &str = "resets of SYN-ACKs from where nobody asked";

/// The difference between the two countings of a capture where no reason explains it.
pub(super) fn compare(
    situation: &Situation,
    place: &str,
    file: &Path,
    reasons: &mut Reasons,
) -> Option<String> {
    let (ours, theirs) = (ours(file), theirs(file, reasons));
    let stem = file.file_stem().expect("a name").to_string_lossy();
    let name = format!("{} {stem} ({place})", situation.name);
    (ours != theirs).then(|| format!("{name}: COUNTED {ours:?}\n     by tshark {theirs:?}"))
}

fn ours(file: &Path) -> Counts {
    let (documents, _, _) = check::documents(file);
    let mut counts = Counts::default();
    let attempts = documents.iter().flat_map(|document| {
        let attempts = document.pointer("/observed/attempts");
        attempts
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    });
    for attempt in attempts {
        let number = |key: &str| attempt[key].as_u64().unwrap_or(0);
        counts.syns += number("syns");
        // Of a connection that was running already there is no handshake in the capture.
        let begun = number("syns") > 0;
        counts.handshakes += u64::from(begun && !attempt["session"].is_null());
        counts.behind += number("resent_by_client") + number("resent_by_server");
        counts.behind += number("syns").saturating_sub(1);
        counts.resets += number("resets");
    }
    counts
}

/// What tshark is asked for of each segment, beside [`BEHIND`].
const FIELDS: [&str; 9] = [
    "tcp.stream",
    "tcp.flags",
    "tcp.seq_raw",
    "ip.id",
    "tcp.options.timestamp.tsval",
    "ip.ttl",
    "ipv6.hlim",
    "frame.time_epoch",
    "tcp.completeness",
];

fn theirs(file: &Path, reasons: &mut Reasons) -> Counts {
    let mut command = Command::new("tshark");
    command.args(["-n", "-2", "-Y", "tcp && !icmp && !icmpv6", "-r"]);
    command
        .arg(file)
        .args(["-T", "fields", "-E", "occurrence=l"]);
    for field in FIELDS.iter().chain(&BEHIND) {
        command.args(["-e", field]);
    }
    let output = command.output().expect("tshark");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    let rows: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split('\t').collect())
        .collect();
    let mut streams: BTreeMap<&str, (u64, bool)> = BTreeMap::new();
    for row in &rows {
        let stream = streams.entry(row[0]).or_insert((0, true));
        stream.0 = row[8].parse().unwrap_or(0);
        stream.1 &= flags(row) & RST != 0 || flags(row) & (SYN | ACK) == SYN | ACK;
    }
    let mut counts = Counts::default();
    let mut packets = BTreeMap::new();
    let mut asked: BTreeMap<&str, f64> = BTreeMap::new();
    for row in &rows {
        let limit = format!("{}{}", row[5], row[6]);
        let at: f64 = row[7].parse().expect("a time");
        let (known, last) = packets
            .entry(row[..5].join(" "))
            .or_insert((limit.clone(), at));
        let flags = flags(row);
        let is_copy = *known != limit;
        let fresh = asked.get(row[0]).is_none_or(|asked| *asked <= *last);
        let alike = at > *last && at - *last < 0.15 && fresh && flags & (SYN | ACK) == SYN | ACK;
        *last = at;
        if flags & (SYN | ACK) == SYN {
            asked.insert(row[0], at);
        }
        let behind = row[FIELDS.len()..].iter().any(|field| !field.is_empty());
        let reason = match () {
            () if is_copy => Some(FORWARDED),
            () if behind && alike => Some(ALIKE),
            () if flags & RST != 0 && streams[row[0]].1 => Some(ALONE),
            () => None,
        };
        if let Some(reason) = reason {
            *reasons.entry(reason).or_default() += 1;
            continue;
        }
        counts.syns += u64::from(flags & (SYN | ACK) == SYN);
        counts.resets += u64::from(flags & RST != 0);
        counts.behind += u64::from(behind);
    }
    let whole = |(completeness, _): &&(u64, bool)| completeness & HANDSHAKE == HANDSHAKE;
    counts.handshakes = streams.values().filter(whole).count() as u64;
    counts
}

const SYN: u64 = 2;
const RST: u64 = 4;
const ACK: u64 = 16;

fn flags(row: &[&str]) -> u64 {
    u64::from_str_radix(row[1].trim_start_matches("0x"), 16).expect("flags")
}
