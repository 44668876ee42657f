//! A row of `iptables -L`, written again as the options that made it.

use super::list::Columns;
use super::words::shell;
use crate::rules::names;
use crate::rules::unreadable::{Fault, Unreadable};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Its number, if the listing has them.
    pub(super) number: Option<u32>,
    /// The options, as iptables takes them.
    pub(super) specification: String,
    /// What could not be read.
    pub(super) unread: Vec<String>,
    /// Whether the listing hides the interfaces.
    pub(super) hides_interfaces: bool,
    /// Whether it shows a name for an address.
    pub(super) has_names: bool,
}

/// Whether a line is the row that comes next, as the row of that number.
pub(super) fn begins(text: &str, columns: Columns, number: usize) -> bool {
    let mut tokens = text.split_whitespace();
    if columns.number && tokens.next() != Some(number.to_string().as_str()) {
        return false;
    }
    if columns.verbose {
        let counter = |token: Option<&str>| {
            token.is_some_and(|token| {
                let digits = token.trim_end_matches(['K', 'M', 'G', 'T', 'P', 'E']);
                !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())
            })
        };
        if !counter(tokens.next()) || !counter(tokens.next()) {
            return false;
        }
    }
    let next: Vec<&str> = tokens.take(3).collect();
    fixed(&next).is_some()
}

/// Whether a line is a shell's, which belongs to no listing.
pub(super) fn is_prompt(text: &str) -> bool {
    let mut tokens = text.split_whitespace();
    let prompt = |token: &str| token.ends_with(['$', '#', '%', '>']);
    let first = tokens.next().unwrap_or_default();
    prompt(first) || first == "sudo" || tokens.next().is_some_and(prompt) && first.contains('@')
}

/// Whether a target is present, and whether the options column is; `None` when these are not the
/// tokens that follow a row's counters.
fn fixed(tokens: &[&str]) -> Option<(bool, bool)> {
    let option = |token: &str| matches!(token, "--" | "-f" | "!f");
    let protocol = |token: &str| {
        let name = token.trim_start_matches('!');
        name == "all" || names::protocol(name).is_some()
    };
    match tokens {
        [first, second, ..] if protocol(first) && option(second) => Some((false, true)),
        [_, second, third, ..] if option(third) => Some((true, !second.is_empty())),
        [_, second, ..] if protocol(second) => Some((true, false)),
        [_, _] | [_, _, ..] | [_] | [] => None,
    }
}

impl Row {
    pub(super) fn read(text: &str, columns: Columns, line: usize) -> Result<Self, Unreadable> {
        let mut rest = text;
        let fault = || Unreadable::at(line, 1, Fault::Row);
        let mut take = || {
            let trimmed = rest.trim_start();
            let end = trimmed.find(char::is_whitespace).unwrap_or(trimmed.len());
            let (token, after) = trimmed.split_at(end);
            rest = after;
            (!token.is_empty()).then_some(token)
        };
        let number = if columns.number {
            take().and_then(|token| token.parse().ok())
        } else {
            None
        };
        if columns.verbose {
            take();
            take();
        }
        let first = take().ok_or_else(fault)?;
        let second = take().ok_or_else(fault)?;
        let third = take();
        let tokens = [first, second, third.unwrap_or_default()];
        let (has_target, has_options) = fixed(&tokens).ok_or_else(fault)?;
        let mut spare: Vec<&str> = Vec::new();
        let (target, protocol, options) = match (has_target, has_options) {
            (true, true) => (Some(first), second, third.unwrap_or_default()),
            (true, false) => {
                spare.extend(third);
                (Some(first), second, "--")
            }
            (false, _) => {
                spare.extend(third);
                (None, first, second)
            }
        };
        let mut next = || spare.pop().or_else(&mut take).ok_or_else(fault);
        let (incoming, outgoing) = if columns.verbose {
            (next()?, next()?)
        } else {
            ("*", "*")
        };
        let (source, destination) = (next()?, next()?);
        let mut row = Self {
            number,
            specification: String::new(),
            unread: Vec::new(),
            hides_interfaces: !columns.verbose,
            has_names: false,
        };
        row.side("-s", source);
        row.side("-d", destination);
        row.plain("-i", incoming, &["*", "any"]);
        row.plain("-o", outgoing, &["*", "any"]);
        row.plain("-p", protocol, &["all", "0"]);
        match options {
            "-f" => row.add("-f"),
            "!f" => row.add("! -f"),
            _ => {}
        }
        super::remarks::read(rest.trim(), target, &mut row);
        Ok(row)
    }

    /// Adds options as they are.
    pub(super) fn add(&mut self, text: &str) {
        if !self.specification.is_empty() {
            self.specification.push(' ');
        }
        self.specification.push_str(text);
    }

    /// Adds an option whose value may be negated.
    pub(super) fn plain(&mut self, option: &str, value: &str, nothing: &[&str]) {
        if nothing.contains(&value) {
            return;
        }
        let (not, value) = match value.strip_prefix('!') {
            Some(value) => ("! ", value.trim_start()),
            None => ("", value),
        };
        self.add(&format!("{not}{option} {}", shell(value)));
    }

    fn side(&mut self, option: &str, value: &str) {
        let address = value.trim_start_matches('!');
        self.has_names |= address != "anywhere"
            && address
                .split('/')
                .next()
                .is_some_and(|host| host.parse::<std::net::IpAddr>().is_err());
        self.plain(option, value, &["anywhere", "0.0.0.0/0", "::/0"]);
    }
}

/// Whether a remark speaks of something that changes from packet to packet.
pub(super) fn is_fickle(text: &str) -> bool {
    ["limit", "recent", "statistic", "#conn", "quota"]
        .iter()
        .any(|word| text.contains(word))
}
