//! The files a run writes, from outside: where they may go, whose they are, what they hold and what
//! they must not hold.
//!
//! What is sent here goes to loopback, or into a network namespace that the test made.

#![allow(
    clippy::expect_used,
    reason = "a test fails by panicking, also in its helpers"
)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use synquest::net::driver::Settings;

use crate::cli::{
    BINARY, clean, may_send, run, stderr, stdout, synquest, synquest_without_net_raw,
};

/// A folder of its own for each test, removed afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let name = format!("artefacts-{test}-{}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    /// The path of `name` in it, as an argument.
    fn at(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).expect("a readable folder");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name())
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A closed port of loopback.
fn closed() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    listener.local_addr().expect("bound").to_string()
}

/// The program started by a shell, after `script`, with `arguments` in `$@`.
fn shell(script: &str, arguments: &[&str]) -> Command {
    let mut command = clean(Command::new("sh"));
    command.args(["-c", &format!("{script}; exec \"$0\" \"$@\""), BINARY]);
    command.args(arguments);
    command
}

fn finished(mut command: Command) -> Output {
    command.output().expect("the program starts")
}

/// The files of a bundle by their paths.
fn unpacked(path: &str) -> BTreeMap<String, Vec<u8>> {
    let file = std::fs::File::open(path).expect("a bundle");
    let tar: Box<dyn Read> = if path.ends_with("gz") {
        Box::new(flate2::read::GzDecoder::new(file))
    } else {
        Box::new(zstd::Decoder::new(file).expect("zstd"))
    };
    let mut archive = tar::Archive::new(tar);
    let entries = archive.entries().expect("an archive");
    entries
        .map(|entry| {
            let mut entry = entry.expect("an entry");
            let path = entry.path().expect("a path").to_string_lossy().into_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).expect("its content");
            (path, content)
        })
        .collect()
}

#[test]
fn a_destination_that_is_no_place_for_a_file_is_refused_with_2_before_privilege_is_asked_for() {
    let folder = Folder::new("refused");
    let at = |name: &str| folder.at(name);
    for name in ["there.md", "there.pcapng", "there.tgz"] {
        std::fs::write(at(name), "old").expect("a file");
        symlink(at(name), at(&format!("link-{name}"))).expect("a link");
        symlink(at("nowhere"), at(&format!("dangling-{name}"))).expect("a link");
        std::fs::create_dir(at(&format!("folder-{name}"))).expect("a folder");
    }
    let before = folder.names();
    let check = |arguments: &[&str], named: &str| {
        let arguments = [&["probe", "127.0.0.1:1"], arguments].concat();
        let output = run(synquest_without_net_raw(), &arguments);
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(message.contains(named), "{arguments:?}: {message}");
        assert_eq!(stdout(&output), "", "{arguments:?}");
    };
    for (option, name) in [
        ("--report", "there.md"),
        ("--pcap", "there.pcapng"),
        ("--bundle", "there.tgz"),
    ] {
        check(&[option, &at(name)], "--force");
        for force in [&[][..], &["--force"]] {
            let check = |path: &str, named: &str| check(&[&[option, path], force].concat(), named);
            check(&at(&format!("link-{name}")), "symbolic link");
            check(&at(&format!("dangling-{name}")), "symbolic link");
            check(&at(&format!("folder-{name}")), "is a directory");
            check(&at(&format!("none/{name}")), "folder does not exist");
        }
    }
    check(&["--pcap", "/dev/null"], "no ordinary file");
    check(&["--pcap", "-"], "stdout");
    check(&["--pcap", ""], "--pcap");
    check(&["--report", &at("a.pdf")], ".html, .htm, .md");
    check(&["--report", "-"], ".html, .htm, .md");
    check(&["--bundle", &at("a.zip")], ".tar.zst");
    let twice = at("./a.md");
    check(
        &["--report", &at("a.md"), "--report", &twice],
        "another artefact",
    );
    check(&["--report", &at("a\x1b[2J.pdf")], "\\u{1b}[2J");
    assert_eq!(folder.names(), before);
}

#[test]
fn a_folder_that_takes_no_file_is_found_before_anything_is_sent() {
    let folder = Folder::new("read-only");
    let target = folder.at("locked");
    std::fs::create_dir(&target).expect("a folder");
    let locked = std::fs::Permissions::from_mode(0o555);
    std::fs::set_permissions(&target, locked).expect("its mode");
    let report = format!("{target}/a.md");
    let arguments = ["probe", "--report", &report, "127.0.0.1:1"];
    let output = if rustix::process::geteuid().is_root() {
        // Modes do not bind root; a file system that is read-only does.
        let mount = "mount -t tmpfs -o ro none \"$(dirname \"$3\")\"";
        let mut command = clean(Command::new("unshare"));
        command.args(["--mount", "sh", "-c"]);
        command.args([&format!("{mount} && exec \"$0\" \"$@\""), BINARY]);
        run(command, &arguments)
    } else {
        run(synquest(), &arguments)
    };
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("choose a folder"), "{message}");
}

#[test]
fn a_dry_run_writes_no_artefact_and_says_so() {
    let folder = Folder::new("dry");
    let (report, pcap) = (folder.at("a.md"), folder.at("a.pcapng"));
    let arguments = ["probe", "--dry-run", "--report", &report, "--pcap", &pcap];
    let output = run(
        synquest_without_net_raw(),
        &[&arguments[..], &["127.0.0.1:1"]].concat(),
    );
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("writes no artefacts"));
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn the_umask_decides_the_mode_and_force_replaces_what_is_there() {
    if !may_send("the artefacts of loopback") {
        return;
    }
    let folder = Folder::new("umask");
    let report = folder.at("a.html");
    let endpoint = closed();
    for (umask, mode) in [("022", 0o644), ("077", 0o600), ("002", 0o664)] {
        let arguments = ["probe", "-q", "--force", "--report", &report, &endpoint];
        let output = finished(shell(&format!("umask {umask}"), &arguments));
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        assert_eq!(stderr(&output), "", "quiet");
        let metadata = std::fs::metadata(&report).expect("a report");
        assert_eq!(metadata.mode() & 0o7777, mode, "{umask}");
        assert!(metadata.len() > 100);
    }
    assert_eq!(folder.names(), ["a.html"]);
}

#[test]
fn under_sudo_artefacts_belong_to_the_user_who_ran_it() {
    if !may_send("the artefacts of loopback") || !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = Folder::new("sudo");
    let endpoint = closed();
    let check = |name: &str, uid: &str, gid: &str, owner: (u32, u32)| {
        let bundle = folder.at(name);
        let mut command = synquest();
        command.env("SUDO_UID", uid).env("SUDO_GID", gid);
        let output = run(command, &["probe", "--bundle", &bundle, &endpoint]);
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        let metadata = std::fs::metadata(&bundle).expect("a bundle");
        assert_eq!((metadata.uid(), metadata.gid()), owner, "{uid} {gid}");
    };
    check("user.tgz", "12345", "54321", (12_345, 54_321));
    check("garbage.tgz", "12345x", "54321", (0, 0));
    check("unchanged.tgz", "4294967295", "54321", (0, 0));
    check("negative.tgz", "-1", "-1", (0, 0));
    check("none.tgz", "", "", (0, 0));
}

#[test]
fn a_full_disk_costs_the_artefact_and_not_the_verdict() {
    if !may_send("the artefacts of loopback") || !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = Folder::new("full");
    let script = "mount -t tmpfs -o size=64k none \"$DISK\" && ip link set lo up \
                  && head -c 60k /dev/zero > \"$DISK/ballast\" \
                  && \"$0\" \"$@\"; code=$?; ls \"$DISK\" >&2; exit $code";
    let (full, elsewhere) = (folder.at("disk/a.html"), folder.at("b.md"));
    std::fs::create_dir(folder.at("disk")).expect("a folder");
    let mut command = clean(Command::new("unshare"));
    command.args(["--mount", "--net", "sh", "-c", script, BINARY]);
    command.env("DISK", folder.at("disk"));
    command.args(["probe", "--json", "--report", &full, "--report", &elsewhere]);
    // Enough endpoints for a report that the disk has no room for.
    command.args((1..=20).map(|port| format!("127.0.0.1:{port}")));
    let output = finished(command);
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(4), "{message}");
    assert_eq!(
        stdout(&output).lines().count(),
        20,
        "the verdicts are written"
    );
    assert!(message.contains("a.html: No space left"), "{message}");
    assert!(
        message.ends_with("\nballast\n"),
        "nothing is left: {message}"
    );
    assert_eq!(folder.names(), ["b.md", "disk"], "the other one is written");

    let (full, bundle) = (folder.at("disk/a.pcapng"), folder.at("c.tgz"));
    let mut command = clean(Command::new("unshare"));
    command.args(["--mount", "--net", "sh", "-c", script, BINARY]);
    command.env("DISK", folder.at("disk"));
    command.args(["probe", "--json", "--pcap", &full, "--bundle", &bundle]);
    command.args((1..=20).map(|port| format!("127.0.0.1:{port}")));
    let output = finished(command);
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(4), "{message}");
    assert_eq!(
        stdout(&output).lines().count(),
        20,
        "the verdicts are written"
    );
    assert!(
        message.contains("what was written until then is in"),
        "{message}"
    );
    assert!(
        message.contains(".partial\nballast\n"),
        "the capture is kept: {message}"
    );
    assert!(!unpacked(&bundle)["c/capture.pcapng"].is_empty());
}

/// A neighbour that is known but never answers: silence for as long as the time budget.
const SILENCE: &str = "ip link add near type veth peer name far \
                       && ip address add 192.0.2.1/24 dev near \
                       && ip link set near up && ip link set far up \
                       && ip neighbour add 192.0.2.9 lladdr 02:00:00:00:00:09 dev near \
                          nud permanent && exec \"$0\" probe -v 192.0.2.9:3306 \"$@\"";

/// What became of a silent run with `arguments` that was sent `signal` when its capture, in
/// `folder`, had begun.
fn signalled(signal: &str, folder: &Path, arguments: &[&str]) -> std::process::ExitStatus {
    let mut child = clean(Command::new("unshare"))
        .args(["--net", "sh", "-c", SILENCE, BINARY])
        .args(arguments)
        .stdout(Stdio::null())
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
    // The capture is written by then: at least what its first block says of the run.
    let begun = |path: &Path| std::fs::metadata(path).is_ok_and(|found| found.len() > 0);
    while !std::fs::read_dir(folder)
        .expect("a readable folder")
        .any(|entry| begun(&entry.expect("an entry").path()))
    {
        std::thread::yield_now();
    }
    let told = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(told.expect("kill runs").success());
    let mut rest = String::new();
    log.read_to_string(&mut rest).expect("text");
    child.wait().expect("it ends")
}

#[test]
fn a_run_that_is_interrupted_writes_what_it_learnt_and_one_that_is_killed_leaves_the_capture() {
    if !may_send("the interrupted probe") {
        return;
    }
    let folder = Folder::new("signals");
    let (pcap, report, bundle) = (folder.at("a.pcapng"), folder.at("a.md"), folder.at("a.tgz"));
    let arguments = ["--pcap", &pcap, "--report", &report, "--bundle", &bundle];
    let status = signalled("-KILL", &folder.0, &arguments);
    assert_eq!(status.code(), None);
    let names = folder.names();
    let partial = |name: &String| name.starts_with("a.pcapng.") && name.ends_with(".partial");
    assert!(names.len() == 1 && names.iter().all(partial), "{names:?}");
    let left = folder.at(&names[0]);
    let told = run(synquest(), &["explain", &left]);
    let code = told.status.code();
    assert!(
        matches!(code, Some(0 | 1 | 3)),
        "{code:?}: {}",
        stderr(&told)
    );
    std::fs::remove_file(left).expect("removed");

    let status = signalled("-INT", &folder.0, &arguments);
    assert_eq!(status.code(), Some(130));
    assert_eq!(folder.names(), ["a.md", "a.pcapng", "a.tgz"]);
    let files = unpacked(&bundle);
    let record: serde_json::Value =
        serde_json::from_slice(&files["a/endpoints.ndjson"]).expect("a document");
    assert_eq!(record["stats"]["interrupted"], true);
}

#[test]
fn a_bundle_holds_what_was_found_and_no_secret() {
    if !may_send("the artefacts of loopback") {
        return;
    }
    const SECRET: &str = "geheimnis-8c1f2a";
    let folder = Folder::new("bundle");
    let bundles = [folder.at("case 7.tar.zst"), folder.at("case 7.tgz")];
    let (page, text, pcap) = (
        folder.at("a.html"),
        folder.at("a.md"),
        folder.at("a.pcapng"),
    );
    let endpoint = closed();
    for bundle in &bundles {
        let mut command = synquest();
        command.env("DATABASE_PASSWORD", SECRET);
        let arguments = [
            "probe", "--json", "--seed", "7", "--force", "--bundle", bundle,
        ];
        let reports = [
            "--report", &page, "--report", &text, "--pcap", &pcap, &endpoint,
        ];
        let output = run(command, &[&arguments[..], &reports].concat());
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        assert!(stderr(&output).contains(&format!("wrote {bundle}")));
        let files = unpacked(bundle);
        let names: Vec<&str> = files.keys().map(String::as_str).collect();
        let expected = [
            "case 7/",
            "case 7/README.md",
            "case 7/capture.pcapng",
            "case 7/endpoints.ndjson",
            "case 7/environment.json",
            "case 7/environment.txt",
            "case 7/report.html",
            "case 7/report.md",
        ];
        assert_eq!(names, expected);
        let capture = std::fs::read(&pcap).expect("a capture");
        assert!(
            files["case 7/capture.pcapng"] == capture,
            "the same capture"
        );
        let told = run(synquest(), &["explain", "--json", &pcap]);
        let cause = |line: String| -> serde_json::Value {
            let document: serde_json::Value = serde_json::from_str(&line).expect("JSON");
            document["verdict"].clone()
        };
        assert_eq!(cause(stdout(&told)), cause(stdout(&output)));
        let content = |name: &str| String::from_utf8_lossy(&files[name]).into_owned();
        assert_eq!(content("case 7/endpoints.ndjson"), stdout(&output));
        let readme = content("case 7/README.md");
        assert!(
            readme.contains(&endpoint) && readme.contains("closed (proven)"),
            "{readme}"
        );
        let environment: serde_json::Value =
            serde_json::from_slice(&files["case 7/environment.json"]).expect("a document");
        assert_eq!(environment["schema"], "synquest/environment/1");
        assert_eq!(environment["interfaces"][0]["name"], "lo");
        assert_eq!(environment["ways"][0]["endpoint"], endpoint.as_str());
        assert!(content("case 7/environment.txt").contains("net.ipv4.tcp_timestamps = "));

        let key = Settings {
            seed: Some(7),
            ..Settings::default()
        };
        let key = key.key().expect("a key").0;
        let hex: String = key.iter().map(|octet| format!("{octet:02x}")).collect();
        let mut secrets = vec![SECRET.as_bytes().to_vec(), b"DATABASE_PASSWORD".to_vec()];
        secrets.extend([key.to_vec(), hex.to_uppercase().into(), hex.into()]);

        let home = std::env::var("PATH").unwrap_or_default();
        secrets.extend((home.len() > 10).then(|| home.into_bytes()));
        let reports =
            [&page, &text, &pcap].map(|path| (path.clone(), std::fs::read(path).expect(path)));
        for (name, content) in files.into_iter().chain(reports) {
            for secret in &secrets {
                let found = content.windows(secret.len()).any(|part| part == secret);
                assert!(!found, "{name} holds {}", String::from_utf8_lossy(secret));
            }
        }
    }
}

#[test]
fn a_bundle_tells_which_of_this_hosts_own_rules_stopped_the_probes_and_nothing_else_of_them() {
    if !may_send("the firewalled probe") || !Path::new("/usr/sbin/nft").exists() {
        return;
    }
    let folder = Folder::new("firewall");
    let bundle = folder.at("a.tgz");
    let rules = "ip link set lo up && nft add table inet own \
                 && nft add chain inet own in '{ type filter hook input priority 0; }' \
                 && nft add set inet own peers '{ type ipv4_addr; elements = { 198.51.100.77 }; }' \
                 && nft add rule inet own in ip saddr @peers counter drop comment hush \
                 && nft add rule inet own in tcp dport 3306 counter drop comment hush \
                 && exec \"$0\" \"$@\"";
    let mut command = clean(Command::new("unshare"));
    command.args(["--net", "sh", "-c", rules, BINARY]);
    let arguments = ["probe", "-q", "--max-time", "3s", "--bundle", &bundle];
    let output = run(command, &[&arguments[..], &["127.0.0.1:3306"]].concat());
    assert!(output.status.code() < Some(4), "{}", stderr(&output));
    let files = unpacked(&bundle);
    let environment: serde_json::Value =
        serde_json::from_slice(&files["a/environment.json"]).expect("a document");
    let moved = environment["firewall"]["moved"].as_array().expect("a list");
    assert_eq!(moved.len(), 1, "{environment}");
    assert_eq!(moved[0]["chain"], "inet own in");
    assert_eq!(
        (&moved[0]["number"], &moved[0]["action"]),
        (&2.into(), &"drop".into())
    );
    assert!(moved[0]["packets"].as_u64() > Some(0));
    for (name, content) in files {
        let content = String::from_utf8_lossy(&content);
        assert!(
            !content.contains("198.51.100.77") && !content.contains("hush"),
            "{name}"
        );
    }
}
