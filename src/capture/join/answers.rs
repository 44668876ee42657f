//! Which packets answer which.

use std::collections::BTreeMap;

use super::fate::Between;
use super::seen::{Body, Seen};

impl Between<'_> {
    /// For each packet of ours the answers to it. Of several packets with the same numbers the last
    /// one before an answer has it.
    pub(super) fn answers(&self) -> BTreeMap<usize, Vec<usize>> {
        let mut asked: BTreeMap<(usize, usize, u32), Vec<(u64, usize)>> = BTreeMap::new();
        for index in &self.there {
            let Some(journey) = self.journey(*index) else {
                continue;
            };
            for sight in &journey.sights {
                let Some(seen) = self.look(sight) else {
                    continue;
                };
                for number in awaited(seen).into_iter().flatten() {
                    let key = (journey.stream, sight.place.capture, number);
                    asked.entry(key).or_default().push((seen.at, *index));
                }
            }
        }
        for list in asked.values_mut() {
            list.sort_unstable();
        }
        let mut answers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for index in &self.back {
            let Some(journey) = self.journey(*index) else {
                continue;
            };
            // Theirs before ours: nearest to where it was given.
            let by_distance = journey.sights.iter().rev();
            let found = by_distance.filter_map(|sight| {
                let seen = self.look(sight)?;
                let key = (
                    self.streams.reverse(journey.stream),
                    sight.place.capture,
                    answering(seen)?,
                );
                let list = asked.get(&key)?;
                let before = list.partition_point(|(at, _)| *at <= seen.at);
                list.get(before.checked_sub(1)?).map(|(_, index)| *index)
            });
            if let Some(request) = found.into_iter().next() {
                answers.entry(request).or_default().push(*index);
            }
        }
        answers
    }
}

/// The numbers by which answers to a packet are known: what an answer acknowledges, what a reset to it
/// begins with, and what an error quotes.
pub(super) const fn awaited(seen: &Seen) -> [Option<u32>; 3] {
    match seen.body {
        Body::Segment {
            sequence,
            acknowledgment,
            flags,
            payload,
            ..
        } => {
            let control = (flags.bits() & 3).count_ones();
            let end = sequence.wrapping_add(payload as u32).wrapping_add(control);
            if end == sequence {
                [None, acknowledgment, Some(sequence)]
            } else {
                [Some(end), acknowledgment, Some(sequence)]
            }
        }
        Body::Echo { sequence, .. } => [Some(sequence as u32), None, None],
        Body::Error { .. } => [None, None, None],
    }
}

/// The number by which an answer is known; `None` for what answers nothing.
const fn answering(seen: &Seen) -> Option<u32> {
    match seen.body {
        Body::Segment {
            sequence,
            acknowledgment,
            ..
        } => match acknowledgment {
            Some(number) => Some(number),
            None => Some(sequence),
        },
        Body::Echo { sequence, .. } => Some(sequence as u32),
        Body::Error { quoted, .. } => Some(quoted.sequence),
    }
}
