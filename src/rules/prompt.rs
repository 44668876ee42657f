//! Commands on prompt lines: which tool was asked, and for which listing.

use super::iptables::place::Section;
use super::ruleset::{Family, Origin};

/// The tool that a word names.
pub(super) fn tool_named(word: &str) -> Option<String> {
    if let Some(variable) = word.trim_start_matches('"').strip_prefix('$') {
        // As scripts name it: `$IPT`, `"${IP6TABLES}"`.
        let variable = variable.trim_matches(['"', '{', '}']).to_ascii_lowercase();
        let tools = [("ipt", "iptables"), ("ip6t", "ip6tables")];
        let named = tools
            .iter()
            .find(|(starts, _)| variable.starts_with(starts));
        return named.map(|(_, tool)| (*tool).to_owned());
    }
    let name = word.rsplit('/').next().unwrap_or(word).to_owned();
    let known = ["iptables", "ip6tables", "nft", "ipset"];
    known
        .iter()
        .any(|known| name == *known || name.starts_with(&format!("{known}-")))
        .then_some(name)
}

/// What a command of the tool `name` says of the listing that it prints; its other words are `kept`.
pub(super) fn section_of<'a>(name: &str, command: &[&'a str], kept: &mut Vec<&'a str>) -> Section {
    let mut section = Section::default();
    if name.starts_with("ip6tables") {
        section.family = Some(Family::Ip6);
    } else if name.starts_with("iptables") {
        section.family = Some(Family::Ip);
    }
    if name.contains("-legacy") {
        section.origin = Origin::IptablesLegacy;
    } else if name.contains("-nft") {
        section.origin = Origin::IptablesNft;
    }
    let mut options = command.get(1..).unwrap_or_default();
    while let [word, rest @ ..] = options {
        options = rest;
        match (table_option(word), rest) {
            (Some(""), [table, rest @ ..]) => {
                (*table).clone_into(&mut section.table);
                options = rest;
            }
            (Some(table), _) if !table.is_empty() => table.clone_into(&mut section.table),
            _ if matches!(*word, "-w" | "--wait") => {}
            _ => kept.push(word),
        }
    }
    section
}

/// The table that an option names; empty when it is the next word. Options of one letter may be
/// written together.
fn table_option(word: &str) -> Option<&str> {
    if let Some(long) = word.strip_prefix("--") {
        return match long.strip_prefix("table")? {
            "" => Some(""),
            rest => rest.strip_prefix('='),
        };
    }
    let letters = word.strip_prefix('-')?;
    let (before, table) = letters.split_once('t')?;
    before
        .chars()
        .all(|letter| "nvxLSw".contains(letter))
        .then_some(table)
}

pub(super) fn is_separator(word: &str) -> bool {
    matches!(word, ";" | "&&" | "||" | "|" | ">" | "2>&1")
}
