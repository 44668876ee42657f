//! What can be said of sets once the whole input is read.

use std::sync::Arc;

use super::condition::{Condition, Field, Key};
use super::ipset;
use super::landscape::Landscape;
use super::odds::Odds;
use super::ruleset::{Doubt, Elements, Ruleset, Set, Statement};

/// Marks the sets that rules change, and asks of an ipset what its kind holds.
pub(super) fn settle(ruleset: &mut Ruleset) {
    let sets = ruleset.tables.iter().flat_map(|table| table.sets.values());
    let counts: Vec<usize> = sets.map(|set| set.elements.len()).collect();
    if !counts.is_empty() && counts.iter().all(|count| *count == 0) {
        ruleset.doubts.push(Doubt::SetsEmpty);
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
    ruleset.landscape = Landscape::of(ruleset);
}

/// Lets a rule that puts something into a set hang on what the set asks of each element.
fn ask_of_updates(statements: &mut Vec<Statement>, sets: &std::collections::BTreeMap<String, Set>) {
    let asks = |statement: &Statement| {
        let Statement::Update {
            elements: Elements::Named(name),
            ..
        } = statement
        else {
            return None;
        };
        sets.get(name)?.fickle.then(|| name.clone())
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

/// Asks for what an ipset holds: a port alone, or one with its protocol.
fn suit(condition: &mut Condition, ipsets: &std::collections::BTreeMap<String, Set>) {
    match condition {
        Condition::Within {
            keys,
            elements: Elements::Ipset(name),
            ..
        } => match ipsets.get(name).map(|set| set.kind.as_str()) {
            Some("bitmap:port") => {
                keys.truncate(1);
                for key in keys {
                    let is_source = matches!(key.field, Field::Source4 | Field::Source6);
                    key.field = if is_source {
                        Field::SourcePort(0)
                    } else {
                        Field::DestinationPort(0)
                    };
                }
            }
            Some(kind) if kind.ends_with(",port") && keys.len() == 2 => {
                keys.push(Key::whole(Field::Protocol));
            }
            Some(_) | None => {}
        },
        Condition::Either { conditions, .. } => {
            for condition in conditions {
                suit(condition, ipsets);
            }
        }
        Condition::Within { .. } | Condition::Opaque { .. } | Condition::Never => {}
    }
}
