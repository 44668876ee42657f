//! The packet in question, and what can be known of one.

use std::net::IpAddr;

/// TCP.
pub const TCP: u8 = 6;
/// UDP.
pub const UDP: u8 = 17;

/// `NF_CT_STATE_INVALID_BIT` and its neighbours, `include/net/netfilter/nf_conntrack.h`.
pub(in crate::rules) const INVALID: u128 = 1;
pub(in crate::rules) const ESTABLISHED: u128 = 2;
pub(in crate::rules) const RELATED: u128 = 4;
pub(in crate::rules) const NEW: u128 = 8;
pub(in crate::rules) const UNTRACKED: u128 = 64;

/// The bit of a connection state by its name in nftables.
pub(in crate::rules) fn state_named(name: &str) -> Option<u128> {
    Some(match name {
        "invalid" => INVALID,
        "established" => ESTABLISHED,
        "related" => RELATED,
        "new" => NEW,
        "untracked" => UNTRACKED,
        _ => return None,
    })
}

/// `enum ip_conntrack_status`, `include/uapi/linux/netfilter/nf_conntrack_common.h`.
pub(in crate::rules) const SEEN_REPLY: u128 = 2;
pub(in crate::rules) const ASSURED: u128 = 4;
pub(in crate::rules) const SOURCE_TRANSLATED: u128 = 16;
pub(in crate::rules) const DESTINATION_TRANSLATED: u128 = 32;

/// `RTN_UNICAST` and its neighbours, `include/uapi/linux/rtnetlink.h`.
pub(in crate::rules) const UNICAST: u128 = 1;
pub(in crate::rules) const LOCAL: u128 = 2;
pub(in crate::rules) const MULTICAST: u128 = 5;

/// Which way a packet takes through this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Journey {
    /// It comes from the network.
    Inbound,
    /// This host sends it.
    Outbound,
}

/// Which packet of a connection it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The first one.
    Opening,
    /// The answer to it.
    Answer,
    /// The one that completes the handshake.
    Completion,
}

/// The first packet of the connection in question, as it is before any rule sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Which way it takes.
    pub journey: Journey,
    /// Source address.
    pub from: IpAddr,
    /// Destination address; when it is not given, one of this host's own (inbound).
    pub to: Option<IpAddr>,
    /// Transport protocol.
    pub protocol: u8,
    /// Source port; when it is not given, one of the unprivileged ones.
    pub source_port: Option<u16>,
    /// Destination port.
    pub port: Option<u16>,
    /// Interface it comes in by.
    pub in_interface: Option<String>,
    /// Interface it goes out by; for an inbound packet it says that the packet is forwarded.
    pub out_interface: Option<String>,
    /// Whether the destination that is given is one of this host's own addresses, where that is
    /// known.
    pub here: Option<bool>,
    /// The mark it has from its socket (`SO_MARK`), 0 for none; from the network none has one.
    pub mark: u32,
}

impl Packet {
    /// The opening packet of a TCP connection from the network.
    pub const fn opening(from: IpAddr, port: Option<u16>) -> Self {
        Self {
            journey: Journey::Inbound,
            from,
            to: None,
            protocol: TCP,
            source_port: None,
            port,
            in_interface: None,
            out_interface: None,
            here: None,
            mark: 0,
        }
    }
}

/// What is known of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number within these bounds.
    Number(u128, u128),
    /// A number within one of these spans, which are in order and apart.
    Within(Vec<(u128, u128)>),
    /// A number of which these bits are known: which, and what they are.
    Bits(u128, u128),
    /// This name.
    Name(String),
    /// A name that begins so.
    Begins(String),
    /// A name that is none of these.
    NoneOf(Vec<String>),
    /// Nothing.
    Unknown,
    /// The packet has no such field: a condition on it fails, negated or not.
    Absent,
}

impl Value {
    pub(super) fn exactly(number: impl Into<u128>) -> Self {
        let number = number.into();
        Self::Number(number, number)
    }

    /// A number within one of `spans`; `None` where there is no span.
    pub(super) fn within(spans: Vec<(u128, u128)>) -> Option<Self> {
        match spans.as_slice() {
            [] => None,
            [(low, high)] => Some(Self::Number(*low, *high)),
            [_, _, ..] => Some(Self::Within(spans)),
        }
    }

    /// The spans a number is within; `None` for what is no number.
    pub(super) fn spans(&self) -> Option<Vec<(u128, u128)>> {
        match self {
            Self::Number(low, high) => Some(vec![(*low, *high)]),
            Self::Within(spans) => Some(spans.clone()),
            Self::Unknown => Some(vec![(0, u128::MAX)]),
            Self::Bits(..) | Self::Name(_) | Self::Begins(_) | Self::NoneOf(_) | Self::Absent => {
                None
            }
        }
    }
}
