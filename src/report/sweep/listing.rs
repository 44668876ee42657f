//! The rows of a page about a sweep, and the diagnoses it tells in full: those that matter most.
//!
//! Bounded: [`MOST_ROWS`] short rows and [`MOST_DIAGNOSES`] whole records, whatever the length of the
//! list. Of each kind of result a few are told in full before any is told by more.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::brief::{Brief, Standing};
use crate::model::verdict::{Cause, Confidence, State};
use crate::model::word::Known;
use crate::report::cause_text;
use crate::report::place;
use crate::report::record::Record;

/// Most rows; the CSV form has all.
pub const MOST_ROWS: usize = 10_000;
/// Most diagnoses that are told in full; the JSON documents hold all.
pub const MOST_DIAGNOSES: usize = 50;
/// Most of them with the same cause at the same place.
const MOST_ALIKE: u32 = 3;
/// Most kinds of result that are told apart for that.
const MOST_KINDS: usize = 1_000;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListedResult {
    pub(super) standing: Standing,
    pub(super) name: String,
    pub(super) group: String,
    pub(super) expect: String,
    pub(super) state: Known<State>,
    pub(super) cause: Known<Cause>,
    pub(super) confidence: Known<Confidence>,
    pub(super) place: String,
    pub(super) rtt_us: Option<u64>,
    pub(super) summary: String,
    pub(super) owner: String,
    /// Numbers of the lines of the list.
    pub(super) lines: Vec<u64>,
    /// The list's other columns.
    pub(super) columns: Vec<(String, String)>,
}

/// The order in which rows matter: by standing, cause and place, then by address and port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    weight: u8,
    pub(super) cause: Known<Cause>,
    pub(super) place: String,
    pub(super) endpoint: (Option<IpAddr>, u16, String),
}

/// The rows and the diagnoses under construction.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    pub(super) rows: BTreeMap<Rank, ListedResult>,
    /// Results without a row.
    pub(super) left_out: u64,
    /// How many alike came before, and the rank.
    pub(super) diagnoses: BTreeMap<(u8, u32, Rank), Box<Record>>,
    alike: BTreeMap<(Standing, Known<Cause>, String), u32>,
}

impl Listing {
    /// Adds one result.
    pub fn add(&mut self, brief: &Brief<'_>) {
        let rank = Rank::of(brief);
        self.tell(brief, &rank);
        let full = self.rows.len() >= MOST_ROWS;
        let last = self.rows.last_key_value();
        self.left_out += u64::from(full);
        if full && last.is_some_and(|(last, _)| *last < rank) {
            return;
        }
        self.rows.insert(rank, ListedResult::of(brief));
        if full {
            self.rows.pop_last();
        }
    }

    /// Keeps the whole record, where it is among those that matter most.
    fn tell(&mut self, brief: &Brief<'_>, rank: &Rank) {
        let Some(record) = brief.record else {
            return;
        };
        let kind = (brief.standing(), rank.cause.clone(), rank.place.clone());
        if kind.0 == Standing::Fine
            || (self.alike.len() >= MOST_KINDS && !self.alike.contains_key(&kind))
        {
            return;
        }
        let before = self.alike.entry(kind).or_default();
        if *before >= MOST_ALIKE {
            return;
        }
        let key = (rank.weight, *before, rank.clone());
        *before += 1;
        self.diagnoses.insert(key, Box::new(record.clone()));
        if self.diagnoses.len() > MOST_DIAGNOSES {
            self.diagnoses.pop_last();
        }
    }
}

impl Rank {
    pub(super) fn of(brief: &Brief<'_>) -> Self {
        Self {
            weight: match brief.standing() {
                Standing::Unexpected => 0,
                Standing::NotOpen => 1,
                Standing::Undecided => 2,
                Standing::Fine => 3,
            },
            cause: brief.cause.clone(),
            place: brief.place.and_then(place::phrase).unwrap_or_default(),
            endpoint: (brief.address, brief.port, brief.given.to_owned()),
        }
    }
}

impl ListedResult {
    fn of(brief: &Brief<'_>) -> Self {
        let lines = brief.list;
        let joined = |of: fn(&crate::report::listed::Line) -> Option<&str>| {
            let mut words: Vec<&str> = lines.iter().filter_map(of).collect();
            words.dedup();
            words.join(", ")
        };
        let columns = lines.iter().flat_map(|line| &line.columns);
        Self {
            standing: brief.standing(),
            name: brief.name(),
            group: joined(|line| line.group.as_deref()),
            expect: joined(|line| line.expect.as_deref()),
            state: brief.state.clone(),
            cause: brief.cause.clone(),
            confidence: brief.confidence.clone(),
            place: brief.place.and_then(place::phrase).unwrap_or_default(),
            rtt_us: brief.rtt_us(),
            summary: brief.summary.to_owned(),
            owner: brief.advice.first().map_or(String::new(), |advice| {
                cause_text::owner(&advice.owner).to_owned()
            }),
            lines: lines.iter().map(|line| line.line).collect(),
            columns: columns
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        }
    }
}
