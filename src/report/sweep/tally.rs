//! How many results there are of each kind.

use std::collections::BTreeMap;

use serde::Serialize;

use super::brief::{Brief, Standing};
use crate::model::verdict::{Cause, Confidence, State};
use crate::model::word::Known;
use crate::report::listed::{self, Line};

/// Most groups of a list that are counted apart.
pub const MOST_GROUPS: usize = 1_000;

/// The words of a verdict.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct VerdictWords {
    /// The state.
    pub state: Known<State>,
    /// The cause.
    pub cause: Known<Cause>,
    /// How firm.
    pub confidence: Known<Confidence>,
}

/// The results of one group of the list, by state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Results by state.
    pub states: BTreeMap<Known<State>, u64>,
    /// Results that are not what the list expects.
    pub unexpected: u64,
}

impl Share {
    /// All results.
    pub fn endpoints(&self) -> u64 {
        self.states.values().sum()
    }

    /// Adds the results of another group.
    pub(super) fn join(&mut self, other: &Self) {
        for (state, count) in &other.states {
            *self.states.entry(state.clone()).or_default() += count;
        }
        self.unexpected += other.unexpected;
    }

    fn add(&mut self, brief: &Brief<'_>) {
        *self.states.entry(brief.state.clone()).or_default() += 1;
        self.unexpected += u64::from(brief.standing() == Standing::Unexpected);
    }
}

/// Counts over all results; bounded by the number of words and [`MOST_GROUPS`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Results.
    pub endpoints: u64,
    /// Results by their words.
    pub kinds: BTreeMap<VerdictWords, u64>,
    /// Results by how good they are.
    pub standings: BTreeMap<Standing, u64>,
    /// Results of which a line expects something.
    pub judged: u64,
    /// Results by the list's groups; those without a group stand under the empty name.
    pub groups: BTreeMap<String, Share>,
    /// Results whose groups came after [`MOST_GROUPS`] others.
    pub elsewhere: Share,
}

impl Tally {
    /// Counts one result.
    pub fn add(&mut self, brief: &Brief<'_>) {
        self.endpoints += 1;
        let kind = VerdictWords {
            state: brief.state.clone(),
            cause: brief.cause.clone(),
            confidence: brief.confidence.clone(),
        };
        *self.kinds.entry(kind).or_default() += 1;
        *self.standings.entry(brief.standing()).or_default() += 1;
        self.judged += u64::from(listed::as_expected(brief.list).is_some());
        for name in groups(brief.list) {
            if self.groups.len() < MOST_GROUPS || self.groups.contains_key(name) {
                self.groups.entry(name.to_owned()).or_default().add(brief);
            } else {
                self.elsewhere.add(brief);
            }
        }
    }

    /// How many results are of this standing.
    pub fn standing(&self, standing: Standing) -> u64 {
        self.standings.get(&standing).copied().unwrap_or(0)
    }

    /// Whether the list files its endpoints under groups.
    pub fn has_groups(&self) -> bool {
        self.groups.keys().any(|name| !name.is_empty())
    }
}

/// The groups that `lines` file an endpoint under, each once; the empty name for none.
pub(super) fn groups(lines: &[Line]) -> Vec<&str> {
    let mut names: Vec<&str> = lines
        .iter()
        .map(|line| line.group.as_deref().unwrap_or_default())
        .collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        names.push("");
    }
    names
}
