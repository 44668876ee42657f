//! Ground truth, from the kernel: which rules matched, which SYNs the listener's full queue or the
//! reverse-path filter discarded, which handshakes were completed.

use std::collections::BTreeMap;
use std::process::Command;

use super::filter::stands_at;
use super::listener::DATABASE;
use super::network::Network;
use crate::scenario::{FamilyName, Scenario, Tool};

/// Counters of the kernel at one moment, by what they count.
#[derive(Debug)]
pub(crate) struct Counters(BTreeMap<String, u64>);

impl Counters {
    /// Reads the counters that are the ground truth of `scenario`.
    pub(crate) fn read(scenario: &Scenario, network: &Network) -> Self {
        let mut counters = BTreeMap::new();
        for node in &network.plan.nodes {
            let truths = scenario
                .rule
                .iter()
                .enumerate()
                .filter(|(_, rule)| rule.truth && stands_at(scenario, &rule.at, node));
            for (number, rule) in truths {
                let what = format!("rule {number} ({node} {})", rule.hook);
                let space = network.space(node);
                let count = if rule.tool == Tool::Nft {
                    nft(
                        &space.run(Command::new("nft").args(["list", "ruleset"]), ""),
                        number,
                    )
                } else {
                    let tool = match network.plan.family {
                        FamilyName::V4 => "iptables-save",
                        FamilyName::V6 => "ip6tables-save",
                    };
                    let saved = space.run(Command::new(tool).args(["-c", "-t", &rule.table]), "");
                    let chain = rule.policy.then(|| rule.hook.to_uppercase());
                    iptables(&saved, number, chain.as_deref())
                };
                counters.insert(what, count);
            }
        }
        if scenario.host.overloaded {
            let count = netstat(network, "target", "ListenOverflows");
            counters.insert("SYNs that met a full accept queue".to_owned(), count);
        }
        if scenario.network.prober_rp_filter_fails {
            let count = netstat(network, "prober", "IPReversePathFilter");
            counters.insert(
                "packets that failed the reverse-path filter".to_owned(),
                count,
            );
        }
        Self(counters)
    }

    /// What of the ground truth did not come to pass since `before`: the scenario tested nothing,
    /// or the prober did harm.
    pub(crate) fn objections(&self, before: &Self, network: &Network) -> Vec<String> {
        let idle = self
            .0
            .iter()
            .filter(|(what, count)| before.0.get(*what) >= Some(count))
            .map(|(what, _)| format!("ground truth: the counter of {what} did not move"));
        let completed = network.listeners.completed();
        let completed = completed.iter().filter(|(_, count)| *count > 0);
        let harm = completed.map(|(port, count)| {
            let whose = if *port == DATABASE {
                "database"
            } else {
                "control"
            };
            format!("{count} handshakes were completed with the {whose} port {port}")
        });
        idle.chain(harm).collect()
    }
}

/// Packets that rule `number` counted in an `nft list ruleset`, all its lines together.
fn nft(ruleset: &str, number: usize) -> u64 {
    let comment = format!("comment \"rule-{number}\"");
    ruleset
        .lines()
        .filter(|line| line.contains(&comment))
        .filter_map(|line| line.split("counter packets ").nth(1))
        .filter_map(first_number)
        .sum()
}

/// Packets that rule `number`, or the policy of `chain`, counted in an `iptables-save -c`.
fn iptables(saved: &str, number: usize, chain: Option<&str>) -> u64 {
    let counted = |line: &str| line.split('[').nth(1).and_then(first_number);
    let ours = |line: &&str| match chain {
        Some(chain) => line.starts_with(&format!(":{chain} ")),
        None => line.split_once("--comment ").is_some_and(|(_, rest)| {
            rest.split(' ').next().map(|word| word.trim_matches('"'))
                == Some(&format!("rule-{number}"))
        }),
    };
    saved.lines().filter(ours).filter_map(counted).sum()
}

fn first_number(text: &str) -> Option<u64> {
    let end = text.find(|letter: char| !letter.is_ascii_digit());
    text[..end.unwrap_or(text.len())].parse().ok()
}

/// A counter of `/proc/net/netstat`, whose lines come in pairs of names and values.
fn netstat(network: &Network, node: &str, name: &str) -> u64 {
    let text = network.space(node).enter(|| {
        std::fs::read_to_string("/proc/thread-self/net/netstat").expect("netstat of the kernel")
    });
    let lines: Vec<&str> = text.lines().collect();
    lines
        .chunks_exact(2)
        .flat_map(|pair| pair[0].split(' ').zip(pair[1].split(' ')))
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or_else(|| panic!("the kernel has no counter {name}"))
}
