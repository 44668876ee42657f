//! What a verdict's words mean, for a reader who has never heard of this program.

use super::advice::piece::Owner;
use super::catalogue;
use super::place::phrase;
use super::record::Record;
use crate::model::verdict::{Cause, Confidence};
use crate::model::word::Known;

/// What `cause` means, as a sentence; empty for a word of another version.
pub(super) fn meaning(cause: &Known<Cause>) -> &'static str {
    catalogue::of(cause).map_or("", |row| row.meaning)
}

/// What `cause` is called in a list of rivals, as a phrase; empty for a word of another version.
pub(super) fn short(cause: &Known<Cause>) -> &'static str {
    catalogue::of(cause).map_or("", |row| row.short)
}

/// What `confidence` promises, as a sentence; empty for a word of another version.
pub(super) fn promise(confidence: &Known<Confidence>) -> &'static str {
    match confidence.known() {
        Some(Confidence::Proven) => {
            "Rests on an authenticated answer that no rival cause explains."
        }
        Some(Confidence::Confirmed) => {
            "Rests on silence: the chance that packet loss explains it is at most one in a million, \
             over at least 9 seconds, while other packets on the same path were answered."
        }
        Some(Confidence::Likely) => {
            "The chance that packet loss explains it is at most one in a thousand, or a rival cause \
             remains that is clearly less plausible."
        }
        Some(Confidence::Possible) => "The best reading so far, no more.",
        None => "",
    }
}

/// The owner of an advice, named for a reader who did not run the test.
pub(super) fn owner(owner: &Known<Owner>) -> &str {
    match owner.known() {
        Some(Owner::You) => "whoever ran this test",
        Some(Owner::YouHere) => "whoever ran this test, on this host",
        Some(Owner::YouMeanwhile) => "whoever ran this test, until that is mended",
        Some(Owner::AddressGiver) => "whoever gave the address",
        Some(_) | None => owner.word(),
    }
}

/// What the owner is asked for.
pub(super) fn act(record: &Record) -> &'static str {
    if record.verdict.cause == Cause::Open {
        "Whom to ask, should it still fail"
    } else {
        "Who must act"
    }
}

/// The owner of the most promising advice of `record`.
pub(super) fn first_owner(record: &Record) -> &str {
    let first = record.advice.first();
    first.map_or("not known", |advice| owner(&advice.owner))
}

/// What the host is called that ran the test: by its address, where it had one to send from.
pub(super) fn here(record: &Record) -> String {
    if record.local.source.is_unspecified() {
        "the host that ran the test".to_owned()
    } else {
        record.local.source.to_string()
    }
}

/// What the host that asked was to the test.
pub(super) const fn role(record: &Record) -> &'static str {
    match record.observed {
        Some(_) => "the client of the capture",
        None => "where the test ran",
    }
}

/// The place of the verdict of `record`.
pub(super) fn place(record: &Record) -> String {
    match phrase(&record.verdict.place) {
        Some(phrase) if phrase == "on this host" => {
            format!("on {}, {}", here(record), role(record))
        }
        Some(phrase) => phrase,
        None => "not known".to_owned(),
    }
}
