//! The forms of a whole sweep: judged before anything is sent, fed with each result as it settles
//! (or as it is read back), written when the sweep is over.
//!
//! [`Plan::of`], then [`Plan::begin`], then [`Outputs::add`] for every result, in any order, then
//! [`Outputs::finish`]; also for a sweep that was interrupted. A file that cannot be written keeps
//! none of the others from being written.

pub mod arguments;
pub mod baseline;

use std::io::{self, Write as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::artefact::destination::{Destination, Refused};
use super::artefact::draft::Draft;
use super::artefact::unfinished::Unfinished;
use super::artefact::{Written, each_once, finish, pages};

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
pub struct Plan {
    csv: Option<Destination>,
    pages: Vec<(Destination, pages::Form)>,
    junit: Option<Destination>,
    prometheus: Option<Destination>,
}

/// The forms of a sweep under construction.
#[derive(Debug)]
pub struct Outputs {
    plan: Plan,
    digest: Digest,
    table: Option<Sheet>,
    suites: Option<Suites>,
    listing: Option<Listing>,
    comparison: Option<Comparison>,
}

/// The table, whose rows are written as they come.
#[derive(Debug)]
struct Sheet {
    draft: Draft,
    table: Table<std::fs::File>,
    /// Why it is not complete.
    failure: Option<io::Error>,
}

/// What a sweep came to.
#[derive(Debug)]
pub struct Conclusion {
    /// Counts, groups, paths.
    pub summary: Summary,
    /// What changed since the baseline, where there is one.
    pub changes: Option<Changes>,
    /// What became of the files.
    pub written: Written,
}

impl Plan {
    /// The plan for the files of `asked`; each must be another one, also than those in `others`.
    ///
    /// # Errors
    ///
    /// The first destination that is not written to.
    pub fn of(asked: &arguments::Outputs, others: &[&Destination]) -> Result<Self, Refused> {
        let judge = |path: &Path| Destination::judge(path, asked.force);
        // Names are read before any folder is looked into.
        let forms: Vec<pages::Form> = asked
            .report
            .iter()
            .map(|path| pages::Form::asked(path))
            .collect::<Result<_, _>>()?;
        let mut plan = Self {
            csv: asked.csv.as_deref().map(judge).transpose()?,
            junit: asked.junit.as_deref().map(judge).transpose()?,
            prometheus: asked.prometheus.as_deref().map(judge).transpose()?,
            ..Self::default()
        };
        for (path, form) in asked.report.iter().zip(forms) {
            plan.pages.push((judge(path)?, form));
        }
        let all: Vec<&Destination> = others.iter().copied().chain(plan.destinations()).collect();
        each_once(&all)?;
        Ok(plan)
    }

    /// Whether a page has rows.
    fn wants_listing(&self) -> bool {
        let mut forms = self.pages.iter().map(|(_, form)| *form);
        forms.any(|form| form == pages::Form::Html)
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
    ) -> Result<Outputs, Unfinished> {
        let table = self
            .csv
            .as_ref()
            .map(|destination| Sheet::begin(destination, columns));
        Ok(Outputs {
            table: table.transpose()?,
            suites: self.junit.as_ref().map(|_| Suites::default()),
            listing: self.wants_listing().then(Listing::default),
            digest: Digest::new(),
            comparison: baseline,
            plan: self,
        })
    }
}

impl Outputs {
    /// Adds one result.
    pub fn add(&mut self, brief: &Brief<'_>) {
        self.digest.add(brief);
        if let Some(sheet) = &mut self.table {
            sheet.add(brief);
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
    pub fn finish(self, facts: Facts, now: SystemTime) -> Conclusion {
        let mut written = Written::default();
        let summary = self.digest.finish(facts);
        if let Some(sheet) = self.table {
            let destination = sheet.draft.destination().clone();
            written.keep(&destination, sheet.finish());
        }
        if let (Some(destination), Some(suites)) = (&self.plan.junit, self.suites) {
            let document = suites.finish(&summary.facts);
            written.keep(destination, whole(destination, &document));
        }
        if let Some(destination) = &self.plan.prometheus {
            let ended = now.duration_since(UNIX_EPOCH).unwrap_or_default();
            let version = env!("CARGO_PKG_VERSION");
            let metrics = prometheus::metrics(&summary, version, ended.as_secs_f64());
            written.keep(destination, whole(destination, &metrics));
        }
        let listing = self.listing.unwrap_or_default();
        for (destination, form) in &self.plan.pages {
            let page = match form {
                pages::Form::Html => html::page(&summary, &listing),
                pages::Form::Markdown => markdown::page(&summary),
            };
            written.keep(destination, whole(destination, &page));
        }
        let complete = !summary.facts.interrupted && summary.missing() == 0;
        Conclusion {
            changes: self
                .comparison
                .map(|comparison| comparison.finish(complete)),
            summary,
            written,
        }
    }
}

impl Sheet {
    fn begin(destination: &Destination, columns: &[String]) -> Result<Self, Unfinished> {
        let unwritten = |error: io::Error| Unfinished::write(destination, &error);
        let draft = Draft::create(destination).map_err(|errno| unwritten(errno.into()))?;
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
    finish(destination, |draft| draft.write_all(text.as_bytes()))
}
