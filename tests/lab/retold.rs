//! Whether a trial's capture, explained, tells what was told live.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::trial::binary;

/// Where the capture of a trial goes; emptied of an earlier one.
pub(crate) fn place(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("captures");
    std::fs::create_dir_all(&folder).expect("a folder for captures");
    let path = folder.join(format!("{name}.pcapng"));
    // Fails where there is none, which is as good.
    let _gone = std::fs::remove_file(&path);
    path
}

/// What differs between the document and what its capture is explained as. The capture is kept where
/// something does. `unseen` packets are told by the notes alone, which is said.
pub(crate) fn objections(document: &Value, capture: &Path, unseen: bool) -> Vec<String> {
    let explained = Command::new(binary())
        .args(["explain", "--json"])
        .arg(capture)
        .env_clear()
        .output()
        .expect("the explainer starts");
    let errors = String::from_utf8_lossy(&explained.stderr);
    // A diagnosis that began again is told each time; the last is the one that counts.
    let lines = explained.stdout.split(|octet| *octet == b'\n');
    let last = lines
        .rev()
        .find(|line| !line.is_empty())
        .unwrap_or_default();
    let again: Value = match serde_json::from_slice(last) {
        Ok(again) => again,
        Err(error) => return vec![format!("the capture is not explained ({error}): {errors}")],
    };
    let mut objections = Vec::new();
    if unseen != errors.contains("no packet shows them") || !unseen && !errors.is_empty() {
        objections.push(format!("explaining says {errors}"));
    }
    let members = document.as_object().expect("a document is an object");
    for (name, live) in members {
        if again[name] != *live {
            objections.push(format!("{name} explained is {}, not {live}", again[name]));
        }
    }
    if objections.is_empty() {
        std::fs::remove_file(capture).expect("the capture of this trial");
    }
    objections
}
