//! Evidence → verdict, or the question that would best decide it. Pure: no state, no clock.
//!
//! [`judge`](judge()) reads all of the evidence each time. Rooms (`local`, `answer`, `pattern`, `reset`,
//! `distance`, `translation`, `refusal`, `locate`, `silence`, `size`) each read one kind of question into a sign;
//! `question` is the list of questions, their occasions, readers and signs; `table` says which signs each
//! cause is consistent with and requires; `loss` is the statistics of silence.
//! There is no other planner: a probe is sent because a question is open on which the surviving
//! causes disagree.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a room names the signs it knows; it is the table that must know them all"
)]

mod analysis;
mod answer;
mod attempt;
mod bare;
mod beside;
mod bystander;
mod character;
mod controls;
mod departure;
mod dissent;
mod distance;
mod extras;
mod flawed;
mod hole;
mod hypothesis;
mod interference;
mod job;
mod judge;
mod limited;
mod local;
mod locate;
mod loss;
mod observer;
mod odds;
mod outline;
mod padded;
mod pattern;
mod place;
mod question;
mod refusal;
mod reset;
mod retest;
mod rounds;
mod scope;
mod sign;
mod silence;
mod size;
mod table;
mod throttle;
mod trace;
mod translation;
mod unanswered;
mod words;

#[cfg(test)]
mod tests;

pub(crate) use analysis::hop_of_arrival;
pub use job::{Ask, Control, ControlOrigin, Course, Job, Judgement, Next};
pub use judge::{judge, plan};
pub use observer::{Bystander, Observer, Position};
pub(crate) use observer::{Carried, Drew, Lost, Phases, Refused, Symptom, Unheard, Unseen};
