//! Reads the results of an earlier run, to compare a later one with.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use super::failure::Failure;
use crate::report::sweep::changes::{Baseline, Comparison};

/// Why a file is no baseline.
#[derive(Debug, thiserror::Error)]
pub enum BadBaseline {
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line of it is no result.
    #[error(
        "{}, line {line}: {reason}; a baseline is what an earlier sweep wrote with -o",
        path.display()
    )]
    Line {
        /// The file.
        path: PathBuf,
        /// Number of the line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: serde_json::Error,
    },
    /// It holds no result.
    #[error("{} holds no result; a baseline is what an earlier sweep wrote with -o", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

impl From<BadBaseline> for Failure {
    fn from(error: BadBaseline) -> Self {
        Self::usage(error)
    }
}

/// The comparison with the run whose results are at `path`. A last line that a killed run left torn
/// is passed over.
///
/// # Errors
///
/// When the file is no baseline.
pub fn read(path: &Path) -> Result<Comparison, BadBaseline> {
    let unreadable = |source| BadBaseline::Unreadable {
        path: path.to_owned(),
        source,
    };
    let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
    let mut baseline = Baseline::default();
    let mut text = Vec::new();
    let mut line = 0;
    loop {
        text.clear();
        if file.read_until(b'\n', &mut text).map_err(unreadable)? == 0 {
            break;
        }
        line += 1;
        let whole = text.ends_with(b"\n");
        match baseline.add(&text) {
            Err(_) if !whole => break,
            Err(reason) => {
                return Err(BadBaseline::Line {
                    path: path.to_owned(),
                    line,
                    reason,
                });
            }
            Ok(()) => {}
        }
    }
    if baseline.is_empty() {
        return Err(BadBaseline::Empty {
            path: path.to_owned(),
        });
    }
    Ok(Comparison::from(baseline))
}
