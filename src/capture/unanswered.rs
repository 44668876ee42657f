//! An address that was asked for on its link and did not answer → what that says of it.

use std::time::Duration;

use super::neighbours::Unanswered;
use crate::model::endpoint::Endpoint;
use crate::model::evidence::Evidence;
use crate::model::outcome::Outcome;
use crate::model::time::spell;
use crate::model::vantage::Vantage;
use crate::model::verdict::{Cause, Confidence, Finding, Place, PlaceKind, State, Verdict};

/// What it says of the address, whatever the port.
pub fn outcome(question: &Unanswered) -> Outcome {
    let Unanswered { asker, target, .. } = question;
    let mut notes = vec![format!(
        "no SYN is in the capture: none leaves before {} has an answer, whatever the port",
        protocol(question)
    )];
    if !question.certain {
        notes.push(
            "answers go to who asked alone: where the capture was taken on neither of the two, they \
             may have passed elsewhere"
                .to_owned(),
        );
    }
    Outcome {
        endpoint: Endpoint {
            given: target.to_string(),
            address: *target,
            port: 0,
            label: None,
        },
        vantage: Vantage {
            source: *asker,
            interface: String::new(),
            gateway: None,
            mtu: 1500,
            loopback: false,
            ephemeral_ports: Vec::new(),
            privileged_ports: Vec::new(),
        },
        evidence: Evidence::default(),
        finding: Finding {
            verdict: verdict(question),
            alternatives: Vec::new(),
            path: Vec::new(),
            loss: None,
            notes,
        },
        elapsed: elapsed(question),
    }
}

const fn protocol(question: &Unanswered) -> &'static str {
    if question.target.is_ipv4() {
        "ARP"
    } else {
        "ND"
    }
}

const fn elapsed(question: &Unanswered) -> Duration {
    Duration::from_nanos(question.last.saturating_sub(question.first))
}

fn verdict(question: &Unanswered) -> Verdict {
    let Unanswered {
        asker,
        target,
        times,
        ..
    } = question;
    Verdict {
        state: State::Unreachable,
        cause: Cause::NoNeighbor,
        confidence: if question.certain {
            Confidence::Likely
        } else {
            Confidence::Possible
        },
        place: Place::of(PlaceKind::Local),
        method: None,
        summary: format!(
            "{target} does not answer {}: {asker} asked for it {times} times over {}, and nothing \
             answers: the host is down, or not on this link (wrong subnet, overlapping CIDR).",
            protocol(question),
            spell(elapsed(question))
        ),
        basis: Vec::new(),
    }
}
