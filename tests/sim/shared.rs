//! Every scenario once more, while other ports of the same host are under diagnosis too, and what does
//! not concern a port is measured once for all of them.
//!
//! The verdict may be less decided than alone, since the host's one reassembly report a second must do
//! for all of them; it must never be wrong.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use synquest::model::verdict::{Cause, Confidence};

use super::runner::{Run, family_of, run_among};
use super::show::show;
use crate::scenario::{Executor, FamilyName, Scenario, read_all};

/// Other ports of the host: closed in most scenarios, SSH open in some.
const OTHERS: [u16; 4] = [5432, 22, 6379, 1521];
/// As many as the driver begins at one address unless a diagnosis is thorough.
const FEW: usize = 1;
const SEEDS: u64 = 2;

/// Whether a verdict says more than "possible" of a cause that is not the truth, nor stands for it.
fn misleads(scenario: &Scenario, run: &Run) -> bool {
    let verdict = &run.outcome.finding.verdict;
    let expected = &scenario.expect;
    let cause = verdict.cause.word();
    let stands_for_it = verdict.cause == Cause::DropEdgeOrHost
        && expected.cause.iter().any(|cause| {
            ["drop-edge", "drop-host", "listener-overloaded"].contains(&cause.as_str())
        });
    let right = expected.cause.iter().any(|right| right == cause)
        || expected.tolerate.contains_key(cause)
        || stands_for_it && verdict.confidence <= Confidence::Likely;
    !right && !verdict.cause.is_undecided() && verdict.confidence > Confidence::Possible
}

#[test]
fn every_scenario_among_other_ports_of_the_host() {
    let only = std::env::var("SYNQUEST_SCENARIO").ok();
    let scenarios = read_all();
    let jobs: Vec<(&Scenario, FamilyName)> = scenarios
        .iter()
        .filter(|scenario| scenario.executors.contains(&Executor::Simulator))
        .filter(|scenario| only.as_ref().is_none_or(|name| *name == scenario.name))
        .flat_map(|scenario| {
            scenario
                .families
                .iter()
                .map(move |family| (scenario, *family))
        })
        .collect();
    let next = AtomicUsize::new(0);
    let failures: Mutex<Vec<String>> = Mutex::default();
    let shared = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(&(scenario, family)) = jobs.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    for seed in 0..SEEDS {
                        let verbose = false;
                        let run = {
                            let others = if seed % 2 == 0 {
                                &OTHERS
                            } else {
                                &OTHERS[..FEW]
                            };
                            run_among(scenario, family_of(family), seed, verbose, others)
                        };
                        let trials = run.outcome.evidence.trials().iter();
                        let borrowed = trials.filter(|trial| trial.shared.is_some()).count();
                        shared.fetch_add(borrowed, Ordering::Relaxed);
                        if misleads(scenario, &run) {
                            let failure = format!(
                                "{} {family:?} seed {seed}\n{}",
                                scenario.name,
                                show(&run.outcome)
                            );
                            failures.lock().unwrap().push(failure);
                        }
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(
        failures.is_empty(),
        "{} wrong:\n{}",
        failures.len(),
        failures.join("\n")
    );
    let shared = shared.into_inner();
    assert!(shared > 500, "{shared} probes were shared");
}
