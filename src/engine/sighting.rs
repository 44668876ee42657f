//! A frame of ours as the tap saw it, for a capture: the octets, and whose they are.

use std::sync::Arc;

use super::Attribution;
use crate::model::time::Moment;
use crate::wire::frame::Link;

/// A frame that carried a probe, a reply, or what came near one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// When it passed the interface.
    pub at: Moment,
    /// The interface it passed.
    pub interface: Interface,
    /// Whether it was on its way out.
    pub departing: bool,
    /// From the link header on, with the VLAN tag the hardware may have taken off.
    pub frame: Vec<u8>,
    /// Whose it is and what it is to them.
    pub attribution: Attribution,
}

/// An interface as far as a capture names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interface {
    /// The kernel's number.
    pub index: u32,
    /// The kernel's name; empty where it had gone when it was asked for.
    pub name: Arc<str>,
    /// What its frames begin with.
    pub link: Link,
}
