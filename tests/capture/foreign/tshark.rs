//! What tshark sees in a capture.

use std::path::Path;

use super::super::tools::{run, text};
use super::Seen;

/// Link types by the number of wiretap (`WTAP_ENCAP_…` in Wireshark's `wtap.h`).
const ENCAPSULATIONS: [(&str, u16); 9] = [
    ("1", 1),
    ("4", 9),
    ("7", 101),
    ("15", 0),
    ("25", 113),
    ("129", 228),
    ("130", 229),
    ("141", 239),
    ("210", 276),
];

const FIELDS: [&str; 15] = [
    "frame.number",
    "frame.time_epoch",
    "frame.cap_len",
    "frame.len",
    "frame.encap_type",
    "ip.src",
    "ipv6.src",
    "icmp.type",
    "icmpv6.type",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.flags",
    "tcp.seq_raw",
    "tcp.ack_raw",
    "tcp.len",
];

/// Every packet of `capture`.
pub(super) fn read(capture: &Path) -> Vec<Seen> {
    let mut arguments = vec![
        "-n",
        "-r",
        text(capture),
        "-T",
        "fields",
        "-E",
        "occurrence=f",
    ];
    // Nothing is put together or guessed: a segment is what one frame holds.
    for option in [
        "ip.defragment:FALSE",
        "tcp.analyze_sequence_numbers:FALSE",
        "tcp.desegment_tcp_streams:FALSE",
    ] {
        arguments.extend(["-o", option]);
    }
    for field in FIELDS {
        arguments.extend(["-e", field]);
    }
    let printed = String::from_utf8(run("tshark", &arguments)).expect("text");
    printed.lines().map(seen).collect()
}

fn seen(line: &str) -> Seen {
    let fields: Vec<&str> = line.split('\t').collect();
    let [
        number,
        time,
        captured,
        original,
        encapsulation,
        v4,
        v6,
        icmp,
        icmp6,
        segment @ ..,
    ] = fields.as_slice()
    else {
        panic!("not the fields asked for: {line}");
    };
    // Of an ICMP error, the segment is the one it quotes.
    let is_segment =
        icmp.is_empty() && icmp6.is_empty() && segment.iter().all(|field| !field.is_empty());
    Seen {
        number: number.parse().expect("a number"),
        at: (!time.is_empty()).then(|| time.replace('.', "").parse().expect("a time")),
        captured: captured.parse().expect("a length"),
        original: original.parse().expect("a length"),
        link: ENCAPSULATIONS
            .iter()
            .find(|(known, _)| known == encapsulation)
            .map(|(_, link)| *link)
            .unwrap_or_else(|| panic!("a link type of wiretap: {encapsulation}")),
        source: is_segment.then(|| if v4.is_empty() { v6 } else { v4 }.to_string()),
        segment: is_segment.then(|| {
            let numbers: Vec<u32> = segment.iter().map(|field| number32(field)).collect();
            numbers.try_into().expect("six fields")
        }),
    }
}

fn number32(field: &str) -> u32 {
    match field.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => field.parse(),
    }
    .expect("a number of 32 bits")
}
