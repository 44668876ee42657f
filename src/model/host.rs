//! What a host says of itself: its interfaces, the ways that lead from it, its counters and clock.
//!
//! Plain values; who asks the kernel for them is another floor. Whatever a kernel does not have is
//! `None`, never 0.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::evidence::{LocalRefusal, NeighbourState};

/// What the kernel says of the way to an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// This one.
    Open(Route),
    /// None: no route in the table (ENETUNREACH), or one of type `unreachable` (EHOSTUNREACH).
    Unreachable,
    /// A route of type `prohibit` (EACCES).
    Prohibited,
    /// A route of type `blackhole` (EINVAL), which discards in silence.
    Blackhole,
    /// The interface it must leave by is down or gone.
    InterfaceDown,
    /// The kernel does not take the source address for its own, or any other errno.
    Refused(LocalRefusal),
}

impl Way {
    /// The route, where there is one.
    pub const fn route(&self) -> Option<&Route> {
        if let Self::Open(route) = self {
            Some(route)
        } else {
            None
        }
    }

    /// What a probe that takes this way is told; `None` when it may be sent.
    pub const fn refusal(&self) -> Option<LocalRefusal> {
        match self {
            Self::Open(_) => None,
            Self::Unreachable => Some(LocalRefusal::NoRoute),
            Self::Blackhole => Some(LocalRefusal::Blackhole),
            Self::Prohibited => Some(LocalRefusal::Prohibited),
            Self::InterfaceDown => Some(LocalRefusal::InterfaceDown),
            Self::Refused(refusal) => Some(*refusal),
        }
    }
}

/// A route of one flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The source address the kernel writes.
    pub source: IpAddr,
    /// The outgoing interface.
    pub link: Link,
    /// The next hop; `None` when the target is on-link or local.
    pub gateway: Option<IpAddr>,
    /// Whether the target is an address of this host.
    pub local: bool,
    /// Largest datagram: the route's metric (which a path MTU learnt earlier lowers) or, without
    /// one, the interface's. In octets, at most 65 535.
    pub mtu: u16,
    /// Whether the kernel will forget that MTU: it learnt it from an ICMP message.
    pub learnt: bool,
}

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its index.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its MTU in octets; loopback's exceeds 65 535.
    pub mtu: u32,
    /// Whether it is up and has a carrier.
    pub up: bool,
}

/// A network interface of this host, with its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its index.
    pub index: u32,
    /// Its addresses with the lengths of their prefixes.
    pub addresses: Vec<(IpAddr, u8)>,
    /// Whether it is up.
    pub up: bool,
    /// Whether it is a loopback.
    pub loopback: bool,
}

/// How full the connection-tracking table is, in entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conntrack {
    /// Entries now.
    pub count: u64,
    /// Entries at most; beyond, the kernel drops what opens a new one.
    pub max: u64,
}

impl Conntrack {
    /// Entries that still fit.
    pub const fn room(self) -> u64 {
        self.max.saturating_sub(self.count)
    }
}

/// Whether arriving datagrams are discarded by where they come from (RFC 3704).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReversePath {
    /// No check.
    Off,
    /// Discarded unless the route back to the sender leaves by the interface they came in by.
    Strict,
    /// Discarded unless there is any route back to the sender.
    Loose,
}

/// The kernel's running counts of datagrams it discarded on arrival, since boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Discards {
    /// By `rp_filter` (`TcpExt: IPReversePathFilter`).
    pub reverse_path: Option<u64>,
    /// For want of memory and the like (`Ip: InDiscards`).
    pub no_memory: Option<u64>,
    /// Because a CPU's queue of arrivals was full (`/proc/net/softnet_stat`, second column).
    pub backlog: Option<u64>,
}

/// How far the kernel trusts its wall clock (adjtimex(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockState {
    /// Whether something synchronises it.
    pub synchronised: bool,
    /// The most it is off, in microseconds.
    pub greatest_error: u64,
}

/// How many packets the rules of the host's firewall have stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FirewallCounts {
    /// The rules that stop packets and count them, as these tools list them.
    Rules(Vec<&'static str>, BTreeMap<StoppingRule, u64>),
    /// Only root may list the rules.
    NotPermitted,
    /// The host has no tool that lists them, or none that could.
    NoTool,
}

/// A rule that stops packets, by its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoppingRule {
    /// Family, table and chain.
    pub chain: String,
    /// Its number in the chain, from 1; `None` for the chain's policy.
    pub number: Option<u32>,
    /// `drop` or `reject`.
    pub action: &'static str,
}

/// What the host says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examination {
    /// Whether the process holds CAP_NET_RAW.
    pub net_raw: bool,
    /// Why a packet socket cannot be opened; `None` when it can.
    pub packet_socket: Option<String>,
    /// Octets of receive buffer a packet socket is granted; `None` when it cannot be opened.
    pub receive_buffer: Option<usize>,
    /// The limit on receive buffers for the unprivileged, in octets.
    pub receive_limit: Option<u64>,
    /// The interfaces.
    pub interfaces: Vec<Interface>,
    /// The connection-tracking table; `None` when it is not in use.
    pub conntrack: Option<Conntrack>,
    /// What the kernel discarded on arrival since boot.
    pub discards: Discards,
    /// How the wall clock is kept, which stamps captures; `None` when the kernel does not say.
    pub clock: Option<ClockState>,
}

/// The way to one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approach {
    /// The target.
    pub address: IpAddr,
    /// The kernel's way to it.
    pub way: Way,
    /// The addresses of this host that could be the source, each with its interface.
    pub sources: Vec<(IpAddr, String)>,
    /// The neighbour entry of the next hop; `None` without an entry, a route, or the need of one.
    pub neighbour: Option<NeighbourState>,
    /// The way of a TCP connection to the endpoint's port, where it is another one than the probes':
    /// policy rules may look at the port.
    pub connection: Option<Way>,
    /// The check of where answers come from; `None` for IPv6.
    pub arrival: Option<Arrival>,
}

/// How answers are checked by where they come from (RFC 3704).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The interface they are expected by: the one that has the source address, which the other
    /// hosts of its subnet know; without one, the one that the probes leave by.
    pub interface: String,
    /// Its check.
    pub mode: ReversePath,
    /// The interface by which the routes lead to the target, where it is another one: a strict check
    /// looks there.
    pub routed_by: Option<String>,
}
