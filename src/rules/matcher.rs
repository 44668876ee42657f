//! Three-valued matching: a condition holds, does not hold, or cannot be told.

use std::collections::BTreeMap;

use super::condition::{Condition, Element, Field, Key, Pattern};
use super::packet::{Flow, Value};
use super::ruleset::{Elements, Set, Verdict};

/// Whether a condition holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It hangs on this.
    Hangs(Fact),
}

/// Something that nobody can tell from the input, put so that it is true or false.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// In words.
    pub text: String,
    /// Whether it is the same wherever it is asked for this packet.
    pub stable: bool,
    /// What follows from it when it is true.
    pub learnt: Option<(Field, Value)>,
    /// Whether the condition holds where the fact is false.
    pub negated: bool,
}

impl Fact {
    /// A fact that is the same throughout and teaches nothing more.
    pub const fn of(text: String) -> Self {
        Self {
            text,
            stable: true,
            learnt: None,
            negated: false,
        }
    }
}

/// What is known while a packet is on its way: the packet, the sets, and what was assumed.
#[derive(Clone, Copy, Debug)]
pub struct Knowledge<'a> {
    /// The packet.
    pub flow: &'a Flow,
    /// Named sets of the table.
    pub sets: Option<&'a BTreeMap<String, Set>>,
    /// Contents of ipsets.
    pub ipsets: &'a BTreeMap<String, Set>,
    /// Values that an assumption fixed.
    pub learnt: &'a [(Field, Value)],
}

/// What a lookup found.
#[derive(Clone, Debug, PartialEq)]
pub enum Found<'a> {
    /// This element.
    Element(&'a Element),
    /// None.
    Nothing,
    /// That hangs on something.
    Hangs,
}

impl<'a> Knowledge<'a> {
    /// Whether `condition` holds.
    pub fn test(self, condition: &Condition) -> Truth {
        match condition {
            Condition::Never => Truth::No,
            Condition::Opaque {
                text,
                stable,
                negated,
            } => Truth::Hangs(Fact {
                text: text.clone(),
                stable: *stable,
                learnt: None,
                negated: *negated,
            }),
            Condition::Either {
                conditions,
                negated,
            } => self.either(conditions, *negated),
            Condition::Within {
                keys,
                elements,
                negated,
                text,
            } => {
                let held = self.lookup(keys, elements);
                match held {
                    None => Truth::No,
                    Some(Found::Element(_)) => truth(!negated),
                    Some(Found::Nothing) => truth(*negated),
                    Some(Found::Hangs) => Truth::Hangs(Fact {
                        text: text.clone(),
                        stable: true,
                        learnt: self.lesson(keys, elements),
                        negated: *negated,
                    }),
                }
            }
        }
    }

    /// The first element that fits; `None` when the packet has no such field.
    pub fn lookup(self, keys: &[Key], elements: &'a Elements) -> Option<Found<'a>> {
        let values: Vec<Value> = keys.iter().map(|key| self.value(key)).collect();
        if values.contains(&Value::Absent) {
            return None;
        }
        let (listed, known) = match elements {
            Elements::Listed(listed) => (listed.as_slice(), true),
            Elements::Named(name) => contents(self.sets.and_then(|sets| sets.get(name))),
            Elements::Ipset(name) => contents(self.ipsets.get(name)),
        };
        let mut hangs = !known;
        let mut found = None;
        for element in listed {
            match fits(keys, &values, element) {
                Some(true) if element.excludes => return Some(Found::Nothing),
                Some(true) => {
                    found = found.or(Some(element));
                }
                Some(false) => {}
                None => hangs = true,
            }
        }
        Some(match found {
            // A verdict map may hold another element that fits as well as far as anybody can tell.
            Some(element) if !hangs || element.verdict.is_none() => Found::Element(element),
            None if !hangs => Found::Nothing,
            Some(_) | None => Found::Hangs,
        })
    }

    /// The elements that may fit, for a lookup that hangs.
    pub fn candidates(
        self,
        keys: &[Key],
        elements: &'a Elements,
    ) -> Vec<(&'a Element, &'a Verdict)> {
        let values: Vec<Value> = keys.iter().map(|key| self.value(key)).collect();
        let listed = match elements {
            Elements::Listed(listed) => listed.as_slice(),
            Elements::Named(name) => contents(self.sets.and_then(|sets| sets.get(name))).0,
            Elements::Ipset(name) => contents(self.ipsets.get(name)).0,
        };
        let fitting = listed
            .iter()
            .filter(|element| fits(keys, &values, element) != Some(false));
        fitting
            .filter_map(|element| Some((element, element.verdict.as_ref()?)))
            .collect()
    }

    fn value(self, key: &Key) -> Value {
        let learnt = self.learnt.iter().find(|(field, _)| *field == key.field);
        let own = self.flow.value(&key.field, key.mask);
        match learnt {
            Some((_, value)) if own != Value::Absent => value.clone(),
            Some(_) | None => own,
        }
    }

    fn either(self, conditions: &[Condition], negated: bool) -> Truth {
        let mut hangs: Option<Fact> = None;
        for condition in conditions {
            match self.test(condition) {
                Truth::Yes => return truth(!negated),
                Truth::No => {}
                Truth::Hangs(fact) => {
                    hangs = Some(match hangs {
                        None => fact,
                        Some(other) => Fact {
                            text: format!("{} or {}", other.text, fact.text),
                            stable: other.stable && fact.stable,
                            learnt: None,
                            negated: false,
                        },
                    });
                }
            }
        }
        match hangs {
            None => truth(negated),
            Some(fact) => Truth::Hangs(Fact {
                negated: fact.negated != negated,
                ..fact
            }),
        }
    }

    /// What follows when a lookup that hangs succeeds: the value, where only one would do.
    fn lesson(self, keys: &[Key], elements: &Elements) -> Option<(Field, Value)> {
        let ([key], Elements::Listed(listed)) = (keys, elements) else {
            return None;
        };
        let [Element { patterns, .. }] = listed.as_slice() else {
            return None;
        };
        let value = match patterns.as_slice() {
            [Pattern::Name(name)] => Value::Name(name.clone()),
            [Pattern::Range(low, high)] if key.mask == u128::MAX => Value::Number(*low, *high),
            [Pattern::Any | Pattern::Prefix(_) | Pattern::Opaque(_) | Pattern::Range(..)]
            | []
            | [_, _, ..] => return None,
        };
        Some((key.field.clone(), value))
    }
}

fn contents(set: Option<&Set>) -> (&[Element], bool) {
    set.map_or((&[], false), |set| {
        (set.elements.as_slice(), set.known && !set.changing)
    })
}

const fn truth(holds: bool) -> Truth {
    if holds { Truth::Yes } else { Truth::No }
}

/// Whether all patterns of `element` fit; `None` when it cannot be told.
fn fits(keys: &[Key], values: &[Value], element: &Element) -> Option<bool> {
    if element.patterns.len() != keys.len() {
        return None;
    }
    let mut sure = Some(true);
    for ((key, value), pattern) in keys.iter().zip(values).zip(&element.patterns) {
        match fit(key.mask, value, pattern) {
            Some(true) => {}
            Some(false) => return Some(false),
            None => sure = None,
        }
    }
    sure
}

fn fit(mask: u128, value: &Value, pattern: &Pattern) -> Option<bool> {
    match (pattern, value) {
        (Pattern::Any, _) => Some(true),
        (Pattern::Range(first, last), Value::Number(low, high)) => {
            if mask != u128::MAX {
                return (low == high).then(|| (*first..=*last).contains(&(low & mask)));
            }
            if first <= low && high <= last {
                Some(true)
            } else if high < first || last < low {
                Some(false)
            } else {
                None
            }
        }
        (Pattern::Name(name), Value::Name(own)) => Some(name == own),
        (Pattern::Prefix(start), Value::Name(own)) => Some(own.starts_with(start.as_str())),
        (Pattern::Name(name), Value::NoneOf(others)) if others.contains(name) => Some(false),
        (
            Pattern::Opaque(_) | Pattern::Range(..) | Pattern::Name(_) | Pattern::Prefix(_),
            Value::Number(..) | Value::Name(_) | Value::NoneOf(_) | Value::Unknown | Value::Absent,
        ) => None,
    }
}
