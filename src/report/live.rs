//! The live view: the best reading so far, as one line.

use super::place;
use super::record::{PlaceRecord, VerdictRecord};
use super::visible::visible;
use super::words::counted;
use crate::model::outcome::Outcome;

/// The best reading so far: what it rests on, cause, confidence, place. What matters least when a
/// narrow terminal cuts it comes last.
pub fn line(outcome: &Outcome) -> String {
    let verdict = VerdictRecord::from(&outcome.finding.verdict);
    let trials = outcome.evidence.trials();
    let answered = trials.iter().filter(|t| !t.replies.is_empty()).count();
    let sent = u64::try_from(trials.len()).unwrap_or(u64::MAX);
    let place = PlaceRecord::from(&outcome.finding.verdict.place);
    let place = place::phrase(&place).map_or(String::new(), |phrase| format!(", {phrase}"));
    let line = format!(
        "{}: {}, {answered} answered; so far {} ({}){place}",
        outcome.endpoint,
        counted(sent, "probe", "probes"),
        verdict.cause,
        verdict.confidence,
    );
    visible(&line).into_owned()
}
