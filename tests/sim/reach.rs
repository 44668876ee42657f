//! What a diagnosis reaches at its default settings, and what a thorough one: the table of the README,
//! worked out over every scenario of one cause in which nothing is lost by chance.

use std::collections::BTreeMap;
use std::fmt::Write;

use synquest::model::outcome::Outcome;
use synquest::model::verdict::{Cause, Confidence};

use super::runner::{family_of, run};
use crate::scenario::{Executor, Scenario, read_all};

/// Lines that frame the table in the README.
const FRAME: [&str; 2] = [
    "| cause | default | `--thorough` |\n|---|---|---|\n",
    "\n\n",
];

/// How often the right cause was told, and how firmly.
#[derive(Debug, Default)]
struct Reach {
    runs: usize,
    told: Vec<Confidence>,
    /// How often another cause was told.
    others: BTreeMap<Cause, usize>,
}

impl Reach {
    fn count(&mut self, truth: &str, outcome: &Outcome) {
        let verdict = &outcome.finding.verdict;
        self.runs += 1;
        if verdict.cause.word() == truth {
            self.told.push(verdict.confidence);
        } else {
            *self.others.entry(verdict.cause).or_default() += 1;
        }
    }

    /// How many, the usual confidence, and how many are firmer.
    fn render(mut self) -> String {
        self.told.sort_unstable();
        let middle = self.told.len().div_ceil(2).saturating_sub(1);
        let Some(usual) = self.told.get(middle).copied() else {
            let most = self.others.iter().max_by_key(|(_, count)| **count);
            let (other, _) = most.expect("something was told");
            return format!("none of {}, mostly `{}`", self.runs, other.word());
        };
        let firmer = self.told.iter().filter(|told| **told > usual).count();
        let firmer = match self.told.last() {
            Some(most) if firmer > 0 => format!(", {firmer} up to `{}`", most.word()),
            _ => String::new(),
        };
        format!(
            "{} of {}, mostly `{}`{firmer}",
            self.told.len(),
            self.runs,
            usual.word()
        )
    }
}

fn is_of_use(scenario: &Scenario) -> bool {
    scenario.executors.contains(&Executor::Simulator)
        && scenario.loss.is_empty()
        && scenario.arguments.is_empty()
        && scenario.expect.cause.len() == 1
}

#[test]
fn the_readme_says_what_the_default_reaches_and_what_thorough_does() {
    let mut reached: BTreeMap<Cause, [Reach; 2]> = BTreeMap::new();
    for scenario in read_all().iter().filter(|scenario| is_of_use(scenario)) {
        let thorough = Scenario {
            arguments: vec!["--thorough".to_owned()],
            ..scenario.clone()
        };
        let truth = &scenario.expect.cause[0];
        let mut causes = Cause::ALL.iter();
        let cause = causes.find(|cause| cause.word() == truth);
        let cause = cause.unwrap_or_else(|| panic!("{}: no cause {truth}", scenario.name));
        let reach = reached.entry(*cause).or_default();
        for family in &scenario.families {
            for (reach, scenario) in reach.iter_mut().zip([scenario, &thorough]) {
                let outcome = run(scenario, family_of(*family), 0, false).outcome;
                reach.count(truth, &outcome);
            }
        }
    }
    let mut table = FRAME[0].to_owned();
    for (cause, reach) in reached {
        let [default, thorough] = reach.map(Reach::render);
        let _ = writeln!(table, "| `{}` | {default} | {thorough} |", cause.word());
    }
    let readme = include_str!("../../README.md");
    let (_, rest) = readme.split_once(FRAME[0]).expect("the table's head");
    let (rows, _) = rest.split_once(FRAME[1]).expect("the table's end");
    let says = format!("{}{rows}\n", FRAME[0]);
    assert_eq!(says, table, "the README is to say:\n{table}");
}
