//! Statements and expressions of nft's JSON.
//!
//! Each object is taken for what its keys say only where all of them are known.

use serde_json::{Map, Value};

use super::words::{value_text, written};
use crate::rules::nft::lower;
use crate::rules::nft::maps;
use crate::rules::nft::syntax::{Clause, Expression, Member, Relation};
use crate::rules::nft::target;
use crate::rules::ruleset::Verdict;

/// What a statement says.
pub(super) fn clauses(statement: &Value) -> Vec<Clause> {
    let unknown = || vec![Clause::Unknown(written(statement))];
    let untold = || vec![Clause::Opaque(written(statement), false)];
    let Some((kind, body)) = statement.as_object().and_then(only) else {
        if statement.is_object() {
            return unknown();
        }
        return vec![Clause::Handover(
            "JUMP".to_owned(),
            "what nft does not show".to_owned(),
        )];
    };
    let part = |name: &str| body.get(name);
    let word = |name: &str| word_of(body, name);
    let one = |clause| vec![clause];
    match kind.as_str() {
        "match" => {
            one(comparison(body).unwrap_or_else(|| Clause::Opaque(written(statement), false)))
        }
        "accept" | "drop" | "return" | "continue" | "jump" | "goto" => {
            verdict(statement).map_or_else(unknown, |verdict| one(Clause::Verdict(verdict)))
        }
        "vmap" => match (part("key"), part("data")) {
            (Some(key), Some(data)) => one(Clause::Dispatch(expression(key), expression(data))),
            (_, _) => unknown(),
        },
        "mangle" => match (part("key"), part("value")) {
            (Some(key), Some(value)) => one(Clause::Mangle(expression(key), expression(value))),
            (_, _) => unknown(),
        },
        "reject" => one(refusal(body)),
        "dnat" => destination(body),
        "redirect" => behind_lookup(body, Clause::Redirect(part("port").map(expression))),
        "snat" | "masquerade" => behind_lookup(body, Clause::Source(version(body))),
        "notrack" => one(Clause::Untrack),
        "queue" | "synproxy" | "tproxy" | "fwd" => one(handed_over(kind)),
        "set" | "map" if part("set").is_some() || part("map").is_some() => {
            update(kind, body, statement)
        }
        // By name, or found in a map.
        "counter" | "ct helper" | "ct timeout" | "ct expectation"
            if body.is_object() && has_map(body) =>
        {
            untold()
        }
        "dup" => looked_up(body),
        "counter" | "log" | "flow" | "last" | "reset" | "ct helper" | "ct timeout"
        | "ct expectation" | "comment" => Vec::new(),
        "limit" | "quota" | "ct count" | "meter" => untold(),
        "xt" => target::extension(word("type") == "match", &word("name")),
        _ => unknown(),
    }
}

/// A word of an object; empty where it is none.
fn word_of(body: &Value, name: &str) -> String {
    let word = body.get(name).and_then(Value::as_str);
    word.unwrap_or_default().to_owned()
}

/// A match; `None` where it is not understood.
fn comparison(body: &Value) -> Option<Clause> {
    let (left, right) = (body.get("left")?, body.get("right")?);
    if !has_only(body, &["op", "left", "right"]) {
        return None;
    }
    let relation = match word_of(body, "op").as_str() {
        "in" => Relation::Implicit,
        "==" | "" => Relation::Equal,
        "!=" => Relation::NotEqual,
        "!" => Relation::None,
        "<" => Relation::Less,
        "<=" => Relation::AtMost,
        ">" => Relation::Greater,
        ">=" => Relation::AtLeast,
        _ => return None,
    };
    Some(Clause::Match(relation, expression(left), expression(right)))
}

/// A clause behind what its lookups ask.
fn behind_lookup(body: &Value, clause: Clause) -> Vec<Clause> {
    let mut found = looked_up(body);
    found.push(clause);
    found
}

fn refusal(body: &Value) -> Clause {
    let (kind, with) = (word_of(body, "type"), word_of(body, "expr"));
    let family = if kind == "tcp reset" {
        "tcp".to_owned()
    } else {
        kind
    };
    let usual = || "port-unreachable".to_owned();
    Clause::Reject(family, if with.is_empty() { usual() } else { with })
}

fn destination(body: &Value) -> Vec<Clause> {
    let flags = body.get("type_flags").map(value_text);
    let ranged = flags.is_some_and(|flags| flags != "concat");
    let (address, port) = (body.get("addr").map(expression), body.get("port"));
    let is_lookup = port.is_none() && !ranged && address.as_ref().is_some_and(maps::is_lookup);
    let mut found = if is_lookup {
        Vec::new()
    } else {
        looked_up(body)
    };
    let address = if ranged {
        Some(Expression::Other(body.to_string()))
    } else {
        address
    };
    found.push(Clause::Destination(
        version(body),
        address,
        port.map(expression),
    ));
    found
}

/// What something else decides.
fn handed_over(kind: &str) -> Clause {
    let to = match kind {
        "queue" => "the program that reads the queue",
        "synproxy" => "the SYN proxy of this host",
        "tproxy" => "the transparent proxy of this host",
        _ => "the device to which the packet is forwarded",
    };
    Clause::Handover(kind.to_uppercase(), to.to_owned())
}

/// An element that is put into a set, or taken out.
fn update(kind: &str, body: &Value, statement: &Value) -> Vec<Clause> {
    let name = word_of(body, if kind == "map" { "map" } else { "set" });
    let name = name.trim_start_matches('@').to_owned();
    let key = body.get("elem").map(expression);
    let mut found: Vec<Clause> = key.map(Clause::Has).into_iter().collect();
    found.push(Clause::Update(name, word_of(body, "op") == "delete"));
    // What is asked of the element when it is put there.
    let plain = has_only(body, &["op", "elem", "data", "set", "map", "stmt"]);
    if !plain || lower::varies(&body.to_string()) {
        found.push(Clause::Opaque(written(statement), false));
    }
    found
}

/// The one member of an object; `None` where there are several, or none.
fn only(object: &Map<String, Value>) -> Option<(&String, &Value)> {
    let first = object.iter().next()?;
    (object.len() == 1).then_some(first)
}

/// Whether an object has none but these members.
fn has_only(body: &Value, known: &[&str]) -> bool {
    let object = body.as_object();
    object.is_some_and(|object| object.keys().all(|key| known.contains(&key.as_str())))
}

fn has_map(body: &Value) -> bool {
    match body {
        Value::Object(object) => object
            .iter()
            .any(|(key, value)| key == "map" || has_map(value)),
        Value::Array(all) => all.iter().any(has_map),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// That a map finds something, where one is looked up.
fn looked_up(body: &Value) -> Vec<Clause> {
    let hangs = has_map(body);
    let text = || format!("the map finds something ({body})");
    hangs
        .then(|| Clause::Opaque(text(), false))
        .into_iter()
        .collect()
}

/// The IP version that a translation is for, where it says one.
fn version(body: &Value) -> Option<u128> {
    match body.get("family").and_then(Value::as_str) {
        Some("ip") => Some(2),
        Some("ip6") => Some(10),
        Some(_) | None => None,
    }
}

fn verdict(value: &Value) -> Option<Verdict> {
    let (kind, body) = only(value.as_object()?)?;
    let target = || {
        body.get("target")
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    Some(match kind.as_str() {
        "accept" => Verdict::Accept,
        "drop" => Verdict::Drop,
        "return" => Verdict::Return,
        "continue" => Verdict::Continue,
        "jump" => Verdict::Jump(target()?),
        "goto" => Verdict::Goto(target()?),
        _ => return None,
    })
}

/// A member of a set or map.
pub(super) fn member(value: &Value) -> Member {
    let text = value_text(value);
    let pair = value.as_array().filter(|pair| pair.len() == 2);
    let (key, data) = pair.map_or((Some(value), None), |pair| (pair.first(), pair.get(1)));
    let known = ["val", "timeout", "expires", "comment", "counter"];
    let element = key.and_then(|key| key.get("elem"));
    Member {
        limited: element.is_some_and(|body| !has_only(body, &known)),
        key: key.map_or(Expression::Other(String::new()), expression),
        verdict: data.and_then(verdict),
        data: data.map(expression),
        text,
    }
}

/// An expression.
fn expression(value: &Value) -> Expression {
    let (kind, body) = match value {
        Value::String(text) => {
            return match text.strip_prefix('@') {
                Some(name) => Expression::Reference(name.to_owned()),
                None => Expression::Word(text.clone()),
            };
        }
        Value::Number(number) => return Expression::Word(number.to_string()),
        Value::Array(all) => return Expression::List(all.iter().map(expression).collect()),
        Value::Object(object) => match only(object) {
            Some(only) => only,
            None => return Expression::Other(value.to_string()),
        },
        Value::Bool(_) | Value::Null => return Expression::Other(value.to_string()),
    };
    let part = |name: &str| body.get(name).map(expression);
    let all = || body.as_array().into_iter().flatten();
    let two = || {
        let mut parts = all().map(expression);
        Some((Box::new(parts.next()?), Box::new(parts.next()?)))
    };
    let other = || Expression::Other(value.to_string());
    match kind.as_str() {
        "payload" if has_only(body, &["protocol", "field"]) => Expression::Field(value_text(value)),
        "meta" if has_only(body, &["key"]) => Expression::Field(value_text(value)),
        "ct" if has_only(body, &["key", "dir"]) => Expression::Field(value_text(value)),
        "fib" if has_only(body, &["result", "flags"]) => Expression::Field(value_text(value)),
        "numgen" | "jhash" | "symhash" => Expression::Field(chooses(kind, body)),
        "elem" => part("val").unwrap_or_else(other),
        "prefix" => {
            let length = body
                .get("len")
                .and_then(Value::as_u64)
                .and_then(|length| u32::try_from(length).ok());
            match (part("addr"), length) {
                (Some(address), Some(length)) => Expression::Prefix(Box::new(address), length),
                (_, _) => other(),
            }
        }
        "range" => two().map_or_else(other, |(low, high)| Expression::Range(low, high)),
        "&" => two().map_or_else(other, |(left, mask)| Expression::And(left, mask)),
        "^" => two().map_or_else(other, |(left, bits)| Expression::Xor(left, bits)),
        "|" => Expression::List(all().map(expression).collect()),
        "concat" => Expression::Concat(all().map(expression).collect()),
        "set" => Expression::Set(all().map(member).collect()),
        "map" => match (part("key"), part("data")) {
            (Some(key), Some(data)) => Expression::Map(Box::new(key), Box::new(data)),
            (_, _) => other(),
        },
        _ => other(),
    }
}

/// What chooses one of several, as nft writes it.
fn chooses(kind: &str, body: &Value) -> String {
    let part = |name: &str| body.get(name).map(value_text);
    let mut text = kind.to_owned();
    for mode in [part("mode"), part("expr")].into_iter().flatten() {
        text.push_str(&format!(" {mode}"));
    }
    for name in ["mod", "seed", "offset"] {
        if let Some(value) = part(name) {
            text.push_str(&format!(" {name} {value}"));
        }
    }
    text
}
