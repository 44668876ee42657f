//! A scenario: one small network, what is wrong in it, and what an honest diagnosis may say.
//!
//! The files under `tests/scenarios` are read by two executors that share nothing else: the
//! virtual-time simulator (`sim`) and the network-namespace lab (`lab`). Unknown keys are errors.
//!
//! # Topology
//!
//! ```text
//! prober ── r1 ── r2 ── … ── rN ── [bridge] ── target
//! ```
//!
//! Nodes are named `prober`, `r1` … `rN`, `bridge`, `target`. With `network.ecmp = 2` hop 2 exists
//! twice, as `r2` and `r2b`, and hop 1 and hop 3 hash flows over both (layer-4 hash). With
//! `network.routers = 0` the target is the prober's neighbour; with `network.loopback` the prober
//! probes 127.0.0.1 / ::1 and is its own target.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

/// One file of `tests/scenarios`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The file's stem; filled in by [`read_all`].
    #[serde(skip)]
    pub name: String,
    /// What is the case, as one sentence.
    pub about: String,
    /// Families it runs in; both unless stated.
    #[serde(default = "both_families")]
    pub families: Vec<FamilyName>,
    /// Executors that can stage it; both unless stated, with the reason in `about`.
    #[serde(default = "both_executors")]
    pub executors: Vec<Executor>,
    /// The network.
    #[serde(default)]
    pub network: Network,
    /// The target host.
    #[serde(default)]
    pub host: Host,
    /// Packet filter rules, in the order they are loaded.
    #[serde(default)]
    pub rule: Vec<Rule>,
    /// Where packets are lost by chance.
    #[serde(default)]
    pub loss: Vec<Loss>,
    /// What shells do at the nodes, in file order, once everything else stands. The simulator has no
    /// shell: such a scenario says `executors = ["lab"]`.
    #[serde(default)]
    pub shell: Vec<Shell>,
    /// Extra arguments of `synquest probe` (the simulator maps the few it knows: `--control-port N`,
    /// `--quick`, `--no-mtu`).
    #[serde(default)]
    pub arguments: Vec<String>,
    /// What an honest diagnosis may say.
    pub expect: Expect,
}

/// The network between prober and target.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// Routers in the chain, 0 to 6.
    pub routers: u8,
    /// Hop that exists twice (`rK` and `rKb`), flows hashed over both by layer-4 tuple.
    pub ecmp: Option<u8>,
    /// Whether a layer-2 bridge stands between the last router (or the prober) and the target.
    pub bridge: bool,
    /// Probe 127.0.0.1 / ::1 instead.
    pub loopback: bool,
    /// Routers that never send ICMP errors.
    pub silent: Vec<String>,
    /// Nodes that send as many ICMP errors as there is cause for. All others keep the kernel's
    /// limits: one a second to each destination after a burst of 6 (IPv6: ten), and 1000 a second
    /// in all after a burst of 50.
    pub icmp_unlimited: Vec<String>,
    /// Nodes that zero the DSCP of what they forward (both directions).
    pub bleach: Vec<String>,
    /// Nodes with connection tracking (and so defragmentation) on although no rule asks for it.
    pub conntrack: Vec<String>,
    /// Routers that translate the prober's source address (masquerade) towards the target.
    pub snat: Vec<String>,
    /// Router whose own address the prober probes, translated to the target, all TCP to the
    /// database port.
    pub dnat: Option<String>,
    /// Whether the answers pass that translation by: nothing translates them back.
    pub dnat_one_way: bool,
    /// Routers that rewrite the window of the TCP segments that the target's database port sends, and
    /// leave the checksum as it was. The target computes its checksums itself, as on a wire.
    pub mangles: Vec<String>,
    /// Links with a smaller MTU than 1500, named by their two ends: `"r2-r3" = 1400`.
    pub mtu: BTreeMap<String, u16>,
    /// Routers that do not send "fragmentation needed" / "packet too big".
    pub no_too_big: Vec<String>,
    /// What a router's route to the target is, where it is not an ordinary one.
    pub route: BTreeMap<String, RouteKind>,
    /// Nodes that are not there: `target` (neighbour resolution fails at the last router, or here
    /// when on-link), `r1` (dead gateway).
    pub down: Vec<String>,
    /// Strict reverse-path filter on the prober with a route back that fails it.
    pub prober_rp_filter_fails: bool,
    /// SYN proxies (nodes that answer SYNs to the database port themselves).
    pub syn_proxy: Vec<SynProxy>,
    /// TTL that a node's own datagrams leave with, where it is not Linux's 64.
    pub ttl: BTreeMap<String, u8>,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            routers: 3,
            ecmp: None,
            bridge: false,
            loopback: false,
            silent: Vec::new(),
            icmp_unlimited: Vec::new(),
            bleach: Vec::new(),
            conntrack: Vec::new(),
            snat: Vec::new(),
            dnat: None,
            dnat_one_way: false,
            mangles: Vec::new(),
            mtu: BTreeMap::new(),
            no_too_big: Vec::new(),
            route: BTreeMap::new(),
            down: Vec::new(),
            prober_rp_filter_fails: false,
            syn_proxy: Vec::new(),
            ttl: BTreeMap::new(),
        }
    }
}

impl Network {
    /// Whether a node's ICMP errors are not limited. `SYNQUEST_UNLIMITED` lifts every node's limits,
    /// to tell what they do to a verdict from what else does.
    pub fn is_unlimited(&self, node: &str) -> bool {
        self.icmp_unlimited.iter().any(|name| name == node)
            || std::env::var_os("SYNQUEST_UNLIMITED").is_some()
    }
}

/// A SYN proxy, as netfilter's SYNPROXY.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SynProxy {
    /// The node.
    pub at: String,
    /// Ports it answers for; the database port unless stated. `"any"` is all.
    #[serde(default)]
    pub ports: Ports,
}

/// Kinds of route that lead nowhere.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum RouteKind {
    /// No route at all.
    None,
    /// `ip route add unreachable`.
    Unreachable,
    /// `ip route add prohibit`.
    Prohibit,
    /// `ip route add blackhole`.
    Blackhole,
}

/// The target host.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Host {
    /// TCP ports with a listener; the database port is 3306.
    pub listen: Vec<u16>,
    /// Whether the database port's accept queue is full (needs 3306 in `listen`).
    pub overloaded: bool,
}

impl Default for Host {
    fn default() -> Self {
        Self {
            listen: vec![3306],
            overloaded: false,
        }
    }
}

/// One packet filter rule (or a chain policy).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The node.
    pub at: String,
    /// What loads it.
    #[serde(default)]
    pub tool: Tool,
    /// iptables table (`raw`, `mangle`, `filter`); for nft always a table of its own.
    #[serde(default = "filter")]
    pub table: String,
    /// `prerouting`, `input`, `forward`, `output`, `postrouting`; nft on a bridge: family bridge.
    pub hook: String,
    /// nft priority; `filter` (0) unless stated.
    #[serde(default)]
    pub priority: i32,
    /// Protocol it matches.
    #[serde(default)]
    pub proto: Proto,
    /// Which way the packets go: `forward` (prober to target) or `return`; told apart by address.
    #[serde(default)]
    pub direction: Direction,
    /// Destination ports; the database port unless stated. On the way back these are the
    /// prober's ports: state them, or `"any"`.
    #[serde(default)]
    pub ports: Ports,
    /// Source ports; any unless stated.
    #[serde(default = "any_ports")]
    pub source_ports: Ports,
    /// Only SYNs without ACK (iptables `--syn`).
    #[serde(default)]
    pub syn_only: bool,
    /// Only datagrams longer than this many octets, IP header included (iptables `length`).
    #[serde(default)]
    pub longer_than: Option<u16>,
    /// Conntrack states it matches (`new`, `established`, `invalid`), any when empty.
    #[serde(default)]
    pub state: Vec<String>,
    /// Matches only up to this rate; packets above do not match (iptables `limit`).
    #[serde(default)]
    pub limit: Option<Limit>,
    /// Matches a source only once it has sent more than this many SYNs to the port (iptables
    /// `recent --update --hitcount`, 300 s): a ban that our own knocking prolongs.
    #[serde(default)]
    pub after_hits: Option<u32>,
    /// Every packet in this chain that no rule matched: makes it the chain's policy, and all match
    /// keys but `direction` must be absent (nft: `policy drop`; iptables: `-P`).
    #[serde(default)]
    pub policy: bool,
    /// What happens to a match.
    pub action: Action,
    /// How it rejects, in the words of the contract's `method`; `icmp…` words are given in their
    /// v4 form and mapped for v6 (see `Rule::reject_word`).
    #[serde(default)]
    pub with: Option<String>,
    /// Whether the packet goes on all the same, besides what `action` does with it: a device that
    /// forges an answer beside the flow, or one that doubles packets (nft on routers only).
    #[serde(default)]
    pub copy: bool,
    /// Whether this rule is the ground truth: the lab checks that its counter moved.
    #[serde(default)]
    pub truth: bool,
}

/// A token bucket.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Packets a second (whole) …
    pub per_second: u32,
    /// … after a burst of this many.
    pub burst: u32,
}

/// Where packets are lost by chance.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Loss {
    /// The router that loses them (in FORWARD; the lab in `raw PREROUTING` or nft).
    pub at: String,
    /// Direction, both unless stated.
    #[serde(default = "both_ways")]
    pub direction: Direction,
    /// Fraction lost, 0 to 1.
    pub rate: f64,
    /// Mean length of a loss burst in milliseconds; independent losses when absent
    /// (simulator only: the lab runs bursts only where `executors` says so).
    #[serde(default)]
    pub burst_ms: Option<u32>,
}

/// A shell command in a node's network namespace, for what the other keys cannot say.
///
/// `sh` finds `$ADDRESS` (what the prober probes), `$TARGET` (the target's own address), `$PROBER`
/// (the prober's), and the family as `$FAMILY` (`4`, `6`), `$IP` (`ip`, `ip6`: nft's word) and
/// `$IPTABLES` (`iptables`, `ip6tables`). Interfaces are named as in `lab/plan.rs`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shell {
    /// The node.
    pub at: String,
    /// The command line; when it fails, so does the trial.
    pub run: String,
    /// Whether it runs beside the prober, and is killed with all its children at the end.
    #[serde(default)]
    pub background: bool,
}

/// What loads a rule.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Tool {
    /// iptables / ip6tables (nf_tables back end).
    #[default]
    Iptables,
    /// nft, family ip/ip6 on hosts and routers, family bridge on the bridge.
    Nft,
    /// iptables FORWARD with br_netfilter on the bridge (a stateful security group).
    BrNetfilter,
}

/// The protocol a rule matches.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Proto {
    /// TCP.
    #[default]
    Tcp,
    /// ICMP or ICMPv6 (never neighbour discovery).
    Icmp,
    /// Everything but neighbour discovery.
    Any,
}

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Prober to target.
    #[default]
    Forward,
    /// Target to prober.
    Return,
    /// Both.
    Both,
}

/// A set of ports.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(untagged)]
pub enum Ports {
    /// The database port, 3306.
    #[default]
    Database,
    /// `"any"`, or a range `"1024-65535"`.
    Range(String),
    /// These.
    List(Vec<u16>),
}

/// What happens to a packet that matches.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Discarded.
    Drop,
    /// Refused with `with`.
    Reject,
    /// Let through.
    Accept,
}

/// What an honest diagnosis may say.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The truth, in the contract's words; more than one only where the words overlap.
    pub cause: Vec<String>,
    /// Weaker answers that are also honest: cause → greatest confidence it may carry.
    #[serde(default)]
    pub tolerate: BTreeMap<String, String>,
    /// Least confidence of a right answer.
    #[serde(default = "possible")]
    pub least: String,
    /// Greatest confidence of a right answer.
    #[serde(default = "proven")]
    pub greatest: String,
    /// `method` of a right answer, v4 word (mapped for v6).
    pub method: Option<String>,
    /// `place.kind` of a right answer.
    pub place: Option<String>,
    /// TTL of `place.at_hop`.
    pub at_hop: Option<u8>,
    /// TTL of `place.after_hop`.
    pub after_hop: Option<u8>,
    /// TTL of `place.before_hop`.
    pub before_hop: Option<u8>,
    /// `place.way` of a right answer.
    pub way: Option<String>,
    /// Rivals that a right answer must name as ruled out …
    #[serde(default)]
    pub excluded: Vec<String>,
    /// … and those that it must name as not ruled out.
    #[serde(default)]
    pub not_excluded: Vec<String>,
    /// Whether the prober's host rewrites or answers probes itself, so that no packet shows what the
    /// notes of its capture tell, and explaining it says so.
    #[serde(default)]
    pub unseen: bool,
    /// Most probes it may send.
    pub probes: Option<u32>,
    /// Most seconds it may take.
    pub seconds: Option<u32>,
    /// Chance, by the scenario's own nature, that a seed of the simulator shows another truth
    /// (random loss): at most this fraction of seeds may end undecided. Never allows a wrong
    /// cause at `confirmed` or `proven`.
    #[serde(default)]
    pub undecided: f64,
}

/// IP versions by name.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
pub enum FamilyName {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// The two executors.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Executor {
    /// Virtual time, virtual devices.
    Simulator,
    /// Network namespaces, real rules.
    Lab,
}

fn both_families() -> Vec<FamilyName> {
    vec![FamilyName::V4, FamilyName::V6]
}

fn both_executors() -> Vec<Executor> {
    vec![Executor::Simulator, Executor::Lab]
}

fn filter() -> String {
    "filter".into()
}

fn any_ports() -> Ports {
    Ports::Range("any".into())
}

fn both_ways() -> Direction {
    Direction::Both
}

fn possible() -> String {
    "possible".into()
}

fn proven() -> String {
    "proven".into()
}

impl Ports {
    /// Whether the set holds `port`.
    pub fn holds(&self, port: u16) -> bool {
        match self {
            Self::Database => port == 3306,
            Self::List(list) => list.contains(&port),
            Self::Range(text) => match text.split_once('-') {
                Some((low, high)) => {
                    let bound =
                        |text: &str| text.parse::<u16>().expect("a port range in a scenario");
                    (bound(low)..=bound(high)).contains(&port)
                }
                None => text == "any",
            },
        }
    }
}

/// The contract's word for a rejection method in `family`, from the v4 word of the scenario.
pub fn method_in(family: FamilyName, word: &str) -> &str {
    match (family, word) {
        (FamilyName::V4, word) | (FamilyName::V6, word @ "tcp-reset") => word,
        (FamilyName::V6, "icmp-net-unreachable") => "icmp6-no-route",
        (FamilyName::V6, "icmp-host-unreachable") => "icmp6-addr-unreachable",
        (FamilyName::V6, "icmp-port-unreachable") => "icmp6-port-unreachable",
        (
            FamilyName::V6,
            "icmp-host-prohibited" | "icmp-net-prohibited" | "icmp-admin-prohibited",
        ) => "icmp6-adm-prohibited",
        (FamilyName::V6, word) => word,
    }
}

/// Every scenario, by name.
pub fn read_all() -> Vec<Scenario> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut scenarios: Vec<Scenario> = std::fs::read_dir(&folder)
        .expect("tests/scenarios is readable")
        .map(|entry| entry.expect("a folder entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("a scenario is readable");
            let mut scenario: Scenario =
                toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            scenario.name = path
                .file_stem()
                .expect("a file name")
                .to_string_lossy()
                .into_owned();
            assert!(
                scenario.shell.is_empty() || scenario.executors == [Executor::Lab],
                "{}: only the lab has shells",
                scenario.name
            );
            scenario
        })
        .collect();
    scenarios.sort_by(|a, b| a.name.cmp(&b.name));
    scenarios
}
