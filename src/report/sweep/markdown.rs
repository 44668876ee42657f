//! The Markdown form of a sweep's summary, as GitHub reads it: for a ticket or a wiki.

use std::fmt::Write as _;

use super::branches::{self, RowKind};
use super::brief::Standing;
use super::group::ResultGroup;
use super::html::facts;
use super::summary::Summary;
use super::text;
use crate::report::cause_text;
use crate::report::markdown::escape::{code, fence, plain};

/// Most groups; the JSON document holds all.
const MOST_GROUPS: usize = 50;
/// Most members of a group that are named.
const MOST_MEMBERS: usize = 20;
/// Most stops of the tree of paths.
const MOST_STOPS: usize = 60;

/// Adds lines; writing into a string cannot fail.
macro_rules! line {
    ($out:expr $(, $($words:tt)+)?) => {{
        let _ = writeln!($out $(, $($words)+)?);
    }};
}

/// The summary as a page.
pub fn page(summary: &Summary) -> String {
    let mut out = String::new();
    line!(out, "# {}\n", plain(&summary.headline()));
    if let Some(judgement) = summary.judgement() {
        line!(out, "**{}**\n", plain(&judgement));
    }
    if summary.facts.interrupted {
        line!(out, "The sweep was stopped before its end.\n");
    }
    if summary.missing() > 0 {
        line!(out, "{} endpoints have no result.\n", summary.missing());
    }
    for group in summary.groups.iter().take(MOST_GROUPS) {
        self::group(&mut out, group, summary.tally.endpoints);
    }
    let left = summary.groups.len().saturating_sub(MOST_GROUPS);
    if left > 0 {
        line!(out, "And {left} smaller groups that are not listed here.\n");
    }
    paths(&mut out, summary);
    line!(out, "## Run\n");
    line!(out, "| | |");
    line!(out, "|---|---|");
    for (name, value) in facts(summary) {
        line!(out, "| {name} | {} |", plain(&value));
    }
    out
}

fn group(out: &mut String, group: &ResultGroup, total: u64) {
    line!(
        out,
        "## {} of {total} {}\n",
        group.endpoints,
        plain(&group.fate)
    );
    line!(
        out,
        "**{}.** {}\n",
        plain(&text::description(group)),
        cause_text::meaning(&group.cause)
    );
    for name in group.members.iter().take(MOST_MEMBERS) {
        line!(out, "- {}", code(name));
    }
    let named = group.members.len().min(MOST_MEMBERS);
    let left = group
        .endpoints
        .saturating_sub(u64::try_from(named).unwrap_or(u64::MAX));
    if left > 0 {
        line!(out, "- and {left} more");
    }
    line!(out);
    if let Some(files) = text::files(group) {
        line!(out, "{}\n", plain(&files));
    }
    if group.standing == Standing::Fine || group.advice.is_empty() {
        return;
    }
    line!(out, "What to do:\n");
    for piece in &group.advice {
        line!(
            out,
            "- **{}:** {}\n",
            plain(cause_text::owner(&piece.owner)),
            plain(&piece.text)
        );
        for line in fence("sh", piece.command.as_slice()).lines() {
            if piece.command.is_some() {
                line!(out, "  {line}");
            }
        }
    }
    line!(out);
    if let Some(remark) = text::worded_for(group) {
        line!(out, "{}\n", plain(&remark));
    }
}

fn paths(out: &mut String, summary: &Summary) {
    let rows = branches::rows(&summary.tree, MOST_STOPS);
    if !rows.iter().any(|row| row.kind == RowKind::Hop) {
        return;
    }
    line!(out, "## Paths, and where they end\n");
    let lines: Vec<String> = rows
        .iter()
        .map(text::drawn)
        .map(|(_, words)| words)
        .collect();
    out.push_str(&fence("text", &lines));
    line!(
        out,
        "\nThe number is how many endpoints get there; `●` all is well, `✕` the way ends, `?` undecided.\n"
    );
}
