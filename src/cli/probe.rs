//! `synquest probe`: holds the inquests, writes each as it settles.

use super::arguments::{ProbeArguments, Shared};
use super::artefact::{self, Capture};
use super::exit::ExitStatus;
use super::failure::Failure;
use super::greeting::Greeter;
use super::keeper::Keeper;
use super::progress::Progress;
use super::scribe::{Scribe, time_of_day};
use super::signals::Signals;
use super::target_rules::TargetRules;
use super::terminal::Terminal;
use super::until::Vigil;
use super::{dry_run, lookup, settings};
use crate::model::outcome::Outcome;
use crate::model::target::{BadTarget, Target};
use crate::net::driver::{self, Event};
use crate::net::{Stop, privilege};
use crate::report::listed::{Unresolved, UnresolvedEndpoint};
use crate::report::record::{Record, Run};
use crate::sweep::expectation::Expectation;

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
    let rules = TargetRules::read(&arguments.rules, &arguments.attachment.attached)?;
    let found = lookup::endpoints(&arguments.endpoints, &arguments.leave)?.some()?;
    let endpoints = found.endpoints;
    let mut settings = settings::settings(&arguments.cost, &arguments.leave);
    settings.sightings = artefacts.wants_capture();
    let planned = driver::plan(endpoints.clone(), &settings)?;
    if arguments.dry_run {
        if !artefacts.is_empty() {
            terminal.note("a dry run writes no artefacts");
        }
        if arguments.greeting.is_some() {
            terminal.note(
                "a dry run greets nobody: a full connection would follow where the port is open",
            );
        }
        return dry_run::run(planned, &settings, shared, terminal);
    }
    privilege::require_net_raw()?;

    let stop = Stop::new()?;
    let on_signal = stop.clone();
    let signals = Signals::listen(move || on_signal.request()).map_err(Failure::Signals)?;
    let shown = terminal.watched() && !shared.quiet && shared.verbose == 0;
    settings.live = shown;
    let mut progress = Progress::new(endpoints.len(), shown);
    let mut run = Run {
        situation: arguments.situation.said(),
        ..Run::new(arguments.cost.seed, "")
    };
    let mut scribe = Scribe::new(shared, terminal, artefacts.wants_records());
    let watch = artefacts.watch();
    let mut capture = artefacts.capture()?;
    let file = capture.as_ref().map(Capture::file).transpose()?;
    let mut keeper = file.map(|file| Keeper::new(file, arguments.cost.seed));
    let destinations = endpoints.clone();
    let greeter = arguments.greeting.map(|spoken| {
        Greeter::warn(
            spoken,
            settings::preference(&settings),
            stop.clone(),
            terminal,
        )
    });
    for (target, bad) in &found.unresolved {
        scribe.miss(&unresolved(target, bad, &run));
    }
    let expected = arguments.until.until.unwrap_or(Expectation::DEFAULT);
    let met = |outcome: &Outcome| {
        let verdict = &outcome.finding.verdict;
        expected.is_met(verdict.state, verdict.cause)
    };
    tracing::debug!(endpoints = endpoints.len(), "holding inquests");
    let mut on_event = |event: Event<'_>| match event {
        Event::Standing(_) => {}
        Event::Progress(outcome) => progress.reading(outcome),
        Event::Started(began) => {
            run.started = time_of_day(began);
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
        Event::Replaced(session, outcome) => {
            if let Some(keeper) = &mut keeper {
                keeper.settle(session, &outcome);
            }
        }
        Event::Settled(session, outcome) => {
            let mut record = Record::new(&outcome, &run);
            if let Some(keeper) = &mut keeper {
                let numbers = keeper.settle(session, &outcome);
                record.number(|id| numbers.of(id).to_vec());
            }
            if let Some(rules) = &rules {
                rules.advise(&outcome, &mut record);
            }
            if let Some(greeter) = &greeter {
                greeter.greet(&outcome, &mut record);
            }
            let status = ExitStatus::judge(met(&outcome), outcome.finding.verdict.cause);
            if !progress.settle(&outcome, || scribe.judge(status, record)) {
                stop.request();
            }
        }
    };
    let told = (!shared.quiet).then_some(terminal);
    match Vigil::of(&arguments.until, arguments.cost.max_time, told) {
        Some(vigil) => vigil.hold(endpoints, &settings, &stop, &met, &mut on_event)?,
        None => driver::run(endpoints, &settings, &stop, &mut on_event)?,
    }
    progress.clear();
    if let (Some(keeper), Some(capture)) = (keeper, &mut capture) {
        capture.failure = keeper.finish().err();
    }
    let preference = settings::preference(&settings);
    let records = scribe.take_records();
    let written = artefacts.write(&records, capture, || {
        watch.map(|watch| watch.end(&destinations, &preference))
    });
    written.announce(terminal, shared);
    let complete = scribe.finish()?;
    written.all()?;
    Ok(match signals.caught() {
        Some(status) => status,
        None if arguments.exit_zero => complete.forgiving(),
        None => complete,
    })
}

/// The document of a target whose name has no address.
fn unresolved(target: &Target, bad: &BadTarget, run: &Run) -> Unresolved {
    let endpoint = UnresolvedEndpoint {
        given: target.given.clone(),
        port: target.port,
        label: None,
    };
    Unresolved::new(endpoint, bad.fault.to_string(), Vec::new(), run)
}
