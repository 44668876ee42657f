//! The command line from outside: help, wrong input, missing privilege, generated files, signals.
//!
//! What is sent here goes to loopback, or into a network namespace that the test made.

#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test fails by panicking and says what it skips, also in its helpers"
)]

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use synquest::model::verdict::{Cause, Confidence};
use synquest::net::privilege;

/// Set to write the generated files anew instead of comparing them.
const REGENERATE: &str = "SYNQUEST_TEST_REGENERATE";

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_synquest");

/// The program, without variables that would change what it does.
pub(crate) fn synquest() -> Command {
    clean(Command::new(BINARY))
}

/// The program without CAP_NET_RAW, whoever runs the tests.
pub(crate) fn synquest_without_net_raw() -> Command {
    if !privilege::has_net_raw() {
        return synquest();
    }
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-net_raw", "--inh-caps=-net_raw", BINARY]);
    clean(command)
}

pub(crate) fn clean(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SYNQUEST_") {
            command.env_remove(name);
        }
    }
    command.env_remove("NO_COLOR").env("COLUMNS", "100");
    command.stdin(Stdio::null());
    command
}

pub(crate) fn run(mut command: Command, arguments: &[&str]) -> Output {
    command
        .args(arguments)
        .output()
        .expect("the program starts")
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

#[test]
fn help_reads_as_its_golden_file() {
    for (name, arguments) in [
        ("help", &["--help"][..]),
        ("help-probe", &["probe", "--help"]),
        ("help-sweep", &["sweep", "--help"]),
        ("help-merge", &["merge", "--help"]),
        ("help-doctor", &["doctor", "--help"]),
        ("help-rules", &["rules", "--help"]),
    ] {
        let output = run(synquest(), arguments);
        assert_eq!(output.status.code(), Some(0), "{name}");
        insta::assert_snapshot!(name, stdout(&output));
    }
}

#[test]
fn wrong_input_is_refused_with_2_by_name_before_privilege_is_asked_for() {
    let check = |arguments: &[&str], named: &str| {
        for command in [synquest(), synquest_without_net_raw()] {
            let output = run(command, arguments);
            let message = stderr(&output);
            assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
            assert!(message.contains(named), "{arguments:?}: {message}");
            assert_eq!(stdout(&output), "", "{arguments:?}");
        }
    };
    check(&[], "Usage");
    check(&["probe"], "HOST:PORT");
    check(&["knock", "db:1"], "knock");
    check(&["probe", "192.0.2.1"], "192.0.2.1");
    check(&["probe", "192.0.2.1:0"], "port 0");
    check(&["probe", "192.0.2.1:70000"], "port 70000");
    check(&["probe", "192.0.2.1:gopherd-x"], "gopherd-x");
    check(&["probe", "2001:db8::1:3306"], "[2001:db8::1]:3306");
    check(&["probe", "no-such-name.invalid:1"], "no-such-name.invalid");
    check(&["probe", "192.0.2.1:1", "224.0.0.5:1"], "224.0.0.5");
    check(&["probe", "255.255.255.255:1"], "255.255.255.255");
    check(&["probe", "127.255.255.255:1"], "127.255.255.255");
    check(&["probe", "0.0.0.0:1"], "0.0.0.0");
    check(&["probe", "[::]:1"], "::");
    check(&["probe", "-6", "192.0.2.1:1"], "IPv6");
    check(&["probe", "-4", "-6", "192.0.2.1:1"], "--ipv6");
    check(&["probe", "-4", "-S", "::1", "192.0.2.1:1"], "--source ::1");
    check(&["probe", "-I", "nosuch0", "127.0.0.1:1"], "nosuch0");
    check(&["probe", "-S", "192.0.2.77", "127.0.0.1:1"], "192.0.2.77");
    check(&["probe", "--max-time", "soon", "127.0.0.1:1"], "soon");
    check(&["probe", "--max-time", "0", "127.0.0.1:1"], "--max-time");
    check(&["probe", "--rate", "0", "127.0.0.1:1"], "--rate");
    check(
        &["probe", "--control-port", "0", "127.0.0.1:1"],
        "--control-port",
    );
    check(&["probe", "--nonsense", "127.0.0.1:1"], "--nonsense");
    check(&["doctor", "-I", "nosuch0", "127.0.0.1:1"], "nosuch0");
    check(&["doctor", "127.0.0.1"], "127.0.0.1");
    check(
        &["doctor", "-S", "198.51.100.77", "127.0.0.1:1"],
        "198.51.100.77",
    );
    check(
        &["probe", "--public-address", "10.0.0.1", "127.0.0.1:1"],
        "10.0.0.1",
    );
}

#[test]
fn options_come_from_the_environment_too_and_are_checked_there() {
    let mut command = synquest();
    command.env("SYNQUEST_MAX_TIME", "soon");
    let output = run(command, &["probe", "127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("soon"));
    let mut command = synquest();
    command.env("SYNQUEST_JSON", "yes");
    let output = run(command, &["doctor"]);
    assert!(stdout(&output).starts_with('{'), "{}", stdout(&output));
}

#[test]
fn without_privilege_the_message_says_what_to_run_and_the_status_is_4() {
    let output = run(synquest_without_net_raw(), &["probe", "127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(4));
    assert_eq!(stdout(&output), "");
    let message = stderr(&output);
    let command = format!("sudo setcap cap_net_raw+ep {BINARY}");
    assert!(message.contains(&command), "{message}");
    assert!(message.contains("sudo"), "{message}");
}

#[test]
fn doctor_needs_no_privilege_to_say_that_it_is_missing() {
    let text = run(synquest_without_net_raw(), &["doctor", "127.0.0.1:1"]);
    assert_eq!(text.status.code(), Some(4));
    assert!(stdout(&text).contains("setcap cap_net_raw+ep"));
    assert!(stdout(&text).contains("way to 127.0.0.1"));
    let json = run(
        synquest_without_net_raw(),
        &["doctor", "--json", "[::1]:1", "--color", "always"],
    );
    let document: serde_json::Value =
        serde_json::from_str(&stdout(&json)).expect("one JSON document");
    assert_eq!(document["schema"], "synquest/doctor/1");
    assert_eq!(document["checks"][0]["standing"], "bad");
}

#[test]
fn what_the_user_typed_cannot_act_on_the_terminal() {
    for target in ["db\x1b[2J:1", "\u{9b}31mdb:1", "192.0.2.1:\x1b]0;x\x07"] {
        let output = run(synquest(), &["probe", target]);
        let message = stderr(&output);
        let acts = |c: char| c.is_control() && c != '\n';
        assert_eq!(output.status.code(), Some(2));
        assert!(!message.contains(acts), "{message:?}");
    }
    let output = run(synquest(), &["probe", "--rate", "\x1b[2J", "127.0.0.1:1"]);
    assert!(!stderr(&output).contains("\x1b[2J"));
}

#[test]
fn colour_is_used_only_where_it_is_wanted() {
    let coloured = |command: Command, choice: &str| {
        let output = run(command, &["doctor", "--color", choice]);
        stdout(&output).contains("\x1b[")
    };
    assert!(!coloured(synquest(), "auto"));
    assert!(!coloured(synquest(), "never"));
    assert!(coloured(synquest(), "always"));
}

#[test]
fn a_reader_that_goes_away_is_no_reason_to_complain() {
    let rules = Path::new(env!("CARGO_TARGET_TMPDIR")).join("closed-pipe.rules");
    std::fs::write(&rules, "-P INPUT DROP\n").expect("a file");
    let rules = rules.to_string_lossy();
    let check = |arguments: &[&str]| {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = synquest()
            .args(arguments)
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .expect("the program starts");
        assert_eq!(stderr(&output), "", "{arguments:?}");
        assert!(output.status.code().is_some(), "ended by itself");
    };
    check(&["doctor"]);
    check(&["probe", "--dry-run", "127.0.0.1:1"]);
    check(&["rules", &rules, "--from", "192.0.2.1"]);
}

#[test]
fn a_full_disk_is_said_and_is_4() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let output = synquest()
        .arg("doctor")
        .stdout(full.expect("/dev/full"))
        .stderr(Stdio::piped())
        .output()
        .expect("the program starts");
    assert_eq!(output.status.code(), Some(4));
    assert!(stderr(&output).contains("stdout"), "{}", stderr(&output));
}

#[test]
fn man_pages_and_completions_are_in_step_with_the_arguments() {
    let man = Path::new(env!("CARGO_MANIFEST_DIR")).join("man");
    let regenerate = std::env::var_os(REGENERATE).is_some();
    for (form, folder) in [
        ("man", man.clone()),
        ("completions", man.join("completions")),
    ] {
        let made = if regenerate {
            folder.clone()
        } else {
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(form)
        };
        let output = run(synquest(), &["generate", form, &made.to_string_lossy()]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        for entry in std::fs::read_dir(&made).expect("a readable folder") {
            let path = entry.expect("a folder entry").path();
            let name = path.file_name().expect("a name");
            if path.is_file() {
                let made = std::fs::read_to_string(&path).expect("text");
                let kept = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
                assert!(
                    made == kept,
                    "{} is out of step; run the tests once with {REGENERATE}=1",
                    name.display()
                );
            }
        }
    }
}

#[test]
fn readme_and_manual_name_every_cause_every_confidence_and_every_exit_status() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| std::fs::read_to_string(root.join(file)).expect(file);
    let (readme, probe) = (read("README.md"), read("man/synquest-probe.1"));
    for cause in Cause::ALL {
        assert!(readme.contains(&format!("| `{cause}` |")), "{cause}");
        let escaped = cause.word().replace('-', "\\-");
        assert!(probe.contains(&format!("\\fB{escaped}\\fR\n")), "{cause}");
    }
    for confidence in [
        Confidence::Possible,
        Confidence::Likely,
        Confidence::Confirmed,
        Confidence::Proven,
    ] {
        let word = confidence.word();
        assert!(readme.contains(&format!("`{word}`")), "{word}");
        assert!(probe.contains(&format!("\\fB{word}\\fR\n")), "{word}");
    }
    let manual = read("man/synquest.1");
    for code in ["0", "1", "2", "3", "4", "130", "143"] {
        assert!(manual.contains(&format!("\\fB{code}\\fR")), "{code}");
        let row = readme
            .lines()
            .any(|line| line.starts_with("| ") && line.contains(code));
        assert!(row, "{code}");
    }
}

/// Whether this process may send; where it may not, says so, and fails where CI is set.
pub(crate) fn may_send(test: &str) -> bool {
    let may = privilege::has_net_raw();
    if !may {
        assert!(std::env::var_os("CI").is_none(), "{test} needs CAP_NET_RAW");
        eprintln!("SKIPPED: {test} needs CAP_NET_RAW");
    }
    may
}

#[test]
fn the_exit_status_and_the_documents_follow_what_was_found_on_loopback() {
    if !may_send("the probe of loopback") {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let open = listener.local_addr().expect("bound").to_string();
    let other = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let closed = other.local_addr().expect("bound").to_string();
    drop(other);
    let check = |arguments: &[&str], code: i32, causes: &[&str]| {
        let output = run(synquest(), &[&["probe", "--json"], arguments].concat());
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}: {}",
            stderr(&output)
        );
        assert_eq!(stderr(&output), "", "{arguments:?}");
        let mut found: Vec<String> = stdout(&output)
            .lines()
            .map(|line| {
                let document: serde_json::Value = serde_json::from_str(line).expect("JSON");
                assert_eq!(document["schema"], "synquest/endpoint/1");
                assert_eq!(document["evidence"][0]["probe"], "syn");
                document["verdict"]["cause"]
                    .as_str()
                    .expect("a word")
                    .to_owned()
            })
            .collect();
        found.sort();
        assert_eq!(found, causes, "{arguments:?}");
    };
    check(&[&open], 0, &["open"]);
    check(&[&closed], 1, &["closed"]);
    check(&[&open, &closed], 1, &["closed", "open"]);
    check(&["--exit-zero", &closed], 0, &["closed"]);
    let quiet = run(synquest(), &["probe", "-q", &closed]);
    assert_eq!(stdout(&quiet).lines().count(), 1, "{}", stdout(&quiet));
    assert!(stdout(&quiet).starts_with(&closed), "{}", stdout(&quiet));
}

#[test]
fn a_dry_run_names_the_first_probes_and_needs_no_privilege() {
    let dry = |extra: &[&str]| {
        let arguments = ["probe", "--dry-run", "--seed", "7", "--max-time", "20s"];
        let output = run(
            synquest_without_net_raw(),
            &[&arguments, extra, &["127.0.0.1:3306"]].concat(),
        );
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        stdout(&output)
    };
    let text = dry(&[]);
    assert!(text.contains("SYN to port 3306"), "{text}");
    assert!(text.contains("400 probes in 20.0 s"), "{text}");
    let json = dry(&["--json"]);
    let plan: serde_json::Value = serde_json::from_str(&json).expect("one JSON document");
    assert_eq!(plan["schema"], "synquest/plan/1");
    assert_eq!(plan["local"]["source"], "127.0.0.1");
    assert_eq!(plan["first_probes"][0]["target_port"], 3306);
}

#[test]
fn a_signal_ends_the_run_with_its_status_and_what_was_learnt() {
    if !may_send("the interrupted probe") {
        return;
    }
    // A neighbour that is known but never answers: silence for as long as the time budget.
    let silence = "ip link add near type veth peer name far && ip address add 192.0.2.1/24 dev near \
                   && ip link set near up && ip link set far up \
                   && ip neighbour add 192.0.2.9 lladdr 02:00:00:00:00:09 dev near nud permanent \
                   && exec \"$0\" probe -v --json 192.0.2.9:3306";
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let mut child = clean(Command::new("unshare"))
            .args(["--net", "sh", "-c", silence, BINARY])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a network namespace");
        let mut log = BufReader::new(child.stderr.take().expect("piped"));
        let mut line = String::new();
        while !line.contains("diagnosing") {
            line.clear();
            let read = log.read_line(&mut line).expect("text");
            assert!(read > 0, "ended before it began");
        }
        let told = Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status();
        assert!(told.expect("kill runs").success());
        let mut document = String::new();
        let mut data = child.stdout.take().expect("piped");
        data.read_to_string(&mut document).expect("text");
        let status = child.wait().expect("it ends");
        assert_eq!(status.code(), Some(code), "{signal}");
        let document: serde_json::Value = serde_json::from_str(&document).expect("JSON");
        assert_eq!(document["stats"]["interrupted"], true, "{signal}");
    }
}
