//! The files of a run: for people who were not there, written when it is over.
//!
//! [`RunFiles::of`] judges every destination before anything is sent; [`RunFiles::write`] writes them
//! at the end, also of a run that was interrupted. One that cannot be written keeps none of the others
//! from being written.

use std::io::{Read, Write as _};
use std::path::Path;

use super::arguments::groups::Artefacts;
use super::capture_writer::{CaptureWriter, Captured};
use super::pages::{self, Form};
use super::surroundings::Surroundings;
use crate::files::destination::{Destination, Refusal, Refused, each_once};
use crate::files::draft::Draft;
use crate::files::unfinished::Unfinished;
use crate::files::written::Written;
use crate::report::bundle::Compression;
use crate::report::environment::Environment;
use crate::report::pack::pack;
use crate::report::record::Record;

/// What is to be written, and where; every destination judged.
#[derive(Debug, Default)]
pub struct RunFiles {
    capture: Option<Destination>,
    reports: Vec<(Destination, Form)>,
    bundle: Option<(Destination, Compression)>,
}

impl RunFiles {
    /// The files as typed, `capture` among them.
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
        let forms = pages::forms(&artefacts.report)?;
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

    /// The capture of a run with this seed, to be written as it happens: at its own destination, or
    /// beside the bundle that is to hold it; `None` when no file holds one.
    ///
    /// # Errors
    ///
    /// When the file cannot be created.
    pub fn capture(&self, seed: Option<u64>) -> Result<Option<CaptureWriter>, Unfinished> {
        let bundle = self.bundle.as_ref().map(|(destination, _)| destination);
        let destination = self.capture.as_ref().or(bundle);
        destination
            .map(|destination| CaptureWriter::begin(destination, seed, false))
            .transpose()
    }

    /// Begins to watch what this host says of itself, where an artefact tells of it.
    pub fn watch(&self) -> Option<Surroundings> {
        self.bundle.as_ref().map(|_| Surroundings::begin())
    }

    /// Writes every artefact.
    ///
    /// `capture` has been written to; one that holds nothing is not packed. `environment` is asked
    /// for only when an artefact holds it.
    pub fn write(
        self,
        records: &[Record],
        capture: Option<Captured>,
        environment: impl FnOnce() -> Option<Environment>,
    ) -> Written {
        let mut written = Written::default();
        let mut keep = |destination: &Destination, result| written.keep(destination, result);
        for (destination, form) in &self.reports {
            let page = form.page(records);
            let result = Draft::complete(destination, |draft| draft.write_all(page.as_bytes()));
            keep(destination, result);
        }
        if let Some((destination, compression)) = &self.bundle {
            let environment = environment();
            let frames = capture.as_ref().map(|capture| &capture.draft);
            let mut frames = frames.and_then(|draft| {
                let length = draft.length().ok().filter(|length| *length > 0)?;
                Some((length, draft.reader()))
            });
            let frames = frames
                .as_mut()
                .map(|(length, reader)| (*length, reader as &mut dyn Read));
            let name = destination.path().file_name().unwrap_or_default();
            let name = name.to_string_lossy();
            let result = Draft::complete(destination, |draft| {
                pack(
                    draft,
                    *compression,
                    &name,
                    records,
                    frames,
                    environment.as_ref(),
                )
            });
            keep(destination, result);
        }
        // Last, because the bundle reads the draft; complete and without a destination of its own,
        // it is dropped, and removed.
        if let Some(capture) =
            capture.filter(|capture| capture.failure.is_some() || self.capture.is_some())
        {
            keep(&capture.draft.destination().clone(), capture.place());
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::test_folder::Folder;

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
            let refused = RunFiles::of(None, &asked(&folder, report, bundle)).unwrap_err();
            assert_eq!(refused.refusal, refusal);
        };
        check(&["a.pdf"], None, Refusal::Ending(Form::ENDINGS));
        check(&["html"], None, Refusal::Ending(Form::ENDINGS));
        check(&[], Some("a.tar"), Refusal::Ending(Compression::ENDINGS));
        check(&[], Some("a.zst"), Refusal::Ending(Compression::ENDINGS));
        check(&["a.md", "b.md", "./a.md"], None, Refusal::Twice);
        let capture = folder.path().join("a.md");
        let asked = asked(&folder, &["a.md"], None);
        let refused = RunFiles::of(Some(&capture), &asked).unwrap_err();
        assert_eq!(refused.refusal, Refusal::Twice);
        assert_eq!(folder.names(), [""; 0]);
    }

    #[test]
    fn one_artefact_that_fails_keeps_none_of_the_others_from_being_written() {
        let folder = Folder::new("others");
        let plan = RunFiles::of(None, &asked(&folder, &["a.md", "b.html"], Some("c.tgz"))).unwrap();
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
        let plan = RunFiles::of(Some(&path), &Artefacts::default()).unwrap();
        let mut capture = plan.capture(None).unwrap().unwrap().finish();
        capture.draft.write_all(b"frames").unwrap();
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
        let plan = RunFiles::of(None, &asked(&folder, &[], Some("c.tar.zst"))).unwrap();
        let mut capture = plan.capture(None).unwrap().unwrap().finish();
        capture.draft.write_all(b"frames").unwrap();
        assert_eq!(folder.names().len(), 1, "what a killed run leaves");
        let written = plan.write(&[], Some(capture), || None);
        assert!(written.failures.is_empty(), "{written:?}");
        assert_eq!(folder.names(), ["c.tar.zst"]);
    }
}
