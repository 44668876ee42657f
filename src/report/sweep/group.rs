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
use crate::model::verdict::{Cause, Confidence, Method, PlaceKind, State};
use crate::model::word::Known;
use crate::report::advice::piece::Advice;
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
pub struct ResultGroup {
    /// How good or bad they are.
    pub standing: Standing,
    /// Their state.
    pub state: Known<State>,
    /// Their cause.
    pub cause: Known<Cause>,
    /// How they are refused.
    pub method: Option<Known<Method>>,
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
    pub confidence: (Known<Confidence>, Known<Confidence>),
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
struct GroupKey {
    standing: Standing,
    cause: Known<Cause>,
    method: Option<Known<Method>>,
    spot: SharedPlace,
}

/// A place, as far as targets can share it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum SharedPlace {
    /// The name has no address.
    Nowhere,
    /// On the target, on this host, or not known.
    Kind(Known<PlaceKind>),
    /// At a hop, behind a hop, or before one.
    Hops(Known<PlaceKind>, [Option<Bound>; 3]),
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
type MemberRank = (Option<IpAddr>, u16, String);

#[derive(Clone, Debug)]
struct Draft {
    state: Known<State>,
    endpoints: u64,
    hosts: BTreeSet<IpAddr>,
    more_hosts: bool,
    confidence: (Known<Confidence>, Known<Confidence>),
    members: BTreeMap<MemberRank, String>,
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
    drafts: BTreeMap<GroupKey, Draft>,
}

impl Groups {
    /// Adds one result.
    pub fn add(&mut self, brief: &Brief<'_>) {
        let mut key = GroupKey::of(brief);
        if self.drafts.len() >= MOST_GROUPS && !self.drafts.contains_key(&key) {
            key.spot = SharedPlace::Anywhere;
        }
        self.drafts
            .entry(key)
            .and_modify(|draft| draft.add(brief))
            .or_insert_with(|| Draft::of(brief));
    }

    /// The groups: unexpected results first and undecided ones last, and of each the largest first.
    pub fn finish(self) -> Vec<ResultGroup> {
        let drafts = self.drafts.into_iter();
        let mut groups: Vec<ResultGroup> = drafts.map(|(key, draft)| draft.finish(key)).collect();
        groups.sort_by(|a, b| {
            let by_size = b.endpoints.cmp(&a.endpoints);
            a.standing.cmp(&b.standing).then(by_size)
        });
        groups
    }
}

impl GroupKey {
    fn of(brief: &Brief<'_>) -> Self {
        Self {
            standing: brief.standing(),
            cause: brief.cause.clone(),
            method: brief.method.cloned(),
            spot: match (brief.address, brief.place) {
                (Some(_), Some(place)) => SharedPlace::of(place),
                _ => SharedPlace::Nowhere,
            },
        }
    }
}

impl SharedPlace {
    fn of(place: &PlaceRecord) -> Self {
        let kind = place.kind.clone();
        // Where the hop that still reports is known, it is the place, whichever hops follow it; a
        // silent one may be another for each.
        let known = place.after_hop.is_some_and(|hop| hop.address.is_some());
        let before = place.before_hop.filter(|_| !known);
        let bounds = [place.at_hop, place.after_hop, before].map(|hop| hop.map(bound));
        let shared = kind != PlaceKind::Host && kind != PlaceKind::Local;
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
            state: brief.state.clone(),
            endpoints: 0,
            hosts: BTreeSet::new(),
            more_hosts: false,
            confidence: (brief.confidence.clone(), brief.confidence.clone()),
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
        // A word of another version promises nothing.
        if brief.confidence.known() < least.known() {
            least.clone_from(brief.confidence);
        }
        if brief.confidence.known() > greatest.known() {
            greatest.clone_from(brief.confidence);
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

    fn finish(self, key: GroupKey) -> ResultGroup {
        let place = self.place.filter(|_| key.spot != SharedPlace::Anywhere);
        let place = place.map(|place| PlaceRecord {
            before_hop: self.before,
            ..place
        });
        let phrase = match key.spot {
            SharedPlace::Anywhere => Some("at different places".to_owned()),
            SharedPlace::Nowhere => None,
            SharedPlace::Kind(_) | SharedPlace::Hops(..) => place.as_ref().and_then(place::phrase),
        };
        let hosts = u64::try_from(self.hosts.len()).unwrap_or(u64::MAX);
        let mut files: Vec<(String, u64)> = self.files.into_iter().collect();
        files.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        ResultGroup {
            standing: key.standing,
            state: self.state,
            fate: match key.spot {
                SharedPlace::Nowhere => unresolved(self.endpoints).to_owned(),
                SharedPlace::Kind(_) | SharedPlace::Hops(..) | SharedPlace::Anywhere => {
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
