//! What the host is like, whatever is probed.

use std::time::Duration;

use super::{check, with_remedy};
use crate::model::time::spell;
use crate::net::doctor::Examination;
use crate::net::host::{Conntrack, Discards, Interface};
use crate::net::surroundings::ClockState;
use crate::net::{Failure, privilege};
use crate::report::doctor::{Check, Standing};
use crate::report::visible::shell_word;

/// Entries of the connection-tracking table below which a run could fill it up.
const CONNTRACK_ROOM: u64 = 4_096;

/// Octets of receive buffer below which bursts of answers may be lost: what the kernel grants to
/// anybody by default (`net.core.rmem_default`).
const SCANT_BUFFER: usize = 212_992;

/// The checks of the host.
pub(super) fn host_checks(host: &Examination) -> Vec<Check> {
    let mut checks = vec![capability(host)];
    if host.net_raw {
        checks.push(packet_socket(host));
    }
    checks.extend(host.interfaces.iter().map(interface));
    checks.push(conntrack(host.conntrack));
    checks.extend(discards(host.discards));
    checks.push(clock(host.clock));
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
    let finding = format!("opens{buffer}{limit}");
    if host
        .receive_buffer
        .is_some_and(|octets| octets < SCANT_BUFFER)
    {
        return Check {
            command: Some("sysctl -w net.core.rmem_max=8388608".to_owned()),
            ..with_remedy(
                check(NAME, Standing::Doubtful, finding),
                "Bursts of answers may be lost here, which forbids any verdict from silence: raise \
                 the limit, or grant CAP_NET_ADMIN.",
            )
        };
    }
    check(NAME, Standing::Good, finding)
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

fn clock(state: Option<ClockState>) -> Check {
    const NAME: &str = "clock";
    match state {
        None => check(
            NAME,
            Standing::Note,
            "the kernel does not say how it is kept",
        ),
        Some(state) if state.synchronised => check(
            NAME,
            Standing::Good,
            format!(
                "synchronised, at most {} off",
                spell(Duration::from_micros(state.greatest_error))
            ),
        ),
        Some(_) => Check {
            command: Some("timedatectl status".to_owned()),
            ..with_remedy(
                check(NAME, Standing::Doubtful, "not synchronised"),
                "Times in captures cannot be laid beside those of the other side. Verdicts do not \
                 depend on it.",
            )
        },
    }
}
