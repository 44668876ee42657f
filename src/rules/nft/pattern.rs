//! Values of an nft rule as patterns, by the kind of field they are compared with.

use std::net::IpAddr;

use super::syntax::Expression;
use crate::rules::condition::{Field, Pattern};
use crate::rules::ipset::bounds;
use crate::rules::names;
use crate::rules::packet::state_named;
use crate::rules::ruleset::Family;

/// What kind of value a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Address,
    Port,
    Protocol,
    TcpFlags,
    State,
    Status,
    Direction,
    Interface,
    Number,
    EtherType,
    NetfilterProtocol,
    AddressType,
    PacketType,
    /// To be told by the value itself.
    Any,
    /// Nothing that is known.
    Unknown,
}

/// The field that words name, and the kind of its values; `None` when the packet, being TCP or
/// UDP, never has it.
pub(super) fn field(name: &str) -> Option<(Field, Kind)> {
    let words: Vec<&str> = name.split(' ').collect();
    Some(match words.as_slice() {
        ["ip", "saddr"] => (Field::Source4, Kind::Address),
        ["ip", "daddr"] => (Field::Destination4, Kind::Address),
        ["ip6", "saddr"] => (Field::Source6, Kind::Address),
        ["ip6", "daddr"] => (Field::Destination6, Kind::Address),
        ["ip", "protocol"] | ["ip6", "nexthdr"] | ["meta", "l4proto"] => {
            (Field::Protocol, Kind::Protocol)
        }
        ["ip", "frag-off"] => (Field::FragmentOffset, Kind::Number),
        ["tcp", "sport"] => (Field::SourcePort(6), Kind::Port),
        ["tcp", "dport"] => (Field::DestinationPort(6), Kind::Port),
        ["udp", "sport"] => (Field::SourcePort(17), Kind::Port),
        ["udp", "dport"] => (Field::DestinationPort(17), Kind::Port),
        ["th", "sport"] => (Field::SourcePort(0), Kind::Port),
        ["th", "dport"] => (Field::DestinationPort(0), Kind::Port),
        ["tcp", "flags"] => (Field::TcpFlags, Kind::TcpFlags),
        ["meta", "mark"] => (Field::Mark, Kind::Number),
        ["meta", "nfproto"] => (Field::NetfilterProtocol, Kind::NetfilterProtocol),
        ["meta", "protocol"] => (Field::EtherType, Kind::EtherType),
        ["meta", "iif" | "iifname"] => (Field::InInterface, Kind::Interface),
        ["meta", "oif" | "oifname"] => (Field::OutInterface, Kind::Interface),
        ["meta", "pkttype"] => (Field::PacketType, Kind::PacketType),
        ["ct", "state"] => (Field::ConnectionState, Kind::State),
        ["ct", "status"] => (Field::ConnectionStatus, Kind::Status),
        ["ct", "direction"] => (Field::ConnectionDirection, Kind::Direction),
        ["ct", "mark"] => (Field::ConnectionMark, Kind::Number),
        ["ct", "original", "ip", "daddr"] => (Field::OriginalDestination4, Kind::Address),
        ["ct", "original", "ip6", "daddr"] => (Field::OriginalDestination6, Kind::Address),
        ["ct", "original", "ip", "saddr"] => (Field::OriginalSource4, Kind::Address),
        ["ct", "original", "ip6", "saddr"] => (Field::OriginalSource6, Kind::Address),
        ["ct", "original", "proto-dst"] => (Field::OriginalDestinationPort, Kind::Port),
        ["fib", "daddr", "type"] => (Field::DestinationType, Kind::AddressType),
        ["fib", "saddr", "type"] => (Field::SourceType, Kind::AddressType),
        [
            "icmp" | "icmpv6" | "igmp" | "sctp" | "dccp" | "udplite" | "arp" | "ah" | "comp",
            ..,
        ] => return None,
        _ => (Field::Other(name.to_owned()), Kind::Unknown),
    })
}

/// What a packet is that has a field, where the value of the field itself does not tell it.
pub(super) fn implied(name: &str) -> Vec<(Field, u128)> {
    let told = field(name).is_some_and(|(field, _)| {
        matches!(
            field,
            Field::Source4
                | Field::Source6
                | Field::Destination4
                | Field::Destination6
                | Field::SourcePort(_)
                | Field::DestinationPort(_)
                | Field::TcpFlags
        )
    });
    let version = (Field::NetfilterProtocol, 2);
    match name.split(' ').next() {
        // Where there is no such header, an option is just missing.
        _ if told || name.contains(" option ") => Vec::new(),
        Some("ip") => vec![version],
        Some("ip6" | "hbh" | "dst" | "mh" | "frag") => vec![(Field::NetfilterProtocol, 10)],
        Some("tcp") => vec![(Field::Protocol, 6)],
        Some("udp") => vec![(Field::Protocol, 17)],
        Some("jhash") => hashed(name),
        Some(_) | None => Vec::new(),
    }
}

/// What the packet is that has all fields which are hashed.
fn hashed(name: &str) -> Vec<(Field, u128)> {
    let told = |word| match word {
        "ip" => Some((Field::NetfilterProtocol, 2)),
        "ip6" => Some((Field::NetfilterProtocol, 10)),
        "tcp" => Some((Field::Protocol, 6)),
        "udp" => Some((Field::Protocol, 17)),
        _ => None,
    };
    name.split(' ').filter_map(told).collect()
}

/// Whether a field holds bits, any of which may be asked for.
pub(super) const fn is_flags(kind: Kind) -> bool {
    matches!(kind, Kind::TcpFlags | Kind::State | Kind::Status)
}

/// A value as a pattern.
pub(super) fn pattern(value: &Expression, kind: Kind) -> Pattern {
    match value {
        Expression::Word(text) if text == "*" => Pattern::Any,
        // The number of an interface that has gone.
        Expression::Word(text)
            if kind == Kind::Interface && text.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            Pattern::Opaque(format!("interface {text}"))
        }
        Expression::Quoted(text) | Expression::Word(text) if kind == Kind::Interface => name(text),
        Expression::Quoted(text) if kind == Kind::Any => name(text),
        Expression::Word(_) | Expression::Quoted(_) | Expression::List(_) => {
            match number(value, kind) {
                Some(number) => Pattern::exactly(number),
                None => Pattern::Opaque(format!("{value:?}")),
            }
        }
        Expression::Prefix(address, length) => prefix(address, *length),
        Expression::Range(low, high) => match (number(low, kind), number(high, kind)) {
            (Some(low), Some(high)) => Pattern::Range(low, high),
            (_, _) => Pattern::Opaque(format!("{value:?}")),
        },
        Expression::Field(_)
        | Expression::Concat(_)
        | Expression::Set(_)
        | Expression::Reference(_)
        | Expression::And(..)
        | Expression::Xor(..)
        | Expression::Map(..)
        | Expression::Other(_) => Pattern::Opaque(format!("{value:?}")),
    }
}

fn name(text: &str) -> Pattern {
    match text.strip_suffix('*') {
        // A star that is one.
        Some(start) if start.ends_with('\\') => {
            Pattern::Name(format!("{}*", start.trim_end_matches('\\')))
        }
        Some(start) => Pattern::Prefix(start.to_owned()),
        None => Pattern::Name(text.to_owned()),
    }
}

fn prefix(address: &Expression, length: u32) -> Pattern {
    let colons = matches!(address, Expression::Word(text) if text.contains(':'));
    let (family, width) = if colons {
        (Family::Ip6, 128_u32)
    } else {
        (Family::Ip, 32)
    };
    match (number(address, Kind::Address), width.checked_sub(length)) {
        (Some(number), Some(free)) => {
            let mask = u128::MAX.checked_shl(free).unwrap_or(0);
            bounds(number, mask, family)
        }
        (_, _) => Pattern::Opaque(format!("{address:?}/{length}")),
    }
}

/// The number a value stands for.
pub(super) fn number(value: &Expression, kind: Kind) -> Option<u128> {
    let text = match value {
        Expression::Word(text) | Expression::Quoted(text) => text.as_str(),
        Expression::List(all) if is_flags(kind) || kind == Kind::Number => {
            return all
                .iter()
                .try_fold(0, |bits, one| Some(bits | number(one, kind)?));
        }
        Expression::List(_)
        | Expression::Field(_)
        | Expression::Prefix(..)
        | Expression::Range(..)
        | Expression::Concat(_)
        | Expression::Set(_)
        | Expression::Reference(_)
        | Expression::And(..)
        | Expression::Xor(..)
        | Expression::Map(..)
        | Expression::Other(_) => return None,
    };
    let plain = names::number(text).map(u128::from);
    let address = || match text.parse::<IpAddr>().ok()? {
        IpAddr::V4(address) => Some(u128::from(u32::from(address))),
        IpAddr::V6(address) => Some(address.into()),
    };
    match kind {
        Kind::Address => address(),
        Kind::Port => plain.or_else(|| names::port(text).map(u128::from)),
        Kind::Protocol => plain.or_else(|| names::protocol(text).map(u128::from)),
        Kind::AddressType => plain.or_else(|| names::address_type(text)),
        Kind::State => plain.or_else(|| state_named(text)),
        Kind::Any => address()
            .or(plain)
            .or_else(|| names::port(text).map(u128::from)),
        Kind::Number => plain,
        Kind::Unknown | Kind::Interface => None,
        Kind::TcpFlags
        | Kind::Status
        | Kind::Direction
        | Kind::EtherType
        | Kind::NetfilterProtocol
        | Kind::PacketType => plain.or_else(|| named(text, kind)),
    }
}

/// Symbols of nft(8).
fn named(text: &str, kind: Kind) -> Option<u128> {
    Some(match (kind, text) {
        (Kind::TcpFlags, "fin") => 1,
        (Kind::TcpFlags, "syn") => 2,
        (Kind::TcpFlags, "rst") => 4,
        (Kind::TcpFlags, "psh") => 8,
        (Kind::TcpFlags, "ack") => 16,
        (Kind::TcpFlags, "urg") => 32,
        (Kind::TcpFlags, "ecn") => 64,
        (Kind::TcpFlags, "cwr") => 128,
        (Kind::Status, "expected") => 1,
        (Kind::Status, "seen-reply") => 2,
        (Kind::Status, "assured") => 4,
        (Kind::Status, "confirmed") => 8,
        (Kind::Status, "snat") => 16,
        (Kind::Status, "dnat") => 32,
        (Kind::Status, "dying") => 512,
        (Kind::Direction, "original") => 0,
        (Kind::Direction, "reply") => 1,
        (Kind::EtherType, "ip") => 0x0800,
        (Kind::EtherType, "ip6") => 0x86dd,
        (Kind::EtherType, "arp") => 0x0806,
        (Kind::EtherType, "vlan" | "8021q") => 0x8100,
        (Kind::NetfilterProtocol, "ipv4") => 2,
        (Kind::NetfilterProtocol, "ipv6") => 10,
        (Kind::PacketType, "host" | "unicast") => 0,
        (Kind::PacketType, "broadcast") => 1,
        (Kind::PacketType, "multicast") => 2,
        (Kind::PacketType, "other") => 3,
        (_, _) => return None,
    })
}
