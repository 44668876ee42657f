//! What the report writes of outcomes made by hand: golden files of the text at 80 columns and of
//! the JSON document.

#![allow(
    clippy::expect_used,
    reason = "a test fails by panicking, also in its helpers"
)]

pub(crate) mod hostile;
pub(crate) mod outcomes;
pub(crate) mod page;
pub(crate) mod sweep;

use synquest::model::outcome::Outcome;
use synquest::report::record::Record;
use synquest::report::{json, live, text};

pub(crate) use outcomes::outcomes;
use outcomes::{drop_path, local_egress, local_ingress, open, record, reject_path};

pub(crate) fn plain(styled: &str) -> String {
    anstream::adapter::strip_str(styled).to_string()
}

#[test]
fn text_reads_as_its_golden_file_at_80_columns() {
    for (name, outcome) in outcomes() {
        let text = plain(&text::report(&record(&outcome), 80));
        insta::assert_snapshot!(format!("text-{name}"), text);
    }
}

#[test]
fn text_keeps_to_its_width_but_for_commands() {
    for (name, outcome) in outcomes() {
        for line in plain(&text::report(&record(&outcome), 80)).lines() {
            let command = line.starts_with("       ") && !line.starts_with("        ");
            assert!(command || line.chars().count() <= 80, "{name}: {line}");
        }
    }
}

#[test]
fn the_line_of_a_quiet_run_and_of_the_live_view_name_endpoint_cause_and_place() {
    let lines: Vec<String> = outcomes()
        .iter()
        .map(|(_, outcome)| {
            let quiet = plain(&text::line(&record(outcome)));
            format!("{quiet}{}\n", live::line(outcome))
        })
        .collect();
    insta::assert_snapshot!("lines", lines.concat());
}

#[test]
fn nothing_from_outside_acts_on_the_terminal() {
    let record = record(&local_ingress());
    let text = text::report(&record, 80);
    assert!(!text.contains("\x1b[2J") && !text.contains('\u{202e}'));
    assert!(!text::line(&record).contains("\x1b[2J"));
    let json = json::document(&record).expect("a record is written");
    assert!(!json.contains('\x1b') && !json.contains('\u{202e}'));
}

#[test]
fn the_json_document_reads_as_its_golden_file_and_back() {
    for (name, outcome) in outcomes() {
        let record = record(&outcome);
        let line = json::document(&record).expect("a record is written");
        assert!(!line.contains('\n'), "{name}");
        let back: Record = serde_json::from_str(&line).expect("the document reads back");
        assert_eq!(back, record, "{name}");
    }
    let pretty = serde_json::to_string_pretty(&record(&drop_path())).expect("written");
    insta::assert_snapshot!("json-drop-path", pretty);
    let entries = |outcome: &Outcome| {
        serde_json::to_string_pretty(&record(outcome).evidence).expect("written")
    };
    insta::assert_snapshot!("json-evidence-reject-path", entries(&reject_path()));
    insta::assert_snapshot!("json-evidence-open", entries(&open()));
    insta::assert_snapshot!("json-evidence-local-egress", entries(&local_egress()));
}
