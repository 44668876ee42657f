//! `synquest doctor`: judges what this host says of itself.

use super::arguments::{DoctorArguments, Shared};
use super::exit::ExitStatus;
use super::failure;
use super::lookup;
use super::terminal::Terminal;
use crate::model::endpoint::Endpoint;
use crate::model::evidence::NeighbourState;
use crate::net::doctor::{self, Approach, Examination};
use crate::net::host::{Conntrack, Discards, Interface, ReversePath};
use crate::net::route::Way;
use crate::net::survey::Preference;
use crate::net::{Failure, privilege};
use crate::report::doctor::{Check, Checkup, Standing};
use crate::report::json;
use crate::report::visible::shell_word;

/// Entries of the connection-tracking table below which a run could fill it up.
const CONNTRACK_ROOM: u64 = 4_096;

/// Examines this host and, where an endpoint is named, the way to each of its addresses.
///
/// # Errors
///
/// When the endpoint cannot be probed at all, the kernel cannot be asked, or nothing be written.
pub fn run(
    arguments: &DoctorArguments,
    shared: &Shared,
    terminal: Terminal,
) -> Result<ExitStatus, failure::Failure> {
    let targets: Vec<String> = arguments.endpoint.iter().cloned().collect();
    let endpoints = lookup::endpoints(&targets, &arguments.leave)?;
    let preference = Preference {
        interface: arguments.leave.interface.clone(),
        source: arguments.leave.source,
        mark: arguments.leave.mark,
    };
    let mut checks = host_checks(&doctor::examine(None, &preference)?);
    for endpoint in &endpoints {
        let examination = doctor::examine(Some(endpoint), &preference)?;
        if let Some(approach) = examination.target {
            checks.extend(approach_checks(endpoint, &approach));
        }
    }
    let checkup = Checkup::new(checks);
    let text = if shared.json {
        json::document(&checkup)? + "\n"
    } else {
        crate::report::doctor::text(&checkup, terminal.width())
    };
    match terminal.data(&text).map_err(failure::Failure::Output) {
        Err(failure) if !failure.is_closed_pipe() => Err(failure),
        _ => Ok(match checkup.worst() {
            Some(Standing::Bad) => ExitStatus::Incapable,
            _ => ExitStatus::Open,
        }),
    }
}

fn check(name: &str, standing: Standing, finding: impl Into<String>) -> Check {
    Check {
        name: name.to_owned(),
        standing,
        finding: finding.into(),
        remedy: None,
        command: None,
    }
}

fn with_remedy(check: Check, remedy: impl Into<String>) -> Check {
    Check {
        remedy: Some(remedy.into()),
        ..check
    }
}

fn host_checks(host: &Examination) -> Vec<Check> {
    let mut checks = vec![capability(host)];
    if host.net_raw {
        checks.push(packet_socket(host));
    }
    checks.extend(host.interfaces.iter().map(interface));
    checks.push(conntrack(host.conntrack));
    checks.extend(discards(host.discards));
    checks
}

fn capability(host: &Examination) -> Check {
    const NAME: &str = "CAP_NET_RAW";
    if host.net_raw {
        return check(NAME, Standing::Good, "held by this process");
    }
    let missing = check(NAME, Standing::Bad, "missing: raw sockets cannot be opened");
    let remedy = with_remedy(missing, "Run this once, or run the program with sudo.");
    match privilege::require_net_raw() {
        Err(Failure::NoCapability { binary }) => Check {
            command: Some(format!(
                "sudo setcap cap_net_raw+ep {}",
                shell_word(&binary.to_string_lossy())
            )),
            ..remedy
        },
        _ => remedy,
    }
}

fn packet_socket(host: &Examination) -> Check {
    const NAME: &str = "packet socket";
    if let Some(failure) = &host.packet_socket {
        return check(NAME, Standing::Bad, failure.to_string());
    }
    let buffer = host.receive_buffer.map_or(String::new(), |octets| {
        format!(", receive buffer {} KiB", octets / 1024)
    });
    let limit = host.receive_limit.map_or(String::new(), |octets| {
        format!(" (net.core.rmem_max {} KiB)", octets / 1024)
    });
    check(NAME, Standing::Good, format!("opens{buffer}{limit}"))
}

fn interface(interface: &Interface) -> Check {
    let addresses: Vec<String> = interface
        .addresses
        .iter()
        .map(|(address, prefix)| format!("{address}/{prefix}"))
        .collect();
    let state = if interface.up { "up" } else { "down" };
    let addresses = if addresses.is_empty() {
        "no address".to_owned()
    } else {
        addresses.join(" ")
    };
    check(
        &format!("interface {}", interface.name),
        Standing::Note,
        format!("{state}, {addresses}"),
    )
}

fn conntrack(table: Option<Conntrack>) -> Check {
    const NAME: &str = "connection tracking";
    match table {
        None => check(NAME, Standing::Good, "not in use"),
        Some(table) => {
            let finding = format!("{} of {} entries used", table.count, table.max);
            if table.room() < CONNTRACK_ROOM {
                with_remedy(
                    check(NAME, Standing::Doubtful, finding),
                    "Each unanswered SYN holds an entry for two minutes: probe slowly (--rate), or \
                     raise net.netfilter.nf_conntrack_max.",
                )
            } else {
                check(NAME, Standing::Good, finding)
            }
        }
    }
}

fn discards(discards: Discards) -> Vec<Check> {
    let counters = [
        ("discarded by rp_filter", discards.reverse_path),
        ("discarded for memory", discards.no_memory),
        ("discarded, queue full", discards.backlog),
    ];
    counters
        .into_iter()
        .filter_map(|(name, count)| {
            count.map(|count| check(name, Standing::Note, format!("{count} packets since boot")))
        })
        .collect()
}

pub(super) fn approach_checks(endpoint: &Endpoint, approach: &Approach) -> Vec<Check> {
    let mut checks = vec![way(endpoint, &approach.way)];
    if let Some(state) = approach.neighbour {
        checks.push(neighbour(state));
    }
    if let Some(mode) = approach.reverse_path {
        checks.push(reverse_path(mode));
    }
    checks
}

fn way(endpoint: &Endpoint, way: &Way) -> Check {
    let name = format!("way to {}", endpoint.address);
    let bad = |finding: &str| check(&name, Standing::Bad, finding);
    match way {
        Way::Open(route) => {
            let by = match (route.local, route.gateway) {
                (true, _) => "this host itself".to_owned(),
                (false, Some(gateway)) => format!("by gateway {gateway}"),
                (false, None) => "on the link, without a gateway".to_owned(),
            };
            let finding = format!(
                "{by}, from {} on {}, MTU {}",
                route.source, route.link.name, route.mtu
            );
            check(&name, Standing::Good, finding)
        }
        Way::Unreachable => with_remedy(
            bad("no route"),
            "Add a route, or bring up the VPN or peering that should carry it.",
        ),
        Way::Prohibited => bad("a route of type prohibit"),
        Way::Blackhole => bad("a route of type blackhole"),
        Way::InterfaceDown => bad("its interface is down or gone"),
        Way::Refused(refusal) => bad(&format!("refused by the kernel ({refusal:?})")),
    }
}

fn neighbour(state: NeighbourState) -> Check {
    const NAME: &str = "next hop";
    match state {
        NeighbourState::Resolved => check(NAME, Standing::Good, "its link-layer address is known"),
        NeighbourState::Incomplete => check(
            NAME,
            Standing::Doubtful,
            "its link-layer address is being asked for",
        ),
        NeighbourState::Failed => with_remedy(
            check(
                NAME,
                Standing::Doubtful,
                "nobody answered for its link-layer address",
            ),
            "The next hop is down, or the subnet is wrong or overlaps another one.",
        ),
    }
}

fn reverse_path(mode: ReversePath) -> Check {
    const NAME: &str = "reverse-path filter";
    match mode {
        ReversePath::Off => check(NAME, Standing::Good, "off"),
        ReversePath::Loose => check(NAME, Standing::Good, "loose"),
        ReversePath::Strict => check(
            NAME,
            Standing::Note,
            "strict: answers that come in by another interface are discarded",
        ),
    }
}
