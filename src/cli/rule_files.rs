//! Files of rules, as `rules` and `--rules` take them.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::failure::Failure;
use crate::files::input;
use crate::rules::given::{Given, NotRules};
use crate::rules::input::MOST_BYTES;

impl From<NotRules> for Failure {
    fn from(error: NotRules) -> Self {
        Self::usage(error)
    }
}

/// Reads the files.
///
/// # Errors
///
/// When one cannot be read, or holds something else.
pub fn read(files: &[PathBuf]) -> Result<Given, Failure> {
    let mut given = Given::default();
    for path in files {
        let bytes = contents(path)
            .map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display())))?;
        given.add(input::name(path), &bytes)?;
    }
    Ok(given.settled())
}

/// What a file holds, up to one byte more than is taken.
fn contents(path: &Path) -> io::Result<Vec<u8>> {
    let most = u64::try_from(MOST_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    input::open(path)?
        .take(most.saturating_add(1))
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}
