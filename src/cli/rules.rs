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
    /// What iptables-save, iptables -S, iptables -L or nft list ruleset printed, several of them in
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
    /// Follow the answer and the last packet of the handshake as well
    #[arg(long, env = "SYNQUEST_HANDSHAKE", hide_env_values = true,
        value_parser = BoolishValueParser::new())]
    pub handshake: bool,
    /// Exit with 0 also when the connection is blocked or that depends
    #[arg(long, env = "SYNQUEST_EXIT_ZERO", hide_env_values = true,
        value_parser = BoolishValueParser::new(), help_heading = "Output")]
    pub exit_zero: bool,
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
    let ruleset = if arguments.live {
        live(assumed)?
    } else {
        let (name, rules) = given(&arguments.files)?;
        input::read(&rules, assumed).map_err(|reason| Unjudged::Unreadable { name, reason })?
    };
    let first = decide(&ruleset, &packet);
    let later = if arguments.handshake {
        handshake(&ruleset, &first)
    } else {
        Vec::new()
    };
    let document = Document::of(&ruleset, &first, &later);
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

/// The rules in the files, one after the other, and what to call them.
pub(super) fn given(files: &[PathBuf]) -> Result<(String, String), Unjudged> {
    let mut rules = String::new();
    for path in files {
        let closed = |source| Unjudged::Closed {
            path: path.clone(),
            source,
        };
        let bytes = contents(path).map_err(closed)?;
        rules.push_str(&text(&bytes));
        if !rules.ends_with('\n') {
            rules.push('\n');
        }
    }
    let name = match files {
        [only] if only.as_os_str() == "-" => "stdin".to_owned(),
        [only] => only.display().to_string(),
        _ => "the files, one after the other,".to_owned(),
    };
    Ok((name, rules))
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
