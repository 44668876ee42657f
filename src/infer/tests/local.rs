//! What this host itself does to probes and answers.

use super::*;
use crate::model::change::{Change, Stance};
use crate::model::evidence::{KernelSays, NeighbourState};
use crate::model::verdict::{KernelReason, Method, PlaceKind};

fn at(millis: u64) -> Moment {
    Moment::START.after(Duration::from_millis(millis))
}

/// SYNs to the port that the kernel took, at these milliseconds, and that nobody saw leave.
fn stuck(millis: &[u64]) -> Evidence {
    let mut evidence = Evidence::new();
    for (id, millis) in (1..).zip(millis) {
        let probe = Probe::plain(Kind::Syn, Target::Endpoint, Flow::ephemeral(0));
        evidence.record(at(*millis), Fact::Sent(ProbeId(id), probe));
        evidence.record(at(millis + 1000), Fact::Expired(ProbeId(id)));
    }
    evidence
}

#[test]
fn where_nothing_leaves_and_nothing_is_translated_this_host_is_named_within_seconds() {
    for (says, method) in [
        (KernelSays::Untracked, None),
        (KernelSays::PolicyOut, Some(KernelReason::XfrmPolicy)),
    ] {
        let mut evidence = stuck(&[0, 1000]);
        evidence.record(at(300), Fact::Neighbour(NeighbourState::Resolved));
        evidence.record(at(300), Fact::Kernel(says));
        let Judgement { finding, course } = judge(&evidence, &job(), at(2600));
        let verdict = &finding.verdict;
        assert_eq!(verdict.cause, Cause::LocalEgress, "{}", verdict.summary);
        assert_eq!(verdict.confidence, Confidence::Likely);
        assert_eq!(verdict.place.kind, PlaceKind::Local);
        assert_eq!(verdict.method, method.map(Method::Kernel));
        assert_eq!(course.next, Next::Settle);
    }
}

#[test]
fn where_connections_are_tracked_a_translation_may_hide_what_leaves() {
    let mut evidence = stuck(&[0, 1000]);
    evidence.record(at(300), Fact::Neighbour(NeighbourState::Resolved));
    let Judgement { finding, course } = judge(&evidence, &job(), at(2600));
    assert_ne!(finding.verdict.cause, Cause::LocalEgress);
    assert_ne!(course.next, Next::Settle);
}

#[test]
fn what_answers_a_refused_probe_is_never_an_answer_of_the_network() {
    // Whichever becomes known first.
    for refusal_first in [true, false] {
        let mut evidence = Evidence::new();
        for id in 1..=6_u32 {
            let id = ProbeId(id);
            let probe = Probe::plain(Kind::Syn, Target::Endpoint, Flow::ephemeral(0));
            let now = at(u64::from(id.0) * 1000);
            evidence.record(now, Fact::Sent(id, probe));
            let (_, forged) = reply(target(), 1, Dscp::ZERO, Answer::Reset);
            let facts = [
                Fact::Refused(id, LocalRefusal::Firewall),
                Fact::Replied(id, ReceivedBy::Tap, forged),
                Fact::Replied(id, ReceivedBy::Stack, forged),
            ];
            let order: &[usize] = if refusal_first {
                &[0, 1, 2]
            } else {
                &[1, 2, 0]
            };
            for index in order {
                evidence.record(now, facts[*index].clone());
            }
        }
        assert!(
            evidence
                .trials()
                .iter()
                .all(|trial| trial.replies.is_empty())
        );
        let told = evidence.observations();
        let forged = told.filter(|told| matches!(told.fact, Fact::Replied(..)));
        assert_eq!(forged.count(), 12, "the list keeps what was heard");
        let verdict = judge(&evidence, &job(), at(7000)).finding.verdict;
        assert_eq!(verdict.cause, Cause::LocalEgress, "{}", verdict.summary);
        assert_eq!(
            verdict.method,
            Some(Method::Kernel(KernelReason::Netfilter))
        );
    }
}

#[test]
fn each_errno_of_a_missing_way_is_told_as_such() {
    for (refusal, word) in [
        (LocalRefusal::NoRoute, "no route"),
        (LocalRefusal::Blackhole, "blackhole"),
        (LocalRefusal::Prohibited, "prohibit"),
        (LocalRefusal::InterfaceDown, "interface is down"),
    ] {
        let (finding, _, _) = run(&|_, _| None, &|_| Some(refusal), &job());
        let verdict = &finding.verdict;
        assert_eq!(verdict.cause, Cause::NoRoute, "{}", verdict.summary);
        assert_eq!(verdict.place.kind, PlaceKind::Local);
        assert!(verdict.summary.contains(word), "{}", verdict.summary);
    }
}

#[test]
fn a_filter_at_the_interface_is_told_from_a_full_queue_by_what_passes() {
    let full = |probe: &Probe| (probe.kind == Kind::Syn).then_some(LocalRefusal::Overload);
    let (finding, _, _) = run(&|probe, _| healthy(probe, true), &full, &job());
    let verdict = &finding.verdict;
    assert_eq!(verdict.cause, Cause::LocalEgress, "{}", verdict.summary);
    assert_eq!(
        verdict.method,
        Some(Method::Kernel(KernelReason::EgressHook))
    );
}

fn change(refusal: Option<LocalRefusal>) -> Fact {
    let stance = |last: u8, refusal| Stance {
        source: IpAddr::V4(Ipv4Addr::new(10, 9, 0, 2)),
        interface: "eth0".to_owned(),
        gateway: Some(address(last)),
        refusal,
    };
    Fact::Moved(Box::new(Change {
        before: stance(1, None),
        after: stance(7, refusal),
    }))
}

#[test]
fn a_diagnosis_that_ends_soon_after_the_way_changed_is_inconclusive_and_names_the_change() {
    let mut evidence = Evidence::new();
    evidence.record(at(40_000), change(None));
    for id in 1..=4_u32 {
        let probe = Probe::plain(Kind::Syn, Target::Endpoint, Flow::ephemeral(0));
        let now = at(40_000 + u64::from(id) * 1000);
        evidence.record(now, Fact::Sent(ProbeId(id), probe));
        evidence.record(now, Fact::Departed(ProbeId(id)));
        let later = now.after(Duration::from_millis(900));
        evidence.record(later, Fact::Expired(ProbeId(id)));
    }
    evidence.record(at(45_000), Fact::Interrupted);
    let verdict = judge(&evidence, &job(), at(45_000)).finding.verdict;
    assert_eq!(verdict.cause, Cause::Inconclusive, "{}", verdict.summary);
    assert!(
        verdict.summary.contains("10.9.7.1 on eth0"),
        "{}",
        verdict.summary
    );
}

#[test]
fn a_way_that_has_just_gone_is_given_time_to_come_back() {
    let mut evidence = Evidence::new();
    let gone = LocalRefusal::NoRoute;
    evidence.record(at(5000), change(Some(gone)));
    for id in 1..=4_u32 {
        let probe = Probe::plain(Kind::Syn, Target::Endpoint, Flow::ephemeral(0));
        let now = at(5000 + u64::from(id) * 50);
        evidence.record(now, Fact::Sent(ProbeId(id), probe));
        evidence.record(now, Fact::Refused(ProbeId(id), gone));
    }
    let early = judge(&evidence, &job(), at(5300));
    assert_ne!(early.course.next, Next::Settle);
    let Judgement { finding, course } = judge(&evidence, &job(), at(8000));
    assert_eq!(finding.verdict.cause, Cause::NoRoute);
    assert_eq!(course.next, Next::Settle);
}
