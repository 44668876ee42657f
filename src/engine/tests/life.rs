//! The life of a diagnosis: sending, waiting, settling, stopping.

use super::*;
use crate::model::change::{Change, Stance};
use crate::model::evidence::{Fact, LocalRefusal, NeighbourState};
use crate::model::probe::ProbeId;

fn verdict(prober: &Prober) -> Cause {
    let outcome = prober.outcome(SessionId(0), Moment::START);
    outcome.finding.verdict.cause
}

#[test]
fn an_open_port_is_reset_where_the_kernels_own_reset_is_not_seen() {
    for family in [Family::V4, Family::V6] {
        let (mut prober, syn) = begun(one_syn, family);
        let sent = sent_segment(&syn);
        assert_eq!(syn.probe, Some(ProbeId(1)));
        assert_eq!(syn.destination, endpoint(family).address);
        assert_eq!(sent.flags, Flags::SYN);
        assert_eq!(prober.poll(ms(0)), Output::WaitUntil(ms(1000)));

        let syn_ack = segment_back(&syn, SYN_ACK, 77, sent.sequence.wrapping_add(1));
        prober.handle_frame(ms(5), TAP, &syn_ack);
        prober.handle_frame(ms(5), STACK, &syn_ack);
        assert_eq!(prober.poll(ms(6)), Output::Settled(SessionId(0)));
        let reset = transmit(&mut prober, ms(35));
        assert_eq!(reset.probe, None);
        let segment = sent_segment(&reset);
        assert_eq!(segment.flags, Flags::RST);
        assert_eq!(segment.sequence, sent.sequence.wrapping_add(1));
        assert_eq!(
            (segment.source_port, segment.destination_port),
            (sent.source_port, sent.destination_port)
        );
        assert_eq!(prober.poll(ms(35)), Output::Idle);
        prober.handle_frame(ms(2000), TAP, &syn_ack);
        prober.handle_frame(ms(2001), Heard::Departing, &reset.datagram);
        assert_eq!(prober.poll(ms(2040)), Output::Idle);
        let outcome = prober.outcome(SessionId(0), ms(9000));
        assert_eq!(outcome.finding.verdict.cause, Cause::Open);
        assert_eq!(outcome.elapsed, Duration::from_millis(6));
        let trial = &outcome.evidence.trials()[0];
        assert_eq!(trial.rtt(), Some(Duration::from_millis(5)));
        assert_eq!(trial.replies.len(), 1);
        assert!(trial.replies[0].by_tap && trial.replies[0].by_stack);
        assert_eq!(prober.sent(), 1);
    }
}

#[test]
fn a_syn_ack_that_comes_again_is_reset_again_even_after_the_diagnosis() {
    let (mut prober, syn) = begun(one_syn, Family::V4);
    let syn_ack = segment_back(
        &syn,
        SYN_ACK,
        77,
        sent_segment(&syn).sequence.wrapping_add(1),
    );
    prober.handle_frame(ms(5), TAP, &syn_ack);
    assert_eq!(prober.poll(ms(5)), Output::Settled(SessionId(0)));
    let reset = transmit(&mut prober, ms(35));
    let before = evidence(&prober);
    prober.handle_frame(ms(100), TAP, &syn_ack);
    assert_eq!(prober.poll(ms(100)), Output::Idle);
    prober.handle_frame(ms(1005), TAP, &syn_ack);
    let again = transmit(&mut prober, ms(1035));
    assert_eq!(sent_segment(&again), sent_segment(&reset));
    assert_eq!(evidence(&prober), before);
}

#[test]
fn a_concluded_diagnosis_hands_over_its_outcome_once_and_leaves_nothing() {
    let (mut prober, syn) = begun(one_syn, Family::V4);
    let acknowledged = sent_segment(&syn).sequence.wrapping_add(1);
    let syn_ack = segment_back(&syn, SYN_ACK, 77, acknowledged);
    prober.handle_frame(ms(5), TAP, &syn_ack);
    assert_eq!(prober.poll(ms(5)), Output::Settled(SessionId(0)));
    transmit(&mut prober, ms(35));
    let outcome = prober.conclude(SessionId(0), ms(9)).unwrap();
    assert_eq!(outcome.finding.verdict.cause, Cause::Open);
    assert_eq!(outcome.elapsed, Duration::from_millis(5));
    assert_eq!(prober.conclude(SessionId(0), ms(9)), None);
    // What comes late is reset, for a while.
    prober.handle_frame(ms(3000), TAP, &syn_ack);
    transmit(&mut prober, ms(3030));
    assert_eq!(prober.poll(ms(6005)), Output::Idle);
    prober.handle_frame(ms(6005), TAP, &syn_ack);
    assert_eq!(prober.poll(ms(6005)), Output::Idle);
    let mut other = Prober::with_judge(Policy::default(), Key([9; 16]), one_syn as Script);
    other.add(ms(0), endpoint(Family::V4), vantage(Family::V4));
    assert!(format!("{prober:?}").len() < format!("{other:?}").len());
}

#[test]
fn silence_expires_after_its_patience() {
    for (judge, family, timeout) in [
        (one_syn as Script, Family::V4, 1),
        (one_echo, Family::V6, 1),
        (one_fragment, Family::V4, 35),
        (one_fragment, Family::V6, 66),
    ] {
        let (mut prober, _) = begun(judge, family);
        assert_eq!(prober.poll(ms(1)), Output::WaitUntil(seconds(timeout)));
        let settled = prober.poll(seconds(timeout));
        assert_eq!(settled, Output::Settled(SessionId(0)));
        assert!(evidence(&prober).trials()[0].is_silent());
        assert_eq!(verdict(&prober), Cause::DropSomewhere);
    }
}

/// Asks for a second SYN two seconds after the first, whatever happened to it.
fn two_syns(evidence: &Evidence, job: &Job, _: Moment) -> Judgement {
    let asks = (evidence.trials().len()..2).map(|index| Ask {
        probe: plain(Kind::Syn),
        not_before: job.began.after(Duration::from_secs(2) * index as u32),
    });
    judgement(Cause::Inconclusive, Next::Ask(asks.collect()))
}

#[test]
fn a_late_reply_is_recorded_and_teaches_patience() {
    let (mut prober, syn) = begun(two_syns, Family::V4);
    assert_eq!(prober.poll(ms(1000)), Output::WaitUntil(ms(2000)));
    let reset = segment_back(
        &syn,
        RST_ACK,
        0,
        sent_segment(&syn).sequence.wrapping_add(1),
    );
    prober.handle_frame(ms(1500), TAP, &reset);
    let trial = evidence(&prober).trials()[0].clone();
    assert_eq!(trial.expired, Some(ms(1000)));
    assert_eq!(trial.rtt(), Some(Duration::from_millis(1500)));
    let second = transmit(&mut prober, ms(2000));
    assert_ne!(sent_segment(&second).sequence, sent_segment(&syn).sequence);
    // Three times 1.5 s would be 4.5 s.
    assert_eq!(prober.poll(ms(2000)), Output::WaitUntil(ms(5000)));
}

#[test]
fn a_probe_waits_for_its_time_and_the_last_one_for_its_patience() {
    let (mut prober, _) = begun(two_syns, Family::V4);
    assert_eq!(prober.poll(ms(1)), Output::WaitUntil(ms(1000)));
    assert_eq!(prober.poll(ms(1000)), Output::WaitUntil(ms(2000)));
    transmit(&mut prober, ms(2000));
    assert_eq!(prober.poll(ms(2000)), Output::WaitUntil(ms(3000)));
    assert_eq!(prober.poll(ms(3000)), Output::Settled(SessionId(0)));
}

#[test]
fn the_probe_budget_is_kept_and_the_last_probes_are_waited_for() {
    let policy = Policy {
        max_probes: 7,
        ..Policy::default()
    };
    let mut prober = Prober::with_judge(policy, Key([9; 16]), insatiable as Script);
    prober.add(ms(0), endpoint(Family::V4), vantage(Family::V4));
    let mut now = ms(0);
    let mut sent_at = Vec::new();
    loop {
        match prober.poll(now) {
            Output::Transmit(_) => sent_at.push(now.micros()),
            Output::WaitUntil(until) => {
                assert!(until > now);
                now = until;
            }
            Output::Settled(_) => break,
            Output::Idle => panic!("idle before it settled"),
        }
    }
    assert_eq!(sent_at, [0, 1000, 2000, 3000, 4000, 5000, 6000]);
    assert_eq!(now, ms(1006));
    assert!(!evidence(&prober).interrupted());
}

#[test]
fn the_deadline_interrupts_and_settles() {
    let policy = Policy {
        max_time: Some(Duration::from_millis(300)),
        ..Policy::default()
    };
    let mut prober = Prober::with_judge(policy, Key([9; 16]), one_syn as Script);
    prober.add(ms(10), endpoint(Family::V4), vantage(Family::V4));
    transmit(&mut prober, ms(10));
    assert_eq!(prober.poll(ms(10)), Output::WaitUntil(ms(310)));
    assert_eq!(prober.poll(ms(310)), Output::Settled(SessionId(0)));
    let outcome = prober.outcome(SessionId(0), ms(400));
    assert!(outcome.evidence.interrupted());
    assert_eq!(outcome.elapsed, Duration::from_millis(300));
}

#[test]
fn an_interrupt_settles_every_open_diagnosis_at_once() {
    let mut prober = Prober::with_judge(Policy::default(), Key([9; 16]), one_syn as Script);
    for _ in 0..3 {
        prober.add(ms(0), endpoint(Family::V4), vantage(Family::V4));
    }
    transmit(&mut prober, ms(0));
    prober.interrupt(ms(1));
    prober.interrupt(ms(1));
    for index in 0..3 {
        assert_eq!(prober.poll(ms(1)), Output::Settled(SessionId(index)));
        let outcome = prober.outcome(SessionId(index), ms(1));
        let interrupts = outcome.evidence.observations();
        let interrupts = interrupts.filter(|seen| seen.fact == Fact::Interrupted);
        assert_eq!(interrupts.count(), 1);
    }
    assert_eq!(prober.poll(ms(1)), Output::Idle);
}

#[test]
fn a_refused_probe_is_not_waited_for() {
    let (mut prober, syn) = begun(one_syn, Family::V4);
    let probe = syn.probe.unwrap();
    prober.handle_refusal(ms(0), syn.session, probe, LocalRefusal::Firewall);
    prober.handle_refusal(ms(0), syn.session, probe, LocalRefusal::NoRoute);
    assert_eq!(prober.poll(ms(0)), Output::Settled(SessionId(0)));
    let trial = evidence(&prober).trials()[0].clone();
    assert_eq!(trial.refused, Some(LocalRefusal::Firewall));
    assert!(!trial.is_silent());
}

/// Asks for a source port that was not reserved, again and again.
fn privileged(_: &Evidence, _: &Job, now: Moment) -> Judgement {
    let probe = Probe::plain(Kind::Syn, Target::Endpoint, Flow::privileged(0));
    let ask = Ask {
        probe,
        not_before: now,
    };
    judgement(Cause::Inconclusive, Next::Ask(vec![ask]))
}

#[test]
fn a_probe_without_a_source_port_counts_as_refused_and_ends() {
    let policy = Policy {
        allowance: None,
        ..Policy::default()
    };
    let mut prober = Prober::with_judge(policy, Key([9; 16]), privileged as Script);
    prober.add(ms(0), endpoint(Family::V4), vantage(Family::V4));
    assert_eq!(prober.poll(ms(0)), Output::Settled(SessionId(0)));
    let evidence = evidence(&prober);
    assert_eq!(evidence.trials().len(), 400);
    let refused = |trial: &crate::model::evidence::Trial| trial.refused;
    assert_eq!(
        refused(&evidence.trials()[0]),
        Some(LocalRefusal::SourceGone)
    );
    assert_eq!(prober.sent(), 0);
}

#[test]
fn lost_frames_and_gaps_void_what_waits() {
    for disturb in [
        (|prober: &mut Prober| prober.handle_drops(ms(1), 4)) as fn(&mut Prober),
        |prober| prober.handle_gap(ms(1), Duration::from_secs(3)),
    ] {
        let (mut prober, _) = begun(one_syn, Family::V4);
        disturb(&mut prober);
        assert_eq!(prober.poll(ms(1000)), Output::Settled(SessionId(0)));
        let trial = evidence(&prober).trials()[0].clone();
        assert!(trial.invalidated && !trial.is_silent());
    }
}

#[test]
fn spurious_calls_change_nothing() {
    let (mut prober, syn) = begun(one_syn, Family::V4);
    prober.handle_neighbour(ms(1), SessionId(0), NeighbourState::Resolved);
    prober.handle_frame(ms(1), Heard::Departing, &syn.datagram);
    let before = evidence(&prober);
    prober.handle_frame(ms(1), Heard::Departing, &syn.datagram);
    prober.handle_neighbour(ms(1), SessionId(0), NeighbourState::Resolved);
    prober.handle_neighbour(ms(1), SessionId(8), NeighbourState::Failed);
    prober.handle_refusal(ms(1), SessionId(8), ProbeId(1), LocalRefusal::NoRoute);
    prober.handle_refusal(ms(1), SessionId(0), ProbeId(0), LocalRefusal::NoRoute);
    prober.handle_refusal(ms(1), SessionId(0), ProbeId(2), LocalRefusal::NoRoute);
    prober.handle_drops(ms(1), 0);
    prober.handle_gap(ms(1), Duration::ZERO);
    prober.handle_frame(ms(1), TAP, &[]);
    prober.handle_frame(ms(1), STACK, &syn.datagram);
    assert_eq!(evidence(&prober), before);
    assert_eq!(prober.near_misses(), 0);
    assert_eq!(prober.poll(ms(1)), Output::WaitUntil(seconds(1)));
    assert_eq!(prober.poll(ms(1)), Output::WaitUntil(seconds(1)));
}

#[test]
fn the_rate_holds_over_all_diagnoses_and_every_one_gets_its_turn() {
    let policy = Policy {
        rate: 100,
        max_probes: 3,
        allowance: None,
        ..Policy::default()
    };
    let mut prober = Prober::with_judge(policy, Key([9; 16]), insatiable as Script);
    for _ in 0..20 {
        prober.add(ms(0), endpoint(Family::V4), vantage(Family::V4));
    }
    let mut now = ms(0);
    let mut order = Vec::new();
    loop {
        match prober.poll(now) {
            Output::Transmit(transmit) => order.push((now, transmit.session)),
            Output::WaitUntil(until) => {
                assert!(until > now);
                now = until;
            }
            Output::Settled(_) => {}
            Output::Idle => break,
        }
    }
    assert_eq!(order.len(), 60);
    assert_eq!(order[59].0, ms(590));
    let first_round: Vec<usize> = order[..20].iter().map(|(_, id)| id.0).collect();
    assert_eq!(first_round, (0..20).collect::<Vec<_>>());
}

#[test]
fn the_same_key_gives_the_same_datagrams_and_another_key_others() {
    let (_, first) = begun(one_syn, Family::V6);
    let (_, again) = begun(one_syn, Family::V6);
    assert_eq!(first, again);
    let mut other = Prober::with_judge(Policy::default(), Key([8; 16]), one_syn as Script);
    other.add(ms(0), endpoint(Family::V6), vantage(Family::V6));
    let other = transmit(&mut other, ms(0));
    assert_ne!(sent_segment(&first).sequence, sent_segment(&other).sequence);
}

#[test]
fn a_padded_syn_is_as_long_as_asked_and_a_fragment_is_marked_as_one() {
    let (_, long) = begun(one_long_syn, Family::V4);
    assert_eq!(long.datagram.len(), 500);
    for family in [Family::V4, Family::V6] {
        let (_, fragment) = begun(one_fragment, family);
        let packet = dissect(&fragment.datagram).unwrap();
        assert!(packet.fragment.is_some_and(|place| place.more));
        assert_eq!(sent_segment(&fragment).flags, Flags::SYN);
    }
}

#[test]
fn a_change_of_the_way_begins_the_diagnosis_again_with_nothing_of_what_was_measured() {
    let (mut prober, syn) = begun(one_syn, Family::V4);
    let old = SessionId(0);
    let job = prober.job(old).expect("it is open").clone();
    let stance = |gateway| Stance {
        source: job.vantage.source,
        interface: job.vantage.interface.clone(),
        gateway: Some([10, 0, 0, gateway].into()),
        refusal: None,
    };
    let change = Change {
        before: stance(1),
        after: stance(2),
    };
    let again = prober.handle_change(ms(20), old, job.vantage.clone(), change.clone());
    let (new, before) = again.expect("it had not settled");
    assert_ne!(new, old);
    assert!(before.evidence.interrupted());
    assert!(prober.job(old).is_none());
    let fresh = prober.job(new).expect("it is open");
    assert_eq!(fresh.deadline, job.deadline);
    let outcome = prober.outcome(new, ms(20));
    assert_eq!(outcome.evidence.changes(), [(ms(20), change.clone())]);
    assert_eq!(outcome.evidence.trials(), []);
    // What the old way still answers is nobody's.
    let number = sent_segment(&syn).sequence.wrapping_add(1);
    let late = segment_back(&syn, SYN_ACK, 77, number);
    prober.handle_frame(ms(30), TAP, &late);
    assert_eq!(prober.outcome(new, ms(30)).evidence.trials(), []);
    // Once settled, nothing changes it any more.
    prober.interrupt(ms(40));
    while !matches!(prober.poll(ms(40)), Output::Settled(_)) {}
    assert!(
        prober
            .handle_change(ms(50), new, job.vantage, change)
            .is_none()
    );
}
