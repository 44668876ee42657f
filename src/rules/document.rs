//! What is told of a decision: the versioned JSON form, and what the text form is written from.

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::decision::{Decision, Ruling, decided_at, is_blocked};
use super::flow::Flow;
use super::packet::{Step as PacketStep, UDP};
use super::place::Place;
use super::remedy::{self, Remedy};
use super::ruleset::Ruleset;
use super::walk::{Block, End, Outcome, chain_at};
use super::warnings;

/// The name and version of the form.
pub const SCHEMA: &str = "synquest/rules/1";

/// The whole answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Document {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// Whether the packet arrives.
    pub decision: Ruling,
    /// Where it depends: the outcome that all but improbable readings give.
    pub likely: Option<Ruling>,
    /// The rule that decides; where it depends, the one that does in the likeliest way, or one that
    /// blocks.
    pub rule: Option<RuleRecord>,
    /// How the packet gets there.
    pub way: Vec<String>,
    /// What the input does not tell and the decision hangs on.
    pub unknown: Vec<String>,
    /// Every end the packet may come to, where there are several.
    pub outcomes: Vec<OutcomeRecord>,
    /// The rules that would still block, one after the other, when those before are gone.
    pub behind: Vec<RuleRecord>,
    /// What to do before that, where what is changed belongs to a program without a command for it.
    pub before: Vec<String>,
    /// What lets the packet in, in the order in which to run it.
    pub remedy: Vec<StepRecord>,
    /// What to know before and besides.
    pub warnings: Vec<String>,
    /// The packet.
    pub packet: PacketRecord,
    /// The other packets of the handshake, where they were asked for.
    pub handshake: Vec<PacketOutcome>,
}

/// A rule, or the policy of a chain; or a rule of a cloud, which stands in a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleRecord {
    /// The family of its table.
    pub family: &'static str,
    /// Its table.
    pub table: String,
    /// Its chain.
    pub chain: String,
    /// Its place in the chain, from 1; absent for a policy.
    pub number: Option<u32>,
    /// Its handle in nftables.
    pub handle: Option<u64>,
    /// What it does: `DROP`, `REJECT`, `ACCEPT`, …
    pub target: String,
    /// What a REJECT answers.
    pub reject_with: Option<String>,
    /// As its tool prints it.
    pub text: String,
    /// `host`, or the layer of a cloud: `security-group`, `network-acl`, `whitelist`.
    pub layer: &'static str,
    /// Whose cloud it is.
    pub provider: Option<&'static str>,
    /// The group it stands in there.
    pub group: Option<String>,
    /// What the cloud calls it.
    pub rule_id: Option<String>,
    /// Whether it decides on the answer, where a layer keeps no state.
    pub answers: bool,
}

impl RuleRecord {
    /// Whether it lets nothing through that it decides on.
    pub fn stops(&self) -> bool {
        !matches!(self.target.as_str(), "ACCEPT" | "ALLOW")
    }

    /// `rule 100 of aws network-acl acl-1`, where it is a cloud's.
    pub fn in_cloud(&self) -> Option<String> {
        let provider = self.provider?;
        let group = self.group.as_deref().unwrap_or_default();
        let place = format!("{provider} {} {group}", self.layer);
        let packet = if self.answers {
            " (for the answer)"
        } else {
            ""
        };
        Some(match &self.rule_id {
            Some(id) => format!("rule {id} of {place}{packet}"),
            None if self.target == "DENY" => format!("the default of {place}{packet}"),
            None => format!("a rule of {place}{packet}"),
        })
    }
}

impl Serialize for RuleRecord {
    /// A rule of a cloud has its group in place of family, table, chain and handle.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if self.provider.is_some() {
            map.serialize_entry("layer", self.layer)?;
            map.serialize_entry("provider", &self.provider)?;
            map.serialize_entry("group", &self.group)?;
            map.serialize_entry("rule_id", &self.rule_id)?;
            map.serialize_entry("packet", if self.answers { "answer" } else { "first" })?;
        } else {
            map.serialize_entry("family", self.family)?;
            map.serialize_entry("table", &self.table)?;
            map.serialize_entry("chain", &self.chain)?;
            map.serialize_entry("number", &self.number)?;
            map.serialize_entry("handle", &self.handle)?;
        }
        map.serialize_entry("target", &self.target)?;
        map.serialize_entry("reject_with", &self.reject_with)?;
        map.serialize_entry("text", &self.text)?;
        if self.provider.is_none() {
            map.serialize_entry("layer", self.layer)?;
        }
        map.end()
    }
}

/// One end the packet may come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutcomeRecord {
    /// Whether it arrives there.
    pub decision: Ruling,
    /// The rule that decides.
    pub rule: Option<RuleRecord>,
    /// How the packet gets there.
    pub way: Vec<String>,
    /// What must be so.
    pub conditions: Vec<String>,
}

/// A command and what takes it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepRecord {
    /// What to run.
    pub command: String,
    /// What takes it back; absent when the input does not show enough of the rule.
    pub undo: Option<String>,
}

/// The packet the answer is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PacketRecord {
    /// Source address; absent where it is one of the host's own.
    pub from: Option<String>,
    /// Destination address.
    pub to: Option<String>,
    /// Transport protocol.
    pub protocol: &'static str,
    /// Source port, where it is known.
    pub source_port: Option<u16>,
    /// Destination port.
    pub port: Option<u16>,
    /// Interface it comes in by.
    pub in_interface: Option<String>,
    /// Interface it goes out by.
    pub out_interface: Option<String>,
    /// The state of its connection that was assumed.
    pub connection_state: &'static str,
}

/// What becomes of another packet of the handshake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PacketOutcome {
    /// `syn-ack` or `ack`.
    pub packet: &'static str,
    /// Whether the packet arrives.
    pub decision: Ruling,
    /// The rule that decides.
    pub rule: Option<RuleRecord>,
    /// How the packet gets there.
    pub way: Vec<String>,
    /// What the decision hangs on.
    pub unknown: Vec<String>,
}

impl Document {
    /// The commands of the remedy as one line for a shell; `None` where there are none.
    pub fn commands(&self) -> Option<String> {
        let commands = self.remedy.iter().map(|step| step.command.as_str());
        one_line(commands.collect())
    }

    /// What takes the remedy back, as one line; `None` where a step of it cannot be taken back.
    pub fn undoing(&self) -> Option<String> {
        let steps = self.remedy.iter().rev();
        let commands: Option<Vec<&str>> = steps.map(|step| step.undo.as_deref()).collect();
        one_line(commands?)
    }

    /// The answer to `first`, the decision on a connection's opening packet, and to `later`, those
    /// on the packets of the handshake after it.
    ///
    /// The first packet that may not arrive is the one the answer is about.
    pub fn of(ruleset: &Ruleset, first: &Decision, later: &[Decision]) -> Self {
        let mut all = std::iter::once(first).chain(later);
        let decision = all
            .find(|decision| decision.ruling != Ruling::Allowed)
            .unwrap_or(first);
        let flow = &decision.flow;
        let remedy = match decision.ruling {
            Ruling::Allowed => Remedy::default(),
            Ruling::Blocked | Ruling::Depends => {
                remedy::plan_all(ruleset, first, flow.asked(), !later.is_empty())
            }
        };
        let depends = decision.ruling == Ruling::Depends;
        // Where it depends, what blocks is told, not what lets through.
        let chief = decision
            .chief
            .as_ref()
            .filter(|chief| !depends || is_blocked(chief) || decision.likely.is_some());
        let several = depends || decision.outcomes.len() > 1;
        Self {
            schema: SCHEMA,
            decision: decision.ruling,
            likely: decision.likely,
            rule: chief.and_then(|outcome| rule_of(ruleset, outcome)),
            way: chief.map_or_else(Vec::new, |outcome| outcome.way.clone()),
            unknown: unknown(decision),
            outcomes: if several {
                decision
                    .outcomes
                    .iter()
                    .map(|outcome| outcome_record(ruleset, outcome, decision))
                    .collect()
            } else {
                Vec::new()
            },
            behind: behind(ruleset, &remedy),
            before: warnings::before(&remedy),
            remedy: remedy.steps.iter().map(step_record).collect(),
            warnings: warnings::of(ruleset, decision, &remedy),
            packet: packet_record(flow),
            handshake: later
                .iter()
                .map(|later| later_record(ruleset, later))
                .collect(),
        }
    }
}

fn later_record(ruleset: &Ruleset, decision: &Decision) -> PacketOutcome {
    let chief = decision.chief.as_ref();
    PacketOutcome {
        packet: packet_name(decision),
        decision: decision.ruling,
        rule: chief.and_then(|outcome| rule_of(ruleset, outcome)),
        way: chief.map_or_else(Vec::new, |outcome| outcome.way.clone()),
        unknown: unknown(decision),
    }
}

fn packet_name(decision: &Decision) -> &'static str {
    match decision.flow.step {
        PacketStep::Opening => "syn",
        PacketStep::Answer => "syn-ack",
        PacketStep::Completion => "ack",
    }
}

fn step_record(step: &remedy::Step) -> StepRecord {
    StepRecord {
        command: step.command.clone(),
        undo: step.undo.clone(),
    }
}

/// Every fact a decision hangs on, once.
fn unknown(decision: &Decision) -> Vec<String> {
    let mut facts: Vec<String> = Vec::new();
    for assumed in decision
        .outcomes
        .iter()
        .flat_map(|outcome| &outcome.assumed)
    {
        let fact = format!("whether {}", assumed.fact);
        if !facts.contains(&fact) {
            facts.push(fact);
        }
    }
    facts.extend(
        decision
            .missing
            .iter()
            .map(|lack| format!("whether {lack}")),
    );
    if decision.cut_short {
        facts.push("more ways than are followed".to_owned());
    }
    facts
}

fn outcome_record(ruleset: &Ruleset, outcome: &Outcome, decision: &Decision) -> OutcomeRecord {
    let condition = |assumed: &super::walk::Assumed| {
        if assumed.holds {
            assumed.fact.clone()
        } else {
            format!("not: {}", assumed.fact)
        }
    };
    let missing = decision.missing.iter().filter(|_| !is_blocked(outcome));
    let lacks = missing.map(|lack| format!("not: {lack}"));
    let provisos = decision.provisos.iter().cloned();
    OutcomeRecord {
        decision: if is_blocked(outcome) {
            Ruling::Blocked
        } else {
            Ruling::Allowed
        },
        rule: rule_of(ruleset, outcome),
        way: outcome.way.clone(),
        conditions: outcome
            .assumed
            .iter()
            .map(condition)
            .chain(lacks)
            .chain(provisos)
            .collect(),
    }
}

/// The rule that decided an outcome.
fn rule_of(ruleset: &Ruleset, outcome: &Outcome) -> Option<RuleRecord> {
    let place = decided_at(outcome)?;
    match &outcome.end {
        End::Blocked(block) => {
            rule_record(ruleset, place, &block.target, block.reject_with.clone())
        }
        End::Allowed(_) | End::TooLong => rule_record(ruleset, place, "ACCEPT", None),
    }
}

/// The record of a rule, or of a policy.
pub(super) fn rule_record(
    ruleset: &Ruleset,
    place: Place,
    target: &str,
    reject_with: Option<String>,
) -> Option<RuleRecord> {
    let (table, chain) = chain_at(ruleset, place.at)?;
    let rule = match place.rule {
        Some(index) => Some(chain.rules.get(index)?),
        None => None,
    };
    Some(RuleRecord {
        family: table.family.name(),
        table: table.name.clone(),
        chain: chain.name.clone(),
        number: rule.map(|rule| rule.number),
        handle: rule.and_then(|rule| rule.handle),
        target: target.to_owned(),
        reject_with,
        text: rule.map_or_else(
            || format!("policy of {}", chain.name),
            |rule| rule.text.clone(),
        ),
        layer: "host",
        ..RuleRecord::default()
    })
}

/// The blocks behind the first, by their places in the rule set as it was read.
fn behind(ruleset: &Ruleset, remedy: &Remedy) -> Vec<RuleRecord> {
    remedy
        .blocks
        .iter()
        .skip(1)
        .filter_map(|(_, block)| original(ruleset, block))
        .collect()
}

fn original(ruleset: &Ruleset, block: &Block) -> Option<RuleRecord> {
    let number = block.number;
    let (_, chain) = chain_at(ruleset, block.place.at)?;
    let rule = match number {
        Some(number) => Some(chain.rules.iter().position(|rule| rule.number == number)?),
        None => None,
    };
    let place = Place {
        at: block.place.at,
        rule,
    };
    rule_record(ruleset, place, &block.target, block.reject_with.clone())
}

fn packet_record(flow: &Flow) -> PacketRecord {
    let asked = flow.asked();
    let (in_interface, out_interface) = flow.interfaces();
    PacketRecord {
        from: flow.from.map(|address| address.to_string()),
        to: flow.to.map(|address| address.to_string()),
        protocol: if asked.protocol == UDP { "udp" } else { "tcp" },
        source_port: flow.source_port,
        port: flow.port,
        in_interface: in_interface.cloned(),
        out_interface: out_interface.cloned(),
        connection_state: match flow.step {
            PacketStep::Opening => "NEW",
            PacketStep::Answer | PacketStep::Completion => "ESTABLISHED",
        },
    }
}

fn one_line(commands: Vec<&str>) -> Option<String> {
    (!commands.is_empty()).then(|| commands.join(" && "))
}
