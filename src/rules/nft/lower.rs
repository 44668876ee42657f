//! What rules of nftables mean, whichever form they were read from.

use super::foreign;
use super::mark;
use super::pattern::{self, Kind};
use super::syntax::{Clause, Expression, Member, Relation};
use super::wording::{told, words, written};
use crate::rules::condition::{Condition, Element, Field, Key, Pattern};
use crate::rules::ruleset::{
    Chain, Elements, Family, Origin, Recipe, Rule, Statement, Table, Translation, Verdict,
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
    let statements = clauses
        .iter()
        .flat_map(|clause| statements(clause, family, &text))
        .collect();
    chain.rules.push(Rule {
        number: u32::try_from(chain.rules.len() + 1).unwrap_or(u32::MAX),
        handle,
        text,
        statements,
        recipe,
    });
}

/// What can be said of a table once all of it is read.
pub(super) fn finish(table: &mut Table) {
    table.origin = Origin::Nft;
    table.foreign = foreign::is_of_iptables(table);
    if table.foreign {
        foreign::reread(table);
    }
    if table.dormant {
        table.chains.clear();
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
    members
        .iter()
        .map(|member| element(member, kinds))
        .collect()
}

/// The parts of a concatenation; anything else is its own only part.
fn parts(whole: &Expression) -> &[Expression] {
    if let Expression::Concat(parts) = whole {
        parts
    } else {
        std::slice::from_ref(whole)
    }
}

fn element(member: &Member, kinds: &[Kind]) -> Element {
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
        verdict: member.verdict.clone(),
        text: member.text.clone(),
        excludes: false,
    }
}

/// What one statement means.
fn statements(clause: &Clause, family: Family, text: &str) -> Vec<Statement> {
    let one = |statement| vec![statement];
    match clause {
        Clause::Match(relation, left, right) => comparison(*relation, left, right, text),
        Clause::Verdict(verdict) => one(Statement::End(verdict.clone())),
        Clause::Dispatch(key, data) => dispatch(key, data, text),
        Clause::Mangle(key, value) => mark::mangle(key, value),
        Clause::Reject(word, kind) => {
            let with = refusal(word, kind, family);
            one(Statement::End(Verdict::Reject(Some(with))))
        }
        Clause::Destination(address, port) => one(Statement::Destination(translation(
            address.as_ref(),
            port.as_ref(),
        ))),
        Clause::Redirect(port) => {
            let to = port.as_ref().map(|port| {
                pattern::number(port, Kind::Port).and_then(|port| u16::try_from(port).ok())
            });
            one(Statement::Destination(Translation {
                address: None,
                port: to.flatten(),
                redirect: true,
                varied: to.is_some_and(|port| port.is_none()),
            }))
        }
        Clause::Source => one(Statement::Source),
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
        })),
    }
}

/// The keys of the left side; `Err(true)` when the packet never has such a field, `Err(false)`
/// when nobody can tell it.
fn keys(left: &Expression) -> Result<Vec<(Key, Kind)>, bool> {
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

/// What nft shows of an extension of iptables: its name alone.
pub(super) fn extension(matches: bool, name: &str) -> Vec<Clause> {
    const HARMLESS: [&str; 11] = [
        "LOG", "NFLOG", "TCPMSS", "TTL", "HL", "TOS", "DSCP", "CHECKSUM", "CLASSIFY", "AUDIT",
        "TRACE",
    ];
    // What is not shown may be something else in each rule.
    let unseen = |text: String| Clause::Opaque(text, false);
    let hidden = || Expression::Other(format!("what -j {name} makes of it"));
    let changes = |mark: &str| Clause::Mangle(Expression::Field(mark.to_owned()), hidden());
    match name {
        _ if matches => vec![unseen(format!(
            "-m {name} (nft does not show what it asks)"
        ))],
        _ if HARMLESS.contains(&name) => Vec::new(),
        "REJECT" => vec![Clause::Verdict(Verdict::Reject(None))],
        "MARK" => vec![changes("meta mark")],
        "CONNMARK" => vec![changes("meta mark"), changes("ct mark")],
        "DNAT" | "NETMAP" => vec![Clause::Destination(Some(hidden()), None)],
        "REDIRECT" => vec![Clause::Redirect(Some(hidden()))],
        "SNAT" | "MASQUERADE" => vec![Clause::Source],
        "CT" => vec![
            unseen("-j CT is --notrack (nft does not show it)".to_owned()),
            Clause::Untrack,
        ],
        _ => {
            let to = format!("the target {name}, which nft does not show,");
            vec![Clause::Handover(name.to_owned(), to)]
        }
    }
}

/// Whether what `text` asks may be answered otherwise for the same packet.
pub(super) fn is_fickle(text: &str) -> bool {
    let mut words = text.split(|character: char| !character.is_ascii_alphanumeric());
    words.any(|word| matches!(word, "numgen" | "random" | "limit" | "quota" | "count"))
}

fn opaque(text: &str) -> Vec<Statement> {
    vec![Statement::Match(Condition::Opaque {
        text: format!("what nft calls \"{text}\""),
        stable: !is_fickle(text),
        negated: false,
    })]
}

/// The IP version that a field implies, as a condition of its own.
fn version(left: &Expression) -> Option<Statement> {
    let parts = parts(left);
    let version = parts.iter().find_map(|part| {
        let whole = if let Expression::And(field, _) = part {
            field
        } else {
            part
        };
        if let Expression::Field(name) = whole {
            pattern::version_of(name)
        } else {
            None
        }
    })?;
    let key = Key::whole(Field::NetfilterProtocol);
    Some(Statement::Match(Condition::one_of(
        key,
        [Pattern::exactly(version)],
        false,
        "the IP version",
    )))
}

fn comparison(
    relation: Relation,
    left: &Expression,
    right: &Expression,
    rule: &str,
) -> Vec<Statement> {
    let unknown = || opaque(&written(relation, left, right).unwrap_or_else(|| rule.to_owned()));
    let keys = match keys(left) {
        Ok(keys) => keys,
        Err(true) => return vec![Statement::Match(Condition::Never)],
        Err(false) => return unknown(),
    };
    let mut found: Vec<Statement> = version(left).into_iter().collect();
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
                text: String::new(),
            };
            within(Elements::Listed(vec![element(&member, &kinds)]))
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

fn dispatch(key: &Expression, data: &Expression, text: &str) -> Vec<Statement> {
    let (keys, kinds): (Vec<Key>, Vec<Kind>) = match keys(key) {
        Ok(keys) => keys.into_iter().unzip(),
        Err(true) => return vec![Statement::Match(Condition::Never)],
        Err(false) => (vec![Key::whole(Field::Other(words(key)))], vec![Kind::Any]),
    };
    let elements = if let Expression::Set(members) = data {
        Elements::Listed(elements(members, &kinds))
    } else if let Expression::Reference(name) = data {
        Elements::Named(name.clone())
    } else {
        return opaque(text);
    };
    let mut found: Vec<Statement> = version(key).into_iter().collect();
    found.push(Statement::Dispatch {
        keys,
        elements,
        text: format!("the lookup of {}", words(key)),
    });
    found
}

fn translation(address: Option<&Expression>, port: Option<&Expression>) -> Translation {
    let read = |value: &Expression| {
        if let Expression::Word(text) | Expression::Quoted(text) = value {
            text.parse().ok()
        } else {
            None
        }
    };
    let to = address.map(read);
    let port = port
        .map(|port| pattern::number(port, Kind::Port).and_then(|port| u16::try_from(port).ok()));
    let varied = to.is_some_and(|to| to.is_none()) || port.is_some_and(|port| port.is_none());
    Translation {
        address: to.flatten().filter(|_| !varied),
        port: port.flatten().filter(|_| !varied),
        redirect: false,
        varied,
    }
}

/// The name of a refusal that `nft -nn` shows by its number.
fn named<'a>(word: &str, kind: &'a str) -> &'a str {
    match (word, kind) {
        ("icmp", "0") => "net-unreachable",
        ("icmp", "1") | ("icmpx", "2") => "host-unreachable",
        ("icmp", "2") => "prot-unreachable",
        ("icmp", "3") | ("icmpv6", "4") | ("icmpx", "1") => "port-unreachable",
        ("icmp", "9") => "net-prohibited",
        ("icmp", "10") => "host-prohibited",
        ("icmp", "13") | ("icmpv6", "1") | ("icmpx", "3") => "admin-prohibited",
        ("icmpv6" | "icmpx", "0") => "no-route",
        ("icmpv6", "3") => "addr-unreachable",
        ("icmpv6", "5") => "policy-fail",
        ("icmpv6", "6") => "reject-route",
        (_, _) => kind,
    }
}

/// A refusal in the words of iptables; those of `icmpx` are resolved by the packet's version.
fn refusal(word: &str, kind: &str, family: Family) -> String {
    let word = match (word, family) {
        ("tcp", _) => return "tcp-reset".to_owned(),
        ("" | "icmpx", Family::Ip) => "icmp",
        ("" | "icmpx", Family::Ip6) => "icmpv6",
        ("" | "icmpx", _) => "icmpx",
        (other, _) => other,
    };
    let kind = named(word, kind);
    match word {
        "icmpv6" => format!(
            "icmp6-{}",
            if kind == "admin-prohibited" {
                "adm-prohibited"
            } else {
                kind
            }
        ),
        "icmpx" => format!("icmpx-{kind}"),
        _ if kind == "prot-unreachable" => "icmp-proto-unreachable".to_owned(),
        _ => format!("icmp-{kind}"),
    }
}
