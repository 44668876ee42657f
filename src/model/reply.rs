//! A reply: an authenticated answer to one probe, dissected to what inference may use.
//!
//! Authentic is what bears the probe's token. Whether this host's stack would take it for an answer is
//! another question, and a reply that it would not take has a [`Flaw`].

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::probe::{Dscp, Ttl};
use super::response::ProbeOutcome;
use super::verdict::Method;
use super::word::Word as _;

/// An authenticated answer to a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Source address of the datagram: what it claims, not who sent it.
    pub from: IpAddr,
    /// TTL or hop limit on arrival.
    pub ttl: Ttl,
    /// DSCP on arrival.
    pub dscp: Dscp,
    /// IPv6 flow label on arrival; `None` for IPv4.
    pub flow_label: Option<u32>,
    /// What it says.
    pub answer: Answer,
    /// Why no client's stack takes it for an answer; `None` where one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flaw: Option<Flaw>,
}

impl Reply {
    /// What it comes to: what is wrong with it before what it says.
    pub const fn outcome(&self) -> ProbeOutcome {
        match self.flaw {
            None => ProbeOutcome::of(&self.answer),
            Some(Flaw::Checksum) => ProbeOutcome::BadChecksum,
            Some(Flaw::Misaddressed { .. }) => ProbeOutcome::Misaddressed,
        }
    }

    /// Whether another is this one, heard again or elsewhere: the TTL and what else the receivers know of
    /// it may differ.
    pub fn is_same(&self, other: &Self) -> bool {
        self.from == other.from && self.answer.same_kind(&other.answer)
    }
}

/// Why no client's stack takes a reply that bears the probe's token for an answer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flaw {
    /// A checksum is wrong, and the kernel does not vouch for it: no socket ever sees it.
    Checksum,
    /// It comes from another address or port than the probe went to.
    Misaddressed {
        /// The port it comes from; 0 of a message without ports.
        port: u16,
    },
}

/// What a reply says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// SYN and ACK set, acknowledging our SYN.
    SynAck {
        /// The advertised receive window; a SYN proxy often writes 0.
        window: u16,
        /// The maximum-segment-size option; `None` where it carries none.
        mss: Option<u16>,
    },
    /// RST set, acknowledging our segment (or carrying its acknowledgment number).
    Reset,
    /// ICMP or ICMPv6 echo reply.
    EchoReply {
        /// Octets of the datagram that carries it, IP header included; of a reply in pieces, those
        /// of its first.
        length: u16,
        /// Whether it came in fragments: a link on the way back carries less than the whole, or the
        /// host knows of one.
        in_pieces: bool,
    },
    /// The TTL ran out in transit (ICMP 11/0, ICMPv6 3/0).
    TimeExceeded(Quote),
    /// The reassembly timer ran out (ICMP 11/1, ICMPv6 3/1): an incomplete datagram got there.
    ReassemblyTimeout(Quote),
    /// Destination unreachable, for the reason given.
    Unreachable(Refusal, Quote),
    /// Fragmentation needed (ICMP 3/4) or packet too big (ICMPv6 2/0).
    TooBig {
        /// The next-hop MTU it states, in octets; `None` where the router left it zero.
        mtu: Option<u16>,
        /// What it quotes of our probe.
        quote: Quote,
    },
    /// Any other ICMP message about our probe.
    OtherIcmp {
        /// ICMP type.
        kind: u8,
        /// ICMP code.
        code: u8,
    },
}

impl Answer {
    /// Whether it reports the TTL run out in transit.
    pub const fn is_time_exceeded(&self) -> bool {
        matches!(self, Self::TimeExceeded(_))
    }

    /// Whether it says that the host itself was reached.
    pub const fn is_end_of_path(&self) -> bool {
        matches!(
            self,
            Self::SynAck { .. } | Self::Reset | Self::EchoReply { .. }
        )
    }

    /// The reason, of a "destination unreachable".
    pub const fn refusal(&self) -> Option<Refusal> {
        if let Self::Unreachable(refusal, _) = self {
            Some(*refusal)
        } else {
            None
        }
    }

    /// The next-hop MTU stated, of a "too big" (the inner `None`: it states none).
    pub const fn too_big(&self) -> Option<Option<u16>> {
        if let Self::TooBig { mtu, .. } = self {
            Some(*mtu)
        } else {
            None
        }
    }

    /// What it says, in nmap's words where they exist.
    pub fn word(&self) -> &'static str {
        ProbeOutcome::of(self).word()
    }

    /// Whether both say the same thing, whatever header fields they carry.
    pub fn same_kind(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::SynAck { .. }, Self::SynAck { .. })
            | (Self::Reset, Self::Reset)
            | (Self::TimeExceeded(_), Self::TimeExceeded(_))
            | (Self::ReassemblyTimeout(_), Self::ReassemblyTimeout(_))
            | (Self::TooBig { .. }, Self::TooBig { .. })
            | (Self::OtherIcmp { .. }, Self::OtherIcmp { .. }) => true,
            (Self::Unreachable(one, _), Self::Unreachable(two, _)) => one == two,
            // Behind the firewall a reply is whole again that came in pieces.
            (Self::EchoReply { in_pieces: one, .. }, Self::EchoReply { in_pieces: two, .. }) => {
                one == two
            }
            _ => false,
        }
    }
}

/// What an ICMP error quotes of our probe, as it looked where the error arose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// The DSCP of the quoted datagram: differs from ours where the path rewrites it.
    pub dscp: Dscp,
    /// The TTL of the quoted datagram (RFC 1812: as received, usually 1 or 0).
    pub ttl: Ttl,
    /// The quoted source address, when it is not ours: a NAT that did not translate it back.
    pub foreign_source: Option<IpAddr>,
    /// The quoted destination, when it is not where the probe was sent: it had been translated by
    /// then. The port is 0 of an echo request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign_destination: Option<SocketAddr>,
}

/// Why a destination is unreachable: the ICMP and ICMPv6 codes, in the words of iptables'
/// `--reject-with`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// ICMP 3/0 and 3/6.
    NetUnreachable,
    /// ICMP 3/1, 3/7, 3/8 and 3/12.
    HostUnreachable,
    /// ICMP 3/2.
    ProtocolUnreachable,
    /// ICMP 3/3.
    PortUnreachable,
    /// ICMP 3/9.
    NetProhibited,
    /// ICMP 3/10.
    HostProhibited,
    /// ICMP 3/13.
    AdminProhibited,
    /// ICMPv6 1/0.
    NoRoute6,
    /// ICMPv6 1/1.
    AdminProhibited6,
    /// ICMPv6 1/3.
    AddressUnreachable6,
    /// ICMPv6 1/4.
    PortUnreachable6,
    /// ICMPv6 1/5.
    PolicyFail6,
    /// ICMPv6 1/6.
    RejectRoute6,
    /// Any other code of "destination unreachable", kept as it came.
    Unknown(u8),
}

impl Refusal {
    /// Those that have a word of their own.
    pub const NAMED: [Self; 13] = [
        Self::NetUnreachable,
        Self::HostUnreachable,
        Self::ProtocolUnreachable,
        Self::PortUnreachable,
        Self::NetProhibited,
        Self::HostProhibited,
        Self::AdminProhibited,
        Self::NoRoute6,
        Self::AdminProhibited6,
        Self::AddressUnreachable6,
        Self::PortUnreachable6,
        Self::PolicyFail6,
        Self::RejectRoute6,
    ];

    /// Whether it says of the whole address that there is no way to it, and nothing of the port.
    pub const fn says_no_way(self) -> bool {
        match self {
            Self::NetUnreachable
            | Self::HostUnreachable
            | Self::NoRoute6
            | Self::AddressUnreachable6
            | Self::RejectRoute6 => true,
            Self::ProtocolUnreachable
            | Self::PortUnreachable
            | Self::NetProhibited
            | Self::HostProhibited
            | Self::AdminProhibited
            | Self::AdminProhibited6
            | Self::PortUnreachable6
            | Self::PolicyFail6
            | Self::Unknown(_) => false,
        }
    }

    /// What it says, in nmap's words where they exist.
    pub fn word(self) -> &'static str {
        if let Self::Unknown(_) = self {
            return "dest-unreach";
        }
        let word = Method::Icmp(self).word();
        word.split_once('-').map_or(word, |(_, reason)| reason)
    }
}
