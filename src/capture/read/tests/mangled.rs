//! Files that end early, have an octet wrong, come in pieces, or are no capture at all.

use std::io::{self, Cursor, ErrorKind, Write};

use proptest::prelude::*;

use super::*;

/// What of a damage can be compared: place, block, packet, reason, whether it is the end.
fn first_damage(bytes: &[u8]) -> (usize, Option<Damage>) {
    let mut reader = match Reader::open(bytes) {
        Ok(reader) => reader,
        Err(_) => return (0, None),
    };
    let mut items = 0;
    while let Some(item) = reader.next_item() {
        match item {
            Ok(_) => items += 1,
            Err(damage) => return (items, Some(damage)),
        }
    }
    (items, None)
}

fn samples() -> Vec<File> {
    let mut samples: Vec<File> = BOTH.into_iter().map(everything).collect();
    for order in BOTH {
        for magic in [0xa1b2_c3d4, 0xa1b2_3c4d] {
            samples.push(
                File::pcap(order, magic, 1)
                    .record([1, 7], 60, &[1, 2, 3])
                    .record([2, 7], 60, &[])
                    .record([3, 7], 60, &[4; 20]),
            );
        }
    }
    samples
}

#[test]
fn a_file_that_ends_early_is_read_up_to_the_last_whole_block() {
    for file in samples() {
        let whole = told(file.bytes.as_slice());
        let first = file.starts[0];
        for end in first.max(12)..file.bytes.len() {
            let lines = told(&file.bytes[..end]);
            let start = *file.starts.iter().rfind(|start| **start <= end).unwrap();
            let (items, damage) = match lines.split_last() {
                Some((last, before)) if last.starts_with("end") => (before, Some(last)),
                _ => (lines.as_slice(), None),
            };
            assert_eq!(items, &whole[..items.len()], "cut at {end}");
            match damage {
                None => assert_eq!(start, end, "an undamaged end is one between blocks"),
                Some(damage) => {
                    let block = file
                        .starts
                        .iter()
                        .position(|known| *known == start)
                        .unwrap()
                        + 1;
                    let place = format!("end at {start} block {block} ");
                    assert!(damage.starts_with(&place), "cut at {end}: {damage}");
                    let present = format!("present: {} }}", end - start);
                    assert!(damage.ends_with(&present), "cut at {end}: {damage}");
                }
            }
        }
        for end in 0..first.max(12) {
            assert!(Reader::open(&file.bytes[..end]).is_err(), "cut at {end}");
        }
    }
}

#[test]
fn a_flipped_bit_changes_nothing_before_its_block() {
    for file in samples() {
        let header = if file.starts[0] == 0 {
            12
        } else {
            file.starts[0]
        };
        let whole = told(file.bytes.as_slice());
        // How many items are told before each block.
        let before: Vec<usize> = file
            .starts
            .iter()
            .map(
                |start| match first_damage(&file.bytes[..(*start).max(header)]) {
                    (items, None) => items,
                    (items, Some(_)) => items,
                },
            )
            .collect();
        for bit in header * 8..file.bytes.len() * 8 {
            let mut bytes = file.bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let block = file
                .starts
                .iter()
                .rposition(|start| *start <= bit / 8)
                .unwrap();
            let lines = told(bytes.as_slice());
            assert!(lines.len() <= whole.len() + file.starts.len(), "bit {bit}");
            assert_eq!(lines[..before[block]], whole[..before[block]], "bit {bit}");
            if let (_, Some(damage)) = first_damage(&bytes) {
                let position = usize::try_from(damage.position).unwrap();
                assert!(position >= file.starts[block], "bit {bit}: {damage:?}");
                assert!(position <= bytes.len(), "bit {bit}: {damage:?}");
            }
        }
        for bit in 0..header * 8 {
            let mut bytes = file.bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            told(bytes.as_slice());
        }
    }
}

/// Gives a file in pieces of one octet, with interruptions, and fails in the end if told so.
struct Dribble<'a>(&'a [u8], bool, Option<ErrorKind>);

impl Read for Dribble<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(ErrorKind::Interrupted.into());
        }
        match (self.0, self.2) {
            ([], Some(kind)) => Err(kind.into()),
            ([first, rest @ ..], _) if !into.is_empty() => {
                into[0] = *first;
                self.0 = rest;
                Ok(1)
            }
            _ => Ok(0),
        }
    }
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstandard(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_file_may_come_in_pieces_and_compressed() {
    for file in samples() {
        let bytes = file.bytes.as_slice();
        let whole = told(bytes);
        assert_eq!(told(Dribble(bytes, false, None)), whole);
        for compressed in [gzipped, zstandard] {
            assert_eq!(told(compressed(bytes).as_slice()), whole);
            assert_eq!(told(Dribble(&compressed(bytes), false, None)), whole);
            let (front, back) = bytes.split_at(bytes.len() / 2);
            let parts = [compressed(front), compressed(back)].concat();
            assert_eq!(told(parts.as_slice()), whole, "of two members");
        }
    }
    let file = everything(Order::Big).bytes;
    let compression = |bytes: &[u8]| Reader::open(bytes).unwrap().compression();
    assert_eq!(compression(&file), None);
    assert_eq!(compression(&gzipped(&file)), Some(Compression::Gzip));
    assert_eq!(compression(&zstandard(&file)), Some(Compression::Zstd));
}

#[test]
fn a_refusal_to_read_on_is_told_after_everything_before_it() {
    let file = everything(Order::Little);
    let whole = told(file.bytes.as_slice());
    let size = file.bytes.len();
    let blocks = file.starts.len() + 1;
    let mut expected = whole.clone();
    let kind = ErrorKind::PermissionDenied;
    expected.push(format!(
        "end at {size} block {blocks} packet 6: Io({kind:?})"
    ));
    assert_eq!(told(Dribble(&file.bytes, false, Some(kind))), expected);
    let compressed = gzipped(&file.bytes);
    assert_eq!(told(Dribble(&compressed, false, Some(kind))), expected);
    for refused in [&[][..], &file.bytes[..3], &compressed[..3]] {
        let opened = Reader::open(Dribble(refused, false, Some(kind)));
        assert_eq!(opened.map(|_| ()), Err(Unreadable::Io(kind)));
    }
}

#[test]
fn a_compressed_file_that_is_cut_or_corrupt_is_read_as_far_as_it_goes() {
    let file = everything(Order::Little);
    let whole = told(file.bytes.as_slice());
    for compressed in [gzipped(&file.bytes), zstandard(&file.bytes)] {
        for end in 4..compressed.len() {
            let lines = told(&compressed[..end]);
            let (last, before) = lines.split_last().unwrap();
            assert_eq!(before, &whole[..before.len()], "cut at {end}");
            assert!(last.contains("Compressed(Cut)"), "cut at {end}: {last}");
        }
        for bit in 32..compressed.len() * 8 {
            let mut bytes = compressed.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            // A flip may also hit a name or a time of the header, which nothing depends on.
            told(bytes.as_slice());
        }
        let mut bytes = compressed.clone();
        *bytes.last_mut().unwrap() ^= 1;
        let lines = told(bytes.as_slice());
        assert!(
            lines.last().unwrap().contains("Compressed(Corrupt)"),
            "{lines:?}"
        );
    }
}

#[test]
fn what_was_inflated_before_a_corrupt_place_is_not_lost() {
    let mut file = File::pcapng(Order::Little);
    let mut noise = fastrand::Rng::with_seed(1);
    for at in 0..4096 {
        let packet: Vec<u8> = std::iter::repeat_with(|| noise.u8(..)).take(1000).collect();
        file = file.packet(0, at, 1000, &packet, &[]);
    }
    let mut compressed = gzipped(&file.bytes);
    let middle = compressed.len() / 2;
    compressed[middle..middle + 64].fill(0xff);
    let mut reader = Reader::open(compressed.as_slice()).unwrap();
    while let Some(Ok(_)) = reader.next_item() {}
    // The stream may go wrong only some way behind the place, and its checksum at the very end.
    assert!(reader.position() > 2_000_000, "{}", reader.position());
}

#[test]
fn a_window_larger_than_memory_allows_is_refused_as_such() {
    let check = |log: u32, expected: Result<(), Unreadable>| {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(log).unwrap();
        encoder.long_distance_matching(true).unwrap();
        encoder.write_all(&everything(Order::Big).bytes).unwrap();
        // The size is then unknown when the header is written, so the window stands in it.
        encoder.flush().unwrap();
        let bytes = encoder.finish().unwrap();
        assert_eq!(
            Reader::open(bytes.as_slice()).map(|_| ()),
            expected,
            "{log}"
        );
    };
    check(27, Ok(()));
    check(28, Err(Unreadable::Compressed(Broken::Window)));
}

/// Whatever a length claims, memory grows with what is there.
#[test]
fn memory_follows_what_is_there_and_not_what_is_claimed() {
    let claims = [
        File::pcapng(Order::Big).framed(0x99, [LONGEST_BLOCK; 2], &[0; 24]),
        File::pcapng(Order::Big).framed(6, [u32::MAX - 3; 2], &[0; 24]),
        File::pcap(Order::Big, 0xa1b2_c3d4, 1).record([0, 0], u32::MAX, &[]),
    ];
    for file in claims {
        let mut reader = Reader::open(file.bytes.as_slice()).unwrap();
        while reader.next_item().is_some() {}
        assert!(reader.source.memory() <= 1 << 20);
    }
    let mut file = File::pcapng(Order::Big);
    for _ in 0..8 {
        file = file.block(0x99, &vec![0; 15 << 20]);
    }
    let mut reader = Reader::open(Cursor::new(file.bytes)).unwrap();
    while let Some(item) = reader.next_item() {
        assert_eq!(item.err(), None);
    }
    assert!(reader.source.memory() <= 32 << 20);
}

/// Options of any codes, with lengths that are mostly right.
fn options() -> impl Strategy<Value = Vec<u8>> {
    let option = (
        0_u16..16,
        prop::collection::vec(any::<u8>(), 0..12),
        0_u16..20,
    );
    prop::collection::vec(option, 0..4).prop_map(|options| {
        let mut bytes = Vec::new();
        for (code, mut value, wrong) in options {
            let length = u16::try_from(value.len()).unwrap();
            bytes.extend(code.to_le_bytes());
            bytes.extend(if wrong == 0 { length + 99 } else { length }.to_le_bytes());
            value.resize(value.len().next_multiple_of(4), 0);
            bytes.extend(value);
        }
        bytes
    })
}

/// A block of any kind, framed well for the most part, with fields that mean something.
fn block() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop_oneof![
        8 => Just(6_u32),
        3 => 0_u32..11,
        1 => Just(0x0a0d_0d0a),
        1 => any::<u32>(),
    ];
    let field = prop_oneof![4 => 0_u32..40, 1 => Just(0x1a2b_3c4d), 1 => any::<u32>()];
    let fields = prop::collection::vec(field, 0..8);
    let octets = prop::collection::vec(any::<u8>(), 0..40);
    (kind, fields, octets, options(), 0_u8..30, 0_u8..30).prop_map(
        |(kind, fields, mut body, options, front, back)| {
            body.resize(body.len().next_multiple_of(4), 0);
            let fields = fields.into_iter().flat_map(u32::to_le_bytes);
            let body: Vec<u8> = fields.chain(body).chain(options).collect();
            let length = u32::try_from(body.len() + 12).unwrap();
            let mut block = kind.to_le_bytes().to_vec();
            block.extend((length - u32::from(front == 0)).to_le_bytes());
            block.extend(body);
            block.extend((length + u32::from(back == 0)).to_le_bytes());
            block
        },
    )
}

proptest! {
    #[test]
    fn any_soup_of_blocks_is_read_to_its_end(
        blocks in prop::collection::vec(block(), 0..40),
        tail in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let mut bytes = File::pcapng(Order::Little).bytes;
        bytes.extend(blocks.concat());
        bytes.extend(&tail);
        let mut reader = Reader::open(bytes.as_slice()).unwrap();
        let (mut position, mut damaged, mut packets, mut items) = (0, 0, 0, 0);
        while let Some(item) = reader.next_item() {
            match item {
                Ok(Item::Packet(packet)) => {
                    prop_assert!(packet.number > packets);
                    packets = packet.number;
                    prop_assert!(packet.bytes.len() <= 300);
                }
                Ok(_) => {}
                Err(damage) => {
                    prop_assert!(damage.position >= damaged);
                    damaged = damage.position;
                }
            }
            prop_assert!(reader.position() >= position);
            position = reader.position();
            items += 1;
        }
        // A block tells one thing, and one damage at most; then there is the end.
        prop_assert!(items <= 2 * (bytes.len() / 12) + 1);
        prop_assert!(position <= u64::try_from(bytes.len()).unwrap());
    }

    #[test]
    fn any_bytes_are_read_to_their_end(
        magic in prop::sample::select(vec![
            &b"\n\r\r\n\x1c\0\0\0\x4d\x3c\x2b\x1a"[..],
            b"\xd4\xc3\xb2\xa1\x02\0\x04\0",
            b"\xa1\xb2\x3c\x4d\0\x02\0\x04",
            b"\x1f\x8b\x08\0",
            b"\x28\xb5\x2f\xfd",
            b"",
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        told([magic, &rest].concat().as_slice());
    }
}
