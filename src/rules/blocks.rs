//! Where the listing of one table of iptables ends and that of another begins.

use std::net::IpAddr;

use super::iptables::place;
use super::lines::{Line, is_tool_line};
use super::ruleset::Family;

/// The built-in chain that a line of `iptables -L` or `-S` declares.
pub(super) fn built_in(text: &str) -> Option<&str> {
    let name = match text.strip_prefix("-P ") {
        Some(rest) => rest.split_whitespace().next()?,
        None => text.strip_prefix("Chain ")?.split_once(" (policy ")?.0,
    };
    place::order(name).map(|_| name)
}

/// The built-in chains of the table whose listing begins here.
pub(super) fn built_in_block<'a>(lines: &'a [Line<'_>]) -> Vec<&'a str> {
    let mut chains: Vec<&str> = Vec::new();
    let mut last = None;
    for (index, (_, line)) in lines.iter().enumerate() {
        let line = line.trim();
        if index > 0 && is_tool_line(line) {
            break;
        }
        if let Some(name) = built_in(line) {
            let order = place::order(name);
            if order <= last {
                break;
            }
            last = order;
            chains.push(name);
        }
    }
    chains
}

/// The IP version of the addresses in the listing that begins here, by the first of them.
pub(super) fn family_shown(lines: &[Line<'_>]) -> Option<Family> {
    let mut last = None;
    for (index, (_, line)) in lines.iter().enumerate() {
        let line = line.trim();
        let order = built_in(line).and_then(place::order);
        if (index > 0 && is_tool_line(line)) || (order.is_some() && order <= last) {
            break;
        }
        last = order.or(last);
        let said = line.split("/*").next().unwrap_or_default();
        let said = said.split("--comment").next().unwrap_or_default();
        let address = |word: &str| {
            let host = word.trim_start_matches('!').split('/').next()?;
            host.parse::<IpAddr>().ok().map(Family::of)
        };
        if let Some(family) = said.split_whitespace().find_map(address) {
            return Some(family);
        }
    }
    None
}
