//! The artefacts of a run: files for people who were not there, written when it is over.
//!
//! [`Plan::of`] judges every destination before anything is sent; [`Plan::write`] writes them at
//! the end, also of a run that was interrupted. One that cannot be written keeps none of the others
//! from being written.

pub mod destination;
pub mod draft;
mod pack;
pub mod pages;
pub mod surroundings;
pub mod unfinished;

use std::io::{self, Write as _};
use std::path::Path;

use self::destination::{Destination, Refusal, Refused};
use self::draft::Draft;
use self::pack::pack;
use self::surroundings::Watch;
use self::unfinished::Unfinished;
use super::arguments::{Artefacts, Shared};
use super::terminal::Terminal;
use crate::report::bundle::Compression;
use crate::report::environment::Environment;
use crate::report::record::Record;

/// What is to be written, and where; every destination judged.
#[derive(Debug, Default)]
pub struct Plan {
    capture: Option<Destination>,
    reports: Vec<(Destination, pages::Form)>,
    bundle: Option<(Destination, Compression)>,
}

/// The capture of a run, readable at any moment: what a failure cuts short is kept.
#[derive(Debug)]
pub struct Capture {
    draft: Draft,
    /// Why it is not complete.
    pub failure: Option<io::Error>,
}

impl Capture {
    /// The empty file to write it to.
    ///
    /// # Errors
    ///
    /// When the process has no room for another open file.
    pub fn file(&self) -> Result<std::fs::File, Unfinished> {
        let destination = self.draft.destination();
        let file = self.draft.file();
        file.map_err(|error| Unfinished::write(destination, &error))
    }
}

/// What became of the artefacts.
#[derive(Debug, Default)]
pub struct Written {
    /// Those in their places.
    pub done: Vec<Destination>,
    /// Why the others are not.
    pub failures: Vec<Unfinished>,
}

impl Written {
    /// Remembers what became of one.
    pub(super) fn keep(&mut self, destination: &Destination, result: Result<(), Unfinished>) {
        match result {
            Ok(()) => self.done.push(destination.clone()),
            Err(failure) => self.failures.push(failure),
        }
    }

    /// Remembers what became of others too.
    pub(super) fn join(&mut self, others: Self) {
        self.done.extend(others.done);
        self.failures.extend(others.failures);
    }

    /// Says on stderr what was written where, unless it is to be quiet.
    pub fn announce(&self, terminal: Terminal, shared: &Shared) {
        if !shared.quiet {
            for destination in &self.done {
                terminal.note(&format!("wrote {}", destination.path().display()));
            }
        }
    }

    /// Nothing, when all are in their places.
    ///
    /// # Errors
    ///
    /// Those that are not.
    pub fn all(self) -> Result<(), Unwritten> {
        if self.failures.is_empty() {
            Ok(())
        } else {
            Err(Unwritten(self.failures))
        }
    }
}

/// Artefacts that could not be finished.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Unwritten(pub Vec<Unfinished>);

impl Plan {
    /// The plan for artefacts as typed, `capture` among them.
    ///
    /// # Errors
    ///
    /// The first destination that is not written to.
    pub fn of(capture: Option<&Path>, artefacts: &Artefacts) -> Result<Self, Refused> {
        let judge = |path: &Path| Destination::judge(path, artefacts.force);
        let unknown = |path: &Path, endings| Refused {
            path: path.to_owned(),
            refusal: Refusal::Ending(endings),
        };
        // Names are read before any folder is looked into.
        let forms: Vec<_> = artefacts
            .report
            .iter()
            .map(|path| pages::Form::asked(path))
            .collect::<Result<_, _>>()?;
        let compression = artefacts.bundle.as_deref().map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            Compression::of(&name).ok_or_else(|| unknown(path, Compression::ENDINGS))
        });
        let compression = compression.transpose()?;
        let mut plan = Self {
            capture: capture.map(judge).transpose()?,
            ..Self::default()
        };
        for (path, form) in artefacts.report.iter().zip(forms) {
            plan.reports.push((judge(path)?, form));
        }
        if let (Some(path), Some(compression)) = (&artefacts.bundle, compression) {
            plan.bundle = Some((judge(path)?, compression));
        }
        each_once(&plan.destinations().collect::<Vec<_>>())?;
        Ok(plan)
    }

    /// Every file that is to be written.
    pub fn destinations(&self) -> impl Iterator<Item = &Destination> {
        let reports = self.reports.iter().map(|(destination, _)| destination);
        let bundle = self.bundle.iter().map(|(destination, _)| destination);
        self.capture.iter().chain(reports).chain(bundle)
    }

    /// Whether nothing is to be written.
    pub fn is_empty(&self) -> bool {
        self.destinations().next().is_none()
    }

    /// Whether the records of the run are needed at its end.
    pub const fn wants_records(&self) -> bool {
        !self.reports.is_empty() || self.bundle.is_some()
    }

    /// Whether an artefact holds the capture.
    pub const fn wants_capture(&self) -> bool {
        self.capture.is_some() || self.bundle.is_some()
    }

    /// The capture of the run, to be written as it happens: at its own destination, or beside the
    /// bundle that is to hold it; `None` when no artefact holds one.
    ///
    /// # Errors
    ///
    /// When the file cannot be created.
    pub fn capture(&self) -> Result<Option<Capture>, Unfinished> {
        let bundle = self.bundle.as_ref().map(|(destination, _)| destination);
        let destination = self.capture.as_ref().or(bundle);
        destination
            .map(|destination| {
                let draft = Draft::create(destination)
                    .map_err(|errno| Unfinished::write(destination, &errno.into()))?;
                Ok(Capture {
                    draft,
                    failure: None,
                })
            })
            .transpose()
    }

    /// Begins to watch what this host says of itself, where an artefact tells of it.
    pub fn watch(&self) -> Option<Watch> {
        self.bundle.as_ref().map(|_| Watch::begin())
    }

    /// Writes every artefact.
    ///
    /// `capture` has been written to; one that holds nothing is not packed. `environment` is asked
    /// for only when an artefact holds it.
    pub fn write(
        self,
        records: &[Record],
        capture: Option<Capture>,
        environment: impl FnOnce() -> Option<Environment>,
    ) -> Written {
        let mut written = Written::default();
        let mut keep = |destination: &Destination, result| written.keep(destination, result);
        for (destination, form) in &self.reports {
            let page = form.page(records);
            let result = finish(destination, |draft| draft.write_all(page.as_bytes()));
            keep(destination, result);
        }
        if let Some((destination, compression)) = &self.bundle {
            let environment = environment();
            let frames = capture.as_ref().map(|capture| &capture.draft);
            let frames = frames.filter(|draft| draft.length().is_ok_and(|length| length > 0));
            let result = finish(destination, |draft| {
                pack(
                    draft,
                    *compression,
                    destination.path(),
                    records,
                    frames,
                    environment.as_ref(),
                )
            });
            keep(destination, result);
        }
        // Last, because the bundle reads the draft; complete and without a destination of its own,
        // it is dropped, and removed.
        match capture {
            Some(Capture {
                draft,
                failure: Some(error),
            }) => keep(&draft.destination().clone(), Err(draft.cut(&error))),
            Some(Capture {
                draft,
                failure: None,
            }) => {
                if let Some(destination) = &self.capture {
                    keep(destination, draft.commit());
                }
            }
            None => {}
        }
        written
    }
}

/// Judges that no file is written to twice.
///
/// # Errors
///
/// The first destination that is another's too.
pub(super) fn each_once(all: &[&Destination]) -> Result<(), Refused> {
    for (index, destination) in all.iter().enumerate() {
        let mut earlier = all.iter().take(index);
        if earlier.any(|earlier| earlier.is_same(destination)) {
            return Err(Refused {
                path: destination.path().to_owned(),
                refusal: Refusal::Twice,
            });
        }
    }
    Ok(())
}

/// Writes one artefact and puts it into its place.
///
/// # Errors
///
/// Why it is not there.
pub(super) fn finish(
    destination: &Destination,
    write: impl FnOnce(&mut Draft) -> io::Result<()>,
) -> Result<(), Unfinished> {
    let unwritten = |error: io::Error| Unfinished::write(destination, &error);
    let mut draft = Draft::create(destination).map_err(|errno| unwritten(errno.into()))?;
    write(&mut draft).map_err(unwritten)?;
    draft.commit()
}

#[cfg(test)]
pub(super) mod tests {
    //! What the tests of this folder share, and those of the plan.

    use std::path::PathBuf;

    use super::*;

    /// A folder of its own for each test, removed afterwards.
    pub(in crate::cli) struct Folder(PathBuf);

    impl Folder {
        pub(in crate::cli) fn new(name: &str) -> Self {
            let chance: String = std::iter::repeat_with(fastrand::alphanumeric)
                .take(8)
                .collect();
            let path = std::env::temp_dir().join(format!("synquest-{name}-{chance}"));
            std::fs::create_dir(&path).unwrap();
            Self(path)
        }

        pub(in crate::cli) fn path(&self) -> &Path {
            &self.0
        }

        pub(in crate::cli) fn read(&self, name: &str) -> String {
            std::fs::read_to_string(self.0.join(name)).unwrap()
        }

        /// The names in it, sorted.
        pub(in crate::cli) fn names(&self) -> Vec<String> {
            let mut names: Vec<String> = std::fs::read_dir(&self.0)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
                .collect();
            names.sort();
            names
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn asked(folder: &Folder, report: &[&str], bundle: Option<&str>) -> Artefacts {
        Artefacts {
            report: report.iter().map(|name| folder.path().join(name)).collect(),
            bundle: bundle.map(|name| folder.path().join(name)),
            force: false,
        }
    }

    #[test]
    fn a_name_that_does_not_say_what_to_write_is_refused_and_so_is_one_given_twice() {
        let folder = Folder::new("plan");
        let check = |report: &[&str], bundle: Option<&str>, refusal: Refusal| {
            let refused = Plan::of(None, &asked(&folder, report, bundle)).unwrap_err();
            assert_eq!(refused.refusal, refusal);
        };
        check(&["a.pdf"], None, Refusal::Ending(pages::Form::ENDINGS));
        check(&["html"], None, Refusal::Ending(pages::Form::ENDINGS));
        check(&[], Some("a.tar"), Refusal::Ending(Compression::ENDINGS));
        check(&[], Some("a.zst"), Refusal::Ending(Compression::ENDINGS));
        check(&["a.md", "b.md", "./a.md"], None, Refusal::Twice);
        let capture = folder.path().join("a.md");
        let asked = asked(&folder, &["a.md"], None);
        let refused = Plan::of(Some(&capture), &asked).unwrap_err();
        assert_eq!(refused.refusal, Refusal::Twice);
        assert_eq!(folder.names(), [""; 0]);
    }

    #[test]
    fn one_artefact_that_fails_keeps_none_of_the_others_from_being_written() {
        let folder = Folder::new("others");
        let plan = Plan::of(None, &asked(&folder, &["a.md", "b.html"], Some("c.tgz"))).unwrap();
        std::fs::create_dir(folder.path().join("a.md")).unwrap();
        let written = plan.write(&[], None, || None);
        let [Unfinished::Taken { kept, .. }] = written.failures.as_slice() else {
            panic!("{written:?}")
        };
        std::fs::remove_file(kept).unwrap();
        assert_eq!(folder.names(), ["a.md", "b.html", "c.tgz"]);
    }

    #[test]
    fn a_capture_that_is_cut_short_is_kept_and_said_where() {
        let folder = Folder::new("cut");
        let path = folder.path().join("a.pcapng");
        let plan = Plan::of(Some(&path), &Artefacts::default()).unwrap();
        let mut capture = plan.capture().unwrap().unwrap();
        capture.file().unwrap().write_all(b"frames").unwrap();
        capture.failure = Some(rustix::io::Errno::NOSPC.into());
        let written = plan.write(&[], Some(capture), || None);
        let [Unfinished::Cut { path, errno, kept }] = written.failures.as_slice() else {
            panic!("{written:?}")
        };
        assert_eq!((path, *errno), (path, rustix::io::Errno::NOSPC));
        assert_eq!(std::fs::read(kept).unwrap(), b"frames");
        assert!(written.done.is_empty() && folder.names().len() == 1);
    }

    #[test]
    fn the_capture_of_a_bundle_stands_beside_it_until_it_is_packed() {
        let folder = Folder::new("capture");
        let plan = Plan::of(None, &asked(&folder, &[], Some("c.tar.zst"))).unwrap();
        let capture = plan.capture().unwrap().unwrap();
        capture.file().unwrap().write_all(b"frames").unwrap();
        assert_eq!(folder.names().len(), 1, "what a killed run leaves");
        let written = plan.write(&[], Some(capture), || None);
        assert!(written.failures.is_empty(), "{written:?}");
        assert_eq!(folder.names(), ["c.tar.zst"]);
    }
}
