//! What the tap and the receiver behind the firewall hear of one answer, and what counts as one.

use std::time::Duration;

use super::*;
use crate::model::probe::{Dscp, Flow, Kind, Probe, Target, Ttl};
use crate::model::reply::{Answer, Flaw, Reply};

const PROBE: ProbeId = ProbeId(1);

fn reset(flaw: Option<Flaw>) -> Reply {
    Reply {
        from: [10, 9, 3, 10].into(),
        ttl: Ttl(61),
        dscp: Dscp::ZERO,
        flow_label: None,
        answer: Answer::Reset,
        flaw,
    }
}

/// The trial after these replies, one a millisecond, and the same of the facts told anew.
fn heard(replies: &[(ReceivedBy, Option<Flaw>)]) -> Trial {
    let mut evidence = Evidence::new();
    let probe = Probe::plain(Kind::Syn, Target::Endpoint, Flow::ephemeral(0));
    evidence.record(Moment::START, Fact::Sent(PROBE, probe));
    for (number, (by, flaw)) in (1_u64..).zip(replies) {
        let at = Moment::START.after(Duration::from_millis(number));
        evidence.record(at, Fact::Replied(PROBE, *by, reset(*flaw)));
    }
    assert_eq!(evidence.trials(), retold(&evidence).trials());
    evidence.trials().first().expect("a trial").clone()
}

#[test]
fn what_the_tap_sees_broken_is_no_reply_whichever_ear_is_sooner() {
    let broken = Some(Flaw::Checksum);
    for order in [
        [(ReceivedBy::Tap, broken), (ReceivedBy::Stack, None)],
        [(ReceivedBy::Stack, None), (ReceivedBy::Tap, broken)],
    ] {
        let trial = heard(&order);
        assert!(trial.replies.is_empty() && trial.is_pending());
        let [flawed] = trial.flawed.as_slice() else {
            panic!("{:?}", trial.flawed);
        };
        assert!(flawed.by_tap && flawed.by_stack);
        assert_eq!(flawed.reply.flaw, broken);
    }
}

#[test]
fn a_copy_that_is_whole_counts_beside_a_broken_one() {
    let broken = Some(Flaw::Checksum);
    let trial = heard(&[
        (ReceivedBy::Tap, broken),
        (ReceivedBy::Tap, None),
        (ReceivedBy::Stack, None),
    ]);
    assert_eq!((trial.replies.len(), trial.flawed.len()), (1, 1));
    assert!(trial.replies.iter().all(|reply| reply.by_stack));
}

#[test]
fn an_answer_from_elsewhere_is_kept_apart() {
    let elsewhere = Some(Flaw::Misaddressed { port: 3306 });
    let trial = heard(&[(ReceivedBy::Tap, elsewhere), (ReceivedBy::Stack, elsewhere)]);
    assert!(trial.replies.is_empty());
    assert_eq!(trial.flawed.len(), 1);
    let trial = heard(&[(ReceivedBy::Tap, elsewhere), (ReceivedBy::Stack, None)]);
    assert_eq!((trial.replies.len(), trial.flawed.len()), (1, 1));
}

/// The same facts, told anew.
fn retold(evidence: &Evidence) -> Evidence {
    let mut again = Evidence::new();
    for Observation { at, fact } in evidence.observations() {
        again.record(at, fact);
    }
    again
}

#[test]
fn a_flood_is_counted_and_costs_no_memory() {
    let mut evidence = Evidence::new();
    let probe = Probe::plain(Kind::Syn, Target::Endpoint, Flow::ephemeral(0));
    evidence.record(Moment::START, Fact::Sent(PROBE, probe));
    let many = 10 * MOST_FURTHER as u64;
    for number in 1..=many {
        let at = Moment::from_nanos(number);
        let from = u32::try_from(number).unwrap().to_be_bytes().into();
        for kind in [NearMissKind::SynAck, NearMissKind::Reset] {
            let near_miss = NearMiss {
                kind,
                from,
                ttl: Ttl(63),
                ports: [40_000, 3306],
                numbers: [1, 2],
            };
            evidence.record(at, Fact::NearMiss(Some(near_miss)));
        }
        evidence.record(at, Fact::Spent(from));
        let reply = Reply {
            from,
            ..reset(None)
        };
        evidence.record(at, Fact::Replied(PROBE, ReceivedBy::Tap, reply));
        evidence.record(at, Fact::Replied(PROBE, ReceivedBy::Tap, reset(None)));
    }
    assert_eq!(evidence.near_misses(), 2 * many);
    assert_eq!(evidence.stray_resets(), many);
    assert!(evidence.strays().len() as u64 <= MOST_NEAR_MISSES);
    let kept = evidence.observations().count();
    assert!(kept <= 2 * MOST_FURTHER, "{kept} facts are kept");
    assert!(evidence.trials()[0].replies.len() <= 16);
    assert_eq!(retold(&evidence), evidence);
}
