//! The network: nodes on a chain, the events between them, and the prober's two receivers.
//!
//! What each device does with a packet stands in the file named for it; all are `impl Network`
//! because a device's answer goes out into the same network.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use fastrand::Rng;
use synquest::engine::Heard;
use synquest::model::endpoint::Family;
use synquest::model::evidence::ReceivedBy;
use synquest::model::time::Moment;

use super::clock::Queue;
use super::conntrack::{State, Tracked};
use super::datagram::Datagram;
use super::ecmp;
use super::filter::{Hook, Subject, Verdict};
use super::link::Link;
use super::node::{Node, NodeId};
use super::prober::ReversePath;
use super::reassembly::HeldKey;
use super::tcp::Timer;
use crate::scenario::Direction;

/// The prober is always the first node.
pub const PROBER: NodeId = 0;

/// Something that happens at a time.
#[derive(Debug)]
pub enum Event {
    /// A datagram reaches a node's interface.
    Arrive {
        /// The node.
        node: NodeId,
        /// The neighbour it came from; the node itself on loopback.
        from: NodeId,
        /// The datagram.
        datagram: Datagram,
    },
    /// A datagram reaches the bridge.
    Cross {
        /// The neighbour it came from.
        from: NodeId,
        /// The neighbour it goes to.
        to: NodeId,
        /// The datagram.
        datagram: Datagram,
    },
    /// A reassembly timer runs out.
    ReassemblyEnds(NodeId, HeldKey),
    /// A neighbour has not answered three requests.
    ResolutionEnds {
        /// Who asked.
        node: NodeId,
        /// For whom.
        next: NodeId,
    },
    /// A SYN-ACK was not acknowledged in time.
    SynAckTimer(NodeId, Timer),
}

/// A datagram the prober's receivers heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// When.
    pub at: Moment,
    /// How.
    pub heard: Heard,
    /// From the IP header on.
    pub bytes: Vec<u8>,
}

/// A virtual network.
#[derive(Debug)]
pub struct Network {
    /// The IP version it speaks.
    pub family: Family,
    /// The address the prober probes.
    pub probed: IpAddr,
    /// The address of the target host itself.
    pub target: IpAddr,
    /// Whether the prober probes itself.
    pub loopback: bool,
    /// Which answers the prober's reverse-path filter discards.
    pub reverse_path: ReversePath,
    /// The nodes; the prober is the first.
    pub nodes: Vec<Node>,
    /// Nodes by distance from the prober.
    pub tiers: Vec<Vec<NodeId>>,
    /// The bridge before the target.
    pub bridge: Option<NodeId>,
    /// Nodes that are not there.
    pub down: BTreeSet<NodeId>,
    /// Links by their ends, one a direction.
    pub links: BTreeMap<(NodeId, NodeId), Link>,
    /// How many packets each rule of the scenario decided about.
    pub moved: Vec<u64>,
    /// Whether to print every packet.
    pub verbose: bool,
    /// Events to come.
    pub queue: Queue<Event>,
    /// Chance.
    pub rng: Rng,
    /// What the prober heard and nobody took yet.
    pub frames: VecDeque<Frame>,
}

impl Network {
    /// The time.
    pub fn now(&self) -> Moment {
        self.queue.now()
    }

    /// Lets the next event happen, unless it lies after `limit`; whether one did.
    pub fn step(&mut self, limit: Moment) -> bool {
        if self.queue.next_at().is_none_or(|at| at > limit) {
            return false;
        }
        match self.queue.take() {
            Some(Event::Arrive {
                node,
                from,
                datagram,
            }) => self.arrive(node, from, datagram),
            Some(Event::Cross { from, to, datagram }) => self.cross(from, to, datagram),
            Some(Event::ReassemblyEnds(node, key)) => self.reassembly_ends(node, &key),
            Some(Event::ResolutionEnds { node, next }) => self.resolution_ends(node, next),
            Some(Event::SynAckTimer(node, timer)) => self.syn_ack_again(node, timer),
            None => return false,
        }
        true
    }

    /// The node that has `address`.
    pub fn owner(&self, address: IpAddr) -> Option<NodeId> {
        self.nodes.iter().position(|node| node.owns(address))
    }

    /// Which way a datagram goes for a rule, by the target's address; `None` for what is neither
    /// to nor from the target, [`Direction::Both`] on loopback.
    pub fn direction(&self, datagram: &Datagram) -> Option<Direction> {
        let is_target = |address| address == self.target || address == self.probed;
        match (is_target(datagram.source), is_target(datagram.destination)) {
            (true, true) => Some(Direction::Both),
            (true, false) => Some(Direction::Return),
            (false, true) => Some(Direction::Forward),
            (false, false) => None,
        }
    }

    /// Which way a datagram travels, by the places of its addresses; `None` on loopback.
    pub fn way(&self, datagram: &Datagram) -> Option<Direction> {
        let place = |address| self.owner(address).map(|node| self.nodes[node].place);
        match (place(datagram.source)?, place(datagram.destination)?) {
            (from, to) if from < to => Some(Direction::Forward),
            (from, to) if from > to => Some(Direction::Return),
            _ => None,
        }
    }

    /// The neighbour `node` sends `datagram` to; `None` without a route.
    pub fn next_hop(&self, node: NodeId, datagram: &Datagram) -> Option<NodeId> {
        let owner = self.owner(datagram.destination)?;
        let (here, there) = (self.nodes[node].place, self.nodes[owner].place);
        let tier = match there.cmp(&here) {
            std::cmp::Ordering::Greater => here + 1,
            std::cmp::Ordering::Less => here - 1,
            std::cmp::Ordering::Equal => return None,
        };
        if tier == there {
            return Some(owner);
        }
        let ways = &self.tiers[tier];
        Some(ways[ecmp::choose(self.nodes[node].seed, datagram, ways.len())])
    }

    /// The address of `node` that faces `address`.
    pub fn facing(&self, node: NodeId, address: IpAddr) -> IpAddr {
        let here = &self.nodes[node];
        match self.owner(address) {
            Some(owner) if self.nodes[owner].place > here.place => here.far,
            _ => here.near,
        }
    }

    /// Connection tracking's word on a packet at `node`.
    pub fn track(&mut self, node: NodeId, datagram: &Datagram) -> Tracked {
        let now = self.now();
        match &mut self.nodes[node].conntrack {
            Some(conntrack) => conntrack.track(datagram, now),
            None => Tracked::NONE,
        }
    }

    /// Keeps the connection of a packet that got through `node`.
    pub fn confirm(&mut self, node: NodeId, tracked: &Tracked) {
        if let Some(conntrack) = &mut self.nodes[node].conntrack {
            conntrack.confirm(tracked);
        }
    }

    /// Runs a packet through the rules of one hook.
    pub fn filter(
        &mut self,
        node: NodeId,
        hook: Hook,
        datagram: &Datagram,
        state: State,
    ) -> Verdict {
        if self.nodes[node].filter.is_empty() {
            return Verdict::Accept;
        }
        let subject = Subject {
            datagram,
            direction: self.direction(datagram),
            state,
            now: self.now(),
        };
        let filter = &mut self.nodes[node].filter;
        let (verdict, copied) = filter.run(hook, &subject, &mut self.moved);
        if copied {
            self.send_copy(node, hook, datagram);
        }
        if verdict != Verdict::Accept {
            self.note(node, &format!("{hook:?} {verdict:?}"), datagram);
        }
        verdict
    }

    /// Whether chance takes a datagram that `node` passes on.
    pub fn loses(&mut self, node: NodeId, datagram: &Datagram) -> bool {
        if self.nodes[node].losses.is_empty() {
            return false;
        }
        let Some(way) = self.way(datagram) else {
            return false;
        };
        let now = self.now();
        let rng = &mut self.rng;
        let lost = self.nodes[node]
            .losses
            .iter_mut()
            .fold(false, |lost, process| process.loses(way, now, rng) | lost);
        if lost {
            self.note(node, "loses", datagram);
        }
        lost
    }

    /// Hands a datagram to the link toward `next`, once `next` is resolved.
    pub fn transmit(&mut self, node: NodeId, next: NodeId, datagram: Datagram) {
        if self.down.contains(&next) {
            self.await_neighbour(node, next, datagram);
            return;
        }
        if node == PROBER {
            self.hear(Heard::Departing, &datagram);
        }
        let link = self.links[&(node, next)];
        if datagram.length() > usize::from(link.carries) {
            self.note(node, "sends what the link does not carry", &datagram);
            return;
        }
        self.note(node, "sends", &datagram);
        let copies = 1 + u8::from(link.twice > 0.0 && self.rng.f64() < link.twice);
        for _ in 0..copies {
            self.carry(node, next, link, datagram.clone());
        }
    }

    fn carry(&mut self, node: NodeId, next: NodeId, link: Link, datagram: Datagram) {
        let mut delay = link.delay(&mut self.rng);
        let is_bridged = self.bridge.is_some()
            && self.nodes[node].place.max(self.nodes[next].place) + 1 == self.tiers.len();
        let event = if is_bridged {
            delay /= 2;
            Event::Cross {
                from: node,
                to: next,
                datagram,
            }
        } else {
            Event::Arrive {
                node: next,
                from: node,
                datagram,
            }
        };
        self.queue.put(delay, event);
    }

    /// Puts a datagram a node sends to itself on its loopback interface.
    pub fn loop_back(&mut self, node: NodeId, datagram: Datagram) {
        if node == PROBER {
            self.hear(Heard::Departing, &datagram);
        }
        self.note(node, "loops", &datagram);
        let delay = Duration::from_nanos(self.rng.u64(3_000..15_000));
        self.queue.put(
            delay,
            Event::Arrive {
                node,
                from: node,
                datagram,
            },
        );
    }

    /// Lets the prober's receivers hear a datagram.
    ///
    /// The two receivers are two sockets: the later one is sometimes read first.
    pub fn hear(&mut self, heard: Heard, datagram: &Datagram) {
        let frame = Frame {
            at: self.now(),
            heard,
            bytes: datagram.bytes(),
        };
        let overtakes = heard == Heard::Arriving(ReceivedBy::Stack)
            && self.frames.back().is_some_and(|last| {
                last.heard == Heard::Arriving(ReceivedBy::Tap)
                    && last.at == frame.at
                    && last.bytes == frame.bytes
            })
            && self.rng.u8(..) < 32;
        if overtakes {
            self.frames.insert(self.frames.len() - 1, frame);
        } else {
            self.frames.push_back(frame);
        }
    }

    /// Prints what happens to a packet, where asked to.
    pub fn note(&self, node: NodeId, what: &str, datagram: &Datagram) {
        if self.verbose {
            let time = self.now().nanos() as f64 / 1e9;
            eprintln!(
                "{time:13.6} {:>7} {what}: {datagram}",
                self.nodes[node].name
            );
        }
    }
}
