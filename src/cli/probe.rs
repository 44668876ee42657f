//! `synquest probe`: holds the inquests, writes each as it settles.

use std::time::SystemTime;

use super::arguments::{ProbeArguments, Shared};
use super::artefact::{self, Capture};
use super::exit::ExitStatus;
use super::failure::Failure;
use super::keeper::Keeper;
use super::progress::Progress;
use super::signals::Signals;
use super::terminal::Terminal;
use super::{dry_run, lookup};
use crate::engine::policy::Policy;
use crate::model::outcome::Outcome;
use crate::model::verdict::Cause;
use crate::net::driver::{self, Event, Settings};
use crate::net::survey::Preference;
use crate::net::{Stop, privilege};
use crate::report::record::{Record, Run};
use crate::report::{json, text};

/// Holds an inquest into every endpoint.
///
/// Wrong input is found first, then missing privilege; only then is anything sent.
///
/// # Errors
///
/// When nothing could be sent, or the result not be written.
pub fn run(
    arguments: &ProbeArguments,
    shared: &Shared,
    terminal: Terminal,
) -> Result<ExitStatus, Failure> {
    let artefacts = artefact::Plan::of(arguments.pcap.as_deref(), &arguments.artefacts)?;
    let endpoints = lookup::endpoints(&arguments.endpoints, &arguments.leave)?;
    let settings = settings(arguments, artefacts.wants_capture());
    let planned = driver::plan(endpoints.clone(), &settings)?;
    if arguments.dry_run {
        if !artefacts.is_empty() {
            terminal.note("a dry run writes no artefacts");
        }
        return dry_run::run(planned, &settings, shared, terminal);
    }
    privilege::require_net_raw()?;

    let stop = Stop::new()?;
    let on_signal = stop.clone();
    let signals = Signals::listen(move || on_signal.request()).map_err(Failure::Signals)?;
    let shown = terminal.watched() && !shared.quiet && shared.verbose == 0;
    let mut progress = Progress::new(endpoints.len(), shown);
    let mut scribe = Scribe {
        shared,
        terminal,
        run: Run::new(arguments.cost.seed, ""),
        records: artefacts.wants_records().then(Vec::new),
        causes: Vec::new(),
        failure: None,
    };
    let watch = artefacts.watch();
    let mut capture = artefacts.capture()?;
    let file = capture.as_ref().map(Capture::file).transpose()?;
    let mut keeper = file.map(|file| Keeper::new(file, arguments.cost.seed));
    let destinations = endpoints.clone();
    tracing::debug!(endpoints = endpoints.len(), "holding inquests");
    driver::run(endpoints, &settings, &stop, &mut |event| match event {
        Event::Progress(outcome) => progress.reading(outcome),
        Event::Started(began) => {
            scribe.run.started = time_of_day(began);
            if let Some(keeper) = &mut keeper {
                keeper.start(began);
            }
        }
        Event::Begun(session, brief) => {
            if let Some(keeper) = &mut keeper {
                keeper.open(session, brief);
            }
        }
        Event::Sighted(sighting) => {
            if let Some(keeper) = &mut keeper {
                keeper.see(&sighting);
            }
        }
        Event::Settled(session, outcome) => {
            if let Some(keeper) = &mut keeper {
                keeper.settle(session, &outcome);
            }
            if !progress.settle(&outcome, || scribe.write(&outcome)) {
                stop.request();
            }
        }
    })?;
    progress.clear();
    if let (Some(keeper), Some(capture)) = (keeper, &mut capture) {
        capture.failure = keeper.finish().err();
    }
    let preference = preference(&settings);
    let records = scribe.records.take().unwrap_or_default();
    let written = artefacts.write(&records, capture, || {
        watch.map(|watch| watch.end(&destinations, &preference))
    });
    if !shared.quiet {
        for destination in &written.done {
            terminal.note(&format!("wrote {}", destination.path().display()));
        }
    }
    let status = scribe.finish(&signals, arguments.exit_zero)?;
    written.all()?;
    Ok(status)
}

/// Writes outcomes, and remembers what they come to.
#[derive(Debug)]
struct Scribe<'a> {
    shared: &'a Shared,
    terminal: Terminal,
    run: Run,
    /// What was found of each endpoint, where an artefact is to hold it.
    records: Option<Vec<Record>>,
    causes: Vec<Cause>,
    /// Why nothing more can be written.
    failure: Option<Failure>,
}

impl Scribe<'_> {
    /// Writes an outcome; false when nothing more can be written.
    fn write(&mut self, outcome: &Outcome) -> bool {
        let first = self.causes.is_empty();
        self.causes.push(outcome.finding.verdict.cause);
        let record = Record::new(outcome, &self.run);
        if self.failure.is_none() {
            let written = self
                .form(&record, first)
                .and_then(|text| self.terminal.data(&text).map_err(Failure::Output));
            self.failure = written.err();
        }
        if let Some(records) = &mut self.records {
            records.push(record);
        }
        self.failure.is_none()
    }

    fn form(&self, record: &Record, first: bool) -> Result<String, Failure> {
        Ok(if self.shared.json {
            json::document(record)? + "\n"
        } else if self.shared.quiet {
            text::line(record)
        } else {
            let gap = if first { "" } else { "\n\n" };
            format!("{gap}{}", text::report(record, self.terminal.width()))
        })
    }

    /// The exit status of the run.
    fn finish(self, signals: &Signals, exit_zero: bool) -> Result<ExitStatus, Failure> {
        if let Some(failure) = self.failure.filter(|failure| !failure.is_closed_pipe()) {
            return Err(failure);
        }
        let complete = ExitStatus::of(self.causes);
        Ok(match signals.caught() {
            Some(status) => status,
            None if exit_zero => complete.forgiving(),
            None => complete,
        })
    }
}

fn settings(arguments: &ProbeArguments, sightings: bool) -> Settings {
    let cost = &arguments.cost;
    let leave = &arguments.leave;
    Settings {
        policy: Policy {
            max_time: cost.max_time,
            max_probes: cost.max_probes,
            rate: cost.rate,
            quick: cost.quick,
            check_mtu: !cost.no_mtu,
            control_ports: cost.control_ports.clone(),
        },
        interface: leave.interface.clone(),
        source: leave.source,
        mark: leave.mark,
        seed: cost.seed,
        sightings,
    }
}

fn preference(settings: &Settings) -> Preference {
    Preference {
        interface: settings.interface.clone(),
        source: settings.source,
        mark: settings.mark,
    }
}

/// A time of day in UTC, to the second.
fn time_of_day(time: SystemTime) -> String {
    // Fails for times that no clock shows.
    jiff::Timestamp::try_from(time)
        .unwrap_or_default()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}
