//! Lookups in maps of nftables: of verdicts, and of new destinations.

use std::net::IpAddr;

use super::lower::{elements, implied, keys, opaque, parts};
use super::pattern::Kind;
use super::syntax::{Expression, Member};
use super::target::translation;
use super::wording::words;
use crate::rules::condition::{Condition, Field, Key};
use crate::rules::ruleset::{Elements, Statement, Translation};

/// Whether an expression is a map that gives new destinations and can be looked up, or one that a
/// number chooses from.
pub(super) fn is_lookup(address: &Expression) -> bool {
    let Expression::Map(key, data) = address else {
        return false;
    };
    let chooses = |name: &String| {
        let how = ["numgen ", "jhash ", "symhash "];
        how.iter().any(|start| name.starts_with(start))
    };
    let chosen = matches!(&**key, Expression::Field(name) if chooses(name));
    if keys(key).is_err() && !chosen {
        return false;
    }
    if let Expression::Set(members) = &**data {
        let gives = |member: &Member| member.data.as_ref().and_then(mapped).is_some();
        return members.iter().all(gives);
    }
    matches!(**data, Expression::Reference(_))
}

/// The new destination that a map gives: an address, one with a port, or a span of them.
pub(super) fn mapped(data: &Expression) -> Option<Translation> {
    let is_address = |part: &Expression| {
        if let Expression::Word(text) | Expression::Quoted(text) = part {
            return text.parse::<IpAddr>().is_ok();
        }
        matches!(part, Expression::Prefix(..) | Expression::Range(..))
    };
    match parts(data) {
        [address] if is_address(address) => Some(translation(Some(address), None)),
        [address, port] if is_address(address) => Some(translation(Some(address), Some(port))),
        _ => None,
    }
}

/// A statement that looks up what to do with a packet, or where to lead it.
pub(super) fn dispatch(
    key: &Expression,
    data: &Expression,
    text: &str,
    translates: bool,
) -> Vec<Statement> {
    let (keys, kinds): (Vec<Key>, Vec<Kind>) = match keys(key) {
        Ok(keys) => keys.into_iter().unzip(),
        Err(true) => return vec![Statement::Match(Condition::Never)],
        Err(false) => (
            vec![Key::whole(Field::Other(words(key)))],
            vec![Kind::Number],
        ),
    };
    let elements = if let Expression::Set(members) = data {
        Elements::Listed(elements(members, &kinds))
    } else if let Expression::Reference(name) = data {
        Elements::Named(name.clone())
    } else {
        return opaque(text);
    };
    let mut found = implied(key);
    found.push(Statement::Dispatch {
        keys,
        elements,
        text: format!("the lookup of {}", words(key)),
        translates,
    });
    found
}
