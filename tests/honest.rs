//! Whether a document is an honest answer to a scenario: the one judge of both executors.

use serde_json::Value;

use crate::scenario::{Expect, FamilyName, method_in};

/// The confidence words, weakest first.
const CONFIDENCE: [&str; 4] = ["possible", "likely", "confirmed", "proven"];

/// What is to be said of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// The truth, as firmly as expected.
    Right,
    /// A weaker answer that the scenario calls honest.
    Tolerated,
    /// No answer, in a scenario where chance may have it so.
    Undecided,
    /// The truth, less firmly than expected.
    TooWeak(String),
    /// None of these, and why.
    Wrong(Vec<String>),
}

/// Judges the document of a run.
pub fn judge(expect: &Expect, family: FamilyName, document: &Value) -> Judged {
    let verdict = &document["verdict"];
    let cause = verdict["cause"].as_str().unwrap_or_default();
    let confidence = verdict["confidence"].as_str().unwrap_or_default();
    let Some(firmness) = rank(confidence) else {
        let what = &verdict["confidence"];
        return Judged::Wrong(vec![format!("no confidence, but {what}")]);
    };
    let mut wrong = beyond_budget(expect, document);
    let mut judged = Judged::Right;
    if expect.cause.iter().any(|right| right == cause) {
        if Some(firmness) > rank(&expect.greatest) {
            wrong.push(format!("{cause} is right, but {confidence} is too firm"));
        }
        if Some(firmness) < rank(&expect.least) {
            let text = format!("{cause} is right, but {confidence} is too weak");
            judged = Judged::TooWeak(text);
        } else {
            wrong.extend(wrong_details(expect, family, document));
        }
    } else if let Some(greatest) = expect.tolerate.get(cause) {
        judged = Judged::Tolerated;
        if Some(firmness) > rank(greatest) {
            wrong.push(format!(
                "{cause} is tolerated up to {greatest}, not {confidence}"
            ));
        }
    } else if is_undecided(cause) && expect.undecided > 0.0 {
        judged = Judged::Undecided;
    } else {
        let right = expect.cause.join(" or ");
        wrong.push(format!("the cause is {right}, not {cause} ({confidence})"));
    }
    if wrong.is_empty() {
        judged
    } else {
        Judged::Wrong(wrong)
    }
}

/// Whether a cause names none.
pub fn is_undecided(cause: &str) -> bool {
    ["inconclusive", "drop-somewhere", "conflicting"].contains(&cause)
}

/// How long the diagnosis took by its own account, in seconds.
pub fn seconds(document: &Value) -> f64 {
    document["stats"]["elapsed_us"].as_f64().unwrap_or(f64::NAN) / 1e6
}

fn wrong_details(expect: &Expect, family: FamilyName, document: &Value) -> Vec<String> {
    let verdict = &document["verdict"];
    let place = &verdict["place"];
    let mut wrong = Vec::new();
    let method = expect.method.as_deref().map(|word| method_in(family, word));
    for (name, wanted, got) in [
        ("method", method, &verdict["method"]),
        ("place", expect.place.as_deref(), &place["kind"]),
        ("way", expect.way.as_deref(), &place["way"]),
    ] {
        if wanted.is_some() && wanted != got.as_str() {
            wrong.push(format!("{name} is {got}, not {wanted:?}"));
        }
    }
    for (name, wanted) in [
        ("at_hop", expect.at_hop),
        ("after_hop", expect.after_hop),
        ("before_hop", expect.before_hop),
    ] {
        let got = place[name]["ttl"].as_u64();
        if wanted.is_some() && wanted.map(u64::from) != got {
            wrong.push(format!("{name} is {got:?}, not {wanted:?}"));
        }
    }
    for (rivals, ruled_out) in [(&expect.excluded, true), (&expect.not_excluded, false)] {
        for rival in rivals {
            let mut others = document["alternatives"].as_array().into_iter().flatten();
            if !others.any(|other| other["cause"] == **rival && other["ruled_out"] == ruled_out) {
                wrong.push(format!("{rival} is not named as ruled out: {ruled_out}"));
            }
        }
    }
    wrong
}

fn beyond_budget(expect: &Expect, document: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let probes = document["stats"]["probes_sent"].as_u64();
    if expect.probes.is_some() && probes > expect.probes.map(u64::from) {
        wrong.push(format!("{probes:?} probes, more than {:?}", expect.probes));
    }
    let seconds = seconds(document);
    if expect.seconds.is_some_and(|most| seconds > f64::from(most)) {
        wrong.push(format!("{seconds:.1} s, more than {:?}", expect.seconds));
    }
    wrong
}

fn rank(confidence: &str) -> Option<usize> {
    CONFIDENCE.iter().position(|word| *word == confidence)
}

#[test]
fn a_firmer_word_than_the_scenario_allows_is_objected_to() {
    let expect: Expect = toml::from_str(
        "cause = [\"drop-host\"]\nleast = \"likely\"\ngreatest = \"likely\"\nafter_hop = 3\n\
         tolerate = { drop-edge = \"possible\" }",
    )
    .expect("an expectation");
    let heard = |cause: &str, confidence: &str, ttl: u8| {
        let document = serde_json::json!({
            "verdict": {"cause": cause, "confidence": confidence, "place": {"after_hop": {"ttl": ttl}}},
            "stats": {"probes_sent": 1, "elapsed_us": 1},
        });
        judge(&expect, FamilyName::V4, &document)
    };
    let is_wrong = |judged| matches!(judged, Judged::Wrong(_));
    assert_eq!(heard("drop-host", "likely", 3), Judged::Right);
    assert!(is_wrong(heard("drop-host", "confirmed", 3)));
    assert!(is_wrong(heard("drop-host", "likely", 2)));
    assert!(matches!(
        heard("drop-host", "possible", 3),
        Judged::TooWeak(_)
    ));
    assert_eq!(heard("drop-edge", "possible", 3), Judged::Tolerated);
    assert!(is_wrong(heard("drop-edge", "likely", 3)));
    assert!(is_wrong(heard("closed", "possible", 3)));
    assert!(is_wrong(heard("inconclusive", "possible", 3)));
}
