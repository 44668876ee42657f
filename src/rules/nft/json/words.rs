//! Statements and values of nft's JSON in the words that a person reads.

use serde_json::Value;

/// A statement in a form that a person reads.
pub(super) fn written(statement: &Value) -> String {
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
pub(super) fn value_text(value: &Value) -> String {
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
