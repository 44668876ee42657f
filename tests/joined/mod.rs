//! Captures of real packets, made at two or three points of networks in namespaces of their own, joined by
//! `explain --with`: what is said is compared with the rules that were laid.

use std::path::Path;
use std::process::Command;

/// What the lab needs, by the words that ask for it.
const TOOLS: [&[&str]; 6] = [
    &["python3", "--version"],
    &["ip", "netns", "list"],
    &["iptables", "--version"],
    &["tcpdump", "--version"],
    &["dumpcap", "--version"],
    &["editcap", "--version"],
];

fn works(words: &[&str]) -> bool {
    let [program, arguments @ ..] = words else {
        return false;
    };
    let output = Command::new(program).args(arguments).output();
    output.is_ok_and(|output| output.status.success())
}

#[test]
fn what_two_points_show_is_told_as_firmly_as_they_show_it_and_no_more() {
    let missing: Vec<_> = TOOLS.iter().filter(|words| !works(words)).collect();
    if !rustix::process::geteuid().is_root() || !missing.is_empty() {
        assert!(
            std::env::var_os("CI").is_none(),
            "needs root and {missing:?}"
        );
        eprintln!("SKIPPED: the lab of two points needs root and {missing:?}");
        return;
    }
    let output = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/joined/lab.py"))
        .arg(env!("CARGO_BIN_EXE_synquest"))
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("joined-lab"))
        .output()
        .expect("python runs");
    let told = String::from_utf8_lossy(&output.stdout);
    eprintln!("{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success());
}
