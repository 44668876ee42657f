//! A sweep that ended before its time, and the one that continues it.

use std::time::Duration;

use super::{Folder, alone, counted, documents, ended};
use crate::cli::{may_send, run, stderr, stdout, synquest};

/// Endpoints of the lists below.
const ENDPOINTS: usize = 256;
const LIST: &str = "127.1.0.0/24:9\n127.1.0.7:9 again\n";

fn killed_after(pause: Duration, arguments: &[&str]) -> Option<i32> {
    let mut child = alone("", arguments).spawn().expect("the program starts");
    std::thread::sleep(pause);
    // SIGKILL; whether it was already over does not matter.
    let _ = child.kill();
    child.wait().expect("it ended").code()
}

#[test]
fn killed_at_any_moment_it_loses_no_result_and_finds_none_twice() {
    if !may_send("a sweep that is killed") {
        return;
    }
    let folder = Folder::new("killed");
    let list = folder.write("list", LIST);
    let out = folder.at("out");
    let seed = 0x5eed;
    println!("seed {seed}");
    let mut chance = fastrand::Rng::with_seed(seed);
    let sweep = [
        "sweep", &list, "--expand", "--resume", "-q", "-o", &out, "--rate", "100",
    ];
    let mut before = 0;
    let mut kills = 0;
    loop {
        // Now before the first result, which takes the better part of a second, now after some.
        let pause = Duration::from_millis(chance.u64(50..2_000));
        let code = killed_after(pause, &sweep);
        let text = std::fs::read_to_string(&out).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let found = counted(whole);
        assert!(found.values().all(|count| *count == 1), "{found:?}");
        assert!(
            found.len() >= before,
            "lost {} results",
            before - found.len()
        );
        before = found.len();
        if code.is_some() {
            break;
        }
        kills += 1;
        assert!(kills < 500, "it gets on");
    }
    assert!(kills > 2, "it was killed before it was done: {kills} times");
    let output = ended(alone("", &sweep));
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let text = folder.read("out");
    assert!(text.ends_with('\n'));
    assert_eq!(counted(&text).len(), ENDPOINTS);
    assert_eq!(documents(&text).len(), ENDPOINTS);
}

#[test]
fn a_torn_record_is_repaired_and_another_sweep_is_refused() {
    if !may_send("a sweep that is continued") {
        return;
    }
    let folder = Folder::new("torn");
    let list = folder.write("list", LIST);
    let out = folder.at("out");
    let sweep = |more: &[&str]| {
        let arguments = ["sweep", &list, "--expand", "-q", "-o", &out];
        ended(alone("", &[&arguments, more].concat()))
    };
    let fast = ["--rate", "20000"];
    assert_eq!(sweep(&fast).status.code(), Some(1));
    let whole = folder.read("out");
    // A record torn in the middle, one lost from the middle, noise.
    let lines: Vec<&str> = whole.lines().collect();
    let torn = format!(
        "{}\n\0\0noise\n{}\n{}",
        lines[0],
        lines[1..200].join("\n"),
        &lines[200][..50]
    );
    folder.write("out", &torn);
    let output = sweep(&["--resume"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let text = folder.read("out");
    assert_eq!(documents(&text).len(), ENDPOINTS);
    assert_eq!(counted(&text).len(), ENDPOINTS);
    for line in &lines[..200] {
        assert!(
            text.contains(line),
            "a result that was whole is kept as it was"
        );
    }
    let check = |more: &[&str], named: &str| {
        let output = sweep(more);
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains(named), "{message}");
        assert_eq!(folder.read("out"), text, "left alone");
    };
    check(&[], "--resume");
    check(
        &["--resume", "--quick"],
        "no --quick, and now it is --quick",
    );
    check(&["--resume", "--seed", "9"], "--seed");
    assert_eq!(
        sweep(&["--resume", "--rate", "50"]).status.code(),
        Some(1),
        "the rate may change"
    );
    folder.write("list", "127.1.0.0/25:9\n");
    check(&["--resume"], "another list");
    folder.write("list", LIST);
    std::fs::remove_file(folder.at("out.journal")).expect("a journal");
    check(&["--resume"], "out.journal is missing");
}

#[test]
fn a_full_disk_ends_it_with_4_and_whole_results_and_room_lets_it_go_on() {
    if !may_send("a sweep on a full disk") {
        return;
    }
    let folder = Folder::new("full");
    let list = folder.write("list", LIST);
    let disk = folder.at("disk");
    std::fs::create_dir(&disk).expect("a folder");
    // In one mount namespace: what is mounted here goes with it.
    let script = format!(
        "mount -t tmpfs -o size=256k none {disk}; cd {disk}; \
         code=0; \"$0\" \"$@\" || code=$?; echo first $code; \
         code=0; tail -c1 out | od -An -c; grep -c schema out; \
         mount -o remount,size=64m {disk}; \"$0\" \"$@\" --resume || code=$?; echo second $code; \
         cp out {}; exit 0;",
        folder.at("copied")
    );
    let arguments = [
        "sweep", &list, "--expand", "-q", "-o", "out", "--rate", "20000",
    ];
    let output = ended(alone(&script, &arguments));
    let (said, message) = (stdout(&output), stderr(&output));
    assert!(said.contains("first 4"), "{said}{message}");
    assert!(message.contains("No space left"), "{message}");
    assert!(message.contains("--resume"), "{message}");
    assert!(said.contains("\\n"), "the last line is whole: {said}");
    assert!(said.contains("second 1"), "{said}{message}");
    let text = folder.read("copied");
    assert_eq!(documents(&text).len(), ENDPOINTS);
    assert_eq!(counted(&text).len(), ENDPOINTS);
}

#[test]
fn a_signal_leaves_what_was_learnt_and_a_sweep_that_can_be_continued() {
    if !may_send("a sweep that is interrupted") {
        return;
    }
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let folder = Folder::new(&format!("signal{code}"));
        let list = folder.write("list", LIST);
        let out = folder.at("out");
        let sweep = ["sweep", &list, "--expand", "--resume", "-q", "-o", &out];
        let slow = [&sweep[..], &["--rate", "400"]].concat();
        let child = alone("", &slow).spawn().expect("the program starts");
        // Until the first result is there.
        while std::fs::metadata(&out).map_or(0, |file| file.len()) == 0 {
            std::thread::sleep(Duration::from_millis(20));
        }
        let told = run(
            std::process::Command::new("kill"),
            &[signal, &child.id().to_string()],
        );
        assert!(told.status.success());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        let first = documents(&folder.read("out"));
        assert!(
            !first.is_empty() && first.len() < ENDPOINTS,
            "{}",
            first.len()
        );
        let settled = first.iter().filter(|it| it["unfinished"] != true).count();
        let fast = [&sweep[..], &["--rate", "20000"]].concat();
        assert_eq!(ended(alone("", &fast)).status.code(), Some(1));
        let text = folder.read("out");
        let last = documents(&text);
        assert_eq!(last.len(), ENDPOINTS);
        assert_eq!(counted(&text).len(), ENDPOINTS);
        assert!(last.iter().all(|it| it["unfinished"] != true));
        let kept = last.iter().filter(|it| first.contains(it)).count();
        assert_eq!(kept, settled, "what had settled was not probed again");
    }
}

#[test]
fn nothing_is_resumed_where_there_is_nothing_to_write_to() {
    let output = run(synquest(), &["sweep", "-", "--resume"]);
    assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
}
