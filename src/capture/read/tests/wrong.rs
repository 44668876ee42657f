//! Files that are wrong in one place: what is said of it, and whether reading goes on behind it.

use super::*;

#[test]
fn what_is_no_capture_is_refused_by_name() {
    let check = |bytes: &[u8], expected: Unreadable| {
        assert_eq!(Reader::open(bytes).map(|_| ()), Err(expected), "{bytes:x?}");
        assert_ne!(expected.to_string(), "");
    };
    let foreign = |foreign| Unreadable::Foreign { foreign };
    check(b"", Unreadable::Empty);
    check(b"\n\r\r", Unreadable::HeaderCut { present: 3 });
    check(
        b"\xa1\xb2\xc3\xd4\0\x02",
        Unreadable::HeaderCut { present: 6 },
    );
    check(b"#!/bin/sh", Unreadable::NotCapture { magic: *b"#!/b" });
    check(
        b"\n\r\r\n\0\0\0\x1cGET /",
        Unreadable::NotCapture {
            magic: *b"\n\r\r\n",
        },
    );
    check(&[0xa1, 0xb2, 0xcd, 0x34], foreign(Foreign::ModifiedPcap));
    check(&[0x34, 0xcd, 0xb2, 0xa1], foreign(Foreign::ModifiedPcap));
    check(&[0x1c, 0, 1, 0xac], foreign(Foreign::IxiaPcap));
    check(b"snoop\0\0\0", foreign(Foreign::Snoop));
    check(b"GMBU\0\x02", foreign(Foreign::NetworkMonitor));
    check(b"\xfd7zXZ\0", foreign(Foreign::Xz));
    check(b"BZh91AY", foreign(Foreign::Bzip2));
    check(b"\x04\"M\x18", foreign(Foreign::Lz4));
    check(b"PK\x03\x04", foreign(Foreign::Zip));
    let mut old = File::pcap(Order::Big, 0xa1b2_c3d4, 1).bytes;
    old[5] = 3;
    check(&old, Unreadable::Version { major: 3, minor: 4 });
    check(&[0x1f, 0x8b], Unreadable::Compressed(Broken::Cut));
    check(
        &[0x1f, 0x8b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        Unreadable::Compressed(Broken::Corrupt),
    );
    check(
        &[0x28, 0xb5, 0x2f, 0xfd],
        Unreadable::Compressed(Broken::Cut),
    );
}

#[test]
fn a_block_wrong_inside_is_left_out_and_one_of_wrong_length_is_the_end() {
    // The interface ends at 48; the damaged block begins there, and one packet follows it.
    let check = |damaged: &dyn Fn(File) -> File, expected: &[&str]| {
        for order in BOTH {
            let file = damaged(File::pcapng(order)).packet(0, 1, 1, &[7], &[]);
            assert_eq!(told(file.bytes.as_slice())[2..], *expected, "{order:?}");
        }
    };
    let next = "packet 2 of 0 ETHERNET at 1000 [07]/1";
    check(
        &|file| file.packet(3, 1, 1, &[7], &[]),
        &[
            "damage at 48 block 3 packet 1: UnknownInterface { interface: 3 }",
            next,
        ],
    );
    check(
        &|file| file.claiming(0, 1, [9, 9], &[1, 2, 3, 4, 5], &[]),
        &[
            "damage at 48 block 3 packet 1: CapturedBeyondBlock { length: 9, room: 8 }",
            next,
        ],
    );
    check(
        &|file| file.claiming(0, 1, [262_145, 9], &[1], &[]),
        &[
            "damage at 48 block 3 packet 1: CapturedTooLong { length: 262145 }",
            next,
        ],
    );
    check(
        &|file| file.block(6, &[0; 16]),
        &[
            "damage at 48 block 3 packet 1: BlockLength { declared: 28 }",
            next,
        ],
    );
    check(
        &|file| file.simple(9, &[1, 2, 3, 4, 5]),
        &[
            "damage at 48 block 3 packet 1: CapturedBeyondBlock { length: 9, room: 8 }",
            next,
        ],
    );
    check(
        &|file| {
            let options = [
                file.n16(1),
                file.n16(3),
                b"abc\0".to_vec(),
                file.n16(1),
                file.n16(5),
            ];
            let body = [vec![0; 20], options.concat(), b"abcd".to_vec()].concat();
            file.block(6, &body)
        },
        &[
            "packet 1 of 0 ETHERNET at 0 []/0 # abc",
            "damage at 48 block 3 packet 1: OptionBeyondBlock",
            next,
        ],
    );
    check(
        &|file| {
            let body = [file.n16(1), file.n16(9), vec![10, 9, 0, 1]].concat();
            file.block(4, &body)
        },
        &[
            "names",
            "damage at 48 block 3 packet 0: NameBeyondBlock",
            "packet 1 of 0 ETHERNET at 1000 [07]/1",
        ],
    );
    check(
        &|file| file.statistics(1, 0, &[]),
        &[
            "damage at 48 block 3 packet 0: UnknownInterface { interface: 1 }",
            "packet 1 of 0 ETHERNET at 1000 [07]/1",
        ],
    );
    check(
        &|file| file.block(1, &[0; 4]),
        &["end at 48 block 3 packet 0: BlockLength { declared: 16 }"],
    );
    check(
        &|file| file.framed(6, [36, 40], &[0; 24]),
        &["end at 48 block 3 packet 0: LengthsDiffer { front: 36, back: 40 }"],
    );
    for declared in [0, 8, 13, 15] {
        check(
            &|file| file.framed(6, [declared, declared], &[0; 24]),
            &[&format!(
                "end at 48 block 3 packet 0: BlockLength {{ declared: {declared} }}"
            )],
        );
    }
    check(
        &|file| file.framed(6, [LONGEST_BLOCK + 4; 2], &[0; 24]),
        &["end at 48 block 3 packet 0: BlockTooLong { declared: 16777220 }"],
    );
    check(
        &|file| file.framed(0x99, [LONGEST_BLOCK; 2], &[0; 24]),
        &["end at 48 block 3 packet 0: Cut { needed: 16777216, present: 72 }"],
    );
    check(
        &|file| file.block(0x0a0d_0d0a, &[0; 16]),
        &["end at 48 block 3 packet 0: ByteOrder"],
    );
    check(
        &|file| {
            let body = [file.n32(0x1a2b_3c4d), file.n16(2), file.n16(0), vec![0; 8]].concat();
            file.block(0x0a0d_0d0a, &body)
        },
        &["end at 48 block 3 packet 0: Version { major: 2, minor: 0 }"],
    );
}

#[test]
fn a_classic_record_too_long_to_believe_is_the_end() {
    let mut bytes = File::pcap(Order::Big, 0xa1b2_c3d4, 1)
        .record([1, 7], 60, &[1])
        .record([1, 7], 60, &[1])
        .bytes;
    bytes[41 + 8..41 + 12].copy_from_slice(&(LONGEST_PACKET + 1).to_be_bytes());
    let end = "end at 41 block 2 packet 1: CapturedTooLong { length: 262145 }";
    assert_eq!(told(bytes.as_slice())[3], end);
}

#[test]
fn a_section_has_no_more_interfaces_than_can_be_named() {
    let mut file = File::new(Order::Little).section(&[]);
    for _ in 0..=MOST_INTERFACES {
        file = file.interface(1, 0, &[]);
    }
    let lines = told(file.section(&[]).bytes.as_slice());
    assert_eq!(lines.len(), 1 + 65_536 + 1);
    assert_eq!(
        lines.last().unwrap(),
        "end at 1310748 block 65538 packet 0: TooManyInterfaces"
    );
}

#[test]
fn a_file_of_damages_ends_with_the_last_that_is_told() {
    let mut file = File::pcapng(Order::Little);
    for _ in 0..=MOST_DAMAGES {
        file = file.packet(7, 0, 0, &[], &[]);
    }
    let lines = told(file.bytes.as_slice());
    assert_eq!(lines.len(), 2 + usize::from(MOST_DAMAGES));
    let last = "end at 32016 block 1002 packet 1000: UnknownInterface { interface: 7 }";
    assert_eq!(lines.last().unwrap(), last);
}
