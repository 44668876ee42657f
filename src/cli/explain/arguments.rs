//! Arguments of `explain` as typed.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};

use crate::capture::explain::Bound;
use crate::cli::arguments::Whereabouts;

/// Arguments of `explain`.
#[derive(Args, Clone, Debug)]
pub struct ExplainArguments {
    /// pcapng or pcap, also compressed with gzip or zstd; - for stdin
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Report (.html, .htm, .md); may be repeated
    #[arg(
        long,
        value_name = "FILE",
        env = "SYNQUEST_REPORT",
        hide_env_values = true,
        help_heading = "Artefacts"
    )]
    pub report: Vec<PathBuf>,
    /// Replace files that exist; links, directories and devices never are
    #[arg(long, env = "SYNQUEST_FORCE", hide_env_values = true,
        value_parser = BoolishValueParser::new(), help_heading = "Artefacts")]
    pub force: bool,
    /// What only the user knows of the way.
    #[command(flatten)]
    pub situation: Whereabouts,
    /// Which part of the capture.
    #[command(flatten)]
    pub part: Part,
    /// One line for each client and host in place of a report for each endpoint
    #[arg(long, env = "SYNQUEST_SUMMARY", hide_env_values = true,
        value_parser = BoolishValueParser::new(), help_heading = "Output")]
    pub summary: bool,
    /// Show the names of users, hosts and databases in what a server says
    #[arg(long, env = "SYNQUEST_SHOW_NAMES", hide_env_values = true,
        value_parser = BoolishValueParser::new(), help_heading = "Output")]
    pub show_names: bool,
    /// Exit with 0 also when an endpoint is not open or undecided
    #[arg(long, env = "SYNQUEST_EXIT_ZERO", hide_env_values = true,
        value_parser = BoolishValueParser::new(), help_heading = "Output")]
    pub exit_zero: bool,
}

/// Which part of a capture is looked at, and where it was taken.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Part")]
pub struct Part {
    /// Only connections of this client
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "SYNQUEST_CLIENT",
        hide_env_values = true
    )]
    pub client: Option<IpAddr>,
    /// Only connections with this server
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "SYNQUEST_SERVER",
        hide_env_values = true
    )]
    pub server: Option<IpAddr>,
    /// Only connections with this port of a server
    #[arg(
        long,
        value_name = "PORT",
        env = "SYNQUEST_PORT",
        hide_env_values = true
    )]
    pub port: Option<u16>,
    /// Only packets from then on: a time (2026-11-22T12:00:00Z), or a span after the first packet
    #[arg(long, value_name = "TIME", env = "SYNQUEST_SINCE", hide_env_values = true,
        value_parser = super::bound)]
    pub since: Option<Bound>,
    /// Only packets up to then
    #[arg(long, value_name = "TIME", env = "SYNQUEST_UNTIL", hide_env_values = true,
        value_parser = super::bound)]
    pub until: Option<Bound>,
    /// Where the capture was taken [default: read from TTLs, directions and delays]
    #[arg(
        long,
        value_name = "PLACE",
        env = "SYNQUEST_TAKEN_AT",
        hide_env_values = true
    )]
    pub taken_at: Option<Place>,
}

/// Where a capture can have been taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Place {
    /// On the client.
    Client,
    /// On the server.
    Server,
    /// On a router between them.
    Router,
    /// Beside the path, on a mirror port or a tap.
    Mirror,
}
