//! What changed since an earlier run, as text.

use anstyle::Style;

use super::changes::{Changes, Reading, Trend};
use crate::report::page::{BAD, DOUBTFUL, FAINT, GOOD, PLAIN, Page, STRONG};

/// Most kinds of change, and most new and gone endpoints; the JSON document holds all.
const MOST_CHANGES: usize = 20;
/// Most endpoints of one kind of change.
const MOST_NAMES: usize = 6;

/// The changes since the run that `name` names, `width` columns wide, with ANSI codes.
pub fn report(changes: &Changes, name: &str, width: usize) -> String {
    let mut page = Page::new(width);
    page.paragraph(STRONG, 0, &headline(changes, name));
    for change in changes.changes.iter().take(MOST_CHANGES) {
        page.item(
            style(change.trend),
            2,
            &format!("{}:", change.endpoints.len()),
            8,
            &format!("{} → {}", change.before.words(), change.after.words()),
        );
        page.paragraph(FAINT, 8, &names(&change.endpoints));
    }
    let left = changes.changes.len().saturating_sub(MOST_CHANGES);
    if left > 0 {
        page.paragraph(
            FAINT,
            8,
            &format!("and {left} more kinds of change (--json shows all)"),
        );
    }
    listing(&mut page, "New", &changes.new);
    listing(&mut page, "Gone", &changes.gone);
    page.finish()
}

/// How many changed which way, as one sentence.
fn headline(changes: &Changes, name: &str) -> String {
    let count = |trend: Trend| -> usize {
        let those = changes
            .changes
            .iter()
            .filter(|change| change.trend == trend);
        those.map(|change| change.endpoints.len()).sum()
    };
    let counts = [
        (count(Trend::Worse), "no longer open"),
        (count(Trend::Better), "open now"),
        (count(Trend::Other), "changed otherwise"),
        (count(Trend::Firmness), "more or less firm"),
        (changes.new.len(), "new"),
        (changes.gone.len(), "gone"),
    ];
    let mut words: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    if words.is_empty() {
        return format!("Nothing changed since {name}.");
    }
    words.push(format!("{} the same", changes.same));
    format!("Since {name}: {}.", words.join(", "))
}

fn listing(page: &mut Page, title: &str, endpoints: &[(String, Reading)]) {
    if endpoints.is_empty() {
        return;
    }
    page.gap();
    page.line(STRONG, title);
    for (name, reading) in endpoints.iter().take(MOST_CHANGES) {
        page.item(PLAIN, 2, "-", 4, &format!("{name}: {}", reading.words()));
    }
    let left = endpoints.len().saturating_sub(MOST_CHANGES);
    if left > 0 {
        page.paragraph(FAINT, 4, &format!("and {left} more (--json shows all)"));
    }
}

fn names(endpoints: &[String]) -> String {
    let mut words: Vec<&str> = endpoints
        .iter()
        .take(MOST_NAMES)
        .map(String::as_str)
        .collect();
    let left = endpoints.len().saturating_sub(MOST_NAMES);
    let more = format!("and {left} more");
    if left > 0 {
        words.push(&more);
    }
    words.join(", ")
}

const fn style(trend: Trend) -> Style {
    match trend {
        Trend::Worse => BAD,
        Trend::Better => GOOD,
        Trend::Other => DOUBTFUL,
        Trend::Firmness => PLAIN,
    }
}
