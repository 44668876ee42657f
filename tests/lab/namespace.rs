//! A network namespace of our own: made by name, entered by a thread, gone when dropped.
//!
//! Nothing in the lab sends a packet except through [`Namespace::run`] and [`Namespace::enter`],
//! and both refuse to work in the machine's own network.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, Signal, kill_process_group};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// What every namespace of ours is named by; the id of the process that made it follows.
const PREFIX: &str = "synquest-";

/// A network namespace; deleted when dropped.
#[derive(Debug)]
pub(crate) struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes one namespace for each of `nodes`, named alike so that they can be told from those of
    /// other networks.
    pub(crate) fn make(nodes: &[String]) -> Vec<Self> {
        static NETWORKS: AtomicU32 = AtomicU32::new(0);
        machine();
        let network = NETWORKS.fetch_add(1, Ordering::Relaxed);
        let made: Vec<Self> = nodes
            .iter()
            .map(|node| Self {
                name: format!("{PREFIX}{}-{network}-{node}", std::process::id()),
            })
            .collect();
        let batch: String = made
            .iter()
            .map(|space| format!("netns add {}\n", space.name))
            .collect();
        feed(Command::new("ip").args(["-b", "-"]), &batch);
        made
    }

    /// Its name, as `ip netns` lists it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Calls `work` on a thread inside the namespace.
    ///
    /// # Panics
    ///
    /// When the thread would still be in the machine's own network.
    pub(crate) fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let place = File::open(Path::new("/run/netns").join(&self.name)).expect("our namespace");
        let inside = move || {
            move_into_link_name_space(place.as_fd(), Some(LinkNameSpaceType::Network))
                .expect("entering a namespace of our own");
            assert_ne!(
                &here(),
                machine(),
                "the lab never works in the machine's network"
            );
            work()
        };
        std::thread::scope(|scope| match scope.spawn(inside).join() {
            Ok(value) => value,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    }

    /// Runs `command` inside with `input` and returns what it prints.
    pub(crate) fn run(&self, command: &mut Command, input: &str) -> String {
        let output = self.enter(|| feed(command, input));
        String::from_utf8(output.stdout).expect("tools print UTF-8")
    }

    /// Starts `command` inside, as the head of a process group that ends with what is returned.
    pub(crate) fn spawn(&self, command: &mut Command) -> Group {
        let child = self.enter(|| {
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .process_group(0)
                .spawn()
        });
        Group(child.unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    /// Sets sysctls by their path under `/proc/sys`; those that this kernel does not have are an
    /// error, except where `optional`.
    pub(crate) fn set(&self, settings: &[(String, String)], optional: bool) {
        self.enter(|| {
            for (key, value) in settings {
                let path = Path::new("/proc/sys").join(key);
                match std::fs::write(&path, value) {
                    Ok(()) => {}
                    Err(_) if optional => {}
                    Err(error) => panic!("{}: {error}", path.display()),
                }
            }
        });
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // A failure leaves it to the next run's sweep; a panic here would hide the first one.
        let _ignored = Command::new("ip")
            .args(["netns", "del", &self.name])
            .stderr(Stdio::null())
            .status();
    }
}

/// A process with all its children, killed when dropped.
#[derive(Debug)]
pub(crate) struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _gone = kill_process_group(Pid::from_child(&self.0), Signal::KILL);
        let _reaped = self.0.wait();
    }
}

/// Deletes what runs that no longer exist have left behind.
pub(crate) fn sweep() {
    let Ok(folder) = std::fs::read_dir("/run/netns") else {
        return;
    };
    for entry in folder.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let maker = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split('-').next())
            .and_then(|id| id.parse::<u32>().ok());
        if maker.is_some_and(|id| !Path::new("/proc").join(id.to_string()).exists()) {
            drop(Namespace { name });
        }
    }
}

/// The network namespace the process was started in.
fn machine() -> &'static PathBuf {
    static MACHINE: OnceLock<PathBuf> = OnceLock::new();
    MACHINE.get_or_init(|| std::fs::read_link("/proc/self/ns/net").expect("/proc/self/ns/net"))
}

fn here() -> PathBuf {
    std::fs::read_link("/proc/thread-self/ns/net").expect("/proc/thread-self/ns/net")
}

/// Runs a command with `input` on its standard input.
///
/// # Panics
///
/// When it fails, with its input and what it said: a network half raised tests nothing.
fn feed(command: &mut Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    // A tool that stops reading early says why on its standard error.
    let _broken_pipe = child
        .stdin
        .take()
        .expect("a piped standard input")
        .write_all(input.as_bytes());
    let output = child.wait_with_output().expect("a child's output");
    assert!(
        output.status.success(),
        "{command:?} failed: {}\ninput:\n{input}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}
