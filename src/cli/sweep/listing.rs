//! `--dry-run` of a sweep: which endpoints would be probed, in which order.

use std::fmt::Write as _;

use serde::Serialize;

use crate::cli::arguments::Shared;
use crate::cli::arguments::sweep::SweepArguments;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::terminal::Terminal;
use crate::report::json;
use crate::report::visible::visible;
use crate::report::words::counted;
use crate::sweep::roll::{Entry, Roll, Where};

/// The name and version of the document.
const SCHEMA: &str = "synquest/sweep-plan/1";

/// Octets written at once.
const CHUNK: usize = 64 << 10;

/// One endpoint that would be probed.
#[derive(Debug, Serialize)]
struct Planned {
    schema: &'static str,
    given: String,
    /// `None` for a name without an address.
    address: Option<std::net::IpAddr>,
    port: u16,
    label: Option<String>,
    lines: Vec<u64>,
}

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

fn line(text: &mut String, planned: &Planned) {
    let socket = planned
        .address
        .map(|address| std::net::SocketAddr::new(address, planned.port).to_string());
    let mut words = visible(&planned.given).into_owned();
    match socket {
        Some(socket) if socket != planned.given => {
            let _ = write!(words, " = {socket}");
        }
        Some(_) => {}
        None => words.push_str(" has no address"),
    }
    if let Some(label) = &planned.label {
        let _ = write!(words, " ({})", visible(label));
    }
    let lines = planned.lines.iter().map(u64::to_string);
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{words}, line {}",
        lines.collect::<Vec<_>>().join(", ")
    );
}
