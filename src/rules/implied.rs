//! What follows for a field from a condition that is taken to hold, and from one that is not: later
//! conditions that exclude it, or are part of it, are then known.

use super::condition::{Element, Field, Key, Pattern};
use super::packet::Value;

/// Most elements of which anything is learnt.
const MOST: usize = 256;

/// What is then known of a field.
pub(super) type Implied = Option<(Field, Value)>;

/// What follows for `key`, of which `value` is known, when it is among `listed` and when it is not.
pub(super) fn implications(key: &Key, value: &Value, listed: &[Element]) -> (Implied, Implied) {
    if listed.len() > MOST || listed.iter().any(|one| one.excludes || one.limited) {
        return (None, None);
    }
    let implied = |value: Value| Some((key.field.clone(), value));
    let patterns: Vec<&Pattern> = listed.iter().flat_map(|one| &one.patterns).collect();
    if key.mask != u128::MAX {
        return match patterns.as_slice() {
            [Pattern::Range(first, last)] if first == last => {
                let (held, not) = bits(key.mask, *first, value);
                (implied(held), not.and_then(implied))
            }
            _ => (None, None),
        };
    }
    let ranges = patterns.iter().map(|pattern| match pattern {
        Pattern::Range(first, last) => Some((*first, *last)),
        Pattern::Any | Pattern::Name(_) | Pattern::Prefix(_) | Pattern::Opaque(_) => None,
    });
    if let (Some(ranges), Some(spans)) = (ranges.collect::<Option<Vec<_>>>(), value.spans()) {
        let ranges = united(ranges);
        let within = Value::within(both(&spans, &ranges));
        let without = Value::within(both(&spans, &others(&ranges)));
        return (within.and_then(implied), without.and_then(implied));
    }
    named(&patterns, value, implied)
}

/// The same of names.
fn named(
    patterns: &[&Pattern],
    value: &Value,
    implied: impl Fn(Value) -> Implied,
) -> (Implied, Implied) {
    if !matches!(value, Value::Unknown | Value::NoneOf(_)) {
        return (None, None);
    }
    if let [Pattern::Prefix(start)] = patterns {
        return (implied(Value::Begins(start.clone())), None);
    }
    let names = patterns.iter().map(|pattern| match pattern {
        Pattern::Name(name) => Some(name.clone()),
        Pattern::Any | Pattern::Range(..) | Pattern::Prefix(_) | Pattern::Opaque(_) => None,
    });
    let Some(names) = names.collect::<Option<Vec<String>>>() else {
        return (None, None);
    };
    let within = match names.as_slice() {
        [name] => implied(Value::Name(name.clone())),
        _ => None,
    };
    let mut none = names;
    if let Value::NoneOf(others) = value {
        none.extend(others.iter().cloned());
    }
    (within, implied(Value::NoneOf(none)))
}

/// The bits under `mask` that are as in `wanted`, and, of a single one, that they are not.
fn bits(mask: u128, wanted: u128, value: &Value) -> (Value, Option<Value>) {
    let (known, before) = if let Value::Bits(known, before) = value {
        (*known, *before)
    } else {
        (0, 0)
    };
    let told = |bits: u128| Value::Bits(known | mask, (before & !mask) | (bits & mask));
    (
        told(wanted),
        mask.is_power_of_two().then(|| told(!wanted & mask)),
    )
}

/// Spans in order, those that meet made one.
fn united(mut spans: Vec<(u128, u128)>) -> Vec<(u128, u128)> {
    spans.sort_unstable();
    let mut all: Vec<(u128, u128)> = Vec::new();
    for (first, last) in spans {
        match all.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            Some(_) | None => all.push((first, last)),
        }
    }
    all
}

/// What is in none of `spans`.
fn others(spans: &[(u128, u128)]) -> Vec<(u128, u128)> {
    let mut all = Vec::new();
    let mut next = Some(0_u128);
    for (first, last) in spans {
        if let (Some(from), Some(to)) = (next, first.checked_sub(1))
            && from <= to
        {
            all.push((from, to));
        }
        next = last.checked_add(1);
    }
    all.extend(next.map(|from| (from, u128::MAX)));
    all
}

/// What is in both.
fn both(one: &[(u128, u128)], other: &[(u128, u128)]) -> Vec<(u128, u128)> {
    let mut all = Vec::new();
    for (first, last) in one {
        for (low, high) in other {
            let (from, to) = (*first.max(low), *last.min(high));
            if from <= to {
                all.push((from, to));
            }
        }
    }
    united(all)
}
