//! Writes the packets of every diagnosis as they come, or of wanted ones once they have settled.

use std::io::{self, Seek, Write};

use super::hold::Hold;
use super::write::{Numbers, Writer};
use crate::engine::{Job, SessionId, Sighting};
use crate::model::outcome::Outcome;

/// A writer of all packets, or of those of wanted diagnoses. A diagnosis that has settled leaves
/// nothing in memory; one that never settles is not written by a writer of wanted ones.
#[derive(Debug)]
pub struct SelectiveWriter<W> {
    writer: Writer<W>,
    /// Packets of open diagnoses, where only wanted ones are written.
    hold: Option<Hold>,
}

impl<W: Write + Seek> SelectiveWriter<W> {
    /// Writes by `writer` all packets, or those of wanted diagnoses alone.
    pub fn new(writer: Writer<W>, wanted_only: bool) -> Self {
        Self {
            writer,
            hold: wanted_only.then(Hold::default),
        }
    }

    /// A diagnosis began.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn open(&mut self, session: SessionId, job: Job) -> io::Result<()> {
        match &mut self.hold {
            Some(hold) => {
                hold.open(session, job);
                Ok(())
            }
            None => self.writer.open(session, job),
        }
    }

    /// A frame passed.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn see(&mut self, sighting: &Sighting) -> io::Result<()> {
        match &mut self.hold {
            Some(hold) => {
                hold.see(sighting);
                Ok(())
            }
            None => self.writer.write(sighting).map(drop),
        }
    }

    /// A diagnosis settled. Gives the numbers of its packets; `None` where they are not written, because
    /// only `wanted` ones are.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn settle(
        &mut self,
        session: SessionId,
        outcome: &Outcome,
        wanted: bool,
    ) -> io::Result<Option<Numbers>> {
        if let Some(hold) = &mut self.hold {
            let held = hold.take(session);
            if !wanted {
                return Ok(None);
            }
            if let Some(held) = held {
                self.writer.open(session, held.job)?;
                for sighting in &held.sightings {
                    self.writer.write(sighting)?;
                }
            }
        }
        self.writer.settle(session, outcome).map(Some)
    }

    /// How many packets of wanted and unwanted diagnoses there was no room for.
    pub fn left_out(&self) -> u64 {
        self.hold.as_ref().map_or(0, Hold::left_out)
    }

    /// The capture is complete.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn finish(self) -> io::Result<W> {
        self.writer.finish()
    }
}
