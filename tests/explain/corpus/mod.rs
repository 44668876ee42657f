//! The corpus: situations on networks of our own, captured at client, router and server at once, and
//! what `explain` makes of each capture.
//!
//! Each of the files under `situations` holds some: the network, what a script does in it with real
//! clients and servers, and beside the script what is so. Nothing that is right was ever taken from
//! `explain`. What tshark counts in every capture is compared as well.

mod check;
mod databases;
mod stage;
mod tshark;
mod wrapped;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::Deserialize;

use crate::greeting::may_run;
use crate::greeting::server::Folder;
use crate::lab::{missing, namespace};
use crate::scenario::{FamilyName, Loss, Network, Rule};
use check::Facts;
use stage::Stage;
use tshark::Reasons;

/// Situations at once, unless `SYNQUEST_CORPUS_JOBS` says otherwise: most of each is waiting.
const JOBS: usize = 32;

/// What a corpus must be to be worth the name.
const CAPTURES: usize = 120;
const SITUATIONS: usize = 60;

const TOOLS: [&str; 6] = ["tcpdump", "tshark", "python3", "curl", "nmap", "bash"];

/// One situation.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Situation {
    /// In short, for file names.
    name: String,
    #[serde(default = "v4")]
    family: FamilyName,
    /// The network, its rules from the beginning and its losses, as scenarios have them.
    #[serde(default)]
    network: Network,
    #[serde(default)]
    rule: Vec<Rule>,
    #[serde(default)]
    loss: Vec<Loss>,
    /// What serves instead of `server.py`: `mariadb`, `postgres`, `redis`, `none`.
    server: Option<String>,
    /// What goes on already when the captures begin, and for how long.
    before: Option<String>,
    #[serde(default = "second")]
    head_start_ms: u64,
    /// What is done while they run.
    does: String,
    /// The port, and the client, that the facts are about.
    #[serde(default = "database")]
    port: u16,
    client: Option<String>,
    /// The node of the capture on the way, and on which of its interfaces.
    #[serde(default = "second_router")]
    router: String,
    #[serde(default = "towards_client")]
    interface: String,
    /// The causes that are so, of any port; no other may be said at `likely` or firmer.
    truth: Vec<String>,
    /// What is so, wherever it is captured, and what is else seen at one place.
    #[serde(default)]
    all: Facts,
    #[serde(default)]
    sees: BTreeMap<String, Facts>,
    /// Where nothing of the port can be seen.
    #[serde(default)]
    unseen: Vec<String>,
    /// What the capture at the client is written anew as, besides: see [`wrapped`].
    #[serde(default)]
    wrapped: Vec<String>,
}

#[derive(Deserialize)]
struct Chapter {
    situation: Vec<Situation>,
}

fn v4() -> FamilyName {
    FamilyName::V4
}

fn second() -> u64 {
    1000
}

fn database() -> u16 {
    3306
}

fn second_router() -> String {
    "r2".to_owned()
}

fn towards_client() -> String {
    "up".to_owned()
}

impl Situation {
    /// Where it is captured: the place's name, node and interface.
    fn places(&self) -> Vec<(&'static str, &str, &str)> {
        let mut places = vec![("client", "prober", "eth0"), ("server", "target", "eth0")];
        if self.network.routers > 0 {
            places.push(("router", &self.router, &self.interface));
        }
        places
    }

    /// What is so, as seen at a place.
    fn facts(&self, place: &str) -> Facts {
        let mut facts = self.all.clone();
        facts.extend(self.sees.get(place).into_iter().flatten().map(owned));
        facts
    }
}

fn owned((key, value): (&String, &toml::Value)) -> (String, toml::Value) {
    (key.clone(), value.clone())
}

/// All situations.
fn read() -> Vec<Situation> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/explain/situations");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the situations")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    let chapters = files.iter().map(|file| {
        let text = std::fs::read_to_string(file).expect("a file");
        toml::from_str::<Chapter>(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    });
    chapters.flat_map(|chapter| chapter.situation).collect()
}

#[test]
fn what_happened_is_what_is_read_and_counted_as_tshark_counts_it() {
    let needed = [&TOOLS[..], &databases::TOOLS[..]].concat();
    if let Some(reason) = missing() {
        assert!(std::env::var_os("CI").is_none(), "the corpus: {reason}");
        return server_skip(&reason);
    }
    if !may_run("the corpus of explain", &needed) {
        return;
    }
    namespace::sweep();
    let mut all = read();
    let chosen = std::env::var("SYNQUEST_CORPUS").unwrap_or_default();
    let chosen: Vec<&str> = chosen.split_whitespace().collect();
    if !chosen.is_empty() {
        all.retain(|situation| chosen.iter().any(|name| situation.name.starts_with(name)));
    }
    let count = all.len();
    let Held {
        captures,
        objections,
        reasons,
    } = hold_all(all);
    databases::tidy();
    for objection in &objections {
        println!("{objection}");
    }
    for (reason, packets) in reasons {
        println!("{packets} packets that tshark counts are {reason}");
    }
    println!(
        "{count} situations, {captures} captures, {} objections",
        objections.len()
    );
    assert!(objections.is_empty(), "{} objections", objections.len());
    assert!(!chosen.is_empty() || count >= SITUATIONS && captures >= CAPTURES);
}

fn server_skip(reason: &str) {
    use std::io::Write as _;
    let text = format!("\n==== THE CORPUS OF EXPLAIN WAS SKIPPED: {reason} ====\n\n");
    let _unheard = std::io::stderr().write_all(text.as_bytes());
}

/// Holds all situations, several at once.
fn hold_all(mut all: Vec<Situation>) -> Held {
    let jobs = std::env::var("SYNQUEST_CORPUS_JOBS");
    let jobs = jobs.map_or(JOBS, |text| text.parse().expect("a number"));
    // Taken from the end: those that wait for a server to start begin first.
    all.sort_by_key(|situation| situation.server.is_some());
    let waiting = Mutex::new(all);
    let held = Mutex::new(Held::default());
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let Some(situation) = waiting.lock().expect("a lock").pop() else {
                        return;
                    };
                    let attempt = std::panic::AssertUnwindSafe(|| hold(&situation));
                    let outcome = std::panic::catch_unwind(attempt).unwrap_or_else(|_| Held {
                        objections: vec![format!("{}: panicked", situation.name)],
                        ..Held::default()
                    });
                    held.lock().expect("a lock").add(outcome);
                }
            });
        }
    });
    let mut held = held.into_inner().expect("a lock");
    held.objections.sort();
    held
}

/// What came of situations.
#[derive(Default)]
struct Held {
    captures: usize,
    /// What is wrong with their readings.
    objections: Vec<String>,
    reasons: Reasons,
}

impl Held {
    fn add(&mut self, other: Self) {
        self.captures += other.captures;
        self.objections.extend(other.objections);
        for (reason, count) in other.reasons {
            *self.reasons.entry(reason).or_default() += count;
        }
    }
}

fn hold(situation: &Situation) -> Held {
    let folder = Folder::make("corpus");
    let mut captures = {
        let room = folder.path("");
        let stage = Stage::raise(situation, &room);
        stage.capture()
    };
    let client = captures.first().expect("a capture").1.clone();
    for form in &situation.wrapped {
        captures.push(("client", wrapped::write(&client, form)));
    }
    let mut held = Held {
        captures: captures.len(),
        ..Held::default()
    };
    for (place, file) in &captures {
        held.objections
            .extend(check::reading(situation, place, file));
        let difference = tshark::compare(situation, place, file, &mut held.reasons);
        held.objections.extend(difference);
    }
    keep(situation, &captures, &held.objections);
    held
}

/// Leaves the captures of a situation that was read wrongly where a person finds them.
fn keep(situation: &Situation, captures: &[(&str, PathBuf)], objections: &[String]) {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("corpus")
        .join(&situation.name);
    let _old = std::fs::remove_dir_all(&kept);
    if objections.is_empty() && std::env::var_os("SYNQUEST_CORPUS").is_none() {
        return;
    }
    std::fs::create_dir_all(&kept).expect("a folder under target");
    for (_, file) in captures {
        let name = file.file_name().expect("a name");
        std::fs::copy(file, kept.join(name)).expect("a copy");
    }
}
