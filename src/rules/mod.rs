//! The target side: which rule of a host's firewall decides on a packet, and how to let it in.
//!
//! [`input::read`] makes a [`ruleset::Ruleset`] of what iptables and nft print,
//! [`decision::decide`] follows a [`packet::Packet`] through it, [`remedy::plan`] finds the
//! commands that let it in, and [`document::Document`] is what is told of all that.
//!
//! Nothing is guessed: what cannot be told from the input splits the packet's way, and every end
//! it may come to is told with what it hangs on.

pub mod agents;
mod blocks;
pub mod change;
pub mod cloud;
mod commands;
pub mod condition;
pub mod decision;
pub mod document;
mod edits;
mod execute;
mod family;
pub mod firewalld;
mod fit;
mod flow;
mod formats;
pub mod given;
pub mod host_facts;
mod html;
mod implied;
pub mod input;
mod ipset;
mod iptables;
mod lines;
pub mod matcher;
mod merge;
mod missing;
pub mod names;
mod nft;
mod numbered;
pub mod odds;
mod omission;
mod opening;
pub mod outcome;
pub mod packet;
mod part;
mod paths;
pub mod place;
mod prompt;
pub mod remedy;
pub mod rule;
pub mod ruleset;
mod sets;
mod stages;
#[cfg(test)]
mod tests;
pub mod unreadable;
pub mod walk;
mod warnings;
