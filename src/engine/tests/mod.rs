//! The prober against a hand-played peer, with judges that ask for fixed probes.

mod authentic;
mod chaos;
mod life;
mod near_misses;
mod repeated;

use std::net::IpAddr;
use std::time::Duration;

use super::policy::Policy;
use super::{Heard, Key, Output, Prober, SessionId, Transmit};
use crate::infer::{Ask, Course, Job, Judgement, Next};
use crate::model::endpoint::{Endpoint, Family};
use crate::model::evidence::{Evidence, ReceivedBy};
use crate::model::probe::{Flow, Kind, Probe, Target};
use crate::model::reply::Answer;
use crate::model::time::Moment;
use crate::model::vantage::Vantage;
use crate::model::verdict::{Cause, Confidence, Finding, Place, PlaceKind, State, Verdict};
use crate::wire::compose::{self, Envelope};
use crate::wire::dissect::{Content, Packet, dissect};
use crate::wire::icmp;
use crate::wire::tcp::{Flags, Segment};

const TAP: Heard = Heard::Arriving(ReceivedBy::Tap);
const STACK: Heard = Heard::Arriving(ReceivedBy::Stack);
const SYN_ACK: Flags = Flags::SYN.with(Flags::ACK);
const RST_ACK: Flags = Flags::RST.with(Flags::ACK);

fn ms(millis: u64) -> Moment {
    Moment::from_nanos(millis * 1_000_000)
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn endpoint(family: Family) -> Endpoint {
    Endpoint {
        given: "db1".into(),
        address: match family {
            Family::V4 => address("10.9.3.10"),
            Family::V6 => address("fd09:3::10"),
        },
        port: 3306,
        label: None,
    }
}

fn vantage(family: Family) -> Vantage {
    let (source, gateway) = match family {
        Family::V4 => ("10.9.0.2", "10.9.0.1"),
        Family::V6 => ("fd09::2", "fd09::1"),
    };
    Vantage {
        source: address(source),
        interface: "eth0".into(),
        gateway: Some(address(gateway)),
        mtu: 1500,
        loopback: false,
        ephemeral_ports: vec![40_001, 40_002],
        privileged_ports: Vec::new(),
    }
}

/// A judge that asks for fixed probes.
type Script = fn(&Evidence, &Job, Moment) -> Judgement;

fn judgement(cause: Cause, next: Next) -> Judgement {
    Judgement {
        finding: Finding {
            verdict: Verdict {
                state: State::Unknown,
                cause,
                confidence: Confidence::Possible,
                place: Place::of(PlaceKind::Unknown),
                method: None,
                summary: String::new(),
                basis: Vec::new(),
            },
            alternatives: Vec::new(),
            path: Vec::new(),
            loss: None,
            notes: Vec::new(),
        },
        course: Course {
            next,
            look_again: None,
        },
    }
}

fn plain(kind: Kind) -> Probe {
    let target = if kind == Kind::Echo {
        Target::Host
    } else {
        Target::Endpoint
    };
    Probe::plain(kind, target, Flow::ephemeral(0))
}

/// Asks for one probe of a kind and waits; settles when it is answered or silent.
fn ask_once(evidence: &Evidence, job: &Job, kind: Kind) -> Judgement {
    let Some(trial) = evidence.trials().first() else {
        let ask = Ask {
            probe: plain(kind),
            not_before: job.began,
        };
        return judgement(Cause::Inconclusive, Next::Ask(vec![ask]));
    };
    match trial.first().map(|heard| heard.reply.answer) {
        Some(Answer::SynAck { .. }) => judgement(Cause::Open, Next::Settle),
        Some(_) => judgement(Cause::Closed, Next::Settle),
        None if trial.is_pending() => judgement(Cause::Inconclusive, Next::Ask(Vec::new())),
        None => judgement(Cause::DropSomewhere, Next::Settle),
    }
}

fn one_syn(evidence: &Evidence, job: &Job, _: Moment) -> Judgement {
    ask_once(evidence, job, Kind::Syn)
}

fn one_echo(evidence: &Evidence, job: &Job, _: Moment) -> Judgement {
    ask_once(evidence, job, Kind::Echo)
}

fn one_fragment(evidence: &Evidence, job: &Job, _: Moment) -> Judgement {
    ask_once(evidence, job, Kind::Fragment)
}

fn one_ack(evidence: &Evidence, job: &Job, _: Moment) -> Judgement {
    ask_once(evidence, job, Kind::Ack)
}

fn one_fin(evidence: &Evidence, job: &Job, _: Moment) -> Judgement {
    ask_once(evidence, job, Kind::Fin)
}

/// A SYN of 500 octets.
fn one_long_syn(evidence: &Evidence, job: &Job, now: Moment) -> Judgement {
    lengthened(one_syn(evidence, job, now))
}

/// An echo request of 500 octets.
fn one_long_echo(evidence: &Evidence, job: &Job, now: Moment) -> Judgement {
    lengthened(one_echo(evidence, job, now))
}

fn lengthened(mut judgement: Judgement) -> Judgement {
    if let Next::Ask(asks) = &mut judgement.course.next {
        for ask in asks {
            ask.probe.padded_to = Some(500);
        }
    }
    judgement
}

/// Never has enough: asks for three SYNs, and when they are gone for three more.
fn insatiable(_: &Evidence, _: &Job, now: Moment) -> Judgement {
    let ask = Ask {
        probe: plain(Kind::Syn),
        not_before: now,
    };
    judgement(Cause::Inconclusive, Next::Ask(vec![ask; 3]))
}

/// A prober with one diagnosis begun at the start, and the datagram it sends first.
fn begun(judge: Script, family: Family) -> (Prober, Transmit) {
    let mut prober = Prober::with_judge(Policy::default(), Key([9; 16]), judge);
    let id = prober.add(Moment::START, endpoint(family), vantage(family));
    assert_eq!(id, SessionId(0));
    let first = transmit(&mut prober, Moment::START);
    (prober, first)
}

fn transmit(prober: &mut Prober, now: Moment) -> Transmit {
    let output = prober.poll(now);
    let Output::Transmit(transmit) = output else {
        panic!("expected a datagram to send, not {output:?}");
    };
    transmit
}

fn sent_segment(transmit: &Transmit) -> Segment {
    let content = dissect(&transmit.datagram).unwrap().content;
    let Content::Tcp(segment) = content else {
        panic!("expected TCP, not {content:?}");
    };
    segment
}

fn sent_echo(transmit: &Transmit) -> (icmp::Echo, [u8; 8]) {
    let content = dissect(&transmit.datagram).unwrap().content;
    let Content::Icmp(message) = content else {
        panic!("expected ICMP, not {content:?}");
    };
    let icmp::Kind::EchoRequest(echo) = message.kind else {
        panic!("expected an echo request, not {message:?}");
    };
    (echo, message.opening.unwrap())
}

fn back(packet: &Packet) -> Envelope {
    Envelope {
        source: packet.destination,
        destination: packet.source,
        ttl: 61,
        traffic_class: 0,
        identification: 0,
        flow_label: 0,
        dont_fragment: true,
    }
}

/// A segment from the port that `transmit` went to.
fn segment_back(transmit: &Transmit, flags: Flags, sequence: u32, acknowledgment: u32) -> Vec<u8> {
    let packet = dissect(&transmit.datagram).unwrap();
    let sent = sent_segment(transmit);
    let answer = Segment::bare(
        sent.destination_port,
        sent.source_port,
        sequence,
        acknowledgment,
        flags,
    );
    compose::segment(&back(&packet), &answer).unwrap()
}

/// An ICMP error from a router that quotes this much of a datagram.
fn error_about(datagram: &[u8], kind: icmp::Kind, quoted: usize) -> Vec<u8> {
    let packet = dissect(datagram).unwrap();
    let envelope = Envelope {
        source: match packet.source {
            IpAddr::V4(_) => address("10.9.1.2"),
            IpAddr::V6(_) => address("fd09:1::2"),
        },
        traffic_class: 0xc0,
        ..back(&packet)
    };
    compose::message(&envelope, kind, &datagram[..quoted.min(datagram.len())]).unwrap()
}

fn evidence(prober: &Prober) -> Evidence {
    prober.outcome(SessionId(0), Moment::START).evidence
}

/// The first answer to the first probe.
fn answer(prober: &Prober) -> Option<Answer> {
    let evidence = evidence(prober);
    evidence.trials()[0].first().map(|heard| heard.reply.answer)
}

fn seconds(seconds: u64) -> Moment {
    Moment::START.after(Duration::from_secs(seconds))
}
