//! A row of `iptables -L`, written again as the options that made it.

use super::list::Columns;
use super::remarks;
use super::words::shell;
use crate::rules::lines;
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

/// What a line is in a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A row, with its number if the listing has them.
    Row(Option<u32>),
    /// It may be the rest of the row above, which a terminal has cut off.
    Rest,
    /// A row that cannot be read.
    Unread,
    /// No row at all: somebody says something.
    Said,
}

/// What the line `text` is, which comes after the row `last`; `full` says whether no line is longer
/// than the one before, so that a terminal may have broken it there.
pub(super) fn kind(text: &str, columns: Columns, last: Option<&str>, full: bool) -> Line {
    if let Some((number, tokens)) = leading(text, columns) {
        let counted = columns.number || columns.verbose;
        if fixed(&tokens, columns, counted).is_some() {
            let before = last.and_then(|last| leading(last, columns)?.0);
            let follows = number.is_none_or(|number| before.is_none_or(|last| number > last));
            return if follows {
                Line::Row(number)
            } else {
                Line::Unread
            };
        }
    }
    let is_whole = last.is_some_and(|last| Row::read(last, columns, 0).is_ok());
    // What a row says beside its columns never shows two addresses side by side.
    if is_whole && shows_addresses(text) {
        return Line::Unread;
    }
    let is_open = last.is_some_and(|last| last.matches("/*").count() > last.matches("*/").count());
    let vocabulary = |word: &str| {
        remarks::begins(word)
            || [
                "match", "avg", "burst", "src-type", "dst-type", "limit:", "range",
            ]
            .contains(&word)
            || (word.len() > 1 && word.chars().all(|letter| letter.is_ascii_uppercase()))
    };
    let may_be_rest = full && text.split_whitespace().any(vocabulary);
    if is_whole && !is_open && !may_be_rest && is_said(text) {
        return Line::Said;
    }
    Line::Rest
}

/// Whether a line is what somebody says: words of a sentence, none of which a row could have.
fn is_said(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    let of_language = |word: &&str| {
        let bare = word.trim_matches(|mark: char| "\"'().,;:!?".contains(mark));
        bare.len() > 1
            && bare
                .chars()
                .all(|letter| letter.is_alphabetic() || "'’-".contains(letter))
    };
    lines::is_usual(text.trim())
        || lines::is_shell_error(text.trim())
        || (words.len() >= 3
            && lines::is_prose(text.trim())
            && words.iter().filter(|word| of_language(word)).count() * 4 >= words.len() * 3
            && !words.iter().any(|word| word.contains(['/', '*', '='])))
}

/// The number of a row, and what follows it and the counters; `None` where they are not there.
fn leading(text: &str, columns: Columns) -> Option<(Option<u32>, Vec<&str>)> {
    let mut tokens = text.split_whitespace();
    let mut number = None;
    if columns.number {
        number = Some(tokens.next()?.parse::<u32>().ok()?);
    }
    if columns.verbose {
        for _ in 0..2 {
            let counter = tokens.next()?;
            let digits = counter.trim_end_matches(['K', 'M', 'G', 'T', 'P', 'E']);
            digits.parse::<f64>().ok()?;
        }
    }
    Some((number, tokens.take(3).collect()))
}

/// Whether a word is an address as only a column of a listing shows it.
fn is_address(token: &str) -> bool {
    let address = token.trim_start_matches('!');
    address == "anywhere"
        || address
            .split('/')
            .next()
            .is_some_and(|host| host.parse::<std::net::IpAddr>().is_ok())
}

/// Whether a line has the two columns of addresses of a row.
pub(super) fn shows_addresses(text: &str) -> bool {
    let tokens: Vec<&str> = text.split_whitespace().collect();
    let mut pairs = tokens.windows(2);
    pairs.any(|pair| pair.iter().all(|token| is_address(token)))
}

/// Whether a line is a shell's, which belongs to no listing.
pub(super) fn is_prompt(text: &str) -> bool {
    let mut tokens = text.split_whitespace();
    let prompt = |token: &str| token.ends_with(['$', '#', '%', '>']);
    let first = tokens.next().unwrap_or_default();
    prompt(first) || first == "sudo" || tokens.next().is_some_and(prompt) && first.contains('@')
}

/// Whether a target is present, and whether the options column is, which old ip6tables leaves
/// blank; `None` when these are not the tokens that follow a row's number and counters. Without
/// those (`counted`), a word that may be in any text proves no row.
fn fixed(tokens: &[&str], columns: Columns, counted: bool) -> Option<(bool, bool)> {
    let option = |token: &str| matches!(token, "--" | "-f" | "!f");
    let protocol = |token: &str| {
        let name = token.trim_start_matches('!');
        name == "all" || names::protocol(name).is_some()
    };
    // What follows a row's protocol where no options do.
    let next = |token: Option<&&str>| {
        token.is_none_or(|token| counted || (!columns.verbose && is_address(token)))
    };
    match tokens {
        [first, second, third, ..]
            if option(second) && (protocol(first) || counted || is_address(third)) =>
        {
            Some((false, true))
        }
        [first, second] if option(second) && (protocol(first) || counted) => Some((false, true)),
        [_, _, third, ..] if option(third) => Some((true, true)),
        [_, second, rest @ ..] if protocol(second) && next(rest.first()) => Some((true, false)),
        [first, second, ..] if protocol(first) && is_address(second) && !columns.verbose => {
            Some((false, false))
        }
        [first, _, ..] if protocol(first) && columns.verbose => Some((false, false)),
        [_, ..] | [] => None,
    }
}

/// Whether a word may stand in a column of addresses: one itself, or a name for one.
fn may_be_address(word: &str) -> bool {
    let word = word.trim_start_matches('!');
    let inner = |letter: char| letter.is_alphanumeric() || "._-:/".contains(letter);
    word.starts_with(char::is_alphanumeric) && word.chars().all(inner) || word.starts_with("::")
}

/// The first columns of a row, behind its number and counters.
struct Lead<'a> {
    target: Option<&'a str>,
    protocol: &'a str,
    options: &'a str,
    /// What was taken of the columns behind them, last first.
    spare: Vec<&'a str>,
}

impl<'a> Lead<'a> {
    fn of(
        first: &'a str,
        second: &'a str,
        third: Option<&'a str>,
        columns: Columns,
    ) -> Option<Self> {
        let tokens = [first, second, third.unwrap_or_default()];
        let shown = tokens.get(..2 + usize::from(third.is_some()));
        let mut spare: Vec<&str> = Vec::new();
        let (target, protocol, options) = match fixed(shown.unwrap_or_default(), columns, true)? {
            (true, true) => (Some(first), second, third.unwrap_or_default()),
            (true, false) => {
                spare.extend(third);
                (Some(first), second, "--")
            }
            (false, true) => {
                spare.extend(third);
                (None, first, second)
            }
            (false, false) => {
                spare.extend(third);
                spare.push(second);
                (None, first, "--")
            }
        };
        Some(Self {
            target,
            protocol,
            options,
            spare,
        })
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
        let lead = Lead::of(first, second, third, columns).ok_or_else(fault)?;
        let mut spare = lead.spare;
        let mut next = || spare.pop().or_else(&mut take).ok_or_else(fault);
        let (incoming, outgoing) = if columns.verbose {
            (next()?, next()?)
        } else {
            ("*", "*")
        };
        let (source, destination) = (next()?, next()?);
        if !may_be_address(source) || !may_be_address(destination) {
            return Err(fault());
        }
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
        row.plain("-p", lead.protocol, &["all", "0", "ip", "hopopt"]);
        match lead.options {
            "-f" => row.add("-f"),
            "!f" => row.add("! -f"),
            _ => {}
        }
        super::remarks::read(rest.trim(), lead.target, &mut row);
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
