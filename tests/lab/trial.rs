//! One scenario in one family: raised, probed for real, judged, torn down.

use std::ffi::OsString;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::listener::DATABASE;
use super::network::Network;
use super::retold;
use super::truth::Counters;
use crate::consistent;
use crate::honest::{self, Judged};
use crate::scenario::{FamilyName, Scenario};

/// Longer than any time budget: whatever runs longer hangs.
const PATIENCE: Duration = Duration::from_secs(150);

/// What became of a trial.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The scenario's name.
    pub(crate) scenario: String,
    /// The family it ran in.
    pub(crate) family: FamilyName,
    /// The first of the causes that are right.
    pub(crate) truth: String,
    /// The document as it was printed, and what was said on standard error.
    pub(crate) printed: String,
    /// The document.
    pub(crate) document: Value,
    /// What is wrong; empty when it passed.
    pub(crate) objections: Vec<String>,
}

impl Outcome {
    /// The scenario and the family as one word.
    pub(crate) fn name(&self) -> String {
        format!("{}.{}", self.scenario, word(self.family))
    }

    /// The verdict's cause, or what stands in its place.
    pub(crate) fn cause(&self) -> &str {
        self.document["verdict"]["cause"]
            .as_str()
            .unwrap_or("(none)")
    }

    /// One line about it.
    pub(crate) fn line(&self) -> String {
        let verdict = &self.document["verdict"];
        let hop = |name: &str| match verdict["place"][name]["ttl"].as_u64() {
            Some(ttl) => format!(" {name} {ttl}"),
            None => String::new(),
        };
        format!(
            "{} {:38} {:20} {:20} {:10}{:>6.1} s {:>4} probes{}{}{}",
            if self.objections.is_empty() {
                "ok  "
            } else {
                "FAIL"
            },
            self.name(),
            self.truth,
            self.cause(),
            verdict["confidence"].as_str().unwrap_or("-"),
            honest::seconds(&self.document),
            self.document["stats"]["probes_sent"].as_u64().unwrap_or(0),
            hop("at_hop"),
            hop("after_hop"),
            hop("before_hop"),
        )
    }
}

/// The word of a family in names of files.
pub(crate) const fn word(family: FamilyName) -> &'static str {
    match family {
        FamilyName::V4 => "v4",
        FamilyName::V6 => "v6",
    }
}

/// The binary under test.
pub(crate) fn binary() -> OsString {
    std::env::var_os("SYNQUEST_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_synquest").into())
}

/// Holds the trial of `scenario` in `family`. A panic on the way is an objection like any other,
/// so that the other trials go on.
pub(crate) fn hold(scenario: &Scenario, family: FamilyName) -> Outcome {
    let mut outcome = Outcome {
        scenario: scenario.name.clone(),
        family,
        truth: scenario.expect.cause.first().cloned().unwrap_or_default(),
        printed: String::new(),
        document: Value::Null,
        objections: Vec::new(),
    };
    let attempt = std::panic::AssertUnwindSafe(|| attempt(scenario, family, &mut outcome));
    if let Err(panic) = std::panic::catch_unwind(attempt) {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        outcome
            .objections
            .push(format!("panicked: {}", text.unwrap_or("(not text)")));
    }
    outcome
}

fn attempt(scenario: &Scenario, family: FamilyName, outcome: &mut Outcome) {
    let network = Network::raise(scenario, family);
    let before = Counters::read(scenario, &network);
    let endpoint = match family {
        FamilyName::V4 => format!("{}:{DATABASE}", network.plan.probed),
        FamilyName::V6 => format!("[{}]:{DATABASE}", network.plan.probed),
    };
    let capture = retold::place(&outcome.name());
    let mut command = Command::new(binary());
    command
        .args(["probe", &endpoint, "--json", "--pcap"])
        .arg(&capture)
        .args(&scenario.arguments);
    for (name, _) in std::env::vars_os() {
        // The prober's flags have such names too.
        if name.to_string_lossy().starts_with("SYNQUEST_") {
            command.env_remove(name);
        }
    }
    let ended = network.space("prober").enter(|| run(&mut command));
    let after = Counters::read(scenario, &network);
    outcome.printed = format!("{}{}", ended.output, ended.errors);
    match serde_json::from_str(&ended.output) {
        Ok(document) => outcome.document = document,
        Err(error) => {
            let text = format!("not one JSON document ({error}); status {:?}", ended.status);
            outcome.objections.push(text);
            return;
        }
    }
    let document = &outcome.document;
    let mut objections = match honest::judge(&scenario.expect, family, document) {
        Judged::Right | Judged::Tolerated | Judged::Undecided => Vec::new(),
        Judged::TooWeak(reason) => vec![reason],
        Judged::Wrong(reasons) => reasons,
    };
    let status = exit_status(document);
    if status.is_some() && status != ended.status {
        objections.push(format!("exit status {:?}, not {status:?}", ended.status));
    }
    objections.extend(after.objections(&before, &network));
    objections.extend(retold::objections(
        document,
        &capture,
        scenario.expect.unseen,
    ));
    objections.extend(consistent::inconsistencies(document));
    outcome.objections = objections;
}

/// The exit status the contract asks for; `None` where it leaves room.
fn exit_status(document: &Value) -> Option<i32> {
    match (
        document["verdict"]["cause"].as_str()?,
        document["verdict"]["state"].as_str()?,
    ) {
        ("open", _) => Some(0),
        (cause, _) if honest::is_undecided(cause) => Some(3),
        (_, "open") => None,
        _ => Some(1),
    }
}

/// How a run of the prober ended.
struct Ended {
    output: String,
    errors: String,
    /// `None` when it was killed.
    status: Option<i32>,
}

/// A child that does not outlive us, even when we panic.
struct Leashed(Child);

impl Drop for Leashed {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn run(command: &mut Command) -> Ended {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = Leashed(child.expect("the prober starts"));
    let mut output = child.0.stdout.take().expect("a piped standard output");
    let mut errors = child.0.stderr.take().expect("a piped standard error");
    std::thread::scope(|scope| {
        let read_errors = scope.spawn(move || {
            let mut text = String::new();
            errors.read_to_string(&mut text).map(|_| text)
        });
        let read_output = scope.spawn(move || {
            let mut text = String::new();
            output.read_to_string(&mut text).map(|_| text)
        });
        const STEP: Duration = Duration::from_millis(50);
        let mut status = None;
        for _ in 0..PATIENCE.as_millis() / STEP.as_millis() {
            if let Some(ended) = child.0.try_wait().expect("waiting for a child") {
                status = ended.code();
                break;
            }
            std::thread::sleep(STEP);
        }
        drop(child);
        Ended {
            output: read_output.join().expect("a reader").expect("UTF-8"),
            errors: read_errors.join().expect("a reader").expect("UTF-8"),
            status,
        }
    })
}
