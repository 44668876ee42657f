//! Attempts that are answered by a reset, a SYN-ACK or an ICMP error.

use super::*;
use crate::model::reply::Refusal;

#[test]
fn a_reset_is_a_closed_port_and_no_more_than_likely() {
    let conversation = check(
        |tape| {
            tape.at(0).syn().at(1).answer(RST_ACK);
        },
        Cause::Closed,
        Confidence::Likely,
    );
    assert_eq!(outcomes(&conversation), [AttemptOutcome::Reset]);
    assert_eq!(conversation.packets[0].replies, [2]);
    let wanted = &conversation.wanted[0];
    assert!(wanted.settles.contains(&Cause::RejectHost), "{wanted:?}");
    assert!(
        conversation
            .wanted
            .iter()
            .any(|wanted| wanted.what.contains("DSCP")),
        "{:?}",
        conversation.wanted
    );
}

#[test]
fn a_reset_with_the_wrong_number_is_no_answer() {
    let conversation = check(
        |tape| {
            tape.syns(0, 3);
            tape.at(1);
            tape.isn = tape.isn.wrapping_add(7);
            tape.answer(RST_ACK);
        },
        Cause::DropSomewhere,
        Confidence::Possible,
    );
    assert_eq!(conversation.outcome.evidence.near_misses(), 1);
}

#[test]
fn a_reset_from_nearer_than_the_syn_acks_of_the_host_is_a_device_before_it() {
    let conversation = check(
        |tape| {
            (tape.near, tape.far) = (0, 3);
            tape.flow(50_000, 22).handshake(0);
            tape.flow(40_000, PORT).at(10).syn();
            tape.far = 1;
            tape.at(11).answer(RST_ACK);
        },
        Cause::RejectPath,
        Confidence::Likely,
    );
    let place = conversation.outcome.finding.verdict.place;
    assert_eq!(place.at_hop.map(|hop| hop.ttl), Some(2));
}

#[test]
fn a_policy_from_nearer_than_the_host_is_confirmed_and_from_anywhere_likely() {
    let prohibited = Kind::Unreachable(13);
    check(
        |tape| {
            (tape.near, tape.far) = (0, 3);
            tape.flow(50_000, 22).handshake(0);
            tape.flow(40_000, PORT).at(10).syn();
            tape.at(11).icmp(router(2), prohibited, 1);
        },
        Cause::RejectPath,
        Confidence::Confirmed,
    );
    let conversation = check(
        |tape| {
            tape.at(10).syn();
            tape.at(11).icmp(router(2), prohibited, 1);
        },
        Cause::RejectPath,
        Confidence::Likely,
    );
    let refused = AttemptOutcome::Refused {
        refusal: Refusal::AdminProhibited,
        by: router(2),
    };
    assert_eq!(outcomes(&conversation), [refused]);
}

#[test]
fn a_refusal_in_the_name_of_the_host_is_the_hosts_and_no_more_than_likely() {
    let conversation = check(
        |tape| {
            tape.at(10).syn();
            tape.at(11).icmp(server(), Kind::Unreachable(3), 1);
        },
        Cause::RejectHost,
        Confidence::Likely,
    );
    assert!(conversation.outcome.finding.verdict.method.is_some());
}

#[test]
fn a_router_without_a_route_says_so() {
    check(
        |tape| {
            tape.at(10).syn();
            tape.at(11).icmp(router(2), Kind::Unreachable(0), 1);
        },
        Cause::NoRoute,
        Confidence::Likely,
    );
}

#[test]
fn a_late_host_unreachable_is_a_host_that_is_not_there() {
    check(
        |tape| {
            tape.at(0).syn();
            tape.at(1000).syn();
            // The first SYN's error comes when ARP has given up; its identification names it.
            tape.identification = 9;
            tape.at(3060).icmp(router(3), Kind::Unreachable(1), 2);
        },
        Cause::NoNeighbor,
        Confidence::Likely,
    );
}

#[test]
fn the_clients_own_kernel_says_that_nothing_leaves() {
    let conversation = check(
        |tape| {
            tape.near = 0;
            let own = tape.client;
            tape.at(3060).icmp(own, Kind::Unreachable(1), 0);
        },
        Cause::NoNeighbor,
        Confidence::Likely,
    );
    assert_eq!(conversation.attempts[0].syns, 0);
}

#[test]
fn a_syn_ack_alone_is_likely_open() {
    let conversation = check(
        |tape| {
            tape.at(0).syn().at(1).answer(SYN_ACK);
        },
        Cause::Open,
        Confidence::Likely,
    );
    let answered = AttemptOutcome::Answered {
        unheard: false,
        dropped: false,
    };
    assert_eq!(outcomes(&conversation), [answered]);
}

#[test]
fn a_syn_lost_once_does_not_make_an_open_port_intermittent() {
    let conversation = check(
        |tape| {
            tape.at(0).syn();
            tape.handshake(1000);
        },
        Cause::Open,
        Confidence::Likely,
    );
    assert_eq!(conversation.attempts.len(), 1);
    assert_eq!(conversation.packets[0].replies, [0_u64; 0]);
    assert_eq!(conversation.packets[1].replies, [3]);
}

#[test]
fn syns_lost_again_and_again_do() {
    check(
        |tape| {
            for nth in 0..6 {
                let at = u64::from(nth) * 10_000;
                tape.flow(40_000 + nth, PORT)
                    .at(at)
                    .syn()
                    .at(at + 1000)
                    .syn();
                tape.handshake(at + 3000);
            }
        },
        Cause::Intermittent,
        Confidence::Possible,
    );
}

#[test]
fn an_answer_names_the_syn_it_answers_by_its_timestamp_echo() {
    let conversation = check(
        |tape| {
            // A slow path: the first SYN's answer comes after the second SYN.
            tape.at(0).syn();
            let early = tape.stamp();
            tape.at(1000).syn();
            let answer = Segment {
                window: 65_160,
                options: Options {
                    timestamps: Some((5, early)),
                    ..Options::linux_client(1460, 5)
                },
                ..Segment::bare(
                    tape.to,
                    tape.from,
                    THEIRS,
                    tape.isn.wrapping_add(1),
                    SYN_ACK,
                )
            };
            tape.at(1200).segment(false, answer);
            tape.at(1300).data(true, 0, 0, 0);
        },
        Cause::Open,
        Confidence::Likely,
    );
    assert_eq!(conversation.packets[0].replies, [3]);
    assert_eq!(conversation.packets[1].replies, [0_u64; 0]);
}

#[test]
fn contradictory_answers_to_one_syn_are_named() {
    let conversation = check(
        |tape| {
            tape.at(0).syn().at(1).answer(RST_ACK);
            tape.at(2).answer(SYN_ACK);
        },
        Cause::Conflicting,
        Confidence::Likely,
    );
    assert_eq!(outcomes(&conversation), [AttemptOutcome::Contradicted]);
}

#[test]
fn a_port_that_opens_later_is_open_now() {
    check(
        |tape| {
            tape.flow(40_000, PORT).at(0).syn().at(1).answer(RST_ACK);
            tape.flow(40_001, PORT)
                .at(900)
                .syn()
                .at(901)
                .answer(RST_ACK);
            tape.flow(40_002, PORT).handshake(5000);
        },
        Cause::Open,
        Confidence::Likely,
    );
}

#[test]
fn a_new_number_on_the_same_ports_is_another_attempt() {
    let conversation = check(
        |tape| {
            tape.at(0).syn().at(1).answer(RST_ACK);
            tape.isn = 12_345;
            tape.at(500).syn().at(501).answer(RST_ACK);
        },
        Cause::Closed,
        Confidence::Likely,
    );
    assert_eq!(conversation.attempts.len(), 2);
}

#[test]
fn a_syn_with_data_or_ecn_bits_is_a_syn() {
    let conversation = check(
        |tape| {
            let fast = Segment {
                payload_length: 100,
                flags: Flags::SYN.with(Flags::ECE).with(Flags::CWR),
                ..tape.the_syn()
            };
            tape.at(0).segment(true, fast);
            let all = Segment::bare(tape.to, tape.from, 0, tape.isn.wrapping_add(101), RST_ACK);
            tape.at(1).segment(false, all);
        },
        Cause::Closed,
        Confidence::Likely,
    );
    assert_eq!(conversation.attempts[0].syns, 1);
}

#[test]
fn resets_that_stop_look_like_a_ban() {
    check(
        |tape| {
            tape.flow(40_000, PORT).at(0).syn().at(1).answer(RST_ACK);
            for nth in 1..5 {
                tape.flow(40_000 + nth, PORT).syns(u64::from(nth) * 300, 4);
            }
        },
        Cause::Banned,
        Confidence::Possible,
    );
}

#[test]
fn a_reset_from_nearer_than_another_ports_is_a_device_before_the_host() {
    check(
        |tape| {
            (tape.near, tape.far) = (0, 3);
            tape.flow(50_000, 3307).at(0).syn().at(1).answer(RST_ACK);
            tape.flow(40_000, PORT).at(10).syn();
            tape.far = 1;
            tape.at(11).answer(RST_ACK);
        },
        Cause::RejectPath,
        Confidence::Likely,
    );
}

#[test]
fn resets_that_one_client_port_does_not_hear_are_lost_by_chance() {
    check(
        |tape| {
            tape.flow(40_000, PORT).at(0).syn().at(1).answer(RST_ACK);
            tape.flow(40_001, PORT);
            for at in [5_000, 6_000] {
                tape.at(at).syn().at(at + 1).answer(RST_ACK);
            }
        },
        Cause::Closed,
        Confidence::Likely,
    );
}

#[test]
fn answers_with_the_clients_number_from_another_host_are_named() {
    let other: IpAddr = Ipv4Addr::new(10, 9, 9, 11).into();
    for flags in [SYN_ACK, RST_ACK] {
        let conversation = check(
            |tape| {
                for attempt in 0..2 {
                    tape.flow(40_000 + attempt, PORT);
                    for second in [0, 1, 3] {
                        let at = u64::from(attempt) * 30_000 + second * 1000;
                        tape.at(at).syn();
                        tape.at(at + 1).answer_from(other, flags);
                    }
                }
            },
            Cause::Misaddressed,
            Confidence::Likely,
        );
        let summary = &conversation.outcome.finding.verdict.summary;
        assert!(summary.contains("10.9.9.11"), "{summary}");
        assert_eq!(conversation.packets[0].replies, [2]);
    }
}

#[test]
fn what_is_translated_back_behind_the_place_of_capture_is_no_finding() {
    let other: IpAddr = Ipv4Addr::new(10, 9, 9, 11).into();
    let conversation = check(
        |tape| {
            tape.at(0).syn().at(1).answer_from(other, SYN_ACK);
            tape.at(2).answer(SYN_ACK).at(3).data(true, 0, 0, 0);
        },
        Cause::Open,
        Confidence::Likely,
    );
    assert!(
        conversation
            .outcome
            .finding
            .alternatives
            .iter()
            .all(|rival| rival.cause != Cause::Misaddressed)
    );
}

#[test]
fn answers_with_a_wrong_checksum_are_a_remark_where_the_client_does_not_go_on() {
    for goes_on in [false, true] {
        let mut tape = Tape::new();
        tape.at(0).syn();
        let next = tape.isn.wrapping_add(1);
        let answer = Segment::bare(tape.to, tape.from, THEIRS, next, SYN_ACK);
        let mut datagram = compose::segment(&tape.envelope(false), &answer).unwrap();
        datagram[36] ^= 1;
        tape.at(1).write(false, &datagram);
        if goes_on {
            tape.at(2).data(true, 0, 0, 0);
        }
        let account = tape.finish();
        let notes = &account.conversations[0].outcome.finding.notes;
        let remarked = notes.iter().any(|note| note.contains("wrong checksum"));
        assert_eq!(remarked, !goes_on, "{notes:?}");
    }
}
