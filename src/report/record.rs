//! The record: the versioned form of one outcome that every other form is a view of.
//!
//! Field names and their order are those of the `synquest/endpoint/1` document. What is said by one
//! of a few words is [`Known`], so that a record written by another version still reads and is
//! written again as it came.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::advice::piece::Advice;
use super::advice::situation::Situation;
use super::entry::EvidenceEntry;
use super::greeting::GreetingRecord;
use super::listed::Line;
use super::observed::Observed;
use super::session::SessionRecord;
use crate::model::endpoint::Endpoint;
use crate::model::path::{Hop, Sight};
use crate::model::probe::ProbeId;
use crate::model::time::micros;
use crate::model::vantage::Vantage;
use crate::model::verdict::{
    Alternative, Cause, Confidence, HopRef, Method, Place, PlaceKind, State, Verdict, Way,
};
use crate::model::word::Known;

/// The name and version of the document.
pub const SCHEMA: &str = "synquest/endpoint/1";

/// What one endpoint's diagnosis found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`SCHEMA`].
    pub schema: String,
    /// What it was about.
    pub endpoint: EndpointRecord,
    /// The verdict.
    pub verdict: VerdictRecord,
    /// Every rival cause that the evidence touched.
    pub alternatives: Vec<AlternativeRecord>,
    /// What to do, the most promising first.
    pub advice: Vec<Advice>,
    /// The path, one row a hop.
    pub path: Vec<HopRecord>,
    /// Every probe and what became of it, in the order sent.
    pub evidence: Vec<EvidenceEntry>,
    /// Where we stood.
    pub local: LocalRecord,
    /// What it cost and what was lost.
    pub stats: Stats,
    /// Remarks that change nothing in the verdict.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Where it was read from somebody else's capture: who tried, and how it went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Observed>,
    /// What became of the session that says most, where there was one: the first that died, else the
    /// last.
    #[serde(default)]
    pub session: Option<SessionRecord>,
    /// How the server greeted one full connection, where the user asked for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub greeting: Option<GreetingRecord>,
    /// Whether the sweep was stopped before this diagnosis settled, so that it is held anew when the
    /// sweep is continued.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unfinished: bool,
    /// The lines of the list that ask for it; none outside a sweep.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub list: Vec<Line>,
    /// The run it belongs to.
    pub run: Run,
}

/// What a diagnosis was about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointRecord {
    /// What the user typed.
    pub given: String,
    /// The address probed.
    pub address: IpAddr,
    /// The port probed.
    pub port: u16,
    /// The user's own name for it.
    pub label: Option<String>,
}

/// The verdict, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictRecord {
    /// The port's state.
    pub state: Known<State>,
    /// The cause.
    pub cause: Known<Cause>,
    /// How firmly it stands.
    pub confidence: Known<Confidence>,
    /// Where.
    pub place: PlaceRecord,
    /// How it is refused or discarded; `None` where that is not known, or for causes without one.
    pub method: Option<Known<Method>>,
    /// One or two sentences.
    pub summary: String,
    /// Numbers of the evidence it rests on.
    pub basis: Vec<u32>,
}

/// Where it happens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PlaceRecord {
    /// What kind of place.
    pub kind: Known<PlaceKind>,
    /// The device that acted, when it is identified.
    pub at_hop: Option<HopName>,
    /// The last hop that reported this very flow.
    pub after_hop: Option<HopName>,
    /// The next hop that the control flow shows.
    pub before_hop: Option<HopName>,
    /// On which way full-size packets vanish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way: Option<Known<Way>>,
    /// The device that forwards the port to another machine, where one is seen to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub translated_at: Option<HopName>,
}

/// A hop by its distance and, when it reports, its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HopName {
    /// 1 is the first router.
    pub ttl: u8,
    /// Address it reports from.
    pub address: Option<IpAddr>,
    /// Whether it rests on what other endpoints of the run drew; left out where it does not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inferred: bool,
}

/// A rival cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlternativeRecord {
    /// The rival.
    pub cause: Known<Cause>,
    /// Whether the evidence excludes it.
    pub ruled_out: bool,
    /// Why, as a clause.
    pub because: String,
    /// Numbers of the evidence that says so.
    pub basis: Vec<u32>,
}

/// One row of the path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HopRecord {
    /// 1 is the first router.
    pub ttl: u8,
    /// Address it reports from; `None` when it never reported.
    pub address: Option<IpAddr>,
    /// Least round-trip time seen, in microseconds.
    pub rtt_us: Option<u64>,
    /// What the endpoint's own flow drew here; `None` when not probed.
    pub endpoint_flow: Option<Known<Sight>>,
    /// What the control flow drew here; `None` when not probed.
    pub control_flow: Option<Known<Sight>>,
    /// Remarks, as sentences.
    pub notes: Vec<String>,
}

/// The local end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalRecord {
    /// Source address.
    pub source: IpAddr,
    /// Outgoing interface.
    pub interface: String,
    /// Next hop; `None` when the target is on-link or local.
    pub gateway: Option<IpAddr>,
    /// Largest datagram of the route, in octets.
    #[serde(default)]
    pub mtu: u16,
}

/// What a diagnosis cost and what was lost meanwhile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// Probes handed to the kernel and not refused by it.
    pub probes_sent: u64,
    /// Authenticated replies.
    pub replies: u64,
    /// Packets of the right flow with the wrong token: never evidence.
    pub strays: u64,
    /// Those of them that were resets.
    #[serde(default, skip_serializing_if = "is_none_seen")]
    pub stray_resets: u64,
    /// Frames the kernel dropped before we read them.
    pub receive_drops: u64,
    /// Duration of the diagnosis, in microseconds.
    pub elapsed_us: u64,
    /// Bounds of the path's loss per round trip; `None` when nothing ever answered.
    pub loss_estimate: Option<[f64; 2]>,
    /// Whether the user, or the end of its time, stopped it before it settled.
    #[serde(default)]
    pub interrupted: bool,
}

/// The run a record belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Version of this program.
    pub version: String,
    /// Seed of the run's random choices; `None` when nobody gave one and the system's randomness
    /// chose.
    pub seed: Option<u64>,
    /// When the run began, in UTC (RFC 3339).
    pub started: String,
    /// What the user said of the way to the database; left out where that is nothing.
    #[serde(default, skip_serializing_if = "Situation::is_unsaid")]
    pub situation: Situation,
}

impl Run {
    /// A run of this version of the program.
    pub fn new(seed: Option<u64>, started: impl Into<String>) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            seed,
            started: started.into(),
            situation: Situation::default(),
        }
    }
}

impl From<&Endpoint> for EndpointRecord {
    fn from(endpoint: &Endpoint) -> Self {
        Self {
            given: endpoint.given.clone(),
            address: endpoint.address,
            port: endpoint.port,
            label: endpoint.label.clone(),
        }
    }
}

impl From<&Verdict> for VerdictRecord {
    fn from(verdict: &Verdict) -> Self {
        Self {
            state: verdict.state.into(),
            cause: verdict.cause.into(),
            confidence: verdict.confidence.into(),
            place: PlaceRecord::from(&verdict.place),
            method: verdict.method.map(Known::from),
            summary: verdict.summary.clone(),
            basis: numbers(&verdict.basis),
        }
    }
}

impl From<&Place> for PlaceRecord {
    fn from(place: &Place) -> Self {
        let name = |hop: Option<HopRef>| {
            hop.map(|hop| HopName {
                inferred: place.inferred,
                ..HopName::from(hop)
            })
        };
        Self {
            kind: place.kind.into(),
            at_hop: name(place.at_hop),
            after_hop: name(place.after_hop),
            before_hop: name(place.before_hop),
            way: place.way.map(Known::from),
            translated_at: place.translated_at.map(HopName::from),
        }
    }
}

impl From<HopRef> for HopName {
    fn from(hop: HopRef) -> Self {
        Self {
            ttl: hop.ttl,
            address: hop.address,
            inferred: false,
        }
    }
}

impl From<&Alternative> for AlternativeRecord {
    fn from(rival: &Alternative) -> Self {
        Self {
            cause: rival.cause.into(),
            ruled_out: rival.ruled_out,
            because: rival.because.clone(),
            basis: numbers(&rival.basis),
        }
    }
}

impl From<&Hop> for HopRecord {
    fn from(hop: &Hop) -> Self {
        Self {
            ttl: hop.ttl,
            address: hop.address,
            rtt_us: hop.rtt.map(micros),
            endpoint_flow: hop.endpoint_flow.map(Known::from),
            control_flow: hop.control_flow.map(Known::from),
            notes: hop.notes.clone(),
        }
    }
}

impl From<&Vantage> for LocalRecord {
    fn from(vantage: &Vantage) -> Self {
        Self {
            source: vantage.source,
            interface: vantage.interface.clone(),
            gateway: vantage.gateway,
            mtu: vantage.mtu,
        }
    }
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands fields over by reference"
)]
const fn is_none_seen(count: &u64) -> bool {
    *count == 0
}

fn numbers(basis: &[ProbeId]) -> Vec<u32> {
    basis.iter().map(|id| id.0).collect()
}
