//! Three-valued matching: a condition holds, does not hold, or cannot be told.

use std::collections::BTreeMap;

use super::condition::{Condition, Element, Field, Key, Pattern};
use super::fit::{fits, span};
use super::flow::Flow;
use super::host_facts::{HostFacts, address};
use super::implied;
use super::odds::{Odds, varies};
use super::packet::{Step, Value};
use super::place::Place;
use super::ruleset::{Elements, Set, Verdict};

/// Whether a condition holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Truth {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It hangs on this.
    Hangs(Box<Fact>),
}

/// What a fact is about: two are the same when this is.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// Fields and what they are compared with.
    Fields {
        /// Which packet of the connection has them.
        step: Step,
        /// The fields.
        keys: Vec<Key>,
        /// How often each of them had been rewritten.
        ages: Vec<u32>,
        /// What they are compared with.
        elements: Elements,
        /// The table whose sets are meant, where it is a set of a table.
        table: Option<usize>,
    },
    /// What words say of the packet, wherever it is asked while nothing rewrites it.
    Packet(Step, String, u32),
    /// What words say of the packet at one rule.
    Rule(Step, Place, String),
    /// What words say of a rule or a chain, whichever packet comes there.
    Place(Place, String),
    /// Any of several.
    Any(Vec<Subject>),
    /// The opposite.
    Not(Box<Subject>),
}

impl Subject {
    /// Adds the names of the ipsets that it is about.
    pub(super) fn ipsets<'a>(&'a self, names: &mut Vec<&'a str>) {
        match self {
            Self::Fields {
                elements: Elements::Ipset(name),
                ..
            } => names.push(name),
            Self::Any(all) => all.iter().for_each(|one| one.ipsets(names)),
            Self::Not(one) => one.ipsets(names),
            Self::Fields { .. } | Self::Packet(..) | Self::Rule(..) | Self::Place(..) => {}
        }
    }
}

/// Something that nobody can tell from the input, put so that it is true or false.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// In words.
    pub text: String,
    /// What it is about.
    pub subject: Subject,
    /// What follows from it when it is true.
    pub if_true: Option<(Field, Value)>,
    /// What follows from it when it is false.
    pub if_false: Option<(Field, Value)>,
    /// Whether the condition holds where the fact is false.
    pub negated: bool,
    /// How likely it is true.
    pub odds: Odds,
}

impl Fact {
    /// A fact about the packet as it is in `flow`, which teaches nothing more.
    pub fn of(flow: &Flow, text: String) -> Self {
        let subject = Subject::Packet(flow.step, text.clone(), flow.rewritings());
        Self::about(subject, text)
    }

    /// A fact about the packet at one rule.
    fn once(step: Step, place: Place, text: String) -> Self {
        let subject = Subject::Rule(step, place, text.clone());
        Self::about(subject, text)
    }

    /// A fact about a rule or a chain.
    pub fn at(place: Place, text: String) -> Self {
        let subject = Subject::Place(place, text.clone());
        Self::about(subject, text)
    }

    const fn about(subject: Subject, text: String) -> Self {
        Self {
            text,
            subject,
            if_true: None,
            if_false: None,
            negated: false,
            odds: Odds::Even,
        }
    }

    /// The same with its odds.
    pub fn likely(self, odds: Odds) -> Self {
        Self { odds, ..self }
    }
}

/// What is known while a packet is on its way: the packet, the sets, and what was assumed.
#[derive(Clone, Copy, Debug)]
pub struct Knowledge<'a> {
    /// The packet.
    pub flow: &'a Flow,
    /// The rule that asks, or the chain.
    pub place: Place,
    /// Named sets of its table.
    pub sets: Option<&'a BTreeMap<String, Set>>,
    /// Contents of ipsets.
    pub ipsets: &'a BTreeMap<String, Set>,
    /// What the rules tell of their host.
    pub host_facts: &'a HostFacts,
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
                odds,
            } => {
                if let Odds::Taken(holds) = odds {
                    return truth(holds != negated);
                }
                let fact = if *stable {
                    Fact::of(self.flow, text.clone())
                } else {
                    Fact::once(self.flow.step, self.place, text.clone())
                };
                Truth::Hangs(Box::new(Fact {
                    negated: *negated,
                    odds: *odds,
                    ..fact
                }))
            }
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
                    Some(Found::Hangs) => Truth::Hangs(Box::new(Fact {
                        negated: *negated,
                        ..self.fact(keys, elements, text.clone())
                    })),
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
        let (listed, known) = self.contents(elements);
        let varies = self.named(elements).is_some_and(|set| set.varies);
        let mut hangs = !known;
        let mut may_exclude = false;
        let mut found: Option<&Element> = None;
        let gone = self.gone(elements);
        let own = self.own_destination(keys);
        for element in listed {
            let fits = fits(keys, &values, element);
            // The address of another is none of the host's own.
            let foreign = own.is_some_and(|(at, four)| self.is_foreign(element, at, four));
            let fits = if foreign { Some(false) } else { fits };
            if fits != Some(false) && gone.contains(element) {
                continue;
            }
            // What asks more than it shows may be passed over.
            let fits = fits.filter(|fits| !fits || !(varies || element.limited));
            match fits {
                // The most specific network decides.
                Some(true) if found.is_none_or(|found| span(element) < span(found)) => {
                    found = Some(element);
                }
                Some(_) => {}
                None => {
                    hangs = true;
                    may_exclude |= element.excludes;
                }
            }
        }
        Some(match found {
            Some(element) if element.excludes && !hangs => Found::Nothing,
            // A verdict map may hold another element that fits as well as far as anybody can tell.
            Some(element)
                if !hangs || (element.verdict.is_none() && !element.excludes && !may_exclude) =>
            {
                Found::Element(element)
            }
            None if !hangs => Found::Nothing,
            Some(_) | None => Found::Hangs,
        })
    }

    /// Which of the keys is the destination, where that is an address of the host that nobody gave;
    /// and whether it is of IPv4.
    fn own_destination(self, keys: &[Key]) -> Option<(usize, bool)> {
        let flow = self.flow;
        let unsaid = flow.to.is_none() && flow.asked().to.is_none();
        if !unsaid || flow.to_here != Some(true) || flow.translated != Some(false) {
            return None;
        }
        let four = flow.is_ipv4();
        let is_destination = |key: &Key| {
            matches!(key.field, Field::Destination4 | Field::Destination6) && key.mask == u128::MAX
        };
        Some((keys.iter().position(is_destination)?, four))
    }

    /// Whether an element asks for an address of another host at that place.
    fn is_foreign(self, element: &Element, at: usize, four: bool) -> bool {
        let address = match element.patterns.get(at) {
            Some(Pattern::Range(first, last)) if first == last => address((four, *first)),
            _ => None,
        };
        address.is_some_and(|address| self.host_facts.is_here(address) == Some(false))
    }

    /// Whether the input shows all of `elements`.
    pub fn lists(self, elements: &Elements) -> bool {
        self.contents(elements).1
    }

    /// Whether every value that the key may have is among `elements`, so that one is found for sure.
    pub fn covers(self, keys: &[Key], elements: &'a Elements) -> bool {
        let ([key], (listed, true)) = (keys, self.contents(elements)) else {
            return false;
        };
        let Value::Number(low, high) = self.value(key) else {
            return false;
        };
        let mut spans: Vec<(u128, u128)> = Vec::new();
        for element in listed {
            match element.patterns.as_slice() {
                [Pattern::Any] => spans.push((low, high)),
                [Pattern::Range(first, last)] if key.mask == u128::MAX && !element.limited => {
                    spans.push((*first, *last));
                }
                _ => {}
            }
        }
        spans.sort_unstable();
        let mut next = Some(low);
        for (first, last) in spans {
            next = match next {
                Some(wanted) if first <= wanted && wanted <= last => last.checked_add(1),
                other => other,
            };
        }
        next.is_none_or(|next| next > high)
    }

    /// What the input shows of `elements`, and whether that is all.
    fn contents(self, elements: &'a Elements) -> (&'a [Element], bool) {
        if let Elements::Listed(listed) = elements {
            return (listed, true);
        }
        self.named(elements).map_or((&[], false), |set| {
            (set.elements.as_slice(), set.known && !set.changing)
        })
    }

    /// What was taken out of the set that is meant.
    fn gone(self, elements: &'a Elements) -> &'a [Element] {
        self.named(elements)
            .map(|set| set.gone.as_slice())
            .unwrap_or_default()
    }

    /// The set that is meant, where it has a name and the input shows it.
    fn named(self, elements: &Elements) -> Option<&'a Set> {
        match elements {
            Elements::Listed(_) => None,
            Elements::Named(name) => self.sets?.get(name),
            Elements::Ipset(name) => self.ipsets.get(name),
        }
    }

    /// The elements that may fit, for a lookup that hangs.
    pub fn candidates(
        self,
        keys: &[Key],
        elements: &'a Elements,
    ) -> Vec<(&'a Element, &'a Verdict)> {
        let values: Vec<Value> = keys.iter().map(|key| self.value(key)).collect();
        let fitting = self
            .contents(elements)
            .0
            .iter()
            .filter(|element| fits(keys, &values, element) != Some(false))
            .filter(|element| !self.gone(elements).contains(element));
        fitting
            .filter_map(|element| Some((element, element.verdict.as_ref()?)))
            .collect()
    }

    fn value(self, key: &Key) -> Value {
        let own = self.flow.value(&key.field, key.mask);
        let is_known =
            matches!(&own, Value::Number(low, high) if low == high) || own == Value::Absent;
        let learnt = self.learnt.iter().rfind(|(field, _)| *field == key.field);
        match learnt {
            Some((_, value)) if !is_known => value.clone(),
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
                        None => *fact,
                        Some(other) => {
                            let subject = Subject::Any(vec![asked(&other), asked(&fact)]);
                            Fact::about(subject, format!("{} or {}", told(&other), told(&fact)))
                        }
                    });
                }
            }
        }
        match hangs {
            None => truth(negated),
            Some(fact) => Truth::Hangs(Box::new(Fact {
                negated: fact.negated != negated,
                ..fact
            })),
        }
    }

    /// That `keys` are among `elements`.
    pub fn fact(self, keys: &[Key], elements: &Elements, text: String) -> Fact {
        let asks_anew = |key: &Key| matches!(&key.field, Field::Other(words) if varies(words));
        let changes = self
            .named(elements)
            .is_some_and(|set| set.changing || set.varies);
        if changes || keys.iter().any(asks_anew) {
            return Fact::once(self.flow.step, self.place, text);
        }
        let ages: Vec<u32> = keys.iter().map(|key| self.flow.age(&key.field)).collect();
        let text = if ages.iter().any(|age| *age > 0) {
            format!("{text}, as rules have made it")
        } else {
            text
        };
        let subject = Subject::Fields {
            step: self.flow.step,
            keys: keys.to_vec(),
            ages,
            elements: elements.clone(),
            table: match elements {
                Elements::Named(_) => Some(self.place.at.table),
                Elements::Listed(_) | Elements::Ipset(_) => None,
            },
        };
        let (listed, known) = self.contents(elements);
        let implications = match keys {
            [key] if known && !matches!(key.field, Field::Other(_)) => {
                implied::implications(key, &self.value(key), listed)
            }
            _ => (None, None),
        };
        Fact {
            if_true: implications.0,
            if_false: implications.1,
            ..Fact::about(subject, text)
        }
    }
}

/// What a condition asks for, to be told apart from its opposite.
fn asked(fact: &Fact) -> Subject {
    if fact.negated {
        Subject::Not(Box::new(fact.subject.clone()))
    } else {
        fact.subject.clone()
    }
}

/// A fact as a condition asks for it.
fn told(fact: &Fact) -> String {
    if fact.negated {
        format!("not: {}", fact.text)
    } else {
        fact.text.clone()
    }
}

const fn truth(holds: bool) -> Truth {
    if holds { Truth::Yes } else { Truth::No }
}
