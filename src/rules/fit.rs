//! Whether what is known of a field fits what it is compared with.

use super::condition::{Element, Key, Pattern};
use super::packet::Value;

/// How much of its first field an element covers: an address less than the network around it.
pub(super) fn span(element: &Element) -> u128 {
    match element.patterns.first() {
        Some(Pattern::Range(first, last)) => last.saturating_sub(*first),
        Some(Pattern::Any | Pattern::Name(_) | Pattern::Prefix(_) | Pattern::Opaque(_)) | None => {
            u128::MAX
        }
    }
}

/// Whether all patterns of `element` fit; `None` when it cannot be told.
pub(super) fn fits(keys: &[Key], values: &[Value], element: &Element) -> Option<bool> {
    if element.patterns.len() != keys.len() {
        return None;
    }
    let mut sure = Some(true);
    for ((key, value), pattern) in keys.iter().zip(values).zip(&element.patterns) {
        match fit(key.mask, value, pattern) {
            Some(true) => {}
            Some(false) => return Some(false),
            None => sure = None,
        }
    }
    sure
}

/// Whether a value fits a pattern; `None` when it cannot be told.
fn fit(mask: u128, value: &Value, pattern: &Pattern) -> Option<bool> {
    match (pattern, value) {
        (Pattern::Any, _) => Some(true),
        (Pattern::Range(first, last), Value::Number(low, high)) => {
            if mask != u128::MAX {
                return (low == high).then(|| (*first..=*last).contains(&(low & mask)));
            }
            if first <= low && high <= last {
                Some(true)
            } else if high < first || last < low {
                Some(false)
            } else {
                None
            }
        }
        (Pattern::Range(first, last), Value::Within(spans)) => {
            if mask != u128::MAX {
                return None;
            }
            if spans.iter().all(|(low, high)| first <= low && high <= last) {
                return Some(true);
            }
            let apart = spans.iter().all(|(low, high)| high < first || last < low);
            apart.then_some(false)
        }
        (Pattern::Range(first, last), Value::Bits(known, bits)) if first == last => {
            let both = mask & known;
            if first & both != bits & both {
                return Some(false);
            }
            (mask & !known == 0).then_some(true)
        }
        (Pattern::Name(name), Value::Name(own)) => Some(name == own),
        (Pattern::Prefix(start), Value::Name(own)) => Some(own.starts_with(start.as_str())),
        (Pattern::Name(name), Value::NoneOf(others)) if others.contains(name) => Some(false),
        (Pattern::Name(name), Value::Begins(start)) if !name.starts_with(start.as_str()) => {
            Some(false)
        }
        (Pattern::Prefix(start), Value::Begins(own)) if own.starts_with(start.as_str()) => {
            Some(true)
        }
        (Pattern::Prefix(start), Value::Begins(own)) if !start.starts_with(own.as_str()) => {
            Some(false)
        }
        (
            Pattern::Opaque(_) | Pattern::Range(..) | Pattern::Name(_) | Pattern::Prefix(_),
            Value::Number(..)
            | Value::Within(_)
            | Value::Bits(..)
            | Value::Name(_)
            | Value::Begins(_)
            | Value::NoneOf(_)
            | Value::Unknown
            | Value::Absent,
        ) => None,
    }
}
