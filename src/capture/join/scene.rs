//! What statements on packets of one kind rest on.

use std::collections::{BTreeMap, BTreeSet};

use super::bracket::{Absence, Answerer, Ground, Shown, candidate, ground, sighted};
use super::doubt::Doubt;
use super::fate::{Between, Fate};
use super::filter::Candidate;
use super::journey::{Journey, Way};
use super::path::{Place, Step};
use super::seen::{Body, Half, Protocol, Seen};
use super::sign::{Category, Sign, category};
use super::strangers::{Alike, alike};

/// The packets of one kind.
pub(super) struct Scene<'s> {
    pub(super) between: &'s Between<'s>,
    pub(super) fates: &'s [&'s Fate],
    /// For each answer what it answers.
    pub(super) asked: &'s BTreeMap<usize, usize>,
    pub(super) way: Way,
}

impl Scene<'_> {
    /// What a statement rests on.
    pub(super) fn ground(
        &self,
        sign: Sign,
        after: Place,
        before: Place,
        journeys: &[usize],
    ) -> Ground {
        match sign {
            Sign::Arrived | Sign::AnsweredThere | Sign::LeftThere | Sign::Heard => {
                sighted(self.between, journeys)
            }
            Sign::NeverArrived | Sign::AnsweredBefore => {
                let list = match self.way {
                    Way::There => &self.between.there,
                    Way::Back => &self.between.back,
                };
                self.absence(list, sign, after, before, journeys)
            }
            Sign::LostBack => self.absence(&self.between.back, sign, after, before, journeys),
            Sign::NotAnswered => self.unanswered(after, before, journeys),
        }
    }

    /// The ground of packets that are missing at `before`, while others of `list` passed it.
    fn absence(
        &self,
        list: &[usize],
        sign: Sign,
        after: Place,
        before: Place,
        missing: &[usize],
    ) -> Ground {
        let between = self.between;
        let controls = self.passing(list, before);
        let hidden = self.hidden(before, missing);
        let looks = if sign == Sign::LostBack {
            // How the answers would look is known from their sightings where they were lost.
            self.answers_of(missing)
        } else {
            missing.to_vec()
        };
        let would_be = self.would_be(&looks, &controls, before);
        let absence = Absence {
            missing,
            controls: &controls,
            same_kind: match sign == Sign::LostBack {
                true => self.same_kind(&looks, &self.all_answers(), before),
                false => self.same_kind(missing, &self.all(), before),
            },
            strangers: self.strangers(&would_be, before),
            after,
            before,
            answered_by: match sign == Sign::AnsweredBefore {
                true => self.answerer(missing, before),
                false => Answerer::Nobody,
            },
            hidden,
            would_be,
            shown: self.shown(&looks, &controls, before),
        };
        self.with_interfaces(ground(between, &absence), before)
    }

    /// The ground of requests that arrived at `at` and drew no answer there.
    fn unanswered(&self, at: Place, out: Place, missing: &[usize]) -> Ground {
        let between = self.between;
        let mut answers = self.passing(&between.back, out);
        let point = between.points.get(at.capture);
        let shows_all =
            point.is_some_and(|point| point.coverage.is_of_all() && point.coverage.tells_filter());
        if answers.is_empty() && shows_all {
            // Nothing that leaves this host escapes the capture; that it ran, the requests show.
            answers = self.passing(&between.there, at);
        }
        let absence = Absence {
            missing,
            controls: &answers,
            same_kind: 0,
            strangers: 0,
            after: at,
            before: out,
            answered_by: Answerer::Nobody,
            hidden: self.hidden(out, missing),
            would_be: self.would_be_answers(missing, at),
            shown: self.answers_shown(missing, &answers),
        };
        self.with_interfaces(ground(between, &absence), at)
    }

    /// The ground, and that a host may have other interfaces than the one `place` is on.
    fn with_interfaces(&self, mut ground: Ground, place: Place) -> Ground {
        let point = self.between.points.get(place.capture);
        if place.capture != 0 && point.is_some_and(|point| !point.coverage.is_of_all()) {
            ground.doubts.push(Doubt::OneInterface(place.capture));
        }
        ground
    }

    /// Whether the capture where requests arrived shows answers of their protocol; their port it
    /// shows, for they arrived.
    fn answers_shown(&self, missing: &[usize], answers: &[usize]) -> Shown {
        let protocol = |at: &usize| {
            let seen = self.between.journey(*at)?.seen(self.between.points)?;
            (!matches!(seen.body, Body::Error { .. })).then_some(seen.half.protocol)
        };
        let wanted = missing.first().and_then(protocol);
        match answers.iter().any(|at| protocol(at) == wanted) {
            true => Shown::KindAndPort,
            false => Shown::Kind,
        }
    }

    /// Packets of `all` that passed `place` in flows of which none of the missing is, after the first
    /// of those and before the last.
    fn same_kind(&self, missing: &[usize], all: &[usize], place: Place) -> usize {
        let of = |list: &[usize]| -> Vec<&Journey> {
            list.iter()
                .filter_map(|at| self.between.journey(*at))
                .collect()
        };
        let missing = of(missing);
        let flows: BTreeSet<usize> = missing.iter().map(|journey| journey.stream).collect();
        let times = || missing.iter().map(|journey| journey.first());
        let (Some(first), Some(last)) = (times().min(), times().max()) else {
            return 0;
        };
        let passed = of(all)
            .into_iter()
            .filter(|other| other.at(place).is_some());
        passed
            .filter(|other| !flows.contains(&other.stream))
            .filter(|other| (first..=last).contains(&other.first()))
            .count()
    }

    /// The packets of this kind.
    fn all(&self) -> Vec<usize> {
        self.fates.iter().map(|fate| fate.journey).collect()
    }

    /// All answers to packets of this kind.
    fn all_answers(&self) -> Vec<usize> {
        self.answers_of(&self.all())
    }

    /// Who answered packets that never came to `place`: another than the host behind it, if every
    /// answer comes from another address or another distance than those that passed there.
    fn answerer(&self, missing: &[usize], place: Place) -> Answerer {
        let between = self.between;
        let look = |at: &usize| {
            let journey = between.journey(*at)?;
            between.look(journey.by(0)?)
        };
        let behind = self.passing(&between.back, place.reverse());
        let hosts = || {
            behind
                .iter()
                .filter_map(look)
                .filter(|seen| !is_error(seen))
        };
        let distances: BTreeSet<u8> = hosts().map(|seen| seen.ttl).collect();
        let answers = self.answers_of(missing);
        let is_other = |seen: &Seen| {
            let asked = seen.half.source.ip();
            (is_error(seen) && seen.source != asked) || !distances.contains(&seen.ttl)
        };
        let is_another = !distances.is_empty() && answers.iter().filter_map(look).all(is_other);
        if is_another {
            Answerer::Another
        } else {
            Answerer::Unknown
        }
    }

    /// The packets of `list` that were certainly seen at `place`.
    fn passing(&self, list: &[usize], place: Place) -> Vec<usize> {
        let passes = |at: &&usize| {
            let journey = self.between.journey(**at);
            journey.is_some_and(|journey| !journey.is_uncertain && journey.at(place).is_some())
        };
        list.iter().filter(passes).copied().collect()
    }

    fn answers_of(&self, missing: &[usize]) -> Vec<usize> {
        let wanted: BTreeSet<usize> = missing.iter().copied().collect();
        let fates = self
            .fates
            .iter()
            .filter(|fate| wanted.contains(&fate.journey));
        fates
            .flat_map(|fate| fate.answers.iter().copied())
            .collect()
    }

    /// Packets that passed `place` and are not shown there: a later place, or what came back, saw
    /// them.
    fn hidden(&self, place: Place, missing: &[usize]) -> usize {
        let between = self.between;
        let stated: BTreeSet<usize> = missing.iter().copied().collect();
        let of_path = |path: &[Step], list: &[usize]| {
            let Some(position) = path.iter().position(|step| step.place == place) else {
                return 0;
            };
            let (before, after) = path.split_at(position);
            let later: Vec<Place> = after.iter().skip(1).map(|step| step.place).collect();
            let hops = after.first().map_or(0, |step| step.hops);
            let journeys = list.iter().filter(|at| !stated.contains(at));
            journeys
                .filter_map(|at| Some((*at, between.journey(*at)?)))
                .filter(|(_, journey)| !journey.is_uncertain && journey.at(place).is_none())
                .filter(|(_, journey)| later.iter().any(|later| journey.at(*later).is_some()))
                // What a router sent itself begins behind the places before that router.
                .filter(|(at, journey)| {
                    before.iter().any(|step| journey.at(step.place).is_some())
                        || self.answers_arrived(*at, place)
                })
                .filter(|(_, journey)| between.path_ttl(journey, path, hops))
                .count()
        };
        of_path(&between.path, &between.there) + of_path(&between.way_back, &between.back)
    }

    /// Whether a packet on its way back answers one that is known to have passed `place` going there.
    fn answers_arrived(&self, answer: usize, place: Place) -> bool {
        let asked = self
            .asked
            .get(&answer)
            .and_then(|at| self.between.journey(*at));
        asked.is_some_and(|asked| asked.at(place.reverse()).is_some())
    }

    /// What the capture of `place` shows of packets like `looks`, going the same way.
    fn shown(&self, looks: &[usize], controls: &[usize], place: Place) -> Shown {
        let between = self.between;
        let Some(wanted) = looks
            .first()
            .and_then(|at| between.journey(*at)?.seen(between.points))
        else {
            return Shown::Nothing;
        };
        let sighted = |at: &usize| {
            let journey = between.journey(*at)?;
            between.look(journey.at(place)?)
        };
        let mut same = controls.iter().filter_map(sighted).filter(|seen| {
            let protocols = seen.half.protocol == wanted.half.protocol;
            protocols && (category(wanted) != Category::Syn || seen.opens())
        });
        if same.next().is_none() {
            return Shown::Nothing;
        }
        let client = match between.journey_way(looks) {
            Some(Way::Back) => wanted.half.destination,
            _ => wanted.half.source,
        };
        let server = if client == wanted.half.source {
            wanted.half.destination.port()
        } else {
            wanted.half.source.port()
        };
        let is_echo = wanted.half.protocol == Protocol::Echo;
        if is_echo || between.strangers.shows(place.capture, server) {
            Shown::KindAndPort
        } else {
            Shown::Kind
        }
    }

    /// Packets at `place` that look like the missing ones and match none of ours.
    fn strangers(&self, would_be: &[Candidate], place: Place) -> usize {
        let wanted: BTreeSet<Alike> = would_be
            .iter()
            .map(|of| alike(of.half, of.is_syn))
            .collect();
        let counts = wanted
            .into_iter()
            .map(|alike| self.between.strangers.count(place, alike));
        counts.sum()
    }

    /// How the missing packets would look at `place`: with the addresses that others have there.
    fn would_be(&self, looks: &[usize], controls: &[usize], place: Place) -> Vec<Candidate> {
        let between = self.between;
        let control = controls.iter().find_map(|at| {
            let journey = between.journey(*at)?;
            between.look(journey.at(place)?)
        });
        let halves: BTreeSet<(Half, bool)> = looks
            .iter()
            .filter_map(|at| between.journey(*at)?.seen(between.points))
            .map(|seen| {
                let mut half = seen.half;
                if let Some(control) = control {
                    half.source.set_ip(control.half.source.ip());
                    half.destination.set_ip(control.half.destination.ip());
                }
                (
                    half,
                    matches!(category(seen), Category::Syn | Category::Answer),
                )
            })
            .collect();
        halves
            .into_iter()
            .map(|(half, syn)| candidate(half, syn))
            .collect()
    }

    /// How answers to the requests would look at `at`: a SYN-ACK, a reset, an ICMP error.
    fn would_be_answers(&self, requests: &[usize], at: Place) -> Vec<Candidate> {
        let between = self.between;
        let halves: BTreeSet<Half> = requests
            .iter()
            .filter_map(|index| {
                let journey = between.journey(*index)?;
                Some(between.look(journey.at(at)?)?.half.reverse())
            })
            .collect();
        let answers = halves.into_iter().flat_map(|half| {
            let error = Half {
                protocol: Protocol::Echo,
                ..half
            };
            [
                candidate(half, true),
                candidate(half, false),
                candidate(error, false),
            ]
        });
        answers.collect()
    }
}

const fn is_error(seen: &Seen) -> bool {
    matches!(seen.body, Body::Error { .. })
}
