//! Arguments as typed. What they mean on this host each command decides at its door.

pub mod explain;
pub mod groups;
pub mod host;
pub mod probe;
pub mod rules;
pub mod sweep;

use clap::builder::BoolishValueParser;
use clap::{
    ArgAction, Args, ColorChoice, CommandFactory as _, FromArgMatches as _, Parser, Subcommand,
};

use explain::ExplainArguments;
use host::{DoctorArguments, GenerateArguments};
use probe::ProbeArguments;
use rules::RulesArguments;
use sweep::{MergeArguments, SweepArguments};

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
    #[arg(long, global = true, help_heading = "Output")]
    pub json: bool,
    /// Say on stderr what is being done; twice for more
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet",
        help_heading = "Output")]
    pub verbose: u8,
    /// One line an endpoint and no progress
    #[arg(short, long, global = true, help_heading = "Output")]
    pub quiet: bool,
    /// When to colour [NO_COLOR is honoured by auto]
    #[arg(long, global = true, value_name = "WHEN", default_value_t = ColorChoice::Auto,
        help_heading = "Output")]
    pub color: ColorChoice,
}

/// The subcommands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Diagnose one or a few endpoints
    #[command(after_help = "A name with several addresses is probed on each.")]
    Probe(Box<ProbeArguments>),
    /// Diagnose every endpoint of a list
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

impl Arguments {
    /// The arguments of this process.
    ///
    /// # Errors
    ///
    /// What clap has to say of them.
    pub fn read() -> Result<Self, clap::Error> {
        let matches = command().try_get_matches()?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command()))
    }
}

/// The command line of the program. Every option is also read from the variable of its name, in
/// capitals behind `SYNQUEST_`; switches take what a person calls true there.
pub fn command() -> clap::Command {
    with_variables(Arguments::command())
}

fn with_variables(command: clap::Command) -> clap::Command {
    command
        .mut_args(with_variable)
        .mut_subcommands(with_variables)
}

fn with_variable(argument: clap::Arg) -> clap::Arg {
    let Some(long) = argument.get_long() else {
        return argument;
    };
    // clap keeps names for as long as the process lives.
    let name: &str = format!("SYNQUEST_{}", long.replace('-', "_").to_uppercase()).leak();
    let argument = argument.env(name).hide_env_values(true);
    if matches!(argument.get_action(), ArgAction::SetTrue) {
        argument.value_parser(BoolishValueParser::new())
    } else {
        argument
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use clap::Parser as _;

    use super::{Arguments, Command, command};

    #[test]
    fn the_definition_holds_together() {
        command().debug_assert();
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
        check(&command());
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
