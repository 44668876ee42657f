//! Connections: what they carried, and how they ended.

use super::*;
use crate::model::session::End;

#[test]
fn a_connection_that_carries_data_both_ways_confirms_an_open_port() {
    let conversation = check(
        |tape| {
            tape.handshake(0);
            tape.at(3).data(false, 0, 90, 0);
            tape.at(4).data(true, 0, 40, 90);
            tape.at(5).data(false, 90, 10, 40);
            tape.at(6).data(true, 40, 0, 100);
        },
        Cause::Open,
        Confidence::Confirmed,
    );
    let open = AttemptOutcome::Established {
        sent: 40,
        received: 100,
        ending: Ending::Open,
    };
    assert_eq!(outcomes(&conversation), [open]);
}

#[test]
fn data_from_elsewhere_than_the_syn_ack_leave_a_proxy_possible() {
    check(
        |tape| {
            tape.handshake(0);
            tape.far = 3;
            tape.at(3).data(false, 0, 90, 0);
            tape.at(4).data(true, 0, 40, 90);
        },
        Cause::Open,
        Confidence::Likely,
    );
}

#[test]
fn a_syn_ack_without_a_window_is_a_proxys_until_data_flow() {
    let script = |serves: bool| {
        move |tape: &mut Tape| {
            tape.at(0).syn();
            let next = tape.isn.wrapping_add(1);
            let answer = Segment::bare(tape.to, tape.from, THEIRS, next, SYN_ACK);
            tape.at(1).segment(false, answer);
            tape.at(2).data(true, 0, 0, 0);
            if serves {
                tape.at(30).data(false, 0, 90, 0);
                tape.at(31).data(true, 0, 40, 90);
            }
        }
    };
    check(script(false), Cause::OpenProxied, Confidence::Likely);
    check(script(true), Cause::Open, Confidence::Confirmed);
}

#[test]
fn full_size_segments_that_never_arrive_are_an_mtu_hole() {
    let script = |echoed: bool| {
        move |tape: &mut Tape| {
            tape.handshake(0);
            tape.at(3)
                .data(true, 0, 100, 0)
                .at(4)
                .data(false, 0, 50, 100);
            for nth in 0..5 {
                tape.at(10 + nth * 400).data(true, 100, 1448, 50);
            }
            if echoed {
                tape.at(2000).data(false, 50, 0, 100);
            }
        }
    };
    check(script(true), Cause::MtuBlackHole, Confidence::Likely);
    // Without a sign of life after the large one, everything may be lost.
    let conversation = check(script(false), Cause::MtuBlackHole, Confidence::Possible);
    let (_, session) = conversation.session().expect("a session");
    assert_eq!((session.end, session.died()), (End::Silence, true));
    let AttemptOutcome::Established { ending, .. } = conversation.attempts[0].outcome else {
        panic!("{:?}", conversation.attempts[0].outcome);
    };
    assert!(
        matches!(
            ending,
            Ending::Stuck {
                size: 1448,
                tries: 5,
                ..
            }
        ),
        "{ending:?}"
    );
}

#[test]
fn a_hole_that_a_router_announces_is_none() {
    check(
        |tape| {
            tape.handshake(0);
            tape.at(3)
                .data(true, 0, 100, 0)
                .at(4)
                .data(false, 0, 50, 100);
            tape.at(5).data(true, 50, 0, 50);
            for nth in 0..5 {
                tape.at(10 + nth * 400).data(true, 100, 1448, 50);
            }
            tape.at(12)
                .icmp(router(2), Kind::TooBig { mtu: Some(1400) }, 1);
        },
        Cause::Open,
        Confidence::Confirmed,
    );
}

#[test]
fn large_segments_that_passed_before_are_no_hole() {
    check(
        |tape| {
            tape.handshake(0);
            tape.at(3)
                .data(true, 0, 1448, 0)
                .at(4)
                .data(false, 0, 50, 1448);
            tape.at(5).data(true, 1448, 0, 50);
            for nth in 0..5 {
                tape.at(10 + nth * 400).data(true, 1448, 1448, 50);
            }
        },
        Cause::Open,
        Confidence::Confirmed,
    );
}

#[test]
fn a_handshake_after_which_nothing_is_acknowledged_may_be_a_proxys() {
    check(
        |tape| {
            tape.handshake(0);
            for nth in 0..5 {
                tape.at(10 + nth * 400).data(true, 0, 30, 0);
            }
        },
        Cause::OpenProxied,
        Confidence::Possible,
    );
}

#[test]
fn syn_acks_sent_again_although_acknowledged_are_a_full_queue() {
    check(
        |tape| {
            tape.handshake(0);
            tape.at(1000).answer(SYN_ACK).at(1001).data(true, 0, 0, 0);
            tape.at(3000).answer(SYN_ACK).at(3001).data(true, 0, 0, 0);
        },
        Cause::ListenerOverloaded,
        Confidence::Likely,
    );
}

#[test]
fn frames_seen_twice_count_once() {
    let conversation = check(
        |tape| {
            let passed = |tape: &mut Tape, routers: u8| {
                tape.near = routers;
                tape.far = 4 - routers;
            };
            for nth in 0..2 {
                let at = nth * 1000;
                for routers in [1, 2] {
                    passed(tape, routers);
                    tape.identification = 9;
                    tape.at(at).syn();
                }
                if nth == 1 {
                    for routers in [2, 1] {
                        passed(tape, routers);
                        tape.identification = 90;
                        tape.at(at + 1).answer(SYN_ACK);
                    }
                }
                tape.identification = 9;
            }
        },
        Cause::Open,
        Confidence::Likely,
    );
    assert_eq!(conversation.attempts[0].syns, 2);
    assert_eq!(conversation.packets[1].replies.len(), 1);
    assert!(conversation.position.forwards);
    assert_eq!(conversation.position.from_client, Some(1));
}

#[test]
fn a_server_that_resets_after_the_handshake_is_remarked_upon() {
    let conversation = check(
        |tape| {
            tape.handshake(0);
            let reset = Segment::bare(tape.to, tape.from, THEIRS + 1, 0, Flags::RST);
            tape.at(5).segment(false, reset);
        },
        Cause::Open,
        Confidence::Likely,
    );
    let notes = &conversation.outcome.finding.notes;
    assert!(
        notes.iter().any(|note| note.contains("before any data")),
        "{notes:?}"
    );
}

#[test]
fn a_capture_that_begins_after_the_syn_tells_what_is_there() {
    let conversation = check(
        |tape| {
            tape.at(1).answer(SYN_ACK);
            tape.at(2).data(true, 0, 20, 0);
            tape.at(3).data(false, 0, 20, 20);
        },
        Cause::Open,
        Confidence::Likely,
    );
    assert_eq!(conversation.attempts[0].syns, 0);
    let notes = &conversation.outcome.finding.notes;
    assert!(
        notes.iter().any(|note| note.contains("not in the capture")),
        "{notes:?}"
    );
}

#[test]
fn a_syn_that_stands_after_its_answer_in_the_file_is_its_syn() {
    let conversation = check(
        |tape| {
            tape.at(1).answer(SYN_ACK);
            tape.at(0).syn();
            tape.at(2).data(true, 0, 20, 0);
        },
        Cause::Open,
        Confidence::Likely,
    );
    assert_eq!(conversation.attempts[0].syns, 1);
    assert_eq!(conversation.packets[0].replies, [1]);
}

#[test]
fn a_second_syn_with_the_same_number_at_once_is_a_proxys() {
    let conversation = check(
        |tape| {
            tape.handshake(0);
            tape.at(4);
            let own = Segment {
                options: Options {
                    mss: Some(1380),
                    timestamps: None,
                    ..Options::linux_client(1380, 0)
                },
                ..tape.the_syn()
            };
            tape.segment(true, own);
        },
        Cause::OpenProxied,
        Confidence::Likely,
    );
    assert_eq!(conversation.attempts[0].syns, 1);
}
