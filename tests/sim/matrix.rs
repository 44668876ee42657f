//! How often which truth was called what, as text.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use synquest::model::outcome::Outcome;

use crate::scenario::{FamilyName, Scenario};

/// Verdicts counted by truth, and by scenario.
#[derive(Debug, Default)]
pub struct Matrix {
    by_truth: BTreeMap<String, BTreeMap<String, u64>>,
    by_scenario: BTreeMap<(String, FamilyName), Tally>,
}

#[derive(Debug, Default)]
struct Tally {
    runs: u32,
    verdicts: BTreeMap<String, u64>,
    probes: usize,
    most_probes: usize,
    elapsed: Duration,
    longest: Duration,
}

impl Matrix {
    /// Counts one run.
    pub fn count(&mut self, scenario: &Scenario, family: FamilyName, outcome: &Outcome) {
        let verdict = &outcome.finding.verdict;
        let word = format!("{} {}", verdict.cause, verdict.confidence.word());
        let truth = scenario.expect.cause.join(" or ");
        *self
            .by_truth
            .entry(truth)
            .or_default()
            .entry(word.clone())
            .or_default() += 1;
        let tally = self
            .by_scenario
            .entry((scenario.name.clone(), family))
            .or_default();
        let probes = outcome.evidence.trials().len();
        tally.runs += 1;
        *tally.verdicts.entry(word).or_default() += 1;
        tally.probes += probes;
        tally.most_probes = tally.most_probes.max(probes);
        tally.elapsed += outcome.elapsed;
        tally.longest = tally.longest.max(outcome.elapsed);
    }

    /// Adds what another counted.
    pub fn absorb(&mut self, other: Self) {
        for (truth, verdicts) in other.by_truth {
            let cells = self.by_truth.entry(truth).or_default();
            for (verdict, count) in verdicts {
                *cells.entry(verdict).or_default() += count;
            }
        }
        self.by_scenario.extend(other.by_scenario);
    }

    /// The matrix, then a line for each scenario.
    pub fn render(&self) -> String {
        let mut text =
            String::from("truth                      verdict and confidence, how often\n");
        for (truth, verdicts) in &self.by_truth {
            let _ = writeln!(text, "{truth:26} {}", cells(verdicts));
        }
        text.push_str(
            "\nscenario                             probes        seconds       verdicts\n",
        );
        for ((name, family), tally) in &self.by_scenario {
            let _ = writeln!(
                text,
                "{name:32} {family:?} {:>6.1} {:>4} {:>6.1} {:>6.1}   {}",
                tally.probes as f64 / f64::from(tally.runs),
                tally.most_probes,
                tally.elapsed.as_secs_f64() / f64::from(tally.runs),
                tally.longest.as_secs_f64(),
                cells(&tally.verdicts),
            );
        }
        text
    }
}

fn cells(verdicts: &BTreeMap<String, u64>) -> String {
    let cells: Vec<String> = verdicts
        .iter()
        .map(|(verdict, count)| format!("{verdict} {count}"))
        .collect();
    cells.join(", ")
}
