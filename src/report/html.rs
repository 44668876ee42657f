//! The HTML form: one self-contained page for whoever must act, and who may never have heard of
//! this program. No script, nothing loaded from anywhere, nothing that a string can break out of.
//!
//! The templates hold the words of the page and its shape; what they insert passes `Shown`.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use askama::Template;
use askama::filters::{Escaper, Html};

use super::cause_text::short;
use super::document::Document;
use super::drawing::{self, BOX_X, CONTROL_X, Drawing, ENDPOINT_X, WIDTH};
use super::observed::{self, Observed};
use super::record::{HopRecord, Record};
use super::rows;
use super::timeline::{Timeline, timeline};
use super::visible::visible;
use super::words::{runs, span};
use crate::model::path::Sight;
use crate::model::word::Known;

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
    HtmlPage {
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
    SectionPage {
        section: Section::of(record, number),
        back: true,
    }
    .to_string()
}

/// What the templates are given.
#[derive(Template)]
#[template(path = "page.html", config = "src/report/templates/askama.toml")]
struct HtmlPage<'a> {
    sections: Vec<Section<'a>>,
    /// Whether there is an overview to go back to.
    back: bool,
    program: &'static str,
}

#[derive(Template)]
#[template(path = "section.html", config = "src/report/templates/askama.toml")]
struct SectionPage<'a> {
    section: Section<'a>,
    back: bool,
}

/// One document, as the templates need it.
struct Section<'a> {
    document: Document<'a>,
    /// From 1: what the ids of its elements begin with.
    number: usize,
    drawing: Drawing,
    timeline: Option<Timeline>,
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
        Self {
            document: Document::of(record),
            number,
            drawing: drawing::draw(record),
            timeline: timeline(record),
        }
    }
}

impl<'a> Deref for Section<'a> {
    type Target = Document<'a>;

    fn deref(&self) -> &Self::Target {
        &self.document
    }
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

/// What a hop is called where it never answered.
fn address(hop: &HopRecord) -> Cow<'static, str> {
    hop.address.map_or(Cow::Borrowed("no answer"), |address| {
        address.to_string().into()
    })
}

fn sight(sight: &Option<Known<Sight>>) -> &str {
    sight.as_ref().map_or("not probed", Known::word)
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
