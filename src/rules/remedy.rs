//! The commands that let a packet in, and those that take them back.
//!
//! A rule that names the very source is deleted; before one that concerns others as well, and
//! where a policy blocks, the narrowest rule that lets the packet in is put. That is tried on the
//! rule set itself, again and again, until nothing blocks any more: so what comes behind the first
//! block is found, and running all commands lets the packet in.

use std::sync::Arc;

use super::agents::Agent;
pub use super::change::{Change, Step};
use super::commands;
use super::condition::{Condition, Element, Field, Key, Pattern};
use super::decision::{self, Decision, decide, is_blocked};
use super::flow::Flow;
use super::opening;
use super::packet::{Journey, Packet, Step as PacketStep};
use super::place::Place;
use super::ruleset::{Elements, Recipe, Rule, Ruleset, Statement};
use super::walk::{Block, End, Outcome, chain_at};

/// Most blocks that are removed one behind the other.
const MOST_BLOCKS: usize = 64;

/// A change and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// The chain, in the rule set as it was read.
    pub place: Place,
    /// The change.
    pub change: Change,
    /// Whose chain it is.
    pub agent: Option<Agent>,
    /// Which packet of the connection it lets through.
    pub packet: PacketStep,
}

/// How to let a packet in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Remedy {
    /// The commands in the order in which to run them.
    pub steps: Vec<Step>,
    /// The changes in the order in which blocks were met.
    pub changes: Vec<Placed>,
    /// What blocked after the one before was gone; the first is the decision's own.
    pub blocks: Vec<(Outcome, Block)>,
    /// The programs that own what is changed, each with the chain.
    pub agents: Vec<(Agent, String)>,
    /// What to run by hand where an agent's own command cannot do it.
    pub by_hand: Vec<(Agent, Step)>,
    /// Whether the packet gets in when all is done.
    pub complete: bool,
}

/// Finds how to let the first packet of a connection in.
pub fn plan(ruleset: &Ruleset, packet: &Packet) -> Remedy {
    plan_all(ruleset, &decide(ruleset, packet), packet, false)
}

/// Finds how to let the first packet of a connection in, and, where `handshake` says so, those that
/// complete it.
/// `known` is the decision on the packet as it is now.
pub(super) fn plan_all(
    ruleset: &Ruleset,
    known: &Decision,
    packet: &Packet,
    handshake: bool,
) -> Remedy {
    let mut mended = ruleset.clone();
    let mut remedy = Remedy::default();
    for _ in 0..MOST_BLOCKS {
        let first = if remedy.changes.is_empty() {
            known.clone()
        } else {
            decide(&mended, packet)
        };
        let mut decisions = if handshake {
            decision::handshake(&mended, &first)
        } else {
            Vec::new()
        };
        decisions.insert(0, first);
        let mut all = decisions.iter().flat_map(|decision| &decision.outcomes);
        let Some(outcome) = all.find(|outcome| is_blocked(outcome)) else {
            remedy.complete = !decisions.iter().any(|decision| decision.cut_short);
            break;
        };
        // Too many ways to be followed again and again.
        let endless = decisions.iter().any(|decision| decision.cut_short);
        let End::Blocked(block) = &outcome.end else {
            break;
        };
        let agent = Agent::behind(&mended, block.place, &outcome.entered);
        if let (Some(Agent::Unserved), Some((_, chain))) =
            (&agent, chain_at(ruleset, block.place.at))
        {
            remedy.agents.push((Agent::Unserved, chain.name.clone()));
            break;
        }
        let Some(placed) = change(&mended, block, outcome) else {
            break;
        };
        apply(&mut mended, block, &placed.change);
        remedy.blocks.push((outcome.clone(), block.clone()));
        remedy.changes.push(placed);
        if endless {
            break;
        }
    }
    tell(ruleset, packet, &mut remedy);
    remedy
}

/// Writes the changes as commands.
fn tell(ruleset: &Ruleset, packet: &Packet, remedy: &mut Remedy) {
    let protocol = if packet.protocol == super::packet::UDP {
        "udp"
    } else {
        "tcp"
    };
    for placed in &remedy.changes {
        let Some((_, chain)) = chain_at(ruleset, placed.place.at) else {
            continue;
        };
        if let Some(agent) = &placed.agent
            && !remedy
                .agents
                .iter()
                .any(|(known, name)| known == agent && *name == chain.name)
        {
            remedy.agents.push((agent.clone(), chain.name.clone()));
        }
    }
    // An agent's own command is for who comes in.
    let own_way = |placed: &Placed, chain: &str| {
        let comes_in = packet.journey == Journey::Inbound && placed.packet == PacketStep::Opening;
        let agent = placed.agent.as_ref().filter(|_| comes_in)?;
        agent.own_way(chain, packet.from, packet.port, protocol)
    };
    let mut served: Vec<&Agent> = Vec::new();
    for placed in &remedy.changes {
        let Some((_, chain)) = chain_at(ruleset, placed.place.at) else {
            continue;
        };
        let served_before = |agent: &Agent| served.iter().any(|other| agent.is_served_with(other));
        if placed.agent.as_ref().is_some_and(served_before) {
            continue;
        }
        if let Some(step) = own_way(placed, &chain.name)
            && !remedy.steps.contains(&step)
        {
            remedy.steps.push(step);
            served.extend(&placed.agent);
        }
    }
    for (index, placed) in ordered(&remedy.changes) {
        let Some((table, chain)) = chain_at(ruleset, placed.place.at) else {
            continue;
        };
        let Some(step) = commands::step(table, chain, &placed.change, index) else {
            remedy.complete &= own_way(placed, &chain.name).is_some();
            continue;
        };
        // Beside the agent's own command, one by number might hit another rule.
        match &placed.agent {
            Some(agent) if own_way(placed, &chain.name).is_some() => {
                remedy.by_hand.push((agent.clone(), step));
            }
            Some(_) | None => remedy.steps.push(step),
        }
    }
}

/// Changes with their places, of each chain from the highest number to the lowest: a change
/// renumbers what follows it.
fn ordered(changes: &[Placed]) -> Vec<(usize, &Placed)> {
    let mut ordered: Vec<(usize, &Placed)> = changes.iter().enumerate().collect();
    let first = |at| changes.iter().position(|placed| placed.place.at == at);
    ordered.sort_by_key(|(index, placed)| {
        (
            first(placed.place.at),
            std::cmp::Reverse(number(&placed.change)),
            *index,
        )
    });
    ordered
}

/// Where in its chain a change takes place, for their order.
const fn number(change: &Change) -> u32 {
    match change {
        Change::Delete(rule) => rule.number,
        Change::InsertBefore(number, _) => *number,
        Change::Append(_) => u32::MAX,
        Change::RemoveElement(..) | Change::RemoveMember(..) => 0,
    }
}

/// The change that removes a block.
fn change(ruleset: &Ruleset, block: &Block, outcome: &Outcome) -> Option<Placed> {
    let flow = &outcome.flow;
    let (table, chain) = chain_at(ruleset, block.place.at)?;
    let placed = |change| Placed {
        place: block.place,
        change,
        agent: Agent::behind(ruleset, block.place, &outcome.entered),
        packet: flow.step,
    };
    let Some(index) = block.place.rule else {
        let early = block.left_by.and_then(|index| chain.rules.get(index));
        return Some(placed(match early {
            Some(rule) if rule.number > 0 => Change::InsertBefore(rule.number, flow.clone()),
            Some(_) | None => Change::Append(flow.clone()),
        }));
    };
    let rule = chain.rules.get(index)?;
    if rule.number == 0 {
        // A rule of our own never blocks.
        return None;
    }
    if let Some(change) = membership(ruleset, block, rule, flow) {
        return Some(placed(change));
    }
    let whole = rule.recipe != Recipe::Incomplete || !table.foreign;
    if whole
        && rule
            .statements
            .iter()
            .any(|statement| names_peer(statement, flow))
    {
        return Some(placed(Change::Delete(rule.clone())));
    }
    Some(placed(Change::InsertBefore(rule.number, flow.clone())))
}

/// Whether a statement asks for the very address of the other end.
fn names_peer(statement: &Statement, flow: &Flow) -> bool {
    let Statement::Match(Condition::Within {
        keys,
        elements: Elements::Listed(listed),
        negated: false,
        ..
    }) = statement
    else {
        return false;
    };
    match (keys.as_slice(), listed.as_slice()) {
        ([key], [element]) => {
            is_peer(&key.field, flow)
                && key.mask == u128::MAX
                && element
                    .patterns
                    .first()
                    .is_some_and(|pattern| is_exactly(pattern, key, flow))
        }
        (_, _) => false,
    }
}

/// Whether a field is the address of the other end: of what leaves this host, the destination.
fn is_peer(field: &Field, flow: &Flow) -> bool {
    if flow.journey == Journey::Outbound || flow.step == PacketStep::Answer {
        matches!(field, Field::Destination4 | Field::Destination6)
    } else {
        matches!(field, Field::Source4 | Field::Source6)
    }
}

fn is_exactly(pattern: &Pattern, key: &Key, flow: &Flow) -> bool {
    let super::packet::Value::Number(low, high) = flow.value(&key.field, u128::MAX) else {
        return false;
    };
    low == high && *pattern == Pattern::exactly(low)
}

/// The element of a set by which the rule knows the source, when it is that address alone.
fn membership(ruleset: &Ruleset, block: &Block, rule: &Rule, flow: &Flow) -> Option<Change> {
    for statement in &rule.statements {
        let (keys, elements) = match statement {
            Statement::Match(Condition::Within {
                keys,
                elements,
                negated: false,
                ..
            })
            | Statement::Dispatch { keys, elements, .. } => (keys, elements),
            Statement::Match(_)
            | Statement::End(_)
            | Statement::Mark { .. }
            | Statement::Destination(_)
            | Statement::Source
            | Statement::Rewrite(_)
            | Statement::Update { .. }
            | Statement::Untrack
            | Statement::Handover { .. } => continue,
        };
        let Some((at, key)) = keys
            .iter()
            .enumerate()
            .find(|(_, key)| is_peer(&key.field, flow))
        else {
            continue;
        };
        let exact = |element: &&Element| {
            element
                .patterns
                .get(at)
                .is_some_and(|pattern| is_exactly(pattern, key, flow))
                && !element.text.is_empty()
        };
        let sets = match elements {
            Elements::Named(name) => (
                name,
                ruleset.tables.get(block.place.at.table)?.sets.get(name),
            ),
            Elements::Ipset(name) => (name, ruleset.ipsets.get(name)),
            Elements::Listed(_) => continue,
        };
        let (name, Some(set)) = sets else {
            continue;
        };
        // Another element that fits would still be there.
        let mut left = set.elements.iter().filter(|one| !set.gone.contains(one));
        if let Some(element) = left.find(exact) {
            return Some(match elements {
                Elements::Ipset(_) => Change::RemoveMember(name.clone(), element.clone()),
                Elements::Named(_) | Elements::Listed(_) => {
                    Change::RemoveElement(name.clone(), element.clone())
                }
            });
        }
    }
    None
}

/// Carries a change out on a rule set.
fn apply(ruleset: &mut Ruleset, block: &Block, change: &Change) {
    let at = block.place.at;
    let Some(table) = ruleset.tables.get_mut(at.table) else {
        return;
    };
    match change {
        Change::RemoveElement(name, element) => {
            if let Some(set) = table.sets.get_mut(name) {
                set.gone.push(element.clone());
            }
        }
        Change::RemoveMember(name, element) => {
            if let Some(set) = ruleset.ipsets.get_mut(name) {
                set.gone.push(element.clone());
            }
        }
        Change::Delete(rule) => {
            if let Some(chain) = table.chains.get_mut(at.chain) {
                Arc::make_mut(chain)
                    .rules
                    .retain(|other| other.number != rule.number);
            }
        }
        Change::InsertBefore(_, flow) | Change::Append(flow) => {
            let Some(chain) = table.chains.get_mut(at.chain) else {
                return;
            };
            let chain = Arc::make_mut(chain);
            let index = match change {
                Change::InsertBefore(number, _) => {
                    chain.rules.iter().position(|rule| rule.number == *number)
                }
                Change::Append(_)
                | Change::Delete(_)
                | Change::RemoveElement(..)
                | Change::RemoveMember(..) => None,
            };
            chain
                .rules
                .insert(index.unwrap_or(chain.rules.len()), opening::rule(flow));
        }
    }
}
