//! What the options of a run mean to the driver.

use super::arguments::groups::{Cost, DatabaseSite, Site, WayOut};
use crate::engine::policy::{Allowance, Policy};
use crate::net::driver::Settings;
use crate::net::survey::Preference;
use crate::report::advice::situation::{Scenario, Situation};

/// The settings of a run, unwatched and without a capture.
pub fn settings(cost: &Cost, leave: &WayOut) -> Settings {
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

/// How packets leave this host.
pub fn preference(leave: &WayOut) -> Preference {
    Preference {
        interface: leave.interface.clone(),
        source: leave.source,
        mark: leave.mark,
    }
}

/// What the user said of the way to the database, as advice knows it.
pub fn situation(said: DatabaseSite) -> Situation {
    Situation {
        scenario: said.scenario.map(|place| match place {
            Site::CrossCloud => Scenario::CrossCloud,
            Site::OnPrem => Scenario::OnPrem,
            Site::SameRegionVm => Scenario::SameRegionVm,
        }),
        public_address: said.public_address,
    }
}
