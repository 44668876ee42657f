//! The same measurement with tools that everybody has: `nmap`, `hping3`, `traceroute`, `ping`.
//!
//! Commands use the source port and interface of our own probes, so that the same rules and the
//! same of several paths apply to them. `hping3` speaks IPv4 only; what it would do is then done
//! with `nmap` and `nping`, which set the hop limit but keep no fixed identity.

use super::flows::{Flows, Step};
use super::record::Record;

/// How to see the same without this program, from the host that ran it.
pub(super) fn steps(record: &Record) -> Vec<Step> {
    let flows = Flows::of(record);
    let mut steps = vec![scan(record, &flows), syn(&flows), trace(record, &flows)];
    steps.extend(limited(record, &flows));
    if let Some(control) = flows.answering_control {
        steps.push(Step::new(
            format!("The same trace to port {control}, which was answered: where the two part, packets to port {} are treated differently.", flows.port),
            vec![trace_to(record, &flows, control)],
        ));
    }
    match record.verdict.cause.as_str() {
        "mtu-black-hole" => steps.extend(sizes(record, &flows)),
        "intermittent" => steps.extend(by_source_port(record, &flows)),
        "rate-limited" | "banned" => steps.push(burst(&flows)),
        "drop-return" => steps.extend(from_below_1024(&flows)),
        _ => {}
    }
    steps
}

/// `nmap` of the port, and of the control port that answered.
fn scan(record: &Record, flows: &Flows) -> Step {
    let control = flows
        .answering_control
        .map_or(String::new(), |port| format!(",{port}"));
    let text = match (record.verdict.state.as_str(), record.verdict.cause.as_str()) {
        (_, "intermittent" | "rate-limited" | "banned") => {
            "A SYN scan from our source port. Its answer may differ from run to run.".to_owned()
        }
        (state @ ("open" | "closed"), _) => format!(
            "A SYN scan from our source port. It should call port {} {state}.",
            flows.port
        ),
        (_, "local-egress") => {
            "A SYN scan from our source port. The kernel should refuse its packets (sendto: \
             Operation not permitted)."
                .to_owned()
        }
        _ => format!(
            "A SYN scan from our source port. It should call port {} filtered, and --reason says \
             by what.",
            flows.port
        ),
    };
    Step::new(
        text,
        vec![format!(
            "{} -p {}{control} {}",
            nmap(flows),
            flows.port,
            flows.target
        )],
    )
}

/// `nmap` up to its ports. Without `--send-ip` it would write Ethernet frames past this host's own
/// firewall and neighbour table.
fn nmap(flows: &Flows) -> String {
    format!(
        "sudo nmap{} -Pn -n -sS --send-ip --reason --packet-trace -e {}{}",
        if flows.is_v6() { " -6" } else { "" },
        flows.interface,
        Flows::option("-g ", flows.source_port),
    )
}

fn hping(flows: &Flows, source_port: Option<u16>) -> String {
    let keep = if source_port.is_some() { " -k" } else { "" };
    format!(
        "sudo hping3 -n -S -I {} -p {}{}{keep}",
        flows.interface,
        flows.port,
        Flows::option("-s ", source_port),
    )
}

fn nping(flows: &Flows, source_port: Option<u16>) -> String {
    format!(
        "sudo nping{} --tcp --flags syn -e {} -p {}{}",
        if flows.is_v6() { " -6" } else { "" },
        flows.interface,
        flows.port,
        Flows::option("-g ", source_port),
    )
}

fn syn(flows: &Flows) -> Step {
    if flows.is_v6() {
        return Step::new(
            "Single SYNs, one a second. hping3 cannot speak IPv6; nping comes with nmap.",
            vec![format!(
                "{} -c 5 {}",
                nping(flows, flows.source_port),
                flows.target
            )],
        );
    }
    Step::new(
        "Single SYNs, one a second: flags=SA is an open port, flags=RA a refusal, nothing is \
         silence.",
        vec![format!(
            "{} -c 5 {}",
            hping(flows, flows.source_port),
            flows.target
        )],
    )
}

fn trace(record: &Record, flows: &Flows) -> Step {
    Step::new(
        "A traceroute of SYNs to the very port: the last hop it shows is the last that sees them.",
        vec![trace_to(record, flows, flows.port)],
    )
}

fn trace_to(record: &Record, flows: &Flows, port: u16) -> String {
    // Two hops more than the path has show that nothing answers behind it.
    let last = record.path.last().map_or(8, |hop| hop.ttl);
    format!(
        "sudo traceroute{} -n -T -p {port}{} -i {} -s {} -q 2 -w 2 -m {} {}",
        if flows.is_v6() { " -6" } else { "" },
        Flows::option("--sport=", flows.source_port),
        flows.interface,
        flows.source,
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
    let command = |ttl: u8| {
        if flows.is_v6() {
            format!(
                "{} --ttl {ttl} -c 3 {}",
                nping(flows, flows.source_port),
                flows.target
            )
        } else {
            format!(
                "{} -t {ttl} -c 3 {}",
                hping(flows, flows.source_port),
                flows.target
            )
        }
    };
    Some(Step::new(
        format!(
            "SYNs that expire on hop {after} and on hop {before}: the verdict lies between the two \
             results."
        ),
        vec![command(after), command(before)],
    ))
}

/// Packets of the largest size that was answered and of the smallest that was not.
fn sizes(record: &Record, flows: &Flows) -> Option<Step> {
    let padded = |silent: bool| {
        record
            .evidence
            .iter()
            .filter(move |entry| (entry.outcome == "silent") == silent)
            .filter_map(|entry| entry.details.size)
    };
    let (small, large) = (padded(false).max(), padded(true).min()?);
    // What ping counts is without the headers of IP and ICMP.
    let header = if flows.is_v6() { 48 } else { 28 };
    let version = if flows.is_v6() { 6 } else { 4 };
    let command = |size: u16| {
        format!(
            "ping -{version} -n -c 3 -M do -s {} -I {} {}",
            size.saturating_sub(header),
            flows.interface,
            flows.target
        )
    };
    Some(Step::new(
        "Packets that may not be fragmented, of a size that passes and of one that does not. An \
         error message instead of silence would be a healthy network.",
        small.into_iter().chain([large]).map(command).collect(),
    ))
}

/// SYNs from the source ports that were answered and from those that were not.
fn by_source_port(record: &Record, flows: &Flows) -> Option<Step> {
    let ports = |silent: bool| {
        let mut ports: Vec<u16> = record
            .evidence
            .iter()
            .filter(|entry| entry.target_port == Some(flows.port) && entry.ttl == 64)
            .filter(|entry| match silent {
                true => entry.outcome == "silent",
                false => entry.from == Some(flows.target),
            })
            .filter_map(|entry| entry.details.source_port)
            .collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    };
    let (answered, silent) = (ports(false), ports(true));
    let only = |one: &[u16], other: &[u16]| -> Vec<String> {
        let kept = one.iter().filter(|port| !other.contains(port));
        kept.map(u16::to_string).collect()
    };
    let (answered, silent) = (only(&answered, &silent), only(&silent, &answered));
    if answered.is_empty() || silent.is_empty() {
        return None;
    }
    let sender = if flows.is_v6() {
        nping(flows, None)
    } else {
        hping(flows, None)
    };
    let option = if flows.is_v6() { "-g" } else { "-k -s" };
    let round = |ports: Vec<String>| {
        format!(
            "for port in {}; do {sender} {option} $port -c 3 {}; done",
            ports.join(" "),
            flows.target
        )
    };
    Some(Step::new(
        "SYNs from the source ports that were always answered, then from those that never were.",
        vec![round(answered), round(silent)],
    ))
}

fn burst(flows: &Flows) -> Step {
    let command = if flows.is_v6() {
        format!("{} --rate 10 -c 50 {}", nping(flows, None), flows.target)
    } else {
        format!("{} -i u100000 -c 50 {}", hping(flows, None), flows.target)
    };
    Step::new(
        "Fifty SYNs, ten a second: the answers should stop on the way. This may prolong a ban.",
        vec![command],
    )
}

fn from_below_1024(flows: &Flows) -> Option<Step> {
    let port = flows.privileged_port?;
    let command = if flows.is_v6() {
        format!("{} -c 3 {}", nping(flows, Some(port)), flows.target)
    } else {
        format!("{} -c 3 {}", hping(flows, Some(port)), flows.target)
    };
    Some(Step::new(
        "SYNs from a source port below 1024: where they are answered, a rule on the way back knows \
         the client ports.",
        vec![command],
    ))
}
