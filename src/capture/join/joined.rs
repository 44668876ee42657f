//! The join of several points.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use super::clock::{Clock, clocks};
use super::fate::{Between, Fate};
use super::finding::{Finding, findings};
use super::journey::{Journey, Way, journeys};
use super::link::{Bond, Streams};
use super::path::{Place, Sits, Step, lay, sits};
use super::point::Point;
use super::seen::{Body, Half, Protocol};
use super::strangers::Strangers;
use crate::wire::frame::Direction;
use crate::wire::tcp::Flags;

/// Which packets of our own capture are followed; all by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Those of this client.
    pub client: Option<IpAddr>,
    /// Those to this server, as the client knows it.
    pub server: Option<IpAddr>,
    /// Those to this port. Others of the same addresses are followed as well: they show what passes.
    pub port: Option<u16>,
}

/// A flow as the client sees it, and as it looks elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Translation {
    /// Client and server as the client knows them.
    pub here: Half,
    /// Where it looks otherwise.
    pub place: Place,
    /// How it looks there.
    pub there: Half,
}

/// A point that saw nothing of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blank {
    /// The point.
    pub point: usize,
    /// Packets it saw of an address of the client.
    pub of_client: usize,
    /// Packets it saw of an address of the server.
    pub of_server: usize,
    /// TCP segments it saw of a port of the server that the client asked.
    pub of_port: usize,
    /// Whether its window and ours overlap, the clocks taken as right.
    pub overlaps: bool,
}

/// The path between a client and a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The client.
    pub client: IpAddr,
    /// The server, as the client knows it.
    pub server: IpAddr,
    /// The places that packets to the server pass.
    pub there: Vec<Step>,
    /// The places that packets to the client pass.
    pub back: Vec<Step>,
    /// Where the last place on the way there stands.
    pub sits: Sits,
}

/// What the points together show.
#[derive(Clone, Debug, PartialEq)]
pub struct Joined {
    /// The clock of each point against ours; `None` where nothing was matched.
    pub clocks: Vec<Option<Clock>>,
    /// The packets that were followed.
    pub journeys: Vec<Journey>,
    /// What became of them.
    pub fates: Vec<Fate>,
    /// The paths they took.
    pub paths: Vec<Path>,
    /// The statements that follow.
    pub findings: Vec<Finding>,
    /// How flows look at other places.
    pub translations: Vec<Translation>,
    /// The points that saw nothing of ours.
    pub blanks: Vec<Blank>,
}

/// Joins what the points saw; the first of them is ours.
pub fn join(points: &[Point], choice: &Choice) -> Joined {
    let mut streams = Streams::link(points);
    let mut wanted = wanted(points, &streams, choice);
    let mut clocks = matched_clocks(points, &streams, &wanted);
    if super::rewritten::tie(points, &mut streams, &clocks, &wanted) {
        wanted = self::wanted(points, &streams, choice);
        clocks = matched_clocks(points, &streams, &wanted);
    }
    let journeys = journeys(points, &streams, &wanted, &clocks);
    let ends = ends(&streams, &wanted);
    let mut joined = Joined {
        translations: translations(points, &streams, &journeys, &ends),
        blanks: blanks(points, &journeys, &ends),
        clocks,
        journeys,
        fates: Vec::new(),
        paths: Vec::new(),
        findings: Vec::new(),
    };
    let strangers = Strangers::of(points, &streams, &wanted);
    joined.follow(points, &streams, &ends, &strangers);
    joined
}

impl Joined {
    /// Follows the packets between each two addresses.
    fn follow(
        &mut self,
        points: &[Point],
        streams: &Streams,
        ends: &BTreeMap<usize, Half>,
        strangers: &Strangers,
    ) {
        let mut pairs: BTreeMap<(IpAddr, IpAddr), [Vec<usize>; 2]> = BTreeMap::new();
        for (index, journey) in self.journeys.iter().enumerate() {
            let stream = match journey.way {
                Way::There => journey.stream,
                Way::Back => streams.reverse(journey.stream),
            };
            let Some(half) = ends.get(&stream) else {
                continue;
            };
            let pair = (half.source.ip(), half.destination.ip());
            let [there, back] = pairs.entry(pair).or_default();
            match journey.way {
                Way::There => there.push(index),
                Way::Back => back.push(index),
            }
        }
        for ((client, server), [there, back]) in pairs {
            let of = |list: &[usize]| -> Vec<&Journey> {
                let firm = list.iter().filter_map(|index| self.journeys.get(*index));
                firm.filter(|journey| streams.bond(journey.stream) == Bond::Numbers)
                    .collect()
            };
            let path = lay(points, &of(&there), Way::There);
            let way_back = lay(points, &of(&back), Way::Back);
            let last = path.iter().rev().find(|step| step.place.capture != 0);
            let sits = last.map_or(Sits::Unknown, |step| sits(points, &of(&back), step.place));
            let between = Between {
                points,
                streams,
                journeys: &self.journeys,
                strangers,
                there,
                back,
                path,
                way_back,
            };
            let fates = between.fates();
            self.findings.extend(findings(&between, &fates, ends));
            self.fates.extend(fates);
            self.paths.push(Path {
                client,
                server,
                there: between.path,
                back: between.way_back,
                sits,
            });
        }
    }

    /// Whether any packet of ours was seen at a point.
    pub fn shares(&self, point: usize) -> bool {
        self.clocks.get(point).is_some_and(Option::is_some)
    }
}

/// The clocks, from the packets of the streams that ours and another point know.
fn matched_clocks(
    points: &[Point],
    streams: &Streams,
    wanted: &BTreeMap<usize, Way>,
) -> Vec<Option<Clock>> {
    let known = streams.known();
    let shared = wanted
        .iter()
        .filter(|(stream, _)| known.get(**stream) == Some(&(true, true)));
    let shared = shared.map(|(stream, way)| (*stream, *way)).collect();
    let untimed = vec![None; points.len()];
    clocks(points, &journeys(points, streams, &shared, &untimed))
}

/// The streams that are followed, and which way each goes.
fn wanted(points: &[Point], streams: &Streams, choice: &Choice) -> BTreeMap<usize, Way> {
    let Some(ours) = points.first() else {
        return BTreeMap::new();
    };
    // The client sends the SYN or the echo request; failing that, what leaves here; failing that, what
    // comes from the higher port.
    let mut clues: BTreeMap<usize, (u8, usize, Half)> = BTreeMap::new();
    for (index, seen) in ours.packets.iter().enumerate() {
        let Some(stream) = streams.of(0, index) else {
            continue;
        };
        let leaves = seen.direction == Some(Direction::Outbound);
        let is_answer = match seen.body {
            Body::Segment { flags, .. } => flags.contains(Flags::SYN.with(Flags::ACK)),
            Body::Echo { is_reply, .. } => is_reply,
            Body::Error { .. } => true,
        };
        let (way_stream, half, weight) = if seen.opens() {
            (stream, seen.half, 3)
        } else if is_answer {
            (streams.reverse(stream), seen.half.reverse(), 2)
        } else if seen.direction.is_some() {
            match leaves {
                true => (stream, seen.half, 1),
                false => (streams.reverse(stream), seen.half.reverse(), 1),
            }
        } else if seen.half.source.port() >= seen.half.destination.port() {
            (stream, seen.half, 0)
        } else {
            (streams.reverse(stream), seen.half.reverse(), 0)
        };
        let pair = way_stream.min(streams.reverse(way_stream));
        let entry = clues.entry(pair).or_insert((weight, way_stream, half));
        if weight > entry.0 {
            *entry = (weight, way_stream, half);
        }
    }
    let asked: BTreeSet<(IpAddr, IpAddr)> = clues
        .values()
        .map(|(_, _, half)| *half)
        .filter(|half| {
            choice
                .port
                .is_none_or(|port| half.destination.port() == port)
        })
        .map(|half| (half.source.ip(), half.destination.ip()))
        .collect();
    let mut wanted = BTreeMap::new();
    for index in 0..ours.packets.len() {
        let Some(stream) = streams.of(0, index) else {
            continue;
        };
        let back = streams.reverse(stream);
        let Some((_, way_stream, half)) = clues.get(&stream.min(back)) else {
            continue;
        };
        let (client, server) = (half.source.ip(), half.destination.ip());
        let is_wanted = asked.contains(&(client, server))
            && choice.client.is_none_or(|chosen| chosen == client)
            && choice.server.is_none_or(|chosen| chosen == server);
        if !is_wanted || wanted.contains_key(&stream) {
            continue;
        }
        let goes = if stream == *way_stream {
            Way::There
        } else {
            Way::Back
        };
        wanted.insert(stream, goes);
        wanted.insert(
            back,
            match goes {
                Way::There => Way::Back,
                Way::Back => Way::There,
            },
        );
    }
    wanted
}

/// For each stream that goes there its client and server, as they look here.
fn ends(streams: &Streams, wanted: &BTreeMap<usize, Way>) -> BTreeMap<usize, Half> {
    let mut ends = BTreeMap::new();
    for (stream, capture, half) in streams.halves() {
        if capture == 0 && wanted.get(&stream) == Some(&Way::There) {
            ends.entry(stream).or_insert(half);
        }
    }
    ends
}

/// Where flows look otherwise than here.
fn translations(
    points: &[Point],
    streams: &Streams,
    journeys: &[Journey],
    ends: &BTreeMap<usize, Half>,
) -> Vec<Translation> {
    let mut found: BTreeMap<(usize, Place), Translation> = BTreeMap::new();
    for journey in journeys {
        let (stream, is_back) = match journey.way {
            Way::There => (journey.stream, false),
            Way::Back => (streams.reverse(journey.stream), true),
        };
        let Some(here) = ends.get(&stream) else {
            continue;
        };
        for sight in &journey.sights {
            let packets = points.get(sight.place.capture).map(|point| &point.packets);
            let Some(seen) = packets.and_then(|packets| packets.get(sight.index)) else {
                continue;
            };
            if matches!(seen.body, Body::Error { .. }) {
                continue;
            }
            let there = if is_back {
                seen.half.reverse()
            } else {
                seen.half
            };
            let place = if is_back {
                sight.place.reverse()
            } else {
                sight.place
            };
            if there != *here {
                let translation = Translation {
                    here: *here,
                    place,
                    there,
                };
                found.entry((stream, place)).or_insert(translation);
            }
        }
    }
    found.into_values().collect()
}

/// The points that saw nothing of ours, and what they saw instead.
fn blanks(points: &[Point], journeys: &[Journey], ends: &BTreeMap<usize, Half>) -> Vec<Blank> {
    let shared: BTreeSet<usize> = journeys
        .iter()
        .filter(|journey| journey.by(0).is_some())
        .flat_map(|journey| journey.sights.iter().map(|sight| sight.place.capture))
        .collect();
    let of = |end: fn(&Half) -> SocketAddr| -> BTreeSet<IpAddr> {
        ends.values().map(|half| end(half).ip()).collect()
    };
    let (clients, servers) = (of(|half| half.source), of(|half| half.destination));
    let asked = ends.values().filter(|half| half.protocol == Protocol::Tcp);
    let ports: BTreeSet<u16> = asked.map(|half| half.destination.port()).collect();
    let ours = points.first().and_then(|point| point.coverage.window);
    let mut blanks = Vec::new();
    for (index, point) in points.iter().enumerate().skip(1) {
        if shared.contains(&index) {
            continue;
        }
        let count = |is: &dyn Fn(&super::seen::Seen) -> bool| {
            point.packets.iter().filter(|seen| is(seen)).count()
        };
        let has = |set: &BTreeSet<IpAddr>, seen: &super::seen::Seen| {
            set.contains(&seen.source) || set.contains(&seen.destination)
        };
        blanks.push(Blank {
            point: index,
            of_client: count(&|seen| has(&clients, seen)),
            of_server: count(&|seen| has(&servers, seen)),
            of_port: count(&|seen| {
                let half = seen.half;
                half.protocol == Protocol::Tcp
                    && (ports.contains(&half.source.port())
                        || ports.contains(&half.destination.port()))
            }),
            overlaps: match (ours, point.coverage.window) {
                (Some((first, last)), Some((begin, end))) => first <= end && begin <= last,
                _ => false,
            },
        });
    }
    blanks
}
