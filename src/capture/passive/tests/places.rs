//! Where the capture was taken changes what silence and unheard answers mean.

use super::*;

#[test]
fn silence_next_to_the_server_is_at_the_host_or_just_before_it() {
    let conversation = check(
        |tape| {
            (tape.near, tape.far) = (3, 0);
            tape.flow(50_000, 22).handshake(0);
            tape.flow(40_000, PORT).syns(10_000, 5);
        },
        Cause::DropEdgeOrHost,
        Confidence::Likely,
    );
    assert_eq!(conversation.position.from_server, Some(0));
}

#[test]
fn answers_that_leave_and_a_client_that_asks_again_are_answers_lost_on_the_way_back() {
    check(
        |tape| {
            (tape.near, tape.far) = (3, 0);
            for nth in 0..4 {
                let at = ((1 << nth) - 1) * 1000;
                tape.at(at).syn().at(at + 1).answer(SYN_ACK);
            }
        },
        Cause::DropReturn,
        Confidence::Likely,
    );
}

#[test]
fn answers_that_reach_the_client_and_are_not_heard_are_its_own_firewalls() {
    let unheard = |tape: &mut Tape| {
        (tape.near, tape.far) = (0, 3);
        for nth in 0..4 {
            let at = ((1 << nth) - 1) * 1000;
            tape.at(at).syn().at(at + 1).answer(SYN_ACK);
        }
    };
    check(
        |tape| {
            tape.direction = Some((Direction::Outbound, Direction::Inbound));
            unheard(tape);
        },
        Cause::LocalIngress,
        Confidence::Likely,
    );
    // Without directions it may be the link that loses them.
    check(unheard, Cause::LocalIngress, Confidence::Possible);
}

#[test]
fn a_syn_that_follows_a_reset_does_not_say_that_the_reset_was_lost() {
    // As Windows does: twice, half a second after the reset.
    let conversation = check(
        |tape| {
            (tape.near, tape.far) = (3, 0);
            for at in [0, 500, 1000] {
                tape.at(at).syn().at(at + 1).answer(RST_ACK);
            }
        },
        Cause::Closed,
        Confidence::Likely,
    );
    assert_eq!(outcomes(&conversation), [AttemptOutcome::Reset]);
}

#[test]
fn a_router_that_sends_others_on_and_not_these_discards_them() {
    let twice = |tape: &mut Tape, syns: &[u64]| {
        for at in syns {
            tape.identification = u16::try_from(*at).unwrap();
            tape.near = 0;
            tape.at(*at).syn();
            tape.identification = u16::try_from(*at).unwrap();
            tape.near = 1;
            tape.at(*at).syn();
        }
    };
    let conversation = check(
        |tape| {
            twice(tape.flow(50_000, 22), &[100]);
            tape.far = 2;
            tape.at(101).answer(SYN_ACK);
            tape.near = 0;
            // A scanner's SYNs to other ports share their sequence number, and are sent on.
            tape.flow(40_000, PORT).syns(10_000, 4);
            let isn = tape.isn;
            tape.flow(40_000, 443).isn = isn;
            twice(tape, &[10_001]);
        },
        Cause::DropPath,
        Confidence::Likely,
    );
    let place = conversation.outcome.finding.verdict.place;
    assert_eq!(place.after_hop.map(|hop| hop.ttl), Some(1));
}

#[test]
fn a_refusal_that_the_capturing_router_sends_on_is_one_hop_further_from_the_client() {
    let conversation = check(
        |tape| {
            // The router is hop 2; the one behind it refuses.
            for near in [1, 2] {
                tape.near = near;
                tape.identification = 7;
                tape.at(10).syn();
            }
            for passed in [0, 1] {
                tape.identification = 7;
                tape.at(11).icmp(router(3), Kind::Unreachable(13), passed);
            }
        },
        Cause::RejectPath,
        Confidence::Likely,
    );
    let place = conversation.outcome.finding.verdict.place;
    assert_eq!(place.at_hop.map(|hop| hop.ttl), Some(3));
}

#[test]
fn a_syn_that_leaves_the_router_translated_is_not_discarded_there() {
    let seen = |tape: &mut Tape, at: u64, near: u8| {
        tape.identification = 7;
        tape.near = near;
        tape.at(at).syn();
    };
    check(
        |tape| {
            tape.flow(50_000, 22);
            seen(tape, 100, 0);
            seen(tape, 100, 1);
            tape.at(101).answer(SYN_ACK);
            for at in [10_000, 11_000, 13_000] {
                tape.flow(40_000, 13_306);
                let isn = tape.isn;
                seen(tape, at, 0);
                tape.flow(40_000, PORT);
                tape.isn = isn;
                seen(tape, at, 1);
            }
        },
        Cause::DropSomewhere,
        Confidence::Possible,
    );
}

#[test]
fn a_host_that_routes_others_is_no_router_before_its_own_ports() {
    check(
        |tape| {
            // Another host's SYN is sent on, as a container's is; ours goes to the capturing host.
            for near in [0, 1] {
                tape.near = near;
                tape.identification = 7;
                tape.flow(50_000, 22).at(100).syn_to(router(7));
            }
            (tape.near, tape.far) = (1, 0);
            tape.flow(50_001, 22).at(200).syn();
            tape.at(201).answer(SYN_ACK);
            tape.flow(40_000, PORT).syns(10_000, 4);
        },
        Cause::DropEdgeOrHost,
        Confidence::Likely,
    );
}

#[test]
fn a_quote_that_a_translation_left_untranslated_still_tells_the_client() {
    check(
        |tape| {
            tape.at(10).syn();
            let inside = tape.client;
            let (from, isn) = (tape.from, tape.isn);
            // Quoted as it was behind the translation.
            tape.client = Ipv4Addr::new(198, 51, 100, 7).into();
            let quoted = compose::segment(&tape.envelope(true), &tape.the_syn()).unwrap();
            tape.client = inside;
            (tape.from, tape.isn) = (from, isn);
            let envelope = Envelope {
                source: router(3),
                ..tape.envelope(false)
            };
            let error = compose::message(&envelope, Kind::Unreachable(13), &quoted[..28]).unwrap();
            tape.at(12).write(false, &error);
        },
        Cause::RejectPath,
        Confidence::Likely,
    );
}

#[test]
fn a_router_that_sends_syns_on_is_seen_to_send_the_answers_back_or_not() {
    let script = |sends_back: bool| {
        move |tape: &mut Tape| {
            const IN: Direction = Direction::Inbound;
            const OUT: Direction = Direction::Outbound;
            for (nth, at) in [0, 1000, 3000].into_iter().enumerate() {
                let own = 100 + u16::try_from(nth).unwrap();
                for (near, way) in [(0, IN), (1, OUT)] {
                    (tape.near, tape.identification) = (near, own);
                    tape.direction = Some((way, way));
                    tape.at(at).syn();
                }
                let copies: &[(u8, Direction)] = if sends_back {
                    &[(1, IN), (2, OUT)]
                } else {
                    &[(1, IN)]
                };
                for (far, way) in copies {
                    (tape.far, tape.identification) = (*far, u16::MAX);
                    tape.direction = Some((*way, *way));
                    tape.at(at + 1).answer(SYN_ACK);
                }
            }
        }
    };
    let stopped = check(script(false), Cause::DropReturn, Confidence::Likely);
    let rivals = &stopped.outcome.finding.alternatives;
    assert!(rivals.iter().all(|rival| rival.ruled_out), "{rivals:?}");
    check(script(true), Cause::LocalIngress, Confidence::Possible);
}
