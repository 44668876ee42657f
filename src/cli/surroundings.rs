//! What this host says of itself around a run: asked for before and after, told as a difference.

use std::collections::{BTreeMap, BTreeSet};

use crate::checkup::approach;
use crate::checkup::changes::{self, Moved};
use crate::model::endpoint::Endpoint;
use crate::model::host::FirewallCounts;
use crate::net::survey::Preference;
use crate::net::{doctor, firewall, host, surroundings};
use crate::report::environment::{
    ClockRecord, CounterRecord, Environment, FirewallRecord, InterfaceRecord, RuleRecord, SCHEMA,
    SettingRecord, TableRecord, WayRecord,
};

/// What the host said before the run.
#[derive(Clone, Debug)]
pub struct Surroundings {
    counters: BTreeMap<String, u64>,
    firewall: FirewallCounts,
}

impl Surroundings {
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
        let (reading, stopped) = changes::stopped(&self.firewall, &firewall::read());
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
                    let checks = approach::checks(endpoint, &approach);
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
            counters: changes::counters(&self.counters, &after, &foreign)
                .into_iter()
                .map(
                    |Moved {
                         name,
                         before,
                         after,
                     }| CounterRecord {
                        name,
                        before,
                        after,
                    },
                )
                .collect(),
            firewall: FirewallRecord {
                reading,
                moved: stopped
                    .into_iter()
                    .map(|(rule, packets)| RuleRecord {
                        chain: rule.chain,
                        number: rule.number,
                        action: rule.action.to_owned(),
                        packets,
                    })
                    .collect(),
            },
        }
    }
}
