//! What changed between two runs.

use insta::assert_snapshot;
use synquest::report::json;
use synquest::report::record::Record;
use synquest::report::sweep::brief::Brief;
use synquest::report::sweep::changes::{Baseline, Changes, Comparison, Trend};
use synquest::report::sweep::since;

use super::made::{BEHIND, FIREWALL, FIRST, SECOND, at, between, judged, place, results};
use crate::report::outcomes::{drop_path, open, record};
use crate::report::plain;

fn baseline(records: &[Record]) -> Baseline {
    let mut baseline = Baseline::default();
    for record in records {
        let line = json::document(record).expect("written");
        baseline.add(line.as_bytes()).expect("read");
    }
    baseline
}

fn changes(before: &[Record], after: &[Record], complete: bool) -> Changes {
    let mut comparison = Comparison::from(baseline(before));
    for record in after {
        comparison.add(&Brief::from(record));
    }
    comparison.finish(complete)
}

fn opened() -> Record {
    at(record(&open()), "db:3306", "10.2.0.1", &[FIRST])
}

fn dropped(confidence: &str, after: (u8, Option<&'static str>)) -> Record {
    let record = at(record(&drop_path()), "db:3306", "10.2.0.1", &[FIRST]);
    judged(
        record,
        ["filtered", "drop-path", confidence],
        between(after, BEHIND),
    )
}

#[test]
fn a_change_is_told_by_which_way_it_goes() {
    let silent = || {
        let words = ["filtered", "drop-somewhere", "possible"];
        judged(opened(), words, place("unknown"))
    };
    let check = |before: Record, after: Record, trend: Option<Trend>| {
        let changes = changes(&[before], &[after], true);
        let found: Vec<Trend> = changes.changes.iter().map(|change| change.trend).collect();
        assert_eq!(found, Vec::from_iter(trend));
        assert_eq!(changes.same, u64::from(trend.is_none()));
        assert!(changes.new.is_empty() && changes.gone.is_empty());
    };
    let firm = || dropped("confirmed", FIREWALL);
    check(opened(), opened(), None);
    check(firm(), firm(), None);
    check(opened(), firm(), Some(Trend::Worse));
    check(opened(), silent(), Some(Trend::Worse));
    check(firm(), opened(), Some(Trend::Better));
    check(firm(), silent(), Some(Trend::Other));
    check(firm(), dropped("confirmed", SECOND), Some(Trend::Other));
    check(firm(), dropped("likely", FIREWALL), Some(Trend::Firmness));
    // The same distance; only that it reported this time.
    check(firm(), dropped("confirmed", (3, None)), None);
}

#[test]
fn endpoints_come_and_go_and_only_a_complete_run_misses_any() {
    let other = at(record(&open()), "new:3306", "10.2.0.9", &[]);
    let found = changes(&[opened()], std::slice::from_ref(&other), true);
    assert_eq!(found.new[0].0, "new:3306 = 10.2.0.9:3306");
    assert_eq!(found.gone[0].0, "db:3306 = 10.2.0.1:3306");
    assert!(changes(&[opened()], &[other], false).gone.is_empty());
}

#[test]
fn a_name_without_an_address_is_the_same_as_before() {
    let (_, unresolved) = results();
    let line = json::document(&unresolved).expect("written");
    let mut baseline = Baseline::default();
    baseline.add(line.as_bytes()).expect("read");
    let mut comparison = Comparison::from(baseline);
    comparison.add(&Brief::from(&unresolved));
    assert_eq!(comparison.finish(true).same, 1);
}

#[test]
fn documents_of_other_kinds_are_passed_over_and_what_is_none_is_an_error() {
    let mut baseline = Baseline::default();
    let other = br#"{"schema":"synquest/rules/1","endpoint":{"given":"x","port":1}}"#;
    baseline.add(other).expect("passed over");
    assert!(baseline.is_empty());
    assert!(baseline.add(b"{}").is_err() && baseline.add(b"nonsense").is_err());
}

#[test]
fn the_changes_read_as_their_golden_file() {
    let (before, _) = results();
    let mut after = before.clone();
    for record in &mut after[30..37] {
        *record = judged(record.clone(), ["open", "open", "proven"], place("host"));
    }
    after[37] = judged(
        after[37].clone(),
        ["filtered", "drop-host", "likely"],
        place("host"),
    );
    after[40] = judged(
        after[40].clone(),
        ["closed", "closed", "proven"],
        place("host"),
    );
    after.remove(38);
    after.push(at(record(&open()), "new:3306", "10.2.0.99", &[]));
    let changes = changes(&before, &after, true);
    assert_snapshot!("changes", plain(&since::report(&changes, "old.ndjson", 80)));
    assert_snapshot!(
        "changes-json",
        serde_json::to_string_pretty(&changes).expect("written")
    );
}
