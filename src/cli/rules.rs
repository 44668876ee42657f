//! `synquest rules`: which rule of a firewall decides on a connection, and how to let it in.

use std::io::{self, Read as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};

use super::arguments::Shared;
use super::exit::ExitStatus;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::net::firewall::{self, Listing, Printed};
use crate::report::{self, json};
use crate::rules::cloud::found::Found;
use crate::rules::cloud::stage::Attached;
use crate::rules::cloud::{answer, course, split};
use crate::rules::decision::{Ruling, decide, handshake};
use crate::rules::document::Document;
use crate::rules::input::{self, MOST_BYTES};
use crate::rules::names;
use crate::rules::packet::{Journey, Packet, TCP, UDP};
use crate::rules::ruleset::{Doubt, Family, Ruleset};
use crate::rules::unreadable::{Fault, Unreadable};

/// Arguments of `rules`.
#[derive(Args, Clone, Debug)]
pub struct RulesArguments {
    /// What iptables-save, iptables -S, iptables -L or nft list ruleset printed, and the JSON of a
    /// cloud's security groups, network ACLs, firewalls and whitelists, or of Terraform; several in
    /// any order; - for stdin
    #[arg(
        value_name = "FILE",
        required_unless_present = "live",
        conflicts_with = "live"
    )]
    pub files: Vec<PathBuf>,
    /// Ask the tools of this host, with commands that only read
    #[arg(long, env = "SYNQUEST_LIVE", hide_env_values = true,
        value_parser = BoolishValueParser::new())]
    pub live: bool,
    /// The connection that is asked about.
    #[command(flatten)]
    pub connection: Connection,
    /// What the target has in its cloud.
    #[command(flatten)]
    pub attachment: Attachment,
    /// Follow the answer and the last packet of the handshake as well
    #[arg(long, env = "SYNQUEST_HANDSHAKE", hide_env_values = true,
        value_parser = BoolishValueParser::new())]
    pub handshake: bool,
    /// Exit with 0 also when the connection is blocked or that depends
    #[arg(long, env = "SYNQUEST_EXIT_ZERO", hide_env_values = true,
        value_parser = BoolishValueParser::new(), help_heading = "Output")]
    pub exit_zero: bool,
}

/// What a cloud's listings do not tell of the target.
#[derive(Args, Clone, Debug, Default)]
pub struct Attachment {
    /// Security group, subnet, network, network tag or service account that the target has in its
    /// cloud; may be repeated [default: those given]
    #[arg(
        long,
        value_name = "NAME",
        env = "SYNQUEST_ATTACHED",
        hide_env_values = true,
        value_delimiter = ',',
        visible_alias = "target-tags",
        help_heading = "Cloud"
    )]
    pub attached: Vec<String>,
}

/// A connection as asked about.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Connection")]
pub struct Connection {
    /// Address it comes from
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "SYNQUEST_FROM",
        hide_env_values = true
    )]
    pub from: IpAddr,
    /// Port it goes to, by number or name [default: any]
    #[arg(long, value_name = "PORT", env = "SYNQUEST_PORT", hide_env_values = true,
        value_parser = parse_port)]
    pub port: Option<u16>,
    /// Transport protocol
    #[arg(
        long,
        value_name = "NAME",
        env = "SYNQUEST_PROTO",
        hide_env_values = true,
        default_value = "tcp"
    )]
    pub proto: Transport,
    /// Address it goes to [default: one of the host's own]
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "SYNQUEST_TO",
        hide_env_values = true
    )]
    pub to: Option<IpAddr>,
    /// Interface it comes in by
    #[arg(
        long = "in",
        value_name = "NAME",
        env = "SYNQUEST_IN",
        hide_env_values = true
    )]
    pub in_interface: Option<String>,
    /// Interface the host forwards it by, as to a container; with --outbound, leaves by
    #[arg(
        long = "out",
        value_name = "NAME",
        env = "SYNQUEST_OUT",
        hide_env_values = true
    )]
    pub out_interface: Option<String>,
    /// Port it comes from [default: any unprivileged one]
    #[arg(
        long,
        value_name = "PORT",
        env = "SYNQUEST_SOURCE_PORT",
        hide_env_values = true
    )]
    pub source_port: Option<u16>,
    /// The host of these rules makes the connection itself
    #[arg(long, env = "SYNQUEST_OUTBOUND", hide_env_values = true,
        value_parser = BoolishValueParser::new(), requires = "to")]
    pub outbound: bool,
}

/// The transport protocols that rules are asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// Why rules cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum Unjudged {
    /// An input cannot be opened or read.
    #[error("cannot read {}: {source}", path.display())]
    Closed {
        /// The input.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An input holds something else than rules.
    #[error("cannot read {name}: {reason}")]
    Unreadable {
        /// The input.
        name: String,
        /// Where and why.
        reason: Unreadable,
    },
    /// The two addresses are of different IP versions.
    #[error("--from {from} and --to {to} are of different IP versions")]
    Versions {
        /// The source.
        from: IpAddr,
        /// The destination.
        to: IpAddr,
    },
    /// Only root may list the rules of this host.
    #[error("--live needs root: only root may list the rules of this host")]
    NotPermitted,
    /// No tool of this host gave any rules.
    #[error(
        "no tool of this host shows its rules: neither iptables-save nor nft list ruleset does"
    )]
    NoTool,
}

/// Judges a connection.
///
/// # Errors
///
/// When the rules cannot be read, or the answer not be written.
pub fn run(
    arguments: &RulesArguments,
    shared: &Shared,
    terminal: Terminal,
) -> Result<ExitStatus, Failure> {
    let packet = packet(&arguments.connection)?;
    let assumed = Family::of(packet.from);
    let document = if arguments.live {
        on_host(&live(assumed)?, &packet, arguments.handshake)
    } else {
        let given = given(&arguments.files)?;
        let ruleset = given.host(assumed)?;
        let host = ruleset.map(|ruleset| on_host(&ruleset, &packet, arguments.handshake));
        let attached = Attached(arguments.attachment.attached.clone());
        match host {
            Some(host) if given.found.is_empty() => host,
            host => answer::document(&course::follow(&given.found, &attached, &packet), host),
        }
    };
    let written = if shared.json {
        json::document(&document)? + "\n"
    } else if shared.quiet {
        report::rules::line(&document)
    } else {
        report::rules::answer(&document, terminal.width())
    };
    let status = match document.decision {
        Ruling::Allowed => ExitStatus::Open,
        Ruling::Blocked => ExitStatus::NotOpen,
        Ruling::Depends => ExitStatus::Undecided,
    };
    match terminal.data(&written).map_err(Failure::Output) {
        Err(failure) if !failure.is_closed_pipe() => Err(failure),
        _ if arguments.exit_zero => Ok(status.forgiving()),
        _ => Ok(status),
    }
}

/// What the host's own rules say.
fn on_host(ruleset: &Ruleset, packet: &Packet, whole: bool) -> Document {
    let first = decide(ruleset, packet);
    let later = if whole {
        handshake(ruleset, &first)
    } else {
        Vec::new()
    };
    Document::of(ruleset, &first, &later)
}

fn packet(connection: &Connection) -> Result<Packet, Unjudged> {
    // Programs log IPv4 clients of an IPv6 socket as ::ffff:192.0.2.1.
    let from = connection.from.to_canonical();
    let to = connection.to.map(|to| to.to_canonical());
    if let Some(to) = to.filter(|to| to.is_ipv4() != from.is_ipv4()) {
        return Err(Unjudged::Versions { from, to });
    }
    Ok(Packet {
        journey: if connection.outbound {
            Journey::Outbound
        } else {
            Journey::Inbound
        },
        from,
        to,
        protocol: match connection.proto {
            Transport::Tcp => TCP,
            Transport::Udp => UDP,
        },
        source_port: connection.source_port,
        port: connection.port,
        in_interface: connection.in_interface.clone(),
        out_interface: connection.out_interface.clone(),
        here: None,
        mark: 0,
    })
}

fn parse_port(text: &str) -> Result<u16, String> {
    names::port(text)
        .filter(|port| *port != 0)
        .ok_or_else(|| "neither a port number nor a service this program knows".to_owned())
}

/// The rules in the files.
#[derive(Clone, Debug)]
pub(super) struct Given {
    /// What to call the files.
    name: String,
    /// Those of clouds.
    pub(super) found: Found,
    /// The host's own, one file after the other.
    text: String,
}

impl Given {
    /// The host's own rules; `None` where the rules of clouds are all that was given.
    pub(super) fn host(&self, assumed: Family) -> Result<Option<Ruleset>, Unjudged> {
        if !self.found.is_empty() && self.text.trim().is_empty() {
            return Ok(None);
        }
        let unreadable = |reason| Unjudged::Unreadable {
            name: self.name.clone(),
            reason,
        };
        match input::read(&self.text, assumed) {
            Ok(ruleset) => Ok(Some(ruleset)),
            // What stands round the documents of a cloud is what a shell or a person says.
            Err(_) if !self.found.is_empty() && !input::may_hold_rules(&self.text) => Ok(None),
            Err(fault) => Err(unreadable(fault)),
        }
    }
}

/// Reads the files.
pub(super) fn given(files: &[PathBuf]) -> Result<Given, Unjudged> {
    let mut found = Found::default();
    let mut rules = String::new();
    for path in files {
        let closed = |source| Unjudged::Closed {
            path: path.clone(),
            source,
        };
        let bytes = contents(path).map_err(closed)?;
        let left = if bytes.len() > MOST_BYTES {
            // It is refused for its size.
            text(&bytes)
        } else {
            let unreadable = |reason| Unjudged::Unreadable {
                name: called(path),
                reason,
            };
            split::split(&text(&bytes), &mut found).map_err(unreadable)?
        };
        // Whether the last one ends tells whether it is whole.
        if !rules.is_empty() && !rules.ends_with('\n') {
            rules.push('\n');
        }
        rules.push_str(&left);
    }
    found.settle();
    let name = match files {
        [only] => called(only),
        _ => "the files, one after the other,".to_owned(),
    };
    Ok(Given {
        name,
        found,
        text: rules,
    })
}

fn called(path: &Path) -> String {
    if path.as_os_str() == "-" {
        "stdin".to_owned()
    } else {
        path.display().to_string()
    }
}

/// The text of a file; a shell of Windows writes UTF-16, which begins with its byte order mark.
fn text(bytes: &[u8]) -> String {
    let units = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, _) = rest.as_chunks();
        String::from_utf16_lossy(&pairs.iter().copied().map(unit).collect::<Vec<u16>>())
    };
    match bytes {
        // It is refused for its size, which decoding would halve.
        _ if bytes.len() > MOST_BYTES => String::from_utf8_lossy(bytes).into_owned(),
        [0xFF, 0xFE, rest @ ..] => units(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => units(rest, u16::from_be_bytes),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// What a file holds, up to one byte more than is taken.
fn contents(path: &Path) -> io::Result<Vec<u8>> {
    let most = u64::try_from(MOST_BYTES)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        io::stdin().lock().take(most).read_to_end(&mut bytes)?;
    } else {
        std::fs::File::open(path)?
            .take(most)
            .read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// The rules of this host.
fn live(assumed: Family) -> Result<Ruleset, Unjudged> {
    match firewall::listing() {
        Listing::Rules(printed) => listed(&printed, assumed).map_err(|reason| {
            let name = "the rules of this host".to_owned();
            Unjudged::Unreadable { name, reason }
        }),
        Listing::NotPermitted => Err(Unjudged::NotPermitted),
        Listing::NoTool => Err(Unjudged::NoTool),
    }
}

/// What the tools of this host printed.
///
/// # Errors
///
/// When one of them prints what cannot be read.
pub(super) fn listed(printed: &Printed, assumed: Family) -> Result<Ruleset, Unreadable> {
    let mut ruleset = match input::read(&printed.rules, assumed) {
        Err(reason) if reason.fault == Fault::NoRules => Ruleset::default(),
        other => other?,
    };
    // nft lists every table; iptables-save those of its own.
    ruleset.whole = printed.failed.is_empty() && printed.tools.contains(&"nft");
    let failed = printed.failed.iter().map(|tool| (*tool).to_owned());
    ruleset.doubts.extend(failed.map(Doubt::ToolFailed));
    Ok(ruleset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_tells_how_the_text_is_written() {
        let told = "-P INPUT DROP\n–";
        let units = || told.encode_utf16();
        let little: Vec<u8> = units().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = units().flat_map(u16::to_be_bytes).collect();
        for bytes in [
            told.as_bytes().to_vec(),
            [&[0xFF, 0xFE], little.as_slice()].concat(),
            [&[0xFE, 0xFF], big.as_slice()].concat(),
        ] {
            assert_eq!(text(&bytes), told, "{bytes:?}");
        }
    }
}
