//! What a capture says for programs, beside what it says for people: one line of JSON in a comment.
//!
//! Packets are the evidence; a note holds only what no packet can show: what the diagnosis was held
//! under, which facts this host contributed (what it refused to send, what its firewall kept from
//! the receiver behind it, when patience ended), and in which order all of it became known. Where a note
//! and a packet disagree, the packet counts.
//!
//! Captures outlive the program: a later version reads what this one wrote (a test keeps such a
//! file), and this one reads a later one's accounts as far as it knows their steps.

use serde::{Deserialize, Deserializer, Serialize};

use crate::infer::Job;
use crate::model::evidence::Fact;
use crate::model::probe::{Probe, ProbeId};
use crate::model::time::Moment;
use crate::model::verdict::Verdict;

/// The name and version that every note begins with.
pub const SCHEMA: &str = "synquest/capture/1";
/// What the notes of every version begin with.
const EVERY_VERSION: &str = "synquest/capture/";

/// A note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Note {
    /// In the section header: the run.
    Run(Run),
    /// On a diagnosis's first packet, or in its first statistics where it has none: its beginning.
    #[serde(rename = "inquest")]
    Diagnosis(Box<Diagnosis>),
    /// In interface statistics: what became known, in its order; a long account comes in parts.
    Account(Account),
}

/// The run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Moment zero, in nanoseconds since the Unix epoch.
    pub began: u64,
    /// Version of the program.
    pub version: String,
    /// Seed of the run's random choices, where one was given.
    pub seed: Option<u64>,
}

/// The beginning of a diagnosis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// Its number in the run, from 0.
    pub session: usize,
    /// What it is held under.
    #[serde(rename = "brief")]
    pub job: Job,
}

/// What became known in a diagnosis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The diagnosis's number.
    pub session: usize,
    /// When it settled; `None` in all parts but the last.
    pub settled: Option<Moment>,
    /// What became known.
    #[serde(deserialize_with = "tolerant")]
    pub steps: Vec<Step>,
    /// The verdict as it was given, in the last part.
    #[serde(default)]
    pub claim: Option<Claim>,
}

/// A verdict in the words of the contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Word of [`crate::model::verdict::State`].
    pub state: String,
    /// Word of [`crate::model::verdict::Cause`].
    pub cause: String,
    /// Word of [`crate::model::verdict::Confidence`].
    pub confidence: String,
    /// Word of [`crate::model::verdict::Method`]; `None` where it is not known, or for causes without one.
    pub method: Option<String>,
}

impl Claim {
    /// The claim that `verdict` makes.
    pub fn of(verdict: &Verdict) -> Self {
        Self {
            state: verdict.state.word().to_owned(),
            cause: verdict.cause.word().to_owned(),
            confidence: verdict.confidence.word().to_owned(),
            method: verdict.method.map(|method| method.word().to_owned()),
        }
    }
}

/// One thing that became known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// A probe was handed to the kernel. What it was, its packet shows; it is said here where none
    /// does, or not all.
    Sent(Moment, ProbeId, Option<Probe>),
    /// This packet is that probe, leaving.
    Left(ProbeId, u64),
    /// This packet was heard by the tap.
    Heard(u64),
    /// What this packet says was heard behind the firewall as well.
    HeardBehind(Moment, u64),
    /// A fact that no packet shows.
    Fact(Moment, Fact),
    /// A step of a later version.
    #[serde(skip)]
    Unknown,
}

/// Steps that are not known here are kept as such: what they say is missing, the others stand.
fn tolerant<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Step>, D::Error> {
    let steps = Vec::<serde_json::Value>::deserialize(from)?;
    let read = |step| serde_json::from_value(step).unwrap_or(Step::Unknown);
    Ok(steps.into_iter().map(read).collect())
}

impl Note {
    /// The note as the text of a comment.
    pub fn text(&self) -> String {
        // No type here can fail to serialise: no maps with other keys than strings, no readers.
        let json = serde_json::to_string(self).unwrap_or_default();
        format!("{SCHEMA} {json}")
    }

    /// Whether a comment is a note that cannot be read here: of a later version, or damaged.
    pub fn is_unread(comment: &str) -> bool {
        comment.starts_with(EVERY_VERSION) && Self::read(comment).is_none()
    }

    /// Reads a comment; `None` where it is no note of this version.
    pub fn read(comment: &str) -> Option<Self> {
        let json = comment.strip_prefix(SCHEMA)?.strip_prefix(' ')?;
        serde_json::from_str(json).ok()
    }
}
