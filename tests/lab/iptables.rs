//! A scenario's rule as lines of an `iptables-restore` or `ip6tables-restore` input.

use super::filter::Tables;
use super::plan::Plan;
use crate::scenario::{
    Action, Direction, FamilyName, Ports, Proto, Rule, Scenario, Tool, method_in,
};

/// Seconds a ban lasts since the last SYN.
const BAN: u32 = 300;

/// Adds rule `number` of the scenario.
pub(crate) fn rule(scenario: &Scenario, plan: &Plan, number: usize, tables: &mut Tables) {
    let rule = &scenario.rule[number];
    let lines = tables.entry(rule.table.clone()).or_default();
    let chain = rule.hook.to_uppercase();
    assert!(!rule.copy, "{}: copies are staged with nft", scenario.name);
    if plan.family == FamilyName::V6 && (rule.policy || rule.proto != Proto::Tcp) {
        for kind in 133..=137 {
            let discovery = format!("-A {chain} -p icmpv6 --icmpv6-type {kind} -j ACCEPT");
            if !lines.contains(&discovery) {
                lines.push(discovery);
            }
        }
    }
    if rule.policy {
        let policy = match rule.action {
            Action::Drop => "DROP",
            Action::Accept => "ACCEPT",
            Action::Reject => panic!("{}: a policy cannot reject", scenario.name),
        };
        lines.insert(0, format!(":{chain} {policy} [0:0]"));
        return;
    }
    let bridged = match rule.tool {
        Tool::BrNetfilter => " -m physdev --physdev-is-bridged",
        Tool::Iptables | Tool::Nft => "",
    };
    for way in ways(plan, rule) {
        if let Some(hits) = rule.after_hits {
            lines.push(format!(
                "-A {chain}{bridged}{way} -p tcp --syn --dport 3306 -m recent --name rule{number} --set"
            ));
            lines.push(format!(
                "-A {chain}{bridged}{way}{} -m recent --name rule{number} --rcheck \
                 --seconds {BAN} --hitcount {} {}",
                matches(plan, rule),
                hits + 1,
                verdict(scenario, plan, number)
            ));
        } else {
            lines.push(format!(
                "-A {chain}{bridged}{way}{} {}",
                matches(plan, rule),
                verdict(scenario, plan, number)
            ));
        }
    }
}

/// The match by address, one for each direction of the rule.
fn ways(plan: &Plan, rule: &Rule) -> Vec<String> {
    let far = plan.seen_as(&rule.at, &rule.hook);
    let (forward, back) = (format!(" -d {far}"), format!(" -s {far}"));
    match rule.direction {
        Direction::Forward => vec![forward],
        Direction::Return => vec![back],
        Direction::Both => vec![forward, back],
    }
}

/// Everything else a rule matches.
fn matches(plan: &Plan, rule: &Rule) -> String {
    let mut text = String::new();
    match (rule.proto, plan.family) {
        (Proto::Any, _) => {}
        (Proto::Icmp, FamilyName::V4) => text.push_str(" -p icmp"),
        (Proto::Icmp, FamilyName::V6) => text.push_str(" -p icmpv6"),
        (Proto::Tcp, _) => {
            text.push_str(" -p tcp");
            text.push_str(&ports("--dport", &rule.ports));
            text.push_str(&ports("--sport", &rule.source_ports));
            if rule.syn_only {
                text.push_str(" --syn");
            }
        }
    }
    if let Some(limit) = rule.longer_than {
        text.push_str(&format!(" -m length --length {}:65535", limit + 1));
    }
    if !rule.state.is_empty() {
        text.push_str(" -m conntrack --ctstate ");
        text.push_str(&rule.state.join(",").to_uppercase());
    }
    if let Some(limit) = rule.limit {
        text.push_str(&format!(
            " -m limit --limit {}/second --limit-burst {}",
            limit.per_second, limit.burst
        ));
    }
    text
}

/// A match on ports, empty when all match.
pub(crate) fn ports(option: &str, ports: &Ports) -> String {
    match ports {
        Ports::Database => format!(" {option} 3306"),
        Ports::Range(text) if text == "any" => String::new(),
        Ports::Range(text) => format!(" {option} {}", text.replace('-', ":")),
        Ports::List(list) => {
            let list: Vec<String> = list.iter().map(u16::to_string).collect();
            format!(" -m multiport {option}s {}", list.join(","))
        }
    }
}

fn verdict(scenario: &Scenario, plan: &Plan, number: usize) -> String {
    let rule = &scenario.rule[number];
    let action = match rule.action {
        Action::Drop => "DROP".to_owned(),
        Action::Accept => "ACCEPT".to_owned(),
        Action::Reject => {
            let word = rule.with.as_deref();
            let word = word.unwrap_or_else(|| panic!("{}: reject with what?", scenario.name));
            format!("REJECT --reject-with {}", method_in(plan.family, word))
        }
    };
    format!("-m comment --comment rule-{number} -j {action}")
}
