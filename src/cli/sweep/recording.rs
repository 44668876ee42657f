//! The capture of a sweep: of every endpoint, or only of those that are not as expected.

use std::time::SystemTime;

use super::arguments::SweepArguments;
use crate::capture::write::Numbers;
use crate::cli::arguments::Artefacts;
use crate::cli::artefact::destination::{Destination, Refused};
use crate::cli::artefact::unfinished::Unfinished;
use crate::cli::artefact::{self, Capture, Written};
use crate::cli::keeper::Keeper;
use crate::engine::{Brief, SessionId, Sighting};
use crate::model::outcome::Outcome;

/// Where the capture goes, judged, and of what it is.
#[derive(Debug)]
pub struct Plan {
    artefacts: artefact::Plan,
    failing: bool,
}

/// A capture under way.
#[derive(Debug)]
pub struct Recording {
    plan: Plan,
    capture: Option<Capture>,
    keeper: Keeper,
}

impl Plan {
    /// The plan for the capture that is asked for; `None` where none is.
    ///
    /// # Errors
    ///
    /// When its destination is not written to.
    pub fn of(arguments: &SweepArguments) -> Result<Option<Self>, Refused> {
        let failing = arguments.pcap.is_none();
        let path = arguments
            .pcap
            .as_deref()
            .or(arguments.pcap_failing.as_deref());
        let Some(path) = path else {
            return Ok(None);
        };
        let files = Artefacts {
            force: arguments.outputs.force,
            ..Artefacts::default()
        };
        let artefacts = artefact::Plan::of(Some(path), &files)?;
        Ok(Some(Self { artefacts, failing }))
    }

    /// The file it goes to.
    pub fn destinations(&self) -> impl Iterator<Item = &Destination> {
        self.artefacts.destinations()
    }

    /// Begins the capture of a run with this seed.
    ///
    /// # Errors
    ///
    /// When its file cannot be created.
    pub fn begin(self, seed: Option<u64>) -> Result<Option<Recording>, Unfinished> {
        let Some(capture) = self.artefacts.capture()? else {
            return Ok(None);
        };
        let file = capture.file()?;
        let keeper = if self.failing {
            Keeper::failing(file, seed)
        } else {
            Keeper::new(file, seed)
        };
        Ok(Some(Recording {
            plan: self,
            capture: Some(capture),
            keeper,
        }))
    }
}

impl Recording {
    /// The run began.
    pub fn start(&mut self, began: SystemTime) {
        self.keeper.start(began);
    }

    /// An inquest began.
    pub fn open(&mut self, session: SessionId, brief: Brief) {
        self.keeper.open(session, brief);
    }

    /// A frame passed.
    pub fn see(&mut self, sighting: &Sighting) {
        self.keeper.see(sighting);
    }

    /// An inquest settled, as expected or not. Gives the numbers of its packets, where they are kept.
    pub fn settle(&mut self, session: SessionId, outcome: &Outcome, met: bool) -> Option<Numbers> {
        if self.plan.failing && met {
            self.keeper.discard(session);
            return None;
        }
        Some(self.keeper.settle(session, outcome))
    }

    /// Completes the file. Gives what became of it, and how many packets there was no room for.
    pub fn finish(mut self) -> (Written, u64) {
        let left_out = self.keeper.left_out();
        if let Some(capture) = &mut self.capture {
            capture.failure = self.keeper.finish().err();
        }
        let written = self.plan.artefacts.write(&[], self.capture, || None);
        (written, left_out)
    }
}
