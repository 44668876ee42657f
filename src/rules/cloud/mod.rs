//! The cloud's own rules, from the JSON that each provider's command line prints.
//!
//! [`split::split`] takes the JSON documents of these kinds out of a text, [`found::Found`] is what
//! they hold, `stage::stages` puts it in the order in which a packet meets it,
//! [`trace::follow`] asks every stage, and [`answer::document`] is what is told of that, joined
//! with the answer of the host's own rules.
//!
//! As in the rest of [`crate::rules`], nothing is guessed: a reference that the text does not
//! resolve, a field that is not known and a page that is missing split the packet's way.

mod address;
mod alibaba;
pub mod answer;
mod aws;
mod azure;
mod fields;
pub mod found;
mod free_priority;
mod gcp;
mod huawei;
mod judge;
pub mod model;
mod policies;
mod ports;
mod recognise;
mod remedy;
pub mod split;
pub mod stage;
mod terraform;
#[cfg(test)]
mod tests;
pub mod trace;
