//! Where we stand before anything is sent: for each endpoint the kernel's way to it.
//!
//! No way is a survey's result like any other: the diagnosis is held all the same, its probes are
//! refused, and the verdict says so.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::failure::Failure;
use super::host;
use super::netlink::Netlink;
use super::ports::Reservation;
use super::raw::Origin;
use super::route::{Flow, Link, Route, Way};
use crate::model::endpoint::{Endpoint, Family};
use crate::model::evidence::LocalRefusal;
use crate::model::vantage::Vantage;

/// What the user decided about our own end; `None` leaves it to the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preference {
    /// The interface to leave by.
    pub interface: Option<String>,
    /// The source address.
    pub source: Option<IpAddr>,
    /// The firewall mark, which policy routing may look at.
    pub mark: Option<u32>,
}

impl Preference {
    /// Checks that this host can do as preferred.
    pub(super) fn check(&self, netlink: &mut Netlink) -> Result<(), Failure> {
        let link = self
            .interface
            .as_deref()
            .map(|name| named(netlink, name))
            .transpose()?;
        let Some(source) = self.source else {
            return Ok(());
        };
        let scope = match link {
            Some(link) if link_local(source) => link.index,
            _ => 0,
        };
        let origin = Origin {
            source,
            scope,
            interface: self.interface.clone(),
            mark: self.mark,
        };
        // Whether an address is ours, the kernel says best.
        Reservation::hold(&origin, 1, 0, 0).map(drop)
    }
}

/// Our end of one diagnosis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standpoint {
    /// Source address, interface and mark of its datagrams.
    pub(super) origin: Origin,
    /// The way to the endpoint.
    pub(super) way: Way,
    /// The interface it must leave by, where the user or a zone says so.
    pinned: Option<Link>,
}

/// The flow of the probes.
const fn flow<'a>(
    endpoint: &Endpoint,
    preference: &Preference,
    interface: Option<&'a Link>,
) -> Flow<'a> {
    Flow {
        destination: endpoint.address,
        source: preference.source,
        interface,
        mark: preference.mark,
        port: None,
    }
}

/// What the MTU is taken for where there is no route: Ethernet's.
const USUAL_MTU: u16 = 1500;

impl Standpoint {
    /// Surveys the way to an endpoint.
    pub(super) fn survey(
        netlink: &mut Netlink,
        endpoint: &Endpoint,
        preference: &Preference,
    ) -> Result<Self, Failure> {
        let name = preference
            .interface
            .as_deref()
            .or_else(|| zone(&endpoint.given));
        let pinned = name.map(|name| named(netlink, name)).transpose()?;
        let foreign = preference
            .source
            .is_some_and(|source| Family::of(source) != endpoint.family());
        let way = if foreign {
            Way::Refused(LocalRefusal::SourceGone)
        } else {
            netlink.way(&flow(endpoint, preference, pinned.as_ref()))?
        };
        let source = way
            .route()
            .map(|route| route.source)
            .or(preference.source.filter(|_| !foreign))
            .unwrap_or_else(|| unspecified(endpoint));
        let link = way.route().map(|route| &route.link).or(pinned.as_ref());
        let index = link.map_or(0, |link| link.index);
        Ok(Self {
            origin: Origin {
                source,
                scope: if link_local(source) { index } else { 0 },
                interface: preference.interface.clone(),
                mark: preference.mark,
            },
            way,
            pinned,
        })
    }

    /// Where there is no standing at all: every probe is told `refusal`.
    pub(super) fn nowhere(
        endpoint: &Endpoint,
        preference: &Preference,
        refusal: LocalRefusal,
    ) -> Self {
        Self {
            origin: Origin {
                source: unspecified(endpoint),
                scope: 0,
                interface: preference.interface.clone(),
                mark: preference.mark,
            },
            way: Way::Refused(refusal),
            pinned: None,
        }
    }

    /// What the kernel was asked about.
    pub(super) fn flow<'a>(&'a self, endpoint: &Endpoint, preference: &Preference) -> Flow<'a> {
        flow(endpoint, preference, self.pinned.as_ref())
    }

    /// The way of a TCP connection to the endpoint's port, where it is another one than the probes': a
    /// policy rule looks at ports, or one of several next hops is chosen by them.
    pub(super) fn connection(
        &self,
        netlink: &mut Netlink,
        endpoint: &Endpoint,
        preference: &Preference,
    ) -> Result<Option<Way>, Failure> {
        let connection = netlink.way(&Flow {
            port: Some(endpoint.port),
            ..self.flow(endpoint, preference)
        })?;
        Ok(Some(connection).filter(|way| is_another(way, &self.way)))
    }

    /// The route, where there is one.
    pub(super) const fn route(&self) -> Option<&Route> {
        self.way.route()
    }

    /// The scope of a link-local destination on this way; 0 elsewhere.
    pub(super) fn scope_of(&self, destination: IpAddr) -> u32 {
        match self.route() {
            Some(route) if link_local(destination) => route.link.index,
            _ => 0,
        }
    }

    /// The standpoint as the core knows it.
    pub(super) fn vantage(&self, ports: Option<&Reservation>) -> Vantage {
        let route = self.route();
        let link = route.map(|route| &route.link).or(self.pinned.as_ref());
        Vantage {
            source: self.origin.source,
            interface: link.map(|link| link.name.clone()).unwrap_or_default(),
            gateway: route.and_then(|route| route.gateway),
            mtu: route.map_or(USUAL_MTU, |route| route.mtu),
            loopback: route.is_some_and(|route| route.local),
            ephemeral_ports: ports.map(Reservation::ephemeral).unwrap_or_default(),
            privileged_ports: ports.map(Reservation::privileged).unwrap_or_default(),
        }
    }
}

fn is_another(way: &Way, other: &Way) -> bool {
    match (way.route(), other.route()) {
        (Some(route), Some(other)) => {
            (route.link.index, route.gateway) != (other.link.index, other.gateway)
        }
        (None, None) => false,
        (_, _) => true,
    }
}

fn unspecified(endpoint: &Endpoint) -> IpAddr {
    match endpoint.family() {
        Family::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Family::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

/// The zone of a scoped address as the user typed it (`[fe80::1%eth0]:3306`, RFC 4007 section 11).
fn zone(given: &str) -> Option<&str> {
    let (_, after) = given.split_once('%')?;
    let end = after.find(']').unwrap_or(after.len());
    after.get(..end).filter(|zone| !zone.is_empty())
}

fn named(netlink: &mut Netlink, name: &str) -> Result<Link, Failure> {
    let interfaces = host::interfaces();
    let found = interfaces
        .iter()
        .find(|interface| interface.name == name)
        .map(|interface| netlink.link(interface.index));
    match found {
        Some(Ok(Some(link))) => Ok(link),
        Some(Err(failure)) => Err(failure),
        Some(Ok(None)) | None => Err(Failure::NoInterface {
            name: name.to_owned(),
            present: interfaces
                .into_iter()
                .map(|interface| interface.name)
                .collect(),
        }),
    }
}

fn link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_what_stands_between_percent_sign_and_bracket() {
        assert_eq!(zone("[fe80::1%eth0]:3306"), Some("eth0"));
        assert_eq!(zone("fe80::1%veth1"), Some("veth1"));
        assert_eq!(zone("[fe80::1]:3306"), None);
        assert_eq!(zone("fe80::1%"), None);
        assert_eq!(zone("db.example:3306"), None);
    }

    #[test]
    fn an_interface_that_is_not_there_is_named_with_those_that_are() {
        let mut netlink = Netlink::open().unwrap();
        let Err(Failure::NoInterface { name, present }) = named(&mut netlink, "no-such") else {
            panic!("there is no such interface")
        };
        assert_eq!(name, "no-such");
        assert!(present.contains(&"lo".to_owned()));
    }
}
