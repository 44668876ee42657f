//! Attempts that nothing answers.

use super::*;

#[test]
fn silence_is_a_loss_somewhere() {
    let conversation = check(
        |tape| {
            // Something else in the file goes towards the client.
            tape.flow(50_000, 22).handshake(0);
            tape.flow(40_000, PORT).syns(10_000, 6);
        },
        Cause::DropSomewhere,
        Confidence::Possible,
    );
    assert_eq!(outcomes(&conversation), [AttemptOutcome::Silent]);
    assert_eq!(conversation.attempts[0].syns, 6);
    let sent = [4, 5, 6, 7, 8, 9];
    assert_eq!(conversation.attempts[0].packets, sent);
    let summary = &conversation.outcome.finding.verdict.summary;
    assert!(
        summary.contains("other ports of the host answer"),
        "{summary}"
    );
    let first = &conversation.wanted[0];
    assert!(first.what.contains("TTL 1, 2, 3"), "{first:?}");
}

#[test]
fn a_capture_that_ends_too_soon_decides_nothing() {
    let conversation = check(
        |tape| {
            tape.flow(50_000, 22).handshake(0);
            tape.flow(40_000, PORT).at(100).syn();
            tape.end = 900;
        },
        Cause::Inconclusive,
        Confidence::Possible,
    );
    assert_eq!(outcomes(&conversation), [AttemptOutcome::CutOff]);
}

#[test]
fn without_anything_towards_clients_a_single_syn_says_nothing() {
    check(
        |tape| {
            tape.at(0).syn();
        },
        Cause::Inconclusive,
        Confidence::Possible,
    );
}

#[test]
fn without_anything_towards_clients_resent_syns_say_that_the_client_hears_nothing() {
    let conversation = check(
        |tape| {
            tape.syns(0, 4);
        },
        Cause::DropSomewhere,
        Confidence::Possible,
    );
    let notes = &conversation.outcome.finding.notes;
    assert!(
        notes
            .iter()
            .any(|note| note.contains("one direction may be missing"))
    );
}

#[test]
fn without_anything_towards_clients_a_client_that_goes_on_was_answered() {
    let conversation = check(
        |tape| {
            tape.at(0).syn();
            tape.at(1).data(true, 0, 0, 0);
            tape.at(2).data(true, 0, 100, 0);
            tape.at(9).data(true, 100, 0, 500);
        },
        Cause::Open,
        Confidence::Likely,
    );
    assert!(matches!(
        outcomes(&conversation)[..],
        [AttemptOutcome::Established {
            sent: 100,
            received: 500,
            ..
        }]
    ));
}

#[test]
fn without_anything_towards_clients_the_clients_firewall_is_not_blamed() {
    check(
        |tape| {
            tape.flow(50_000, 22).syns(0, 2);
            for nth in 0..3_u16 {
                let began = 10_000 + u64::from(nth) * 1000;
                tape.flow(40_000 + nth, PORT).at(began).syn();
                tape.at(began + 1).data(true, 0, 0, 0);
                tape.at(began + 2).data(true, 0, 100, 0);
                tape.at(began + 9).data(true, 100, 0, 500);
            }
        },
        Cause::Open,
        Confidence::Likely,
    );
}

#[test]
fn attempts_answered_at_first_and_never_again_look_like_a_ban() {
    let conversation = check(
        |tape| {
            for nth in 0..5 {
                tape.flow(40_000 + nth, PORT)
                    .handshake(u64::from(nth) * 500);
            }
            for nth in 5..8 {
                tape.flow(40_000 + nth, PORT).syns(u64::from(nth) * 500, 4);
            }
        },
        Cause::Banned,
        Confidence::Possible,
    );
    let opinions: Vec<Cause> = conversation
        .attempts
        .iter()
        .map(|a| a.opinion.cause)
        .collect();
    assert_eq!(opinions[..5], [Cause::Open; 5]);
    assert_eq!(opinions[5..], [Cause::DropSomewhere; 3]);
}

#[test]
fn a_ban_is_likely_where_others_are_served_meanwhile() {
    check(
        |tape| {
            for nth in 0..3 {
                tape.flow(40_000 + nth, PORT)
                    .handshake(u64::from(nth) * 500);
            }
            for nth in 5..8 {
                tape.flow(40_000 + nth, PORT).syns(u64::from(nth) * 500, 4);
            }
            tape.client = Ipv4Addr::new(10, 9, 0, 3).into();
            tape.flow(40_100, PORT).handshake(20_000);
        },
        Cause::Banned,
        Confidence::Likely,
    );
}

#[test]
fn attempts_that_fail_now_and_then_are_intermittent() {
    check(
        |tape| {
            for nth in 0..12 {
                tape.flow(40_000 + nth, PORT);
                if nth % 3 == 1 {
                    tape.syns(u64::from(nth) * 2000, 3);
                } else {
                    tape.handshake(u64::from(nth) * 2000);
                }
            }
        },
        Cause::Intermittent,
        Confidence::Possible,
    );
}

#[test]
fn a_traceroute_beside_shows_between_which_hops_they_vanish() {
    let conversation = check(
        |tape| {
            (tape.near, tape.far) = (0, 4);
            tape.flow(50_000, 22).handshake(0);
            tape.flow(40_000, PORT).syns(10_000, 6);
            for round in 0..7_u16 {
                for ttl in 1..=5_u8 {
                    let at = 100_000 + u64::from(round) * 1400 + u64::from(ttl) * 10;
                    let port = 33_000 + round * 64 + u16::from(ttl);
                    tape.flow(port, PORT).at(at).limited_syn(ttl);
                    if ttl <= 2 {
                        tape.at(at + 1)
                            .icmp(router(ttl), Kind::TimeExceeded, ttl - 1);
                    }
                    tape.flow(port, 22).at(at + 2).limited_syn(ttl);
                    if ttl <= 4 {
                        tape.at(at + 3)
                            .icmp(router(ttl), Kind::TimeExceeded, ttl - 1);
                    }
                }
            }
        },
        Cause::DropPath,
        Confidence::Possible,
    );
    let place = conversation.outcome.finding.verdict.place;
    assert_eq!(place.after_hop.map(|hop| hop.ttl), Some(2));
    assert_eq!(place.before_hop.map(|hop| hop.ttl), Some(3));
}
