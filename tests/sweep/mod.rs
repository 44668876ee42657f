//! Sweeps from outside: lists, results, a process killed at any moment, a full disk, shards.
//!
//! What is sent here stays in a network namespace that the test made, on its loopback: every port of
//! it is closed, so each endpoint settles in a moment.

#![allow(
    clippy::expect_used,
    reason = "a test fails by panicking, also in its helpers"
)]

mod continued;
mod lists;
mod recorded;
mod shards;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::cli::{BINARY, clean};

/// A folder of its own for each test, removed afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let name = format!("sweep-{test}-{}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    /// The path of `name` in it, as an argument.
    fn at(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.at(name);
        std::fs::write(&path, text).expect("a file");
        path
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.at(name)).expect(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The program in a namespace of its own, after `script`, with `arguments` in `$@`. The process
/// started is, in the end, the program itself.
fn alone(script: &str, arguments: &[&str]) -> Command {
    let mut command = clean(Command::new("unshare"));
    let script = format!("ip link set lo up; {script} exec \"$0\" \"$@\"");
    command.args(["--net", "--mount", "sh", "-ec", &script, BINARY]);
    command.args(arguments);
    command.env_remove("JOB_COMPLETION_INDEX");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn ended(mut command: Command) -> Output {
    command.output().expect("the program starts")
}

/// The documents of `text`, each of which must be whole.
fn documents(text: &str) -> Vec<serde_json::Value> {
    let parsed = text.lines().map(serde_json::from_str);
    parsed.map(|line| line.expect("a whole document")).collect()
}

/// How often each endpoint stands in results.
fn counted(text: &str) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for document in documents(text) {
        let endpoint = &document["endpoint"];
        let name = format!("{} {}", endpoint["address"], endpoint["port"]);
        *counted.entry(name).or_default() += 1;
    }
    counted
}
