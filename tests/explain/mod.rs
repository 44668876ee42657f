//! `explain` on captures of ordinary clients, each named for what happened in it.
//!
//! The captures were made in network namespaces, and some written by hand; what is right was known
//! from the network that was built, not from this program.

mod corpus;

use serde_json::Value;

use crate::cli::{run, stdout, synquest};

/// What `explain` gives: its exit status, its documents, its remarks.
struct Explained {
    status: Option<i32>,
    documents: Vec<Value>,
    remarks: String,
}

fn explain(file: &str, options: &[&str]) -> Explained {
    let path = format!(
        "{}/tests/explain/captures/{file}",
        env!("CARGO_MANIFEST_DIR")
    );
    let mut arguments = vec!["explain", "--json", &path];
    arguments.extend(options);
    let output = run(synquest(), &arguments);
    let documents = stdout(&output);
    let documents = documents.lines();
    Explained {
        status: output.status.code(),
        documents: documents
            .map(|line| serde_json::from_str(line).expect("a document"))
            .collect(),
        remarks: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// What a document must hold: a path to a value, parted by points, and the value as JSON.
type Holds<'a> = &'a [(&'a str, &'a str)];

fn value<'v>(document: &'v Value, path: &str) -> &'v Value {
    path.split('.')
        .fold(document, |value, key| match key.parse::<usize>() {
            Ok(index) => &value[index],
            Err(_) => &value[key],
        })
}

/// The one check: exit status, and for each document, in their order, what it holds.
#[track_caller]
fn check(file: &str, status: i32, documents: &[Holds<'_>]) -> Explained {
    let explained = explain(file, &[]);
    assert_eq!(explained.documents.len(), documents.len(), "{file}");
    for (document, holds) in explained.documents.iter().zip(documents) {
        for (path, wanted) in *holds {
            let wanted: Value = serde_json::from_str(wanted).expect("JSON");
            assert_eq!(
                value(document, path),
                &wanted,
                "{file}: {path}\n{document:#}"
            );
        }
    }
    assert_eq!(explained.status, Some(status), "{file}");
    explained
}

const OPEN: (&str, &str) = ("verdict.cause", "\"open\"");
const SILENCED: Holds<'_> = &[
    OPEN,
    ("verdict.confidence", "\"confirmed\""),
    ("session.end", "\"silence\""),
    ("session.died", "true"),
    ("session.stalled", "null"),
];

#[test]
fn a_session_of_which_nothing_is_acknowledged_any_more_was_silenced_and_met_no_hole() {
    check("session-silenced-at-client.pcap", 1, &[SILENCED]);
    check("session-silenced-at-server.pcap", 1, &[SILENCED]);
    let explained = check(
        "session-silenced-after-leftover-answer.pcap",
        1,
        &[SILENCED],
    );
    let summary = value(&explained.documents[0], "verdict.summary").to_string();
    assert!(summary.contains("silenced"), "{summary}");
}

#[test]
fn a_transfer_whose_large_segments_vanish_has_stalled_whoever_captured_it() {
    const HOLE: Holds<'_> = &[
        ("verdict.cause", "\"mtu-black-hole\""),
        ("verdict.confidence", "\"likely\""),
        ("verdict.place.way", "\"to-client\""),
        ("session.stalled", "\"to-client\""),
        ("session.died", "true"),
    ];
    check("mtu-hole-to-client-select-at-client.pcap", 1, &[HOLE]);
    check("mtu-hole-to-client-http-at-client.pcap", 1, &[HOLE]);
    check("mtu-hole-to-client-select-at-server.pcap", 1, &[HOLE]);
    let selective = "mtu-hole-shown-by-selective-acknowledgment-at-server.pcap";
    check(selective, 1, &[HOLE]);
}

#[test]
fn what_ends_a_session_is_told_by_its_ttl() {
    check(
        "session-reset-by-device.pcap",
        1,
        &[&[
            OPEN,
            ("session.end", "\"reset\""),
            ("session.by", "\"device\""),
            ("session.at_hop", "2"),
            ("session.payload_to_server", "140"),
            ("session.payload_from_server", "43"),
            ("session.idle_us", "1457939"),
        ]],
    );
    check(
        "session-prohibited-by-device.pcap",
        1,
        &[&[
            OPEN,
            ("session.end", "\"icmp\""),
            ("session.by", "\"device\""),
            ("session.at_hop", "2"),
        ]],
    );
}

#[test]
fn what_is_left_over_of_an_older_attempt_is_no_evidence() {
    check(
        "answers-refused-by-capturing-router.pcap",
        1,
        &[&[
            ("verdict.cause", "\"drop-return\""),
            ("verdict.confidence", "\"likely\""),
            ("verdict.place.at_hop.address", "\"10.71.2.1\""),
            ("verdict.place.at_hop.ttl", "1"),
        ]],
    );
    check(
        "answers-dropped-on-way-back-at-server.pcap",
        1,
        &[&[
            ("verdict.cause", "\"drop-return\""),
            ("verdict.confidence", "\"likely\""),
        ]],
    );
}

#[test]
fn a_scanner_that_draws_its_ttls_is_as_far_away_as_its_other_packets_say() {
    let explained = explain("scan-draws-its-ttl-at-client.pcap", &[]);
    assert_eq!(explained.documents.len(), 6);
    for document in &explained.documents {
        let position = value(document, "observed.position");
        assert_eq!(position["from_client"], 0, "{document:#}");
        assert_eq!(position["from_server"], 2, "{document:#}");
    }
}

#[test]
fn a_device_that_resets_one_port_is_no_measure_of_another() {
    let here = [
        "reset-by-device-beside-open-port-at-client.pcap",
        "reset-by-device-beside-open-port-any-router.pcap",
    ];
    for file in here {
        let explained = check(
            file,
            1,
            &[
                &[
                    OPEN,
                    ("endpoint.port", "3307"),
                    ("verdict.place.translated_at", "null"),
                ],
                &[
                    ("endpoint.port", "3306"),
                    ("verdict.cause", "\"reject-path\""),
                    ("verdict.method", "\"tcp-reset\""),
                    ("verdict.place.at_hop.ttl", "2"),
                ],
            ],
        );
        let notes = value(&explained.documents[0], "notes").to_string();
        assert!(!notes.contains("translated"), "{notes}");
    }
    check(
        "open-then-reset-by-device.pcap",
        1,
        &[&[
            ("verdict.cause", "\"reject-path\""),
            ("verdict.confidence", "\"likely\""),
            ("verdict.place.at_hop.ttl", "2"),
        ]],
    );
}

#[test]
fn at_the_server_silence_is_told_apart_by_what_else_the_server_does() {
    check(
        "accept-queue-full-at-server.pcap",
        1,
        &[&[
            ("verdict.cause", "\"listener-overloaded\""),
            ("verdict.confidence", "\"likely\""),
            ("session.server_spoke", "false"),
        ]],
    );
    check(
        "one-client-served-one-dropped-at-server.pcap",
        1,
        &[
            &[OPEN],
            &[
                ("local.source", "\"10.71.1.9\""),
                ("verdict.cause", "\"drop-edge-or-host\""),
                ("verdict.confidence", "\"likely\""),
            ],
        ],
    );
    check(
        "dropped-by-host-any.pcap",
        1,
        &[&[
            ("verdict.cause", "\"drop-edge-or-host\""),
            ("verdict.confidence", "\"possible\""),
        ]],
    );
    check(
        "dropped-by-router-two-interfaces.pcapng",
        1,
        &[&[
            ("verdict.cause", "\"drop-path\""),
            ("verdict.confidence", "\"possible\""),
            ("verdict.place.after_hop.ttl", "2"),
        ]],
    );
}

#[test]
fn a_fin_is_no_payload_and_a_server_without_a_word_is_named() {
    let silent: Holds<'_> = &[
        OPEN,
        ("session.end", "\"fin\""),
        ("session.by", "\"server\""),
        ("session.payload_to_server", "0"),
        ("session.payload_from_server", "0"),
        ("session.server_spoke", "false"),
        ("session.died", "false"),
    ];
    check("accepted-and-closed-at-once.pcap", 0, &[silent]);
    check("accepted-and-closed-at-once-written.pcap", 0, &[silent]);
    let explained = check(
        "server-never-speaks.pcap",
        0,
        &[&[OPEN, ("session.server_spoke", "false")]],
    );
    let notes = value(&explained.documents[0], "notes").to_string();
    assert!(notes.contains("never spoke"), "{notes}");
}

#[test]
fn what_the_snapshot_length_cut_off_is_absent() {
    check(
        "cut-before-window-v6.pcap",
        0,
        &[&[OPEN, ("evidence.0.details.window", "null")]],
    );
    let explained = check("cut-at-40-octets.pcap", 3, &[]);
    assert!(explained.remarks.contains("cut"), "{}", explained.remarks);
    check(
        "icmp-quote-cut-before-ports.pcap",
        1,
        &[&[
            ("verdict.cause", "\"reject-host\""),
            ("verdict.method", "\"icmp-host-prohibited\""),
        ]],
    );
}

#[test]
fn a_neighbour_that_does_not_answer_is_named_without_a_syn() {
    check(
        "arp-unanswered.pcap",
        1,
        &[&[
            ("endpoint.address", "\"10.71.1.77\""),
            ("verdict.cause", "\"no-neighbor\""),
        ]],
    );
}

#[test]
fn a_part_of_a_capture_is_chosen_by_client_server_port_and_time() {
    let count = |options: &[&str]| {
        explain("one-client-served-one-dropped-at-server.pcap", options)
            .documents
            .len()
    };
    assert_eq!(count(&[]), 2);
    assert_eq!(count(&["--client", "10.71.1.9"]), 1);
    assert_eq!(count(&["--server", "10.71.3.2"]), 2);
    assert_eq!(count(&["--server", "10.71.3.3"]), 0);
    assert_eq!(count(&["--port", "3306"]), 2);
    assert_eq!(count(&["--port", "3307"]), 0);
    assert_eq!(count(&["--since", "7s"]), 1);
    assert_eq!(count(&["--until", "20ms"]), 1);
    assert_eq!(count(&["--since", "2100-01-01T00:00:00Z"]), 0);
}

#[test]
fn what_the_user_knows_of_the_place_of_capture_decides() {
    let file = "dropped-by-host-any.pcap";
    for (place, cause) in [("server", "drop-edge-or-host"), ("router", "drop-path")] {
        let explained = explain(file, &["--taken-at", place]);
        let verdict = value(&explained.documents[0], "verdict");
        assert_eq!(verdict["cause"], cause, "{verdict:#}");
        assert_eq!(verdict["confidence"], "likely", "{verdict:#}");
    }
}

#[test]
fn a_summary_has_one_document_for_each_client_and_host() {
    let explained = explain("scan-draws-its-ttl-at-client.pcap", &["--summary"]);
    let [group] = &explained.documents[..] else {
        panic!("{:?}", explained.documents);
    };
    assert_eq!(group["schema"], "synquest/capture-group/1");
    assert_eq!(group["count"], 6);
    assert_eq!(
        group["outcomes"]["open"]["ports"],
        serde_json::json!([8080, 3307, 3305])
    );
    assert_eq!(explained.status, Some(1));
}

#[test]
fn the_first_line_says_that_a_session_died() {
    let path = "tests/explain/captures/session-reset-by-device.pcap";
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    let output = run(synquest(), &["explain", &path]);
    let text = stdout(&output);
    let first = text.lines().next().expect("a line");
    assert!(
        first.contains("a session died: reset by a device at hop 2"),
        "{first}"
    );
    assert!(text.contains("network team of hop 2"), "{text}");
}
