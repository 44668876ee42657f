//! What the forms promise to the programs that read them, and their bounds.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use roxmltree::Document;
use synquest::report::sweep::brief::Brief;
use synquest::report::sweep::csv::{COLUMNS, Table};
use synquest::report::sweep::html;
use synquest::report::sweep::junit::Suites;
use synquest::report::sweep::listing::{MOST_DIAGNOSES, MOST_ROWS};
use synquest::report::sweep::prometheus::{self, MOST_GROUPS};

use super::made::{BEHIND, FIREWALL};
use super::made::{between, gathered, results};
use super::{suites, sweep, table};
use crate::report::page::check_page;

#[test]
fn a_table_has_the_documented_columns_and_a_row_for_each_line() {
    let table = table();
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let columns = reader.headers().expect("a header").clone();
    assert_eq!(columns.get(0), Some("line"));
    assert_eq!(columns.get(columns.len() - 1), Some("ticket"));
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
    assert_eq!(rows.len(), 10);
    let lines: Vec<&str> = rows.iter().filter_map(|row| row.get(0)).collect();
    assert_eq!(
        lines,
        ["36", "37", "38", "39", "40", "41", "42", "43", "44", "45"]
    );
    assert_eq!(rows[9].get(2), Some(""), "no address");
}

#[test]
fn the_manual_names_every_column() {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("man/synquest-sweep.sections.roff");
    let manual = std::fs::read_to_string(manual).expect("a manual");
    for column in COLUMNS {
        assert!(manual.contains(&format!("\\fB{column}\\fR")), "{column}");
    }
}

#[test]
fn an_endpoint_that_two_lines_ask_for_has_two_rows_and_two_cases() {
    let (mut records, _) = results();
    let mut record = records.remove(0);
    let mut again = record.list[0].clone();
    (again.line, again.expect, again.as_expected) = (99, Some("filtered".to_owned()), Some(true));
    record.list.push(again);
    let mut out = Vec::new();
    let mut table = Table::begin(&mut out, &[]).expect("begun");
    table.add(&Brief::from(&record)).expect("two rows");
    table.finish().expect("written");
    assert_eq!(String::from_utf8(out).expect("text").lines().count(), 3);
    let mut suites = Suites::default();
    suites.add(&Brief::from(&record));
    let document = suites.finish(&super::facts());
    assert!(
        document.contains("tests=\"2\" failures=\"1\""),
        "{document}"
    );
}

#[test]
fn test_results_count_what_they_hold() {
    let document = suites();
    let document = Document::parse(&document).expect("well-formed XML");
    let root = document.root_element();
    assert_eq!(root.tag_name().name(), "testsuites");
    let number = |node: roxmltree::Node<'_, '_>, name| -> usize {
        node.attribute(name).expect(name).parse().expect("a number")
    };
    let count = |node: roxmltree::Node<'_, '_>, name: &str| {
        node.descendants()
            .filter(|node| node.has_tag_name(name))
            .count()
    };
    let elements = root.children().filter(roxmltree::Node::is_element);
    for suite in elements.chain([root]) {
        assert_eq!(number(suite, "tests"), count(suite, "testcase"));
        assert_eq!(number(suite, "failures"), count(suite, "failure"));
        assert_eq!(number(suite, "errors"), count(suite, "error"));
    }
    assert_eq!(
        (
            count(root, "testsuite"),
            count(root, "failure"),
            count(root, "error")
        ),
        (2, 6, 2)
    );
}

/// Checks the text as the exposition format 0.0.4 defines it; returns each metric's samples.
pub(super) fn check_metrics(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut samples: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut family = String::new();
    let mut helped = String::new();
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, words) = help.split_once(' ').expect("words");
            assert!(
                !words.is_empty() && !samples.contains_key(name),
                "{name} twice"
            );
            name.clone_into(&mut helped);
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a type");
            assert_eq!((name, kind), (helped.as_str(), "gauge"));
            name.clone_into(&mut family);
        } else {
            let (series, value) = line.rsplit_once(' ').expect("a value");
            value.parse::<f64>().expect("a number");
            let (name, labels) = series.split_once('{').map_or((series, ""), |(name, rest)| {
                (name, rest.strip_suffix('}').expect("closed"))
            });
            assert_eq!(name, family, "{line}");
            check_labels(labels);
            let all = samples.entry(name.to_owned()).or_default();
            assert!(!all.contains(&labels.to_owned()), "{line} twice");
            all.push(labels.to_owned());
        }
    }
    samples
}

fn check_labels(mut labels: &str) {
    while !labels.is_empty() {
        let (name, rest) = labels.split_once("=\"").expect("a label");
        assert!(
            name.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
            "{name}"
        );
        let mut end = None;
        let mut escaped = false;
        for (at, character) in rest.char_indices() {
            match (escaped, character) {
                (true, '\\' | '"' | 'n') => escaped = false,
                (true, other) => panic!("\\{other} in {rest}"),
                (false, '\\') => escaped = true,
                (false, '"') => {
                    end = Some(at);
                    break;
                }
                (false, _) => {}
            }
        }
        let rest = &rest[end.expect("a closed label") + 1..];
        labels = rest.strip_prefix(',').unwrap_or(rest);
    }
}

#[test]
fn the_metrics_keep_to_the_format_and_their_groups_to_a_number() {
    let (summary, _) = sweep();
    check_metrics(&prometheus::metrics(&summary, "0.1.0", 0.0));
    let (mut records, _) = results();
    let mut many = Vec::new();
    for number in 0..1_200 {
        let mut record = records
            .pop()
            .unwrap_or_else(|| many.last().cloned().expect("one"));
        record.list[0].group = Some(format!("group {number}"));
        many.push(record);
    }
    let (summary, _) = gathered(many.iter().map(Brief::from));
    let samples = check_metrics(&prometheus::metrics(&summary, "0.1.0", 0.0));
    let groups = &samples["synquest_sweep_group_unexpected_endpoints"];
    assert_eq!(groups.len(), MOST_GROUPS + 1);
    assert!(groups.contains(&format!("group=\"{}\"", prometheus::OTHER_GROUPS)));
    let own = [
        "synquest_sweep_endpoints",
        "synquest_sweep_standing_endpoints",
    ];
    assert!(own.iter().all(|name| samples.contains_key(*name)));
}

#[test]
fn the_client_library_reads_the_metrics() {
    let (summary, _) = sweep();
    let metrics = prometheus::metrics(&summary, "0.1.0", 0.0);
    let check = "import sys; from prometheus_client.parser import text_string_to_metric_families \
                 as read; print(sum(len(family.samples) for family in read(sys.stdin.read())))";
    let there = Command::new("python3")
        .args(["-c", "import prometheus_client"])
        .output();
    if !there.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: prometheus_client is missing");
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join("metrics.prom");
    std::fs::write(&file, &metrics).expect("written");
    let input = std::fs::File::open(&file).expect("opened");
    let output = Command::new("python3")
        .args(["-c", check])
        .stdin(input)
        .output();
    let output = output.expect("python runs");
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let samples = metrics
        .lines()
        .filter(|line| !line.starts_with('#'))
        .count();
    assert_eq!(
        said,
        samples.to_string(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_page_about_more_endpoints_than_it_holds_keeps_those_that_matter_and_says_so() {
    let (records, _) = results();
    let count = MOST_ROWS + 500;
    let many = records.iter().cycle().zip(0_u32..).map(|(record, number)| {
        let mut record = record.clone();
        let [_, a, b, c] = (number % 50_000).to_be_bytes();
        record.endpoint.address = std::net::IpAddr::from([10, a, b, c]);
        record.endpoint.given = format!("database-{number}.region.example:3306");
        record.verdict.place = between(FIREWALL, BEHIND);
        record
    });
    let many: Vec<_> = many.take(count).collect();
    let (summary, listing) = gathered(many.iter().map(Brief::from));
    let page = html::page(&summary, &listing);
    check_page(&page);
    let rows = page.matches("style=\"--e:").count();
    assert_eq!(rows, MOST_ROWS);
    assert!(page.contains("500 more are not on this page"));
    assert!(page.matches("<details class=\"diagnosis\">").count() <= MOST_DIAGNOSES);
    assert!(page.len() < 10_000_000, "{}", page.len());
    eprintln!("{} octets for {rows} rows", page.len());
}
