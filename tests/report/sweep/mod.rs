//! The forms of a whole sweep: golden files, and that each holds together whatever it is given.

mod made;

use insta::assert_snapshot;
use synquest::report::sweep::brief::Brief;
use synquest::report::sweep::csv::Table;
use synquest::report::sweep::junit::Suites;
use synquest::report::sweep::{html, markdown, prometheus, text};

use super::page::check_page;
use super::plain;
use made::{facts, results, sweep};

#[test]
fn the_summary_reads_as_its_golden_file() {
    let (summary, listing) = sweep();
    assert_snapshot!("text", plain(&text::report(&summary, 80)));
    assert_snapshot!("markdown", markdown::page(&summary));
    let json = serde_json::to_string_pretty(&summary).expect("written");
    assert_snapshot!("json", json);
    let page = html::page(&summary, &listing);
    check_page(&page);
    let overview = page
        .split("<h3 id=\"inquests\">")
        .next()
        .expect("an overview");
    let overview = overview.split("</style>").nth(1).expect("a body");
    assert_snapshot!("html", overview);
}

#[test]
fn the_text_keeps_to_its_width_but_for_commands() {
    let (summary, _) = sweep();
    for line in plain(&text::report(&summary, 80)).lines() {
        let command = line.starts_with("       ") && !line.starts_with("        ");
        assert!(command || line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn the_table_has_a_row_for_each_line_and_reads_as_its_golden_file() {
    let (records, unresolved) = results();
    let mut out = Vec::new();
    let mut table = Table::begin(&mut out, &["ticket".to_owned()]).expect("begun");
    for record in records.iter().skip(35) {
        table.add(&Brief::from(record)).expect("a row");
    }
    table.add(&Brief::from(&unresolved)).expect("a row");
    table.finish().expect("written");
    assert_snapshot!(
        "csv",
        String::from_utf8(out).expect("text").replace("\r\n", "\n")
    );
}

#[test]
fn the_test_results_read_as_their_golden_file() {
    let (records, unresolved) = results();
    let mut suites = Suites::default();
    for record in records.iter().skip(35) {
        suites.add(&Brief::from(record));
    }
    suites.add(&Brief::from(&unresolved));
    assert_snapshot!("junit", suites.finish(&facts()));
}

#[test]
fn the_metrics_read_as_their_golden_file() {
    let (summary, _) = sweep();
    assert_snapshot!(
        "prometheus",
        prometheus::metrics(&summary, "0.1.0", 1_790_000_000.5)
    );
}

#[test]
#[ignore = "writes a page to look at, where SYNQUEST_PAGE says"]
fn a_page_to_look_at() {
    let path = std::env::var("SYNQUEST_PAGE").expect("where to write");
    let (summary, listing) = sweep();
    std::fs::write(path, html::page(&summary, &listing)).expect("written");
}
