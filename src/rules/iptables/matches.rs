//! iptables' match extensions: those that can be evaluated, and those that cannot.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::option_words::{Words, is_general};
use super::words::{Word, join};
use super::{addrtype, conntrack};
use crate::rules::condition::{Condition, Field, Key, Pattern};
use crate::rules::names;
use crate::rules::odds::Odds;
use crate::rules::ruleset::{Elements, Family, Statement};
use crate::rules::unreadable::Unreadable;

/// Matches whose answer differs from packet to packet.
const FICKLE: [&str; 9] = [
    "limit",
    "hashlimit",
    "recent",
    "statistic",
    "connlimit",
    "quota",
    "nfacct",
    "connbytes",
    "rateest",
];

/// Matches that hold for packets with an IPv6 extension header alone, whatever else they ask.
const OF_HEADERS: [&str; 5] = ["rt", "frag", "hbh", "dst", "mh"];

/// The match extension whose options are being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Module {
    /// None yet.
    None,
    /// One whose options are read one by one.
    Known(&'static str),
    /// One that nobody can evaluate from outside, as a whole.
    Opaque,
}

impl Module {
    pub(super) fn named(name: &str) -> Self {
        const KNOWN: [&str; 14] = [
            "tcp",
            "udp",
            "multiport",
            "iprange",
            "comment",
            "mark",
            "connmark",
            "addrtype",
            "conntrack",
            "state",
            "set",
            "pkttype",
            "icmp",
            "icmp6",
        ];
        let known = KNOWN.into_iter().find(|known| *known == name);
        known.map_or(Self::Opaque, Self::Known)
    }
}

/// A match extension that is read as a whole, its name just read.
pub(super) fn whole(name: &str, words: &mut Words<'_>, protocol: u8) -> Vec<Statement> {
    let mut text = format!("-m {name}");
    let mut has_set = false;
    while let Some(word) = words.peek() {
        let ports = ["--dport", "--sport", "--syn", "--tcp-flags"];
        let next = words.after_negation().map_or("", |word| word.text.as_str());
        if is_general(next) || (protocol != 0 && ports.contains(&next)) {
            break;
        }
        has_set |= word.text == "--set";
        text.push(' ');
        text.push_str(&join(std::slice::from_ref(word)));
        words.next();
    }
    // The extension headers it asks for are in no packet of a plain TCP connection.
    if OF_HEADERS.contains(&name) {
        return vec![Statement::Match(Condition::Never)];
    }
    // Its code notes the packet's source and always matches.
    if name == "recent" && has_set {
        let negated = text.contains("! --set");
        return if negated {
            vec![Statement::Match(Condition::Never)]
        } else {
            Vec::new()
        };
    }
    let odds = Odds::of(&text);
    vec![Statement::Match(Condition::Opaque {
        text,
        stable: !FICKLE.contains(&name),
        negated: false,
        odds,
    })]
}

/// The condition of one option of the extension being read; `None` for one that asks nothing.
pub(super) fn option(
    word: &Word,
    negated: bool,
    words: &mut Words<'_>,
    module: Module,
    protocol: u8,
    family: Family,
) -> Result<Option<Condition>, Unreadable> {
    let name = word.text.as_str();
    let own = match module {
        Module::Known(own) => own,
        Module::None | Module::Opaque => "",
    };
    let condition = match name {
        "--comment" => {
            words.value(word)?;
            return Ok(None);
        }
        "--sport" | "--source-port" => ports(word, words, negated, &[Field::SourcePort(protocol)])?,
        "--dport" | "--destination-port" => {
            ports(word, words, negated, &[Field::DestinationPort(protocol)])?
        }
        "--sports" | "--source-ports" => ports(word, words, negated, &[Field::SourcePort(0)])?,
        "--dports" | "--destination-ports" => {
            ports(word, words, negated, &[Field::DestinationPort(0)])?
        }
        "--ports" => {
            let both = [Field::SourcePort(0), Field::DestinationPort(0)];
            ports(word, words, negated, &both)?
        }
        "--syn" => flags(0x17, 0x02, negated, "the packet is a SYN"),
        "--tcp-flags" => tcp_flags(word, words, negated)?,
        "--src-range" => range(word, words, negated, family, true)?,
        "--dst-range" => range(word, words, negated, family, false)?,
        "--mark" => {
            let field = if own == "connmark" {
                Field::ConnectionMark
            } else {
                Field::Mark
            };
            marked(word, words, negated, field)?
        }
        "--ctstate" | "--state" => conntrack::states(word, words, negated)?,
        "--ctdir" => {
            let (value, old) = words.value(word)?;
            let reply = u128::from(value.text.eq_ignore_ascii_case("REPLY"));
            let key = Key::whole(Field::ConnectionDirection);
            let text = format!("the direction is {}", value.text);
            Condition::one_of(key, [Pattern::exactly(reply)], negated != old, text)
        }
        "--ctorigsrc" | "--ctorigdst" => conntrack::original(word, words, negated, family)?,
        "--ctorigdstport" => ports(word, words, negated, &[Field::OriginalDestinationPort])?,
        "--src-type" | "--dst-type" => addrtype::kinds(word, words, negated, family)?,
        "--match-set" => set(word, words, negated, family)?,
        "--pkt-type" => {
            let (value, old) = words.value(word)?;
            let kind = match value.text.as_str() {
                "unicast" | "host" => 0,
                "broadcast" => 1,
                "multicast" => 2,
                _ => return Err(words.bad(name, value)),
            };
            let text = format!("the packet type is {}", value.text);
            let key = Key::whole(Field::PacketType);
            Condition::one_of(key, [Pattern::exactly(kind)], negated != old, text)
        }
        _ => {
            let values = join(words.values());
            Condition::Opaque {
                text: format!("-m {own} {name} {values}")
                    .trim_end()
                    .replace("-m  ", ""),
                stable: true,
                negated,
                odds: Odds::Even,
            }
        }
    };
    Ok(Some(condition))
}

fn ports(
    option: &Word,
    words: &mut Words<'_>,
    negated: bool,
    fields: &[Field],
) -> Result<Condition, Unreadable> {
    let (value, old) = words.value(option)?;
    let mut patterns = Vec::new();
    for part in value.text.split(',') {
        let (low, high) = part.split_once(':').unwrap_or((part, part));
        let bound = |text: &str, open: u16| {
            if text.is_empty() {
                Some(open)
            } else {
                names::port(text)
            }
        };
        patterns.push(match (bound(low, 0), bound(high, u16::MAX)) {
            (Some(low), Some(high)) => Pattern::Range(low.into(), high.into()),
            (_, _) => Pattern::Opaque(part.to_owned()),
        });
    }
    let mut conditions: Vec<Condition> = Vec::new();
    for field in fields {
        let side = if matches!(field, Field::SourcePort(_)) {
            "source"
        } else {
            "destination"
        };
        let text = format!("the {side} port is {}", value.text);
        conditions.push(Condition::one_of(
            Key::whole(field.clone()),
            patterns.clone(),
            false,
            text,
        ));
    }
    Ok(single(conditions, negated != old))
}

/// One condition, negated as said, or either of several.
pub(super) fn single(conditions: Vec<Condition>, not: bool) -> Condition {
    match <[Condition; 1]>::try_from(conditions) {
        Ok(
            [
                Condition::Within {
                    keys,
                    elements,
                    text,
                    ..
                },
            ],
        ) => Condition::Within {
            keys,
            elements,
            negated: not,
            text,
        },
        Ok(conditions) => Condition::Either {
            conditions: conditions.into(),
            negated: not,
        },
        Err(conditions) => Condition::Either {
            conditions,
            negated: not,
        },
    }
}

fn flags(mask: u128, set: u128, negated: bool, text: &str) -> Condition {
    let key = Key {
        field: Field::TcpFlags,
        mask,
    };
    Condition::one_of(key, [Pattern::exactly(set)], negated, text)
}

fn tcp_flags(option: &Word, words: &mut Words<'_>, negated: bool) -> Result<Condition, Unreadable> {
    let (mask, old) = words.value(option)?;
    let (set, _) = words.value(option)?;
    let bits = |word: &Word| {
        let named = |name: &str| {
            Some(match name.to_ascii_uppercase().as_str() {
                "FIN" => 1,
                "SYN" => 2,
                "RST" => 4,
                "PSH" => 8,
                "ACK" => 16,
                "URG" => 32,
                "ALL" => 63,
                "NONE" => 0,
                _ => u128::from(names::number(name)?),
            })
        };
        word.text
            .split(',')
            .try_fold(0, |bits, name| Some(bits | named(name)?))
    };
    let mask_bits = bits(mask).ok_or_else(|| words.bad("--tcp-flags", mask))?;
    let set_bits = bits(set).ok_or_else(|| words.bad("--tcp-flags", set))?;
    let text = format!("of the flags {} just {} are set", mask.text, set.text);
    Ok(flags(mask_bits, set_bits, negated != old, &text))
}

fn range(
    option: &Word,
    words: &mut Words<'_>,
    negated: bool,
    family: Family,
    source: bool,
) -> Result<Condition, Unreadable> {
    let (value, old) = words.value(option)?;
    let (low, high) = value
        .text
        .split_once('-')
        .unwrap_or((&value.text, &value.text));
    let bound = |text: &str| network(text, family).map(|(address, _)| address);
    let pattern = match (bound(low), bound(high)) {
        (Some(low), Some(high)) => Pattern::Range(low, high),
        (_, _) => return Err(words.bad(&option.text, value)),
    };
    let side = if source { "source" } else { "destination" };
    let key = Key::whole(side_field(source, family));
    let text = format!("the {side} is within {}", value.text);
    Ok(Condition::one_of(key, [pattern], negated != old, text))
}

pub(super) fn side_field(source: bool, family: Family) -> Field {
    match (source, family == Family::Ip6) {
        (true, false) => Field::Source4,
        (true, true) => Field::Source6,
        (false, false) => Field::Destination4,
        (false, true) => Field::Destination6,
    }
}

fn marked(
    option: &Word,
    words: &mut Words<'_>,
    negated: bool,
    field: Field,
) -> Result<Condition, Unreadable> {
    let (value, old) = words.value(option)?;
    let (mark, mask) = value
        .text
        .split_once('/')
        .unwrap_or((&value.text, "0xffffffff"));
    let (Some(mark), Some(mask)) = (names::mark(mark), names::mark(mask)) else {
        return Err(words.bad(&option.text, value));
    };
    let text = format!("the mark is {}", value.text);
    let key = Key {
        field,
        mask: mask.into(),
    };
    Ok(Condition::one_of(
        key,
        [Pattern::exactly(mark.into())],
        negated != old,
        text,
    ))
}

fn set(
    option: &Word,
    words: &mut Words<'_>,
    negated: bool,
    family: Family,
) -> Result<Condition, Unreadable> {
    let (name, old) = words.value(option)?;
    let (directions, _) = words.value(option)?;
    let text = format!("{} is in the ipset {}", directions.text, name.text);
    let mut keys = Vec::new();
    for (index, direction) in directions.text.split(',').enumerate() {
        let source = direction == "src";
        keys.push(Key::whole(match index {
            0 => side_field(source, family),
            _ if source => Field::SourcePort(0),
            _ => Field::DestinationPort(0),
        }));
    }
    if words.peek().is_some_and(|next| {
        next.text.starts_with("--return-nomatch")
            || next.text.starts_with("--packets")
            || next.text.starts_with("--bytes")
    }) {
        let more = join(words.rest_of_match());
        return Ok(Condition::Opaque {
            text: format!("{text} {more}"),
            stable: true,
            negated: negated != old,
            odds: Odds::Even,
        });
    }
    Ok(Condition::Within {
        keys,
        elements: Elements::Ipset(name.text.clone()),
        negated: negated != old,
        text,
    })
}

/// An address with its mask, as `-s` takes it; `None` when it is no address.
pub(in crate::rules) fn network(text: &str, family: Family) -> Option<(u128, u128)> {
    let (address, mask) = text
        .split_once('/')
        .map_or((text, None), |(a, m)| (a, Some(m)));
    if family == Family::Ip6 {
        let address: Ipv6Addr = address.parse().ok()?;
        let mask = match mask {
            None => u128::MAX,
            Some(mask) => match mask.parse::<u32>() {
                Ok(length) if length <= 128 => u128::MAX.checked_shl(128 - length).unwrap_or(0),
                Ok(_) => return None,
                Err(_) => mask.parse::<Ipv6Addr>().ok()?.into(),
            },
        };
        return Some((address.into(), mask));
    }
    let address: Ipv4Addr = address.parse().ok()?;
    let mask = match mask {
        None => u32::MAX,
        Some(mask) => match mask.parse::<u32>() {
            Ok(length) if length <= 32 => u32::MAX.checked_shl(32 - length).unwrap_or(0),
            Ok(_) => return None,
            Err(_) => mask.parse::<Ipv4Addr>().ok()?.into(),
        },
    };
    // A whole address is compared as such, so that bounds can be told as well.
    let mask = if mask == u32::MAX {
        u128::MAX
    } else {
        mask.into()
    };
    Some((u32::from(address).into(), mask))
}
