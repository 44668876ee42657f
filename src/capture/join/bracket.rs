//! How firmly it is known that a packet was not seen: what else the point saw, and what it can have
//! missed.

use std::collections::BTreeSet;

use super::coverage::Drops;
use super::doubt::Doubt;
use super::fate::Between;
use super::filter::{Candidate, admits};
use super::journey::Journey;
use super::link::Bond;
use super::path::Place;
use super::point::Point;
use super::seen::Half;
use crate::model::verdict::Confidence;

/// What a statement rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ground {
    /// How firmly it stands, as far as the two points go.
    pub confidence: Confidence,
    /// Packets of the same addresses that passed both places.
    pub controls: usize,
    /// Of the packets stated about, those with such packets before and after them.
    pub bracketed: usize,
    /// What holds it back, the gravest first.
    pub doubts: Vec<Doubt>,
}

/// What is said to have been missing, and where.
pub(super) struct Absence<'a> {
    /// The packets that saw the last place before; their index.
    pub(super) missing: &'a [usize],
    /// Packets that passed the place where they are missing.
    pub(super) controls: &'a [usize],
    /// The last place that saw them.
    pub(super) after: Place,
    /// The place where they are missing.
    pub(super) before: Place,
    /// Who answered them.
    pub(super) answered_by: Answerer,
    /// Packets that passed there and are not shown.
    pub(super) hidden: usize,
    /// How one of them would look there.
    pub(super) would_be: Vec<Candidate>,
    /// Packets of the same kind and server in other flows that passed there, between the first of the
    /// missing and the last.
    pub(super) same_kind: usize,
    /// Packets there that look like these and match none of ours.
    pub(super) strangers: usize,
    /// What the capture shows of their kind and port: so much its filter, if untold, lets pass.
    pub(super) shown: Shown,
}

/// Who answered packets that are missing at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answerer {
    /// Nobody: they may be lost by chance.
    Nobody,
    /// Not the host behind that place: by its address, or by its distance.
    Another,
    /// Perhaps the very host, which they then reached by another way.
    Unknown,
}

/// What a capture shows of packets like the missing ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Nothing,
    Kind,
    KindAndPort,
}

/// Flows, missing and not, above which they hardly all took a way of their own.
const FLOWS: usize = 6;

/// What an absence rests on.
pub(super) fn ground(between: &Between<'_>, absence: &Absence<'_>) -> Ground {
    let mut doubts = BTreeSet::new();
    let (bracketed, is_stretch) = bracketed(between, absence);
    let untold = |capture: usize| {
        let point = between.points.get(capture);
        point.is_none_or(|point| point.coverage.drops() == Drops::Untold)
    };
    if is_stretch && untold(absence.before.capture) {
        doubts.insert(Doubt::Stretch(absence.before.capture));
    }
    if absence.controls.is_empty() {
        doubts.insert(Doubt::NoControls);
    } else if bracketed == 0 {
        doubts.insert(Doubt::NotBracketed);
    }
    if absence.hidden > 0 {
        doubts.insert(Doubt::ShowsNotAll(absence.before, absence.hidden));
    }
    let points = BTreeSet::from([absence.after.capture, absence.before.capture]);
    for (index, point) in points
        .iter()
        .filter_map(|at| Some((*at, between.points.get(*at)?)))
    {
        losses(index, point, &mut doubts);
    }
    if let Some(point) = between.points.get(absence.before.capture) {
        filters(absence, point, &mut doubts);
    }
    if absence.strangers > 0 {
        doubts.insert(Doubt::Strangers(absence.before.capture, absence.strangers));
    }
    if absence.same_kind > 0 {
        doubts.insert(Doubt::OtherFlowsPass(absence.same_kind));
    }
    let is_chance = absence.answered_by == Answerer::Nobody;
    if absence.answered_by == Answerer::Unknown {
        doubts.insert(Doubt::SameDistance);
    }
    if is_chance && absence.missing.len() < 2 {
        doubts.insert(Doubt::Single);
    }
    let flows = |list: &[usize]| {
        let streams = list.iter().filter_map(|at| between.journey(*at));
        streams
            .map(|journey| journey.stream)
            .collect::<BTreeSet<_>>()
            .len()
    };
    let is_of_all = between
        .points
        .get(absence.before.capture)
        .is_some_and(|point| point.coverage.is_of_all());
    let (missing, passing) = (flows(absence.missing), flows(absence.controls));
    let is_few = is_chance && absence.missing.len() < 3;
    let is_elsewhere = !is_of_all && absence.answered_by != Answerer::Another;
    if is_few || (is_elsewhere && missing + passing < FLOWS) {
        doubts.insert(Doubt::Few);
    }
    if rewritten(between, absence.missing) {
        doubts.insert(Doubt::Rewritten);
    }
    Ground {
        confidence: firmness(&doubts),
        controls: absence.controls.len(),
        bracketed,
        doubts: doubts.into_iter().collect(),
    }
}

/// What seeing a packet rests on.
pub(super) fn sighted(between: &Between<'_>, journeys: &[usize]) -> Ground {
    let mut doubts = BTreeSet::new();
    if rewritten(between, journeys) {
        doubts.insert(Doubt::Rewritten);
    }
    Ground {
        confidence: firmness(&doubts),
        controls: 0,
        bracketed: 0,
        doubts: doubts.into_iter().collect(),
    }
}

fn firmness(doubts: &BTreeSet<Doubt>) -> Confidence {
    let ceilings = doubts.iter().map(Doubt::ceiling);
    ceilings.min().unwrap_or(Confidence::Proven)
}

fn rewritten(between: &Between<'_>, journeys: &[usize]) -> bool {
    let mut streams = journeys.iter().filter_map(|at| between.journey(*at));
    streams.any(|journey| between.streams.bond(journey.stream) != Bond::Numbers)
}

/// How a point may have lost packets.
fn losses(index: usize, point: &Point, doubts: &mut BTreeSet<Doubt>) {
    let coverage = &point.coverage;
    match coverage.drops() {
        Drops::Counted(0) => {}
        Drops::Counted(count) => {
            doubts.insert(Doubt::Dropped(index, count));
        }
        Drops::Untold => {
            doubts.insert(Doubt::DropsUntold(index));
        }
    }
    if coverage.damage.iter().any(|damage| !damage.is_final) {
        doubts.insert(Doubt::Damaged(index));
    }
    if coverage.is_thinned() {
        doubts.insert(Doubt::Thinned(index));
    }
    if coverage.sections > 1 {
        doubts.insert(Doubt::Sections(index));
    }
    let unreadable = coverage.unreadable.saturating_add(coverage.hidden);
    if unreadable > 0 {
        doubts.insert(Doubt::Unreadable(index, unreadable));
    }
}

/// Whether the filter of the point where they are missing lets them pass.
fn filters(absence: &Absence<'_>, point: &Point, doubts: &mut BTreeSet<Doubt>) {
    let capture = absence.before.capture;
    if !point.coverage.tells_filter() {
        doubts.insert(match absence.shown {
            Shown::KindAndPort => Doubt::FilterUntold(capture),
            Shown::Kind => Doubt::PortUnseen(capture),
            Shown::Nothing => Doubt::KindUnseen(capture),
        });
        return;
    }
    for words in point.coverage.filters() {
        for candidate in &absence.would_be {
            match admits(words, candidate) {
                Some(true) => {}
                Some(false) => {
                    doubts.insert(Doubt::FilterExcludes(capture));
                }
                None => {
                    doubts.insert(Doubt::FilterUnclear(capture));
                }
            }
        }
    }
}

/// How many of the missing have a control before and one after them, and whether all of them lie in one
/// stretch without any control: a hole in the capture would look the same.
fn bracketed(between: &Between<'_>, absence: &Absence<'_>) -> (usize, bool) {
    let capture = absence.after.capture;
    let moment = |journey: &Journey| {
        let sights = journey.sights.iter();
        let nearest = sights.filter(|sight| sight.place.capture == capture);
        let times = nearest.map(|sight| sight.here);
        times.min().unwrap_or_else(|| journey.first())
    };
    let times = |list: &[usize]| {
        let journeys = list.iter().filter_map(|at| between.journey(*at));
        let mut times: Vec<i64> = journeys.map(moment).collect();
        times.sort_unstable();
        times
    };
    let (controls, missing) = (times(absence.controls), times(absence.missing));
    let before = |at: &i64| controls.partition_point(|control| control < at);
    let inside = missing
        .iter()
        .filter(|at| (1..controls.len()).contains(&before(at)));
    let stretches: BTreeSet<usize> = missing.iter().map(before).collect();
    (inside.count(), stretches.len() < 2)
}

/// How a packet between these ends would look to a filter.
pub(super) const fn candidate(half: Half, is_syn: bool) -> Candidate {
    Candidate { half, is_syn }
}
