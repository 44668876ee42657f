//! Hears of changes to this host's addresses, interfaces, routes and policy rules, from which no
//! silence must be drawn.
//!
//! The kernel goes on sending for a raw socket whose source address is gone (it allows any source
//! where the header is included), and the answers then go nowhere; and when a route changes, what is
//! sent from then on takes another way than what was sent before. Without a look of our own either
//! would be read as a filter on the way, or as a ban.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "the netlink crates' enums are non-exhaustive"
)]

use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_packet_core::NetlinkPayload;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::route::{RouteAttribute, RouteMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};

use super::failure::{Failure, SocketRole};
use super::{netlink, route};

/// A subscription to the kernel's announcements.
#[derive(Debug)]
pub(super) struct Watch {
    socket: Socket,
    buffer: Vec<u8>,
}

/// `RTMGRP_LINK`, `RTMGRP_IPV4_IFADDR`, `RTMGRP_IPV4_ROUTE`, `RTMGRP_IPV4_RULE`, `RTMGRP_IPV6_IFADDR`,
/// `RTMGRP_IPV6_ROUTE` of `linux/rtnetlink.h`, and the bit of its `RTNLGRP_IPV6_RULE` (19).
const GROUPS: u32 = 0x1 | 0x10 | 0x40 | 0x80 | 0x100 | 0x400 | 1 << 18;

/// More than any single announcement is long.
const ANNOUNCEMENT: usize = 1 << 15;

/// Routes that are kept one by one; of more than these, any address may be concerned.
const KEPT: usize = 64;

/// What was announced: whose way may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// That of any address.
    Any,
    /// That of the addresses under these prefixes, if any.
    Routes(Vec<(IpAddr, u8)>),
}

impl Default for News {
    fn default() -> Self {
        Self::Routes(Vec::new())
    }
}

impl News {
    /// Whether nothing was announced.
    pub(super) fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the way to `target` may have changed.
    pub(super) fn concerns(&self, target: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Routes(prefixes) => prefixes
                .iter()
                .any(|(network, length)| is_under(target, *network, *length)),
        }
    }

    fn add(&mut self, prefix: Option<(IpAddr, u8)>) {
        match (&mut *self, prefix) {
            (Self::Any, _) => {}
            (Self::Routes(known), Some(prefix)) if known.contains(&prefix) => {}
            (Self::Routes(known), Some(prefix)) if known.len() < KEPT => known.push(prefix),
            (Self::Routes(_), _) => *self = Self::Any,
        }
    }
}

impl Watch {
    /// Subscribes.
    pub(super) fn open() -> Result<Self, Failure> {
        let open = || {
            let mut socket = Socket::new(NETLINK_ROUTE)?;
            socket.bind(&SocketAddr::new(0, GROUPS))?;
            socket.set_non_blocking(true)?;
            Ok(socket)
        };
        open()
            .map(|socket| Self {
                socket,
                buffer: Vec::with_capacity(ANNOUNCEMENT),
            })
            .map_err(|source| Failure::Socket {
                socket: SocketRole::Netlink,
                source,
            })
    }

    /// What to wait on.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Adds to `news` what was announced since the last call; how things stand now, the kernel's tables
    /// say better.
    pub(super) fn hear(&mut self, news: &mut News) {
        loop {
            self.buffer.clear();
            match self.socket.recv(&mut self.buffer, 0) {
                Ok(_) => read(&self.buffer, news),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                // ENOBUFS: there were more than fit.
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => *news = News::Any,
                Err(_) => return,
            }
        }
    }
}

/// Reads the announcements of a datagram.
fn read(mut octets: &[u8], news: &mut News) {
    while !octets.is_empty() {
        let Ok(message) = netlink::read(octets) else {
            return news.add(None);
        };
        let length = (message.header.length as usize).next_multiple_of(netlink::ALIGNMENT);
        octets = octets
            .get(length.max(netlink::ALIGNMENT)..)
            .unwrap_or_default();
        news.add(match message.payload {
            NetlinkPayload::InnerMessage(
                RouteNetlinkMessage::NewRoute(route) | RouteNetlinkMessage::DelRoute(route),
            ) => prefix(&route),
            _ => None,
        });
    }
}

/// The addresses that a route is for; `None` where it does not say.
fn prefix(message: &RouteMessage) -> Option<(IpAddr, u8)> {
    let length = message.header.destination_prefix_length;
    let named = message
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            RouteAttribute::Destination(address) => route::ip(address),
            _ => None,
        });
    let all = match message.header.address_family {
        AddressFamily::Inet => Some(IpAddr::from([0_u8; 4])),
        AddressFamily::Inet6 => Some(IpAddr::from([0_u8; 16])),
        _ => None,
    };
    Some((named.or(all)?, length))
}

fn is_under(target: IpAddr, network: IpAddr, length: u8) -> bool {
    // Both as their first bits are those of the number.
    let (target, network) = match (target, network) {
        (IpAddr::V4(target), IpAddr::V4(network)) => (
            u128::from(target.to_bits()) << 96,
            u128::from(network.to_bits()) << 96,
        ),
        (IpAddr::V6(target), IpAddr::V6(network)) => (target.to_bits(), network.to_bits()),
        _ => return false,
    };
    (target ^ network).leading_zeros() >= u32::from(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_concerns_the_addresses_under_its_prefix() {
        let check = |target: &str, network: &str, length, expected| {
            let news = News::Routes(vec![(network.parse().unwrap(), length)]);
            let target = target.parse().unwrap();
            assert_eq!(
                news.concerns(target),
                expected,
                "{target} {network}/{length}"
            );
        };
        check("10.9.3.2", "10.9.3.0", 24, true);
        check("10.9.4.2", "10.9.3.0", 24, false);
        check("10.9.4.2", "0.0.0.0", 0, true);
        check("10.9.3.2", "10.9.3.2", 32, true);
        check("10.9.3.3", "10.9.3.2", 32, false);
        check("fd09::1", "0.0.0.0", 0, false);
        check("fd09::1", "::", 0, true);
        check("fd09:3::1", "fd09:3::", 64, true);
        check("fd09:4::1", "fd09:3::", 64, false);
    }

    #[test]
    fn more_routes_than_are_kept_concern_every_address() {
        let mut news = News::default();
        assert!(news.is_none());
        for last in 0..=u8::try_from(KEPT).unwrap() {
            news.add(Some(([10, 0, last, 0].into(), 24)));
        }
        assert_eq!(news, News::Any);
    }
}
