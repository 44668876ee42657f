//! Lines of an input as terminals, mails and chats leave them: broken, coloured, quoted, and with
//! other lines between.

/// What iptables-nft adds to its output, on stderr, at whatever place it is just at.
pub(super) const LEGACY_WARNING: &str = " tables present, use ";

/// The lines with their numbers, lone warnings in the midst of a line taken out.
pub(super) fn joined(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut broken = false;
    // A mail or a chat quotes every line.
    let mut told = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .peekable();
    let quoted = told.peek().is_some() && told.all(|line| line.starts_with('>'));
    for (index, line) in text.lines().enumerate() {
        let line = plain(line, quoted);
        let line = line.as_str();
        let (kept, warned) = match line.find("# Warning: ip") {
            Some(at) if line.contains(LEGACY_WARNING) => (line.get(..at).unwrap_or_default(), true),
            Some(_) | None => (line, false),
        };
        match lines.last_mut().filter(|_| broken) {
            Some((_, last)) => last.push_str(kept),
            None => lines.push((index + 1, kept.to_owned())),
        }
        broken = warned && !kept.is_empty();
        if warned {
            lines.push((index + 1, LEGACY_WARNING.to_owned()));
            if broken {
                let last = lines.len() - 1;
                lines.swap(last, last - 1);
            }
        }
    }
    lines
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

/// Whether a command changes rules in a way that is not followed.
pub(super) fn changes(command: &str) -> bool {
    let first = command.split_whitespace().next().unwrap_or_default();
    let short = first
        .strip_prefix('-')
        .filter(|rest| !rest.starts_with('-'));
    let long = ["--delete", "--replace", "--flush", "--rename-chain"];
    short.is_some_and(|rest| rest.starts_with(['D', 'R', 'F', 'E']))
        || long.contains(&first)
        || matches!(
            first,
            "add" | "insert" | "delete" | "replace" | "flush" | "del" | "-f"
        )
}

/// Whether a line has nothing of a rule, so that people and terminals may have put it there.
pub(super) fn is_prose(text: &str) -> bool {
    const OF_RULES: [&str; 12] = [
        "ACCEPT", "DROP", "REJECT", "RETURN", "QUEUE", "LOG", "accept", "drop", "reject",
        "anywhere", "policy", "hook",
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

/// Whether a line that is no rule is one which terminals and chats often have.
pub(super) fn is_usual(text: &str) -> bool {
    let starts = [
        "```",
        "===",
        "---",
        "Last login:",
        "[sudo]",
        "Connection to ",
    ];
    matches!(text, "exit" | "logout") || starts.iter().any(|start| text.starts_with(start))
}

/// A line without what a terminal paints with, and without the mark of a quoted mail.
fn plain(line: &str, quoted: bool) -> String {
    let line = line.trim_start_matches('\u{feff}').trim_end_matches('\r');
    let line = if quoted {
        let rest = line.strip_prefix('>').unwrap_or(line);
        rest.strip_prefix(' ').unwrap_or(rest)
    } else {
        line
    };
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

/// The line with what a terminal has cut off it, and of how many lines that is made.
pub(super) fn unwrapped(text: &str, rest: &[(usize, String)]) -> (String, usize) {
    let continues = |line: &str| {
        let line = line.trim();
        let first = line.split_whitespace().next().unwrap_or_default();
        let begins = ["COMMIT", "Chain", "table", "create", "add"].contains(&first)
            || line.starts_with(['#', '*', '{'])
            || (line.starts_with(':') && line.ends_with(']'))
            || line == LEGACY_WARNING;
        let option = first.strip_prefix("--").is_some_and(|name| name.len() > 1)
            || (first.len() == 2 && first.starts_with('-') && !is_command(line));
        let is_value = !first.is_empty()
            && !begins
            && !is_command(line)
            && !first.ends_with(['$', '#', '%', '>', ']']);
        !first.contains('@')
            && (option || is_value)
            && !first.starts_with('[')
            && !is_tool_line(line)
    };
    let mut following: Vec<&str> = Vec::new();
    // Within a comment nothing ends a rule.
    let mut quotes = text.matches('"').count();
    for (_, line) in rest.iter().skip(1) {
        let before = following.last().copied().unwrap_or(text);
        let ends =
            quotes.is_multiple_of(2) && is_whole(before) && !line.trim_start().starts_with('-');
        if !continues(line) || ends {
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
        if last < widest {
            whole.push(' ');
        }
        whole.push_str(line);
        last = line.chars().count();
    }
    (whole, following.len() + 1)
}

/// Whether a rule may end with this line: it names a target that needs no more.
fn is_whole(text: &str) -> bool {
    let mut words = text.split_whitespace().rev();
    let last = words.next().unwrap_or_default();
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
