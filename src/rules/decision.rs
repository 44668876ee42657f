//! What all ways of a packet come to.

use serde::Serialize;

use super::flow::Flow;
use super::missing;
use super::packet::Packet;
use super::place::Place;
use super::ruleset::{Doubt, Ruleset};
use super::walk::{End, Outcome, Start, outcomes};
use super::ways;

/// Whether a packet arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Ruling {
    /// It does, on every way.
    Allowed,
    /// It does not, on any way.
    Blocked,
    /// That hangs on what the input does not tell.
    Depends,
}

impl Ruling {
    /// Its word in the output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Blocked => "blocked",
            Self::Depends => "depends",
        }
    }
}

/// The decision on a packet.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Whether it arrives.
    pub ruling: Ruling,
    /// The packet it is about, as it sets out (in one of the forms in which it may).
    pub flow: Flow,
    /// Every end with the ways to it, side by side, those that hang on least first.
    pub outcomes: Vec<Outcome>,
    /// Every form in which it arrives.
    arrivals: Vec<Start>,
    /// The outcome that is told first: what blocks, where anything does.
    pub chief: Option<Outcome>,
    /// What the input lacks, so that what it lets through may be stopped all the same.
    pub missing: Vec<String>,
    /// Whether the exploration was ended before every way was known.
    pub cut_short: bool,
}

/// Decides on the first packet of a connection.
pub fn decide(ruleset: &Ruleset, packet: &Packet) -> Decision {
    let start = Start::of(packet);
    decide_on(ruleset, &start.flow, std::slice::from_ref(&start))
}

fn decide_on(ruleset: &Ruleset, flow: &Flow, starts: &[Start]) -> Decision {
    let mut all = outcomes(ruleset, starts);
    let missing = missing::of(ruleset, flow);
    let cut_short = all.iter().any(|outcome| outcome.end == End::TooLong);
    let allowed = all
        .iter()
        .any(|outcome| matches!(outcome.end, End::Allowed(_)));
    let blocked = all.iter().any(is_blocked);
    let mut doubts = ruleset.doubts.iter();
    let contradicts_itself =
        doubts.any(|doubt| {
            matches!(
                doubt,
                Doubt::GivenTwice(_) | Doubt::Changed(_) | Doubt::NotUnderstood(_) | Doubt::CutOff(_)
            )
        });
    let ruling = match (allowed, blocked) {
        _ if cut_short || contradicts_itself => Ruling::Depends,
        (false, true) => Ruling::Blocked,
        (true, true) => Ruling::Depends,
        (_, false) if !missing.is_empty() => Ruling::Depends,
        (_, false) => Ruling::Allowed,
    };
    all.retain(|outcome| outcome.end != End::TooLong);
    all.sort_by_key(|outcome| outcome.assumed.len());
    let arrivals = arrivals(&all);
    let told = ways::fewest(all);
    // A rule says more than a policy.
    let by_rule = |outcome: &&Outcome| {
        is_blocked(outcome) && decided_at(outcome).is_some_and(|place| place.rule.is_some())
    };
    let blocked = told
        .iter()
        .find(by_rule)
        .or_else(|| told.iter().find(|outcome| is_blocked(outcome)));
    let chief = blocked.or_else(|| told.first());
    Decision {
        ruling,
        flow: flow.clone(),
        chief: chief.cloned(),
        outcomes: told,
        arrivals,
        missing,
        cut_short,
    }
}

/// The decisions on the packets of a handshake after the opening one, on which `first` decided:
/// of each, as far as those before it arrive.
pub fn handshake(ruleset: &Ruleset, first: &Decision) -> Vec<Decision> {
    let mut told = Vec::new();
    for next in [Flow::answer, Flow::completion] {
        let last = told.last().unwrap_or(first);
        let starts: Vec<Start> = last
            .arrivals
            .iter()
            .map(|arrived| arrived.followed_by(next))
            .collect();
        let Some(start) = starts.first() else {
            break;
        };
        told.push(decide_on(ruleset, &start.flow, &starts));
    }
    told
}

/// The forms in which a packet arrives, each by the way with the fewest assumptions.
fn arrivals(outcomes: &[Outcome]) -> Vec<Start> {
    let mut arrivals: Vec<Start> = Vec::new();
    for outcome in outcomes {
        let is_new = arrivals.iter().all(|other| other.flow != outcome.flow);
        if is_new && matches!(outcome.end, End::Allowed(_)) {
            arrivals.push(Start {
                flow: outcome.flow.clone(),
                assumed: outcome.assumed.clone(),
            });
        }
    }
    arrivals
}

/// Whether the packet was stopped on this way.
pub(super) fn is_blocked(outcome: &Outcome) -> bool {
    matches!(outcome.end, End::Blocked(_))
}

/// Where an outcome was decided.
pub(super) const fn decided_at(outcome: &Outcome) -> Option<Place> {
    match &outcome.end {
        End::Allowed(place) => *place,
        End::Blocked(block) => Some(block.place),
        End::TooLong => None,
    }
}
