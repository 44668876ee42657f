//! Evidence → verdict, through one [`check`]: a scripted network answers whatever inference asks.
//!
//! The script says what each probe draws; it knows nothing of causes. The host stands at hop 4
//! behind three routers unless the script says otherwise.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

mod answering;
mod flawed;
mod local;
mod patterns;
mod rationed;
mod silent;
mod sizes;
mod told;
mod translated;

use super::*;
use crate::model::endpoint::Endpoint;
use crate::model::evidence::{Evidence, Fact, LocalRefusal, ReceivedBy};
use crate::model::probe::{Dscp, Flow, Kind, Probe, ProbeId, Target, Ttl};
use crate::model::reply::{Answer, Quote, Refusal, Reply};
use crate::model::time::Moment;
use crate::model::vantage::Vantage;
use crate::model::verdict::{Cause, Confidence, Finding};

const HOST: u8 = 4;
const PORT: u16 = 3306;

fn address(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 9, last, 1))
}

fn target() -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 9, 9, 10))
}

fn job() -> Job {
    Job {
        observer: Observer::Own,
        endpoint: Endpoint {
            given: "db:3306".into(),
            address: target(),
            port: PORT,
            label: None,
        },
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
            Control {
                port: 41_001,
                origin: ControlOrigin::Random,
            },
            Control {
                port: 52_002,
                origin: ControlOrigin::Random,
            },
            Control {
                port: 22,
                origin: ControlOrigin::WellKnown,
            },
        ],
        quick: false,
        check_mtu: true,
        thorough: false,
        began: Moment::START,
        deadline: Moment::START.after(Duration::from_secs(45)),
    }
}

/// What a probe draws: nothing, or an answer after a delay.
type Script<'s> = &'s dyn Fn(&Probe, Moment) -> Option<(Duration, Reply)>;

fn reply(from: IpAddr, hop: u8, dscp: Dscp, answer: Answer) -> (Duration, Reply) {
    let ttl = Ttl(64 - hop + 1);
    (
        Duration::from_micros(300 * u64::from(hop)),
        Reply {
            from,
            ttl,
            dscp,
            flow_label: None,
            answer,
            flaw: None,
        },
    )
}

fn quote(probe: &Probe) -> Quote {
    Quote {
        dscp: probe.dscp,
        ttl: Ttl(1),
        foreign_source: None,
        foreign_destination: None,
    }
}

/// What a healthy path and host draw, with `listening` or not on the port.
fn healthy(probe: &Probe, listening: bool) -> Option<(Duration, Reply)> {
    if probe.ttl.0 < HOST {
        let hop = probe.ttl.0;
        return Some(reply(
            address(hop),
            hop,
            Dscp::CS6,
            Answer::TimeExceeded(quote(probe)),
        ));
    }
    let open = listening && probe.target == Target::Endpoint;
    let answer = match (probe.kind, open) {
        (Kind::Syn, true) => Answer::SynAck {
            window: 64_240,
            mss: Some(1460),
        },
        (Kind::Fin, true) => return None,
        (Kind::Syn | Kind::Ack | Kind::Fin, _) => Answer::Reset,
        (Kind::Echo, _) => Answer::EchoReply {
            length: probe.padded_to.unwrap_or(84),
            in_pieces: false,
        },
        (Kind::Fragment, _) => {
            let (_, reply) = reply(
                target(),
                HOST,
                Dscp::CS6,
                Answer::ReassemblyTimeout(quote(probe)),
            );
            return Some((Duration::from_secs(31), reply));
        }
    };
    let dscp = if matches!(answer, Answer::SynAck { .. }) {
        Dscp::ZERO
    } else {
        probe.dscp
    };
    Some(reply(target(), HOST, dscp, answer))
}

/// Whether the probe is a TCP segment (or fragment of one) to the port.
fn to_port(probe: &Probe) -> bool {
    probe.target == Target::Endpoint
}

/// Runs the judge against a script until it settles or its time is over.
fn run(
    script: Script<'_>,
    refuse: &dyn Fn(&Probe) -> Option<LocalRefusal>,
    job: &Job,
) -> (Finding, Evidence, Moment) {
    let mut evidence = Evidence::new();
    let mut due: Vec<(Moment, Fact)> = Vec::new();
    let mut now = Moment::START;
    loop {
        let judgement = judge(&evidence, job, now);
        let asks = match judgement.course.next {
            Next::Settle => return (judgement.finding, evidence, now),
            Next::Ask(_) if now >= job.deadline => return (judgement.finding, evidence, now),
            Next::Ask(asks) => asks,
        };
        if let Some(ask) = asks.iter().find(|ask| ask.not_before <= now) {
            let id = ProbeId(u32::try_from(evidence.trials().len() + 1).unwrap());
            assert!(id.0 < 400, "the budget of probes is spent at {now:?}");
            evidence.record(now, Fact::Sent(id, ask.probe));
            if let Some(refusal) = refuse(&ask.probe) {
                evidence.record(now, Fact::Refused(id, refusal));
                continue;
            }
            evidence.record(now, Fact::Departed(id));
            let fragment = ask.probe.kind == Kind::Fragment;
            let patience = Duration::from_secs(if fragment { 35 } else { 1 });
            match script(&ask.probe, now) {
                Some((delay, reply)) => {
                    due.push((now.after(delay), Fact::Replied(id, ReceivedBy::Tap, reply)));
                    due.push((
                        now.after(delay),
                        Fact::Replied(id, ReceivedBy::Stack, reply),
                    ));
                    if delay > patience || reply.flaw.is_some() {
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
        let next = [next_due, next_ask, judgement.course.look_again]
            .into_iter()
            .flatten()
            .min();
        let next = next.expect("a judgement that is not settled waits for something");
        now = next.max(now).min(job.deadline);
        while due.first().is_some_and(|(at, _)| *at <= now) {
            let (at, fact) = due.remove(0);
            evidence.record(at, fact);
        }
        if next_due.is_none() && next_ask.is_none() && judgement.course.look_again.is_none() {
            return (judgement.finding, evidence, now);
        }
    }
}

/// The brief of a thorough diagnosis.
fn thorough() -> Job {
    Job {
        thorough: true,
        ..job()
    }
}

/// The one check: the cause, how firm, and within how many seconds.
#[track_caller]
fn check(script: Script<'_>, cause: Cause, confidence: Confidence, seconds: f64) -> Finding {
    check_under(&job(), script, cause, confidence, seconds)
}

/// The same under another brief.
#[track_caller]
fn check_under(
    job: &Job,
    script: Script<'_>,
    cause: Cause,
    confidence: Confidence,
    seconds: f64,
) -> Finding {
    let (finding, evidence, now) = run(script, &|_| None, job);
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
    let rivals = finding.alternatives.iter().map(|rival| &rival.basis);
    for id in rivals.chain([&verdict.basis]).flatten() {
        let cited = evidence.trial(*id).expect("a probe of the evidence");
        assert!(
            !cited.is_pending() || !cited.flawed.is_empty(),
            "probe {id} is cited and awaited"
        );
    }
    assert!(
        took <= seconds,
        "took {took:.1} s and {} probes",
        evidence.trials().len()
    );
    finding
}
