//! Arguments as typed. What they mean on this host is decided in [`crate::model::target`] and
//! [`super::probe`].

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, ColorChoice, Parser, Subcommand, ValueEnum};

use super::duration;
use super::explain::arguments::ExplainArguments;
use super::merge::MergeArguments;
use super::rules::{Attachment, RulesArguments};
use super::sweep::arguments::SweepArguments;
use super::until::Until;
use crate::report::advice::{Scenario, Situation};
use crate::wire::greeting::Protocol;

/// Says why a TCP port does not answer, where on the path it happens, and how sure that is
#[derive(Clone, Debug, Parser)]
#[command(
    name = "synquest",
    version,
    max_term_width = 100,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Data goes to stdout, everything else to stderr. Every option has an environment \
                  variable.\nExit status: 0 open, 1 not open, 2 usage, 3 undecided, 4 this host \
                  cannot, 130/143 interrupted."
)]
pub struct Arguments {
    /// What every subcommand takes.
    #[command(flatten)]
    pub shared: Shared,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every subcommand.
#[derive(Args, Clone, Debug)]
pub struct Shared {
    /// Write JSON, one document a line
    #[arg(long, global = true, env = "SYNQUEST_JSON", hide_env_values = true,
        value_parser = BoolishValueParser::new(), help_heading = "Output")]
    pub json: bool,
    /// Say on stderr what is being done; twice for more
    #[arg(short, long, global = true, action = ArgAction::Count, env = "SYNQUEST_VERBOSE",
        hide_env_values = true, conflicts_with = "quiet", help_heading = "Output")]
    pub verbose: u8,
    /// One line an endpoint and no progress
    #[arg(short, long, global = true, env = "SYNQUEST_QUIET", hide_env_values = true,
        value_parser = BoolishValueParser::new(), help_heading = "Output")]
    pub quiet: bool,
    /// When to colour [NO_COLOR is honoured by auto]
    #[arg(long, global = true, value_name = "WHEN", env = "SYNQUEST_COLOR",
        hide_env_values = true, default_value_t = ColorChoice::Auto, help_heading = "Output")]
    pub color: ColorChoice,
}

/// The subcommands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Hold an inquest into one or a few endpoints
    #[command(after_help = "A name with several addresses is probed on each.")]
    Probe(Box<ProbeArguments>),
    /// Hold an inquest into every endpoint of a list
    #[command(
        after_help = "Text lists have a HOST:PORT a line, CSV and NDJSON lists the fields host and \
                            port (or endpoint), label,\ngroup, expect (a state or a cause) and any \
                            others, which are carried into the results."
    )]
    Sweep(Box<SweepArguments>),
    /// Join the results of the shards of one sweep
    #[command(
        after_help = "Exit status as of the sweep. Nothing is written when a shard is missing, \
                            doubled, incomplete\nor of another sweep."
    )]
    Merge(MergeArguments),
    /// Give the verdicts again from a capture alone, ours or one of tcpdump's
    #[command(after_help = "Sends nothing, needs no privilege and no network.")]
    Explain(ExplainArguments),
    /// Say which firewall rule of a host decides on a connection, and how to let it in
    #[command(
        after_help = "Exit status: 0 allowed, 1 blocked, 3 depends on what the rules do not \
                            tell, 2 unreadable."
    )]
    Rules(Box<RulesArguments>),
    /// Show what this host can and cannot do
    Doctor(DoctorArguments),
    /// Write the man pages or the shell completions
    #[command(hide = true)]
    Generate(GenerateArguments),
}

/// Arguments of `probe`.
#[derive(Args, Clone, Debug)]
pub struct ProbeArguments {
    /// Name, IPv4 address or bracketed IPv6 address, and port or service name
    #[arg(value_name = "HOST:PORT", required = true)]
    pub endpoints: Vec<String>,
    /// How probes leave this host.
    #[command(flatten)]
    pub leave: Leave,
    /// What the inquest may cost.
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
        env = "SYNQUEST_PCAP",
        hide_env_values = true,
        help_heading = "Artefacts"
    )]
    pub pcap: Option<PathBuf>,
    /// What is written for others when it is over.
    #[command(flatten)]
    pub artefacts: Artefacts,
    /// What only the user knows of the way.
    #[command(flatten)]
    pub situation: Whereabouts,
    /// What the target's iptables-save (or iptables -L, nft list ruleset) prints, or the JSON of its
    /// cloud's rules, to name the very rule that stops us; may be repeated; - for stdin
    #[arg(
        long,
        value_name = "FILE",
        env = "SYNQUEST_RULES",
        hide_env_values = true,
        help_heading = "Advice"
    )]
    pub rules: Vec<PathBuf>,
    /// What the target has in its cloud.
    #[command(flatten)]
    pub attachment: Attachment,
    /// Where the port is open, connect in full and report what the server says [mysql, postgresql,
    /// redis; default: by the port and the server's words]
    #[arg(
        long,
        value_name = "PROTOCOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "auto",
        env = "SYNQUEST_GREETING",
        hide_env_values = true,
        hide_possible_values = true,
        help_heading = "Inquest"
    )]
    pub greeting: Option<Spoken>,
    /// Print what would be sent, and send nothing
    #[arg(long, env = "SYNQUEST_DRY_RUN", hide_env_values = true,
        value_parser = BoolishValueParser::new(), help_heading = "Inquest")]
    pub dry_run: bool,
    /// Exit with 0 also when an endpoint is not open or undecided
    #[arg(long, env = "SYNQUEST_EXIT_ZERO", hide_env_values = true,
        value_parser = BoolishValueParser::new(), help_heading = "Output")]
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

/// How probes leave this host.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Way out of this host")]
pub struct Leave {
    /// IPv4 only
    #[arg(short = '4', long, env = "SYNQUEST_IPV4", hide_env_values = true,
        value_parser = BoolishValueParser::new(), conflicts_with = "ipv6")]
    pub ipv4: bool,
    /// IPv6 only
    #[arg(short = '6', long, env = "SYNQUEST_IPV6", hide_env_values = true,
        value_parser = BoolishValueParser::new())]
    pub ipv6: bool,
    /// Leave through this interface
    #[arg(
        short = 'I',
        long,
        value_name = "NAME",
        env = "SYNQUEST_INTERFACE",
        hide_env_values = true
    )]
    pub interface: Option<String>,
    /// Send from this address of this host
    #[arg(
        short = 'S',
        long,
        value_name = "ADDRESS",
        env = "SYNQUEST_SOURCE",
        hide_env_values = true
    )]
    pub source: Option<IpAddr>,
    /// Firewall mark of the probes (decimal or 0x…)
    #[arg(long, value_name = "MARK", env = "SYNQUEST_MARK", hide_env_values = true,
        value_parser = parse_mark)]
    pub mark: Option<u32>,
}

/// What an inquest may cost, and what it includes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Inquest")]
pub struct Cost {
    /// Time budget of an endpoint [default: 45s, over IPv6 75s]
    #[arg(long, value_name = "DURATION", env = "SYNQUEST_MAX_TIME", hide_env_values = true,
        value_parser = duration::parse)]
    pub max_time: Option<Duration>,
    /// Probe budget of an endpoint
    #[arg(long, value_name = "NUMBER", env = "SYNQUEST_MAX_PROBES", hide_env_values = true,
        default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_probes: u32,
    /// Packets a second over all endpoints
    #[arg(long, value_name = "PPS", env = "SYNQUEST_RATE", hide_env_values = true,
        default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rate: u32,
    /// Port of the same host to compare with; may be repeated
    #[arg(long = "control-port", value_name = "PORT", env = "SYNQUEST_CONTROL_PORT",
        hide_env_values = true, value_delimiter = ',',
        value_parser = clap::value_parser!(u16).range(1..))]
    pub control_ports: Vec<u16>,
    /// Stop at the first answer that names a cause
    #[arg(long, env = "SYNQUEST_QUICK", hide_env_values = true,
        value_parser = BoolishValueParser::new())]
    pub quick: bool,
    /// More flows and more control ports, without what the default holds to for each address: 8 packets
    /// a second and 25 in ten, 40 a diagnosis and 2 more a hop, 12 SYNs to the port, 24 SYNs a minute to
    /// the host
    #[arg(long, env = "SYNQUEST_THOROUGH", hide_env_values = true,
        value_parser = BoolishValueParser::new())]
    pub thorough: bool,
    /// Do not check an open port with full-size packets
    #[arg(long, env = "SYNQUEST_NO_MTU", hide_env_values = true,
        value_parser = BoolishValueParser::new())]
    pub no_mtu: bool,
    /// Seed of the run's random choices, to repeat a run
    #[arg(
        long,
        value_name = "NUMBER",
        env = "SYNQUEST_SEED",
        hide_env_values = true
    )]
    pub seed: Option<u64>,
}

/// What only the user knows of the way to the database; advice is written for it.
#[derive(Args, Clone, Copy, Debug, Default)]
#[command(next_help_heading = "Advice")]
pub struct Whereabouts {
    /// Where the database is: cross-cloud, on-prem or same-region-vm [default: read from the
    /// addresses and the route]
    #[arg(
        long,
        value_name = "WHERE",
        env = "SYNQUEST_SCENARIO",
        hide_env_values = true,
        hide_possible_values = true
    )]
    pub scenario: Option<Where>,
    /// Address under which public networks see this instance (its EIP)
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "SYNQUEST_PUBLIC_ADDRESS",
        hide_env_values = true,
        value_parser = public_address
    )]
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
pub enum Where {
    /// In another provider's cloud, over the public network
    CrossCloud,
    /// In a data centre, over a VPN or the public network
    OnPrem,
    /// Self-built on a virtual machine of the same region, in this VPC or a peered one
    SameRegionVm,
}

impl Whereabouts {
    /// The same as advice knows it.
    pub fn said(self) -> Situation {
        Situation {
            scenario: self.scenario.map(|place| match place {
                Where::CrossCloud => Scenario::CrossCloud,
                Where::OnPrem => Scenario::OnPrem,
                Where::SameRegionVm => Scenario::SameRegionVm,
            }),
            public_address: self.public_address,
        }
    }
}

/// Files written at the end of a run, for people who were not there.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Artefacts")]
pub struct Artefacts {
    /// Report (.html, .htm, .md); may be repeated
    #[arg(
        long,
        value_name = "FILE",
        env = "SYNQUEST_REPORT",
        hide_env_values = true
    )]
    pub report: Vec<PathBuf>,
    /// Archive of all there is (.tar.zst, .tar.gz): JSON, report, capture, routes,
    /// settings and counters of this host, drops of its firewall by chain and rule number
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "until",
        env = "SYNQUEST_BUNDLE",
        hide_env_values = true
    )]
    pub bundle: Option<PathBuf>,
    /// Replace files that exist; links, directories and devices never are
    #[arg(long, env = "SYNQUEST_FORCE", hide_env_values = true,
        value_parser = BoolishValueParser::new())]
    pub force: bool,
}

/// Arguments of `doctor`.
#[derive(Args, Clone, Debug)]
pub struct DoctorArguments {
    /// Endpoint to check the way to
    #[arg(value_name = "HOST:PORT")]
    pub endpoint: Option<String>,
    /// How probes would leave this host.
    #[command(flatten)]
    pub leave: Leave,
}

/// Arguments of `generate`.
#[derive(Args, Clone, Debug)]
pub struct GenerateArguments {
    /// What to write
    pub form: Form,
    /// Folder to write into
    pub folder: PathBuf,
}

/// What `generate` can write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// The man pages.
    Man,
    /// The completions of bash, zsh and fish.
    Completions,
}

fn parse_mark(text: &str) -> Result<u32, std::num::ParseIntError> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::{Arguments, Command, PathBuf};

    #[test]
    fn the_definition_holds_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_option_has_an_environment_variable_of_its_own_name() {
        fn check(command: &clap::Command) {
            for argument in command.get_arguments() {
                let Some(long) = argument.get_long() else {
                    continue;
                };
                if matches!(long, "help" | "version") {
                    continue;
                }
                let expected = format!("SYNQUEST_{}", long.replace('-', "_").to_uppercase());
                let found = argument.get_env().map(|name| name.to_string_lossy());
                assert_eq!(found.as_deref(), Some(expected.as_str()));
            }
            for child in command.get_subcommands() {
                check(child);
            }
        }
        check(&Arguments::command());
    }

    #[test]
    fn options_are_read_as_the_contract_names_them() {
        let line = "synquest probe -4 -I eth0 -S 10.0.0.2 --mark 0x10 --max-time 2m --max-probes 9 \
                    --rate 50 --control-port 22 --control-port 443,80 --quick --no-mtu --seed 7 \
                    --pcap a.pcapng --report a.html --report a.md --bundle a.tgz --force \
                    --dry-run --exit-zero --json --color never -vv db:3306";
        let arguments = Arguments::parse_from(line.split_whitespace());
        let Command::Probe(probe) = arguments.command else {
            panic!("not a probe");
        };
        assert!(probe.leave.ipv4 && probe.cost.quick && probe.cost.no_mtu && probe.dry_run);
        assert_eq!(probe.leave.mark, Some(16));
        assert_eq!(probe.pcap, Some(PathBuf::from("a.pcapng")));
        assert_eq!(
            probe.artefacts.report,
            ["a.html", "a.md"].map(PathBuf::from)
        );
        assert_eq!(probe.artefacts.bundle, Some(PathBuf::from("a.tgz")));
        assert!(probe.artefacts.force);
        assert_eq!(probe.cost.max_time.map(|time| time.as_secs()), Some(120));
        assert_eq!(probe.cost.control_ports, [22, 443, 80]);
        assert_eq!(arguments.shared.verbose, 2);
        assert_eq!(probe.endpoints, ["db:3306"]);
    }
}
