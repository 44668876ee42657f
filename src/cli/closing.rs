//! The end of a sweep or a merge: what it came to, for a person, and what became of the files.

use std::path::Path;

use super::arguments::Shared;
use super::failure::Failure;
use super::sweep_files::Summarised;
use super::terminal::Terminal;
use crate::files::destination::Destination;
use crate::files::written::Written;
use crate::report::json;
use crate::report::sweep::{since, text};

/// Writes the summary, and the changes since the run whose results were at `baseline`: to stdout when
/// the results went elsewhere, as JSON where that is asked for, else to stderr. Returns what became
/// of the files.
///
/// # Errors
///
/// When it cannot be written.
pub fn close(
    summarised: Summarised,
    baseline: Option<&Path>,
    apart: bool,
    shared: &Shared,
    terminal: Terminal,
) -> Result<Written, Failure> {
    let Summarised {
        summary,
        changes,
        written,
    } = summarised;
    if apart && shared.json {
        let mut said = json::document(&summary)? + "\n";
        if let Some(changes) = &changes {
            said.push_str(&(json::document(changes)? + "\n"));
        }
        terminal.data(&said)?;
    } else if apart && shared.quiet {
        terminal.data(&format!("{}\n", summary.headline()))?;
    } else if !shared.quiet {
        let width = terminal.width();
        let mut said = text::report(&summary, width);
        if let (Some(changes), Some(path)) = (&changes, baseline) {
            said.push('\n');
            said.push_str(&since::report(changes, &path.display().to_string(), width));
        }
        if apart {
            terminal.data(&said)?;
        } else {
            terminal.aside(&said);
        }
    }
    terminal.announce(shared, written.done.iter().map(Destination::path));
    Ok(written)
}
