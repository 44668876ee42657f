//! Much of everything: floods, long captures, snapped and broken packets.

use super::*;

#[test]
fn a_flood_is_counted_and_not_remembered() {
    let mut tape = Tape::new();
    for nth in 0..60_000_u32 {
        tape.client = Ipv4Addr::from(0x0a00_0000 + nth).into();
        tape.at(u64::from(nth / 1000)).syn();
    }
    tape.client = client();
    tape.flow(41_000, 5432).handshake(100);
    let account = tape.finish();
    let flooded = account
        .conversations
        .iter()
        .filter(|conversation| conversation.outcome.endpoint.port == PORT);
    let remembered = flooded.count();
    assert!((1..10_000).contains(&remembered), "{remembered}");
    assert_eq!(account.remainder.syns, 60_000 - remembered as u64);
    let other = account
        .conversations
        .iter()
        .find(|conversation| conversation.outcome.endpoint.port == 5432);
    assert!(other.is_some(), "another port is not crowded out");
}

#[test]
fn of_many_attempts_the_failures_are_remembered() {
    let conversation = check(
        |tape| {
            for nth in 0..400_u16 {
                let at = u64::from(nth) * 100;
                tape.flow(20_000 + nth, PORT).handshake(at);
                tape.at(at + 3)
                    .data(false, 0, 50, 0)
                    .at(at + 4)
                    .data(true, 0, 9, 50);
            }
            tape.flow(60_000, PORT).syns(41_000, 4);
        },
        Cause::Intermittent,
        Confidence::Possible,
    );
    assert!(outcomes(&conversation).contains(&AttemptOutcome::Silent));
    let kept = conversation.attempts.len() as u64;
    assert_eq!(conversation.forgotten.established + kept, 401);
}

#[test]
fn headers_cut_within_their_options_are_read() {
    let mut tape = Tape::new();
    let envelope = tape.envelope(true);
    let syn = compose::segment(&envelope, &tape.the_syn()).unwrap();
    for length in [34, 40, 50, syn.len()] {
        let mut observer = Observer::new();
        observer.see(1, Moment::START, None, &syn[..length]);
        let account = observer.finish(Moment::from_nanos(5_000_000_000));
        assert_eq!(account.conversations.len(), 1, "{length} octets");
        assert_eq!(account.conversations[0].attempts[0].syns, 1);
    }
}

#[test]
fn no_bytes_disturb_it() {
    let mut tape = Tape::new();
    let envelope = tape.envelope(true);
    let syn = compose::segment(&envelope, &tape.the_syn()).unwrap();
    let mut observer = Observer::new();
    let mut number = 0;
    for octet in 0..syn.len() {
        for bit in 0..8 {
            let mut broken = syn.clone();
            broken[octet] ^= 1 << bit;
            for length in [0, 19, 30, 45, broken.len()] {
                number += 1;
                let at = Moment::from_nanos(number * 1_000);
                observer.see(number, at, None, &broken[..length]);
            }
        }
    }
    let account = observer.finish(Moment::START);
    assert!(!account.conversations.is_empty());
}

#[test]
#[ignore = "a measurement for people"]
fn how_fast_is_it() {
    let mut tape = Tape::new();
    for nth in 0..1000 {
        tape.flow(20_000 + nth, PORT).handshake(u64::from(nth));
    }
    let envelope = tape.envelope(true);
    let datagrams: Vec<Vec<u8>> = (0..1000_u16)
        .map(|nth| {
            let segment = Segment {
                payload_length: 1000,
                ..Segment::bare(20_000 + nth, PORT, 1, 2, Flags::ACK)
            };
            compose::segment(&envelope, &segment).unwrap()
        })
        .collect();
    #[allow(clippy::disallowed_methods, reason = "a measurement")]
    let began = std::time::Instant::now();
    let mut number = 10_000;
    for _ in 0..3000 {
        for datagram in &datagrams {
            number += 1;
            tape.observer
                .see(number, Moment::from_nanos(number * 1000), None, datagram);
        }
    }
    println!("{:?} a packet", began.elapsed() / 3_000_000);
}

#[test]
#[ignore = "a measurement for people"]
fn how_large_is_it() {
    let resident = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM"));
        line.unwrap().to_owned()
    };
    let mut tape = Tape::new();
    // Half of it from everywhere to everything, half from one client to one port.
    for nth in 0..3_000_000_u32 {
        tape.client = Ipv4Addr::from(0x0a00_0000 + nth).into();
        tape.flow(40_000, u16::try_from(nth % 60_000).unwrap() + 1);
        tape.at(u64::from(nth / 100)).syn();
    }
    tape.client = client();
    for nth in 0..3_000_000_u32 {
        tape.isn = nth;
        tape.from = u16::try_from(nth % 60_000).unwrap() + 1;
        tape.to = u16::try_from(nth % 97).unwrap() + 1;
        tape.at(30_000 + u64::from(nth / 100)).syn();
    }
    println!("{}", resident());
    let account = tape.finish();
    println!(
        "{} {:?} {}",
        account.conversations.len(),
        account.remainder,
        resident()
    );
}
