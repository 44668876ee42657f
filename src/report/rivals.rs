//! The rival causes of a verdict, those excluded for one reason by the same probes together.

use super::record::{AlternativeRecord, Record};
use crate::model::verdict::Cause;
use crate::model::word::Known;

/// Rivals that share a fate and its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rivals<'a> {
    /// Their causes, in the order of the record.
    pub(super) causes: Vec<&'a Known<Cause>>,
    /// Why, as a clause.
    pub(super) because: &'a str,
    /// Numbers of the evidence that says so.
    pub(super) basis: &'a [u32],
}

/// The rivals of `record` that are `ruled_out`, or those that are not.
pub(super) fn rivals(record: &Record, ruled_out: bool) -> Vec<Rivals<'_>> {
    let mut rows: Vec<Rivals<'_>> = Vec::new();
    let chosen = |rival: &&AlternativeRecord| rival.ruled_out == ruled_out;
    for rival in record.alternatives.iter().filter(chosen) {
        let same = |row: &&mut Rivals<'_>| row.because == rival.because && row.basis == rival.basis;
        match rows.iter_mut().find(same) {
            Some(row) => row.causes.push(&rival.cause),
            None => rows.push(Rivals {
                causes: vec![&rival.cause],
                because: &rival.because,
                basis: &rival.basis,
            }),
        }
    }
    rows
}

impl Rivals<'_> {
    /// Their words.
    pub(super) fn words(&self) -> String {
        let words: Vec<&str> = self.causes.iter().map(|cause| cause.word()).collect();
        words.join(", ")
    }
}
