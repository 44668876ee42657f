//! `synquest probe`: diagnoses endpoints, writes each as it settles.

use super::arguments::Shared;
use super::arguments::probe::ProbeArguments;
use super::capture_writer::CaptureWriter;
use super::exit::ExitStatus;
use super::failure::Failure;
use super::greeting::Greeter;
use super::lookup::{self, Resolved};
use super::progress::Progress;
use super::record_writer::{RecordWriter, time_of_day};
use super::run_files::RunFiles;
use super::signals::Signals;
use super::target_rules::TargetRules;
use super::terminal::Terminal;
use super::waiter::Waiter;
use super::{dry_run, settings};
use crate::engine::SessionId;
use crate::files::destination::Destination;
use crate::model::outcome::Outcome;
use crate::net::driver::{self, Event, Planned, Settings};
use crate::net::{Stop, privilege};
use crate::report::listed::{Unresolved, UnresolvedEndpoint};
use crate::report::record::{Record, Run};
use crate::sweep::expectation::Expectation;
use crate::sweep::target::{BadTarget, HostPort};

/// A probe as it can be run: every input read, every name looked up, every destination judged.
#[derive(Debug)]
struct ProbePlan {
    files: RunFiles,
    rules: Option<TargetRules>,
    found: Resolved,
    /// The endpoints and our end of the way to each.
    planned: Vec<Planned>,
    settings: Settings,
}

impl ProbePlan {
    fn of(arguments: &ProbeArguments) -> Result<Self, Failure> {
        let files = RunFiles::of(arguments.pcap.as_deref(), &arguments.artefacts)?;
        let rules = TargetRules::read(&arguments.rules, &arguments.attachment.attached)?;
        let found = lookup::endpoints(&arguments.endpoints, &arguments.leave)?.some()?;
        let mut settings = settings::settings(&arguments.cost, &arguments.leave);
        settings.sightings = files.wants_capture();
        Ok(Self {
            planned: driver::plan(found.endpoints.clone(), &settings)?,
            files,
            rules,
            found,
            settings,
        })
    }
}

/// Diagnoses every endpoint.
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
    let plan = ProbePlan::of(arguments)?;
    if arguments.dry_run {
        if !plan.files.is_empty() {
            terminal.note("a dry run writes no artefacts");
        }
        if arguments.greeting.is_some() {
            terminal.note(
                "a dry run greets nobody: a full connection would follow where the port is open",
            );
        }
        return dry_run::run(plan.planned, &plan.settings, shared, terminal);
    }
    privilege::require_net_raw()?;
    let stop = Stop::new()?;
    let on_signal = stop.clone();
    let signals = Signals::listen(move || on_signal.request())?;
    let complete = diagnose(plan, arguments, &stop, shared, terminal)?;
    let status = complete.forgiven(arguments.exit_zero);
    Ok(signals.caught().unwrap_or(status))
}

/// Runs the plan, and writes what it finds and the files of the run.
fn diagnose(
    plan: ProbePlan,
    arguments: &ProbeArguments,
    stop: &Stop,
    shared: &Shared,
    terminal: Terminal,
) -> Result<ExitStatus, Failure> {
    let ProbePlan {
        files,
        rules,
        found,
        mut settings,
        ..
    } = plan;
    settings.live = terminal.watched() && !shared.quiet && shared.verbose == 0;
    let watch = files.watch();
    let preference = settings::preference(&arguments.leave);
    let mut run = ProbeRun {
        progress: Progress::new(found.endpoints.len(), settings.live),
        run: Run {
            situation: settings::situation(arguments.situation),
            ..Run::new(arguments.cost.seed, "")
        },
        records: RecordWriter::new(shared, terminal, files.wants_records()),
        capture: files.capture(arguments.cost.seed)?,
        rules,
        greeter: arguments
            .greeting
            .map(|spoken| Greeter::warn(spoken, preference.clone(), stop.clone(), terminal)),
        expected: arguments.until.until.unwrap_or(Expectation::DEFAULT),
        stop,
    };
    for (target, bad) in &found.unresolved {
        run.records.miss(&unresolved(target, bad, &run.run));
    }
    let (endpoints, expected) = (found.endpoints.clone(), run.expected);
    tracing::debug!(endpoints = endpoints.len(), "diagnosing");
    let met = |outcome: &Outcome| is_met(expected, outcome);
    let mut on_event = |event: Event<'_>| run.observe(event);
    let told = (!shared.quiet).then_some(terminal);
    match Waiter::of(&arguments.until, arguments.cost.max_time, told) {
        Some(waiter) => waiter.run(endpoints, &settings, stop, &met, &mut on_event)?,
        None => driver::run(endpoints, &settings, stop, &mut on_event)?,
    }
    let ProbeRun {
        progress,
        mut records,
        capture,
        ..
    } = run;
    progress.clear();
    let kept = records.take_records();
    let written = files.write(&kept, capture.map(CaptureWriter::finish), || {
        watch.map(|watch| watch.end(&found.endpoints, &preference))
    });
    terminal.announce(shared, written.done.iter().map(Destination::path));
    let complete = records.finish()?;
    written.all()?;
    Ok(complete)
}

/// A probe that goes on.
#[derive(Debug)]
struct ProbeRun<'a> {
    progress: Progress,
    run: Run,
    records: RecordWriter<'a>,
    capture: Option<CaptureWriter>,
    rules: Option<TargetRules>,
    greeter: Option<Greeter>,
    expected: Expectation,
    stop: &'a Stop,
}

impl ProbeRun<'_> {
    fn observe(&mut self, event: Event<'_>) {
        let event = match &mut self.capture {
            Some(capture) => capture.observe(event),
            None => Some(event),
        };
        match event {
            Some(Event::Progress(outcome)) => self.progress.reading(outcome),
            Some(Event::Started(began)) => self.run.started = time_of_day(began),
            Some(Event::Settled(session, outcome)) => self.settle(session, &outcome),
            Some(Event::Status(_) | Event::Begun(..) | Event::Sighted(_) | Event::Replaced(..))
            | None => {}
        }
    }

    fn settle(&mut self, session: SessionId, outcome: &Outcome) {
        let mut record = Record::new(outcome, &self.run);
        let met = is_met(self.expected, outcome);
        let capture = self.capture.as_mut();
        if let Some(numbers) = capture.and_then(|capture| capture.settle(session, outcome, met)) {
            record.number(|id| numbers.of(id).to_vec());
        }
        if let Some(rules) = &self.rules {
            rules.advise(outcome, &mut record);
        }
        if let Some(greeter) = &self.greeter {
            greeter.greet(outcome, &mut record);
        }
        let status = ExitStatus::judge(met, outcome.finding.verdict.cause);
        let records = &mut self.records;
        if !self
            .progress
            .settle(outcome, || records.judge(status, record))
        {
            self.stop.request();
        }
    }
}

fn is_met(expected: Expectation, outcome: &Outcome) -> bool {
    let verdict = &outcome.finding.verdict;
    expected.is_met(verdict.state, verdict.cause)
}

/// The document of a target whose name has no address.
fn unresolved(target: &HostPort, bad: &BadTarget, run: &Run) -> Unresolved {
    let endpoint = UnresolvedEndpoint {
        given: target.given.clone(),
        port: target.port,
        label: None,
    };
    Unresolved::new(endpoint, bad.fault.to_string(), Vec::new(), run)
}
