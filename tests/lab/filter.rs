//! What the nodes do to packets: the scenario's rules and the behaviours of its network, as
//! `iptables-restore` and `nft -f` input.
//!
//! Rule `N` of the scenario carries the comment `rule-N`, by which [`super::truth`] finds its
//! counter. Everything else is ours and carries none.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Command;

use super::namespace::Namespace;
use super::plan::Plan;
use super::{iptables, nft};
use crate::scenario::{Action, FamilyName, Scenario, SynProxy, Tool};

/// Lines of an `iptables-restore` input by table.
pub(crate) type Tables = BTreeMap<String, Vec<String>>;

/// Whether the bridge must have an address, because it refuses packets in its own name.
pub(crate) fn bridge_speaks(scenario: &Scenario) -> bool {
    scenario
        .rule
        .iter()
        .any(|rule| rule.at == "bridge" && rule.action == Action::Reject)
}

/// Loads everything that `node` does to packets.
pub(crate) fn load(scenario: &Scenario, plan: &Plan, node: &str, space: &Namespace) {
    let tables = tables(scenario, plan, node);
    if !tables.is_empty() {
        let mut input = String::new();
        for (table, lines) in &tables {
            let _infallible = writeln!(input, "*{table}\n{}\nCOMMIT", lines.join("\n"));
        }
        let tool = match plan.family {
            FamilyName::V4 => "iptables-restore",
            FamilyName::V6 => "ip6tables-restore",
        };
        space.run(&mut Command::new(tool), &input);
    }
    let ruleset = ruleset(scenario, plan, node);
    if !ruleset.is_empty() {
        space.run(Command::new("nft").args(["-f", "-"]), &ruleset);
    }
}

/// Whether a rule of the scenario is loaded at `node`; a loopback scenario has one node only.
pub(crate) fn stands_at(scenario: &Scenario, at: &str, node: &str) -> bool {
    at == node || scenario.network.loopback && ["prober", "target"].contains(&at)
}

fn tables(scenario: &Scenario, plan: &Plan, node: &str) -> Tables {
    let network = &scenario.network;
    let is_in = |names: &[String]| names.iter().any(|name| name == node);
    let mut tables = Tables::new();
    let mut add = |table: &str, line: String| {
        tables.entry(table.to_owned()).or_default().push(line);
    };
    if is_in(&network.bleach) {
        add("mangle", "-A FORWARD -j DSCP --set-dscp 0".to_owned());
    }
    if is_in(&network.snat) {
        add("nat", "-A POSTROUTING -o down -j MASQUERADE".to_owned());
    }
    if network.dnat.as_deref() == Some(node) && !network.dnat_one_way {
        let (probed, target) = (plan.probed, plan.target);
        add(
            "nat",
            format!(
                "-A PREROUTING -d {probed} -p tcp --dport 3306 -j DNAT --to-destination {target}"
            ),
        );
    }
    for proxy in network.syn_proxy.iter().filter(|proxy| proxy.at == node) {
        for (table, line) in syn_proxy(plan, proxy) {
            add(table, line);
        }
    }
    for (number, rule) in scenario.rule.iter().enumerate() {
        if rule.tool != Tool::Nft && stands_at(scenario, &rule.at, node) {
            iptables::rule(scenario, plan, number, &mut tables);
        }
    }
    tables
}

/// SYNPROXY as its manual has it: the SYN untracked, the proxy where filtering is, everything of no
/// connection discarded.
fn syn_proxy(plan: &Plan, proxy: &SynProxy) -> Vec<(&'static str, String)> {
    let chain = if proxy.at == "target" {
        "INPUT"
    } else {
        "FORWARD"
    };
    let target = plan.target;
    let ports = iptables::ports("--dport", &proxy.ports);
    let tcp = format!("-d {target} -p tcp{ports}");
    vec![
        ("raw", format!("-A PREROUTING {tcp} --syn -j CT --notrack")),
        (
            "filter",
            format!(
                "-A {chain} {tcp} -m conntrack --ctstate INVALID,UNTRACKED \
                 -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1460"
            ),
        ),
        (
            "filter",
            format!("-A {chain} {tcp} -m conntrack --ctstate INVALID -j DROP"),
        ),
    ]
}

fn ruleset(scenario: &Scenario, plan: &Plan, node: &str) -> String {
    let network = &scenario.network;
    let is_in = |names: &[String]| names.iter().any(|name| name == node);
    let mut chains = Vec::new();
    if is_in(&network.silent) {
        chains.push(
            match plan.family {
                FamilyName::V4 => {
                    "chain silent { type filter hook output priority -400; icmp type \
                 { destination-unreachable, source-quench, redirect, time-exceeded, \
                 parameter-problem } drop; }"
                }
                FamilyName::V6 => {
                    "chain silent { type filter hook output priority -400; icmpv6 type \
                 { destination-unreachable, packet-too-big, time-exceeded, \
                 parameter-problem } drop; }"
                }
            }
            .to_owned(),
        );
    }
    if is_in(&network.no_too_big) {
        chains.push(
            match plan.family {
                FamilyName::V4 => {
                    "chain mute { type filter hook output priority -400; \
                     icmp type destination-unreachable icmp code 4 drop; }"
                }
                FamilyName::V6 => {
                    "chain mute { type filter hook output priority -400; \
                     icmpv6 type packet-too-big drop; }"
                }
            }
            .to_owned(),
        );
    }
    let ip = nft::family(plan.family, "");
    if network.dnat.as_deref() == Some(node) && network.dnat_one_way {
        let (probed, target) = (plan.probed, plan.target);
        chains.push(format!(
            "chain one_way {{ type filter hook prerouting priority -310; \
             {ip} daddr {probed} tcp dport 3306 notrack {ip} daddr set {target}; \
             {ip} saddr {target} tcp sport 3306 notrack; }}"
        ));
    }
    if is_in(&network.mangles) {
        // A field of which nothing but the checksum depends, by its place: nft mends the checksum of
        // what it knows by name.
        chains.push(format!(
            "chain mangle {{ type filter hook forward priority 0; \
             {ip} saddr {} tcp sport 3306 @th,112,16 set 0x1234; }}",
            plan.target
        ));
    }
    if let (Some(mtu), "r1") = (plan.first_mtu(scenario), node) {
        chains.push(format!(
            "chain narrow {{ type filter hook prerouting priority -400; \
             iifname \"up\" meta length > {mtu} drop; }}"
        ));
    }
    if is_in(&network.conntrack) {
        // Any conntrack expression attaches conntrack, and with it reassembly, to every hook.
        chains.push(
            "chain track { type filter hook prerouting priority 0; ct state new counter; }"
                .to_owned(),
        );
    }
    let losses: String = scenario
        .loss
        .iter()
        .filter(|loss| loss.at == node)
        .map(nft::loss)
        .collect();
    if !losses.is_empty() {
        chains.push(format!(
            "chain loss {{ type filter hook forward priority -400; {losses} }}"
        ));
    }
    let mut ruleset = String::new();
    if !chains.is_empty() {
        let _infallible = writeln!(
            ruleset,
            "table {ip} behaviour {{\n{}\n}}",
            chains.join("\n")
        );
    }
    ruleset.push_str(&nft::rules(scenario, plan, node));
    ruleset
}
