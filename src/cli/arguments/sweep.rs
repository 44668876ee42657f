//! Arguments of `sweep` and `merge`, as typed.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::groups::{Cost, DatabaseSite, Outputs, Until, WayOut};
use crate::sweep::list;

/// Arguments of `sweep`.
#[derive(Args, Clone, Debug)]
pub struct SweepArguments {
    /// Endpoint list (text, CSV or NDJSON, also packed with gzip or zstd); - for stdin
    #[arg(value_name = "LIST")]
    pub list: PathBuf,
    /// How the list is read.
    #[command(flatten)]
    pub list_options: ListOptions,
    /// How probes leave this host.
    #[command(flatten)]
    pub leave: WayOut,
    /// What the diagnoses may cost.
    #[command(flatten)]
    pub cost: Cost,
    /// Send SYNs only, as fast as --rate allows; verdicts are one tier less firm
    #[arg(long, conflicts_with = "until", help_heading = "Diagnosis")]
    pub triage: bool,
    /// What to wait for.
    #[command(flatten)]
    pub until: Until,
    /// How the sweep is continued and shared.
    #[command(flatten)]
    pub sharing: Sharing,
    /// Results as they settle (NDJSON), - for stdout; of a shard, FILE with its number in its name
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,
    /// Capture of all probes and their replies (pcapng), written as it happens
    #[arg(long, value_name = "FILE", conflicts_with_all = ["pcap_failing", "until", "triage"],
        help_heading = "Output")]
    pub pcap: Option<PathBuf>,
    /// The same, only of endpoints that are not as expected: of each at most 512 packets
    #[arg(long, value_name = "FILE", conflicts_with_all = ["until", "triage"],
        help_heading = "Output")]
    pub pcap_failing: Option<PathBuf>,
    /// Files about the whole sweep.
    #[command(flatten)]
    pub outputs: Outputs,
    /// What only the user knows of the way.
    #[command(flatten)]
    pub situation: DatabaseSite,
    /// Print which endpoints would be probed, in order, and send nothing
    #[arg(long, help_heading = "Diagnosis")]
    pub dry_run: bool,
    /// Exit with 0 also when an endpoint is not as expected or undecided
    #[arg(long, help_heading = "Output")]
    pub exit_zero: bool,
}

/// How a list is read.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "List")]
pub struct ListOptions {
    /// Format of the list [default: shown by its first line]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// Allow 10.0.0.0/24:3306,5432-5439, and probe every address of the block at every port
    #[arg(long)]
    pub expand: bool,
    /// Leave out what FILE lists: addresses, blocks, endpoints, names; may be repeated
    #[arg(long, value_name = "FILE")]
    pub exclude: Vec<PathBuf>,
    /// Report lines that cannot be used and go on without them
    #[arg(long)]
    pub skip_bad: bool,
}

/// Formats as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// HOST:PORT, a label, # and a comment
    Text,
    /// A header with host and port (or endpoint), label, group, expect and any others
    Csv,
    /// Objects with the fields a CSV list has as columns
    Ndjson,
}

impl Format {
    /// The same as the reader knows it.
    pub const fn said(self) -> list::Format {
        match self {
            Self::Text => list::Format::Text,
            Self::Csv => list::Format::Csv(b','),
            Self::Ndjson => list::Format::Ndjson,
        }
    }
}

/// How a sweep is continued, and shared among several hosts.
#[derive(Args, Clone, Copy, Debug, Default)]
#[command(next_help_heading = "Course")]
pub struct Sharing {
    /// Continue the sweep whose results are in the file of --output; begin it where there is none
    #[arg(long, requires = "output")]
    pub resume: bool,
    /// Cut the sweep into this many parts, each run by itself; the rate is divided among them
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub shards: Option<u32>,
    /// Which of the parts to run, from 0 [default: JOB_COMPLETION_INDEX, which Kubernetes sets]
    #[arg(long, value_name = "INDEX")]
    pub shard: Option<u32>,
}

/// Arguments of `merge`.
#[derive(Args, Clone, Debug)]
pub struct MergeArguments {
    /// Results of every shard, as sweep wrote them with --output; their journals beside them
    #[arg(value_name = "RESULT", required = true)]
    pub results: Vec<PathBuf>,
    /// All results (NDJSON), - for stdout
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,
    /// Files about the whole sweep.
    #[command(flatten)]
    pub outputs: Outputs,
    /// Exit with 0 also when an endpoint is not as expected or undecided
    #[arg(long, help_heading = "Output")]
    pub exit_zero: bool,
}
