//! The ways to very many endpoints, surveyed once for each block of addresses that no table of this
//! host tells apart.
//!
//! Asking the kernel for every address would take longer than to probe them all. A block is a /24, or
//! a /64 of IPv6; where a route or a policy rule is for less than that (a host route over a VPN, this
//! host's own addresses), each address of the block is asked for by itself, and so are all where the
//! tables cannot be read.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "the netlink crates' enums are non-exhaustive"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage};
use netlink_packet_route::rule::{RuleAttribute, RuleMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::super::netlink::Netlink;
use super::super::survey::{Preference, Standpoint};
use crate::model::endpoint::Endpoint;
use crate::model::evidence::LocalRefusal;

/// A standpoint that endpoints share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SharedStandpoint {
    pub(super) standpoint: Standpoint,
    /// What datagrams from it are told; `None` where they are sent.
    pub(super) refusal: Option<LocalRefusal>,
}

/// The surveys made so far.
#[derive(Debug)]
pub(super) struct RouteCache {
    netlink: Netlink,
    preference: Preference,
    /// Blocks whose addresses differ; `None` where that is not known.
    divided: Option<BTreeSet<IpAddr>>,
    blocks: BTreeMap<IpAddr, u32>,
    standpoints: Vec<SharedStandpoint>,
}

impl RouteCache {
    pub(super) fn new(mut netlink: Netlink, preference: Preference) -> Self {
        Self {
            divided: divided(&mut netlink),
            netlink,
            preference,
            blocks: BTreeMap::new(),
            standpoints: Vec::new(),
        }
    }

    /// Where the endpoint is probed from: a place among the standpoints.
    pub(super) fn place(&mut self, endpoint: &Endpoint) -> u32 {
        let block = block(endpoint.address);
        // A zone may name another interface for each endpoint.
        let zoned = endpoint.given.contains('%');
        let divided = self.divided.as_ref().is_none_or(|all| all.contains(&block));
        if zoned || divided {
            return self.survey(endpoint);
        }
        if let Some(known) = self.blocks.get(&block) {
            return *known;
        }
        let place = self.survey(endpoint);
        self.blocks.insert(block, place);
        place
    }

    fn survey(&mut self, endpoint: &Endpoint) -> u32 {
        let standpoint = Standpoint::survey(&mut self.netlink, endpoint, &self.preference)
            .unwrap_or_else(|_| {
                let refusal = LocalRefusal::NoRoute;
                Standpoint::nowhere(endpoint, &self.preference, refusal)
            });
        let shared = SharedStandpoint {
            refusal: standpoint.way.refusal(),
            standpoint,
        };
        let known = self.standpoints.iter().position(|known| *known == shared);
        let place = known.unwrap_or_else(|| {
            self.standpoints.push(shared);
            self.standpoints.len() - 1
        });
        u32::try_from(place).unwrap_or(u32::MAX)
    }

    /// Every standpoint, as [`RouteCache::place`] numbers them.
    pub(super) fn standpoints(&self) -> &[SharedStandpoint] {
        &self.standpoints
    }
}

const BLOCK_V4: u8 = 24;
const BLOCK_V6: u8 = 64;

/// The block an address belongs to, by its first address.
fn block(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX << (32 - u32::from(BLOCK_V4));
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX << (128 - u32::from(BLOCK_V6));
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

/// The blocks that routes and rules divide; `None` where the kernel does not tell.
fn divided(netlink: &mut Netlink) -> Option<BTreeSet<IpAddr>> {
    let mut divided = BTreeSet::new();
    for family in [AddressFamily::Inet, AddressFamily::Inet6] {
        let mut routes = RouteMessage::default();
        routes.header.address_family = family;
        let mut rules = RuleMessage::default();
        rules.header.family = family;
        for question in [
            RouteNetlinkMessage::GetRoute(routes),
            RouteNetlinkMessage::GetRule(rules),
        ] {
            netlink
                .list(question, &mut |entry| divided.extend(part(&entry)))
                .ok()?;
        }
    }
    Some(divided)
}

/// The block of which a route or rule is for a part only.
fn part(entry: &RouteNetlinkMessage) -> Option<IpAddr> {
    let (length, address) = match entry {
        RouteNetlinkMessage::NewRoute(route) => {
            let address = route
                .attributes
                .iter()
                .find_map(|attribute| match attribute {
                    RouteAttribute::Destination(RouteAddress::Inet(address)) => {
                        Some(IpAddr::V4(*address))
                    }
                    RouteAttribute::Destination(RouteAddress::Inet6(address)) => {
                        Some(IpAddr::V6(*address))
                    }
                    _ => None,
                });
            (route.header.destination_prefix_length, address?)
        }
        RouteNetlinkMessage::NewRule(rule) => {
            let address = rule
                .attributes
                .iter()
                .find_map(|attribute| match attribute {
                    RuleAttribute::Destination(address) => Some(*address),
                    _ => None,
                });
            (rule.header.dst_len, address?)
        }
        _ => return None,
    };
    let whole = match address {
        IpAddr::V4(_) => BLOCK_V4,
        IpAddr::V6(_) => BLOCK_V6,
    };
    (length > whole).then(|| block(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(address: &str) -> Endpoint {
        Endpoint {
            given: address.to_owned(),
            address: address.parse().unwrap(),
            port: 3306,
            label: None,
        }
    }

    #[test]
    fn blocks_are_of_24_and_64_bits() {
        assert_eq!(block([10, 1, 2, 3].into()), IpAddr::from([10, 1, 2, 0]));
        let address: IpAddr = "fd09:0:0:3:4::5".parse().unwrap();
        assert_eq!(block(address), "fd09:0:0:3::".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn addresses_of_this_host_are_surveyed_each_by_itself() {
        let mut route_cache = RouteCache::new(Netlink::open().unwrap(), Preference::default());
        let divided = route_cache.divided.clone().unwrap();
        // 127.0.0.1/32 stands in the local table, ::1/128 as well.
        assert!(divided.contains(&IpAddr::from([127, 0, 0, 0])));
        let [own, other] = ["127.0.0.1", "127.9.9.9"].map(|address| {
            let place = route_cache.place(&endpoint(address));
            route_cache
                .standpoints()
                .get(place as usize)
                .cloned()
                .unwrap()
        });
        assert_eq!(own.refusal, None);
        assert_eq!(other.refusal, None);
        assert!(
            !route_cache
                .blocks
                .contains_key(&IpAddr::from([127, 0, 0, 0]))
        );
        assert!(
            route_cache
                .blocks
                .contains_key(&IpAddr::from([127, 9, 9, 0]))
        );
    }
}
