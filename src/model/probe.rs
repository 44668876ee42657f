//! A probe: what we intend to send, before any byte exists.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::word::words;

/// The number of a probe within its endpoint's diagnosis, from 1: the `evidence[].id` of the JSON
/// document and what every verdict cites.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProbeId(pub u32);

impl fmt::Display for ProbeId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// One probe as inference asks for it. Two equal probes differ only in when they are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Probe {
    /// What is sent.
    pub kind: Kind,
    /// What it is sent to, on the endpoint's address.
    pub target: Target,
    /// Which of the session's source ports it uses.
    pub flow: Flow,
    /// IPv4 TTL or IPv6 hop limit it leaves with.
    pub ttl: Ttl,
    /// DSCP it leaves with (ECN bits always zero).
    pub dscp: Dscp,
    /// Length of the whole IP datagram to pad a SYN or an echo request to, in octets, with DF set;
    /// `None` for the natural length of the kind. An echo request draws a reply as long as itself.
    pub padded_to: Option<u16>,
    /// The SYN whose segment goes out again, as a kernel retransmits it: same ports, same sequence
    /// number; `None` for a segment of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<ProbeId>,
    /// What a SYN carries besides the request for a connection.
    #[serde(default, skip_serializing_if = "Extras::is_usual")]
    pub extras: Extras,
}

impl Probe {
    /// Octets of payload of an echo request that is not padded, as of an ordinary `ping`; with the 8
    /// of header a multiple of 8, as the first fragment of one needs.
    pub const ECHO_PAYLOAD: u16 = 56;

    /// A full-TTL, unmarked, unpadded probe.
    pub const fn plain(kind: Kind, target: Target, flow: Flow) -> Self {
        Self {
            kind,
            target,
            flow,
            ttl: Ttl::FULL,
            dscp: Dscp::ZERO,
            padded_to: None,
            repeats: None,
            extras: Extras::Usual,
        }
    }
}

/// What a SYN carries besides the request for a connection: a filter may let one kind pass and not
/// another, a listener takes all alike.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Extras {
    /// The options of a Linux client.
    #[default]
    Usual,
    /// No option at all: RFC 9293 asks for none.
    Nothing,
    /// The usual options, and the flags that ask for ECN (ECE and CWR, RFC 3168 §6.1.1).
    Ecn,
}

impl Extras {
    /// Whether it is an ordinary client's.
    #[allow(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde hands fields over by reference"
    )]
    pub const fn is_usual(&self) -> bool {
        matches!(self, Self::Usual)
    }

    /// The word of the JSON document; `None` for the usual.
    pub const fn word(self) -> Option<&'static str> {
        match self {
            Self::Usual => None,
            Self::Nothing => Some("none"),
            Self::Ecn => Some("ecn"),
        }
    }
}

words! {
    /// The kinds of datagram a probe can be.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    Kind {
        /// A TCP SYN with the options a Linux client sends.
        Syn = "syn",
        /// A bare TCP ACK that belongs to no connection.
        Ack = "ack",
        /// A bare TCP FIN that belongs to no connection.
        Fin = "fin",
        /// An ICMP or ICMPv6 echo request.
        Echo = "echo",
        /// The first fragment of a SYN (or, for [`Target::Host`], of an echo request) whose rest is
        /// never sent: a host that reassembles reports the timeout after 30 s (IPv6: 60 s).
        Fragment = "fragment",
    }
}

/// Where on the endpoint's address a probe is addressed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// The port under diagnosis.
    Endpoint,
    /// Another TCP port of the same address, for comparison.
    Control(u16),
    /// The address itself: ICMP, no port.
    Host,
}

/// A source port of the session, by range and index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Flow {
    /// The range the source port is taken from.
    pub range: SourceRange,
    /// Which of the session's ports of that range, from 0.
    pub index: u8,
}

impl Flow {
    /// Flow `index` of the range an ordinary client uses.
    pub const fn ephemeral(index: u8) -> Self {
        Self {
            range: SourceRange::Ephemeral,
            index,
        }
    }

    /// Flow `index` of the ports below 1024.
    pub const fn privileged(index: u8) -> Self {
        Self {
            range: SourceRange::Privileged,
            index,
        }
    }
}

/// The source-port ranges a firewall may treat differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceRange {
    /// What the kernel hands to clients (`ip_local_port_range`).
    Ephemeral,
    /// 512–1023: outside the return ports that a network ACL must open.
    Privileged,
}

/// An IPv4 TTL or IPv6 hop limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ttl(pub u8);

impl Ttl {
    /// What an ordinary client's datagrams leave with on Linux (`net.ipv4.ip_default_ttl`).
    pub const FULL: Self = Self(64);

    /// Whether the probe is meant to reach the host.
    pub const fn is_full(self) -> bool {
        self.0 == Self::FULL.0
    }
}

/// A DSCP code point, 0 to 63 (RFC 2474): the upper six bits of the traffic class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Dscp(pub u8);

impl Dscp {
    /// Best effort: unmarked.
    pub const ZERO: Self = Self(0);
    /// AF21 (traffic class 0x48): the mark of our DSCP probes.
    pub const MARK: Self = Self(0x12);
    /// CS6 (traffic class 0xc0): what Linux writes on the ICMP errors it sends
    /// (`icmp_send`, `IPTOS_PREC_INTERNETCONTROL`).
    pub const CS6: Self = Self(0x30);

    /// The code point in a traffic-class octet.
    pub const fn of_traffic_class(octet: u8) -> Self {
        Self(octet >> 2)
    }

    /// The traffic-class octet with this code point and no ECN bits.
    pub const fn traffic_class(self) -> u8 {
        self.0 << 2
    }
}
