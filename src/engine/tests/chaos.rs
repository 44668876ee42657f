//! Any calls in any order: no panic, and every diagnosis still comes to its end.

use proptest::prelude::*;

use super::*;
use crate::model::evidence::{LocalRefusal, NeighbourState};
use crate::model::probe::ProbeId;

/// One call of a careless caller.
#[derive(Clone, Debug)]
enum Call {
    Add,
    Poll(u64),
    Garbage(u8, Vec<u8>),
    /// A datagram of ours comes back with some octets changed.
    Mangled(u8, usize, Vec<(usize, u8)>),
    /// A datagram of ours is answered or reported on, some octets changed.
    Answered(u8, usize, u8, Option<(usize, u8)>),
    Refused(usize, u32),
    Drops(u64),
    Gap(u64),
    Neighbour(usize),
    Interrupt,
}

fn call() -> impl Strategy<Value = Call> {
    let octets = proptest::collection::vec(any::<u8>(), 0..80);
    let changes = proptest::collection::vec((0_usize..80, any::<u8>()), 0..4);
    let change = proptest::option::of((0_usize..80, any::<u8>()));
    prop_oneof![
        1 => Just(Call::Add),
        8 => (0_u64..2_000).prop_map(Call::Poll),
        2 => (0_u8..3, octets).prop_map(|(by, octets)| Call::Garbage(by, octets)),
        4 => (0_u8..3, any::<usize>(), changes).prop_map(|(e, i, c)| Call::Mangled(e, i, c)),
        6 => (0_u8..3, any::<usize>(), 0_u8..5, change)
            .prop_map(|(e, i, k, c)| Call::Answered(e, i, k, c)),
        1 => (0_usize..4, 0_u32..9).prop_map(|(s, p)| Call::Refused(s, p)),
        1 => (0_u64..3).prop_map(Call::Drops),
        1 => (0_u64..3).prop_map(Call::Gap),
        1 => (0_usize..4).prop_map(Call::Neighbour),
        1 => Just(Call::Interrupt),
    ]
}

fn heard(by: u8) -> Heard {
    match by {
        0 => Heard::Departing,
        1 => TAP,
        _ => STACK,
    }
}

/// All kinds of probes, one of each, then as many as the budget allows.
fn curious(evidence: &Evidence, _: &Job, now: Moment) -> Judgement {
    let kinds = [Kind::Syn, Kind::Echo, Kind::Ack, Kind::Fragment, Kind::Fin];
    let index = evidence.trials().len();
    let ask = Ask {
        probe: plain(kinds[index % kinds.len()]),
        not_before: now.after(Duration::from_millis(index as u64 * 100)),
    };
    judgement(Cause::Inconclusive, Next::Ask(vec![ask]))
}

fn mangle(mut datagram: Vec<u8>, changes: &[(usize, u8)]) -> Vec<u8> {
    for (at, value) in changes {
        if let Some(octet) = datagram.get_mut(*at) {
            *octet = *value;
        }
    }
    datagram
}

fn answered(transmit: &Transmit, kind: u8) -> Vec<u8> {
    let packet = dissect(&transmit.datagram).unwrap();
    match (packet.content, kind) {
        (Content::Tcp(sent), 0) => {
            segment_back(transmit, SYN_ACK, 1, sent.sequence.wrapping_add(1))
        }
        (Content::Tcp(sent), 1) => {
            segment_back(transmit, RST_ACK, 0, sent.sequence.wrapping_add(1))
        }
        (Content::Tcp(sent), 2) => segment_back(transmit, Flags::RST, sent.acknowledgment, 0),
        (_, 3) => error_about(&transmit.datagram, icmp::Kind::TimeExceeded, 60),
        _ => error_about(&transmit.datagram, icmp::Kind::ReassemblyTimeout, 200),
    }
}

proptest! {
    #[test]
    fn any_calls_in_any_order_end_with_every_diagnosis_settled(
        calls in proptest::collection::vec(call(), 1..60),
    ) {
        let policy = Policy { max_probes: 12, ..Policy::default() };
        let mut prober = Prober::with_judge(policy, Key([3; 16]), curious as Script);
        let mut now = ms(0);
        let mut sent: Vec<Transmit> = Vec::new();
        let mut added = 0_usize;
        let mut settled = 0_usize;
        for call in calls {
            match call {
                Call::Add => {
                    let family = if added.is_multiple_of(2) { Family::V4 } else { Family::V6 };
                    prober.add(now, endpoint(family), vantage(family));
                    added += 1;
                }
                Call::Poll(later) => {
                    now = now.after(Duration::from_millis(later));
                    match prober.poll(now) {
                        Output::Transmit(transmit) => sent.push(transmit),
                        Output::Settled(_) => settled += 1,
                        Output::WaitUntil(until) => prop_assert!(until > now),
                        Output::Idle => prop_assert_eq!(settled, added),
                    }
                }
                Call::Garbage(by, octets) => {
                prober.handle_frame(now, heard(by), &octets);
            }
                Call::Mangled(by, index, changes) if !sent.is_empty() => {
                    let datagram = sent[index % sent.len()].datagram.clone();
                    prober.handle_frame(now, heard(by), &mangle(datagram, &changes));
                }
                Call::Answered(by, index, kind, change) if !sent.is_empty() => {
                    let datagram = answered(&sent[index % sent.len()], kind);
                    prober.handle_frame(now, heard(by), &mangle(datagram, change.as_slice()));
                }
                Call::Mangled(..) | Call::Answered(..) => {}
                Call::Refused(session, probe) => prober.handle_refusal(
                    now,
                    SessionId(session),
                    ProbeId(probe),
                    LocalRefusal::Overload,
                ),
                Call::Drops(count) => prober.handle_drops(now, count),
                Call::Gap(span) => prober.handle_gap(now, Duration::from_secs(span)),
                Call::Neighbour(session) => {
                    prober.handle_neighbour(now, SessionId(session), NeighbourState::Failed);
                }
                Call::Interrupt => prober.interrupt(now),
            }
        }
        for _ in 0..10_000 {
            match prober.poll(now) {
                Output::Transmit(_) => {}
                Output::Settled(_) => settled += 1,
                Output::WaitUntil(until) => {
                    prop_assert!(until > now);
                    now = until;
                }
                Output::Idle => break,
            }
        }
        prop_assert_eq!(settled, added);
        for index in 0..added {
            prop_assert!(prober.outcome(SessionId(index), now).evidence.trials().len() <= 12);
        }
    }
}
