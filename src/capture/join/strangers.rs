//! What points show that matches none of ours.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use super::journey::Way;
use super::link::Streams;
use super::path::Place;
use super::point::Point;
use super::seen::{Half, Protocol};
use super::sign::{Category, category};

/// What of a packet a client does not choose anew for each flow.
pub(super) type Alike = (Protocol, IpAddr, SocketAddr, bool);

pub(super) const fn alike(half: Half, is_syn: bool) -> Alike {
    (half.protocol, half.source.ip(), half.destination, is_syn)
}

/// The packets of all points that match none of ours, by where and what they are.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    counts: BTreeMap<(Place, Alike), usize>,
    /// The TCP ports of which a point shows any packet, matched or not.
    ports: BTreeSet<(usize, u16)>,
}

impl Strangers {
    /// Those outside the streams that are followed.
    pub(super) fn of(points: &[Point], streams: &Streams, wanted: &BTreeMap<usize, Way>) -> Self {
        let mut counts = BTreeMap::new();
        let mut ports = BTreeSet::new();
        for (capture, point) in points.iter().enumerate() {
            for (index, seen) in point.packets.iter().enumerate() {
                // Programs that take packets out of a file may know fragments by no port.
                if seen.half.protocol == Protocol::Tcp && !seen.is_fragment {
                    ports.insert((capture, seen.half.source.port()));
                    ports.insert((capture, seen.half.destination.port()));
                }
                let stream = streams.of(capture, index);
                if stream.is_some_and(|stream| wanted.contains_key(&stream)) {
                    continue;
                }
                let is_syn = matches!(category(seen), Category::Syn | Category::Answer);
                let key = (Place::of(capture, seen), alike(seen.half, is_syn));
                *counts.entry(key).or_default() += 1;
            }
        }
        Self { counts, ports }
    }

    /// How many at a place.
    pub(super) fn count(&self, place: Place, alike: Alike) -> usize {
        self.counts.get(&(place, alike)).copied().unwrap_or(0)
    }

    /// Whether a point shows any packet of a TCP port.
    pub(super) fn shows(&self, capture: usize, port: u16) -> bool {
        self.ports.contains(&(capture, port))
    }
}
