//! What this host says of itself: interfaces, connection tracking, limits, counters of drops.
//!
//! Read from `/proc` at the time of the call. Whatever a kernel does not have is `None`, never 0.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};

use pnet::datalink;

pub use crate::model::host::{Conntrack, Discards, Interface, ReversePath};

/// Every interface of this network namespace, by index.
pub fn interfaces() -> Vec<Interface> {
    let mut interfaces: Vec<Interface> = datalink::interfaces()
        .into_iter()
        .map(|found| Interface {
            up: found.is_up(),
            loopback: found.is_loopback(),
            addresses: found
                .ips
                .iter()
                .map(|network| (network.ip(), network.prefix()))
                .collect(),
            name: found.name,
            index: found.index,
        })
        .collect();
    interfaces.sort_by_key(|interface| interface.index);
    interfaces
}

/// The broadcast addresses of the links this host is on.
pub fn broadcasts() -> Vec<Ipv4Addr> {
    let interfaces = interfaces();
    let addresses = interfaces.iter().flat_map(|interface| &interface.addresses);
    addresses
        .filter_map(|(address, prefix)| match address {
            IpAddr::V4(address) => broadcast(*address, *prefix),
            IpAddr::V6(_) => None,
        })
        .collect()
}

/// The broadcast address of a subnet; `None` for the two lengths that have none (RFC 3021).
fn broadcast(address: Ipv4Addr, prefix: u8) -> Option<Ipv4Addr> {
    (prefix < 31).then(|| Ipv4Addr::from_bits(address.to_bits() | (u32::MAX >> prefix)))
}

/// The connection-tracking table of this network namespace; `None` when it is not in use.
pub fn conntrack() -> Option<Conntrack> {
    Some(Conntrack {
        count: number("/proc/sys/net/netfilter/nf_conntrack_count")?,
        max: number("/proc/sys/net/netfilter/nf_conntrack_max")?,
    })
}

/// The most octets of receive buffer a process without CAP_NET_ADMIN is granted
/// (`net.core.rmem_max`); it is not shown in every namespace.
pub fn receive_limit() -> Option<u64> {
    number("/proc/sys/net/core/rmem_max")
}

/// The check on an IPv4 interface: the larger of its own setting and that of all
/// (`Documentation/networking/ip-sysctl.rst`).
pub fn reverse_path(interface: &str) -> Option<ReversePath> {
    let setting = |name: &str| number(&format!("/proc/sys/net/ipv4/conf/{name}/rp_filter"));
    Some(match setting("all")?.max(setting(interface)?) {
        0 => ReversePath::Off,
        1 => ReversePath::Strict,
        _ => ReversePath::Loose,
    })
}

/// The kernel's running counts of what IPsec policies discarded, since this network namespace began
/// (`Documentation/networking/xfrm_proc.rst`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyDiscards {
    /// On their way out.
    pub out: u64,
    /// Arriving.
    pub arriving: u64,
}

/// The counts of IPsec policies as they stand; zero where the kernel keeps none.
pub fn policy_discards() -> PolicyDiscards {
    let table = fs::read_to_string("/proc/net/xfrm_stat").unwrap_or_default();
    PolicyDiscards {
        out: sum(&table, "XfrmOut"),
        arriving: sum(&table, "XfrmIn"),
    }
}

/// The sum of the counters whose name begins so, of a table with one name and value a line.
fn sum(table: &str, prefix: &str) -> u64 {
    let lines = table.lines().filter(|line| line.starts_with(prefix));
    lines
        .filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
        .sum()
}

/// The counts as they stand.
pub fn discards() -> Discards {
    let netstat = fs::read_to_string("/proc/net/netstat").unwrap_or_default();
    let snmp = fs::read_to_string("/proc/net/snmp").unwrap_or_default();
    let softnet = fs::read_to_string("/proc/net/softnet_stat").ok();
    Discards {
        reverse_path: counter(&netstat, "TcpExt:", "IPReversePathFilter"),
        no_memory: counter(&snmp, "Ip:", "InDiscards"),
        backlog: softnet.map(|table| backlog(&table)),
    }
}

fn number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// A counter of `/proc/net/netstat` or `/proc/net/snmp`: a line of names, then one of values, both
/// beginning with the group.
fn counter(table: &str, group: &str, name: &str) -> Option<u64> {
    let mut lines = table
        .lines()
        .filter(|line| line.split_whitespace().next() == Some(group));
    let names = lines.next()?.split_whitespace();
    let values = lines.next()?.split_whitespace();
    names
        .zip(values)
        .find(|(known, _)| *known == name)
        .and_then(|(_, value)| value.parse().ok())
}

/// One line a CPU, columns in hexadecimal.
fn backlog(table: &str) -> u64 {
    table
        .lines()
        .filter_map(|line| u64::from_str_radix(line.split_whitespace().nth(1)?, 16).ok())
        .sum()
}

/// This host's name; empty where the kernel does not say.
pub fn name() -> String {
    word("/proc/sys/kernel/hostname")
}

/// The kernel and its version; empty where it does not say.
pub fn system() -> String {
    let words = [
        word("/proc/sys/kernel/ostype"),
        word("/proc/sys/kernel/osrelease"),
    ];
    words.join(" ").trim().to_owned()
}

fn word(path: &str) -> String {
    fs::read_to_string(path)
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_found_under_its_name() {
        let table = "TcpExt: A B\nTcpExt: 1 2\nIpExt: B C\nIpExt: 3 4\n";
        assert_eq!(counter(table, "TcpExt:", "B"), Some(2));
        assert_eq!(counter(table, "IpExt:", "B"), Some(3));
        assert_eq!(counter(table, "IpExt:", "A"), None);
        assert_eq!(counter("", "IpExt:", "A"), None);
    }

    #[test]
    fn the_backlog_is_summed_over_processors() {
        assert_eq!(backlog("00000017 0000000a 0\n000012ac 00000001 0\n"), 11);
    }

    #[test]
    fn policy_counters_are_summed_by_direction() {
        let table = "XfrmInError             \t0\nXfrmInNoPols \t2\nXfrmOutNoStates\t3\nXfrmOutPolBlock 4\n";
        assert_eq!((sum(table, "XfrmIn"), sum(table, "XfrmOut")), (2, 7));
    }

    #[test]
    fn loopback_is_among_the_interfaces() {
        assert!(interfaces().iter().any(|interface| interface.loopback));
    }

    #[test]
    fn a_subnet_has_one_broadcast_address_unless_it_is_too_small() {
        let check = |prefix: u8, expected: Option<[u8; 4]>| {
            let address = Ipv4Addr::new(10, 9, 3, 10);
            assert_eq!(broadcast(address, prefix), expected.map(Ipv4Addr::from));
        };
        check(24, Some([10, 9, 3, 255]));
        check(30, Some([10, 9, 3, 11]));
        check(0, Some([255, 255, 255, 255]));
        check(31, None);
        check(32, None);
    }
}
