//! Lines of `iptables-save` and `iptables -S`.

use super::options;
use super::place::{self, Section};
use super::words::{self, Word};
use crate::rules::ruleset::{Family, Policy, Recipe, Rule, Ruleset, Shown};
use crate::rules::unreadable::{Fault, Unreadable};

/// Reads the line that makes a chain: `:INPUT DROP [0:0]`.
pub(in crate::rules) fn chain(
    text: &str,
    line: usize,
    section: &Section,
    ruleset: &mut Ruleset,
    assumed: Family,
) -> Result<(), Unreadable> {
    let mut parts = text.trim_start_matches(':').split_whitespace();
    let (Some(name), Some(policy)) = (parts.next(), parts.next()) else {
        return Err(Unreadable::at(line, 1, Fault::Line));
    };
    open(name, Some(policy), section, ruleset, assumed);
    Ok(())
}

/// Makes a chain, empty as its listing begins.
fn open(
    name: &str,
    policy: Option<&str>,
    section: &Section,
    ruleset: &mut Ruleset,
    assumed: Family,
) {
    let policy = match policy {
        Some("ACCEPT") => Policy::Accept,
        Some("DROP") => Policy::Drop,
        Some(_) | None => Policy::Unknown,
    };
    let chain = section.table(ruleset, assumed).chain(name);
    chain.base = place::base(&section.table, name, policy);
    chain.shown = Shown::Exactly;
    chain.rules.clear();
}

/// Reads a command that adds to a chain: `-A INPUT …`, `-I INPUT 1 …`, `-P INPUT DROP`, `-N USER`,
/// counters before it or not. The text begins in `column`.
pub(in crate::rules) fn command(
    text: &str,
    (line, column): (usize, usize),
    section: &Section,
    ruleset: &mut Ruleset,
    assumed: Family,
) -> Result<(), Unreadable> {
    let all = words::split(text, line, column)?;
    let mut rest = all.as_slice();
    if let [counters, after @ ..] = rest
        && counters.text.starts_with('[')
    {
        rest = after;
    }
    let [action, name, specification @ ..] = rest else {
        return Err(Unreadable::at(line, column, Fault::Line));
    };
    match action.text.as_str() {
        "-P" | "--policy" => {
            let policy = specification.first().map(|word| word.text.as_str());
            open(&name.text, policy, section, ruleset, assumed);
        }
        "-N" | "--new-chain" => open(&name.text, None, section, ruleset, assumed),
        "-A" | "--append" => put(None, name, specification, line, section, ruleset, assumed)?,
        "-I" | "--insert" => {
            let number = specification
                .first()
                .and_then(|word| word.text.parse().ok());
            let rule = specification.get(usize::from(number.is_some())..);
            let before = Some(number.unwrap_or(1));
            let rule = rule.unwrap_or_default();
            put(before, name, rule, line, section, ruleset, assumed)?;
        }
        _ => return Err(Unreadable::at(line, action.column, Fault::Line)),
    }
    Ok(())
}

/// Puts a rule before the one of that number, or at the end.
fn put(
    before: Option<usize>,
    name: &Word,
    specification: &[Word],
    line: usize,
    section: &Section,
    ruleset: &mut Ruleset,
    assumed: Family,
) -> Result<(), Unreadable> {
    let family = section.family.unwrap_or(assumed);
    let statements = options::statements(specification, line, family)?;
    let name = name.text.as_str();
    let chain = section.table(ruleset, assumed).chain(name);
    if chain.shown == Shown::Not {
        // `iptables -S CHAIN` shows no policy for chains of users, and scripts show none at all.
        chain.base = place::base(&section.table, name, Policy::Unknown);
    }
    chain.shown = Shown::Exactly;
    let written = words::join(&without_counters(specification));
    let last = chain.rules.len();
    let at = before.map_or(last, |number| number.saturating_sub(1).min(last));
    let rule = Rule {
        number: 0,
        handle: None,
        text: format!("-A {name} {written}").trim_end().to_owned(),
        statements,
        recipe: Recipe::Same,
    };
    chain.rules.insert(at, rule);
    for (index, rule) in chain.rules.iter_mut().enumerate().skip(at) {
        rule.number = u32::try_from(index + 1).unwrap_or(u32::MAX);
    }
    Ok(())
}

/// The words of a rule without the counters that `-S -v` writes.
fn without_counters(words: &[Word]) -> Vec<Word> {
    let mut kept = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word.text == "-c" && !word.quoted {
            words.next();
            words.next();
        } else {
            kept.push(word.clone());
        }
    }
    kept
}
