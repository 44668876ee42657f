//! The course of a sweep: endpoints to the driver, outcomes to documents, documents to where they go.

use std::path::PathBuf;
use std::sync::mpsc::sync_channel;
use std::thread;

use super::ledger::{Earlier, Ledger};
use super::outcome::{self, Document};
use super::recording::Recording;
use super::watch::Watch;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::outputs::{Conclusion, Outputs};
use crate::cli::scribe::time_of_day;
use crate::cli::terminal::Terminal;
use crate::cli::until::Vigil;
use crate::engine::SessionId;
use crate::model::outcome::Outcome;
use crate::model::time::Moment;
use crate::net::clock::Clock;
use crate::net::driver::{self, Event, Settings, Standing};
use crate::net::{self, Stop, triage};
use crate::report::json;
use crate::report::record::{Record, Run};
use crate::report::sweep::facts::Facts;
use crate::sweep::expectation::Expectation;
use crate::sweep::roll::{Entry, Roll, Where};

/// Endpoints that wait in the channel to the driver.
const AHEAD: usize = 1024;

/// Where documents go.
#[derive(Debug)]
pub enum Sink {
    /// To whoever reads stdout.
    Stdout(Terminal),
    /// To a file, from which the sweep can be continued.
    Ledger(Box<Ledger>),
}

impl Sink {
    fn write(&mut self, document: &str) -> Result<(), Failure> {
        match self {
            Self::Stdout(terminal) => terminal
                .data(&format!("{document}\n"))
                .map_err(Failure::Output),
            Self::Ledger(ledger) => Ok(ledger.add(document)?),
        }
    }
}

/// A sweep that goes on.
#[derive(Debug)]
pub struct Course<'a> {
    roll: &'a Roll,
    run: Run,
    outputs: Outputs,
    /// What is expected where a line expects nothing, and somebody waits for it.
    default: Option<Expectation>,
    /// Whether only SYNs are sent.
    triage: bool,
    /// Who keeps the capture.
    recording: Option<Recording>,
    total: u64,
    done: u64,
    /// Whether the result is known, by entry.
    known: Vec<bool>,
    worst: ExitStatus,
    replies: u64,
    standing: Standing,
    failure: Option<Failure>,
}

/// A sweep that is over.
#[derive(Debug)]
pub struct Ended {
    /// What it came to.
    pub conclusion: Conclusion,
    /// The worst result.
    pub worst: ExitStatus,
    /// Where the results are, when they are in a file.
    pub results: Option<PathBuf>,
    /// Packets of failing endpoints that the capture had no room for.
    pub left_out: u64,
    /// Why not everything could be written.
    pub failure: Option<Failure>,
}

impl<'a> Course<'a> {
    /// A sweep over `roll`, of which nothing is known yet.
    pub fn new(roll: &'a Roll, run: Run, outputs: Outputs, total: u64) -> Self {
        Self {
            roll,
            run,
            outputs,
            default: None,
            triage: false,
            recording: None,
            total,
            done: 0,
            known: vec![false; roll.places()],
            worst: ExitStatus::Open,
            replies: 0,
            standing: Standing::default(),
            failure: None,
        }
    }

    /// Expects `default`, if anything, of endpoints of which the list expects nothing.
    #[must_use]
    pub const fn expecting(mut self, default: Option<Expectation>) -> Self {
        self.default = default;
        self
    }

    /// Sends SYNs only where `triage`.
    #[must_use]
    pub const fn triaging(mut self, triage: bool) -> Self {
        self.triage = triage;
        self
    }

    /// Keeps a capture, where there is a recording.
    #[must_use]
    pub fn recording(mut self, recording: Option<Recording>) -> Self {
        self.recording = recording;
        self
    }

    /// Whether a capture is kept.
    pub const fn records(&self) -> bool {
        self.recording.is_some()
    }

    /// Takes in what an earlier run found.
    pub fn recall(&mut self, document: &Document) -> Earlier {
        let Some(entry) = document.entry(self.roll) else {
            return Earlier::Foreign;
        };
        if document.is_unfinished() || self.knows(entry) {
            return Earlier::Void;
        }
        self.take(entry, document);
        Earlier::Result
    }

    /// How many results are known.
    pub const fn done(&self) -> u64 {
        self.done
    }

    /// Whether the result of an entry is known.
    pub fn knows(&self, entry: Entry) -> bool {
        self.known.get(entry.place()).copied().unwrap_or_default()
    }

    fn take(&mut self, entry: Entry, document: &Document) {
        if let Some(known) = self.known.get_mut(entry.place()) {
            *known = true;
        }
        self.done += 1;
        self.worst = self.worst.max(document.status());
        self.outputs.add(&document.brief());
    }

    /// Holds the inquests of `entries`, in their order, and writes each result as it settles.
    ///
    /// # Errors
    ///
    /// When this host cannot probe at all: nothing was sent.
    pub fn hold(
        mut self,
        entries: &[Entry],
        settings: &Settings,
        stop: &Stop,
        mut sink: Sink,
        vigil: Option<&Vigil>,
        shown: bool,
    ) -> Result<Ended, Failure> {
        let clock = Clock::start();
        self.run.started = time_of_day(clock.began());
        let mut watch = Watch::new(self.total, self.done, shown);
        for unresolved in entries
            .iter()
            .filter_map(|entry| self.roll.unresolved(*entry))
        {
            let document = outcome::unresolved(&unresolved, self.roll, self.default, &self.run);
            self.settle(unresolved.entry, &document, &mut sink, &watch, stop);
        }
        let ran = self.drive(entries, settings, stop, &mut sink, vigil, &mut watch);
        watch.clear();
        ran?;
        let complete = self.done == self.total && self.failure.is_none();
        let results = match sink {
            Sink::Stdout(_) => None,
            Sink::Ledger(ledger) => match ledger.finish(complete) {
                Ok(path) => Some(path),
                Err(failure) => {
                    self.failure.get_or_insert(failure.into());
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
        let mut conclusion = self.outputs.finish(facts, clock.began() + elapsed);
        let mut left_out = 0;
        if let Some(recording) = self.recording {
            let (written, lost) = recording.finish();
            conclusion.written.join(written);
            left_out = lost;
        }
        Ok(Ended {
            conclusion,
            left_out,
            worst: self.worst,
            results,
            failure: self.failure,
        })
    }

    fn drive(
        &mut self,
        entries: &[Entry],
        settings: &Settings,
        stop: &Stop,
        sink: &mut Sink,
        vigil: Option<&Vigil>,
        watch: &mut Watch,
    ) -> Result<(), net::Failure> {
        let roll = self.roll;
        let left = || entries.iter().filter_map(|entry| roll.endpoint(*entry));
        if left().next().is_none() || stop.requested() {
            return Ok(());
        }
        tracing::debug!(endpoints = entries.len(), "holding inquests");
        let (default, triaging) = (self.default, self.triage);
        let met = |outcome: &Outcome| is_met(roll, default, outcome);
        let mut on_event = |event: Event<'_>| match event {
            Event::Started(began) => {
                self.run.started = time_of_day(began);
                if let Some(recording) = &mut self.recording {
                    recording.start(began);
                }
            }
            Event::Begun(session, brief) => {
                if let Some(recording) = &mut self.recording {
                    recording.open(session, brief);
                }
            }
            Event::Sighted(sighting) => {
                if let Some(recording) = &mut self.recording {
                    recording.see(&sighting);
                }
            }
            Event::Standing(standing) => {
                self.standing = standing;
                watch.stand(standing, self.outputs.tally());
            }
            Event::Replaced(session, outcome) => {
                if let Some(recording) = &mut self.recording {
                    recording.settle(session, &outcome, true);
                }
            }
            Event::Settled(session, outcome) => self.hear(session, &outcome, sink, watch, stop),
            Event::Progress(_) => {}
        };
        if let Some(vigil) = vigil {
            return vigil.hold(left().collect(), settings, stop, &met, &mut on_event);
        }
        if triaging {
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

    /// Takes in the outcome of an inquest.
    fn hear(
        &mut self,
        session: SessionId,
        outcome: &Outcome,
        sink: &mut Sink,
        watch: &Watch,
        stop: &Stop,
    ) {
        let at = Where::Address(outcome.endpoint.address);
        let Some(entry) = self.roll.find(at, outcome.endpoint.port) else {
            return;
        };
        let verdict = &outcome.finding.verdict;
        let mut record = Record::new(outcome, &self.run);
        record.list = outcome::lines(self.roll, entry, self.default, verdict.state, verdict.cause);
        let met = is_met(self.roll, self.default, outcome);
        if let Some(recording) = &mut self.recording
            && let Some(numbers) = recording.settle(session, outcome, met)
        {
            record.number(|id| numbers.of(id).to_vec());
        }
        let waits = self.default.is_some() && !met;
        record.unfinished = stop.requested() && (outcome.evidence.interrupted() || waits);
        self.replies += record.stats.replies;
        self.settle(entry, &Document::Record(record), sink, watch, stop);
    }

    /// Writes a result and counts it; one that was stopped half-way is written and not counted.
    fn settle(
        &mut self,
        entry: Entry,
        document: &Document,
        sink: &mut Sink,
        watch: &Watch,
        stop: &Stop,
    ) {
        if self.failure.is_some() {
            return;
        }
        let written = json::document(document)
            .map_err(Failure::Json)
            .and_then(|text| watch.aside(|| sink.write(&text)));
        match written {
            Ok(()) if document.is_unfinished() => {}
            Ok(()) => self.take(entry, document),
            Err(failure) => {
                self.failure = Some(failure);
                stop.request();
            }
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
