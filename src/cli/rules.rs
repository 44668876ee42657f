//! `synquest rules`: which rule of a firewall decides on a connection, and how to let it in.

use super::arguments::Shared;
use super::arguments::rules::{Connection, RulesArguments, Transport};
use super::exit::ExitStatus;
use super::failure::Failure;
use super::local_rules::listed;
use super::rule_files;
use super::terminal::Terminal;
use crate::net::firewall::{self, Listing};
use crate::report;
use crate::rules::cloud::stage::Attached;
use crate::rules::cloud::{answer, trace};
use crate::rules::decision::{Ruling, decide, handshake};
use crate::rules::document::Document;
use crate::rules::given::NotRules;
use crate::rules::packet::{Journey, Packet, TCP, UDP};
use crate::rules::ruleset::{Family, Ruleset};

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
    let document = document(arguments, &packet)?;
    terminal.document(shared, &document, || {
        if shared.quiet {
            report::rules::line(&document)
        } else {
            report::rules::answer(&document, terminal.width())
        }
    })?;
    let status = match document.decision {
        Ruling::Allowed => ExitStatus::Open,
        Ruling::Blocked => ExitStatus::NotOpen,
        Ruling::Depends => ExitStatus::Undecided,
    };
    Ok(status.forgiven(arguments.exit_zero))
}

/// What the rules asked for say of a packet.
fn document(arguments: &RulesArguments, packet: &Packet) -> Result<Document, Failure> {
    let assumed = Family::of(packet.from);
    if arguments.live {
        return Ok(on_host(&live(assumed)?, packet, arguments.handshake));
    }
    let given = rule_files::read(&arguments.files)?;
    let ruleset = given.host(assumed)?;
    let host = ruleset.map(|ruleset| on_host(&ruleset, packet, arguments.handshake));
    let attached = Attached(arguments.attachment.attached.clone());
    Ok(match host {
        Some(host) if given.found.is_empty() => host,
        host => answer::document(&trace::follow(&given.found, &attached, packet), host),
    })
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

fn packet(connection: &Connection) -> Result<Packet, Failure> {
    // Programs log IPv4 clients of an IPv6 socket as ::ffff:192.0.2.1.
    let from = connection.from.to_canonical();
    let to = connection.to.map(|to| to.to_canonical());
    if let Some(to) = to.filter(|to| to.is_ipv4() != from.is_ipv4()) {
        return Err(Failure::usage(format!(
            "--from {from} and --to {to} are of different IP versions"
        )));
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

/// The rules of this host.
fn live(assumed: Family) -> Result<Ruleset, Failure> {
    match firewall::listing() {
        Listing::Rules(printed) => Ok(listed(&printed, assumed).map_err(|reason| NotRules {
            name: "the rules of this host".to_owned(),
            reason,
        })?),
        Listing::NotPermitted => Err(Failure::incapable(
            "--live needs root: only root may list the rules of this host",
        )),
        Listing::NoTool => Err(Failure::incapable(
            "no tool of this host shows its rules: neither iptables-save nor nft list ruleset does",
        )),
    }
}
