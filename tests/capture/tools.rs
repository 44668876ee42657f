//! What tests of captures need of this machine: a folder, and the programs that judge from outside.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A folder of our own, gone when dropped.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn make(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("capture-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder of our own");
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _left = std::fs::remove_dir_all(&self.0);
    }
}

/// Whether `tools` are there; says so loudly where one is not, and fails where CI is set.
pub(super) fn can_use(tools: &[&str]) -> bool {
    let is_missing = |tool: &&&str| {
        let mut command = Command::new(tool);
        let silent = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        silent.arg("--version").status().is_err()
    };
    match tools.iter().find(is_missing) {
        None => true,
        Some(tool) => {
            skip(&format!("there is no {tool}"));
            false
        }
    }
}

pub(super) fn skip(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "{why}");
    // Past the capture of passed tests' output: nobody shall take this for tested.
    let text = format!("NOT TESTED against the programs that write captures: {why}\n");
    let _unheard = std::io::stderr().write_all(text.as_bytes());
}

/// Runs a command that is to succeed.
pub(super) fn run(program: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .expect("a program that can be run");
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

pub(super) fn text(path: &Path) -> &str {
    path.to_str().expect("a path that is text")
}
