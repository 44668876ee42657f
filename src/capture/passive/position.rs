//! Where the capture was taken, as TTLs, directions and delays show it.
//!
//! Every stack begins at 64, 128 or 255 (no current one at 32), so the TTL of a packet says how many
//! routers it has passed. SYNs give the distance from the client, SYN-ACKs that from the server; a
//! reset or a refusal gives neither, since any box on the way may have written it. A client that
//! draws the TTLs of its SYNs is as far away as its other packets say, if it sends any. What is next
//! to the place of capture answers at once: a fresh TTL after a long delay was written by something
//! on the way.

use std::net::IpAddr;
use std::time::Duration;

use crate::model::time::Moment;
use crate::wire::frame::Direction;

use super::attempt::{AttemptState, Syn, TRACEROUTE, TWICE};
use super::conversation::{Position, Side};
use super::gather::{Gathered, Parties};
use super::pair::{Map, Socket};

/// Longer than any host on the same link takes to answer a SYN or a SYN-ACK, save one that is about
/// to fall over; shorter than the way to another region.
const ON_LINK: Duration = Duration::from_millis(20);
/// SYNs of one client on one path differ by less: a change of the way makes them differ by one.
const DRAWN: u8 = 2;

/// Routers that a packet arriving with `ttl` has passed.
pub(super) const fn passed(ttl: u8) -> u8 {
    let initial: u8 = match ttl {
        0..=64 => 64,
        65..=128 => 128,
        129..=255 => 255,
    };
    initial - ttl
}

/// How far away one address is, over all its attempts.
#[derive(Clone, Copy, Debug, Default)]
struct Reach {
    /// The least and the most routers that its SYNs, or its SYN-ACKs, have passed.
    span: Option<(u8, u8)>,
    /// The least that other packets of it have passed.
    settled: Option<u8>,
    /// The least time that it took to answer.
    delay: Option<Duration>,
}

impl Reach {
    fn note(&mut self, passed: u8) {
        let (low, high) = self.span.unwrap_or((passed, passed));
        self.span = Some((low.min(passed), high.max(passed)));
    }

    fn answers(&mut self, asked: Moment, answered: Moment) {
        let delay = answered.since(asked);
        self.delay = Some(self.delay.map_or(delay, |known| known.min(delay)));
    }

    /// Whether it cannot be next to the place of capture, whatever its TTL says.
    fn is_elsewhere(&self, distance: u8) -> bool {
        distance == 0 && self.delay.is_some_and(|delay| delay > ON_LINK)
    }
}

/// The distances that all attempts in a capture together show.
#[derive(Clone, Debug, Default)]
pub(super) struct Distances {
    clients: Map<IpAddr, Reach>,
    servers: Map<Socket, Reach>,
    hosts: Map<IpAddr, Reach>,
}

impl Distances {
    /// What these attempts show.
    pub(super) fn of(gathered: &[(Parties, Gathered)]) -> Self {
        let mut distances = Self::default();
        for ((client, server), gathered) in gathered {
            let reach = distances.clients.entry(*client).or_default();
            for attempt in &gathered.kept {
                for syn in attempt.syns.iter().filter(|syn| syn.ttl > TRACEROUTE) {
                    reach.note(passed(syn.ttl));
                }
                if let Some(distance) = attempt.distance_under_way(Side::Client) {
                    reach.note(distance);
                }
                let other = attempt.client_ttl().map(passed);
                reach.settled = match (reach.settled, other) {
                    (Some(known), Some(other)) => Some(known.min(other)),
                    (known, other) => known.or(other),
                };
                if let (Some(opened), Some(went_on)) = (attempt.opened_at(), attempt.went_on) {
                    reach.answers(opened.at, went_on);
                }
            }
            for attempt in &gathered.kept {
                if let Some(distance) = attempt.distance_under_way(Side::Server) {
                    distances.servers.entry(*server).or_default().note(distance);
                }
                let Some(opened) = attempt.opened_at() else {
                    continue;
                };
                let asked = attempt.syns.iter().map(|syn| syn.at);
                let asked = asked.filter(|at| *at <= opened.at).max();
                for reach in [
                    distances.servers.entry(*server).or_default(),
                    distances.hosts.entry(server.address).or_default(),
                ] {
                    reach.note(passed(opened.reply.ttl.0));
                    if let Some(asked) = asked {
                        reach.answers(asked, opened.at);
                    }
                }
            }
        }
        distances
    }

    /// Routers between a client and the place of capture: by `shown`, what the SYNs to one host show,
    /// where it does not draw their TTLs.
    fn of_client(&self, client: &IpAddr, shown: Option<u8>) -> Option<u8> {
        let reach = self.clients.get(client)?;
        let (low, high) = reach.span?;
        let distance = if high.saturating_sub(low) >= DRAWN {
            reach.settled?
        } else {
            shown.unwrap_or(low)
        };
        (!reach.is_elsewhere(distance)).then_some(distance)
    }

    /// Routers between a server and the place of capture, by what it answered whomever.
    pub(super) fn of_server(&self, server: &Socket) -> Option<u8> {
        let reach = self.servers.get(server);
        let reach = reach.or_else(|| self.hosts.get(&server.address))?;
        let (low, _) = reach.span?;
        (!reach.is_elsewhere(low)).then_some(low)
    }

    /// Whether what comes from a client, or from a server, is as fresh as on its own link, and takes
    /// longer than that.
    pub(super) fn is_rewritten(&self, client: &IpAddr, server: &Socket) -> bool {
        let elsewhere = |reach: Option<&Reach>| {
            reach.is_some_and(|reach| reach.span.is_some_and(|(low, _)| reach.is_elsewhere(low)))
        };
        elsewhere(self.clients.get(client)) || elsewhere(self.servers.get(server))
    }
}

/// The position that these attempts show, beside the distances that all show.
pub(super) fn position<'t>(
    (client, server): (&IpAddr, &Socket),
    distances: &Distances,
    mut attempts: impl Iterator<Item = &'t AttemptState> + Clone,
) -> Position {
    let syns = attempts.clone().flat_map(|attempt| &attempt.syns);
    let syns = syns.filter(|syn| syn.ttl > TRACEROUTE);
    let shown = syns.map(|syn| passed(syn.ttl)).min();
    Position {
        from_client: distances.of_client(client, shown),
        from_server: distances.of_server(server),
        forwards: attempts.any(|attempt| attempt.forwarded),
    }
}

/// Whether the capture was taken on the client itself: its SYNs leave the capturing host as fresh as
/// they were sent.
pub(super) fn is_client<'t>(
    position: &Position,
    mut attempts: impl Iterator<Item = &'t AttemptState>,
) -> bool {
    position.from_client == Some(0)
        && attempts.any(|attempt| {
            attempt
                .syns
                .iter()
                .any(|syn| syn.crossing.direction == Some(Direction::Outbound))
        })
}

/// Of each conversation, whether a SYN of it was seen under other addresses or ports as well, a hop on.
/// A translation keeps the sequence number, the identification and the timestamp; the first alone
/// would take a scanner's SYNs for one, which share it.
pub(super) fn translated(gathered: &[(Parties, Gathered)]) -> Vec<bool> {
    let mut begun: Vec<(u32, Moment, usize, &Syn)> = Vec::new();
    for (index, (_, gathered)) in gathered.iter().enumerate() {
        let known = gathered.kept.iter();
        begun.extend(known.filter_map(|attempt| {
            Some((attempt.isn?, attempt.first, index, attempt.syns.first()?))
        }));
    }
    begun.sort_unstable_by_key(|(isn, at, index, _)| (*isn, *at, *index));
    let same = |one: &Syn, other: &Syn| {
        one.identification == other.identification
            && one.stamp == other.stamp
            && one.identification.or(one.stamp).is_some()
            && one.ttl != other.ttl
    };
    let mut translated = vec![false; gathered.len()];
    for two in begun.windows(2) {
        let [(isn, at, one, syn), (again, then, other, copy)] = two else {
            continue;
        };
        if isn == again && one != other && then.since(*at) < TWICE && same(syn, copy) {
            for index in [*one, *other] {
                if let Some(mark) = translated.get_mut(index) {
                    *mark = true;
                }
            }
        }
    }
    translated
}
