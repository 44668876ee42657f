//! The matrix of truth and verdict over many trials, as text and as an artefact under `target`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use super::trial::Outcome;

/// Where trials leave their documents and the matrix.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("lab")
}

/// The matrix as text: one line for each truth, then one for each trial.
pub(crate) fn render(outcomes: &[Outcome]) -> String {
    let mut cells: BTreeMap<&str, BTreeMap<String, u32>> = BTreeMap::new();
    for outcome in outcomes {
        let confidence = outcome.document["verdict"]["confidence"].as_str();
        let verdict = format!("{} {}", outcome.cause(), confidence.unwrap_or("-"));
        *cells
            .entry(&outcome.truth)
            .or_default()
            .entry(verdict)
            .or_default() += 1;
    }
    let mut text = "truth                verdict and confidence, how often\n".to_owned();
    for (truth, verdicts) in &cells {
        let verdicts: Vec<String> = verdicts
            .iter()
            .map(|(verdict, count)| format!("{verdict} {count}"))
            .collect();
        let _infallible = writeln!(text, "{truth:20} {}", verdicts.join(", "));
    }
    text.push('\n');
    for outcome in outcomes {
        let _infallible = writeln!(text, "{}", outcome.line());
        for objection in &outcome.objections {
            let _infallible = writeln!(text, "       {objection}");
        }
    }
    let failed = outcomes
        .iter()
        .filter(|outcome| !outcome.objections.is_empty());
    let _infallible = writeln!(
        text,
        "\n{} trials, {} failed",
        outcomes.len(),
        failed.count()
    );
    text
}

/// Writes the matrix and every document under [`folder`].
pub(crate) fn write(outcomes: &[Outcome]) {
    let folder = folder();
    std::fs::create_dir_all(&folder).expect("a folder under target");
    std::fs::write(folder.join("matrix.txt"), render(outcomes)).expect("the matrix");
    for outcome in outcomes {
        let path = folder.join(format!("{}.json", outcome.name()));
        std::fs::write(path, &outcome.printed).expect("a document");
    }
}
