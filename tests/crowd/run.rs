//! The engine among very many hosts: diagnoses begin as others settle, in virtual time.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use synquest::engine::policy::{Allowance, Policy};
use synquest::engine::{Heard, Key, Output, Prober};
use synquest::model::endpoint::Endpoint;
use synquest::model::evidence::ReceivedBy;
use synquest::model::time::Moment;
use synquest::model::vantage::Vantage;
use synquest::model::verdict::Cause;

use super::network::{self, DATABASE, Fate, Network, SOURCE};

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Endpoints.
    pub endpoints: u32,
    /// Ports of each host among them.
    pub ports: u16,
    /// Datagrams a second.
    pub rate: u32,
    /// Diagnoses open at a time.
    pub at_once: usize,
    /// Whether ports of one host share what does not concern them.
    pub share: bool,
    /// Whether the diagnoses are thorough, and so without an allowance for each address.
    pub thorough: bool,
    /// Only endpoints of this fate; `None` for all of them.
    pub only: Option<Fate>,
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Tally {
    /// Endpoints that settled.
    pub settled: u32,
    /// Probes sent.
    pub probes: u64,
    /// How often which fate was called what.
    pub verdicts: BTreeMap<(Fate, Cause), u32>,
    /// How long it took in virtual time.
    pub elapsed: Duration,
}

impl Tally {
    /// How many verdicts name another cause than the right one.
    pub fn wrong(&self) -> u32 {
        let wrong = self.verdicts.iter();
        wrong
            .filter(|((fate, cause), _)| fate.cause() != *cause)
            .map(|(_, count)| count)
            .sum()
    }
}

/// Runs a plan.
pub fn run(plan: &Plan) -> Tally {
    let policy = Policy {
        rate: plan.rate,
        host_rate: plan.rate,
        prefix_rate: plan.rate,
        share: plan.share,
        thorough: plan.thorough,
        allowance: (!plan.thorough).then_some(Allowance::DEFAULT),
        ..Policy::default()
    };
    let mut prober = Prober::new(policy, Key([7; 16]));
    let mut network = Network::new(plan.ports);
    let mut tally = Tally::default();
    let mut coming = endpoints(plan).into_iter();
    let mut now = Moment::START;
    let mut open = 0;
    loop {
        while open < plan.at_once
            && let Some(endpoint) = coming.next()
        {
            let vantage = vantage(&endpoint);
            prober.add(now, endpoint, vantage);
            open += 1;
        }
        match prober.poll(now) {
            Output::Transmit(transmit) => {
                if transmit.probe.is_some() {
                    prober.handle_frame(now, Heard::Departing, &transmit.datagram);
                }
                network.send(now, &transmit.datagram);
            }
            Output::Settled(session) => {
                if let Some(outcome) = prober.conclude(session, now) {
                    let number = network::number(outcome.endpoint.address).unwrap_or_default();
                    let called = (Fate::of(number), outcome.finding.verdict.cause);
                    *tally.verdicts.entry(called).or_default() += 1;
                    tally.settled += 1;
                    open -= 1;
                }
            }
            Output::WaitUntil(until) => {
                let next = network.next_at().map_or(until, |at| at.min(until));
                now = now.max(next);
                while let Some((at, bytes)) = network.take(now) {
                    for by in [ReceivedBy::Tap, ReceivedBy::Stack] {
                        prober.handle_frame(at, Heard::Arriving(by), &bytes);
                    }
                }
            }
            Output::Idle if coming.len() == 0 => break,
            Output::Idle => {}
        }
    }
    tally.probes = prober.sent();
    tally.elapsed = now.since(Moment::START);
    tally
}

/// The endpoints in random order, as a sweep takes them.
fn endpoints(plan: &Plan) -> Vec<Endpoint> {
    let ports = u32::from(plan.ports.max(1));
    let mut numbers: Vec<(u32, u16)> = (0..)
        .filter(|number| plan.only.is_none_or(|fate| Fate::of(*number) == fate))
        .flat_map(|number| (0..ports).map(move |port| (number, DATABASE + port as u16)))
        .take(plan.endpoints as usize)
        .collect();
    Rng::with_seed(1).shuffle(&mut numbers);
    numbers
        .into_iter()
        .map(|(number, port)| Endpoint {
            given: String::new(),
            address: network::address(number),
            port,
            label: None,
        })
        .collect()
}

/// As the driver reserves: sessions of different addresses share ports, those of one do not.
fn vantage(endpoint: &Endpoint) -> Vantage {
    let first = 32_768 + (endpoint.port - DATABASE) % 1000 * 16;
    Vantage {
        source: SOURCE.into(),
        interface: "eth0".to_owned(),
        gateway: Some([10, 0, 0, 1].into()),
        mtu: 1500,
        loopback: false,
        ephemeral_ports: (first..first + 16).collect(),
        privileged_ports: vec![601, 602],
    }
}
