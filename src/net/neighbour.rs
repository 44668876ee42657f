//! What the kernel's neighbour table (ARP, neighbour discovery) says of an address.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "the netlink crates' enums are non-exhaustive"
)]

use std::net::IpAddr;

use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState as Nud,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::failure::{Failure, Question};
use super::netlink::{Answer, Netlink};
use crate::model::evidence::NeighbourState;

impl Netlink {
    /// The state of the entry for `address` on the interface of index `interface`; `None` when
    /// there is no entry, or on a kernel before 5.0, which cannot be asked for a single one.
    ///
    /// # Errors
    ///
    /// [`Failure::Netlink`] when the kernel cannot be asked.
    pub fn neighbour(
        &mut self,
        address: IpAddr,
        interface: u32,
    ) -> Result<Option<NeighbourState>, Failure> {
        let (family, destination) = match address {
            IpAddr::V4(address) => (AddressFamily::Inet, NeighbourAddress::Inet(address)),
            IpAddr::V6(address) => (AddressFamily::Inet6, NeighbourAddress::Inet6(address)),
        };
        let mut message = NeighbourMessage::default();
        message.header.family = family;
        message.header.ifindex = interface;
        let wanted = NeighbourAttribute::Destination(destination);
        message.attributes.push(wanted);
        let question = Question::Neighbour(address);
        let answer = self.ask(&question, RouteNetlinkMessage::GetNeighbour(message))?;
        Ok(match answer {
            Answer::Found(RouteNetlinkMessage::NewNeighbour(entry)) => state(entry.header.state),
            Answer::Found(_) | Answer::Refused(_) => None,
        })
    }
}

const fn state(nud: Nud) -> Option<NeighbourState> {
    match nud {
        Nud::Reachable | Nud::Stale | Nud::Delay | Nud::Probe | Nud::Permanent | Nud::Noarp => {
            Some(NeighbourState::Resolved)
        }
        Nud::Incomplete => Some(NeighbourState::Incomplete),
        Nud::Failed => Some(NeighbourState::Failed),
        _ => None,
    }
}
