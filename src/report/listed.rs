//! What a list says of an endpoint, as a sweep carries it into the record: one entry a line of the
//! list, because two lines may ask for the same endpoint and expect different things of it.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::record::{PlaceRecord, Run, VerdictRecord};
use crate::model::verdict::{Cause, Confidence, Place, PlaceKind, State};

/// The name and version of the document of a name that did not resolve.
pub const UNRESOLVED: &str = "synquest/unresolved/1";

/// One line of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its number in the list, from 1.
    pub line: u64,
    /// The user's own name for the endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What the user files it under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What the user expects of it: a state or a cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<String>,
    /// Whether the verdict is what the line expects; `None` when it expects nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_expected: Option<bool>,
    /// The list's other columns, in its order.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub columns: IndexMap<String, String>,
}

/// A name of a list that did not resolve: a result of its own, and no verdict on any endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unresolved {
    /// [`UNRESOLVED`].
    pub schema: String,
    /// The endpoint as the list has it.
    pub endpoint: UnresolvedEndpoint,
    /// What that makes of the endpoint: its cause is `inconclusive`.
    pub verdict: VerdictRecord,
    /// Why there is no address, as a clause.
    pub because: String,
    /// The lines of the list that ask for it.
    pub list: Vec<Line>,
    /// The run it belongs to.
    pub run: Run,
}

impl Unresolved {
    /// A name that has no address, as the clause `because` says.
    pub fn new(endpoint: UnresolvedEndpoint, because: String, list: Vec<Line>, run: &Run) -> Self {
        let given = &endpoint.given;
        let verdict = VerdictRecord {
            state: State::Unknown.into(),
            cause: Cause::Inconclusive.into(),
            confidence: Confidence::Possible.into(),
            place: PlaceRecord::from(&Place::of(PlaceKind::Unknown)),
            method: None,
            summary: format!("{given} has no address to probe: {because}."),
            basis: Vec::new(),
        };
        Self {
            schema: UNRESOLVED.to_owned(),
            endpoint,
            verdict,
            because,
            list,
            run: run.clone(),
        }
    }
}

/// An endpoint without an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnresolvedEndpoint {
    /// What the user typed.
    pub given: String,
    /// The port.
    pub port: u16,
    /// The user's own name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// Whether `lines` got what they expect: `None` when none of them expects anything.
pub fn as_expected(lines: &[Line]) -> Option<bool> {
    let judged = lines.iter().filter_map(|line| line.as_expected);
    judged.reduce(|all, this| all && this)
}

#[cfg(test)]
mod tests {
    use super::{Line, as_expected};

    #[test]
    fn one_line_that_is_disappointed_decides_and_lines_without_expectation_say_nothing() {
        let check = |lines: &[Option<bool>], all: Option<bool>| {
            let lines: Vec<Line> = lines
                .iter()
                .map(|&as_expected| Line {
                    as_expected,
                    ..Line::default()
                })
                .collect();
            assert_eq!(as_expected(&lines), all, "{lines:?}");
        };
        check(&[], None);
        check(&[None], None);
        check(&[None, Some(true)], Some(true));
        check(&[Some(true), Some(false), None], Some(false));
    }
}
