//! What all results of a sweep come to, gathered one by one.

use super::brief::Brief;
use super::facts::Facts;
use super::group::Groups;
use super::summary::{SCHEMA, Summary};
use super::tally::Tally;
use super::tree::Paths;

/// A summary under construction.
///
/// What it keeps is bounded whatever the length of the list: counts, up to
/// [`super::group::MOST_GROUPS`] groups, up to [`super::tree::MOST_HOPS`] hops.
#[derive(Clone, Debug, Default)]
pub struct Digest {
    tally: Tally,
    groups: Groups,
    paths: Paths,
}

impl Digest {
    /// A digest of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one result.
    pub fn add(&mut self, brief: &Brief<'_>) {
        self.tally.add(brief);
        self.groups.add(brief);
        self.paths.add(brief);
    }

    /// The counts so far.
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The summary.
    pub fn finish(self, facts: Facts) -> Summary {
        Summary {
            schema: SCHEMA,
            facts,
            tally: self.tally,
            groups: self.groups.finish(),
            tree: self.paths.finish(),
        }
    }
}
