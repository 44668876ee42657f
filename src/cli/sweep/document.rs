//! One result of a sweep, as it is written and as it is read back.

use crate::cli::exit::ExitStatus;
use crate::model::verdict::{Cause, State};
use crate::report::listed::{Line, Unresolved, UnresolvedEndpoint};
use crate::report::record::{Record, Run};
use crate::report::sweep::brief::{Brief, Standing};
use crate::sweep::expectation::Expectation;
use crate::sweep::roll::{self, Asked, Entry, Roll, Where};

/// A document of a sweep.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly all are records, and one at a time is looked at"
)]
pub enum Document {
    /// The verdict on an endpoint.
    Record(Record),
    /// A name without an address.
    Unresolved(Unresolved),
}

impl Document {
    /// What the forms of a sweep see of it.
    pub fn brief(&self) -> Brief<'_> {
        match self {
            Self::Record(record) => record.into(),
            Self::Unresolved(unresolved) => unresolved.into(),
        }
    }

    /// Whether it was stopped before it settled.
    pub const fn is_unfinished(&self) -> bool {
        match self {
            Self::Record(record) => record.unfinished,
            Self::Unresolved(_) => false,
        }
    }

    /// The entry of `roll` that it is about; `None` when it is about none.
    pub fn entry(&self, roll: &Roll) -> Option<Entry> {
        match self {
            Self::Record(record) => {
                let endpoint = &record.endpoint;
                roll.find(Where::Address(endpoint.address), endpoint.port)
            }
            Self::Unresolved(unresolved) => {
                let endpoint = &unresolved.endpoint;
                roll.find(Where::Name(host_of(&endpoint.given)), endpoint.port)
            }
        }
    }

    /// What it means for the exit status.
    pub fn status(&self) -> ExitStatus {
        let brief = self.brief();
        let undecided = Cause::ALL
            .iter()
            .any(|cause| cause.is_undecided() && cause.word() == brief.cause);
        match brief.standing() {
            Standing::Fine => ExitStatus::Open,
            Standing::Unexpected | Standing::NotOpen if !undecided => ExitStatus::NotOpen,
            Standing::Unexpected | Standing::NotOpen | Standing::Undecided => ExitStatus::Undecided,
        }
    }
}

/// The document of a name that has no address.
pub fn unresolved(
    unresolved: &roll::Unresolved,
    roll: &Roll,
    default: Option<Expectation>,
    run: &Run,
) -> Document {
    let (state, cause) = (State::Unknown, Cause::Inconclusive);
    let lines = lines(roll, unresolved.entry, default, state, cause);
    let endpoint = UnresolvedEndpoint {
        given: format!("{}:{}", unresolved.name, unresolved.port),
        port: unresolved.port,
        label: lines.first().and_then(|line| line.label.clone()),
    };
    let because = unresolved.because.clone();
    Document::Unresolved(Unresolved::new(endpoint, because, lines, run))
}

/// The lines that ask for an endpoint, and whether a verdict is what each expects, or else what
/// `default` says.
pub fn lines(
    roll: &Roll,
    entry: Entry,
    default: Option<Expectation>,
    state: State,
    cause: Cause,
) -> Vec<Line> {
    let line = |asked: Asked| {
        let expect = asked.expect.or(default);
        Line {
            line: asked.line,
            label: asked.label,
            group: asked.group,
            expect: expect.map(|expected| expected.word().to_owned()),
            as_expected: expect.map(|expected| expected.is_met(state, cause)),
            columns: asked.columns,
        }
    };
    roll.lines_of(entry).map(line).collect()
}

/// The host of a target that names one.
fn host_of(given: &str) -> &str {
    given.rsplit_once(':').map_or(given, |(host, _)| host)
}
