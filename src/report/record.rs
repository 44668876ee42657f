//! The record: the versioned form of one outcome that every other form is a view of.
//!
//! Field names and their order are those of the `synquest/endpoint/1` document. Words are kept as
//! strings, so that a record written by a later version still reads.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::advice::{self, Advice, Situation};
use super::entry::Entry;
use super::greeting::GreetingRecord;
use super::listed::Line;
use super::observed::Observed;
use super::session::SessionRecord;
use crate::model::endpoint::Endpoint;
use crate::model::greeting::Greeting;
use crate::model::outcome::Outcome;
use crate::model::path::{Hop, Sight};
use crate::model::probe::ProbeId;
use crate::model::session::Session;
use crate::model::vantage::Vantage;
use crate::model::verdict::{Alternative, Cause, HopRef, Place, Verdict};

/// The name and version of the document.
pub const SCHEMA: &str = "synquest/endpoint/1";

/// What one endpoint's inquest found.
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
    pub evidence: Vec<Entry>,
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
    /// Whether the sweep was stopped before this inquest settled, so that it is held anew when the
    /// sweep is continued.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unfinished: bool,
    /// The lines of the list that ask for it; none outside a sweep.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub list: Vec<Line>,
    /// The run it belongs to.
    pub run: Run,
}

/// What an inquest was about.
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
    /// Word of [`crate::model::verdict::State`].
    pub state: String,
    /// Word of [`crate::model::verdict::Cause`].
    pub cause: String,
    /// Word of [`crate::model::verdict::Confidence`].
    pub confidence: String,
    /// Where.
    pub place: PlaceRecord,
    /// Word of [`crate::model::verdict::Method`]; `None` where it is not known, or for causes without one.
    pub method: Option<String>,
    /// One or two sentences.
    pub summary: String,
    /// Numbers of the evidence it rests on.
    pub basis: Vec<u32>,
}

/// Where it happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceRecord {
    /// Word of [`crate::model::verdict::PlaceKind`].
    pub kind: String,
    /// The device that acted, when it is identified.
    pub at_hop: Option<HopName>,
    /// The last hop that reported this very flow.
    pub after_hop: Option<HopName>,
    /// The next hop that the control flow shows.
    pub before_hop: Option<HopName>,
    /// Word of [`crate::model::verdict::Way`]: on which way full-size packets vanish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way: Option<String>,
    /// The device that forwards the port to another machine, where one is seen to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub translated_at: Option<HopName>,
}

/// A hop by its distance and, when it reports, its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Word of [`crate::model::verdict::Cause`].
    pub cause: String,
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
    pub endpoint_flow: Option<String>,
    /// What the control flow drew here; `None` when not probed.
    pub control_flow: Option<String>,
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

/// What an inquest cost and what was lost meanwhile.
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
    /// Duration of the inquest, in microseconds.
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

impl Record {
    /// The record of `outcome`, advice included.
    pub fn new(outcome: &Outcome, run: &Run) -> Self {
        let Outcome {
            endpoint,
            vantage,
            finding,
            ..
        } = outcome;
        Self {
            schema: SCHEMA.to_owned(),
            endpoint: EndpointRecord::from(endpoint),
            verdict: VerdictRecord::from(&finding.verdict),
            alternatives: finding
                .alternatives
                .iter()
                .map(AlternativeRecord::from)
                .collect(),
            advice: advice::advise(outcome, &run.situation),
            path: finding.path.iter().map(HopRecord::from).collect(),
            evidence: Entry::all(outcome),
            local: LocalRecord::from(vantage),
            stats: Stats::of(outcome),
            notes: finding.notes.clone(),
            observed: None,
            session: None,
            greeting: None,
            unfinished: false,
            list: Vec::new(),
            run: run.clone(),
        }
    }
}

impl Record {
    /// Says in which packets of the capture each probe stands: its own, then those of its answers.
    pub fn number(&mut self, numbers: impl Fn(ProbeId) -> Vec<u64>) {
        for entry in &mut self.evidence {
            let packets = numbers(ProbeId(entry.id));
            if let Some((own, replies)) = packets.split_first() {
                entry.packet = Some(*own);
                entry.reply_packets = replies.to_vec();
            }
        }
    }

    /// Adds what became of its sessions: `session`, from this port of the client, says most of it.
    /// `outcome` is the one this record is of: the advice is given anew where the session died.
    pub fn live(&mut self, outcome: &Outcome, session: &Session, client_port: u16) {
        if outcome.finding.verdict.cause == Cause::Open && session.died() {
            self.advice = advice::died(outcome, &self.run.situation, session);
        }
        self.session = Some(SessionRecord::of(session, client_port));
    }

    /// Adds how the server greeted us. `outcome` is the one this record is of: the advice is given
    /// anew, from the server's own words.
    pub fn greet(&mut self, outcome: &Outcome, greeting: &Greeting) {
        self.advice = advice::greeted(outcome, &self.run.situation, greeting);
        self.greeting = Some(GreetingRecord::from(greeting));
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
            state: verdict.state.word().to_owned(),
            cause: verdict.cause.word().to_owned(),
            confidence: verdict.confidence.word().to_owned(),
            place: PlaceRecord::from(&verdict.place),
            method: verdict.method.map(|method| method.word().to_owned()),
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
            kind: place.kind.word().to_owned(),
            at_hop: name(place.at_hop),
            after_hop: name(place.after_hop),
            before_hop: name(place.before_hop),
            way: place.way.map(|way| way.word().to_owned()),
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
            cause: rival.cause.word().to_owned(),
            ruled_out: rival.ruled_out,
            because: rival.because.clone(),
            basis: numbers(&rival.basis),
        }
    }
}

impl From<&Hop> for HopRecord {
    fn from(hop: &Hop) -> Self {
        let word = |sight: Option<Sight>| sight.map(|sight| sight.word().to_owned());
        Self {
            ttl: hop.ttl,
            address: hop.address,
            rtt_us: hop.rtt.map(micros),
            endpoint_flow: word(hop.endpoint_flow),
            control_flow: word(hop.control_flow),
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

impl Stats {
    fn of(outcome: &Outcome) -> Self {
        let trials = outcome.evidence.trials().iter();
        // What another inquest sent counts there.
        let own = || trials.clone().filter(|trial| trial.shared.is_none());
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        Self {
            probes_sent: count(own().filter(|t| t.refused.is_none()).count()),
            replies: count(own().map(|trial| trial.replies.len()).sum()),
            strays: outcome.evidence.near_misses(),
            stray_resets: outcome
                .evidence
                .stray_resets()
                .map_or(0, |(count, _)| count),
            receive_drops: outcome.evidence.receive_drops(),
            elapsed_us: micros(outcome.elapsed),
            loss_estimate: outcome.finding.loss.map(|(low, high)| [low, high]),
            interrupted: outcome.evidence.interrupted(),
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

/// Whole microseconds of `span`; saturates.
pub(super) fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
