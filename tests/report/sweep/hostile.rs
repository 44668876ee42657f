//! Strings that try to leave the place they are written to, in the forms of a sweep.

use roxmltree::{Document, Node};
use synquest::report::sweep::brief::Brief;
use synquest::report::sweep::changes::{Baseline, Comparison};
use synquest::report::sweep::csv::Table;
use synquest::report::sweep::junit::Suites;
use synquest::report::sweep::{html, markdown, prometheus, since, text};
use synquest::report::visible::acts;

use super::forms::check_metrics;
use super::made::{facts, gathered, results};
use crate::report::hostile::{HOSTILE, alike, events, filled};
use crate::report::page::{check_page, parsed};
use crate::report::plain;

/// Two records full of `text`, and a name without an address that is.
fn gathered_from(
    text: &str,
) -> (
    synquest::report::sweep::summary::Summary,
    synquest::report::sweep::listing::Listing,
) {
    let records = [filled(text), filled(text)];
    let (_, mut unresolved) = results();
    unresolved.endpoint.given = text.to_owned();
    unresolved.endpoint.label = Some(text.to_owned());
    unresolved.because = text.to_owned();
    unresolved.list.clone_from(&records[0].list);
    let briefs = records.iter().map(Brief::from);
    let (mut summary, listing) = gathered(briefs.chain([Brief::from(&unresolved)]));
    summary.facts.started = text.to_owned();
    (summary, listing)
}

fn elements(document: &Document<'_>) -> Vec<(String, Vec<String>)> {
    let elements = document.descendants().filter(Node::is_element);
    elements
        .map(|node| {
            let attributes = node.attributes();
            let names = attributes.map(|attribute| attribute.name().to_owned());
            (node.tag_name().name().to_owned(), names.collect())
        })
        .collect()
}

#[test]
fn no_string_makes_an_element_of_the_page() {
    let shape = |text: &str| {
        let (summary, listing) = gathered_from(text);
        let page = html::page(&summary, &listing);
        check_page(&page);
        // Rows are sorted by what the strings say.
        let mut elements = elements(&parsed(&page));
        elements.sort();
        elements
    };
    let harmless = shape("harmless");
    for text in HOSTILE {
        alike(&shape(text), &harmless, text);
    }
}

#[test]
fn no_string_breaks_the_markdown_page() {
    let shape = |text: &str| {
        let page = markdown::page(&gathered_from(text).0);
        assert!(!page.chars().any(|c| c != '\n' && acts(c)), "{text}");
        events(&page)
    };
    let harmless = shape("harmless");
    for text in HOSTILE {
        alike(&shape(text), &harmless, text);
    }
}

#[test]
fn no_string_makes_an_element_of_the_test_results_or_a_character_xml_cannot_hold() {
    let shape = |text: &str| {
        let mut suites = Suites::default();
        suites.add(&Brief::from(&filled(text)));
        let mut facts = facts();
        facts.started = text.to_owned();
        let document = suites.finish(&facts);
        let fit = |c: char| c == '\n' || (c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}'));
        assert!(document.chars().all(fit), "{document:?}");
        elements(&Document::parse(&document).expect("well-formed XML"))
    };
    let harmless = shape("harmless");
    for text in HOSTILE {
        alike(&shape(text), &harmless, text);
    }
}

#[test]
fn no_cell_of_a_table_becomes_a_formula_or_another_cell() {
    for text in HOSTILE {
        let record = filled(text);
        let mut out = Vec::new();
        let mut table = Table::begin(&mut out, &[text.to_owned()]).expect("begun");
        table.add(&Brief::from(&record)).expect("a row");
        table.finish().expect("written");
        let mut reader = csv::Reader::from_reader(out.as_slice());
        let width = reader.headers().expect("a header").len();
        let rows: Vec<csv::StringRecord> =
            reader.records().map(|row| row.expect("a row")).collect();
        assert_eq!(rows.len(), 1, "{text}");
        assert_eq!(rows[0].len(), width, "{text}");
        for cell in &rows[0] {
            assert!(!cell.chars().any(acts), "{text}: {cell}");
            assert!(
                !cell.trim_start().starts_with(['=', '+', '-', '@']),
                "{text}: {cell}"
            );
        }
    }
}

#[test]
fn no_string_adds_a_metric_or_acts_on_the_terminal() {
    let names = |text: &str| -> Vec<String> {
        let (summary, _) = gathered_from(text);
        let metrics = prometheus::metrics(&summary, text, 0.0);
        check_metrics(&metrics).into_keys().collect()
    };
    let harmless = names("harmless");
    for text in HOSTILE {
        assert_eq!(names(text), harmless, "{text}");
        let (summary, _) = gathered_from(text);
        let report = plain(&text::report(&summary, 80));
        assert!(!report.chars().any(|c| c != '\n' && acts(c)), "{text}");
        let mut comparison = Comparison::from(Baseline::default());
        comparison.add(&Brief::from(&filled(text)));
        let report = plain(&since::report(&comparison.finish(true), text, 80));
        assert!(!report.chars().any(|c| c != '\n' && acts(c)), "{text}");
    }
}
