//! What `meta mark set` and `ct mark set` make of a mark.

use super::pattern::{self, Kind};
use super::syntax::Expression;
use crate::rules::ruleset::{MarkChange, Statement};

/// `meta mark set …`, `ct mark set …`; other things that are set change no decision here.
pub(super) fn mangle(key: &Expression, value: &Expression) -> Vec<Statement> {
    let Expression::Field(name) = key else {
        return Vec::new();
    };
    let connection = match name.as_str() {
        "meta mark" => false,
        "ct mark" => true,
        _ => return Vec::new(),
    };
    let (own, other) = if connection {
        ("ct mark", "meta mark")
    } else {
        ("meta mark", "ct mark")
    };
    let change = mark_change(value, own, other).unwrap_or(MarkChange::Unknown);
    vec![Statement::Mark { connection, change }]
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
            match mark_change(inner, own, other)? {
                MarkChange::Set { and, xor } => Some(MarkChange::Set {
                    and: and & !set,
                    xor: (xor & !set) | set,
                }),
                MarkChange::Copy { .. } | MarkChange::Unknown => None,
            }
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
