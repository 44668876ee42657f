//! The JUnit form, as Jenkins and GitLab read it: one suite for each group of the list, one case for
//! each of its lines.
//!
//! A case fails where the endpoint is not as its line expects or, where that expects nothing, is
//! decidedly not open; it is an error where the question stands. Characters that XML cannot hold
//! were escaped by [`visible`] before they get here.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::brief::{Brief, Standing};
use super::facts::Facts;
use crate::report::listed::Line;
use crate::report::place;
use crate::report::visible::visible;
use crate::report::words::named;

/// What the suite of endpoints without a group is called.
pub const NO_GROUP: &str = "no group";

/// The cases of one group.
#[derive(Clone, Debug, Default)]
struct Suite {
    tests: u64,
    failures: u64,
    errors: u64,
    micros: u64,
    cases: String,
}

/// The document under construction: keeps its text, some 200 octets an endpoint that is as it should
/// be and twice that of another.
#[derive(Clone, Debug, Default)]
pub struct Suites {
    suites: BTreeMap<String, Suite>,
}

impl Suites {
    /// Adds the cases of one result.
    pub fn add(&mut self, brief: &Brief<'_>) {
        if brief.list.is_empty() {
            self.case(brief, None);
        }
        for line in brief.list {
            self.case(brief, Some(line));
        }
    }

    fn case(&mut self, brief: &Brief<'_>, line: Option<&Line>) {
        let group = line
            .and_then(|line| line.group.as_deref())
            .unwrap_or_default();
        let suite = self.suites.entry(group.to_owned()).or_default();
        let micros = brief.record.map_or(0, |record| record.stats.elapsed_us);
        suite.tests += 1;
        suite.micros += micros;
        let label = line.and_then(|line| line.label.as_deref()).or(brief.label);
        let name = named(brief.given, brief.address, brief.port, label);
        let head = format!(
            "<testcase classname=\"{}\" name=\"{}\" time=\"{}\"",
            attribute(suite_name(group)),
            attribute(&name),
            seconds(micros)
        );
        let mut standing = brief.judged(line.and_then(|line| line.as_expected));
        if standing == Standing::Unexpected && brief.is_undecided() {
            standing = Standing::Undecided;
        }
        let element = match standing {
            Standing::Fine => {
                // Writing to a string cannot fail.
                let _ = writeln!(suite.cases, "{head}/>");
                return;
            }
            Standing::Unexpected | Standing::NotOpen => "failure",
            Standing::Undecided => "error",
        };
        match standing {
            Standing::Undecided => suite.errors += 1,
            Standing::Unexpected | Standing::NotOpen | Standing::Fine => suite.failures += 1,
        }
        let _ = writeln!(
            suite.cases,
            "{head}>\n<{element} type=\"{}\" message=\"{}\">{}</{element}>\n</testcase>",
            attribute(brief.cause.word()),
            attribute(&verdict(brief, line)),
            body(brief, line)
        );
    }

    /// The document.
    pub fn finish(self, facts: &Facts) -> String {
        let sum = |of: fn(&Suite) -> u64| self.suites.values().map(of).sum::<u64>();
        let mut document = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        let _ = writeln!(
            document,
            "<testsuites name=\"synquest\" tests=\"{}\" failures=\"{}\" errors=\"{}\" time=\"{}\">",
            sum(|suite| suite.tests),
            sum(|suite| suite.failures),
            sum(|suite| suite.errors),
            seconds(
                facts
                    .elapsed_us
                    .unwrap_or_else(|| sum(|suite| suite.micros))
            )
        );
        // ISO 8601 without a zone is what the schema asks for; ours is UTC.
        let started = facts.started.trim_end_matches('Z');
        for (group, suite) in &self.suites {
            let _ = writeln!(
                document,
                "<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"0\" \
                 time=\"{}\" timestamp=\"{}\">",
                attribute(suite_name(group)),
                suite.tests,
                suite.failures,
                suite.errors,
                seconds(suite.micros),
                attribute(started)
            );
            document.push_str(&suite.cases);
            document.push_str("</testsuite>\n");
        }
        document.push_str("</testsuites>\n");
        document
    }
}

const fn suite_name(group: &str) -> &str {
    if group.is_empty() { NO_GROUP } else { group }
}

/// The verdict and what was expected, in one line.
fn verdict(brief: &Brief<'_>, line: Option<&Line>) -> String {
    let mut words = format!("{} ({})", brief.cause, brief.confidence);
    if let Some(phrase) = brief.place.and_then(place::phrase) {
        words.push_str(&format!(", {phrase}"));
    }
    if let Some(expected) = line.and_then(|line| line.expect.as_deref()) {
        words.push_str(&format!("; expected {expected}"));
    }
    words
}

/// What else there is to say, a paragraph a line.
fn body(brief: &Brief<'_>, line: Option<&Line>) -> String {
    let mut words = vec![text(brief.summary)];
    if let Some(line) = line {
        words.push(format!("Line {} of the list.", line.line));
    }
    if let Some(advice) = brief.advice.first() {
        words.push(text(&format!("{}: {}", advice.owner, advice.text)));
    }
    words.join("\n")
}

fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

fn text(text: &str) -> String {
    let shown = visible(text).replace('&', "&amp;");
    shown.replace('<', "&lt;").replace('>', "&gt;")
}

fn attribute(value: &str) -> String {
    text(value).replace('"', "&quot;")
}
