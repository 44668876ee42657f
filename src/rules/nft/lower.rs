//! What rules of nftables mean, whichever form they were read from.

use super::foreign;
use super::maps::{dispatch, is_lookup, mapped};
use super::mark;
use super::pattern::{self, Kind};
use super::syntax::{Clause, Expression, Member, Relation};
use super::target::{redirected, refused, translation};
use super::wording::{told, written};
use crate::rules::condition::{Condition, Element, Field, Key, Pattern};
use crate::rules::odds::Odds;
pub(super) use crate::rules::odds::varies;
use crate::rules::ruleset::{
    Chain, Elements, Family, Origin, Recipe, Rule, Statement, Table, Verdict,
};

/// Adds a rule to `chain`.
pub(super) fn push(
    chain: &mut Chain,
    family: Family,
    handle: Option<u64>,
    text: String,
    recipe: Recipe,
    clauses: &[Clause],
) {
    // nft takes nothing behind what ends a rule: there stood the end of a line.
    let joined = clauses.iter().position(ends);
    let joined = joined.is_some_and(|at| at + 1 < clauses.len());
    let spoilt = joined.then(|| Clause::Unknown(text.clone()));
    let clauses = spoilt.as_ref().map_or(clauses, std::slice::from_ref);
    let mut statements: Vec<Statement> = clauses
        .iter()
        .flat_map(|clause| statements(clause, family, &text))
        .collect();
    let unknown = clauses.iter().rev().find_map(|clause| {
        if let Clause::Unknown(words) = clause {
            Some(words)
        } else {
            None
        }
    });
    // What is not understood may have been the verdict.
    if let Some(words) = unknown.filter(|_| !statements.iter().any(Statement::ends)) {
        statements.push(Statement::Handover {
            target: words.clone(),
            to: format!("what nft calls \"{words}\""),
        });
    }
    statements.shrink_to_fit();
    chain.rules.push(Rule {
        number: u32::try_from(chain.rules.len() + 1).unwrap_or(u32::MAX),
        handle,
        text,
        statements,
        recipe,
    });
}

/// Whether nothing may stand behind a clause.
const fn ends(clause: &Clause) -> bool {
    match clause {
        Clause::Verdict(verdict) => !matches!(verdict, Verdict::Continue),
        Clause::Reject(..) | Clause::Destination(..) | Clause::Redirect(_) | Clause::Source(_) => {
            true
        }
        Clause::Match(..)
        | Clause::Dispatch(..)
        | Clause::Mangle(..)
        | Clause::Untrack
        | Clause::Handover(..)
        | Clause::Update(..)
        | Clause::Opaque(..)
        | Clause::Has(_)
        | Clause::Unknown(_) => false,
    }
}

/// What can be said of a table once all of it is read.
pub(super) fn finish(table: &mut Table) {
    table.origin = Origin::Nft;
    table.foreign = foreign::is_of_iptables(table);
    if table.foreign {
        foreign::reread(table);
    }
    if table.dormant {
        table.clear();
    }
}

/// The kinds of a set's keys by its `type`; for `typeof` they are told by the values.
pub(super) fn kinds_of_type(kind: &str) -> Vec<Kind> {
    kind.split(" . ")
        .map(|part| match part.trim() {
            "ipv4_addr" | "ipv6_addr" => Kind::Address,
            "inet_service" => Kind::Port,
            "inet_proto" => Kind::Protocol,
            "mark" => Kind::Number,
            "ifname" | "iface_index" => Kind::Interface,
            "ct_state" => Kind::State,
            "ether_type" => Kind::EtherType,
            "nf_proto" => Kind::NetfilterProtocol,
            "pkt_type" => Kind::PacketType,
            "fib_addrtype" => Kind::AddressType,
            other => pattern::field(other).map_or(Kind::Any, |(_, kind)| {
                if kind == Kind::Unknown {
                    Kind::Any
                } else {
                    kind
                }
            }),
        })
        .collect()
}

/// The members of a set as elements.
pub(super) fn elements(members: &[Member], kinds: &[Kind]) -> Vec<Element> {
    let members = members.iter().cloned();
    members.map(|member| element(member, kinds)).collect()
}

/// The parts of a concatenation; anything else is its own only part.
pub(super) fn parts(whole: &Expression) -> &[Expression] {
    if let Expression::Concat(parts) = whole {
        parts
    } else {
        std::slice::from_ref(whole)
    }
}

/// A member of a set as an element.
pub(super) fn element(member: Member, kinds: &[Kind]) -> Element {
    let parts = parts(&member.key);
    let kind = |index: usize| kinds.get(index).copied().unwrap_or(Kind::Any);
    let mut patterns: Vec<Pattern> = parts
        .iter()
        .enumerate()
        .map(|(at, part)| pattern::pattern(part, kind(at)))
        .collect();
    if matches!(parts, [Expression::Word(any)] if any == "*") {
        patterns = kinds.iter().map(|_| Pattern::Any).collect();
    }
    Element {
        patterns,
        verdict: member.verdict.or_else(|| {
            let data = member.data.as_ref()?;
            Some(Verdict::Translate(mapped(data)?))
        }),
        text: member.text,
        excludes: false,
        limited: member.limited,
    }
}

/// What one statement means.
fn statements(clause: &Clause, family: Family, text: &str) -> Vec<Statement> {
    let one = |statement| vec![statement];
    match clause {
        Clause::Match(relation, left, right) => comparison(*relation, left, right, text),
        Clause::Verdict(verdict) => one(Statement::End(verdict.clone())),
        Clause::Dispatch(key, data) => dispatch(key, data, text, false),
        Clause::Mangle(key, value) => {
            let mut found = implied(key);
            found.extend(read_for(value, text));
            found.extend(mark::mangle(key, value));
            found
        }
        Clause::Reject(word, kind) => refused(word, kind, family),
        Clause::Destination(version, Some(lookup @ Expression::Map(key, data)), None)
            if is_lookup(lookup) =>
        {
            let mut found = of_version(*version);
            found.extend(dispatch(key, data, text, true));
            found
        }
        Clause::Destination(version, address, port) => {
            let mut found: Vec<Statement> = of_version(*version);
            found.push(Statement::Destination(translation(
                address.as_ref(),
                port.as_ref(),
            )));
            found
        }
        Clause::Redirect(port) => one(redirected(port.as_ref())),
        Clause::Source(version) => {
            let mut found = of_version(*version);
            found.push(Statement::Source);
            found
        }
        Clause::Has(left) => has(left, text),
        Clause::Unknown(words) => {
            let mut found = opaque(words);
            found.extend(Statement::everything());
            found
        }
        Clause::Untrack => one(Statement::Untrack),
        Clause::Handover(target, to) => one(Statement::Handover {
            target: target.clone(),
            to: to.clone(),
        }),
        Clause::Update(set, removes) => one(Statement::Update {
            elements: Elements::Named(set.clone()),
            removes: *removes,
        }),
        Clause::Opaque(text, stable) => one(Statement::Match(Condition::Opaque {
            text: text.clone(),
            stable: *stable,
            negated: false,
            odds: Odds::of(text),
        })),
    }
}

/// That a field has just this value.
pub(super) fn exactly(field: Field, value: u128) -> Statement {
    let text = if field == Field::Protocol {
        "the protocol"
    } else {
        "the IP version"
    };
    let pattern = [Pattern::exactly(value)];
    Statement::Match(Condition::one_of(Key::whole(field), pattern, false, text))
}

/// What a translation of one IP version asks.
fn of_version(version: Option<u128>) -> Vec<Statement> {
    let asked = version.map(|version| exactly(Field::NetfilterProtocol, version));
    asked.into_iter().collect()
}

/// What a new value is made of: without that, the rule is over.
fn read_for(value: &Expression, text: &str) -> Vec<Statement> {
    match value {
        Expression::Field(name) if name.starts_with("ct ") => Vec::new(),
        Expression::Field(_) => implied(value),
        Expression::And(left, right) | Expression::Xor(left, right) => {
            [read_for(left, text), read_for(right, text)].concat()
        }
        Expression::List(all) => all.iter().flat_map(|one| read_for(one, text)).collect(),
        Expression::Word(_) | Expression::Quoted(_) => Vec::new(),
        // A map may have nothing for it.
        Expression::Map(..)
        | Expression::Prefix(..)
        | Expression::Range(..)
        | Expression::Concat(_)
        | Expression::Set(_)
        | Expression::Reference(_)
        | Expression::Other(_) => opaque(text),
    }
}

/// That the packet has what `left` looks at: where it does not, the rule is over.
fn has(left: &Expression, text: &str) -> Vec<Statement> {
    match keys(left) {
        Err(true) => vec![Statement::Match(Condition::Never)],
        Err(false) => opaque(text),
        Ok(keys) => {
            let any = |(key, _)| Condition::one_of(key, [Pattern::Any], false, "");
            keys.into_iter().map(any).map(Statement::Match).collect()
        }
    }
}

/// The keys of the left side; `Err(true)` when the packet never has such a field, `Err(false)`
/// when nobody can tell it.
pub(super) fn keys(left: &Expression) -> Result<Vec<(Key, Kind)>, bool> {
    let parts = parts(left);
    parts.iter().map(key).collect()
}

fn key(part: &Expression) -> Result<(Key, Kind), bool> {
    match part {
        Expression::Field(name) => {
            let (field, kind) = pattern::field(name).ok_or(true)?;
            if kind == Kind::Unknown {
                Err(false)
            } else {
                Ok((Key::whole(field), kind))
            }
        }
        Expression::And(field, mask) => {
            let (key, kind) = key(field)?;
            let mask = pattern::number(mask, kind).ok_or(false)?;
            Ok((
                Key {
                    mask: key.mask & mask,
                    ..key
                },
                kind,
            ))
        }
        Expression::Word(_)
        | Expression::Quoted(_)
        | Expression::Prefix(..)
        | Expression::Range(..)
        | Expression::Concat(_)
        | Expression::Set(_)
        | Expression::Reference(_)
        | Expression::List(_)
        | Expression::Xor(..)
        | Expression::Map(..)
        | Expression::Other(_) => Err(false),
    }
}

pub(super) fn opaque(text: &str) -> Vec<Statement> {
    vec![Statement::Match(Condition::Opaque {
        text: format!("what nft calls \"{text}\""),
        stable: !varies(text),
        negated: false,
        odds: Odds::of(text),
    })]
}

/// What the fields of the left side imply where their own values do not tell it: the IP version, and
/// the protocol.
pub(super) fn implied(left: &Expression) -> Vec<Statement> {
    let mut found: Vec<Statement> = Vec::new();
    for part in parts(left) {
        let mut whole = part;
        while let Expression::And(inner, _) | Expression::Xor(inner, _) = whole {
            whole = inner;
        }
        if let Expression::Field(name) = whole {
            for (field, value) in pattern::implied(name) {
                let asked = exactly(field, value);
                if !found.contains(&asked) {
                    found.push(asked);
                }
            }
        }
    }
    found
}

fn comparison(
    relation: Relation,
    left: &Expression,
    right: &Expression,
    rule: &str,
) -> Vec<Statement> {
    let unknown = || {
        let mut found = implied(left);
        found.extend(opaque(
            &written(relation, left, right).unwrap_or_else(|| rule.to_owned()),
        ));
        found
    };
    let keys = match keys(left) {
        Ok(keys) => keys,
        Err(true) => return vec![Statement::Match(Condition::Never)],
        Err(false) => return unknown(),
    };
    let mut found = implied(left);
    let kinds: Vec<Kind> = keys.iter().map(|(_, kind)| *kind).collect();
    let text = told(relation, left, right);
    let negated = matches!(relation, Relation::NotEqual | Relation::None);
    let within = |elements| Condition::Within {
        keys: keys.iter().map(|(key, _)| key.clone()).collect(),
        elements,
        negated,
        text: text.clone(),
    };
    let condition = match (right, keys.as_slice()) {
        (Expression::Reference(name), _) => within(Elements::Named(name.clone())),
        (Expression::Set(members), _) => within(Elements::Listed(elements(members, &kinds))),
        (Expression::Concat(_), _) => {
            let member = Member {
                key: right.clone(),
                verdict: None,
                data: None,
                text: String::new(),
                limited: false,
            };
            within(Elements::Listed(vec![element(member, &kinds)]))
        }
        (_, [(key, kind)]) => match simple(relation, key, *kind, right, &text) {
            Some(condition) => condition,
            None => return unknown(),
        },
        (_, _) => return unknown(),
    };
    found.push(Statement::Match(condition));
    found
}

/// One field against one value.
fn simple(
    relation: Relation,
    key: &Key,
    kind: Kind,
    right: &Expression,
    text: &str,
) -> Option<Condition> {
    let one = |pattern, negated| Condition::one_of(key.clone(), [pattern], negated, text);
    let bounded = |low: Option<u128>, high: Option<u128>| {
        (key.mask == u128::MAX).then(|| {
            one(
                Pattern::Range(low.unwrap_or(0), high.unwrap_or(u128::MAX)),
                false,
            )
        })
    };
    let number = || pattern::number(right, kind);
    let is_list = matches!(right, Expression::List(_));
    match relation {
        Relation::Less => match number()?.checked_sub(1) {
            Some(high) => bounded(None, Some(high)),
            None => Some(Condition::Never),
        },
        Relation::AtMost => bounded(None, Some(number()?)),
        Relation::Greater => bounded(Some(number()?.checked_add(1)?), None),
        Relation::AtLeast => bounded(Some(number()?), None),
        // Any of these bits, or none of them.
        Relation::Implicit | Relation::None
            if pattern::is_flags(kind)
                && key.mask == u128::MAX
                && !matches!(right, Expression::Range(..)) =>
        {
            let masked = Key {
                field: key.field.clone(),
                mask: number()?,
            };
            let any = relation == Relation::Implicit;
            Some(Condition::one_of(
                masked,
                [Pattern::exactly(0)],
                any,
                format!("not {text}"),
            ))
        }
        Relation::NotEqual if is_list && kind == Kind::State => None,
        Relation::Implicit | Relation::Equal => Some(one(pattern::pattern(right, kind), false)),
        Relation::NotEqual | Relation::None => Some(one(pattern::pattern(right, kind), true)),
    }
}
