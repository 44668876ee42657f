//! Every decisive reply: what the cause predicts, or named in the summary, a note or a rival.
//!
//! Decisive are SYN-ACKs, resets, ICMP "unreachable", a "time exceeded" for a probe whose TTL ought
//! to have sufficed, and what comes from another address than the one asked.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{list, word};

/// TTL of a probe that is meant to arrive.
const FULL: u64 = 64;

/// What a probe was sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Asked {
    /// The port, by a SYN of full TTL from an ordinary source port.
    Port,
    /// The port, by a SYN from a source port below 1024.
    LowPort,
    /// The port, by a SYN whose TTL may end before it.
    Near,
    /// The port, by a segment that opens nothing (ACK, FIN), a fragment, or a SYN in other clothes.
    Odd,
    /// Something else on the address.
    Elsewhere,
}

/// What it drew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Drew {
    SynAck,
    Reset,
    Refusal,
    /// Its TTL ran out although it was full.
    Loop,
    /// An echo reply.
    Echo,
    /// A SYN-ACK or reset from an address that was not asked.
    Stranger,
    /// An answer with a wrong checksum.
    Broken,
}

use Asked::{Elsewhere, LowPort, Near, Odd, Port};
use Drew::{Broken, Echo, Loop, Refusal, Reset, Stranger, SynAck};

/// What probes draw under a cause.
type Rows = &'static [(Asked, &'static [Drew])];

/// What each cause predicts of the port, without a word more. What is not here must be named.
const PREDICTED: &[(&str, Rows)] = &[
    (
        "open",
        &[
            (Port, &[SynAck]),
            (LowPort, &[SynAck]),
            (Near, &[SynAck]),
            (Odd, &[SynAck, Reset]),
        ],
    ),
    (
        "open-proxied",
        &[
            (Port, &[SynAck]),
            (LowPort, &[SynAck]),
            (Near, &[SynAck]),
            (Odd, &[SynAck, Reset]),
        ],
    ),
    (
        "mtu-black-hole",
        &[
            (Port, &[SynAck]),
            (LowPort, &[SynAck]),
            (Near, &[SynAck]),
            (Odd, &[SynAck, Reset]),
        ],
    ),
    (
        "closed",
        &[
            (Port, &[Reset]),
            (LowPort, &[Reset]),
            (Near, &[Reset]),
            (Odd, &[Reset]),
        ],
    ),
    (
        "reject-host",
        &[
            (Port, &[Reset, Refusal]),
            (LowPort, &[Reset, Refusal]),
            (Near, &[Reset, Refusal]),
            (Odd, &[Reset, Refusal]),
        ],
    ),
    (
        "reject-path",
        &[
            (Port, &[Reset, Refusal]),
            (LowPort, &[Reset, Refusal]),
            (Near, &[Reset, Refusal]),
            (Odd, &[Reset, Refusal]),
        ],
    ),
    (
        "no-neighbor",
        &[
            (Port, &[Refusal]),
            (LowPort, &[Refusal]),
            (Near, &[Refusal]),
            (Odd, &[Refusal]),
        ],
    ),
    (
        "no-route",
        &[
            (Port, &[Refusal]),
            (LowPort, &[Refusal]),
            (Near, &[Refusal]),
            (Odd, &[Refusal]),
        ],
    ),
    ("listener-overloaded", &[(Odd, &[Reset])]),
    (
        "misaddressed",
        &[
            (Port, &[Stranger]),
            (LowPort, &[Stranger]),
            (Near, &[Stranger]),
            (Odd, &[Stranger]),
            (Elsewhere, &[Stranger]),
        ],
    ),
];

/// Causes that are about answers that differ: they predict any at the port.
const ANY: &[&str] = &["intermittent", "rate-limited", "banned", "conflicting"];

/// Causes under which nothing on the address answers in its own name.
const ADDRESS_IS_MUTE: &[&str] = &["no-neighbor", "no-route"];

/// Words that name a reply.
const fn names(drew: Drew) -> &'static [&'static str] {
    match drew {
        SynAck => &[
            "SYN-ACK",
            "is answered",
            "are answered",
            "were answered",
            "answered at first",
        ],
        Reset => &["reset", "RST"],
        Refusal => &["refus", "unreachable", "prohibited", "ICMP error"],
        Loop => &["routing loop", "expired in transit", "expired at"],
        Echo => &["echo", "host answers", "answers elsewhere"],
        Stranger => &["another address"],
        Broken => &["checksum"],
    }
}

/// Decisive replies that the document leaves without a place.
pub(super) fn faults(document: &Value) -> Vec<String> {
    let verdict = &document["verdict"];
    let cause = word(verdict, "cause");
    let told = told(document);
    let mut missing: BTreeSet<(Asked, Drew, &str)> = BTreeSet::new();
    for entry in list(document, "evidence") {
        let asked = asked(document, entry);
        // Where the port is forwarded, what the address answers elsewhere is another machine's.
        let forwards = verdict["place"]["translated_at"].is_object();
        if forwards && matches!(asked, Elsewhere | Odd | Near) {
            continue;
        }
        let first = (word(entry, "outcome"), word(entry, "from"));
        let also = list(&entry["details"], "also").map(|a| (word(a, "outcome"), word(a, "from")));
        for (outcome, from) in std::iter::once(first).chain(also) {
            let Some(drew) = drew(document, entry, outcome, from) else {
                continue;
            };
            let named = named(&told, asked, drew, from) || cited(document, &entry["id"]);
            if !named && !predicted(document, cause, asked, drew, from) {
                missing.insert((asked, drew, from));
            }
        }
    }
    let mut faults: Vec<String> = missing
        .iter()
        .map(|(asked, drew, from)| {
            format!("{asked:?} drew {drew:?} from {from}, which {cause} neither predicts nor names")
        })
        .collect();
    let strays = document["stats"]["strays"].as_u64().unwrap_or(0);
    if strays > 0 && !told.contains("token") && !told.contains("wrong number") {
        faults.push(format!("{strays} strays are named nowhere"));
    }
    let resets = document["stats"]["stray_resets"].as_u64().unwrap_or(0);
    let silent = ["drop-", "listener-", "inconclusive"];
    let silent = silent.iter().any(|start| cause.starts_with(start));
    if resets >= 3 && silent && !word(verdict, "summary").contains("resets came back") {
        faults.push(format!(
            "{resets} resets with wrong numbers are not in the summary"
        ));
    }
    faults
}

/// All that the document says in words of its own; a rival's reasons speak of answers in general.
fn told(document: &Value) -> String {
    let verdict = &document["verdict"];
    let mut told = word(verdict, "summary").to_owned();
    for words in list(document, "notes").filter_map(Value::as_str) {
        told.push('\n');
        told.push_str(words);
    }
    told
}

fn asked(document: &Value, entry: &Value) -> Asked {
    let details = &entry["details"];
    if entry["target_port"] != document["endpoint"]["port"] {
        return Elsewhere;
    }
    let plain = ["size", "options"]
        .iter()
        .all(|name| details[name].is_null());
    match (word(entry, "probe"), entry["ttl"].as_u64()) {
        ("syn", Some(FULL)) if details["source_range"] == "privileged" => LowPort,
        ("syn", Some(FULL)) if plain => Port,
        ("syn", Some(FULL)) => Odd,
        ("syn", _) => Near,
        _ => Odd,
    }
}

/// What a reply is, where it decides something.
fn drew(document: &Value, entry: &Value, outcome: &str, from: &str) -> Option<Drew> {
    let address = word(&document["endpoint"], "address");
    let own = from == word(&document["local"], "source") && from != address;
    let drew = match outcome {
        _ if own => return None,
        "misaddressed" => Stranger,
        "syn-ack" | "reset" if from != address => Stranger,
        "bad-checksum" => Broken,
        "syn-ack" => SynAck,
        "reset" => Reset,
        "echo-reply" => Echo,
        "time-exceeded" if entry["ttl"] == FULL => Loop,
        "time-exceeded" | "reassembly-time-exceeded" | "too-big" | "other-icmp" => return None,
        "silent" | "pending" | "refused" => return None,
        // What is left are the words of "destination unreachable".
        _ => Refusal,
    };
    Some(drew)
}

fn predicted(document: &Value, cause: &str, asked: Asked, drew: Drew, from: &str) -> bool {
    // What this host does to its own packets stands before whatever the network answers.
    if document["verdict"]["place"]["kind"] == "local" {
        return true;
    }
    if asked == Elsewhere && drew != Stranger && drew != Loop {
        let in_its_name = from == word(&document["endpoint"], "address");
        // That other ports are refused says nothing of this one; that nothing answers is another
        // matter.
        let mute = ADDRESS_IS_MUTE.contains(&cause) || silence_of_all(document);
        return drew == Refusal || !in_its_name || !mute;
    }
    if ANY.contains(&cause) && drew != Stranger && drew != Loop {
        return true;
    }
    PREDICTED
        .iter()
        .filter(|(known, _)| *known == cause)
        .flat_map(|(_, rows)| rows.iter())
        .any(|(of, drawn)| *of == asked && drawn.contains(&drew))
}

/// Whether the verdict says that nothing on the address answers.
fn silence_of_all(document: &Value) -> bool {
    let verdict = &document["verdict"];
    verdict["cause"] == "drop-somewhere" && word(verdict, "summary").contains("controls alike")
}

fn named(told: &str, asked: Asked, drew: Drew, from: &str) -> bool {
    let by_word = names(drew).iter().any(|name| told.contains(name));
    match (asked, drew) {
        (LowPort, _) => told.contains("below 1024"),
        (_, Stranger) => told.contains(from),
        (_, Loop) => by_word,
        _ => by_word,
    }
}

/// Whether a rival's reasons rest on a probe.
fn cited(document: &Value, id: &Value) -> bool {
    let mut rivals = list(document, "alternatives");
    rivals.any(|rival| list(rival, "basis").any(|cited| cited == id))
}
