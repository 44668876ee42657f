//! Two hosts and a cable: one knocks, the other has the rules.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::process::{Command, Stdio};

use socket2::{Domain, Protocol, Socket, Type};

use super::draw::Knock;
use crate::lab::namespace::Namespace;

/// The interface of the host with the rules.
pub(crate) const INTERFACE: &str = "wire0";
/// Addresses of the host with the rules.
pub(crate) const HERE: [&str; 4] = ["10.7.9.2", "10.7.9.3", "fd00:7:9::2", "fd00:7:9::3"];
/// Addresses of the host that knocks.
pub(crate) const THERE: [&str; 6] = [
    "10.7.9.1",
    "10.7.8.17",
    "10.200.3.4",
    "fd00:7:9::1",
    "fd00:7:8::17",
    "fd00:200::3:4",
];

/// Counts what enters the host and what passes all rules, before the first and after the last of them.
const JUDGE: &str = "
table inet judge {
    counter seen { }
    counter passed { }
    chain first {
        type filter hook prerouting priority -1000; policy accept;
        tcp flags & (syn | ack) == syn counter name seen
        udp dport 1-65535 counter name seen
    }
    chain last {
        type filter hook input priority 10000; policy accept;
        tcp flags & (syn | ack) == syn counter name passed
        udp dport 1-65535 counter name passed
    }
    chain beyond {
        type filter hook forward priority 10000; policy accept;
        tcp flags & (syn | ack) == syn counter name passed
    }
}
";

/// Keeps the host that knocks from saying anything else, which rules would count as well.
const HUSH: &str = "
table inet hush {
    chain out {
        type filter hook output priority 0; policy drop;
        meta l4proto { tcp, udp } accept
    }
}
";

/// The two hosts.
#[derive(Debug)]
pub(crate) struct Rig {
    pub(crate) target: Namespace,
    knocker: Namespace,
    next_port: u16,
}

impl Rig {
    pub(crate) fn raise() -> Self {
        let mut made = Namespace::make(&["knocker".to_owned(), "target".to_owned()]);
        let target = made.pop().expect("two namespaces");
        let knocker = made.pop().expect("two namespaces");
        for space in [&target, &knocker] {
            let quiet = [
                ("net/ipv6/conf/all/accept_dad", "0"),
                ("net/ipv6/conf/default/accept_dad", "0"),
                ("net/ipv4/conf/all/rp_filter", "0"),
                ("net/ipv4/conf/default/rp_filter", "0"),
            ];
            let quiet = quiet.map(|(key, value)| (key.to_owned(), value.to_owned()));
            space.set(&quiet, false);
        }
        let mac = |end: u8| format!("02:00:00:00:00:0{end}");
        let mut batch = format!(
            "link add {INTERFACE} address {} type veth peer name wire1 address {} netns {}\n",
            mac(2),
            mac(1),
            knocker.name()
        );
        batch.push_str(&format!("link set lo up\nlink set {INTERFACE} up\n"));
        for address in HERE {
            let (length, flag) = if address.contains(':') {
                (64, " nodad")
            } else {
                (24, "")
            };
            batch.push_str(&format!(
                "addr add {address}/{length} dev {INTERFACE}{flag}\n"
            ));
        }
        let neighbours = |batch: &mut String, all: &[&str], mac: &str, device: &str| {
            for address in all {
                batch.push_str(&format!(
                    "neigh replace {address} lladdr {mac} dev {device} nud permanent\n"
                ));
            }
        };
        neighbours(&mut batch, &THERE, &mac(1), INTERFACE);
        // No default route: a name server must not be waited for.
        for network in ["10.7.0.0/16", "10.200.0.0/16", "fd00::/16"] {
            batch.push_str(&format!("route add {network} dev {INTERFACE}\n"));
        }
        target.run(Command::new("ip").args(["-b", "-"]), &batch);
        let mut batch = "link set lo up\nlink set wire1 up\n".to_owned();
        for address in THERE {
            let (length, flag) = if address.contains(':') {
                (128, " nodad")
            } else {
                (32, "")
            };
            batch.push_str(&format!("addr add {address}/{length} dev wire1{flag}\n"));
        }
        neighbours(&mut batch, &HERE, &mac(2), "wire1");
        batch.push_str("route add 10.7.9.0/24 dev wire1\nroute add fd00:7:9::/64 dev wire1\n");
        knocker.run(Command::new("ip").args(["-b", "-"]), &batch);
        target.run(Command::new("nft").args(["-f", "-"]), JUDGE);
        knocker.run(Command::new("nft").args(["-f", "-"]), HUSH);
        Self {
            target,
            knocker,
            next_port: 20_000,
        }
    }

    /// A source port that no packet had before: its connection is new.
    pub(crate) fn fresh_port(&mut self) -> u16 {
        self.next_port += 1;
        if self.next_port > 60_000 {
            self.next_port = 20_001;
        }
        self.next_port
    }

    /// Sends the first packet of a connection.
    pub(crate) fn knock(&self, knock: &Knock) {
        let from = SocketAddr::new(knock.from, knock.source_port);
        let to = SocketAddr::new(knock.to, knock.port);
        self.knocker.enter(|| {
            let (kind, protocol) = if knock.udp {
                (Type::DGRAM, Protocol::UDP)
            } else {
                (Type::STREAM, Protocol::TCP)
            };
            let socket =
                Socket::new(Domain::for_address(from), kind, Some(protocol)).expect("a socket");
            socket
                .set_nonblocking(true)
                .expect("a socket that does not wait");
            socket
                .set_reuse_address(true)
                .expect("an address used again");
            socket
                .bind(&from.into())
                .expect("an address of the knocker");
            // TCP sends its SYN at once; that it is refused or goes unanswered is no matter.
            let _answer = socket.connect(&to.into());
            if knock.udp {
                let _sent = socket.send(b"knock");
            }
        });
    }

    /// How many packets have entered the host, and how many passed all of its rules.
    pub(crate) fn judged(&self) -> (u64, u64) {
        let printed = self.target.run(
            Command::new("nft").args(["-j", "list", "counters", "table", "inet", "judge"]),
            "",
        );
        let parsed: serde_json::Value = serde_json::from_str(&printed).expect("nft prints JSON");
        let count = |name: &str| {
            let objects = parsed["nftables"].as_array().expect("an array");
            let counter = objects
                .iter()
                .find(|object| object["counter"]["name"] == name);
            counter.expect("our counter")["counter"]["packets"]
                .as_u64()
                .expect("a number")
        };
        (count("seen"), count("passed"))
    }

    /// Runs a tool on the host with the rules.
    pub(crate) fn tool(&self, command: &[&str], input: &str) -> String {
        self.target.run(&mut tool(command), input)
    }

    /// Loads rules with nft, without those lines that it refuses because they contradict themselves.
    pub(crate) fn load_nft(&self, rules: &str) {
        let mut lines: Vec<&str> = rules.lines().collect();
        for _ in 0..64 {
            let output = self.target.enter(|| {
                let mut child = tool(&["nft", "-f", "-"]);
                let child = child
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped());
                let mut child = child.spawn().expect("nft starts");
                child
                    .stdin
                    .take()
                    .expect("its input")
                    .write_all(lines.join("\n").as_bytes())
                    .expect("it reads");
                child.wait_with_output().expect("it ends")
            });
            if output.status.success() {
                return;
            }
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let mut refused: Vec<usize> = said
                .lines()
                .filter_map(|line| {
                    line.strip_prefix("/dev/stdin:")?
                        .split(':')
                        .next()?
                        .parse()
                        .ok()
                })
                .collect();
            refused.sort_unstable();
            refused.dedup();
            assert!(!refused.is_empty(), "{said}");
            for line in refused.into_iter().rev() {
                let rule = lines.remove(line - 1);
                assert!(rule.contains("counter"), "{rule}: {said}");
            }
        }
        panic!("nft refuses all of it:\n{rules}");
    }

    /// Lets the host with the rules forward packets.
    pub(crate) fn forward(&self) {
        self.target
            .set(&[("net/ipv4/ip_forward".to_owned(), "1".to_owned())], false);
    }

    /// Whether nft takes these rules; they stay loaded where it does.
    pub(crate) fn loads(&self, rules: &str) -> bool {
        let output = self.target.enter(|| {
            let mut child = tool(&["nft", "-f", "-"]);
            let child = child
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let mut child = child.spawn().expect("nft starts");
            let mut input = child.stdin.take().expect("its input");
            input.write_all(rules.as_bytes()).expect("it reads");
            drop(input);
            child.wait().expect("it ends")
        });
        output.success()
    }

    /// Loads these rules in the place of all but the judge's.
    pub(crate) fn reload(&self, rules: &str) {
        let gone = "table inet forms { }\ndelete table inet forms\n";
        self.tool(&["nft", "-f", "-"], &format!("{gone}{rules}"));
    }

    /// Sends the packet and says whether it passed all rules, once it has been through them:
    /// `moved` says whether some rule has counted it already.
    pub(crate) fn passes(&self, knock: &Knock, mut moved: impl FnMut(&Self) -> bool) -> bool {
        let before = self.judged();
        self.knock(knock);
        for _ in 0..400 {
            let now = self.judged();
            if now.0 > before.0 || moved(self) {
                return now.1 > before.1;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        panic!("no packet arrived: {knock:?}");
    }
}

fn tool(command: &[&str]) -> Command {
    let mut tool = Command::new(command[0]);
    tool.args(&command[1..])
        .env("RES_OPTIONS", "attempts:1 timeout:1");
    tool
}

/// An address of the version asked for.
pub(crate) fn address(all: &[&str], four: bool, pick: usize) -> IpAddr {
    let fitting: Vec<IpAddr> = all
        .iter()
        .map(|text| text.parse().expect("an address"))
        .filter(|address: &IpAddr| address.is_ipv4() == four)
        .collect();
    fitting[pick % fitting.len()]
}
