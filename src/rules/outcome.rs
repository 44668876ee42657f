//! How the ways of a packet end, and what was assumed on them.

use super::flow::Flow;
use super::matcher::Subject;
use super::odds::Odds;
use super::place::{ChainAt, Place};

/// How a way ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The packet arrives, let in last by the rule or policy here.
    Allowed(Option<Place>),
    /// It was stopped.
    Blocked(Block),
    /// The exploration was ended here.
    TooLong,
}

/// What stopped a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Where.
    pub place: Place,
    /// The target.
    pub target: String,
    /// The answer a REJECT gives.
    pub reject_with: Option<String>,
    /// The number of the rule; absent for a policy.
    pub number: Option<u32>,
    /// For a policy: the rule of the chain by which the packet left it before its end.
    pub left_by: Option<usize>,
}

/// What was assumed on a way.
#[derive(Clone, Debug, PartialEq)]
pub struct Assumed {
    /// What could not be told, in words.
    pub fact: String,
    /// What it is about.
    pub subject: Subject,
    /// Whether it was taken to be true.
    pub holds: bool,
    /// How likely it is true.
    pub odds: Odds,
}

/// One way and its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Its end.
    pub end: End,
    /// What it hangs on.
    pub assumed: Vec<Assumed>,
    /// The rules that led the packet there.
    pub way: Vec<String>,
    /// The chains it has entered from others; where ways to one end were put together, those that
    /// all of them enter.
    pub entered: Vec<ChainAt>,
    /// What was taken to be so on the way.
    pub noted: Vec<String>,
    /// The packet as it was there.
    pub flow: Flow,
}
