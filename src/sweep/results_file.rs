//! Where the results of a sweep go, and how a sweep is found again that was not finished.
//!
//! Beside the results stands the journal, `FILE.journal`. Results of a whole sweep are written to
//! FILE itself, those of a shard to `FILE.partial` until they are complete: whoever collects shards
//! sees whole ones only.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::journal::{Disagreement, Journal};
use super::order::Shard;
use super::results::{self, Judgement, Results};
use crate::files::destination::{Destination, Refused};
use crate::files::draft::Draft;
use crate::files::unfinished::Unfinished;

/// Where the files of one sweep, or of one shard of it, stand.
#[derive(Clone, Debug)]
pub struct ResultsPlace {
    results: Destination,
    working: Destination,
    journal: Destination,
    resume: bool,
}

/// Why results cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// They have nowhere to go.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// An earlier sweep's are there.
    #[error(
        "{} is there from an earlier sweep; continue that with --resume, replace it with --force, or \
         name another file",
        path.display()
    )]
    Earlier {
        /// The file.
        path: PathBuf,
    },
    /// Results without a journal.
    #[error(
        "cannot continue {}: its journal {} is missing, so what it belongs to is not known",
        path.display(),
        journal.display()
    )]
    NoJournal {
        /// The results.
        path: PathBuf,
        /// Where the journal should be.
        journal: PathBuf,
    },
    /// A journal that is none.
    #[error("{} is not the journal of a sweep: {source}", path.display())]
    BadJournal {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// Another sweep's.
    #[error("cannot continue {}: {source}", path.display())]
    Other {
        /// The results.
        path: PathBuf,
        /// In what it differs.
        source: Disagreement,
    },
    /// Not results of this list, though its journal is.
    #[error("cannot continue {}: line {line} is about no endpoint of the list", path.display())]
    Foreign {
        /// The results.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
    },
    /// Somebody else writes there.
    #[error("another sweep is writing {}; wait for it, or name another file", path.display())]
    Busy {
        /// The results.
        path: PathBuf,
    },
    /// The files cannot be read or begun.
    #[error("cannot open {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The files cannot be begun, or put in their place.
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
    /// No more can be written.
    #[error(
        "cannot write {}: {source}; the results until then are whole; make room, and run the same \
         command again with --resume",
        path.display()
    )]
    Full {
        /// The results.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What a line of earlier results is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// The result of an endpoint of this sweep.
    Result,
    /// One that was stopped before it was known, one that is there twice, or no document at all.
    Unusable,
    /// The result of an endpoint that this sweep does not have.
    Foreign,
}

/// The results of a sweep while it runs.
#[derive(Debug)]
pub struct ResultsFile {
    place: ResultsPlace,
    results: Results,
}

impl ResultsPlace {
    /// Judges where the results of `part` go, when `given` is where those of a whole sweep would go.
    ///
    /// # Errors
    ///
    /// When they cannot go there.
    pub fn judge(given: &Path, part: Shard, resume: bool, force: bool) -> Result<Self, Unusable> {
        let results = if part.count > 1 {
            named_by_shard(given, part)
        } else {
            given.to_owned()
        };
        let journal = with_ending(&results, ".journal");
        let working = if part.count > 1 {
            with_ending(&results, ".partial")
        } else {
            results.clone()
        };
        let replace = resume || force;
        if !replace && journal.exists() {
            return Err(Unusable::Earlier { path: journal });
        }
        Ok(Self {
            results: Destination::judge(&results, replace)?,
            working: Destination::judge(&working, replace)?,
            journal: Destination::judge(&journal, replace)?,
            resume,
        })
    }

    /// The files, each once, for whoever must not write to them.
    pub fn destinations(&self) -> impl Iterator<Item = &Destination> {
        let apart = Some(&self.working).filter(|_| self.is_apart());
        [&self.results, &self.journal].into_iter().chain(apart)
    }

    /// Where the results will stand.
    pub fn path(&self) -> &Path {
        self.results.path()
    }

    /// The journal of the sweep to continue; `None` where there is nothing to continue.
    ///
    /// # Errors
    ///
    /// When there are results without a journal, or a journal that is none.
    pub fn earlier(&self) -> Result<Option<Journal>, Unusable> {
        if !self.resume {
            return Ok(None);
        }
        let path = self.journal.path();
        match std::fs::read(path) {
            Ok(text) => {
                serde_json::from_slice(&text)
                    .map(Some)
                    .map_err(|source| Unusable::BadJournal {
                        path: path.to_owned(),
                        source,
                    })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let files = [&self.working, &self.results];
                let length = |file: &&Destination| {
                    std::fs::metadata(file.path()).is_ok_and(|found| found.len() > 0)
                };
                match files.into_iter().find(length) {
                    None => Ok(None),
                    Some(file) => Err(Unusable::NoJournal {
                        path: file.path().to_owned(),
                        journal: path.to_owned(),
                    }),
                }
            }
            Err(source) => Err(Unusable::Io {
                path: path.to_owned(),
                source,
            }),
        }
    }

    /// Begins the results of `journal`, or continues them when there is an `earlier` journal. `judge`
    /// is told of each line there is already.
    ///
    /// # Errors
    ///
    /// When it is not the same sweep, another process writes to it, or the files cannot be begun.
    pub fn open(
        self,
        journal: &Journal,
        earlier: Option<&Journal>,
        judge: &mut dyn FnMut(&str) -> Earlier,
    ) -> Result<ResultsFile, Unusable> {
        match earlier {
            Some(earlier) => {
                earlier
                    .continues(journal)
                    .map_err(|source| Unusable::Other {
                        path: self.results.path().to_owned(),
                        source,
                    })?;
                self.proceed(judge)
            }
            None => self.begin(journal),
        }
    }

    fn begin(self, journal: &Journal) -> Result<ResultsFile, Unusable> {
        Draft::complete(&self.journal, |draft| {
            serde_json::to_writer(&mut *draft, journal)?;
            draft.write_all(b"\n")
        })?;
        self.create()?;
        let file = self.locked()?;
        let results = Results::append_to(file, 0).map_err(|source| self.io(source))?;
        Ok(ResultsFile {
            place: self,
            results,
        })
    }

    /// Puts an empty file where results are written to.
    fn create(&self) -> Result<(), Unusable> {
        Ok(Draft::complete(&self.working, |_| Ok(()))?)
    }

    fn proceed(self, judge: &mut dyn FnMut(&str) -> Earlier) -> Result<ResultsFile, Unusable> {
        let complete = self.is_apart() && self.results.path().exists();
        if complete {
            // Complete results of a shard are read where they are; what is unusable in them is not.
            self.results
                .rename(&self.working)
                .map_err(|errno| self.io(errno.into()))?;
        } else if !self.working.path().exists() {
            // Killed between the journal and the first result.
            self.create()?;
        }
        let file = self.locked()?;
        let survey = results::survey::<Stray>(&file, &mut |line, text| match judge(text) {
            Earlier::Result => Ok(Judgement::Keep),
            Earlier::Unusable => Ok(Judgement::Drop),
            Earlier::Foreign => Err(Stray::At(line)),
        })
        .map_err(|stray| match stray {
            Stray::At(line) => Unusable::Foreign {
                path: self.working.path().to_owned(),
                line,
            },
            Stray::Io(source) => self.io(source),
        })?;
        let (file, end) = match survey.end() {
            Some(end) => (file, end),
            None => self.compacted(&file, &survey)?,
        };
        let results = Results::append_to(file, end).map_err(|source| self.io(source))?;
        Ok(ResultsFile {
            place: self,
            results,
        })
    }

    /// Replaces the file by one that holds what is to be kept of it.
    fn compacted(&self, old: &File, survey: &results::Survey) -> Result<(File, u64), Unusable> {
        let mut end = 0;
        let copy = |draft: &mut Draft| {
            for range in &survey.kept {
                let mut source = old;
                source.seek(io::SeekFrom::Start(range.start))?;
                end += io::copy(&mut source.take(range.end - range.start), draft)?;
            }
            Ok(())
        };
        Draft::complete(&self.working, copy)?;
        Ok((self.locked()?, end))
    }

    /// The file of results, which no other process may write to meanwhile.
    fn locked(&self) -> Result<File, Unusable> {
        let file = self
            .working
            .open_to_append()
            .map_err(|source| self.io(source))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => Err(Unusable::Busy {
                path: self.working.path().to_owned(),
            }),
            // A file system without locks has nobody to ask.
            Ok(()) | Err(_) => Ok(file),
        }
    }

    /// Whether results are written elsewhere than where they will stand.
    fn is_apart(&self) -> bool {
        !self.working.is_same(&self.results)
    }

    fn io(&self, source: io::Error) -> Unusable {
        Unusable::Io {
            path: self.working.path().to_owned(),
            source,
        }
    }
}

/// What ends a survey.
#[derive(Debug)]
enum Stray {
    At(u64),
    Io(io::Error),
}

impl From<io::Error> for Stray {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl ResultsFile {
    /// Adds one result.
    ///
    /// # Errors
    ///
    /// When it cannot be written; all before it are whole.
    pub fn add(&mut self, document: &str) -> Result<(), Unusable> {
        self.results.add(document).map_err(|source| Unusable::Full {
            path: self.place.working.path().to_owned(),
            source,
        })
    }

    /// Ends writing; the results of a shard that are `complete` go to their place. Says where they
    /// are.
    ///
    /// # Errors
    ///
    /// When not all that was added is on the disk, or not in its place.
    pub fn finish(mut self, complete: bool) -> Result<PathBuf, Unusable> {
        let working = self.place.working.path().to_owned();
        self.results.sync().map_err(|source| Unusable::Full {
            path: working.clone(),
            source,
        })?;
        if !complete || !self.place.is_apart() {
            return Ok(working);
        }
        self.place
            .working
            .rename(&self.place.results)
            .map_err(|errno| self.place.io(errno.into()))?;
        Ok(self.place.results.path().to_owned())
    }
}

/// `out.ndjson` of shard 2 of 4 is `out.2-of-4.ndjson`.
fn named_by_shard(given: &Path, part: Shard) -> PathBuf {
    let mut name = given.file_stem().unwrap_or_default().to_owned();
    name.push(format!(".{}-of-{}", part.index, part.count));
    if let Some(ending) = given.extension() {
        name.push(".");
        name.push(ending);
    }
    given.with_file_name(name)
}

/// The path with `ending` behind its name.
pub fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::{Path, Shard, named_by_shard};

    #[test]
    fn results_are_named_by_shard_before_their_ending() {
        let part = Shard { index: 2, count: 4 };
        let check = |given: &str, named: &str| {
            assert_eq!(named_by_shard(Path::new(given), part), Path::new(named));
        };
        check("out.ndjson", "out.2-of-4.ndjson");
        check("a.b/out", "a.b/out.2-of-4");
        check("/r/out.x.ndjson", "/r/out.x.2-of-4.ndjson");
    }
}
