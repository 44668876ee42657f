//! The options of `-m addrtype`.

use super::matches::Operands;
use super::option_words::Words;
use crate::rules::condition::{Condition, Field, Key, Pattern};
use crate::rules::names;
use crate::rules::odds::Odds;
use crate::rules::packet::{LOCAL, MULTICAST, UNICAST};
use crate::rules::ruleset::Family;

/// `--src-type`, `--dst-type`.
pub(super) fn kinds(operands: &Operands<'_>, words: &mut Words<'_>, source: bool) -> Condition {
    let (listed, negated) = (operands.value(0), operands.negated);
    let option = operands.option.text.trim_start_matches('-');
    let text = format!("{option} is {listed}");
    if words
        .peek()
        .is_some_and(|next| next.text.starts_with("--limit-iface"))
    {
        words.next();
        return Condition::Opaque {
            text: format!("{text} on that interface"),
            stable: true,
            negated,
            odds: Odds::Even,
        };
    }
    let field = if source {
        Field::SourceType
    } else {
        Field::DestinationType
    };
    if operands.family == Family::Ip6 {
        return kinds6(listed, &field, negated, &text);
    }
    let patterns: Vec<Pattern> = listed.split(',').map(kind).collect();
    Condition::one_of(Key::whole(field), patterns, negated, text)
}

fn kind(name: &str) -> Pattern {
    match names::address_type(name) {
        Some(number) => Pattern::exactly(number),
        None => Pattern::Opaque(name.to_owned()),
    }
}

/// What fits a type in IPv6, where an address of this host is a unicast address as well; `None`
/// where the kernel's answer is not known here. `match_type6`, `net/netfilter/xt_addrtype.c`.
pub(in crate::rules) const fn kind6(number: u128) -> Option<Pattern> {
    match number {
        UNICAST => Some(Pattern::Range(UNICAST, 4)),
        LOCAL | MULTICAST => Some(Pattern::exactly(number)),
        _ => None,
    }
}

/// Types of an IPv6 address, every one of which must be true.
fn kinds6(listed: &str, field: &Field, negated: bool, text: &str) -> Condition {
    let fails = |name: &str| {
        let pattern = names::address_type(name).and_then(kind6);
        let pattern = pattern.unwrap_or_else(|| Pattern::Opaque(name.to_owned()));
        Condition::one_of(Key::whole(field.clone()), [pattern], true, text)
    };
    // All of them hold when none of them fails.
    Condition::Either {
        conditions: listed.split(',').map(fails).collect(),
        negated: !negated,
    }
}
