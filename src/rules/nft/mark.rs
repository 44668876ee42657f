//! What `… set …` makes of a packet: of its mark, its addresses and ports.

use super::pattern::{self, Kind};
use super::syntax::Expression;
use crate::rules::condition::{Condition, Field, Key, Pattern};
use crate::rules::part::Part;
use crate::rules::ruleset::{MarkChange, Statement};

/// What no rule is asked for here, or what changes no answer.
const WITHOUT_EFFECT: [&str; 17] = [
    "meta priority",
    "meta nftrace",
    "meta secmark",
    "ct event",
    "ct helper",
    "ct zone",
    "ct secmark",
    "ip ttl",
    "ip6 hoplimit",
    "ip dscp",
    "ip6 dscp",
    "ip ecn",
    "ip6 ecn",
    "ip checksum",
    "ether saddr",
    "ether daddr",
    "tcp window",
];

/// `field set value`.
pub(super) fn mangle(key: &Expression, value: &Expression) -> Vec<Statement> {
    let Expression::Field(name) = key else {
        return Statement::everything().collect();
    };
    // Bits of a header that have no name.
    if name.starts_with('@') {
        return Statement::everything().collect();
    }
    let rewritten = |part| vec![Statement::Rewrite(part)];
    let connection = match name.as_str() {
        "meta mark" => false,
        "ct mark" => true,
        "ip saddr" | "ip6 saddr" | "tcp sport" | "udp sport" | "th sport" => {
            return rewritten(Part::Source);
        }
        "ip daddr" | "ip6 daddr" | "tcp dport" | "udp dport" | "th dport" => {
            return rewritten(Part::Destination);
        }
        name if WITHOUT_EFFECT.contains(&name) || name.starts_with("tcp option") => {
            return Vec::new();
        }
        _ => return rewritten(Part::Other),
    };
    let (own, other) = if connection {
        ("ct mark", "meta mark")
    } else {
        ("meta mark", "ct mark")
    };
    let change = mark_change(value, own, other).unwrap_or(MarkChange::Unknown);
    let mut found = Vec::new();
    if change == MarkChange::Unknown && takes_connection(value) {
        // Without a connection to take it from, the rule is over.
        let key = Key::whole(Field::ConnectionMark);
        let condition = Condition::one_of(key, [Pattern::Any], false, "there is a connection");
        found.push(Statement::Match(condition));
    }
    found.push(Statement::Mark { connection, change });
    found
}

/// Whether a value is made of something of the connection.
fn takes_connection(value: &Expression) -> bool {
    match value {
        Expression::Field(name) => name.starts_with("ct "),
        Expression::And(left, right)
        | Expression::Xor(left, right)
        | Expression::Map(left, right)
        | Expression::Range(left, right) => takes_connection(left) || takes_connection(right),
        Expression::List(all) | Expression::Concat(all) => all.iter().any(takes_connection),
        Expression::Word(_)
        | Expression::Quoted(_)
        | Expression::Prefix(..)
        | Expression::Set(_)
        | Expression::Reference(_)
        | Expression::Other(_) => false,
    }
}

/// A change after which some bits are set.
const fn with_bits(change: MarkChange, set: u32) -> Option<MarkChange> {
    match change {
        MarkChange::Set { and, xor } => Some(MarkChange::Set {
            and: and & !set,
            xor: (xor & !set) | set,
        }),
        MarkChange::Copy { .. } | MarkChange::Unknown => None,
    }
}

/// A new mark as a change of the old one.
fn mark_change(value: &Expression, own: &str, other: &str) -> Option<MarkChange> {
    let bits = |value: &Expression| {
        pattern::number(value, Kind::Number).and_then(|bits| u32::try_from(bits).ok())
    };
    match value {
        Expression::Word(_) => Some(MarkChange::Set {
            and: 0,
            xor: bits(value)?,
        }),
        Expression::Field(name) if name == own => Some(MarkChange::Set {
            and: u32::MAX,
            xor: 0,
        }),
        Expression::Field(name) if name == other => Some(MarkChange::Copy {
            and: 0,
            take: u32::MAX,
        }),
        Expression::And(inner, mask) => {
            let mask = bits(mask)?;
            match mark_change(inner, own, other)? {
                MarkChange::Set { and, xor } => Some(MarkChange::Set {
                    and: and & mask,
                    xor: xor & mask,
                }),
                MarkChange::Copy { and, take } => Some(MarkChange::Copy {
                    and: and & mask,
                    take: take & mask,
                }),
                MarkChange::Unknown => None,
            }
        }
        Expression::Xor(inner, flipped) => match mark_change(inner, own, other)? {
            MarkChange::Set { and, xor } => Some(MarkChange::Set {
                and,
                xor: xor ^ bits(flipped)?,
            }),
            MarkChange::Copy { .. } | MarkChange::Unknown => None,
        },
        // `inner | bits`
        Expression::List(all) => {
            let (inner, set) = all.split_first()?;
            let set = set.iter().try_fold(0, |all, one| Some(all | bits(one)?))?;
            with_bits(mark_change(inner, own, other)?, set)
        }
        Expression::Field(_)
        | Expression::Quoted(_)
        | Expression::Prefix(..)
        | Expression::Range(..)
        | Expression::Concat(_)
        | Expression::Set(_)
        | Expression::Reference(_)
        | Expression::Map(..)
        | Expression::Other(_) => None,
    }
}
