//! The mark a verdict leaves on the path: where a drawing or a table of the path is cut, and by
//! what.

use super::catalogue;
use super::record::Record;
use crate::model::verdict::{Cause, PlaceKind};

/// Where the path is cut by what the verdict found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// It stands after the hop of this TTL; 0 is this host.
    pub(super) after: u8,
    /// Whether the hop of that TTL itself acts, rather than something behind it.
    pub(super) acts: bool,
    /// What happens there: `dropped here`.
    pub(super) words: &'static str,
}

impl Mark {
    /// The mark of `record`; `None` when its place is not known, or nothing is wrong there.
    pub(super) fn of(record: &Record) -> Option<Self> {
        let place = &record.verdict.place;
        let last = record.path.last().map_or(0, |hop| hop.ttl);
        let (after, acts) = match (place.kind.known(), place.at_hop, place.after_hop) {
            (_, Some(hop), _) => (hop.ttl, true),
            (_, None, Some(hop)) => (hop.ttl, false),
            // Who lacks a neighbour is not at fault for it.
            (Some(PlaceKind::Local), None, None) => (0, record.verdict.cause != Cause::NoNeighbor),
            (Some(PlaceKind::Host), None, None) => (last, true),
            // The host is the last row; what happens at the edge happens before it.
            (Some(PlaceKind::Edge), None, None) => (last.saturating_sub(1), false),
            _ => return None,
        };
        let words = catalogue::of(&record.verdict.cause)?.mark?;
        Some(Self { after, acts, words })
    }
}
