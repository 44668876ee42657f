//! Every scenario, in both families, over many seeds.
//!
//! Environment: `SYNQUEST_SIM_SEEDS` (default 20), `SYNQUEST_SIM_THREADS` (default 2);
//! `SYNQUEST_SCENARIO=name` runs one only, `SYNQUEST_FAMILY=v4|v6` in one family only, and
//! `SYNQUEST_SEED=n` with one seed only, every packet of it printed. The matrix of truth and verdict
//! is left in `sim/matrix.txt` under Cargo's temporary folder for tests, and beside it the document of
//! each scenario's first seed.

use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use synquest::model::outcome::Outcome;
use synquest::report::json::document;
use synquest::report::record::{self as report, Record};

use super::budget::overspent;
use super::matrix::Matrix;
use super::runner::{Run, family_of, run};
use super::show::show;
use crate::consistent::inconsistencies;
use crate::honest::{Judged, judge};
use crate::scenario::{Executor, FamilyName, Scenario, read_all};

/// Failures of one scenario and family that are shown in full.
const SHOWN: usize = 100;

/// What was asked for by environment.
struct Wish {
    scenario: Option<String>,
    family: Option<String>,
    seeds: Vec<u64>,
    threads: usize,
    verbose: bool,
}

const fn word(family: FamilyName) -> &'static str {
    match family {
        FamilyName::V4 => "v4",
        FamilyName::V6 => "v6",
    }
}

impl Wish {
    fn read() -> Self {
        let number = |name: &str| {
            std::env::var(name).ok().map(|text| {
                text.parse::<u64>()
                    .unwrap_or_else(|_| panic!("{name}={text} is no number"))
            })
        };
        let seed = number("SYNQUEST_SEED");
        let seeds = match seed {
            Some(seed) => vec![seed],
            None => (0..number("SYNQUEST_SIM_SEEDS").unwrap_or(20)).collect(),
        };
        let scenario = std::env::var("SYNQUEST_SCENARIO").ok();
        Self {
            family: std::env::var("SYNQUEST_FAMILY").ok(),
            verbose: scenario.is_some() && seed.is_some(),
            scenario,
            seeds,
            threads: number("SYNQUEST_SIM_THREADS").map_or(2, |threads| threads as usize),
        }
    }

    fn includes(&self, scenario: &Scenario, family: FamilyName) -> bool {
        scenario.executors.contains(&Executor::Simulator)
            && self
                .scenario
                .as_ref()
                .is_none_or(|name| *name == scenario.name)
            && self.family.as_ref().is_none_or(|name| name == word(family))
    }
}

/// What came of one scenario in one family.
#[derive(Default)]
struct Report {
    failures: usize,
    text: String,
}

impl Report {
    fn fail(&mut self, heading: &str, details: &str) {
        self.failures += 1;
        if self.failures <= SHOWN {
            let _ = writeln!(self.text, "{heading}\n{details}");
        }
    }
}

#[test]
fn every_scenario_in_the_simulator() {
    let wish = Wish::read();
    let scenarios = read_all();
    let jobs: Vec<(&Scenario, FamilyName)> = scenarios
        .iter()
        .flat_map(|scenario| {
            scenario
                .families
                .iter()
                .map(move |family| (scenario, *family))
        })
        .filter(|(scenario, family)| wish.includes(scenario, *family))
        .collect();
    assert!(
        !jobs.is_empty(),
        "no scenario is called {:?}",
        wish.scenario
    );
    std::fs::create_dir_all(folder()).expect("a folder for artefacts");
    let next = AtomicUsize::new(0);
    let matrix = Mutex::new(Matrix::default());
    let reports: Mutex<Vec<(usize, Report)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..wish.threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(&(scenario, family)) = jobs.get(index) else {
                        return;
                    };
                    let mut counted = Matrix::default();
                    let report = run_seeds(&wish, scenario, family, &mut counted);
                    matrix.lock().unwrap().absorb(counted);
                    reports.lock().unwrap().push((index, report));
                }
            });
        }
    });
    let rendered = matrix.into_inner().unwrap().render();
    std::fs::write(folder().join("matrix.txt"), &rendered).expect("the matrix is written");
    let mut reports = reports.into_inner().unwrap();
    reports.sort_by_key(|(index, _)| *index);
    reports.retain(|(_, report)| report.failures > 0);
    for (_, report) in &reports {
        eprintln!("{}", report.text);
    }
    let failed: Vec<String> = reports
        .iter()
        .map(|(index, report)| {
            let (scenario, family) = jobs[*index];
            let seeds = wish.seeds.len();
            format!(
                "{} {family:?}: {} of {seeds}",
                scenario.name, report.failures
            )
        })
        .collect();
    assert!(
        failed.is_empty(),
        "{} of {} fail:\n  {}",
        failed.len(),
        jobs.len(),
        failed.join("\n  ")
    );
}

/// Where the matrix and the documents are left.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("sim")
}

/// The document of a run: the first seed's is kept, as the lab keeps its own, for the two should tell
/// the same story of the same scenario.
fn document_of(seed: u64, outcome: &Outcome) -> String {
    let run = report::Run::new(Some(seed), "1970-01-01T00:00:00Z");
    document(&Record::new(outcome, &run)).expect("a record is a document")
}

/// What a run did that is to do no harm.
fn harm(scenario: &Scenario, run: &Run) -> Vec<String> {
    let mut harm = overspent(scenario, run);
    if run.completed > 0 {
        harm.push(format!("{} handshakes were completed", run.completed));
    }
    harm
}

fn run_seeds(wish: &Wish, scenario: &Scenario, family: FamilyName, matrix: &mut Matrix) -> Report {
    let mut report = Report::default();
    let mut undecided = Vec::new();
    let mut moved = vec![0; scenario.rule.len()];
    for &seed in &wish.seeds {
        let heading = format!("FAIL {} {family:?} seed {seed}", scenario.name);
        let attempt = AssertUnwindSafe(|| run(scenario, family_of(family), seed, wish.verbose));
        let Ok(run) = catch_unwind(attempt) else {
            report.fail(&heading, "  it panicked");
            continue;
        };
        matrix.count(scenario, family, &run.outcome);
        let document = document_of(seed, &run.outcome);
        if Some(&seed) == wish.seeds.first() {
            let name = format!("{}.{}.json", scenario.name, word(family));
            std::fs::write(folder().join(name), &document).expect("the document is written");
        }
        let document = serde_json::from_str(&document).expect("a document is JSON");
        let inconsistencies = inconsistencies(&document);
        if !inconsistencies.is_empty() {
            let details = format!("  {}\n{}", inconsistencies.join("\n  "), show(&run.outcome));
            report.fail(&heading, &details);
        }
        for (sum, count) in moved.iter_mut().zip(&run.moved) {
            *sum += count;
        }
        if wish.verbose {
            eprintln!("{}", show(&run.outcome));
        }
        let mut wrong = harm(scenario, &run);
        match judge(&scenario.expect, family, &document) {
            Judged::Right | Judged::Tolerated => {}
            Judged::Undecided => undecided.push(seed),
            Judged::TooWeak(_) if scenario.expect.undecided > 0.0 => undecided.push(seed),
            Judged::TooWeak(reason) => wrong.push(reason),
            Judged::Wrong(reasons) => wrong.extend(reasons),
        }
        if !wrong.is_empty() {
            let details = format!("  {}\n{}", wrong.join("\n  "), show(&run.outcome));
            report.fail(&heading, &details);
        }
    }
    let heading = format!("FAIL {} {family:?}", scenario.name);
    let most = scenario.expect.undecided * wish.seeds.len() as f64;
    if undecided.len() as f64 > most.ceil() {
        report.fail(&heading, &format!("  undecided with seeds {undecided:?}"));
    }
    for (index, rule) in scenario.rule.iter().enumerate() {
        if rule.truth && moved[index] == 0 && report.failures == 0 {
            let at = format!(
                "  ground truth: rule {index} ({} {}) met nothing",
                rule.at, rule.hook
            );
            report.fail(&heading, &at);
        }
    }
    report
}
