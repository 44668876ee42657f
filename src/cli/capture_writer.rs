//! Writes the capture of a run: events of the driver → the pcapng file.
//!
//! Every event of the driver passes [`CaptureWriter::observe`]; a diagnosis that settled is told to
//! [`CaptureWriter::settle`], and [`CaptureWriter::finish`] ends the file. A capture is of every
//! endpoint, or only of failing ones: those that are not as expected. Those are held in memory until
//! they settle, within the bounds of [`crate::capture::hold`].

use std::fs::File;
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::capture::note;
use crate::capture::selective::SelectiveWriter;
use crate::capture::write::{Numbers, Origin, Writer};
use crate::engine::SessionId;
use crate::files::destination::Destination;
use crate::files::draft::Draft;
use crate::files::unfinished::Unfinished;
use crate::model::outcome::Outcome;
use crate::net::driver::Event;
use crate::net::host;
use crate::report::visible::{shell_word, visible};

/// A capture under way. After a failure it writes nothing more, and says at the end what it was.
#[derive(Debug)]
pub struct CaptureWriter {
    draft: Draft,
    file: Option<File>,
    writer: Option<SelectiveWriter<File>>,
    seed: Option<u64>,
    /// Whether only failing endpoints are wanted.
    failing: bool,
    left_out: u64,
    failure: Option<io::Error>,
}

/// A capture that is over: its file, and why it is not complete.
#[derive(Debug)]
pub struct Captured {
    /// The file.
    pub draft: Draft,
    /// What kept it from being complete.
    pub failure: Option<io::Error>,
}

impl Captured {
    /// Puts the file into its place; one that is not complete stays where it is.
    ///
    /// # Errors
    ///
    /// Why it is not there.
    pub fn place(self) -> Result<(), Unfinished> {
        match self.failure {
            Some(error) => Err(self.draft.cut(&error)),
            None => self.draft.commit(),
        }
    }
}

impl CaptureWriter {
    /// Begins the capture of a run with this seed, of every endpoint or only of `failing` ones; its
    /// file is a draft for `destination`, readable at any moment.
    ///
    /// # Errors
    ///
    /// When the file cannot be created.
    pub fn begin(
        destination: &Destination,
        seed: Option<u64>,
        failing: bool,
    ) -> Result<Self, Unfinished> {
        let draft = Draft::begin(destination)?;
        let file = draft.file();
        Ok(Self {
            file: Some(file.map_err(|error| Unfinished::write(destination, &error))?),
            draft,
            writer: None,
            seed,
            failing,
            left_out: 0,
            failure: None,
        })
    }

    /// Takes what of an event is for the capture, and gives back what else there is to do about it.
    pub fn observe<'e>(&mut self, event: Event<'e>) -> Option<Event<'e>> {
        match event {
            Event::Started(began) => {
                self.start(began);
                return Some(event);
            }
            Event::Begun(session, job) => drop(self.with(|writer| writer.open(session, job))),
            Event::Sighted(sighting) => drop(self.with(|writer| writer.see(&sighting))),
            Event::Replaced(session, outcome) => drop(self.settle(session, &outcome, true)),
            Event::Status(_) | Event::Progress(_) | Event::Settled(..) => return Some(event),
        }
        None
    }

    fn start(&mut self, began: SystemTime) {
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
                Ok(writer) => self.writer = Some(SelectiveWriter::new(writer, self.failing)),
                Err(error) => self.failure = Some(error),
            }
        }
    }

    /// A diagnosis settled, as expected or not. Gives the numbers of its packets; `None` where they are
    /// not kept, because only failing ones are.
    pub fn settle(&mut self, session: SessionId, outcome: &Outcome, met: bool) -> Option<Numbers> {
        let settled = self.with(|writer| writer.settle(session, outcome, !met));
        settled.unwrap_or_else(|| Some(Numbers::default()))
    }

    /// How many packets a writer of failing endpoints had no room for.
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Ends the capture.
    pub fn finish(self) -> Captured {
        let finished = match (self.failure, self.writer) {
            (Some(failure), _) => Err(failure),
            (None, Some(writer)) => writer.finish().map(drop),
            (None, None) => Ok(()),
        };
        Captured {
            draft: self.draft,
            failure: finished.err(),
        }
    }

    fn with<T>(
        &mut self,
        act: impl FnOnce(&mut SelectiveWriter<File>) -> io::Result<T>,
    ) -> Option<T> {
        let writer = self.writer.as_mut()?;
        let done = act(writer);
        self.left_out = writer.left_out();
        done.map_err(|error| {
            self.failure = Some(error);
            self.writer = None;
        })
        .ok()
    }
}

/// The command line as it could be typed again.
fn command_line() -> String {
    let words = std::env::args_os().map(|word| shell_word(&word.to_string_lossy()).into_owned());
    visible(&words.collect::<Vec<_>>().join(" ")).into_owned()
}
