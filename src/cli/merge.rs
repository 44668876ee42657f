//! `synquest merge`: the results of the shards of one sweep, joined.
//!
//! All files are read twice: first to see that they are whole and belong together, then to write
//! them. Nothing is written when anything is wrong.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::arguments::Shared;
use super::arguments::sweep::MergeArguments;
use super::baseline;
use super::closing::close;
use super::exit::ExitStatus;
use super::failure::Failure;
use super::sweep::document::Document;
use super::sweep_files::SweepFiles;
use super::terminal::{Reader, Terminal};
use crate::files::destination::Destination;
use crate::files::draft::Draft;
use crate::files::input::is_stream;
use crate::files::unfinished::Unfinished;
use crate::model::time::Moment;
use crate::net::clock::Clock;
use crate::report::sweep::facts::Facts;
use crate::sweep::journal::Journal;
use crate::sweep::merge::{Fault, Part, faults};
use crate::sweep::results::{self, Judgement};
use crate::sweep::results_file::with_ending;

/// Results that cannot be joined. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum Unmergeable {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A journal is missing.
    #[error("{} is missing; a journal goes wherever its results go", path.display())]
    NoJournal {
        /// Where it should be.
        path: PathBuf,
    },
    /// A journal that is none.
    #[error("{} is not the journal of a sweep: {source}", path.display())]
    BadJournal {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A line that is no whole result.
    #[error("{}, line {line} is no result: {source}", path.display())]
    BadLine {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// Why.
        source: serde_json::Error,
    },
    /// An end that is torn.
    #[error("{} ends within a result; finish its shard with --resume first", path.display())]
    Torn {
        /// The file.
        path: PathBuf,
    },
    /// One endpoint twice.
    #[error("{}, line {line}: {endpoint} is there twice", path.display())]
    Doubled {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The endpoint.
        endpoint: String,
    },
    /// Parts that do not make a whole.
    #[error("these are not all the shards of one sweep\n{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Faults(Vec<Fault>),
}

impl From<Unmergeable> for Failure {
    fn from(error: Unmergeable) -> Self {
        Self::usage(error)
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
    let force = arguments.outputs.force;
    let given = arguments.output.as_deref();
    let place = given
        .filter(|path| !is_stream(path))
        .map(|path| Destination::judge(path, force))
        .transpose()?;
    let others: Vec<&Destination> = place.iter().collect();
    let files = SweepFiles::of(&arguments.outputs, &others)?;
    let baseline = arguments.outputs.baseline.as_deref();
    let comparison = baseline.map(baseline::read).transpose()?;
    let mut columns = Vec::new();
    let mut parts = Vec::new();
    for path in &arguments.results {
        parts.push((part(path, &mut columns)?, path));
    }
    parts.sort_by_key(|(part, _)| part.journal.shard);
    let wrong = faults(
        &parts
            .iter()
            .map(|(part, _)| part.clone())
            .collect::<Vec<_>>(),
    );
    if !wrong.is_empty() {
        return Err(Unmergeable::Faults(wrong).into());
    }
    let mut joined = files.begin(&columns, comparison)?;
    let mut out = Out::begin(place.as_ref(), terminal)?;
    let mut worst = ExitStatus::Open;
    let mut facts = Facts {
        endpoints: Some(parts.iter().map(|(part, _)| part.results).sum()),
        ..Facts::default()
    };
    for (_, path) in &parts {
        each(path, &mut |line, text| {
            let document = parsed(path, line, text)?;
            add_cost(&mut facts, &document);
            worst = worst.max(document.status());
            joined.add(&document.brief());
            out.write(text).map(drop)
        })?;
    }
    let wrote = out.finish()?;
    let elapsed = clock.now().since(Moment::START);
    let summarised = joined.finish(facts, clock.began() + elapsed);
    terminal.announce(
        shared,
        place.iter().filter(|_| wrote).map(Destination::path),
    );
    let written = close(summarised, baseline, place.is_some(), shared, terminal)?;
    written.all()?;
    Ok(if arguments.exit_zero {
        worst.forgiving()
    } else {
        worst
    })
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

    /// Says whether a file stands in its place now.
    fn finish(self) -> Result<bool, Failure> {
        match self {
            Self::Stdout(_) => Ok(false),
            Self::File(draft) => {
                draft.commit()?;
                Ok(true)
            }
        }
    }
}

/// Reads one part to its end, and the columns that its lines carry.
fn part(path: &Path, columns: &mut Vec<String>) -> Result<Part, Failure> {
    let journal = journal(path)?;
    let mut seen = BTreeSet::new();
    each(path, &mut |line, text| {
        let document = parsed(path, line, text)?;
        let brief = document.brief();
        let key = (brief.address, brief.given.to_owned(), brief.port);
        // An address stands for all its spellings, a name only for itself.
        let key = match key {
            (Some(address), _, port) => (Some(address), String::new(), port),
            name => name,
        };
        if !seen.insert(key) {
            return Err(Unmergeable::Doubled {
                path: path.to_owned(),
                line,
                endpoint: brief.name(),
            }
            .into());
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

fn journal(results: &Path) -> Result<Journal, Unmergeable> {
    let path = with_ending(results, ".journal");
    match std::fs::read(&path) {
        Ok(text) => {
            serde_json::from_slice(&text).map_err(|source| Unmergeable::BadJournal { path, source })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Unmergeable::NoJournal { path })
        }
        Err(source) => Err(Unmergeable::Io { path, source }),
    }
}

/// What ends the reading of results.
enum Halt {
    Told(Failure),
    Unread(io::Error),
}

impl From<io::Error> for Halt {
    fn from(error: io::Error) -> Self {
        Self::Unread(error)
    }
}

/// Tells `on_line` of every line of a file of results.
fn each(
    path: &Path,
    on_line: &mut dyn FnMut(u64, &str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let unread = |source| Unmergeable::Io {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unread)?;
    let survey = results::survey::<Halt>(file, &mut |line, text| {
        on_line(line, text).map_err(Halt::Told)?;
        Ok(Judgement::Keep)
    })
    .map_err(|halt| match halt {
        Halt::Told(failure) => failure,
        Halt::Unread(source) => unread(source).into(),
    })?;
    if survey.dropped > 0 {
        let path = path.to_owned();
        return Err(Unmergeable::Torn { path }.into());
    }
    Ok(())
}

fn parsed(path: &Path, line: u64, text: &str) -> Result<Document, Unmergeable> {
    serde_json::from_str(text).map_err(|source| Unmergeable::BadLine {
        path: path.to_owned(),
        line,
        source,
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
