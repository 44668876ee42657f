//! Hostile strings in every field of a record, through every form of output: nothing in it may act
//! on the terminal, the page or the table that shows it.

#![allow(
    clippy::expect_used,
    reason = "a test fails by panicking, also in its helpers"
)]

use std::net::IpAddr;

use serde_json::Value;
use synquest::model::check::{Check, Rating};
use synquest::report::doctor::{self, Checkup};
use synquest::report::readme::{self, File};
use synquest::report::record::{Record, Run};
use synquest::report::visible::{acts, csv_field};
use synquest::report::{self, html, json, live, markdown, text};
use synquest::rules::decision::decide;
use synquest::rules::document::Document;
use synquest::rules::input;
use synquest::rules::packet::Packet;
use synquest::rules::ruleset::Family;

use crate::report::outcomes::outcomes;
use crate::report::plain;

/// What somebody might write who means ill: escape sequences of both kinds, a changed title, line
/// ends, reordered and hidden text.
const HOSTILE: &str = "\x1b[2J\x1b]0;title\x07\u{9b}31m\r\n\0\x08\x7f\u{85}\u{2028}\u{202e}\u{200b}\u{2066}\u{feff}\
     \u{ad}\u{e0041}=cmd|' /C x'!A1 <script>`x` ](javascript:x)";

/// A form of a record: its name, and how it is written, its own styling taken off.
type Form = (&'static str, fn(&Record) -> String);

/// Every form of a record.
const FORMS: [Form; 7] = [
    ("text", |record| plain(&text::report(record, 80))),
    ("line", |record| plain(&text::line(record))),
    ("json", |record| json::document(record).expect("a document")),
    ("html", |record| html::page(std::slice::from_ref(record))),
    ("markdown", |record| {
        markdown::page(std::slice::from_ref(record))
    }),
    ("readme", |record| {
        let files = [File::Html, File::Capture, File::EnvironmentText];
        readme::page(std::slice::from_ref(record), &files)
    }),
    ("csv", |record| {
        csv_field(&record.verdict.summary).into_owned()
    }),
];

/// Paths (RFC 6901) of every string in `value`.
fn strings(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(path.to_owned()),
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                strings(value, &format!("{path}/{index}"), found);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                strings(value, &format!("{path}/{name}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn check(record: &Record, field: &str) {
    for (form, write) in FORMS {
        let output = write(record);
        let acting = output.chars().find(|c| acts(*c) && *c != '\n');
        assert_eq!(acting, None, "{form} lets {field} act: {output:?}");
        let tag = form == "html" && output.contains("<script");
        assert!(!tag, "{form} lets {field} be a tag: {output:?}");
    }
}

#[test]
fn no_string_of_a_record_acts_in_any_form() {
    for (name, outcome) in outcomes() {
        let record = Record::new(&outcome, &Run::new(Some(7), "2026-11-22T12:00:00Z"));
        let calm = serde_json::to_value(&record).expect("a value");
        let mut all = calm.clone();
        let mut paths = Vec::new();
        strings(&calm, "", &mut paths);
        for path in paths {
            let mut one = calm.clone();
            *one.pointer_mut(&path).expect("a field") = Value::from(HOSTILE);
            if let Ok(record) = serde_json::from_value(one) {
                check(&record, &format!("{name}{path}"));
                *all.pointer_mut(&path).expect("a field") = Value::from(HOSTILE);
            } else {
                // Addresses are typed: they cannot hold such a string at all.
                let text = calm.pointer(&path).and_then(Value::as_str);
                let address = text.map(str::parse::<IpAddr>);
                assert!(
                    matches!(address, Some(Ok(_))),
                    "{name}{path} was not reached"
                );
            }
        }
        let all = serde_json::from_value(all).expect("a record");
        check(&all, name);
        let lines = plain(&text::line(&all)).lines().count();
        assert_eq!(lines, 1, "{name}: a line stays one");
    }
}

#[test]
fn no_string_of_an_outcome_acts_in_the_live_view() {
    for (name, mut outcome) in outcomes() {
        outcome.endpoint.given = HOSTILE.to_owned();
        outcome.endpoint.label = Some(HOSTILE.to_owned());
        outcome.vantage.interface = HOSTILE.to_owned();
        outcome.finding.verdict.summary = HOSTILE.to_owned();
        outcome.finding.notes.push(HOSTILE.to_owned());
        let line = live::line(&outcome);
        assert!(!line.contains(acts), "{name}: {line:?}");
        check(
            &Record::new(&outcome, &Run::new(None, "2026-11-22T12:00:00Z")),
            name,
        );
    }
}

#[test]
fn no_string_of_a_checkup_acts() {
    let text = || HOSTILE.to_owned();
    let checkup = Checkup::new(vec![Check {
        name: text(),
        standing: Rating::Bad,
        finding: text(),
        remedy: Some(text()),
        command: Some(text()),
    }]);
    let text = plain(&doctor::text(&checkup, 80));
    assert!(!text.contains(|c| acts(c) && c != '\n'), "{text:?}");
    let json = json::document(&checkup).expect("a document");
    assert!(!json.contains(acts), "{json:?}");
}

#[test]
fn no_string_of_a_rule_set_acts() {
    let from: IpAddr = "192.0.2.1".parse().expect("an address");
    let packet = Packet::opening(from, Some(3306));
    let json_of = |table: &str, chain: &str, jumps: &str, set: &str| {
        let rule = |chain: &str, expr: Value| {
            serde_json::json!({"rule": {"family": "inet", "table": table, "chain": chain,
                "handle": 7, "comment": HOSTILE, "expr": expr}})
        };
        serde_json::json!({"nftables": [
            {"table": {"family": "inet", "name": table}},
            {"set": {"family": "inet", "name": set, "table": table, "type": "ipv4_addr",
                "elem": [from.to_string(), HOSTILE]}},
            {"chain": {"family": "inet", "table": table, "name": chain, "type": "filter",
                "hook": "input", "prio": 0, "policy": "drop"}},
            {"chain": {"family": "inet", "table": table, "name": jumps}},
            rule(chain, serde_json::json!([{"match": {"op": "==", "left": {"meta": {"key": HOSTILE}},
                "right": HOSTILE}}, {"jump": {"target": jumps}}])),
            rule(jumps, serde_json::json!([{"match": {"op": "==", "left": {"payload": {"protocol": "ip",
                "field": "saddr"}}, "right": format!("@{set}")}}, {"drop": null}])),
        ]})
        .to_string()
    };
    let texts = [
        json_of(HOSTILE, HOSTILE, HOSTILE, HOSTILE),
        json_of("t", HOSTILE, "f2b-\u{1b}[2J", "s"),
        "*filter\n:INPUT DROP [0:0]\n-A INPUT -m comment --comment \"\u{1b}[2J\u{202e}\" -j DROP\nCOMMIT\n".to_owned(),
        format!("{HOSTILE}\n-P INPUT DROP\n"),
    ];
    for text in texts {
        match input::read(&text, Family::Ip) {
            Ok(ruleset) => {
                let document = Document::of(&ruleset, &decide(&ruleset, &packet), &[]);
                for output in [
                    plain(&report::rules::answer(&document, 80)),
                    plain(&report::rules::line(&document)),
                    json::document(&document).expect("a document"),
                ] {
                    let acting = output.chars().find(|c| acts(*c) && *c != '\n');
                    assert_eq!(acting, None, "{output:?}");
                }
            }
            Err(reason) => panic!("{reason}: {text:?}"),
        }
    }
}
