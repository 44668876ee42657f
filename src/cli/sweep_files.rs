//! The forms of a whole sweep: judged before anything is sent, fed with each result as it settles
//! (or as it is read back), written when the sweep is over.
//!
//! [`SweepFiles::of`], then [`SweepFiles::begin`], then [`SweepWriter::add`] for every result, in any
//! order, then [`SweepWriter::finish`]; also for a sweep that was interrupted. A file that cannot be written keeps
//! none of the others from being written.

use std::io::{self, Write as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::arguments::groups::Outputs;
use super::pages::{self, Form};
use crate::files::destination::{Destination, Refused, each_once};
use crate::files::draft::Draft;
use crate::files::unfinished::Unfinished;
use crate::files::written::Written;
use crate::report::sweep::brief::Brief;
use crate::report::sweep::changes::{Changes, Comparison};
use crate::report::sweep::csv::Table;
use crate::report::sweep::digest::Digest;
use crate::report::sweep::facts::Facts;
use crate::report::sweep::junit::Suites;
use crate::report::sweep::listing::Listing;
use crate::report::sweep::summary::Summary;
use crate::report::sweep::tally::Tally;
use crate::report::sweep::{html, markdown, prometheus};

/// What is to be written about a sweep, and where; every destination judged.
#[derive(Debug, Default)]
pub struct SweepFiles {
    csv: Option<Destination>,
    pages: Vec<(Destination, Form)>,
    junit: Option<Destination>,
    prometheus: Option<Destination>,
}

/// The forms of a sweep under construction.
#[derive(Debug)]
pub struct SweepWriter {
    files: SweepFiles,
    digest: Digest,
    table: Option<CsvFile>,
    suites: Option<Suites>,
    listing: Option<Listing>,
    comparison: Option<Comparison>,
}

/// The table, whose rows are written as they come.
#[derive(Debug)]
struct CsvFile {
    draft: Draft,
    table: Table<std::fs::File>,
    /// Why it is not complete.
    failure: Option<io::Error>,
}

/// What a sweep came to.
#[derive(Debug)]
pub struct Summarised {
    /// Counts, groups, paths.
    pub summary: Summary,
    /// What changed since the baseline, where there is one.
    pub changes: Option<Changes>,
    /// What became of the files.
    pub written: Written,
}

impl SweepFiles {
    /// The files of `asked`; each must be another one, also than those in `others`.
    ///
    /// # Errors
    ///
    /// The first destination that is not written to.
    pub fn of(asked: &Outputs, others: &[&Destination]) -> Result<Self, Refused> {
        let judge = |path: &Path| Destination::judge(path, asked.force);
        // Names are read before any folder is looked into.
        let forms = pages::forms(&asked.report)?;
        let mut files = Self {
            csv: asked.csv.as_deref().map(judge).transpose()?,
            junit: asked.junit.as_deref().map(judge).transpose()?,
            prometheus: asked.prometheus.as_deref().map(judge).transpose()?,
            ..Self::default()
        };
        for (path, form) in asked.report.iter().zip(forms) {
            files.pages.push((judge(path)?, form));
        }
        let all: Vec<&Destination> = others.iter().copied().chain(files.destinations()).collect();
        each_once(&all)?;
        Ok(files)
    }

    /// Whether a page has rows.
    fn wants_listing(&self) -> bool {
        let mut forms = self.pages.iter().map(|(_, form)| *form);
        forms.any(|form| form == Form::Html)
    }

    fn destinations(&self) -> impl Iterator<Item = &Destination> {
        let pages = self.pages.iter().map(|(destination, _)| destination);
        let files = self.csv.iter().chain(&self.junit).chain(&self.prometheus);
        files.chain(pages)
    }

    /// Begins to gather. `columns` are the list's own; `baseline` is the earlier run, if any.
    ///
    /// # Errors
    ///
    /// When a file that is written as results come cannot be begun.
    pub fn begin(
        self,
        columns: &[String],
        baseline: Option<Comparison>,
    ) -> Result<SweepWriter, Unfinished> {
        let table = self
            .csv
            .as_ref()
            .map(|destination| CsvFile::begin(destination, columns));
        Ok(SweepWriter {
            table: table.transpose()?,
            suites: self.junit.as_ref().map(|_| Suites::default()),
            listing: self.wants_listing().then(Listing::default),
            digest: Digest::new(),
            comparison: baseline,
            files: self,
        })
    }
}

impl SweepWriter {
    /// Adds one result.
    pub fn add(&mut self, brief: &Brief<'_>) {
        self.digest.add(brief);
        if let Some(csv) = &mut self.table {
            csv.add(brief);
        }
        if let Some(suites) = &mut self.suites {
            suites.add(brief);
        }
        if let Some(listing) = &mut self.listing {
            listing.add(brief);
        }
        if let Some(comparison) = &mut self.comparison {
            comparison.add(brief);
        }
    }

    /// The counts so far, for the line that a person watches.
    pub const fn tally(&self) -> &Tally {
        self.digest.tally()
    }

    /// Writes every file of the sweep that `facts` tell of, which ended at `now`.
    pub fn finish(self, facts: Facts, now: SystemTime) -> Summarised {
        let mut written = Written::default();
        let summary = self.digest.finish(facts);
        if let Some(csv) = self.table {
            let destination = csv.draft.destination().clone();
            written.keep(&destination, csv.finish());
        }
        if let (Some(destination), Some(suites)) = (&self.files.junit, self.suites) {
            let document = suites.finish(&summary.facts);
            written.keep(destination, whole(destination, &document));
        }
        if let Some(destination) = &self.files.prometheus {
            let ended = now.duration_since(UNIX_EPOCH).unwrap_or_default();
            let version = env!("CARGO_PKG_VERSION");
            let metrics = prometheus::metrics(&summary, version, ended.as_secs_f64());
            written.keep(destination, whole(destination, &metrics));
        }
        let listing = self.listing.unwrap_or_default();
        for (destination, form) in &self.files.pages {
            let page = match form {
                Form::Html => html::page(&summary, &listing),
                Form::Markdown => markdown::page(&summary),
            };
            written.keep(destination, whole(destination, &page));
        }
        let complete = !summary.facts.interrupted && summary.missing() == 0;
        Summarised {
            changes: self
                .comparison
                .map(|comparison| comparison.finish(complete)),
            summary,
            written,
        }
    }
}

impl CsvFile {
    fn begin(destination: &Destination, columns: &[String]) -> Result<Self, Unfinished> {
        let unwritten = |error: io::Error| Unfinished::write(destination, &error);
        let draft = Draft::begin(destination)?;
        let file = draft.file().map_err(unwritten)?;
        let table = Table::begin(file, columns).map_err(|error| unwritten(error.into()))?;
        Ok(Self {
            draft,
            table,
            failure: None,
        })
    }

    fn add(&mut self, brief: &Brief<'_>) {
        if self.failure.is_none() {
            self.failure = self.table.add(brief).err().map(io::Error::from);
        }
    }

    fn finish(self) -> Result<(), Unfinished> {
        let flushed = self.table.finish().err().map(io::Error::from);
        match self.failure.or(flushed) {
            Some(error) => Err(self.draft.cut(&error)),
            None => self.draft.commit(),
        }
    }
}

/// Writes `text` to its destination, at once and whole.
fn whole(destination: &Destination, text: &str) -> Result<(), Unfinished> {
    Draft::complete(destination, |draft| draft.write_all(text.as_bytes()))
}
