//! The packet whose way is followed: what is known of it, and what its way changes.

use std::net::IpAddr;

use super::condition::Field;

/// TCP.
pub const TCP: u8 = 6;
/// UDP.
pub const UDP: u8 = 17;

const FIN_TO_ACK_SYN: u128 = 0x02;
const SYN_ACK: u128 = 0x12;
const ACK: u128 = 0x10;

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

/// Bit of the fragment offset field that senders set as they like (do not fragment).
const DO_NOT_FRAGMENT: u128 = 0x4000;

/// The loopback interface.
const LOOPBACK: &str = "lo";

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

/// The packet in question, as it is before any rule sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Which way it takes.
    pub journey: Journey,
    /// Which packet of its connection it is.
    pub step: Step,
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
    /// Where its connection's first packet was translated to, for the packets after that one.
    pub translated_to: Option<(Option<IpAddr>, Option<u16>)>,
}

impl Packet {
    /// The opening packet of a TCP connection from the network.
    pub const fn opening(from: IpAddr, port: Option<u16>) -> Self {
        Self {
            journey: Journey::Inbound,
            step: Step::Opening,
            from,
            to: None,
            protocol: TCP,
            source_port: None,
            port,
            in_interface: None,
            out_interface: None,
            translated_to: None,
        }
    }
}

/// What is known of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number within these bounds.
    Number(u128, u128),
    /// This name.
    Name(String),
    /// A name that is none of these.
    NoneOf(Vec<String>),
    /// Nothing.
    Unknown,
    /// The packet has no such field: a condition on it fails, negated or not.
    Absent,
}

impl Value {
    fn exactly(number: impl Into<u128>) -> Self {
        let number = number.into();
        Self::Number(number, number)
    }
}

/// The packet on its way: what was asked, and what rules have changed since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    packet: Packet,
    /// The destination now.
    pub to: Option<IpAddr>,
    /// The destination port now.
    pub port: Option<u16>,
    /// Whether the destination is an address of this host; `None` when nobody can tell.
    pub to_here: Option<bool>,
    /// The packet's mark; `None` when a rule set it to something unknown.
    pub mark: Option<u32>,
    /// The connection's mark.
    pub connection_mark: Option<u32>,
    /// Whether connection tracking has seen it.
    pub tracked: bool,
    /// Whether a rule keeps it from being tracked.
    pub untracked: bool,
    /// Whether a rule has settled its destination: later ones are not asked.
    pub settled: bool,
    /// Whether its destination became another one; `None` when nobody can tell.
    pub translated: Option<bool>,
    /// Whether the hook it is at knows the incoming interface.
    pub hook_has_in: bool,
    /// Whether the hook it is at knows the outgoing interface.
    pub hook_has_out: bool,
}

impl Flow {
    /// The packet before its way begins.
    pub fn of(packet: &Packet) -> Self {
        Self {
            to: packet.to,
            port: packet.port,
            to_here: Some(packet.journey == Journey::Inbound && packet.out_interface.is_none()),
            mark: Some(0),
            connection_mark: Some(0),
            tracked: false,
            untracked: false,
            settled: false,
            translated: Some(false),
            hook_has_in: false,
            hook_has_out: false,
            packet: packet.clone(),
        }
    }

    /// The packet as asked for.
    pub const fn packet(&self) -> &Packet {
        &self.packet
    }

    /// Whether the connection is new to its tracking.
    pub fn is_new(&self) -> bool {
        self.packet.step == Step::Opening
    }

    /// What is known of `field`.
    pub fn value(&self, field: &Field, mask: u128) -> Value {
        let packet = &self.packet;
        let number = |known: Option<u32>| known.map_or(Value::Unknown, Value::exactly);
        match field {
            Field::NetfilterProtocol => {
                Value::exactly(if packet.from.is_ipv4() { 2_u8 } else { 10 })
            }
            Field::EtherType => Value::exactly(if packet.from.is_ipv4() {
                0x0800_u16
            } else {
                0x86dd
            }),
            Field::Protocol => Value::exactly(packet.protocol),
            Field::Source4 => version4(Some(packet.from)),
            Field::Source6 => version6(Some(packet.from)),
            Field::Destination4 => self.one_version(self.to, true),
            Field::Destination6 => self.one_version(self.to, false),
            Field::OriginalSource4 if self.tracked && self.is_original() => {
                version4(Some(packet.from))
            }
            Field::OriginalSource6 if self.tracked && self.is_original() => {
                version6(Some(packet.from))
            }
            Field::OriginalDestination4 if self.tracked && self.is_original() => {
                self.one_version(packet.to, true)
            }
            Field::OriginalDestination6 if self.tracked && self.is_original() => {
                self.one_version(packet.to, false)
            }
            Field::OriginalDestinationPort if self.tracked && self.is_original() => {
                packet.port.map_or(Value::Unknown, Value::exactly)
            }
            Field::OriginalSource4
            | Field::OriginalSource6
            | Field::OriginalDestination4
            | Field::OriginalDestination6
            | Field::OriginalDestinationPort => {
                if self.tracked {
                    Value::Unknown
                } else {
                    Value::Absent
                }
            }
            Field::SourcePort(protocol) => self.ported(*protocol, packet.source_port, true),
            Field::DestinationPort(protocol) => self.ported(*protocol, self.port, false),
            Field::TcpFlags if packet.protocol == TCP => Value::exactly(match packet.step {
                Step::Opening => FIN_TO_ACK_SYN,
                Step::Answer => SYN_ACK,
                Step::Completion => ACK,
            }),
            Field::TcpFlags => Value::Absent,
            Field::FragmentOffset if !packet.from.is_ipv4() => Value::Absent,
            Field::FragmentOffset if mask & DO_NOT_FRAGMENT == 0 => Value::exactly(0_u8),
            Field::FragmentOffset | Field::Other(_) => Value::Unknown,
            Field::InInterface => self.interface(self.hook_has_in, packet.in_interface.as_ref()),
            Field::OutInterface => self.interface(self.hook_has_out, packet.out_interface.as_ref()),
            Field::Mark => number(self.mark),
            Field::ConnectionMark if self.tracked => number(self.connection_mark),
            Field::ConnectionMark => Value::Absent,
            Field::ConnectionState => Value::exactly(self.connection_state()),
            Field::ConnectionDirection if self.tracked => {
                Value::exactly(u8::from(packet.step == Step::Answer))
            }
            Field::ConnectionDirection => Value::Absent,
            Field::ConnectionStatus if self.tracked => self.connection_status(mask),
            Field::ConnectionStatus => Value::Absent,
            Field::SourceType => self.source_type(),
            Field::DestinationType => self.destination_type(),
            Field::PacketType if packet.journey == Journey::Inbound => Value::exactly(0_u8),
            Field::PacketType => Value::Unknown,
        }
    }

    fn is_original(&self) -> bool {
        self.packet.step != Step::Answer
    }

    fn connection_state(&self) -> u128 {
        if self.untracked {
            UNTRACKED
        } else if !self.tracked {
            INVALID
        } else if self.is_new() {
            NEW
        } else {
            ESTABLISHED
        }
    }

    fn connection_status(&self, mask: u128) -> Value {
        let told = SEEN_REPLY | ASSURED | DESTINATION_TRANSLATED;
        if mask & !told != 0 || (!self.is_new() && mask & ASSURED != 0) {
            return Value::Unknown;
        }
        let mut status = 0;
        if !self.is_new() {
            status |= SEEN_REPLY;
        }
        match self.translated {
            Some(true) => status |= DESTINATION_TRANSLATED,
            None if mask & DESTINATION_TRANSLATED != 0 => return Value::Unknown,
            Some(false) | None => {}
        }
        Value::exactly(status)
    }

    fn ported(&self, protocol: u8, port: Option<u16>, ephemeral: bool) -> Value {
        let own = self.packet.protocol;
        if !matches!(own, TCP | UDP) || (protocol != 0 && protocol != own) {
            return Value::Absent;
        }
        match port {
            Some(port) => Value::exactly(port),
            None if ephemeral => Value::Number(1024, 65_535),
            None => Value::Number(1, 65_535),
        }
    }

    fn interface(&self, exists: bool, name: Option<&String>) -> Value {
        match name {
            // The kernel compares with an empty name.
            _ if !exists => Value::Name(String::new()),
            Some(name) => Value::Name(name.clone()),
            None if self.is_within_host() => Value::Unknown,
            None => Value::NoneOf(vec![LOOPBACK.to_owned()]),
        }
    }

    /// Whether the packet may travel by the loopback interface.
    fn is_within_host(&self) -> bool {
        let own = |address: IpAddr| address.is_loopback();
        own(self.packet.from)
            || self.packet.to.is_some_and(own)
            || self.packet.to == Some(self.packet.from)
    }

    fn one_version(&self, address: Option<IpAddr>, four: bool) -> Value {
        match (self.packet.from.is_ipv4() == four, four) {
            (false, _) => Value::Absent,
            (true, true) => version4(address),
            (true, false) => version6(address),
        }
    }

    fn source_type(&self) -> Value {
        let from = self.packet.from;
        if self.packet.journey == Journey::Outbound || from.is_loopback() {
            return Value::exactly(LOCAL);
        }
        if from.is_multicast() {
            return Value::exactly(MULTICAST);
        }
        if self.is_within_host() || self.packet.in_interface.as_deref() == Some(LOOPBACK) {
            return Value::Unknown;
        }
        Value::exactly(UNICAST)
    }

    fn destination_type(&self) -> Value {
        match (self.to, self.to_here) {
            (Some(to), _) if to.is_multicast() => Value::exactly(MULTICAST),
            (Some(to), _) if to.is_loopback() => Value::exactly(LOCAL),
            (_, Some(true)) => Value::exactly(LOCAL),
            (_, Some(false)) if self.packet.journey == Journey::Inbound => Value::exactly(UNICAST),
            (_, Some(false) | None) => Value::Unknown,
        }
    }
}

fn version4(address: Option<IpAddr>) -> Value {
    match address {
        Some(IpAddr::V4(address)) => Value::exactly(u32::from(address)),
        Some(IpAddr::V6(_)) => Value::Absent,
        None => Value::Unknown,
    }
}

fn version6(address: Option<IpAddr>) -> Value {
    match address {
        Some(IpAddr::V6(address)) => Value::exactly(u128::from(address)),
        Some(IpAddr::V4(_)) => Value::Absent,
        None => Value::Unknown,
    }
}
