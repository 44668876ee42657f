//! `synquest sweep`: diagnoses the endpoints of a list, each written as it settles, none done twice.

pub mod document;
pub mod listing;
pub mod progress;
pub mod sweep_run;
pub mod targets;

use std::collections::BTreeMap;
use std::path::Path;

use self::sweep_run::{Drive, Sink, SweepRun};
use self::targets::Targets;
use super::arguments::Shared;
use super::arguments::sweep::{Sharing, SweepArguments};
use super::baseline;
use super::capture_writer::CaptureWriter;
use super::closing::close;
use super::exit::ExitStatus;
use super::failure::Failure;
use super::settings;
use super::signals::Signals;
use super::sweep_files::SweepFiles;
use super::terminal::Terminal;
use super::waiter::Waiter;
use crate::files::destination::{Destination, Refused};
use crate::files::input::is_stream;
use crate::net::{Stop, privilege};
use crate::report::record::Run;
use crate::report::sweep::changes::Comparison;
use crate::report::sweep::document::Document;
use crate::sweep::journal::{Journal, ListMark, SCHEMA};
use crate::sweep::order::{Shard, shuffled};
use crate::sweep::results_file::{Earlier, ResultsPlace, Unusable};

/// Where Kubernetes says which part of an Indexed Job a container is.
const COMPLETION_INDEX: &str = "JOB_COMPLETION_INDEX";

impl From<Unusable> for Failure {
    fn from(error: Unusable) -> Self {
        match error {
            Unusable::Refused(_)
            | Unusable::Earlier { .. }
            | Unusable::NoJournal { .. }
            | Unusable::BadJournal { .. }
            | Unusable::Other { .. }
            | Unusable::Foreign { .. }
            | Unusable::Busy { .. } => Self::usage(error),
            Unusable::Io { .. } | Unusable::Unfinished(_) | Unusable::Full { .. } => {
                Self::incapable(error)
            }
        }
    }
}

/// A sweep as it can be run: every file read, every destination judged; names are not looked up yet.
#[derive(Debug)]
struct SweepPlan {
    part: Shard,
    /// Where results go, when they go to a file.
    place: Option<ResultsPlace>,
    /// Where the capture goes, and whether it is of failing endpoints only.
    capture: Option<(Destination, bool)>,
    files: SweepFiles,
    comparison: Option<Comparison>,
    targets: Targets,
    seed: u64,
}

impl SweepPlan {
    fn of(arguments: &SweepArguments, terminal: Terminal) -> Result<Self, Failure> {
        let part = part(arguments)?;
        let place = place(arguments, part)?;
        let capture = capture(arguments)?;
        let results = place.iter().flat_map(ResultsPlace::destinations);
        let others: Vec<_> = results.chain(capture.iter().map(|(it, _)| it)).collect();
        let files = SweepFiles::of(&arguments.outputs, &others)?;
        let baseline = arguments.outputs.baseline.as_deref();
        let comparison = baseline.map(baseline::read).transpose()?;
        let mut targets = targets::read(arguments, terminal)?;
        // Shards that are told nothing agree all the same, and so does who continues.
        let told = arguments.cost.seed;
        let seed = told.unwrap_or_else(|| seed_of(&targets.digest));
        targets.keep(part, seed);
        Ok(Self {
            part,
            place,
            capture,
            files,
            comparison,
            targets,
            seed,
        })
    }

    fn journal(
        &self,
        arguments: &SweepArguments,
        names: BTreeMap<String, crate::sweep::journal::Answer>,
        endpoints: u64,
    ) -> Journal {
        Journal {
            schema: SCHEMA.to_owned(),
            list: ListMark {
                file: arguments.list.display().to_string(),
                sha256: self.targets.digest.clone(),
                lines: u64::try_from(self.targets.roll.lines()).unwrap_or(u64::MAX),
            },
            seed: self.seed,
            shards: self.part.count,
            shard: self.part.index,
            endpoints,
            options: options(arguments, &self.targets),
            names,
        }
    }
}

/// Diagnoses every endpoint of a list.
///
/// Wrong input is found first, then missing privilege; only then is anything sent.
///
/// # Errors
///
/// When nothing could be sent, or the results not be written.
pub fn run(
    arguments: &SweepArguments,
    shared: &Shared,
    terminal: Terminal,
) -> Result<ExitStatus, Failure> {
    let mut plan = SweepPlan::of(arguments, terminal)?;
    if arguments.dry_run {
        plan.targets.resolve(BTreeMap::new())?;
        let entries = shuffled(&plan.targets.roll, plan.seed);
        return listing::show(&plan.targets.roll, &entries, arguments, shared, terminal);
    }
    privilege::require_net_raw()?;
    let earlier = plan.place.as_ref().map(ResultsPlace::earlier).transpose()?;
    let earlier = earlier.flatten();
    let known = earlier.as_ref().map(|journal| journal.names.clone());
    let names = plan.targets.resolve(known.unwrap_or_default())?;
    let entries = shuffled(&plan.targets.roll, plan.seed);
    let total = u64::try_from(entries.len()).unwrap_or(u64::MAX);
    let journal = plan.journal(arguments, names, total);
    let SweepPlan {
        part,
        place,
        capture,
        files,
        comparison,
        targets: Targets { roll, .. },
        ..
    } = plan;
    let columns: Vec<String> = roll.columns().map(str::to_owned).collect();
    let capture =
        capture.map(|(place, failing)| CaptureWriter::begin(&place, arguments.cost.seed, failing));
    let run = Run {
        situation: settings::situation(arguments.situation),
        ..Run::new(arguments.cost.seed, "")
    };
    let mut sweep = SweepRun::new(&roll, run, files.begin(&columns, comparison)?, total);
    sweep.default = arguments.until.until;
    sweep.capture = capture.transpose()?;
    let stop = Stop::new()?;
    let on_signal = stop.clone();
    let signals = Signals::listen(move || on_signal.request())?;
    let apart = place.is_some();
    let sink = sink(place, &journal, earlier.as_ref(), &mut sweep, terminal)?;
    sweep.say_continued(shared, terminal);
    let capturing = sweep.capture.is_some();
    let drive = drive(arguments, shared, terminal, part, stop, capturing);
    let ended = sweep.run(entries, &drive, sink)?;
    ended.announce(shared, terminal);
    let baseline = arguments.outputs.baseline.as_deref();
    let written = close(ended.summarised, baseline, apart, shared, terminal)?;
    ended.stream?;
    written.all()?;
    let status = ended.worst.forgiven(arguments.exit_zero);
    Ok(signals.caught().unwrap_or(status))
}

/// How the endpoints of a part are probed.
fn drive(
    arguments: &SweepArguments,
    shared: &Shared,
    terminal: Terminal,
    part: Shard,
    stop: Stop,
    capturing: bool,
) -> Drive {
    let shown = terminal.watched() && !shared.quiet && shared.verbose == 0;
    let mut settings = settings::settings(&arguments.cost, &arguments.leave);
    settings.sightings = capturing;
    settings.policy.rate = (settings.policy.rate / part.count.max(1)).max(1);
    let told = (!shared.quiet && !shown).then_some(terminal);
    Drive {
        settings,
        stop,
        waiter: Waiter::of(&arguments.until, arguments.cost.max_time, told),
        triage: arguments.triage,
        shown,
    }
}

/// Where documents go; what an earlier run wrote there is taken in.
fn sink(
    place: Option<ResultsPlace>,
    journal: &Journal,
    earlier: Option<&Journal>,
    sweep: &mut SweepRun<'_>,
    terminal: Terminal,
) -> Result<Sink, Unusable> {
    let Some(place) = place else {
        return Ok(Sink::Stdout(terminal));
    };
    let mut judge = |line: &str| match serde_json::from_str::<Document>(line) {
        Ok(document) => sweep.recall(&document),
        Err(_) => Earlier::Unusable,
    };
    let file = place.open(journal, earlier, &mut judge)?;
    Ok(Sink::File(Box::new(file)))
}

/// Which part of the sweep to run.
fn part(arguments: &SweepArguments) -> Result<Shard, Failure> {
    let Sharing { shards, shard, .. } = arguments.sharing;
    let Some(count) = shards else {
        return match shard {
            Some(_) => Err(Failure::usage(
                "--shard says which part, and --shards must say of how many",
            )),
            None => Ok(Shard::WHOLE),
        };
    };
    let index = match (shard, std::env::var(COMPLETION_INDEX)) {
        (Some(index), _) => index,
        (None, Ok(text)) => text.parse().map_err(|_| {
            Failure::usage(format!(
                "{COMPLETION_INDEX} is {text:?}, which is no number"
            ))
        })?,
        (None, Err(_)) => {
            return Err(Failure::usage(format!(
                "--shards needs --shard, or {COMPLETION_INDEX} in the environment"
            )));
        }
    };
    if index < count {
        Ok(Shard { index, count })
    } else {
        Err(Failure::usage(format!(
            "there is no shard {index} of {count}: they are numbered from 0"
        )))
    }
}

/// Where results go, when they go to a file.
fn place(arguments: &SweepArguments, part: Shard) -> Result<Option<ResultsPlace>, Unusable> {
    let (resume, force) = (arguments.sharing.resume, arguments.outputs.force);
    let given = arguments.output.as_deref();
    given
        .filter(|path| !is_stream(path))
        .map(|path| ResultsPlace::judge(path, part, resume, force))
        .transpose()
}

/// Where the capture goes, when there is one, and whether it is of failing endpoints only.
fn capture(arguments: &SweepArguments) -> Result<Option<(Destination, bool)>, Refused> {
    let judge = |path: &Path, failing: bool| {
        Destination::judge(path, arguments.outputs.force).map(|place| (place, failing))
    };
    match (&arguments.pcap, &arguments.pcap_failing) {
        (Some(path), _) => judge(path, false).map(Some),
        (None, Some(path)) => judge(path, true).map(Some),
        (None, None) => Ok(None),
    }
}

/// A seed that everybody with this list has.
fn seed_of(digest: &str) -> u64 {
    let digits = digest.get(..16).unwrap_or_default();
    u64::from_str_radix(digits, 16).unwrap_or_default()
}
/// The options that change what is found, as they could be typed.
fn options(arguments: &SweepArguments, targets: &Targets) -> BTreeMap<String, String> {
    let (reading, cost, leave) = (&arguments.list_options, &arguments.cost, &arguments.leave);
    let flag = |on: bool| on.then(String::new);
    let ports = cost.control_ports.iter().map(ToString::to_string);
    let ports = ports.collect::<Vec<_>>().join(",");
    let given = [
        (
            "format",
            reading.format.map(|format| format.said().to_string()),
        ),
        ("expand", flag(reading.expand)),
        ("skip-bad", flag(reading.skip_bad)),
        ("exclude", targets.excluded.clone()),
        ("ipv4", flag(leave.ipv4)),
        ("ipv6", flag(leave.ipv6)),
        ("interface", leave.interface.clone()),
        ("source", leave.source.map(|address| address.to_string())),
        ("mark", leave.mark.map(|mark| mark.to_string())),
        ("max-time", cost.max_time.map(|time| format!("{time:?}"))),
        ("max-probes", Some(cost.max_probes.to_string())),
        (
            "control-port",
            Some(ports).filter(|ports| !ports.is_empty()),
        ),
        (
            "until",
            arguments.until.until.map(|state| state.to_string()),
        ),
        ("quick", flag(cost.quick)),
        ("thorough", flag(cost.thorough)),
        ("triage", flag(arguments.triage)),
        ("no-mtu", flag(cost.no_mtu)),
    ];
    given
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}
