//! A cause and its predictions, as the table lists them.
//!
//! A cause says nothing of a question it names no sign of. A sign it is not consistent with, although
//! it names others of the same question, rules it out. A cause is only named when one of the signs it
//! requires was seen. Adding a cause is adding an entry.

use crate::model::verdict::{Cause, Confidence};

use super::sign::{Question, Sign, Signs};

/// A cause and its predictions.
#[derive(Debug)]
pub(super) struct Hypothesis {
    /// The cause.
    pub(super) cause: Cause,
    /// Signs it is consistent with.
    pub(super) consistent_with: Signs,
    /// One of these must have been seen before it is named.
    pub(super) requires: Signs,
    /// Signs it is consistent with, but rarely shows: with one of them it counts as rare.
    pub(super) rarely: Signs,
    /// Far less common than the others that fit the same signs: alone it does not keep a verdict
    /// from being `likely`.
    pub(super) rare: bool,
    /// The firmest it can ever be named.
    pub(super) firmest: Confidence,
    /// The firmest that evidence of a capture alone supports, save where a sign that only a bystander
    /// sees says more.
    pub(super) observed: Confidence,
    /// The firmest where a device or an answer dissents.
    pub(super) disputed: Confidence,
    /// Signs that leave it no more than `possible`, save beside one of `settled_by`.
    pub(super) doubted_by: Signs,
    /// See `doubted_by`.
    pub(super) settled_by: Signs,
    /// Signs that it survives only by a far-fetched story: it stays a rival, and is not worth a question.
    pub(super) far_fetched: Signs,
    /// The question that shows its place, though no rival rests on it.
    pub(super) placed_by: Option<Question>,
    /// Causes it stands for when they cannot be told apart: they are no rivals to it.
    pub(super) covers: &'static [Cause],
}

impl Hypothesis {
    /// A cause that nothing is known of: entries are told as differences from it.
    pub(super) const fn plain(cause: Cause) -> Self {
        Self {
            cause,
            consistent_with: Signs::of(&[Sign::WayClear]),
            requires: Signs::NONE,
            rarely: Signs::NONE,
            rare: false,
            firmest: Confidence::Proven,
            observed: Confidence::Likely,
            disputed: Confidence::Likely,
            doubted_by: Signs::NONE,
            settled_by: Signs::NONE,
            far_fetched: Signs::NONE,
            placed_by: None,
            covers: &[],
        }
    }

    /// What it predicts: the signs it is consistent with or requires, and those it rarely shows.
    pub(super) const fn predictions(&self) -> Signs {
        self.consistent_with.or(self.requires).or(self.rarely)
    }

    /// Whether the sign is among its predictions, or of a question it says nothing of.
    pub(super) const fn fits(&self, sign: Sign) -> bool {
        let predictions = self.predictions();
        predictions.contains(sign) || predictions.and(sign.question().signs()).is_empty()
    }
}
