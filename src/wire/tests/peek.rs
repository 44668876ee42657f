//! A peek agrees with a dissection, of whatever bytes; both make do with what a cut leaves.

use proptest::prelude::*;

use super::super::peek::{Outline, Peeked, Sight, peek};
use super::samples::*;
use super::*;

/// What a glance is to show of a packet.
fn seen(packet: &Packet) -> Peeked {
    Peeked {
        source: packet.source,
        destination: packet.destination,
        ttl: packet.ttl,
        is_fragment: packet.fragment.is_some(),
        sight: match packet.content {
            Content::Tcp(segment) => Sight::Tcp(Outline {
                source_port: segment.source_port,
                destination_port: segment.destination_port,
                sequence: segment.sequence,
                acknowledgment: segment.acknowledgment,
                flags: segment.flags,
                window: segment.window,
                payload_length: segment.payload_length,
                selective: segment
                    .options
                    .selective
                    .filter(|_| segment.payload_length == 0),
            }),
            Content::Icmp(_) => Sight::Icmp,
            Content::LaterFragment { .. } => Sight::LaterFragment,
            Content::Other { protocol } => Sight::Other(protocol),
        },
    }
}

fn check(bytes: &[u8]) {
    let expected = dissect(bytes).ok().as_ref().map(seen);
    assert_eq!(peek(bytes), expected, "{bytes:02x?}");
}

#[test]
fn it_agrees_on_every_sample_cut_anywhere_with_any_bit_flipped() {
    for sample in [
        SYN_V4,
        SYN_V6,
        SYN_ACK_V4,
        ECHO_V4,
        ECHO_V6,
        TIME_EXCEEDED_V4,
        FRAGMENT_V4,
        FRAGMENT_V6,
        REASSEMBLY_TIMEOUT_V6,
    ] {
        assert!(peek(sample).is_some());
        for length in 0..=sample.len() {
            check(&sample[..length]);
        }
        for bit in 0..sample.len() * 8 {
            let mut flipped = sample.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            check(&flipped);
        }
    }
}

#[test]
fn options_that_a_snapshot_length_cuts_through_are_read_as_far_as_they_go() {
    let whole = syn(1460, 64240);
    let check = |length: usize, options: Options| {
        let segment = Segment { options, ..whole };
        let content = dissect(&SYN_V4[..length]).unwrap().content;
        assert_eq!(content, Content::Tcp(segment), "{length}");
    };
    let mss = Options {
        mss: Some(1460),
        ..Options::NONE
    };
    check(60, whole.options);
    check(
        59,
        Options {
            window_scale: None,
            ..whole.options
        },
    );
    check(
        54,
        Options {
            sack_permitted: true,
            ..mss
        },
    );
    check(44, mss);
    check(43, Options::NONE);
    check(40, Options::NONE);
    let mut lying = SYN_V4[..40].to_vec();
    lying[3] = 40;
    assert_eq!(dissect(&lying), Err(Malformed::TcpHeader));
}

#[test]
fn only_what_begins_and_ends_connections_is_more_than_plain() {
    let check = |flags: Flags, plain: bool| {
        let segment = Segment::bare(1, 2, 3, 4, flags);
        let bytes = compose::segment(&envelope_v4(), &segment).unwrap();
        let Sight::Tcp(outline) = peek(&bytes).unwrap().sight else {
            panic!("a segment was composed");
        };
        assert_eq!(outline.is_plain(), plain, "{flags:?}");
    };
    check(Flags::ACK, true);
    check(Flags::ACK.with(Flags::PSH).with(Flags::ECE), true);
    check(Flags::NONE, true);
    check(Flags::SYN, false);
    check(Flags::SYN.with(Flags::ACK), false);
    check(Flags::FIN.with(Flags::ACK), false);
    check(Flags::RST, false);
}

/// A transport or extension header of any content, made to be one more often than chance would.
fn header() -> impl Strategy<Value = Vec<u8>> {
    let next = prop::sample::select(vec![0, 1, 6, 17, 43, 44, 51, 58, 60]);
    (next, 0_u8..3, prop::collection::vec(any::<u8>(), 6..22))
        .prop_map(|(next, length, rest)| [vec![next, length], rest].concat())
}

proptest! {
    #[test]
    fn it_agrees_on_any_headers(
        version in prop::sample::select(vec![0x45_u8, 0x46, 0x60, 0x4f, 0x44]),
        mut fixed in prop::collection::vec(any::<u8>(), 40),
        total in prop_oneof![Just(0_u16), 0_u16..200, any::<u16>()],
        protocol in prop::sample::select(vec![0_u8, 1, 6, 17, 43, 44, 51, 58, 60]),
        position in prop_oneof![Just(0_u16), Just(0x4000), Just(0x2000), any::<u16>()],
        headers in prop::collection::vec(header(), 0..4),
        offset in prop_oneof![3 => Just(0x50_u8), 1 => any::<u8>()],
        rest in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        fixed[0] = version;
        let mut bytes = if version >> 4 == 4 {
            fixed[2..4].copy_from_slice(&total.to_be_bytes());
            fixed[6..8].copy_from_slice(&position.to_be_bytes());
            fixed[9] = protocol;
            fixed[..20].to_vec()
        } else {
            fixed[4..6].copy_from_slice(&total.to_be_bytes());
            fixed[6] = protocol;
            [fixed, headers.concat()].concat()
        };
        let mut rest = rest;
        if let Some(octet) = rest.get_mut(12) {
            *octet = offset;
        }
        bytes.extend(rest);
        check(&bytes);
    }

    #[test]
    fn it_agrees_on_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        check(&bytes);
    }
}
