//! A JSON object read field by field, so that nothing in it goes unnoticed.
//!
//! What is not of the type expected, and every field that nobody asked for and that holds
//! something, is told by [`Fields::unclear`].

use serde_json::{Map, Value};

/// How much of a value is shown.
const SHOWN: usize = 60;

/// The fields of an object.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    map: &'a Map<String, Value>,
    asked: Vec<&'a str>,
    unclear: Vec<String>,
}

impl<'a> Fields<'a> {
    pub(super) const fn of(map: &'a Map<String, Value>) -> Self {
        Self {
            map,
            asked: Vec::new(),
            unclear: Vec::new(),
        }
    }

    /// The fields of a value; those of nothing where it is no object.
    pub(super) fn of_value(value: &'a Value, empty: &'a Map<String, Value>) -> Self {
        match value.as_object() {
            Some(map) => Self::of(map),
            None => {
                let mut fields = Self::of(empty);
                if !is_empty(value) {
                    fields
                        .unclear
                        .push(format!("{} stands where an object should", shown(value)));
                }
                fields
            }
        }
    }

    /// A value that is there and holds something.
    pub(super) fn value(&mut self, key: &str) -> Option<&'a Value> {
        let (key, value) = self.map.get_key_value(key)?;
        self.asked.push(key.as_str());
        (!is_empty(value)).then_some(value)
    }

    /// A text.
    pub(super) fn word(&mut self, key: &str) -> Option<&'a str> {
        let value = self.value(key)?;
        let word = value.as_str();
        if word.is_none() {
            self.wrong(key, value);
        }
        word.map(str::trim)
    }

    /// A whole number, also written as a text.
    pub(super) fn number(&mut self, key: &str) -> Option<i64> {
        let value = self.value(key)?;
        let number = whole(value);
        if number.is_none() {
            self.wrong(key, value);
        }
        number
    }

    /// A place in an order; where it is not told, before all others, so that the rule is asked.
    pub(super) fn place(&mut self, key: &str) -> i64 {
        self.number(key).unwrap_or_else(|| {
            self.unclear.push(format!("it lacks {key}"));
            i64::MIN
        })
    }

    /// A text or a number, as text.
    pub(super) fn token(&mut self, key: &str) -> Option<String> {
        let value = self.value(key)?;
        match value {
            Value::String(text) => Some(text.trim().to_owned()),
            Value::Number(number) => Some(number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                self.wrong(key, value);
                None
            }
        }
    }

    /// Yes or no, also written as a text.
    pub(super) fn flag(&mut self, key: &str) -> Option<bool> {
        let value = self.value(key)?;
        let flag = match value {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
            Value::Null
            | Value::String(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => None,
        };
        if flag.is_none() {
            self.wrong(key, value);
        }
        flag
    }

    /// A list; an empty one where it is absent.
    pub(super) fn list(&mut self, key: &str) -> &'a [Value] {
        let there = self.value(key).or_else(|| self.map.get(key));
        match there.map(|value| (value, value.as_array())) {
            Some((_, Some(list))) => list,
            None | Some((Value::Null, None)) => &[],
            Some((Value::String(text), None)) if text.trim().is_empty() => &[],
            Some((value, None)) => {
                self.wrong(key, value);
                &[]
            }
        }
    }

    /// A list of texts.
    pub(super) fn words(&mut self, key: &str) -> Vec<&'a str> {
        let list = self.list(key);
        let words: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
        if words.len() < list.len() {
            self.unclear
                .push(format!("field {key} lists more than texts"));
        }
        words
    }

    /// Whether a field is there, whatever it holds.
    pub(super) fn has(&self, key: &str) -> bool {
        self.map.contains_key(key)
    }

    /// Whether a field is there and not null, though it may hold nothing.
    pub(super) fn gives(&self, key: &str) -> bool {
        self.map.get(key).is_some_and(|value| !value.is_null())
    }

    /// Fields that say nothing of who is let in.
    pub(super) fn pass(&mut self, keys: &[&str]) {
        for key in keys {
            if let Some((key, _)) = self.map.get_key_value(*key) {
                self.asked.push(key.as_str());
            }
        }
    }

    /// A field whose value is not understood.
    pub(super) fn wrong(&mut self, key: &str, value: &Value) {
        self.unclear.push(format!(
            "field {key} is {}, which is not understood",
            shown(value)
        ));
    }

    /// Something else that is not understood.
    pub(super) fn caveat(&mut self, what: String) {
        self.unclear.push(what);
    }

    /// What is not understood, fields that nobody asked for included.
    pub(super) fn unclear(self) -> Vec<String> {
        let mut unclear = self.unclear;
        for (key, value) in self.map {
            if !is_empty(value) && !self.asked.contains(&key.as_str()) {
                unclear.push(format!(
                    "field {} is {}, and is not known",
                    cut(key),
                    shown(value)
                ));
            }
        }
        unclear
    }
}

/// Whether a value holds nothing.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A value as it is written, cut.
fn shown(value: &Value) -> String {
    match value {
        Value::Array(list) => format!("a list of {}", list.len()),
        Value::Object(map) => format!("an object of {} fields", map.len()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            cut(&value.to_string())
        }
    }
}

/// A text, cut and without control characters.
pub(super) fn cut(text: &str) -> String {
    let clean = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut short: String = text.chars().take(SHOWN).map(clean).collect();
    if text.chars().count() > SHOWN {
        short.push('…');
    }
    short
}

/// A word of a shell command: what a text of others holds stays within its quotes.
pub(super) fn shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) && !word.starts_with('-') {
        return word.to_owned();
    }
    let clean: String = word.chars().filter(|c| !c.is_control()).collect();
    format!("'{}'", clean.replace('\'', "'\\''"))
}

/// The singular and the plural field, of which one is used.
pub(super) fn both<'a>(fields: &mut Fields<'a>, one: &str, many: &str) -> Vec<&'a str> {
    let mut all: Vec<&str> = fields.word(one).into_iter().collect();
    all.extend(fields.words(many));
    all
}

/// What stands behind a word in the id of a resource.
pub(super) fn part<'a>(id: &'a str, word: &str) -> Option<&'a str> {
    let mut parts = id.split('/');
    parts.find(|part| part.eq_ignore_ascii_case(word))?;
    parts.next().filter(|part| !part.is_empty())
}
