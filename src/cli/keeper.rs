//! Keeps the capture of a run: events of the driver → the pcapng file.
//!
//! A command hands on the driver's events as they come, whether its capture is of every endpoint
//! ([`Keeper::new`]) or of failing ones ([`Keeper::failing`]):
//!
//! | event | call |
//! |---|---|
//! | `Started(began)` | [`Keeper::start`] |
//! | `Begun(session, brief)` | [`Keeper::open`] |
//! | `Sighted(sighting)` | [`Keeper::see`] |
//! | `Settled(session, outcome)` | [`Keeper::settle`], or [`Keeper::discard`] where the endpoint is open or as expected |
//!
//! and [`Keeper::finish`] at the end, when inquests that never settled are dropped by a keeper of
//! failing ones. Either way a settled inquest leaves nothing in memory. A keeper of failing ones
//! holds packets until then, within the bounds of [`crate::capture::hold`]: past them packets are left out, and
//! [`Keeper::left_out`] tells how many.

use std::fs::File;
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::capture::hold::Hold;
use crate::capture::note;
use crate::capture::write::{Numbers, Origin, Writer};
use crate::engine::{Brief, SessionId, Sighting};
use crate::model::outcome::Outcome;
use crate::net::host;
use crate::report::visible::{shell_word, visible};

/// The keeper of a capture. After a failure it does nothing more, and says what it was at the end.
#[derive(Debug)]
pub struct Keeper {
    file: Option<File>,
    writer: Option<Writer<File>>,
    seed: Option<u64>,
    /// Packets of open inquests, where only failing ones are kept.
    hold: Option<Hold>,
    failure: Option<io::Error>,
}

impl Keeper {
    /// A keeper of a capture in `file`, which is empty, of a run with this seed.
    pub const fn new(file: File, seed: Option<u64>) -> Self {
        Self {
            file: Some(file),
            writer: None,
            seed,
            hold: None,
            failure: None,
        }
    }

    /// The same, of failing endpoints: the packets of an inquest are in the file once it has settled.
    pub fn failing(file: File, seed: Option<u64>) -> Self {
        Self {
            hold: Some(Hold::default()),
            ..Self::new(file, seed)
        }
    }

    /// The run began.
    pub fn start(&mut self, began: SystemTime) {
        let since = began.duration_since(UNIX_EPOCH).unwrap_or_default();
        let origin = Origin {
            command: command_line(),
            host: visible(&host::name()).into_owned(),
            system: visible(&host::system()).into_owned(),
            hardware: std::env::consts::ARCH.to_owned(),
            run: note::Run {
                began: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                seed: self.seed,
            },
        };
        if let Some(file) = self.file.take() {
            match Writer::begin(file, &origin) {
                Ok(writer) => self.writer = Some(writer),
                Err(error) => self.failure = Some(error),
            }
        }
    }

    /// An inquest began.
    pub fn open(&mut self, session: SessionId, brief: Brief) {
        match &mut self.hold {
            Some(hold) => hold.open(session, brief),
            None => drop(self.with(|writer| writer.open(session, brief))),
        }
    }

    /// A frame passed.
    pub fn see(&mut self, sighting: &Sighting) {
        match &mut self.hold {
            Some(hold) => hold.see(sighting),
            None => drop(self.with(|writer| writer.write(sighting))),
        }
    }

    /// An inquest settled. Gives the numbers of its packets.
    pub fn settle(&mut self, session: SessionId, outcome: &Outcome) -> Numbers {
        let held = self.hold.as_mut().and_then(|hold| hold.take(session));
        self.with(|writer| {
            if let Some(held) = held {
                writer.open(session, held.brief)?;
                for sighting in &held.sightings {
                    writer.write(sighting)?;
                }
            }
            writer.settle(session, outcome)
        })
        .unwrap_or_default()
    }

    /// An inquest settled as expected. A keeper of failing endpoints drops its packets; one of every
    /// endpoint is to be given the outcome instead.
    pub fn discard(&mut self, session: SessionId) {
        if let Some(hold) = &mut self.hold {
            hold.take(session);
        }
    }

    /// How many packets a keeper of failing endpoints had no room for.
    pub fn left_out(&self) -> u64 {
        self.hold.as_ref().map_or(0, Hold::left_out)
    }

    /// The capture is complete.
    ///
    /// # Errors
    ///
    /// The first failure to write it.
    pub fn finish(self) -> io::Result<Option<File>> {
        match (self.failure, self.writer) {
            (Some(failure), _) => Err(failure),
            (None, Some(writer)) => writer.finish().map(Some),
            (None, None) => Ok(self.file),
        }
    }

    fn with<T>(&mut self, act: impl FnOnce(&mut Writer<File>) -> io::Result<T>) -> Option<T> {
        match act(self.writer.as_mut()?) {
            Ok(done) => Some(done),
            Err(error) => {
                self.failure = Some(error);
                self.writer = None;
                None
            }
        }
    }
}

/// The command line as it could be typed again.
fn command_line() -> String {
    let words = std::env::args_os().map(|word| shell_word(&word.to_string_lossy()).into_owned());
    visible(&words.collect::<Vec<_>>().join(" ")).into_owned()
}
