//! Groups of options that several commands take, as typed.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::duration;
use crate::report::advice::situation::Situation;
use crate::sweep::expectation::Expectation;

/// How probes leave this host.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Way out of this host")]
pub struct WayOut {
    /// IPv4 only
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub ipv4: bool,
    /// IPv6 only
    #[arg(short = '6', long)]
    pub ipv6: bool,
    /// Leave through this interface
    #[arg(short = 'I', long, value_name = "NAME")]
    pub interface: Option<String>,
    /// Send from this address of this host
    #[arg(short = 'S', long, value_name = "ADDRESS")]
    pub source: Option<IpAddr>,
    /// Firewall mark of the probes (decimal or 0x…)
    #[arg(long, value_name = "MARK", value_parser = parse_mark)]
    pub mark: Option<u32>,
}

/// What a diagnosis may cost, and what it includes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Diagnosis")]
pub struct Cost {
    /// Time budget of an endpoint [default: 45s, over IPv6 75s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub max_time: Option<Duration>,
    /// Probe budget of an endpoint
    #[arg(long, value_name = "NUMBER", default_value_t = 400,
        value_parser = clap::value_parser!(u32).range(1..))]
    pub max_probes: u32,
    /// Packets a second over all endpoints
    #[arg(long, value_name = "PPS", default_value_t = 1000,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rate: u32,
    /// Port of the same host to compare with; may be repeated
    #[arg(long = "control-port", value_name = "PORT", value_delimiter = ',',
        value_parser = clap::value_parser!(u16).range(1..))]
    pub control_ports: Vec<u16>,
    /// Stop at the first answer that names a cause
    #[arg(long)]
    pub quick: bool,
    /// More flows and more control ports, without what the default holds to for each address: 8 packets
    /// a second and 25 in ten, 40 a diagnosis and 2 more a hop, 12 SYNs to the port, 24 SYNs a minute to
    /// the host
    #[arg(long)]
    pub thorough: bool,
    /// Do not check an open port with full-size packets
    #[arg(long)]
    pub no_mtu: bool,
    /// Seed of the run's random choices, to repeat a run
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
}

/// What to wait for, and how.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Diagnosis")]
pub struct Until {
    /// Diagnose again until the state or cause is this one (lines of a list that expect
    /// something: that)
    #[arg(long, value_name = "STATE")]
    pub until: Option<Expectation>,
    /// Pause between two diagnoses, give or take a quarter
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse,
        requires = "until")]
    pub interval: Duration,
    /// After this long begin no more [default: --max-time where given, else 1h]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, requires = "until")]
    pub until_timeout: Option<Duration>,
}

/// What only the user knows of the way to the database; advice is written for it.
#[derive(Args, Clone, Copy, Debug, Default)]
#[command(next_help_heading = "Advice")]
pub struct DatabaseSite {
    /// Where the database is: cross-cloud, on-prem or same-region-vm [default: read from the
    /// addresses and the route]
    #[arg(long, value_name = "WHERE", hide_possible_values = true)]
    pub scenario: Option<Site>,
    /// Address under which public networks see this instance (its EIP)
    #[arg(long, value_name = "ADDRESS", value_parser = public_address)]
    pub public_address: Option<IpAddr>,
}

fn public_address(text: &str) -> Result<IpAddr, String> {
    let address: IpAddr = text.parse().map_err(|error| format!("{error}"))?;
    if Situation::is_public(address) {
        Ok(address)
    } else {
        Err("no public network sees anybody under this address".to_owned())
    }
}

/// Where the database is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Site {
    /// In another provider's cloud, over the public network
    CrossCloud,
    /// In a data centre, over a VPN or the public network
    OnPrem,
    /// Self-built on a virtual machine of the same region, in this VPC or a peered one
    SameRegionVm,
}

/// Files written at the end of a run, for people who were not there.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Artefacts")]
pub struct Artefacts {
    /// Report (.html, .htm, .md); may be repeated
    #[arg(long, value_name = "FILE")]
    pub report: Vec<PathBuf>,
    /// Archive of all there is (.tar.zst, .tar.gz): JSON, report, capture, routes,
    /// settings and counters of this host, drops of its firewall by chain and rule number
    #[arg(long, value_name = "FILE", conflicts_with = "until")]
    pub bundle: Option<PathBuf>,
    /// Replace files that exist; links, directories and devices never are
    #[arg(long)]
    pub force: bool,
}

/// Files about the whole sweep, written when it is over, and the run it is compared with.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Artefacts")]
pub struct Outputs {
    /// Table with a row for each line of the list
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Report (.html, .htm, .md); may be repeated
    #[arg(long, value_name = "FILE")]
    pub report: Vec<PathBuf>,
    /// Test results (JUnit XML) with a case for each line of the list
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Metrics for the textfile collector of a Prometheus node exporter
    #[arg(long, value_name = "FILE")]
    pub prometheus: Option<PathBuf>,
    /// Print what changed since an earlier run, whose results (NDJSON) are in FILE
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub baseline: Option<PathBuf>,
    /// Replace files that exist; links, directories and devices never are
    #[arg(long)]
    pub force: bool,
}

/// What a cloud's listings do not tell of the target.
#[derive(Args, Clone, Debug, Default)]
pub struct Attachment {
    /// Security group, subnet, network, network tag or service account that the target has in its
    /// cloud; may be repeated [default: those given]
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        visible_alias = "target-tags",
        help_heading = "Cloud"
    )]
    pub attached: Vec<String>,
}

fn parse_mark(text: &str) -> Result<u32, std::num::ParseIntError> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    }
}
