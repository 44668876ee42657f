//! What became of the packets of one kind between one client and one server: statements with what they
//! rest on, as signs for inference and rows for a report.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::bracket::Ground;
use super::fate::{Between, End, Fate};
use super::journey::{Journey, Way};
use super::path::Place;
use super::scene::Scene;
use super::seen::{Half, Protocol};
use super::sign::{Category, Sign, category};

/// How many packets of a kind met which fate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All of them.
    pub all: usize,
    /// Those of which nothing can be said: expired on the way, fragments, not told apart.
    pub untold: usize,
}

/// A statement on the packets of one kind between a client and a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The client, its port left zero.
    pub client: SocketAddr,
    /// The server as the client knows it; port zero for echo.
    pub server: SocketAddr,
    /// The protocol.
    pub protocol: Protocol,
    /// Which way they went.
    pub way: Way,
    /// What they are.
    pub category: Category,
    /// What is stated.
    pub sign: Sign,
    /// The last place that saw them (of [`Sign::LostBack`]: their answers).
    pub after: Place,
    /// The place that should have seen them next; for sightings the same.
    pub before: Place,
    /// The packets stated about, by the index of their journey.
    pub journeys: Vec<usize>,
    /// The packets of this kind altogether.
    pub tally: Tally,
    /// What it rests on.
    pub ground: Ground,
}

/// Which packets a finding is about.
type Kind = (SocketAddr, Protocol, Way, Category);

/// The findings on the packets between two addresses. `ends` gives client and server of a stream.
pub(super) fn findings(
    between: &Between<'_>,
    fates: &[Fate],
    ends: &BTreeMap<usize, Half>,
) -> Vec<Finding> {
    let mut kinds: BTreeMap<Kind, Vec<&Fate>> = BTreeMap::new();
    let mut client = None;
    for fate in fates {
        let Some(journey) = between.journey(fate.journey) else {
            continue;
        };
        let stream = match journey.way {
            Way::There => journey.stream,
            Way::Back => between.streams.reverse(journey.stream),
        };
        let (Some(half), Some(seen)) = (ends.get(&stream), journey.seen(between.points)) else {
            continue;
        };
        client = Some(SocketAddr::new(half.source.ip(), 0));
        let kind = (half.destination, half.protocol, journey.way, category(seen));
        kinds.entry(kind).or_default().push(fate);
    }
    let Some(client) = client else {
        return Vec::new();
    };
    let answered = fates.iter().flat_map(|fate| {
        let answers = fate.answers.iter();
        answers.map(|answer| (*answer, fate.journey))
    });
    let asked = answered.collect();
    let mut found = Vec::new();
    for ((server, protocol, way, category), fates) in kinds {
        let scene = Scene {
            between,
            fates: &fates,
            asked: &asked,
            way,
        };
        for (sign, after, before, journeys, ground) in scene.statements() {
            found.push(Finding {
                client,
                server,
                protocol,
                way,
                category,
                sign,
                after,
                before,
                journeys,
                tally: scene.tally(),
                ground,
            });
        }
    }
    found
}

type Statement = (Sign, Place, Place, Vec<usize>, Ground);

impl Scene<'_> {
    fn tally(&self) -> Tally {
        let untold = |fate: &&&Fate| matches!(fate.end, End::Expired | End::Untold);
        Tally {
            all: self.fates.len(),
            untold: self.fates.iter().filter(untold).count(),
        }
    }

    fn statements(&self) -> Vec<Statement> {
        let mut lists: BTreeMap<(Sign, Place, Place), Vec<usize>> = BTreeMap::new();
        for fate in self.fates {
            for (sign, after, before) in self.signs(fate) {
                lists
                    .entry((sign, after, before))
                    .or_default()
                    .push(fate.journey);
            }
        }
        let stated = lists.into_iter().map(|((sign, after, before), journeys)| {
            let ground = self.ground(sign, after, before, &journeys);
            (sign, after, before, journeys, ground)
        });
        stated.collect()
    }

    /// What the fate of one packet says.
    fn signs(&self, fate: &Fate) -> Vec<(Sign, Place, Place)> {
        let mut signs = Vec::new();
        let Some(journey) = self.between.journey(fate.journey) else {
            return signs;
        };
        match fate.end {
            End::Lost { after, before } => signs.push((Sign::NeverArrived, after, before)),
            End::AnsweredBefore { after, before } => {
                signs.push((Sign::AnsweredBefore, after, before));
            }
            End::Unanswered { at } => {
                signs.push((Sign::Arrived, at, at));
                signs.push((Sign::NotAnswered, at, at.reverse()));
            }
            End::LostBack { after, before } => signs.push((Sign::LostBack, after, before)),
            End::Heard | End::Passed | End::Recut => {}
            End::Expired | End::Hidden { .. } | End::Untold => return signs,
        }
        if self.way == Way::There {
            self.sightings(fate, journey, &mut signs);
        }
        signs
    }

    /// Where a packet of the client and its answers were seen at other points.
    fn sightings(&self, fate: &Fate, journey: &Journey, signs: &mut Vec<(Sign, Place, Place)>) {
        let last = self
            .between
            .path
            .iter()
            .rev()
            .find(|step| step.place.capture != 0);
        let place = last.map(|step| step.place);
        let arrived = place.filter(|place| journey.at(*place).is_some());
        if let (Some(at), true) = (
            arrived,
            matches!(fate.end, End::Heard | End::LostBack { .. }),
        ) {
            signs.push((Sign::Arrived, at, at));
        }
        for answer in fate
            .answers
            .iter()
            .filter_map(|at| self.between.journey(*at))
        {
            if let Some(at) = arrived
                .map(Place::reverse)
                .filter(|at| answer.at(*at).is_some())
            {
                signs.push((Sign::AnsweredThere, at, at));
                let back = self.between.way_back.iter();
                let later = back.rev().map(|step| step.place).find(|place| {
                    place.capture != 0 && *place != at && answer.at(*place).is_some()
                });
                signs.extend(later.map(|place| (Sign::LeftThere, place, place)));
            }
            if let Some(ours) = answer.by(0) {
                signs.push((Sign::Heard, ours.place, ours.place));
            }
        }
        signs.sort_unstable();
        signs.dedup();
    }
}
