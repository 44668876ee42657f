//! A capture file, opened to be read.

use std::io::Read;
use std::path::Path;

use super::super::failure::Failure;
use crate::capture::read::Reader;
use crate::files::input;

/// Opens a capture; `-` is stdin.
///
/// # Errors
///
/// When it cannot be opened, or is none.
pub(super) fn open(path: &Path) -> Result<Reader<Box<dyn Read + Send>>, Failure> {
    let source = input::open(path)
        .map_err(|error| Failure::usage(format!("cannot open {}: {error}", path.display())))?;
    Reader::open(source)
        .map_err(|reason| Failure::usage(format!("cannot explain {}: {reason}", path.display())))
}
