//! What changed between two runs: endpoints whose verdict is another one now, new ones, gone ones.
//!
//! The earlier run is read as a stream into a [`Baseline`], the later one compared as it settles.
//! Endpoints are the same when address and port are; names without an address, when the name is.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::brief::Brief;
use crate::model::verdict::{Cause, Confidence, State};
use crate::model::word::Known;
use crate::report::listed;
use crate::report::place;
use crate::report::record::{self, HopName, PlaceRecord};
use crate::report::words::named;

/// The name and version of the document.
pub const SCHEMA: &str = "synquest/changes/1";

/// A verdict, as far as runs are compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Reading {
    /// The state.
    pub state: Known<State>,
    /// The cause.
    pub cause: Known<Cause>,
    /// How firm.
    pub confidence: Known<Confidence>,
    /// Where; `None` for a name without an address.
    pub place: Option<PlaceRecord>,
}

/// Which way a change goes. Ordered: what to look at first is the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trend {
    /// It was open and is not.
    Worse,
    /// It was not open, and is not for another reason or at another place.
    Other,
    /// It is open and was not.
    Better,
    /// The same, said more or less firmly.
    Firmness,
}

/// Endpoints that changed alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerdictChange {
    /// Which way.
    pub trend: Trend,
    /// What the earlier run found.
    pub before: Reading,
    /// What this one found.
    pub after: Reading,
    /// Names of the endpoints, by address and port.
    pub endpoints: Vec<String>,
}

/// What changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// What to look at first first, and of each trend the largest first.
    pub changes: Vec<VerdictChange>,
    /// Endpoints that only this run has, and what it found.
    pub new: Vec<(String, Reading)>,
    /// Endpoints that only the earlier run has, and what that found.
    pub gone: Vec<(String, Reading)>,
    /// Endpoints of which nothing changed.
    pub same: u64,
}

/// What makes two results results of the same endpoint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identity {
    Name(String),
    Socket(SocketAddr),
}

#[derive(Clone, Debug)]
struct Past {
    /// What it was called, where that is not address and port.
    name: Option<Box<str>>,
    reading: Arc<Reading>,
}

/// The results of an earlier run: some 100 octets an endpoint.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    past: BTreeMap<Identity, Past>,
    /// Every reading once: most endpoints share theirs with many.
    readings: BTreeSet<Arc<Reading>>,
}

/// The fields of a document that are compared; the evidence is passed over unread.
#[derive(Deserialize)]
struct Slim {
    endpoint: SlimEndpoint,
    verdict: SlimVerdict,
}

/// What tells the kind of a document.
#[derive(Deserialize)]
struct SchemaOnly {
    schema: String,
}

#[derive(Deserialize)]
struct SlimEndpoint {
    given: String,
    address: Option<IpAddr>,
    port: u16,
    label: Option<String>,
}

#[derive(Deserialize)]
struct SlimVerdict {
    state: Known<State>,
    cause: Known<Cause>,
    confidence: Known<Confidence>,
    place: PlaceRecord,
}

impl Baseline {
    /// Adds one line of the earlier run's results; documents of other kinds are passed over. Of two
    /// results on one endpoint the later stands.
    ///
    /// # Errors
    ///
    /// When the line is no JSON document of this program.
    pub fn add(&mut self, line: &[u8]) -> serde_json::Result<()> {
        let SchemaOnly { schema } = serde_json::from_slice(line)?;
        if schema != record::SCHEMA && schema != listed::UNRESOLVED {
            return Ok(());
        }
        let slim: Slim = serde_json::from_slice(line)?;
        let endpoint = slim.endpoint;
        let verdict = slim.verdict;
        let reading = Reading {
            state: verdict.state,
            cause: verdict.cause,
            confidence: verdict.confidence,
            place: endpoint.address.map(|_| verdict.place),
        };
        let name = named(
            &endpoint.given,
            endpoint.address,
            endpoint.port,
            endpoint.label.as_deref(),
        );
        let identity = Identity::of(&endpoint.given, endpoint.address, endpoint.port);
        let plain = identity.name() == name;
        let reading = self.shared(reading);
        self.past.insert(
            identity,
            Past {
                name: (!plain).then(|| name.into_boxed_str()),
                reading,
            },
        );
        Ok(())
    }

    /// How many endpoints it knows.
    pub fn len(&self) -> usize {
        self.past.len()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.past.is_empty()
    }

    fn shared(&mut self, reading: Reading) -> Arc<Reading> {
        if let Some(known) = self.readings.get(&reading) {
            return Arc::clone(known);
        }
        let reading = Arc::new(reading);
        self.readings.insert(Arc::clone(&reading));
        reading
    }
}

impl Identity {
    fn of(given: &str, address: Option<IpAddr>, port: u16) -> Self {
        match address {
            Some(address) => Self::Socket(SocketAddr::new(address, port)),
            None => Self::Name(given.to_owned()),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Socket(socket) => socket.to_string(),
        }
    }
}

/// A later run, compared with a baseline as it settles: keeps what changed, all of it.
#[derive(Clone, Debug)]
pub struct Comparison {
    left: BTreeMap<Identity, Past>,
    changed: Vec<(Identity, String, Arc<Reading>, Reading)>,
    new: Vec<(Identity, String, Reading)>,
    same: u64,
}

impl From<Baseline> for Comparison {
    fn from(baseline: Baseline) -> Self {
        Self {
            left: baseline.past,
            changed: Vec::new(),
            new: Vec::new(),
            same: 0,
        }
    }
}

impl Comparison {
    /// Compares one result; each endpoint is given once.
    pub fn add(&mut self, brief: &Brief<'_>) {
        let identity = Identity::of(brief.given, brief.address, brief.port);
        let after = Reading::of(brief);
        match self.left.remove(&identity) {
            None => self.new.push((identity, brief.name(), after)),
            Some(past) if Trend::of(&past.reading, &after).is_none() => self.same += 1,
            Some(past) => {
                let name = brief.name();
                self.changed.push((identity, name, past.reading, after));
            }
        }
    }

    /// What changed. With `complete` false, endpoints that have no result yet are not called gone.
    pub fn finish(mut self, complete: bool) -> Changes {
        self.changed.sort_by(|a, b| a.0.cmp(&b.0));
        self.new.sort_by(|a, b| a.0.cmp(&b.0));
        let mut changes: BTreeMap<String, VerdictChange> = BTreeMap::new();
        for (_, name, before, after) in self.changed {
            let Some(trend) = Trend::of(&before, &after) else {
                continue;
            };
            let key = format!("{} → {}", before.words(), after.words());
            let change = changes.entry(key).or_insert_with(|| VerdictChange {
                trend,
                before: Reading::clone(&before),
                after,
                endpoints: Vec::new(),
            });
            change.endpoints.push(name);
        }
        let mut changes: Vec<VerdictChange> = changes.into_values().collect();
        changes.sort_by_key(|change| (change.trend, Reverse(change.endpoints.len())));
        let gone = self.left.into_iter().filter(|_| complete);
        Changes {
            schema: SCHEMA,
            changes,
            new: self
                .new
                .into_iter()
                .map(|(_, name, reading)| (name, reading))
                .collect(),
            gone: gone
                .map(|(identity, past)| {
                    let name = past.name.map_or_else(|| identity.name(), String::from);
                    (name, Reading::clone(&past.reading))
                })
                .collect(),
            same: self.same,
        }
    }
}

impl Reading {
    fn of(brief: &Brief<'_>) -> Self {
        Self {
            state: brief.state.clone(),
            cause: brief.cause.clone(),
            confidence: brief.confidence.clone(),
            place: brief.place.cloned(),
        }
    }

    /// Cause, firmness and place: `drop-path (confirmed), between hop 2 (10.9.1.2) and hop 3`.
    pub fn words(&self) -> String {
        let mut words = format!("{} ({})", self.cause, self.confidence);
        if self.cause != Cause::Open
            && let Some(phrase) = self.place.as_ref().and_then(place::phrase)
        {
            words.push_str(&format!(", {phrase}"));
        }
        words
    }

    /// Whether both may be the same place: no hop that both know by address differs.
    fn is_at(&self, other: &Self) -> bool {
        let (Some(ours), Some(theirs)) = (&self.place, &other.place) else {
            return self.place.is_some() == other.place.is_some();
        };
        let same = |ours: Option<HopName>, theirs: Option<HopName>| match (ours, theirs) {
            (Some(ours), Some(theirs)) => match (ours.address, theirs.address) {
                (Some(ours), Some(theirs)) => ours == theirs,
                _ => ours.ttl == theirs.ttl,
            },
            (None, None) => true,
            _ => false,
        };
        ours.kind == theirs.kind
            && same(ours.at_hop, theirs.at_hop)
            && same(ours.after_hop, theirs.after_hop)
            && same(ours.before_hop, theirs.before_hop)
    }
}

impl Trend {
    /// Which way it went from `before` to `after`; `None` when nothing changed.
    fn of(before: &Reading, after: &Reading) -> Option<Self> {
        let same = before.state == after.state && before.cause == after.cause;
        let rank = |reading: &Reading| match reading.cause.known() {
            Some(Cause::Open) => 2,
            // Not to know is neither: what was open may still be.
            Some(cause) if cause.is_undecided() => 1,
            Some(_) | None => 0,
        };
        match (same, before.is_at(after)) {
            (true, true) if before.confidence == after.confidence => None,
            (true, true) => Some(Self::Firmness),
            _ => Some(match (rank(before), rank(after)) {
                (2, 2) | (0 | 1, 0 | 1) => Self::Other,
                (2, _) => Self::Worse,
                _ => Self::Better,
            }),
        }
    }
}
