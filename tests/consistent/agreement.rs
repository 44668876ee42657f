//! Cause, state, place, method, summary and the first owner: one story.

use serde_json::Value;

use super::{list, word};

/// What the contract says of each cause: its states, and the kinds of its place.
const CONTRACT: &[(&str, &[&str], &[&str])] = &[
    ("open", &["open"], &["host"]),
    ("open-proxied", &["open"], &["path"]),
    ("mtu-black-hole", &["open"], &["path"]),
    ("intermittent", &["open", "closed"], &["path", "unknown"]),
    ("rate-limited", &["filtered"], &["host", "path", "unknown"]),
    ("banned", &["filtered"], &["host", "path", "unknown"]),
    // On the path where a translation's or a proxy's own end is closed.
    ("closed", &["closed"], &["host", "path"]),
    ("reject-host", &["filtered"], &["host"]),
    ("reject-path", &["filtered"], &["path"]),
    ("drop-host", &["filtered"], &["host"]),
    ("drop-edge", &["filtered"], &["edge"]),
    ("drop-edge-or-host", &["filtered"], &["edge"]),
    ("drop-path", &["filtered"], &["path"]),
    ("drop-return", &["filtered"], &["path"]),
    ("drop-somewhere", &["filtered"], &["unknown"]),
    ("listener-overloaded", &["filtered"], &["host"]),
    ("no-neighbor", &["unreachable"], &["local", "path"]),
    ("no-route", &["unreachable"], &["local", "path"]),
    ("misaddressed", &["filtered"], &["path", "unknown"]),
    ("local-egress", &["filtered"], &["local"]),
    ("local-ingress", &["filtered"], &["local"]),
    ("conflicting", &["unknown"], &["unknown"]),
    ("inconclusive", &["unknown"], &["unknown"]),
];

/// What a summary must not say unless the place is of one of these kinds.
const PLACED: &[(&str, &[&str])] = &[
    ("the host itself", &["host"]),
    ("firewall on the host", &["host"]),
    ("reach the host and are discarded", &["host"]),
    ("nothing listens on port", &["host"]),
    ("a proxy on the way", &["path"]),
    ("A device before the host", &["path"]),
    ("Something in front of the host", &["path"]),
    ("This host's own firewall", &["local"]),
    ("This host has no", &["local"]),
    ("this host discards", &["local"]),
    ("routing loop", &["path", "unknown"]),
];

/// Owners that can act on a place of each kind; a word of the first advice's owner.
const OWNERS: &[(&str, &[&str])] = &[
    (
        "local",
        &["you", "whoever gave you the address", "network team"],
    ),
    (
        "host",
        &[
            "database administrator",
            "administrator of the target host",
            "you",
        ],
    ),
    (
        "edge",
        &["owner of the target's security group", "owner of hop"],
    ),
    ("path", &["network team", "owner of", "you"]),
];

/// Commands that only mean something on the target host.
const ON_HOST: &[&str] = &["ss -ltn"];

/// Where the parts tell different stories.
pub(super) fn faults(document: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let verdict = &document["verdict"];
    let cause = word(verdict, "cause");
    let kind = word(&verdict["place"], "kind");
    let summary = word(verdict, "summary");
    match CONTRACT.iter().find(|(known, ..)| *known == cause) {
        None => faults.push(format!("{cause:?} is no cause of the contract")),
        Some((_, states, kinds)) => {
            let state = word(verdict, "state");
            if !states.contains(&state) {
                faults.push(format!("{cause} with the state {state}"));
            }
            if !kinds.contains(&kind) {
                faults.push(format!("{cause} at a place of kind {kind}"));
            }
        }
    }
    for (phrase, kinds) in PLACED {
        if summary.contains(phrase) && !kinds.contains(&kind) {
            faults.push(format!(
                "the summary says {phrase:?}, and the place is {kind}"
            ));
        }
    }
    faults.extend(hops(verdict, summary));
    faults.extend(method(document));
    faults.extend(rivals(document, summary));
    faults.extend(owner(document, cause, kind));
    faults
}

/// A hop of the place that acted or bounds the place must stand in the summary.
fn hops(verdict: &Value, summary: &str) -> Vec<String> {
    let place = &verdict["place"];
    let mut faults = Vec::new();
    for name in ["at_hop", "after_hop", "before_hop"] {
        let Some(ttl) = place[name]["ttl"].as_u64() else {
            continue;
        };
        let address = place[name]["address"].as_str();
        let told = summary.contains(&format!("hop {ttl}"))
            || address.is_some_and(|address| summary.contains(address));
        if !told {
            faults.push(format!(
                "{name} is hop {ttl}, which the summary does not name"
            ));
        }
    }
    let (after, before) = (
        place["after_hop"]["ttl"].as_u64(),
        place["before_hop"]["ttl"].as_u64(),
    );
    if let (Some(after), Some(before)) = (after, before)
        && after >= before
    {
        faults.push(format!("after hop {after} and before hop {before}"));
    }
    faults
}

/// A method belongs to a refusal, and the evidence must hold a reply of that kind.
fn method(document: &Value) -> Option<String> {
    let verdict = &document["verdict"];
    let refuses = word(verdict, "cause").starts_with("reject-");
    let Some(method) = verdict["method"].as_str() else {
        return refuses.then(|| "a refusal without a method".to_owned());
    };
    if !refuses {
        // What the kernel, or this host, did with it is told in other words.
        let foreign = method == "tcp-reset" || method.starts_with("icmp");
        return foreign.then(|| format!("{method} without a refusal"));
    }
    let reply = match method {
        "tcp-reset" => "reset",
        icmp => icmp.split_once('-').map_or(icmp, |(_, reason)| reason),
    };
    let drawn = |entry: &Value| {
        word(entry, "outcome") == reply
            || list(&entry["details"], "also").any(|also| word(also, "outcome") == reply)
            || reply == "net-unreachable" && word(entry, "outcome") == "dest-unreach"
    };
    // What is known of a device by what it refused others is no reply of this diagnosis.
    let elsewhere = word(verdict, "confidence") != "proven";
    let shown = elsewhere || list(document, "evidence").any(drawn);
    (!shown).then(|| format!("the method is {method}, and nothing in the evidence is a {reply}"))
}

/// The rivals that stand, and only they, are named as not excluded; none is the verdict itself.
fn rivals(document: &Value, summary: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let cause = word(&document["verdict"], "cause");
    let named = summary
        .split_once("Not excluded: ")
        .and_then(|(_, rest)| rest.split_once('.'))
        .map_or("", |(named, _)| named);
    let named: Vec<&str> = named.split(", ").filter(|name| !name.is_empty()).collect();
    let firm = ["proven", "confirmed"].contains(&word(&document["verdict"], "confidence"));
    for rival in list(document, "alternatives") {
        let rival_cause = word(rival, "cause");
        if rival_cause == cause {
            faults.push(format!("{cause} is its own rival"));
        }
        // The handshake is one thing, full-size packets another: what was not tested of the second
        // does not lower the first.
        let beside = matches!(
            (cause, rival_cause),
            ("open", "mtu-black-hole") | ("mtu-black-hole", "open")
        );
        let stands = rival["ruled_out"] == false;
        if stands && !beside && !named.contains(&rival_cause) {
            faults.push(format!(
                "{rival_cause} stands, and the summary does not name it"
            ));
        }
        if !stands && named.contains(&rival_cause) {
            faults.push(format!(
                "{rival_cause} is ruled out, and the summary says otherwise"
            ));
        }
        if stands && firm && !beside {
            faults.push(format!("firm, although {rival_cause} stands"));
        }
    }
    faults
}

/// The first advice is for somebody who can act where the verdict says.
fn owner(document: &Value, cause: &str, kind: &str) -> Option<String> {
    let Some(first) = list(document, "advice").next() else {
        return Some("no advice".to_owned());
    };
    if cause == "open" || document["run"]["situation"].is_object() {
        // After the network comes the server; and what the user said may contradict the address.
        return None;
    }
    let owner = word(first, "owner");
    let verdict = &document["verdict"];
    // Who forwards the port comes first; a wrong checksum shows here and is written elsewhere.
    let forwards = verdict["place"]["translated_at"].is_object() && owner.contains("of hop");
    let wrote = verdict["method"] == "checksum" && owner.contains("virtual network");
    if forwards || wrote {
        return None;
    }
    let fit = OWNERS.iter().find(|(of, _)| *of == kind);
    if let Some((_, fit)) = fit
        && !fit.iter().any(|word| owner.contains(word))
    {
        return Some(format!(
            "the place is {kind}, and the first advice is for {owner:?}"
        ));
    }
    let command = word(first, "command");
    let misplaced = ON_HOST.iter().find(|on_host| command.contains(**on_host));
    let elsewhere = kind != "host" && kind != "unknown";
    misplaced
        .filter(|_| elsewhere)
        .map(|command| format!("the place is {kind}, and the first command is {command:?}"))
}
