//! Arguments of `probe`, as typed.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::groups::{Artefacts, Attachment, Cost, DatabaseSite, Until, WayOut};
use crate::wire::greeting::Protocol;

/// Arguments of `probe`.
#[derive(Args, Clone, Debug)]
pub struct ProbeArguments {
    /// Name, IPv4 address or bracketed IPv6 address, and port or service name
    #[arg(value_name = "HOST:PORT", required = true)]
    pub endpoints: Vec<String>,
    /// How probes leave this host.
    #[command(flatten)]
    pub leave: WayOut,
    /// What the diagnosis may cost.
    #[command(flatten)]
    pub cost: Cost,
    /// What to wait for.
    #[command(flatten)]
    pub until: Until,
    /// Capture of our probes and their replies (pcapng), written as it happens
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "until",
        help_heading = "Artefacts"
    )]
    pub pcap: Option<PathBuf>,
    /// What is written for others when it is over.
    #[command(flatten)]
    pub artefacts: Artefacts,
    /// What only the user knows of the way.
    #[command(flatten)]
    pub situation: DatabaseSite,
    /// What the target's iptables-save (or iptables -L, nft list ruleset) prints, or the JSON of its
    /// cloud's rules, to name the very rule that stops us; may be repeated; - for stdin
    #[arg(long, value_name = "FILE", help_heading = "Advice")]
    pub rules: Vec<PathBuf>,
    /// What the target has in its cloud.
    #[command(flatten)]
    pub attachment: Attachment,
    /// Where the port is open, connect in full and report what the server says [mysql, postgresql,
    /// redis; default: by the port and the server's words]
    #[arg(long, value_name = "PROTOCOL", num_args = 0..=1, require_equals = true,
        default_missing_value = "auto", hide_possible_values = true, help_heading = "Diagnosis")]
    pub greeting: Option<Spoken>,
    /// Print what would be sent, and send nothing
    #[arg(long, help_heading = "Diagnosis")]
    pub dry_run: bool,
    /// Exit with 0 also when an endpoint is not open or undecided
    #[arg(long, help_heading = "Output")]
    pub exit_zero: bool,
}

/// What a greeting is spoken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Spoken {
    /// What is usual on the port, or what the server speaks first
    #[value(aliases = ["true", "yes", "on", "1"])]
    Auto,
    /// MySQL or MariaDB
    #[value(alias = "mariadb")]
    Mysql,
    /// PostgreSQL
    #[value(alias = "postgres")]
    Postgresql,
    /// Redis
    Redis,
}

impl Spoken {
    /// The protocol, where one was named.
    pub const fn named(self) -> Option<Protocol> {
        match self {
            Self::Auto => None,
            Self::Mysql => Some(Protocol::Mysql),
            Self::Postgresql => Some(Protocol::Postgres),
            Self::Redis => Some(Protocol::Redis),
        }
    }
}
