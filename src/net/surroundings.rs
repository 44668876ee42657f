//! What the kernel says around a run: settings that change what probes meet, and counters.
//!
//! Read from `/proc` at the time of the call; nothing is changed. What a kernel does not have is
//! left out.

use std::collections::BTreeMap;
use std::fs;

use super::syscall;
use crate::model::host::ClockState;

/// Kernel settings that change what becomes of probes and replies, below `/proc/sys`.
const SETTINGS: [&str; 26] = [
    "net/core/netdev_max_backlog",
    "net/core/rmem_max",
    "net/ipv4/conf/all/arp_ignore",
    "net/ipv4/conf/all/rp_filter",
    "net/ipv4/icmp_msgs_per_sec",
    "net/ipv4/icmp_ratelimit",
    "net/ipv4/icmp_ratemask",
    "net/ipv4/ip_default_ttl",
    "net/ipv4/ip_forward",
    "net/ipv4/ip_local_port_range",
    "net/ipv4/ip_no_pmtu_disc",
    "net/ipv4/tcp_ecn",
    "net/ipv4/tcp_fastopen",
    "net/ipv4/tcp_mtu_probing",
    "net/ipv4/tcp_syn_retries",
    "net/ipv4/tcp_syncookies",
    "net/ipv4/tcp_timestamps",
    "net/ipv4/tcp_tw_reuse",
    "net/ipv6/conf/all/disable_ipv6",
    "net/ipv6/conf/all/forwarding",
    "net/ipv6/conf/all/hop_limit",
    "net/ipv6/icmp/ratelimit",
    "net/netfilter/nf_conntrack_max",
    "net/netfilter/nf_conntrack_tcp_be_liberal",
    "net/netfilter/nf_conntrack_tcp_loose",
    "net/netfilter/nf_conntrack_tcp_timeout_syn_sent",
];

/// The settings of one interface, below `/proc/sys`.
const INTERFACE_SETTINGS: [(&str, &str); 3] = [
    ("net/ipv4/conf", "rp_filter"),
    ("net/ipv6/conf", "disable_ipv6"),
    ("net/ipv6/conf", "hop_limit"),
];

/// The settings this kernel has, those of `interfaces` among them, as sysctl(8) names them.
pub fn settings(interfaces: &[String]) -> Vec<(String, String)> {
    let own = interfaces.iter().flat_map(|interface| {
        let of = move |(folder, name)| (format!("{folder}/{interface}/{name}"), Some(interface));
        INTERFACE_SETTINGS.into_iter().map(of)
    });
    let general = SETTINGS.into_iter().map(|path| (path.to_owned(), None));
    general
        .chain(own)
        .filter_map(|(path, interface)| {
            let value = fs::read_to_string(format!("/proc/sys/{path}")).ok()?;
            let words: Vec<&str> = value.split_whitespace().collect();
            Some((sysctl_name(&path, interface), words.join(" ")))
        })
        .collect()
}

/// A path below `/proc/sys` as sysctl(8) writes it: with dots, and those of an interface's name as
/// slashes.
fn sysctl_name(path: &str, interface: Option<&String>) -> String {
    let dotted = path.replace('/', ".");
    match interface.filter(|name| name.contains('.')) {
        Some(name) => dotted.replace(name.as_str(), &name.replace('.', "/")),
        None => dotted,
    }
}

/// The kernel's counters of this network namespace, by name: of its protocols
/// (`TcpExt.IPReversePathFilter`), of connection tracking, of the queue of arrivals, and of each
/// interface (`eth0.rx_drop`).
pub fn counters() -> BTreeMap<String, u64> {
    let mut counters = BTreeMap::new();
    let read = |name: &str| fs::read_to_string(format!("/proc/net/{name}")).unwrap_or_default();
    paired(&read("snmp"), &mut counters);
    paired(&read("netstat"), &mut counters);
    listed(&read("snmp6"), &mut counters);
    per_processor(&read("stat/nf_conntrack"), &mut counters);
    interfaces(&read("dev"), &mut counters);
    if let Some(dropped) = super::host::discards().backlog {
        counters.insert("softnet.dropped".to_owned(), dropped);
    }
    counters
}

/// Lines in pairs, one of names and one of values, both beginning with their group.
fn paired(table: &str, counters: &mut BTreeMap<String, u64>) {
    let mut lines = table.lines();
    while let (Some(names), Some(values)) = (lines.next(), lines.next()) {
        let group = names.split(':').next().unwrap_or_default();
        let columns = names.split_whitespace().zip(values.split_whitespace());
        for (name, value) in columns.skip(1) {
            // Tcp.MaxConn is -1 where there is no limit: no counter.
            if let Ok(value) = value.parse() {
                counters.insert(format!("{group}.{name}"), value);
            }
        }
    }
}

/// Lines of a name and a value.
fn listed(table: &str, counters: &mut BTreeMap<String, u64>) {
    for line in table.lines() {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(Ok(value))) = (words.next(), words.next().map(str::parse)) {
            counters.insert(name.to_owned(), value);
        }
    }
}

/// A line of names, then one of hexadecimal values a processor.
fn per_processor(table: &str, counters: &mut BTreeMap<String, u64>) {
    let mut lines = table.lines();
    let names: Vec<&str> = lines
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    for line in lines {
        let columns = names.iter().zip(line.split_whitespace());
        // `entries` is the whole table's number, repeated for each processor.
        for (name, value) in columns.filter(|(name, _)| **name != "entries") {
            let value = u64::from_str_radix(value, 16).unwrap_or_default();
            *counters.entry(format!("conntrack.{name}")).or_default() += value;
        }
    }
}

/// `/proc/net/dev`: two lines of headings, then one line an interface, received before sent.
fn interfaces(table: &str, counters: &mut BTreeMap<String, u64>) {
    const COLUMNS: [(usize, &str); 7] = [
        (1, "rx_packets"),
        (2, "rx_errs"),
        (3, "rx_drop"),
        (4, "rx_fifo"),
        (9, "tx_packets"),
        (10, "tx_errs"),
        (11, "tx_drop"),
    ];
    for line in table.lines().skip(2) {
        let Some((name, columns)) = line.split_once(':') else {
            continue;
        };
        let columns: Vec<&str> = columns.split_whitespace().collect();
        for (at, column) in COLUMNS {
            if let Some(Ok(value)) = columns.get(at).map(|value| value.parse()) {
                counters.insert(format!("{}.{column}", name.trim()), value);
            }
        }
    }
}

/// The state of the wall clock; `None` when the kernel does not say.
pub fn clock() -> Option<ClockState> {
    let (unsynchronised, greatest_error) = syscall::clock_state().ok()?;
    Some(ClockState {
        synchronised: !unsynchronised,
        greatest_error,
    })
}

/// The kernel, its version and its machine: `Linux 6.1.0-18-amd64 x86_64`.
pub fn kernel() -> String {
    format!("{} {}", super::host::system(), std::env::consts::ARCH)
}

/// The distribution's own name for itself (os-release(5)).
pub fn system() -> Option<String> {
    let file = fs::read_to_string("/etc/os-release").ok()?;
    let line = file
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(line.trim_matches(['"', '\'']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        read: impl Fn(&str, &mut BTreeMap<String, u64>),
        table: &str,
        expected: &[(&str, u64)],
    ) {
        let mut counters = BTreeMap::new();
        read(table, &mut counters);
        let found: Vec<(&str, u64)> = counters.iter().map(|(n, v)| (n.as_str(), *v)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn counters_are_read_under_the_name_of_their_group() {
        check(
            paired,
            "Ip: Forwarding InDiscards\nIp: 2 7\nTcp: MaxConn OutRsts\nTcp: -1 9\n",
            &[
                ("Ip.Forwarding", 2),
                ("Ip.InDiscards", 7),
                ("Tcp.OutRsts", 9),
            ],
        );
        check(
            listed,
            "Ip6InReceives   12\nIp6InDiscards\t3\n",
            &[("Ip6InDiscards", 3), ("Ip6InReceives", 12)],
        );
        check(
            per_processor,
            "entries  drop early_drop\n00000005  0000000a 1\n00000005  00000001 2\n",
            &[("conntrack.drop", 11), ("conntrack.early_drop", 3)],
        );
        check(
            interfaces,
            "Inter-| Receive | Transmit\n face |bytes\n  eth0: 9 1 2 3 4 0 0 0 9 5 6 7 0 0 0 0\n",
            &[
                ("eth0.rx_drop", 3),
                ("eth0.rx_errs", 2),
                ("eth0.rx_fifo", 4),
                ("eth0.rx_packets", 1),
                ("eth0.tx_drop", 7),
                ("eth0.tx_errs", 6),
                ("eth0.tx_packets", 5),
            ],
        );
        for read in [paired, listed, per_processor, interfaces] {
            check(read, "", &[]);
            check(read, "\n:\n::\nx\ny: z\n", &[]);
        }
    }

    #[test]
    fn this_kernel_names_itself_its_counters_and_its_settings() {
        assert!(kernel().starts_with("Linux "));
        assert!(counters().contains_key("Tcp.OutSegs"));
        let settings = settings(&["lo".to_owned()]);
        let names: Vec<&str> = settings.iter().map(|(name, _)| name.as_str()).collect();
        assert!(names.contains(&"net.ipv4.tcp_timestamps"));
        assert!(names.contains(&"net.ipv4.conf.lo.rp_filter"));
    }

    #[test]
    fn a_dot_in_an_interfaces_name_is_no_step_of_a_settings() {
        let vlan = "eth0.7".to_owned();
        let path = "net/ipv4/conf/eth0.7/rp_filter";
        assert_eq!(
            sysctl_name(path, Some(&vlan)),
            "net.ipv4.conf.eth0/7.rp_filter"
        );
    }
}
