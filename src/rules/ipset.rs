//! `ipset save` and `ipset list`: the contents of the sets that `-m set` looks up.

use std::net::IpAddr;

use super::condition::{Element, Pattern};
use super::iptables::matches::network;
use super::names;
use super::ruleset::{Family, Ruleset, Set};
use super::unreadable::{Fault, Unreadable};

/// Whether a line begins what ipset prints.
pub(super) fn begins(text: &str) -> bool {
    text.starts_with("create ") || text.starts_with("Name: ")
}

/// Reads sets from the first of `lines` on; says how many lines they took.
pub(super) fn read(lines: &[(usize, String)], ruleset: &mut Ruleset) -> Result<usize, Unreadable> {
    let mut taken = 0;
    let mut listed: Option<String> = None;
    for (line, text) in lines {
        let mut words = text.split_whitespace();
        let fault = || Unreadable::at(*line, 1, Fault::Line);
        match words.next() {
            Some("create") => {
                let (name, kind) = words.next().zip(words.next()).ok_or_else(fault)?;
                make(ruleset, name, kind);
            }
            Some("add") => {
                let (name, entry) = words.next().zip(words.next()).ok_or_else(fault)?;
                add(ruleset, name, entry, text);
            }
            Some("Name:") => listed = words.next().map(str::to_owned),
            Some("Type:") => {
                let name = listed.clone().ok_or_else(fault)?;
                make(ruleset, &name, words.next().ok_or_else(fault)?);
            }
            Some(heading) if heading.ends_with(':') && listed.is_some() => {}
            Some("Size" | "Number") if listed.is_some() => {}
            Some(entry)
                if listed.is_some()
                    && entry.starts_with(|c: char| c.is_ascii_hexdigit() || c == ':') =>
            {
                let name = listed.clone().ok_or_else(fault)?;
                add(ruleset, &name, entry, text);
            }
            None if listed.is_some() => {}
            Some(_) | None => break,
        }
        taken += 1;
    }
    Ok(taken.max(1))
}

fn make(ruleset: &mut Ruleset, name: &str, kind: &str) {
    let set = Set {
        elements: Vec::new(),
        kind: kind.to_owned(),
        // What lists of sets and rarer kinds hold is not followed.
        known: matches!(
            kind,
            "hash:ip" | "hash:net" | "hash:ip,port" | "hash:net,port"
        ),
        changing: false,
    };
    ruleset.ipsets.insert(name.to_owned(), set);
}

fn add(ruleset: &mut Ruleset, name: &str, entry: &str, text: &str) {
    let Some(set) = ruleset.ipsets.get_mut(name) else {
        return;
    };
    set.elements.push(Element {
        patterns: entry.split(',').map(pattern).collect(),
        verdict: None,
        text: match text
            .split_once(" timeout ")
            .and_then(|(_, rest)| rest.split_whitespace().next())
        {
            Some(seconds) => format!("{entry} timeout {seconds}"),
            None => entry.to_owned(),
        },
        excludes: text.split_whitespace().any(|word| word == "nomatch"),
    });
}

fn pattern(text: &str) -> Pattern {
    let address = text.split('/').next().unwrap_or(text);
    let family = match address.parse::<IpAddr>() {
        Ok(address) => Family::of(address),
        Err(_) => return range(text).unwrap_or_else(|| ports(text)),
    };
    match network(text, family) {
        Some((address, mask)) => bounds(address, mask, family),
        None => Pattern::Opaque(text.to_owned()),
    }
}

/// The first and the last address of a network.
pub(super) fn bounds(address: u128, mask: u128, family: Family) -> Pattern {
    let all = if family == Family::Ip6 {
        u128::MAX
    } else {
        u32::MAX.into()
    };
    let mask = mask & all;
    Pattern::Range(address & mask, (address & mask) | (!mask & all))
}

fn range(text: &str) -> Option<Pattern> {
    let (low, high) = text.split_once('-')?;
    let number = |text: &str| match text.parse::<IpAddr>().ok()? {
        IpAddr::V4(address) => Some(u128::from(u32::from(address))),
        IpAddr::V6(address) => Some(address.into()),
    };
    Some(Pattern::Range(number(low)?, number(high)?))
}

/// A port with its protocol: `tcp:3306`, `3306`, `tcp:5000-5010`.
fn ports(text: &str) -> Pattern {
    let (protocol, port) = text.split_once(':').unwrap_or(("tcp", text));
    let (low, high) = port.split_once('-').unwrap_or((port, port));
    match (protocol, names::port(low), names::port(high)) {
        ("tcp", Some(low), Some(high)) => Pattern::Range(low.into(), high.into()),
        ("udp" | "icmp" | "icmpv6" | "sctp" | "udplite", _, _) => Pattern::Range(1, 0),
        (_, _, _) => Pattern::Opaque(text.to_owned()),
    }
}
