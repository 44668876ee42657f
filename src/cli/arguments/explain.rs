//! Arguments of `explain`, as typed.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::groups::DatabaseSite;
use crate::capture::explain::Bound;
use crate::cli::duration;

/// Arguments of `explain`.
#[derive(Args, Clone, Debug)]
pub struct ExplainArguments {
    /// pcapng or pcap, also compressed with gzip or zstd; - for stdin
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// What another point of the path captured of the same packets: the target, a router; may be repeated
    #[arg(long, value_name = "FILE")]
    pub with: Vec<PathBuf>,
    /// Report (.html, .htm, .md); may be repeated
    #[arg(long, value_name = "FILE", help_heading = "Artefacts")]
    pub report: Vec<PathBuf>,
    /// Replace files that exist; links, directories and devices never are
    #[arg(long, help_heading = "Artefacts")]
    pub force: bool,
    /// What only the user knows of the way.
    #[command(flatten)]
    pub situation: DatabaseSite,
    /// Which part of the capture.
    #[command(flatten)]
    pub part: Selection,
    /// One line for each client and host in place of a report for each endpoint
    #[arg(long, help_heading = "Output")]
    pub summary: bool,
    /// Show the names of users, hosts and databases in what a server says
    #[arg(long, help_heading = "Output")]
    pub show_names: bool,
    /// Exit with 0 also when an endpoint is not open or undecided
    #[arg(long, help_heading = "Output")]
    pub exit_zero: bool,
}

/// Which part of a capture is looked at, and where it was taken.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Part")]
pub struct Selection {
    /// Only connections of this client
    #[arg(long, value_name = "ADDRESS")]
    pub client: Option<IpAddr>,
    /// Only connections with this server
    #[arg(long, value_name = "ADDRESS")]
    pub server: Option<IpAddr>,
    /// Only connections with this port of a server
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// Only packets from then on: a time (2026-11-22T12:00:00Z), or a span after the first packet
    #[arg(long, value_name = "TIME", value_parser = bound)]
    pub since: Option<Bound>,
    /// Only packets up to then
    #[arg(long, value_name = "TIME", value_parser = bound)]
    pub until: Option<Bound>,
    /// Where the capture was taken [default: read from TTLs, directions and delays]
    #[arg(long, value_name = "PLACE")]
    pub taken_at: Option<CapturePoint>,
}

/// Where a capture can have been taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CapturePoint {
    /// On the client.
    Client,
    /// On the server.
    Server,
    /// On a router between them.
    Router,
    /// Beside the path, on a mirror port or a tap.
    Mirror,
}

/// Reads a moment of a capture: a time of day with its date and zone, or a span after the first packet.
///
/// # Errors
///
/// When it is neither.
fn bound(text: &str) -> Result<Bound, String> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        let nanos = u64::try_from(time.as_nanosecond()).unwrap_or_default();
        return Ok(Bound::At(nanos));
    }
    let span = text.trim_start_matches('+');
    duration::parse(span).map(Bound::After).map_err(|_| {
        "write a time such as 2026-11-22T12:00:00Z, or a span after the first packet such as 90s"
            .to_owned()
    })
}
