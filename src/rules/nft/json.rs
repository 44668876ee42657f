//! `nft -j list ruleset`: the same rules as JSON (libnftables-json(5)).
//!
//! What this reader does not know becomes a condition that cannot be told, never an error: the
//! form grows with every release of nftables.

use serde_json::{Map, Value};

use super::lower;
use super::syntax::{Clause, Expression, Member, Relation};
use super::text::{chain_kind, policy};
use crate::rules::ruleset::{
    Base, Family, Hook, Origin, Policy, Recipe, Ruleset, Set, Shown, Table, Verdict,
};
use crate::rules::unreadable::{Fault, Unreadable};

/// Reads the JSON document that begins in the first of `lines`; says how many lines it took.
pub(in crate::rules) fn read(
    lines: &[(usize, String)],
    ruleset: &mut Ruleset,
) -> Result<usize, Unreadable> {
    let start = lines.first().map_or(1, |(line, _)| *line);
    let mut source = String::new();
    for (_, text) in lines {
        source.push_str(text);
        source.push('\n');
    }
    let mut documents = serde_json::Deserializer::from_str(&source).into_iter::<Value>();
    let document = match documents.next() {
        Some(Ok(document)) => document,
        Some(Err(error)) => {
            let line = lines
                .get(error.line().saturating_sub(1))
                .map_or(start, |(line, _)| *line);
            let said = error.to_string();
            // Its place is told beside it, as one in the whole input.
            let said = said.split(" at line ").next().unwrap_or(&said);
            let fault = Fault::Json(said.to_owned());
            return Err(Unreadable::at(line, error.column().max(1), fault));
        }
        None => return Err(Unreadable::at(start, 1, Fault::ForeignJson)),
    };
    let taken = source
        .get(..documents.byte_offset())
        .unwrap_or_default()
        .matches('\n')
        .count()
        + 1;
    let Some(objects) = document.get("nftables").and_then(Value::as_array) else {
        return Err(Unreadable::at(start, 1, Fault::ForeignJson));
    };
    for object in objects.iter().filter_map(Value::as_object) {
        for (kind, body) in object {
            if let Some(body) = body.as_object() {
                add(kind, body, ruleset);
            }
        }
    }
    for table in ruleset
        .tables
        .iter_mut()
        .filter(|table| table.origin == Origin::Nft)
    {
        lower::finish(table);
    }
    Ok(taken)
}

fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

fn add(kind: &str, body: &Map<String, Value>, ruleset: &mut Ruleset) {
    let Some(family) = text(body, "family").and_then(Family::named) else {
        return;
    };
    let name = text(body, "name").unwrap_or_default();
    let table = text(body, if kind == "table" { "name" } else { "table" }).unwrap_or_default();
    let table = table_of(ruleset, family, table);
    match kind {
        "table" => {
            table.chains.clear();
            let flags = body.get("flags").map_or_else(String::new, Value::to_string);
            table.dormant = flags.contains("dormant");
        }
        "chain" => chain(name, body, table),
        "set" | "map" => {
            table.sets.insert(name.to_owned(), set(body));
        }
        "rule" => rule(body, family, table),
        _ => {}
    }
}

fn table_of<'a>(ruleset: &'a mut Ruleset, family: Family, name: &str) -> &'a mut Table {
    let same =
        |table: &Table| table.origin == Origin::Nft && table.family == family && table.name == name;
    let index = ruleset.tables.iter().position(same).unwrap_or_else(|| {
        ruleset.tables.push(Table::new(family, name, Origin::Nft));
        ruleset.tables.len() - 1
    });
    &mut ruleset.tables[index]
}

fn chain(name: &str, body: &Map<String, Value>, table: &mut Table) {
    let chain = table.chain(name);
    chain.shown = Shown::Exactly;
    let Some(hook) = text(body, "hook").and_then(Hook::named) else {
        return;
    };
    let priority = body.get("prio").and_then(Value::as_i64).unwrap_or(0);
    let priority = priority.clamp(i32::MIN.into(), i32::MAX.into());
    let devices = match body.get("dev") {
        Some(Value::String(name)) => vec![name.clone()],
        Some(Value::Array(all)) => all
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => {
            Vec::new()
        }
    };
    chain.base = Some(Base {
        hook,
        kind: chain_kind(text(body, "type").unwrap_or("filter")),
        priority: i32::try_from(priority).unwrap_or(0),
        policy: text(body, "policy").map_or(Policy::Accept, policy),
        devices,
    });
}

fn set(body: &Map<String, Value>) -> Set {
    let kind = match body.get("type") {
        Some(Value::String(kind)) => kind.clone(),
        Some(Value::Array(kinds)) => kinds
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(" . "),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => {
            String::new()
        }
    };
    let members: Vec<Member> = body
        .get("elem")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(member)
        .collect();
    Set {
        elements: lower::elements(&members, &lower::kinds_of_type(&kind)),
        kind,
        known: true,
        changing: false,
    }
}

fn rule(body: &Map<String, Value>, family: Family, table: &mut Table) {
    let expressions = body
        .get("expr")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let clauses: Vec<Clause> = expressions
        .iter()
        .enumerate()
        .flat_map(|(at, one)| {
            let behind = expressions.get(at + 1..).unwrap_or_default();
            let ends = |other: &Value| other.get("counter").is_none();
            if one.get("xt").is_some_and(Value::is_null) && behind.iter().any(ends) {
                // Some releases hide the whole of it; a target comes last.
                lower::extension(true, "xt")
            } else {
                clause(one)
            }
        })
        .collect();
    let whole = expressions
        .iter()
        .all(|one| one.get("xt").is_none() && one.is_object());
    let mut recipe = Value::from(expressions).to_string();
    if let Some(comment) = text(body, "comment") {
        recipe.push_str(&format!(r#","comment":{}"#, Value::from(comment)));
    }
    let recipe = if whole {
        Recipe::NftJson(recipe)
    } else {
        Recipe::Incomplete
    };
    let written: Vec<String> = expressions.iter().map(written).collect();
    let handle = body.get("handle").and_then(Value::as_u64);
    let chain = table.chain(text(body, "chain").unwrap_or_default());
    lower::push(chain, family, handle, written.join(" "), recipe, &clauses);
}

/// A statement in a form that a person reads.
fn written(statement: &Value) -> String {
    let Some((kind, body)) = statement
        .as_object()
        .and_then(|object| object.iter().next())
    else {
        return statement
            .as_str()
            .map_or_else(|| statement.to_string(), str::to_owned);
    };
    match kind.as_str() {
        "match" => {
            let side = |name: &str| body.get(name).map_or_else(String::new, value_text);
            let operator = match body.get("op").and_then(Value::as_str).unwrap_or("==") {
                "==" | "in" => " ".to_owned(),
                other => format!(" {other} "),
            };
            format!("{}{operator}{}", side("left"), side("right"))
        }
        "vmap" => {
            let side = |name: &str| body.get(name).map_or_else(String::new, value_text);
            format!("{} vmap {}", side("key"), side("data"))
        }
        "jump" | "goto" => format!(
            "{kind} {}",
            body.get("target")
                .and_then(Value::as_str)
                .unwrap_or_default()
        ),
        "accept" | "drop" | "return" | "continue" | "counter" | "log" | "masquerade"
        | "notrack" => kind.clone(),
        "reject" => {
            let part = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
            format!("reject with {} {}", part("type"), part("expr"))
                .trim_end()
                .to_owned()
        }
        _ => format!("{kind} {body}"),
    }
}

/// A value in the words of nft, where they are simple.
fn value_text(value: &Value) -> String {
    let list =
        |all: &[Value], between: &str| all.iter().map(value_text).collect::<Vec<_>>().join(between);
    match value {
        Value::String(text) => text.clone(),
        Value::Array(all) if all.len() == 2 && all.iter().any(Value::is_object) => list(all, " : "),
        Value::Array(all) => list(all, ","),
        Value::Object(object) => {
            let Some((kind, body)) = object.iter().next() else {
                return String::new();
            };
            let word = |name: &str| body.get(name).map_or_else(String::new, value_text);
            let all = body.as_array().map(Vec::as_slice).unwrap_or_default();
            match kind.as_str() {
                "payload" => format!("{} {}", word("protocol"), word("field")),
                "meta" => format!("meta {}", word("key")),
                "ct" if body.get("dir").is_some() => format!("ct {} {}", word("dir"), word("key")),
                "ct" => format!("ct {}", word("key")),
                "fib" => format!(
                    "fib {} {}",
                    word("flags").replace(',', " . "),
                    word("result")
                ),
                "prefix" => format!("{}/{}", word("addr"), word("len")),
                "range" => list(all, "-"),
                "concat" => list(all, " . "),
                "set" => format!("{{ {} }}", list(all, ", ")),
                "elem" => match body.get("timeout") {
                    Some(seconds) => format!("{} timeout {seconds}s", word("val")),
                    None => word("val"),
                },
                "&" | "|" | "^" => list(all, &format!(" {kind} ")),
                "jump" | "goto" => format!("{kind} {}", word("target")),
                "accept" | "drop" | "return" | "continue" => kind.clone(),
                _ => value.to_string(),
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// What a statement says.
fn clause(statement: &Value) -> Vec<Clause> {
    let untold = || vec![Clause::Opaque(written(statement), false)];
    let Some((kind, body)) = statement
        .as_object()
        .and_then(|object| object.iter().next())
    else {
        return vec![Clause::Handover(
            "JUMP".to_owned(),
            "what nft does not show".to_owned(),
        )];
    };
    let part = |name: &str| body.get(name);
    let word = |name: &str| {
        part(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let one = |clause| vec![clause];
    match kind.as_str() {
        "match" => {
            let (Some(left), Some(right)) = (part("left"), part("right")) else {
                return untold();
            };
            let relation = match word("op").as_str() {
                "in" => Relation::Implicit,
                "!=" => Relation::NotEqual,
                "!" => Relation::None,
                "<" => Relation::Less,
                "<=" => Relation::AtMost,
                ">" => Relation::Greater,
                ">=" => Relation::AtLeast,
                _ => Relation::Equal,
            };
            one(Clause::Match(relation, expression(left), expression(right)))
        }
        "accept" | "drop" | "return" | "continue" | "jump" | "goto" => {
            verdict(statement).map_or_else(untold, |verdict| one(Clause::Verdict(verdict)))
        }
        "vmap" => match (part("key"), part("data")) {
            (Some(key), Some(data)) => one(Clause::Dispatch(expression(key), expression(data))),
            (_, _) => untold(),
        },
        "mangle" => match (part("key"), part("value")) {
            (Some(key), Some(value)) => one(Clause::Mangle(expression(key), expression(value))),
            (_, _) => untold(),
        },
        "reject" => {
            let kind = word("type");
            let family = if kind == "tcp reset" {
                "tcp".to_owned()
            } else {
                kind
            };
            let expr = word("expr");
            one(Clause::Reject(
                family,
                if expr.is_empty() {
                    "port-unreachable".to_owned()
                } else {
                    expr
                },
            ))
        }
        "dnat" => one(Clause::Destination(
            part("addr").map(expression),
            part("port").map(expression),
        )),
        "redirect" => one(Clause::Redirect(part("port").map(expression))),
        "snat" | "masquerade" => one(Clause::Source),
        "notrack" => one(Clause::Untrack),
        "queue" => one(Clause::Handover(
            "QUEUE".to_owned(),
            "the program that reads the queue".to_owned(),
        )),
        "synproxy" => one(Clause::Handover(
            "SYNPROXY".to_owned(),
            "the SYN proxy of this host".to_owned(),
        )),
        "set" | "map" if part("set").is_some() || part("map").is_some() => {
            let name = if kind == "map" {
                word("map")
            } else {
                word("set")
            };
            let name = name.trim_start_matches('@').to_owned();
            let mut found = vec![Clause::Update(name, word("op") == "delete")];
            // What is asked of the element when it is put there.
            if lower::is_fickle(&body.to_string()) {
                found.push(Clause::Opaque(written(statement), false));
            }
            found
        }
        "tproxy" => one(Clause::Handover(
            "TPROXY".to_owned(),
            "the transparent proxy of this host".to_owned(),
        )),
        "fwd" => one(Clause::Handover(
            "FWD".to_owned(),
            "the device to which the packet is forwarded".to_owned(),
        )),
        "counter" | "log" | "flow" | "dup" | "ct helper" | "ct timeout" | "ct expectation"
        | "comment" => Vec::new(),
        "xt" => lower::extension(word("type") == "match", &word("name")),
        _ => untold(),
    }
}

fn verdict(value: &Value) -> Option<Verdict> {
    let (kind, body) = value.as_object()?.iter().next()?;
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

fn member(value: &Value) -> Member {
    let text = value_text(value);
    match value {
        Value::Array(pair) if pair.len() == 2 => Member {
            key: pair
                .first()
                .map_or(Expression::Other(String::new()), expression),
            verdict: pair.get(1).and_then(verdict),
            text,
        },
        Value::Object(_)
        | Value::String(_)
        | Value::Number(_)
        | Value::Array(_)
        | Value::Null
        | Value::Bool(_) => Member {
            key: expression(value),
            verdict: None,
            text,
        },
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
        Value::Object(object) => match object.iter().next() {
            Some(only) => only,
            None => return Expression::Other(String::new()),
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
        "payload" if body.get("field").is_some() => Expression::Field(value_text(value)),
        "meta" | "ct" | "fib" => Expression::Field(value_text(value)),
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
