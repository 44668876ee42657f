//! The places at which packets were seen, in the order in which they pass them.

use std::collections::BTreeMap;

use super::journey::{Journey, Way};
use super::link::seen;
use super::point::Point;
use super::seen::{Body, Seen};
use crate::wire::frame::Direction;

/// Where a packet was seen: at a point, on one of its interfaces, going in or out where that is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The point: 0 is ours.
    pub capture: usize,
    /// The interface.
    pub interface: u32,
    /// Which way it crossed it.
    pub direction: Option<Direction>,
}

impl Place {
    pub(super) const fn of(capture: usize, seen: &Seen) -> Self {
        Self {
            capture,
            interface: seen.interface,
            direction: seen.direction,
        }
    }

    /// Where packets of the other way cross the same interface.
    #[must_use]
    pub const fn reverse(self) -> Self {
        let direction = match self.direction {
            Some(Direction::Inbound) => Some(Direction::Outbound),
            Some(Direction::Outbound) => Some(Direction::Inbound),
            None => None,
        };
        Self { direction, ..self }
    }
}

/// A place of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The place.
    pub place: Place,
    /// Hops from the place that saw the most; before it negative.
    pub hops: i32,
    /// Nanoseconds from there, by the clocks as well as they are known.
    pub lag: i64,
    /// Packets seen there.
    pub seen: usize,
}

/// Where the last point of a path stands, seen from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sits {
    /// On the server itself: packets come in there, and answers leave with a TTL that no router
    /// lowered.
    Host,
    /// On the server or its own link: answers pass with a TTL that no router lowered.
    Link,
    /// Before at least so many further routers.
    Before(u8),
    /// No answer passed there.
    Unknown,
}

/// The places that packets of one way between two addresses pass, in their order.
pub(super) fn lay(points: &[Point], journeys: &[&Journey], way: Way) -> Vec<Step> {
    let mut counts: BTreeMap<Place, usize> = BTreeMap::new();
    for journey in journeys {
        for sight in &journey.sights {
            *counts.entry(sight.place).or_default() += 1;
        }
    }
    let most = counts.values().max().copied().unwrap_or(0);
    let Some(reference) = counts
        .iter()
        .find(|(_, count)| **count == most)
        .map(|(place, _)| *place)
    else {
        return Vec::new();
    };
    let mut steps: Vec<Step> = counts
        .into_iter()
        .map(|(place, seen)| {
            let (hops, lag) = apart(points, journeys, reference, place);
            Step {
                place,
                hops,
                lag,
                seen,
            }
        })
        .collect();
    steps.sort_by_key(|step| {
        let is_ours = step.place.capture == 0;
        // On one link what leaves one host enters the next; clocks of two hosts do not tell that.
        let rank = match (way, is_ours) {
            (Way::There, true) => 0,
            (Way::Back, true) => 3,
            (_, false) => 1 + i32::from(step.place.direction != Some(Direction::Outbound)),
        };
        (step.hops, rank, step.lag, step.place)
    });
    steps
}

/// How many hops, and how much time, `place` lies behind `reference`: the middle of what the packets
/// seen at both show.
fn apart(points: &[Point], journeys: &[&Journey], reference: Place, place: Place) -> (i32, i64) {
    let (mut hops, mut lags) = (Vec::new(), Vec::new());
    for journey in journeys {
        let (Some(one), Some(other)) = (journey.at(reference), journey.at(place)) else {
            continue;
        };
        let ttls = [(reference, one), (place, other)]
            .map(|(place, sight)| seen(points, place.capture, sight.index).map(|seen| seen.ttl));
        if let [Some(before), Some(after)] = ttls {
            hops.push(i32::from(before) - i32::from(after));
        }
        lags.push(other.here.saturating_sub(one.here));
    }
    (
        median(&mut hops).unwrap_or(0),
        median(&mut lags).unwrap_or(0),
    )
}

fn median<T: Ord + Copy>(numbers: &mut [T]) -> Option<T> {
    numbers.sort_unstable();
    numbers.get(numbers.len() / 2).copied()
}

/// Where `place`, at which packets of the client arrive, stands: by the answers that pass it.
pub(super) fn sits(points: &[Point], back: &[&Journey], place: Place) -> Sits {
    let mut distances: Vec<u8> = Vec::new();
    for journey in back {
        let Some(sight) = journey.at(place.reverse()) else {
            continue;
        };
        let Some(seen) = seen(points, place.capture, sight.index) else {
            continue;
        };
        if !matches!(seen.body, Body::Error { .. }) {
            distances.push(hops_from_initial(seen.ttl));
        }
    }
    match median(&mut distances) {
        None => Sits::Unknown,
        Some(0) if place.direction == Some(Direction::Inbound) => Sits::Host,
        Some(0) => Sits::Link,
        Some(hops) => Sits::Before(hops),
    }
}

/// Routers passed since a TTL was 64, 128 or 255, as stacks begin.
fn hops_from_initial(ttl: u8) -> u8 {
    [64, 128, 255]
        .into_iter()
        .find(|initial| *initial >= ttl)
        .map_or(0, |initial: u8| initial.saturating_sub(ttl))
}
