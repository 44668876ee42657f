//! What the options of a run mean to the driver.

use super::arguments::{Cost, Leave};
use crate::engine::policy::{Allowance, Policy};
use crate::net::driver::Settings;
use crate::net::survey::Preference;

/// The settings of a run, unwatched and without a capture.
pub fn settings(cost: &Cost, leave: &Leave) -> Settings {
    Settings {
        policy: Policy {
            max_time: cost.max_time,
            max_probes: cost.max_probes,
            rate: cost.rate,
            quick: cost.quick,
            check_mtu: !cost.no_mtu,
            thorough: cost.thorough,
            allowance: (!cost.thorough).then_some(Allowance::DEFAULT),
            control_ports: cost.control_ports.clone(),
            ..Policy::default()
        },
        interface: leave.interface.clone(),
        source: leave.source,
        mark: leave.mark,
        seed: cost.seed,
        sightings: false,
        live: false,
    }
}

/// The way out of this host that `settings` prefer.
pub fn preference(settings: &Settings) -> Preference {
    Preference {
        interface: settings.interface.clone(),
        source: settings.source,
        mark: settings.mark,
    }
}
