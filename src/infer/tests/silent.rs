//! Ports that do not answer, and hosts that cannot ask.

use super::*;

#[test]
fn a_late_host_unreachable_is_a_host_that_is_not_there() {
    check(
        &|probe, _| match healthy(probe, true) {
            Some((_, _)) if probe.ttl.0 >= HOST => {
                let refusal = Answer::Unreachable(Refusal::HostUnreachable, quote(probe));
                let (_, reply) = reply(address(3), 3, Dscp::CS6, refusal);
                Some((Duration::from_secs(3), reply))
            }
            drawn => drawn,
        },
        Cause::NoNeighbor,
        Confidence::Proven,
        15.0,
    );
}

#[test]
fn silence_after_the_second_router_is_a_drop_between_two_hops() {
    let finding = check(
        &|probe, _| healthy(probe, true).filter(|_| !to_port(probe) || probe.ttl.0 <= 2),
        Cause::DropPath,
        // A device that rewrites the TTL of this port's flow would look the same.
        Confidence::Likely,
        15.0,
    );
    let place = finding.verdict.place;
    assert_eq!(place.after_hop.map(|hop| hop.ttl), Some(2));
    assert_eq!(place.before_hop.map(|hop| hop.ttl), Some(3));
}

/// What is answered by the target arrives with a TTL as if it were that many hops nearer than it is.
fn nearer(hops: u8, drawn: Option<(Duration, Reply)>) -> Option<(Duration, Reply)> {
    drawn.map(|(delay, mut reply)| {
        if reply.from == target() {
            reply.ttl = Ttl(reply.ttl.0 + hops);
        }
        (delay, reply)
    })
}

#[test]
fn a_shorter_way_back_does_not_make_the_first_router_the_last() {
    let finding = check(
        &|probe, _| {
            let passes = !to_port(probe) || probe.ttl.0 <= 1;
            nearer(2, healthy(probe, true).filter(|_| passes))
        },
        Cause::DropPath,
        Confidence::Likely,
        15.0,
    );
    let place = finding.verdict.place;
    assert_eq!(place.after_hop.map(|hop| hop.ttl), Some(1));
    assert_eq!(place.before_hop.map(|hop| hop.ttl), Some(2));
}

#[test]
fn a_shorter_way_back_does_not_make_a_router_before_the_host_a_translation() {
    let finding = check(
        &|probe, _| {
            let passes = probe.kind == Kind::Fragment || probe.ttl.0 < HOST;
            nearer(
                2,
                healthy(probe, true).filter(|_| !to_port(probe) || passes),
            )
        },
        Cause::DropHost,
        Confidence::Likely,
        45.0,
    );
    assert_eq!(finding.verdict.place.translated_at, None);
}

#[test]
fn silence_on_the_host_is_shown_by_its_reassembly_timer() {
    check(
        &|probe, _| {
            let passes = probe.kind == Kind::Fragment || probe.ttl.0 < HOST;
            healthy(probe, true).filter(|_| !to_port(probe) || passes)
        },
        Cause::DropHost,
        Confidence::Likely,
        45.0,
    );
}

#[test]
fn silence_of_fragments_to_the_port_alone_is_the_edge() {
    let finding = check(
        &|probe, _| healthy(probe, true).filter(|_| !to_port(probe) || probe.ttl.0 < HOST),
        Cause::DropEdge,
        Confidence::Likely,
        45.0,
    );
    assert_eq!(finding.verdict.place.after_hop.map(|hop| hop.ttl), Some(3));
}

#[test]
fn silence_of_all_fragments_leaves_edge_and_host_unsplit() {
    check(
        &|probe, _| {
            let held = probe.kind == Kind::Fragment || to_port(probe) && probe.ttl.0 >= HOST;
            healthy(probe, true).filter(|_| !held)
        },
        Cause::DropEdgeOrHost,
        Confidence::Likely,
        45.0,
    );
}

#[test]
fn a_listener_that_answers_acks_and_not_syns_is_overloaded() {
    check(
        &|probe, _| {
            let syn = probe.kind == Kind::Syn && to_port(probe) && probe.ttl.0 >= HOST;
            healthy(probe, true).filter(|_| !syn)
        },
        Cause::ListenerOverloaded,
        Confidence::Likely,
        45.0,
    );
}

#[test]
fn silence_past_a_hop_for_every_flow_is_undecided() {
    check(
        &|probe, _| healthy(probe, true).filter(|_| probe.ttl.0 <= 2),
        Cause::DropSomewhere,
        Confidence::Likely,
        45.0,
    );
}

#[test]
fn answers_to_low_source_ports_alone_are_lost_on_the_way_back() {
    use crate::model::probe::SourceRange;
    check(
        &|probe, _| {
            let tcp = matches!(probe.kind, Kind::Syn | Kind::Ack | Kind::Fin);
            let lost = tcp && probe.ttl.0 >= HOST && probe.flow.range == SourceRange::Ephemeral;
            healthy(probe, true).filter(|_| !lost)
        },
        Cause::DropReturn,
        Confidence::Likely,
        45.0,
    );
}

#[test]
fn a_source_that_goes_away_is_no_verdict_on_the_network() {
    let gone = |_: &Probe| Some(LocalRefusal::SourceGone);
    let (finding, evidence, _) = run(&|_, _| None, &gone, &job());
    assert_eq!(
        finding.verdict.cause,
        Cause::Inconclusive,
        "{}",
        finding.verdict.summary
    );
    assert!(evidence.trials().len() < 20);
}

#[test]
fn a_local_firewall_is_told_at_once() {
    let forbids = |_: &Probe| Some(LocalRefusal::Firewall);
    let (finding, evidence, _) = run(&|_, _| None, &forbids, &job());
    assert_eq!(
        finding.verdict.cause,
        Cause::LocalEgress,
        "{}",
        finding.verdict.summary
    );
    assert_eq!(finding.verdict.confidence, Confidence::Proven);
    assert!(evidence.trials().len() < 5);
}
