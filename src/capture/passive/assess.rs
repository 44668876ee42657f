//! From gathered attempts to conversations: evidence, judgement, opinion on each attempt.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::infer::{Control, ControlOrigin, Job, Observer, judge};
use crate::model::endpoint::Endpoint;
use crate::model::outcome::Outcome;
use crate::model::probe::ProbeId;
use crate::model::time::Moment;
use crate::model::vantage::Vantage;
use crate::model::verdict::Finding;

use super::attempt::{self, AttemptState, Syn};
use super::choice::{Choice, TakenAt};
use super::conversation::{Attempt, AttemptOutcome, Conversation, Opinion, Position, Wanted};
use super::evidence::{Manner, Told, View, tell};
use super::gather::{Gathered, Parties};
use super::pair::{Map, Socket};
use super::position::{Distances, is_client, position, translated};
use super::symptoms::is_forged;
use super::{remark, symptoms, wanted, words};

/// Other ports of the server that serve as comparison.
const OTHERS: usize = 6;
/// Attempts to each of them; those of a traceroute are one a probe.
const ATTEMPTS: usize = 48;
/// Other ports looked at for being of use.
const LOOKED_AT: usize = 64;
/// Ports that inference may ask for in the name of "a port that nothing listens on"; none of them
/// was tried.
const UNTRIED: [u16; 2] = [61_841, 63_117];
/// What an Ethernet link carries, where no SYN says otherwise.
const MTU: u16 = 1500;

/// The attempts of a conversation, with everything that helps to read them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Situation<'a> {
    pub(super) view: View<'a>,
    pub(super) server: Socket,
    pub(super) position: Position,
    /// The capture holds packets towards clients at all.
    pub(super) both_ways: bool,
    /// It was taken on the client itself.
    pub(super) on_client: bool,
    /// The capturing host is seen to send SYNs on, of this client or another: it is a router.
    pub(super) router: bool,
    /// Its SYNs were seen under other addresses or ports as well: a translation sends them on.
    pub(super) translated: bool,
    /// The server answered other clients while this one was not answered.
    pub(super) others_served: bool,
    /// A TTL is fresh, and the delay says that it was written on the way.
    pub(super) rewritten: bool,
    /// The interfaces that the capture holds.
    pub(super) interfaces: u32,
    /// The server's address was asked for by ARP or neighbour discovery, and nothing answered.
    pub(super) unresolved: bool,
    /// Packets of attempts whose SYN is not in the capture, beside attempts whose SYN is.
    pub(super) leftover: usize,
}

impl Situation<'_> {
    /// Where both ends are.
    pub(super) const fn distances(&self) -> attempt::Distances {
        attempt::Distances {
            client: self.position.from_client,
            server: self.server.address,
            end: self.view.end,
        }
    }
}

/// What is known of the capture as a whole.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    /// It holds packets towards clients at all.
    pub(super) both_ways: bool,
    /// What is asked for, and what the user knows of the place of capture.
    pub(super) choice: Choice,
    /// The interfaces that it holds.
    pub(super) interfaces: u32,
    /// Addresses that were asked for on a link and did not answer.
    pub(super) unresolved: BTreeSet<IpAddr>,
    /// When it ended.
    pub(super) end: Moment,
}

/// What is made of a situation.
pub(super) struct Assessed {
    pub(super) told: Told,
    pub(super) finding: Finding,
    pub(super) wanted: Vec<Wanted>,
}

/// The conversations of everything gathered.
pub(super) fn all(gathered: &[(Parties, Gathered)], scene: &Scene) -> Vec<Conversation> {
    let Scene {
        both_ways,
        choice,
        interfaces,
        end,
        ..
    } = *scene;
    let router = gathered
        .iter()
        .any(|(_, gathered)| gathered.kept.iter().any(|attempt| attempt.forwarded));
    let mut siblings: Map<(IpAddr, IpAddr), Vec<usize>> = Map::default();
    let mut served: Map<Socket, Vec<(IpAddr, Moment)>> = Map::default();
    for (index, ((client, server), gathered)) in gathered.iter().enumerate() {
        siblings
            .entry((*client, server.address))
            .or_default()
            .push(index);
        let last = gathered
            .kept
            .iter()
            .filter(|attempt| attempt.opened_at().is_some())
            .map(|attempt| attempt.last)
            .max();
        let known = served.entry(*server).or_default();
        if let (Some(last), true) = (last, known.len() < LOOKED_AT) {
            known.push((*client, last));
        }
    }
    let translated = translated(gathered);
    let distances = Distances::of(gathered);
    gathered
        .iter()
        .zip(&translated)
        .filter(|(((client, server), _), _)| choice.admits(*client, *server))
        .map(|(((client, server), own), translated)| {
            let attempts = own_attempts(&own.kept);
            let group = siblings.get(&(*client, server.address));
            let others = others(gathered, group.map_or(&[][..], Vec::as_slice), *server);
            let kept = own.kept.iter().chain(others.iter().map(|(_, t)| *t));
            let position = choice.place(position((client, server), &distances, kept));
            let since = attempts.last().map_or(end, |attempt| attempt.first);
            let situation = Situation {
                view: View {
                    client: *client,
                    attempts: &attempts,
                    others: &others,
                    hops: position.from_client.unwrap_or(0),
                    end,
                },
                server: *server,
                position,
                both_ways,
                router: router || choice.taken_at == Some(TakenAt::Router),
                translated: *translated,
                on_client: match choice.taken_at {
                    Some(taken_at) => taken_at == TakenAt::Client,
                    None => is_client(&position, own.kept.iter()),
                },
                others_served: served.get(server).is_some_and(|known| {
                    known
                        .iter()
                        .any(|(other, at)| other != client && *at >= since)
                }),
                rewritten: distances.is_rewritten(client, server),
                interfaces,
                unresolved: scene.unresolved.contains(&server.address),
                leftover: own.kept.len() - attempts.len(),
            };
            conversation(&situation, own)
        })
        .collect()
}

/// The attempts that are evidence. Answers without their SYN, beside attempts that were captured from
/// their SYN on, are left over from what was tried before, and say nothing of these.
fn own_attempts(kept: &[AttemptState]) -> Vec<&AttemptState> {
    let is_whole = |attempt: &&AttemptState| !attempt.syns.is_empty() || attempt.is_established();
    let whole: Vec<&AttemptState> = kept.iter().filter(is_whole).collect();
    if whole.iter().any(|attempt| !attempt.syns.is_empty()) {
        whole
    } else {
        kept.iter().collect()
    }
}

/// The attempts to other ports of a server by the same client: those that were answered first.
fn others<'a>(
    gathered: &'a [(Parties, Gathered)],
    group: &[usize],
    server: Socket,
) -> Vec<(u16, &'a AttemptState)> {
    let useful = |attempt: &AttemptState| {
        let answered = attempt.opened_at().is_some() || !attempt.answers.is_empty();
        u8::from(!answered)
    };
    let mut ports: Vec<(u16, &Vec<AttemptState>)> = group
        .iter()
        .filter_map(|index| gathered.get(*index))
        .filter(|((_, other), _)| other.port != server.port)
        .map(|((_, other), gathered)| (other.port, &gathered.kept))
        .take(LOOKED_AT)
        .collect();
    // What a device writes in the name of the host is no measure of the host's own answers.
    let farthest = (group.iter().filter_map(|index| gathered.get(*index)))
        .flat_map(|(_, gathered)| &gathered.kept)
        .filter_map(|attempt| Some(attempt.away(attempt.opened_at()?)))
        .max();
    ports.sort_by_key(|(_, attempts)| attempts.iter().map(useful).min());
    let ports = ports.into_iter().take(OTHERS);
    ports
        .flat_map(|(port, attempts)| {
            attempts
                .iter()
                .take(ATTEMPTS)
                .map(move |attempt| (port, attempt))
        })
        .filter(|(_, attempt)| !is_forged(attempt, server.address, farthest))
        .collect()
}

fn conversation(situation: &Situation<'_>, gathered: &Gathered) -> Conversation {
    let view = &situation.view;
    let assessed = assess(situation);
    let only = view.attempts.len() == 1;
    let attempts = view
        .attempts
        .iter()
        .enumerate()
        .map(|(index, attempt)| {
            let opinion = if only {
                opinion(&assessed.finding)
            } else {
                let alone = [*attempt];
                let view = View {
                    attempts: &alone,
                    ..*view
                };
                opinion(&assess(&Situation { view, ..*situation }).finding)
            };
            let probes = assessed.told.probes.get(index).cloned().unwrap_or_default();
            report(attempt, situation, opinion, probes)
        })
        .collect();
    let began = view.attempts.iter().map(|attempt| attempt.first).min();
    let last = view.attempts.iter().map(|attempt| attempt.last).max();
    let elapsed = last.unwrap_or(view.end).since(began.unwrap_or(view.end));
    Conversation {
        client: view.client,
        outcome: Outcome {
            endpoint: endpoint(situation.server),
            vantage: vantage(situation),
            evidence: assessed.told.evidence,
            finding: assessed.finding,
            elapsed,
        },
        position: situation.position,
        attempts,
        forgotten: gathered.forgotten,
        packets: assessed.told.packets,
        wanted: assessed.wanted,
    }
}

/// Judges a situation.
pub(super) fn assess(situation: &Situation<'_>) -> Assessed {
    let view = &situation.view;
    let told = tell(
        view,
        Manner {
            hidden: true,
            unheard: true,
        },
    );
    let manner = Manner {
        hidden: symptoms::loses_much(view),
        unheard: situation.position.from_client == Some(0),
    };
    let judged = tell(view, manner).evidence;
    let job = job(situation);
    let mut finding = judge(&judged, &job, view.end).finding;
    remark::mourn(situation, &mut finding);
    remark::remark(situation, &mut finding);
    let wanted = wanted::wanted(&finding);
    Assessed {
        told,
        finding,
        wanted,
    }
}

fn opinion(finding: &Finding) -> Opinion {
    let verdict = &finding.verdict;
    Opinion {
        state: verdict.state,
        cause: verdict.cause,
        confidence: verdict.confidence,
        summary: verdict.summary.clone(),
    }
}

fn report(
    attempt: &AttemptState,
    situation: &Situation<'_>,
    opinion: Opinion,
    probes: Vec<ProbeId>,
) -> Attempt {
    let view = &situation.view;
    let mut packets: Vec<u64> = attempt.syns.iter().map(|syn| syn.number).collect();
    packets.extend(attempt.answers.iter().map(|heard| heard.number));
    packets.extend(attempt.ended_by());
    packets.sort_unstable();
    let ttl = attempt.limited(view.hops);
    let outcome = attempt.outcome(view.end);
    let opinion = match (ttl, outcome) {
        (Some(ttl), _) => words::of_traceroute(ttl, outcome),
        (None, AttemptOutcome::CutOff) => Opinion {
            summary: words::CUT_OFF.to_owned(),
            ..opinion
        },
        (None, _) => opinion,
    };
    Attempt {
        client_port: attempt.client_port,
        first: attempt.first,
        last: attempt.last,
        syns: u32::try_from(attempt.syns.len())
            .unwrap_or(u32::MAX)
            .saturating_add(attempt.more_syns),
        resent: [attempt.client.behind(), attempt.server.behind()],
        resets: attempt.resets,
        ttl,
        outcome,
        session: attempt.session(situation.distances()),
        opinion,
        probes,
        packets,
    }
}

fn endpoint(server: Socket) -> Endpoint {
    let endpoint = Endpoint {
        given: String::new(),
        address: server.address,
        port: server.port,
        label: None,
    };
    Endpoint {
        given: endpoint.socket().to_string(),
        ..endpoint
    }
}

/// The client's place, as far as a capture knows it. Whether the server is its neighbour it never
/// knows: a box at the first hop answers with the same TTL.
fn vantage(situation: &Situation<'_>) -> Vantage {
    let client = situation.view.client;
    let loopback = client == situation.server.address || client.is_loopback();
    let unknown: IpAddr = match client {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let headers = if client.is_ipv4() { 40 } else { 60 };
    let syns = situation
        .view
        .attempts
        .iter()
        .flat_map(|attempt| &attempt.syns);
    let mtu = syns
        .filter_map(|syn: &Syn| syn.mss)
        .map(|mss| mss.saturating_add(headers))
        .max();
    Vantage {
        source: client,
        interface: String::new(),
        gateway: (!loopback).then_some(unknown),
        mtu: mtu.unwrap_or(MTU),
        loopback,
        ephemeral_ports: situation
            .view
            .attempts
            .iter()
            .map(|attempt| attempt.client_port)
            .collect(),
        privileged_ports: Vec::new(),
    }
}

fn job(situation: &Situation<'_>) -> Job {
    let view = &situation.view;
    let mut controls: Vec<Control> = Vec::new();
    // Nobody knows why a client uses another port: it is no port that nothing should listen on.
    for (port, _) in view.others {
        if controls.iter().all(|control| control.port != *port) {
            controls.push(Control {
                port: *port,
                origin: ControlOrigin::Given,
            });
        }
    }
    controls.extend(
        UNTRIED
            .into_iter()
            .filter(|port| *port != situation.server.port)
            .map(|port| Control {
                port,
                origin: ControlOrigin::Random,
            }),
    );
    let began = view.attempts.iter().map(|attempt| attempt.first).min();
    Job {
        endpoint: endpoint(situation.server),
        vantage: vantage(situation),
        controls,
        observer: Observer::Passive(Box::new(symptoms::bystander(situation))),
        quick: false,
        // What the connections themselves carried shows it without a probe.
        check_mtu: !view.attempts.iter().any(|t| t.client.large_passed()),
        thorough: true,
        began: began.unwrap_or(view.end),
        deadline: view.end,
    }
}
