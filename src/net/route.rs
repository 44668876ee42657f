//! Asks the kernel for the route of one flow: never worked out from tables here, because policy
//! rules, marks and several default routes make that guesswork.
//!
//! That there is no route is an answer, not an error: it becomes the verdict `no-route`, local.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "the netlink crates' enums are non-exhaustive"
)]

use std::net::IpAddr;

use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteMetric, RouteType, RouteVia,
};
use netlink_packet_route::rule::{RuleAttribute, RuleMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::failure::{Failure, Question};
use super::netlink::{Answer, Netlink};
use crate::model::endpoint::Family;
use crate::model::evidence::LocalRefusal;
pub use crate::model::host::{Link, Route, Way};

/// TCP's number as a protocol of IP.
const TCP: u8 = 6;

/// The flow a route is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow<'a> {
    /// Where it goes.
    pub destination: IpAddr,
    /// Its source address, where the user chose one.
    pub source: Option<IpAddr>,
    /// The interface it must leave by.
    pub interface: Option<&'a Link>,
    /// Its firewall mark.
    pub mark: Option<u32>,
    /// The port of a TCP connection, which policy rules may look at. Of what raw sockets send the
    /// kernel sees none.
    pub port: Option<u16>,
}

impl Netlink {
    /// The way of a flow.
    ///
    /// # Errors
    ///
    /// [`Failure::Netlink`] when the kernel cannot be asked.
    pub fn way(&mut self, flow: &Flow<'_>) -> Result<Way, Failure> {
        if flow.interface.is_some_and(|link| !link.up) {
            return Ok(Way::InterfaceDown);
        }
        let first = self.lookup(flow)?;
        let (Way::Open(route), None) = (&first, flow.source) else {
            return Ok(first);
        };
        // As connect() does (ip_route_connect): once to learn the source, once with it, because a
        // policy rule may send that source another way.
        self.lookup(&Flow {
            source: Some(route.source),
            ..*flow
        })
    }

    /// Whether a policy rule of a family looks at the protocol or the ports of what it routes. False
    /// when the kernel cannot be asked.
    pub(super) fn routes_by_port(&mut self, family: Family) -> bool {
        let mut rules = RuleMessage::default();
        rules.header.family = match family {
            Family::V4 => AddressFamily::Inet,
            Family::V6 => AddressFamily::Inet6,
        };
        let mut found = false;
        let listed = self.list(RouteNetlinkMessage::GetRule(rules), &mut |rule| {
            if let RouteNetlinkMessage::NewRule(rule) = rule {
                found |= rule.attributes.iter().any(|attribute| {
                    matches!(
                        attribute,
                        RuleAttribute::IpProtocol(_)
                            | RuleAttribute::DestinationPortRange(_)
                            | RuleAttribute::SourcePortRange(_)
                    )
                });
            }
        });
        listed.is_ok() && found
    }

    /// Whether an address is one of this host's (for a link-local one: on the interface of index
    /// `scope`). True when the kernel cannot be asked.
    pub(super) fn is_ours(&mut self, address: IpAddr, scope: u32) -> bool {
        let link = match scope {
            0 => None,
            index => self.link(index).ok().flatten(),
        };
        let way = self.lookup(&Flow {
            destination: address,
            source: None,
            interface: link.as_ref(),
            mark: None,
            port: None,
        });
        way.map_or(true, |way| way.route().is_some_and(|route| route.local))
    }

    fn lookup(&mut self, flow: &Flow<'_>) -> Result<Way, Failure> {
        let question = Question::Route(flow.destination);
        let message = RouteNetlinkMessage::GetRoute(request(flow));
        let route = match self.ask(&question, message)? {
            Answer::Found(RouteNetlinkMessage::NewRoute(route)) => route,
            Answer::Found(_) => return Ok(Way::Refused(LocalRefusal::Other(libc::EPROTO))),
            Answer::Refused(errno) => return Ok(obstacle(errno)),
        };
        // IPv6 may also answer with a route that only says how there is none.
        match route.header.kind {
            RouteType::Unreachable => return Ok(Way::Unreachable),
            RouteType::Prohibit => return Ok(Way::Prohibited),
            RouteType::BlackHole => return Ok(Way::Blackhole),
            _ => {}
        }
        let Some(index) = outgoing(&route) else {
            return Ok(Way::Unreachable);
        };
        let Some(link) = self.link(index)? else {
            return Ok(Way::InterfaceDown);
        };
        // Over a link without a carrier the kernel goes on sending, and nothing leaves.
        if !link.up {
            return Ok(Way::InterfaceDown);
        }
        let mtu = metric(&route).unwrap_or(link.mtu).min(link.mtu);
        Ok(Way::Open(Route {
            source: source(&route)
                .or(flow.source)
                .unwrap_or(match flow.destination {
                    IpAddr::V4(_) => IpAddr::from([0_u8; 4]),
                    IpAddr::V6(_) => IpAddr::from([0_u8; 16]),
                }),
            gateway: gateway(&route),
            local: route.header.kind == RouteType::Local,
            learnt: mtu < link.mtu && expires(&route),
            mtu: u16::try_from(mtu).unwrap_or(u16::MAX),
            link,
        }))
    }

    /// The interface of an index; `None` when there is none.
    ///
    /// # Errors
    ///
    /// [`Failure::Netlink`] when the kernel cannot be asked.
    pub fn link(&mut self, index: u32) -> Result<Option<Link>, Failure> {
        let mut message = LinkMessage::default();
        message.header.index = index;
        let question = Question::Interface(index);
        let answer = self.ask(&question, RouteNetlinkMessage::GetLink(message))?;
        let Answer::Found(RouteNetlinkMessage::NewLink(link)) = answer else {
            return Ok(None);
        };
        let mut found = Link {
            index,
            name: String::new(),
            mtu: 0,
            up: link
                .header
                .flags
                .contains(LinkFlags::Up | LinkFlags::LowerUp),
        };
        for attribute in link.attributes {
            match attribute {
                LinkAttribute::IfName(name) => found.name = name,
                LinkAttribute::Mtu(mtu) => found.mtu = mtu,
                _ => {}
            }
        }
        Ok(Some(found))
    }
}

fn request(flow: &Flow<'_>) -> RouteMessage {
    let (address_family, bits) = match Family::of(flow.destination) {
        Family::V4 => (AddressFamily::Inet, 32),
        Family::V6 => (AddressFamily::Inet6, 128),
    };
    let mut message = RouteMessage::default();
    message.header = RouteHeader {
        address_family,
        destination_prefix_length: bits,
        source_prefix_length: if flow.source.is_some() { bits } else { 0 },
        ..RouteHeader::default()
    };
    let attributes = &mut message.attributes;
    attributes.push(RouteAttribute::Destination(flow.destination.into()));
    attributes.extend(
        flow.source
            .map(|source| RouteAttribute::Source(source.into())),
    );
    attributes.extend(flow.interface.map(|link| RouteAttribute::Oif(link.index)));
    attributes.extend(flow.mark.map(RouteAttribute::Mark));
    if let Some(port) = flow.port {
        attributes.push(RouteAttribute::IpProto(TCP));
        attributes.push(RouteAttribute::Dport(port));
    }
    message
}

/// What an errno of RTM_GETROUTE means. A source that is not this host's is ENETUNREACH to some
/// kernels and EINVAL to others; preferences are checked before, so that neither is one.
const fn obstacle(errno: i32) -> Way {
    match errno {
        libc::ENETUNREACH | libc::EHOSTUNREACH => Way::Unreachable,
        libc::EACCES => Way::Prohibited,
        libc::EINVAL => Way::Blackhole,
        libc::ENODEV | libc::ENXIO | libc::ENETDOWN => Way::InterfaceDown,
        other => Way::Refused(super::raw::refusal(other)),
    }
}

fn outgoing(route: &RouteMessage) -> Option<u32> {
    route
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            RouteAttribute::Oif(index) => Some(*index),
            _ => None,
        })
}

fn source(route: &RouteMessage) -> Option<IpAddr> {
    route
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            RouteAttribute::PrefSource(address) => ip(address),
            _ => None,
        })
}

fn gateway(route: &RouteMessage) -> Option<IpAddr> {
    route
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            RouteAttribute::Gateway(address) => ip(address),
            // An IPv4 route over an IPv6 next hop.
            RouteAttribute::Via(RouteVia::Inet(address)) => Some(IpAddr::V4(*address)),
            RouteAttribute::Via(RouteVia::Inet6(address)) => Some(IpAddr::V6(*address)),
            _ => None,
        })
}

fn metric(route: &RouteMessage) -> Option<u32> {
    let metrics = route
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            RouteAttribute::Metrics(metrics) => Some(metrics),
            _ => None,
        })?;
    metrics.iter().find_map(|metric| match metric {
        RouteMetric::Mtu(mtu) if *mtu > 0 => Some(*mtu),
        _ => None,
    })
}

/// Whether what the kernel says of the route holds for a while only.
fn expires(route: &RouteMessage) -> bool {
    route.attributes.iter().any(
        |attribute| matches!(attribute, RouteAttribute::CacheInfo(cached) if cached.expires > 0),
    )
}

/// An address as the kernel writes it in routes.
pub(super) fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some(IpAddr::V4(*address)),
        RouteAddress::Inet6(address) => Some(IpAddr::V6(*address)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_local_and_its_mtu_fits_a_datagram() {
        let way = Netlink::open().unwrap().way(&Flow {
            destination: IpAddr::from([127, 0, 0, 1]),
            source: None,
            interface: None,
            mark: None,
            port: None,
        });
        let Way::Open(route) = way.unwrap() else {
            panic!("loopback has a route")
        };
        assert!(route.local);
        assert_eq!(route.link.name, "lo");
        assert_eq!(route.source, IpAddr::from([127, 0, 0, 1]));
        assert_eq!(route.gateway, None);
    }

    #[test]
    fn each_errno_is_its_own_obstacle() {
        assert_eq!(obstacle(libc::ENETUNREACH), Way::Unreachable);
        assert_eq!(obstacle(libc::EHOSTUNREACH), Way::Unreachable);
        assert_eq!(obstacle(libc::EACCES), Way::Prohibited);
        assert_eq!(obstacle(libc::EINVAL), Way::Blackhole);
        assert_eq!(obstacle(libc::ENODEV), Way::InterfaceDown);
        let gone = Way::Refused(LocalRefusal::SourceGone);
        assert_eq!(obstacle(libc::EADDRNOTAVAIL), gone);
    }
}
