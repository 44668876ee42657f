//! What the counters say, read without any of the code under test.

/// A rule that counted the packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) family: String,
    pub(crate) table: String,
    pub(crate) chain: String,
    pub(crate) number: u32,
    /// Whether the rule is one that stops a packet.
    pub(crate) stops: bool,
    /// Whether the rule looks its verdict up, so that its counter does not tell it.
    pub(crate) looks_up: bool,
}

/// The rules of `iptables-save -c` that counted a packet.
pub(crate) fn of_iptables(saved: &str, family: &str) -> Vec<Counted> {
    let mut counted = Vec::new();
    let mut table = "";
    let mut numbers: Vec<(String, u32)> = Vec::new();
    for line in saved.lines() {
        if let Some(name) = line.strip_prefix('*') {
            table = name;
            numbers.clear();
            continue;
        }
        let Some((counters, rest)) = line
            .strip_prefix('[')
            .and_then(|line| line.split_once("] -A "))
        else {
            continue;
        };
        let chain = rest.split(' ').next().expect("a chain").to_owned();
        let number = match numbers.iter_mut().find(|(name, _)| *name == chain) {
            Some((_, number)) => {
                *number += 1;
                *number
            }
            None => {
                numbers.push((chain.clone(), 1));
                1
            }
        };
        let packets: u64 = counters
            .split(':')
            .next()
            .expect("packets")
            .parse()
            .expect("a number");
        if packets > 0 {
            counted.push(Counted {
                family: family.to_owned(),
                table: table.to_owned(),
                chain,
                number,
                stops: stops(rest),
                looks_up: false,
            });
        }
    }
    counted
}

/// Whether a rule drops or rejects, whatever its comments say.
fn stops(rule: &str) -> bool {
    let unescaped = rule.replace("\\\"", "");
    let outside: String = unescaped.split('"').step_by(2).collect();
    outside.contains("-j DROP") || outside.contains("-j REJECT")
}

/// The rules of `nft -j list ruleset` that counted a packet, but for the judge's.
pub(crate) fn of_nft(listed: &str) -> Vec<Counted> {
    let parsed: serde_json::Value = serde_json::from_str(listed).expect("nft prints JSON");
    let mut numbers: Vec<(String, u32)> = Vec::new();
    let mut counted = Vec::new();
    for object in parsed["nftables"].as_array().expect("an array") {
        let rule = &object["rule"];
        let (Some(family), Some(table), Some(chain)) = (
            rule["family"].as_str(),
            rule["table"].as_str(),
            rule["chain"].as_str(),
        ) else {
            continue;
        };
        let key = format!("{family} {table} {chain}");
        let number = match numbers.iter_mut().find(|(name, _)| *name == key) {
            Some((_, number)) => {
                *number += 1;
                *number
            }
            None => {
                numbers.push((key, 1));
                1
            }
        };
        let statements = rule["expr"].as_array().expect("statements");
        let has = |name: &str| {
            statements
                .iter()
                .any(|statement| statement.get(name).is_some())
        };
        let packets = statements
            .iter()
            .find_map(|statement| statement["counter"]["packets"].as_u64())
            .unwrap_or(0);
        if packets > 0 && table != "judge" {
            counted.push(Counted {
                family: family.to_owned(),
                table: table.to_owned(),
                chain: chain.to_owned(),
                number,
                stops: has("drop") || has("reject"),
                looks_up: has("vmap"),
            });
        }
    }
    counted
}
