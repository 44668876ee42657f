//! What the verdict and its rivals cite.

use serde_json::Value;

use super::{list, word};

/// Citations of probes that show nothing.
pub(super) fn faults(document: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let verdict = &document["verdict"];
    check(document, verdict, "the verdict", &mut faults);
    for rival in list(document, "alternatives") {
        let who = format!("the rival {}", word(rival, "cause"));
        check(document, rival, &who, &mut faults);
    }
    let rests = list(verdict, "basis").filter_map(|id| entry(document, id));
    let here = verdict["place"]["kind"] == "local" || document["local"]["interface"] == "lo";
    let mut shows = rests.filter(|entry| !["silent", "pending"].contains(&word(entry, "outcome")));
    if verdict["confidence"] == "proven" && !here && shows.next().is_none() {
        faults.push("proven, and no probe that it cites was answered".to_owned());
    }
    faults
}

fn check(document: &Value, holder: &Value, who: &str, faults: &mut Vec<String>) {
    for id in list(holder, "basis") {
        match entry(document, id) {
            None => faults.push(format!(
                "{who} cites probe {id}, which is not in the evidence"
            )),
            Some(entry) if entry["outcome"] == "pending" => {
                faults.push(format!("{who} cites probe {id}, which is still pending"));
            }
            Some(entry) if entry["details"]["void"] == true => {
                faults.push(format!("{who} cites probe {id}, whose silence is void"));
            }
            Some(_) => {}
        }
    }
}

fn entry<'d>(document: &'d Value, id: &Value) -> Option<&'d Value> {
    list(document, "evidence").find(|entry| entry["id"] == *id)
}
