//! iptables' match extensions: those that can be evaluated, and those that cannot.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::option_words::Words;
use super::specs::{self, Match};
use super::words::{Word, join};
use super::{addrtype, conntrack};
use crate::rules::condition::{Condition, Field, Key, Pattern};
use crate::rules::names;
use crate::rules::odds::{Odds, varies};
use crate::rules::ruleset::{Elements, Family, Statement};
use crate::rules::unreadable::Unreadable;

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
        specs::module(name).map_or(Self::Opaque, Self::Known)
    }
}

/// A match extension that is read as a whole, its name just read.
pub(super) fn whole(name: &str, words: &mut Words<'_>, protocol: u8) -> Vec<Statement> {
    let mut text = format!("-m {name}");
    let mut has_set = false;
    while let Some(word) = words.peek() {
        let next = words.after_negation().map_or("", |word| word.text.as_str());
        if specs::is_general(next) || (protocol != 0 && specs::is_of_protocol(next)) {
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
        stable: !varies(name),
        negated: false,
        odds,
    })]
}

/// An option with its values, and what stood before it in its rule.
pub(super) struct Operands<'a> {
    /// The option.
    pub(super) option: &'a Word,
    /// As many values as its specification says.
    pub(super) values: &'a [&'a Word],
    pub(super) negated: bool,
    pub(super) module: Module,
    pub(super) protocol: u8,
    pub(super) family: Family,
}

impl Operands<'_> {
    /// The value at that place.
    pub(super) fn value(&self, at: usize) -> &str {
        self.values.get(at).map_or("", |word| &word.text)
    }

    /// That the option cannot have the value at that place.
    pub(super) fn bad(&self, at: usize, words: &Words<'_>) -> Unreadable {
        words.bad(
            &self.option.text,
            self.values.get(at).unwrap_or(&self.option),
        )
    }
}

/// The condition of an option that is not in the table.
pub(super) fn unknown(
    option: &Word,
    negated: bool,
    module: Module,
    words: &mut Words<'_>,
) -> Condition {
    let name = &option.text;
    let own = match module {
        Module::Known(own) => own,
        Module::None | Module::Opaque => "",
    };
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

/// The condition of one option; `None` for one that asks nothing.
pub(super) fn option(
    meaning: Match,
    operands: &Operands<'_>,
    words: &mut Words<'_>,
) -> Result<Option<Condition>, Unreadable> {
    let (protocol, negated) = (operands.protocol, operands.negated);
    let condition = match meaning {
        Match::Comment => return Ok(None),
        Match::SourcePort => ports(operands, &[Field::SourcePort(protocol)]),
        Match::DestinationPort => ports(operands, &[Field::DestinationPort(protocol)]),
        Match::SourcePorts => ports(operands, &[Field::SourcePort(0)]),
        Match::DestinationPorts => ports(operands, &[Field::DestinationPort(0)]),
        Match::EitherPorts => {
            let both = [Field::SourcePort(0), Field::DestinationPort(0)];
            ports(operands, &both)
        }
        Match::Syn => flags(0x17, 0x02, negated, "the packet is a SYN"),
        Match::TcpFlags => tcp_flags(operands, words)?,
        Match::SourceRange | Match::DestinationRange => {
            range(operands, words, meaning == Match::SourceRange)?
        }
        Match::Mark => {
            let field = if operands.module == Module::Known("connmark") {
                Field::ConnectionMark
            } else {
                Field::Mark
            };
            marked(operands, words, field)?
        }
        Match::ConnectionState => conntrack::states(operands, words)?,
        Match::ConnectionDirection => {
            let value = operands.value(0);
            let reply = u128::from(value.eq_ignore_ascii_case("REPLY"));
            let key = Key::whole(Field::ConnectionDirection);
            let text = format!("the direction is {value}");
            Condition::one_of(key, [Pattern::exactly(reply)], negated, text)
        }
        Match::OriginalSource | Match::OriginalDestination => {
            conntrack::original(operands, words, meaning == Match::OriginalSource)?
        }
        Match::OriginalDestinationPort => ports(operands, &[Field::OriginalDestinationPort]),
        Match::SourceType | Match::DestinationType => {
            addrtype::kinds(operands, words, meaning == Match::SourceType)
        }
        Match::SetMember => set(operands, words),
        Match::PacketType => {
            let value = operands.value(0);
            let kind = match value {
                "unicast" | "host" => 0,
                "broadcast" => 1,
                "multicast" => 2,
                _ => return Err(operands.bad(0, words)),
            };
            let text = format!("the packet type is {value}");
            let key = Key::whole(Field::PacketType);
            Condition::one_of(key, [Pattern::exactly(kind)], negated, text)
        }
    };
    Ok(Some(condition))
}

fn ports(operands: &Operands<'_>, fields: &[Field]) -> Condition {
    let value = operands.value(0);
    let mut patterns = Vec::new();
    for part in value.split(',') {
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
        let text = format!("the {side} port is {value}");
        conditions.push(Condition::one_of(
            Key::whole(field.clone()),
            patterns.clone(),
            false,
            text,
        ));
    }
    single(conditions, operands.negated)
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

fn tcp_flags(operands: &Operands<'_>, words: &Words<'_>) -> Result<Condition, Unreadable> {
    let bits = |text: &str| {
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
        text.split(',')
            .try_fold(0, |bits, name| Some(bits | named(name)?))
    };
    let (mask, set) = (operands.value(0), operands.value(1));
    let mask_bits = bits(mask).ok_or_else(|| operands.bad(0, words))?;
    let set_bits = bits(set).ok_or_else(|| operands.bad(1, words))?;
    let text = format!("of the flags {mask} just {set} are set");
    Ok(flags(mask_bits, set_bits, operands.negated, &text))
}

fn range(
    operands: &Operands<'_>,
    words: &Words<'_>,
    source: bool,
) -> Result<Condition, Unreadable> {
    let family = operands.family;
    let value = operands.value(0);
    let (low, high) = value.split_once('-').unwrap_or((value, value));
    let bound = |text: &str| network(text, family).map(|(address, _)| address);
    let (Some(low), Some(high)) = (bound(low), bound(high)) else {
        return Err(operands.bad(0, words));
    };
    let side = if source { "source" } else { "destination" };
    let key = Key::whole(side_field(source, family));
    let text = format!("the {side} is within {value}");
    let pattern = Pattern::Range(low, high);
    Ok(Condition::one_of(key, [pattern], operands.negated, text))
}

pub(in crate::rules) fn side_field(source: bool, family: Family) -> Field {
    match (source, family == Family::Ip6) {
        (true, false) => Field::Source4,
        (true, true) => Field::Source6,
        (false, false) => Field::Destination4,
        (false, true) => Field::Destination6,
    }
}

fn marked(
    operands: &Operands<'_>,
    words: &Words<'_>,
    field: Field,
) -> Result<Condition, Unreadable> {
    let value = operands.value(0);
    let (mark, mask) = value.split_once('/').unwrap_or((value, "0xffffffff"));
    let (Some(mark), Some(mask)) = (names::mark(mark), names::mark(mask)) else {
        return Err(operands.bad(0, words));
    };
    let text = format!("the mark is {value}");
    let key = Key {
        field,
        mask: mask.into(),
    };
    let pattern = [Pattern::exactly(mark.into())];
    Ok(Condition::one_of(key, pattern, operands.negated, text))
}

fn set(operands: &Operands<'_>, words: &mut Words<'_>) -> Condition {
    let (name, directions) = (operands.value(0), operands.value(1));
    let negated = operands.negated;
    let text = format!("{directions} is in the ipset {name}");
    let mut keys = Vec::new();
    for (index, direction) in directions.split(',').enumerate() {
        let source = direction == "src";
        keys.push(Key::whole(match index {
            0 => side_field(source, operands.family),
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
        return Condition::Opaque {
            text: format!("{text} {more}"),
            stable: true,
            negated,
            odds: Odds::Even,
        };
    }
    Condition::Within {
        keys,
        elements: Elements::Ipset(name.to_owned()),
        negated,
        text,
    }
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
