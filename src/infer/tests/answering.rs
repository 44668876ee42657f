//! Ports that answer: with SYN-ACK, reset or refusal, always or sometimes.

use super::*;

#[test]
fn a_listener_is_open() {
    check(
        &|probe, _| healthy(probe, true),
        Cause::Open,
        Confidence::Proven,
        0.6,
    );
}

#[test]
fn a_reset_that_copies_the_dscp_is_closed() {
    check(
        &|probe, _| healthy(probe, false),
        Cause::Closed,
        Confidence::Proven,
        0.6,
    );
}

#[test]
fn a_reset_that_does_not_copy_it_is_a_reject() {
    let finding = check(
        &|probe, _| match healthy(probe, false) {
            Some((delay, reply)) if to_port(probe) && reply.answer == Answer::Reset => Some((
                delay,
                Reply {
                    dscp: Dscp::ZERO,
                    ..reply
                },
            )),
            drawn => drawn,
        },
        Cause::RejectHost,
        Confidence::Likely,
        // A control port is asked a second after the port itself.
        1.5,
    );
    assert_eq!(
        finding.verdict.method.map(|method| method.word()),
        Some("tcp-reset")
    );
}

#[test]
fn a_forged_reset_from_nearer_is_a_reject_of_that_hop() {
    let finding = check(
        &|probe, _| match probe {
            probe if to_port(probe) && probe.ttl.0 > 2 => {
                Some(reply(target(), 2, Dscp::ZERO, Answer::Reset))
            }
            probe => healthy(probe, true),
        },
        Cause::RejectPath,
        Confidence::Proven,
        // A control port is asked a second after the port itself.
        1.5,
    );
    assert_eq!(finding.verdict.place.at_hop.map(|hop| hop.ttl), Some(2));
}

#[test]
fn an_icmp_refusal_of_a_router_is_a_reject_of_that_hop() {
    let finding = check(
        &|probe, _| match probe {
            probe if to_port(probe) && probe.ttl.0 > 2 => {
                let refusal = Answer::Unreachable(Refusal::AdminProhibited, quote(probe));
                Some(reply(address(2), 2, Dscp::CS6, refusal))
            }
            probe => healthy(probe, true),
        },
        Cause::RejectPath,
        Confidence::Proven,
        1.5,
    );
    assert_eq!(finding.verdict.place.at_hop.map(|hop| hop.ttl), Some(2));
}

#[test]
fn a_refusal_of_the_hosts_icmp_layer_is_a_reject_of_the_host() {
    check(
        &|probe, _| match probe {
            probe if to_port(probe) && probe.ttl.0 >= HOST => {
                let quote = Quote {
                    ttl: Ttl(probe.ttl.0 - HOST + 1),
                    ..quote(probe)
                };
                let refusal = Answer::Unreachable(Refusal::PortUnreachable, quote);
                Some(reply(target(), HOST, Dscp::CS6, refusal))
            }
            probe => healthy(probe, true),
        },
        Cause::RejectHost,
        Confidence::Proven,
        1.5,
    );
}

#[test]
fn silence_beside_rationed_refusals_does_not_rule_out_a_missing_route() {
    // A router without a route has spent its errors on other endpoints but for this one's first.
    let spent = std::cell::Cell::new(0);
    check(
        &|probe, _| {
            let is_refused = to_port(probe) && probe.ttl.is_full() && spent.get() < 2;
            spent.set(spent.get() + u32::from(is_refused));
            is_refused.then(|| {
                let refusal = Answer::Unreachable(Refusal::NetUnreachable, quote(probe));
                reply(address(1), 1, Dscp::CS6, refusal)
            })
        },
        Cause::NoRoute,
        Confidence::Possible,
        30.0,
    );
}

#[test]
fn silence_right_before_a_refusal_says_that_nothing_else_is_refused() {
    let finding = check(
        &|probe, _| match probe {
            probe if to_port(probe) && probe.ttl.0 > 1 => {
                let refusal = Answer::Unreachable(Refusal::HostUnreachable, quote(probe));
                Some(reply(address(2), 2, Dscp::CS6, refusal))
            }
            _ => None,
        },
        Cause::RejectPath,
        Confidence::Likely,
        30.0,
    );
    let mut because = finding.alternatives.iter().map(|other| &other.because);
    assert!(because.any(|because| because.contains("right before such a refusal")));
}

#[test]
fn flows_that_never_answer_beside_flows_that_always_do_are_a_dying_leg() {
    let finding = check_under(
        &thorough(),
        &|probe, _| {
            let dead = to_port(probe) && probe.flow.index % 2 == 1;
            healthy(probe, true).filter(|_| !dead)
        },
        Cause::Intermittent,
        Confidence::Confirmed,
        25.0,
    );
    assert!(
        finding.verdict.summary.contains("never"),
        "{}",
        finding.verdict.summary
    );
}

#[test]
fn answers_that_stop_for_good_are_a_ban() {
    check_under(
        &thorough(),
        &|probe, now| {
            let banned = to_port(probe) && now > Moment::from_nanos(120_000_000);
            healthy(probe, true).filter(|_| !banned)
        },
        Cause::Banned,
        Confidence::Confirmed,
        45.0,
    );
}

#[test]
fn a_syn_ack_from_nearer_than_the_host_is_a_proxy() {
    let finding = check(
        &|probe, _| match probe {
            probe if to_port(probe) && probe.ttl.0 > 2 => Some(reply(
                target(),
                2,
                Dscp::ZERO,
                Answer::SynAck {
                    window: 0,
                    mss: Some(1460),
                },
            )),
            probe => healthy(probe, false),
        },
        Cause::OpenProxied,
        Confidence::Proven,
        1.0,
    );
    assert_eq!(
        finding.verdict.place.at_hop,
        Some(crate::model::verdict::HopRef {
            ttl: 2,
            address: Some(address(2)),
        })
    );
}

#[test]
fn long_frames_that_the_interface_itself_swallows_are_a_black_hole() {
    let swallows = |probe: &Probe| {
        probe
            .padded_to
            .is_some_and(|size| size > 1400)
            .then_some(LocalRefusal::Overload)
    };
    let (finding, _, _) = run(&|probe, _| healthy(probe, true), &swallows, &job());
    assert_eq!(
        finding.verdict.cause,
        Cause::MtuBlackHole,
        "{}",
        finding.verdict.summary
    );
    assert_eq!(finding.verdict.place.before_hop.map(|hop| hop.ttl), Some(1));
}

#[test]
fn a_refusal_over_a_satellite_is_not_late() {
    let slow = Duration::from_millis(900);
    check(
        &|probe, _| {
            let answer = if probe.ttl.0 > 3 {
                let refusal = Answer::Unreachable(Refusal::HostUnreachable, quote(probe));
                Some(reply(address(3), 3, Dscp::CS6, refusal))
            } else {
                healthy(probe, true)
            };
            answer.map(|(delay, reply)| (delay + slow, reply))
        },
        Cause::RejectPath,
        Confidence::Likely,
        15.0,
    );
}

#[test]
fn a_device_that_takes_one_port_and_forwards_the_rest_is_a_proxy() {
    let finding = check(
        &|probe, _| match probe {
            probe if to_port(probe) && probe.ttl.0 >= 2 => Some(reply(
                target(),
                2,
                Dscp::ZERO,
                Answer::SynAck {
                    window: 64_240,
                    mss: Some(1460),
                },
            )),
            // The host itself drops all that is not expired before it.
            probe => healthy(probe, false).filter(|_| probe.ttl.0 < HOST),
        },
        Cause::OpenProxied,
        Confidence::Likely,
        // Two or three tries a second apart for each control that stays silent.
        6.0,
    );
    assert_eq!(finding.verdict.place.at_hop.map(|hop| hop.ttl), Some(2));
}

#[test]
fn a_reset_that_imitates_the_host_is_told_apart_from_a_rewritten_ttl_by_nothing() {
    let finding = check(
        &|probe, _| match probe {
            // A device behind the TTL check of router 2 copies the DSCP and counts its TTL down.
            probe if to_port(probe) && probe.ttl.0 > 2 => {
                Some(reply(target(), HOST, probe.dscp, Answer::Reset))
            }
            probe => healthy(probe, true),
        },
        Cause::Closed,
        Confidence::Likely,
        2.0,
    );
    let mut rivals = finding.alternatives.iter();
    assert!(rivals.any(|rival| rival.cause == Cause::RejectPath && !rival.ruled_out));
}

#[test]
fn controls_that_are_forwarded_inward_do_not_make_a_proxy_of_the_host() {
    check(
        &|probe, _| {
            let control = matches!(probe.target, Target::Control(_)) && probe.kind == Kind::Syn;
            match healthy(probe, true) {
                Some((delay, found)) if control && probe.ttl.0 >= HOST => {
                    let (_, farther) = reply(target(), HOST + 1, found.dscp, Answer::Reset);
                    Some((delay, farther))
                }
                drawn => drawn,
            }
        },
        Cause::Open,
        Confidence::Proven,
        3.0,
    );
}

#[test]
fn a_way_back_longer_than_the_way_there_changes_nothing() {
    // Every answer of the host arrives as if from two hops farther away.
    let detour = |probe: &Probe, listening: bool| {
        let (delay, found) = healthy(probe, listening)?;
        let ttl = if found.from == target() {
            Ttl(found.ttl.0 - 2)
        } else {
            found.ttl
        };
        Some((delay, Reply { ttl, ..found }))
    };
    check(
        &|probe, _| detour(probe, false),
        Cause::Closed,
        Confidence::Proven,
        1.0,
    );
    check(
        &|probe, _| detour(probe, true),
        Cause::Open,
        Confidence::Proven,
        1.0,
    );
}
