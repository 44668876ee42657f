//! The command line: arguments as typed, then as runnable; wiring; exit status.

pub mod arguments;
pub mod baseline;
pub mod capture_writer;
pub mod closing;
pub mod doctor;
pub mod dry_run;
pub mod duration;
pub mod exit;
pub mod explain;
pub mod failure;
pub mod generate;
pub mod greeting;
pub mod local_rules;
pub mod lookup;
pub mod manual;
pub mod merge;
pub mod observed;
pub mod pages;
pub mod probe;
pub mod progress;
pub mod record_writer;
pub mod rule_files;
pub mod rules;
pub mod run_files;
pub mod settings;
pub mod signals;
pub mod surroundings;
pub mod sweep;
pub mod sweep_files;
pub mod target_rules;
pub mod terminal;
pub mod waiter;

use arguments::{Arguments, Command};
use exit::ExitStatus;
use failure::Failure;
use terminal::Terminal;
use tracing_subscriber::EnvFilter;

/// Does what the arguments say.
///
/// # Errors
///
/// What kept it from being done; [`Failure::status`] is the exit status it means.
pub fn run(arguments: &Arguments, terminal: Terminal) -> Result<ExitStatus, Failure> {
    let shared = &arguments.shared;
    match &arguments.command {
        Command::Probe(probe) => probe::run(probe, shared, terminal),
        Command::Sweep(sweep) => sweep::run(sweep, shared, terminal),
        Command::Merge(merge) => merge::run(merge, shared, terminal),
        Command::Explain(explain) => explain::run(explain, shared, terminal),
        Command::Rules(rules) => rules::run(rules, shared, terminal),
        Command::Doctor(doctor) => doctor::run(doctor, shared, terminal),
        Command::Generate(generate) => {
            generate::run(generate)?;
            Ok(ExitStatus::Open)
        }
    }
}

/// Begins to write on stderr what is being done: warnings always, more with each `-v`.
pub fn start_log(verbosity: u8) {
    let level = match verbosity {
        0 => "synquest=warn",
        1 => "synquest=debug",
        _ => "synquest=trace",
    };
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(level))
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
}
