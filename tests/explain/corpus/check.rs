//! What `explain` says of a capture, held against what is so.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::Situation;
use crate::cli::{run, synquest};

/// What is so: the name of a fact, and its value; several that may be said are parted by `|`.
pub(super) type Facts = BTreeMap<String, toml::Value>;

/// The facts, and where a document holds them.
const FACTS: [(&str, &str); 20] = [
    ("cause", "/verdict/cause"),
    ("method", "/verdict/method"),
    ("confidence", "/verdict/confidence"),
    ("at_hop", "/verdict/place/at_hop/ttl"),
    ("after_hop", "/verdict/place/after_hop/ttl"),
    ("way", "/verdict/place/way"),
    ("end", "/session/end"),
    ("by", "/session/by"),
    ("hop", "/session/at_hop"),
    ("died", "/session/died"),
    ("stalled", "/session/stalled"),
    ("spoke", "/session/server_spoke"),
    ("up", "/session/payload_to_server"),
    ("down", "/session/payload_from_server"),
    ("code", "/session/said/code"),
    ("protocol", "/session/said/protocol"),
    ("session", "/session"),
    ("idle_ms", "/session/idle_us"),
    ("from_client", "/observed/position/from_client"),
    ("from_server", "/observed/position/from_server"),
];

/// What `explain` gives of a capture: one document for each client and port.
pub(super) fn documents(file: &Path) -> (Vec<Value>, String, i32) {
    let path = file.to_str().expect("a path that is text");
    let output = run(synquest(), &["explain", "--json", path]);
    let code = output.status.code();
    assert!(matches!(code, Some(0 | 1 | 3)), "{path}: {output:?}");
    let lines = String::from_utf8(output.stdout).expect("text");
    let documents = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("a document"))
        .collect();
    let remarks = String::from_utf8_lossy(&output.stderr).into_owned();
    (documents, remarks, code.expect("a status"))
}

/// What is wrong with the reading of a capture taken at `place`.
pub(super) fn reading(situation: &Situation, place: &str, file: &Path) -> Vec<String> {
    let stem = file.file_stem().expect("a name").to_string_lossy();
    let name = format!("{} {stem}", situation.name);
    let (documents, remarks, code) = documents(file);
    let facts = situation.facts(place);
    let truths = match facts.get("truth") {
        Some(truth) => vec![truth.as_str().expect("a cause").to_owned()],
        None => situation.truth.clone(),
    };
    let mut objections = Vec::new();
    if code != 1
        && documents
            .iter()
            .any(|document| document["session"]["died"] == true)
    {
        objections.push(format!(
            "{name}: a session died, and the exit status is {code}"
        ));
    }
    let mut object = |document: &Value, what: String| {
        let summary = document["verdict"]["summary"].as_str().unwrap_or("");
        let ended = &document["session"]["words"];
        objections.push(format!("{name}: {what}\n    {summary}\n    {ended}"));
    };
    for document in &documents {
        let verdict = &document["verdict"];
        let cause = verdict["cause"].as_str().unwrap_or("");
        let firm = verdict["confidence"] != "possible";
        if firm && !truths.iter().any(|truth| truth == cause) {
            let (port, confidence) = (&document["endpoint"]["port"], &verdict["confidence"]);
            object(document, format!("WRONG: port {port} {cause} {confidence}"));
        }
    }
    let own = |document: &&Value| {
        document["endpoint"]["port"] == situation.port
            && situation
                .client
                .as_ref()
                .is_none_or(|client| document["local"]["source"].as_str() == Some(client.as_str()))
    };
    let unseen = situation.unseen.iter().any(|unseen| unseen == place);
    match (documents.iter().find(own), unseen) {
        (None, true) => {}
        (Some(document), true) => object(document, "seen, where nothing was".to_owned()),
        (None, false) => objections.push(format!("{name}: no document; {remarks}")),
        (Some(document), false) => {
            for (fact, wanted) in facts {
                if fact == "truth" {
                    continue;
                }
                let is = said(document, &fact);
                if !agrees(&wanted, &is) {
                    object(document, format!("{fact} is {is}, and not {wanted}"));
                }
            }
        }
    }
    objections
}

fn said(document: &Value, fact: &str) -> Value {
    let known = FACTS.iter().find(|(name, _)| *name == fact);
    let (_, pointer) = known.unwrap_or_else(|| panic!("no fact is called {fact}"));
    document.pointer(pointer).cloned().unwrap_or(Value::Null)
}

/// Whether a value is what is wanted: a text may name several (`-` is none at all), a pair of numbers
/// is a range (of milliseconds, where the document has microseconds).
fn agrees(wanted: &toml::Value, is: &Value) -> bool {
    match wanted {
        toml::Value::String(words) => words.split('|').any(|word| match (word, is) {
            ("-", is) => is.is_null(),
            (word, Value::Number(number)) => number.to_string() == word,
            (word, Value::Bool(truth)) => truth.to_string() == word,
            (word, is) => is.as_str() == Some(word),
        }),
        toml::Value::Integer(number) => is.as_i64() == Some(*number),
        toml::Value::Boolean(truth) => is.as_bool() == Some(*truth),
        toml::Value::Array(range) => {
            let bound = |index: usize| range.get(index).and_then(toml::Value::as_integer);
            let millis = is.as_i64().map(|micros| micros / 1000);
            millis.is_some() && millis >= bound(0) && millis <= bound(1)
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => {
            panic!("no fact is {wanted}")
        }
    }
}
