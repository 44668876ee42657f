//! Ordinary clients in the lab's networks, captured by tcpdump, and what the observer makes of it.
//!
//! Nothing of ours sends a packet here: kernels connect (and resend, and reset), tcpdump writes, the
//! reader reads, the observer judges. The truth is the scenario's.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use synquest::capture::passive::{Account, AttemptOutcome, Conversation, Observer};
use synquest::capture::read::{Item, Reader};
use synquest::model::time::Moment;
use synquest::model::verdict::{Cause, Confidence};
use synquest::wire::frame;

use super::listener::DATABASE;
use super::network::Network;
use super::{missing, namespace};
use crate::scenario::{Executor, FamilyName, Scenario, read_all};

/// A port of the target that nothing listens on.
const ELSEWHERE: u16 = 3307;
/// How long a client waits: Linux resends its SYN after 1, 3 and 7 s.
const PATIENCE: Duration = Duration::from_millis(7500);
/// What a capture goes on after the last client gave up.
const TAIL: Duration = Duration::from_millis(1300);

/// What captures, and the clients that are tools of their own.
const CLIENTS: [&str; 5] = ["tcpdump", "nc", "nmap", "traceroute", "curl"];

/// A network that clients use while tcpdump listens on one of its nodes.
struct Stage {
    network: Network,
    family: FamilyName,
}

impl Stage {
    fn socket(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.network.plan.probed, port)
    }

    /// Connects as an ordinary client, says something, waits for an answer, and leaves.
    fn connect(&self, port: u16, patience: Duration) -> bool {
        let to = self.socket(port);
        self.network.space("prober").enter(|| {
            let Ok(mut stream) = TcpStream::connect_timeout(&to, patience) else {
                return false;
            };
            let wait = Some(Duration::from_millis(700));
            stream.set_read_timeout(wait).expect("a timeout");
            let _refused = stream.write_all(b"SELECT 1;\n");
            let _silent = stream.read(&mut [0; 64]);
            true
        })
    }

    /// Connects and sends more than fits a few segments, which must be resent where they vanish.
    fn upload(&self, port: u16) {
        let to = self.socket(port);
        self.network.space("prober").enter(|| {
            let Ok(mut stream) = TcpStream::connect_timeout(&to, PATIENCE) else {
                return;
            };
            let wait = Some(Duration::from_millis(500));
            stream.set_write_timeout(wait).expect("a timeout");
            let _small = stream.write_all(b"BEGIN;\n");
            std::thread::sleep(Duration::from_millis(100));
            let _large = stream.write_all(&[b'x'; 60_000]);
            std::thread::sleep(Duration::from_secs(4));
        });
    }

    /// The same, several at once, each a little later than the one before.
    fn crowd(&self, port: u16, count: u32, apart: Duration) {
        std::thread::scope(|scope| {
            for nth in 0..count {
                scope.spawn(move || {
                    std::thread::sleep(apart * nth);
                    self.connect(port, PATIENCE)
                });
            }
        });
    }

    /// Runs a tool in the client's namespace; how it ends says nothing.
    fn run(&self, line: &str) {
        let line = line
            .replace("ADDRESS", &self.network.plan.probed.to_string())
            .replace("FAMILY", super::network::flag(self.family));
        let mut command = Command::new("ip");
        command.args([
            "netns",
            "exec",
            self.network.space("prober").name(),
            "bash",
            "-c",
            &line,
        ]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let _however = command.status().expect("a shell");
    }

    /// Serves in the target's namespace until `work` is done: greets, echoes.
    fn serve(&self, port: u16, work: impl FnOnce() + Send) {
        let any: SocketAddr = match self.family {
            FamilyName::V4 => ([0, 0, 0, 0], port).into(),
            FamilyName::V6 => ([0u16; 8], port).into(),
        };
        let listener = self
            .network
            .space("target")
            .enter(|| TcpListener::bind(any).expect("a free port"));
        listener.set_nonblocking(true).expect("O_NONBLOCK");
        let over = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut held = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    if let Ok((mut stream, _)) = listener.accept() {
                        let _gone = stream.write_all(b"8.0.36 ready\n");
                        held.push(stream);
                    }
                    std::thread::sleep(Duration::from_millis(5));
                }
            });
            work();
            over.store(true, Ordering::Relaxed);
        });
    }
}

/// Starts tcpdump in the namespace of `node` and waits until it listens.
fn listen(stage: &Stage, node: &str, arguments: &str) -> (Child, PathBuf) {
    static FILES: AtomicU32 = AtomicU32::new(0);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("clients");
    std::fs::create_dir_all(&folder).expect("a folder under target");
    let nth = FILES.fetch_add(1, Ordering::Relaxed);
    let file = folder.join(format!("{}-{nth}.pcap", std::process::id()));
    let mut command = Command::new("ip");
    command.args(["netns", "exec", stage.network.space(node).name(), "tcpdump"]);
    command
        .args(["-n", "-U", "--immediate-mode", "-Z", "root", "-w"])
        .arg(&file);
    command.args(arguments.split_whitespace());
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("tcpdump");
    let mut said = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut line = String::new();
    while !line.contains("listening on") {
        line.clear();
        assert!(
            said.read_line(&mut line).expect("text") > 0,
            "tcpdump {arguments} did not start"
        );
    }
    // What it says at the end must not block it.
    std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
    (child, file)
}

/// What the observer makes of what tcpdump writes while `act` goes on.
fn captured(stage: &Stage, node: &str, arguments: &str, act: fn(&Stage)) -> Account {
    let (mut tcpdump, file) = listen(stage, node, arguments);
    act(stage);
    std::thread::sleep(TAIL);
    let id = Pid::from_child(&tcpdump);
    kill_process(id, Signal::INT).expect("tcpdump still runs");
    tcpdump.wait().expect("tcpdump ends");
    // Its last packet may be seconds before the end of the capture: no packet says so.
    let account = observe(&file, TAIL);
    let _kept = std::fs::remove_file(&file);
    account
}

fn observe(file: &PathBuf, tail: Duration) -> Account {
    let mut reader = Reader::open(File::open(file).expect("a capture")).expect("a capture");
    let mut observer = Observer::new();
    let mut began = None;
    let mut last = Moment::START;
    while let Some(item) = reader.next_item() {
        let Item::Packet(packet) = item.expect("a whole capture") else {
            continue;
        };
        let at = packet.at.expect("a time");
        let at = Moment::from_nanos(at - *began.get_or_insert(at));
        last = last.max(at);
        let link = packet.link.link().expect("a known link");
        if let Some((datagram, way)) = frame::strip(link, packet.bytes) {
            observer.see(packet.number, at, packet.direction.or(way), datagram);
        }
    }
    observer.finish(last.after(tail))
}

fn with_port(account: &Account, port: u16) -> Option<&Conversation> {
    account
        .conversations
        .iter()
        .find(|encounter| encounter.outcome.endpoint.port == port)
}

/// Many clients, one after another.
fn many(stage: &Stage) {
    stage.crowd(DATABASE, 12, Duration::from_millis(250));
}

fn upload(stage: &Stage) {
    stage.upload(DATABASE);
}

/// The standard client: another port first, then the database, a few times.
fn ordinary(stage: &Stage) {
    stage.connect(ELSEWHERE, Duration::from_millis(500));
    stage.crowd(DATABASE, 3, Duration::from_millis(400));
}

/// Another port of the target, that serves.
const SERVED: u16 = 5432;

/// The standard client, while another port serves.
fn beside(stage: &Stage) {
    stage.serve(SERVED, || {
        stage.connect(SERVED, PATIENCE);
        ordinary(stage);
    });
}

/// A trial: the network, where and how it is captured, what clients do, the port in question, and
/// what the observer is to say of it.
struct Trial {
    scenario: &'static str,
    family: FamilyName,
    node: &'static str,
    arguments: &'static str,
    act: fn(&Stage),
    port: u16,
    says: &'static [(Cause, Confidence)],
}

const BOTH: &str = "-i any tcp or icmp or icmp6";

#[rustfmt::skip]
const TRIALS: [Trial; 20] = {
    use Cause::*;
    use Confidence::*;
    use FamilyName::{V4, V6};
    const fn trial(
        scenario: &'static str,
        family: FamilyName,
        (node, arguments): (&'static str, &'static str),
        (act, port): (fn(&Stage), u16),
        says: &'static [(Cause, Confidence)],
    ) -> Trial {
        Trial { scenario, family, node, arguments, act, port, says }
    }
    [
        trial("open-one-router", V4, ("prober", BOTH), (beside, SERVED), &[(Open, Confirmed)]),
        trial("open-one-router", V6, ("target", "-i any -s 84 tcp"), (beside, SERVED), &[(Open, Confirmed)]),
        trial("open-one-router", V4, ("prober", "-i any dst port 3306"), (ordinary, DATABASE), &[(Open, Likely)]),
        trial("closed", V4, ("prober", "-i any -s 60 tcp"), (ordinary, DATABASE), &[(Closed, Likely)]),
        trial("closed", V6, ("r2", BOTH), (|stage| { stage.connect(ELSEWHERE, PATIENCE); stage.run("nc FAMILY -w 2 ADDRESS 3306; nmap FAMILY -Pn -sT -p 3306 ADDRESS"); }, DATABASE), &[(Closed, Likely)]),
        trial("drop-host-input", V4, ("target", BOTH), (beside, DATABASE), &[(DropEdgeOrHost, Likely)]),
        trial("drop-host-input", V6, ("prober", BOTH), (beside, DATABASE), &[(DropSomewhere, Possible)]),
        trial("drop-r2-forward", V4, ("r2", BOTH), (beside, DATABASE), &[(DropPath, Likely)]),
        trial("drop-r2-forward", V4, ("prober", BOTH), (|stage| {
            stage.run("traceroute FAMILY -T -p 3306 -q 3 -m 5 -n ADDRESS & traceroute FAMILY -T -p 3307 -q 3 -m 5 -n ADDRESS & wait");
            ordinary(stage);
        }, DATABASE), &[(DropPath, Possible), (DropPath, Likely), (DropSomewhere, Possible)]),
        trial("reject-r2-tcp-reset", V4, ("prober", BOTH), (beside, DATABASE), &[(RejectPath, Likely)]),
        trial("reject-host-tcp-reset", V6, ("prober", BOTH), (ordinary, DATABASE), &[(RejectHost, Likely)]),
        trial("reject-host-port-unreachable", V4, ("prober", "-i any -s 96 tcp or icmp"), (ordinary, DATABASE), &[(RejectHost, Likely)]),
        trial("no-route-r2", V6, ("prober", BOTH), (ordinary, DATABASE), &[(NoRoute, Likely)]),
        trial("no-neighbor-target", V4, ("prober", BOTH), (ordinary, DATABASE), &[(NoNeighbor, Likely)]),
        trial("drop-blackhole-route", V4, ("prober", BOTH), (|stage| stage.run("timeout 5 bash -c 'exec 3<>/dev/tcp/ADDRESS/3306'; curl -m 3 http://ADDRESS:3306/"), DATABASE), &[(DropSomewhere, Possible)]),
        trial("local-ingress-raw", V4, ("prober", BOTH), (ordinary, DATABASE), &[(LocalIngress, Likely)]),
        trial("drop-return-everything", V4, ("target", BOTH), (ordinary, DATABASE), &[(DropReturn, Likely)]),
        trial("proxied-r2", V4, ("prober", BOTH), (ordinary, DATABASE), &[(OpenProxied, Likely)]),
        trial("banned-host-after-5", V4, ("prober", BOTH), (many, DATABASE), &[(Banned, Possible), (Banned, Likely)]),
        // Nothing small follows the large segments: a session that was silenced would look the same.
        trial("mtu-hole-r2-r3", V4, ("prober", BOTH), (upload, DATABASE), &[(MtuBlackHole, Possible)]),
    ]
};

#[test]
fn captures_of_ordinary_clients_get_the_verdict_that_they_support() {
    let reason = missing().or_else(|| {
        let absent = |tool: &&&str| Command::new(tool).arg("--version").output().is_err();
        let tool = CLIENTS.iter().find(absent)?;
        Some(format!("there is no {tool}"))
    });
    if let Some(reason) = reason {
        assert!(
            std::env::var_os("CI").is_none(),
            "the lab cannot run: {reason}"
        );
        let text = format!("\n==== CLIENTS IN THE LAB WERE SKIPPED: {reason} ====\n\n");
        let _unheard = std::io::stderr().write_all(text.as_bytes());
        return;
    }
    let objections = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for trial in &TRIALS {
            scope.spawn(|| {
                let held = std::panic::AssertUnwindSafe(|| hold(trial));
                let objection = std::panic::catch_unwind(held)
                    .unwrap_or_else(|_| Some(format!("{}: panicked", trial.scenario)));
                objections.lock().expect("a lock").extend(objection);
            });
        }
    });
    let objections = objections.into_inner().expect("a lock");
    assert!(objections.is_empty(), "{}", objections.join("\n"));
}

fn hold(trial: &Trial) -> Option<String> {
    let family = trial.family;
    let stage = Stage {
        network: Network::raise(&scenario(trial.scenario), family),
        family,
    };
    let account = captured(&stage, trial.node, trial.arguments, trial.act);
    let name = format!(
        "{} {family:?} at {} {}",
        trial.scenario, trial.node, trial.arguments
    );
    let Some(encounter) = with_port(&account, trial.port) else {
        return Some(format!("{name}: no encounter with port {}", trial.port));
    };
    let verdict = &encounter.outcome.finding.verdict;
    let said = (verdict.cause, verdict.confidence);
    if trial.says.contains(&said) && !encounter.attempts.is_empty() {
        return None;
    }
    let fates: Vec<AttemptOutcome> = encounter
        .attempts
        .iter()
        .map(|attempt| attempt.outcome)
        .collect();
    let notes = &encounter.outcome.finding.notes;
    Some(format!(
        "{name}: {said:?} {}\n    {fates:?}\n    {notes:?}",
        verdict.summary
    ))
}

fn scenario(name: &str) -> Scenario {
    let mut all = read_all();
    all.retain(|scenario| scenario.name == name);
    all.pop().unwrap_or_else(|| panic!("no scenario {name}"))
}

/// `SYNQUEST_SURVEY="PREFIX… NODE ARGUMENTS"`: every scenario that begins with one of the prefixes, as
/// captured there; a table of truth and verdict.
#[test]
#[ignore = "a survey for people, minutes long"]
fn survey() {
    let asked = std::env::var("SYNQUEST_SURVEY").unwrap_or_else(|_| "; prober; -i any".into());
    let mut parts = asked.split(';').map(str::trim);
    let prefixes: Vec<&str> = parts.next().unwrap_or("").split_whitespace().collect();
    let node = parts.next().unwrap_or("prober").to_owned();
    let arguments = parts.next().unwrap_or("-i any").to_owned();
    namespace::sweep();
    let mut waiting: Vec<(Scenario, FamilyName)> = Vec::new();
    for scenario in read_all() {
        let wanted = prefixes.is_empty() || prefixes.iter().any(|p| scenario.name.starts_with(p));
        if !wanted || !scenario.executors.contains(&Executor::Lab) {
            continue;
        }
        for family in scenario.families.clone() {
            waiting.push((scenario.clone(), family));
        }
    }
    let waiting = Mutex::new(waiting);
    let lines = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..24 {
            scope.spawn(|| {
                loop {
                    let Some((scenario, family)) = waiting.lock().expect("a lock").pop() else {
                        return;
                    };
                    let line = surveyed(&scenario, family, &node, &arguments);
                    lines.lock().expect("a lock").push(line);
                }
            });
        }
    });
    let mut lines = lines.into_inner().expect("a lock");
    lines.sort();
    for line in &lines {
        println!("{line}");
    }
    assert!(
        !lines.iter().any(|line| line.starts_with("WRONG")),
        "wrong firmly"
    );
}

fn surveyed(scenario: &Scenario, family: FamilyName, node: &str, arguments: &str) -> String {
    let name = format!("{}.{family:?}", scenario.name);
    let attempt = std::panic::AssertUnwindSafe(|| {
        let stage = Stage {
            network: Network::raise(scenario, family),
            family,
        };
        let act: fn(&Stage) = match scenario.name.split('-').next() {
            Some("banned" | "rate" | "ecmp") => many,
            Some("mtu") => upload,
            _ => ordinary,
        };
        captured(&stage, node, arguments, act)
    });
    let Ok(account) = std::panic::catch_unwind(attempt) else {
        return format!("broken    {name}");
    };
    let truth = scenario.expect.cause.join("/");
    let Some(encounter) = with_port(&account, DATABASE) else {
        return format!("unseen    {name:42} {truth}");
    };
    let verdict = &encounter.outcome.finding.verdict;
    let right = scenario
        .expect
        .cause
        .iter()
        .any(|cause| cause == verdict.cause.word());
    let undecided = verdict.cause.is_undecided();
    let rival = encounter.outcome.finding.alternatives.iter().any(|rival| {
        !rival.ruled_out
            && scenario
                .expect
                .cause
                .iter()
                .any(|cause| cause == rival.cause.word())
    });
    let mark = match (right, verdict.confidence) {
        (true, _) => "right",
        (false, Confidence::Confirmed | Confidence::Proven) => "WRONG",
        (false, Confidence::Likely) if !undecided && !rival => "wrong?",
        (false, Confidence::Likely) if !undecided => "rival?",
        (false, _) if undecided => "undecided",
        (false, _) => "weak",
    };
    let fates: Vec<String> = encounter
        .attempts
        .iter()
        .map(|a| format!("{:?}", a.outcome))
        .collect();
    format!(
        "{mark:9} {name:42} {truth:18} {:18} {:10} {}\n            {}",
        verdict.cause.word(),
        verdict.confidence.word(),
        verdict.summary,
        fates.join("  "),
    )
}
