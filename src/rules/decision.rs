//! What all ways of a packet come to.

use serde::Serialize;

use super::flow::Flow;
use super::matcher::Subject;
use super::missing;
use super::odds::Odds;
use super::packet::Packet;
use super::paths;
use super::place::Place;
use super::ruleset::{Caveat, Ruleset};
use super::walk::{Assumed, End, Outcome, Start, outcomes};

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
    /// What must be so for any outcome to count, where the input contradicts itself or is not whole.
    pub provisos: Vec<String>,
    /// Where it depends: the outcome that all but improbable readings give.
    pub likely: Option<Ruling>,
    /// Whether the exploration was ended before every way was known.
    pub cut_short: bool,
}

/// Decides on the first packet of a connection.
pub fn decide(ruleset: &Ruleset, packet: &Packet) -> Decision {
    let known = packet.to.and_then(|to| ruleset.host_facts.is_here(to));
    let start = Start::of(&Packet {
        here: packet.here.or(known),
        ..packet.clone()
    });
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
    let provisos: Vec<String> = ruleset.caveats.iter().filter_map(proviso).collect();
    let ruling = match (allowed, blocked) {
        _ if cut_short || !provisos.is_empty() => Ruling::Depends,
        (false, true) => Ruling::Blocked,
        (true, true) => Ruling::Depends,
        (_, false) if !missing.is_empty() => Ruling::Depends,
        (_, false) => Ruling::Allowed,
    };
    let mut caveats = ruleset.caveats.iter();
    let doubtful = caveats.any(|one| *one != Caveat::HeadingMissing && proviso(one).is_some());
    let whole = !cut_short && !doubtful;
    let likely = (whole && ruling == Ruling::Depends)
        .then(|| likely(&all, &missing))
        .flatten();
    all.retain(|outcome| outcome.end != End::TooLong);
    all.sort_by_key(|outcome| outcome.assumed.len());
    let arrivals = arrivals(&all);
    let told = paths::fewest(all);
    let wanted = |outcome: &&Outcome| is_blocked(outcome) != (likely == Some(Ruling::Allowed));
    // The likeliest; a rule says more than a policy.
    let rank = |outcome: &&Outcome| {
        let by_policy = decided_at(outcome).is_none_or(|place| place.rule.is_none());
        (
            surprises(outcome),
            by_policy,
            specials(outcome),
            outcome.assumed.len(),
        )
    };
    let chief = told.iter().filter(wanted).min_by_key(rank);
    let chief = chief.or_else(|| told.first());
    Decision {
        ruling,
        flow: flow.clone(),
        chief: chief.cloned(),
        outcomes: told,
        arrivals,
        missing,
        provisos,
        likely,
        cut_short,
    }
}

/// What must be so for an outcome to count, where the input is doubtful as a whole.
fn proviso(caveat: &Caveat) -> Option<String> {
    Some(match caveat {
        Caveat::GivenTwice(table) => {
            format!("of the two tables {table} in the input, which differ, this one is in force")
        }
        Caveat::Changed(command) => format!("this command has changed nothing of it: {command}"),
        Caveat::NotUnderstood(words) => {
            format!("what is not understood in the input does not matter: {words}")
        }
        Caveat::CutOff(line) => format!("nothing that matters stood behind line {line}"),
        Caveat::LeftOut(line) => {
            format!("nothing that matters stood in the lines left out at line {line}")
        }
        Caveat::HeadingMissing => "the listing without its heading is of INPUT".to_owned(),
        Caveat::LegacyTablesNotShown
        | Caveat::FamilyAssumed(_)
        | Caveat::InterfacesHidden
        | Caveat::NamesShown
        | Caveat::PassedOver(..)
        | Caveat::ToolFailed(_)
        | Caveat::OnlyIptables
        | Caveat::TablesIncompatible(_)
        | Caveat::SetsEmpty
        | Caveat::IptablesSeenByNft(_) => return None,
    })
}

/// How many of its assumptions are against the odds.
fn surprises(outcome: &Outcome) -> usize {
    let mut assumed = outcome.assumed.iter();
    let against = |one: &&Assumed| one.odds.expected().is_some_and(|holds| holds != one.holds);
    assumed.by_ref().filter(against).count()
}

/// How many conditions it needs to hold that nobody can evaluate: what a rule singles out is rarer
/// than the rest.
fn specials(outcome: &Outcome) -> usize {
    let mut assumed = outcome.assumed.iter();
    let is_special = |one: &&Assumed| {
        let by_words = matches!(one.subject, Subject::Packet(..) | Subject::Rule(..));
        one.holds && by_words && one.odds == Odds::Even
    };
    assumed.by_ref().filter(is_special).count()
}

/// The outcome that all but improbable readings give.
fn likely(all: &[Outcome], missing: &[String]) -> Option<Ruling> {
    let usual: Vec<&Outcome> = all.iter().filter(|one| surprises(one) == 0).collect();
    let blocked = usual.iter().filter(|one| is_blocked(one)).count();
    match (usual.len(), blocked) {
        (0, _) => None,
        (all, blocked) if all == blocked => Some(Ruling::Blocked),
        (_, 0) if missing.is_empty() => Some(Ruling::Allowed),
        (_, _) => None,
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
pub fn is_blocked(outcome: &Outcome) -> bool {
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
