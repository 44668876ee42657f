//! Packets across points: which sightings are of one packet.
//!
//! Within a stream, packets with the same key are told apart by IP identification and timestamps
//! first, then by order, then by time. Where none of that decides, the journeys are `uncertain`, and
//! nothing is concluded from them.

use std::collections::BTreeMap;

use super::clock::{Clock, signed};
use super::link::{Key, Streams, seen};
use super::path::Place;
use super::point::Point;
use super::seen::{Body, Seen};

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// From the client to the server.
    There,
    /// From the server, or a device before it, to the client.
    Back,
}

/// One sighting of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    /// Where.
    pub place: Place,
    /// Its index among the packets of the point.
    pub index: usize,
    /// When by our clock, as well as is known, in nanoseconds since the Unix epoch.
    pub here: i64,
}

/// A packet, wherever it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journey {
    /// Its stream: one direction of a flow across all points and translations.
    pub stream: usize,
    /// Which way it went.
    pub way: Way,
    /// Where it was seen, at most once at a place.
    pub sights: Vec<Sight>,
    /// Further copies at the same places.
    pub copies: u32,
    /// Whether other packets just like it cannot be told from it.
    pub is_uncertain: bool,
}

impl Journey {
    /// Its sighting at a place.
    pub fn at(&self, place: Place) -> Option<&Sight> {
        self.sights.iter().find(|sight| sight.place == place)
    }

    /// Its first sighting by a point.
    pub fn by(&self, capture: usize) -> Option<&Sight> {
        self.sights
            .iter()
            .find(|sight| sight.place.capture == capture)
    }

    /// When it was first seen, by our clock.
    pub fn first(&self) -> i64 {
        self.sights
            .iter()
            .map(|sight| sight.here)
            .min()
            .unwrap_or(0)
    }

    /// The packet as it looked at its first sighting in the list.
    pub(super) fn seen<'p>(&self, points: &'p [Point]) -> Option<&'p Seen> {
        let sight = self.sights.first()?;
        seen(points, sight.place.capture, sight.index)
    }
}

/// A packet waiting to be told from those like it.
#[derive(Clone, Copy)]
struct Member<'p> {
    place: Place,
    index: usize,
    here: Option<i64>,
    seen: &'p Seen,
}

/// Copies of one packet at one place are no further apart: bridges and `-i any` show them twice.
const COPY: u64 = 2_000_000;

/// The journeys of the wanted streams, and which way each goes. Without `clocks` nothing is decided
/// by time.
pub(super) fn journeys(
    points: &[Point],
    streams: &Streams,
    wanted: &BTreeMap<usize, Way>,
    clocks: &[Option<Clock>],
) -> Vec<Journey> {
    let mut members: Vec<(usize, Key, Member<'_>)> = Vec::new();
    for (capture, point) in points.iter().enumerate() {
        let clock = clocks.get(capture).and_then(Option::as_ref);
        for (index, seen) in point.packets.iter().enumerate() {
            let Some(stream) = streams
                .of(capture, index)
                .filter(|of| wanted.contains_key(of))
            else {
                continue;
            };
            let member = Member {
                place: Place::of(capture, seen),
                index,
                here: clock.map(|clock| clock.here(seen.at)),
                seen,
            };
            members.push((stream, streams.key(capture, index, seen), member));
        }
    }
    members.sort_by_key(|(stream, key, member)| {
        (*stream, *key, member.place, member.seen.at, member.index)
    });
    let mut found = Vec::new();
    for group in members.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1)) {
        let Some((stream, _, _)) = group.first() else {
            continue;
        };
        let way = wanted.get(stream).copied().unwrap_or(Way::There);
        for followed in follow(group.iter().map(|(_, _, member)| *member)) {
            found.push(Journey {
                stream: *stream,
                way,
                copies: followed.copies,
                is_uncertain: followed.is_uncertain,
                sights: followed.members.iter().map(sight).collect(),
            });
        }
    }
    found
}

fn sight(member: &Member<'_>) -> Sight {
    Sight {
        place: member.place,
        index: member.index,
        here: member.here.unwrap_or_else(|| signed(member.seen.at)),
    }
}

struct Followed<'p> {
    members: Vec<Member<'p>>,
    copies: u32,
    is_uncertain: bool,
}

/// Tells packets with one key apart; the members come by place, then by time.
fn follow<'p>(members: impl Iterator<Item = Member<'p>>) -> Vec<Followed<'p>> {
    let mut places: Vec<Vec<(Member<'p>, u32)>> = Vec::new();
    for member in members {
        match places.last_mut() {
            Some(list)
                if list
                    .last()
                    .is_some_and(|(last, _)| last.place == member.place) =>
            {
                match list.last_mut() {
                    Some((last, copies)) if is_copy(last.seen, member.seen) => {
                        *copies = copies.saturating_add(1);
                    }
                    _ => list.push((member, 0)),
                }
            }
            _ => places.push(vec![(member, 0)]),
        }
    }
    let mut done = Vec::new();
    // Each round takes the place with the most of them, the first of those, as what the others are
    // compared with; what finds no partner there is compared in the next.
    while !places.is_empty() {
        let most = places.iter().map(Vec::len).max().unwrap_or(0);
        let Some(chosen) = places.iter().position(|list| list.len() == most) else {
            break;
        };
        let base = places.remove(chosen);
        let mut followed: Vec<Followed<'p>> = base
            .iter()
            .map(|(member, copies)| Followed {
                members: vec![*member],
                copies: *copies,
                is_uncertain: false,
            })
            .collect();
        let mut rest = Vec::new();
        for list in places {
            let partners = align(&base, &list);
            let is_unclear = partners.contains(&Partner::Unclear);
            let mut left = Vec::new();
            for ((member, copies), partner) in list.into_iter().zip(partners) {
                match partner {
                    Partner::Is(at) => {
                        if let Some(entry) = followed.get_mut(at) {
                            entry.members.push(member);
                            entry.copies = entry.copies.saturating_add(copies);
                        }
                    }
                    Partner::None => left.push((member, copies)),
                    // It is one of those that are marked below.
                    Partner::Unclear => {}
                }
            }
            if is_unclear {
                for entry in followed.iter_mut().filter(|entry| entry.members.len() == 1) {
                    entry.is_uncertain = true;
                }
            }
            if !left.is_empty() {
                rest.push(left);
            }
        }
        done.extend(followed);
        places = rest;
    }
    done
}

fn is_copy(one: &Seen, other: &Seen) -> bool {
    other.at.saturating_sub(one.at) <= COPY
        && one.identification == other.identification
        && timestamps(one) == timestamps(other)
}

const fn timestamps(seen: &Seen) -> Option<(u32, u32)> {
    match seen.body {
        Body::Segment { timestamps, .. } => timestamps,
        Body::Echo { .. } | Body::Error { .. } => None,
    }
}

/// Whether two packets with one key are one: certainly, certainly not, or not to be told.
fn fits(one: &Seen, other: &Seen) -> Option<bool> {
    let ids = (one.identification, other.identification);
    let quoted = (quoted_id(one), quoted_id(other));
    let same = |pair: (Option<u32>, Option<u32>)| pair.0.is_some() && pair.0 == pair.1;
    match (timestamps(one), timestamps(other)) {
        (Some(value), Some(other)) if value != other => Some(false),
        (Some(_), Some(_)) => Some(true),
        _ if same(ids) || same(quoted) => Some(true),
        // Identifications that differ may have been rewritten.
        _ => None,
    }
}

const fn quoted_id(seen: &Seen) -> Option<u32> {
    match seen.body {
        Body::Error { quoted, .. } => quoted.identification,
        Body::Segment { .. } | Body::Echo { .. } => None,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Partner {
    Is(usize),
    None,
    Unclear,
}

/// For each of `others` which of `base` it is.
fn align(base: &[(Member<'_>, u32)], others: &[(Member<'_>, u32)]) -> Vec<Partner> {
    if base.len().saturating_mul(others.len()) > MOST_COMPARED {
        return vec![Partner::Unclear; others.len()];
    }
    let mut partners = vec![Partner::None; others.len()];
    let mut taken = vec![false; base.len()];
    // By what only one of either side has.
    for (at, (other, _)) in others.iter().enumerate() {
        let mut fitting = base
            .iter()
            .enumerate()
            .filter(|(number, (one, _))| {
                taken.get(*number) == Some(&false) && fits(one.seen, other.seen) == Some(true)
            })
            .map(|(number, _)| number);
        if let (Some(number), None) = (fitting.next(), fitting.next()) {
            assign(&mut partners, &mut taken, at, number);
        }
    }
    let open: Vec<usize> = (0..others.len())
        .filter(|at| partners.get(*at) == Some(&Partner::None))
        .collect();
    let free: Vec<usize> = (0..base.len())
        .filter(|number| taken.get(*number) == Some(&false))
        .collect();
    let may = |at: usize, number: usize| match (base.get(number), others.get(at)) {
        (Some((one, _)), Some((other, _))) => fits(one.seen, other.seen) != Some(false),
        _ => false,
    };
    if open.len() == free.len() && open.iter().zip(&free).all(|(at, number)| may(*at, *number)) {
        for (at, number) in open.into_iter().zip(free) {
            assign(&mut partners, &mut taken, at, number);
        }
        return partners;
    }
    for at in open {
        let candidates = || {
            let free = free.iter().copied();
            free.filter(|number| taken.get(*number) == Some(&false) && may(at, *number))
        };
        match nearest(base, others.get(at), candidates()) {
            Some(number) => assign(&mut partners, &mut taken, at, number),
            None if candidates().next().is_some() => {
                if let Some(partner) = partners.get_mut(at) {
                    *partner = Partner::Unclear;
                }
            }
            None => {}
        }
    }
    partners
}

fn assign(partners: &mut [Partner], taken: &mut [bool], at: usize, number: usize) {
    if let (Some(partner), Some(is_taken)) = (partners.get_mut(at), taken.get_mut(number)) {
        *partner = Partner::Is(number);
        *is_taken = true;
    }
}

/// The candidate that is nearest in time, where the next one is at least four times as far.
fn nearest(
    base: &[(Member<'_>, u32)],
    other: Option<&(Member<'_>, u32)>,
    candidates: impl Iterator<Item = usize>,
) -> Option<usize> {
    let (other, _) = other?;
    let wanted = moment(other, base)?;
    let mut distances: Vec<(u64, usize)> = candidates
        .filter_map(|number| {
            let (one, _) = base.get(number)?;
            Some((moment(one, base)?.abs_diff(wanted), number))
        })
        .collect();
    distances.sort_unstable();
    match distances.as_slice() {
        [(distance, number), (next, _), ..] if distance.saturating_mul(4) <= *next => Some(*number),
        [(distance, number)] if *distance <= ALONE => Some(*number),
        _ => None,
    }
}

/// Comparisons for which a group of packets alike is looked through: hundreds of keepalives, no flood.
const MOST_COMPARED: usize = 1 << 18;
/// Nanoseconds by which the only candidate may be away.
const ALONE: u64 = 400_000_000;

/// When it was seen, comparable with those of `base`.
fn moment(member: &Member<'_>, base: &[(Member<'_>, u32)]) -> Option<i64> {
    let (first, _) = base.first()?;
    if member.place.capture == first.place.capture {
        let is_ours = first.here;
        return is_ours.map_or(Some(signed(member.seen.at)), |_| member.here);
    }
    member.here.filter(|_| first.here.is_some())
}
