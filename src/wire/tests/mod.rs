//! Byte constants ↔ values, both ways, and every cut and bit flip of them.

mod peek;
mod samples;

use std::net::IpAddr;

use proptest::prelude::*;

use samples::*;

use super::compose::{self, Envelope, Uncomposable};
use super::dissect::{Content, Malformed, Message, Packet, dissect};
use super::icmp::{Echo, Kind};
use super::quote::{Carried, Quote};
use super::tcp::{Flags, Options, Segment};
use super::{Fragment, fragment, protocol};

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn envelope_v4() -> Envelope {
    Envelope {
        source: address("10.9.0.2"),
        destination: address("10.9.3.10"),
        ttl: 64,
        traffic_class: 0x48,
        identification: 0x1234,
        flow_label: 0,
        dont_fragment: true,
    }
}

fn envelope_v6() -> Envelope {
    Envelope {
        source: address("fd09::2"),
        destination: address("fd09:3::10"),
        flow_label: 0x12345,
        ..envelope_v4()
    }
}

fn syn(mss: u16, window: u16) -> Segment {
    Segment {
        window,
        options: Options::linux_client(mss, 0x0102_0304),
        ..Segment::bare(40001, 3306, 0xdead_beef, 0, Flags::SYN)
    }
}

const ECHO: Kind = Kind::EchoRequest(Echo {
    identifier: 0x1234,
    sequence: 0x5678,
});

/// The packet that `envelope` around `content` dissects to.
fn packet(envelope: &Envelope, content: Content) -> Packet {
    let v6 = envelope.source.is_ipv6();
    Packet {
        source: envelope.source,
        destination: envelope.destination,
        ttl: envelope.ttl,
        traffic_class: envelope.traffic_class,
        flow_label: v6.then_some(envelope.flow_label),
        identification: (!v6).then_some(u32::from(envelope.identification)),
        dont_fragment: envelope.dont_fragment,
        fragment: None,
        content,
    }
}

#[test]
fn a_syn_is_composed_and_dissected_octet_by_octet() {
    for (envelope, segment, bytes) in [
        (envelope_v4(), syn(1460, 64240), SYN_V4),
        (envelope_v6(), syn(1440, 64800), SYN_V6),
    ] {
        assert_eq!(compose::segment(&envelope, &segment).unwrap(), bytes);
        let expected = packet(&envelope, Content::Tcp(segment));
        assert_eq!(dissect(bytes), Ok(expected));
    }
}

#[test]
fn an_echo_request_is_composed_and_dissected_octet_by_octet() {
    let body = [1, 2, 3, 4, 5, 6, 7, 8];
    for (envelope, bytes) in [(envelope_v4(), ECHO_V4), (envelope_v6(), ECHO_V6)] {
        let envelope = Envelope {
            traffic_class: 0,
            ..envelope
        };
        assert_eq!(compose::message(&envelope, ECHO, &body).unwrap(), bytes);
        let content = Content::Icmp(Message {
            kind: ECHO,
            quote: None,
            opening: Some(body),
            payload_length: 8,
        });
        assert_eq!(dissect(bytes), Ok(packet(&envelope, content)));
    }
}

#[test]
fn a_syn_ack_shows_its_options_and_acknowledgment() {
    let Content::Tcp(segment) = dissect(SYN_ACK_V4).unwrap().content else {
        panic!("not TCP");
    };
    assert_eq!(segment.flags, Flags::SYN.with(Flags::ACK));
    assert_eq!(segment.acknowledgment, 0xdead_bef0);
    assert_eq!(segment.window, 65160);
    assert_eq!(segment.payload_length, 0);
    assert_eq!(
        segment.options,
        Options {
            mss: Some(1460),
            sack_permitted: true,
            timestamps: None,
            window_scale: Some(7),
            selective: None,
        }
    );
}

#[test]
fn a_quote_of_eight_octets_still_names_ports_and_sequence() {
    let Content::Icmp(message) = dissect(TIME_EXCEEDED_V4).unwrap().content else {
        panic!("not ICMP");
    };
    assert_eq!(message.kind, Kind::TimeExceeded);
    assert_eq!(
        message.quote,
        Some(Quote {
            source: address("10.9.0.2"),
            destination: address("10.9.3.10"),
            ttl: 1,
            traffic_class: 0x48,
            identification: Some(0x1234),
            fragment: None,
            protocol: protocol::TCP,
            carried: Carried::Tcp {
                source_port: 40001,
                destination_port: 3306,
                sequence: 0xdead_beef,
            },
        })
    );
}

#[test]
fn a_quoted_ipv6_fragment_names_ports_and_sequence_behind_its_header() {
    let Content::Icmp(message) = dissect(REASSEMBLY_TIMEOUT_V6).unwrap().content else {
        panic!("not ICMPv6");
    };
    assert_eq!(message.kind, Kind::ReassemblyTimeout);
    let quote = message.quote.unwrap();
    assert_eq!(quote.identification, Some(0xcafe_0001));
    assert_eq!(
        quote.fragment,
        Some(Fragment {
            offset: 0,
            more: true
        })
    );
    assert_eq!(
        quote.carried,
        Carried::Tcp {
            source_port: 40001,
            destination_port: 3306,
            sequence: 0xdead_beef,
        }
    );
}

#[test]
fn a_quote_shorter_than_eight_octets_carries_nothing() {
    for length in 20..28 {
        let quote = Quote::read(&SYN_V4[..length]).unwrap();
        assert_eq!(quote.carried, Carried::Nothing, "{length}");
    }
    assert_eq!(Quote::read(&SYN_V4[..19]), None);
    let echo = Quote::read(&ECHO_V4[..28]).unwrap();
    let Kind::EchoRequest(expected) = ECHO else {
        panic!("an echo request");
    };
    assert_eq!(echo.carried, Carried::EchoRequest(expected));
}

#[test]
fn the_first_fragment_keeps_the_whole_segment() {
    for (whole, identification, bytes) in [
        (SYN_V4, 0xcafe, FRAGMENT_V4),
        (SYN_V6, 0xcafe_0001, FRAGMENT_V6),
    ] {
        let made = fragment::first(whole, identification).unwrap();
        assert_eq!(made, bytes);
        let packet = dissect(bytes).unwrap();
        assert_eq!(packet.identification, Some(identification));
        assert!(!packet.dont_fragment);
        assert_eq!(
            packet.fragment,
            Some(Fragment {
                offset: 0,
                more: true
            })
        );
        assert_eq!(packet.content, dissect(whole).unwrap().content);
    }
    let bare = Segment::bare(1, 2, 3, 0, Flags::ACK);
    let odd = compose::segment(&envelope_v4(), &bare).unwrap();
    assert_eq!(fragment::first(&odd, 1), Err(Uncomposable::OddFragment));
    assert_eq!(fragment::first(&[], 1), Err(Uncomposable::NotADatagram));
}

#[test]
fn a_later_fragment_is_told_from_a_first_one() {
    let mut v4 = FRAGMENT_V4.to_vec();
    v4[7] = 5;
    assert_eq!(
        dissect(&v4).unwrap().content,
        Content::LaterFragment { protocol: 6 }
    );
    let mut v6 = FRAGMENT_V6.to_vec();
    v6[43] = 40;
    let packet = dissect(&v6).unwrap();
    assert_eq!(packet.content, Content::LaterFragment { protocol: 6 });
    assert_eq!(
        packet.fragment,
        Some(Fragment {
            offset: 40,
            more: false
        })
    );
}

#[test]
fn padding_fills_a_syn_to_the_octet_asked_for() {
    for envelope in [envelope_v4(), envelope_v6()] {
        for length in [0, 79, 80, 81, 576, 1499, 1500, 9000, u16::MAX] {
            let mut segment = syn(1460, 64240);
            segment.payload_length = compose::payload_to_fill(&envelope, &segment, length);
            let natural = envelope.header_length() + segment.header_length();
            let bytes = compose::segment(&envelope, &segment).unwrap();
            assert_eq!(bytes.len(), usize::from(length.max(natural)));
            assert_eq!(
                dissect(&bytes).unwrap().content,
                Content::Tcp(segment),
                "{length}"
            );
        }
    }
}

#[test]
fn mixed_families_and_overlong_payloads_are_refused() {
    let mixed = Envelope {
        destination: address("fd09:3::10"),
        ..envelope_v4()
    };
    assert_eq!(
        compose::segment(&mixed, &syn(1, 1)),
        Err(Uncomposable::MixedFamilies)
    );
    assert_eq!(
        compose::message(&mixed, ECHO, &[]),
        Err(Uncomposable::MixedFamilies)
    );
    let mut long = syn(1460, 1);
    long.payload_length = u16::MAX;
    assert_eq!(
        compose::segment(&envelope_v4(), &long),
        Err(Uncomposable::TooLong)
    );
}

#[test]
fn what_is_no_datagram_says_why() {
    for (bytes, expected) in [
        (&[][..], Malformed::Empty),
        (&[0x20], Malformed::Version(2)),
        (&[0x44; 20], Malformed::IpHeaderLength),
        (&SYN_V4[..19], Malformed::IpHeaderCut),
        (&SYN_V4[..39], Malformed::TcpHeader),
        (&SYN_V6[..39], Malformed::IpHeaderCut),
        (&FRAGMENT_V6[..47], Malformed::ExtensionCut),
        (&ECHO_V4[..27], Malformed::IcmpHeader),
    ] {
        assert_eq!(dissect(bytes), Err(expected));
    }
}

#[test]
fn link_padding_and_zero_length_fields_do_not_change_the_segment() {
    let padded = [SYN_V4, &[0; 6]].concat();
    assert_eq!(dissect(&padded), dissect(SYN_V4));
    let mut zero = SYN_V4.to_vec();
    zero[2..4].fill(0);
    assert_eq!(
        dissect(&zero).unwrap().content,
        dissect(SYN_V4).unwrap().content
    );
}

#[test]
fn a_wrong_transport_checksum_is_no_reason_to_reject() {
    let mut partial = SYN_ACK_V4.to_vec();
    partial[36] ^= 0xff;
    assert_eq!(dissect(&partial), dissect(SYN_ACK_V4));
}

#[test]
fn no_cut_and_no_flipped_bit_panics() {
    for bytes in [
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
        for length in 0..bytes.len() {
            let _ = dissect(&bytes[..length]);
            let _ = Quote::read(&bytes[..length]);
            let _ = fragment::first(&bytes[..length], 7);
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let _ = dissect(&flipped);
            let _ = Quote::read(&flipped);
            let _ = fragment::first(&flipped, 7);
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), version in 0_u8..16) {
        let _ = dissect(&bytes);
        let mut versioned = bytes;
        if let Some(first) = versioned.first_mut() {
            *first = (version << 4) | (*first & 0x0f);
        }
        let _ = dissect(&versioned);
        let _ = Quote::read(&versioned);
        let _ = fragment::first(&versioned, 1);
    }

    #[test]
    fn every_segment_survives_both_ways(
        ports in any::<(u16, u16)>(),
        numbers in any::<(u32, u32)>(),
        flags in any::<u8>(),
        window in any::<u16>(),
        mss in any::<Option<u16>>(),
        sack_permitted in any::<bool>(),
        timestamps in any::<Option<(u32, u32)>>(),
        window_scale in any::<Option<u8>>(),
        payload_length in 0_u16..2000,
        v6 in any::<bool>(),
    ) {
        let segment = Segment {
            window,
            options: Options { mss, sack_permitted, timestamps, window_scale, selective: None },
            payload_length,
            ..Segment::bare(ports.0, ports.1, numbers.0, numbers.1, Flags::from_bits(flags))
        };
        let envelope = if v6 { envelope_v6() } else { envelope_v4() };
        let bytes = compose::segment(&envelope, &segment).unwrap();
        prop_assert_eq!(dissect(&bytes).unwrap().content, Content::Tcp(segment));
    }
}
