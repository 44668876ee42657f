//! One scenario, one family, one seed: the engine in the network until its verdict is settled.

use std::net::IpAddr;
use std::time::Duration;

use fastrand::Rng;
use synquest::engine::policy::{Allowance, Policy};
use synquest::engine::{Heard, Interface, Job, Key, Output, Prober, SessionId, Sighting};
use synquest::model::endpoint::{Endpoint, Family};
use synquest::model::evidence::ReceivedBy;
use synquest::model::outcome::Outcome;
use synquest::model::time::Moment;
use synquest::model::vantage::Vantage;
use synquest::wire::frame::Link;

use super::network::{Network, PROBER};
use super::router::DATABASE;
use crate::scenario::{FamilyName, Scenario};

/// What one run came to.
#[derive(Debug)]
pub struct Run {
    /// The diagnosis as it settled.
    pub outcome: Outcome,
    /// How many packets each rule of the scenario decided about.
    pub moved: Vec<u64>,
    /// Handshakes the target's listeners saw completed.
    pub completed: u64,
    /// What the diagnosis was held under.
    pub job: Job,
    /// Every frame of ours that the tap saw.
    pub sightings: Vec<Sighting>,
}

/// As the driver does: first when a neighbour that is there has answered, then as often as the
/// kernel asks again.
const FIRST_LOOK: Duration = Duration::from_millis(200);
const NEXT_LOOK: Duration = Duration::from_secs(1);

/// Source ports the driver reserves for a session.
const EPHEMERAL: usize = 16;
const PRIVILEGED: usize = 2;

/// No diagnosis may take longer, in virtual time.
const PATIENCE: Duration = Duration::from_secs(600);
/// No diagnosis may ask for more without time passing.
const OUTPUTS_A_MOMENT: u32 = 10_000;

/// The library's word for a scenario's family.
pub const fn family_of(name: FamilyName) -> Family {
    match name {
        FamilyName::V4 => Family::V4,
        FamilyName::V6 => Family::V6,
    }
}

/// Runs `scenario` in `family`; chance, keys and ports follow `seed`.
///
/// # Panics
///
/// When the engine never settles, or does what a caller of it may rely on not to happen.
pub fn run(scenario: &Scenario, family: Family, seed: u64, verbose: bool) -> Run {
    run_among(scenario, family, seed, verbose, &[])
}

/// The same while diagnoses of other ports of the host begin at the same time and share with it; where
/// there are several, all are thorough.
///
/// # Panics
///
/// As [`run`].
pub fn run_among(
    scenario: &Scenario,
    family: Family,
    seed: u64,
    verbose: bool,
    others: &[u16],
) -> Run {
    let mut network = Network::build(scenario, family, seed);
    network.verbose = verbose;
    let mut rng = Rng::with_seed(seed ^ 0x00c0_ffee);
    let key = Key(std::array::from_fn(|_| rng.u8(..)));
    let asked = policy(&scenario.arguments);
    let thorough = asked.thorough || others.len() > 1;
    let policy = Policy {
        share: !others.is_empty(),
        thorough,
        allowance: (!thorough).then_some(Allowance::DEFAULT),
        ..asked
    };
    let mut prober = Prober::new(policy, key);
    let mut add = |port: u16| {
        let endpoint = Endpoint {
            given: format!("{}:{port}", scenario.name),
            address: network.probed,
            port,
            label: None,
        };
        prober.add(Moment::START, endpoint, vantage(&network, &mut rng))
    };
    let session = add(DATABASE);
    for port in others {
        add(*port);
    }
    let mut sightings = Vec::new();
    drive(&mut network, &mut prober, session, &mut sightings);
    let job = prober.job(session).expect("the diagnosis").clone();
    let outcome = prober.outcome(session, network.now());
    // What is still on its way may do harm yet.
    let end = network.now().after(Duration::from_secs(1));
    while network.step(end) {}
    let completed = network.nodes.iter().map(|node| node.tcp.completed).sum();
    Run {
        outcome,
        moved: network.moved,
        completed,
        job,
        sightings,
    }
}

fn drive(
    network: &mut Network,
    prober: &mut Prober,
    session: SessionId,
    sightings: &mut Vec<Sighting>,
) {
    let mut look = (!network.loopback).then(|| Moment::START.after(FIRST_LOOK));
    let mut settled = false;
    let (mut moment, mut outputs) = (Moment::START, 0);
    loop {
        let now = network.now();
        outputs = if now == moment { outputs + 1 } else { 0 };
        moment = now;
        assert!(outputs < OUTPUTS_A_MOMENT, "time stands still at {now:?}");
        assert!(now.since(Moment::START) < PATIENCE, "it never settles");
        match prober.poll(now) {
            Output::Transmit(transmit) => {
                let sent = network.send(now, &transmit.datagram);
                if let (Err(refusal), Some(probe)) = (sent, transmit.probe) {
                    prober.handle_refusal(now, transmit.session, probe, refusal);
                }
                listen(network, prober, sightings);
            }
            Output::Settled(id) => {
                if id == session {
                    assert!(!settled, "a diagnosis settles once");
                    settled = true;
                } else {
                    let other = prober.conclude(id, now);
                    assert!(other.is_some(), "a diagnosis settles once");
                }
            }
            Output::WaitUntil(until) => {
                let limit = look.map_or(until, |look| look.min(until)).max(now);
                if !network.step(limit) {
                    network.queue.pass_to(limit);
                }
                listen(network, prober, sightings);
                if let Some(due) = look
                    && due <= network.now()
                {
                    let state = network.prober_neighbour();
                    for begun in 0..prober.begun() {
                        prober.handle_neighbour(network.now(), SessionId(begun), state);
                    }
                    look = Some(due.after(NEXT_LOOK));
                }
            }
            Output::Idle => {
                assert!(settled, "idle with a diagnosis open");
                return;
            }
        }
    }
}

fn listen(network: &mut Network, prober: &mut Prober, sightings: &mut Vec<Sighting>) {
    for frame in network.frames.drain(..) {
        let attribution = prober.handle_frame(frame.at, frame.heard, &frame.bytes);
        if let Some(attribution) = attribution
            && frame.heard != Heard::Arriving(ReceivedBy::Stack)
        {
            sightings.push(Sighting {
                at: frame.at,
                interface: Interface {
                    index: 2,
                    name: "eth0".into(),
                    link: Link::Raw,
                },
                departing: frame.heard == Heard::Departing,
                frame: frame.bytes,
                attribution,
            });
        }
    }
}

fn vantage(network: &Network, rng: &mut Rng) -> Vantage {
    let mut ports = |range: std::ops::RangeInclusive<u16>, count: usize| {
        let mut ports = Vec::new();
        while ports.len() < count {
            let port = rng.u16(range.clone());
            if !ports.contains(&port) {
                ports.push(port);
            }
        }
        ports
    };
    let (interface, source): (_, IpAddr) = if network.loopback {
        ("lo", network.probed)
    } else {
        ("eth0", network.nodes[PROBER].near)
    };
    Vantage {
        source,
        interface: interface.to_owned(),
        gateway: network.gateway(),
        mtu: network.prober_mtu(),
        loopback: network.loopback,
        ephemeral_ports: ports(32_768..=60_999, EPHEMERAL),
        privileged_ports: ports(512..=1023, PRIVILEGED),
    }
}

/// The few arguments of `synquest probe` that mean something to the engine.
fn policy(arguments: &[String]) -> Policy {
    let mut policy = Policy::default();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().expect("an argument has a value");
        match word.as_str() {
            "--quick" => policy.quick = true,
            "--thorough" => policy.thorough = true,
            "--no-mtu" => policy.check_mtu = false,
            "--control-port" => {
                let port = value().parse().expect("a port");
                policy.control_ports.push(port);
            }
            "--max-probes" => policy.max_probes = value().parse().expect("a number"),
            "--max-time" => {
                let text = value();
                let seconds = text.strip_suffix('s').and_then(|text| text.parse().ok());
                let seconds = seconds.expect("a time in whole seconds");
                policy.max_time = Some(Duration::from_secs(seconds));
            }
            other => panic!("the simulator does not know the argument {other}"),
        }
    }
    policy
}
