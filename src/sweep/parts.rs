//! Reads the files of one part of a sweep: its results, whole, and the journal beside them.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::journal::Journal;
use super::results::{self, Judgement};
use super::results_file::with_ending;

/// A part that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BadPart {
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
    /// An end that is torn.
    #[error("{} ends within a result; finish its shard with --resume first", path.display())]
    Torn {
        /// The file.
        path: PathBuf,
    },
}

/// The journal of results.
///
/// # Errors
///
/// When it is missing, cannot be read, or is none.
pub fn journal(results: &Path) -> Result<Journal, BadPart> {
    let path = with_ending(results, ".journal");
    match std::fs::read(&path) {
        Ok(text) => {
            serde_json::from_slice(&text).map_err(|source| BadPart::BadJournal { path, source })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(BadPart::NoJournal { path }),
        Err(source) => Err(BadPart::Io { path, source }),
    }
}

/// What ends the reading of results.
enum Halt<E> {
    Told(E),
    Unread(io::Error),
}

impl<E> From<io::Error> for Halt<E> {
    fn from(error: io::Error) -> Self {
        Self::Unread(error)
    }
}

/// Tells `on_line` of every line of a file of results, by its number from 1.
///
/// # Errors
///
/// When the file cannot be read, or is torn, or `on_line` fails.
pub fn each_line<E: From<BadPart>>(
    path: &Path,
    on_line: &mut dyn FnMut(u64, &str) -> Result<(), E>,
) -> Result<(), E> {
    let unread = |source| BadPart::Io {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unread)?;
    let survey = results::survey::<Halt<E>>(file, &mut |line, text| {
        on_line(line, text).map_err(Halt::Told)?;
        Ok(Judgement::Keep)
    })
    .map_err(|halt| match halt {
        Halt::Told(failure) => failure,
        Halt::Unread(source) => unread(source).into(),
    })?;
    if survey.dropped > 0 {
        let path = path.to_owned();
        return Err(BadPart::Torn { path }.into());
    }
    Ok(())
}
