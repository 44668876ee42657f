//! What files say and what is read of them, in both byte orders.

mod build;
mod mangled;
mod wrong;

use std::fmt::Write as _;
use std::io::Read;

use build::File;

use super::bytes::Order;
use super::*;

const BOTH: [Order; 2] = [Order::Little, Order::Big];

/// Everything that is read of `file`, a line each.
fn told(file: impl Read) -> Vec<String> {
    match Reader::open(file) {
        Ok(reader) => rest(reader),
        Err(unreadable) => vec![format!("unreadable: {unreadable:?}")],
    }
}

fn rest(mut reader: Reader<impl Read>) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(item) = reader.next_item() {
        lines.push(match item {
            Ok(item) => line(item),
            Err(damage) => format!(
                "{} at {} block {} packet {}: {:?}",
                if damage.is_final { "end" } else { "damage" },
                damage.position,
                damage.block,
                damage.packets,
                damage.reason
            ),
        });
    }
    assert!(reader.next_item().is_none(), "an end is an end");
    lines
}

fn line(item: Item<'_>) -> String {
    let mut line = String::new();
    let mut add = |word: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = write!(line, "{word}{value}");
        }
    };
    let owned = |text: Option<std::borrow::Cow<'_, str>>| text.map(std::borrow::Cow::into_owned);
    let comments = match item {
        Item::Section(section) => {
            add("section", Some(String::new()));
            add(" by ", owned(section.application()));
            add(" on ", owned(section.system()));
            add(" at ", owned(section.hardware()));
            section.comments()
        }
        Item::Interface(interface) => {
            add("interface ", Some(interface.number.to_string()));
            add(" ", interface.link.name().map(str::to_owned));
            add(
                " to ",
                interface.snap_length.map(|length| length.to_string()),
            );
            add(" ", owned(interface.name()));
            add(", ", owned(interface.description()));
            add(" where ", owned(interface.filter()));
            interface.comments()
        }
        Item::Packet(packet) => {
            add("packet ", Some(packet.number.to_string()));
            add(" of ", Some(packet.interface.to_string()));
            add(" ", packet.link.name().map(str::to_owned));
            add(" at ", packet.at.map(|at| at.to_string()));
            add(" ", Some(format!("{:02x?}", packet.bytes)));
            add("/", Some(packet.original_length.to_string()));
            add(" ", packet.direction.map(|way| format!("{way:?}")));
            packet.comments()
        }
        Item::Statistics(counted) => {
            add("statistics of ", Some(counted.interface.to_string()));
            add(" at ", counted.at.map(|at| at.to_string()));
            let counts = [
                counted.received(),
                counted.dropped_by_interface(),
                counted.accepted(),
                counted.dropped_by_system(),
                counted.delivered(),
            ];
            add(
                " ",
                Some(format!("{:?}", counts.map(|count| count.unwrap_or(0)))),
            );
            counted.comments()
        }
        Item::Names(names) => {
            add("names", Some(String::new()));
            for (address, name) in names {
                add(" ", Some(format!("{address}={name}")));
            }
            names.comments()
        }
    };
    assert_eq!(comments.is_empty(), comments.count() == 0);
    for comment in comments {
        add(" # ", Some(comment.into_owned()));
    }
    line
}

/// A pcapng file with everything in it that is known, and some that is not.
fn everything(order: Order) -> File {
    let file = File::new(order);
    let (inbound, outbound) = (file.n32(1), file.n32(0xffff_fffe));
    let (seven, nine, offset) = (file.n64(7), file.n64(9), file.n64(1_700_000_000));
    file.section(&[
        (2, b"a box"),
        (3, b"Linux"),
        (4, b"synquest"),
        (1, b"one"),
        (1, "zwei \u{e4}\0".as_bytes()),
        (0, b""),
    ])
    .interface(
        1,
        96,
        &[(2, b"eth0"), (3, b"uplink"), (11, b"\0tcp"), (9, &[9])],
    )
    .interface(276, 0, &[(14, &offset), (1, b"any")])
    .packet(
        0,
        1_700_000_000_000_000_001,
        60,
        &[1, 2, 3],
        &[(2, &inbound), (1, b"probe 1")],
    )
    .packet(1, 5, 4, &[1, 2, 3, 4], &[(2988, b"PEN"), (2, &outbound)])
    .block(10, b"decryption secrets")
    .simple(2, &[8, 9])
    .block(0xbad, &[0, 0, 0x7e, 0xd9, 1, 2, 3, 4])
    .obsolete(0, 77, &[5])
    .names(
        &[
            (1, b"\x0a\x09\x03\x0adb1.example\0db\0"),
            (9, b"unknown"),
            (2, b"\xfd\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\x01six\0"),
            (1, b"\x0a\x09"),
        ],
        &[(1, b"two of them")],
    )
    .statistics(
        0,
        88,
        &[
            (4, &seven),
            (5, &nine),
            (7, &seven),
            (8, &nine),
            (6, &seven),
        ],
    )
    .section(&[])
    .interface(101, 0, &[(9, &[0x80 | 1])])
    .packet(0, 3, 1, &[0x45], &[])
    .block(0x7777, b"unknown")
}

const EVERYTHING: [&str; 12] = [
    "section by synquest on Linux at a box # one # zwei ä",
    "interface 0 ETHERNET to 96 eth0, uplink where tcp",
    "interface 1 LINUX_SLL2 # any",
    "packet 1 of 0 ETHERNET at 1700000000000000001 [01, 02, 03]/60 Inbound # probe 1",
    "packet 2 of 1 LINUX_SLL2 at 1700000000000005000 [01, 02, 03, 04]/4 Outbound",
    "packet 3 of 0 ETHERNET [08, 09]/2",
    "packet 5 of 0 ETHERNET at 77 [05]/1 Outbound",
    "names 10.9.3.10=db1.example 10.9.3.10=db fd09::1=six # two of them",
    "statistics of 0 at 88 [7, 9, 7, 7, 9]",
    "section",
    "interface 2 RAW",
    "packet 6 of 2 RAW at 1500000000 [45]/1",
];

#[test]
fn a_pcapng_file_is_read_whole_in_either_byte_order() {
    for order in BOTH {
        let lines = told(everything(order).bytes.as_slice());
        assert_eq!(lines, EVERYTHING[..], "{order:?}");
    }
}

/// A section of one byte order after one of the other.
#[test]
fn sections_may_differ_in_byte_order() {
    let bytes = [
        everything(Order::Big).bytes,
        everything(Order::Little).bytes,
    ]
    .concat();
    let lines = told(bytes.as_slice());
    assert_eq!(lines.len(), 24);
    assert_eq!(lines[12], EVERYTHING[0]);
    assert_eq!(
        lines[15],
        "packet 7 of 3 ETHERNET at 1700000000000000001 [01, 02, 03]/60 Inbound # probe 1"
    );
}

#[test]
fn a_classic_file_is_read_in_either_byte_order_and_resolution() {
    for order in BOTH {
        for (magic, at) in [
            (0xa1b2_c3d4, 1_000_007_000_u64),
            (0xa1b2_3c4d, 1_000_000_007),
        ] {
            // Frame check sequences of 4 octets are announced above the link type.
            let file = File::pcap(order, magic, 0x4400_0001)
                .record([1, 7], 60, &[1, 2, 3])
                .record([1, 7], 0, &[]);
            let expected = [
                "section".to_owned(),
                "interface 0 ETHERNET to 262144".to_owned(),
                format!("packet 1 of 0 ETHERNET at {at} [01, 02, 03]/60"),
                format!("packet 2 of 0 ETHERNET at {at} []/0"),
            ];
            assert_eq!(told(file.bytes.as_slice()), expected, "{order:?} {magic:x}");
        }
    }
}

#[test]
fn the_lengths_of_old_classic_files_stand_the_other_way_round() {
    let check = |minor: u8, lengths: [u8; 2], expected: &str| {
        let mut bytes = File::pcap(Order::Little, 0xa1b2_c3d4, 1)
            .record([0, 0], lengths[1].into(), &[9])
            .bytes;
        bytes[6] = minor;
        bytes[24 + 8] = lengths[0];
        assert_eq!(told(bytes.as_slice())[2], expected, "2.{minor} {lengths:?}");
    };
    let packet = "packet 1 of 0 ETHERNET at 0 [09]/60";
    check(4, [1, 60], packet);
    check(3, [1, 60], packet);
    check(3, [60, 1], packet);
    check(2, [60, 1], packet);
}
