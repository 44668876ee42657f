//! Dissects an IP datagram: any bytes in, a packet or the reason why not out.
//!
//! Never panics. Checksums are not looked at; [`super::checksum`] does. A datagram cut short by a snapshot
//! length is read as far as it goes.

use std::net::IpAddr;

use etherparse::{TcpOptionElement, TcpOptionsIterator};

use super::bytes::{number16, number32, octet};
use super::icmp::Kind;
use super::ip::{self, Fragment, protocol};
pub use super::malformed::Malformed;
use super::quote::Quote;
use super::tcp::{Flags, Options, Segment};

/// A dissected datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// IPv4 TTL or IPv6 hop limit.
    pub ttl: u8,
    /// DSCP and ECN.
    pub traffic_class: u8,
    /// IPv6 flow label; `None` for IPv4.
    pub flow_label: Option<u32>,
    /// IPv4 identification, or that of the IPv6 fragment header.
    pub identification: Option<u32>,
    /// IPv4 DF bit; true for IPv6 save in a fragment.
    pub dont_fragment: bool,
    /// Position of a fragment; `None` for a whole datagram.
    pub fragment: Option<Fragment>,
    /// What it carries.
    pub content: Content,
}

/// What a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A TCP segment (of a first fragment: what it holds of one).
    Tcp(Segment),
    /// An ICMP or ICMPv6 message.
    Icmp(Message),
    /// A fragment that does not begin with a transport header.
    LaterFragment {
        /// IP protocol.
        protocol: u8,
    },
    /// Another transport.
    Other {
        /// IP protocol.
        protocol: u8,
    },
}

/// A dissected ICMP or ICMPv6 message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it is.
    pub kind: Kind,
    /// The datagram it quotes; `None` where the kind quotes none, or too little to read.
    pub quote: Option<Quote>,
    /// The first 8 octets of an echo's payload; `None` for other kinds, or where there are fewer.
    pub opening: Option<[u8; 8]>,
    /// Octets after the 8 of its header, as the IP header declares them: of a first fragment those
    /// that it holds.
    pub payload_length: u16,
}

/// Dissects the IP datagram at the beginning of `bytes`; what follows it (link padding) is ignored.
pub fn dissect(bytes: &[u8]) -> Result<Packet, Malformed> {
    let (header, rest) = ip::read(bytes)?;
    // Offloads and some tunnels leave the length zero: then everything there is counts.
    let declared = if header.declared == 0 {
        rest.len()
    } else {
        header.declared
    };
    let transport = rest.get(..declared).unwrap_or(rest);
    let content = if header.is_later_fragment() {
        Content::LaterFragment {
            protocol: header.protocol,
        }
    } else {
        match (header.family(), header.protocol) {
            (_, protocol::TCP) => Content::Tcp(segment(transport, declared)?),
            (ip::Family::V4, protocol::ICMP) | (ip::Family::V6, protocol::ICMPV6) => {
                Content::Icmp(message(header.family(), transport, declared)?)
            }
            (_, protocol) => Content::Other { protocol },
        }
    };
    Ok(Packet {
        source: header.source,
        destination: header.destination,
        ttl: header.ttl,
        traffic_class: header.traffic_class,
        flow_label: header.flow_label,
        identification: header.identification,
        dont_fragment: header.dont_fragment,
        fragment: header.fragment,
        content,
    })
}

/// Reads the segment of which `declared` octets were sent and `transport` is here: at least the
/// fixed part of the header, for a snapshot length may cut through the options.
fn segment(transport: &[u8], declared: usize) -> Result<Segment, Malformed> {
    let malformed = Malformed::TcpHeader;
    let fixed = transport.first_chunk::<20>().ok_or(malformed)?;
    let length = usize::from(octet(fixed, 12).ok_or(malformed)? >> 4).saturating_mul(4);
    if length < fixed.len() || length > declared {
        return Err(malformed);
    }
    let header = transport.get(..length).unwrap_or(transport);
    let payload = declared.saturating_sub(length);
    Ok(Segment {
        source_port: number16(fixed, 0).ok_or(malformed)?,
        destination_port: number16(fixed, 2).ok_or(malformed)?,
        sequence: number32(fixed, 4).ok_or(malformed)?,
        acknowledgment: number32(fixed, 8).ok_or(malformed)?,
        flags: Flags::from_bits(octet(fixed, 13).ok_or(malformed)?),
        window: number16(fixed, 14).ok_or(malformed)?,
        options: options(header.get(fixed.len()..).unwrap_or_default()),
        payload_length: u16::try_from(payload).unwrap_or(u16::MAX),
    })
}

/// The options up to the first one that cannot be read.
pub(super) fn options(octets: &[u8]) -> Options {
    let mut options = Options::NONE;
    for element in TcpOptionsIterator::from_slice(octets).map_while(Result::ok) {
        match element {
            TcpOptionElement::MaximumSegmentSize(mss) => options.mss = Some(mss),
            TcpOptionElement::WindowScale(shift) => options.window_scale = Some(shift),
            TcpOptionElement::SelectiveAcknowledgementPermitted => options.sack_permitted = true,
            TcpOptionElement::Timestamp(value, echo) => options.timestamps = Some((value, echo)),
            TcpOptionElement::SelectiveAcknowledgement(first, _) => options.selective = Some(first),
            TcpOptionElement::Noop => {}
        }
    }
    options
}

/// Reads the message of which `declared` octets were sent and `transport` is here.
fn message(family: ip::Family, transport: &[u8], declared: usize) -> Result<Message, Malformed> {
    let cut = Malformed::IcmpHeader;
    let body = transport.get(8..).ok_or(cut)?;
    let kind = Kind::read(
        family,
        octet(transport, 0).ok_or(cut)?,
        octet(transport, 1).ok_or(cut)?,
        number32(transport, 4).ok_or(cut)?,
    );
    let is_echo = matches!(kind, Kind::EchoRequest(_) | Kind::EchoReply(_));
    Ok(Message {
        kind,
        quote: if kind.quotes(family) {
            Quote::read(body)
        } else {
            None
        },
        opening: body.first_chunk().copied().filter(|_| is_echo),
        payload_length: u16::try_from(declared.saturating_sub(8)).unwrap_or(u16::MAX),
    })
}
