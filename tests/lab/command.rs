//! What `scripts/lab` does, run through the test binary: `SYNQUEST_LAB` holds its arguments, one a
//! line.

use std::process::Command;

use super::network::Network;
use super::trial::{Outcome, word};
use super::{hold_all, matrix, namespace};
use crate::scenario::{FamilyName, Scenario, read_all};

#[test]
#[ignore = "run by scripts/lab"]
fn from_scripts_lab() {
    let arguments = std::env::var("SYNQUEST_LAB").expect("run by scripts/lab");
    let arguments: Vec<&str> = arguments.lines().collect();
    match arguments.as_slice() {
        ["list"] => list(),
        ["matrix", patterns @ ..] => run(patterns, None, false),
        ["run", name] => run(&[name], None, true),
        ["run", name, family] => run(&[name], Some(named(family)), true),
        ["shell", name, family, command @ ..] => shell(&one(name), named(family), command),
        other => panic!("not a command of the lab: {other:?}"),
    }
}

fn list() {
    for scenario in read_all() {
        println!("{:36} {}", scenario.name, scenario.about);
    }
}

/// Runs the scenarios whose names begin with one of `patterns` (all when there is none), or is
/// `patterns` where `exact`.
fn run(patterns: &[&str], family: Option<FamilyName>, exact: bool) {
    let chosen = |scenario: &Scenario| {
        let mut patterns = patterns.iter();
        patterns.len() == 0
            || patterns.any(|pattern| match exact {
                true => scenario.name == *pattern,
                false => scenario.name.starts_with(pattern),
            })
    };
    let mut scenarios = read_all();
    scenarios.retain(chosen);
    assert!(!scenarios.is_empty(), "no such scenario: {patterns:?}");
    for scenario in &mut scenarios {
        scenario
            .families
            .retain(|own| family.is_none_or(|wanted| wanted == *own));
    }
    let outcomes = hold_all(&scenarios, &|outcome| eprintln!("{}", outcome.line()));
    matrix::write(&outcomes);
    if exact {
        for outcome in &outcomes {
            println!("{}", outcome.printed);
        }
    }
    println!("{}", matrix::render(&outcomes));
    let sound = |outcome: &Outcome| outcome.objections.is_empty();
    assert!(outcomes.iter().all(sound), "not every verdict is honest");
}

/// Raises a network and gives it to a shell in the prober's namespace.
fn shell(scenario: &Scenario, family: FamilyName, command: &[&str]) {
    namespace::sweep();
    let network = Network::raise(scenario, family);
    let mut shell = Command::new("ip");
    shell.args(["netns", "exec", network.space("prober").name()]);
    if command.is_empty() {
        shell.arg("bash");
    } else {
        shell.args(["sh", "-c", &command.join(" ")]);
    }
    shell
        .env("ADDRESS", network.plan.probed.to_string())
        .env("FAMILY", word(family));
    for node in &network.plan.nodes {
        let space = network.space(node).name();
        eprintln!(
            "{node}: ip netns exec {space} …   (${})",
            node.to_uppercase()
        );
        shell.env(node.to_uppercase(), space);
    }
    eprintln!(
        "{}, {}: {}",
        scenario.name, network.plan.probed, scenario.about
    );
    let ended = shell.status().expect("a shell");
    assert!(ended.success(), "{ended}");
}

fn one(name: &str) -> Scenario {
    let mut scenarios = read_all();
    scenarios.retain(|scenario| scenario.name == name);
    scenarios
        .pop()
        .unwrap_or_else(|| panic!("no scenario {name}"))
}

fn named(family: &str) -> FamilyName {
    match family {
        "v4" => FamilyName::V4,
        "v6" => FamilyName::V6,
        other => panic!("{other} is neither v4 nor v6"),
    }
}
