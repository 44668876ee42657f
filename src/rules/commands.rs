//! Changes as commands of the tool that owns the table.

use super::change::{Change, Step};
use super::flow::Flow;
use super::iptables::words::shell;
use super::opening;
use super::ruleset::{Chain, Family, Origin, Recipe, Rule, Table};

/// The command for a change in `chain`, the `index`th of the remedy; `None` for one whose names no
/// tool takes.
pub(super) fn step(table: &Table, chain: &Chain, change: &Change, index: usize) -> Option<Step> {
    match change {
        Change::RemoveMember(set, element) => Some(Step {
            command: format!("ipset del {} {}", shell(set), shell(untimed(&element.text))),
            undo: Some(format!(
                "ipset add {} {}",
                shell(set),
                member(&element.text)
            )),
        }),
        Change::RemoveElement(set, element) => {
            let known = is_identifier(&table.name) && is_identifier(set);
            if !known || !is_element(&element.text) {
                return None;
            }
            let place = format!("element {} {} {set}", table.family.name(), table.name);
            let braced = |text: &str| quoted(&format!("{{ {text} }}"));
            Some(Step {
                command: format!("nft delete {place} {}", braced(untimed(&element.text))),
                undo: Some(format!("nft add {place} {}", braced(&element.text))),
            })
        }
        Change::Delete(_) | Change::InsertBefore(..) | Change::Append(_) => {
            if table.origin != Origin::Nft || table.foreign {
                Some(iptables(table, chain, change))
            } else if is_identifier(&table.name) && is_identifier(&chain.name) {
                Some(nft(table, chain, change, index))
            } else {
                None
            }
        }
    }
}

/// Whether nft takes `name` as a name; what only looks like one would be read as more.
fn is_identifier(name: &str) -> bool {
    let starts = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let inner = |other: char| other.is_ascii_alphanumeric() || "_-./".contains(other);
    starts && name.chars().all(inner)
}

/// Whether `text` can be an element of a set and nothing more.
fn is_element(text: &str) -> bool {
    let inner = |other: char| other.is_ascii_alphanumeric() || " _-./:*@\"".contains(other);
    text.chars().all(inner)
}

/// An element of an ipset, its timeout behind it.
fn member(text: &str) -> String {
    match text.split_once(" timeout ") {
        Some((entry, seconds)) => format!("{} timeout {}", shell(entry), shell(seconds)),
        None => shell(text),
    }
}

/// An element without its timeout.
fn untimed(text: &str) -> &str {
    text.split(" timeout ").next().unwrap_or(text)
}

fn iptables(table: &Table, chain: &Chain, change: &Change) -> Step {
    let tool = match (table.family, table.origin) {
        (Family::Ip6, Origin::IptablesLegacy) => "ip6tables-legacy",
        (Family::Ip6, _) => "ip6tables",
        (_, Origin::IptablesLegacy) => "iptables-legacy",
        (_, _) => "iptables",
    };
    let tool = match table.name.as_str() {
        "filter" => tool.to_owned(),
        name => format!("{tool} -t {name}"),
    };
    let name = shell(&chain.name);
    match change {
        Change::Delete(gone) => Step {
            command: format!("{tool} -D {name} {}", gone.number),
            undo: gone
                .specification(&chain.name)
                .map(|words| format!("{tool} -I {name} {} {words}", gone.number)),
        },
        Change::InsertBefore(number, flow) => Step {
            command: format!("{tool} -I {name} {number} {}", opening::for_iptables(flow)),
            undo: Some(format!("{tool} -D {name} {}", opening::for_iptables(flow))),
        },
        Change::Append(flow) => Step {
            command: format!("{tool} -A {name} {}", opening::for_iptables(flow)),
            undo: Some(format!("{tool} -D {name} {}", opening::for_iptables(flow))),
        },
        Change::RemoveElement(..) | Change::RemoveMember(..) => Step {
            command: String::new(),
            undo: None,
        },
    }
}

fn nft(table: &Table, chain: &Chain, change: &Change, index: usize) -> Step {
    let place = format!("{} {} {}", table.family.name(), table.name, chain.name);
    let mark = |flow: &Flow| {
        let from = flow
            .from
            .map_or_else(String::new, |from| format!(" {from}"));
        let port = flow
            .port
            .map_or_else(String::new, |port| format!(" {port}"));
        format!("synquest{from}{port} {}", index + 1)
    };
    let rule = |flow: &Flow| {
        let words = opening::for_nft(flow);
        quoted(&format!("{words} comment \"{}\"", mark(flow)))
    };
    let by_mark = |flow: &Flow| handle(&place, &format!("comment \"{}\" # handle", mark(flow)));
    match change {
        Change::Delete(gone) => Step {
            command: match gone.handle {
                Some(handle) => format!("nft delete rule {place} handle {handle}"),
                None => {
                    // The listing shows no handles: the rule is found by its place.
                    let rules = format!(
                        "nft -a list chain {place} | grep '# handle [0-9]*$' | \
                         grep -v '{{ # handle [0-9]*$'"
                    );
                    let number = gone.number;
                    format!(
                        "nft delete rule {place} handle \"$({rules} | sed -n '{number}s/.*# handle //p')\""
                    )
                }
            },
            undo: again(&place, table, chain, gone),
        },
        Change::InsertBefore(number, flow) => Step {
            command: format!(
                "nft insert rule {place} index {} {}",
                number.saturating_sub(1),
                rule(flow)
            ),
            undo: Some(format!(
                "nft delete rule {place} handle \"{}\"",
                by_mark(flow)
            )),
        },
        Change::Append(flow) => Step {
            command: format!("nft add rule {place} {}", rule(flow)),
            undo: Some(format!(
                "nft delete rule {place} handle \"{}\"",
                by_mark(flow)
            )),
        },
        Change::RemoveElement(..) | Change::RemoveMember(..) => Step {
            command: String::new(),
            undo: None,
        },
    }
}

/// Finds the handle of the first rule that shows `sign`.
fn handle(place: &str, sign: &str) -> String {
    format!("$(nft -a list chain {place} | sed -n '/{sign}/{{s/.*{sign} //p;q}}')")
}

/// The command that puts a deleted rule back where it was.
fn again(place: &str, table: &Table, chain: &Chain, gone: &Rule) -> Option<String> {
    // `add … index N` puts a rule behind the one of that index, counted from 0.
    let behind = gone.number.checked_sub(2);
    match &gone.recipe {
        Recipe::Same => Some(match behind {
            Some(index) => format!("nft add rule {place} index {index} {}", quoted(&gone.text)),
            None => format!("nft insert rule {place} {}", quoted(&gone.text)),
        }),
        Recipe::NftJson(expressions) => {
            let (command, index) = match behind {
                Some(index) => ("add", format!(r#","index":{index}"#)),
                None => ("insert", String::new()),
            };
            let rule = format!(
                r#"{{"nftables":[{{"{command}":{{"rule":{{"family":"{}","table":"{}","chain":"{}"{index},"expr":{expressions}}}}}}}]}}"#,
                table.family.name(),
                table.name,
                chain.name
            );
            Some(format!("printf %s {} | nft -j -f -", quoted(&rule)))
        }
        Recipe::Incomplete => None,
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
