//! Inputs as the user names them: a path, or `-` for stdin.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Whether `path` stands for stdin or stdout.
pub fn is_stream(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// What an input is called in messages.
pub fn name(path: &Path) -> String {
    if is_stream(path) {
        "stdin".to_owned()
    } else {
        path.display().to_string()
    }
}

/// Opens an input for reading.
///
/// # Errors
///
/// What the system says.
pub fn open(path: &Path) -> io::Result<Box<dyn Read + Send>> {
    Ok(if is_stream(path) {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path)?)
    })
}
