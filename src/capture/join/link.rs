//! Which flows of different points, or of one point before and after a translation, are the same.
//!
//! Packets that carry the same numbers (sequence, acknowledgment, flags, payload; of an echo
//! its number; of an error what it quotes) make their flows one *stream*, where something else agrees as
//! well: 32 bits alone meet by chance in captures of a hundred thousand packets.

use std::collections::BTreeMap;

use super::point::Point;
use super::seen::{Body, Half, Seen};
use super::union::Union;
use crate::wire::icmp::Kind;
use crate::wire::tcp::Flags;

/// What translations leave alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Segment {
        sequence: u32,
        acknowledgment: Option<u32>,
        flags: u8,
        payload: u16,
    },
    Echo {
        is_reply: bool,
        sequence: u16,
        length: u16,
    },
    Error {
        kind: Kind,
        sequence: u32,
    },
}

/// The bits of explicit congestion notification, which routers may clear.
const CONGESTION: u8 = Flags::ECE.with(Flags::CWR).bits();

/// Bits that must agree for packets to be the same by their numbers alone.
const CERTAIN: u32 = 64;
/// Flows of one key that are compared with one another.
const COMPARED: usize = 16;

impl Key {
    pub(super) const fn of(seen: &Seen) -> Self {
        match seen.body {
            Body::Segment {
                sequence,
                acknowledgment,
                flags,
                payload,
                ..
            } => Self::Segment {
                sequence,
                acknowledgment,
                flags: flags.bits() & !CONGESTION,
                payload,
            },
            Body::Echo {
                is_reply,
                sequence,
                length,
                ..
            } => Self::Echo {
                is_reply,
                sequence,
                length,
            },
            Body::Error { kind, quoted } => Self::Error {
                kind,
                sequence: quoted.sequence,
            },
        }
    }

    /// The key in numbers that begin with the connection: for flows whose numbers were rewritten.
    const fn relative(self, sent: u32, received: Option<u32>) -> Self {
        match self {
            Self::Segment {
                sequence,
                acknowledgment,
                flags,
                payload,
            } => Self::Segment {
                sequence: sequence.wrapping_sub(sent),
                acknowledgment: match (acknowledgment, received) {
                    (Some(number), Some(begin)) => Some(number.wrapping_sub(begin)),
                    (Some(_), None) => Some(0),
                    (None, _) => None,
                },
                flags,
                payload,
            },
            other @ (Self::Echo { .. } | Self::Error { .. }) => other,
        }
    }
}

/// How firmly the flows of a stream belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Bond {
    /// By ports, order and time alone: its sequence numbers were rewritten.
    Ports,
    /// By timestamps and ports: its sequence numbers were rewritten.
    Timestamps,
    /// By the numbers of its packets.
    Numbers,
}

/// The flows of all points, as streams.
#[derive(Debug, Default)]
pub(super) struct Streams {
    nodes: BTreeMap<(usize, Half), usize>,
    halves: Vec<(usize, Half)>,
    reverse: Vec<usize>,
    union: Union,
    /// For each point and packet the number of its half.
    of: Vec<Vec<usize>>,
    /// Halves whose numbers were rewritten: where they begin.
    begins: BTreeMap<usize, u32>,
    bonds: BTreeMap<usize, Bond>,
}

impl Streams {
    /// Joins what belongs together by the numbers of its packets.
    pub(super) fn link(points: &[Point]) -> Self {
        let mut streams = Self::default();
        let mut keyed: Vec<(Key, usize, usize)> = Vec::new();
        for (capture, point) in points.iter().enumerate() {
            let mut of = Vec::with_capacity(point.packets.len());
            for (index, seen) in point.packets.iter().enumerate() {
                of.push(streams.node(capture, seen.half));
                keyed.push((Key::of(seen), capture, index));
            }
            streams.of.push(of);
        }
        keyed.sort_unstable();
        for group in keyed.chunk_by(|one, other| one.0 == other.0) {
            if group.len() > 1 {
                streams.link_group(points, group);
            }
        }
        streams.union.flatten();
        streams
    }

    fn node(&mut self, capture: usize, half: Half) -> usize {
        if let Some(node) = self.nodes.get(&(capture, half)) {
            return *node;
        }
        let (node, back) = (self.union.add(), self.union.add());
        for (number, half, other) in [(node, half, back), (back, half.reverse(), node)] {
            self.nodes.insert((capture, half), number);
            self.halves.push((capture, half));
            self.reverse.push(other);
        }
        node
    }

    /// Links the flows of packets with one key.
    fn link_group(&mut self, points: &[Point], group: &[(Key, usize, usize)]) {
        let mut distinct: Vec<(usize, &Seen)> = Vec::new();
        for &(_, capture, index) in group {
            let (Some(node), Some(seen)) =
                (self.node_of(capture, index), seen(points, capture, index))
            else {
                continue;
            };
            if distinct.last().is_some_and(|(last, _)| *last == node) {
                continue;
            }
            let is_common = distinct.len() >= COMPARED;
            let others = distinct.iter().rev().take(COMPARED);
            let partners: Vec<usize> = others
                .filter(|(other, _)| *other != node)
                .filter(|(_, other)| agree(seen, other, is_common))
                .map(|(other, _)| *other)
                .collect();
            for partner in partners {
                self.tie(node, partner);
            }
            distinct.push((node, seen));
        }
    }

    /// Makes two halves, and their reverses, one.
    fn tie(&mut self, one: usize, other: usize) {
        self.union.join(one, other);
        if let (Some(&one), Some(&other)) = (self.reverse.get(one), self.reverse.get(other)) {
            self.union.join(one, other);
        }
    }

    fn node_of(&self, capture: usize, index: usize) -> Option<usize> {
        self.of.get(capture)?.get(index).copied()
    }

    /// The stream of a packet.
    pub(super) fn of(&self, capture: usize, index: usize) -> Option<usize> {
        Some(self.union.root(self.node_of(capture, index)?))
    }

    /// The stream of the answers.
    pub(super) fn reverse(&self, stream: usize) -> usize {
        let back = self.reverse.get(stream).copied();
        back.map_or(stream, |node| self.union.root(node))
    }

    /// The key of a packet among those of its stream.
    pub(super) fn key(&self, capture: usize, index: usize, seen: &Seen) -> Key {
        let key = Key::of(seen);
        let node = self.node_of(capture, index);
        match node.and_then(|node| self.begins.get(&node)) {
            None => key,
            Some(sent) => {
                let back = node.and_then(|node| self.reverse.get(node));
                let received = back.and_then(|node| self.begins.get(node)).copied();
                key.relative(*sent, received)
            }
        }
    }

    /// How firmly the flows of a stream belong together.
    pub(super) fn bond(&self, stream: usize) -> Bond {
        self.bonds.get(&stream).copied().unwrap_or(Bond::Numbers)
    }

    /// Every half with its stream, the first of a stream first.
    pub(super) fn halves(&self) -> impl Iterator<Item = (usize, usize, Half)> {
        let numbered = self.halves.iter().enumerate();
        numbered.map(|(node, (capture, half))| (self.union.root(node), *capture, *half))
    }

    /// For each stream, by its number, whether ours is among the points that know it, and whether
    /// another is. A flow is known with both its directions.
    pub(super) fn known(&self) -> Vec<(bool, bool)> {
        let mut known = vec![(false, false); self.halves.len()];
        for (stream, capture, _) in self.halves() {
            if let Some((ours, others)) = known.get_mut(stream) {
                *ours |= capture == 0;
                *others |= capture != 0;
            }
        }
        known
    }

    /// Makes flows one whose numbers were rewritten between them: their first SYNs begin `begins`.
    pub(super) fn tie_rewritten(
        &mut self,
        pair: [(usize, Half); 2],
        begins: &[((usize, Half), u32)],
        bond: Bond,
    ) {
        let [one, other] = pair.map(|half| self.nodes.get(&half).copied());
        let (Some(one), Some(other)) = (one, other) else {
            return;
        };
        self.tie(one, other);
        self.union.flatten();
        for (half, begin) in begins {
            if let Some(node) = self.nodes.get(half) {
                self.begins.insert(*node, *begin);
            }
        }
        let root = self.union.root(one);
        for stream in [root, self.reverse(root)] {
            self.bonds.insert(stream, bond);
        }
    }
}

/// A packet of a point.
pub(super) fn seen(points: &[Point], capture: usize, index: usize) -> Option<&Seen> {
    points.get(capture)?.packets.get(index)
}

/// Whether two packets with one key are the same but for translations. Where a key `is_common`,
/// nothing but ports and an address that both kept will do.
fn agree(one: &Seen, other: &Seen, is_common: bool) -> bool {
    let (a, b) = (one.half, other.half);
    if a.protocol != b.protocol {
        return false;
    }
    let ports = [
        a.source.port() == b.source.port(),
        a.destination.port() == b.destination.port(),
    ];
    let an_address = a.source.ip() == b.source.ip() || a.destination.ip() == b.destination.ip();
    if is_common {
        return ports == [true, true] && an_address;
    }
    let same_id = one.identification.is_some() && one.identification == other.identification;
    match (one.body, other.body) {
        (
            Body::Segment {
                sequence,
                acknowledgment,
                timestamps,
                ..
            },
            Body::Segment {
                timestamps: others, ..
            },
        ) => {
            let numbers = [
                sequence != 0,
                acknowledgment.is_some_and(|number| number != 0),
                timestamps.is_some() && timestamps == others,
            ];
            let bits =
                32 * u32::try_from(numbers.iter().filter(|told| **told).count()).unwrap_or(0);
            let [source, destination] = ports;
            bits >= CERTAIN || (bits > 0 && (source || same_id || (destination && an_address)))
        }
        (Body::Echo { opening, .. }, Body::Echo { opening: other, .. }) => {
            // A capture of headers alone has none.
            let differs = opening.is_some() && other.is_some() && opening != other;
            !differs && (ports == [true, true] || (an_address && same_id) || opening == other)
        }
        (Body::Error { quoted, .. }, Body::Error { quoted: other, .. }) => {
            let same =
                quoted.identification.is_some() && quoted.identification == other.identification;
            same || ports.contains(&true)
        }
        _ => false,
    }
}
