//! What this host says of itself around a run: asked for before and after, told as a difference.

use std::collections::{BTreeMap, BTreeSet};

use crate::checkup::approach;
use crate::checkup::changes;
use crate::model::endpoint::Endpoint;
use crate::model::host::{FirewallCounts, StoppingRule};
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
        let (ways, interfaces) = ways(endpoints, preference);
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
                .map(|moved| CounterRecord {
                    name: moved.name,
                    before: moved.before,
                    after: moved.after,
                })
                .collect(),
            firewall: FirewallRecord {
                reading,
                moved: stopped.into_iter().map(rule_record).collect(),
            },
        }
    }
}

/// What is found of the way to each endpoint, and the interfaces they leave by.
fn ways(endpoints: &[Endpoint], preference: &Preference) -> (Vec<WayRecord>, Vec<InterfaceRecord>) {
    let mut ways = Vec::new();
    let mut interfaces: Vec<InterfaceRecord> = Vec::new();
    for endpoint in endpoints {
        let approach = doctor::approach(endpoint, preference);
        let route = approach.as_ref().ok().and_then(|found| found.way.route());
        if let Some(link) = route.map(|route| &route.link)
            && interfaces.iter().all(|known| known.name != link.name)
        {
            interfaces.push(InterfaceRecord {
                name: link.name.clone(),
                mtu: link.mtu,
                up: link.up,
            });
        }
        let findings = match approach {
            Err(failure) => vec![failure.to_string()],
            Ok(approach) => approach::checks(endpoint, &approach)
                .iter()
                .map(|check| format!("{}: {}", check.name, check.finding))
                .collect(),
        };
        ways.push(WayRecord {
            endpoint: endpoint.to_string(),
            findings,
        });
    }
    (ways, interfaces)
}

fn rule_record((rule, packets): (StoppingRule, u64)) -> RuleRecord {
    RuleRecord {
        chain: rule.chain,
        number: rule.number,
        action: rule.action.to_owned(),
        packets,
    }
}
