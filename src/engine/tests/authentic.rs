//! What is ours and what is not.

use super::*;
use crate::model::probe::{Dscp, Ttl};
use crate::model::reply::{Flaw, Quote, Refusal};

/// Feeds one arriving datagram; the answer recorded and the near misses counted.
fn heard(prober: &mut Prober, datagram: &[u8]) -> (Option<Answer>, u64) {
    prober.handle_frame(ms(3), TAP, datagram);
    (answer(prober), prober.near_misses())
}

#[test]
fn only_the_acknowledgment_of_our_own_number_is_an_answer() {
    let syn_ack = Some(Answer::SynAck {
        window: 0,
        mss: None,
    });
    let reset = Some(Answer::Reset);
    for (judge, flags, sequence, past, expected) in [
        (one_syn as Script, SYN_ACK, 9, 1, syn_ack),
        (one_syn, SYN_ACK, 9, 0, None),
        (one_syn, SYN_ACK, 9, 2, None),
        (one_syn, RST_ACK, 0, 1, reset),
        (one_syn, RST_ACK, 0, 7, None),
        (one_syn, Flags::RST, 0, 1, None),
        (one_syn, Flags::ACK, 0, 1, None),
        (one_long_syn, SYN_ACK, 9, 1, syn_ack),
        (one_long_syn, RST_ACK, 0, 441, reset),
        (one_long_syn, RST_ACK, 0, 440, None),
        (one_fin, RST_ACK, 0, 1, reset),
        (one_fin, SYN_ACK, 0, 1, None),
        (one_fragment, RST_ACK, 0, 1, reset),
    ] {
        let (mut prober, probe) = begun(judge, Family::V4);
        let number = sent_segment(&probe).sequence.wrapping_add(past);
        let datagram = segment_back(&probe, flags, sequence, number);
        let misses = u64::from(expected.is_none());
        assert_eq!(
            heard(&mut prober, &datagram),
            (expected, misses),
            "{flags:?} {past}"
        );
    }
}

#[test]
fn a_reset_of_an_ack_repeats_our_acknowledgment_number() {
    for (past, expected) in [(0, Some(Answer::Reset)), (1, None)] {
        let (mut prober, ack) = begun(one_ack, Family::V6);
        let number = sent_segment(&ack).acknowledgment.wrapping_add(past);
        let datagram = segment_back(&ack, Flags::RST, number, 0);
        assert_eq!(heard(&mut prober, &datagram).0, expected);
    }
}

/// A segment that answers a SYN, as it comes from `from` for `to`.
fn astray(syn: &Transmit, from: &str, port: u16, to: &str, flags: Flags) -> Vec<u8> {
    let sent = sent_segment(syn);
    let next = sent.sequence.wrapping_add(1);
    let segment = Segment::bare(port, sent.source_port, 9, next, flags);
    let envelope = Envelope {
        source: address(from),
        destination: address(to),
        ..back(&dissect(&syn.datagram).unwrap())
    };
    compose::segment(&envelope, &segment).unwrap()
}

#[test]
fn an_answer_for_another_host_is_not_ours() {
    let (mut prober, syn) = begun(one_syn, Family::V4);
    let datagram = astray(&syn, "10.9.3.10", 3306, "10.9.0.3", RST_ACK);
    assert_eq!(heard(&mut prober, &datagram).0, None);
    let trial = evidence(&prober).trials()[0].clone();
    assert!(trial.flawed.is_empty());
}

#[test]
fn an_answer_with_our_token_from_elsewhere_is_told_apart_from_the_right_one() {
    for (from, port, flags) in [
        ("10.9.3.11", 3306, SYN_ACK),
        ("10.9.3.11", 13306, SYN_ACK),
        ("10.9.3.10", 13306, SYN_ACK),
        ("10.9.3.11", 3306, RST_ACK),
    ] {
        let (mut prober, syn) = begun(one_syn, Family::V4);
        let datagram = astray(&syn, from, port, "10.9.0.2", flags);
        assert_eq!(heard(&mut prober, &datagram), (None, 0), "{from} {port}");
        let trial = evidence(&prober).trials()[0].clone();
        let [found] = trial.flawed.as_slice() else {
            panic!("{:?}", trial.flawed);
        };
        assert_eq!(found.reply.from, address(from));
        assert_eq!(found.reply.flaw, Some(Flaw::Misaddressed { port }));
        assert!(trial.is_pending());
    }
}

#[test]
fn an_answer_from_elsewhere_with_the_wrong_token_is_nobodys() {
    let (mut prober, syn) = begun(one_syn, Family::V4);
    let sent = sent_segment(&syn);
    let next = sent.sequence.wrapping_add(2);
    let segment = Segment::bare(3306, sent.source_port, 9, next, SYN_ACK);
    let envelope = Envelope {
        source: address("10.9.3.11"),
        ..back(&dissect(&syn.datagram).unwrap())
    };
    let datagram = compose::segment(&envelope, &segment).unwrap();
    assert_eq!(heard(&mut prober, &datagram), (None, 0));
    assert!(evidence(&prober).trials()[0].flawed.is_empty());
}

#[test]
fn what_an_answer_from_elsewhere_half_opens_is_closed_where_it_was_asked() {
    let (mut prober, syn) = begun(one_syn, Family::V4);
    let sent = sent_segment(&syn);
    let datagram = astray(&syn, "10.9.3.11", 13306, "10.9.0.2", SYN_ACK);
    prober.handle_frame(ms(3), TAP, &datagram);
    let reset = transmit(&mut prober, ms(33));
    let closing = dissect(&reset.datagram).unwrap();
    assert_eq!(closing.destination, address("10.9.3.10"));
    assert_eq!(reset.destination, closing.destination);
    let Content::Tcp(segment) = closing.content else {
        panic!("{closing:?}");
    };
    assert_eq!(segment.flags, Flags::RST);
    assert_eq!(segment.destination_port, 3306);
    assert_eq!(segment.sequence, sent.sequence.wrapping_add(1));
}

#[test]
fn a_wrong_checksum_is_no_answer_unless_the_kernel_vouches_for_it() {
    for family in [Family::V4, Family::V6] {
        for (heard, at, counts) in [
            (TAP, 16, false),
            (TAP, 9, false),
            (Heard::Vouched, 16, true),
            (STACK, 16, true),
        ] {
            let (mut prober, syn) = begun(one_syn, family);
            let next = sent_segment(&syn).sequence.wrapping_add(1);
            let mut datagram = segment_back(&syn, SYN_ACK, 9, next);
            let start = if family == Family::V4 { 20 } else { 40 };
            // The checksum itself, or of the acknowledged number no octet: the server's own number.
            let at = if at == 9 { start + 4 } else { start + at };
            datagram[at] ^= 1;
            prober.handle_frame(ms(3), heard, &datagram);
            let trial = evidence(&prober).trials()[0].clone();
            assert_eq!(trial.replies.len(), usize::from(counts), "{heard:?}");
            assert_eq!(trial.flawed.len(), usize::from(!counts), "{heard:?}");
        }
    }
}

#[test]
fn nothing_vouches_for_a_wrong_checksum_of_the_ip_header() {
    let (mut prober, syn) = begun(one_syn, Family::V4);
    let next = sent_segment(&syn).sequence.wrapping_add(1);
    let mut datagram = segment_back(&syn, SYN_ACK, 9, next);
    datagram[10] ^= 1;
    prober.handle_frame(ms(3), Heard::Vouched, &datagram);
    assert_eq!(answer(&prober), None);
    assert_eq!(evidence(&prober).trials()[0].flawed.len(), 1);
}

#[test]
fn an_icmp_error_with_a_wrong_checksum_is_no_answer() {
    for family in [Family::V4, Family::V6] {
        let (mut prober, syn) = begun(one_syn, family);
        let mut datagram = error_about(&syn.datagram, icmp::Kind::Unreachable(1), 60);
        let last = datagram.len() - 1;
        datagram[last] ^= 1;
        prober.handle_frame(ms(3), TAP, &datagram);
        assert_eq!(answer(&prober), None);
        assert_eq!(evidence(&prober).trials()[0].flawed.len(), 1);
    }
}

#[test]
fn an_error_that_quotes_eight_octets_of_our_segment_is_ours() {
    let quote = Quote {
        dscp: Dscp::ZERO,
        ttl: Ttl(64),
        foreign_source: None,
        foreign_destination: None,
    };
    for (family, headers, kind, expected) in [
        (
            Family::V4,
            20,
            icmp::Kind::TimeExceeded,
            Answer::TimeExceeded(quote),
        ),
        (
            Family::V6,
            40,
            icmp::Kind::TimeExceeded,
            Answer::TimeExceeded(quote),
        ),
        (
            Family::V4,
            20,
            icmp::Kind::Unreachable(13),
            Answer::Unreachable(Refusal::AdminProhibited, quote),
        ),
        (
            Family::V6,
            40,
            icmp::Kind::Unreachable(1),
            Answer::Unreachable(Refusal::AdminProhibited6, quote),
        ),
        (
            Family::V4,
            20,
            icmp::Kind::TooBig { mtu: Some(1400) },
            Answer::TooBig {
                mtu: Some(1400),
                quote,
            },
        ),
    ] {
        let (mut prober, syn) = begun(one_syn, family);
        let datagram = error_about(&syn.datagram, kind, headers + 8);
        assert_eq!(heard(&mut prober, &datagram), (Some(expected), 0));
        let (mut prober, syn) = begun(one_syn, family);
        let short = error_about(&syn.datagram, kind, headers + 7);
        assert_eq!(heard(&mut prober, &short), (None, 0));
    }
}

#[test]
fn a_quote_is_matched_by_ports_and_sequence_whatever_nat_made_of_the_addresses() {
    let kind = icmp::Kind::TimeExceeded;
    let check = |at: usize, replacement: &[u8], expected: (bool, u64)| {
        let (mut prober, syn) = begun(one_syn, Family::V4);
        let mut quoted = syn.datagram.clone();
        quoted[at..at + replacement.len()].copy_from_slice(replacement);
        let error = error_about(&syn.datagram, kind, 0);
        let envelope = back(&dissect(&error).unwrap());
        let envelope = Envelope {
            source: envelope.destination,
            destination: envelope.source,
            ..envelope
        };
        let datagram = compose::message(&envelope, kind, &quoted).unwrap();
        let (answer, misses) = heard(&mut prober, &datagram);
        assert_eq!((answer.is_some(), misses), expected, "octet {at}");
        answer
    };
    let translated = check(12, &[192, 0, 2, 1], (true, 0));
    assert!(matches!(
        translated,
        Some(Answer::TimeExceeded(Quote {
            foreign_source: Some(_),
            ..
        }))
    ));
    check(16, &[192, 0, 2, 1], (true, 0));
    check(24, &[0, 0, 0, 0], (false, 1));
    check(20, &[0, 9], (true, 0));
    let forwarded = check(22, &[0, 9], (true, 0));
    assert!(matches!(
        forwarded,
        Some(Answer::TimeExceeded(Quote {
            foreign_destination: Some(shown),
            ..
        })) if shown.port() == 9
    ));
    // Both ends translated: the number alone is too little.
    check(12, &[192, 0, 2, 1, 192, 0, 2, 2, 0, 9, 0, 9], (false, 0));
}

#[test]
fn an_echo_reply_must_repeat_identifier_sequence_and_payload() {
    for (identifier, sequence, octet, expected) in [
        (
            0,
            0,
            0,
            Some(Answer::EchoReply {
                length: 36,
                in_pieces: false,
            }),
        ),
        (1, 0, 0, None),
        (0, 1, 0, None),
        (0, 0, 1, None),
    ] {
        let (mut prober, request) = begun(one_echo, Family::V4);
        let (mut echo, mut opening) = sent_echo(&request);
        echo.identifier ^= identifier;
        echo.sequence ^= sequence;
        opening[7] ^= octet;
        let envelope = back(&dissect(&request.datagram).unwrap());
        let kind = icmp::Kind::EchoReply(echo);
        let datagram = compose::message(&envelope, kind, &opening).unwrap();
        assert_eq!(heard(&mut prober, &datagram).0, expected);
    }
}

#[test]
fn a_padded_echo_request_is_as_long_as_asked_and_its_reply_told_with_its_own_length() {
    for (family, headers) in [(Family::V4, 28), (Family::V6, 48)] {
        for (octets, length) in [(500 - headers, 500), (64, 64 + headers)] {
            let (mut prober, request) = begun(one_long_echo, family);
            assert_eq!(request.datagram.len(), 500);
            let (echo, opening) = sent_echo(&request);
            let mut payload = opening.to_vec();
            payload.resize(octets, 0);
            let envelope = back(&dissect(&request.datagram).unwrap());
            let kind = icmp::Kind::EchoReply(echo);
            let datagram = compose::message(&envelope, kind, &payload).unwrap();
            let length = u16::try_from(length).unwrap();
            let whole = Answer::EchoReply {
                length,
                in_pieces: false,
            };
            assert_eq!(heard(&mut prober, &datagram).0, Some(whole));
        }
    }
}

#[test]
fn the_first_piece_of_an_echo_reply_is_told_as_one() {
    let (mut prober, request) = begun(one_long_echo, Family::V4);
    let (echo, opening) = sent_echo(&request);
    let mut payload = opening.to_vec();
    payload.resize(472, 0);
    let envelope = Envelope {
        dont_fragment: false,
        ..back(&dissect(&request.datagram).unwrap())
    };
    let kind = icmp::Kind::EchoReply(echo);
    let mut piece = compose::message(&envelope, kind, &payload).unwrap();
    // More fragments follow; only the header's checksum can be right.
    piece.truncate(20 + 400);
    piece[2..4].copy_from_slice(&420_u16.to_be_bytes());
    piece[6] = 0x20;
    piece[10..12].fill(0);
    let words = piece[..20]
        .chunks(2)
        .map(|word| u32::from(word[0]) << 8 | u32::from(word[1]));
    let sum: u32 = words.sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    piece[10..12].copy_from_slice(&(!(folded as u16)).to_be_bytes());
    let first = Answer::EchoReply {
        length: 420,
        in_pieces: true,
    };
    assert_eq!(heard(&mut prober, &piece).0, Some(first));
}

#[test]
fn an_error_about_an_echo_request_is_ours_by_its_numbers() {
    for (family, headers) in [(Family::V4, 20), (Family::V6, 40)] {
        let (mut prober, request) = begun(one_echo, family);
        let datagram = error_about(&request.datagram, icmp::Kind::TimeExceeded, headers + 8);
        let (answer, _) = heard(&mut prober, &datagram);
        assert!(matches!(answer, Some(Answer::TimeExceeded(_))));
    }
}

#[test]
fn the_reassembly_timeout_of_a_fragment_comes_half_a_minute_later() {
    for (family, quoted, seconds_later) in [(Family::V4, 28, 30), (Family::V6, 56, 60)] {
        let (mut prober, fragment) = begun(one_fragment, family);
        let kind = icmp::Kind::ReassemblyTimeout;
        let datagram = error_about(&fragment.datagram, kind, quoted);
        prober.handle_frame(seconds(seconds_later), STACK, &datagram);
        assert!(matches!(
            answer(&prober),
            Some(Answer::ReassemblyTimeout(_))
        ));
    }
}

#[test]
fn a_probe_heard_leaving_has_departed_and_nothing_else_has() {
    for (judge, family) in [
        (one_syn as Script, Family::V4),
        (one_syn, Family::V6),
        (one_echo, Family::V4),
        (one_echo, Family::V6),
        (one_fragment, Family::V4),
        (one_fragment, Family::V6),
        (one_ack, Family::V4),
        (one_fin, Family::V4),
    ] {
        let (mut prober, probe) = begun(judge, family);
        prober.handle_frame(ms(2), TAP, &probe.datagram);
        assert!(!evidence(&prober).trials()[0].departed);
        prober.handle_frame(ms(2), Heard::Departing, &probe.datagram);
        let trial = evidence(&prober).trials()[0].clone();
        assert!(trial.departed, "{:?}", trial.probe);
        assert_eq!(trial.sent, ms(2));
    }
}

#[test]
fn a_segment_of_the_kernel_on_our_port_is_not_our_probe_leaving() {
    let (mut prober, syn) = begun(one_syn, Family::V4);
    let sent = sent_segment(&syn);
    let packet = dissect(&syn.datagram).unwrap();
    let envelope = Envelope {
        source: packet.source,
        destination: packet.destination,
        ..back(&packet)
    };
    for (sequence, flags) in [
        (sent.sequence.wrapping_add(1), Flags::RST),
        (sent.sequence, Flags::RST),
    ] {
        let segment = Segment::bare(sent.source_port, 3306, sequence, 0, flags);
        let datagram = compose::segment(&envelope, &segment).unwrap();
        prober.handle_frame(ms(1), Heard::Departing, &datagram);
    }
    assert!(!evidence(&prober).trials()[0].departed);
}

#[test]
fn on_loopback_our_own_probes_and_resets_heard_arriving_are_passed_over() {
    let local = Vantage {
        source: address("127.0.0.1"),
        gateway: None,
        loopback: true,
        ..vantage(Family::V4)
    };
    let target = Endpoint {
        address: address("127.0.0.1"),
        ..endpoint(Family::V4)
    };
    let mut prober = Prober::with_judge(Policy::default(), Key([9; 16]), one_syn as Script);
    prober.add(ms(0), target, local);
    let syn = transmit(&mut prober, ms(0));
    for heard in [Heard::Departing, TAP, STACK] {
        prober.handle_frame(ms(1), heard, &syn.datagram);
    }
    assert_eq!(answer(&prober), None);
    let syn_ack = segment_back(
        &syn,
        SYN_ACK,
        77,
        sent_segment(&syn).sequence.wrapping_add(1),
    );
    for heard in [Heard::Departing, TAP, STACK] {
        prober.handle_frame(ms(1), heard, &syn_ack);
    }
    assert_eq!(prober.poll(ms(1)), Output::Settled(SessionId(0)));
    let reset = transmit(&mut prober, ms(31));
    for heard in [Heard::Departing, TAP, STACK] {
        prober.handle_frame(ms(31), heard, &reset.datagram);
    }
    assert_eq!(prober.near_misses(), 0);
    assert_eq!(evidence(&prober).trials()[0].replies.len(), 1);
    assert!(matches!(answer(&prober), Some(Answer::SynAck { .. })));
}

#[test]
fn two_diagnoses_may_share_addresses_and_ports() {
    let mut prober = Prober::with_judge(Policy::default(), Key([9; 16]), one_syn as Script);
    let other = Endpoint {
        port: 3307,
        ..endpoint(Family::V4)
    };
    prober.add(ms(0), endpoint(Family::V4), vantage(Family::V4));
    prober.add(ms(0), other, vantage(Family::V4));
    let first = transmit(&mut prober, ms(0));
    let second = transmit(&mut prober, ms(0));
    let next = sent_segment(&second).sequence.wrapping_add(1);
    prober.handle_frame(ms(2), TAP, &segment_back(&second, RST_ACK, 0, next));
    assert_eq!(prober.poll(ms(2)), Output::Settled(second.session));
    assert!(!prober.is_settled(first.session));
}
