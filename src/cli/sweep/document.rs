//! Documents of a sweep and the lines of its list: which belongs to which, and what that means.

use crate::cli::exit::ExitStatus;
use crate::model::verdict::{Cause, State};
use crate::report::listed::{Line, Unresolved, UnresolvedEndpoint};
use crate::report::record::Run;
use crate::report::sweep::brief::Standing;
use crate::report::sweep::document::Document;
use crate::sweep::expectation::Expectation;
use crate::sweep::roll::{self, Asked, Entry, Roll, Where};

/// The entry of `roll` that it is about; `None` when it is about none.
pub fn entry(document: &Document, roll: &Roll) -> Option<Entry> {
    match document {
        Document::Record(record) => {
            let endpoint = &record.endpoint;
            roll.find(Where::Address(endpoint.address), endpoint.port)
        }
        Document::Unresolved(unresolved) => {
            let endpoint = &unresolved.endpoint;
            roll.find(Where::Name(host_of(&endpoint.given)), endpoint.port)
        }
    }
}

/// What a document means for the exit status.
pub fn status(document: &Document) -> ExitStatus {
    let undecided = document.is_undecided();
    match document.brief().standing() {
        Standing::Fine => ExitStatus::Open,
        Standing::Unexpected | Standing::NotOpen if !undecided => ExitStatus::NotOpen,
        Standing::Unexpected | Standing::NotOpen | Standing::Undecided => ExitStatus::Undecided,
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
