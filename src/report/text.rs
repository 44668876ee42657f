//! The text form: for a tired person, verdict first.
//!
//! Sections, each left out when it has nothing to say: verdict, summary, path, evidence cited,
//! greeting, rivals not ruled out, rivals ruled out, what to do, what it cost.

use anstyle::Style;

use super::catalogue::{self, Tone};
use super::entry::EvidenceEntry;
use super::greeting;
use super::mark::Mark;
use super::observed;
use super::page::{BAD, DOUBTFUL, FAINT, GOOD, PLAIN, Page, STRONG, columns};
use super::place;
use super::record::{EndpointRecord, HopRecord, Record};
use super::rivals;
use super::words::{citation, counted, entry_words, named, span};
use crate::model::path::Sight;
use crate::model::verdict::Cause;
use crate::model::word::Known;

/// Most rows of cited evidence; the JSON document holds all of it.
const MOST_EVIDENCE: usize = 12;

/// The whole report on one endpoint, `width` columns wide, with ANSI codes.
pub fn report(record: &Record, width: usize) -> String {
    let mut page = Page::new(width);
    verdict(&mut page, record);
    path(&mut page, record);
    evidence(&mut page, record);
    greeting(&mut page, record);
    if let Some(observed) = &record.observed {
        observed::sections(&mut page, observed);
    }
    rivals(&mut page, record, false, "Not ruled out");
    rivals(&mut page, record, true, "Ruled out");
    notes(&mut page, record);
    advice(&mut page, record);
    cost(&mut page, record);
    page.finish()
}

/// The verdict alone, as one line, with ANSI codes.
pub fn line(record: &Record) -> String {
    let mut page = Page::new(usize::MAX);
    page.line(
        verdict_style(record),
        &format!("{}: {}", name(&record.endpoint), verdict_words(record)),
    );
    page.finish()
}

fn verdict(page: &mut Page, record: &Record) {
    page.paragraph(verdict_style(record), 0, &verdict_words(record));
    let state = &record.verdict.state;
    page.paragraph(STRONG, 0, &format!("{} is {state}", name(&record.endpoint)));
    page.gap();
    page.paragraph(PLAIN, 2, &record.verdict.summary);
    if record.stats.interrupted {
        page.paragraph(
            DOUBTFUL,
            2,
            "Ended before it settled (stopped, or out of time): the best reading so far.",
        );
    }
}

/// Cause, confidence, place: `drop-path (confirmed), between hop 2 (10.9.1.2) and hop 3`.
pub(super) fn verdict_words(record: &Record) -> String {
    let verdict = &record.verdict;
    let mut words = format!("{} ({})", verdict.cause, verdict.confidence);
    if let Some(method) = &verdict.method {
        words.push_str(&format!(" with {method}"));
    }
    // That an open port is open on its host goes without saying.
    if verdict.cause != Cause::Open
        && let Some(phrase) = place::phrase(&verdict.place)
    {
        words.push_str(&format!(", {phrase}"));
    }
    if let Some(session) = record.session.as_ref().filter(|session| session.died) {
        words.push_str(&format!("; a session died: {}", session.words));
    }
    words
}

/// What the user typed and what it stands for: `db1.example:3306 [10.9.3.10] (orders)`.
pub(super) fn name(endpoint: &EndpointRecord) -> String {
    let address = Some(endpoint.address);
    let label = endpoint.label.as_deref();
    named(&endpoint.given, address, endpoint.port, label)
}

fn verdict_style(record: &Record) -> Style {
    let died = record.session.as_ref().is_some_and(|session| session.died);
    match catalogue::of(&record.verdict.cause).map(|row| row.tone) {
        Some(Tone::Good) if died => BAD,
        Some(Tone::Good) => GOOD,
        Some(Tone::Doubtful) => DOUBTFUL,
        Some(Tone::Bad) | None => BAD,
    }
}

fn path(page: &mut Page, record: &Record) {
    if record.path.is_empty() {
        return;
    }
    let widest = |hops: &[HopRecord]| hops.iter().map(|hop| columns(&address(hop))).max();
    let wide = widest(&record.path).unwrap_or(0).max("address".len());
    let port = format!("port {}", record.endpoint.port);
    page.gap();
    page.line(STRONG, "Path");
    page.line(
        FAINT,
        &format!(
            "{:>3} {:<wide$} {:>8}  {port:<13} control",
            "hop", "address", "rtt"
        ),
    );
    let mark = Mark::of(record);
    let mut marked = mark.is_none();
    for hop in &record.path {
        if let Some(mark) = mark.as_ref().filter(|mark| !marked && hop.ttl > mark.after) {
            page.line(BAD, &cut(mark));
            marked = true;
        }
        let sight = |sight: &Option<Known<Sight>>| {
            let word = sight.as_ref().map_or("-", Known::word);
            word.to_owned()
        };
        page.line(
            PLAIN,
            &format!(
                "{:>3} {:<wide$} {:>8}  {:<13} {}",
                hop.ttl,
                address(hop),
                hop.rtt_us.map_or_else(|| "-".to_owned(), span),
                sight(&hop.endpoint_flow),
                sight(&hop.control_flow),
            ),
        );
        for note in &hop.notes {
            page.paragraph(FAINT, 4, note);
        }
    }
    if let Some(mark) = mark.filter(|_| !marked) {
        page.line(BAD, &cut(&mark));
    }
}

fn cut(mark: &Mark) -> String {
    format!("  >>>>>> {} <<<<<<", mark.words)
}

fn address(hop: &HopRecord) -> String {
    hop.address
        .map_or_else(|| "*".to_owned(), |address| address.to_string())
}

fn evidence(page: &mut Page, record: &Record) {
    let cited = record
        .evidence
        .iter()
        .filter(|entry| record.verdict.basis.contains(&entry.id));
    // Probes that say the same thing share a row, in the order of the first.
    let by_flow = record.verdict.cause == Cause::Intermittent;
    let mut rows: Vec<(String, Vec<&EvidenceEntry>)> = Vec::new();
    for entry in cited {
        let words = entry_words(entry, record.endpoint.port, by_flow);
        match rows.iter_mut().find(|(known, _)| *known == words) {
            Some((_, entries)) => entries.push(entry),
            None => rows.push((words, vec![entry])),
        }
    }
    if rows.is_empty() {
        return;
    }
    page.gap();
    page.line(STRONG, "Evidence it rests on");
    for (words, entries) in rows.iter().take(MOST_EVIDENCE) {
        let ids: Vec<u32> = entries.iter().map(|entry| entry.id).collect();
        let mut text = words.clone();
        if let [first, .., last] = entries.as_slice() {
            let spread = last.at_us.saturating_sub(first.at_us);
            text.push_str(&format!("; {} times over {}", entries.len(), span(spread)));
        }
        page.item(PLAIN, 2, &citation(&ids), 10, &text);
    }
    if let Some(left) = rows.len().checked_sub(MOST_EVIDENCE).filter(|n| *n > 0) {
        page.paragraph(
            FAINT,
            10,
            &format!("and {left} more kinds (--json shows all)"),
        );
    }
}

fn greeting(page: &mut Page, record: &Record) {
    let Some(greeting) = &record.greeting else {
        return;
    };
    page.gap();
    page.line(STRONG, "Greeting");
    page.paragraph(PLAIN, 2, greeting::sentence(greeting));
    for (name, value) in greeting::rows(greeting) {
        page.item(PLAIN, 2, &format!("{name}:"), 14, &value);
    }
}

fn rivals(page: &mut Page, record: &Record, ruled_out: bool, title: &str) {
    let rows = rivals::rivals(record, ruled_out);
    if rows.is_empty() {
        return;
    }
    page.gap();
    page.line(STRONG, title);
    for row in rows {
        let reason = if row.basis.is_empty() {
            row.because.to_owned()
        } else {
            format!("{} [{}]", row.because, citation(row.basis))
        };
        page.item(PLAIN, 2, &format!("{}:", row.words()), 22, &reason);
    }
}

fn notes(page: &mut Page, record: &Record) {
    if record.notes.is_empty() {
        return;
    }
    page.gap();
    page.line(STRONG, "Notes");
    for note in &record.notes {
        page.item(PLAIN, 2, "-", 4, note);
    }
}

fn advice(page: &mut Page, record: &Record) {
    if record.advice.is_empty() {
        return;
    }
    page.gap();
    page.line(STRONG, "What to do");
    for (number, advice) in record.advice.iter().enumerate() {
        page.item(
            PLAIN,
            2,
            &format!("{}.", number + 1),
            5,
            &format!("{}: {}", advice.owner, advice.text),
        );
        if let Some(command) = &advice.command {
            // On a line of its own and never wrapped: it is there to be copied.
            page.line(STRONG, &format!("       {command}"));
        }
    }
}

fn cost(page: &mut Page, record: &Record) {
    let stats = &record.stats;
    let mut words = vec![
        counted(stats.probes_sent, "probe", "probes"),
        counted(stats.replies, "reply", "replies"),
        span(stats.elapsed_us),
        format!("from {}", record.local.source),
    ];
    // Somebody else's capture does not say by which interface the client left.
    if let (Some(last), false) = (words.last_mut(), record.local.interface.is_empty()) {
        last.push_str(&format!(" on {}", record.local.interface));
    }
    if let Some([low, high]) = stats.loss_estimate {
        words.push(format!("loss {:.0} to {:.0} %", 100.0 * low, 100.0 * high));
    }
    if stats.strays > 0 {
        words.push(counted(stats.strays, "stray ignored", "strays ignored"));
    }
    if stats.receive_drops > 0 {
        words.push(counted(
            stats.receive_drops,
            "frame lost here",
            "frames lost here",
        ));
    }
    if let Some(seed) = record.run.seed {
        words.push(format!("seed {seed}"));
    }
    page.gap();
    page.paragraph(FAINT, 0, &words.join(", "));
}
