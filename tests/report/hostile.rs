//! Strings from users, files and networks that try to leave the place they are written to. A page
//! must have the same elements whatever they hold.

use std::process::Command;

use pulldown_cmark::{Event, Options, Parser, Tag};
use synquest::report::entry::Also;
use synquest::report::listed::Line;
use synquest::report::observed::{Attempt, Observed, Position, WouldDecide};
use synquest::report::record::Record;
use synquest::report::visible::acts;
use synquest::report::{html, markdown};

use super::outcomes::{drop_path, record};
use super::page::{check_page, commands, parsed};

pub(crate) const HOSTILE: [&str; 17] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'-alert(1)-'",
    "]]></style><b>",
    "[x](javascript:alert(1))",
    "![x](https://evil.example/x.png)",
    "<https://evil.example> www.evil.example https://evil.example",
    "a|b|c",
    "``` ```` `",
    "~~~\n```\n# heading\n- item\n\n| a |\n|---|",
    "\x1b[2J\x1b]0;owned\x07\x00\x7f\u{9b}31m\r\n",
    "\u{202e}abc\u{2066}\u{200b}\u{feff}",
    "&lt;&#60;&amp;",
    "=HYPERLINK(\"https://evil.example\")",
    "a\"} 1\nsynquest_up{x=\"\\",
    "\u{fffe}\u{ffff}\u{0}",
    "{{ 7*7 }}{% raw %}$x$ **bold** _it_ #1 @all [^1]",
];

/// `record` with `text` in every string that it holds.
pub(crate) fn filled(text: &str) -> Record {
    let mut record = record(&drop_path());
    let with = || text.to_owned();
    record.schema = with();
    record.endpoint.given = with();
    record.endpoint.label = Some(with());
    record.verdict.state = text.into();
    record.verdict.cause = text.into();
    record.verdict.confidence = text.into();
    record.verdict.method = Some(text.into());
    record.verdict.summary = with();
    record.verdict.place.kind = text.into();
    for rival in &mut record.alternatives {
        (rival.cause, rival.because) = (text.into(), with());
    }
    for advice in &mut record.advice {
        (advice.owner, advice.text) = (text.into(), with());
        advice.command = Some(with());
    }
    for hop in &mut record.path {
        (hop.endpoint_flow, hop.control_flow) = (Some(text.into()), Some(text.into()));
        hop.notes = vec![with()];
    }
    for entry in &mut record.evidence {
        (entry.probe, entry.outcome) = (text.into(), text.into());
        let details = &mut entry.details;
        (details.source_range, details.heard_by) = (Some(with()), Some(text.into()));
        details.errno = Some(with());
        details.also = vec![Also {
            at_us: 1,
            outcome: text.into(),
            from: record.endpoint.address,
            from_port: None,
            answer: None,
            arrival_ttl: 64,
        }];
    }
    record.local.interface = with();
    record.notes = vec![with(), with()];
    (record.run.version, record.run.started) = (with(), with());
    record.list = vec![Line {
        line: 7,
        label: Some(with()),
        group: Some(with()),
        expect: Some(with()),
        as_expected: Some(false),
        columns: [(with(), with())].into(),
    }];
    record.observed = Some(Observed {
        client: record.local.source,
        position: Position {
            from_client: Some(0),
            from_server: Some(3),
        },
        attempts: vec![Attempt {
            client_port: 40_001,
            at_us: 7,
            lasted_us: 1,
            syns: 3,
            resent_by_client: 1,
            resent_by_server: 0,
            resets: 0,
            session: None,
            outcome: with(),
            state: text.into(),
            cause: text.into(),
            confidence: text.into(),
            summary: with(),
            packets: vec![1, 2],
        }],
        more: 1,
        would_decide: vec![WouldDecide {
            probe: with(),
            why: with(),
            settles: vec![text.into()],
        }],
    });
    record
}

/// A record as JSON in which no string is left that `filled` forgot.
#[test]
fn no_string_of_a_record_is_forgotten() {
    let json = serde_json::to_value(filled("HOSTILE")).expect("a record is written");
    let mut left = Vec::new();
    strings(&json, &mut left);
    left.retain(|text| text != "HOSTILE" && text.parse::<std::net::IpAddr>().is_err());
    assert_eq!(left, [""; 0]);
}

fn strings(value: &serde_json::Value, found: &mut Vec<String>) {
    use serde_json::Value;
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| strings(value, found)),
        Value::Object(fields) => fields.values().for_each(|value| strings(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn no_string_makes_an_element_of_the_html_page() {
    let shape = |text: &str| {
        let page = html::page(&[filled(text), filled(text)]);
        check_page(&page);
        let document = parsed(&page);
        let elements = document.descendants().filter(roxmltree::Node::is_element);
        let names = elements.map(|node| {
            let attributes = node
                .attributes()
                .map(|attribute| attribute.name().to_owned());
            (node.tag_name().name().to_owned(), attributes.collect())
        });
        names.collect::<Vec<(String, Vec<String>)>>()
    };
    let harmless = shape("harmless");
    for text in HOSTILE {
        alike(&shape(text), &harmless, text);
    }
}

pub(crate) fn alike<T: PartialEq + std::fmt::Debug>(shape: &[T], harmless: &[T], text: &str) {
    let differs =
        (0..shape.len().max(harmless.len())).find(|at| shape.get(*at) != harmless.get(*at));
    if let Some(at) = differs {
        let (found, expected) = (shape.get(at), harmless.get(at));
        panic!("{text:?} makes {found:?} of {expected:?}, at {at}");
    }
}

/// The events of a page in Markdown but for its text.
#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "what is not text is told apart by its name alone"
)]
pub(crate) fn events(page: &str) -> Vec<String> {
    let parser = Parser::new_ext(page, Options::all());
    let kept = parser.filter_map(|event| match event {
        Event::Start(Tag::CodeBlock(kind)) => Some(format!("{kind:?}")),
        Event::Start(tag) => {
            let tag = format!("{tag:?}");
            Some(tag.split('(').next().map(str::to_owned).unwrap_or_default())
        }
        Event::End(tag) => Some(format!("{tag:?}")),
        Event::Text(_) => None,
        Event::Code(_) => Some("code".to_owned()),
        other => Some(format!("{other:?}")),
    });
    kept.collect()
}

#[test]
fn no_string_breaks_the_markdown_page() {
    let shape = |text: &str| {
        let page = markdown::page(&[filled(text), filled(text)]);
        assert!(!page.chars().any(|c| c != '\n' && acts(c)), "{text}");
        events(&page)
    };
    let harmless = shape("harmless");
    assert!(harmless.iter().all(|event| {
        !["Link", "Image", "Html", "InlineHtml"]
            .iter()
            .any(|kind| event.starts_with(kind))
    }));
    for text in HOSTILE {
        alike(&shape(text), &harmless, text);
    }
}

#[test]
fn a_markdown_page_makes_no_link_of_an_address() {
    let page = markdown::page(&[filled("https://evil.example www.evil.example")]);
    let prose = page.lines().filter(|line| line.starts_with("**Verdict"));
    for line in prose {
        assert!(!line.contains("://") && !line.contains("www.e"), "{line}");
    }
}

#[test]
fn the_interface_is_one_word_of_every_command() {
    let mut record = record(&drop_path());
    let name = "e'th;$(touch x)`y`|z";
    record.local.interface = name.to_owned();
    let mut seen = 0;
    for command in commands(&record) {
        if !command.contains("touch") {
            continue;
        }
        let script =
            format!("sudo() {{ for word; do printf '%s\\n' \"$word\"; done; }}; {command}");
        let output = Command::new("sh").args(["-c", &script]).output();
        let output = String::from_utf8(output.expect("a shell").stdout).expect("text");
        assert!(
            output.lines().any(|word| word == name),
            "{command}: {output}"
        );
        seen += 1;
    }
    assert!(seen > 0, "no command names the interface");
}
