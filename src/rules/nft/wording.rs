//! Comparisons of nftables in words.

use super::syntax::{Expression, Relation};

/// A comparison in words; what negates it is told apart.
pub(super) fn told(relation: Relation, left: &Expression, right: &Expression) -> String {
    let than = match relation {
        Relation::Implicit | Relation::Equal | Relation::NotEqual | Relation::None => "is",
        Relation::Less => "is less than",
        Relation::AtMost => "is at most",
        Relation::Greater => "is more than",
        Relation::AtLeast => "is at least",
    };
    format!("{} {than} {}", words(left), words(right))
}

/// A comparison as a rule writes it; `None` where that is not all of it.
pub(super) fn written(relation: Relation, left: &Expression, right: &Expression) -> Option<String> {
    let operator = match relation {
        Relation::Implicit => "",
        Relation::Equal => "== ",
        Relation::NotEqual => "!= ",
        Relation::None => "! ",
        Relation::Less => "< ",
        Relation::AtMost => "<= ",
        Relation::Greater => "> ",
        Relation::AtLeast => ">= ",
    };
    let whole = is_plain(left) && is_plain(right);
    whole.then(|| format!("{} {operator}{}", words(left), words(right)))
}

/// Whether the words of an expression tell it from every other.
fn is_plain(expression: &Expression) -> bool {
    match expression {
        Expression::Field(_) | Expression::Word(_) | Expression::Quoted(_) => true,
        Expression::Prefix(whole, _) => is_plain(whole),
        Expression::Range(low, high) => is_plain(low) && is_plain(high),
        Expression::Concat(all) | Expression::List(all) => all.iter().all(is_plain),
        Expression::And(left, right) | Expression::Xor(left, right) => {
            is_plain(left) && is_plain(right)
        }
        Expression::Reference(_)
        | Expression::Set(_)
        | Expression::Map(..)
        | Expression::Other(_) => false,
    }
}

pub(super) fn words(expression: &Expression) -> String {
    let joined =
        |all: &[Expression], between: &str| all.iter().map(words).collect::<Vec<_>>().join(between);
    match expression {
        Expression::Field(text)
        | Expression::Word(text)
        | Expression::Quoted(text)
        | Expression::Other(text) => text.clone(),
        Expression::Prefix(address, length) => format!("{}/{length}", words(address)),
        Expression::Range(low, high) => format!("{}-{}", words(low), words(high)),
        Expression::Concat(all) => joined(all, " . "),
        Expression::List(all) => joined(all, ","),
        Expression::Reference(name) => format!("in @{name}"),
        Expression::And(left, mask) => format!("{} & {}", words(left), words(mask)),
        Expression::Xor(left, bits) => format!("{} ^ {}", words(left), words(bits)),
        Expression::Map(key, _) => format!("{} map", words(key)),
        Expression::Set(members) => {
            let shown: Vec<&str> = members
                .iter()
                .take(4)
                .map(|member| member.text.as_str())
                .collect();
            let more = if members.len() > 4 { ", …" } else { "" };
            format!("one of {}{more}", shown.join(", "))
        }
    }
}
