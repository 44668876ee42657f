//! A scenario's network, raised: namespaces, links, addresses, routes and what the nodes do besides
//! filtering. Everything is gone when it is dropped.

use std::process::Command;

use super::filter;
use super::listener::Listeners;
use super::namespace::{Group, Namespace};
use super::plan::{Link, Plan};
use crate::scenario::{FamilyName, Scenario, Tool};

/// The link address of the prober's second interface, where it has one.
const DETOUR: &str = "02:00:00:00:00:09";

/// A scenario's network in one family, up and listening.
#[derive(Debug)]
pub(crate) struct Network {
    /// Its plan.
    pub(crate) plan: Plan,
    /// The target's listeners.
    pub(crate) listeners: Listeners,
    /// Ended before the namespaces go.
    _background: Vec<Group>,
    spaces: Vec<Namespace>,
}

impl Network {
    /// Raises the network of `scenario` in `family`.
    ///
    /// # Panics
    ///
    /// When a tool or the kernel refuses any part of it.
    pub(crate) fn raise(scenario: &Scenario, family: FamilyName) -> Self {
        let plan = Plan::of(scenario, family);
        let spaces = Namespace::make(&plan.nodes);
        let space = |node: &str| {
            let index = plan.nodes.iter().position(|name| name == node);
            &spaces[index.unwrap_or_else(|| panic!("{}: no node {node}", scenario.name))]
        };
        for node in &plan.nodes {
            space(node).set(&settings(scenario, &plan, node), false);
            // Absent on older kernels, or not per namespace there.
            space(node).set(&unthrottled(scenario, node), true);
        }
        for node in &plan.nodes {
            let peer = |link: &Link| space(&link.far.node).name().to_owned();
            let batch = links(scenario, &plan, node, peer);
            space(node).run(Command::new("ip").args([flag(family), "-b", "-"]), &batch);
        }
        if !scenario.network.mangles.is_empty() {
            space("target").run(Command::new("python3").args(["-c", OWN_CHECKSUMS]), "");
        }
        for node in &plan.nodes {
            filter::load(scenario, &plan, node, space(node));
        }
        let host = if scenario.network.loopback {
            "prober"
        } else {
            "target"
        };
        let listeners = Listeners::open(scenario, &plan, space(host));
        let background = shells(scenario, &plan, space);
        Self {
            plan,
            listeners,
            _background: background,
            spaces,
        }
    }

    /// The namespace of `node`.
    pub(crate) fn space(&self, node: &str) -> &Namespace {
        let node = match node {
            "target" if self.plan.links.is_empty() => "prober",
            node => node,
        };
        let index = self.plan.nodes.iter().position(|name| name == node);
        &self.spaces[index.unwrap_or_else(|| panic!("no node {node}"))]
    }
}

/// Runs the scenario's shells; those that go on are returned.
fn shells<'a>(
    scenario: &Scenario,
    plan: &Plan,
    space: impl Fn(&str) -> &'a Namespace,
) -> Vec<Group> {
    let (family, ip, iptables) = match plan.family {
        FamilyName::V4 => ("4", "ip", "iptables"),
        FamilyName::V6 => ("6", "ip6", "ip6tables"),
    };
    let prober = plan.links.first().and_then(|link| link.near.address);
    let mut background = Vec::new();
    for shell in &scenario.shell {
        let mut command = Command::new("sh");
        command
            .args(["-c", &shell.run])
            .env("ADDRESS", plan.probed.to_string())
            .env("TARGET", plan.target.to_string())
            .env("PROBER", prober.unwrap_or(plan.probed).to_string())
            .env("FAMILY", family)
            .env("IP", ip)
            .env("IPTABLES", iptables);
        let space = space(&shell.at);
        if shell.background {
            background.push(space.spawn(&mut command));
        } else {
            space.run(&mut command, "");
        }
    }
    background
}

/// Makes `eth0` compute its checksums itself (`ethtool -K eth0 tx off`): between interfaces of one
/// kernel they are otherwise left for a card that never comes, and nothing looks at them.
const OWN_CHECKSUMS: &str = r#"
import array, fcntl, socket, struct
SIOCETHTOOL, ETHTOOL_STXCSUM = 0x8946, 0x17
value = array.array("B", struct.pack("II", ETHTOOL_STXCSUM, 0))
request = struct.pack("16sP", b"eth0", value.buffer_info()[0]).ljust(40, b"\0")
fcntl.ioctl(socket.socket(), SIOCETHTOOL, request)
"#;

/// The flag of `ip` for a family.
pub(crate) const fn flag(family: FamilyName) -> &'static str {
    match family {
        FamilyName::V4 => "-4",
        FamilyName::V6 => "-6",
    }
}

/// What a router hashes to choose a leg (`fib_multipath_hash_fields`): addresses, protocol, ports.
///
/// Policy 1 hashes the same, but trusts a hash that the packet already has. Within one kernel that is
/// the sending socket's random one (`sk_txhash`, another for each half-open connection), which no
/// wire carries: every SYN-ACK would choose its leg anew.
const FIVE_TUPLE: &str = "0x37";

/// Sysctls a node must have.
fn settings(scenario: &Scenario, plan: &Plan, node: &str) -> Vec<(String, String)> {
    let network = &scenario.network;
    let mut settings: Vec<(&str, &str)> = vec![
        ("net/ipv4/conf/all/rp_filter", "0"),
        ("net/ipv4/conf/default/rp_filter", "0"),
        ("net/ipv4/fib_multipath_hash_policy", "3"),
        ("net/ipv4/fib_multipath_hash_fields", FIVE_TUPLE),
        ("net/ipv6/fib_multipath_hash_policy", "3"),
        ("net/ipv6/fib_multipath_hash_fields", FIVE_TUPLE),
        ("net/ipv6/conf/all/accept_dad", "0"),
        ("net/ipv6/conf/default/accept_dad", "0"),
        ("net/ipv6/conf/default/router_solicitations", "0"),
    ];
    if plan.family == FamilyName::V4 || node == "bridge" && !filter::bridge_speaks(scenario) {
        settings.push(("net/ipv6/conf/all/disable_ipv6", "1"));
        settings.push(("net/ipv6/conf/default/disable_ipv6", "1"));
    }
    if plan.is_router(node) {
        settings.push(("net/ipv4/ip_forward", "1"));
        settings.push(("net/ipv6/conf/all/forwarding", "1"));
    }
    if network.is_unlimited(node) {
        settings.push(("net/ipv4/icmp_ratelimit", "0"));
        settings.push(("net/ipv6/icmp/ratelimit", "0"));
    }
    if node == "bridge" {
        let stateful = scenario
            .rule
            .iter()
            .any(|rule| rule.tool == Tool::BrNetfilter)
            || network.conntrack.iter().any(|name| name == node);
        let call = if stateful { "1" } else { "0" };
        settings.push(("net/bridge/bridge-nf-call-iptables", call));
        settings.push(("net/bridge/bridge-nf-call-ip6tables", call));
    }
    if node == "prober" && network.prober_rp_filter_fails {
        settings.push(("net/ipv4/conf/default/rp_filter", "1"));
    }
    if network.syn_proxy.iter().any(|proxy| proxy.at == node) {
        // As the kernel's SYNPROXY needs it: an ACK of no connection is invalid, not a new one.
        settings.push(("net/netfilter/nf_conntrack_tcp_loose", "0"));
    }
    let mut settings = owned(&settings);
    if let Some(ttl) = network.ttl.get(node) {
        for key in ["net/ipv4/ip_default_ttl", "net/ipv6/conf/default/hop_limit"] {
            settings.push((key.to_owned(), ttl.to_string()));
        }
    }
    settings
}

/// The limit over all destinations, lifted where a node's ICMP is not meant to be limited.
fn unthrottled(scenario: &Scenario, node: &str) -> Vec<(String, String)> {
    if !scenario.network.is_unlimited(node) {
        return Vec::new();
    }
    owned(&[
        ("net/ipv4/icmp_msgs_per_sec", "100000"),
        ("net/ipv4/icmp_msgs_burst", "10000"),
    ])
}

fn owned(settings: &[(&str, &str)]) -> Vec<(String, String)> {
    settings
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

/// The `ip -b` batch of one node. It makes the node's links towards the target; those towards the
/// prober were made by the node before it.
fn links(
    scenario: &Scenario,
    plan: &Plan,
    node: &str,
    peer: impl Fn(&Link) -> String + Copy,
) -> String {
    let mut batch = "link set dev lo up\n".to_owned();
    let mut line = |text: String| {
        batch.push_str(&text);
        batch.push('\n');
    };
    let here = !scenario.network.down.iter().any(|down| down == node);
    for link in plan.links.iter().filter(|link| link.near.node == node) {
        line(format!(
            "link add name {} type veth peer name {} netns {}",
            link.near.interface,
            link.far.interface,
            peer(link)
        ));
    }
    let ends = || {
        let ends = plan.links.iter().flat_map(|link| [&link.near, &link.far]);
        ends.filter(|end| end.node == node)
    };
    if node == "bridge" {
        line(
            "link add name br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0".to_owned(),
        );
        for end in ends() {
            line(format!("link set dev {} master br0", end.interface));
        }
    }
    for end in ends() {
        line(format!("link set dev {} mtu {} up", end.interface, end.mtu));
        if let (Some(address), true) = (end.address, here) {
            let nodad = match plan.family {
                FamilyName::V4 => "",
                FamilyName::V6 => " nodad",
            };
            let prefix = plan.prefix();
            line(format!(
                "addr add {address}/{prefix} dev {}{nodad}",
                end.interface
            ));
        }
    }
    if node == "bridge" {
        line("link set dev br0 up".to_owned());
        if filter::bridge_speaks(scenario) {
            let (own, gateway) = plan.bridge_address();
            line(format!("addr add {own}/{} dev br0", plan.prefix()));
            line(format!("route add default via {gateway} dev br0"));
        }
    }
    if here {
        for route in plan.routes(node, scenario.network.route.get(node).copied()) {
            line(format!("route add {route}"));
        }
    }
    if scenario.network.prober_rp_filter_fails {
        batch.push_str(&detour(plan, node, peer));
    }
    batch
}

/// A second link between the prober and `r1`, by which alone `r1` sends to the prober: whatever
/// comes back arrives where no route to its source leads out. Its link address is written down,
/// since the reverse-path filter discards questions for it as well.
fn detour(plan: &Plan, node: &str, peer: impl Fn(&Link) -> String) -> String {
    let first = plan.link_below("prober");
    let address = |end: &super::plan::End| end.address.expect("hosts and routers have addresses");
    match node {
        "prober" => format!(
            "link add name eth1 address {DETOUR} type veth peer name up-c netns {}\n\
             link set dev eth1 up\n",
            peer(first)
        ),
        "r1" => format!(
            "link set dev up-c up\nroute add {0} dev up-c src {1}\n\
             neigh add {0} lladdr {DETOUR} dev up-c nud permanent\n",
            address(&first.near),
            address(&first.far)
        ),
        _ => String::new(),
    }
}
