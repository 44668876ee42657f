//! Connections that run when the capture begins or ends, and what tells a hole from an outage.

use super::said::fin;
use super::*;
use crate::model::session::{End, Party};
use crate::model::verdict::Way;

/// Requests and answers, of which the first is not in the capture.
fn exchange(tape: &mut Tape) {
    for nth in 0..3 {
        tape.at(u64::from(nth) * 100)
            .data(true, 500 + nth * 20, 20, nth * 40);
        tape.at(u64::from(nth) * 100 + 1)
            .data(false, nth * 40, 40, 520 + nth * 20);
    }
    tape.at(202).data(true, 560, 0, 120);
}

#[test]
fn a_connection_that_runs_when_the_capture_begins_is_followed_to_its_end() {
    let conversation = check(
        |tape| {
            exchange(tape);
            tape.far = 0;
            tape.at(3000).answer(RST_ACK);
        },
        Cause::Open,
        Confidence::Likely,
    );
    let (attempt, session) = conversation.session().expect("a session");
    assert_eq!((session.end, session.by), (End::Reset, Party::Device));
    assert_eq!(session.at_hop, Some(3));
    assert_eq!((session.to_server, session.from_server), (60, 120));
    assert_eq!(attempt.syns, 0);
}

#[test]
fn segments_of_one_side_alone_are_no_connection() {
    let mut tape = Tape::new();
    for nth in 0..4 {
        tape.at(u64::from(nth) * 100).data(true, nth * 20, 20, 0);
    }
    let account = tape.finish();
    assert!(account.conversations.is_empty());
    assert_eq!(account.remainder.stray, 4);
}

#[test]
fn a_connection_that_runs_already_may_meet_silence() {
    let conversation = check(
        |tape| {
            exchange(tape);
            for wait in [0, 300, 900, 2100, 4500] {
                tape.at(1000 + wait).data(true, 560, 30, 120);
            }
        },
        Cause::Open,
        Confidence::Likely,
    );
    let (_, session) = conversation.session().expect("a session");
    assert_eq!((session.end, session.died()), (End::Silence, true));
}

#[test]
fn a_fin_without_an_answer_is_a_death_only_when_it_waited_for_one() {
    let ends = |waits: &[u64]| {
        let conversation = check(
            |tape| {
                tape.handshake(0);
                tape.at(3).data(false, 0, 40, 0);
                tape.at(4).data(true, 0, 0, 40);
                for wait in waits {
                    tape.at(1000 + wait);
                    fin(tape, true, 0, 40);
                }
            },
            Cause::Open,
            Confidence::Confirmed,
        );
        let (_, session) = conversation.session().expect("a session");
        (session.end, session.died())
    };
    assert_eq!(ends(&[0, 200, 600, 1400]), (End::Fin, false));
    assert_eq!(ends(&[0, 200, 600, 1400, 3000]), (End::Silence, true));
}

#[test]
fn keepalives_that_nobody_answers_show_that_a_quiet_connection_died() {
    let ends = |answers: bool| {
        let conversation = check(
            |tape| {
                tape.handshake(0);
                tape.at(3).data(false, 0, 40, 0);
                tape.at(4).data(true, 0, 20, 40);
                tape.at(5).data(false, 40, 11, 20);
                tape.at(6).data(true, 20, 0, 51);
                for nth in 0..5 {
                    tape.at(60_000 + nth * 1000).data(true, 19, 0, 51);
                    if answers {
                        tape.at(60_001 + nth * 1000).data(false, 51, 0, 20);
                    }
                }
            },
            Cause::Open,
            Confidence::Confirmed,
        );
        let (_, session) = conversation.session().expect("a session");
        (session.end, session.died(), session.idle.as_secs())
    };
    assert_eq!(ends(true), (End::Alive, false, 0));
    assert_eq!(ends(false), (End::Silence, true, 59));
}

#[test]
fn what_passes_in_pieces_only_met_a_hole() {
    let pieces = |sizes: &[u16]| {
        let script = |tape: &mut Tape| {
            tape.handshake(0);
            tape.at(3).data(true, 0, 80, 0);
            tape.at(4).data(false, 0, 0, 80);
            for (nth, size) in (0..).zip(sizes) {
                tape.at(10 + (300 << nth)).data(false, 0, *size, 80);
            }
            tape.at(20_000).data(true, 80, 0, 900);
        };
        let mut tape = Tape::new();
        script(&mut tape);
        let account = tape.finish();
        account.conversations[0].outcome.finding.verdict.clone()
    };
    let verdict = pieces(&[4344, 1448, 1448, 1448, 900]);
    assert_eq!(
        (verdict.cause, verdict.confidence),
        (Cause::MtuBlackHole, Confidence::Likely),
    );
    assert_eq!(verdict.place.way, Some(Way::ToClient));
    // One that was lost twice, and one that left the card in pieces at once.
    assert_eq!(pieces(&[1448, 1448, 900]).cause, Cause::Open);
    assert_eq!(pieces(&[4344, 900]).cause, Cause::Open);
}

#[test]
fn a_server_that_goes_on_to_tell_shows_that_acknowledgments_arrive() {
    let conversation = check(
        |tape| {
            tape.handshake(0);
            tape.at(3).data(true, 0, 80, 0);
            tape.at(4).data(false, 0, 10, 80);
            for nth in 0..20_u32 {
                let at = 100 + u64::from(nth) * 300;
                tape.at(at).data(false, 10 + nth * 5, 5, 80);
                tape.at(at + 1).data(true, 12_000, 0, 15 + nth * 5);
                if [0, 1, 3, 7, 15].contains(&nth) {
                    tape.at(at + 50).data(true, 80, 1448, 15 + nth * 5);
                }
            }
        },
        Cause::MtuBlackHole,
        Confidence::Likely,
    );
    let (_, session) = conversation.session().expect("a session");
    assert_eq!(session.stalled, Some(Way::ToServer));
}

#[test]
fn a_client_that_resets_answers_and_asks_again_does_not_know_them() {
    check(
        |tape| {
            for nth in 0..3 {
                tape.at(nth * 1000).syn();
                tape.at(nth * 1000 + 1).answer(SYN_ACK);
                let reset =
                    Segment::bare(tape.from, tape.to, tape.isn.wrapping_add(1), 0, Flags::RST);
                tape.at(nth * 1000 + 2).segment(true, reset);
            }
        },
        Cause::Misaddressed,
        Confidence::Possible,
    );
}
