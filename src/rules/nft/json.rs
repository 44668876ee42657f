//! `nft -j list ruleset`: the same rules as JSON (libnftables-json(5)).
//!
//! What this reader does not know becomes something that cannot be told, never an error and never
//! nothing: the form grows with every release of nftables. Objects are read one after the other,
//! so that a large document is never held as a whole.

mod clause;
mod words;

use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use self::words::{value_text, written};
use super::lower;
use super::syntax::Clause;
use super::target;
use super::text::{chain_kind, policy};
use crate::rules::lines::Line;
use crate::rules::ruleset::{
    Base, Caveat, Family, Hook, Origin, Policy, Recipe, Ruleset, Set, Shown, Table,
};
use crate::rules::unreadable::{Fault, Unreadable};

/// How much of an object is shown that is not understood.
const SHOWN: usize = 80;

/// Reads the JSON document that begins in the first of `lines`; says how many lines it took.
pub(in crate::rules) fn read(
    lines: &[Line<'_>],
    ruleset: &mut Ruleset,
) -> Result<usize, Unreadable> {
    let start = lines.first().map_or(1, |(line, _)| *line);
    let mut source = String::new();
    for (_, text) in lines {
        source.push_str(text);
        source.push('\n');
    }
    let mut found = false;
    let mut documents = serde_json::Deserializer::from_str(&source);
    let seed = Document {
        ruleset,
        found: &mut found,
    };
    if let Err(error) = seed.deserialize(&mut documents) {
        let at = error.line().saturating_sub(1);
        let line = lines.get(at).map_or(start, |(line, _)| *line);
        if error.is_eof() {
            let mut rows = lines.iter().rev();
            let last = rows.find(|(_, text)| !text.trim().is_empty());
            let last = last.map_or(line, |(line, _)| *line);
            return Err(Unreadable::at(
                last,
                error.column().max(1),
                Fault::CutOff(last),
            ));
        }
        let said = error.to_string();
        // Its place is told beside it, as one in the whole input.
        let said = said.split(" at line ").next().unwrap_or(&said);
        let fault = Fault::Json(said.to_owned());
        return Err(Unreadable::at(line, error.column().max(1), fault));
    }
    if !found {
        return Err(Unreadable::at(start, 1, Fault::ForeignJson));
    }
    let end = documents.into_iter::<IgnoredAny>().byte_offset();
    let taken = source.get(..end).unwrap_or_default().matches('\n').count() + 1;
    for table in ruleset
        .tables
        .iter_mut()
        .filter(|table| table.origin == Origin::Nft)
    {
        lower::finish(table);
    }
    Ok(taken)
}

/// The whole document: an object with a list of objects.
struct Document<'a> {
    ruleset: &'a mut Ruleset,
    /// Whether the list was there.
    found: &'a mut bool,
}

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = ();

    fn expecting(&self, said: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        said.write_str("what nft -j prints")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "nftables" {
                *self.found = true;
                map.next_value_seed(Objects {
                    ruleset: &mut *self.ruleset,
                })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// The list of objects.
struct Objects<'a> {
    ruleset: &'a mut Ruleset,
}

impl<'de> DeserializeSeed<'de> for Objects<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Objects<'_> {
    type Value = ();

    fn expecting(&self, said: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        said.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<(), A::Error> {
        while let Some(object) = all.next_element::<Value>()? {
            let Value::Object(object) = object else {
                pass_over(&object.to_string(), self.ruleset);
                continue;
            };
            for (kind, body) in object {
                add(&kind, body, self.ruleset);
            }
        }
        Ok(())
    }
}

fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

/// Notes that an object was not understood.
fn pass_over(object: &str, ruleset: &mut Ruleset) {
    let begins = object.chars().take(SHOWN).collect();
    ruleset.caveats.push(Caveat::NotUnderstood(begins));
}

fn add(kind: &str, body: Value, ruleset: &mut Ruleset) {
    // What decides nothing by itself: rules name it.
    const ASIDE: [&str; 11] = [
        "metainfo",
        "counter",
        "quota",
        "limit",
        "ct helper",
        "ct timeout",
        "ct expectation",
        "secmark",
        "synproxy",
        "flowtable",
        "tunnel",
    ];
    if ASIDE.contains(&kind) {
        return;
    }
    let known = ["table", "chain", "set", "map", "rule", "element"].contains(&kind);
    let Value::Object(mut body) = body else {
        return pass_over(&format!("{kind}: {body}"), ruleset);
    };
    let named = text(&body, if kind == "table" { "name" } else { "table" });
    let family = text(&body, "family").and_then(Family::named);
    let (Some(name), Some(family), true) = (named, family, known) else {
        return pass_over(&format!("{kind}: {}", Value::from(body)), ruleset);
    };
    let table = table_of(ruleset, family, name);
    let own = text(&body, "name").unwrap_or_default().to_owned();
    match kind {
        "table" => {
            let flags = body.get("flags").map_or_else(String::new, Value::to_string);
            table.dormant = flags.contains("dormant");
        }
        "chain" => chain(&own, &body, table),
        "set" | "map" => {
            let set = set(&mut body);
            table.sets.insert(own, set);
        }
        "element" => {
            if let Some(known) = table.sets.get_mut(&own) {
                let kinds = lower::kinds_of_type(&known.kind);
                Arc::make_mut(&mut known.elements).extend(members(&mut body, &kinds));
                known.known = true;
            }
        }
        _ => rule(&body, family, table),
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
    if ["type", "hook", "prio"]
        .iter()
        .all(|part| !body.contains_key(*part))
    {
        return;
    }
    let kind = text(body, "type").unwrap_or("filter");
    let hook = text(body, "hook").and_then(Hook::named);
    let priority = body.get("prio").and_then(Value::as_i64);
    let number = priority.and_then(|priority| i32::try_from(priority).ok());
    let devices = match body.get("dev") {
        Some(Value::String(name)) => vec![name.clone()],
        Some(Value::Array(all)) => {
            let names = all.iter().filter_map(Value::as_str);
            names.map(str::to_owned).collect()
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => {
            Vec::new()
        }
    };
    let understood =
        hook.is_some() && number.is_some() && matches!(kind, "filter" | "nat" | "route");
    chain.base = Some(Base {
        hook: hook.unwrap_or(Hook::Input),
        kind: chain_kind(kind),
        priority: number.unwrap_or(0),
        policy: text(body, "policy").map_or(Policy::Accept, policy),
        devices,
        unread: (!understood).then(|| Value::from(body.clone()).to_string()),
    });
}

fn set(body: &mut Map<String, Value>) -> Set {
    let kind = match body.get("type") {
        Some(Value::String(kind)) => kind.clone(),
        Some(Value::Array(kinds)) => {
            let names: Vec<&str> = kinds.iter().filter_map(Value::as_str).collect();
            names.join(" . ")
        }
        // `typeof`, as newer releases print it.
        Some(Value::Object(of)) => of.get("typeof").map_or_else(String::new, value_text),
        Some(Value::Null | Value::Bool(_) | Value::Number(_)) | None => String::new(),
    };
    let plain = |statement: &Value| statement.get("counter").is_some();
    let asks = body.get("stmt").is_some_and(|all| {
        let all = all.as_array().map(Vec::as_slice);
        !all.unwrap_or_default().iter().all(plain)
    });
    let kinds = lower::kinds_of_type(&kind);
    let flags = body.get("flags").map_or_else(String::new, Value::to_string);
    let elements: Vec<_> = members(body, &kinds).collect();
    // One that is filled while packets pass is empty at times only.
    let known = !(flags.contains("dynamic") && elements.is_empty());
    Set {
        elements: Arc::new(elements),
        gone: Vec::new(),
        kind,
        known,
        changing: false,
        varies: asks,
    }
}

/// The elements of a set.
fn members<'a>(
    body: &mut Map<String, Value>,
    kinds: &'a [super::pattern::Kind],
) -> impl Iterator<Item = crate::rules::condition::Element> + 'a {
    let all = match body.remove("elem") {
        Some(Value::Array(all)) => all,
        Some(other) => vec![other],
        None => Vec::new(),
    };
    all.into_iter()
        .map(|value| lower::element(clause::member(&value), kinds))
}

fn rule(body: &Map<String, Value>, family: Family, table: &mut Table) {
    let Some(expressions) = body.get("expr").and_then(Value::as_array) else {
        let words = body.get("expr").unwrap_or(&Value::Null).to_string();
        let clauses = [Clause::Unknown(words.clone())];
        let chain = table.chain(text(body, "chain").unwrap_or_default());
        lower::push(chain, family, None, words, Recipe::Incomplete, &clauses);
        return;
    };
    let clauses: Vec<Clause> = expressions
        .iter()
        .enumerate()
        .flat_map(|(at, one)| {
            let behind = expressions.get(at + 1..).unwrap_or_default();
            let ends = |other: &Value| other.get("counter").is_none();
            if one.get("xt").is_some_and(Value::is_null) && behind.iter().any(ends) {
                // Some releases hide the whole of it; a target comes last.
                target::extension(true, "xt")
            } else {
                clause::clauses(one)
            }
        })
        .collect();
    let whole = expressions
        .iter()
        .all(|one| one.get("xt").is_none() && one.is_object());
    let recipe = if whole {
        let mut recipe = Value::from(expressions.as_slice()).to_string();
        if let Some(comment) = text(body, "comment") {
            recipe.push_str(&format!(r#","comment":{}"#, Value::from(comment)));
        }
        Recipe::NftJson(recipe)
    } else {
        Recipe::Incomplete
    };
    let written: Vec<String> = expressions.iter().map(written).collect();
    let handle = body.get("handle").and_then(Value::as_u64);
    let chain = table.chain(text(body, "chain").unwrap_or_default());
    lower::push(chain, family, handle, written.join(" "), recipe, &clauses);
}
