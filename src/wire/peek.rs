//! A look at an IP datagram that costs a few nanoseconds: enough to pass over the bulk of a capture.
//!
//! It agrees with [`dissect`](super::dissect::dissect) in everything it says, and gives nothing
//! exactly where that fails. What it leaves out: options, what ICMP messages say.

use std::net::IpAddr;

use super::bytes::{number16, number32, octet};
use super::dissect::options;
use super::ip::{self, Family, protocol};
use super::tcp::Flags;

/// What a look at a datagram shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peeked {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// IPv4 TTL or IPv6 hop limit.
    pub ttl: u8,
    /// Whether it is a fragment.
    pub is_fragment: bool,
    /// What it carries.
    pub sight: Sight,
}

/// What a datagram carries, at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// A TCP segment (of a first fragment: what it holds of one).
    Tcp(Outline),
    /// An ICMP or ICMPv6 message.
    Icmp,
    /// A fragment that does not begin with a transport header.
    LaterFragment,
    /// Another transport, by its IP protocol.
    Other(u8),
}

/// The outline of a TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgment number.
    pub acknowledgment: u32,
    /// Control bits.
    pub flags: Flags,
    /// The advertised window, as it stands in the header.
    pub window: u16,
    /// Octets of payload that were sent, at most 65535.
    pub payload_length: u16,
    /// The numbers before and after the latest octets that arrived out of order (RFC 2018 §3); looked for
    /// in segments without payload only.
    pub selective: Option<(u32, u32)>,
}

impl Outline {
    /// Whether it neither begins nor ends a connection: data, an acknowledgment, or both.
    pub const fn is_plain(&self) -> bool {
        const TURNS: u8 = Flags::SYN.bits() | Flags::FIN.bits() | Flags::RST.bits();
        self.flags.bits() & TURNS == 0
    }
}

/// Looks at the IP datagram at the beginning of `bytes`; `None` where it cannot be dissected.
#[inline]
pub fn peek(bytes: &[u8]) -> Option<Peeked> {
    let (header, rest) = ip::read(bytes).ok()?;
    let declared = match header.declared {
        0 => rest.len(),
        declared => declared,
    };
    let transport = rest.get(..declared).unwrap_or(rest);
    let sight = if header.is_later_fragment() {
        Sight::LaterFragment
    } else {
        match (header.family(), header.protocol) {
            (_, protocol::TCP) => Sight::Tcp(outline(transport, declared)?),
            (Family::V4, protocol::ICMP) | (Family::V6, protocol::ICMPV6) => {
                transport.get(..8)?;
                Sight::Icmp
            }
            (_, other) => Sight::Other(other),
        }
    };
    Some(Peeked {
        source: header.source,
        destination: header.destination,
        ttl: header.ttl,
        is_fragment: header.fragment.is_some(),
        sight,
    })
}

/// The outline of the segment of which `declared` octets were sent and `transport` is here.
#[inline]
fn outline(transport: &[u8], declared: usize) -> Option<Outline> {
    let fixed = transport.first_chunk::<20>()?;
    let header = usize::from(octet(fixed, 12)? >> 4).saturating_mul(4);
    if header < fixed.len() || declared < header {
        return None;
    }
    let payload = declared.saturating_sub(header);
    // The option takes ten octets at least.
    let selective = (payload == 0 && header >= 32)
        .then(|| transport.get(fixed.len()..header.min(transport.len())))
        .and_then(|octets| options(octets?).selective);
    Some(Outline {
        source_port: number16(fixed, 0)?,
        destination_port: number16(fixed, 2)?,
        sequence: number32(fixed, 4)?,
        acknowledgment: number32(fixed, 8)?,
        flags: Flags::from_bits(octet(fixed, 13)?),
        window: number16(fixed, 14)?,
        payload_length: u16::try_from(payload).unwrap_or(u16::MAX),
        selective,
    })
}
