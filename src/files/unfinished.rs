//! What can keep a file from its place at the end of a run, and where it is then.

use std::io;
use std::path::PathBuf;

use rustix::io::Errno;

use super::destination::{Destination, Refusal};

/// A file that could not be finished.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfinished {
    /// Writing failed.
    #[error("cannot write {}: {errno}; make room or choose another folder, and run again", path.display())]
    Write {
        /// The destination.
        path: PathBuf,
        /// What the system said.
        errno: Errno,
    },
    /// Writing failed in the middle of a file that can be read as far as it goes.
    #[error("cannot write {}: {errno}; what was written until then is in {}", path.display(), kept.display())]
    Cut {
        /// The destination.
        path: PathBuf,
        /// What the system said.
        errno: Errno,
        /// Where the beginning of the file is.
        kept: PathBuf,
    },
    /// It is written, but something stands in its place by now.
    #[error("cannot write {}: {refusal}; what was to stand there is in {}", path.display(), kept.display())]
    Taken {
        /// The destination.
        path: PathBuf,
        /// What stands there.
        refusal: Refusal,
        /// Where the complete file is.
        kept: PathBuf,
    },
    /// It is written, but cannot be renamed.
    #[error("cannot rename {} to {}: {errno}; rename it by hand", kept.display(), path.display())]
    Rename {
        /// The destination.
        path: PathBuf,
        /// What the system said.
        errno: Errno,
        /// Where the complete file is.
        kept: PathBuf,
    },
}

impl Unfinished {
    /// Writing to `destination` failed with `error`.
    pub fn write(destination: &Destination, error: &io::Error) -> Self {
        Self::Write {
            path: destination.path().to_owned(),
            errno: errno(error),
        }
    }
}

/// The system's error in `error`; one that a library made up counts as EIO.
pub(super) fn errno(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
