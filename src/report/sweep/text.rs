//! The summary of a sweep as text: for a tired person, what to look at first first.

use anstyle::Style;

use super::branches::{self, RowKind, TreeRow};
use super::brief::Standing;
use super::group::ResultGroup;
use super::summary::Summary;
use crate::report::page::{BAD, DOUBTFUL, FAINT, GOOD, PLAIN, Page, STRONG, columns};
use crate::report::words::{counted, span};

/// Most groups; the JSON document holds all.
const MOST_GROUPS: usize = 20;
/// Most members of a group that are named.
const MOST_MEMBERS: usize = 6;
/// Most pieces of advice on a group.
const MOST_ADVICE: usize = 3;
/// Most stops of the tree of paths.
const MOST_STOPS: usize = 40;

/// The summary, `width` columns wide, with ANSI codes.
pub fn report(summary: &Summary, width: usize) -> String {
    let mut page = Page::new(width);
    page.paragraph(STRONG, 0, &summary.headline());
    if let Some(judgement) = summary.judgement() {
        let style = match summary.tally.standing(Standing::Unexpected) {
            0 => GOOD,
            _ => BAD,
        };
        page.paragraph(style, 0, &judgement);
    }
    incomplete(&mut page, summary);
    for group in summary.groups.iter().take(MOST_GROUPS) {
        self::group(&mut page, group, summary.tally.endpoints);
    }
    if let Some(rest) = summary
        .groups
        .get(MOST_GROUPS..)
        .filter(|rest| !rest.is_empty())
    {
        let endpoints: u64 = rest.iter().map(|group| group.endpoints).sum();
        page.gap();
        page.paragraph(
            FAINT,
            0,
            &format!(
                "{endpoints} more in {} that are not listed here (--json and --report show all).",
                counted(number(rest.len()), "group", "groups")
            ),
        );
    }
    paths(&mut page, summary);
    cost(&mut page, summary);
    page.finish()
}

fn incomplete(page: &mut Page, summary: &Summary) {
    let missing = summary.missing();
    if missing > 0 {
        let words = counted(missing, "endpoint has", "endpoints have");
        page.paragraph(DOUBTFUL, 0, &format!("{words} no result."));
    }
    if summary.facts.interrupted {
        page.paragraph(DOUBTFUL, 0, "The sweep was stopped before its end.");
    }
}

fn group(page: &mut Page, group: &ResultGroup, total: u64) {
    page.gap();
    page.paragraph(
        style(group.standing),
        0,
        &format!("{} of {total} {}", group.endpoints, group.fate),
    );
    page.paragraph(PLAIN, 2, &description(group));
    page.paragraph(FAINT, 2, &members(group, MOST_MEMBERS));
    if let Some(files) = files(group) {
        page.paragraph(FAINT, 2, &files);
    }
    if group.standing == Standing::Fine {
        return;
    }
    for (piece, mark) in group.advice.iter().take(MOST_ADVICE).zip(1..) {
        let words = format!("{}: {}", piece.owner, piece.text);
        page.item(PLAIN, 2, &format!("{mark}."), 5, &words);
        if let Some(command) = &piece.command {
            page.line(STRONG, &format!("       {command}"));
        }
    }
    if let Some(remark) = worded_for(group) {
        page.paragraph(FAINT, 5, &remark);
    }
}

/// Cause, how firm, how it is refused, on how many hosts.
pub(super) fn description(group: &ResultGroup) -> String {
    let mut words = vec![group.cause.to_string()];
    let (least, greatest) = &group.confidence;
    words.push(if least == greatest {
        least.to_string()
    } else {
        format!("{least} to {greatest}")
    });
    if let Some(method) = &group.method {
        words.push(format!("with {method}"));
    }
    let hosts = counted(group.hosts, "host", "hosts");
    match (group.hosts, group.more_hosts) {
        (0, _) => {}
        (_, true) => words.push(format!("on more than {hosts}")),
        _ => words.push(format!("on {hosts}")),
    }
    if group.standing == Standing::Unexpected {
        words.push("not as the list expects".to_owned());
    }
    words.join(", ")
}

/// The names of up to `most` members.
pub(super) fn members(group: &ResultGroup, most: usize) -> String {
    let named: Vec<&str> = group
        .members
        .iter()
        .take(most)
        .map(String::as_str)
        .collect();
    let mut words = named.join(", ");
    let left = group.endpoints.saturating_sub(number(named.len()));
    if left > 0 {
        words.push_str(&format!(" and {left} more"));
    }
    words
}

/// How many are in which group of the list; `None` when the list has no groups.
pub(super) fn files(group: &ResultGroup) -> Option<String> {
    let files = group.files.iter();
    let mut words: Vec<String> = files
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    if group.more_files {
        words.push("others".to_owned());
    }
    (!words.is_empty()).then(|| format!("By group of the list: {}", words.join(", ")))
}

/// For whom the advice is worded, where it is not the same for all.
pub(super) fn worded_for(group: &ResultGroup) -> Option<String> {
    let first = group.members.first().filter(|_| !group.same_advice)?;
    (!group.advice.is_empty())
        .then(|| format!("Worded for {first}; the same holds for the others."))
}

fn paths(page: &mut Page, summary: &Summary) {
    let rows = branches::rows(&summary.tree, MOST_STOPS);
    if !rows.iter().any(|row| row.kind == RowKind::Hop) {
        return;
    }
    page.gap();
    page.line(STRONG, "Paths, and where they end");
    for row in &rows {
        let (style, words) = drawn(row);
        page.line(style, &words);
    }
}

/// Columns of a row of the tree.
const COLUMNS: usize = 72;

/// A row in characters, and how it looks.
pub(super) fn drawn(row: &TreeRow) -> (Style, String) {
    let (look, sign) = match row.kind {
        RowKind::Host | RowKind::Hop => (PLAIN, String::new()),
        RowKind::Silent | RowKind::More => (FAINT, String::new()),
        RowKind::Mark(standing) => (style(standing), format!("{} ", sign(standing))),
    };
    let between = if row.text.is_empty() { "" } else { " " };
    let indent = "  ".repeat(row.indent);
    let words = format!("{indent}{sign}{}{between}{}", row.title, row.text);
    let count = row.endpoints.to_string();
    let gap = COLUMNS.saturating_sub(columns(&words) + columns(&count));
    (look, format!("{words}{}{count}", " ".repeat(gap.max(1))))
}

/// How a way's end is drawn.
pub(super) const fn sign(standing: Standing) -> char {
    match standing {
        Standing::Unexpected | Standing::NotOpen => '✕',
        Standing::Fine => '●',
        Standing::Undecided => '?',
    }
}

const fn style(standing: Standing) -> Style {
    match standing {
        Standing::Unexpected | Standing::NotOpen => BAD,
        Standing::Fine => GOOD,
        Standing::Undecided => DOUBTFUL,
    }
}

fn cost(page: &mut Page, summary: &Summary) {
    let facts = &summary.facts;
    let mut words = vec![
        counted(summary.tally.endpoints, "endpoint", "endpoints"),
        counted(facts.probes_sent, "probe", "probes"),
        counted(facts.replies, "reply", "replies"),
    ];
    words.extend(facts.elapsed_us.map(span));
    if facts.receive_drops > 0 {
        words.push(counted(
            facts.receive_drops,
            "frame lost here",
            "frames lost here",
        ));
    }
    page.gap();
    page.paragraph(FAINT, 0, &words.join(", "));
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
