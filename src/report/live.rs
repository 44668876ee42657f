//! The live view: the best reading so far, as one line.

use super::place;
use super::record::{PlaceRecord, VerdictRecord};
use super::text::counted;
use super::visible::visible;
use crate::model::outcome::Outcome;

/// The best reading so far: cause, confidence, place, and what it rests on.
pub fn line(outcome: &Outcome) -> String {
    let verdict = VerdictRecord::from(&outcome.finding.verdict);
    let trials = outcome.evidence.trials();
    let answered = trials.iter().filter(|t| !t.replies.is_empty()).count();
    let sent = u64::try_from(trials.len()).unwrap_or(u64::MAX);
    let place = PlaceRecord::from(&outcome.finding.verdict.place);
    let place = place::phrase(&place).map_or(String::new(), |phrase| format!(" {phrase}"));
    let line = format!(
        "{}: {} ({}){place}; {}, {answered} answered",
        outcome.endpoint,
        verdict.cause,
        verdict.confidence,
        counted(sent, "probe", "probes"),
    );
    visible(&line).into_owned()
}
