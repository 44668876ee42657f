//! A packet as a point saw it, reduced to what tells it from others.

use std::net::{IpAddr, SocketAddr};

use crate::wire::checksum::Checksum;
use crate::wire::dissect::{Content, Packet};
use crate::wire::frame::Direction;
use crate::wire::icmp::Kind;
use crate::wire::quote::{Carried, Quote};
use crate::wire::tcp::Flags;

/// The protocols whose packets are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// ICMP or ICMPv6 echo: the identifier of a request stands as its source port, that of a reply as
    /// its destination port.
    Echo,
}

/// One direction of a flow as it looked at one point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Half {
    /// Its protocol.
    pub protocol: Protocol,
    /// Where it comes from.
    pub source: SocketAddr,
    /// Where it goes to.
    pub destination: SocketAddr,
}

impl Half {
    /// The other direction.
    #[must_use]
    pub const fn reverse(self) -> Self {
        Self {
            protocol: self.protocol,
            source: self.destination,
            destination: self.source,
        }
    }
}

/// A packet that a point saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its number in the file, from 1.
    pub number: u64,
    /// Nanoseconds since the Unix epoch by the clock of that point.
    pub at: u64,
    /// Its interface: of the file, or for cooked frames the index of the kernel's.
    pub interface: u32,
    /// Which way it crossed the interface, where that is told.
    pub direction: Option<Direction>,
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// IPv4 identification or that of a fragment; `None` where zero.
    pub identification: Option<u32>,
    /// IPv6 flow label.
    pub flow_label: Option<u32>,
    /// Whether it is a fragment.
    pub is_fragment: bool,
    /// What its checksums show; on the host that sent it, they may have been left to hardware.
    pub checksum: Checksum,
    /// The direction of the flow it belongs to; an error belongs to the answers of what it quotes.
    pub half: Half,
    /// What it carries.
    pub body: Body,
}

/// What a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// A TCP segment.
    Segment {
        /// Sequence number.
        sequence: u32,
        /// Acknowledgment number; `None` without ACK.
        acknowledgment: Option<u32>,
        /// Control bits.
        flags: Flags,
        /// Octets of payload.
        payload: u16,
        /// Timestamp value and echo.
        timestamps: Option<(u32, u32)>,
    },
    /// An echo request or reply.
    Echo {
        /// Whether it is the reply.
        is_reply: bool,
        /// Sequence number.
        sequence: u16,
        /// Octets of payload.
        length: u16,
        /// The first of them.
        opening: Option<[u8; 8]>,
    },
    /// An ICMP error.
    Error {
        /// Its kind.
        kind: Kind,
        /// What it quotes.
        quoted: Quoted,
    },
}

/// What an error quotes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quoted {
    /// The quoted flow as the quote has it.
    pub half: Half,
    /// The quoted sequence number, of TCP or of an echo request.
    pub sequence: u32,
    /// The quoted IP identification; `None` where zero.
    pub identification: Option<u32>,
}

impl Seen {
    /// Reduces a packet; `None` where it is of no protocol that is joined, or shows too little.
    pub(super) fn of(packet: &Packet) -> Option<Self> {
        let (half, body) = match packet.content {
            Content::Tcp(segment) => {
                let half = Half {
                    protocol: Protocol::Tcp,
                    source: SocketAddr::new(packet.source, segment.source_port),
                    destination: SocketAddr::new(packet.destination, segment.destination_port),
                };
                let has_ack = segment.flags.contains(Flags::ACK);
                let body = Body::Segment {
                    sequence: segment.sequence,
                    acknowledgment: has_ack.then_some(segment.acknowledgment),
                    flags: segment.flags,
                    payload: segment.payload_length,
                    timestamps: segment.options.timestamps,
                };
                (half, body)
            }
            Content::Icmp(message) => match message.kind {
                Kind::EchoRequest(echo) | Kind::EchoReply(echo) => {
                    let is_reply = matches!(message.kind, Kind::EchoReply(_));
                    let half = echo_half(packet.source, packet.destination, echo.identifier);
                    let body = Body::Echo {
                        is_reply,
                        sequence: echo.sequence,
                        length: message.payload_length,
                        opening: message.opening,
                    };
                    (if is_reply { swap_ports(half) } else { half }, body)
                }
                kind @ (Kind::Unreachable(_)
                | Kind::TooBig { .. }
                | Kind::TimeExceeded
                | Kind::ReassemblyTimeout
                | Kind::Other { .. }) => {
                    let quoted = Quoted::of(&message.quote?)?;
                    (quoted.half.reverse(), Body::Error { kind, quoted })
                }
            },
            Content::LaterFragment { .. } | Content::Other { .. } => return None,
        };
        Some(Self {
            number: 0,
            at: 0,
            interface: 0,
            direction: None,
            source: packet.source,
            destination: packet.destination,
            ttl: packet.ttl,
            identification: packet.identification.filter(|id| *id != 0),
            flow_label: packet.flow_label,
            is_fragment: packet.fragment.is_some(),
            checksum: Checksum::Unknown,
            half,
            body,
        })
    }

    /// Whether it asks for an answer: a SYN of a client or an echo request.
    pub(super) const fn opens(&self) -> bool {
        match self.body {
            Body::Segment { flags, .. } => {
                flags.contains(Flags::SYN) && !flags.contains(Flags::ACK)
            }
            Body::Echo { is_reply, .. } => !is_reply,
            Body::Error { .. } => false,
        }
    }
}

/// The half of an echo request.
fn echo_half(source: IpAddr, destination: IpAddr, identifier: u16) -> Half {
    Half {
        protocol: Protocol::Echo,
        source: SocketAddr::new(source, identifier),
        destination: SocketAddr::new(destination, 0),
    }
}

fn swap_ports(half: Half) -> Half {
    Half {
        source: SocketAddr::new(half.source.ip(), half.destination.port()),
        destination: SocketAddr::new(half.destination.ip(), half.source.port()),
        ..half
    }
}

impl Quoted {
    fn of(quote: &Quote) -> Option<Self> {
        let (half, sequence) = match quote.carried {
            Carried::Tcp {
                source_port,
                destination_port,
                sequence,
            } => {
                let half = Half {
                    protocol: Protocol::Tcp,
                    source: SocketAddr::new(quote.source, source_port),
                    destination: SocketAddr::new(quote.destination, destination_port),
                };
                (half, sequence)
            }
            Carried::EchoRequest(echo) => (
                echo_half(quote.source, quote.destination, echo.identifier),
                u32::from(echo.sequence),
            ),
            Carried::Nothing => return None,
        };
        Some(Self {
            half,
            sequence,
            identification: quote.identification.filter(|id| *id != 0),
        })
    }
}
