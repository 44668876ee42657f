//! The groups of a sweep: results with the same cause at the same place.
//!
//! Two places are one where the same device bounds them, whichever targets lie behind it: hops are
//! compared by address where they have one. What happens on the target itself, or on this host, is
//! one place for all targets.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::Serialize;

use super::brief::{Brief, Standing};
use super::fate::{fate, unresolved};
use super::tally::groups;
use crate::report::advice::Advice;
use crate::report::place;
use crate::report::record::{HopName, PlaceRecord};

/// Most groups; what comes after them is grouped by its cause alone.
pub const MOST_GROUPS: usize = 1_000;
/// Most members of a group that are named; the count is exact.
pub const MOST_MEMBERS: usize = 20;
/// Most target hosts of a group that are counted.
pub const MOST_HOSTS: usize = 1_000;
/// Most groups of the list that a group names.
const MOST_FILES: usize = 20;

/// Results with the same cause at the same place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// How good or bad they are.
    pub standing: Standing,
    /// Their state.
    pub state: String,
    /// Their cause.
    pub cause: String,
    /// How they are refused.
    pub method: Option<String>,
    /// Where, as the first member has it; `None` where there is no verdict, or no shared place.
    pub place: Option<PlaceRecord>,
    /// What happens to them and where, as a clause whose subject is their number.
    pub fate: String,
    /// How many there are.
    pub endpoints: u64,
    /// How many target hosts they are on.
    pub hosts: u64,
    /// Whether there are more hosts than were counted.
    pub more_hosts: bool,
    /// The least and the greatest confidence among them.
    pub confidence: (String, String),
    /// Names of the first [`MOST_MEMBERS`], by address and port.
    pub members: Vec<String>,
    /// How many are in which group of the list, the largest first.
    pub files: Vec<(String, u64)>,
    /// Whether they are in more groups of the list than are named.
    pub more_files: bool,
    /// What the verdict on the first member says.
    pub summary: String,
    /// What to do, as the advice for the first member words it.
    pub advice: Vec<Advice>,
    /// Whether the advice is the same, word for word, for all of them.
    pub same_advice: bool,
}

/// What makes results one group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    standing: Standing,
    cause: String,
    method: Option<String>,
    spot: Spot,
}

/// A place, as far as targets can share it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Spot {
    /// The name has no address.
    Nowhere,
    /// On the target, on this host, or not known.
    Kind(String),
    /// At a hop, behind a hop, or before one.
    Hops(String, [Option<Bound>; 3]),
    /// Not told apart: there are too many groups.
    Anywhere,
}

/// A hop by its address or, where it has none, by its distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Bound {
    Address(IpAddr),
    Distance(u8),
}

/// The order of members: that of addresses and ports, names without an address first.
type Rank = (Option<IpAddr>, u16, String);

#[derive(Clone, Debug)]
struct Draft {
    state: String,
    endpoints: u64,
    hosts: BTreeSet<IpAddr>,
    more_hosts: bool,
    confidence: (String, String),
    members: BTreeMap<Rank, String>,
    files: BTreeMap<String, u64>,
    more_files: bool,
    place: Option<PlaceRecord>,
    /// The hop that follows the place, as far as it is the same for all.
    before: Option<HopName>,
    summary: String,
    advice: Vec<Advice>,
    same_advice: bool,
}

/// The groups of a sweep under construction; bounded by [`MOST_GROUPS`] and the limits of each.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    drafts: BTreeMap<Key, Draft>,
}

impl Groups {
    /// Adds one result.
    pub fn add(&mut self, brief: &Brief<'_>) {
        let mut key = Key::of(brief);
        if self.drafts.len() >= MOST_GROUPS && !self.drafts.contains_key(&key) {
            key.spot = Spot::Anywhere;
        }
        self.drafts
            .entry(key)
            .and_modify(|draft| draft.add(brief))
            .or_insert_with(|| Draft::of(brief));
    }

    /// The groups: unexpected results first and undecided ones last, and of each the largest first.
    pub fn finish(self) -> Vec<Group> {
        let drafts = self.drafts.into_iter();
        let mut groups: Vec<Group> = drafts.map(|(key, draft)| draft.finish(key)).collect();
        groups.sort_by(|a, b| {
            let by_size = b.endpoints.cmp(&a.endpoints);
            a.standing.cmp(&b.standing).then(by_size)
        });
        groups
    }
}

impl Key {
    fn of(brief: &Brief<'_>) -> Self {
        Self {
            standing: brief.standing(),
            cause: brief.cause.to_owned(),
            method: brief.method.map(str::to_owned),
            spot: match (brief.address, brief.place) {
                (Some(_), Some(place)) => Spot::of(place),
                _ => Spot::Nowhere,
            },
        }
    }
}

impl Spot {
    fn of(place: &PlaceRecord) -> Self {
        let kind = place.kind.clone();
        // Where the hop that still reports is known, it is the place, whichever hops follow it; a
        // silent one may be another for each.
        let known = place.after_hop.is_some_and(|hop| hop.address.is_some());
        let before = place.before_hop.filter(|_| !known);
        let bounds = [place.at_hop, place.after_hop, before].map(|hop| hop.map(bound));
        let shared = !matches!(kind.as_str(), "host" | "local");
        if shared && bounds.iter().any(Option::is_some) {
            Self::Hops(kind, bounds)
        } else {
            Self::Kind(kind)
        }
    }
}

/// What two names of a hop have in common.
fn shared(one: Option<HopName>, other: Option<HopName>) -> Option<HopName> {
    let (one, other) = (one?, other?);
    (one.ttl == other.ttl).then(|| HopName {
        ttl: one.ttl,
        address: one.address.filter(|_| one.address == other.address),
        inferred: one.inferred || other.inferred,
    })
}

fn bound(hop: HopName) -> Bound {
    hop.address.map_or(Bound::Distance(hop.ttl), Bound::Address)
}

impl Draft {
    fn of(brief: &Brief<'_>) -> Self {
        let mut draft = Self {
            state: brief.state.to_owned(),
            endpoints: 0,
            hosts: BTreeSet::new(),
            more_hosts: false,
            confidence: (brief.confidence.to_owned(), brief.confidence.to_owned()),
            members: BTreeMap::new(),
            files: BTreeMap::new(),
            more_files: false,
            place: None,
            before: brief.place.and_then(|place| place.before_hop),
            summary: String::new(),
            advice: brief.advice.to_vec(),
            same_advice: true,
        };
        draft.add(brief);
        draft
    }

    fn add(&mut self, brief: &Brief<'_>) {
        self.endpoints += 1;
        if let Some(address) = brief.address
            && !self.hosts.contains(&address)
        {
            if self.hosts.len() < MOST_HOSTS {
                self.hosts.insert(address);
            } else {
                self.more_hosts = true;
            }
        }
        let (least, greatest) = &mut self.confidence;
        if firmness(brief.confidence) < firmness(least) {
            brief.confidence.clone_into(least);
        }
        if firmness(brief.confidence) > firmness(greatest) {
            brief.confidence.clone_into(greatest);
        }
        for name in groups(brief.list)
            .into_iter()
            .filter(|name| !name.is_empty())
        {
            if self.files.len() < MOST_FILES || self.files.contains_key(name) {
                *self.files.entry(name.to_owned()).or_default() += 1;
            } else {
                self.more_files = true;
            }
        }
        let before = brief.place.and_then(|place| place.before_hop);
        self.before = shared(self.before, before);
        self.same_advice &= self.advice == brief.advice;
        self.remember(brief);
    }

    /// Keeps the first members, and what is said of the very first.
    fn remember(&mut self, brief: &Brief<'_>) {
        let rank = (brief.address, brief.port, brief.given.to_owned());
        let full = self.members.len() >= MOST_MEMBERS;
        let last = self.members.last_key_value();
        if full && last.is_some_and(|(last, _)| *last < rank) {
            return;
        }
        if self
            .members
            .first_key_value()
            .is_none_or(|(first, _)| rank < *first)
        {
            self.place = brief.place.cloned();
            brief.summary.clone_into(&mut self.summary);
            self.advice = brief.advice.to_vec();
        }
        self.members.insert(rank, brief.name());
        if self.members.len() > MOST_MEMBERS {
            self.members.pop_last();
        }
    }

    fn finish(self, key: Key) -> Group {
        let place = self.place.filter(|_| key.spot != Spot::Anywhere);
        let place = place.map(|place| PlaceRecord {
            before_hop: self.before,
            ..place
        });
        let phrase = match key.spot {
            Spot::Anywhere => Some("at different places".to_owned()),
            Spot::Nowhere => None,
            Spot::Kind(_) | Spot::Hops(..) => place.as_ref().and_then(place::phrase),
        };
        let hosts = u64::try_from(self.hosts.len()).unwrap_or(u64::MAX);
        let mut files: Vec<(String, u64)> = self.files.into_iter().collect();
        files.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        Group {
            standing: key.standing,
            state: self.state,
            fate: match key.spot {
                Spot::Nowhere => unresolved(self.endpoints).to_owned(),
                Spot::Kind(_) | Spot::Hops(..) | Spot::Anywhere => {
                    fate(&key.cause, self.endpoints, phrase.as_deref())
                }
            },
            cause: key.cause,
            method: key.method,
            place,
            endpoints: self.endpoints,
            hosts,
            more_hosts: self.more_hosts,
            confidence: self.confidence,
            members: self.members.into_values().collect(),
            files,
            more_files: self.more_files,
            summary: self.summary,
            advice: self.advice,
            same_advice: self.same_advice,
        }
    }
}

/// The firmer, the greater; a word of a later version promises nothing.
fn firmness(word: &str) -> usize {
    let words = ["possible", "likely", "confirmed", "proven"];
    words
        .iter()
        .position(|known| *known == word)
        .map_or(0, |position| position + 1)
}
