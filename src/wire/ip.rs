//! The IP header, of either version, read by hand as far as it goes.
//!
//! One reader serves whole datagrams and the cut ones that ICMP errors quote, so lengths are
//! reported, not enforced: the rest after the headers is everything that is there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::bytes::{number16, number32, octet};
use super::malformed::Malformed;

/// Protocol numbers (IANA "Assigned Internet Protocol Numbers").
pub mod protocol {
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// TCP.
    pub const TCP: u8 = 6;
    /// ICMPv6.
    pub const ICMPV6: u8 = 58;
    /// IPv6 hop-by-hop options (RFC 8200 §4.3).
    pub(crate) const HOP_BY_HOP: u8 = 0;
    /// IPv6 routing header (RFC 8200 §4.4).
    pub(crate) const ROUTING: u8 = 43;
    /// IPv6 fragment header (RFC 8200 §4.5).
    pub(crate) const FRAGMENT: u8 = 44;
    /// Authentication header (RFC 4302).
    pub(crate) const AUTHENTICATION: u8 = 51;
    /// IPv6 destination options (RFC 8200 §4.6).
    pub(crate) const DESTINATION_OPTIONS: u8 = 60;
}

/// The IP version of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// Octets of an IP header without options or extension headers, by one of its addresses.
pub const fn header_length(address: IpAddr) -> u16 {
    match address {
        IpAddr::V4(_) => 20,
        IpAddr::V6(_) => 40,
    }
}

/// Where in its datagram a fragment belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fragment {
    /// Offset of its payload, in octets.
    pub offset: u32,
    /// Whether more fragments follow.
    pub more: bool,
}

/// What the IP header (and the extension headers of IPv6) say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) ttl: u8,
    pub(super) traffic_class: u8,
    pub(super) flow_label: Option<u32>,
    pub(super) identification: Option<u32>,
    pub(super) dont_fragment: bool,
    pub(super) fragment: Option<Fragment>,
    pub(super) protocol: u8,
    /// Octets of transport the header promises; zero where the length field makes no sense.
    pub(super) declared: usize,
}

impl Header {
    /// The IP version.
    pub(super) const fn family(&self) -> Family {
        match self.source {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }

    /// Whether the transport header lies in another fragment.
    pub(super) fn is_later_fragment(&self) -> bool {
        self.fragment.is_some_and(|fragment| fragment.offset != 0)
    }
}

/// Reads the headers; returns them and everything after them.
pub(super) fn read(bytes: &[u8]) -> Result<(Header, &[u8]), Malformed> {
    match octet(bytes, 0).ok_or(Malformed::Empty)? >> 4 {
        4 => read_v4(bytes),
        6 => read_v6(bytes),
        version => Err(Malformed::Version(version)),
    }
}

/// RFC 791 §3.1.
fn read_v4(bytes: &[u8]) -> Result<(Header, &[u8]), Malformed> {
    let cut = Malformed::IpHeaderCut;
    let length = usize::from(octet(bytes, 0).ok_or(cut)? & 0x0f).saturating_mul(4);
    if length < 20 {
        return Err(Malformed::IpHeaderLength);
    }
    let rest = bytes.get(length..).ok_or(cut)?;
    let flags = number16(bytes, 6).ok_or(cut)?;
    let offset = u32::from(flags & 0x1fff).saturating_mul(8);
    let more = flags & 0x2000 != 0;
    let header = Header {
        source: Ipv4Addr::from(number32(bytes, 12).ok_or(cut)?).into(),
        destination: Ipv4Addr::from(number32(bytes, 16).ok_or(cut)?).into(),
        ttl: octet(bytes, 8).ok_or(cut)?,
        traffic_class: octet(bytes, 1).ok_or(cut)?,
        flow_label: None,
        identification: number16(bytes, 4).map(u32::from),
        dont_fragment: flags & 0x4000 != 0,
        fragment: (more || offset != 0).then_some(Fragment { offset, more }),
        protocol: octet(bytes, 9).ok_or(cut)?,
        declared: usize::from(number16(bytes, 2).ok_or(cut)?).saturating_sub(length),
    };
    Ok((header, rest))
}

/// RFC 8200 §3 and §4.
fn read_v6(bytes: &[u8]) -> Result<(Header, &[u8]), Malformed> {
    let cut = Malformed::IpHeaderCut;
    let first = number32(bytes, 0).ok_or(cut)?;
    let rest = bytes.get(40..).ok_or(cut)?;
    let header = Header {
        source: address_v6(bytes, 8).ok_or(cut)?,
        destination: address_v6(bytes, 24).ok_or(cut)?,
        ttl: octet(bytes, 7).ok_or(cut)?,
        traffic_class: u8::try_from((first >> 20) & 0xff).unwrap_or(0),
        flow_label: Some(first & 0x000f_ffff),
        identification: None,
        // Routers never fragment IPv6 (RFC 8200 §5).
        dont_fragment: true,
        fragment: None,
        protocol: octet(bytes, 6).ok_or(cut)?,
        declared: usize::from(number16(bytes, 4).ok_or(cut)?),
    };
    skip_extensions(header, rest)
}

fn address_v6(bytes: &[u8], at: usize) -> Option<IpAddr> {
    let octets = bytes.get(at..)?.first_chunk::<16>()?;
    Some(Ipv6Addr::from(*octets).into())
}

/// Walks the extension headers up to the transport, or up to the end of a later fragment's headers.
fn skip_extensions(mut header: Header, mut rest: &[u8]) -> Result<(Header, &[u8]), Malformed> {
    let cut = Malformed::ExtensionCut;
    loop {
        let length = match header.protocol {
            protocol::HOP_BY_HOP | protocol::ROUTING | protocol::DESTINATION_OPTIONS => {
                usize::from(octet(rest, 1).ok_or(cut)?)
                    .saturating_add(1)
                    .saturating_mul(8)
            }
            protocol::AUTHENTICATION => usize::from(octet(rest, 1).ok_or(cut)?)
                .saturating_add(2)
                .saturating_mul(4),
            protocol::FRAGMENT => {
                let field = number16(rest, 2).ok_or(cut)?;
                header.identification = Some(number32(rest, 4).ok_or(cut)?);
                header.fragment = Some(Fragment {
                    // The field counts units of 8 octets in its upper 13 bits.
                    offset: u32::from(field & 0xfff8),
                    more: field & 1 != 0,
                });
                header.dont_fragment = false;
                8
            }
            _ => return Ok((header, rest)),
        };
        let fragmented = header.protocol == protocol::FRAGMENT;
        header.protocol = octet(rest, 0).ok_or(cut)?;
        header.declared = header.declared.saturating_sub(length);
        rest = rest.get(length..).ok_or(cut)?;
        if fragmented && header.is_later_fragment() {
            return Ok((header, rest));
        }
    }
}
