//! Triage against a hand-made network: what authenticates, what contradicts, what silence is worth.

mod elsewhere;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::super::Heard;
use super::super::token::Key;
use super::{
    CONTRADICTED_WITHIN, GAPS, Output, SYNS, TIMEOUT, Target, Ticket, Triage, TriageResult,
};
use crate::model::endpoint::Endpoint;
use crate::model::evidence::{LocalRefusal, ReceivedBy};
use crate::model::outcome::Outcome;
use crate::model::time::Moment;
use crate::model::vantage::Vantage;
use crate::model::verdict::{Cause, Confidence};
use crate::wire::compose::{self, Envelope};
use crate::wire::dissect::{Content, Packet, dissect};
use crate::wire::icmp::Kind;
use crate::wire::tcp::{Flags, Options, Segment};

const PORTS: [u16; 4] = [40_001, 40_002, 40_003, 40_004];

fn source(v6: bool) -> IpAddr {
    if v6 {
        IpAddr::from([0xfd09_u16, 0, 0, 0, 0, 0, 0, 2])
    } else {
        IpAddr::from([10, 9, 0, 2])
    }
}

fn address(v6: bool, last: u8) -> IpAddr {
    if v6 {
        IpAddr::from([0xfd09_u16, 0, 0, 3, 0, 0, 0, u16::from(last)])
    } else {
        IpAddr::from([10, 9, 3, last])
    }
}

fn vantage(v6: bool) -> Vantage {
    Vantage {
        source: source(v6),
        interface: "eth0".to_owned(),
        gateway: None,
        mtu: 1500,
        loopback: false,
        ephemeral_ports: PORTS.to_vec(),
        privileged_ports: Vec::new(),
    }
}

/// A triage of `count` addresses, and the datagrams it has sent.
struct Rig {
    triage: Triage,
    now: Moment,
    sent: Vec<(Moment, Ticket, Packet)>,
    settled: Vec<TriageResult>,
    targets: Vec<Target>,
    v6: bool,
}

impl Rig {
    fn new(v6: bool, targets: Vec<Target>) -> Self {
        Self {
            triage: Triage::new(10_000, Key([7; 16]), vec![vantage(v6)], targets.clone()),
            now: Moment::from_nanos(1_000),
            sent: Vec::new(),
            settled: Vec::new(),
            targets,
            v6,
        }
    }

    fn of(v6: bool, count: u8) -> Self {
        let target = |last| Target {
            address: address(v6, last),
            port: 3306,
            vantage: 0,
        };
        Self::new(v6, (1..=count).map(target).collect())
    }

    /// Lets time pass until nothing is left to do before `end`.
    fn run_until(&mut self, end: Moment) {
        loop {
            let mut datagram = Vec::new();
            match self.triage.poll(self.now, &mut datagram) {
                Output::Transmit(ticket) => {
                    let packet = dissect(&datagram).unwrap();
                    self.sent.push((self.now, ticket, packet));
                }
                Output::Settled(result) => self.settled.push(*result),
                Output::WaitUntil(until) if until <= end => self.now = until,
                Output::WaitUntil(_) | Output::Idle => {
                    self.now = self.now.max(end);
                    return;
                }
            }
        }
    }

    fn run_for(&mut self, span: Duration) {
        self.run_until(self.now.after(span));
    }

    fn syns(&self, last: u8) -> Vec<(Moment, Segment)> {
        let to = address(self.v6, last);
        self.sent
            .iter()
            .filter(|(_, _, packet)| packet.destination == to)
            .map(|(at, _, packet)| (*at, segment(packet)))
            .filter(|(_, segment)| segment.flags == Flags::SYN)
            .collect()
    }

    fn hear(&mut self, datagram: &[u8]) {
        for by in [ReceivedBy::Tap, ReceivedBy::Stack] {
            self.triage
                .handle_frame(self.now, Heard::Arriving(by), datagram);
        }
    }

    fn answer(&mut self, last: u8, flags: Flags, off_by: u32) {
        let (_, syn) = *self.syns(last).last().unwrap();
        let mut reply = Segment::bare(
            syn.destination_port,
            syn.source_port,
            0,
            syn.sequence.wrapping_add(1).wrapping_add(off_by),
            flags,
        );
        if flags == SYN_ACK {
            // As a listener writes it: window 0 and no options would be a SYN proxy's.
            reply.window = 65_160;
            reply.options = Options::linux_client(1460, 1);
        }
        let datagram = compose::segment(&self.envelope(last), &reply).unwrap();
        self.hear(&datagram);
    }

    fn envelope(&self, last: u8) -> Envelope {
        Envelope {
            source: address(self.v6, last),
            destination: source(self.v6),
            ttl: 62,
            traffic_class: 0,
            identification: 0,
            flow_label: 5,
            dont_fragment: true,
        }
    }

    fn outcome(&self, last: u8) -> Outcome {
        let result = self
            .settled
            .iter()
            .find(|result| self.targets[result.target as usize].address == address(self.v6, last))
            .unwrap();
        let endpoint = Endpoint {
            given: String::new(),
            address: address(self.v6, last),
            port: 3306,
            label: None,
        };
        result.outcome(endpoint, vantage(self.v6), None)
    }
}

fn segment(packet: &Packet) -> Segment {
    let Content::Tcp(segment) = packet.content else {
        panic!("triage sends segments only")
    };
    segment
}

const SYN_ACK: Flags = Flags::SYN.with(Flags::ACK);
const RST_ACK: Flags = Flags::RST.with(Flags::ACK);

#[test]
fn every_endpoint_gets_one_syn_in_an_order_of_its_own() {
    for v6 in [false, true] {
        let mut rig = Rig::of(v6, 200);
        rig.run_for(Duration::from_millis(500));
        let order: Vec<u32> = rig
            .sent
            .iter()
            .map(|(_, ticket, _)| ticket.target)
            .collect();
        assert_eq!(order.len(), 200);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..200).collect::<Vec<_>>());
        let in_a_row = order.windows(2).filter(|two| two[1] == two[0] + 1).count();
        assert!(in_a_row < 10, "{in_a_row}");
    }
}

#[test]
fn only_the_silent_are_asked_again_and_with_the_pauses_promised() {
    let mut rig = Rig::of(false, 3);
    rig.run_for(Duration::from_millis(100));
    rig.answer(1, RST_ACK, 0);
    rig.answer(2, SYN_ACK, 0);
    rig.run_for(Duration::from_secs(20));
    assert_eq!(rig.syns(1).len(), 1);
    assert_eq!(rig.syns(2).len(), 1);
    let silent = rig.syns(3);
    assert_eq!(silent.len(), SYNS);
    for (two, gap) in silent.windows(2).zip(GAPS) {
        assert!(two[1].0.since(two[0].0) >= gap);
        assert_ne!(two[0].1.sequence, two[1].1.sequence);
    }
    assert_eq!(rig.settled.len(), 3);
}

#[test]
fn the_rate_is_kept() {
    let mut rig = Rig::of(false, 250);
    rig.run_for(Duration::from_millis(10));
    // A bucket of 10 ms, and what refills it in 10 ms.
    assert!((190..=202).contains(&rig.sent.len()), "{}", rig.sent.len());
}

#[test]
fn answers_are_told_one_tier_less_firmly_than_an_diagnosis_would() {
    for v6 in [false, true] {
        let mut rig = Rig::of(v6, 3);
        rig.run_for(Duration::from_millis(100));
        rig.answer(1, RST_ACK, 0);
        rig.answer(2, SYN_ACK, 0);
        rig.run_for(Duration::from_secs(20));
        let [reset, open, silent] = [1, 2, 3].map(|last| rig.outcome(last).finding.verdict);
        assert_eq!(reset.cause, Cause::Closed, "{}", reset.summary);
        assert_eq!(open.cause, Cause::Open, "{}", open.summary);
        assert!(reset.confidence < Confidence::Proven && open.confidence < Confidence::Proven);
        assert_eq!(
            silent.confidence,
            Confidence::Possible,
            "{}",
            silent.summary
        );
        assert!(silent.basis.len() <= SYNS);
        assert!(!matches!(silent.cause, Cause::Open | Cause::Closed));
    }
}

#[test]
fn a_half_open_connection_is_reset_with_the_number_that_closes_it() {
    let mut rig = Rig::of(false, 1);
    rig.run_for(Duration::from_millis(10));
    rig.answer(1, SYN_ACK, 0);
    rig.answer(1, SYN_ACK, 0);
    rig.run_for(Duration::from_millis(10));
    let (_, syn) = rig.syns(1)[0];
    let resets: Vec<Segment> = rig.sent[1..].iter().map(|(_, _, p)| segment(p)).collect();
    assert_eq!(resets.len(), 1, "both ears and a duplicate draw one reset");
    assert_eq!(resets[0].flags, Flags::RST);
    assert_eq!(resets[0].sequence, syn.sequence.wrapping_add(1));
    assert_eq!(resets[0].source_port, syn.source_port);
    rig.run_for(Duration::from_millis(600));
    rig.answer(1, SYN_ACK, 0);
    rig.run_for(Duration::from_millis(10));
    assert_eq!(
        rig.sent.len(),
        3,
        "a SYN-ACK that comes again shows the reset was lost"
    );
    assert_eq!(rig.triage.replies(), 3);
}

#[test]
fn a_reset_after_a_syn_ack_contradicts_it() {
    for flags in [[SYN_ACK, RST_ACK], [RST_ACK, SYN_ACK]] {
        let mut rig = Rig::of(false, 1);
        rig.run_for(Duration::from_millis(10));
        rig.answer(1, flags[0], 0);
        rig.run_for(CONTRADICTED_WITHIN / 2);
        rig.answer(1, flags[1], 0);
        rig.run_for(CONTRADICTED_WITHIN);
        assert_eq!(rig.outcome(1).finding.verdict.cause, Cause::Conflicting);
    }
}

#[test]
fn what_does_not_show_the_token_is_a_near_miss_and_answers_nothing() {
    let mut rig = Rig::of(false, 1);
    rig.run_for(Duration::from_millis(10));
    rig.answer(1, RST_ACK, 1);
    rig.answer(1, SYN_ACK, u32::MAX);
    // The right number without the flag that makes it mean something.
    rig.answer(1, Flags::RST, 0);
    rig.answer(1, Flags::ACK, 0);
    rig.run_for(Duration::from_secs(20));
    assert_eq!(rig.syns(1).len(), SYNS);
    let outcome = rig.outcome(1);
    assert_eq!(outcome.evidence.near_misses(), 4);
    assert!(
        outcome
            .evidence
            .trials()
            .iter()
            .all(|trial| trial.replies.is_empty())
    );
}

#[test]
fn the_token_of_a_syn_that_has_not_left_answers_nothing() {
    let mut rig = Rig::of(false, 1);
    let mut twin = rig.triage.clone();
    rig.run_for(Duration::from_secs(20));
    let (_, later) = rig.syns(1)[1];
    let reply = Segment::bare(
        3306,
        later.source_port,
        0,
        later.sequence.wrapping_add(1),
        RST_ACK,
    );
    let datagram = compose::segment(&rig.envelope(1), &reply).unwrap();
    twin.poll(Moment::from_nanos(1_000), &mut Vec::new());
    twin.handle_frame(
        Moment::from_nanos(2_000),
        Heard::Arriving(ReceivedBy::Tap),
        &datagram,
    );
    assert_eq!(twin.replies(), 0);
}

#[test]
fn an_error_is_known_by_the_eight_octets_that_every_router_quotes() {
    for v6 in [false, true] {
        let mut rig = Rig::of(v6, 2);
        rig.run_for(Duration::from_millis(10));
        for (last, spoilt) in [(1, false), (2, true)] {
            let (_, mut syn) = rig.syns(last)[0];
            syn.sequence ^= u32::from(spoilt);
            let there = Envelope {
                source: source(v6),
                destination: address(v6, last),
                ..rig.envelope(last)
            };
            let quoted = compose::segment(&there, &syn).unwrap();
            let headers = usize::from(there.header_length()) + 8;
            let prohibited = Kind::Unreachable(if v6 { 1 } else { 13 });
            let error = compose::message(&rig.envelope(9), prohibited, &quoted[..headers]).unwrap();
            rig.hear(&error);
        }
        rig.run_for(Duration::from_secs(20));
        assert_eq!(rig.syns(1).len(), 1);
        assert_eq!(rig.syns(2).len(), SYNS);
        let refused = rig.outcome(1).finding.verdict;
        assert!(
            matches!(refused.cause, Cause::RejectPath | Cause::RejectHost),
            "{refused:?}"
        );
        assert_eq!(rig.outcome(2).evidence.near_misses(), 1);
    }
}

#[test]
fn frames_lost_here_make_the_silence_around_them_void() {
    let mut rig = Rig::of(false, 1);
    // A tenth of a second after each SYN.
    for millis in [100, 1_100, 3_100] {
        rig.run_until(Moment::from_nanos(millis * 1_000_000));
        rig.triage.handle_drops(rig.now, 3);
    }
    rig.run_for(TIMEOUT);
    let outcome = rig.outcome(1);
    assert!(
        outcome
            .evidence
            .trials()
            .iter()
            .all(|trial| !trial.is_silent())
    );
    assert_eq!(outcome.evidence.receive_drops(), 9);
    assert!(outcome.finding.verdict.cause.is_undecided());
}

#[test]
fn one_endpoint_on_two_lines_is_answered_on_both() {
    let target = Target {
        address: address(false, 1),
        port: 3306,
        vantage: 0,
    };
    let mut rig = Rig::new(false, vec![target, target]);
    rig.run_for(Duration::from_millis(10));
    for (_, syn) in rig.syns(1) {
        let number = syn.sequence.wrapping_add(1);
        let reply = Segment::bare(3306, syn.source_port, 0, number, RST_ACK);
        let datagram = compose::segment(&rig.envelope(1), &reply).unwrap();
        rig.hear(&datagram);
    }
    rig.run_for(CONTRADICTED_WITHIN * 2);
    assert_eq!(rig.settled.len(), 2);
    assert!(rig.settled.iter().all(|result| result.replies.len() == 1));
}

#[test]
fn what_the_kernel_refuses_is_final_unless_it_was_only_busy() {
    for (refusal, syns, cause) in [
        (LocalRefusal::Firewall, 1, Cause::LocalEgress),
        (LocalRefusal::NoRoute, 1, Cause::NoRoute),
        (LocalRefusal::Overload, SYNS, Cause::Inconclusive),
    ] {
        let mut rig = Rig::of(false, 1);
        let mut told = 0;
        for _ in 0..100 {
            rig.run_for(Duration::from_millis(100));
            while let Some((_, ticket, _)) = rig.sent.get(told).copied() {
                rig.triage.handle_refusal(rig.now, ticket, refusal);
                told += 1;
            }
        }
        assert_eq!(rig.syns(1).len(), syns, "{refusal:?}");
        assert_eq!(rig.outcome(1).finding.verdict.cause, cause);
    }
}

#[test]
fn an_interrupted_triage_settles_all_at_once() {
    let mut rig = Rig::of(false, 200);
    rig.run_for(Duration::from_millis(1));
    rig.triage.interrupt(rig.now);
    let now = rig.now;
    rig.run_for(Duration::ZERO);
    assert_eq!(rig.settled.len(), 200);
    assert_eq!(rig.now, now);
    assert!(rig.outcome(1).evidence.interrupted());
}

#[test]
fn any_octets_are_passed_over() {
    let mut rig = Rig::of(false, 1);
    rig.run_for(Duration::from_millis(10));
    let (_, syn) = rig.syns(1)[0];
    let reply = Segment::bare(
        3306,
        syn.source_port,
        0,
        syn.sequence.wrapping_add(1),
        RST_ACK,
    );
    let whole = compose::segment(&rig.envelope(1), &reply).unwrap();
    for length in 0..whole.len() {
        rig.hear(&whole[..length]);
    }
    assert_eq!(rig.triage.replies(), 0);
    let stranger = SocketAddr::from((Ipv4Addr::new(10, 9, 9, 9), 3306));
    let mut envelope = rig.envelope(1);
    envelope.source = stranger.ip();
    rig.hear(&compose::segment(&envelope, &reply).unwrap());
    assert_eq!(rig.triage.replies(), 0, "an address we never probed");
    rig.hear(&whole);
    assert_eq!(rig.triage.replies(), 1);
}
