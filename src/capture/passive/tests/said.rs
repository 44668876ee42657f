//! What servers say in clear, and sessions that end in ways of their own.

use super::*;
use crate::model::session::{End, Party};
use crate::wire::greeting::Standing;

/// A segment of the server with `payload` at `from` octets from its first.
pub(super) fn speak(tape: &mut Tape, from: u32, payload: &[u8], acknowledged: u32) {
    let length = u16::try_from(payload.len()).unwrap();
    let segment = Segment {
        payload_length: length,
        window: 500,
        ..Segment::bare(
            tape.to,
            tape.from,
            THEIRS.wrapping_add(1).wrapping_add(from),
            tape.isn.wrapping_add(1).wrapping_add(acknowledged),
            Flags::ACK,
        )
    };
    let envelope = tape.envelope(false);
    let mut datagram = compose::segment(&envelope, &segment).unwrap();
    let end = datagram.len() - payload.len();
    datagram[end..].copy_from_slice(payload);
    tape.write(false, &datagram);
}

pub(super) fn fin(tape: &mut Tape, by_client: bool, from: u32, acknowledged: u32) {
    let (own, other) = (tape.isn.wrapping_add(1), THEIRS + 1);
    let (own, other) = if by_client {
        (own, other)
    } else {
        (other, own)
    };
    let (source, destination) = if by_client {
        (tape.from, tape.to)
    } else {
        (tape.to, tape.from)
    };
    let segment = Segment::bare(
        source,
        destination,
        own.wrapping_add(from),
        other.wrapping_add(acknowledged),
        Flags::FIN.with(Flags::ACK),
    );
    tape.segment(by_client, segment);
}

#[test]
fn a_mysql_error_is_told_with_its_code_and_no_statement_error_hides_it() {
    let conversation = check(
        |tape| {
            let words =
                b"\xffj\x04Host '10.9.0.2' is not allowed to connect to this MariaDB server";
            let mut packet = vec![u8::try_from(words.len()).unwrap(), 0, 0, 0];
            packet.extend(words);
            tape.handshake(0);
            tape.at(3);
            speak(tape, 0, &packet, 0);
            let after = u32::try_from(packet.len()).unwrap();
            tape.at(4).data(true, 0, 0, after);
            tape.at(5);
            fin(tape, false, after, 0);
            tape.at(6);
            fin(tape, true, 0, after + 1);
        },
        Cause::Open,
        Confidence::Confirmed,
    );
    let (_, session) = conversation.session().expect("a session");
    let said = session.said.as_ref().expect("an error");
    assert_eq!(said.answer.code.as_deref(), Some("1130"));
    assert_eq!(said.answer.standing, Standing::NotAllowed);
    assert_eq!((session.end, session.by), (End::Fin, Party::Server));
    assert!(!session.died());
}

#[test]
fn a_side_that_is_never_acknowledged_falls_silent_though_the_other_still_sends() {
    // The way to the client is closed: it repeats what the server has acknowledged in vain.
    let conversation = check(
        |tape| {
            (tape.near, tape.far) = (2, 0);
            tape.handshake(0);
            tape.at(3).data(false, 0, 50, 0);
            tape.at(4).data(true, 0, 0, 50);
            for wait in [0, 200, 600, 1400, 3000] {
                tape.at(1000 + wait).data(true, 0, 80, 50);
                tape.at(1001 + wait).data(false, 50, 40, 80);
            }
        },
        Cause::Open,
        Confidence::Confirmed,
    );
    let (_, session) = conversation.session().expect("a session");
    assert_eq!(session.end, End::Silence);
    assert!(session.died());
    assert_eq!(session.stalled, None);
}

#[test]
fn a_fin_that_nothing_acknowledges_is_no_orderly_end() {
    let conversation = check(
        |tape| {
            tape.handshake(0);
            tape.at(3).data(false, 0, 50, 0);
            tape.at(4).data(true, 0, 0, 50);
            for wait in [0, 200, 600, 1400, 3000] {
                tape.at(9000 + wait);
                fin(tape, true, 0, 50);
            }
        },
        Cause::Open,
        Confidence::Confirmed,
    );
    let (_, session) = conversation.session().expect("a session");
    assert_eq!((session.end, session.died()), (End::Silence, true));
    assert_eq!(session.to_server, 0);
}

#[test]
fn a_window_that_the_receiver_closes_is_no_death() {
    let conversation = check(
        |tape| {
            tape.handshake(0);
            tape.at(3).data(true, 0, 100, 0);
            tape.at(4).data(false, 0, 50, 100);
            tape.at(5).data(true, 100, 0, 50);
            let full = Segment {
                window: 0,
                ..Segment::bare(
                    tape.to,
                    tape.from,
                    THEIRS + 51,
                    tape.isn.wrapping_add(101),
                    Flags::ACK,
                )
            };
            for wait in [0, 400, 1200, 2800] {
                tape.at(100 + wait).data(true, 100, 1, 50);
                tape.at(101 + wait).segment(false, full);
            }
        },
        Cause::Open,
        Confidence::Confirmed,
    );
    let (_, session) = conversation.session().expect("a session");
    assert_eq!((session.end, session.died()), (End::Alive, false));
    let notes = &conversation.outcome.finding.notes;
    assert!(
        notes.iter().any(|note| note.contains("no window")),
        "{notes:?}"
    );
}

#[test]
fn a_ttl_as_fresh_as_on_the_link_after_a_long_delay_is_not_the_servers() {
    let conversation = check(
        |tape| {
            (tape.near, tape.far) = (0, 0);
            tape.at(0).syn();
            tape.at(220).answer(SYN_ACK);
            tape.at(221).data(true, 0, 0, 0);
        },
        Cause::Open,
        Confidence::Likely,
    );
    assert_eq!(conversation.position.from_server, None);
    assert_eq!(conversation.position.from_client, Some(0));
}

#[test]
fn two_syn_acks_at_once_with_a_syn_between_them_are_two() {
    let conversation = check(
        |tape| {
            // As Linux does, without an identification.
            (tape.near, tape.far) = (2, 0);
            tape.at(0).syn();
            for at in [1, 1000] {
                tape.identification = u16::MAX;
                tape.at(at).answer(SYN_ACK);
            }
            tape.at(1001).syn();
            tape.identification = u16::MAX;
            tape.at(1002).answer(SYN_ACK);
        },
        Cause::DropReturn,
        Confidence::Possible,
    );
    let replies: usize = conversation
        .packets
        .iter()
        .map(|cited| cited.replies.len())
        .sum();
    assert_eq!(replies, 3, "{:?}", conversation.packets);
}

#[test]
fn of_an_error_that_the_snapshot_length_cut_the_code_is_known() {
    let said = |payload: &[u8], port: u16, captured: usize| {
        let length = u16::try_from(payload.len()).unwrap();
        super::super::speech::error(Some(&payload[..captured]), length, port)
    };
    let mut mysql = vec![72, 0, 0, 1, 0xff, 0x15, 0x04];
    mysql.extend(b"#28000Access denied for user 'app'@'10.9.0.2' (using password: YES)");
    mysql.resize(76, b'.');
    let answer = said(&mysql, 3306, 40).expect("an error").answer;
    assert_eq!(answer.code.as_deref(), Some("1045"));
    assert!(answer.words.starts_with("Access denied"), "{answer:?}");
    let fields = b"SFATAL\0VFATAL\0C28000\0Mno pg_hba.conf entry for host\0Fauth.c\0\0";
    let mut postgres = vec![b'E', 0, 0, 0, u8::try_from(fields.len() + 4).unwrap()];
    postgres.extend(fields);
    let answer = said(&postgres, 5432, 40).expect("an error").answer;
    assert_eq!(answer.code.as_deref(), Some("28000"));
    // The database is looked for once the address is trusted.
    let trusted = [&b"R\0\0\0\x08\0\0\0\0"[..], &postgres].concat();
    assert!(said(&trusted, 5432, trusted.len()).is_some());
    assert_eq!(said(&postgres, 5432, 12), None);
    let redis = b"-NOAUTH Authentication required.\r\n";
    assert!(said(redis, 6379, 26).is_some());
}
