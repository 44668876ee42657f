//! What is told of a connection's course through a cloud, joined with the host's own answer.

mod step;

use super::address::is_private;
use super::model::{Layer, Provider, Rule};
use super::remedy::{self, open_to_all};
use super::trace::{Step, Trace};
use crate::rules::decision::Ruling;
use crate::rules::document::{
    Document, OutcomeRecord, PacketRecord, RuleRecord, SCHEMA, StepRecord,
};
use crate::rules::packet::{Journey, UDP};

/// A step of the cloud, or the host, in the order in which the packet meets them.
enum Met<'a> {
    Step(&'a Step),
    Host(&'a Document),
}

impl Met<'_> {
    const fn ruling(&self) -> Ruling {
        match self {
            Self::Step(step) => step.ruling,
            Self::Host(document) => document.decision,
        }
    }

    fn likely(&self) -> Option<Ruling> {
        match self {
            Self::Step(step) => step.likely,
            Self::Host(document) => document.likely,
        }
    }

    /// The rule that decides; where that depends, one that blocks.
    fn rule(&self) -> Option<RuleRecord> {
        match self {
            Self::Step(step) => step.chief().map(|ending| step.record(ending)),
            Self::Host(document) => document.rule.clone(),
        }
    }
}

/// The whole answer: the cloud's steps, and between them the host's own rules where they are given.
pub fn document(trace: &Trace, host: Option<Document>) -> Document {
    let inbound = trace.packet.journey == Journey::Inbound;
    let mut met: Vec<Met<'_>> = Vec::new();
    let (first, answers): (Vec<&Step>, Vec<&Step>) =
        trace.steps.iter().partition(|step| !step.answers);
    let told = host.as_ref();
    met.extend(told.filter(|_| !inbound).map(Met::Host));
    met.extend(first.into_iter().map(Met::Step));
    met.extend(told.filter(|_| inbound).map(Met::Host));
    met.extend(answers.into_iter().map(Met::Step));
    let decision = together(&met);
    let chief = match decision {
        Ruling::Allowed => met
            .iter()
            .rev()
            .find(|met| !matches!(met, Met::Step(step) if step.answers)),
        Ruling::Blocked | Ruling::Depends => met.iter().find(|met| met.ruling() == decision),
    };
    let chief_rule = chief.and_then(Met::rule);
    let mut document = Document {
        schema: SCHEMA,
        decision,
        likely: likely(&met, decision),
        rule: chief_rule.clone(),
        way: way(&met),
        unknown: unknown(&met),
        outcomes: Vec::new(),
        behind: behind(&met, chief_rule.as_ref()),
        before: Vec::new(),
        remedy: Vec::new(),
        warnings: Vec::new(),
        packet: told.map_or_else(|| packet(trace), |host| host.packet.clone()),
        handshake: told.map_or_else(Vec::new, |host| host.handshake.clone()),
    };
    if decision == Ruling::Depends {
        document.outcomes = outcomes(&met);
    }
    remedies(&met, trace, &mut document);
    document.warnings = warnings(trace, &met, &document);
    document
}

fn together(met: &[Met<'_>]) -> Ruling {
    let any = |ruling: Ruling| met.iter().any(|met| met.ruling() == ruling);
    if any(Ruling::Blocked) {
        Ruling::Blocked
    } else if any(Ruling::Depends) || met.is_empty() {
        Ruling::Depends
    } else {
        Ruling::Allowed
    }
}

/// What all but improbable readings give.
fn likely(met: &[Met<'_>], decision: Ruling) -> Option<Ruling> {
    if decision != Ruling::Depends {
        return None;
    }
    let each: Vec<Option<Ruling>> = met
        .iter()
        .map(|met| match met.ruling() {
            Ruling::Depends => met.likely(),
            certain @ (Ruling::Allowed | Ruling::Blocked) => Some(certain),
        })
        .collect();
    if each.contains(&Some(Ruling::Blocked)) {
        Some(Ruling::Blocked)
    } else if each.iter().all(|ruling| *ruling == Some(Ruling::Allowed)) {
        Some(Ruling::Allowed)
    } else {
        None
    }
}

fn way(met: &[Met<'_>]) -> Vec<String> {
    let mut way = Vec::new();
    for met in met {
        match met {
            Met::Step(step) => way.push(step.way()),
            Met::Host(document) => way.extend(document.way.iter().cloned()),
        }
    }
    way
}

fn unknown(met: &[Met<'_>]) -> Vec<String> {
    let mut unknown = Vec::new();
    for met in met {
        match met {
            Met::Step(step) => unknown.extend(step.unknown()),
            Met::Host(document) => unknown.extend(document.unknown.iter().cloned()),
        }
    }
    unknown
}

/// What else blocks, in the order in which the packet meets it.
fn behind(met: &[Met<'_>], chief: Option<&RuleRecord>) -> Vec<RuleRecord> {
    let mut behind: Vec<RuleRecord> = Vec::new();
    for met in met {
        let own = match met {
            Met::Step(_) => Vec::new(),
            Met::Host(document) => document.behind.clone(),
        };
        let blocks = met.ruling() == Ruling::Blocked;
        let rules = met.rule().filter(|_| blocks).into_iter().chain(own);
        behind.extend(rules.filter(|rule| Some(rule) != chief));
    }
    behind
}

/// The ends of every step that depends, and what must be so for all of them to let it through.
fn outcomes(met: &[Met<'_>]) -> Vec<OutcomeRecord> {
    let mut outcomes: Vec<OutcomeRecord> = Vec::new();
    let mut through: Vec<String> = Vec::new();
    let mut rule = None;
    for met in met.iter().filter(|met| met.ruling() == Ruling::Depends) {
        let (blocked, allowed): (Vec<OutcomeRecord>, Vec<OutcomeRecord>) = match met {
            Met::Step(step) => step
                .endings
                .iter()
                .map(|ending| step.outcome(ending))
                .collect(),
            Met::Host(document) => document.outcomes.clone(),
        }
        .into_iter()
        .partition(|outcome| outcome.decision == Ruling::Blocked);
        outcomes.extend(blocked);
        if let Some(first) = allowed
            .into_iter()
            .min_by_key(|outcome| outcome.conditions.len())
        {
            through.extend(first.conditions);
            rule = first.rule;
        }
    }
    if let [Met::Step(step)] = met.iter().filter(depends).collect::<Vec<_>>().as_slice() {
        outcomes.extend(
            step.endings
                .iter()
                .filter(|ending| ending.allowed)
                .map(|ending| step.outcome(ending)),
        );
    } else {
        outcomes.push(OutcomeRecord {
            decision: Ruling::Allowed,
            rule,
            way: Vec::new(),
            conditions: through,
        });
    }
    outcomes
}

fn depends(met: &&Met<'_>) -> bool {
    met.ruling() == Ruling::Depends
}

fn remedies(met: &[Met<'_>], trace: &Trace, document: &mut Document) {
    for met in met.iter().filter(|met| met.ruling() != Ruling::Allowed) {
        match met {
            Met::Step(step) => {
                let Some(ending) = step.chief().filter(|ending| !ending.allowed) else {
                    continue;
                };
                let remedy = remedy::of(step, ending, &trace.packet);
                document.before.extend(remedy.before);
                let steps = remedy.steps.into_iter();
                document
                    .remedy
                    .extend(steps.map(|(command, undo)| StepRecord { command, undo }));
            }
            Met::Host(host) => {
                document.before.extend(host.before.iter().cloned());
                document.remedy.extend(host.remedy.iter().cloned());
            }
        }
    }
}

fn warnings(trace: &Trace, met: &[Met<'_>], document: &Document) -> Vec<String> {
    let mut warnings: Vec<String> = Vec::new();
    for met in met {
        let Met::Step(step) = met else {
            continue;
        };
        // An ACL is for a whole subnet, and open more often than not.
        let narrow = step.stage.layer != Layer::NetworkAcl;
        let open = |rule: &&Rule| narrow && open_to_all(rule);
        for rule in step
            .endings
            .iter()
            .filter_map(|ending| ending.rule.as_ref())
            .filter(open)
        {
            warnings.push(format!(
                "{} of {} lets in every address: {} alone is enough",
                rule.id.as_deref().unwrap_or(&rule.text),
                rule.group,
                super::address::alone(trace.packet.from)
            ));
        }
        warnings.extend(step.stage.notes.iter().cloned());
        if step.stage.layer == Layer::NetworkAcl && is_private(trace.packet.from) {
            warnings.push(
                "a network ACL is asked at the edge of its subnet only: what comes from the same \
                 subnet does not meet it"
                    .to_owned(),
            );
        }
    }
    warnings.push(address_note(trace));
    let mut providers: Vec<Provider> = trace.steps.iter().map(|step| step.stage.provider).collect();
    providers.dedup();
    providers.sort_unstable();
    providers.dedup();
    if providers.len() > 1 {
        warnings.push(
            "the rules are of several clouds, and a target is in one of them: all of them are taken \
             to be on its way"
                .to_owned(),
        );
    }
    if !document.remedy.is_empty() {
        warnings.push(
            "open it for this address and this port alone: 0.0.0.0/0 lets in everybody who scans the \
             Internet; run what takes it back when the migration is over"
                .to_owned(),
        );
    }
    warnings.extend(trace.notes.iter().cloned());
    for met in met {
        if let Met::Host(host) = met {
            warnings.extend(host.warnings.iter().cloned());
        }
    }
    once(warnings)
}

/// Each of them once, in their order.
fn once(warnings: Vec<String>) -> Vec<String> {
    let mut once: Vec<String> = Vec::new();
    for warning in warnings {
        if !once.contains(&warning) {
            once.push(warning);
        }
    }
    once
}

/// Which address the rules see depends on the way.
fn address_note(trace: &Trace) -> String {
    let from = trace.packet.from;
    if is_private(from) {
        format!(
            "{from} is a private address, which the rules see over the same network, a peering or a \
             VPN; over the public network they see the public address (EIP): then ask with that"
        )
    } else {
        format!(
            "{from} is a public address (EIP), which the rules see over the public network; over a \
             peering or a VPN they see the private address: then ask with that"
        )
    }
}

fn packet(trace: &Trace) -> PacketRecord {
    let packet = &trace.packet;
    PacketRecord {
        from: Some(packet.from.to_string()),
        to: packet.to.map(|to| to.to_string()),
        protocol: if packet.protocol == UDP { "udp" } else { "tcp" },
        source_port: packet.source_port,
        port: packet.port,
        in_interface: None,
        out_interface: None,
        connection_state: "NEW",
    }
}
