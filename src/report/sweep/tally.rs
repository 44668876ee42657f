//! How many results there are of each kind.

use std::collections::BTreeMap;

use serde::Serialize;

use super::brief::{Brief, Standing};
use crate::report::listed::{self, Line};

/// Most groups of a list that are counted apart.
pub const MOST_GROUPS: usize = 1_000;

/// The kind of a result: its words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Kind {
    /// The state.
    pub state: String,
    /// The cause.
    pub cause: String,
    /// How firm.
    pub confidence: String,
}

/// The results of one group of the list, by state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Results by state.
    pub states: BTreeMap<String, u64>,
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
        *self.states.entry(brief.state.to_owned()).or_default() += 1;
        self.unexpected += u64::from(brief.standing() == Standing::Unexpected);
    }
}

/// Counts over all results; bounded by the number of words and [`MOST_GROUPS`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Results.
    pub endpoints: u64,
    /// Results by their words.
    pub kinds: BTreeMap<Kind, u64>,
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
        let kind = Kind {
            state: brief.state.to_owned(),
            cause: brief.cause.to_owned(),
            confidence: brief.confidence.to_owned(),
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

    /// How many results have this cause.
    pub fn cause(&self, cause: &str) -> u64 {
        let of = self.kinds.iter().filter(|(kind, _)| kind.cause == cause);
        of.map(|(_, count)| count).sum()
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
