//! The HTML form of a sweep: one self-contained page with the summary, the groups, the tree of paths,
//! a table of the endpoints and, of those that matter most, the whole inquest.
//!
//! No script and no server: the table's rows carry their rank in every order, and radio buttons
//! choose by style alone which rank counts.

use askama::Template;

use super::brief::Standing;
use super::chart::{self, Chart, WIDTH};
use super::group::Group;
use super::listing::{Entry, Listing};
use super::summary::Summary;
use super::text;
use crate::report::words::{counted, span};
use crate::report::{gloss, html};

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
    Page {
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
        inquests: inquests(listing),
        program: env!("CARGO_PKG_VERSION"),
    }
    .to_string()
}

#[derive(Template)]
#[template(path = "sweep.html", config = "src/report/templates/askama.toml")]
struct Page<'a> {
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
    rows: Vec<Row<'a>>,
    left_out: u64,
    inquests: Vec<Inquest>,
    program: &'static str,
}

/// One group.
struct Card<'a> {
    group: &'a Group,
    tone: &'static str,
    description: String,
    meaning: &'static str,
    members: String,
    files: Option<String>,
    advice: Vec<(String, &'a str, Option<&'a str>)>,
    worded_for: Option<String>,
}

/// One row of the table.
struct Row<'a> {
    entry: &'a Entry,
    tone: &'static str,
    ranks: Ranks,
    lines: String,
    rtt: String,
    /// Number of the whole inquest, where the page has it.
    inquest: Option<usize>,
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

/// One inquest, told in full.
struct Inquest {
    number: usize,
    name: String,
    words: String,
    section: String,
}

impl<'a> Card<'a> {
    fn of(group: &'a Group) -> Self {
        let advice = group.advice.iter();
        Self {
            group,
            tone: chart::tone(group.standing),
            description: text::description(group),
            meaning: gloss::cause(&group.cause),
            members: text::members(group, MOST_MEMBERS),
            files: text::files(group),
            advice: advice
                .filter(|_| group.standing != Standing::Fine)
                .map(|piece| {
                    let owner = gloss::owner(&piece.owner);
                    (owner, piece.text.as_str(), piece.command.as_deref())
                })
                .collect(),
            worded_for: text::worded_for(group),
        }
    }
}

fn rows(listing: &Listing) -> Vec<Row<'_>> {
    let told: Vec<&_> = listing.inquests.keys().map(|(_, _, rank)| rank).collect();
    let mut rows: Vec<Row<'_>> = listing
        .rows
        .iter()
        .map(|(rank, entry)| Row {
            entry,
            tone: chart::tone(entry.standing),
            ranks: Ranks::default(),
            lines: joined(&entry.lines),
            rtt: entry.rtt_us.map_or(String::new(), span),
            inquest: told.iter().position(|told| *told == rank).map(|at| at + 1),
        })
        .collect();
    let ranks: Vec<_> = listing.rows.keys().collect();
    let entries: Vec<&Entry> = listing.rows.values().collect();
    rank(
        &mut rows,
        |at| ranks.get(at).map(|rank| &rank.endpoint),
        |ranks, n| ranks.endpoint = n,
    );
    rank(
        &mut rows,
        |at| entries.get(at).map(|entry| &entry.group),
        |ranks, n| ranks.group = n,
    );
    rank(
        &mut rows,
        |at| {
            entries
                .get(at)
                .map(|entry| (&entry.state, &entry.cause, &entry.confidence))
        },
        |ranks, n| ranks.verdict = n,
    );
    rank(
        &mut rows,
        |at| entries.get(at).map(|entry| &entry.place),
        |ranks, n| ranks.place = n,
    );
    rank(
        &mut rows,
        // Who never answered comes last.
        |at| {
            entries
                .get(at)
                .map(|entry| entry.rtt_us.unwrap_or(u64::MAX))
        },
        |ranks, n| ranks.rtt = n,
    );
    rank(
        &mut rows,
        |at| entries.get(at).map(|entry| entry.lines.first().copied()),
        |ranks, n| ranks.line = n,
    );
    rows
}

/// Gives every row its rank in the order of `key`, from 1; what is equal has one rank.
fn rank<K: Ord>(
    rows: &mut [Row<'_>],
    key: impl Fn(usize) -> K,
    mut set: impl FnMut(&mut Ranks, usize),
) {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_cached_key(|at| key(*at));
    let mut rank = 0;
    let mut above: Option<usize> = None;
    for at in order {
        if above.is_none_or(|above| key(above) != key(at)) {
            rank += 1;
        }
        above = Some(at);
        if let Some(row) = rows.get_mut(at) {
            set(&mut row.ranks, rank);
        }
    }
}

fn inquests(listing: &Listing) -> Vec<Inquest> {
    let told = listing.inquests.values().zip(1..);
    told.map(|(record, number)| Inquest {
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
