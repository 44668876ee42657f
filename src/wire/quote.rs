//! What survives of our datagram in the ICMP error that quotes it.
//!
//! A router must quote the IP header and 8 octets (RFC 792); many quote no more. So the quote is
//! read by hand, and ports and sequence number count as present as soon as their octets are.

use std::net::{IpAddr, SocketAddr};

use super::bytes::{number16, number32, octet};
use super::icmp::Echo;
use super::ip::{self, Fragment, protocol};

/// A quoted datagram, as it looked where the error arose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Quoted source address: ours, unless a NAT on the way did not translate it back.
    pub source: IpAddr,
    /// Quoted destination address.
    pub destination: IpAddr,
    /// Quoted TTL or hop limit.
    pub ttl: u8,
    /// Quoted traffic class, DSCP and ECN.
    pub traffic_class: u8,
    /// Quoted IPv4 identification, or that of the IPv6 fragment header.
    pub identification: Option<u32>,
    /// Quoted fragment position; `None` for a whole datagram.
    pub fragment: Option<Fragment>,
    /// Quoted IP protocol (the last header read, for IPv6).
    pub protocol: u8,
    /// What of the transport is there.
    pub carried: Carried,
}

/// What a quote holds of the transport header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// The first 8 octets of a TCP header.
    Tcp {
        /// Source port: ours.
        source_port: u16,
        /// Destination port.
        destination_port: u16,
        /// Sequence number.
        sequence: u32,
    },
    /// An echo request's identifier and sequence number.
    EchoRequest(Echo),
    /// Another protocol, a later fragment, or fewer than 8 octets.
    Nothing,
}

impl Quote {
    /// Reads the datagram quoted by `bytes`; `None` where not even its IP header is whole.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (header, rest) = ip::read(bytes).ok()?;
        let carried = if header.is_later_fragment() {
            None
        } else {
            carried(header.protocol, rest)
        };
        Some(Self {
            source: header.source,
            destination: header.destination,
            ttl: header.ttl,
            traffic_class: header.traffic_class,
            identification: header.identification,
            fragment: header.fragment,
            protocol: header.protocol,
            carried: carried.unwrap_or(Carried::Nothing),
        })
    }

    /// Where the quoted datagram went; port 0 where it shows none.
    pub const fn asked(&self) -> SocketAddr {
        let port = match self.carried {
            Carried::Tcp {
                destination_port, ..
            } => destination_port,
            Carried::EchoRequest(_) | Carried::Nothing => 0,
        };
        SocketAddr::new(self.destination, port)
    }
}

fn carried(protocol: u8, rest: &[u8]) -> Option<Carried> {
    match protocol {
        protocol::TCP => Some(Carried::Tcp {
            source_port: number16(rest, 0)?,
            destination_port: number16(rest, 2)?,
            sequence: number32(rest, 4)?,
        }),
        protocol::ICMP | protocol::ICMPV6 => {
            let request = if protocol == protocol::ICMP { 8 } else { 128 };
            let echo = Echo::from_bits(number32(rest, 4)?);
            (octet(rest, 0)? == request).then_some(Carried::EchoRequest(echo))
        }
        _ => None,
    }
}
