//! The way of a packet through all chains, along every branch that the input leaves open.
//!
//! A condition that cannot be told splits the way in two: once it holds, once it does not, and
//! what was assumed stands beside the outcome. The number of outcomes and of steps is bounded; a
//! walk that reaches a bound ends in [`End::TooLong`].

mod assume;

use super::condition::{Condition, Field, Key, Pattern};
use super::flow::Flow;
use super::matcher::Fact;
use super::odds::Odds;
pub use super::outcome::{Assumed, Block, End, Outcome};
use super::packet::{Packet, Value};
use super::part::Part;
use super::place::{ChainAt, Place};
use super::ruleset::{Chain, Hook, Kind, Policy, Ruleset, Table, Verdict};
use super::stages::{self, HookStage};

/// Most outcomes that are told apart.
const MOST_OUTCOMES: usize = 256;
/// Most rules that are looked at on all ways together.
const MOST_STEPS: usize = 500_000;

/// A chain the packet is in, and the rule it comes to next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) chain: usize,
    pub(super) next: usize,
}

/// A packet on one of its ways.
#[derive(Clone, Debug)]
pub(super) struct Walker {
    pub(super) flow: Flow,
    hook: Hook,
    /// The hook_stages ahead at this hook, the next one last.
    hook_stages: Vec<HookStage>,
    /// The base chain it is in.
    pub(super) base: ChainAt,
    /// The chains it is in, the innermost last.
    pub(super) calls: Vec<Call>,
    pub(super) way: Vec<String>,
    pub(super) entered: Vec<ChainAt>,
    pub(super) left_by: Option<usize>,
    pub(super) accepted: Option<Place>,
    /// A verdict that was found already, and the rule it is of.
    pending: Option<(Place, Verdict)>,
    assumed: Vec<Assumed>,
    learnt: Vec<(Field, Value)>,
    /// What was taken to be so.
    pub(super) noted: Vec<String>,
}

/// Where a way begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// The packet.
    pub flow: Flow,
    /// What was assumed before.
    pub assumed: Vec<Assumed>,
}

impl Start {
    /// The opening packet of a connection.
    pub fn of(packet: &Packet) -> Self {
        Self {
            flow: Flow::of(packet),
            assumed: Vec::new(),
        }
    }

    /// The packet that follows on this one.
    pub(super) fn followed_by(&self, next: fn(&Flow) -> Flow) -> Self {
        Self {
            flow: next(&self.flow),
            assumed: self.assumed.clone(),
        }
    }
}

/// The ways that are still to go, and those that have ended.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    pub(super) ruleset: &'a Ruleset,
    pub(super) open: Vec<Walker>,
    ended: Vec<Outcome>,
}

/// Every outcome that a packet may have.
pub fn outcomes(ruleset: &Ruleset, starts: &[Start]) -> Vec<Outcome> {
    let begun = starts.iter().map(|start| Walker::new(ruleset, start));
    let mut walk = Walk {
        ruleset,
        open: begun.collect(),
        ended: Vec::new(),
    };
    let mut steps = 0_usize;
    while let Some(mut walker) = walk.open.pop() {
        let end = loop {
            steps = steps.saturating_add(1);
            // Every open way has an end.
            if steps > MOST_STEPS || walk.ended.len() + walk.open.len() >= MOST_OUTCOMES {
                break End::TooLong;
            }
            if let Some(end) = walker.step(&mut walk) {
                break end;
            }
        };
        let over = end == End::TooLong;
        walk.end(walker, end);
        if over {
            break;
        }
    }
    walk.ended
}

impl Walk<'_> {
    /// Notes that a way has ended.
    pub(super) fn end(&mut self, walker: Walker, end: End) {
        self.ended.push(Outcome {
            end,
            assumed: walker.assumed,
            way: walker.way,
            entered: walker.entered,
            noted: walker.noted,
            flow: walker.flow,
        });
    }
}

impl Walker {
    fn new(ruleset: &Ruleset, start: &Start) -> Self {
        let mut walker = Self {
            flow: start.flow.clone(),
            hook: stages::first(start.flow.journey),
            hook_stages: Vec::new(),
            base: ChainAt { table: 0, chain: 0 },
            calls: Vec::new(),
            way: Vec::new(),
            entered: Vec::new(),
            left_by: None,
            accepted: None,
            pending: None,
            assumed: start.assumed.clone(),
            learnt: Vec::new(),
            noted: Vec::new(),
        };
        walker.arrive(ruleset, walker.hook);
        walker
    }

    fn arrive(&mut self, ruleset: &Ruleset, hook: Hook) {
        self.hook = hook;
        stages::arrive(&mut self.flow, hook);
        self.hook_stages = stages::hook_stages(ruleset, &self.flow, hook);
        self.hook_stages.reverse();
    }

    /// Goes one rule, or one hook_stage, further.
    fn step(&mut self, walk: &mut Walk<'_>) -> Option<End> {
        if let Some((place, verdict)) = self.pending.take() {
            let chain = chain_at(walk.ruleset, place.at)?.1;
            return self.go(&verdict, chain.rules.get(place.rule?)?, place, walk);
        }
        let Some(call) = self.calls.last_mut() else {
            return match self.hook_stages.pop() {
                Some(hook_stage) => self.enter(hook_stage, walk),
                None => self.next_hook(walk),
            };
        };
        let table = walk.ruleset.tables.get(self.base.table)?;
        let chain = table.chains.get(call.chain)?;
        let Some(rule) = chain.rules.get(call.next) else {
            self.calls.pop();
            return self.policy_if_over(walk);
        };
        let place = Place {
            at: ChainAt {
                table: self.base.table,
                chain: call.chain,
            },
            rule: Some(call.next),
        };
        call.next += 1;
        self.execute(rule, place, walk)
    }

    fn enter(&mut self, hook_stage: HookStage, walk: &mut Walk<'_>) -> Option<End> {
        match hook_stage {
            HookStage::Conntrack => self.flow.track(),
            HookStage::Destination => {
                if self.flow.translate_destination() {
                    self.rewrite(Part::Destination);
                }
            }
            HookStage::Source => {
                if self.flow.translate_source() {
                    self.rewrite(Part::Source);
                }
            }
            HookStage::UntoldNat => self.untold_nat(walk),
            HookStage::Chain(at) => {
                let base = chain_at(walk.ruleset, at)?.1.base.as_ref()?;
                let settled = if matches!(self.hook, Hook::Input | Hook::Postrouting) {
                    self.flow.source_settled
                } else {
                    self.flow.destination_settled
                };
                if base.kind == Kind::Nat && (!self.flow.tracked || settled) {
                    return None;
                }
                if let Some(words) = &base.unread {
                    let name = &chain_at(walk.ruleset, at)?.1.name;
                    let text = format!("the packet comes to chain {name} ({words})");
                    if !self.supposes(&Fact::at(Place { at, rule: None }, text), walk) {
                        return None;
                    }
                }
                if matches!(self.hook, Hook::Ingress | Hook::Egress) {
                    let name = &chain_at(walk.ruleset, at)?.1.name;
                    let condition = by_device(&base.devices, self.hook, name);
                    if !self.holds(&condition, Place { at, rule: None }, walk) {
                        return None;
                    }
                }
                self.flow.in_translation = base.kind == Kind::Nat && self.hook == Hook::Prerouting;
                self.begin(at);
            }
            HookStage::Orphan(at) => {
                let name = &chain_at(walk.ruleset, at)?.1.name;
                let text = format!(
                    "the packet reaches chain {name}, whose callers the input does not show"
                );
                let place = Place { at, rule: None };
                if self.supposes(&Fact::at(place, text), walk) {
                    self.begin(at);
                }
            }
        }
        None
    }

    /// The packet comes to a table nat that the input does not show.
    fn untold_nat(&mut self, walk: &mut Walk<'_>) {
        let host_facts = &walk.ruleset.host_facts;
        let Some(shown) = host_facts.untold_nat(self.flow.is_ipv4()) else {
            return;
        };
        if host_facts.is_unserved(self.flow.to, self.flow.port) {
            return;
        }
        let text = format!(
            "table nat, which the input does not show, leads it to another destination ({shown})"
        );
        let place = Place {
            at: self.base,
            rule: None,
        };
        if self.supposes(&Fact::at(place, text), walk) {
            self.rewrite(Part::Destination);
            self.rewrite(Part::Mark);
            self.flow.lead_away();
        }
    }

    fn begin(&mut self, at: ChainAt) {
        self.base = at;
        self.left_by = None;
        self.calls = vec![Call {
            chain: at.chain,
            next: 0,
        }];
    }

    /// Asks the policy of the base chain, when the packet is in no chain any more.
    pub(super) fn policy_if_over(&mut self, walk: &mut Walk<'_>) -> Option<End> {
        if !self.calls.is_empty() {
            return None;
        }
        let (table, chain) = chain_at(walk.ruleset, self.base)?;
        let base = chain.base.as_ref()?;
        let place = Place {
            at: self.base,
            rule: None,
        };
        let drops = match base.policy {
            Policy::Accept => false,
            Policy::Drop => true,
            Policy::Unknown => {
                let text = format!("the policy of {} is DROP", label(table, chain));
                self.supposes(&Fact::at(place, text), walk)
            }
        };
        if drops {
            self.way
                .push(format!("{} policy DROP", label(table, chain)));
            return Some(End::Blocked(Block {
                place,
                target: "DROP".to_owned(),
                reject_with: None,
                number: None,
                left_by: self.left_by,
            }));
        }
        let by_rule = self.accepted.is_some_and(|place| place.rule.is_some());
        if base.kind == Kind::Filter && !by_rule {
            self.accepted = Some(place);
        }
        None
    }

    fn next_hook(&mut self, walk: &mut Walk<'_>) -> Option<End> {
        if self.hook == Hook::Prerouting && self.flow.is_forwarded() {
            self.flow.to_here = Some(false);
        }
        if self.hook == Hook::Prerouting && self.flow.to_here.is_none() {
            let text = match self.flow.to {
                Some(address) => format!("{address} is an address of this host"),
                None => "the translated destination is an address of this host".to_owned(),
            };
            // Who asks of an address asks of a host's own, most of the time.
            let as_asked = self.flow.to.is_some() && self.flow.translated == Some(false);
            let odds = if as_asked {
                Odds::Usually(true)
            } else {
                Odds::Even
            };
            let fact = Fact::of(&self.flow, text).likely(odds);
            let here = self.supposes(&fact, walk);
            self.flow.to_here = Some(here);
        }
        let Some(hook) = stages::after(self.hook, &self.flow) else {
            return Some(End::Allowed(self.accepted));
        };
        if hook == Hook::Ingress {
            self.flow.turn();
        }
        if hook == Hook::Forward {
            self.flow.leave_by(&walk.ruleset.host_facts);
        }
        self.arrive(walk.ruleset, hook);
        None
    }
}

/// That a packet passes one of the devices of a chain at `hook`, which is ingress or egress.
fn by_device(devices: &[String], hook: Hook, chain: &str) -> Condition {
    let (field, passes) = if hook == Hook::Egress {
        (Field::OutInterface, "goes out by")
    } else {
        (Field::InInterface, "comes in by")
    };
    if devices.is_empty() {
        return Condition::Opaque {
            text: format!(
                "the packet {passes} a device of chain {chain}, which the input does not name"
            ),
            stable: true,
            negated: false,
            odds: Odds::Even,
        };
    }
    let names = devices.iter().cloned().map(Pattern::Name);
    let text = format!("the packet {passes} {}", devices.join(" or "));
    Condition::one_of(Key::whole(field), names, false, text)
}

/// The table and the chain at `at`.
pub(super) fn chain_at(ruleset: &Ruleset, at: ChainAt) -> Option<(&Table, &Chain)> {
    let table = ruleset.tables.get(at.table)?;
    Some((table, table.chains.get(at.chain)?))
}

/// The rule at `place` as a person finds it: `filter/INPUT 3`; empty for what is no rule.
fn named(ruleset: &Ruleset, place: Place) -> String {
    let rule = |(table, chain): (&Table, &Chain)| {
        let rule = chain.rules.get(place.rule?)?;
        Some(format!("{} {}", label(table, chain), rule.number))
    };
    chain_at(ruleset, place.at)
        .and_then(rule)
        .unwrap_or_default()
}

/// A chain as a person finds it: `filter/INPUT`, `inet firewall/input`.
pub(super) fn label(table: &Table, chain: &Chain) -> String {
    format!("{}/{}", table.title(), chain.name)
}
