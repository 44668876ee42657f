//! Arguments of `rules`, as typed.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::groups::Attachment;
use crate::rules::names;

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
    #[arg(long)]
    pub live: bool,
    /// The connection that is asked about.
    #[command(flatten)]
    pub connection: Connection,
    /// What the target has in its cloud.
    #[command(flatten)]
    pub attachment: Attachment,
    /// Follow the answer and the last packet of the handshake as well
    #[arg(long)]
    pub handshake: bool,
    /// Exit with 0 also when the connection is blocked or that depends
    #[arg(long, help_heading = "Output")]
    pub exit_zero: bool,
}

/// A connection as asked about.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Connection")]
pub struct Connection {
    /// Address it comes from
    #[arg(long, value_name = "ADDRESS")]
    pub from: IpAddr,
    /// Port it goes to, by number or name [default: any]
    #[arg(long, value_name = "PORT", value_parser = parse_port)]
    pub port: Option<u16>,
    /// Transport protocol
    #[arg(long, value_name = "NAME", default_value = "tcp")]
    pub proto: Transport,
    /// Address it goes to [default: one of the host's own]
    #[arg(long, value_name = "ADDRESS")]
    pub to: Option<IpAddr>,
    /// Interface it comes in by
    #[arg(long = "in", value_name = "NAME")]
    pub in_interface: Option<String>,
    /// Interface the host forwards it by, as to a container; with --outbound, leaves by
    #[arg(long = "out", value_name = "NAME")]
    pub out_interface: Option<String>,
    /// Port it comes from [default: any unprivileged one]
    #[arg(long, value_name = "PORT")]
    pub source_port: Option<u16>,
    /// The host of these rules makes the connection itself
    #[arg(long, requires = "to")]
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

fn parse_port(text: &str) -> Result<u16, String> {
    names::port(text)
        .filter(|port| *port != 0)
        .ok_or_else(|| "neither a port number nor a service this program knows".to_owned())
}
