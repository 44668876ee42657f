//! Ports that are other machines than their address, TTLs that do not count hops, and answers that
//! come late or change.

use super::*;

/// The first SYN of full TTL that a script saw, to know what waits for the same resolution.
const RESOLUTION: Duration = Duration::from_millis(3060);

fn quoted(probe: &Probe, passed: u8) -> Quote {
    Quote {
        ttl: Ttl(probe.ttl.0.saturating_sub(passed)),
        ..quote(probe)
    }
}

/// A refusal in the name of the target, sent from `hop` after the TTL was lowered `passed` times.
fn refused(probe: &Probe, refusal: Refusal, hop: u8, passed: u8) -> (Duration, Reply) {
    let answer = Answer::Unreachable(refusal, quoted(probe, passed));
    reply(target(), hop, Dscp::CS6, answer)
}

fn expired_in_its_name(probe: &Probe) -> Option<(Duration, Reply)> {
    let answer = Answer::TimeExceeded(quote(probe));
    Some(reply(target(), HOST, Dscp::CS6, answer))
}

fn translated_at(finding: &Finding) -> Option<u8> {
    finding.verdict.place.translated_at.map(|hop| hop.ttl)
}

#[test]
fn a_translation_to_a_machine_that_is_gone_is_no_firewall_of_the_host() {
    let finding = check(
        &|probe, now| match probe {
            probe if !to_port(probe) || probe.ttl.0 < HOST => healthy(probe, false),
            probe if probe.ttl.0 == HOST => expired_in_its_name(probe),
            probe if now.since(Moment::START) < RESOLUTION => {
                let (_, reply) = refused(probe, Refusal::HostUnreachable, HOST, HOST);
                Some((RESOLUTION - now.since(Moment::START), reply))
            }
            _ => None,
        },
        Cause::NoNeighbor,
        Confidence::Proven,
        4.0,
    );
    let place = finding.verdict.place;
    assert_eq!(translated_at(&finding), Some(HOST));
    assert_eq!(place.at_hop.map(|hop| hop.ttl), Some(HOST));
    let summary = finding.verdict.summary;
    assert!(summary.contains("forwards port 3306"), "{summary}");
}

#[test]
fn refusals_that_come_together_waited_for_one_resolution_though_nothing_else_answers() {
    check(
        &|probe, now| {
            let waits = to_port(probe) && probe.ttl.is_full();
            (waits && now.since(Moment::START) < RESOLUTION).then(|| {
                let answer = Answer::Unreachable(Refusal::HostUnreachable, quote(probe));
                let (_, reply) = reply(address(3), 3, Dscp::CS6, answer);
                (RESOLUTION - now.since(Moment::START), reply)
            })
        },
        Cause::NoNeighbor,
        Confidence::Proven,
        14.0,
    );
}

#[test]
fn a_network_that_a_translation_has_no_route_to_is_the_first_reading_of_such_a_refusal() {
    let finding = check(
        &|probe, _| match (probe.kind, to_port(probe) && probe.ttl.0 >= HOST) {
            // A bare FIN belongs to no connection, and is not translated.
            (Kind::Syn, true) => Some(refused(probe, Refusal::NetUnreachable, HOST, HOST - 1)),
            _ => healthy(probe, false),
        },
        Cause::NoRoute,
        Confidence::Likely,
        3.0,
    );
    assert_eq!(translated_at(&finding), Some(HOST));
    let mut rivals = finding.alternatives.iter();
    assert!(rivals.any(|rival| rival.cause == Cause::RejectHost && !rival.ruled_out));
}

#[test]
fn a_firewall_that_refuses_a_bare_fin_as_well_is_the_hosts_own() {
    check(
        &|probe, _| match (probe.kind, to_port(probe) && probe.ttl.0 >= HOST) {
            (Kind::Syn | Kind::Fin, true) => {
                Some(refused(probe, Refusal::NetUnreachable, HOST, HOST - 1))
            }
            _ => healthy(probe, false),
        },
        Cause::RejectHost,
        Confidence::Likely,
        3.0,
    );
}

#[test]
fn who_refuses_what_it_has_forwarded_is_not_the_ports_machine() {
    let finding = check(
        &|probe, _| match probe {
            probe if to_port(probe) && probe.kind == Kind::Syn && probe.ttl.0 > HOST => {
                Some(refused(probe, Refusal::AdminProhibited, HOST, HOST))
            }
            probe => healthy(probe, false),
        },
        Cause::RejectHost,
        Confidence::Likely,
        3.0,
    );
    assert_eq!(translated_at(&finding), Some(HOST));
}

#[test]
fn a_listener_behind_the_address_is_open_and_not_called_the_host_itself() {
    let finding = check(
        &|probe, _| match probe {
            probe if to_port(probe) && probe.ttl.0 == HOST => expired_in_its_name(probe),
            probe if to_port(probe) && probe.ttl.0 > HOST => {
                let (delay, Reply { answer, .. }) = healthy(probe, true)?;
                Some((delay, reply(target(), HOST + 1, Dscp::ZERO, answer).1))
            }
            probe => healthy(probe, false),
        },
        Cause::Open,
        Confidence::Likely,
        1.5,
    );
    assert_eq!(translated_at(&finding), Some(HOST));
}

#[test]
fn a_refusal_drawn_before_the_host_comes_from_before_it_whatever_address_it_bears() {
    let finding = check(
        &|probe, _| match probe {
            probe if to_port(probe) && probe.ttl.0 > 2 => {
                Some(refused(probe, Refusal::PortUnreachable, HOST, 2))
            }
            probe => healthy(probe, true),
        },
        Cause::RejectPath,
        Confidence::Likely,
        3.0,
    );
    assert_eq!(finding.verdict.place.at_hop.map(|hop| hop.ttl), Some(2));
}

/// What a SYN to the port draws where hop 2 writes 64 on its TTL.
fn rewritten(probe: &Probe) -> Probe {
    let passes = to_port(probe) && probe.ttl.0 > 2;
    Probe {
        ttl: if passes { Ttl::FULL } else { probe.ttl },
        ..*probe
    }
}

#[test]
fn a_rewritten_ttl_hides_how_far_the_port_gets_and_nothing_is_confirmed() {
    let finding = check(
        &|probe, _| match to_port(probe) && probe.ttl.0 > 2 {
            true => None,
            false => healthy(probe, true),
        },
        Cause::DropPath,
        Confidence::Likely,
        15.0,
    );
    let mut rivals = finding.alternatives.iter();
    assert!(rivals.any(|rival| rival.cause == Cause::DropEdgeOrHost && !rival.ruled_out));
}

#[test]
fn a_rewritten_ttl_makes_no_proxy_of_a_listener_and_no_filter_of_a_closed_port() {
    for (listening, cause) in [(true, Cause::Open), (false, Cause::Closed)] {
        check(
            &|probe, _| healthy(&rewritten(probe), listening),
            cause,
            Confidence::Likely,
            1.5,
        );
    }
}

#[test]
fn a_syn_ack_that_is_the_servers_repetition_is_told_as_such() {
    let finding = check(
        &|probe, _| {
            let (delay, reply) = healthy(probe, true)?;
            let first_is_lost = to_port(probe) && probe.ttl.is_full();
            let late = Duration::from_secs(if first_is_lost { 1 } else { 0 });
            Some((delay + late, reply))
        },
        Cause::Open,
        Confidence::Proven,
        14.0,
    );
    let summary = finding.verdict.summary;
    assert!(summary.contains("server's own repetition"), "{summary}");
}

#[test]
fn an_open_port_that_reset_a_syn_says_so() {
    let first = std::cell::Cell::new(true);
    let (finding, _, _) = run(
        &|probe, _| {
            let resets = to_port(probe) && probe.ttl.is_full() && first.replace(false);
            healthy(probe, !resets)
        },
        &|_| None,
        &job(),
    );
    assert_eq!(finding.verdict.cause, Cause::Open);
    let summary = finding.verdict.summary;
    assert!(summary.contains("1 reset"), "{summary}");
}

#[test]
fn answers_of_two_machines_are_told_apart() {
    let second = std::cell::Cell::new(false);
    let finding = check(
        &|probe, _| {
            let (delay, mut reply) = healthy(probe, true)?;
            if let Answer::SynAck { window, .. } = &mut reply.answer
                && second.replace(true)
            {
                *window = 8192;
            }
            Some((delay, reply))
        },
        Cause::Open,
        Confidence::Proven,
        1.0,
    );
    let summary = finding.verdict.summary;
    assert!(summary.contains("more than one machine"), "{summary}");
}
