//! The lab: scenarios on network namespaces, with real rules, real listeners and the real binary.
//!
//! Each trial (a scenario in one family) has a set of namespaces of its own and several run at
//! once. Truth comes from the kernel's counters, never from the prober. No packet leaves the
//! namespaces: see [`namespace`].
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that cannot go on panics, and one that a person runs prints"
)]

mod allowance;
mod clients;
mod command;
mod filter;
mod iptables;
mod listener;
mod matrix;
pub(crate) mod namespace;
pub(crate) mod network;
mod nft;
pub(crate) mod plan;
mod rationed;
mod retold;
mod triage;
mod trial;
mod truth;

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock};

use crate::scenario::{Executor, FamilyName, Scenario, read_all};
use trial::Outcome;

/// Trials at once, unless `SYNQUEST_LAB_JOBS` says otherwise. Most of a trial is waiting for
/// reassembly timers, so this has little to do with the number of processors.
const JOBS: usize = 24;

/// What the lab runs, and what each needs to be told to do nothing.
const TOOLS: [(&str, &str); 8] = [
    ("ip", "-V"),
    ("nft", "-v"),
    ("iptables", "-V"),
    ("ip6tables", "-V"),
    ("iptables-restore", "-V"),
    ("ip6tables-restore", "-V"),
    ("iptables-save", "-V"),
    ("ip6tables-save", "-V"),
];

#[test]
fn every_scenario_in_the_lab() {
    if let Some(reason) = missing() {
        assert!(
            std::env::var_os("CI").is_none(),
            "the lab cannot run: {reason}"
        );
        // Around the capture of the test harness: a lab that was skipped must not look like a pass.
        let text = format!("\n==== THE LAB WAS SKIPPED: {reason} ====\n\n");
        let _unheard = std::io::stderr().write_all(text.as_bytes());
        return;
    }
    let outcomes = hold_all(&read_all(), &|outcome| println!("{}", outcome.line()));
    matrix::write(&outcomes);
    let failed: Vec<&Outcome> = outcomes
        .iter()
        .filter(|outcome| !outcome.objections.is_empty())
        .collect();
    for outcome in &failed {
        println!("\n{}", outcome.line());
        for objection in &outcome.objections {
            println!("    {objection}");
        }
        println!("{}", outcome.printed);
    }
    assert!(
        failed.is_empty(),
        "{} of {} trials failed; see {}",
        failed.len(),
        outcomes.len(),
        matrix::folder().display()
    );
}

/// Why the lab cannot run here, if it cannot.
pub(crate) fn missing() -> Option<String> {
    // Once: tests that ask at the same moment would make one namespace twice.
    static MISSING: OnceLock<Option<String>> = OnceLock::new();
    MISSING.get_or_init(find_missing).clone()
}

fn find_missing() -> Option<String> {
    let silent = |command: &mut Command| {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::null()).status()
    };
    if !rustix::process::geteuid().is_root() {
        return Some("it needs root to make network namespaces".to_owned());
    }
    for (tool, nothing) in TOOLS {
        if silent(Command::new(tool).arg(nothing)).is_err() {
            return Some(format!("there is no {tool}"));
        }
    }
    let name = format!("synquest-{}-able", std::process::id());
    let made = silent(Command::new("ip").args(["netns", "add", &name]));
    let _gone = silent(Command::new("ip").args(["netns", "del", &name]));
    if !made.is_ok_and(|status| status.success()) {
        return Some("network namespaces cannot be made".to_owned());
    }
    None
}

/// Holds the trials of `scenarios` in all their families, several at once, and tells `heard` of
/// each as it ends. The outcomes come in the order of the scenarios.
fn hold_all(scenarios: &[Scenario], heard: &(dyn Fn(&Outcome) + Sync)) -> Vec<Outcome> {
    namespace::sweep();
    let jobs = std::env::var("SYNQUEST_LAB_JOBS").map_or(JOBS, |text| {
        text.parse().expect("SYNQUEST_LAB_JOBS is a number")
    });
    let mut waiting: Vec<(&Scenario, FamilyName)> = scenarios
        .iter()
        .filter(|scenario| scenario.executors.contains(&Executor::Lab))
        .flat_map(|scenario| {
            scenario
                .families
                .iter()
                .map(move |family| (scenario, *family))
        })
        .collect();
    // Taken from the end: IPv6 first, whose reassembly timers are the longest.
    waiting.sort_by_key(|(_, family)| *family);
    let waiting = Mutex::new(waiting);
    let outcomes = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let Some((scenario, family)) = waiting.lock().expect("a lock").pop() else {
                        return;
                    };
                    let outcome = trial::hold(scenario, family);
                    heard(&outcome);
                    outcomes.lock().expect("a lock").push(outcome);
                }
            });
        }
    });
    let mut outcomes = outcomes.into_inner().expect("a lock");
    outcomes.sort_by_key(Outcome::name);
    outcomes
}
