//! The check itself: documents that agree with themselves, and inconsistencies planted in them.

use serde_json::{Value, json};

use super::inconsistencies;

/// SYNs vanish between two hops; a control is reset.
fn dropped() -> Value {
    json!({
        "endpoint": {"given": "db:3306", "address": "10.9.3.10", "port": 3306, "label": null},
        "verdict": {
            "state": "filtered", "cause": "drop-path", "confidence": "confirmed",
            "place": {
                "kind": "path", "at_hop": null,
                "after_hop": {"ttl": 2, "address": "10.9.1.2"},
                "before_hop": {"ttl": 3, "address": "10.9.2.2"}
            },
            "method": null,
            "summary": "SYNs to port 3306 vanish between hop 2 (10.9.1.2) and hop 3 (10.9.2.2).",
            "basis": [1, 3]
        },
        "alternatives": [{
            "cause": "closed", "ruled_out": true,
            "because": "the host resets SYNs to closed ports, and never reset this one", "basis": [2]
        }],
        "advice": [{"owner": "network team of hops 2 to 3", "text": "Look there.", "command": null}],
        "evidence": [
            probe(1, 3306, 64, "silent", None),
            probe(2, 40000, 64, "reset", Some("10.9.3.10")),
            probe(3, 3306, 2, "time-exceeded", Some("10.9.1.2")),
            probe(4, 3306, 3, "pending", None),
        ],
        "local": {"source": "10.9.0.2", "interface": "eth0", "gateway": "10.9.0.1", "mtu": 1500},
        "stats": {"probes_sent": 4, "replies": 2, "strays": 0},
        "notes": [],
        "run": {"version": "0", "seed": null, "started": "2026-01-01T00:00:00Z"}
    })
}

/// A port of a host on which nothing listens.
fn closed() -> Value {
    let mut document = dropped();
    document["verdict"] = json!({
        "state": "closed", "cause": "closed", "confidence": "proven",
        "place": {"kind": "host", "at_hop": null, "after_hop": null, "before_hop": null},
        "method": null,
        "summary": "The host is reachable, and nothing listens on port 3306.",
        "basis": [1]
    });
    document["alternatives"] = json!([]);
    document["advice"] = json!([{
        "owner": "database administrator", "text": "Look there.", "command": "ss -ltn 'sport = :3306'"
    }]);
    document["evidence"] = json!([
        probe(1, 3306, 64, "reset", Some("10.9.3.10")),
        probe(2, 40000, 64, "reset", Some("10.9.3.10")),
    ]);
    document
}

fn probe(id: u32, port: u16, ttl: u8, outcome: &str, from: Option<&str>) -> Value {
    json!({
        "id": id, "at_us": id * 1000, "probe": "syn", "target_port": port, "ttl": ttl,
        "outcome": outcome, "from": from, "details": {}
    })
}

/// Adds a probe to the evidence.
fn add(document: &mut Value, entry: Value) {
    let evidence = document["evidence"].as_array_mut();
    evidence.expect("a list of evidence").push(entry);
}

type Plant = fn(&mut Value);

/// What is planted, how, and a word of what must be found.
const DROPPED: &[(&str, Plant, &str)] = &[
    (
        "a pending probe is cited",
        |d| d["verdict"]["basis"] = json!([1, 4]),
        "still pending",
    ),
    (
        "a rival cites a void probe",
        |d| d["evidence"][1]["details"]["void"] = json!(true),
        "silence is void",
    ),
    (
        "a drop although SYNs from low ports are answered",
        |d| {
            let mut low = probe(5, 3306, 64, "syn-ack", Some("10.9.3.10"));
            low["details"] = json!({"source_range": "privileged"});
            add(d, low);
        },
        "LowPort drew SynAck",
    ),
    (
        "a loop that the verdict does not know",
        |d| add(d, probe(5, 3306, 64, "time-exceeded", Some("10.9.1.2"))),
        "drew Loop",
    ),
    (
        "a refusal of this very port",
        |d| add(d, probe(5, 3306, 30, "host-prohibited", Some("10.9.2.2"))),
        "Near drew Refusal from 10.9.2.2",
    ),
    (
        "a second answer, after a message from the way",
        |d| {
            d["evidence"][2]["details"]["also"] =
                json!([{"at_us": 1, "outcome": "syn-ack", "from": "10.9.3.10", "arrival_ttl": 61}]);
        },
        "Near drew SynAck",
    ),
    (
        "an answer with our token from another address",
        |d| add(d, probe(5, 3306, 64, "syn-ack", Some("10.9.7.7"))),
        "drew Stranger from 10.9.7.7",
    ),
    (
        "resets with wrong numbers that nobody mentions",
        |d| d["stats"]["strays"] = json!(29),
        "29 strays",
    ),
    (
        "resets with wrong numbers that only a note mentions",
        |d| {
            d["stats"] = json!({"probes_sent": 4, "replies": 2, "strays": 29, "stray_resets": 29});
            d["notes"] = json!(["29 frames of our flows carried no valid token"]);
        },
        "29 resets",
    ),
    (
        "a summary of another hop",
        |d| d["verdict"]["place"]["before_hop"] = json!({"ttl": 4, "address": "10.9.3.2"}),
        "before_hop is hop 4",
    ),
    (
        "a standing rival under a firm verdict",
        |d| d["alternatives"][0]["ruled_out"] = json!(false),
        "firm, although closed stands",
    ),
    (
        "proven by silence alone",
        |d| {
            d["verdict"]["confidence"] = json!("proven");
            d["verdict"]["basis"] = json!([1]);
        },
        "no probe that it cites was answered",
    ),
];

/// The same for [`closed`].
const CLOSED: &[(&str, Plant, &str)] = &[
    (
        "a proxy's closed end told of as the host's",
        |d| {
            d["verdict"]["summary"] = json!(
                "A TCP stack resets port 3306: a translation or a proxy on the way whose own end is \
                 closed."
            );
        },
        "a proxy on the way",
    ),
    (
        "advice for the database's administrator about a device on the path",
        |d| d["verdict"]["place"]["kind"] = json!("path"),
        "first advice is for",
    ),
    (
        "advice for whom it may not concern",
        |d| d["advice"][0]["owner"] = json!("owner of the target's network ACL"),
        "first advice is for",
    ),
    (
        "a refusal's method on a closed port",
        |d| d["verdict"]["method"] = json!("tcp-reset"),
        "without a refusal",
    ),
    (
        "a state of another cause",
        |d| d["verdict"]["state"] = json!("filtered"),
        "closed with the state filtered",
    ),
    (
        "an answered SYN beside the resets",
        |d| add(d, probe(3, 3306, 64, "syn-ack", Some("10.9.3.10"))),
        "Port drew SynAck",
    ),
    (
        "a missing route to an address that answers",
        |d| {
            d["verdict"]["cause"] = json!("no-route");
            d["verdict"]["state"] = json!("unreachable");
            d["verdict"]["place"]["kind"] = json!("path");
            d["verdict"]["summary"] = json!("There is no route to the host.");
            d["advice"][0]["owner"] = json!("network team");
            d["advice"][0]["command"] = json!(null);
            d["evidence"][0]["outcome"] = json!("net-unreachable");
        },
        "Elsewhere drew Reset",
    ),
];

#[test]
fn documents_that_agree_with_themselves_are_left_alone() {
    assert_eq!(inconsistencies(&dropped()), Vec::<String>::new());
    assert_eq!(inconsistencies(&closed()), Vec::<String>::new());
}

#[test]
fn every_planted_inconsistency_is_found() {
    let tables = [(dropped as fn() -> Value, DROPPED), (closed, CLOSED)];
    for (sound, plants) in tables {
        for (what, plant, wanted) in plants {
            let mut document = sound();
            plant(&mut document);
            let found = inconsistencies(&document);
            assert!(
                found.iter().any(|fault| fault.contains(wanted)),
                "{what}: {wanted:?} is not among {found:?}"
            );
        }
    }
}
