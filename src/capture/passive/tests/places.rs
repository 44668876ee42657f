//! Where the capture was taken changes what silence and unheard answers mean.

use super::*;

#[test]
fn silence_next_to_the_server_is_at_the_host_or_just_before_it() {
    let encounter = check(
        |tape| {
            (tape.near, tape.far) = (3, 0);
            tape.flow(50_000, 22).handshake(0);
            tape.flow(40_000, PORT).syns(10_000, 5);
        },
        Cause::DropEdgeOrHost,
        Confidence::Likely,
    );
    assert_eq!(encounter.position.from_server, Some(0));
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
fn resets_are_unheard_in_the_same_way() {
    check(
        |tape| {
            (tape.near, tape.far) = (3, 0);
            for nth in 0..4 {
                let at = ((1 << nth) - 1) * 1000;
                tape.at(at).syn().at(at + 1).answer(RST_ACK);
            }
        },
        Cause::DropReturn,
        Confidence::Likely,
    );
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
    let encounter = check(
        |tape| {
            twice(tape.flow(50_000, 22), &[100]);
            tape.far = 2;
            tape.at(101).answer(SYN_ACK);
            tape.near = 0;
            tape.flow(40_000, PORT).syns(10_000, 4);
        },
        Cause::DropPath,
        Confidence::Likely,
    );
    let place = encounter.outcome.finding.verdict.place;
    assert_eq!(place.after_hop.map(|hop| hop.ttl), Some(1));
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
