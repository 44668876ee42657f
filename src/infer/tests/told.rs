//! Facts that a verdict must not pass over: each has its place in the words, and none stands against
//! a firm one.

use super::*;
use crate::model::evidence::{NearMiss, NearMissKind};
use crate::model::probe::{Extras, SourceRange};
use crate::model::verdict::PlaceKind;

/// Whether the probe is a SYN to the port that gets as far as the host.
fn opens(probe: &Probe) -> bool {
    probe.kind == Kind::Syn && to_port(probe) && probe.ttl.0 >= HOST
}

fn says(finding: &Finding, words: &str) {
    let summary = &finding.verdict.summary;
    assert!(summary.contains(words), "{summary}");
}

#[test]
fn a_filter_on_options_is_told_from_a_full_queue() {
    let finding = check(
        &|probe, _| {
            let passes = probe.extras == Extras::Nothing;
            healthy(probe, true).filter(|_| !opens(probe) || passes)
        },
        Cause::DropHost,
        Confidence::Likely,
        45.0,
    );
    says(&finding, "without TCP options is answered");
}

#[test]
fn a_filter_on_exact_flags_is_told_from_a_full_queue() {
    let finding = check(
        &|probe, _| {
            let passes = probe.extras == Extras::Ecn;
            healthy(probe, true).filter(|_| !opens(probe) || passes)
        },
        Cause::DropHost,
        Confidence::Likely,
        45.0,
    );
    says(&finding, "asks for ECN is answered");
}

#[test]
fn a_drop_on_the_path_that_spares_low_source_ports_is_not_firm_and_says_so() {
    let finding = check(
        &|probe, _| {
            let lost = to_port(probe) && probe.ttl.0 > 2;
            let spared = probe.flow.range == SourceRange::Privileged;
            healthy(probe, true).filter(|_| !lost || spared)
        },
        Cause::DropPath,
        Confidence::Likely,
        15.0,
    );
    says(&finding, "below 1024 are answered");
    says(&finding, "40000 to 40015");
}

#[test]
fn probes_of_full_ttl_that_expire_on_the_way_go_round_in_a_loop() {
    let finding = check(
        &|probe, _| {
            // Hops 2 and 3 hand everything to each other.
            let hop = match probe.ttl.0 {
                1 => 1,
                ttl => 2 + ttl % 2,
            };
            let answer = Answer::TimeExceeded(quote(probe));
            Some(reply(address(hop), hop, Dscp::CS6, answer))
        },
        Cause::NoRoute,
        Confidence::Likely,
        15.0,
    );
    says(&finding, "routing loop between hop 2");
    assert_eq!(finding.verdict.place.kind, PlaceKind::Path);
}

#[test]
fn a_single_refusal_lowers_a_silence_and_is_named() {
    // The hop behind the drop says once what it does.
    let (finding, ..) = run(
        &|probe, _| {
            let lost = to_port(probe) && probe.ttl.0 > 2;
            if lost && probe.ttl == Ttl(3) && probe.flow.index == 0 {
                let refusal = Answer::Unreachable(Refusal::AdminProhibited, quote(probe));
                return Some(reply(address(3), 3, Dscp::CS6, refusal));
            }
            healthy(probe, true).filter(|_| !lost)
        },
        &|_| None,
        &job(),
    );
    assert!(finding.verdict.confidence <= Confidence::Likely);
    says(&finding, "refuses");
}

/// The source port of the first SYN.
const FIRST: u16 = 40_000;

/// Records near misses on the flow from a port of ours, each with numbers of its own.
fn interfere(evidence: &mut Evidence, (kind, count): (NearMissKind, u32), ours: u16, at: Moment) {
    for number in 0..count {
        let near_miss = NearMiss {
            kind,
            from: address(3),
            ttl: Ttl(63),
            ports: [ours, job().endpoint.port],
            numbers: [number, 0],
        };
        evidence.record(at, Fact::NearMiss(Some(near_miss)));
    }
}

#[test]
fn resets_that_no_client_takes_lower_a_silence_and_are_named() {
    let script =
        |probe: &Probe, _| healthy(probe, true).filter(|_| !to_port(probe) || probe.ttl.0 <= 2);
    let (finding, mut evidence, now) = run(&script, &|_| None, &job());
    assert_eq!(finding.verdict.confidence, Confidence::Likely);
    interfere(&mut evidence, (NearMissKind::Reset, 3), FIRST, now);
    let finding = judge(&evidence, &job(), now).finding;
    assert_eq!(finding.verdict.confidence, Confidence::Likely);
    says(&finding, "3 × reset from");
    says(&finding, "from hop 2");
}

#[test]
fn interference_costs_firmness_only_where_it_would_have_changed_the_verdict() {
    let (finding, evidence, now) = run(&|probe, _| healthy(probe, true), &|_| None, &job());
    assert_eq!(finding.verdict.cause, Cause::Open);
    assert_eq!(finding.verdict.confidence, Confidence::Proven);
    for (kind, count, expected, flagged) in [
        (NearMissKind::Reset, 4, Confidence::Likely, true),
        (NearMissKind::Refusal, 4, Confidence::Likely, true),
        (NearMissKind::Reset, 3, Confidence::Proven, false),
        (NearMissKind::SynAck, 4, Confidence::Proven, true),
        (NearMissKind::Other, 20, Confidence::Proven, true),
    ] {
        let mut evidence = evidence.clone();
        interfere(&mut evidence, (kind, count), FIRST, now);
        let finding = judge(&evidence, &job(), now).finding;
        assert_eq!(finding.verdict.cause, Cause::Open);
        assert_eq!(finding.verdict.confidence, expected, "{count} {kind:?}");
        let note = finding
            .notes
            .iter()
            .find(|note| note.contains("no valid token"));
        let note = note.expect("near misses are told");
        assert!(
            note.contains(&format!("{count} × {}", kind.word())),
            "{note}"
        );
        assert_eq!(note.contains("interferes"), flagged, "{note}");
    }
}

#[test]
fn repetitions_and_what_came_for_a_flow_we_sent_nothing_on_are_no_interference() {
    let (_, evidence, now) = run(&|probe, _| healthy(probe, true), &|_| None, &job());
    let mut before = evidence.clone();
    // The last port of ours, of which nothing was sent.
    interfere(&mut before, (NearMissKind::Reset, 20), FIRST + 15, now);
    let mut again = evidence;
    for _ in 0..20 {
        interfere(&mut again, (NearMissKind::Reset, 1), FIRST, now);
    }
    for evidence in [before, again] {
        let finding = judge(&evidence, &job(), now).finding;
        assert_eq!(finding.verdict.confidence, Confidence::Proven);
    }
}
