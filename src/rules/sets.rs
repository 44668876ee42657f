//! What can be said of sets once the whole input is read.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::condition::{Condition, Element, Field, Key};
use super::host_facts::HostFacts;
use super::ipset::{self, Dimension};
use super::iptables::matches::side_field;
use super::odds::Odds;
use super::ruleset::{Caveat, Elements, Family, Ruleset, Set, Statement};

/// Marks the sets that rules change, and asks of an ipset what its kind holds.
pub(super) fn settle(ruleset: &mut Ruleset) {
    let sets = ruleset.tables.iter().flat_map(|table| table.sets.values());
    let counts: Vec<usize> = sets.map(|set| set.elements.len()).collect();
    if !counts.is_empty() && counts.iter().all(|count| *count == 0) {
        ruleset.caveats.push(Caveat::SetsEmpty);
        let tables = ruleset.tables.iter_mut();
        for set in tables.flat_map(|table| table.sets.values_mut()) {
            set.known = false;
        }
    }
    let lists = ipset::unfold(ruleset);
    let ipsets = &mut ruleset.ipsets;
    for table in &mut ruleset.tables {
        let mut sets = std::mem::take(&mut table.sets);
        for rule in table.rules_mut() {
            ask_of_updates(&mut rule.statements, &sets);
        }
        let rules = table.rules_mut();
        for statement in rules.flat_map(|rule| &mut rule.statements) {
            match statement {
                Statement::Update { elements, removes } => match elements {
                    Elements::Named(name) => change(sets.get_mut(name), *removes),
                    Elements::Ipset(name) => change(ipsets.get_mut(name), *removes),
                    Elements::Listed(_) => {}
                },
                Statement::Match(condition) => suit(condition, ipsets),
                Statement::End(_)
                | Statement::Dispatch { .. }
                | Statement::Mark { .. }
                | Statement::Destination(_)
                | Statement::Source
                | Statement::Rewrite(_)
                | Statement::Untrack
                | Statement::Handover { .. } => {}
            }
        }
        table.sets = sets;
    }
    for (list, members) in lists {
        let ipsets = &mut ruleset.ipsets;
        let changes = |name: &String| ipsets.get(name).is_some_and(|set| set.changing);
        if members.iter().any(changes) {
            change(ipsets.get_mut(&list), true);
        }
    }
    ruleset.host_facts = HostFacts::of(ruleset);
}

/// Lets a rule that puts something into a set hang on what the set asks of each element.
fn ask_of_updates(statements: &mut Vec<Statement>, sets: &BTreeMap<String, Set>) {
    let asks = |statement: &Statement| {
        let Statement::Update {
            elements: Elements::Named(name),
            ..
        } = statement
        else {
            return None;
        };
        sets.get(name)?.varies.then(|| name.clone())
    };
    let Some((at, name)) = (0..)
        .zip(statements.iter())
        .find_map(|(at, one)| Some((at, asks(one)?)))
    else {
        return;
    };
    let text = format!("what @{name} asks of its elements holds");
    statements.insert(
        at + 1,
        Statement::Match(Condition::Opaque {
            text,
            stable: false,
            negated: false,
            odds: Odds::Even,
        }),
    );
}

/// Notes that a rule changes a set; what it may have taken out is no member for sure.
fn change(set: Option<&mut Set>, removes: bool) {
    if let Some(set) = set {
        set.changing = true;
        if removes {
            set.elements = Arc::default();
        }
    }
}

/// Asks for what an ipset holds, part by part; of a list of sets, for any of its sets.
fn suit(condition: &mut Condition, ipsets: &BTreeMap<String, Set>) {
    match condition {
        Condition::Within {
            keys,
            elements: Elements::Ipset(name),
            negated,
            ..
        } => {
            let Some(set) = ipsets.get(name) else {
                return;
            };
            if set.kind == ipset::LIST && set.known && !set.changing {
                let within = |member: &Element| {
                    let member = &member.text;
                    let mut one = Condition::Within {
                        keys: keys.clone(),
                        elements: Elements::Ipset(member.clone()),
                        negated: false,
                        text: format!("it is in the ipset {member} of the list {name}"),
                    };
                    // A list holds no lists.
                    if ipsets.get(member).is_none_or(|set| set.kind != ipset::LIST) {
                        suit(&mut one, ipsets);
                    }
                    one
                };
                let conditions = set.elements.iter().map(within).collect();
                let negated = *negated;
                *condition = Condition::Either {
                    conditions,
                    negated,
                };
            } else if let Some(dimensions) = ipset::dimensions(&set.kind) {
                *keys = asked_keys(keys, &dimensions);
            }
        }
        Condition::Either { conditions, .. } => {
            for condition in conditions {
                suit(condition, ipsets);
            }
        }
        Condition::Within { .. } | Condition::Opaque { .. } | Condition::Never => {}
    }
}

/// What a rule asks of the parts of a set, its directions (`src,dst`) in `keys` as they were read:
/// the first of an address, the others of a port. Further directions than there are parts count
/// for nothing; with fewer, nobody can tell.
fn asked_keys(keys: &[Key], dimensions: &[Dimension]) -> Vec<Key> {
    let six = |key: &Key| matches!(key.field, Field::Source6 | Field::Destination6);
    let family = if keys.iter().any(six) {
        Family::Ip6
    } else {
        Family::Ip
    };
    let asked = |(key, dimension): (&Key, &Dimension)| {
        let source = matches!(
            key.field,
            Field::Source4 | Field::Source6 | Field::SourcePort(_)
        );
        Key::whole(match dimension {
            Dimension::Address => side_field(source, family),
            Dimension::Port | Dimension::BarePort if source => Field::SourcePort(0),
            Dimension::Port | Dimension::BarePort => Field::DestinationPort(0),
            Dimension::Interface if source => Field::InInterface,
            Dimension::Interface => Field::OutInterface,
            Dimension::Mark => Field::Mark,
        })
    };
    let mut found: Vec<Key> = keys.iter().zip(dimensions).map(asked).collect();
    if found.len() == dimensions.len() && dimensions.contains(&Dimension::Port) {
        found.push(Key::whole(Field::Protocol));
    }
    found
}
