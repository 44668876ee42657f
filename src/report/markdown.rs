//! The Markdown form, as GitHub reads it: the content of the HTML page for a ticket or a wiki. The
//! path is a diagram of characters, commands stand in fences.
//!
//! Every string from outside passes `plain`, `code` or `fence`, and none begins a line but
//! inside a fence: what a string holds can end no cell, no fence and no list, and makes no link.

pub(super) mod escape;
mod path;

use std::fmt::Write as _;

use super::flows::{Step, Window};
use super::html::run;
use super::record::Record;
use super::text::{name, verdict_words};
use super::words::{runs, span};
use super::{gloss, greeting, observed, otherside, reproduce, rivals, rows};
use escape::{code, fence, plain};

/// The page about `records`, in their order: an overview when there are several, then a section for
/// each.
pub fn page(records: &[Record]) -> String {
    let mut out = String::new();
    if records.len() != 1 {
        overview(&mut out, records);
    }
    for record in records {
        section(&mut out, record);
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
            plain(&record.verdict.state),
            plain(&verdict_words(record)),
            plain(&gloss::first_owner(record)),
        );
    }
    line!(out);
}

fn section(out: &mut String, record: &Record) {
    verdict(out, record);
    drawn(out, record);
    greeted(out, record);
    advice(out, record);
    rivalry(out, record, false, "Not ruled out");
    rivalry(out, record, true, "Ruled out");
    notes(out, record);
    attempts(out, record);
    other_side(out, record);
    again(out, record);
    evidence(out, record);
    ran(out, record);
}

fn verdict(out: &mut String, record: &Record) {
    let verdict = &record.verdict;
    line!(
        out,
        "# {}: {}\n",
        code(&name(&record.endpoint)),
        plain(&verdict.state)
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
    line!(
        out,
        "| **{}** | {} |",
        gloss::act(record),
        plain(&gloss::first_owner(record))
    );
    line!(out, "| **Where** | {} |", plain(&gloss::place(record)));
    line!(
        out,
        "| **Cause** | {} {} |",
        code(&verdict.cause),
        gloss::cause(&verdict.cause)
    );
    if let Some(method) = &verdict.method {
        line!(out, "| **By** | {} |", code(method));
    }
    line!(
        out,
        "| **How sure** | {} {} |",
        code(&verdict.confidence),
        gloss::confidence(&verdict.confidence)
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

fn advice(out: &mut String, record: &Record) {
    if record.advice.is_empty() {
        return;
    }
    line!(out, "## What to do\n");
    line!(
        out,
        "“This host” and “this instance” are {}, {}.\n",
        gloss::here(record),
        gloss::standing(record)
    );
    for advice in &record.advice {
        let words = format!(
            "**{}:** {}",
            plain(&gloss::owner(&advice.owner)),
            plain(&advice.text)
        );
        item(out, &words, advice.command.as_slice());
    }
    line!(out);
}

fn greeted(out: &mut String, record: &Record) {
    let Some(greeting) = &record.greeting else {
        return;
    };
    line!(out, "## Greeting\n");
    line!(out, "{}\n", greeting::sentence(greeting));
    line!(out, "| | |");
    line!(out, "|---|---|");
    for (name, value) in greeting::rows(greeting) {
        line!(out, "| **{name}** | {} |", code(&value));
    }
    line!(out);
}

fn rivalry(out: &mut String, record: &Record, ruled_out: bool, title: &str) {
    let rows = rivals::rivals(record, ruled_out);
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
            .map(|word| format!("{} {}", gloss::short(word), code(word)))
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
            plain(&attempt.cause),
            plain(&attempt.confidence),
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

fn other_side(out: &mut String, record: &Record) {
    line!(out, "## {}\n", otherside::title(record));
    if let Some(window) = Window::of(record) {
        line!(
            out,
            "Our packets were under way from **{}** to **{}** (UTC), by the clock of {}.\n",
            window.from,
            window.to,
            gloss::here(record)
        );
    }
    for group in otherside::steps(record) {
        line!(out, "**On {}:**\n", plain(&group.place));
        steps(out, &group.steps);
    }
}

fn again(out: &mut String, record: &Record) {
    line!(out, "## How to see the same without synquest\n");
    line!(
        out,
        "On {}, with the Debian packages nmap, hping3, traceroute and iputils-ping.\n",
        gloss::here(record)
    );
    steps(out, &reproduce::steps(record));
}

fn steps(out: &mut String, steps: &[Step]) {
    for step in steps {
        item(out, &plain(&step.text), &step.commands);
    }
    line!(out);
}

/// An item of a list with what to run.
fn item(out: &mut String, words: &str, commands: &[String]) {
    line!(out, "- {words}");
    if !commands.is_empty() {
        line!(out);
        for line in fence("sh", commands).lines() {
            line!(out, "  {line}");
        }
    }
    line!(out);
}

fn evidence(out: &mut String, record: &Record) {
    let rows = rows::rows(record);
    if rows.is_empty() {
        return;
    }
    let captured = rows::captured(record);
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
    for row in rows {
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

fn ran(out: &mut String, record: &Record) {
    line!(out, "## Run\n");
    line!(out, "| | |");
    line!(out, "|---|---|");
    for (name, value) in run(record) {
        line!(out, "| {name} | {} |", plain(&value));
    }
    line!(out);
}
