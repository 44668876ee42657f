//! The forms of a whole sweep: golden files, and that each holds together whatever it is given.

mod changes;
mod forms;
mod hostile;
mod joined;
mod made;
mod shared;

pub(crate) use made::sweep;

use insta::assert_snapshot;
use synquest::report::sweep::brief::Brief;
use synquest::report::sweep::csv::Table;
use synquest::report::sweep::junit::Suites;
use synquest::report::sweep::{html, markdown, prometheus, text};

use super::page::check_page;
use super::plain;
use made::{facts, results};

#[test]
fn the_summary_reads_as_its_golden_file() {
    let (summary, listing) = sweep();
    assert_snapshot!("text", plain(&text::report(&summary, 80)));
    assert_snapshot!("markdown", markdown::page(&summary));
    let json = serde_json::to_string_pretty(&summary).expect("written");
    assert_snapshot!("json", json);
    let page = html::page(&summary, &listing);
    check_page(&page);
    let overview = page.split("<h3 id=\"diagnoses\">").next();
    let overview = overview.and_then(|page| page.split("</style>").nth(1));
    assert_snapshot!("html", overview.expect("a body"));
}

#[test]
fn the_text_keeps_to_its_width_but_for_commands() {
    let (summary, _) = sweep();
    for line in plain(&text::report(&summary, 80)).lines() {
        let command = line.starts_with("       ") && !line.starts_with("        ");
        assert!(command || line.chars().count() <= 80, "{line}");
    }
}

/// The table of the results from the 36th.
fn table() -> String {
    let (records, unresolved) = results();
    let mut out = Vec::new();
    let mut table = Table::begin(&mut out, &["ticket".to_owned()]).expect("begun");
    for record in records.iter().skip(35) {
        table.add(&Brief::from(record)).expect("a row");
    }
    table.add(&Brief::from(&unresolved)).expect("a row");
    table.finish().expect("written");
    String::from_utf8(out).expect("text")
}

#[test]
fn the_table_reads_as_its_golden_file() {
    assert_snapshot!("csv", table().replace("\r\n", "\n"));
}

/// The test results of the results from the 36th.
fn suites() -> String {
    let (records, unresolved) = results();
    let mut suites = Suites::default();
    for record in records.iter().skip(35) {
        suites.add(&Brief::from(record));
    }
    suites.add(&Brief::from(&unresolved));
    suites.finish(&facts())
}

#[test]
fn the_test_results_read_as_their_golden_file() {
    assert_snapshot!("junit", suites());
}

#[test]
fn the_metrics_read_as_their_golden_file() {
    let (summary, _) = sweep();
    let metrics = prometheus::metrics(&summary, "0.1.0", 1_790_000_000.5);
    assert_snapshot!("prometheus", metrics);
}
