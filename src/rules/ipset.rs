//! `ipset save` and `ipset list`: the contents of the sets that `-m set` looks up.

use std::net::IpAddr;
use std::sync::Arc;

use super::condition::{Element, Pattern};
use super::lines::Line;
use super::ruleset::{Caveat, Ruleset, Set};
use super::unreadable::{Fault, Unreadable};

mod entry;

use entry::patterns;
pub(super) use entry::{Dimension, bounds, dimensions};

/// The kind of a list of sets.
pub(super) const LIST: &str = "list:set";
/// How many caveats there may be before more lines of ipset's are told.
const MOST_CAVEATS: usize = 8;
/// How many spans an entry that excludes may have: its network, and a port with its protocol.
const MOST_NETWORKS: usize = 3;

/// Whether a line begins what ipset prints, or changes a set that was read.
pub(super) fn begins(text: &str, ruleset: &Ruleset) -> bool {
    text.starts_with("Name: ") || makes(text) || changes(text, ruleset)
}

/// Whether a command makes a set, or adds to one.
pub(super) fn fills(text: &str, ruleset: &Ruleset) -> bool {
    makes(text) || (text.starts_with("add ") && changes(text, ruleset))
}

/// Whether a line makes a set: `create bad hash:ip family inet`.
fn makes(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let verb = matches!(words.next(), Some("create" | "-N"));
    verb && words.nth(1).is_some_and(|kind| kind.contains(':'))
}

/// Whether a line changes sets that were read.
fn changes(text: &str, ruleset: &Ruleset) -> bool {
    let mut words = text.split_whitespace();
    let known = |name: &str| ruleset.ipsets.contains_key(name);
    match (words.next(), words.next(), words.next()) {
        (Some("add" | "del"), Some(name), Some(_))
        | (Some("flush" | "destroy"), Some(name), None) => known(name),
        (Some("flush" | "destroy"), None, _) => !ruleset.ipsets.is_empty(),
        (Some("swap" | "rename"), Some(one), Some(other)) => known(one) || known(other),
        (_, _, _) => false,
    }
}

/// Carries out a change.
fn change(text: &str, ruleset: &mut Ruleset) {
    let words: Vec<&str> = text.split_whitespace().collect();
    let sets = &mut ruleset.ipsets;
    match words.as_slice() {
        ["add", name, entry, ..] => add(ruleset, name, entry, text),
        ["del", name, entry, ..] => remove(ruleset, name, entry),
        ["flush"] => {
            for set in sets.values_mut() {
                set.elements = Arc::default();
            }
        }
        ["flush", name] => {
            if let Some(set) = sets.get_mut(*name) {
                set.elements = Arc::default();
            }
        }
        // A set that a rule asks for stays, so that nobody can tell.
        ["destroy"] => sets.clear(),
        ["destroy", name] => {
            sets.remove(*name);
        }
        ["swap", one, other] => {
            let (first, second) = (sets.remove(*one), sets.remove(*other));
            sets.extend(first.map(|set| ((*other).to_owned(), set)));
            sets.extend(second.map(|set| ((*one).to_owned(), set)));
        }
        ["rename", old, new] => {
            if let Some(set) = sets.remove(*old) {
                sets.insert((*new).to_owned(), set);
            }
        }
        _ => {}
    }
}

/// Reads sets from the first of `lines` on; says how many lines they took.
pub(super) fn read(lines: &[Line<'_>], ruleset: &mut Ruleset) -> Result<usize, Unreadable> {
    let mut taken = 0;
    let mut listing: Option<Listing> = None;
    for (line, text) in lines {
        let text = text.trim();
        let changes = changes(text, ruleset);
        if let Some(listing) = listing.take_if(|_| changes) {
            // What it has counted was there before the change.
            listing.finish(ruleset);
        }
        let mut words = text.split_whitespace();
        let fault = || Unreadable::at(*line, 1, Fault::Line);
        match (words.next(), &mut listing) {
            (Some("create" | "-N"), _) if makes(text) => {
                let (name, kind) = words.next().zip(words.next()).ok_or_else(fault)?;
                make(ruleset, name, kind, &unquoted(text));
            }
            (Some("add" | "del" | "flush" | "destroy" | "swap" | "rename"), _) if changes => {
                change(text, ruleset);
            }
            // Of a set that nothing has made.
            (Some("add"), _) => {
                let caveat = Caveat::NotUnderstood(text.to_owned());
                if !ruleset.caveats.contains(&caveat) && ruleset.caveats.len() < MOST_CAVEATS {
                    ruleset.caveats.push(caveat);
                }
            }
            (Some("Name:"), listing) => {
                *listing = words.next().map(Listing::of);
            }
            (Some("Type:"), Some(listing)) => {
                listing.kind = words.next().ok_or_else(fault)?.to_owned();
            }
            (Some("Header:"), Some(listing)) => {
                make(ruleset, &listing.name, &listing.kind, &unquoted(text));
            }
            (Some("Members:"), Some(listing)) => listing.shows_members = true,
            (Some("Number"), Some(listing)) => {
                listing.entries = words.next_back().and_then(|count| count.parse().ok());
            }
            (Some("Size"), Some(_)) | (None, Some(_)) => {}
            (Some(heading), Some(listing)) if !listing.shows_members && heading.ends_with(':') => {}
            (Some(entry), Some(listing)) if listing.takes(entry, text) => {
                add(ruleset, &listing.name, entry, text);
            }
            (Some(_), Some(listing)) if listing.is_damaged(text) => listing.damaged = true,
            (Some(_) | None, _) => break,
        }
        taken += 1;
    }
    if let Some(listing) = listing {
        listing.finish(ruleset);
    }
    Ok(taken.max(1))
}

/// A set as `ipset list` shows it.
struct Listing {
    name: String,
    kind: String,
    /// How many entries its heading counts.
    entries: Option<usize>,
    /// Whether the line before its members has come: `ipset list -t` has none.
    shows_members: bool,
    /// Whether a line among its members is none.
    damaged: bool,
}

impl Listing {
    fn of(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: String::new(),
            entries: None,
            shows_members: false,
            damaged: false,
        }
    }

    /// Whether a line may have been a member, which is not understood.
    fn is_damaged(&self, text: &str) -> bool {
        let words = text.split_whitespace().count();
        let entry = text.split_whitespace().next().unwrap_or_default();
        let is_prompt = text.contains(['@', '$', '#']);
        self.shows_members && words <= 3 && !is_prompt && is_like_entry(entry)
    }

    /// Whether a line is one of its members.
    fn takes(&self, entry: &str, text: &str) -> bool {
        let is_name = || {
            // A member of a list of sets is a name, and alone.
            self.kind.starts_with("list:") && !text.trim().contains([' ', '@', '$', '#', '*'])
        };
        self.shows_members && (is_member(entry) || is_name())
    }

    /// Sees whether all members were shown.
    fn finish(self, ruleset: &mut Ruleset) {
        let Some(set) = ruleset.ipsets.get_mut(&self.name) else {
            return;
        };
        let counted = self.entries.is_none_or(|count| count == set.elements.len());
        if !self.shows_members || !counted || self.damaged {
            set.known = false;
            set.elements = Arc::default();
        }
    }
}

/// Whether a word may be a member of a set: an address, a network, a span, a port, a MAC address,
/// or several of them.
fn is_member(entry: &str) -> bool {
    let first = entry.split(',').next().unwrap_or_default();
    let start = first.split(['/', '-']).next().unwrap_or_default();
    let is_hardware = |text: &str| {
        let mut bytes = text.split(':');
        text.contains(':') && bytes.all(|byte| u8::from_str_radix(byte, 16).is_ok())
    };
    start.parse::<IpAddr>().is_ok()
        || start.parse::<u64>().is_ok()
        || is_hardware(start)
        || start
            .split_once(':')
            .is_some_and(|(_, port)| port.parse::<u16>().is_ok())
}

/// Whether a word looks like an address or a port, whole or not.
fn is_like_entry(word: &str) -> bool {
    let has_digit = word.chars().any(|letter| letter.is_ascii_digit());
    has_digit && word.contains(['.', ':']) && !word.ends_with(':')
}

/// Whether a line, which is no command of ipset's, looks like one that was spoilt.
pub(super) fn resembles(text: &str, ruleset: &Ruleset) -> bool {
    const KINDS: [&str; 3] = ["hash:", "bitmap:", "list:set"];
    /// A command has few words: more are a sentence.
    const MOST_WORDS: usize = 4;
    let words: Vec<&str> = text.split_whitespace().collect();
    // Of a set that nothing has made.
    if words.first() == Some(&"del") {
        return false;
    }
    let names_kind = |word: &&str| KINDS.iter().any(|kind| word.starts_with(kind));
    if words.iter().any(names_kind) {
        return true;
    }
    let names_set = words.iter().any(|word| ruleset.ipsets.contains_key(*word));
    !ruleset.ipsets.is_empty()
        && words.iter().any(|word| is_like_entry(word))
        && (names_set || words.len() <= MOST_WORDS)
}

/// What a line says outside of quotes: comments are anybody's words.
fn unquoted(text: &str) -> String {
    match (text.find('"'), text.rfind('"')) {
        (Some(first), Some(last)) => {
            let part = |range: Option<&str>| range.unwrap_or_default().to_owned();
            part(text.get(..first)) + &part(text.get(last + 1..))
        }
        (_, _) => text.to_owned(),
    }
}

/// Makes a set, empty as its listing begins.
fn make(ruleset: &mut Ruleset, name: &str, kind: &str, header: &str) {
    // Hardware addresses are in no packet as it is asked about, nor is what changes a lookup followed.
    let followed = kind == LIST || dimensions(kind).is_some();
    let set = Set {
        elements: Arc::default(),
        gone: Vec::new(),
        kind: kind.to_owned(),
        known: followed && is_plain(header, name, kind),
        changing: false,
        varies: false,
    };
    ruleset.ipsets.insert(name.to_owned(), set);
}

/// Whether a set is made with options alone that change no lookup, each with its value (ipset(8)).
fn is_plain(header: &str, name: &str, kind: &str) -> bool {
    const NUMBERED: [&str; 6] = [
        "hashsize",
        "maxelem",
        "timeout",
        "size",
        "bucketsize",
        "initval",
    ];
    const ALONE: [&str; 4] = ["counters", "comment", "skbinfo", "forceadd"];
    let mut words = header.split_whitespace().peekable();
    // `Header:` of a listing, or `create NAME KIND`.
    words.next_if_eq(&"Header:");
    if words
        .next_if(|word| matches!(*word, "create" | "-N"))
        .is_some()
    {
        words.next_if_eq(&name);
        words.next_if_eq(&kind);
    }
    while let Some(word) = words.next() {
        let is_known = match word {
            "family" => matches!(words.next(), Some("inet" | "inet6")),
            "range" => words.next().is_some_and(|value| {
                value.contains('-') && !value.contains(|letter: char| letter.is_ascii_alphabetic())
            }),
            _ if NUMBERED.contains(&word) => {
                let value = words.next().unwrap_or_default();
                let hexadecimal = value.strip_prefix("0x");
                value.parse::<u64>().is_ok()
                    || hexadecimal.is_some_and(|digits| u64::from_str_radix(digits, 16).is_ok())
            }
            _ => ALONE.contains(&word),
        };
        if !is_known {
            return false;
        }
    }
    true
}

fn add(ruleset: &mut Ruleset, name: &str, entry: &str, text: &str) {
    let Some(set) = ruleset.ipsets.get_mut(name) else {
        return;
    };
    let said = unquoted(text);
    let words: Vec<&str> = said.split_whitespace().collect();
    let seconds = words
        .iter()
        .position(|word| *word == "timeout")
        .and_then(|at| words.get(at + 1)?.parse::<u64>().ok());
    let patterns = patterns(&set.kind, entry, words.contains(&"wildcard"));
    let excludes = words.contains(&"nomatch");
    let networks = patterns
        .iter()
        .filter(|one| matches!(one, Pattern::Range(..)));
    // Which of several networks is the closer one is told of the first alone.
    if excludes && networks.count() > MOST_NETWORKS {
        set.known = false;
    }
    Arc::make_mut(&mut set.elements).push(Element {
        patterns,
        verdict: None,
        text: match seconds {
            Some(seconds) => format!("{entry} timeout {seconds}"),
            None => entry.to_owned(),
        },
        excludes,
        limited: false,
    });
}

/// Puts into lists of sets what their sets hold, where all of that is known and of one kind: a lookup
/// asks one after the other, and in each of them what excludes is for its own entries. Gives back
/// the lists with the names of their sets.
pub(super) fn unfold(ruleset: &mut Ruleset) -> Vec<(String, Vec<String>)> {
    let known = |name: &str| ruleset.ipsets.get(name).filter(|set| set.known);
    let unfolded = |list: &Set| -> Option<Set> {
        let members: Option<Vec<&Set>> = list
            .elements
            .iter()
            .map(|member| known(&member.text))
            .collect();
        let members = members?;
        let kind = members.first()?.kind.clone();
        let own = dimensions(&kind);
        let plain = |set: &&Set| {
            dimensions(&set.kind) == own && !set.elements.iter().any(|one| one.excludes)
        };
        members.iter().all(plain).then(|| Set {
            elements: Arc::new(
                members
                    .iter()
                    .flat_map(|set| set.elements.iter().cloned())
                    .collect(),
            ),
            kind,
            known: true,
            ..Set::default()
        })
    };
    let lists = ruleset.ipsets.iter().filter(|(_, set)| set.kind == LIST);
    let found: Vec<(String, Set, Vec<String>)> = lists
        .filter_map(|(name, list)| {
            let members = list.elements.iter().map(|member| member.text.clone());
            Some((name.clone(), unfolded(list)?, members.collect()))
        })
        .collect();
    let mut lists = Vec::new();
    for (name, set, members) in found {
        ruleset.ipsets.insert(name.clone(), set);
        lists.push((name, members));
    }
    lists
}

/// Takes an entry out of a set. Where it is written otherwise than it was put in, what it may have
/// been a part of is no member for sure, and what is left is not known.
fn remove(ruleset: &mut Ruleset, name: &str, entry: &str) {
    let Some(set) = ruleset.ipsets.get_mut(name) else {
        return;
    };
    let gone = patterns(&set.kind, entry, false);
    let elements = Arc::make_mut(&mut set.elements);
    let before = elements.len();
    elements.retain(|element| element.patterns != gone);
    if elements.len() < before {
        return;
    }
    let apart = |element: &Element| {
        let mut pairs = element.patterns.iter().zip(&gone);
        pairs.any(|pair| match pair {
            (Pattern::Range(first, last), Pattern::Range(low, high)) => last < low || high < first,
            (_, _) => false,
        })
    };
    elements.retain(apart);
    set.known &= elements.len() == before;
}
