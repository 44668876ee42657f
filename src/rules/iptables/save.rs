//! Lines of `iptables-save` and `iptables -S`.

use super::options;
use super::place::{self, Section};
use super::specs;
use super::words::{self, Word};
use crate::rules::ruleset::{Family, Policy, Recipe, Rule, Ruleset, Shown};
use crate::rules::unreadable::{Fault, Unreadable};

/// What a policy may be.
const POLICIES: [&str; 4] = ["ACCEPT", "DROP", "QUEUE", "RETURN"];

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
    // Counters may stand behind it, and nothing else.
    let counted = parts.next().is_none_or(|word| {
        let inner = word
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        inner.is_some_and(|rest| !rest.contains(['[', ']']))
    });
    if !counted || parts.next().is_some() {
        return Err(Unreadable::at(line, 1, Fault::Line));
    }
    open(name, Some(policy), section, ruleset, assumed);
    // A listing begins with its empty chains.
    section.table(ruleset, assumed).chain(name).rules.clear();
    Ok(())
}

/// Makes a chain, or gives one that is there a policy: its rules stay.
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
            let more = specification.get(1).filter(|word| word.text != "-c");
            let known = policy.is_some_and(|policy| POLICIES.contains(&policy));
            if let Some(word) = more.or(specification.first().filter(|_| !known)) {
                return Err(Unreadable::at(
                    line,
                    word.column,
                    Fault::Word(word.text.clone()),
                ));
            }
            open(&name.text, policy, section, ruleset, assumed);
        }
        "-N" | "--new-chain" => {
            if let Some(word) = specification.first() {
                return Err(Unreadable::at(
                    line,
                    word.column,
                    Fault::Word(word.text.clone()),
                ));
            }
            open(&name.text, None, section, ruleset, assumed);
            section
                .table(ruleset, assumed)
                .chain(&name.text)
                .rules
                .clear();
        }
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

/// The chain that a command adds a rule to.
pub(in crate::rules) fn added_to(text: &str) -> Option<&str> {
    let mut words = text.split_whitespace();
    let mut word = words.next();
    while word.is_some_and(|word| word.starts_with('[') || word.contains(']')) {
        word = words.next();
    }
    let adds = ["-A", "--append", "-I", "--insert"];
    word.filter(|word| adds.contains(word))?;
    words.next()
}

/// Reads a rule, and puts it before the one of that number, or at the end.
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
    // What a shell puts in place of a variable is not known.
    let before_each = std::iter::once(name).chain(specification);
    let mut all = std::iter::once(name)
        .chain(specification)
        .zip([None].into_iter().chain(before_each.map(Some)));
    let is_variable = |(word, before): &(&Word, Option<&Word>)| {
        let is_said = before.is_some_and(|before| specs::takes_free_text(&before.text));
        !is_said && word.text.contains(['$', '`'])
    };
    if let Some((word, _)) = all.find(is_variable) {
        let fault = Fault::Word(word.text.clone());
        return Err(Unreadable::at(line, word.column, fault));
    }
    let statements = options::statements(specification, line, family)?;
    let name = name.text.as_str();
    let written = words::join(&without_counters(specification));
    let rule = Rule {
        number: 0,
        handle: None,
        text: format!("-A {name} {written}").trim_end().to_owned(),
        statements,
        recipe: Recipe::Same,
    };
    place_rule(before, name, rule, section, ruleset, assumed);
    Ok(())
}

/// Puts a rule that cannot be read where its text says; says whether it does say that.
pub(in crate::rules) fn unread(
    text: &str,
    section: &Section,
    ruleset: &mut Ruleset,
    assumed: Family,
) -> bool {
    let mut words = text.split_whitespace();
    let mut word = words.next();
    while word.is_some_and(|word| word.starts_with('[') || word.contains(']')) {
        word = words.next();
    }
    let (Some(action), Some(name)) = (word, words.next()) else {
        return false;
    };
    let is_name = |letter: char| letter.is_alphanumeric() || "-_.:+".contains(letter);
    let before = match action {
        "-A" | "--append" => None,
        "-I" | "--insert" => Some(words.next().and_then(|one| one.parse().ok()).unwrap_or(1)),
        _ => return false,
    };
    if name.starts_with('-') || !name.chars().all(is_name) {
        return false;
    }
    let rule = Rule::unread(0, text.to_owned(), section.table != "filter");
    place_rule(before, name, rule, section, ruleset, assumed);
    true
}

/// Puts a rule before the one of that number, or at the end.
fn place_rule(
    before: Option<usize>,
    name: &str,
    rule: Rule,
    section: &Section,
    ruleset: &mut Ruleset,
    assumed: Family,
) {
    let chain = section.table(ruleset, assumed).chain(name);
    if chain.shown == Shown::Not {
        // `iptables -S CHAIN` shows no policy for chains of users, and scripts show none at all.
        chain.base = place::base(&section.table, name, Policy::Unknown);
    }
    chain.shown = Shown::Exactly;
    let last = chain.rules.len();
    let at = before.map_or(last, |number| number.saturating_sub(1).min(last));
    chain.rules.insert(at, rule);
    for (index, rule) in chain.rules.iter_mut().enumerate().skip(at) {
        rule.number = u32::try_from(index + 1).unwrap_or(u32::MAX);
    }
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
