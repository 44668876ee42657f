//! What `sweep` and `merge` take for the forms of a whole sweep.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

/// Files about the whole sweep, written when it is over, and the run it is compared with.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Artefacts")]
pub struct Outputs {
    /// Table with a row for each line of the list
    #[arg(
        long,
        value_name = "FILE",
        env = "SYNQUEST_CSV",
        hide_env_values = true
    )]
    pub csv: Option<PathBuf>,
    /// Report (.html, .htm, .md); may be repeated
    #[arg(
        long,
        value_name = "FILE",
        env = "SYNQUEST_REPORT",
        hide_env_values = true
    )]
    pub report: Vec<PathBuf>,
    /// Test results (JUnit XML) with a case for each line of the list
    #[arg(
        long,
        value_name = "FILE",
        env = "SYNQUEST_JUNIT",
        hide_env_values = true
    )]
    pub junit: Option<PathBuf>,
    /// Metrics for the textfile collector of a Prometheus node exporter
    #[arg(
        long,
        value_name = "FILE",
        env = "SYNQUEST_PROMETHEUS",
        hide_env_values = true
    )]
    pub prometheus: Option<PathBuf>,
    /// Print what changed since an earlier run, whose results (NDJSON) are in FILE
    #[arg(
        long,
        value_name = "FILE",
        env = "SYNQUEST_BASELINE",
        hide_env_values = true,
        help_heading = "Output"
    )]
    pub baseline: Option<PathBuf>,
    /// Replace files that exist; links, directories and devices never are
    #[arg(long, env = "SYNQUEST_FORCE", hide_env_values = true,
        value_parser = BoolishValueParser::new())]
    pub force: bool,
}
