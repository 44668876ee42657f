//! What is told of a decision: the versioned JSON form, and what the text form is written from.

use serde::Serialize;

use super::decision::{Decision, Ruling, decided_at, is_blocked};
use super::packet::{Journey, Packet, Step as PacketStep, UDP};
use super::remedy::{self, Remedy};
use super::ruleset::{Doubt, Family, Hook, Origin, Ruleset, Shown};
use super::walk::{Block, End, Outcome, Place, chain_at};

/// The name and version of the form.
pub const SCHEMA: &str = "synquest/rules/1";

/// The whole answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Document {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// Whether the packet arrives.
    pub decision: Ruling,
    /// The rule that decides; where it depends, one that blocks.
    pub rule: Option<RuleRecord>,
    /// How the packet gets there.
    pub way: Vec<String>,
    /// What the input does not tell and the decision hangs on.
    pub unknown: Vec<String>,
    /// Every end the packet may come to, where there are several.
    pub outcomes: Vec<OutcomeRecord>,
    /// The rules that would still block, one after the other, when those before are gone.
    pub behind: Vec<RuleRecord>,
    /// What lets the packet in, in the order in which to run it.
    pub remedy: Vec<StepRecord>,
    /// What to know before and besides.
    pub warnings: Vec<String>,
    /// The packet.
    pub packet: PacketRecord,
    /// The other packets of the handshake, where they were asked for.
    pub handshake: Vec<PacketOutcome>,
}

/// A rule, or the policy of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
    /// Source address.
    pub from: String,
    /// Destination address.
    pub to: Option<String>,
    /// Transport protocol.
    pub protocol: &'static str,
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
        let remedy = match decision.ruling {
            Ruling::Allowed => Remedy::default(),
            Ruling::Blocked | Ruling::Depends => remedy::plan(ruleset, &decision.packet),
        };
        let chief = decision.chief.as_ref();
        let several = decision.ruling == Ruling::Depends || decision.outcomes.len() > 1;
        Self {
            schema: SCHEMA,
            decision: decision.ruling,
            rule: chief.and_then(|outcome| rule_of(ruleset, outcome)),
            way: chief.map_or_else(Vec::new, |outcome| outcome.way.clone()),
            unknown: unknown(decision),
            outcomes: if several {
                decision
                    .outcomes
                    .iter()
                    .map(|outcome| outcome_record(ruleset, outcome))
                    .collect()
            } else {
                Vec::new()
            },
            behind: behind(ruleset, &remedy),
            remedy: remedy.steps.iter().map(step_record).collect(),
            warnings: warnings(ruleset, decision, &remedy),
            packet: packet_record(&decision.packet),
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
        packet: match decision.packet.step {
            PacketStep::Opening => "syn",
            PacketStep::Answer => "syn-ack",
            PacketStep::Completion => "ack",
        },
        decision: decision.ruling,
        rule: chief.and_then(|outcome| rule_of(ruleset, outcome)),
        way: chief.map_or_else(Vec::new, |outcome| outcome.way.clone()),
        unknown: unknown(decision),
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
    if decision.cut_short {
        facts.push("more ways than are followed".to_owned());
    }
    facts
}

fn outcome_record(ruleset: &Ruleset, outcome: &Outcome) -> OutcomeRecord {
    let condition = |assumed: &super::walk::Assumed| {
        if assumed.holds {
            assumed.fact.clone()
        } else {
            format!("not: {}", assumed.fact)
        }
    };
    OutcomeRecord {
        decision: if is_blocked(outcome) {
            Ruling::Blocked
        } else {
            Ruling::Allowed
        },
        rule: rule_of(ruleset, outcome),
        way: outcome.way.clone(),
        conditions: outcome.assumed.iter().map(condition).collect(),
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

fn packet_record(packet: &Packet) -> PacketRecord {
    PacketRecord {
        from: packet.from.to_string(),
        to: packet.to.map(|address| address.to_string()),
        protocol: if packet.protocol == UDP { "udp" } else { "tcp" },
        port: packet.port,
        in_interface: packet.in_interface.clone(),
        out_interface: packet.out_interface.clone(),
        connection_state: match packet.step {
            PacketStep::Opening => "NEW",
            PacketStep::Answer | PacketStep::Completion => "ESTABLISHED",
        },
    }
}

fn warnings(ruleset: &Ruleset, decision: &Decision, remedy: &Remedy) -> Vec<String> {
    let mut warnings: Vec<String> = remedy
        .agents
        .iter()
        .map(|(agent, chain)| agent.warning(chain))
        .collect();
    for step in &remedy.by_hand {
        warnings.push(format!(
            "should the ban have outlived its agent, this removes the rule itself: {}",
            step.command
        ));
    }
    if !remedy.steps.is_empty() && !remedy.complete {
        warnings.push("the commands do not remove every block that was found".to_owned());
    }
    if remedy.steps.iter().any(|step| step.undo.is_none()) {
        warnings.push(
            "the input does not show all of a rule to delete: save the rule set first \
             (iptables-save > rules.before), it is the only way back"
                .to_owned(),
        );
    }
    warnings.extend(ruleset.doubts.iter().map(doubt));
    warnings.extend(missing(ruleset, &decision.packet));
    warnings
}

fn doubt(doubt: &Doubt) -> String {
    match doubt {
        Doubt::LegacyTablesNotShown => {
            "iptables said that its legacy tables hold rules as well, and they are not \
             in the input: add the output of iptables-legacy-save"
                .to_owned()
        }
        Doubt::FamilyAssumed(family) => format!(
            "nothing in the input tells its IP version: read as {}",
            if *family == Family::Ip6 {
                "IPv6"
            } else {
                "IPv4"
            }
        ),
        Doubt::InterfacesHidden => {
            "a listing without -v hides the interfaces that rules are bound to: list again \
             with iptables -L -n -v --line-numbers, or iptables-save"
                .to_owned()
        }
        Doubt::NamesShown => {
            "a listing without -n shows names where addresses are: list again with -n".to_owned()
        }
        Doubt::IptablesSeenByNft(table) => format!(
            "table {table} belongs to iptables-nft, and nft cannot show all of its matches: \
             iptables-save shows them"
        ),
    }
}

fn one_line(commands: Vec<&str>) -> Option<String> {
    (!commands.is_empty()).then(|| commands.join(" && "))
}

/// What the input lacks for a firm answer.
fn missing(ruleset: &Ruleset, packet: &Packet) -> Vec<String> {
    let mut found = Vec::new();
    let family = Family::of(packet.from);
    let own = |family: Family| {
        ruleset
            .tables
            .iter()
            .filter(move |table| table.family == family)
    };
    let sees = own(family).chain(own(Family::Inet)).count() > 0;
    if !sees {
        found.push(format!(
            "no table in the input concerns {}: it says nothing of this packet",
            if family == Family::Ip { "IPv4" } else { "IPv6" }
        ));
    }
    let listed = |name: &str| {
        own(family).any(|table| table.name == name && table.origin == Origin::Iptables)
    };
    let listed_alone = listed("filter") && !["raw", "mangle", "nat"].into_iter().any(listed);
    if listed_alone && own(Family::Inet).count() == 0 {
        found.push(
            "only the table filter is in the input; raw, mangle and nat come before it: iptables-save shows all"
                .to_owned(),
        );
    }
    if packet.journey == Journey::Inbound {
        let unshown = own(family).flat_map(|table| &table.chains).any(|chain| {
            chain
                .base
                .as_ref()
                .is_some_and(|base| base.hook == Hook::Input)
                && chain.shown == Shown::Not
        });
        if unshown {
            found.push("the input shows no rules of INPUT".to_owned());
        }
    }
    let bridged = own(Family::Bridge).any(|table| !table.chains.is_empty());
    if bridged {
        found.push(
            "a table of the bridge family filters what this host bridges; it is not followed"
                .to_owned(),
        );
    }
    found
}
