//! What became of each packet: how far it came, and whether an answer came back.

use std::collections::BTreeMap;

use super::answers::awaited;
use super::journey::{Journey, Sight, Way};
use super::link::{Streams, seen};
use super::path::{Place, Step};
use super::point::Point;
use super::ranges::Ranges;
use super::seen::Seen;
use super::strangers::Strangers;

/// What became of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fate {
    /// Which journey it is, by its index.
    pub journey: usize,
    /// How it ended.
    pub end: End,
    /// The journeys of the answers to it.
    pub answers: Vec<usize>,
}

/// How the journey of a packet ended, as far as the points show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It passed every place it could, and an answer came back to us.
    Heard,
    /// It passed every place it could; no answer is due.
    Passed,
    /// Its octets passed in other segments, as network cards cut and join them.
    Recut,
    /// It was seen at `after` and never at `before`.
    Lost {
        /// The last place that saw it.
        after: Place,
        /// The first that did not.
        before: Place,
    },
    /// It never came to `before`, and an answer came back to us: somebody in between gave it.
    AnsweredBefore {
        /// The last place that saw it.
        after: Place,
        /// The first that did not.
        before: Place,
    },
    /// It passed the last place, and no answer was seen there.
    Unanswered {
        /// The last place.
        at: Place,
    },
    /// It was answered; the answer was seen at `after` and never at `before`.
    LostBack {
        /// The last place that saw the answer.
        after: Place,
        /// The first that did not.
        before: Place,
    },
    /// Its TTL allowed it no further than it was seen.
    Expired,
    /// `at` did not see it, and saw its answer or a later place saw it: that place does not show all.
    Hidden {
        /// The place.
        at: Place,
    },
    /// A fragment, or one of several packets that cannot be told apart.
    Untold,
}

/// What is known of the packets between two addresses.
pub(super) struct Between<'j> {
    pub(super) points: &'j [Point],
    pub(super) streams: &'j Streams,
    pub(super) journeys: &'j [Journey],
    /// The packets that match none of ours.
    pub(super) strangers: &'j Strangers,
    /// The journeys of either way, by their index.
    pub(super) there: Vec<usize>,
    pub(super) back: Vec<usize>,
    /// The places they pass.
    pub(super) path: Vec<Step>,
    pub(super) way_back: Vec<Step>,
}

impl Between<'_> {
    pub(super) fn journey(&self, index: usize) -> Option<&Journey> {
        self.journeys.get(index)
    }

    /// Which way the first of these goes.
    pub(super) fn journey_way(&self, list: &[usize]) -> Option<Way> {
        Some(self.journey(*list.first()?)?.way)
    }

    /// A packet as a sighting shows it.
    pub(super) fn look(&self, sight: &Sight) -> Option<&Seen> {
        seen(self.points, sight.place.capture, sight.index)
    }

    /// The fates of all packets of both ways.
    pub(super) fn fates(&self) -> Vec<Fate> {
        let serial = Serial::of(self);
        let answers = self.answers();
        let ranges = Ranges::of(self);
        // One answer is due to packets with the same numbers, whichever of them drew it.
        let mut twins: BTreeMap<(usize, u32), Vec<usize>> = BTreeMap::new();
        for (request, answers) in &answers {
            if let Some(number) = self.journey(*request).and_then(|of| self.number(of)) {
                twins.entry(number).or_default().extend(answers);
            }
        }
        let stirs = self.stirs();
        let mut fates = Vec::new();
        for (list, way) in [(&self.there, Way::There), (&self.back, Way::Back)] {
            for index in list {
                let Some(journey) = self.journey(*index) else {
                    continue;
                };
                let answers = answers.get(index).cloned().unwrap_or_default();
                let twins = self.number(journey).and_then(|number| twins.get(&number));
                let twins = twins.map_or(&[][..], Vec::as_slice);
                let end = match way {
                    Way::There => {
                        self.end_there(&serial, &ranges, journey, &answers, twins, &stirs)
                    }
                    Way::Back => self.end_back(&serial, &ranges, journey),
                };
                fates.push(Fate {
                    journey: *index,
                    end,
                    answers,
                });
            }
        }
        fates
    }

    fn end_there(
        &self,
        serial: &Serial,
        ranges: &Ranges,
        journey: &Journey,
        answers: &[usize],
        twins: &[usize],
        stirs: &Stirs,
    ) -> End {
        let Some(packet) = journey.seen(self.points) else {
            return End::Untold;
        };
        if journey.is_uncertain || packet.is_fragment {
            return End::Untold;
        }
        let answers: Vec<&Journey> = answers.iter().filter_map(|at| self.journey(*at)).collect();
        let is_heard = answers.iter().any(|answer| answer.by(0).is_some());
        match self.next(&self.path, serial, journey) {
            Next::Expired => End::Expired,
            Next::Missing { at, .. } if ranges.covers(self, journey, at) => End::Recut,
            Next::Missing { after, at } => {
                if answers
                    .iter()
                    .any(|answer| answer.at(at.reverse()).is_some())
                {
                    End::Hidden { at }
                } else if is_heard {
                    End::AnsweredBefore { after, before: at }
                } else {
                    End::Lost { after, before: at }
                }
            }
            // No other point is known to lie behind ours.
            Next::Nothing { last } if last.capture == 0 => End::Untold,
            Next::Nothing { last } => {
                let twins = twins.iter().filter_map(|at| self.journey(*at));
                let answers: Vec<&Journey> = answers.into_iter().chain(twins).collect();
                if answers.iter().any(|answer| answer.by(0).is_some()) {
                    End::Heard
                } else if let Some(answer) = answers.first() {
                    self.lost_back(serial, answer, journey)
                } else if packet.opens() && self.stirred(stirs, journey, last) {
                    End::Untold
                } else if packet.opens() {
                    End::Unanswered { at: last }
                } else {
                    End::Passed
                }
            }
        }
    }

    /// When anything went back in each stream, by place.
    fn stirs(&self) -> Stirs {
        let mut stirs = Stirs::new();
        for journey in self.back.iter().filter_map(|index| self.journey(*index)) {
            for sight in &journey.sights {
                let times = stirs.entry((journey.stream, sight.place)).or_default();
                times.push(sight.here);
            }
        }
        stirs.values_mut().for_each(|times| times.sort_unstable());
        stirs
    }

    /// Whether anything went back soon after a packet passed `place` that is no answer to it by its
    /// numbers, as when a SYN meets a connection that is half open.
    fn stirred(&self, stirs: &Stirs, journey: &Journey, place: Place) -> bool {
        let key = (self.streams.reverse(journey.stream), place.reverse());
        let (Some(times), Some(sight)) = (stirs.get(&key), journey.at(place)) else {
            return false;
        };
        let next = times.partition_point(|at| *at < sight.here);
        let soon = sight.here.saturating_add(SOON);
        times.get(next).is_some_and(|at| *at <= soon)
    }

    /// How an answer that was not heard here ended.
    fn lost_back(&self, serial: &Serial, answer: &Journey, asked: &Journey) -> End {
        match self.next(&self.way_back, serial, answer) {
            Next::Missing { after, at } => End::LostBack { after, before: at },
            Next::Expired | Next::Nothing { .. } => {
                let last = answer.sights.iter().max_by_key(|sight| sight.here);
                match (last, asked.by(0)) {
                    (Some(last), Some(ours)) => End::LostBack {
                        after: last.place,
                        before: ours.place.reverse(),
                    },
                    _ => End::Untold,
                }
            }
        }
    }

    fn end_back(&self, serial: &Serial, ranges: &Ranges, journey: &Journey) -> End {
        let is_fragment = journey
            .seen(self.points)
            .is_none_or(|seen| seen.is_fragment);
        if journey.is_uncertain || is_fragment {
            return End::Untold;
        }
        if journey.by(0).is_some() {
            return End::Passed;
        }
        match self.next(&self.way_back, serial, journey) {
            Next::Expired => End::Expired,
            Next::Nothing { .. } => match (journey.sights.first(), self.ours()) {
                (Some(sight), Some(ours)) => End::Lost {
                    after: sight.place,
                    before: ours.reverse(),
                },
                _ => End::Passed,
            },
            Next::Missing { at, .. } if ranges.covers(self, journey, at) => End::Recut,
            Next::Missing { after, at } => End::Lost { after, before: at },
        }
    }

    /// What packets of one stream share when they are sent again: what an answer acknowledges.
    fn number(&self, journey: &Journey) -> Option<(usize, u32)> {
        let [number, _, _] = awaited(journey.seen(self.points)?);
        Some((journey.stream, number?))
    }

    /// Whether the TTL of a packet let it come as far as `hops` on `path`.
    pub(super) fn path_ttl(&self, journey: &Journey, path: &[Step], hops: i32) -> bool {
        path.iter().any(|step| {
            let seen = journey.at(step.place).and_then(|sight| self.look(sight));
            seen.is_some_and(|seen| i32::from(seen.ttl) - (hops - step.hops) >= 1)
        })
    }

    /// Our own place on the way there.
    fn ours(&self) -> Option<Place> {
        let steps = self.path.iter().map(|step| step.place);
        steps.into_iter().find(|place| place.capture == 0)
    }

    /// The first place that a packet should have passed after those that saw it.
    fn next(&self, path: &[Step], serial: &Serial, journey: &Journey) -> Next {
        let seen_at = |step: &Step| journey.at(step.place);
        let Some(reached) = path.iter().rposition(|step| seen_at(step).is_some()) else {
            return Next::Expired;
        };
        let Some((step, sight)) = path
            .get(reached)
            .and_then(|step| Some((step, seen_at(step)?)))
        else {
            return Next::Expired;
        };
        let ttl = self.look(sight).map_or(0, |seen| i32::from(seen.ttl));
        let later = path.get(reached + 1..).unwrap_or_default();
        match later
            .iter()
            .find(|next| serial.follows(step.place, next.place))
        {
            None => Next::Nothing { last: step.place },
            Some(next) if ttl - (next.hops - step.hops) < 1 => Next::Expired,
            Some(next) => Next::Missing {
                after: step.place,
                at: next.place,
            },
        }
    }
}

type Stirs = BTreeMap<(usize, Place), Vec<i64>>;

/// Nanoseconds within which a host answers.
const SOON: i64 = 1_000_000_000;

enum Next {
    /// Nothing follows the last place that saw it.
    Nothing { last: Place },
    /// It could not get further.
    Expired,
    /// `at` should have seen it.
    Missing { after: Place, at: Place },
}

/// Which places follow one another: some packet passed both.
struct Serial(BTreeMap<(Place, Place), usize>);

impl Serial {
    fn of(between: &Between<'_>) -> Self {
        let mut both = BTreeMap::new();
        let indices = between.there.iter().chain(&between.back);
        for journey in indices.filter_map(|index| between.journey(*index)) {
            for one in &journey.sights {
                for other in &journey.sights {
                    *both.entry((one.place, other.place)).or_default() += 1;
                }
            }
        }
        Self(both)
    }

    fn follows(&self, one: Place, other: Place) -> bool {
        self.0.contains_key(&(one, other))
    }
}
