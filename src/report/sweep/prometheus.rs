//! The Prometheus form, for a node exporter's textfile collector: the classic text format
//! (exposition format 0.0.4), no timestamps, labels whose values are words of the contract or, for
//! groups of the list, bounded in number.
//!
//! Everything is a gauge: the file tells of the last sweep, and nothing in it only grows.

use std::cmp::Reverse;
use std::fmt::Write as _;

use super::brief::Standing;
use super::summary::Summary;
use super::tally::Share;
use crate::report::visible::visible;

/// Most groups of the list that are told apart: the largest.
pub const MOST_GROUPS: usize = 50;
/// What the other groups are called. The empty name is that of no group.
pub const OTHER_GROUPS: &str = "(other groups)";

/// The metrics of `summary`, which ended `ended_at`, in seconds since the epoch.
pub fn metrics(summary: &Summary, version: &str, ended_at: f64) -> String {
    let mut page = Metrics::default();
    let tally = &summary.tally;
    page.family(
        "synquest_build_info",
        "Version of the program that wrote this file.",
    );
    page.sample(&[("version", version)], 1.0);
    page.family(
        "synquest_sweep_endpoints",
        "Endpoints of the last sweep by the words of their verdicts.",
    );
    for (kind, count) in &tally.kinds {
        page.sample(
            &[
                ("state", kind.state.word()),
                ("cause", kind.cause.word()),
                ("confidence", kind.confidence.word()),
            ],
            real(*count),
        );
    }
    page.family(
        "synquest_sweep_standing_endpoints",
        "Endpoints of the last sweep by how they are: fine, not-open, undecided, or unexpected by the list.",
    );
    for standing in [
        Standing::Unexpected,
        Standing::NotOpen,
        Standing::Fine,
        Standing::Undecided,
    ] {
        page.sample(
            &[("standing", standing.word())],
            real(tally.standing(standing)),
        );
    }
    groups(&mut page, summary);
    facts(&mut page, summary, ended_at);
    page.text
}

/// What the sweep was to do and what it cost.
fn facts(page: &mut Metrics, summary: &Summary, ended_at: f64) {
    let (facts, tally) = (&summary.facts, &summary.tally);
    let mut fact = |name, help, value| {
        page.family(name, help);
        page.sample(&[], value);
    };
    fact(
        "synquest_sweep_expecting_endpoints",
        "Endpoints of the last sweep of which the list expects something.",
        real(tally.judged),
    );
    fact(
        "synquest_sweep_missing_endpoints",
        "Endpoints of the last sweep without a result.",
        real(summary.missing()),
    );
    fact(
        "synquest_sweep_interrupted",
        "Whether the last sweep was stopped before its end.",
        f64::from(u8::from(facts.interrupted)),
    );
    if let Some(elapsed) = facts.elapsed_us {
        fact(
            "synquest_sweep_duration_seconds",
            "How long the last sweep took.",
            real(elapsed) / 1e6,
        );
    }
    fact(
        "synquest_sweep_end_time_seconds",
        "When the last sweep ended, in seconds since the epoch.",
        ended_at,
    );
    fact(
        "synquest_sweep_probes_sent",
        "Probes that the last sweep sent.",
        real(facts.probes_sent),
    );
    fact(
        "synquest_sweep_replies",
        "Authenticated replies that the last sweep heard.",
        real(facts.replies),
    );
    fact(
        "synquest_sweep_receive_drops",
        "Frames that the kernel dropped during the last sweep before they were read.",
        real(facts.receive_drops),
    );
}

/// The largest groups of the list, by state; the others together.
fn groups(page: &mut Metrics, summary: &Summary) {
    let tally = &summary.tally;
    if !tally.has_groups() {
        return;
    }
    let mut all: Vec<(&str, &Share)> = tally
        .groups
        .iter()
        .map(|(name, share)| (name.as_str(), share))
        .collect();
    all.sort_by_key(|(_, share)| Reverse(share.endpoints()));
    let (told, rest) = all.split_at(all.len().min(MOST_GROUPS));
    let mut told: Vec<(&str, &Share)> = told.to_vec();
    let mut other = tally.elsewhere.clone();
    for (_, share) in rest {
        other.join(share);
    }
    if other.endpoints() > 0 {
        told.push((OTHER_GROUPS, &other));
    }
    told.sort_by_key(|(name, _)| *name);
    page.family(
        "synquest_sweep_group_endpoints",
        "Endpoints of the last sweep by group of the list and state.",
    );
    for (group, share) in &told {
        for (state, count) in &share.states {
            page.sample(&[("group", group), ("state", state.word())], real(*count));
        }
    }
    page.family(
        "synquest_sweep_group_unexpected_endpoints",
        "Endpoints of the last sweep that are not as the list expects, by group of the list.",
    );
    for (group, share) in &told {
        page.sample(&[("group", group)], real(share.unexpected));
    }
}

/// The text under construction.
#[derive(Debug, Default)]
struct Metrics {
    text: String,
    name: &'static str,
}

impl Metrics {
    /// Begins the samples of a metric.
    fn family(&mut self, name: &'static str, help: &str) {
        self.name = name;
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} gauge");
    }

    fn sample(&mut self, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<String> = labels
            .iter()
            .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
            .collect();
        let labels = match labels.as_slice() {
            [] => String::new(),
            labels => format!("{{{}}}", labels.join(",")),
        };
        let _ = writeln!(self.text, "{}{labels} {value}", self.name);
    }
}

/// `value` as it stands between the quotes of a label.
fn escaped(value: &str) -> String {
    visible(value).replace('\\', "\\\\").replace('"', "\\\"")
}

/// A count as the format has it; exact up to 2^53.
#[allow(clippy::cast_precision_loss, reason = "no sweep has 2^53 of anything")]
const fn real(count: u64) -> f64 {
    count as f64
}
