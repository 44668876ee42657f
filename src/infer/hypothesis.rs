//! The table of causes: which signs each one admits.
//!
//! A cause says nothing of a question it names no sign of. A sign it does not admit, although it
//! names others of the same question, rules it out. A cause is only named when one of each group of
//! `needs` was seen. Adding a cause is adding an entry.

use crate::model::verdict::Cause;
use crate::model::verdict::Confidence;

use super::sign::Sign;
use super::sign::Signs;

/// A cause and its predictions.
#[derive(Debug)]
pub(super) struct Hypothesis {
    /// The cause.
    pub(super) cause: Cause,
    /// Signs it admits.
    pub(super) admits: Signs,
    /// One of these must have been seen before it is named; none needed when empty.
    pub(super) needs: Signs,
    /// Signs it admits, but seldom shows: with one of them it counts as rare.
    pub(super) seldom: Signs,
    /// Far less common than the others that fit the same signs: alone it does not keep a verdict
    /// from being `likely`.
    pub(super) rare: bool,
    /// The firmest it can ever be named.
    pub(super) firmest: Confidence,
    /// Causes it stands for when they cannot be told apart: they are no rivals to it.
    pub(super) covers: &'static [Cause],
}

impl Hypothesis {
    /// What it predicts: the signs it admits, and those it seldom shows.
    pub(super) const fn predictions(&self) -> Signs {
        self.admits.or(self.seldom)
    }

    /// Whether the sign is among its predictions, or of a question it says nothing of.
    pub(super) fn admits(&self, sign: Sign) -> bool {
        let predictions = self.predictions();
        predictions.contains(sign)
            || predictions
                .and(Signs::of_question(sign.question()))
                .is_empty()
    }
}
