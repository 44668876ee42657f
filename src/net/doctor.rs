//! What this host can and cannot do, gathered for a report; sends nothing.
//!
//! The module only asks: which of the answers is a problem is for the report to say.

use std::net::IpAddr;

use super::failure::Failure;
use super::host::{self, Conntrack, Discards, Interface, ReversePath};
use super::netlink::Netlink;
use super::ports::Reservation;
use super::route::{Flow, Route, Way};
use super::surroundings::{self, ClockState};
use super::survey::{Preference, Standpoint};
use super::{filter::Ports, privilege, tap};
use crate::model::endpoint::Endpoint;
use crate::model::evidence::NeighbourState;

/// What the host says of itself and, where one was named, of the way to a target.
#[derive(Debug)]
pub struct Examination {
    /// Whether the process holds CAP_NET_RAW.
    pub net_raw: bool,
    /// Why a packet socket cannot be opened; `None` when it can.
    pub packet_socket: Option<Failure>,
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
    /// The way to the target; `None` when none was named.
    pub target: Option<Approach>,
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

/// Examines this host and, where one is named, the way to an endpoint.
///
/// # Errors
///
/// When the kernel's tables cannot be asked, the preferred interface does not exist, or the preferred
/// source is no address of this host.
pub fn examine(target: Option<&Endpoint>, preference: &Preference) -> Result<Examination, Failure> {
    let tap = tap::open(&Ports::Listed(Vec::new()));
    let (packet_socket, receive_buffer) = match tap {
        Ok(tap) => (None, tap.buffer()),
        Err(failure) => (Some(failure), None),
    };
    Ok(Examination {
        net_raw: privilege::has_net_raw(),
        packet_socket,
        receive_buffer,
        receive_limit: host::receive_limit(),
        interfaces: host::interfaces(),
        conntrack: host::conntrack(),
        discards: host::discards(),
        clock: surroundings::clock(),
        target: target
            .map(|target| approach(target, preference))
            .transpose()?,
    })
}

/// Asks for the way to an endpoint.
///
/// # Errors
///
/// As [`examine`].
pub fn approach(target: &Endpoint, preference: &Preference) -> Result<Approach, Failure> {
    let mut netlink = Netlink::open()?;
    let standpoint = Standpoint::survey(&mut netlink, target, preference)?;
    if let Err(foreign @ Failure::ForeignSource { .. }) =
        Reservation::hold(&standpoint.origin, 1, 0, 0)
    {
        return Err(foreign);
    }
    let mut approach = Approach {
        address: target.address,
        way: standpoint.way.clone(),
        sources: sources(target.address),
        neighbour: None,
        connection: None,
        arrival: None,
    };
    approach.connection = standpoint.connection(&mut netlink, target, preference)?;
    if let Some(route) = standpoint.route().filter(|route| !route.local) {
        let next_hop = route.gateway.unwrap_or(target.address);
        approach.neighbour = netlink.neighbour(next_hop, route.link.index)?;
        if target.address.is_ipv4() {
            approach.arrival = arrival(&mut netlink, target.address, route)?;
        }
    }
    Ok(approach)
}

/// How the kernel will check the answers of `target` to what takes `route`.
fn arrival(
    netlink: &mut Netlink,
    target: IpAddr,
    route: &Route,
) -> Result<Option<Arrival>, Failure> {
    let holds = |interface: &Interface| {
        let mut addresses = interface.addresses.iter();
        addresses.any(|(address, _)| *address == route.source) && !interface.loopback
    };
    let holder = host::interfaces().into_iter().find(holds);
    let interface = holder.map_or_else(|| route.link.name.clone(), |holder| holder.name);
    let back = netlink.way(&Flow {
        destination: target,
        source: Some(route.source),
        interface: None,
        mark: None,
        port: None,
    })?;
    let routed_by = back.route().map(|back| back.link.name.clone());
    Ok(host::reverse_path(&interface).map(|mode| Arrival {
        routed_by: routed_by.filter(|name| *name != interface),
        interface,
        mode,
    }))
}

/// The addresses of interfaces that are up which may speak to `target`: of its family, and no
/// link-local one unless it is.
fn sources(target: IpAddr) -> Vec<(IpAddr, String)> {
    let confined = |address: &IpAddr| match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    let interfaces = host::interfaces().into_iter();
    let usable = interfaces.filter(|interface| interface.up && !interface.loopback);
    usable
        .flat_map(|interface| {
            let name = interface.name;
            let named = move |(address, _)| (address, name.clone());
            interface.addresses.into_iter().map(named)
        })
        .filter(|(address, _)| {
            address.is_ipv4() == target.is_ipv4() && confined(address) == confined(&target)
        })
        .collect()
}
