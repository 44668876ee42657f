//! What changed on this host while a run went on: counters that moved, rules that stopped packets.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::host::{FirewallCounts, StoppingRule};

/// Parts of the names of counters that count losses: told even when they did not move.
const LOSSES: [&str; 9] = [
    "drop", "discard", "err", "fail", "filter", "overflow", "prune", "invalid", "fifo",
];

/// A counter before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Its name.
    pub name: String,
    /// Its value before.
    pub before: u64,
    /// Its value after.
    pub after: u64,
}

/// The counters that moved, and those of losses that are not zero; none of `foreign` interfaces.
pub fn counters(
    before: &BTreeMap<String, u64>,
    after: &BTreeMap<String, u64>,
    foreign: &BTreeSet<String>,
) -> Vec<Moved> {
    let tells = |name: &str, before: u64, after: u64| {
        let lower = name.to_ascii_lowercase();
        before != after || (after > 0 && LOSSES.iter().any(|loss| lower.contains(loss)))
    };
    after
        .iter()
        .map(|(name, after)| Moved {
            name: name.clone(),
            before: before.get(name).copied().unwrap_or_default(),
            after: *after,
        })
        .filter(|counter| {
            // An interface's name may hold dots itself.
            let owner = counter.name.rsplit_once('.').map(|(owner, _)| owner);
            owner.is_none_or(|owner| !foreign.contains(owner))
                && tells(&counter.name, counter.before, counter.after)
        })
        .collect()
}

/// How the firewall's counts were read, and the rules that stopped packets meanwhile, with how many.
pub fn stopped(
    before: &FirewallCounts,
    after: &FirewallCounts,
) -> (String, Vec<(StoppingRule, u64)>) {
    let told = |reading: &str| (reading.to_owned(), Vec::new());
    match (before, after) {
        (FirewallCounts::Rules(_, earlier), FirewallCounts::Rules(tools, rules)) => {
            let moved: Vec<_> = rules
                .iter()
                .filter_map(|(rule, packets)| {
                    // A rule that was not there before may have counted other packets.
                    let packets = packets.checked_sub(*earlier.get(rule)?)?;
                    (packets > 0).then(|| (rule.clone(), packets))
                })
                .collect();
            let reading = format!(
                "read with {}; of {} rules that stop packets and count them, {} did so during the \
                 run",
                tools.join(" and "),
                rules.len(),
                moved.len()
            );
            (reading, moved)
        }
        (FirewallCounts::NotPermitted, _) | (_, FirewallCounts::NotPermitted) => {
            told("not read: only root may list its rules")
        }
        (FirewallCounts::NoTool, _) | (_, FirewallCounts::NoTool) => {
            told("not read: nft, which lists its rules, is missing or failed")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_told_when_they_moved_or_count_losses_but_not_of_other_interfaces() {
        let table = |values: [u64; 4]| -> BTreeMap<String, u64> {
            ["Ip.InDiscards", "Tcp.OutSegs", "Tcp.OutRsts", "wg0.rx_drop"]
                .map(str::to_owned)
                .into_iter()
                .zip(values)
                .collect()
        };
        let foreign = BTreeSet::from(["wg0".to_owned()]);
        let told = counters(&table([3, 5, 7, 1]), &table([3, 5, 9, 2]), &foreign);
        let told: Vec<(&str, u64, u64)> = told
            .iter()
            .map(|counter| (counter.name.as_str(), counter.before, counter.after))
            .collect();
        assert_eq!(told, [("Ip.InDiscards", 3, 3), ("Tcp.OutRsts", 7, 9)]);
    }

    #[test]
    fn of_the_firewall_only_rules_that_stopped_packets_meanwhile_are_told() {
        let rule = |number: u32| StoppingRule {
            chain: "inet f in".to_owned(),
            number: Some(number),
            action: "drop",
        };
        let counts = |counts: [(u32, u64); 2]| {
            let rules = counts.map(|(number, packets)| (rule(number), packets));
            FirewallCounts::Rules(vec!["nft"], BTreeMap::from(rules))
        };
        let (_, moved) = stopped(&counts([(1, 5), (2, 5)]), &counts([(1, 5), (2, 9)]));
        assert_eq!(moved, [(rule(2), 4)]);
        let (reading, moved) = stopped(&counts([(1, 5), (2, 5)]), &FirewallCounts::NotPermitted);
        assert!(reading.contains("root") && moved.is_empty());
    }
}
