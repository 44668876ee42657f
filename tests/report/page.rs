//! The page for whoever must act, as HTML and as Markdown: golden files; that it is well formed,
//! loads nothing and links only within itself; that its commands are read by the tools they are for.

use std::collections::BTreeSet;
use std::process::Command;

use roxmltree::{Document, ParsingOptions};
use synquest::report::record::Record;
use synquest::report::visible::acts;
use synquest::report::{html, markdown};

use super::outcomes::{drop_path, outcomes, record};

/// Every record made by hand.
pub(crate) fn records() -> Vec<Record> {
    outcomes()
        .iter()
        .map(|(_, outcome)| record(outcome))
        .collect()
}

/// The page's elements.
pub(crate) fn parsed(page: &str) -> Document<'_> {
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(page, options).expect("a well-formed page")
}

/// What no page may hold, whatever its record does.
pub(crate) fn check_page(page: &str) {
    let document = parsed(page);
    let elements = || document.descendants().filter(roxmltree::Node::is_element);
    let ids: Vec<&str> = elements().filter_map(|node| node.attribute("id")).collect();
    let unique: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), unique.len(), "an id twice");
    for node in elements() {
        let name = node.tag_name().name();
        assert!(
            !["script", "link", "img", "iframe", "object", "base"].contains(&name),
            "{name}"
        );
        for attribute in node.attributes() {
            let (name, value) = (attribute.name(), attribute.value());
            assert!(!name.starts_with("on") && name != "src", "{name}");
            if name == "href" {
                let id = value.strip_prefix('#').expect("a link within the page");
                assert!(unique.contains(id), "nothing is called {id}");
            }
            if name == "aria-labelledby" {
                for id in value.split(' ') {
                    assert!(unique.contains(id), "nothing is called {id}");
                }
            }
        }
    }
    let policy = "default-src 'none'; style-src 'unsafe-inline'";
    assert!(elements().any(|node| node.attribute("content") == Some(policy)));
    let style = elements().find(|node| node.has_tag_name("style"));
    let style = style.and_then(|node| node.text()).expect("a style sheet");
    assert!(!style.contains("url(") && !style.contains("@import"));
    assert!(
        !page.chars().any(|c| c != '\n' && acts(c)),
        "something acts"
    );
}

#[test]
fn the_page_reads_as_its_golden_file() {
    for (name, outcome) in outcomes() {
        let records = [record(&outcome)];
        insta::assert_snapshot!(format!("markdown-{name}"), markdown::page(&records));
        if name == "drop-path" {
            insta::assert_snapshot!(format!("html-{name}"), html::page(&records));
        }
    }
}

#[test]
fn the_page_is_well_formed_and_loads_nothing() {
    for record in records() {
        let page = html::page(&[record]);
        check_page(&page);
        assert!(!page.contains("http:") && !page.contains("https:"));
    }
    check_page(&html::page(&[]));
    check_page(&html::page(&records()));
}

#[test]
fn several_records_are_linked_from_an_overview() {
    let page = html::page(&records());
    let document = parsed(&page);
    let overview = document
        .descendants()
        .find(|node| node.attribute("id") == Some("overview"))
        .expect("an overview");
    let links = overview.descendants().filter(|node| node.has_tag_name("a"));
    let links: Vec<&str> = links.filter_map(|node| node.attribute("href")).collect();
    let expected: Vec<String> = (1..=records().len())
        .map(|number| format!("#r{number}"))
        .collect();
    assert_eq!(links, expected);
    let single = html::page(&[record(&drop_path())]);
    assert!(!single.contains("id=\"overview\""));
}

#[test]
fn every_probe_that_a_claim_rests_on_is_linked() {
    let record = record(&drop_path());
    let page = html::page(std::slice::from_ref(&record));
    let document = parsed(&page);
    let cited = document
        .descendants()
        .filter(|node| node.attribute("class") == Some("cited") && node.has_tag_name("tr"));
    let cited: BTreeSet<String> = cited
        .filter_map(|node| node.attribute("id").map(str::to_owned))
        .collect();
    let basis = record.verdict.basis.iter().map(|id| format!("r1-e{id}"));
    assert_eq!(cited, basis.collect());
    let rivals = record.alternatives.iter().flat_map(|rival| &rival.basis);
    for id in rivals {
        assert!(page.contains(&format!("href=\"#r1-e{id}\"")), "{id}");
    }
}

#[test]
fn packet_numbers_have_columns_only_where_there_is_a_capture() {
    let mut record = record(&drop_path());
    let pages = |record: &Record| {
        let records = std::slice::from_ref(record);
        (html::page(records), markdown::page(records))
    };
    let (html, markdown) = pages(&record);
    assert!(!html.contains(">packet<") && !markdown.contains("| packet |"));
    record.evidence[0].packet = Some(7_001);
    record.evidence[0].reply_packets = vec![7_002, 7_003];
    let (html, markdown) = pages(&record);
    assert!(html.contains(">packet<") && markdown.contains("| packet |"));
    for page in [html, markdown] {
        assert!(
            page.contains("7001") && page.contains("7002, 7003"),
            "{page}"
        );
    }
}

#[test]
fn figures_without_measure_are_written_all_the_same() {
    let mut record = record(&drop_path());
    for entry in &mut record.evidence {
        entry.at_us = u64::MAX - u64::from(entry.id % 3);
        entry.details.rtt_us = Some(u64::MAX);
        entry.id = u32::MAX;
    }
    record.evidence[0].at_us = 0;
    record.evidence.truncate(1);
    for hop in &mut record.path {
        hop.ttl = 255;
    }
    record.stats.elapsed_us = u64::MAX;
    record.stats.loss_estimate = Some([f64::NAN, f64::INFINITY]);
    check_page(&html::page(std::slice::from_ref(&record)));
    assert!(!markdown::page(std::slice::from_ref(&record)).is_empty());
    record.run.started = "yesterday".to_owned();
    record.evidence.clear();
    record.path.clear();
    check_page(&html::page(&[record]));
}

/// The commands of a page, line by line.
pub(crate) fn commands(record: &Record) -> Vec<String> {
    let page = html::page(std::slice::from_ref(record));
    let document = parsed(&page);
    let lines = document.descendants().filter(|node| {
        node.has_tag_name("code") && node.parent().is_some_and(|node| node.has_tag_name("pre"))
    });
    lines
        .filter_map(|node| node.text().map(str::to_owned))
        .collect()
}

#[test]
fn tcpdump_compiles_every_filter() {
    let there = Command::new("tcpdump").arg("--version").output().is_ok();
    if !there {
        assert!(std::env::var_os("CI").is_none(), "tcpdump is missing");
        eprintln!("SKIPPED: tcpdump is missing");
        return;
    }
    let mut filters = 0;
    for (name, outcome) in outcomes() {
        for command in commands(&record(&outcome)) {
            if !command.starts_with("sudo tcpdump ") {
                continue;
            }
            let filter = command.split('\'').nth_back(1).expect("a quoted filter");
            let mut tcpdump = Command::new("tcpdump");
            let output = tcpdump.args(["-y", "LINUX_SLL2", "-d", filter]).output();
            let output = output.expect("tcpdump runs");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{name}: {filter}: {said}");
            filters += 1;
        }
    }
    assert!(filters >= outcomes().len(), "{filters}");
}
