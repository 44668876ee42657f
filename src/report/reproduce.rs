//! The same measurement with tools that everybody has: `nmap`, `hping3`, `traceroute`, `ping`.
//!
//! Commands use the source port and interface of our own probes, so that the same rules and the
//! same of several paths apply to them. `hping3` speaks IPv4 only; in its place stands `nmap`, whose
//! packet trace shows the same. (`nping` sends over IPv6 but does not see the answers.)

use super::catalogue::{self, Scan};
use super::entry::EvidenceEntry;
use super::flows::{Flows, Step};
use super::record::Record;
use crate::model::response::ProbeOutcome;
use crate::model::verdict::State;

/// How to see the same without this program, from the host that ran it.
pub(super) fn steps(record: &Record) -> Vec<Step> {
    let flows = Flows::of(record);
    let mut steps = vec![scan(record, &flows)];
    steps.extend(syns(&flows));
    steps.push(Step::new(
        "A traceroute of SYNs to the very port: the last hop it shows is the last that sees them.",
        vec![trace(record, &flows, flows.port)],
    ));
    steps.extend(limited(record, &flows));
    if let Some(control) = flows.answering_control {
        steps.push(Step::new(
            format!(
                "The same trace to port {control}, which was answered: where the two part, packets \
                 to port {} are treated differently.",
                flows.port
            ),
            vec![trace(record, &flows, control)],
        ));
    }
    if let Some(row) = catalogue::of(&record.verdict.cause) {
        steps.extend((row.reproduce)(record, &flows));
    }
    steps
}

/// `nmap` up to its ports. Without `--send-ip` it would write Ethernet frames past this host's own
/// firewall and neighbour table.
fn nmap(flows: &Flows, source_port: Option<u16>) -> String {
    format!(
        "sudo nmap{} -Pn -n -sS --send-ip --reason --packet-trace{}{}",
        if flows.is_v6() { " -6" } else { "" },
        flows.by_interface("-e"),
        Flows::option("-g ", source_port),
    )
}

/// `hping3` up to the target.
fn hping(flows: &Flows, source_port: Option<u16>) -> String {
    let keep = if source_port.is_some() { " -k" } else { "" };
    format!(
        "sudo hping3 -n -S{} -p {}{}{keep}",
        flows.by_interface("-I"),
        flows.port,
        Flows::option("-s ", source_port),
    )
}

/// `nmap` of the port, and of a control port that answered.
fn scan(record: &Record, flows: &Flows) -> Step {
    let port = flows.port;
    let control = flows
        .answering_control
        .map_or(String::new(), |control| format!(",{control}"));
    let mut text = "A SYN scan from our source port. ".to_owned();
    let state = &record.verdict.state;
    let row = catalogue::of(&record.verdict.cause);
    let expected = match (row.map_or(Scan::State, |row| row.scan), state.known()) {
        (Scan::Varies, _) => "Its answer may differ from run to run.".to_owned(),
        (Scan::Stopped, _) => {
            "The kernel should refuse its packets (Operation not permitted).".to_owned()
        }
        (Scan::State, Some(State::Open | State::Closed)) => {
            format!("It should call port {port} {state}.")
        }
        (Scan::State, _) => {
            format!("It should call port {port} filtered, and say for what reason.")
        }
    };
    text.push_str(&expected);
    let scan = nmap(flows, flows.source_port);
    Step::new(
        text,
        vec![format!("{scan} -p {port}{control} {}", flows.target)],
    )
}

fn syns(flows: &Flows) -> Option<Step> {
    if flows.is_v6() {
        return None;
    }
    Some(Step::new(
        "Single SYNs, one a second: flags=SA is an open port, flags=RA a refusal, nothing is \
         silence.",
        vec![format!(
            "{} -c 5 {}",
            hping(flows, flows.source_port),
            flows.target
        )],
    ))
}

fn trace(record: &Record, flows: &Flows, port: u16) -> String {
    // Two hops more than the path has show that nothing answers behind it.
    let last = record.path.last().map_or(8, |hop| hop.ttl);
    format!(
        "sudo traceroute{} -n -T -p {port}{}{}{} -q 2 -w 2 -m {} {}",
        if flows.is_v6() { " -6" } else { "" },
        Flows::option("--sport=", flows.source_port),
        flows.by_interface("-i"),
        flows.by_source("-s"),
        last.saturating_add(2).min(30),
        flows.target,
    )
}

/// SYNs that expire on the two sides of the place, where it lies between two hops.
fn limited(record: &Record, flows: &Flows) -> Option<Step> {
    let place = &record.verdict.place;
    let after = place.after_hop.or(place.at_hop)?.ttl;
    let before = place
        .before_hop
        .map_or(after.saturating_add(1), |hop| hop.ttl);
    let port = flows.source_port;
    let command = |ttl: u8| {
        if flows.is_v6() {
            let (scan, to) = (nmap(flows, port), flows.port);
            format!("{scan} --ttl {ttl} -p {to} {}", flows.target)
        } else {
            format!("{} -t {ttl} -c 3 {}", hping(flows, port), flows.target)
        }
    };
    let mut text = format!(
        "SYNs that expire on hop {after} and on hop {before}: the place of the verdict lies where \
         the two results part."
    );
    if flows.is_v6() {
        text.push_str(
            " hping3 cannot speak IPv6; in the trace of nmap, type=3 is an expired SYN reported.",
        );
    }
    Some(Step::new(text, vec![command(after), command(before)]))
}

/// Packets of the largest size that the target answered and of the smallest that it did not.
pub(super) fn sizes(record: &Record, flows: &Flows) -> Option<Step> {
    let padded = |wanted: fn(&EvidenceEntry, &Flows) -> bool| {
        let full = record.evidence.iter().filter(|entry| entry.ttl == 64);
        full.filter(move |entry| wanted(entry, flows))
            .filter_map(|entry| entry.details.size)
    };
    let large = padded(|entry, _| entry.outcome == ProbeOutcome::Silent).min()?;
    let small = padded(|entry, flows| entry.from == Some(flows.target))
        .filter(|size| *size < large)
        .max();
    // What ping counts is without the headers of IP and ICMP.
    let (version, headers) = if flows.is_v6() { (6, 48) } else { (4, 28) };
    let command = |size: u16| {
        format!(
            "ping -{version} -n -c 3 -M do -s {}{} {}",
            size.saturating_sub(headers),
            flows.by_interface("-I"),
            flows.target
        )
    };
    Some(Step::new(
        "Packets that may not be fragmented, of a size that passes and of one that does not. An \
         error message instead of silence would be a healthy network.",
        small.into_iter().chain([large]).map(command).collect(),
    ))
}

/// SYNs from the source ports that were always answered and from those that never were.
pub(super) fn by_source_port(record: &Record, flows: &Flows) -> Option<Step> {
    let ports = |wanted: fn(&EvidenceEntry, &Flows) -> bool| {
        let full = record.evidence.iter().filter(|entry| {
            entry.ttl == 64 && entry.target_port == Some(flows.port) && entry.details.size.is_none()
        });
        let mut ports: Vec<u16> = full
            .filter(|entry| wanted(entry, flows))
            .filter_map(|entry| entry.details.source_port)
            .collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    };
    let answered = ports(|entry, flows| entry.from == Some(flows.target));
    let silent = ports(|entry, _| entry.outcome == ProbeOutcome::Silent);
    let only = |one: &[u16], other: &[u16]| -> Vec<String> {
        let kept = one.iter().filter(|port| !other.contains(port));
        kept.map(u16::to_string).collect()
    };
    let (answered, silent) = (only(&answered, &silent), only(&silent, &answered));
    if answered.is_empty() || silent.is_empty() {
        return None;
    }
    let round = |ports: Vec<String>| {
        let (ports, target) = (ports.join(" "), flows.target);
        if flows.is_v6() {
            let (scan, to) = (nmap(flows, None), flows.port);
            format!("for port in {ports}; do {scan} -g $port -p {to} {target}; done")
        } else {
            let syns = hping(flows, None);
            format!("for port in {ports}; do {syns} -k -s $port -c 3 {target}; done")
        }
    };
    Some(Step::new(
        "SYNs from the source ports that were always answered, then from those that never were.",
        vec![round(answered), round(silent)],
    ))
}

/// Nothing.
pub(super) const fn nothing(_: &Record, _: &Flows) -> Option<Step> {
    None
}

pub(super) fn burst(_: &Record, flows: &Flows) -> Option<Step> {
    let command = if flows.is_v6() {
        let (scan, to) = (nmap(flows, None), flows.port);
        format!(
            "for n in $(seq 50); do {scan} --max-retries 0 -p {to} {}; done",
            flows.target
        )
    } else {
        format!("{} -i u100000 -c 50 {}", hping(flows, None), flows.target)
    };
    Some(Step::new(
        "Fifty SYNs in quick succession: the answers should stop on the way. This may prolong a \
         ban.",
        vec![command],
    ))
}

pub(super) fn from_below_1024(_: &Record, flows: &Flows) -> Option<Step> {
    let port = flows.privileged_port?;
    let command = if flows.is_v6() {
        let (scan, to) = (nmap(flows, Some(port)), flows.port);
        format!("{scan} -p {to} {}", flows.target)
    } else {
        format!("{} -c 3 {}", hping(flows, Some(port)), flows.target)
    };
    Some(Step::new(
        "SYNs from a source port below 1024: where they are answered, a rule on the way back knows \
         the client ports.",
        vec![command],
    ))
}
