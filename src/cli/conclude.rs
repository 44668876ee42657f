//! The end of a sweep or a merge: what it came to, for a person, and what became of the files.

use std::path::Path;

use super::arguments::Shared;
use super::artefact::Unwritten;
use super::failure::Failure;
use super::outputs::Conclusion;
use super::terminal::Terminal;
use crate::report::json;
use crate::report::sweep::{since, text};

/// Writes the summary, and the changes since the run whose results were at `baseline`: to stdout when
/// the results went elsewhere, as JSON where that is asked for, else to stderr. Returns what became
/// of the files.
///
/// # Errors
///
/// When it cannot be written.
pub fn conclude(
    conclusion: Conclusion,
    baseline: Option<&Path>,
    apart: bool,
    shared: &Shared,
    terminal: Terminal,
) -> Result<Result<(), Unwritten>, Failure> {
    let Conclusion {
        summary,
        changes,
        written,
    } = conclusion;
    if apart && shared.json {
        let mut said = json::document(&summary)? + "\n";
        if let Some(changes) = &changes {
            said.push_str(&(json::document(changes)? + "\n"));
        }
        tell(terminal, &said)?;
    } else if apart && shared.quiet {
        tell(terminal, &format!("{}\n", summary.headline()))?;
    } else if !shared.quiet {
        let width = terminal.width();
        let mut said = text::report(&summary, width);
        if let (Some(changes), Some(path)) = (&changes, baseline) {
            said.push('\n');
            said.push_str(&since::report(changes, &path.display().to_string(), width));
        }
        if apart {
            tell(terminal, &said)?;
        } else {
            terminal.aside(&said);
        }
    }
    written.announce(terminal, shared);
    Ok(written.all())
}

fn tell(terminal: Terminal, said: &str) -> Result<(), Failure> {
    match terminal.data(said).map_err(Failure::Output) {
        Err(failure) if failure.is_closed_pipe() => Ok(()),
        told => told,
    }
}
