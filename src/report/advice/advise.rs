//! What to do about an outcome, put together from what its cause calls for.

use std::net::IpAddr;

use super::case::Case;
use super::piece::{Advice, Purpose};
use super::situation::Situation;
use super::{greeting, network, session, translated};
use crate::model::greeting::Greeting;
use crate::model::outcome::Outcome;
use crate::model::session::Session;
use crate::model::verdict::Cause;
use crate::report::catalogue;

/// What to do about `outcome`, the most promising first.
pub fn advise(outcome: &Outcome, situation: &Situation) -> Vec<Advice> {
    let case = Case::of(outcome, situation);
    let row = catalogue::row(outcome.finding.verdict.cause);
    let device = case.verdict.place.translated_at;
    let mut advice = device
        .and_then(|device| translated::advise(&case, device))
        .unwrap_or_else(|| (row.advise)(&case));
    let retest = |piece: &Advice| piece.purpose == Purpose::Retest;
    let at = advice.iter().position(retest).unwrap_or(advice.len());
    let others = network::rival(&case).into_iter();
    advice.splice(at..at, others.chain((row.possible)(&case)));
    network::put_own_side(&case, &mut advice);
    let cause = outcome.finding.verdict.cause;
    if !matches!(cause, Cause::Open | Cause::MtuBlackHole) && !case.is_here() {
        match network::doubt(&case) {
            Some(doubt) if doubt.contradicts => advice.insert(0, doubt.advice),
            doubt => advice.extend(doubt.map(|doubt| doubt.advice)),
        }
    }
    advice
}

/// What to do about `outcome`, an open endpoint, after its server greeted us so.
pub fn greeted(outcome: &Outcome, situation: &Situation, greeting: &Greeting) -> Vec<Advice> {
    greeting::greeted(&Case::of(outcome, situation), greeting)
}

/// What to do about `outcome`, an open endpoint, on which a running session died.
pub fn died(outcome: &Outcome, situation: &Situation, session: &Session) -> Vec<Advice> {
    session::died(&Case::of(outcome, situation), session)
}

/// Takes out the steps that look for the rule of the target's firewall, for where it is named.
pub fn spare_the_search(advice: &mut Vec<Advice>) {
    advice.retain(|piece| piece.purpose != Purpose::Search);
}

/// The address under which the target sees us; `None` where a NAT stands between and nobody said.
pub fn seen_as(outcome: &Outcome, situation: &Situation) -> Option<IpAddr> {
    Case::of(outcome, situation).seen_as().parse().ok()
}
