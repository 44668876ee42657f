//! The options of `-m addrtype`.

use super::options::Words;
use super::words::Word;
use crate::rules::condition::{Condition, Field, Key, Pattern};
use crate::rules::ruleset::Family;
use crate::rules::unreadable::Unreadable;

/// `--src-type`, `--dst-type`.
pub(super) fn kinds(
    option: &Word,
    words: &mut Words<'_>,
    negated: bool,
    family: Family,
) -> Result<Condition, Unreadable> {
    let (value, old) = words.value(option)?;
    let source = option.text == "--src-type";
    let text = format!("{} is {}", option.text.trim_start_matches('-'), value.text);
    if words
        .peek()
        .is_some_and(|next| next.text.starts_with("--limit-iface"))
    {
        words.next();
        return Ok(Condition::Opaque {
            text: format!("{text} on that interface"),
            stable: true,
            negated: negated != old,
        });
    }
    let field = if source {
        Field::SourceType
    } else {
        Field::DestinationType
    };
    if family == Family::Ip6 {
        return Ok(kinds6(&value.text, &field, negated != old, &text));
    }
    let patterns = value.text.split(',').map(|name| match name {
        "UNSPEC" => Pattern::exactly(0),
        "UNICAST" => Pattern::exactly(1),
        "LOCAL" => Pattern::exactly(2),
        "BROADCAST" => Pattern::exactly(3),
        "ANYCAST" => Pattern::exactly(4),
        "MULTICAST" => Pattern::exactly(5),
        "BLACKHOLE" => Pattern::exactly(6),
        "UNREACHABLE" => Pattern::exactly(7),
        "PROHIBIT" => Pattern::exactly(8),
        other => Pattern::Opaque(other.to_owned()),
    });
    Ok(Condition::one_of(
        Key::whole(field),
        patterns.collect::<Vec<_>>(),
        negated != old,
        text,
    ))
}

/// Types of an IPv6 address, every one of which must be true: `match_type6`,
/// `net/netfilter/xt_addrtype.c`. There, an address of this host is a unicast address as well.
fn kinds6(names: &str, field: &Field, negated: bool, text: &str) -> Condition {
    let fails = |name: &str| {
        let pattern = match name {
            "UNICAST" => Pattern::Range(1, 4),
            "LOCAL" => Pattern::exactly(2),
            "MULTICAST" => Pattern::exactly(5),
            other => Pattern::Opaque(other.to_owned()),
        };
        Condition::one_of(Key::whole(field.clone()), [pattern], true, text)
    };
    // All of them hold when none of them fails.
    Condition::Either {
        conditions: names.split(',').map(fails).collect(),
        negated: !negated,
    }
}
