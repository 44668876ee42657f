//! Conditions on a packet: values of fields against patterns.

use super::odds::Odds;
use super::rule::{Elements, Verdict};

/// Something of a packet, its connection or its way that a rule can look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// Netfilter's number of the IP version: 2 for IPv4, 10 for IPv6.
    NetfilterProtocol,
    /// The EtherType.
    EtherType,
    /// The transport protocol.
    Protocol,
    /// The IPv4 source address; absent in IPv6.
    Source4,
    /// The IPv4 destination address; absent in IPv6.
    Destination4,
    /// The IPv6 source address; absent in IPv4.
    Source6,
    /// The IPv6 destination address; absent in IPv4.
    Destination6,
    /// The source port of the protocol of that number, of any for 0.
    SourcePort(u8),
    /// The destination port of the protocol of that number, of any for 0.
    DestinationPort(u8),
    /// The TCP flags, FIN lowest.
    TcpFlags,
    /// The fragment offset field of IPv4, its three flags highest.
    FragmentOffset,
    /// The name of the interface a packet came in by.
    InInterface,
    /// The name of the interface a packet goes out by.
    OutInterface,
    /// The packet's mark.
    Mark,
    /// The state of the connection, one bit set: 1 invalid, 2 established, 4 related, 8 new,
    /// 64 untracked.
    ConnectionState,
    /// The direction in the connection: 0 original, 1 reply.
    ConnectionDirection,
    /// Status bits of the connection: 2 seen reply, 4 assured, 16 SNAT, 32 DNAT.
    ConnectionStatus,
    /// The connection's mark.
    ConnectionMark,
    /// The destination address before translation, IPv4.
    OriginalDestination4,
    /// The destination address before translation, IPv6.
    OriginalDestination6,
    /// The destination port before translation.
    OriginalDestinationPort,
    /// The source address of the connection's first packet, IPv4.
    OriginalSource4,
    /// The source address of the connection's first packet, IPv6.
    OriginalSource6,
    /// The kernel's type of the source address: 1 unicast, 2 local, 3 broadcast, 5 multicast.
    SourceType,
    /// The kernel's type of the destination address.
    DestinationType,
    /// To whom the link layer addressed the packet: 0 this host, 1 broadcast, 2 multicast.
    PacketType,
    /// Anything else, which nobody can tell beforehand.
    Other(String),
}

/// A field under a mask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The field.
    pub field: Field,
    /// The bits that count.
    pub mask: u128,
}

impl Key {
    /// All bits of a field.
    pub const fn whole(field: Field) -> Self {
        Self {
            field,
            mask: u128::MAX,
        }
    }
}

/// What a value is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Fits everything.
    Any,
    /// Numbers from the first to the last.
    Range(u128, u128),
    /// Exactly this name.
    Name(String),
    /// Names that begin so.
    Prefix(String),
    /// Something whose value the input does not give, such as a host name.
    Opaque(String),
}

impl Pattern {
    /// Exactly this number.
    pub const fn exactly(number: u128) -> Self {
        Self::Range(number, number)
    }
}

/// One member of a set or map.
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    /// One pattern for each key.
    pub patterns: Vec<Pattern>,
    /// What a verdict map says of it.
    pub verdict: Option<Verdict>,
    /// As its tool writes it.
    pub text: String,
    /// Whether it excludes what it describes (`nomatch`).
    pub excludes: bool,
    /// Whether it asks more than that, so that it may be passed over though it fits.
    pub limited: bool,
}

impl Element {
    /// A member of one key without a verdict.
    pub fn of(pattern: Pattern) -> Self {
        Self {
            patterns: vec![pattern],
            verdict: None,
            text: String::new(),
            excludes: false,
            limited: false,
        }
    }
}

/// A condition of a rule.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// The keys are, or are not, among the elements.
    Within {
        /// What is looked at.
        keys: Vec<Key>,
        /// What it is compared with.
        elements: Elements,
        /// Whether it must not be among them.
        negated: bool,
        /// The condition without its negation, as its tool prints it.
        text: String,
    },
    /// At least one of them holds; negated: none.
    Either {
        /// The conditions.
        conditions: Vec<Condition>,
        /// Whether none may hold.
        negated: bool,
    },
    /// Cannot be evaluated from outside.
    Opaque {
        /// The condition, as its tool prints it.
        text: String,
        /// Whether it is the same each time it is asked for this packet.
        stable: bool,
        /// Whether it must not hold.
        negated: bool,
        /// How that is likely to be.
        odds: Odds,
    },
    /// Holds never.
    Never,
}

impl Condition {
    /// `key` is (`negated`: is not) within one of `patterns`.
    pub fn one_of(
        key: Key,
        patterns: impl IntoIterator<Item = Pattern>,
        negated: bool,
        text: impl Into<String>,
    ) -> Self {
        Self::Within {
            keys: vec![key],
            elements: Elements::Listed(patterns.into_iter().map(Element::of).collect()),
            negated,
            text: text.into(),
        }
    }
}
