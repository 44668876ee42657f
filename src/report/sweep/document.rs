//! One result of a sweep, as it is written and as it is read back.

use super::brief::Brief;
use crate::report::listed::Unresolved;
use crate::report::record::Record;

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

    /// Whether its cause is undecided.
    pub fn is_undecided(&self) -> bool {
        self.brief().is_undecided()
    }
}
