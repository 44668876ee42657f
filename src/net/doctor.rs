//! What this host can and cannot do, gathered for a report; sends nothing.
//!
//! The module only asks: which of the answers is a problem is for the report to say.

use std::net::IpAddr;

use super::failure::Failure;
use super::host;
use super::netlink::Netlink;
use super::ports::Reservation;
use super::route::Flow;
use super::surroundings;
use super::survey::{Preference, Standpoint};
use super::{filter::Ports, privilege, tap};
use crate::model::endpoint::Endpoint;
use crate::model::host::{Approach, Arrival, Examination, Interface, Route};

/// Examines this host.
pub fn examine() -> Examination {
    let tap = tap::open(&Ports::Listed(Vec::new()));
    let (packet_socket, receive_buffer) = match tap {
        Ok(tap) => (None, tap.buffer()),
        Err(failure) => (Some(failure.to_string()), None),
    };
    Examination {
        net_raw: privilege::has_net_raw(),
        packet_socket,
        receive_buffer,
        receive_limit: host::receive_limit(),
        interfaces: host::interfaces(),
        conntrack: host::conntrack(),
        discards: host::discards(),
        clock: surroundings::clock(),
    }
}

/// Asks for the way to an endpoint.
///
/// # Errors
///
/// When the kernel's tables cannot be asked, the preferred interface does not exist, or the preferred
/// source is no address of this host.
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
