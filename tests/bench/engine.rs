//! Holds diagnoses of very many endpoints of a light network in virtual time: what the engine
//! costs, measured from outside.
//!
//! `engine ENDPOINTS [PORTS-A-HOST [FATE]]`: fails where a verdict is wrong.

#![allow(
    clippy::print_stdout,
    unreachable_pub,
    reason = "it prints what it counted, and is a program"
)]

#[path = "../crowd/network.rs"]
mod network;
#[path = "../crowd/run.rs"]
mod run;

use std::process::ExitCode;

use network::Fate;
use run::Plan;

/// Datagrams a second: more than any host sends, so that time is the engine's own.
const RATE: u32 = 1_000_000;
/// Diagnoses open at a time: what 512 MiB hold.
const AT_ONCE: usize = 8192;

fn fate(word: &str) -> Option<Fate> {
    Some(match word {
        "open" => Fate::Open,
        "closed" => Fate::Closed,
        "rejected" => Fate::Rejected,
        "host" => Fate::DroppedOnHost,
        "edge" => Fate::DroppedAtEdge,
        "path" => Fate::DroppedOnPath,
        _ => return None,
    })
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize| words.get(index).and_then(|word| word.parse().ok());
    let plan = Plan {
        thorough: false,
        endpoints: number(0).unwrap_or(1000),
        ports: number(1).and_then(|n| u16::try_from(n).ok()).unwrap_or(1),
        rate: RATE,
        at_once: AT_ONCE,
        share: true,
        only: words.get(2).and_then(|word| fate(word)),
    };
    let tally = run::run(&plan);
    println!(
        "{} endpoints, {} probes, {:.1} s of virtual time, {} wrong",
        tally.settled,
        tally.probes,
        tally.elapsed.as_secs_f64(),
        tally.wrong()
    );
    for ((fate, cause), count) in &tally.verdicts {
        println!("{count:>8} {fate:?}: {cause}");
    }
    if tally.wrong() == 0 && tally.settled == plan.endpoints {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
