//! What people write where they have left lines out of a paste: `[snip]`, `...`, `(20 more rules)`.

/// Marks that stand in the midst of a line and mean nothing else there.
const OPENINGS: [char; 3] = ['[', '<', '('];

/// Words that say that something was left out.
const SAID: [&str; 11] = [
    "snip",
    "snipped",
    "snipp",
    "omitted",
    "truncated",
    "elided",
    "skipped",
    "redacted",
    "shortened",
    "trimmed",
    "abbreviated",
];

/// What may be left out.
const LEFT: [&str; 18] = [
    "rule",
    "rules",
    "line",
    "lines",
    "row",
    "rows",
    "entry",
    "entries",
    "chain",
    "chains",
    "element",
    "elements",
    "like",
    "of",
    "such",
    "ips",
    "addresses",
    "ports",
];

/// Most words of a line that only says that something is left out.
const MOST_WORDS: usize = 8;

/// Whether a line says that others were left out, and nothing else.
pub(super) fn is_omission(line: &str) -> bool {
    let bare = line.trim();
    if bare.is_empty() || bare.starts_with("-A ") || !may_elide(bare) {
        return false;
    }
    let said = bare.trim_start_matches(['#', '/', ';', '*', ' ', '\t']);
    let said = said.trim_end_matches(['*', '/', ' ', '\t']);
    if !said.is_empty() && said.chars().all(is_mark) {
        return shows_dots(said) || matches!(said, "." | ":");
    }
    let lower = said.to_lowercase();
    let words: Vec<&str> = lower
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    if words.is_empty() || words.len() > MOST_WORDS {
        return false;
    }
    let begins = said.starts_with("...") || said.starts_with('…');
    let ends = said.ends_with("...") || said.ends_with('…');
    let framed = OPENINGS.iter().any(|open| said.starts_with(*open)) || said.starts_with("--");
    let says = words.iter().any(|word| SAID.contains(word));
    let more = words
        .iter()
        .any(|word| matches!(*word, "more" | "other" | "rest" | "many"));
    let of_rules = words.iter().any(|word| LEFT.contains(word));
    let cut = words.contains(&"cut") && (framed || begins || ends);
    // `--More--` is of a pager, which leaves nothing out.
    begins || says || cut || (more && (of_rules || (ends && framed)))
}

/// A line without what says, in its midst or at its end, that a part of it was left out; `None` where
/// nothing does.
pub(super) fn without(line: &str) -> Option<String> {
    if !may_elide(line) || is_talk(line) {
        return None;
    }
    let mut kept = String::with_capacity(line.len());
    let mut rest = line;
    let mut found = false;
    while let Some(next) = rest.chars().next() {
        let quoted = match next {
            '"' => rest
                .get(1..)
                .and_then(|inner| inner.find('"'))
                .map(|at| at + 2),
            '/' if rest.starts_with("/*") => rest.find("*/").map(|at| at + 2),
            _ => None,
        };
        let length = quoted.unwrap_or_else(|| next.len_utf8());
        if let Some(length) = quoted.is_none().then(|| mark(rest)).flatten() {
            found = true;
            rest = rest.get(length..).unwrap_or_default();
            // The comma that parted it from others goes with it.
            if kept.trim_end().ends_with([',', '{']) {
                let after = rest.trim_start();
                rest = after.strip_prefix(',').unwrap_or(rest);
            }
            continue;
        }
        let (taken, after) = rest.split_at(length.min(rest.len()));
        kept.push_str(taken);
        rest = after;
    }
    found.then_some(kept)
}

/// How long the mark is that a text begins with.
fn mark(text: &str) -> Option<usize> {
    if text.starts_with("...") {
        return Some(text.len() - text.trim_start_matches('.').len());
    }
    if text.starts_with('…') {
        return Some('…'.len_utf8());
    }
    let open = text.chars().next().filter(|open| OPENINGS.contains(open))?;
    let close = match open {
        '[' => ']',
        '<' => '>',
        _ => ')',
    };
    let inner = text.get(1..text.find(close)?)?;
    let whole = inner.len() + 2;
    if !inner.is_empty() && inner.chars().all(|one| matches!(one, '.' | '…' | ' ')) {
        return Some(whole);
    }
    let lower = inner.to_lowercase();
    let mut words = lower.split(|letter: char| !letter.is_alphanumeric());
    let says = words.any(|word| SAID.contains(&word));
    let many = inner.split_whitespace().count() > MOST_WORDS;
    (says && !many).then_some(whole)
}

/// Whether a line may hold any of it, asked first of every line.
fn may_elide(line: &str) -> bool {
    const PARTS: [&str; 18] = [
        "..", "…", "⋮", "snip", "SNIP", "Snip", "omit", "OMIT", "Omit", "runc", "RUNC", "more",
        "rest", "elided", "kipped", "edacted", "other", "cut",
    ];
    let trimmed = line.trim();
    matches!(trimmed, "." | ":") || PARTS.iter().any(|part| line.contains(part)) || {
        let parts = ["hortened", "rimmed", "bbreviated", "many"];
        parts.iter().any(|part| line.contains(part))
    }
}

/// Whether a line is a sentence, in which dots are a pause.
fn is_talk(line: &str) -> bool {
    let is_word = |word: &&str| {
        let bare = word.trim_matches(|mark: char| ".,;:!?'\"".contains(mark));
        bare.len() > 1 && bare.chars().all(char::is_alphabetic)
    };
    super::lines::is_prose(line.trim()) && line.split_whitespace().filter(is_word).count() >= 3
}

fn is_mark(one: char) -> bool {
    one.is_whitespace() || "[]()<>{}.…⋮:-=~_,".contains(one)
}

fn shows_dots(text: &str) -> bool {
    text.contains("..") || text.contains('…') || text.contains('⋮')
}
