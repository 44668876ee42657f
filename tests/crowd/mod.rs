//! The engine among very many hosts, in virtual time: verdicts, and what it sends for them.

mod network;
mod run;

use network::Fate;
use run::{Plan, run};

const PLAN: Plan = Plan {
    endpoints: 20_000,
    ports: 1,
    rate: 1_000_000,
    at_once: 4096,
    share: true,
    thorough: false,
    only: None,
};

#[test]
fn twenty_thousand_hosts_are_told_apart() {
    let tally = run(&PLAN);
    assert_eq!(
        (tally.settled, tally.wrong()),
        (PLAN.endpoints, 0),
        "{tally:?}"
    );
}

#[test]
fn ports_of_one_host_share_what_does_not_concern_them() {
    for only in [Fate::Open, Fate::Closed, Fate::DroppedOnPath] {
        let apart = Plan {
            endpoints: 64,
            ports: 64,
            at_once: 16,
            share: false,
            thorough: true,
            only: Some(only),
            ..PLAN
        };
        let together = Plan {
            share: true,
            ..apart
        };
        let [apart, together] = [apart, together].map(|plan| run(&plan));
        assert_eq!((apart.wrong(), together.wrong()), (0, 0));
        assert!(
            together.probes * 4 < apart.probes * 3,
            "{only:?}: {} of {}",
            together.probes,
            apart.probes
        );
    }
}
