//! Holds the packets of open diagnoses in memory, until it is known whether anybody wants them.
//!
//! A diagnosis is held with its first [`MOST_PACKETS`] packets, all of them together with
//! [`MOST_OCTETS`]. What comes beyond is left out, and counted; an account in the capture still tells
//! what it showed, and [`super::explain`] says that no packet shows it.

use std::collections::BTreeMap;

use crate::engine::{Job, SessionId, Sighting};

/// Packets of one diagnosis: a diagnosis sends a hundred at most, and hears as many.
pub const MOST_PACKETS: usize = 512;
/// Octets of memory for all packets: those of about 4000 diagnoses at once.
pub const MOST_OCTETS: usize = 64 << 20;

/// The open diagnoses.
#[derive(Debug, Default)]
pub struct Hold {
    open: BTreeMap<SessionId, Held>,
    octets: usize,
    left_out: u64,
}

/// A diagnosis as far as it is held.
#[derive(Debug)]
pub struct Held {
    /// What it is held under.
    pub job: Job,
    /// Its packets, in the order seen.
    pub sightings: Vec<Sighting>,
}

impl Hold {
    /// A diagnosis begins.
    pub fn open(&mut self, session: SessionId, job: Job) {
        let sightings = Vec::new();
        self.open.insert(session, Held { job, sightings });
    }

    /// Takes a packet of an open diagnosis; one of another is passed over.
    pub fn see(&mut self, sighting: &Sighting) {
        let Some(held) = self.open.get_mut(&sighting.attribution.session) else {
            return;
        };
        let octets = self.octets.saturating_add(room(sighting));
        if held.sightings.len() >= MOST_PACKETS || octets > MOST_OCTETS {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        self.octets = octets;
        held.sightings.push(sighting.clone());
    }

    /// Gives a diagnosis away; `None` where it is not open.
    pub fn take(&mut self, session: SessionId) -> Option<Held> {
        let held = self.open.remove(&session)?;
        let freed: usize = held.sightings.iter().map(room).sum();
        self.octets = self.octets.saturating_sub(freed);
        Some(held)
    }

    /// Octets of memory that packets take.
    pub const fn octets(&self) -> usize {
        self.octets
    }

    /// How many packets were left out, of wanted and unwanted diagnoses.
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }
}

/// What a packet takes of memory.
const fn room(sighting: &Sighting) -> usize {
    size_of::<Sighting>().saturating_add(sighting.frame.len())
}
