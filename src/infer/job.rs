//! What inference is asked with, and what it gives: the nouns of its callers.

use serde::{Deserialize, Serialize};

use crate::model::endpoint::Endpoint;
use crate::model::probe::Probe;
use crate::model::time::Moment;
use crate::model::vantage::Vantage;
use crate::model::verdict::Finding;

use super::observer::Observer;

/// What a diagnosis is held under, besides the evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// What the diagnosis is about.
    pub endpoint: Endpoint,
    /// Where we stand.
    pub vantage: Vantage,
    /// Control ports to compare with, best first: the user's own, two random high ones that nothing
    /// should listen on, then well-known ones.
    pub controls: Vec<Control>,
    /// Who gathered the evidence. No journal holds another observer's.
    #[serde(skip)]
    pub observer: Observer,
    /// Stop at the first answer that names a cause.
    pub quick: bool,
    /// Whether to check an open port with full-size packets.
    pub check_mtu: bool,
    /// More flows and more controls, by the user's choice.
    #[serde(default)]
    pub thorough: bool,
    /// When the diagnosis began.
    pub began: Moment,
    /// When the time budget ends.
    pub deadline: Moment,
}

/// A port of the same address to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// The port.
    pub port: u16,
    /// Why it was chosen.
    pub origin: ControlOrigin,
}

/// Why a control port was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ControlOrigin {
    /// The user named it.
    Given,
    /// Random and high: nothing should listen there.
    Random,
    /// Commonly open (22).
    WellKnown,
}

/// What inference makes of the evidence so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The verdict as it stands.
    pub finding: Finding,
    /// How to go on.
    pub course: Course,
}

/// How a diagnosis goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    /// What to do next.
    pub next: Next,
    /// When to judge again although no fact arrived: the passing of time alone says something then.
    pub look_again: Option<Moment>,
}

impl Course {
    /// Nothing is left to ask.
    pub const SETTLE: Self = Self {
        next: Next::Settle,
        look_again: None,
    };
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: the verdict is settled.
    Settle,
    /// Send these, each at its time; then judge again. Empty: wait for a reply or an expiry.
    Ask(Vec<Ask>),
}

/// A probe that would help, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The probe.
    pub probe: Probe,
    /// Not before this moment.
    pub not_before: Moment,
}
