//! What the host is like, whatever is probed.

use std::time::Duration;

use crate::model::check::{Check, Rating};
use crate::model::host::{ClockState, Conntrack, Discards, Examination, Interface};
use crate::model::time::spell;

/// Entries of the connection-tracking table below which a run could fill it up.
const CONNTRACK_ROOM: u64 = 4_096;

/// Octets of receive buffer below which bursts of answers may be lost: what the kernel grants to
/// anybody by default (`net.core.rmem_default`).
const SCANT_BUFFER: usize = 212_992;

/// The checks of the host. `program` is the file of this program as a word of a shell, where it lacks
/// the capability.
pub fn checks(host: &Examination, program: Option<&str>) -> Vec<Check> {
    let mut checks = vec![capability(host, program)];
    if host.net_raw {
        checks.push(packet_socket(host));
    }
    checks.extend(host.interfaces.iter().map(interface));
    checks.push(conntrack(host.conntrack));
    checks.extend(discards(host.discards));
    checks.push(clock(host.clock));
    checks
}

fn capability(host: &Examination, program: Option<&str>) -> Check {
    const NAME: &str = "CAP_NET_RAW";
    if host.net_raw {
        return Check::new(NAME, Rating::Good, "held by this process");
    }
    let missing = Check::new(NAME, Rating::Bad, "missing: raw sockets cannot be opened")
        .with_remedy("Run this once, or run the program with sudo.");
    match program {
        Some(program) => missing.with_command(format!("sudo setcap cap_net_raw+ep {program}")),
        None => missing,
    }
}

fn packet_socket(host: &Examination) -> Check {
    const NAME: &str = "packet socket";
    if let Some(failure) = &host.packet_socket {
        return Check::new(NAME, Rating::Bad, failure.clone());
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
        return Check::new(NAME, Rating::Doubtful, finding)
            .with_remedy(
                "Bursts of answers may be lost here, which forbids any verdict from silence: raise \
                 the limit, or grant CAP_NET_ADMIN.",
            )
            .with_command("sysctl -w net.core.rmem_max=8388608");
    }
    Check::new(NAME, Rating::Good, finding)
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
    Check::new(
        &format!("interface {}", interface.name),
        Rating::Note,
        format!("{state}, {addresses}"),
    )
}

fn conntrack(table: Option<Conntrack>) -> Check {
    const NAME: &str = "connection tracking";
    match table {
        None => Check::new(NAME, Rating::Good, "not in use"),
        Some(table) => {
            let finding = format!("{} of {} entries used", table.count, table.max);
            if table.room() < CONNTRACK_ROOM {
                Check::new(NAME, Rating::Doubtful, finding).with_remedy(
                    "Each unanswered SYN holds an entry for two minutes: probe slowly (--rate), or \
                     raise net.netfilter.nf_conntrack_max.",
                )
            } else {
                Check::new(NAME, Rating::Good, finding)
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
            count.map(|count| Check::new(name, Rating::Note, format!("{count} packets since boot")))
        })
        .collect()
}

fn clock(state: Option<ClockState>) -> Check {
    const NAME: &str = "clock";
    match state {
        None => Check::new(NAME, Rating::Note, "the kernel does not say how it is kept"),
        Some(state) if state.synchronised => Check::new(
            NAME,
            Rating::Good,
            format!(
                "synchronised, at most {} off",
                spell(Duration::from_micros(state.greatest_error))
            ),
        ),
        Some(_) => Check::new(NAME, Rating::Doubtful, "not synchronised")
            .with_remedy(
                "Times in captures cannot be laid beside those of the other side. Verdicts do not \
                 depend on it.",
            )
            .with_command("timedatectl status"),
    }
}
