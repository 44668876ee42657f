//! The last column of `iptables -L`: what matches and targets print of themselves.

use super::row::Row;
use super::target::NON_TERMINATING;
use super::words::shell;

/// Words that begin what a known match or target prints.
const BEGINNINGS: [&str; 26] = [
    "tcp",
    "udp",
    "multiport",
    "/*",
    "reject-with",
    "state",
    "ctstate",
    "ctorigsrc",
    "ctorigdst",
    "ctorigdstport",
    "ctdir",
    "mark",
    "connmark",
    "ADDRTYPE",
    "match-set",
    "PKTTYPE",
    "MARK",
    "CONNMARK",
    "redir",
    "[goto]",
    "recent:",
    "#conn",
    "add-set",
    "del-set",
    "map-set",
    "!",
];

/// Whether a word begins what a known match or target prints.
pub(super) fn begins(word: &str) -> bool {
    BEGINNINGS.contains(&word)
}

/// Reads remarks into `row`, the target with its options last.
pub(super) fn read(text: &str, target: Option<&str>, row: &mut Row) {
    let mut end = Target {
        options: String::new(),
        goto: false,
    };
    // A comment that holds the end of a comment could pass for matches: nothing here can be trusted.
    if holds_matches(text) {
        row.unread.push(text.to_owned());
    } else if !target.is_some_and(|target| NON_TERMINATING.contains(&target)) {
        let tokens: Vec<&str> = text.split_whitespace().collect();
        let mut tokens = tokens.as_slice();
        while !tokens.is_empty() {
            tokens = remark(tokens, text, row, &mut end);
        }
    }
    if let Some(target) = target {
        let jump = if end.goto { "-g" } else { "-j" };
        row.add(&format!("{jump} {}", shell(target)));
        if !end.options.is_empty() {
            row.add(&end.options);
        }
    }
}

/// Whether what stands between two comments could as well be of one comment.
fn holds_matches(text: &str) -> bool {
    let parts: Vec<&str> = text.split("*/").collect();
    let between = parts
        .get(1..parts.len().saturating_sub(1))
        .unwrap_or_default();
    between
        .iter()
        .any(|part| !part.trim_start().starts_with("/*"))
}

/// What remarks say of the target.
struct Target {
    options: String,
    goto: bool,
}

/// Reads the first remark of `tokens` and returns the others.
fn remark<'a>(tokens: &'a [&'a str], text: &str, row: &mut Row, end: &mut Target) -> &'a [&'a str] {
    let known = of_ports(tokens, text, row)
        .or_else(|| of_connection(tokens, row))
        .or_else(|| of_target(tokens, end));
    match (known, tokens) {
        (Some(rest), _) => rest,
        (None, [first, rest @ ..]) => {
            let (words, rest) = until_known(rest);
            let mut unread = vec![*first];
            unread.extend(words);
            row.unread.push(unread.join(" "));
            rest
        }
        (None, []) => tokens,
    }
}

/// Ports and flags, comments, and what counts packets or connections.
fn of_ports<'a>(tokens: &'a [&'a str], text: &str, row: &mut Row) -> Option<&'a [&'a str]> {
    Some(match tokens {
        [protocol @ ("tcp" | "udp"), rest @ ..] => ported(protocol, rest, row),
        [
            "multiport",
            kind @ ("dports" | "sports" | "ports"),
            ports,
            rest @ ..,
        ] => {
            row.add("-m multiport");
            row.plain(&format!("--{kind}"), ports, &[]);
            rest
        }
        ["/*", ..] => {
            let body = text
                .split_once("/*")
                .and_then(|(_, rest)| rest.split_once("*/"));
            row.add(&format!(
                "-m comment --comment {}",
                shell(body.map_or("", |(body, _)| body.trim()))
            ));
            let past = tokens
                .iter()
                .position(|token| *token == "*/")
                .map_or(tokens.len(), |at| at + 1);
            tokens.get(past..).unwrap_or_default()
        }
        ["recent:", "SET", rest @ ..] => {
            row.add("-m recent --set");
            until_known(rest).1
        }
        ["#conn", side, sign @ (">" | "<="), limit, rest @ ..] => {
            row.add(&connections(side, sign, limit));
            rest
        }
        _ => return None,
    })
}

/// States, addresses, marks and sets.
fn of_connection<'a>(tokens: &'a [&'a str], row: &mut Row) -> Option<&'a [&'a str]> {
    Some(match tokens {
        [
            "!",
            name @ ("state" | "ctstate" | "ctorigsrc" | "ctorigdst" | "ctorigdstport"),
            value,
            rest @ ..,
        ] => {
            connection(name, &format!("!{value}"), row);
            rest
        }
        [
            name @ ("state" | "ctstate" | "ctorigsrc" | "ctorigdst" | "ctorigdstport" | "ctdir"),
            value,
            rest @ ..,
        ] => {
            connection(name, value, row);
            rest
        }
        [side @ ("source" | "destination"), "IP", "range", rest @ ..] => {
            row.add("-m iprange");
            let option = if *side == "source" {
                "--src-range"
            } else {
                "--dst-range"
            };
            negatable(option, rest, row)
        }
        [module @ ("mark" | "connmark"), "match", rest @ ..] => {
            row.add(&format!("-m {module}"));
            negatable("--mark", rest, row)
        }
        ["ADDRTYPE", "match", rest @ ..] => kinds(rest, row),
        ["!", "match-set", name, directions, rest @ ..] => {
            row.add(&format!(
                "-m set ! --match-set {} {}",
                shell(name),
                shell(directions)
            ));
            rest
        }
        ["match-set", name, directions, rest @ ..] => {
            let (name, directions) = (shell(name), shell(directions));
            row.add(&format!("-m set --match-set {name} {directions}"));
            rest
        }
        ["PKTTYPE", "=", kind, rest @ ..] => {
            row.add(&format!("-m pkttype --pkt-type {}", shell(kind)));
            rest
        }
        ["PKTTYPE", "!=", kind, rest @ ..] => {
            row.add(&format!("-m pkttype ! --pkt-type {}", shell(kind)));
            rest
        }
        _ => return None,
    })
}

/// What a target prints of its options.
fn of_target<'a>(tokens: &'a [&'a str], end: &mut Target) -> Option<&'a [&'a str]> {
    Some(match tokens {
        ["reject-with", with, rest @ ..] => {
            end.options = format!("--reject-with {}", shell(with));
            rest
        }
        [name @ ("MARK" | "CONNMARK"), change, rest @ ..] => marks(name, change, rest, end),
        ["redir", "ports", ports, rest @ ..] => {
            end.options = format!("--to-ports {}", shell(ports));
            rest
        }
        ["[goto]", rest @ ..] => {
            end.goto = true;
            rest
        }
        ["CT", "notrack", rest @ ..] | ["NOTRACK", rest @ ..] => {
            "--notrack".clone_into(&mut end.options);
            rest
        }
        ["NFQUEUE", "num", queue, rest @ ..] => {
            end.options = format!("--queue-num {}", shell(queue));
            rest.strip_prefix(&["bypass"]).unwrap_or(rest)
        }
        [
            option @ ("add-set" | "del-set" | "map-set"),
            name,
            directions,
            rest @ ..,
        ] => {
            let (name, directions) = (shell(name), shell(directions));
            let (words, rest) = until_known(rest);
            let written = format!("--{option} {name} {directions}");
            end.options = format!("{} {written}", end.options).trim_start().to_owned();
            for flag in words.iter().filter(|word| **word == "map-mark") {
                end.options.push_str(&format!(" --{flag}"));
            }
            rest
        }
        [to, rest @ ..] if to.starts_with("to:") => {
            let to = shell(to.trim_start_matches("to:"));
            end.options = format!("--to-destination {to}");
            rest
        }
        _ => return None,
    })
}

/// `#conn src/32 > 20`: how many connections an address or its network has at once.
fn connections(side: &str, sign: &str, limit: &str) -> String {
    let (side, mask) = side.split_once('/').unwrap_or(("src", side));
    let bound = if sign == ">" { "above" } else { "upto" };
    let end = if side == "dst" { "daddr" } else { "saddr" };
    format!(
        "-m connlimit --connlimit-{bound} {} --connlimit-mask {} --connlimit-{end}",
        shell(limit),
        shell(mask)
    )
}

/// Splits before the first word that begins something known.
fn until_known<'a>(tokens: &'a [&'a str]) -> (&'a [&'a str], &'a [&'a str]) {
    let known = |at: &usize| match tokens.get(*at..).unwrap_or_default() {
        ["source" | "destination", "IP", ..] => true,
        [token, ..] => BEGINNINGS.contains(token) || token.starts_with("to:"),
        [] => false,
    };
    let at = (0..tokens.len()).find(known).unwrap_or(tokens.len());
    tokens.split_at(at)
}

/// Ports and flags: `dpt:22 spts:!1:5 flags:0x17/0x02`.
fn ported<'a>(protocol: &str, mut tokens: &'a [&'a str], row: &mut Row) -> &'a [&'a str] {
    row.add(&format!("-m {protocol}"));
    while let [token, rest @ ..] = tokens {
        let Some((name, value)) = token.split_once(':').or_else(|| token.split_once('=')) else {
            break;
        };
        match name {
            "dpt" | "dpts" => row.plain("--dport", value, &[]),
            "spt" | "spts" => row.plain("--sport", value, &[]),
            "flags" => {
                let (not, value) = value
                    .strip_prefix('!')
                    .map_or(("", value), |value| ("! ", value));
                let (mask, set) = value.split_once('/').unwrap_or((value, value));
                row.add(&format!("{not}--tcp-flags {} {}", shell(mask), shell(set)));
            }
            "option" => row.plain("--tcp-option", value, &[]),
            _ => break,
        }
        tokens = rest;
    }
    tokens
}

fn connection(name: &str, value: &str, row: &mut Row) {
    row.add(if name == "state" {
        "-m state"
    } else {
        "-m conntrack"
    });
    row.plain(&format!("--{name}"), value, &[]);
}

/// A value that `!` negates as a word of its own.
fn negatable<'a>(option: &str, tokens: &'a [&'a str], row: &mut Row) -> &'a [&'a str] {
    match tokens {
        ["!", value, rest @ ..] => {
            row.add(&format!("! {option} {}", shell(value)));
            rest
        }
        [value, rest @ ..] => {
            row.plain(option, value, &[]);
            rest
        }
        [] => tokens,
    }
}

fn kinds<'a>(mut tokens: &'a [&'a str], row: &mut Row) -> &'a [&'a str] {
    row.add("-m addrtype");
    loop {
        match tokens {
            [side @ ("src-type" | "dst-type"), kind, rest @ ..] => {
                row.plain(&format!("--{side}"), kind, &[]);
                tokens = rest;
            }
            ["limit-in", rest @ ..] => {
                row.add("--limit-iface-in");
                tokens = rest;
            }
            ["limit-out", rest @ ..] => {
                row.add("--limit-iface-out");
                tokens = rest;
            }
            [_, ..] | [] => return tokens,
        }
    }
}

/// What MARK and CONNMARK print.
fn marks<'a>(name: &str, change: &str, tokens: &'a [&'a str], end: &mut Target) -> &'a [&'a str] {
    if let "save" | "restore" = change {
        end.options = format!("--{change}-mark");
        let (words, rest) = until_known(tokens);
        let mut words = words.iter();
        while let (Some(mask), Some(value)) = (words.next(), words.next()) {
            let value = match value.strip_prefix('~') {
                Some(value) => value,
                None => value,
            };
            end.options.push_str(&format!(
                " {} {}",
                shell(&format!("--{mask}")),
                shell(value)
            ));
        }
        return rest;
    }
    match (change, tokens) {
        ("set" | "xset" | "and" | "or" | "xor", [value, rest @ ..]) => {
            let option = if change == "xset" {
                "--set-xmark".to_owned()
            } else {
                format!("--{change}-mark")
            };
            end.options = format!("{option} {}", shell(value));
            rest
        }
        (_, rest) => {
            // Its options stay unread, so that the new mark is unknown.
            end.options = format!("--unread {name}");
            until_known(rest).1
        }
    }
}
