//! The packet's course through every stage, and what each of them does with it.

use std::net::IpAddr;

use super::found::Found;
use super::judge::{Assumed, Ending, Fact, Query, ask};
use super::model::{Layer, Odds};
use super::ports::Ports;
use super::stage::{Attached, Stage, stages};
use crate::rules::decision::Ruling;
use crate::rules::packet::{Journey, Packet};

/// What a cloud's rules make of a connection.
#[derive(Clone, Debug)]
pub struct Trace {
    pub(super) packet: Packet,
    pub(super) steps: Vec<Step>,
    /// What to know of the whole.
    pub(super) notes: Vec<String>,
}

/// One stage and one packet.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) stage: Stage,
    /// Whether the packet is the answer to the first one.
    pub(super) answers: bool,
    /// Whether it goes to the target.
    pub(super) inbound: bool,
    pub(super) ruling: Ruling,
    /// What all but improbable readings give, where it depends.
    pub(super) likely: Option<Ruling>,
    pub(super) endings: Vec<Ending>,
    /// The ports asked about.
    pub(super) asked: Ports,
    pub(super) cut_short: bool,
}

/// Follows the first packet of a connection, and its answer where a stage keeps no state.
pub fn follow(found: &Found, attached: &Attached, packet: &Packet) -> Trace {
    let tags = attached.tags(found);
    let mut stages = stages(found, attached);
    let inbound = packet.journey == Journey::Inbound;
    stages.sort_by_key(|stage| (stage.layer, stage.placement));
    if !inbound {
        stages.reverse();
        // Nothing that goes out meets the list of those who may come in.
        stages.retain(|stage| stage.layer != Layer::Whitelist);
    }
    let mut steps: Vec<Step> = Vec::new();
    if let Some((remote, local)) = ends(packet) {
        let mut add = |stage: &Stage, answers: bool| {
            let query = query(packet, remote, local, answers, tags.as_deref());
            steps.push(step(stage, &query));
        };
        for stage in &stages {
            add(stage, false);
        }
        for stage in stages.iter().rev().filter(|stage| !stage.stateful) {
            add(stage, true);
        }
    }
    Trace {
        packet: packet.clone(),
        steps,
        notes: notes(found, attached),
    }
}

/// What to know of the whole.
fn notes(found: &Found, attached: &Attached) -> Vec<String> {
    let mut notes = found.notes.clone();
    for name in attached.strange(found) {
        notes.push(format!(
            "nothing in what is given is called {name}, which --attached names"
        ));
    }
    notes
}

/// The other end's address and the target's.
fn ends(packet: &Packet) -> Option<(IpAddr, Option<IpAddr>)> {
    match packet.journey {
        Journey::Inbound => Some((packet.from, packet.to)),
        Journey::Outbound => packet.to.map(|to| (to, Some(packet.from))),
    }
}

fn query<'a>(
    packet: &Packet,
    remote: IpAddr,
    local: Option<IpAddr>,
    answers: bool,
    tags: Option<&'a [String]>,
) -> Query<'a> {
    let ports = packet.port.map_or_else(Ports::every, Ports::one);
    // https://docs.aws.amazon.com/vpc/latest/userguide/nacl-ephemeral-ports.html
    let client = packet
        .source_port
        .map_or_else(
            || Ports::range(1024, u16::MAX),
            |port| Some(Ports::one(port)),
        )
        .unwrap_or_else(Ports::every);
    let (ports, source_ports) = if answers {
        (client, ports)
    } else {
        (ports, client)
    };
    Query {
        inbound: (packet.journey == Journey::Inbound) != answers,
        answers,
        remote,
        local,
        protocol: packet.protocol,
        ports,
        source_ports,
        tags,
    }
}

fn step(stage: &Stage, query: &Query<'_>) -> Step {
    let mut cut_short = false;
    let mut read: Vec<(Ruling, Vec<Ending>)> = Vec::new();
    for variant in &stage.variants {
        let mut endings = ask(variant.side(query.inbound), query);
        cut_short |= endings.cut_short;
        lacks(stage, query, &mut endings.all);
        if let Some(fact) = &variant.fact {
            for ending in &mut endings.all {
                let fact = fact.clone();
                ending.assumed.insert(0, Assumed { fact, holds: true });
            }
        }
        read.push((of(&endings.all), endings.all));
    }
    let first = read.first().map(|(ruling, _)| *ruling);
    let unanimous = read.iter().all(|(ruling, _)| Some(*ruling) == first);
    let (ruling, endings) = match first {
        Some(ruling) if unanimous && ruling != Ruling::Depends => (
            ruling,
            read.into_iter()
                .next()
                .map(|(_, endings)| endings)
                .unwrap_or_default(),
        ),
        _ => {
            let all: Vec<Ending> = read.into_iter().flat_map(|(_, endings)| endings).collect();
            (of(&all), all)
        }
    };
    let ruling = if cut_short { Ruling::Depends } else { ruling };
    let probable: Vec<Ending> = endings
        .iter()
        .filter(|ending| !ending.is_improbable(query))
        .cloned()
        .collect();
    let likely = (ruling == Ruling::Depends && !cut_short && !probable.is_empty())
        .then(|| of(&probable))
        .filter(|likely| *likely != Ruling::Depends);
    Step {
        stage: stage.clone(),
        answers: query.answers,
        inbound: query.inbound,
        ruling,
        likely,
        endings,
        asked: query.ports.clone(),
        cut_short,
    }
}

/// Adds what rules that are not in the text may do.
fn lacks(stage: &Stage, query: &Query<'_>, endings: &mut Vec<Ending>) {
    let mut lacking: Vec<&String> = stage
        .groups
        .iter()
        .flat_map(|group| &group.lacking)
        .collect();
    lacking.dedup();
    if lacking.is_empty() {
        return;
    }
    let words: Vec<&str> = lacking.iter().map(|what| what.as_str()).collect();
    for allowed in [true, false] {
        let other = endings.iter().any(|ending| ending.allowed != allowed);
        if !other || (!allowed && stage.allows_alone) {
            continue;
        }
        let does = if allowed {
            "lets it through"
        } else {
            "blocks it"
        };
        endings.push(Ending {
            allowed,
            rule: None,
            ports: query.ports.clone(),
            assumed: vec![Assumed {
                fact: Fact {
                    text: format!("what is not in the text {does}: {}", words.join("; ")),
                    command: None,
                    odds: Odds::Open,
                },
                holds: true,
            }],
        });
    }
}

/// What ends come to together.
fn of(endings: &[Ending]) -> Ruling {
    let allowed = endings.iter().any(|ending| ending.allowed);
    let blocked = endings.iter().any(|ending| !ending.allowed);
    match (allowed, blocked) {
        (true, false) => Ruling::Allowed,
        (false, true) => Ruling::Blocked,
        _ => Ruling::Depends,
    }
}

impl Trace {
    /// What all stages come to together.
    pub fn ruling(&self) -> Ruling {
        let any = |ruling: Ruling| self.steps.iter().any(|step| step.ruling == ruling);
        if any(Ruling::Blocked) {
            Ruling::Blocked
        } else if any(Ruling::Depends) {
            Ruling::Depends
        } else {
            Ruling::Allowed
        }
    }
}
