//! The datagrams devices make: TCP segments, ICMP messages and what they quote.

use std::net::IpAddr;

use etherparse::TcpHeader;

use super::datagram::{Datagram, ICMP, ICMP6, Segment, TCP};

/// `net.ipv4.ip_default_ttl`, `net.ipv6.conf.all.hop_limit`.
pub const DEFAULT_TTL: u8 = 64;

/// A TCP segment to send, without its addresses.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgment number; sets ACK where given.
    pub acknowledgment: Option<u32>,
    /// SYN.
    pub syn: bool,
    /// RST.
    pub rst: bool,
    /// Window.
    pub window: u16,
    /// Maximum segment size option.
    pub mss: Option<u16>,
}

impl Draft {
    /// The segment as a datagram the way Linux' TCP writes it: id 0, DF, TTL 64, TOS 0.
    pub fn datagram(&self, source: IpAddr, destination: IpAddr) -> Datagram {
        let mut header = TcpHeader::new(
            self.source_port,
            self.destination_port,
            self.sequence,
            self.window,
        );
        header.syn = self.syn;
        header.rst = self.rst;
        header.ack = self.acknowledgment.is_some();
        header.acknowledgment_number = self.acknowledgment.unwrap_or(0);
        if let Some(mss) = self.mss {
            let [high, low] = mss.to_be_bytes();
            header
                .set_options_raw(&[2, 4, high, low])
                .expect("four octets of options");
        }
        let mut datagram = Datagram {
            source,
            destination,
            ttl: DEFAULT_TTL,
            traffic_class: 0,
            flow_label: 0,
            id: 0,
            dont_fragment: true,
            fragment: None,
            protocol: TCP,
            payload: header.to_bytes().to_vec(),
        };
        datagram.fill_checksum();
        datagram
    }
}

/// The reset that answers `segment` (RFC 9293 §3.10.7.1), ports and numbers only.
pub fn reset_of(segment: &Segment) -> Draft {
    let mut draft = Draft {
        source_port: segment.destination_port,
        destination_port: segment.source_port,
        rst: true,
        ..Draft::default()
    };
    if segment.ack {
        draft.sequence = segment.acknowledgment;
    } else {
        draft.acknowledgment = Some(segment.sequence.wrapping_add(segment.length()));
    }
    draft
}

/// An ICMP message of the family of its addresses: `rest` is the second word of its header.
pub fn icmp(
    source: IpAddr,
    destination: IpAddr,
    (kind, code): (u8, u8),
    rest: [u8; 4],
    body: &[u8],
) -> Datagram {
    let mut payload = Vec::with_capacity(8 + body.len());
    payload.extend_from_slice(&[kind, code, 0, 0]);
    payload.extend_from_slice(&rest);
    payload.extend_from_slice(body);
    let mut datagram = Datagram {
        source,
        destination,
        ttl: DEFAULT_TTL,
        traffic_class: 0,
        flow_label: 0,
        id: 0,
        dont_fragment: source.is_ipv6(),
        fragment: None,
        protocol: if source.is_ipv4() { ICMP } else { ICMP6 },
        payload,
    };
    datagram.fill_checksum();
    datagram
}

/// As much of `offending` as Linux quotes: an ICMP datagram of 576 octets (`icmp_send`), an ICMPv6
/// one of 1280 (`icmp6_send`).
pub fn quote(offending: &Datagram) -> Vec<u8> {
    let most = if offending.is_v4() {
        576 - 20 - 8
    } else {
        1280 - 40 - 8
    };
    let mut bytes = offending.bytes();
    bytes.truncate(most);
    bytes
}
