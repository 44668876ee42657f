//! `synquest merge`: the results of the shards of one sweep, joined.
//!
//! All files are read twice: first to see that they are whole and belong together, then to write
//! them. Nothing is written when anything is wrong.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use super::arguments::Shared;
use super::arguments::sweep::MergeArguments;
use super::baseline;
use super::closing::close;
use super::exit::ExitStatus;
use super::failure::Failure;
use super::sweep::document::status;
use super::sweep_files::SweepFiles;
use super::terminal::{Reader, Terminal};
use crate::files::destination::Destination;
use crate::files::draft::Draft;
use crate::files::input::is_stream;
use crate::files::unfinished::Unfinished;
use crate::model::time::Moment;
use crate::net::clock::Clock;
use crate::report::sweep::changes::Comparison;
use crate::report::sweep::document::Document;
use crate::report::sweep::facts::Facts;
use crate::sweep::merge::{Part, faults};
use crate::sweep::parts::{BadPart, each_line, journal};

impl From<BadPart> for Failure {
    fn from(error: BadPart) -> Self {
        Self::usage(error)
    }
}

/// A merge as it can be run: every part read and judged, every destination too.
#[derive(Debug)]
struct MergePlan<'a> {
    place: Option<Destination>,
    files: SweepFiles,
    comparison: Option<Comparison>,
    /// The parts and where their results are, in the order of their shards.
    parts: Vec<(Part, &'a Path)>,
    /// The columns that their lines carry.
    columns: Vec<String>,
}

impl<'a> MergePlan<'a> {
    fn of(arguments: &'a MergeArguments) -> Result<Self, Failure> {
        let given = arguments.output.as_deref();
        let place = given
            .filter(|path| !is_stream(path))
            .map(|path| Destination::judge(path, arguments.outputs.force))
            .transpose()?;
        let others: Vec<&Destination> = place.iter().collect();
        let files = SweepFiles::of(&arguments.outputs, &others)?;
        let baseline = arguments.outputs.baseline.as_deref();
        let comparison = baseline.map(baseline::read).transpose()?;
        let (mut parts, mut columns) = (Vec::new(), Vec::new());
        for path in &arguments.results {
            parts.push((part(path, &mut columns)?, path.as_path()));
        }
        parts.sort_by_key(|(part, _)| part.journal.shard);
        let all: Vec<Part> = parts.iter().map(|(part, _)| part.clone()).collect();
        let wrong: Vec<String> = faults(&all).iter().map(ToString::to_string).collect();
        if !wrong.is_empty() {
            return Err(Failure::usage(format!(
                "these are not all the shards of one sweep\n{}",
                wrong.join("\n")
            )));
        }
        Ok(Self {
            place,
            files,
            comparison,
            parts,
            columns,
        })
    }
}

/// Joins results, in the order of their shards.
///
/// # Errors
///
/// When they are not whole or not of one sweep, or the joined results cannot be written.
pub fn run(
    arguments: &MergeArguments,
    shared: &Shared,
    terminal: Terminal,
) -> Result<ExitStatus, Failure> {
    let clock = Clock::start();
    let plan = MergePlan::of(arguments)?;
    let mut joined = plan.files.begin(&plan.columns, plan.comparison)?;
    let mut out = Out::begin(plan.place.as_ref(), terminal)?;
    let mut worst = ExitStatus::Open;
    let mut facts = Facts {
        endpoints: Some(plan.parts.iter().map(|(part, _)| part.results).sum()),
        ..Facts::default()
    };
    for (_, path) in &plan.parts {
        each_line(path, &mut |line, text| {
            let document = parsed(path, line, text)?;
            add_cost(&mut facts, &document);
            worst = worst.max(status(&document));
            joined.add(&document.brief());
            out.write(text).map(drop)
        })?;
    }
    out.finish()?;
    let elapsed = clock.now().since(Moment::START);
    let summarised = joined.finish(facts, clock.began() + elapsed);
    terminal.announce(shared, plan.place.iter().map(Destination::path));
    let (baseline, apart) = (arguments.outputs.baseline.as_deref(), plan.place.is_some());
    close(summarised, baseline, apart, shared, terminal)?.all()?;
    Ok(worst.forgiven(arguments.exit_zero))
}

/// Where joined results go.
enum Out {
    Stdout(Terminal),
    File(Draft),
}

impl Out {
    fn begin(place: Option<&Destination>, terminal: Terminal) -> Result<Self, Failure> {
        Ok(match place {
            None => Self::Stdout(terminal),
            Some(place) => Self::File(Draft::begin(place)?),
        })
    }

    fn write(&mut self, document: &str) -> Result<Reader, Failure> {
        let line = format!("{document}\n");
        match self {
            Self::Stdout(terminal) => terminal.data(&line),
            Self::File(draft) => match draft.write_all(line.as_bytes()) {
                Ok(()) => Ok(Reader::Listens),
                Err(error) => Err(Unfinished::write(draft.destination(), &error).into()),
            },
        }
    }

    fn finish(self) -> Result<(), Unfinished> {
        match self {
            Self::Stdout(_) => Ok(()),
            Self::File(draft) => draft.commit(),
        }
    }
}

/// Reads one part to its end, and the columns that its lines carry.
fn part(path: &Path, columns: &mut Vec<String>) -> Result<Part, Failure> {
    let journal = journal(path)?;
    let mut seen = BTreeSet::new();
    each_line(path, &mut |line, text| {
        let document = parsed(path, line, text)?;
        let brief = document.brief();
        let key = (brief.address, brief.given.to_owned(), brief.port);
        // An address stands for all its spellings, a name only for itself.
        let key = match key {
            (Some(address), _, port) => (Some(address), String::new(), port),
            name => name,
        };
        if !seen.insert(key) {
            return Err(Failure::usage(format!(
                "{}, line {line}: {} is there twice",
                path.display(),
                brief.name()
            )));
        }
        for name in brief.list.iter().flat_map(|line| line.columns.keys()) {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
        Ok(())
    })?;
    Ok(Part {
        file: path.display().to_string(),
        journal,
        results: u64::try_from(seen.len()).unwrap_or(u64::MAX),
    })
}

fn parsed(path: &Path, line: u64, text: &str) -> Result<Document, Failure> {
    serde_json::from_str(text).map_err(|source| {
        let path = path.display();
        Failure::usage(format!("{path}, line {line} is no result: {source}"))
    })
}

/// Adds what a result cost. The sweep took as long as from the first beginning known.
fn add_cost(facts: &mut Facts, document: &Document) {
    let started = document.brief().started;
    if facts.started.is_empty() || started < facts.started.as_str() {
        started.clone_into(&mut facts.started);
    }
    if let Document::Record(record) = document {
        facts.probes_sent += record.stats.probes_sent;
        facts.replies += record.stats.replies;
        facts.receive_drops += record.stats.receive_drops;
    }
}
