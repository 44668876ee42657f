//! Which octets of streams passed which places: network cards cut and join segments.

use std::collections::BTreeMap;

use super::fate::Between;
use super::journey::Journey;
use super::path::Place;
use super::seen::{Body, Seen};

/// The octets that passed each place in each stream, as merged ranges.
pub(super) struct Ranges(BTreeMap<(usize, Place), Vec<(u32, u32)>>);

impl Ranges {
    pub(super) fn of(between: &Between<'_>) -> Self {
        let mut ranges: BTreeMap<(usize, Place), Vec<(u32, u32)>> = BTreeMap::new();
        let indices = between.there.iter().chain(&between.back);
        for journey in indices.filter_map(|index| between.journey(*index)) {
            for sight in &journey.sights {
                if let Some((sequence, length)) = between.look(sight).and_then(octets) {
                    let list = ranges.entry((journey.stream, sight.place)).or_default();
                    list.push((sequence, length));
                }
            }
        }
        // A session that passes 2 GiB wraps; its segments are then compared near their own number.
        for list in ranges.values_mut() {
            list.sort_unstable();
            list.dedup();
        }
        Self(ranges)
    }

    /// Whether all octets of a segment passed `place`.
    pub(super) fn covers(&self, between: &Between<'_>, journey: &Journey, place: Place) -> bool {
        let packet = journey.sights.first().and_then(|sight| between.look(sight));
        let (Some((sequence, length)), Some(list)) = (
            packet.and_then(octets),
            self.0.get(&(journey.stream, place)),
        ) else {
            return false;
        };
        let end = sequence.wrapping_add(length);
        let mut reached = sequence;
        let start = list.partition_point(|(begin, _)| *begin < sequence.saturating_sub(LONGEST));
        for (begin, length) in list.get(start..).unwrap_or_default() {
            // Distances are taken from the first octet wanted, so that numbers may wrap.
            let (from, to) = (
                begin.wrapping_sub(sequence).cast_signed(),
                begin
                    .wrapping_add(*length)
                    .wrapping_sub(sequence)
                    .cast_signed(),
            );
            let have = reached.wrapping_sub(sequence).cast_signed();
            if from > have {
                break;
            }
            if to > have {
                reached = begin.wrapping_add(*length);
            }
            if reached.wrapping_sub(end).cast_signed() >= 0 {
                return true;
            }
        }
        false
    }
}

/// The longest segment before it is cut to size.
const LONGEST: u32 = 1 << 16;

const fn octets(seen: &Seen) -> Option<(u32, u32)> {
    match seen.body {
        Body::Segment {
            sequence, payload, ..
        } if payload > 0 => Some((sequence, payload as u32)),
        Body::Segment { .. } | Body::Echo { .. } | Body::Error { .. } => None,
    }
}
