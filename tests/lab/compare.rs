//! Whether a document is an honest answer to a scenario.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::scenario::{Expect, FamilyName, method_in};

/// The confidence words, weakest first.
const CONFIDENCE: [&str; 4] = ["possible", "likely", "confirmed", "proven"];

/// What of `expect` the document breaks; empty when it is an honest answer.
pub(crate) fn objections(expect: &Expect, family: FamilyName, document: &Value) -> Vec<String> {
    let mut objections = Vec::new();
    let verdict = &document["verdict"];
    let cause = verdict["cause"].as_str().unwrap_or_default();
    let confidence = verdict["confidence"].as_str().unwrap_or_default();
    let Some(firmness) = rank(confidence) else {
        return vec![format!("no confidence, but {}", verdict["confidence"])];
    };
    let mut object = |condition: bool, text: String| {
        if condition {
            objections.push(text);
        }
    };
    if expect.cause.iter().any(|right| right == cause) {
        let bounds = (rank(&expect.least), rank(&expect.greatest));
        object(
            Some(firmness) < bounds.0 || Some(firmness) > bounds.1,
            format!(
                "{cause} is right, but {confidence} is not within {}..{}",
                expect.least, expect.greatest
            ),
        );
        let method = expect.method.as_deref().map(|word| method_in(family, word));
        for (name, wanted, got) in [
            ("method", method, &verdict["method"]),
            (
                "place.kind",
                expect.place.as_deref(),
                &verdict["place"]["kind"],
            ),
            ("place.way", expect.way.as_deref(), &verdict["place"]["way"]),
        ] {
            object(
                wanted.is_some() && wanted != got.as_str(),
                format!("{name} is {got}, not {}", wanted.unwrap_or_default()),
            );
        }
        let hops: BTreeMap<&str, Option<u8>> = BTreeMap::from([
            ("at_hop", expect.at_hop),
            ("after_hop", expect.after_hop),
            ("before_hop", expect.before_hop),
        ]);
        for (name, wanted) in hops {
            let got = verdict["place"][name]["ttl"].as_u64();
            object(
                wanted.is_some() && wanted.map(u64::from) != got,
                format!("{name} is {}, not {wanted:?}", verdict["place"][name]),
            );
        }
        for (rivals, ruled_out) in [(&expect.excluded, true), (&expect.not_excluded, false)] {
            for rival in rivals {
                let others = document["alternatives"].as_array();
                let named = others.into_iter().flatten().any(|other| {
                    other["cause"] == rival.as_str() && other["ruled_out"] == ruled_out
                });
                object(
                    !named,
                    format!("{rival} is not named as ruled out: {ruled_out}"),
                );
            }
        }
    } else if let Some(greatest) = expect.tolerate.get(cause) {
        object(
            Some(firmness) > rank(greatest),
            format!("{cause} is tolerated up to {greatest}, not {confidence}"),
        );
    } else {
        let undecided = ["inconclusive", "drop-somewhere", "conflicting"].contains(&cause);
        object(
            !(undecided && expect.undecided > 0.0),
            format!(
                "the cause is {}, not {cause} ({confidence})",
                expect.cause.join(" or ")
            ),
        );
    }
    let stats = &document["stats"];
    let probes = stats["probes_sent"].as_u64();
    object(
        expect.probes.is_some() && probes > expect.probes.map(u64::from),
        format!("{probes:?} probes, more than {:?}", expect.probes),
    );
    let seconds = seconds(document);
    object(
        expect.seconds.is_some_and(|most| seconds > f64::from(most)),
        format!("{seconds:.1} s, more than {:?}", expect.seconds),
    );
    objections
}

/// How long the inquest took by its own account.
pub(crate) fn seconds(document: &Value) -> f64 {
    document["stats"]["elapsed_us"].as_f64().unwrap_or(f64::NAN) / 1e6
}

/// The exit status the contract asks for; `None` where it leaves room.
pub(crate) fn exit_status(document: &Value) -> Option<i32> {
    match (
        document["verdict"]["cause"].as_str()?,
        document["verdict"]["state"].as_str()?,
    ) {
        ("open", _) => Some(0),
        ("inconclusive" | "conflicting" | "drop-somewhere", _) => Some(3),
        (_, "open") => None,
        _ => Some(1),
    }
}

fn rank(confidence: &str) -> Option<usize> {
    CONFIDENCE.iter().position(|word| *word == confidence)
}

#[test]
fn a_firmer_word_than_the_scenario_allows_is_objected_to() {
    let expect: Expect = toml::from_str(
        "cause = [\"drop-host\"]\ngreatest = \"likely\"\nafter_hop = 3\ntolerate = { drop-edge = \"possible\" }",
    )
    .expect("an expectation");
    let heard = |cause: &str, confidence: &str, ttl: u8| {
        let document = serde_json::json!({
            "verdict": {"cause": cause, "confidence": confidence, "place": {"after_hop": {"ttl": ttl}}},
            "stats": {"probes_sent": 1, "elapsed_us": 1},
        });
        objections(&expect, FamilyName::V4, &document).len()
    };
    assert_eq!(heard("drop-host", "likely", 3), 0);
    assert_eq!(heard("drop-host", "confirmed", 3), 1);
    assert_eq!(heard("drop-host", "likely", 2), 1);
    assert_eq!(heard("drop-edge", "possible", 3), 0);
    assert_eq!(heard("drop-edge", "likely", 3), 1);
    assert_eq!(heard("closed", "possible", 3), 1);
}
