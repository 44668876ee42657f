//! `synquest probe`: holds the inquests, writes each as it settles.

use std::time::SystemTime;

use super::arguments::{ProbeArguments, Shared};
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
    let endpoints = lookup::endpoints(&arguments.endpoints, &arguments.leave)?;
    let settings = settings(arguments);
    let planned = driver::plan(endpoints.clone(), &settings)?;
    if arguments.dry_run {
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
        causes: Vec::new(),
        failure: None,
    };
    let mut keeper = arguments
        .pcap
        .as_ref()
        .map(|path| std::fs::File::create(path).map(|file| Keeper::new(file, arguments.cost.seed)))
        .transpose()
        .map_err(Failure::Output)?;
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
    if let Some(keeper) = keeper {
        keeper.finish().map_err(Failure::Output)?;
    }
    scribe.finish(&signals, arguments.exit_zero)
}

/// Writes outcomes, and remembers what they come to.
#[derive(Debug)]
struct Scribe<'a> {
    shared: &'a Shared,
    terminal: Terminal,
    run: Run,
    causes: Vec<Cause>,
    /// Why nothing more can be written.
    failure: Option<Failure>,
}

impl Scribe<'_> {
    /// Writes an outcome; false when nothing more can be written.
    fn write(&mut self, outcome: &Outcome) -> bool {
        let first = self.causes.is_empty();
        self.causes.push(outcome.finding.verdict.cause);
        if self.failure.is_none() {
            let written = self
                .form(outcome, first)
                .and_then(|text| self.terminal.data(&text).map_err(Failure::Output));
            self.failure = written.err();
        }
        self.failure.is_none()
    }

    fn form(&self, outcome: &Outcome, first: bool) -> Result<String, Failure> {
        let record = Record::new(outcome, &self.run);
        Ok(if self.shared.json {
            json::document(&record)? + "\n"
        } else if self.shared.quiet {
            text::line(&record)
        } else {
            let gap = if first { "" } else { "\n\n" };
            format!("{gap}{}", text::report(&record, self.terminal.width()))
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

fn settings(arguments: &ProbeArguments) -> Settings {
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
        sightings: arguments.pcap.is_some(),
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
