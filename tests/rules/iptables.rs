//! Random rule sets of iptables.

use fastrand::Rng;

use super::draw::{self, Knock, one};
use super::rig::{HERE, INTERFACE};

/// Chains of users in every table, each calling those behind it only.
const USERS: [&str; 4] = ["FIRST", "second", "IN_HIDS_MYSQLD_DENY_DROP", "f2b-mysqld"];

/// Matches that nobody can tell from outside.
pub(crate) const UNKNOWABLE: [&str; 5] = [
    "-m limit --limit 1/day --limit-burst 1",
    "-m recent --rcheck --name knockers",
    "-m statistic --mode random --probability 0.5",
    "-m time --timestart 00:00 --timestop 12:00",
    "-m connlimit --connlimit-above 3",
];

/// A rule set in the form of iptables-restore.
pub(crate) fn draw(rng: &mut Rng, knock: &Knock) -> String {
    let mut text = String::new();
    let tables: [(&str, &[&str]); 4] = [
        ("raw", &["PREROUTING"]),
        ("mangle", &["PREROUTING", "INPUT"]),
        ("nat", &["PREROUTING", "INPUT"]),
        ("filter", &["INPUT"]),
    ];
    for (table, chains) in tables {
        text.push_str(&format!("*{table}\n"));
        for chain in chains {
            let drops = table != "nat" && rng.u8(..if table == "filter" { 2 } else { 12 }) == 0;
            text.push_str(&format!(
                ":{chain} {} [0:0]\n",
                if drops { "DROP" } else { "ACCEPT" }
            ));
        }
        for user in USERS {
            text.push_str(&format!(":{user} - [0:0]\n"));
        }
        let busy = table == "filter" || rng.u8(..3) == 0;
        for chain in chains {
            let most = if table == "filter" { 9 } else { 3 };
            for _ in 0..if busy { rng.u8(..=most) } else { 0 } {
                text.push_str(&rule(rng, knock, table, chain, 0));
            }
        }
        for (index, user) in USERS.iter().enumerate() {
            for _ in 0..if busy { rng.u8(..=4) } else { 0 } {
                text.push_str(&rule(rng, knock, table, user, index + 1));
            }
        }
        text.push_str("COMMIT\n");
    }
    text
}

fn not(rng: &mut Rng) -> &'static str {
    if rng.u8(..4) == 0 { "! " } else { "" }
}

fn rule(rng: &mut Rng, knock: &Knock, table: &str, chain: &str, depth: usize) -> String {
    let mut words = format!("-A {chain}");
    let mut add = |text: String| {
        words.push(' ');
        words.push_str(&text);
    };
    let own = if knock.udp { "udp" } else { "tcp" };
    let protocol = match rng.u8(..5) {
        0 => "",
        1 => one(rng, &["tcp", "udp", "icmp", "gre"]),
        _ => own,
    };
    if rng.u8(..3) == 0 {
        add(format!("{}-s {}", not(rng), draw::network(rng, knock.from)));
    }
    if rng.u8(..6) == 0 {
        add(format!("{}-d {}", not(rng), draw::network(rng, knock.to)));
    }
    if rng.u8(..6) == 0 {
        add(format!(
            "{}-i {}",
            not(rng),
            one(rng, &[INTERFACE, "wire+", "lo", "eth0", "eth+"])
        ));
    }
    if !protocol.is_empty() {
        add(format!("-p {protocol}"));
    } else if rng.u8(..4) == 0 {
        add("! -p icmp".to_owned());
    }
    if matches!(protocol, "tcp" | "udp") {
        ported(rng, knock, protocol, &mut add);
    }
    for _ in 0..rng.u8(..2) {
        add(extension(rng, knock, table));
    }
    if rng.u8(..240) == 0 {
        add(one(rng, &UNKNOWABLE).to_owned());
    }
    let target = target(rng, knock, (table, chain), depth, protocol);
    format!("{words} {target}\n")
}

fn ported(rng: &mut Rng, knock: &Knock, protocol: &str, add: &mut impl FnMut(String)) {
    match rng.u8(..6) {
        0 => add(format!(
            "-m {protocol} {}--dport {}",
            not(rng),
            draw::port(rng, knock.port)
        )),
        1 => {
            let (low, high) = draw::ports(rng, knock.port);
            add(format!("-m {protocol} {}--dport {low}:{high}", not(rng)));
        }
        2 => {
            let (low, high) = draw::ports(rng, knock.source_port);
            add(format!("-m {protocol} {}--sport {low}:{high}", not(rng)));
        }
        3 => {
            let (low, high) = draw::ports(rng, knock.port);
            let kind = one(rng, &["dports", "sports", "ports"]);
            // A span of one port is none to multiport.
            let span = if low == high {
                low.to_string()
            } else {
                format!("{low}:{high}")
            };
            add(format!(
                "-m multiport {}--{kind} {},{span},9999",
                not(rng),
                draw::port(rng, knock.port)
            ));
        }
        4 if protocol == "tcp" => {
            let flags = one(
                rng,
                &[
                    "--syn",
                    "--tcp-flags SYN,ACK SYN",
                    "--tcp-flags ALL SYN",
                    "--tcp-flags ALL NONE",
                    "--tcp-flags RST,FIN FIN",
                    "--tcp-flags ACK ACK",
                ],
            );
            add(format!("-m tcp {}{flags}", not(rng)));
        }
        _ => {}
    }
}

fn extension(rng: &mut Rng, knock: &Knock, table: &str) -> String {
    let no = not(rng);
    let raw = table == "raw";
    match rng.u8(..11) {
        0 => {
            let (low, high) = draw::addresses(rng, knock.from);
            format!("-m iprange {no}--src-range {low}-{high}")
        }
        1 => {
            let (low, high) = draw::addresses(rng, knock.to);
            format!("-m iprange {no}--dst-range {low}-{high}")
        }
        2 => "-m comment --comment \"it's \\\"quoted\\\", a -j DROP\"".to_owned(),
        3 => format!(
            "-m mark {no}--mark {}",
            one(rng, &["0x0", "0x1/0x1", "0x2/0x3", "0x10", "0x0/0xff"])
        ),
        4 => format!(
            "-m addrtype {no}--dst-type {}",
            one(
                rng,
                &[
                    "LOCAL",
                    "UNICAST",
                    if knock.from.is_ipv4() {
                        "BROADCAST,LOCAL"
                    } else {
                        "LOCAL"
                    }
                ]
            )
        ),
        5 => format!(
            "-m addrtype {no}--src-type {}",
            one(rng, &["LOCAL", "UNICAST", "MULTICAST"])
        ),
        6 => format!(
            "-m conntrack {no}--ctstate {}",
            one(
                rng,
                &[
                    "NEW",
                    "RELATED,ESTABLISHED",
                    "INVALID",
                    "UNTRACKED",
                    "NEW,UNTRACKED"
                ]
            )
        ),
        7 => format!(
            "-m state {no}--state {}",
            one(
                rng,
                &["NEW", "RELATED,ESTABLISHED", "INVALID", "NEW,INVALID"]
            )
        ),
        8 if !raw => format!("-m conntrack --ctdir {}", one(rng, &["ORIGINAL", "REPLY"])),
        9 if !raw => format!(
            "-m conntrack {no}--ctorigdst {}",
            draw::network(rng, knock.to)
        ),
        10 if !raw => format!(
            "-m connmark {no}--mark {}",
            one(rng, &["0x0", "0x1", "0x4/0x4"])
        ),
        _ => format!(
            "-m pkttype {no}--pkt-type {}",
            one(rng, &["unicast", "broadcast", "multicast"])
        ),
    }
}

fn target(
    rng: &mut Rng,
    knock: &Knock,
    (table, chain): (&str, &str),
    depth: usize,
    protocol: &str,
) -> String {
    if depth < USERS.len() && rng.u8(..4) == 0 {
        let jump = if rng.u8(..4) == 0 { "-g" } else { "-j" };
        return format!("{jump} {}", USERS[rng.usize(depth..USERS.len())]);
    }
    let four = knock.from.is_ipv4();
    match (table, rng.u8(..8)) {
        (_, 0) => "-j RETURN".to_owned(),
        ("raw", 1..=2) => one(rng, &["-j NOTRACK", "-j CT --notrack"]).to_owned(),
        ("mangle", 1..=3) => one(
            rng,
            &[
                "-j MARK --set-xmark 0x1/0xffffffff",
                "-j MARK --or-mark 0x2",
                "-j MARK --and-mark 0xfe",
                "-j MARK --xor-mark 0x11",
                "-j MARK --set-xmark 0x10/0xf0",
                "-j CONNMARK --set-xmark 0x5/0xffffffff",
                "-j CONNMARK --save-mark",
                "-j CONNMARK --restore-mark",
            ],
        )
        .to_owned(),
        ("nat", 1..=4) if chain == "PREROUTING" && matches!(protocol, "tcp" | "udp") => {
            let port = one(rng, &[3306, 8080, 22, 5432]);
            match (rng.u8(..6), knock.to.is_ipv4()) {
                (0, true) => format!("-j DNAT --to-destination {}:{port}", HERE[rng.usize(..2)]),
                (0, false) => format!(
                    "-j DNAT --to-destination [{}]:{port}",
                    HERE[rng.usize(2..4)]
                ),
                (1, true) => format!("-j DNAT --to-destination {}", HERE[rng.usize(..2)]),
                (1, false) => format!("-j DNAT --to-destination {}", HERE[rng.usize(2..4)]),
                (_, _) => format!("-j REDIRECT --to-ports {port}"),
            }
        }
        ("nat", _) => one(
            rng,
            &["-j ACCEPT", "-j RETURN", "-m comment --comment nothing"],
        )
        .to_owned(),
        ("filter", 1) => {
            let kinds: &[&str] = match (four, protocol) {
                (_, "tcp") if rng.bool() => &["tcp-reset"],
                (true, _) => &[
                    "icmp-port-unreachable",
                    "icmp-host-prohibited",
                    "icmp-admin-prohibited",
                ],
                (false, _) => &["icmp6-port-unreachable", "icmp6-adm-prohibited"],
            };
            format!("-j REJECT --reject-with {}", one(rng, kinds))
        }
        (_, 2 | 3) => "-j DROP".to_owned(),
        ("raw", 4..) | (_, 4) => "-m comment --comment counted".to_owned(),
        (_, _) => "-j ACCEPT".to_owned(),
    }
}
