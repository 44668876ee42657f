//! What the other side should run: to see our packets where they arrive or vanish, the rule that
//! decides over them, and the counters that move with them.

use std::net::IpAddr;

use super::catalogue::{self, counters};
use super::cause_text;
use super::flows::{Flows, Step, Steps};
use super::place::{self, hop_phrase};
use super::record::{PlaceRecord, Record};
use super::words::counted;
use crate::model::probe::Kind;
use crate::model::response::ProbeOutcome;
use crate::model::verdict::{Cause, PlaceKind};

/// The table that traces our packets, and that is deleted afterwards.
const TABLE: &str = "synquest_trace";

/// What the section is called.
pub(super) fn title(record: &Record) -> &'static str {
    if Site::of(record).is_here() {
        "What to run where the test ran"
    } else {
        "What the other side should run"
    }
}

/// What to run, and where.
pub(super) fn steps(record: &Record) -> Vec<Steps> {
    let flows = Flows::of(record);
    let site = Site::of(record);
    let mut steps = match (&site, record.verdict.cause.known()) {
        (Site::Sending, Some(Cause::NoNeighbor)) => neighbour(record, &flows),
        (Site::Sending, Some(Cause::NoRoute)) => vec![route(&flows)],
        _ => vec![
            watch(record, &flows, &site),
            trace(&flows, &site),
            rule_counters(&flows),
        ],
    };
    steps.extend(kernel(record, &flows));
    let listening = Step::new(
        format!(
            "Whether something listens on port {}, and on which address. Recv-Q at or above Send-Q \
             is a full queue.",
            flows.port
        ),
        vec![format!("ss -ltn 'sport = :{}'", flows.port)],
    );
    if site == Site::Target {
        steps.push(listening.clone());
    }
    let mut places = vec![Steps {
        place: site.words(record),
        steps,
    }];
    if let Site::Device(_) = site {
        places.push(Steps {
            place: format!("the target host {}", flows.target),
            steps: vec![listening],
        });
    }
    places
}

/// Where the cause is to be looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Site {
    /// The host that ran the test, on what it sends or on what it receives.
    Sending,
    Receiving,
    /// Devices on the path, in words.
    Device(String),
    /// The target host.
    Target,
}

impl Site {
    fn of(record: &Record) -> Self {
        let verdict = &record.verdict;
        match verdict.place.kind.known() {
            Some(PlaceKind::Local) if verdict.cause == Cause::LocalIngress => Self::Receiving,
            Some(PlaceKind::Local) => Self::Sending,
            Some(PlaceKind::Path) => Self::Device(suspects(&verdict.place)),
            Some(PlaceKind::Edge | PlaceKind::Host | PlaceKind::Unknown) | None => Self::Target,
        }
    }

    fn words(&self, record: &Record) -> String {
        let target = record.endpoint.address;
        match self {
            Self::Sending | Self::Receiving => cause_text::here(record),
            Self::Device(place) => format!("{place}, and on the target host {target}"),
            Self::Target => format!("the target host {target}"),
        }
    }

    const fn is_here(&self) -> bool {
        matches!(self, Self::Sending | Self::Receiving)
    }
}

/// The devices that may have done it. A hop that reports a packet's TTL has not forwarded it yet, so
/// its own filter is among them.
fn suspects(place: &PlaceRecord) -> String {
    match (place.at_hop, place.after_hop, place.before_hop) {
        (None, Some(after), Some(before)) => format!(
            "{} as it forwards, whatever stands behind it, {} as it receives",
            hop_phrase(after),
            hop_phrase(before)
        ),
        (None, Some(after), None) => {
            format!(
                "{} as it forwards, whatever stands behind it",
                hop_phrase(after)
            )
        }
        _ => format!(
            "the device {}",
            place::phrase(place).map_or("on the path".to_owned(), |phrase| phrase)
        ),
    }
}

/// The capture of exactly our flows.
fn watch(record: &Record, flows: &Flows, site: &Site) -> Step {
    let sent = record.evidence.iter().filter(|entry| {
        entry.probe == Kind::Syn
            && entry.target_port == Some(flows.port)
            && entry.ttl == 64
            && entry.outcome != ProbeOutcome::Refused
    });
    let sent = u64::try_from(sent.count()).unwrap_or(u64::MAX);
    if site.is_here() {
        return Step::new(
            "Exactly our packets, their answers and the ICMP errors about them, as they cross the \
             interface: run it while the test runs again.",
            vec![format!("sudo tcpdump -n -i any '{}'", filter(flows))],
        );
    }
    let mut text = format!(
        "Exactly our packets, their answers and the ICMP errors about them; with -r FILE instead of \
         -i any, from a capture that you already have. We sent {} to port {} that could reach it. \
         Where they do not arrive, something before that point discards them; where they arrive and \
         no answer leaves, look at that machine; where an answer leaves, look at the way back.",
        counted(sent, "SYN", "SYNs"),
        flows.port
    );
    let mut commands = vec![format!("sudo tcpdump -n -i any '{}'", filter(flows))];
    if flows.translated {
        text.push_str(
            " An address translation stands between us: behind it our address and source ports are \
             others. There use the second command.",
        );
        commands.push(format!(
            "sudo tcpdump -n -i any 'host {} and tcp port {}'",
            flows.target, flows.port
        ));
    }
    Step::new(text, commands)
}

/// A filter of `tcpdump` for our flows, and for the ICMP errors that quote a packet to the target.
fn filter(flows: &Flows) -> String {
    let ports = |side: &[u16]| {
        let ports: Vec<String> = side.iter().map(u16::to_string).collect();
        ports.join(" or ")
    };
    let ours: Vec<u16> = flows.source_ports.iter().copied().collect();
    let mut theirs = vec![flows.port];
    theirs.extend(&flows.control_ports);
    let mut kinds = Vec::new();
    if ours.is_empty() {
        kinds.push(format!("tcp port {}", flows.port));
    } else {
        kinds.push(format!(
            "(tcp port ({}) and tcp port ({}))",
            ports(&theirs),
            ports(&ours)
        ));
    }
    if flows.echo {
        kinds.push(if flows.is_v6() {
            "icmp6[icmp6type] = icmp6-echo or icmp6[icmp6type] = icmp6-echoreply".to_owned()
        } else {
            "icmp[icmptype] = icmp-echo or icmp[icmptype] = icmp-echoreply".to_owned()
        });
    }
    if flows.fragments {
        kinds.push(if flows.is_v6() {
            // Next header 44: a fragment, whose ports this filter cannot read.
            "ip6[6] = 44".to_owned()
        } else {
            "ip[6:2] & 0x3fff != 0".to_owned()
        });
    }
    format!(
        "(host {} and host {} and ({})) or ({})",
        flows.source,
        flows.target,
        kinds.join(" or "),
        errors(flows)
    )
}

/// ICMP errors that quote a packet of ours: an ICMP header is 8 octets long, and the addresses stand
/// 12 and 16 octets into a quoted IPv4 header, 8 and 24 into a quoted IPv6 one. Behind an address
/// translation only the target's is known.
fn errors(flows: &Flows) -> String {
    let mut parts = match flows.target {
        IpAddr::V4(_) => {
            vec!["(icmp[icmptype] = icmp-unreach or icmp[icmptype] = icmp-timxceed)".to_owned()]
        }
        // Types 1 to 4 are the errors (RFC 4443 section 2.1).
        IpAddr::V6(_) => vec!["icmp6[icmp6type] <= 4".to_owned()],
    };
    let mut quotes = |address: IpAddr, v4: u8, v6: u8| match address {
        IpAddr::V4(address) => {
            parts.push(format!("icmp[{v4}:4] = {:#010x}", u32::from(address)));
        }
        IpAddr::V6(address) => {
            let bits = u128::from(address);
            parts.extend([(0, 96), (4, 64), (8, 32), (12, 0)].map(|(octet, shift)| {
                let word = (bits >> shift) & 0xffff_ffff;
                format!("icmp6[{}:4] = {word:#010x}", v6.saturating_add(octet))
            }));
        }
    };
    if !flows.translated {
        quotes(flows.source, 20, 16);
    }
    quotes(flows.target, 24, 32);
    parts.join(" and ")
}

/// Who asks for the next hop's hardware address, and who answers.
fn neighbour(record: &Record, flows: &Flows) -> Vec<Step> {
    let next = record.local.gateway.unwrap_or(flows.target);
    let (ip, filter) = if flows.is_v6() {
        let kinds = "icmp6[icmp6type] = icmp6-neighborsolicit or icmp6[icmp6type] = \
                     icmp6-neighboradvert";
        ("ip -6", kinds.to_owned())
    } else {
        ("ip", format!("arp host {next}"))
    };
    vec![
        Step::new(
            format!(
                "Whether anybody answers the question for the hardware address of {next}: questions \
                 without answers mean that no host on this link has that address. Run it while the \
                 test runs again."
            ),
            vec![format!(
                "sudo tcpdump -n{} '{filter}'",
                flows.by_interface("-i")
            )],
        ),
        Step::new(
            "What this host's kernel knows of it, and why it looks for it on this link.",
            vec![
                format!("{ip} neigh show {next}"),
                format!("{ip} route get {}", flows.target),
                format!("{ip} addr show{}", flows.by_interface("dev")),
            ],
        ),
    ]
}

fn route(flows: &Flows) -> Step {
    let ip = if flows.is_v6() { "ip -6" } else { "ip" };
    Step::new(
        "Which route, or routing rule, this host finds for the target.",
        vec![
            format!("{ip} route get {}", flows.target),
            format!("{ip} rule"),
        ],
    )
}

/// The rules that decide over our packets, one by one.
fn trace(flows: &Flows, site: &Site) -> Step {
    let ip = if flows.is_v6() { "ip6" } else { "ip" };
    let hook = if *site == Site::Sending {
        "output"
    } else {
        "prerouting"
    };
    // Behind an address translation the source is not ours.
    let from = |address: IpAddr| {
        if flows.translated && !site.is_here() {
            String::new()
        } else {
            format!("{ip} saddr {address} ")
        }
    };
    let flow = if *site == Site::Receiving {
        format!(
            "{ip} saddr {} {ip} daddr {} tcp sport {}",
            flows.target, flows.source, flows.port
        )
    } else {
        format!(
            "{}{ip} daddr {} tcp dport {}",
            from(flows.source),
            flows.target,
            flows.port
        )
    };
    // Before connection tracking (-200) and the raw table (-300), whose rules count too.
    let commands = vec![
        format!("sudo nft add table inet {TABLE}"),
        format!(
            "sudo nft 'add chain inet {TABLE} {hook} {{ type filter hook {hook} priority -350; }}'"
        ),
        format!("sudo nft add rule inet {TABLE} {hook} {flow} meta nftrace set 1"),
        "sudo nft monitor trace".to_owned(),
        format!("sudo nft delete table inet {TABLE}"),
    ];
    Step::new(
        "The rule that decides, by name (Linux firewalls in nftables, also those made by iptables-nft): \
         mark our packets, test again while the fourth command runs, read the verdict in its last \
         lines, stop it, delete the mark.",
        commands,
    )
}

fn rule_counters(flows: &Flows) -> Step {
    let iptables = if flows.is_v6() {
        "ip6tables"
    } else {
        "iptables"
    };
    let commands = ["raw", "mangle", "filter"]
        .map(|table| format!("sudo {iptables} -t {table} -L -v -n -x --line-numbers"));
    Step::new(
        "The counters of every rule, before and after another test: the rule whose packets grew with \
         it is the one.",
        commands.to_vec(),
    )
}

/// The kernel's counters that move with this cause.
fn kernel(record: &Record, flows: &Flows) -> Option<Step> {
    let [v4, v6] =
        catalogue::of(&record.verdict.cause).map_or(counters::HOW_FAR, |row| row.counters);
    let names = if flows.is_v6() { v6 } else { v4 };
    if names.is_empty() {
        return None;
    }
    Some(Step::new(
        "The kernel's own counters, before and after another test: those that grow with it tell how \
         far our packets get.",
        vec![format!("nstat -az {}", names.join(" "))],
    ))
}
