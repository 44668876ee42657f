//! What to do about a verdict: who owns the cause, what to tell them, what to run.
//!
//! The first piece of advice is the most promising. Commands are complete as they stand but for
//! words in capitals; nothing a user or a network wrote stands in one unquoted.

pub mod advise;
pub(super) mod answers;
pub(super) mod case;
mod greeting;
pub(super) mod host;
pub(super) mod local;
pub(super) mod network;
pub mod piece;
pub(super) mod possible;
mod session;
pub mod situation;
pub(super) mod sizes;
pub mod target_rules;
mod translated;

#[cfg(test)]
mod tests;
