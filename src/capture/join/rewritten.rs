//! Flows whose sequence numbers a device rewrote: matched by timestamps and ports, or by ports, order
//! and time. What rests on such a match is never proven.

use std::collections::BTreeMap;

use super::clock::{Clock, signed};
use super::journey::Way;
use super::link::{Bond, Streams};
use super::point::Point;
use super::seen::{Body, Half};
use crate::wire::tcp::Flags;

/// The SYNs of a flow at one point.
#[derive(Clone, Debug)]
struct Opening {
    half: Half,
    begin: u32,
    /// When they passed by our clock, where that is known; else by that of the point.
    times: Vec<i64>,
    timestamps: Vec<Option<(u32, u32)>>,
    /// Where the answers begin.
    answer: Option<u32>,
}

/// By how much matched SYNs may be apart, in nanoseconds, once the clocks are known.
const APART: u64 = 2_000_000_000;
/// By how much the spans between them may differ.
const UNEVEN: u64 = 50_000_000;

/// Ties flows of ours that no other point knows to those of other points that we do not know; whether
/// any were.
pub(super) fn tie(
    points: &[Point],
    streams: &mut Streams,
    clocks: &[Option<Clock>],
    wanted: &BTreeMap<usize, Way>,
) -> bool {
    let known = streams.known();
    let alone = |stream: usize, is_ours: bool| known.get(stream) == Some(&(is_ours, !is_ours));
    let ours = openings(points, streams, clocks, 0, &|stream| {
        alone(stream, true) && wanted.get(&stream) == Some(&Way::There)
    });
    let mut tied = false;
    for capture in 1..points.len() {
        let is_timed = clocks.get(capture).is_some_and(Option::is_some);
        let theirs = openings(points, streams, clocks, capture, &|stream| {
            alone(stream, false)
        });
        for (one, other, bond) in partners(&ours, &theirs, is_timed) {
            let mut begins = vec![
                ((0, one.half), one.begin),
                ((capture, other.half), other.begin),
            ];
            begins.extend(one.answer.map(|begin| ((0, one.half.reverse()), begin)));
            begins.extend(
                other
                    .answer
                    .map(|begin| ((capture, other.half.reverse()), begin)),
            );
            streams.tie_rewritten([(0, one.half), (capture, other.half)], &begins, bond);
            tied = true;
        }
    }
    tied
}

/// The flows of a point that begin with SYNs, by their streams.
fn openings(
    points: &[Point],
    streams: &Streams,
    clocks: &[Option<Clock>],
    capture: usize,
    is_candidate: &dyn Fn(usize) -> bool,
) -> Vec<Opening> {
    let mut found: BTreeMap<Half, Opening> = BTreeMap::new();
    let mut answers: BTreeMap<Half, u32> = BTreeMap::new();
    let clock = clocks.get(capture).and_then(Option::as_ref);
    let packets = points.get(capture).map(|point| point.packets.as_slice());
    for (index, seen) in packets.unwrap_or_default().iter().enumerate() {
        let Body::Segment {
            sequence,
            flags,
            timestamps,
            ..
        } = seen.body
        else {
            continue;
        };
        if flags.contains(Flags::SYN.with(Flags::ACK)) {
            answers.entry(seen.half).or_insert(sequence);
        }
        let is_ours = streams.of(capture, index).is_some_and(is_candidate);
        if !seen.opens() || !is_ours {
            continue;
        }
        let opening = found.entry(seen.half).or_insert_with(|| Opening {
            half: seen.half,
            begin: sequence,
            times: Vec::new(),
            timestamps: Vec::new(),
            answer: None,
        });
        let at = clock.map_or_else(|| signed(seen.at), |clock| clock.here(seen.at));
        opening.times.push(at);
        opening.timestamps.push(timestamps);
    }
    for opening in found.values_mut() {
        opening.answer = answers.get(&opening.half.reverse()).copied();
    }
    found.into_values().collect()
}

/// The flows that are each other's only candidate.
fn partners<'o>(
    ours: &'o [Opening],
    theirs: &'o [Opening],
    is_timed: bool,
) -> Vec<(&'o Opening, &'o Opening, Bond)> {
    let mut by_ports: BTreeMap<(u16, u16), [Vec<&Opening>; 2]> = BTreeMap::new();
    for (side, list) in [ours, theirs].into_iter().enumerate() {
        for opening in list {
            let ports = (opening.half.source.port(), opening.half.destination.port());
            if let Some(of) = by_ports.entry(ports).or_default().get_mut(side) {
                of.push(opening);
            }
        }
    }
    let mut found = Vec::new();
    for [ours, theirs] in by_ports.into_values() {
        if let ([one], [other]) = (ours.as_slice(), theirs.as_slice())
            && let Some(bond) = bond(one, other, is_timed)
        {
            found.push((*one, *other, bond));
        }
    }
    found
}

/// What binds two flows with the same ports, if anything.
fn bond(one: &Opening, other: &Opening, is_timed: bool) -> Option<Bond> {
    let shares_stamp = one
        .timestamps
        .iter()
        .flatten()
        .any(|stamp| other.timestamps.contains(&Some(*stamp)));
    if shares_stamp {
        return Some(Bond::Timestamps);
    }
    // Both carry them, and they differ: another attempt.
    let carries = |opening: &Opening| opening.timestamps.iter().any(Option::is_some);
    if carries(one) && carries(other) {
        return None;
    }
    let an_address = one.half.source.ip() == other.half.source.ip()
        || one.half.destination.ip() == other.half.destination.ip();
    if !an_address {
        return None;
    }
    let (Some(first), Some(begin)) = (one.times.first(), other.times.first()) else {
        return None;
    };
    if is_timed {
        return (first.abs_diff(*begin) <= APART).then_some(Bond::Ports);
    }
    let spans = |times: &[i64]| -> Vec<u64> {
        let pairs = times.windows(2);
        pairs
            .filter_map(|pair| Some(pair.last()?.abs_diff(*pair.first()?)))
            .collect()
    };
    let (ours, theirs) = (spans(&one.times), spans(&other.times));
    let is_even = ours.len() == theirs.len()
        && ours
            .iter()
            .zip(&theirs)
            .all(|(one, other)| one.abs_diff(*other) <= UNEVEN);
    (!ours.is_empty() && is_even).then_some(Bond::Ports)
}
