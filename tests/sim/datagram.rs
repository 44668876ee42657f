//! A datagram as the devices see it: the IP header as fields, the transport as octets.
//!
//! Parsed and written with `etherparse`, never with the crate's own `wire` floor, so that a mistake
//! there cannot hide behind the same mistake here.

use std::fmt;
use std::net::IpAddr;

use etherparse::checksum::Sum16BitWords;
use etherparse::{
    IpFragOffset, IpNumber, Ipv4Header, Ipv6FlowLabel, Ipv6FragmentHeader, Ipv6Header,
    TcpHeaderSlice,
};

/// TCP's protocol number.
pub const TCP: u8 = 6;
/// ICMP's protocol number.
pub const ICMP: u8 = 1;
/// ICMPv6's next-header number.
pub const ICMP6: u8 = 58;
/// The next-header number of the IPv6 fragment header.
const FRAGMENT: u8 = 44;

/// One IP datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// TOS octet or traffic class, ECN bits included.
    pub traffic_class: u8,
    /// IPv6 flow label; 0 for IPv4.
    pub flow_label: u32,
    /// IPv4 identification, or that of the IPv6 fragment header.
    pub id: u32,
    /// IPv4 DF; true for IPv6.
    pub dont_fragment: bool,
    /// Offset in octets and the more-fragments bit; `None` for a whole datagram.
    pub fragment: Option<Fragment>,
    /// Transport protocol.
    pub protocol: u8,
    /// From the transport header on.
    pub payload: Vec<u8>,
}

/// Where a fragment belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Offset in octets.
    pub offset: u16,
    /// Whether more follow.
    pub more: bool,
}

/// The fields of a TCP header that devices act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgment number.
    pub acknowledgment: u32,
    /// SYN.
    pub syn: bool,
    /// ACK.
    pub ack: bool,
    /// RST.
    pub rst: bool,
    /// FIN.
    pub fin: bool,
    /// Window.
    pub window: u16,
    /// Octets of data.
    pub data: u32,
}

impl Segment {
    /// Sequence space it takes: data, SYN and FIN.
    pub fn length(&self) -> u32 {
        self.data + u32::from(self.syn) + u32::from(self.fin)
    }

    /// SYN without ACK, RST, FIN: iptables' `--syn`.
    pub fn is_syn(&self) -> bool {
        self.syn && !self.ack && !self.rst && !self.fin
    }
}

impl Datagram {
    /// Reads a datagram from its IP header on; `None` where it is none.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        match bytes.first()? >> 4 {
            4 => Self::parse_v4(bytes),
            6 => Self::parse_v6(bytes),
            _ => None,
        }
    }

    fn parse_v4(bytes: &[u8]) -> Option<Self> {
        let (header, rest) = Ipv4Header::from_slice(bytes).ok()?;
        let length = usize::from(header.payload_len().ok()?);
        let offset = header.fragment_offset.value() * 8;
        let more = header.more_fragments;
        Some(Self {
            source: header.source.into(),
            destination: header.destination.into(),
            ttl: header.time_to_live,
            traffic_class: header.dscp.value() << 2 | header.ecn.value(),
            flow_label: 0,
            id: header.identification.into(),
            dont_fragment: header.dont_fragment,
            fragment: (more || offset > 0).then_some(Fragment { offset, more }),
            protocol: header.protocol.0,
            payload: rest.get(..length)?.to_vec(),
        })
    }

    fn parse_v6(bytes: &[u8]) -> Option<Self> {
        let (header, rest) = Ipv6Header::from_slice(bytes).ok()?;
        let rest = rest.get(..usize::from(header.payload_length))?;
        let mut datagram = Self {
            source: header.source.into(),
            destination: header.destination.into(),
            ttl: header.hop_limit,
            traffic_class: header.traffic_class,
            flow_label: header.flow_label.value(),
            id: 0,
            dont_fragment: true,
            fragment: None,
            protocol: header.next_header.0,
            payload: Vec::new(),
        };
        if datagram.protocol == FRAGMENT {
            let (fragment, rest) = Ipv6FragmentHeader::from_slice(rest).ok()?;
            datagram.id = fragment.identification;
            datagram.protocol = fragment.next_header.0;
            datagram.fragment = Some(Fragment {
                offset: fragment.fragment_offset.value() * 8,
                more: fragment.more_fragments,
            });
            datagram.payload = rest.to_vec();
        } else {
            datagram.payload = rest.to_vec();
        }
        Some(datagram)
    }

    /// The octets from the IP header on, header checksum filled in; the transport as it stands.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.length());
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let payload = u16::try_from(self.payload.len()).expect("datagrams are short");
                let mut header = Ipv4Header::new(
                    payload,
                    self.ttl,
                    IpNumber(self.protocol),
                    source.octets(),
                    destination.octets(),
                )
                .expect("an IPv4 header");
                header.dscp = (self.traffic_class >> 2).try_into().expect("six bits");
                header.ecn = (self.traffic_class & 3).try_into().expect("two bits");
                header.identification = self.id as u16;
                header.dont_fragment = self.dont_fragment;
                header.more_fragments = self.fragment.is_some_and(|fragment| fragment.more);
                header.fragment_offset = frag_offset(self.fragment);
                header.header_checksum = header.calc_header_checksum();
                header.write_raw(&mut out).expect("a vector takes all");
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let extra = if self.fragment.is_some() { 8 } else { 0 };
                let header = Ipv6Header {
                    traffic_class: self.traffic_class,
                    flow_label: Ipv6FlowLabel::try_new(self.flow_label).expect("twenty bits"),
                    payload_length: u16::try_from(self.payload.len() + extra)
                        .expect("datagrams are short"),
                    next_header: IpNumber(if extra > 0 { FRAGMENT } else { self.protocol }),
                    hop_limit: self.ttl,
                    source: source.octets(),
                    destination: destination.octets(),
                };
                header.write(&mut out).expect("a vector takes all");
                if let Some(fragment) = self.fragment {
                    let header = Ipv6FragmentHeader::new(
                        IpNumber(self.protocol),
                        frag_offset(Some(fragment)),
                        fragment.more,
                        self.id,
                    );
                    header.write(&mut out).expect("a vector takes all");
                }
            }
            _ => unreachable!("both addresses are of one family"),
        }
        out.extend_from_slice(&self.payload);
        out
    }

    /// Length of the whole datagram in octets.
    pub fn length(&self) -> usize {
        let header = match (self.is_v4(), self.fragment) {
            (true, _) => 20,
            (false, None) => 40,
            (false, Some(_)) => 48,
        };
        header + self.payload.len()
    }

    /// Whether it is IPv4.
    pub fn is_v4(&self) -> bool {
        self.source.is_ipv4()
    }

    /// Whether it starts its transport: whole, or the fragment at offset 0.
    pub fn has_transport_header(&self) -> bool {
        self.fragment.is_none_or(|fragment| fragment.offset == 0)
    }

    /// The TCP header, where it is TCP and holds one.
    pub fn segment(&self) -> Option<Segment> {
        if self.protocol != TCP || !self.has_transport_header() {
            return None;
        }
        let header = TcpHeaderSlice::from_slice(&self.payload).ok()?;
        Some(Segment {
            source_port: header.source_port(),
            destination_port: header.destination_port(),
            sequence: header.sequence_number(),
            acknowledgment: header.acknowledgment_number(),
            syn: header.syn(),
            ack: header.ack(),
            rst: header.rst(),
            fin: header.fin(),
            window: header.window_size(),
            data: u32::try_from(self.payload.len() - header.slice().len()).expect("short"),
        })
    }

    /// ICMP type and code, where it is ICMP of its own family.
    pub fn icmp(&self) -> Option<(u8, u8)> {
        let expected = if self.is_v4() { ICMP } else { ICMP6 };
        if self.protocol != expected || !self.has_transport_header() {
            return None;
        }
        match self.payload.as_slice() {
            [kind, code, _, _, _, _, _, _, ..] => Some((*kind, *code)),
            _ => None,
        }
    }

    /// Whether it is an ICMP error (RFC 1122 §3.2.2, RFC 4443 §2.1).
    pub fn is_icmp_error(&self) -> bool {
        match self.icmp() {
            Some((kind, _)) if self.is_v4() => matches!(kind, 3 | 4 | 5 | 11 | 12),
            Some((kind, _)) => kind < 128,
            None => false,
        }
    }

    /// Identifier and sequence number of an echo message, as one number; 0 for anything else.
    pub fn echo_identifier(&self) -> u16 {
        match self.payload.as_slice() {
            [_, _, _, _, high, low, ..] => u16::from_be_bytes([*high, *low]),
            _ => 0,
        }
    }

    /// Whether the transport checksum holds over the octets that are here.
    pub fn checksum_holds(&self) -> bool {
        self.sum().ones_complement() == 0
    }

    /// Writes the transport checksum for the octets that are here.
    pub fn fill_checksum(&mut self) {
        let at = match self.protocol {
            TCP => 16,
            _ => 2,
        };
        self.payload[at] = 0;
        self.payload[at + 1] = 0;
        let sum = self.sum().ones_complement().to_be().to_be_bytes();
        self.payload[at] = sum[0];
        self.payload[at + 1] = sum[1];
    }

    fn sum(&self) -> Sum16BitWords {
        let length = u32::try_from(self.payload.len()).expect("short");
        let mut sum = Sum16BitWords::new().add_slice(&self.payload);
        if self.protocol != ICMP {
            sum = match (self.source, self.destination) {
                (IpAddr::V4(source), IpAddr::V4(destination)) => sum
                    .add_4bytes(source.octets())
                    .add_4bytes(destination.octets()),
                (IpAddr::V6(source), IpAddr::V6(destination)) => sum
                    .add_16bytes(source.octets())
                    .add_16bytes(destination.octets()),
                _ => unreachable!("both addresses are of one family"),
            };
            sum = sum
                .add_4bytes(length.to_be_bytes())
                .add_2bytes([0, self.protocol]);
        }
        sum
    }
}

fn frag_offset(fragment: Option<Fragment>) -> IpFragOffset {
    let offset = fragment.map_or(0, |fragment| fragment.offset / 8);
    IpFragOffset::try_new(offset).expect("thirteen bits")
}

impl fmt::Display for Datagram {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} > {} ttl {}",
            self.source, self.destination, self.ttl
        )?;
        if self.traffic_class != 0 {
            write!(out, " tos {:#04x}", self.traffic_class)?;
        }
        if let Some(fragment) = self.fragment {
            write!(
                out,
                " frag {}{}",
                fragment.offset,
                if fragment.more { "+" } else { "" }
            )?;
        }
        if let Some(segment) = self.segment() {
            let flags: String = [
                (segment.syn, 'S'),
                (segment.fin, 'F'),
                (segment.rst, 'R'),
                (segment.ack, '.'),
            ]
            .into_iter()
            .filter_map(|(set, letter)| set.then_some(letter))
            .collect();
            write!(
                out,
                " tcp {} > {} [{flags}] seq {} ack {} win {} len {}",
                segment.source_port,
                segment.destination_port,
                segment.sequence,
                segment.acknowledgment,
                segment.window,
                self.length(),
            )
        } else if let Some((kind, code)) = self.icmp() {
            write!(out, " icmp {kind}/{code} len {}", self.length())
        } else {
            write!(out, " proto {} len {}", self.protocol, self.length())
        }
    }
}
