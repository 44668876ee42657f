//! Answers that bear the right token and that no client takes: from elsewhere, or broken.

use super::*;
use crate::model::evidence::Observation;
use crate::model::reply::Flaw;
use crate::model::verdict::{KernelReason, Method, PlaceKind, State};

fn elsewhere() -> IpAddr {
    [10, 9, 3, 11].into()
}

/// What a healthy host draws, its answers to the port with a flaw, from another address where that is
/// the flaw.
fn flawed(probe: &Probe, flaw: Flaw) -> Option<(Duration, Reply)> {
    let (delay, reply) = healthy(probe, true)?;
    if !to_port(probe) || !reply.answer.is_end_of_path() {
        return Some((delay, reply));
    }
    let from = match flaw {
        Flaw::Misaddressed { port: 3306 } => elsewhere(),
        Flaw::Misaddressed { .. } | Flaw::Checksum => reply.from,
    };
    let flaw = Some(flaw);
    Some((
        delay,
        Reply {
            from,
            flaw,
            ..reply
        },
    ))
}

#[test]
fn answers_from_another_address_or_port_are_named_with_it() {
    for (port, named) in [(3306, "10.9.3.11"), (13306, "port 13306")] {
        let flaw = Flaw::Misaddressed { port };
        let finding = check(
            &|probe, _| flawed(probe, flaw),
            Cause::Misaddressed,
            Confidence::Proven,
            2.0,
        );
        let verdict = &finding.verdict;
        assert_eq!(verdict.state, State::Filtered);
        assert!(verdict.summary.contains(named), "{}", verdict.summary);
        assert!(verdict.basis.len() >= 2, "{:?}", verdict.basis);
    }
}

#[test]
fn one_token_alone_is_never_firm() {
    let first = std::cell::Cell::new(true);
    check(
        &|probe, _| {
            let astray = Flaw::Misaddressed { port: 3306 };
            if !to_port(probe) {
                return healthy(probe, true);
            }
            first.take().then(|| flawed(probe, astray)).flatten()
        },
        Cause::Misaddressed,
        Confidence::Likely,
        6.0,
    );
}

#[test]
fn the_right_answer_beside_one_from_elsewhere_counts() {
    // As a translation of this host's own looks: the tap sees what the stack is yet to translate.
    let job = job();
    let (_, evidence, now) = run(&|probe, _| healthy(probe, true), &|_| None, &job);
    let mut both = Evidence::new();
    for Observation { at, fact } in evidence.observations() {
        if let Fact::Replied(id, ReceivedBy::Tap, reply) = &fact
            && matches!(reply.answer, Answer::SynAck { .. })
        {
            let flaw = Some(Flaw::Misaddressed { port: 3306 });
            let astray = Reply {
                from: elsewhere(),
                flaw,
                ..*reply
            };
            both.record(at, Fact::Replied(*id, ReceivedBy::Tap, astray));
        } else {
            both.record(at, fact);
        }
    }
    let finding = judge(&both, &job, now).finding;
    assert_eq!(finding.verdict.cause, Cause::Open);
    assert!(!finding.notes.iter().any(|note| note.contains("token")));
}

#[test]
fn answers_with_a_wrong_checksum_are_discarded_here() {
    let finding = check(
        &|probe, _| flawed(probe, Flaw::Checksum),
        Cause::LocalIngress,
        Confidence::Proven,
        2.0,
    );
    assert_eq!(finding.verdict.place.kind, PlaceKind::Local);
    assert_eq!(
        finding.verdict.method,
        Some(Method::Kernel(KernelReason::Checksum))
    );
}

#[test]
fn flows_whose_answers_break_beside_flows_that_are_answered_are_named() {
    let finding = check_under(
        &thorough(),
        &|probe, _| {
            if to_port(probe) && probe.flow.index % 2 == 1 {
                flawed(probe, Flaw::Misaddressed { port: 3306 })
            } else {
                healthy(probe, true)
            }
        },
        Cause::Intermittent,
        Confidence::Confirmed,
        30.0,
    );
    let summary = &finding.verdict.summary;
    assert!(summary.contains("10.9.3.11"), "{summary}");
}

#[test]
fn what_a_translation_of_this_hosts_own_has_yet_to_undo_and_never_does_is_discarded_here() {
    // The tap sees no probe leave as it was made, and answers that the stack never hears.
    let job = job();
    let (_, evidence, now) = run(&|probe, _| healthy(probe, true), &|_| None, &job);
    let mut kept = Evidence::new();
    for Observation { at, fact } in evidence.observations() {
        match &fact {
            Fact::Departed(_) | Fact::Replied(_, ReceivedBy::Stack, _) => {}
            Fact::Replied(id, ReceivedBy::Tap, reply) => {
                let flaw = Some(Flaw::Misaddressed { port: 3307 });
                let astray = Reply {
                    from: elsewhere(),
                    flaw,
                    ..*reply
                };
                kept.record(at, Fact::Replied(*id, ReceivedBy::Tap, astray));
            }
            _ => kept.record(at, fact),
        }
    }
    let later = now.after(Duration::from_secs(1));
    let verdict = judge(&kept, &job, later).finding.verdict;
    assert_eq!(verdict.cause, Cause::LocalIngress, "{}", verdict.summary);
    assert_eq!(verdict.method, None);
}
