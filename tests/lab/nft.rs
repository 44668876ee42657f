//! A scenario's rules as an nft ruleset: one chain for each hook and priority, in file order.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::filter::stands_at;
use super::plan::Plan;
use crate::scenario::{
    Action, Direction, FamilyName, Loss, Ports, Proto, Rule, Scenario, Tool, method_in,
};

/// The nft family of a node.
pub(crate) const fn family(family: FamilyName, node: &str) -> &'static str {
    match (family, node.as_bytes()) {
        (_, b"bridge") => "bridge",
        (FamilyName::V4, _) => "ip",
        (FamilyName::V6, _) => "ip6",
    }
}

/// The table that holds the nft rules of `node`; empty when it has none.
pub(crate) fn rules(scenario: &Scenario, plan: &Plan, node: &str) -> String {
    let mut chains: BTreeMap<(&str, i32), Vec<String>> = BTreeMap::new();
    for (number, rule) in scenario.rule.iter().enumerate() {
        if rule.tool != Tool::Nft || !stands_at(scenario, &rule.at, node) {
            continue;
        }
        let lines = chains.entry((&rule.hook, rule.priority)).or_default();
        if lines.is_empty() {
            lines.extend(neighbours(plan, node));
        }
        if rule.policy {
            // A policy has no counter; a last rule has, and nothing else tells them apart.
            lines.push(verdict(scenario, plan, number));
            continue;
        }
        for way in ways(plan, rule) {
            lines.push(format!(
                "{way} {} {}",
                matches(plan, rule),
                verdict(scenario, plan, number)
            ));
        }
    }
    if chains.is_empty() {
        return String::new();
    }
    let mut text = format!("table {} scenario {{\n", family(plan.family, node));
    for (index, ((hook, priority), lines)) in chains.iter().enumerate() {
        let _infallible = writeln!(
            text,
            "chain c{index} {{ type filter hook {hook} priority {priority};\n{}\n}}",
            lines.join("\n")
        );
    }
    text.push_str("}\n");
    text
}

/// Lets neighbour discovery (and ARP on a bridge) through: no scenario filters it.
fn neighbours(plan: &Plan, node: &str) -> Vec<String> {
    let arp = (node == "bridge").then(|| "ether type arp accept".to_owned());
    let discovery = (plan.family == FamilyName::V6).then(|| {
        "icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, \
         nd-neighbor-advert, nd-redirect } accept"
            .to_owned()
    });
    arp.into_iter().chain(discovery).collect()
}

fn ways(plan: &Plan, rule: &Rule) -> Vec<String> {
    let far = plan.seen_as(&rule.at, &rule.hook);
    let ip = family(plan.family, "");
    let (forward, back) = (format!("{ip} daddr {far}"), format!("{ip} saddr {far}"));
    match rule.direction {
        Direction::Forward => vec![forward],
        Direction::Return => vec![back],
        Direction::Both => vec![forward, back],
    }
}

fn matches(plan: &Plan, rule: &Rule) -> String {
    let mut text = String::new();
    match (rule.proto, plan.family) {
        (Proto::Any, _) => {}
        (Proto::Icmp, FamilyName::V4) => text.push_str("meta l4proto icmp "),
        (Proto::Icmp, FamilyName::V6) => text.push_str("meta l4proto ipv6-icmp "),
        (Proto::Tcp, _) => {
            text.push_str("meta l4proto tcp ");
            text.push_str(&ports("dport", &rule.ports));
            text.push_str(&ports("sport", &rule.source_ports));
            if rule.syn_only {
                text.push_str("tcp flags & (fin|syn|rst|ack) == syn ");
            }
        }
    }
    if let Some(limit) = rule.longer_than {
        let _infallible = write!(text, "meta length > {limit} ");
    }
    if !rule.state.is_empty() {
        let _infallible = write!(text, "ct state {{ {} }} ", rule.state.join(", "));
    }
    if let Some(limit) = rule.limit {
        let _infallible = write!(
            text,
            "limit rate {}/second burst {} packets ",
            limit.per_second, limit.burst
        );
    }
    assert!(rule.after_hits.is_none(), "bans are staged with iptables");
    text
}

fn ports(side: &str, ports: &Ports) -> String {
    match ports {
        Ports::Database => format!("tcp {side} 3306 "),
        Ports::Range(text) if text == "any" => String::new(),
        Ports::Range(text) => format!("tcp {side} {text} "),
        Ports::List(list) => {
            let list: Vec<String> = list.iter().map(u16::to_string).collect();
            format!("tcp {side} {{ {} }} ", list.join(", "))
        }
    }
}

fn verdict(scenario: &Scenario, plan: &Plan, number: usize) -> String {
    let rule = &scenario.rule[number];
    let action = match rule.action {
        Action::Drop => "drop".to_owned(),
        Action::Accept => "accept".to_owned(),
        Action::Reject => {
            let word = rule.with.as_deref();
            let word = word.unwrap_or_else(|| panic!("{}: reject with what?", scenario.name));
            reject(method_in(plan.family, word))
        }
    };
    let copy = match (rule.copy, rule.direction) {
        (false, _) => String::new(),
        (true, Direction::Both) => panic!("{}: copied which way?", scenario.name),
        (true, direction) => {
            let ways = plan.ways(&rule.at, direction == Direction::Forward);
            let (hop, interface) = ways.first().expect("a router has a way on");
            format!("dup to {hop} device \"{interface}\" ")
        }
    };
    format!("{copy}counter {action} comment \"rule-{number}\"")
}

/// nft's words for a method of the contract.
fn reject(method: &str) -> String {
    if method == "tcp-reset" {
        return "reject with tcp reset".to_owned();
    }
    if let Some(code) = method.strip_prefix("icmp6-") {
        let code = code.replace("adm-", "admin-");
        return format!("reject with icmpv6 type {code}");
    }
    let code = method
        .trim_start_matches("icmp-")
        .replace("proto-", "prot-");
    format!("reject with icmp type {code}")
}

/// A rule that loses packets by chance on their way through a router.
pub(crate) fn loss(loss: &Loss) -> String {
    assert!(loss.burst_ms.is_none(), "the lab has no loss in bursts");
    let way = match loss.direction {
        Direction::Forward => "iifname \"up*\" ",
        Direction::Return => "iifname \"down*\" ",
        Direction::Both => "",
    };
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate is between 0 and 1"
    )]
    let of_10000 = (loss.rate * 10_000.0).round() as u32;
    format!("{way}numgen random mod 10000 < {of_10000} counter drop; ")
}
