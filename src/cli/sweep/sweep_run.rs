//! A sweep while it runs: endpoints to the driver, outcomes to documents, documents to where they go.

use std::path::PathBuf;
use std::sync::mpsc::sync_channel;
use std::thread;

use super::document;
use super::progress::SweepProgress;
use crate::cli::arguments::Shared;
use crate::cli::capture_writer::CaptureWriter;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::record_writer::time_of_day;
use crate::cli::sweep_files::{Summarised, SweepWriter};
use crate::cli::terminal::{Reader, Terminal};
use crate::cli::waiter::Waiter;
use crate::engine::SessionId;
use crate::model::outcome::Outcome;
use crate::model::time::Moment;
use crate::net::clock::Clock;
use crate::net::driver::{self, Event, RunStatus, Settings};
use crate::net::{self, Stop, triage};
use crate::report::json;
use crate::report::record::{Record, Run};
use crate::report::sweep::document::Document;
use crate::report::sweep::facts::Facts;
use crate::sweep::expectation::Expectation;
use crate::sweep::results_file::{Earlier, ResultsFile};
use crate::sweep::roll::{Entry, Roll, Where};

/// Endpoints that wait in the channel to the driver.
const AHEAD: usize = 1024;

/// Where documents go.
#[derive(Debug)]
pub enum Sink {
    /// To whoever reads stdout.
    Stdout(Terminal),
    /// To a file, from which the sweep can be continued.
    File(Box<ResultsFile>),
}

impl Sink {
    fn write(&mut self, document: &str) -> Result<Reader, Failure> {
        match self {
            Self::Stdout(terminal) => terminal.data(&format!("{document}\n")),
            Self::File(file) => Ok(file.add(document).map(|()| Reader::Listens)?),
        }
    }
}

/// How the endpoints of a sweep are probed.
#[derive(Debug)]
pub struct Drive {
    /// What the driver is told.
    pub settings: Settings,
    /// What ends the sweep early.
    pub stop: Stop,
    /// Who probes again until an endpoint is as expected.
    pub waiter: Option<Waiter>,
    /// Whether only SYNs are sent.
    pub triage: bool,
    /// Whether somebody watches.
    pub shown: bool,
}

/// A sweep under way.
#[derive(Debug)]
pub struct SweepRun<'a> {
    roll: &'a Roll,
    run: Run,
    files: SweepWriter,
    /// What is expected where a line expects nothing, and somebody waits for it.
    pub default: Option<Expectation>,
    /// The capture, where there is one.
    pub capture: Option<CaptureWriter>,
    total: u64,
    done: u64,
    /// Whether the result is known, by entry.
    known: Vec<bool>,
    worst: ExitStatus,
    replies: u64,
    standing: RunStatus,
    /// Whether documents still go somewhere, or why not.
    stream: Result<Reader, Failure>,
}

/// A sweep that is over.
#[derive(Debug)]
pub struct Ended {
    /// What it came to.
    pub summarised: Summarised,
    /// The worst result.
    pub worst: ExitStatus,
    /// Where the results are, when they are in a file.
    results: Option<PathBuf>,
    /// Packets of failing endpoints that the capture had no room for.
    left_out: u64,
    /// Why not every document could be written.
    pub stream: Result<Reader, Failure>,
}

impl Ended {
    /// Says on stderr where the results are, and what the capture lacks.
    pub fn announce(&self, shared: &Shared, terminal: Terminal) {
        if self.left_out > 0 {
            terminal.note(&format!(
                "the capture had no room for {} packets; the documents tell of them all the same",
                self.left_out
            ));
        }
        terminal.announce(shared, self.results.as_deref());
    }
}

impl<'a> SweepRun<'a> {
    /// A sweep over `roll`, of which nothing is known yet.
    pub fn new(roll: &'a Roll, run: Run, files: SweepWriter, total: u64) -> Self {
        Self {
            roll,
            run,
            files,
            default: None,
            capture: None,
            total,
            done: 0,
            known: vec![false; roll.places()],
            worst: ExitStatus::Open,
            replies: 0,
            standing: RunStatus::default(),
            stream: Ok(Reader::Listens),
        }
    }

    /// Takes in what an earlier run found.
    pub fn recall(&mut self, document: &Document) -> Earlier {
        let Some(entry) = document::entry(document, self.roll) else {
            return Earlier::Foreign;
        };
        if document.is_unfinished() || self.knows(entry) {
            return Earlier::Unusable;
        }
        self.take(entry, document);
        Earlier::Result
    }

    /// Says on stderr that an earlier run is continued, where it is.
    pub fn say_continued(&self, shared: &Shared, terminal: Terminal) {
        if self.done > 0 && !shared.quiet {
            let (done, left) = (self.done, self.total - self.done);
            terminal.note(&format!(
                "continues: {done} endpoints are known, {left} are left"
            ));
        }
    }

    fn knows(&self, entry: Entry) -> bool {
        self.known.get(entry.place()).copied().unwrap_or_default()
    }

    fn take(&mut self, entry: Entry, document: &Document) {
        if let Some(known) = self.known.get_mut(entry.place()) {
            *known = true;
        }
        self.done += 1;
        self.worst = self.worst.max(document::status(document));
        self.files.add(&document.brief());
    }

    /// Diagnoses those of `entries` that are not known, in their order, and writes each result as it
    /// settles.
    ///
    /// # Errors
    ///
    /// When this host cannot probe at all: nothing was sent.
    pub fn run(
        mut self,
        mut entries: Vec<Entry>,
        drive: &Drive,
        mut sink: Sink,
    ) -> Result<Ended, Failure> {
        entries.retain(|entry| !self.knows(*entry));
        let clock = Clock::start();
        self.run.started = time_of_day(clock.began());
        let mut progress = SweepProgress::new(self.total, self.done, drive.shown);
        for unresolved in entries
            .iter()
            .filter_map(|entry| self.roll.unresolved(*entry))
        {
            let document = document::unresolved(&unresolved, self.roll, self.default, &self.run);
            self.settle(
                unresolved.entry,
                &document,
                &mut sink,
                &progress,
                &drive.stop,
            );
        }
        let ran = self.drive(&entries, drive, &mut sink, &mut progress);
        progress.clear();
        ran?;
        Ok(self.finish(sink, &clock))
    }

    /// Puts the files in their places and sums up.
    fn finish(mut self, sink: Sink, clock: &Clock) -> Ended {
        let complete = self.done == self.total && matches!(self.stream, Ok(Reader::Listens));
        let results = match sink {
            Sink::Stdout(_) => None,
            Sink::File(file) => match file.finish(complete) {
                Ok(path) => Some(path),
                Err(failure) => {
                    self.stream = self.stream.and(Err(failure.into()));
                    None
                }
            },
        };
        let elapsed = clock.now().since(Moment::START);
        let facts = Facts {
            endpoints: Some(self.total),
            started: self.run.started,
            elapsed_us: u64::try_from(elapsed.as_micros()).ok(),
            probes_sent: self.standing.sent,
            replies: self.replies,
            receive_drops: self.standing.receive_drops,
            interrupted: !complete,
        };
        let mut summarised = self.files.finish(facts, clock.began() + elapsed);
        let left_out = self.capture.as_ref().map_or(0, CaptureWriter::left_out);
        if let Some(capture) = self.capture.map(CaptureWriter::finish) {
            let place = capture.draft.destination().clone();
            summarised.written.keep(&place, capture.place());
        }
        Ended {
            summarised,
            left_out,
            worst: self.worst,
            results,
            stream: self.stream,
        }
    }

    fn drive(
        &mut self,
        entries: &[Entry],
        drive: &Drive,
        sink: &mut Sink,
        progress: &mut SweepProgress,
    ) -> Result<(), net::Failure> {
        let (roll, default) = (self.roll, self.default);
        let (settings, stop) = (&drive.settings, &drive.stop);
        let left = || entries.iter().filter_map(|entry| roll.endpoint(*entry));
        if left().next().is_none() || stop.requested() {
            return Ok(());
        }
        tracing::debug!(endpoints = entries.len(), "diagnosing");
        let met = |outcome: &Outcome| is_met(roll, default, outcome);
        let mut on_event = |event: Event<'_>| self.observe(event, sink, progress, stop);
        if let Some(waiter) = &drive.waiter {
            return waiter.run(left().collect(), settings, stop, &met, &mut on_event);
        }
        if drive.triage {
            let endpoints: Vec<_> = left().collect();
            return triage::run(&endpoints, settings, stop, &mut on_event).map(drop);
        }
        let (feed, supply) = sync_channel(AHEAD);
        thread::scope(|scope| {
            thread::Builder::new()
                .name("supply".to_owned())
                .spawn_scoped(scope, move || {
                    // The driver takes no more once it was stopped.
                    for endpoint in left() {
                        if feed.send(endpoint).is_err() {
                            return;
                        }
                    }
                })
                .map_err(|source| net::Failure::Thread { source })?;
            driver::run(supply, settings, stop, &mut on_event)
        })
    }

    fn observe(
        &mut self,
        event: Event<'_>,
        sink: &mut Sink,
        progress: &mut SweepProgress,
        stop: &Stop,
    ) {
        let event = match &mut self.capture {
            Some(capture) => capture.observe(event),
            None => Some(event),
        };
        match event {
            Some(Event::Started(began)) => self.run.started = time_of_day(began),
            Some(Event::Status(standing)) => {
                self.standing = standing;
                progress.stand(standing, self.files.tally());
            }
            Some(Event::Settled(session, outcome)) => {
                self.record(session, &outcome, sink, progress, stop);
            }
            Some(
                Event::Progress(_) | Event::Begun(..) | Event::Sighted(_) | Event::Replaced(..),
            )
            | None => {}
        }
    }

    /// Takes in the outcome of a diagnosis.
    fn record(
        &mut self,
        session: SessionId,
        outcome: &Outcome,
        sink: &mut Sink,
        progress: &SweepProgress,
        stop: &Stop,
    ) {
        let at = Where::Address(outcome.endpoint.address);
        let Some(entry) = self.roll.find(at, outcome.endpoint.port) else {
            return;
        };
        let verdict = &outcome.finding.verdict;
        let mut record = Record::new(outcome, &self.run);
        record.list = document::lines(self.roll, entry, self.default, verdict.state, verdict.cause);
        let met = is_met(self.roll, self.default, outcome);
        let capture = self.capture.as_mut();
        if let Some(numbers) = capture.and_then(|capture| capture.settle(session, outcome, met)) {
            record.number(|id| numbers.of(id).to_vec());
        }
        let waits = self.default.is_some() && !met;
        record.unfinished = stop.requested() && (outcome.evidence.interrupted() || waits);
        self.replies += record.stats.replies;
        self.settle(entry, &Document::Record(record), sink, progress, stop);
    }

    /// Writes a result and counts it; one that was stopped half-way is written and not counted.
    fn settle(
        &mut self,
        entry: Entry,
        document: &Document,
        sink: &mut Sink,
        progress: &SweepProgress,
        stop: &Stop,
    ) {
        if self.stream != Ok(Reader::Listens) {
            return;
        }
        self.stream = json::document(document)
            .map_err(Failure::from)
            .and_then(|text| progress.aside(|| sink.write(&text)));
        if self.stream != Ok(Reader::Listens) {
            stop.request();
        } else if !document.is_unfinished() {
            self.take(entry, document);
        }
    }
}

/// Whether an outcome is what every line that asks for it expects.
fn is_met(roll: &Roll, default: Option<Expectation>, outcome: &Outcome) -> bool {
    let (endpoint, verdict) = (&outcome.endpoint, &outcome.finding.verdict);
    let entry = roll.find(Where::Address(endpoint.address), endpoint.port);
    entry.is_none_or(|entry| {
        roll.lines_of(entry).all(|asked| {
            let expected = asked.expect.or(default).unwrap_or(Expectation::DEFAULT);
            expected.is_met(verdict.state, verdict.cause)
        })
    })
}
