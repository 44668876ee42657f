//! The HTML form: one self-contained page for whoever must act, and who may never have heard of
//! this program. No script, nothing loaded from anywhere, nothing that a string can break out of.
//!
//! The templates hold the words of the page and its shape; what they insert passes `Shown`.

use std::borrow::Cow;
use std::fmt;

use askama::Template;
use askama::filters::{Escaper, Html};

use super::advice::Advice;
use super::drawing::{self, BOX_X, CONTROL_X, Drawing, ENDPOINT_X, WIDTH};
use super::flows::{Step, Steps, Window};
use super::greeting::{self, GreetingRecord};
use super::observed::{self, Observed};
use super::record::{HopRecord, Record};
use super::rows::{self, Row};
use super::text::{name, verdict_words};
use super::timeline::{Timeline, timeline};
use super::visible::visible;
use super::words::{counted, runs, span};
use super::{gloss, otherside, reproduce, rivals};

/// How templates write what they insert: sanitised, then escaped for HTML.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown;

impl Escaper for Shown {
    fn write_escaped_str<W: fmt::Write>(&self, out: W, text: &str) -> fmt::Result {
        Html.write_escaped_str(out, &visible(text))
    }
}

/// The page about `records`, in their order: an overview when there are several, then a section for
/// each.
///
/// # Panics
///
/// Never: a template that writes into a string cannot fail.
pub fn page(records: &[Record]) -> String {
    let sections = records
        .iter()
        .zip(1..)
        .map(|(record, number)| Section::of(record, number));
    Page {
        sections: sections.collect(),
        back: records.len() > 1,
        program: env!("CARGO_PKG_VERSION"),
    }
    .to_string()
}

/// The section about `record` as part of another page, whose elements' ids begin with `r` and
/// `number` and which has an overview.
///
/// # Panics
///
/// Never: a template that writes into a string cannot fail.
pub(super) fn section(record: &Record, number: usize) -> String {
    Part {
        section: Section::of(record, number),
        back: true,
    }
    .to_string()
}

/// What the templates are given.
#[derive(Template)]
#[template(path = "page.html", config = "src/report/templates/askama.toml")]
struct Page<'a> {
    sections: Vec<Section<'a>>,
    /// Whether there is an overview to go back to.
    back: bool,
    program: &'static str,
}

#[derive(Template)]
#[template(path = "section.html", config = "src/report/templates/askama.toml")]
struct Part<'a> {
    section: Section<'a>,
    back: bool,
}

/// One record, as the templates need it.
struct Section<'a> {
    record: &'a Record,
    /// From 1: what the ids of its elements begin with.
    number: usize,
    name: String,
    words: String,
    /// `good`, `doubtful` or `bad`.
    tone: &'static str,
    here: String,
    standing: &'static str,
    act: &'static str,
    owner: String,
    place: String,
    other: &'static str,
    cause: &'static str,
    confidence: &'static str,
    drawing: Drawing,
    timeline: Option<Timeline>,
    open: Vec<Rival<'a>>,
    excluded: Vec<Rival<'a>>,
    basis: Vec<Citation>,
    advice: Vec<Piece<'a>>,
    greeting: Option<Greeting>,
    otherside: Vec<Steps>,
    window: Option<Window>,
    reproduce: Vec<Step>,
    rows: Vec<Row>,
    /// Whether the evidence names packets of a capture.
    captured: bool,
    run: Vec<(&'static str, String)>,
}

struct Rival<'a> {
    /// What each is called, and its word.
    causes: Vec<(&'static str, &'a str)>,
    because: &'a str,
    basis: Vec<Citation>,
}

struct Piece<'a> {
    owner: String,
    text: &'a str,
    command: Option<&'a str>,
}

/// How the server greeted one full connection.
struct Greeting {
    sentence: &'static str,
    rows: Vec<(&'static str, String)>,
}

/// A run of evidence numbers.
struct Citation {
    first: u32,
    /// Whether the table has a row of that number.
    known: bool,
    words: String,
}

impl<'a> Section<'a> {
    fn of(record: &'a Record, number: usize) -> Self {
        let verdict = &record.verdict;
        Self {
            record,
            number,
            name: name(&record.endpoint),
            words: verdict_words(record),
            tone: tone(&verdict.cause),
            here: gloss::here(record),
            standing: gloss::standing(record),
            act: gloss::act(record),
            owner: gloss::first_owner(record),
            place: gloss::place(record),
            other: otherside::title(record),
            cause: gloss::cause(&verdict.cause),
            confidence: gloss::confidence(&verdict.confidence),
            drawing: drawing::draw(record),
            timeline: timeline(record),
            open: rivalry(record, false),
            excluded: rivalry(record, true),
            basis: citations(record, &verdict.basis),
            advice: record.advice.iter().map(Piece::of).collect(),
            greeting: record.greeting.as_ref().map(Greeting::of),
            otherside: otherside::steps(record),
            window: Window::of(record),
            reproduce: reproduce::steps(record),
            rows: rows::rows(record),
            captured: rows::captured(record),
            run: run(record),
        }
    }
}

impl Greeting {
    fn of(record: &GreetingRecord) -> Self {
        Self {
            sentence: greeting::sentence(record),
            rows: greeting::rows(record),
        }
    }
}

impl<'a> Piece<'a> {
    fn of(advice: &'a Advice) -> Self {
        Self {
            owner: gloss::owner(&advice.owner),
            text: &advice.text,
            command: advice.command.as_deref(),
        }
    }
}

fn rivalry(record: &Record, ruled_out: bool) -> Vec<Rival<'_>> {
    let all = rivals::rivals(record, ruled_out).into_iter();
    all.map(|row| Rival {
        causes: row
            .causes
            .iter()
            .map(|word| (gloss::short(word), *word))
            .collect(),
        because: row.because,
        basis: citations(record, row.basis),
    })
    .collect()
}

fn citations(record: &Record, basis: &[u32]) -> Vec<Citation> {
    let words = |(first, last): &(u32, u32)| match last - first {
        0 => format!("{first}"),
        _ => format!("{first}–{last}"),
    };
    runs(basis)
        .iter()
        .map(|run| Citation {
            first: run.0,
            known: record.evidence.iter().any(|entry| entry.id == run.0),
            words: words(run),
        })
        .collect()
}

/// The tone of a cause: `good`, `doubtful` or `bad`.
fn tone(cause: &str) -> &'static str {
    match cause {
        "open" => "good",
        "open-proxied" | "intermittent" | "inconclusive" | "conflicting" | "drop-somewhere" => {
            "doubtful"
        }
        _ => "bad",
    }
}

/// What a hop is called where it never answered.
fn address(hop: &HopRecord) -> Cow<'static, str> {
    hop.address.map_or(Cow::Borrowed("no answer"), |address| {
        address.to_string().into()
    })
}

fn sight(word: &Option<String>) -> &str {
    word.as_deref().unwrap_or("not probed")
}

fn rtt(hop: &HopRecord) -> String {
    hop.rtt_us.map_or(String::new(), span)
}

fn places(observed: &Observed) -> Vec<String> {
    observed::places(observed.position)
}

fn since(micros: &u64) -> String {
    span(*micros)
}

fn packets(numbers: &[u64]) -> String {
    rows::joined(numbers)
}

/// What the run was and what it cost, as names and values.
pub(super) fn run(record: &Record) -> Vec<(&'static str, String)> {
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
