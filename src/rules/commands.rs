//! Changes as commands of the tool that owns the table.

use super::flow::Flow;
use super::iptables::words::shell;
use super::packet::UDP;
use super::remedy::{Change, Step};
use super::ruleset::{Chain, Family, Origin, Recipe, Table};

/// The command for a change in `chain`, the `index`th of the remedy.
pub(super) fn step(table: &Table, chain: &Chain, change: &Change, index: usize) -> Step {
    match change {
        Change::RemoveMember(set, element) => Step {
            command: format!("ipset del {} {}", shell(set), untimed(&element.text)),
            undo: Some(format!("ipset add {} {}", shell(set), element.text)),
        },
        Change::RemoveElement(set, element) => {
            let place = format!("element {} {} {set}", table.family.name(), table.name);
            let braced = |text: &str| format!("'{{ {} }}'", text.replace('\'', ""));
            Step {
                command: format!("nft delete {place} {}", braced(untimed(&element.text))),
                undo: Some(format!("nft add {place} {}", braced(&element.text))),
            }
        }
        Change::Delete(_) | Change::InsertBefore(..) | Change::Append(_) => {
            if table.origin == Origin::Nft && !table.foreign {
                nft(table, chain, change, index)
            } else {
                iptables(table, chain, change)
            }
        }
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
    let rule = |flow: &Flow| {
        let length = if flow.is_ipv4() { 32 } else { 128 };
        let source = flow
            .from
            .map_or_else(String::new, |from| format!("-s {from}/{length} "));
        let protocol = protocol(flow);
        let port = flow
            .port
            .map_or_else(String::new, |port| format!(" -m {protocol} --dport {port}"));
        format!("{source}-p {protocol}{port} -j ACCEPT")
    };
    match change {
        Change::Delete(gone) => Step {
            command: format!("{tool} -D {name} {}", gone.number),
            undo: match &gone.recipe {
                Recipe::Iptables(words) => {
                    Some(format!("{tool} -I {name} {} {words}", gone.number))
                }
                Recipe::Nft(_) | Recipe::NftJson(_) | Recipe::Incomplete => None,
            },
        },
        Change::InsertBefore(number, flow) => Step {
            command: format!("{tool} -I {name} {number} {}", rule(flow)),
            undo: Some(format!("{tool} -D {name} {}", rule(flow))),
        },
        Change::Append(flow) => Step {
            command: format!("{tool} -A {name} {}", rule(flow)),
            undo: Some(format!("{tool} -D {name} {}", rule(flow))),
        },
        Change::RemoveElement(..) | Change::RemoveMember(..) => Step {
            command: String::new(),
            undo: None,
        },
    }
}

fn nft(table: &Table, chain: &Chain, change: &Change, index: usize) -> Step {
    let place = format!("{} {} {}", table.family.name(), table.name, chain.name);
    let mark = format!("synquest-{}", index + 1);
    let rule = |flow: &Flow| {
        let version = if flow.is_ipv4() { "ip" } else { "ip6" };
        let source = flow
            .from
            .map_or_else(String::new, |from| format!("{version} saddr {from} "));
        let protocol = protocol(flow);
        let port = match flow.port {
            Some(port) => format!("{protocol} dport {port}"),
            None => format!("meta l4proto {protocol}"),
        };
        format!("'{source}{port} accept comment \"{mark}\"'")
    };
    let by_mark = || handle(&place, &format!("comment \"{mark}\" # handle"));
    match change {
        Change::Delete(gone) => Step {
            command: match gone.handle {
                Some(handle) => format!("nft delete rule {place} handle {handle}"),
                None => {
                    // The listing shows no handles: the rule is found by its place.
                    let rules = format!(
                        "nft -a list chain {place} | grep '# handle' | grep -v '{{ # handle'"
                    );
                    let number = gone.number;
                    format!(
                        "nft delete rule {place} handle \"$({rules} | sed -n '{number}s/.*# handle //p')\""
                    )
                }
            },
            undo: again(&place, table, chain, gone.number, &gone.recipe),
        },
        Change::InsertBefore(number, flow) => Step {
            command: format!(
                "nft insert rule {place} index {} {}",
                number.saturating_sub(1),
                rule(flow)
            ),
            undo: Some(format!("nft delete rule {place} handle \"{}\"", by_mark())),
        },
        Change::Append(flow) => Step {
            command: format!("nft add rule {place} {}", rule(flow)),
            undo: Some(format!("nft delete rule {place} handle \"{}\"", by_mark())),
        },
        Change::RemoveElement(..) | Change::RemoveMember(..) => Step {
            command: String::new(),
            undo: None,
        },
    }
}

/// Finds the handle of the rule that shows `sign`.
fn handle(place: &str, sign: &str) -> String {
    format!("$(nft -a list chain {place} | sed -n 's/.*{sign} //p')")
}

/// The command that puts a deleted rule back where it was.
fn again(
    place: &str,
    table: &Table,
    chain: &Chain,
    number: u32,
    recipe: &Recipe,
) -> Option<String> {
    // `add … index N` puts a rule behind the one of that index, counted from 0.
    let behind = number.checked_sub(2);
    match recipe {
        Recipe::Nft(text) => Some(match behind {
            Some(index) => format!("nft add rule {place} index {index} {}", quoted(text)),
            None => format!("nft insert rule {place} {}", quoted(text)),
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
        Recipe::Iptables(_) | Recipe::Incomplete => None,
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn protocol(flow: &Flow) -> &'static str {
    if flow.asked().protocol == UDP {
        "udp"
    } else {
        "tcp"
    }
}
