//! The report on one record as a document, before any form: what the text, the Markdown and the HTML
//! form say alike, in a reader's words.

use super::advice::piece::Advice;
use super::catalogue::{self, Tone};
use super::flows::{Step, Steps, Window};
use super::greeting;
use super::record::Record;
use super::rivals::{Rivals, rivals};
use super::rows::{self, EvidenceRow};
use super::text::{name, verdict_words};
use super::words::{counted, span};
use super::{cause_text, remote_checks, reproduce};

/// The document of one record.
#[derive(Clone, Debug)]
pub(super) struct Document<'a> {
    pub(super) record: &'a Record,
    /// The endpoint's name, and the verdict in a line.
    pub(super) name: String,
    pub(super) words: String,
    /// `good`, `doubtful` or `bad`.
    pub(super) tone: &'static str,
    /// The host that asked, and what it was to the test.
    pub(super) here: String,
    pub(super) role: &'static str,
    /// What the owner of the first advice is asked for, and who that is.
    pub(super) act: &'static str,
    pub(super) owner: &'a str,
    pub(super) place: String,
    /// What the cause means, and what the confidence promises.
    pub(super) meaning: &'static str,
    pub(super) promise: &'static str,
    pub(super) greeting: Option<GreetingText>,
    pub(super) advice: Vec<Piece<'a>>,
    /// Rivals that are not ruled out, and those that are.
    pub(super) open: Vec<Rivals<'a>>,
    pub(super) excluded: Vec<Rivals<'a>>,
    /// What to run elsewhere: its title, where and what.
    pub(super) checks_title: &'static str,
    pub(super) checks: Vec<Steps>,
    pub(super) window: Option<Window>,
    pub(super) reproduce: Vec<Step>,
    pub(super) rows: Vec<EvidenceRow>,
    /// Whether the evidence names packets of a capture.
    pub(super) captured: bool,
    /// What the run was and what it cost, as names and values.
    pub(super) run: Vec<(&'static str, String)>,
}

/// How the server greeted one full connection.
#[derive(Clone, Debug)]
pub(super) struct GreetingText {
    pub(super) sentence: &'static str,
    pub(super) rows: Vec<(&'static str, String)>,
}

/// A piece of advice, for a reader who did not run the test.
#[derive(Clone, Debug)]
pub(super) struct Piece<'a> {
    pub(super) owner: &'a str,
    pub(super) text: &'a str,
    pub(super) command: Option<&'a str>,
}

impl<'a> Document<'a> {
    pub(super) fn of(record: &'a Record) -> Self {
        let verdict = &record.verdict;
        Self {
            record,
            name: name(&record.endpoint),
            words: verdict_words(record),
            tone: match catalogue::of(&verdict.cause).map(|row| row.tone) {
                Some(Tone::Good) => "good",
                Some(Tone::Doubtful) => "doubtful",
                Some(Tone::Bad) | None => "bad",
            },
            here: cause_text::here(record),
            role: cause_text::role(record),
            act: cause_text::act(record),
            owner: cause_text::first_owner(record),
            place: cause_text::place(record),
            meaning: cause_text::meaning(&verdict.cause),
            promise: cause_text::promise(&verdict.confidence),
            greeting: record.greeting.as_ref().map(|greeting| GreetingText {
                sentence: greeting::sentence(greeting),
                rows: greeting::rows(greeting),
            }),
            advice: record.advice.iter().map(Piece::of).collect(),
            open: rivals(record, false),
            excluded: rivals(record, true),
            checks_title: remote_checks::title(record),
            checks: remote_checks::steps(record),
            window: Window::of(record),
            reproduce: reproduce::steps(record),
            rows: rows::rows(record),
            captured: rows::captured(record),
            run: run(record),
        }
    }
}

impl<'a> Piece<'a> {
    pub(super) fn of(advice: &'a Advice) -> Self {
        Self {
            owner: cause_text::owner(&advice.owner),
            text: &advice.text,
            command: advice.command.as_deref(),
        }
    }
}

/// What the run was and what it cost, as names and values.
fn run(record: &Record) -> Vec<(&'static str, String)> {
    let (stats, local) = (&record.stats, &record.local);
    let mut rows = vec![
        ("program", format!("synquest {}", record.run.version)),
        ("began", record.run.started.clone()),
        ("took", span(stats.elapsed_us)),
        ("from", format!("{} on {}", local.source, local.interface)),
        (
            "gateway",
            local
                .gateway
                .map_or("none: the target is on the link".to_owned(), |g| {
                    g.to_string()
                }),
        ),
        (
            "route's MTU",
            counted(u64::from(local.mtu), "octet", "octets"),
        ),
        ("sent", counted(stats.probes_sent, "probe", "probes")),
        ("heard", counted(stats.replies, "reply", "replies")),
    ];
    if let Some([low, high]) = stats.loss_estimate {
        let percent = format!("{:.0} to {:.0} %", 100.0 * low, 100.0 * high);
        rows.push(("loss on the path", percent));
    }
    if stats.strays > 0 {
        rows.push(("strays ignored", stats.strays.to_string()));
    }
    if stats.receive_drops > 0 {
        rows.push(("frames lost here", stats.receive_drops.to_string()));
    }
    let seed = record.run.seed.map(|seed| seed.to_string());
    rows.push(("seed", seed.unwrap_or_else(|| "none given".to_owned())));
    rows.push(("document", record.schema.clone()));
    rows
}
