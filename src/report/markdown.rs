//! The Markdown form, as GitHub reads it: the content of the HTML page for a ticket or a wiki. The
//! path is a diagram of characters, commands stand in fences.
//!
//! Every string from outside passes `plain`, `code` or `fence`, and none begins a line but
//! inside a fence: what a string holds can end no cell, no fence and no list, and makes no link.

pub(super) mod escape;
mod path;

use std::borrow::Borrow;
use std::fmt::Write as _;

use super::cause_text::{first_owner, short};
use super::document::Document;
use super::flows::Step;
use super::record::Record;
use super::rivals::Rivals;
use super::text::{name, verdict_words};
use super::words::{runs, span};
use super::{observed, rows};
use escape::{code, fence, plain};

/// The page about `records`, in their order: an overview when there are several, then a section for
/// each.
pub fn page(records: &[Record]) -> String {
    let mut out = String::new();
    if records.len() != 1 {
        overview(&mut out, records);
    }
    for record in records {
        section(&mut out, &Document::of(record));
    }
    out
}

/// Adds lines; writing into a string cannot fail.
macro_rules! line {
    ($out:expr $(, $($words:tt)+)?) => {{
        let _ = writeln!($out $(, $($words)+)?);
    }};
}

fn overview(out: &mut String, records: &[Record]) {
    line!(out, "# Connectivity of {} endpoints\n", records.len());
    line!(out, "| endpoint | state | verdict | who acts |");
    line!(out, "|---|---|---|---|");
    for record in records {
        line!(
            out,
            "| {} | {} | {} | {} |",
            code(&name(&record.endpoint)),
            plain(record.verdict.state.word()),
            plain(&verdict_words(record)),
            plain(first_owner(record)),
        );
    }
    line!(out);
}

fn section(out: &mut String, document: &Document<'_>) {
    let record = document.record;
    verdict(out, document);
    drawn(out, record);
    greeted(out, document);
    advice(out, document);
    rivalry(out, &document.open, "Not ruled out");
    rivalry(out, &document.excluded, "Ruled out");
    notes(out, record);
    attempts(out, record);
    remote_checks(out, document);
    reproduce(out, document);
    evidence(out, document);
    run(out, document);
}

fn verdict(out: &mut String, document: &Document<'_>) {
    let record = document.record;
    let verdict = &record.verdict;
    line!(
        out,
        "# {}: {}\n",
        code(&document.name),
        plain(verdict.state.word())
    );
    line!(out, "**Verdict:** {}\n", plain(&verdict.summary));
    if record.stats.interrupted {
        line!(
            out,
            "**Ended before it settled** (stopped, or out of time): the best reading so far.\n"
        );
    }
    line!(out, "| | |");
    line!(out, "|---|---|");
    line!(out, "| **{}** | {} |", document.act, plain(document.owner));
    line!(out, "| **Where** | {} |", plain(&document.place));
    line!(
        out,
        "| **Cause** | {} {} |",
        code(verdict.cause.word()),
        document.meaning
    );
    if let Some(method) = &verdict.method {
        line!(out, "| **By** | {} |", code(method.word()));
    }
    line!(
        out,
        "| **How sure** | {} {} |",
        code(verdict.confidence.word()),
        document.promise
    );
    line!(
        out,
        "| **Tested from** | {} on {}, {} |",
        record.local.source,
        code(&record.local.interface),
        plain(&record.run.started)
    );
    if !verdict.basis.is_empty() {
        line!(out, "| **Rests on** | {} |", probes(&verdict.basis));
    }
    line!(out);
}

/// Numbers of evidence; without the sign that GitHub takes for an issue.
fn probes(ids: &[u32]) -> String {
    let runs: Vec<String> = runs(ids)
        .iter()
        .map(|(first, last)| match last - first {
            0 => format!("{first}"),
            _ => format!("{first}–{last}"),
        })
        .collect();
    let noun = if ids.len() == 1 { "probe" } else { "probes" };
    format!("{noun} {}", runs.join(", "))
}

fn drawn(out: &mut String, record: &Record) {
    line!(out, "## Path\n");
    out.push_str(&fence("text", &path::diagram(record)));
    line!(
        out,
        "\n`●` answered, `○` sent and silent, `◆` refused, `✕` the place of the verdict\n"
    );
    for hop in &record.path {
        for note in &hop.notes {
            line!(out, "- hop {}: {}", hop.ttl, plain(note));
        }
    }
    if record.path.iter().any(|hop| !hop.notes.is_empty()) {
        line!(out);
    }
}

fn advice(out: &mut String, document: &Document<'_>) {
    if document.advice.is_empty() {
        return;
    }
    line!(out, "## What to do\n");
    line!(
        out,
        "“This host” and “this instance” are {}, {}.\n",
        document.here,
        document.role
    );
    for piece in &document.advice {
        let words = format!("**{}:** {}", plain(piece.owner), plain(piece.text));
        item(out, &words, piece.command.as_slice());
    }
    line!(out);
}

fn greeted(out: &mut String, document: &Document<'_>) {
    let Some(greeting) = &document.greeting else {
        return;
    };
    line!(out, "## Greeting\n");
    line!(out, "{}\n", greeting.sentence);
    line!(out, "| | |");
    line!(out, "|---|---|");
    for (name, value) in &greeting.rows {
        line!(out, "| **{name}** | {} |", code(value));
    }
    line!(out);
}

fn rivalry(out: &mut String, rows: &[Rivals<'_>], title: &str) {
    if rows.is_empty() {
        return;
    }
    line!(out, "## {title}\n");
    line!(out, "| cause | why | evidence |");
    line!(out, "|---|---|---|");
    for row in rows {
        let causes: Vec<String> = row
            .causes
            .iter()
            .map(|cause| format!("{} {}", short(cause), code(cause.word())))
            .collect();
        let basis = if row.basis.is_empty() {
            String::new()
        } else {
            probes(row.basis)
        };
        line!(
            out,
            "| {} | {} | {basis} |",
            causes.join("; "),
            plain(row.because)
        );
    }
    line!(out);
}

fn notes(out: &mut String, record: &Record) {
    if record.notes.is_empty() {
        return;
    }
    line!(out, "## Notes\n");
    for note in &record.notes {
        line!(out, "- Note: {}", plain(note));
    }
    line!(out);
}

fn attempts(out: &mut String, record: &Record) {
    let Some(observed) = &record.observed else {
        return;
    };
    line!(out, "## Attempts of {}\n", observed.client);
    line!(
        out,
        "Read from a capture of an ordinary client; time since its first packet.\n"
    );
    for place in observed::places(observed.position) {
        line!(out, "- {place}");
    }
    line!(
        out,
        "\n| time | from port | SYNs | what became of it | taken for itself | packets |"
    );
    line!(out, "|---:|---:|---:|---|---|---|");
    for attempt in &observed.attempts {
        line!(
            out,
            "| {} | {} | {} | {} | {} ({}) | {} |",
            span(attempt.at_us),
            attempt.client_port,
            attempt.syns,
            plain(&attempt.outcome),
            plain(attempt.cause.word()),
            plain(attempt.confidence.word()),
            rows::joined(&attempt.packets),
        );
    }
    line!(out);
    if observed.more > 0 {
        line!(out, "And {} more that are not listed.\n", observed.more);
    }
    for wanted in &observed.would_decide {
        line!(
            out,
            "- would decide more: **{}:** {}",
            plain(&wanted.probe),
            plain(&wanted.why)
        );
    }
    line!(out);
}

fn remote_checks(out: &mut String, document: &Document<'_>) {
    line!(out, "## {}\n", document.checks_title);
    if let Some(window) = &document.window {
        line!(
            out,
            "Our packets were under way from **{}** to **{}** (UTC), by the clock of {}.\n",
            window.from,
            window.to,
            document.here
        );
    }
    for group in &document.checks {
        line!(out, "**On {}:**\n", plain(&group.place));
        steps(out, &group.steps);
    }
}

fn reproduce(out: &mut String, document: &Document<'_>) {
    line!(out, "## How to see the same without synquest\n");
    line!(
        out,
        "On {}, with the Debian packages nmap, hping3, traceroute and iputils-ping.\n",
        document.here
    );
    steps(out, &document.reproduce);
}

fn steps(out: &mut String, steps: &[Step]) {
    for step in steps {
        item(out, &plain(&step.text), &step.commands);
    }
    line!(out);
}

/// An item of a list with what to run.
fn item<S: Borrow<str>>(out: &mut String, words: &str, commands: &[S]) {
    line!(out, "- {words}");
    if !commands.is_empty() {
        line!(out);
        for line in fence("sh", commands).lines() {
            line!(out, "  {line}");
        }
    }
    line!(out);
}

fn evidence(out: &mut String, document: &Document<'_>) {
    let captured = document.captured;
    if document.rows.is_empty() {
        return;
    }
    line!(out, "## Evidence\n");
    line!(
        out,
        "Every probe, in the order sent; time in seconds since the run began. The verdict rests on \
         those marked ★.{}\n",
        if captured {
            " Packet numbers are those of the capture file."
        } else {
            ""
        }
    );
    let packets = |packet: &str, replies: &str| match captured {
        true => format!(" {packet} | {replies} |"),
        false => String::new(),
    };
    let (names, marks) = (packets("packet", "replies"), packets("---:", "---:"));
    line!(
        out,
        "| probe | time | sent | from port | outcome | answered by | RTT |{names} remarks |"
    );
    line!(out, "|---:|---:|---|---:|---|---|---:|{marks}---|");
    for row in &document.rows {
        line!(
            out,
            "| {}{} | {} | {} | {} | {} | {} | {} |{} {} |",
            row.id,
            if row.cited { " ★" } else { "" },
            row.at,
            plain(&row.sent),
            row.source_port,
            plain(&row.outcome),
            row.from,
            row.rtt,
            packets(&row.packet, &row.replies),
            plain(&row.remarks),
        );
    }
    line!(out);
}

fn run(out: &mut String, document: &Document<'_>) {
    line!(out, "## Run\n");
    line!(out, "| | |");
    line!(out, "|---|---|");
    for (name, value) in &document.run {
        line!(out, "| {name} | {} |", plain(value));
    }
    line!(out);
}
