//! The HTML form of a sweep: one self-contained page with the summary, the groups, the tree of paths,
//! a table of the endpoints and, of those that matter most, the whole diagnosis.
//!
//! No script and no server: the table's rows carry their rank in every order, and radio buttons
//! choose by style alone which rank counts.

use askama::Template;

use super::brief::Standing;
use super::chart::{self, Chart, WIDTH};
use super::group::ResultGroup;
use super::listing::{ListedResult, Listing, Rank};
use super::summary::Summary;
use super::text;
use crate::report::document::Piece;
use crate::report::words::{counted, span};
use crate::report::{cause_text, html};

/// Most groups that have a section; the JSON document holds all.
const MOST_GROUPS: usize = 100;
/// Most members of a group that are named.
const MOST_MEMBERS: usize = 8;

/// The page about a sweep.
///
/// # Panics
///
/// Never: a template that writes into a string cannot fail.
pub fn page(summary: &Summary, listing: &Listing) -> String {
    let groups = summary.groups.iter().take(MOST_GROUPS);
    let more = summary.groups.len().saturating_sub(MOST_GROUPS);
    SweepPage {
        summary,
        headline: summary.headline(),
        judgement: summary.judgement(),
        groups: groups.map(Card::of).collect(),
        more_groups: (more > 0).then(|| format!("{more} smaller groups are not listed here.")),
        chart: chart::draw(&summary.tree),
        facts: facts(summary),
        standings: standings(summary),
        grouped: summary.tally.has_groups(),
        rows: rows(listing),
        left_out: listing.left_out,
        diagnoses: diagnoses(listing),
        program: env!("CARGO_PKG_VERSION"),
    }
    .to_string()
}

#[derive(Template)]
#[template(path = "sweep.html", config = "src/report/templates/askama.toml")]
struct SweepPage<'a> {
    summary: &'a Summary,
    headline: String,
    judgement: Option<String>,
    groups: Vec<Card<'a>>,
    more_groups: Option<String>,
    chart: Option<Chart>,
    facts: Vec<(&'static str, String)>,
    /// Class, words and number of each kind of row that the reader may hide.
    standings: Vec<(&'static str, &'static str, u64)>,
    /// Whether the list files its endpoints under groups.
    grouped: bool,
    rows: Vec<ResultRow<'a>>,
    left_out: u64,
    diagnoses: Vec<Diagnosis>,
    program: &'static str,
}

/// One group.
struct Card<'a> {
    group: &'a ResultGroup,
    tone: &'static str,
    description: String,
    meaning: &'static str,
    members: String,
    files: Option<String>,
    advice: Vec<Piece<'a>>,
    worded_for: Option<String>,
}

/// One row of the table.
struct ResultRow<'a> {
    entry: &'a ListedResult,
    tone: &'static str,
    ranks: Ranks,
    lines: String,
    rtt: String,
    /// Number of the whole diagnosis, where the page has it.
    diagnosis: Option<usize>,
}

/// Where a row stands in each order.
#[derive(Clone, Copy, Debug, Default)]
struct Ranks {
    endpoint: usize,
    group: usize,
    verdict: usize,
    place: usize,
    rtt: usize,
    line: usize,
}

/// One diagnosis, told in full.
struct Diagnosis {
    number: usize,
    name: String,
    words: String,
    section: String,
}

impl<'a> Card<'a> {
    fn of(group: &'a ResultGroup) -> Self {
        let advice = group.advice.iter();
        Self {
            group,
            tone: chart::tone(group.standing),
            description: text::description(group),
            meaning: cause_text::meaning(&group.cause),
            members: text::members(group, MOST_MEMBERS),
            files: text::files(group),
            advice: advice
                .filter(|_| group.standing != Standing::Fine)
                .map(Piece::of)
                .collect(),
            worded_for: text::worded_for(group),
        }
    }
}

fn rows(listing: &Listing) -> Vec<ResultRow<'_>> {
    let told: Vec<&_> = listing.diagnoses.keys().map(|(_, _, rank)| rank).collect();
    let mut rows: Vec<ResultRow<'_>> = listing
        .rows
        .iter()
        .map(|(rank, entry)| ResultRow {
            entry,
            tone: chart::tone(entry.standing),
            ranks: Ranks::default(),
            lines: joined(&entry.lines),
            rtt: entry.rtt_us.map_or(String::new(), span),
            diagnosis: told.iter().position(|told| *told == rank).map(|at| at + 1),
        })
        .collect();
    let results: Vec<(&Rank, &ListedResult)> = listing.rows.iter().collect();
    rank(
        &mut rows,
        &results,
        |(rank, _)| &rank.endpoint,
        |ranks| &mut ranks.endpoint,
    );
    rank(
        &mut rows,
        &results,
        |(_, entry)| &entry.group,
        |ranks| &mut ranks.group,
    );
    rank(
        &mut rows,
        &results,
        |(_, entry)| (&entry.state, &entry.cause, &entry.confidence),
        |ranks| &mut ranks.verdict,
    );
    rank(
        &mut rows,
        &results,
        |(_, entry)| &entry.place,
        |ranks| &mut ranks.place,
    );
    // Who never answered comes last.
    rank(
        &mut rows,
        &results,
        |(_, entry)| entry.rtt_us.unwrap_or(u64::MAX),
        |ranks| &mut ranks.rtt,
    );
    rank(
        &mut rows,
        &results,
        |(_, entry)| entry.lines.first(),
        |ranks| &mut ranks.line,
    );
    rows
}

/// Gives every row its rank in the order of `key`, from 1; what is equal has one rank.
fn rank<'a, K: Ord>(
    rows: &mut [ResultRow<'_>],
    results: &[(&'a Rank, &'a ListedResult)],
    key: impl Fn(&(&'a Rank, &'a ListedResult)) -> K,
    of: impl Fn(&mut Ranks) -> &mut usize,
) {
    let mut order: Vec<(K, &mut ResultRow<'_>)> = results.iter().map(key).zip(rows).collect();
    order.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut rank = 0;
    let mut above: Option<K> = None;
    for (key, row) in order {
        if above.as_ref() != Some(&key) {
            rank += 1;
        }
        above = Some(key);
        *of(&mut row.ranks) = rank;
    }
}

fn diagnoses(listing: &Listing) -> Vec<Diagnosis> {
    let told = listing.diagnoses.values().zip(1..);
    told.map(|(record, number)| Diagnosis {
        number,
        name: crate::report::text::name(&record.endpoint),
        words: crate::report::text::verdict_words(record),
        section: html::section(record, number),
    })
    .collect()
}

fn standings(summary: &Summary) -> Vec<(&'static str, &'static str, u64)> {
    let words = [
        (Standing::Unexpected, "not as expected"),
        (Standing::NotOpen, "not open"),
        (Standing::Undecided, "undecided"),
        (Standing::Fine, "as it should be"),
    ];
    words
        .into_iter()
        .map(|(standing, words)| (standing.word(), words, summary.tally.standing(standing)))
        .filter(|(_, _, count)| *count > 0)
        .collect()
}

/// What the run was and what it cost, as names and values.
pub(super) fn facts(summary: &Summary) -> Vec<(&'static str, String)> {
    let facts = &summary.facts;
    let mut rows = vec![
        ("program", format!("synquest {}", env!("CARGO_PKG_VERSION"))),
        ("began", facts.started.clone()),
        (
            "tested",
            counted(summary.tally.endpoints, "endpoint", "endpoints"),
        ),
        ("sent", counted(facts.probes_sent, "probe", "probes")),
        ("heard", counted(facts.replies, "reply", "replies")),
    ];
    if let Some(elapsed) = facts.elapsed_us {
        rows.push(("took", span(elapsed)));
    }
    if summary.missing() > 0 {
        rows.push(("without a result", summary.missing().to_string()));
    }
    if facts.receive_drops > 0 {
        rows.push(("frames lost here", facts.receive_drops.to_string()));
    }
    rows
}

fn joined(lines: &[u64]) -> String {
    let numbers: Vec<String> = lines.iter().map(u64::to_string).collect();
    numbers.join(", ")
}
