//! What this host says of itself around a run: asked for before and after, told as a difference.

use std::collections::{BTreeMap, BTreeSet};

use crate::cli::doctor::approach_checks;
use crate::model::endpoint::Endpoint;
use crate::net::firewall::{self, Reading};
use crate::net::survey::Preference;
use crate::net::{doctor, host, surroundings};
use crate::report::environment::{
    ClockRecord, CounterRecord, Environment, FirewallRecord, InterfaceRecord, RuleRecord, SCHEMA,
    SettingRecord, TableRecord, WayRecord,
};

/// Parts of the names of counters that count losses: told even when they did not move.
const LOSSES: [&str; 9] = [
    "drop", "discard", "err", "fail", "filter", "overflow", "prune", "invalid", "fifo",
];

/// What the host said before the run.
#[derive(Clone, Debug)]
pub struct Watch {
    counters: BTreeMap<String, u64>,
    firewall: Reading,
}

impl Watch {
    /// Asks as things stand.
    pub fn begin() -> Self {
        Self {
            counters: surroundings::counters(),
            firewall: firewall::read(),
        }
    }

    /// Asks again, and for the way to each endpoint.
    pub fn end(self, endpoints: &[Endpoint], preference: &Preference) -> Environment {
        let after = surroundings::counters();
        let moved = firewall_record(&self.firewall, &firewall::read());
        let mut ways = Vec::new();
        let mut interfaces: Vec<InterfaceRecord> = Vec::new();
        for endpoint in endpoints {
            let findings = match doctor::approach(endpoint, preference) {
                Err(failure) => vec![failure.to_string()],
                Ok(approach) => {
                    if let Some(route) = approach.way.route()
                        && interfaces.iter().all(|known| known.name != route.link.name)
                    {
                        interfaces.push(InterfaceRecord {
                            name: route.link.name.clone(),
                            mtu: route.link.mtu,
                            up: route.link.up,
                        });
                    }
                    let checks = approach_checks(endpoint, &approach);
                    let line = |name: &str, finding: &str| format!("{name}: {finding}");
                    checks
                        .iter()
                        .map(|check| line(&check.name, &check.finding))
                        .collect()
                }
            };
            ways.push(WayRecord {
                endpoint: endpoint.to_string(),
                findings,
            });
        }
        let names: Vec<String> = interfaces.iter().map(|link| link.name.clone()).collect();
        let foreign: BTreeSet<String> = host::interfaces()
            .into_iter()
            .map(|interface| interface.name)
            .filter(|name| !names.contains(name))
            .collect();
        Environment {
            schema: SCHEMA.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            kernel: Some(surroundings::kernel()),
            system: surroundings::system(),
            clock: surroundings::clock().map(|clock| ClockRecord {
                synchronised: clock.synchronised,
                greatest_error_us: clock.greatest_error,
            }),
            ways,
            settings: surroundings::settings(&names)
                .into_iter()
                .map(|(name, value)| SettingRecord { name, value })
                .collect(),
            interfaces,
            connection_tracking: host::conntrack().map(|table| TableRecord {
                count: table.count,
                max: table.max,
            }),
            counters: counter_records(&self.counters, &after, &foreign),
            firewall: moved,
        }
    }
}

/// The counters that moved, and those of losses that are not zero; none of `foreign` interfaces.
fn counter_records(
    before: &BTreeMap<String, u64>,
    after: &BTreeMap<String, u64>,
    foreign: &BTreeSet<String>,
) -> Vec<CounterRecord> {
    let tells = |name: &str, before: u64, after: u64| {
        let lower = name.to_ascii_lowercase();
        before != after || (after > 0 && LOSSES.iter().any(|loss| lower.contains(loss)))
    };
    after
        .iter()
        .map(|(name, after)| CounterRecord {
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

fn firewall_record(before: &Reading, after: &Reading) -> FirewallRecord {
    let told = |reading: &str| FirewallRecord {
        reading: reading.to_owned(),
        moved: Vec::new(),
    };
    match (before, after) {
        (Reading::Rules(_, earlier), Reading::Rules(tools, rules)) => {
            let moved: Vec<RuleRecord> = rules
                .iter()
                .filter_map(|(rule, packets)| {
                    // A rule that was not there before may have counted other packets.
                    let packets = packets.checked_sub(*earlier.get(rule)?)?;
                    (packets > 0).then(|| RuleRecord {
                        chain: rule.chain.clone(),
                        number: rule.number,
                        action: rule.action.to_owned(),
                        packets,
                    })
                })
                .collect();
            FirewallRecord {
                reading: format!(
                    "read with {}; of {} rules that stop packets and count them, {} did so during \
                     the run",
                    tools.join(" and "),
                    rules.len(),
                    moved.len()
                ),
                moved,
            }
        }
        (Reading::NotPermitted, _) | (_, Reading::NotPermitted) => {
            told("not read: only root may list its rules")
        }
        (Reading::NoTool, _) | (_, Reading::NoTool) => {
            told("not read: nft, which lists its rules, is missing or failed")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::firewall::Rule;

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
        let told = counter_records(&table([3, 5, 7, 1]), &table([3, 5, 9, 2]), &foreign);
        let told: Vec<(&str, u64, u64)> = told
            .iter()
            .map(|counter| (counter.name.as_str(), counter.before, counter.after))
            .collect();
        assert_eq!(told, [("Ip.InDiscards", 3, 3), ("Tcp.OutRsts", 7, 9)]);
    }

    #[test]
    fn of_the_firewall_only_rules_that_stopped_packets_meanwhile_are_told() {
        let reading = |counts: [(u32, u64); 2]| {
            let rules = counts.map(|(number, packets)| {
                let rule = Rule {
                    chain: "inet f in".to_owned(),
                    number: Some(number),
                    action: "drop",
                };
                (rule, packets)
            });
            Reading::Rules(vec!["nft"], BTreeMap::from(rules))
        };
        let record = firewall_record(&reading([(1, 5), (2, 5)]), &reading([(1, 5), (2, 9)]));
        let moved = RuleRecord {
            chain: "inet f in".to_owned(),
            number: Some(2),
            action: "drop".to_owned(),
            packets: 4,
        };
        assert_eq!(record.moved, [moved]);
        let unread = firewall_record(&reading([(1, 5), (2, 5)]), &Reading::NotPermitted);
        assert!(unread.reading.contains("root") && unread.moved.is_empty());
    }
}
