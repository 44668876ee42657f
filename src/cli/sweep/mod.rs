//! `synquest sweep`: the inquests of a list, each written as it settles, none held twice.

pub mod arguments;
pub mod course;
pub mod gather;
pub mod ledger;
pub mod outcome;
pub mod plan;
pub mod recording;
mod watch;

use std::collections::BTreeMap;
use std::path::Path;

use self::arguments::SweepArguments;
use self::course::{Course, Sink};
use self::gather::{Gathered, gather};
use self::ledger::{Earlier, Place};
use self::outcome::Document;
use super::arguments::Shared;
use super::conclude::conclude;
use super::exit::ExitStatus;
use super::failure::Failure;
use super::outputs::{self, baseline};
use super::settings;
use super::signals::Signals;
use super::terminal::Terminal;
use super::until::Vigil;
use crate::net::{Stop, privilege};
use crate::report::record::Run;
use crate::sweep::journal::{Journal, ListMark, SCHEMA};
use crate::sweep::order::{Shard, shuffled};

/// Where Kubernetes says which part of an Indexed Job a container is.
const COMPLETION_INDEX: &str = "JOB_COMPLETION_INDEX";

/// Which part of a sweep to run cannot be told. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadShard {
    /// A shard, and nobody said of how many.
    #[error("--shard says which part, and --shards must say of how many")]
    NoCount,
    /// Shards, and nobody said which.
    #[error("--shards needs --shard, or {COMPLETION_INDEX} in the environment")]
    NoIndex,
    /// What the environment says is no number.
    #[error("{COMPLETION_INDEX} is {0:?}, which is no number")]
    NotNumber(String),
    /// There is no such part.
    #[error("there is no shard {index} of {count}: they are numbered from 0")]
    Range {
        /// The index given.
        index: u32,
        /// How many there are.
        count: u32,
    },
}

/// Holds an inquest into every endpoint of a list.
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
    let part = part(arguments)?;
    let place = place(arguments, part)?;
    let apart = place.is_some();
    let recording = recording::Plan::of(arguments)?;
    let captures = recording.iter().flat_map(recording::Plan::destinations);
    let others = place
        .iter()
        .flat_map(Place::destinations)
        .chain(captures)
        .collect::<Vec<_>>();
    let outputs = outputs::Plan::of(&arguments.outputs, &others)?;
    let baseline = arguments.outputs.baseline.as_deref();
    let comparison = baseline.map(baseline::read).transpose()?;
    let mut gathered = gather(arguments, terminal)?;
    // Shards that are told nothing agree all the same, and so does who continues.
    let seed = arguments
        .cost
        .seed
        .unwrap_or_else(|| seed_of(&gathered.digest));
    gathered.keep(part, seed);
    if !arguments.dry_run {
        privilege::require_net_raw()?;
    }
    let earlier = match &place {
        Some(place) if !arguments.dry_run => place.earlier()?,
        _ => None,
    };
    let known = earlier.as_ref().map(|journal| journal.names.clone());
    let names = gathered.resolve(known.unwrap_or_default())?;
    let roll = &gathered.roll;
    let mut entries = shuffled(roll, seed);
    if arguments.dry_run {
        return plan::show(roll, &entries, arguments, shared, terminal);
    }
    let total = u64::try_from(entries.len()).unwrap_or(u64::MAX);
    let journal = Journal {
        schema: SCHEMA.to_owned(),
        list: ListMark {
            file: arguments.list.display().to_string(),
            sha256: gathered.digest.clone(),
            lines: u64::try_from(roll.lines()).unwrap_or(u64::MAX),
        },
        seed,
        shards: part.count,
        shard: part.index,
        endpoints: total,
        options: options(arguments, &gathered),
        names,
    };
    let columns: Vec<String> = roll.columns().map(str::to_owned).collect();
    let outputs = outputs
        .begin(&columns, comparison)
        .map_err(Failure::Capture)?;
    let recording = recording
        .map(|plan| plan.begin(arguments.cost.seed))
        .transpose()
        .map_err(Failure::Capture)?
        .flatten();
    let stop = Stop::new()?;
    let on_signal = stop.clone();
    let signals = Signals::listen(move || on_signal.request()).map_err(Failure::Signals)?;
    let run = Run {
        situation: arguments.situation.said(),
        ..Run::new(arguments.cost.seed, "")
    };
    let mut course = Course::new(roll, run, outputs, total)
        .expecting(arguments.until.until)
        .triaging(arguments.triage)
        .recording(recording);
    let sink = match place {
        None => Sink::Stdout(terminal),
        Some(place) => {
            let ledger =
                place.open(
                    &journal,
                    earlier.as_ref(),
                    &mut |line| match serde_json::from_str::<Document>(line) {
                        Ok(document) => course.recall(&document),
                        Err(_) => Earlier::Void,
                    },
                )?;
            Sink::Ledger(Box::new(ledger))
        }
    };
    if course.done() > 0 && !shared.quiet {
        let (done, left) = (course.done(), total - course.done());
        terminal.note(&format!(
            "continues: {done} endpoints are known, {left} are left"
        ));
    }
    entries.retain(|entry| !course.knows(*entry));
    let mut settings = settings::settings(&arguments.cost, &arguments.leave);
    settings.sightings = course.records();
    settings.policy.rate = (settings.policy.rate / part.count.max(1)).max(1);
    let shown = terminal.watched() && !shared.quiet && shared.verbose == 0;
    let told = (!shared.quiet && !shown).then_some(terminal);
    let vigil = Vigil::of(&arguments.until, arguments.cost.max_time, told);
    let ended = course.hold(&entries, &settings, &stop, sink, vigil.as_ref(), shown)?;
    if ended.left_out > 0 {
        terminal.note(&format!(
            "the capture had no room for {} packets; the documents tell of them all the same",
            ended.left_out
        ));
    }
    if let (Some(path), false) = (&ended.results, shared.quiet) {
        terminal.note(&format!("wrote {}", path.display()));
    }
    let status = conclude(ended.conclusion, baseline, apart, shared, terminal)?;
    if let Some(failure) = ended.failure.filter(|failure| !failure.is_closed_pipe()) {
        return Err(failure);
    }
    status?;
    Ok(match signals.caught() {
        Some(status) => status,
        None if arguments.exit_zero => ended.worst.forgiving(),
        None => ended.worst,
    })
}

/// Which part of the sweep to run.
fn part(arguments: &SweepArguments) -> Result<Shard, BadShard> {
    let course = arguments.course;
    let Some(count) = course.shards else {
        return match course.shard {
            Some(_) => Err(BadShard::NoCount),
            None => Ok(Shard::WHOLE),
        };
    };
    let index = match (course.shard, std::env::var(COMPLETION_INDEX)) {
        (Some(index), _) => index,
        (None, Ok(text)) => text.parse().map_err(|_| BadShard::NotNumber(text))?,
        (None, Err(_)) => return Err(BadShard::NoIndex),
    };
    if index < count {
        Ok(Shard { index, count })
    } else {
        Err(BadShard::Range { index, count })
    }
}

/// Where results go, when they go to a file.
fn place(arguments: &SweepArguments, part: Shard) -> Result<Option<Place>, ledger::Unusable> {
    let (resume, force) = (arguments.course.resume, arguments.outputs.force);
    let given = arguments.output.as_deref();
    given
        .filter(|path| *path != Path::new("-"))
        .map(|path| Place::judge(path, part, resume, force))
        .transpose()
}

/// A seed that everybody with this list has.
fn seed_of(digest: &str) -> u64 {
    let digits = digest.get(..16).unwrap_or_default();
    u64::from_str_radix(digits, 16).unwrap_or_default()
}

/// The options that change what is found, as they could be typed.
fn options(arguments: &SweepArguments, gathered: &Gathered) -> BTreeMap<String, String> {
    let (reading, cost, leave) = (&arguments.reading, &arguments.cost, &arguments.leave);
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
        ("exclude", gathered.excluded.clone()),
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
