//! One result as every form of a sweep sees it: a record, or a name that did not resolve.

use std::net::IpAddr;

use serde::Serialize;

use crate::model::verdict::{Cause, Confidence, Method, State};
use crate::model::word::Known;
use crate::report::advice::piece::Advice;
use crate::report::listed::{self, Line, Unresolved};
use crate::report::record::{HopRecord, PlaceRecord, Record};
use crate::report::words::named;

/// How good or bad a result is for whoever asked. Ordered: what they must look at first is the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Not what the list expects.
    Unexpected,
    /// Decidedly not open, and nothing else was expected.
    NotOpen,
    /// What the list expects or, where it expects nothing, open.
    Fine,
    /// The question stands.
    Undecided,
}

impl Standing {
    /// The word of the documents.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unexpected => "unexpected",
            Self::NotOpen => "not-open",
            Self::Fine => "fine",
            Self::Undecided => "undecided",
        }
    }
}

/// One result, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct Brief<'a> {
    /// What the user typed.
    pub given: &'a str,
    /// The address probed; `None` when the name has none.
    pub address: Option<IpAddr>,
    /// The port.
    pub port: u16,
    /// The user's own name for it.
    pub label: Option<&'a str>,
    /// The lines of the list that ask for it.
    pub list: &'a [Line],
    /// The state.
    pub state: &'a Known<State>,
    /// The cause; `inconclusive` for a name without an address.
    pub cause: &'a Known<Cause>,
    /// How firm it is.
    pub confidence: &'a Known<Confidence>,
    /// How it is refused.
    pub method: Option<&'a Known<Method>>,
    /// Where; `None` for a name without an address.
    pub place: Option<&'a PlaceRecord>,
    /// One or two sentences.
    pub summary: &'a str,
    /// What to do.
    pub advice: &'a [Advice],
    /// The path.
    pub path: &'a [HopRecord],
    /// When the run began (RFC 3339).
    pub started: &'a str,
    /// The whole record, where there is one.
    pub record: Option<&'a Record>,
}

impl<'a> From<&'a Record> for Brief<'a> {
    fn from(record: &'a Record) -> Self {
        let (endpoint, verdict) = (&record.endpoint, &record.verdict);
        Self {
            given: &endpoint.given,
            address: Some(endpoint.address),
            port: endpoint.port,
            label: endpoint.label.as_deref(),
            list: &record.list,
            state: &verdict.state,
            cause: &verdict.cause,
            confidence: &verdict.confidence,
            method: verdict.method.as_ref(),
            place: Some(&verdict.place),
            summary: &verdict.summary,
            advice: &record.advice,
            path: &record.path,
            started: &record.run.started,
            record: Some(record),
        }
    }
}

impl<'a> From<&'a Unresolved> for Brief<'a> {
    fn from(unresolved: &'a Unresolved) -> Self {
        let (endpoint, verdict) = (&unresolved.endpoint, &unresolved.verdict);
        Self {
            given: &endpoint.given,
            address: None,
            port: endpoint.port,
            label: endpoint.label.as_deref(),
            list: &unresolved.list,
            state: &verdict.state,
            cause: &verdict.cause,
            confidence: &verdict.confidence,
            method: None,
            place: None,
            summary: &verdict.summary,
            advice: &[],
            path: &[],
            started: &unresolved.run.started,
            record: None,
        }
    }
}

impl Brief<'_> {
    /// What the user typed and what it stands for: `db1.example:3306 = 10.9.3.10:3306 (orders)`.
    pub fn name(&self) -> String {
        named(self.given, self.address, self.port, self.label)
    }

    /// How good or bad it is.
    pub fn standing(&self) -> Standing {
        self.judged(listed::as_expected(self.list))
    }

    /// How good or bad it is for a line that got what it expects, did not, or expects nothing.
    pub(super) fn judged(&self, as_expected: Option<bool>) -> Standing {
        match as_expected {
            Some(false) => Standing::Unexpected,
            Some(true) => Standing::Fine,
            None if *self.cause == Cause::Open => Standing::Fine,
            None if self.is_undecided() => Standing::Undecided,
            None => Standing::NotOpen,
        }
    }

    /// Whether it leaves the question undecided.
    pub fn is_undecided(&self) -> bool {
        self.cause.known().is_some_and(Cause::is_undecided)
    }

    /// Least round-trip time to the endpoint's own port, in microseconds.
    pub fn rtt_us(&self) -> Option<u64> {
        let record = self.record?;
        let own = record.evidence.iter().filter(|entry| {
            entry.target_port == Some(self.port) && entry.from == Some(record.endpoint.address)
        });
        own.filter_map(|entry| entry.details.rtt_us).min()
    }

    /// The first group that a line of the list files it under.
    pub fn group(&self) -> Option<&str> {
        self.list.iter().find_map(|line| line.group.as_deref())
    }
}
