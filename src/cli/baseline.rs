//! Reads the results of an earlier run, to compare a later one with.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;

use super::failure::Failure;
use crate::report::sweep::changes::{Baseline, Comparison};

/// What a baseline is.
const WANTED: &str = "a baseline is what an earlier sweep wrote with -o";

/// The comparison with the run whose results are at `path`. A last line that a killed run left torn
/// is passed over.
///
/// # Errors
///
/// When the file is no baseline.
pub fn read(path: &Path) -> Result<Comparison, Failure> {
    let name = path.display();
    let unreadable = |error: io::Error| Failure::usage(format!("cannot read {name}: {error}"));
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
        match baseline.add(&text) {
            Err(_) if !text.ends_with(b"\n") => break,
            Err(reason) => {
                return Err(Failure::usage(format!(
                    "{name}, line {line}: {reason}; {WANTED}"
                )));
            }
            Ok(()) => {}
        }
    }
    if baseline.is_empty() {
        return Err(Failure::usage(format!("{name} holds no result; {WANTED}")));
    }
    Ok(Comparison::from(baseline))
}
