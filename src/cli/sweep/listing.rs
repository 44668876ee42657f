//! `--dry-run` of a sweep: which endpoints would be probed, in which order.

use crate::cli::arguments::Shared;
use crate::cli::arguments::sweep::SweepArguments;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::terminal::Terminal;
use crate::report::json;
use crate::report::sweep::planned::{Planned, SCHEMA, line};
use crate::report::words::counted;
use crate::sweep::roll::{Entry, Roll, Where};

/// Octets written at once.
const CHUNK: usize = 64 << 10;

/// Writes the endpoints in the order in which they would be probed; sends nothing.
///
/// # Errors
///
/// When it cannot be written.
pub fn show(
    roll: &Roll,
    entries: &[Entry],
    arguments: &SweepArguments,
    shared: &Shared,
    terminal: Terminal,
) -> Result<ExitStatus, Failure> {
    let mut text = String::new();
    for planned in entries.iter().filter_map(|entry| planned(roll, *entry)) {
        if shared.json {
            text.push_str(&json::document(&planned)?);
            text.push('\n');
        } else {
            line(&mut text, &planned);
        }
        if text.len() >= CHUNK {
            terminal.data(&text)?;
            text.clear();
        }
    }
    terminal.data(&text)?;
    if !shared.quiet {
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        terminal.note(&format!(
            "{} of {}, {} left out; at most {} a second; nothing was sent",
            counted(number(entries.len()), "endpoint", "endpoints"),
            counted(number(roll.lines()), "line", "lines"),
            roll.excluded(),
            counted(u64::from(arguments.cost.rate), "probe", "probes"),
        ));
    }
    Ok(ExitStatus::Open)
}

fn planned(roll: &Roll, entry: Entry) -> Option<Planned> {
    let (at, port) = roll.whereabouts(entry)?;
    let mut lines = Vec::new();
    let mut label = None;
    for asked in roll.lines_of(entry) {
        lines.push(asked.line);
        label = label.or(asked.label);
    }
    let (given, address) = match (at, roll.endpoint(entry)) {
        (Where::Address(address), Some(endpoint)) => (endpoint.given, Some(address)),
        (Where::Address(address), None) => (address.to_string(), Some(address)),
        (Where::Name(name), _) => (format!("{name}:{port}"), None),
    };
    Some(Planned {
        schema: SCHEMA,
        given,
        address,
        port,
        label,
        lines,
    })
}
