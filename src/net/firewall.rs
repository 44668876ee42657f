//! This host's own firewall: how many packets each rule that stops packets has stopped, and the
//! whole of its rules for whoever follows a packet through them.
//!
//! Read with the system's own tools, which only list; nothing is changed. For the counts ([`read`],
//! which go to others) only a rule's place, what it does and its count are kept: what it matches,
//! its comment and the contents of sets are not even asked for where the tool can leave them out.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::model::host::{FirewallCounts, StoppingRule};

/// Where the tools are looked for: never where PATH points, which another may have set.
const FOLDERS: [&str; 4] = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/// The most octets of a listing.
const LONGEST: u64 = 16 << 20;

/// How long a tool is given.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Reads the counts as they stand.
pub fn read() -> FirewallCounts {
    if !rustix::process::geteuid().is_root() {
        return FirewallCounts::NotPermitted;
    }
    let mut tools = Vec::new();
    let mut rules = BTreeMap::new();
    if let Some(listing) = list("nft", &["--json", "--terse", "list", "ruleset"])
        && let Ok(listing) = serde_json::from_slice(&listing)
    {
        tools.push("nft");
        nft(&listing, &mut rules);
    }
    // The older tables, which nft does not see.
    if has_legacy("/proc/net/ip_tables_names")
        && let Some(listing) = list("iptables-legacy-save", &["--counters"])
    {
        tools.push("iptables-legacy-save");
        iptables(&String::from_utf8_lossy(&listing), &mut rules);
    }
    if tools.is_empty() {
        FirewallCounts::NoTool
    } else {
        FirewallCounts::Rules(tools, rules)
    }
}

/// The rules as the tools print them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listing {
    /// What tools printed.
    Rules(Printed),
    /// Only root may list the rules.
    NotPermitted,
    /// The host has no tool that lists them, or none that could.
    NoTool,
}

/// What tools print of the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printed {
    /// The tools.
    pub tools: Vec<&'static str>,
    /// What they printed, one after the other.
    pub rules: String,
    /// Those that are there and failed, so that rules of theirs may be missing.
    pub failed: Vec<&'static str>,
}

/// The tools that list whole rules, with what tells them to.
const LISTERS: [(&str, &[&str]); 4] = [
    ("iptables-save", &[]),
    ("ip6tables-save", &[]),
    ("nft", &["--json", "list", "ruleset"]),
    (IPSET, &["save"]),
];

/// It holds no rules, but sets that rules look up.
const IPSET: &str = "ipset";

/// The tools that list the older tables, each with the names of those there are.
const LEGACY_LISTERS: [(&str, &str); 2] = [
    ("iptables-legacy-save", "/proc/net/ip_tables_names"),
    ("ip6tables-legacy-save", "/proc/net/ip6_tables_names"),
];

/// Whether the kernel has older tables by that list; asking for them where there are none would
/// load the module that makes them.
fn has_legacy(names: &str) -> bool {
    std::fs::read_to_string(names).is_ok_and(|names| !names.trim().is_empty())
}

/// Lists the rules as they stand.
pub fn listing() -> Listing {
    if !rustix::process::geteuid().is_root() {
        return Listing::NotPermitted;
    }
    let (mut tools, mut failed) = (Vec::new(), Vec::new());
    let mut rules = String::new();
    let legacy = LEGACY_LISTERS
        .into_iter()
        .filter(|(_, names)| has_legacy(names))
        .map(|(tool, _)| (tool, [].as_slice()));
    for (tool, arguments) in LISTERS.into_iter().chain(legacy) {
        if let Some(listing) = list(tool, arguments) {
            tools.push(tool);
            rules.push_str(&String::from_utf8_lossy(&listing));
            rules.push('\n');
        } else if tool != IPSET && is_there(tool) {
            failed.push(tool);
        }
    }
    if tools.iter().all(|tool| *tool == IPSET) {
        Listing::NoTool
    } else {
        Listing::Rules(Printed {
            tools,
            rules,
            failed,
        })
    }
}

fn is_there(tool: &str) -> bool {
    let mut folders = FOLDERS.into_iter();
    folders.any(|folder| Path::new(folder).join(tool).exists())
}

/// What a tool lists; `None` when it is not there, fails, takes too long or says too much.
fn list(tool: &str, arguments: &[&str]) -> Option<Vec<u8>> {
    let mut child = FOLDERS.into_iter().find_map(|folder| {
        Command::new(format!("{folder}/{tool}"))
            .args(arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()
    })?;
    let stdout = child.stdout.take()?;
    let (sender, receiver) = mpsc::channel();
    let reading = thread::Builder::new().spawn(move || {
        let mut listing = Vec::new();
        let read = stdout.take(LONGEST + 1).read_to_end(&mut listing);
        // The receiver is gone when its timeout is at an end.
        let _ = sender.send(read.map(|_| listing));
    });
    let listing = reading
        .ok()
        .and_then(|_| receiver.recv_timeout(TIMEOUT).ok())
        .and_then(Result::ok)
        .filter(|listing| u64::try_from(listing.len()).is_ok_and(|length| length <= LONGEST));
    if listing.is_none() {
        // Without it waiting would take as long as the tool does.
        let _ = child.kill();
    }
    let status = child.wait().ok()?;
    listing.filter(|_| status.success())
}

/// libnftables-json(5): `{"nftables": [{"rule": {…, "expr": [{"counter": …}, {"drop": null}]}}]}`.
fn nft(listing: &Value, rules: &mut BTreeMap<StoppingRule, u64>) {
    let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
    let objects = listing.get("nftables").and_then(Value::as_array);
    let listed = objects.into_iter().flatten();
    for rule in listed.filter_map(|object| object.get("rule")) {
        let word = |name: &str| rule.get(name).and_then(Value::as_str).unwrap_or("?");
        let chain = format!("{} {} {}", word("family"), word("table"), word("chain"));
        let number = numbers.entry(chain.clone()).or_default();
        *number += 1;
        let expressions = rule.get("expr").and_then(Value::as_array);
        let find = |name: &str| {
            let all = expressions.into_iter().flatten();
            all.filter_map(|expression| expression.get(name)).next()
        };
        let action = if find("drop").is_some() {
            "drop"
        } else if find("reject").is_some() {
            "reject"
        } else {
            continue;
        };
        let packets = find("counter")
            .and_then(|counter| counter.get("packets"))
            .and_then(Value::as_u64);
        if let Some(packets) = packets {
            let rule = StoppingRule {
                chain,
                number: Some(*number),
                action,
            };
            rules.insert(rule, packets);
        }
    }
}

/// iptables-save(8): `*table`, `:CHAIN POLICY [packets:octets]`, `[packets:octets] -A CHAIN … -j
/// TARGET`.
fn iptables(listing: &str, rules: &mut BTreeMap<StoppingRule, u64>) {
    let packets = |word: &str| -> Option<u64> {
        let inside = word.strip_prefix('[')?;
        inside.split_once(':')?.0.parse().ok()
    };
    let action = |target: &str| match target {
        "DROP" => Some("drop"),
        "REJECT" => Some("reject"),
        _ => None,
    };
    let mut table = "";
    let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
    for line in listing.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let Some(name) = line.strip_prefix('*') {
            table = name.trim();
        } else if let Some(policy) = line.strip_prefix(':') {
            let words: Vec<&str> = policy.split_whitespace().collect();
            if let [chain, policy, count] = words.as_slice()
                && let (Some(action), Some(packets)) = (action(policy), packets(count))
            {
                let rule = StoppingRule {
                    chain: format!("ip {table} {chain}"),
                    number: None,
                    action,
                };
                rules.insert(rule, packets);
            }
        } else if let [count, "-A", chain, rest @ ..] = words.as_slice() {
            let chain = format!("ip {table} {chain}");
            let number = numbers.entry(chain.clone()).or_default();
            *number += 1;
            // A comment may hold the same words: the target comes last of them.
            let target = rest.iter().rposition(|word| *word == "-j");
            let target = target.and_then(|at| rest.get(at + 1));
            if let (Some(action), Some(packets)) =
                (target.and_then(|target| action(target)), packets(count))
            {
                let rule = StoppingRule {
                    chain,
                    number: Some(*number),
                    action,
                };
                rules.insert(rule, packets);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(rules: &BTreeMap<StoppingRule, u64>) -> Vec<(&str, Option<u32>, &str, u64)> {
        rules
            .iter()
            .map(|(rule, packets)| (rule.chain.as_str(), rule.number, rule.action, *packets))
            .collect()
    }

    #[test]
    fn of_nft_only_place_action_and_count_of_stopping_rules_are_kept() {
        let rule = |expressions: &str| {
            format!(
                r#"{{"rule": {{"family": "inet", "table": "f", "chain": "in", "handle": 9,
                   "comment": "secret", "expr": [{expressions}]}}}}"#
            )
        };
        let counter =
            |packets: u64| format!(r#"{{"counter": {{"packets": {packets}, "bytes": 1}}}}"#);
        let listing = format!(
            r#"{{"nftables": [{{"metainfo": {{}}}}, {}, {}, {}, {}]}}"#,
            rule(&format!(r#"{}, {{"accept": null}}"#, counter(1))),
            rule(&format!(
                r#"{}, {{"reject": {{"type": "tcp reset"}}}}"#,
                counter(2)
            )),
            rule(r#"{"drop": null}"#),
            rule(&format!(r#"{}, {{"drop": null}}"#, counter(4))),
        );
        let mut rules = BTreeMap::new();
        nft(&serde_json::from_str(&listing).unwrap(), &mut rules);
        assert_eq!(
            found(&rules),
            [
                ("inet f in", Some(2), "reject", 2),
                ("inet f in", Some(4), "drop", 4)
            ]
        );
        nft(&Value::Null, &mut rules);
        nft(&serde_json::json!({"nftables": [{"rule": 7}]}), &mut rules);
    }

    #[test]
    fn of_iptables_policies_count_too_and_rules_are_numbered_by_chain() {
        let listing = "# Generated\n*filter\n:INPUT DROP [7:420]\n:OWN - [0:0]\n\
                       [1:60] -A INPUT -s 10.0.0.1/32 -j OWN\n\
                       [3:60] -A OWN -m comment --comment \"-j ACCEPT\" -j DROP\n\
                       [5:60] -A INPUT -p tcp -j REJECT --reject-with tcp-reset\nCOMMIT\n[\n-A\n";
        let mut rules = BTreeMap::new();
        iptables(listing, &mut rules);
        assert_eq!(
            found(&rules),
            [
                ("ip filter INPUT", None, "drop", 7),
                ("ip filter INPUT", Some(2), "reject", 5),
                ("ip filter OWN", Some(1), "drop", 3),
            ]
        );
    }

    #[test]
    fn a_tool_that_is_missing_or_fails_lists_nothing() {
        assert_eq!(list("no-such-tool", &[]), None);
        assert_eq!(list("false", &[]), None);
        assert_eq!(list("echo", &["x"]).as_deref(), Some(b"x\n".as_slice()));
    }
}
