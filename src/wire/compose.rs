//! Composes whole IP datagrams with correct checksums.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::checksum::Sum16BitWords;
use etherparse::{
    IpDscp, IpEcn, IpNumber, Ipv4Header, Ipv6FlowLabel, Ipv6Header, TcpHeader, TcpOptionElement,
};

use super::icmp::Kind;
use super::tcp::{Flags, Options, Segment};
use super::{Family, header_length, protocol};

/// The IP header of a datagram to compose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Source address.
    pub source: IpAddr,
    /// Destination address, of the same version.
    pub destination: IpAddr,
    /// IPv4 TTL or IPv6 hop limit.
    pub ttl: u8,
    /// IPv4 type-of-service or IPv6 traffic-class octet, DSCP and ECN.
    pub traffic_class: u8,
    /// IPv4 identification; IPv6 has none.
    pub identification: u16,
    /// IPv6 flow label, its lower 20 bits; IPv4 has none.
    pub flow_label: u32,
    /// IPv4 DF bit; implied by IPv6.
    pub dont_fragment: bool,
}

/// Why a datagram cannot be composed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Uncomposable {
    /// Source and destination are of different IP versions.
    MixedFamilies,
    /// The datagram would be longer than its length field can say.
    TooLong,
    /// A fragment that others follow must carry a multiple of 8 octets (RFC 791 §3.2).
    OddFragment,
    /// What was to be fragmented is not a whole IP datagram.
    NotADatagram,
}

impl Envelope {
    /// The IP version; `None` where the addresses disagree.
    pub const fn family(&self) -> Option<Family> {
        match (self.source, self.destination) {
            (IpAddr::V4(_), IpAddr::V4(_)) => Some(Family::V4),
            (IpAddr::V6(_), IpAddr::V6(_)) => Some(Family::V6),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => None,
        }
    }

    /// Octets of the IP header.
    pub const fn header_length(&self) -> u16 {
        header_length(self.destination)
    }
}

/// Octets of payload that make the datagram of `segment` exactly `length` long; zero where it is
/// longer already.
pub const fn payload_to_fill(envelope: &Envelope, segment: &Segment, length: u16) -> u16 {
    length
        .saturating_sub(envelope.header_length())
        .saturating_sub(segment.header_length())
}

/// A TCP segment in its datagram; the payload is zeros.
pub fn segment(envelope: &Envelope, segment: &Segment) -> Result<Vec<u8>, Uncomposable> {
    let mut header = TcpHeader::new(
        segment.source_port,
        segment.destination_port,
        segment.sequence,
        segment.window,
    );
    header.acknowledgment_number = segment.acknowledgment;
    header.fin = segment.flags.contains(Flags::FIN);
    header.syn = segment.flags.contains(Flags::SYN);
    header.rst = segment.flags.contains(Flags::RST);
    header.psh = segment.flags.contains(Flags::PSH);
    header.ack = segment.flags.contains(Flags::ACK);
    header.urg = segment.flags.contains(Flags::URG);
    header.ece = segment.flags.contains(Flags::ECE);
    header.cwr = segment.flags.contains(Flags::CWR);
    header
        .set_options(&option_elements(&segment.options))
        .map_err(|_| Uncomposable::TooLong)?;
    let payload = vec![0; usize::from(segment.payload_length)];
    header.checksum = match (envelope.source, envelope.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            header.calc_checksum_ipv4_raw(source.octets(), destination.octets(), &payload)
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            header.calc_checksum_ipv6_raw(source.octets(), destination.octets(), &payload)
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {
            return Err(Uncomposable::MixedFamilies);
        }
    }
    .map_err(|_| Uncomposable::TooLong)?;
    wrap(envelope, protocol::TCP, &[&header.to_bytes(), &payload])
}

/// The options in the order in which Linux writes them (`tcp_options_write`).
fn option_elements(options: &Options) -> Vec<TcpOptionElement> {
    let mut elements = Vec::with_capacity(5);
    elements.extend(options.mss.map(TcpOptionElement::MaximumSegmentSize));
    if options.sack_permitted {
        elements.push(TcpOptionElement::SelectiveAcknowledgementPermitted);
    }
    if let Some((value, echo)) = options.timestamps {
        elements.push(TcpOptionElement::Timestamp(value, echo));
    }
    if let Some(shift) = options.window_scale {
        elements.push(TcpOptionElement::Noop);
        elements.push(TcpOptionElement::WindowScale(shift));
    }
    elements
}

/// An ICMP or ICMPv6 message in its datagram. `body` is what follows the 8 octets of header: the
/// payload of an echo, or the quoted datagram of an error.
pub fn message(envelope: &Envelope, kind: Kind, body: &[u8]) -> Result<Vec<u8>, Uncomposable> {
    let family = envelope.family().ok_or(Uncomposable::MixedFamilies)?;
    let (kind, code, rest) = kind.write(family);
    let sum = Sum16BitWords::new()
        .add_2bytes([kind, code])
        .add_4bytes(rest.to_be_bytes())
        .add_slice(body);
    let (next, sum) = match (envelope.source, envelope.destination) {
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let length =
                u32::try_from(body.len().saturating_add(8)).map_err(|_| Uncomposable::TooLong)?;
            (
                protocol::ICMPV6,
                pseudo_header(sum, source, destination, length),
            )
        }
        _ => (protocol::ICMP, sum),
    };
    let [high, low] = sum.ones_complement().to_be().to_be_bytes();
    let start = [kind, code, high, low];
    wrap(envelope, next, &[&start, &rest.to_be_bytes(), body])
}

/// RFC 8200 §8.1.
fn pseudo_header(
    sum: Sum16BitWords,
    source: Ipv6Addr,
    destination: Ipv6Addr,
    length: u32,
) -> Sum16BitWords {
    let mut sum = sum;
    sum.add_16bytes(source.octets())
        .add_16bytes(destination.octets())
        .add_4bytes(length.to_be_bytes())
        .add_2bytes([0, protocol::ICMPV6])
}

/// Puts the parts of a transport behind an IP header.
fn wrap(envelope: &Envelope, protocol: u8, parts: &[&[u8]]) -> Result<Vec<u8>, Uncomposable> {
    let length = parts
        .iter()
        .fold(0_usize, |sum, part| sum.saturating_add(part.len()));
    let mut bytes = match (envelope.source, envelope.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            header_v4(envelope, source, destination, protocol, length)?
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            header_v6(envelope, source, destination, protocol, length)?
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {
            return Err(Uncomposable::MixedFamilies);
        }
    };
    for part in parts {
        bytes.extend_from_slice(part);
    }
    Ok(bytes)
}

fn header_v4(
    envelope: &Envelope,
    source: Ipv4Addr,
    destination: Ipv4Addr,
    protocol: u8,
    length: usize,
) -> Result<Vec<u8>, Uncomposable> {
    let mut header = Ipv4Header {
        dscp: IpDscp::try_new(envelope.traffic_class >> 2).unwrap_or_default(),
        ecn: IpEcn::try_new(envelope.traffic_class & 3).unwrap_or_default(),
        identification: envelope.identification,
        dont_fragment: envelope.dont_fragment,
        time_to_live: envelope.ttl,
        protocol: IpNumber(protocol),
        source: source.octets(),
        destination: destination.octets(),
        ..Ipv4Header::default()
    };
    header
        .set_payload_len(length)
        .map_err(|_| Uncomposable::TooLong)?;
    header.header_checksum = header.calc_header_checksum();
    Ok(header.to_bytes().to_vec())
}

fn header_v6(
    envelope: &Envelope,
    source: Ipv6Addr,
    destination: Ipv6Addr,
    protocol: u8,
    length: usize,
) -> Result<Vec<u8>, Uncomposable> {
    let header = Ipv6Header {
        traffic_class: envelope.traffic_class,
        flow_label: Ipv6FlowLabel::try_new(envelope.flow_label & 0x000f_ffff).unwrap_or_default(),
        payload_length: u16::try_from(length).map_err(|_| Uncomposable::TooLong)?,
        next_header: IpNumber(protocol),
        hop_limit: envelope.ttl,
        source: source.octets(),
        destination: destination.octets(),
    };
    Ok(header.to_bytes().to_vec())
}
