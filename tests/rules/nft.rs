//! Random rule sets of nftables.

use fastrand::Rng;

use super::draw::{self, Knock, one};
use super::rig::{HERE, INTERFACE};

/// Conditions that nobody can tell from outside.
pub(crate) const UNKNOWABLE: [&str; 5] = [
    // What rules have put there.
    "saddr @seen",
    "limit rate over 1/day burst 1 packets",
    "numgen random mod 2 == 0",
    "meta random < 0x7fffffff",
    "meta hour \"00:00\"-\"12:00\"",
];

/// A rule set in the form of `nft -f`.
pub(crate) fn draw(rng: &mut Rng, knock: &Knock) -> String {
    let mut text = String::new();
    let families = [if knock.from.is_ipv4() { "ip" } else { "ip6" }, "inet"];
    for index in 0..rng.u8(1..=2) {
        let family = one(rng, &families);
        text.push_str(&table(rng, knock, family, index));
    }
    if rng.u8(..8) == 0 {
        let body: String = (0..rng.u8(1..4))
            .map(|_| format!("\t\t{}\n", rule(rng, knock, "netdev", "early", &[])))
            .collect();
        text.push_str(&format!("table netdev early {{\n\tchain in {{\n\t\ttype filter hook ingress device \"{INTERFACE}\" priority 0; policy accept;\n{body}\t}}\n}}\n"));
    }
    text
}

fn table(rng: &mut Rng, knock: &Knock, family: &str, index: u8) -> String {
    let mut text = format!("table {family} t{index} {{\n");
    text.push_str(&sets(rng, knock));
    let users = ["u0", "u1", "u2"];
    for (depth, user) in users.iter().enumerate().rev() {
        let called = &users[depth + 1..];
        let rules: String = (0..rng.u8(..4))
            .map(|_| format!("\t\t{}\n", rule(rng, knock, family, "user", called)))
            .collect();
        text.push_str(&format!("\tchain {user} {{\n{rules}\t}}\n"));
    }
    text.push_str(&map(rng, knock));
    for number in 0..rng.u8(1..=3) {
        let (hook, priority) = one(
            rng,
            &[
                ("input", "filter"),
                ("input", "filter"),
                ("input", "filter + 10"),
                ("input", "-5"),
                ("input", "security"),
                ("prerouting", "raw"),
                ("prerouting", "mangle"),
                ("prerouting", "dstnat + 50"),
                ("prerouting", "-400"),
            ],
        );
        let policy = if hook == "input" && rng.bool() {
            "drop"
        } else {
            "accept"
        };
        let early = if priority == "raw" || priority == "-400" {
            "early"
        } else {
            "late"
        };
        let rules: String = (0..rng.u8(..8))
            .map(|_| format!("\t\t{}\n", rule(rng, knock, family, early, &users)))
            .collect();
        text.push_str(&format!("\tchain b{number} {{\n\t\ttype filter hook {hook} priority {priority}; policy {policy};\n{rules}\t}}\n"));
    }
    if rng.u8(..4) == 0 {
        let port = one(rng, &[22, 3306, 8080]);
        let other = HERE[if knock.to.is_ipv4() {
            rng.usize(..2)
        } else {
            rng.usize(2..4)
        }];
        let to = match (rng.u8(..3), family) {
            (0, "inet") => format!("dnat {} to {other}", version(knock)),
            (0, _) => format!("dnat to {other}"),
            (_, _) => format!("redirect to :{port}"),
        };
        let redirect = format!("\t\t{} counter {to}\n", transport(rng, knock));
        text.push_str(&format!("\tchain n {{\n\t\ttype nat hook prerouting priority dstnat; policy accept;\n{redirect}\t}}\n"));
    }
    text.push_str("}\n");
    text
}

fn version(knock: &Knock) -> &'static str {
    if knock.from.is_ipv4() { "ip" } else { "ip6" }
}

fn sets(rng: &mut Rng, knock: &Knock) -> String {
    let kind = if knock.from.is_ipv4() {
        "ipv4_addr"
    } else {
        "ipv6_addr"
    };
    let own = if rng.bool() {
        knock.from
    } else {
        draw::other(rng, knock.from)
    };
    let (low, high) = draw::addresses(rng, knock.from);
    let (first, last) = draw::ports(rng, knock.port);
    let other = draw::other(rng, knock.from);
    let port = draw::port(rng, knock.port);
    format!(
        "\tset one {{ type {kind}; elements = {{ {own} }}; }}\n\
         \tset many {{ type {kind}; flags interval; auto-merge; elements = {{ {low}-{high}, {} }}; }}\n\
         \tset timed {{ type {kind}; flags timeout; elements = {{ {own} timeout 1h }}; }}\n\
         \tset pairs {{ type {kind} . inet_service; elements = {{ {own} . {port}, {other} . 22 }}; }}\n\
         \tset spans {{ type {kind} . inet_service; flags interval; elements = {{ {low}-{high} . {first}-{last} }}; }}\n\
         \tset empty {{ type {kind}; }}\n\
         \tset seen {{ type {kind}; flags dynamic; }}\n",
        draw::network(rng, knock.from)
    )
}

fn map(rng: &mut Rng, knock: &Knock) -> String {
    let verdicts = ["accept", "drop", "jump u1", "goto u2", "return", "continue"];
    format!(
        "\tmap fate {{ type inet_service : verdict; elements = {{ {} : {}, 1 : accept }}; }}\n",
        draw::port(rng, knock.port).max(2),
        one(rng, &verdicts)
    )
}

fn transport(rng: &mut Rng, knock: &Knock) -> String {
    let own = if knock.udp { "udp" } else { "tcp" };
    let protocol = one(rng, &[own, own, "tcp", "th"]);
    let (low, high) = draw::ports(rng, knock.port);
    let (first, last) = draw::ports(rng, knock.source_port);
    let port = draw::port(rng, knock.port);
    // `th` alone names no protocol, which nft asks for.
    let before = if protocol == "th" {
        "meta l4proto { tcp, udp } "
    } else {
        ""
    };
    let condition = match rng.u8(..9) {
        0 => format!("dport {port}"),
        1 => format!("dport != {port}"),
        2 => format!("dport {low}-{high}"),
        3 => format!("dport != {low}-{high}"),
        4 => format!(
            "dport {{ {port}, 9000-9100, {} }}",
            knock.port.wrapping_add(1).max(1)
        ),
        5 => format!("dport != {{ {port}, 9000-9100 }}"),
        6 => format!("sport {first}-{last}"),
        7 => format!("dport > {port}"),
        _ => format!("dport <= {port}"),
    };
    format!("{before}{protocol} {condition}")
}

fn condition(rng: &mut Rng, knock: &Knock, family: &str, place: &str) -> String {
    let ip = version(knock);
    let not = if rng.u8(..4) == 0 { "!= " } else { "" };
    let tables = family != "netdev";
    let early = place == "early";
    match rng.u8(..24) {
        0 | 1 => format!("{ip} saddr {not}{}", draw::network(rng, knock.from)),
        2 => format!("{ip} daddr {not}{}", draw::network(rng, knock.to)),
        3 => {
            let (low, high) = draw::addresses(rng, knock.from);
            format!("{ip} saddr {not}{low}-{high}")
        }
        4 => format!(
            "{ip} saddr {not}{{ {}, {} }}",
            draw::other(rng, knock.from),
            draw::other(rng, knock.from)
        ),
        5 | 6 if tables => format!(
            "{ip} saddr {not}@{}",
            one(rng, &["one", "many", "timed", "empty"])
        ),
        7 if tables && !knock.udp => format!(
            "{ip} saddr . tcp dport {not}@{}",
            one(rng, &["pairs", "spans"])
        ),
        8 if !knock.udp => format!(
            "{ip} saddr . tcp dport {not}{{ {} . {}, {} . 1-65535 }}",
            knock.from,
            draw::port(rng, knock.port),
            draw::other(rng, knock.from)
        ),
        9 => format!(
            "iifname {not}{}",
            one(
                rng,
                &[
                    "\"wire0\"",
                    "\"wire*\"",
                    "\"lo\"",
                    "{ \"eth0\", \"wire0\" }"
                ]
            )
        ),
        10 if tables => format!("iif {not}\"{}\"", one(rng, &[INTERFACE, "lo"])),
        11 => format!("meta mark {not}{}", one(rng, &["0x0", "0x1", "0x7"])),
        12 => format!(
            "meta mark & 0xf {} {}",
            if not.is_empty() { "==" } else { "!=" },
            one(rng, &["0x0", "0x1", "0x5"])
        ),
        13 if tables => format!(
            "ct state {}",
            one(
                rng,
                &[
                    "new",
                    "established,related",
                    "invalid",
                    "{ new, untracked }",
                    "!= established",
                    "! new"
                ]
            )
        ),
        14 if tables && !early => format!("ct direction {}", one(rng, &["original", "reply"])),
        15 if tables && !early => format!("ct status {}", one(rng, &["dnat", "assured"])),
        16 if tables && !early => format!("ct mark {not}{}", one(rng, &["0x0", "0x3"])),
        17 if !knock.udp => one(
            rng,
            &[
                "tcp flags syn",
                "tcp flags ! ack",
                "tcp flags != syn",
                "tcp flags & (fin | syn | rst | ack) == syn",
                "tcp flags syn / fin,syn,ack",
                "tcp flags ack / syn,ack",
                "tcp flags { syn, syn | ack }",
                "tcp flags fin,ack",
            ],
        )
        .to_owned(),
        18 => format!(
            "meta l4proto {not}{}",
            one(rng, &["tcp", "udp", "{ tcp, udp }", "icmp"])
        ),
        19 if tables => format!(
            "fib daddr type {not}{}",
            one(rng, &["local", "unicast", "{ broadcast, local }"])
        ),
        20 if family == "inet" => format!("meta nfproto {}", one(rng, &["ipv4", "ipv6"])),
        21 if tables && !early => {
            let direction = if knock.from.is_ipv4() { "ip" } else { "ip6" };
            format!(
                "ct original {direction} daddr {not}{}",
                draw::network(rng, knock.to)
            )
        }
        22 => {
            let (four, other) = if family == "inet" || family == "netdev" {
                ("ip saddr 10.0.0.0/8", "ip6 saddr fd00::/16")
            } else {
                ("", "")
            };
            let text = one(rng, &[four, other]);
            if text.is_empty() {
                transport(rng, knock)
            } else {
                text.to_owned()
            }
        }
        23 if tables && rng.u8(..16) == 0 => format!("{ip} saddr @seen"),
        23 if rng.u8(..12) == 0 => one(rng, &UNKNOWABLE[1..]).to_owned(),
        _ => transport(rng, knock),
    }
}

fn rule(rng: &mut Rng, knock: &Knock, family: &str, place: &str, called: &[&str]) -> String {
    let mut words: Vec<String> = Vec::new();
    for _ in 0..rng.u8(..3) {
        // A second field of the same kind can contradict the first, which nft refuses to take.
        if words.is_empty() || rng.bool() {
            words.push(condition(rng, knock, family, place));
        }
    }
    // Of two that ask for the protocol, nft 1.0.6 may list the second alone.
    if let [first, second] = words.as_slice()
        && first.starts_with("meta l4proto ")
        && second.starts_with("meta l4proto ")
    {
        words.pop();
    }
    words.push("counter".to_owned());
    let tables = family != "netdev";
    let chain = (!called.is_empty()).then(|| one(rng, called));
    let verdict = match rng.u8(..14) {
        0..=2 => "accept".to_owned(),
        3..=5 => "drop".to_owned(),
        6 => "return".to_owned(),
        7 if tables && place == "late" && !knock.udp => "reject with tcp reset".to_owned(),
        8 if tables && rng.u8(..6) == 0 => {
            format!("add @seen {{ {} saddr }}", version(knock))
        }
        8 if tables => format!(
            "meta mark set {}",
            one(
                rng,
                &[
                    "0x1",
                    "0x7",
                    "meta mark | 0x4",
                    "meta mark & 0xfffffffe",
                    "meta mark ^ 0x3"
                ]
            )
        ),
        9 if tables && place == "late" => one(
            rng,
            &[
                "ct mark set 0x3",
                "meta mark set ct mark",
                "ct mark set meta mark",
            ],
        )
        .to_owned(),
        10 if place == "early" && tables => "notrack".to_owned(),
        11 if place != "user" && tables && !knock.udp => match rng.u8(..3) {
            0 => "tcp dport vmap @fate".to_owned(),
            1 if place == "late" => {
                "ct state vmap { new : continue, established : accept, invalid : drop }".to_owned()
            }
            _ => format!(
                "tcp dport vmap {{ {} : drop, 5000-6000 : accept }}",
                draw::port(rng, knock.port).min(4999)
            ),
        },
        _ => match chain {
            Some(chain) => format!("{} {chain}", if rng.u8(..4) == 0 { "goto" } else { "jump" }),
            None => "log prefix \"a drop \"".to_owned(),
        },
    };
    words.push(verdict);
    words.join(" ")
}
