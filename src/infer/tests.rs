//! Evidence → verdict, through one [`check`]: a scripted network answers whatever inference asks.
//!
//! The script says what each probe draws; it knows nothing of causes. The host stands at hop 4
//! behind three routers unless the script says otherwise.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::*;
use crate::model::evidence::{Ear, Evidence, Fact};
use crate::model::probe::{Dscp, Kind, ProbeId, Target, Ttl};
use crate::model::reply::{Answer, Quote, Refusal, Reply};
use crate::model::verdict::{Cause, Confidence};

const HOST: u8 = 4;
const PORT: u16 = 3306;

fn address(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 9, last, 1))
}

fn target() -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 9, 9, 10))
}

fn brief() -> Brief {
    Brief {
        endpoint: Endpoint { given: "db:3306".into(), address: target(), port: PORT, label: None },
        vantage: Vantage {
            source: IpAddr::V4(Ipv4Addr::new(10, 9, 0, 2)),
            interface: "eth0".into(),
            gateway: Some(address(1)),
            mtu: 1500,
            loopback: false,
            ephemeral_ports: (40_000..40_016).collect(),
            privileged_ports: vec![700, 701],
        },
        controls: vec![
            Control { port: 41_001, origin: ControlOrigin::Random },
            Control { port: 52_002, origin: ControlOrigin::Random },
            Control { port: 22, origin: ControlOrigin::WellKnown },
        ],
        quick: false,
        check_mtu: true,
        began: Moment::START,
        deadline: Moment::START.after(Duration::from_secs(45)),
    }
}

/// What a probe draws: nothing, or an answer after a delay.
type Script<'s> = &'s dyn Fn(&Probe, Moment) -> Option<(Duration, Reply)>;

fn reply(from: IpAddr, hop: u8, dscp: Dscp, answer: Answer) -> (Duration, Reply) {
    let ttl = Ttl(64 - hop + 1);
    (Duration::from_micros(300 * u64::from(hop)), Reply { from, ttl, dscp, flow_label: None, answer })
}

fn quote(probe: &Probe) -> Quote {
    Quote { dscp: probe.dscp, ttl: Ttl(1), foreign_source: None }
}

/// What a healthy path and host draw, with `listening` or not on the port.
fn healthy(probe: &Probe, listening: bool) -> Option<(Duration, Reply)> {
    if probe.ttl.0 < HOST {
        let hop = probe.ttl.0;
        return Some(reply(address(hop), hop, Dscp::CS6, Answer::TimeExceeded(quote(probe))));
    }
    let open = listening && probe.target == Target::Endpoint;
    let answer = match (probe.kind, open) {
        (Kind::Syn, true) => Answer::SynAck { window: 64_240, mss: Some(1460) },
        (Kind::Fin, true) => return None,
        (Kind::Syn | Kind::Ack | Kind::Fin, _) => Answer::Reset,
        (Kind::Echo, _) => Answer::EchoReply,
        (Kind::Fragment, _) => {
            let (_, reply) =
                reply(target(), HOST, Dscp::CS6, Answer::ReassemblyTimeout(quote(probe)));
            return Some((Duration::from_secs(31), reply));
        }
    };
    let dscp = if matches!(answer, Answer::SynAck { .. }) { Dscp::ZERO } else { probe.dscp };
    Some(reply(target(), HOST, dscp, answer))
}

/// Whether the probe is a TCP segment (or fragment of one) to the port.
fn to_port(probe: &Probe) -> bool {
    probe.target == Target::Endpoint
}

/// Runs the judge against a script until it settles or its time is over.
fn run(script: Script<'_>, brief: &Brief) -> (Finding, Evidence, Moment) {
    let mut evidence = Evidence::new();
    let mut due: Vec<(Moment, Fact)> = Vec::new();
    let mut now = Moment::START;
    loop {
        let judgement = judge(&evidence, brief, now);
        let asks = match judgement.next {
            Next::Settle => return (judgement.finding, evidence, now),
            Next::Ask(_) if now >= brief.deadline => return (judgement.finding, evidence, now),
            Next::Ask(asks) => asks,
        };
        if let Some(ask) = asks.iter().find(|ask| ask.not_before <= now) {
            let id = ProbeId(u32::try_from(evidence.trials().len() + 1).unwrap());
            assert!(id.0 < 400, "the budget of probes is spent at {now:?}");
            evidence.record(now, Fact::Sent(id, ask.probe));
            evidence.record(now, Fact::Departed(id));
            let fragment = ask.probe.kind == Kind::Fragment;
            let patience = Duration::from_secs(if fragment { 35 } else { 1 });
            match script(&ask.probe, now) {
                Some((delay, reply)) => {
                    due.push((now.after(delay), Fact::Replied(id, Ear::Tap, reply)));
                    due.push((now.after(delay), Fact::Replied(id, Ear::Stack, reply)));
                    if delay > patience {
                        due.push((now.after(patience), Fact::Expired(id)));
                    }
                }
                None => due.push((now.after(patience), Fact::Expired(id))),
            }
            continue;
        }
        due.sort_by_key(|(at, _)| *at);
        let next_due = due.first().map(|(at, _)| *at);
        let next_ask = asks.iter().map(|ask| ask.not_before).min();
        let next = [next_due, next_ask, judgement.look_again].into_iter().flatten().min();
        let next = next.expect("a judgement that is not settled waits for something");
        now = next.max(now).min(brief.deadline);
        while due.first().is_some_and(|(at, _)| *at <= now) {
            let (at, fact) = due.remove(0);
            evidence.record(at, fact);
        }
        if next_due.is_none() && next_ask.is_none() && judgement.look_again.is_none() {
            return (judgement.finding, evidence, now);
        }
    }
}

/// The one check: the cause, how firm, and within how many seconds.
#[track_caller]
fn check(script: Script<'_>, cause: Cause, confidence: Confidence, seconds: f64) -> Finding {
    let (finding, evidence, now) = run(script, &brief());
    let took = now.since(Moment::START).as_secs_f64();
    let verdict = &finding.verdict;
    assert_eq!(
        (verdict.cause, verdict.confidence),
        (cause, confidence),
        "{} after {took:.1} s and {} probes\n{:#?}",
        verdict.summary,
        evidence.trials().len(),
        finding.alternatives
    );
    assert!(took <= seconds, "took {took:.1} s and {} probes", evidence.trials().len());
    finding
}

#[test]
fn a_listener_is_open() {
    check(&|probe, _| healthy(probe, true), Cause::Open, Confidence::Proven, 0.6);
}

#[test]
fn a_reset_that_copies_the_dscp_is_closed() {
    check(&|probe, _| healthy(probe, false), Cause::Closed, Confidence::Proven, 0.6);
}

#[test]
fn a_reset_that_does_not_copy_it_is_a_reject() {
    let finding = check(
        &|probe, _| match healthy(probe, false) {
            Some((delay, reply)) if to_port(probe) && reply.answer == Answer::Reset => {
                Some((delay, Reply { dscp: Dscp::ZERO, ..reply }))
            }
            drawn => drawn,
        },
        Cause::RejectHost,
        Confidence::Likely,
        1.0,
    );
    assert_eq!(finding.verdict.method.map(|method| method.word()), Some("tcp-reset"));
}

#[test]
fn a_forged_reset_from_nearer_is_a_reject_of_that_hop() {
    let finding = check(
        &|probe, _| match probe {
            probe if to_port(probe) && probe.ttl.0 > 2 => {
                Some(reply(target(), 2, Dscp::ZERO, Answer::Reset))
            }
            probe => healthy(probe, true),
        },
        Cause::RejectPath,
        Confidence::Proven,
        1.0,
    );
    assert_eq!(finding.verdict.place.at_hop.map(|hop| hop.ttl), Some(2));
}

#[test]
fn an_icmp_refusal_of_a_router_is_a_reject_of_that_hop() {
    let finding = check(
        &|probe, _| match probe {
            probe if to_port(probe) && probe.ttl.0 > 2 => {
                let refusal = Answer::Unreachable(Refusal::AdminProhibited, quote(probe));
                Some(reply(address(2), 2, Dscp::CS6, refusal))
            }
            probe => healthy(probe, true),
        },
        Cause::RejectPath,
        Confidence::Proven,
        1.5,
    );
    assert_eq!(finding.verdict.place.at_hop.map(|hop| hop.ttl), Some(2));
}

#[test]
fn a_refusal_of_the_hosts_icmp_layer_is_a_reject_of_the_host() {
    check(
        &|probe, _| match probe {
            probe if to_port(probe) && probe.ttl.0 >= HOST => {
                let refusal = Answer::Unreachable(Refusal::PortUnreachable, quote(probe));
                Some(reply(target(), HOST, Dscp::CS6, refusal))
            }
            probe => healthy(probe, true),
        },
        Cause::RejectHost,
        Confidence::Proven,
        1.5,
    );
}

#[test]
fn a_late_host_unreachable_is_a_host_that_is_not_there() {
    check(
        &|probe, _| match healthy(probe, true) {
            Some((_, _)) if probe.ttl.0 >= HOST => {
                let refusal = Answer::Unreachable(Refusal::HostUnreachable, quote(probe));
                let (_, reply) = reply(address(3), 3, Dscp::CS6, refusal);
                Some((Duration::from_secs(3), reply))
            }
            drawn => drawn,
        },
        Cause::NoNeighbor,
        Confidence::Proven,
        15.0,
    );
}

#[test]
fn silence_after_the_second_router_is_a_drop_between_two_hops() {
    let finding = check(
        &|probe, _| healthy(probe, true).filter(|_| !to_port(probe) || probe.ttl.0 <= 2),
        Cause::DropPath,
        Confidence::Confirmed,
        15.0,
    );
    let place = finding.verdict.place;
    assert_eq!(place.after_hop.map(|hop| hop.ttl), Some(2));
    assert_eq!(place.before_hop.map(|hop| hop.ttl), Some(3));
}

#[test]
fn silence_on_the_host_is_shown_by_its_reassembly_timer() {
    check(
        &|probe, _| {
            let passes = probe.kind == Kind::Fragment || probe.ttl.0 < HOST;
            healthy(probe, true).filter(|_| !to_port(probe) || passes)
        },
        Cause::DropHost,
        Confidence::Likely,
        45.0,
    );
}

#[test]
fn silence_of_fragments_to_the_port_alone_is_the_edge() {
    let finding = check(
        &|probe, _| healthy(probe, true).filter(|_| !to_port(probe) || probe.ttl.0 < HOST),
        Cause::DropEdge,
        Confidence::Likely,
        45.0,
    );
    assert_eq!(finding.verdict.place.after_hop.map(|hop| hop.ttl), Some(3));
}

#[test]
fn silence_of_all_fragments_leaves_edge_and_host_unsplit() {
    check(
        &|probe, _| {
            let held = probe.kind == Kind::Fragment || to_port(probe) && probe.ttl.0 >= HOST;
            healthy(probe, true).filter(|_| !held)
        },
        Cause::DropEdgeOrHost,
        Confidence::Likely,
        45.0,
    );
}

#[test]
fn a_listener_that_answers_acks_and_not_syns_is_overloaded() {
    check(
        &|probe, _| {
            let syn = probe.kind == Kind::Syn && to_port(probe) && probe.ttl.0 >= HOST;
            healthy(probe, true).filter(|_| !syn)
        },
        Cause::ListenerOverloaded,
        Confidence::Likely,
        45.0,
    );
}

#[test]
fn silence_past_a_hop_for_every_flow_is_undecided() {
    check(
        &|probe, _| healthy(probe, true).filter(|_| probe.ttl.0 <= 2),
        Cause::DropSomewhere,
        Confidence::Likely,
        45.0,
    );
}

#[test]
fn answers_to_low_source_ports_alone_are_lost_on_the_way_back() {
    use crate::model::probe::SourceRange;
    check(
        &|probe, _| {
            let tcp = matches!(probe.kind, Kind::Syn | Kind::Ack | Kind::Fin);
            let lost = tcp && probe.ttl.0 >= HOST && probe.flow.range == SourceRange::Ephemeral;
            healthy(probe, true).filter(|_| !lost)
        },
        Cause::DropReturn,
        Confidence::Likely,
        45.0,
    );
}

#[test]
fn flows_that_never_answer_beside_flows_that_always_do_are_a_dying_leg() {
    let finding = check(
        &|probe, _| {
            let dead = to_port(probe) && probe.flow.index % 2 == 1;
            healthy(probe, true).filter(|_| !dead)
        },
        Cause::Intermittent,
        Confidence::Confirmed,
        25.0,
    );
    assert!(finding.verdict.summary.contains("never"), "{}", finding.verdict.summary);
}

#[test]
fn answers_that_stop_for_good_are_a_ban() {
    check(
        &|probe, now| {
            let banned = to_port(probe) && now > Moment::from_nanos(120_000_000);
            healthy(probe, true).filter(|_| !banned)
        },
        Cause::Banned,
        Confidence::Confirmed,
        45.0,
    );
}

#[test]
fn large_syns_that_vanish_untold_are_a_black_hole() {
    let finding = check(
        &|probe, _| {
            let vanishes = probe.padded_to.is_some_and(|size| size > 1400) && probe.ttl.0 > 2;
            healthy(probe, true).filter(|_| !vanishes)
        },
        Cause::MtuBlackHole,
        Confidence::Confirmed,
        15.0,
    );
    let place = finding.verdict.place;
    assert_eq!(place.after_hop.map(|hop| hop.ttl), Some(2));
    assert_eq!(place.before_hop.map(|hop| hop.ttl), Some(3));
}

#[test]
fn a_syn_ack_from_nearer_than_the_host_is_a_proxy() {
    let finding = check(
        &|probe, _| match probe {
            probe if to_port(probe) && probe.ttl.0 > 2 => {
                Some(reply(target(), 2, Dscp::ZERO, Answer::SynAck { window: 0, mss: Some(1460) }))
            }
            probe => healthy(probe, false),
        },
        Cause::OpenProxied,
        Confidence::Proven,
        1.0,
    );
    assert_eq!(finding.verdict.place.at_hop, Some(crate::model::verdict::HopRef {
        ttl: 2,
        address: Some(address(2)),
    }));
}
