//! What one address is sent, counted on the wire: by one diagnosis, and by two of the same user at once.

use std::path::Path;
use std::process::Command;

use super::missing;
use super::network::Network;
use super::retold;
use super::trial::binary;
use crate::scenario::{FamilyName, Scenario};

/// Datagrams in any span of so many seconds, and SYNs for the host in any minute.
const DATAGRAMS: [(usize, f64); 2] = [(8, 1.0), (25, 10.0)];
const SYNS: (usize, f64) = (24, 60.0);
/// What runs may send that look at the same moment whether there is room.
const AT_THE_SAME_MOMENT: usize = 1;

/// A machine that is busy sends what is due so many seconds late, and the next in time.
const LATE: f64 = 0.1;

/// When a datagram for the target left, and whether it was a SYN that was meant to get there.
type Sent = (f64, bool);

fn skipped() -> bool {
    let Some(reason) = missing() else {
        return false;
    };
    assert!(
        std::env::var_os("CI").is_none(),
        "the lab cannot run: {reason}"
    );
    eprintln!("==== WHAT ONE ADDRESS IS SENT WAS NOT COUNTED: {reason} ====");
    true
}

fn scenario() -> Scenario {
    let text = r#"
about = "The host discards what comes to the database port."
[[rule]]
at = "target"
hook = "input"
action = "drop"
[expect]
cause = ["drop-host"]
"#;
    toml::from_str(text).expect("a scenario")
}

/// What so many diagnoses of one port send that begin at the same time, in order of time.
fn sent(name: &str, runs: usize) -> Vec<Sent> {
    let network = Network::raise(&scenario(), FamilyName::V4);
    let target = network.plan.probed.to_string();
    let captures: Vec<_> = (0..runs)
        .map(|run| retold::place(&format!("{name}-{run}")))
        .collect();
    std::thread::scope(|scope| {
        for capture in &captures {
            let (network, target) = (&network, &target);
            scope.spawn(move || {
                let mut probe = Command::new(binary());
                probe.args(["probe", "--json", "--pcap"]).arg(capture);
                probe.arg(format!("{target}:3306"));
                let output = network
                    .space("prober")
                    .enter(|| probe.output().expect("the prober starts"));
                assert_eq!(output.status.code(), Some(1), "{output:?}");
            });
        }
    });
    let mut sent: Vec<Sent> = captures
        .iter()
        .flat_map(|capture| departed(capture, &target))
        .collect();
    sent.sort_by(|one, two| one.0.total_cmp(&two.0));
    sent
}

/// What a capture shows leaving for the target.
fn departed(capture: &Path, target: &str) -> Vec<Sent> {
    let mut tshark = Command::new("tshark");
    tshark.arg("-r").arg(capture);
    tshark.args([
        "-Y",
        &format!("ip.dst == {target} && (!icmp || icmp.type == 8)"),
    ]);
    tshark.args(["-T", "fields", "-e", "frame.time_epoch"]);
    tshark.args(["-e", "tcp.flags", "-e", "ip.ttl"]);
    let output = tshark.output().expect("tshark starts");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines()
        .map(|line| {
            let mut fields = line.split('\t');
            let mut next = || fields.next().unwrap_or_default();
            let (time, flags, ttl) = (next(), next(), next());
            let time = time.parse().expect("seconds since the epoch");
            (time, flags.ends_with("02") && ttl == "64")
        })
        .collect()
}

/// The most that left within any span of so many seconds.
fn densest(times: &[f64], span: f64) -> usize {
    let within = |start: f64| {
        times
            .iter()
            .filter(move |at| (start..start + span).contains(*at))
    };
    let counts = times.iter().map(|start| within(*start).count());
    counts.max().unwrap_or_default()
}

/// The bounds that were broken, with so much allowed beyond.
fn broken(sent: &[Sent], beyond: usize) -> Vec<String> {
    let all: Vec<f64> = sent.iter().map(|(at, _)| *at).collect();
    let syns = sent.iter().filter(|(_, knocks)| *knocks);
    let syns: Vec<f64> = syns.map(|(at, _)| *at).collect();
    let datagrams = DATAGRAMS.map(|bound| (&all, bound));
    let bounds = datagrams.into_iter().chain([(&syns, SYNS)]);
    bounds
        .map(|(times, (most, span))| (densest(times, span - LATE), most, span))
        .filter(|(found, most, _)| *found > most + beyond)
        .map(|(found, most, span)| format!("{found} in {span} s, not {most}"))
        .collect()
}

#[test]
fn one_address_is_sent_no_more_by_two_runs_at_once_than_by_one() {
    if skipped() {
        return;
    }
    let alone = sent("allowance-alone", 1);
    assert!(alone.len() > 20, "{alone:?}");
    assert_eq!(broken(&alone, 0), Vec::<String>::new(), "{alone:?}");
    let two = sent("allowance-two", 2);
    assert!(two.len() > alone.len(), "{two:?}");
    assert_eq!(
        broken(&two, AT_THE_SAME_MOMENT),
        Vec::<String>::new(),
        "{two:?}"
    );
}

#[test]
fn what_is_too_dense_is_found() {
    let dense: Vec<Sent> = (0..9)
        .map(|place| (f64::from(place) / 20.0, true))
        .collect();
    assert_eq!(broken(&dense, 0), ["9 in 1 s, not 8"]);
    let minute: Vec<Sent> = (0..25)
        .map(|place| (f64::from(place) * 2.0, true))
        .collect();
    assert_eq!(broken(&minute, 0), ["25 in 60 s, not 24"]);
}
