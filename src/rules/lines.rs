//! Lines of an input as terminals, mails and chats leave them: broken, coloured, quoted, and with
//! other lines between.

use std::borrow::Cow;

use super::html::{is_page, shown};
use super::numbered::Numbers;
use super::omission;
use super::unreadable::{Fault, Unreadable};

/// A line of the input with its number.
pub(super) type Line<'a> = (usize, Cow<'a, str>);

/// What iptables-nft adds to its output, on stderr, at whatever place it is just at.
pub(super) const LEGACY_WARNING: &str = " tables present, use ";

/// The table of which iptables-nft says that it holds what only nft can show.
pub(super) fn incompatible(text: &str) -> Option<&str> {
    let says = text.contains("incompatible base-chains") || text.contains(" is incompatible, use");
    let (_, rest) = text.split_once(['`', '\'']).filter(|_| says)?;
    Some(rest.split(['`', '\'']).next().unwrap_or(rest))
}

/// The lines with their numbers, lone warnings in the midst of a line taken out; and the numbers of
/// those at which others were left out.
pub(super) fn joined(text: &str) -> (Vec<Line<'_>>, Vec<usize>) {
    let mut lines: Vec<Line<'_>> = Vec::new();
    let mut left_out: Vec<usize> = Vec::new();
    let mut broken = false;
    let mut numbers = Numbers::of(text);
    let page = is_page(text);
    let plain = text.lines().enumerate().flat_map(|(index, line)| {
        let pieces = plain(line, page).into_iter();
        pieces.map(move |piece| (index, piece))
    });
    for (index, mut kept) in plain {
        if let Some(numbers) = &mut numbers {
            let (rest, misses) = numbers.without(&kept);
            if misses {
                left_out.push(index + 1);
            }
            kept = rest.to_owned().into();
        }
        let elided = if omission::is_omission(&kept) {
            Some(String::new())
        } else {
            omission::without(&kept)
        };
        if let Some(rest) = elided {
            left_out.push(index + 1);
            kept = rest.into();
        }
        let warned = kept
            .contains(LEGACY_WARNING)
            .then(|| kept.find("# Warning: ip"));
        let warned = warned.flatten();
        if let Some(at) = warned {
            kept = kept.get(..at).unwrap_or_default().to_owned().into();
        }
        let warned = warned.is_some();
        // A shell goes on with the next line.
        let goes_on = kept.trim_end().ends_with(" \\");
        if goes_on {
            let whole = kept.trim_end().trim_end_matches('\\').to_owned();
            kept = whole.into();
        }
        let is_empty = kept.is_empty();
        match lines.last_mut().filter(|_| broken) {
            Some((_, last)) => last.to_mut().push_str(&kept),
            None => lines.push((index + 1, kept)),
        }
        broken = (warned && !is_empty) || goes_on;
        if warned {
            lines.push((index + 1, LEGACY_WARNING.into()));
            if broken && !is_empty {
                let last = lines.len() - 1;
                lines.swap(last, last - 1);
            }
        }
    }
    (lines, left_out)
}

/// Whether a line adds to a chain, as `iptables -S` and iptables-save write it.
pub(super) fn is_command(text: &str) -> bool {
    let mut rest = text;
    if let Some((counters, after)) = text.split_once("] ")
        && counters.strip_prefix('[').is_some_and(|counters| {
            counters
                .chars()
                .all(|character| character.is_ascii_digit() || character == ':')
        })
    {
        rest = after.trim_start();
    }
    let starts = [
        "-A ",
        "-I ",
        "-P ",
        "-N ",
        "--append ",
        "--insert ",
        "--policy ",
        "--new-chain ",
    ];
    starts.iter().any(|start| rest.starts_with(start))
}

/// Whether a line has nothing of a rule, so that people and terminals may have put it there.
pub(super) fn is_prose(text: &str) -> bool {
    const OF_RULES: [&str; 14] = [
        "-j", "-g", "ACCEPT", "DROP", "REJECT", "RETURN", "QUEUE", "LOG", "accept", "drop",
        "reject", "anywhere", "policy", "hook",
    ];
    let of_rules = |word: &str| {
        let word = word.trim_end_matches([';', ',', '.', ':']);
        OF_RULES.contains(&word)
            || word.starts_with("0.0.0.0/0")
            || word.starts_with("::/0")
            || word.starts_with(['{', '}', '@'])
    };
    let begins = text.starts_with(['-', ':', '*', '{', '}', '['])
        && !text.starts_with("[sudo]")
        && !text.starts_with("---");
    let of_sets = ["create ", "add ", "table ", "chain ", "set ", "map "];
    !begins
        && !of_sets.iter().any(|start| text.starts_with(start))
        && !text.split_whitespace().any(of_rules)
        && !text
            .split_whitespace()
            .any(|word| word.starts_with("--") && word.len() > 3)
}

/// The narrowest terminal whose broken lines are put together.
const NARROWEST: usize = 40;

/// Whether a shell or a tool complains here.
pub(super) fn is_shell_error(text: &str) -> bool {
    let said = [
        ": command not found",
        ": not found",
        ": Permission denied",
        ": No such file or directory",
        ": Operation not permitted",
    ];
    let shells = [
        "bash:", "-bash:", "sh:", "-sh:", "zsh:", "-zsh:", "ksh:", "dash:", "sudo:", "fish:",
    ];
    let first = text.split_whitespace().next().unwrap_or_default();
    shells.contains(&first)
        || (said.iter().any(|end| text.ends_with(end)) && !text.starts_with("-A "))
}

/// Whether a line is a border alone, as of a table.
pub(super) fn is_border(text: &str) -> bool {
    let drawn = |character: char| "+-=_|~*".contains(character) || ('─'..='╿').contains(&character);
    text.chars().count() > 2 && text.chars().all(drawn)
}

/// Whether a line that is no rule is one which terminals and chats often have.
pub(super) fn is_usual(text: &str) -> bool {
    let starts = [
        "```",
        "~~~",
        "===",
        "---",
        "[code",
        "[/code",
        "{code",
        "{noformat",
        "Last login:",
        "[sudo]",
        "Connection to ",
    ];
    matches!(text, "exit" | "logout") || starts.iter().any(|start| text.starts_with(start))
}

/// A line without the marks of a quoted mail, and without the border that a table draws round it.
fn unframed(line: &str) -> &str {
    let mut line = line;
    // No tool begins a line so.
    while let Some(rest) = line.strip_prefix('>') {
        line = rest.strip_prefix(' ').unwrap_or(rest);
    }
    let border = |character: char| matches!(character, '|' | '│' | '┃' | '║');
    let trimmed = line.trim();
    match trimmed.strip_prefix(border) {
        Some(rest) if trimmed.chars().count() > 1 => {
            let rest = rest.strip_suffix(border).unwrap_or(rest);
            rest.strip_prefix(' ').unwrap_or(rest).trim_end()
        }
        Some(_) | None => line,
    }
}

/// A line without what a terminal paints with, and without what others have put round it; a line of
/// a web page may be several.
fn plain(line: &str, page: bool) -> Vec<Cow<'_, str>> {
    let line = line.trim_start_matches('\u{feff}').trim_end_matches('\r');
    if page {
        let lines = shown(line);
        let bare = |line: &String| unpainted(unframed(line)).into();
        return lines.iter().map(bare).collect();
    }
    let line = unframed(line);
    let is_plain = line.is_ascii() && !line.contains('\u{1b}');
    vec![if is_plain {
        line.into()
    } else {
        unpainted(line).into()
    }]
}

/// A line without what a terminal paints with.
fn unpainted(line: &str) -> String {
    let mut kept = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        kept.push_str(before);
        let end = after.find(|last: char| ('@'..='~').contains(&last));
        rest = end.and_then(|end| after.get(end + 1..)).unwrap_or_default();
    }
    kept.push_str(rest);
    if kept.is_ascii() { kept } else { typed(&kept) }
}

/// A line as it was before a word processor or a chat made it nicer: its quotes, spaces and dashes.
/// What stands in quotes that a tool wrote is left alone.
fn typed(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let (mut in_quotes, mut in_nice_quotes) = (false, false);
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        in_quotes ^= character == '"';
        let begins = text.is_empty() || text.ends_with([' ', '\t']);
        match character {
            other if in_quotes => text.push(other),
            '\u{a0}' => text.push(' '),
            '“' | '”' | '„' => {
                in_nice_quotes ^= true;
                text.push('"');
            }
            '–' | '—' if begins && !in_nice_quotes => {
                let rest = characters.clone();
                let letters = rest.take_while(|next| next.is_alphanumeric()).count();
                text.push_str(if letters == 1 { "-" } else { "--" });
            }
            other => text.push(other),
        }
    }
    text
}

/// Whether a line may be what a terminal has cut off the one before.
fn continues(line: &str) -> bool {
    if is_command(line) {
        return false;
    }
    if is_usual(line) || is_shell_error(line) || is_border(line) {
        return false;
    }
    let first = line.split_whitespace().next().unwrap_or_default();
    let begins = ["COMMIT", "Chain", "table", "create", "add"].contains(&first)
        || line.starts_with(['#', '*', '{'])
        || (line.starts_with(':') && line.ends_with(']'))
        || line == LEGACY_WARNING
        || incompatible(line).is_some();
    let option = first.strip_prefix("--").is_some_and(|name| name.len() > 1)
        || (first.len() == 2 && first.starts_with('-') && !is_command(line));
    let is_value = !first.is_empty()
        && !begins
        && !is_command(line)
        && !first.ends_with(['$', '#', '%', '>', ']']);
    !first.contains('@') && (option || is_value) && !first.starts_with('[') && !is_tool_line(line)
}

/// The line with what a terminal has cut off it, and of how many lines that is made.
pub(super) fn unwrapped(text: &str, rest: &[Line<'_>]) -> (String, usize) {
    let mut following: Vec<&str> = Vec::new();
    let rest = if is_whole_command(text) { &[] } else { rest };
    // Within a comment nothing ends a rule.
    let mut quotes = text.matches('"').count();
    for (_, line) in rest.iter().skip(1) {
        if !continues(line.trim()) {
            break;
        }
        let before = following.last().copied().unwrap_or(text);
        // No terminal is narrower than that; a mail may be.
        let is_option = line.trim_start().starts_with('-');
        let short = before.chars().count() < NARROWEST && is_prose(line.trim());
        if quotes.is_multiple_of(2) && (is_whole(before) || short) && !is_option {
            break;
        }
        // What begins as a rule and is none goes on with no other.
        if quotes.is_multiple_of(2) && is_option && !begins_with_option(line) {
            break;
        }
        quotes += line.matches('"').count();
        following.push(line);
    }
    let widths = following.iter().map(|line| line.chars().count());
    let widest = widths.chain([text.chars().count()]).max().unwrap_or(0);
    let mut whole = text.to_owned();
    let mut last = text.chars().count();
    for line in &following {
        // A terminal breaks at its width, wherever that is; a mail breaks between words.
        if last < widest || breaks_between(&whole, line) {
            whole.push(' ');
        }
        whole.push_str(line);
        last = line.chars().count();
    }
    (whole, following.len() + 1)
}

/// Whether a line begins with an option, in its short form or in full.
fn begins_with_option(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or_default();
    let mut letters = first.chars().skip(1);
    first.starts_with("--")
        || letters
            .next()
            .is_some_and(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit())
}

/// Whether a command that makes a chain, or gives one its policy, is complete.
fn is_whole_command(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    matches!(
        words.as_slice(),
        ["-N" | "--new-chain", _] | ["-P" | "--policy", _, _]
    )
}

/// Whether two lines of one rule were broken between words, whatever their width.
fn breaks_between(before: &str, after: &str) -> bool {
    let last = before.split_whitespace().next_back().unwrap_or_default();
    let is_short = |word: &str| {
        let mut letters = word.chars();
        letters.next() == Some('-')
            && letters
                .next()
                .is_some_and(|letter| letter.is_ascii_alphabetic())
            && letters.next().is_none()
    };
    let next = after.split_whitespace().next().unwrap_or_default();
    // Names of options are of small letters and hyphens.
    let no_name = !next.starts_with(|letter: char| letter.is_ascii_lowercase() || letter == '-');
    let is_option = last.starts_with("--") && last.len() > 4;
    let option_next = is_short(next) || next.starts_with("--");
    is_short(last) || (is_option && no_name) || (option_next && !last.ends_with('-'))
}

/// Whether a rule may end with this line: it names a target that needs no more.
fn is_whole(text: &str) -> bool {
    let mut words = text.split_whitespace().rev();
    let last = words.next().unwrap_or_default();
    let kinds = ["unreachable", "prohibited", "reset", "no-route"];
    if kinds.iter().any(|kind| last.ends_with(kind))
        && words.clone().next() == Some("--reject-with")
    {
        return true;
    }
    let names = ["ACCEPT", "DROP", "RETURN", "REJECT", "LOG", "MASQUERADE"].contains(&last);
    names && matches!(words.next(), Some("-j" | "--jump"))
}

pub(super) fn is_tool_line(line: &str) -> bool {
    line.split_whitespace().any(is_tool)
}

pub(super) fn is_tool(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or(word);
    name.starts_with("iptables")
        || name.starts_with("ip6tables")
        || name == "nft"
        || name == "ipset"
}

/// What a front end prints of its settings, by the words that it always has.
pub(super) fn summary(text: &str) -> Option<Unreadable> {
    for (line, text) in (1..).zip(text.lines()) {
        let words: Vec<&str> = text.split_whitespace().collect();
        let fault = match words.as_slice() {
            ["Status:", "inactive"] => Fault::Inactive,
            ["Status:", "active"] => Fault::Summary("ufw status"),
            ["To", "Action", "From"] => Fault::Summary("ufw status"),
            ["target:", _] | ["icmp-block-inversion:", _] | ["rich", "rules:"] => {
                Fault::Summary("firewall-cmd --list-all")
            }
            _ => continue,
        };
        return Some(Unreadable::at(line, 1, fault));
    }
    None
}
