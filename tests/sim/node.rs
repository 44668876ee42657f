//! A node: what one device is and remembers.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::conntrack::Conntrack;
use super::datagram::Datagram;
use super::filter::Filter;
use super::icmp::Limiter;
use super::link::LossProcess;
use super::neighbour::Resolution;
use super::reassembly::HeldKey;
use super::tcp::Tcp;
use crate::scenario::{Ports, RouteKind};

/// The index of a node.
pub type NodeId = usize;

/// What a node does with packets that are not its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Discards them.
    Host,
    /// Forwards them.
    Router,
    /// Passes them on unseen, but for its filters.
    Bridge,
}

/// One device.
#[derive(Debug)]
pub struct Node {
    /// Its name in the scenario.
    pub name: String,
    /// What it does.
    pub kind: Kind,
    /// Hops from the prober, which is 0.
    pub place: usize,
    /// Address that faces the prober.
    pub near: IpAddr,
    /// Address that faces the target; the same for hosts.
    pub far: IpAddr,
    /// Packet filter.
    pub filter: Filter,
    /// Connection tracking (and so defragmentation), where it is on.
    pub conntrack: Option<Conntrack>,
    /// Chance losses of what it forwards.
    pub losses: Vec<LossProcess>,
    /// Whether it zeroes the DSCP of what it forwards.
    pub bleaches: bool,
    /// Whether it never sends ICMP errors.
    pub is_silent: bool,
    /// Whether it tells that a packet is too big.
    pub tells_too_big: bool,
    /// Whether it masquerades what goes to the target's side.
    pub snat: bool,
    /// Whether it translates its own near address to the target's, database port only.
    pub dnat: bool,
    /// Whether it leaves what comes back untranslated.
    pub one_way: bool,
    /// Whether it rewrites what the database port sends and leaves the checksum as it was.
    pub mangles: bool,
    /// Ports it answers SYNs to on the target's behalf.
    pub syn_proxy: Option<Ports>,
    /// Its route to the target (the target's: to the prober), where it is not an ordinary one.
    pub route: Option<RouteKind>,
    /// First fragments that wait for the rest.
    pub held: BTreeMap<HeldKey, Datagram>,
    /// Neighbours that do not answer.
    pub resolving: BTreeMap<NodeId, Resolution>,
    /// Rate limit of ICMP errors.
    pub limiter: Limiter,
    /// TTL its own datagrams leave with.
    pub ttl: u8,
    /// TCP.
    pub tcp: Tcp,
    /// Seed of its hashes.
    pub seed: u64,
}

impl Node {
    /// Whether `address` is its own.
    pub fn owns(&self, address: IpAddr) -> bool {
        self.kind != Kind::Bridge && (self.near == address || self.far == address)
    }
}
