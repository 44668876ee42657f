//! The answer of `rules` as text: for a tired person, decision first, commands ready to paste.

use anstyle::Style;

use super::page::{BAD, DOUBTFUL, GOOD, PLAIN, Page, STRONG};
use crate::rules::decision::Ruling;
use crate::rules::document::{Document, OutcomeRecord, RuleRecord};

/// Most outcomes that are written out; the JSON form holds all of them.
const MOST_OUTCOMES: usize = 16;
/// Most ways to one end that are written out.
const MOST_WAYS: usize = 4;

/// The answer in `width` columns, with ANSI codes. Commands are never broken.
pub fn answer(document: &Document, width: usize) -> String {
    let mut page = Page::new(width);
    page.paragraph(style(document.decision), 0, &headline(document));
    page.paragraph(PLAIN, 0, &asked(document));
    let shown = |rule: &&RuleRecord| rule.number.is_some() || rule.provider.is_some();
    if let Some(rule) = document.rule.as_ref().filter(shown) {
        page.gap();
        page.paragraph(PLAIN, 2, &rule.text);
    }
    list(&mut page, "Way", &document.way);
    outcomes(&mut page, document);
    behind(&mut page, document);
    list(&mut page, "First", &document.before);
    remedy(&mut page, document);
    for later in &document.handshake {
        let packet = later.packet.to_uppercase();
        heading(&mut page, &format!("The {packet} of the handshake"));
        let verdict = decided(later.decision, later.rule.as_ref());
        page.paragraph(style(later.decision), 2, &verdict);
    }
    list(&mut page, "Mind", &document.warnings);
    page.finish()
}

/// The decision alone, in one line, with ANSI codes.
pub fn line(document: &Document) -> String {
    let mut page = Page::new(usize::MAX);
    page.line(style(document.decision), &headline(document));
    page.finish()
}

/// The decision; where it depends, the outcome that is likeliest.
fn headline(document: &Document) -> String {
    let rule = document.rule.as_ref();
    match (document.likely, rule) {
        (Some(Ruling::Allowed), Some(rule)) if rule.stops() => {
            format!("most likely allowed; may be blocked by {}", described(rule))
        }
        (Some(likely), _) => format!("most likely {}", decided(likely, rule)),
        (None, _) => decided(document.decision, rule),
    }
}

const fn style(decision: Ruling) -> Style {
    match decision {
        Ruling::Allowed => GOOD,
        Ruling::Blocked => BAD,
        Ruling::Depends => DOUBTFUL,
    }
}

fn decided(decision: Ruling, rule: Option<&RuleRecord>) -> String {
    let word = decision.word();
    match rule.map(described) {
        Some(rule) if decision == Ruling::Depends => format!("{word}: may be blocked by {rule}"),
        Some(rule) => format!("{word} by {rule}"),
        None => word.to_owned(),
    }
}

/// A rule in words: `rule 2 of INPUT: DROP`.
fn described(rule: &RuleRecord) -> String {
    if let Some(cloud) = rule.in_cloud() {
        return format!("{cloud}: {}", rule.target);
    }
    let place = match rule.family {
        "ip" | "ip6" if rule.table == "filter" => rule.chain.clone(),
        "ip" | "ip6" => format!("{}/{}", rule.table, rule.chain),
        family => format!("{family} {}/{}", rule.table, rule.chain),
    };
    let mut words = match rule.number {
        Some(number) => format!("rule {number} of {place}"),
        None => format!("the policy of {place}"),
    };
    if let Some(handle) = rule.handle {
        words.push_str(&format!(" (handle {handle})"));
    }
    words.push_str(&format!(": {}", rule.target));
    if let Some(with) = &rule.reject_with {
        words.push_str(&format!(" with {with}"));
    }
    words
}

fn asked(document: &Document) -> String {
    let packet = &document.packet;
    let cloud = document
        .rule
        .as_ref()
        .is_some_and(|rule| rule.provider.is_some());
    let to = packet
        .to
        .as_deref()
        .unwrap_or(if cloud { "the target" } else { "this host" });
    let port = packet
        .port
        .map_or_else(|| "any port".to_owned(), |port| format!("port {port}"));
    let kind = if cloud {
        "the first packet of a new connection, and its answer where a layer keeps no state"
    } else if packet.connection_state == "NEW" {
        "the first packet of a new connection (conntrack state NEW)"
    } else {
        "a later packet of the handshake (conntrack state ESTABLISHED)"
    };
    let from = packet.from.as_deref().unwrap_or("this host");
    let source = packet
        .source_port
        .map_or_else(String::new, |port| format!(" (port {port})"));
    format!(
        "{} {port} from {from}{source} to {to}, {kind}",
        packet.protocol.to_uppercase()
    )
}

fn heading(page: &mut Page, title: &str) {
    page.gap();
    page.line(STRONG, title);
}

fn list(page: &mut Page, title: &str, items: &[String]) {
    if !items.is_empty() {
        heading(page, title);
        for item in items {
            page.item(PLAIN, 2, "-", 4, item);
        }
    }
}

fn outcomes(page: &mut Page, document: &Document) {
    if document.outcomes.is_empty() {
        return;
    }
    let title = if document.decision == Ruling::Depends {
        "It depends"
    } else {
        "Whichever way"
    };
    heading(page, title);
    let same_end = |one: &OutcomeRecord, other: &OutcomeRecord| {
        one.decision == other.decision && one.rule == other.rule
    };
    let mut told = 0;
    for ways in document.outcomes.chunk_by(same_end) {
        if told < MOST_OUTCOMES {
            end_told(page, ways);
            told += ways.len();
        }
    }
    let more = document.outcomes.len().saturating_sub(told);
    if more > 0 {
        page.paragraph(PLAIN, 2, &format!("… and {more} more (--json shows all)"));
    }
}

/// One end, by each of the ways that lead to it.
fn end_told(page: &mut Page, ways: &[OutcomeRecord]) {
    for (index, way) in ways.iter().take(MOST_WAYS).enumerate() {
        let lead = if index == 0 {
            let verdict = decided(way.decision, way.rule.as_ref());
            format!("{verdict}, when")
        } else {
            "or when".to_owned()
        };
        page.paragraph(style(way.decision), 2, &lead);
        for condition in &way.conditions {
            page.item(PLAIN, 4, "-", 6, condition);
        }
        if way.conditions.is_empty() {
            page.item(PLAIN, 4, "-", 6, "nothing else is so");
        }
    }
    let more = ways.len().saturating_sub(MOST_WAYS);
    if more > 0 {
        page.paragraph(
            PLAIN,
            2,
            &format!("or in {more} other ways (--json shows all)"),
        );
    }
}

fn behind(page: &mut Page, document: &Document) {
    if document.behind.is_empty() {
        return;
    }
    heading(page, "Would still block after that");
    for rule in &document.behind {
        page.item(PLAIN, 2, "-", 4, &described(rule));
        if rule.number.is_some() || rule.provider.is_some() {
            page.paragraph(PLAIN, 6, &rule.text);
        }
    }
}

fn remedy(page: &mut Page, document: &Document) {
    let remedy = document.remedy.iter();
    let commands: Vec<&str> = remedy.clone().map(|step| step.command.as_str()).collect();
    let undoing: Vec<&str> = remedy
        .rev()
        .filter_map(|step| step.undo.as_deref())
        .collect();
    for (title, commands) in [
        ("To let it in, in this order", commands),
        ("To take that back, in this order", undoing),
    ] {
        if !commands.is_empty() {
            heading(page, title);
        }
        for command in commands {
            page.line(PLAIN, &format!("  {command}"));
        }
    }
}
