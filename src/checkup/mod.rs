//! Judges this host: what of what it says of itself may blur or forbid what probes find.
//!
//! Asks nobody and does no I/O: the answers are gathered elsewhere and judged here.

pub mod approach;
pub mod changes;
pub mod firewall;
pub mod host;
