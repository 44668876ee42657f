//! Entries of ipsets, part by part.

use std::net::IpAddr;

use crate::rules::condition::Pattern;
use crate::rules::iptables::matches::network;
use crate::rules::names;
use crate::rules::ruleset::Family;

/// What a part of an entry is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rules) enum Dimension {
    /// An address or a network.
    Address,
    /// A port with its protocol.
    Port,
    /// A port of any protocol.
    BarePort,
    Interface,
    Mark,
}

/// The parts of an entry of this kind (ipset(8)); `None` where one of them is not followed.
pub(in crate::rules) fn dimensions(kind: &str) -> Option<Vec<Dimension>> {
    let (method, parts) = kind.split_once(':')?;
    let part = |part: &str| match (method, part) {
        ("hash" | "bitmap", "ip") | ("hash", "net") => Some(Dimension::Address),
        ("hash", "port") => Some(Dimension::Port),
        ("bitmap", "port") => Some(Dimension::BarePort),
        ("hash", "iface") => Some(Dimension::Interface),
        ("hash", "mark") => Some(Dimension::Mark),
        _ => None,
    };
    parts.split(',').map(part).collect()
}

/// What an entry of a set of this kind asks for; the protocol of a port comes last.
pub(super) fn patterns(kind: &str, entry: &str, wildcard: bool) -> Vec<Pattern> {
    let parts: Vec<&str> = entry.split(',').collect();
    let Some(dimensions) = dimensions(kind).filter(|all| all.len() == parts.len()) else {
        return vec![Pattern::Opaque(entry.to_owned())];
    };
    let one = |(part, dimension): (&&str, &Dimension)| match dimension {
        Dimension::Address | Dimension::BarePort | Dimension::Port => pattern(part),
        Dimension::Interface if wildcard => Pattern::Prefix((*part).to_owned()),
        Dimension::Interface if part.contains(':') => Pattern::Opaque((*part).to_owned()),
        Dimension::Interface => Pattern::Name((*part).to_owned()),
        Dimension::Mark => names::mark(part).map_or_else(
            || Pattern::Opaque((*part).to_owned()),
            |mark| Pattern::exactly(mark.into()),
        ),
    };
    let mut patterns: Vec<Pattern> = parts.iter().zip(&dimensions).map(one).collect();
    let mut pairs = parts.iter().zip(&dimensions);
    if let Some((port, _)) = pairs.find(|(_, dimension)| **dimension == Dimension::Port) {
        patterns.push(protocol(port));
    }
    // A million of them may be held.
    patterns.shrink_to_fit();
    patterns
}

/// The protocol of a port, which is TCP where none is written.
fn protocol(port: &str) -> Pattern {
    let name = port.split_once(':').map_or("tcp", |(name, _)| name);
    let number = names::protocol(name).or_else(|| name.parse().ok());
    number.map_or_else(
        || Pattern::Opaque(name.to_owned()),
        |number| Pattern::exactly(number.into()),
    )
}

fn pattern(text: &str) -> Pattern {
    let address = text.split('/').next().unwrap_or(text);
    let family = match address.parse::<IpAddr>() {
        Ok(address) => Family::of(address),
        Err(_) => return range(text).unwrap_or_else(|| ports(text)),
    };
    match network(text, family) {
        Some((address, mask)) => bounds(address, mask, family),
        None => Pattern::Opaque(text.to_owned()),
    }
}

/// The first and the last address of a network.
pub(in crate::rules) fn bounds(address: u128, mask: u128, family: Family) -> Pattern {
    let all = if family == Family::Ip6 {
        u128::MAX
    } else {
        u32::MAX.into()
    };
    let mask = mask & all;
    Pattern::Range(address & mask, (address & mask) | (!mask & all))
}

fn range(text: &str) -> Option<Pattern> {
    let (low, high) = text.split_once('-')?;
    let number = |text: &str| match text.parse::<IpAddr>().ok()? {
        IpAddr::V4(address) => Some(u128::from(u32::from(address))),
        IpAddr::V6(address) => Some(address.into()),
    };
    Some(Pattern::Range(number(low)?, number(high)?))
}

/// A port, its protocol before it or not: `tcp:3306`, `3306`, `tcp:5000-5010`.
fn ports(text: &str) -> Pattern {
    let port = text.split_once(':').map_or(text, |(_, port)| port);
    let (low, high) = port.split_once('-').unwrap_or((port, port));
    match (names::port(low), names::port(high)) {
        (Some(low), Some(high)) => Pattern::Range(low.into(), high.into()),
        (_, _) => Pattern::Opaque(text.to_owned()),
    }
}
