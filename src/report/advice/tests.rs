//! Advice of every cause, at every place, for every way there.

use std::time::Duration;

use super::advise::advise;
use super::situation::{Scenario, Situation};
use crate::model::endpoint::Endpoint;
use crate::model::evidence::Evidence;
use crate::model::outcome::Outcome;
use crate::model::vantage::Vantage;
use crate::model::verdict::{Cause, Confidence, Finding, HopRef, Place, PlaceKind, State, Verdict};

pub(in crate::report) fn outcome(
    cause: Cause,
    kind: PlaceKind,
    source: &str,
    target: &str,
) -> Outcome {
    let hop = |ttl| HopRef { ttl, address: None };
    Outcome {
        endpoint: Endpoint {
            given: "db:3306".to_owned(),
            address: target.parse().expect("an address"),
            port: 3306,
            label: None,
        },
        vantage: Vantage {
            source: source.parse().expect("an address"),
            interface: "eth0".to_owned(),
            gateway: None,
            mtu: 1500,
            loopback: false,
            ephemeral_ports: vec![40000],
            privileged_ports: Vec::new(),
        },
        evidence: Evidence::new(),
        finding: Finding {
            verdict: Verdict {
                state: State::Filtered,
                cause,
                confidence: Confidence::Possible,
                place: Place {
                    after_hop: Some(hop(2)),
                    before_hop: Some(hop(3)),
                    ..Place::of(kind)
                },
                method: None,
                summary: String::new(),
                basis: Vec::new(),
            },
            alternatives: Vec::new(),
            path: Vec::new(),
            loss: None,
            notes: Vec::new(),
        },
        elapsed: Duration::ZERO,
    }
}

fn all_text(outcome: &Outcome) -> String {
    text_in(outcome, Situation::default())
}

fn text_in(outcome: &Outcome, situation: Situation) -> String {
    let advice = advise(outcome, &situation).into_iter();
    advice
        .map(|advice| format!("{advice:?}\n"))
        .collect::<String>()
}

#[test]
fn every_cause_at_every_place_has_advice_with_an_owner_and_a_sentence() {
    let kinds = [
        PlaceKind::Local,
        PlaceKind::Path,
        PlaceKind::Edge,
        PlaceKind::Host,
        PlaceKind::Unknown,
    ];
    for cause in Cause::ALL {
        for kind in kinds {
            for (source, target) in [("10.0.0.2", "10.1.0.2"), ("fd00::2", "2001:db8::2")] {
                let outcome = outcome(cause, kind, source, target);
                let advice = advise(&outcome, &Situation::default());
                assert!(!advice.is_empty(), "{cause} {kind:?}");
                for piece in advice {
                    assert!(!piece.owner.word().is_empty(), "{cause} {kind:?}");
                    assert!(
                        piece.text.ends_with('.'),
                        "{cause} {kind:?}: {}",
                        piece.text
                    );
                    if let Some(command) = piece.command {
                        let wrong = if target.contains(':') {
                            " iptables "
                        } else {
                            "ip6tables"
                        };
                        assert!(!command.contains(wrong), "{cause}: {command}");
                    }
                }
            }
        }
    }
}

#[test]
fn the_address_to_allow_depends_on_the_way_there() {
    let edge = |source, target| all_text(&routed(Cause::DropEdge, PlaceKind::Edge, source, target));
    let over_vpn = edge("10.0.0.2", "192.168.4.9");
    assert!(over_vpn.contains("private address 10.0.0.2"), "{over_vpn}");
    let over_public_network = edge("10.0.0.2", "203.0.113.9");
    assert!(over_public_network.contains("EIP"), "{over_public_network}");
    assert!(
        !over_public_network.contains("private address"),
        "{over_public_network}"
    );
    let without_nat = edge("2001:db8::1", "2001:db8:1::1");
    assert!(without_nat.contains("allow 2001:db8::1"), "{without_nat}");
}

#[test]
fn a_silent_neighbour_is_told_from_a_silent_gateway() {
    let mut silent = outcome(Cause::NoNeighbor, PlaceKind::Local, "10.0.0.2", "10.0.0.9");
    assert!(all_text(&silent).contains("CIDR"));
    let first = |scenario| advise(&silent, &said(scenario)).remove(0).text;
    assert!(first(Scenario::OnPrem).contains("CIDR"));
    assert!(!first(Scenario::SameRegionVm).contains("CIDR"));
    silent.vantage.gateway = Some("10.0.0.1".parse().expect("an address"));
    let gateway = all_text(&silent);
    assert!(gateway.contains("ip neigh show 10.0.0.1"), "{gateway}");
    assert!(!gateway.contains("CIDR"), "{gateway}");
}

#[test]
fn nobody_is_sent_to_the_wrong_machine_for_a_port_that_is_forwarded() {
    for (target, tables) in [
        ("10.1.0.2", " iptables-save"),
        ("2001:db8::2", "ip6tables-save"),
    ] {
        for cause in [
            Cause::Closed,
            Cause::RejectHost,
            Cause::DropSomewhere,
            Cause::NoNeighbor,
            Cause::NoRoute,
        ] {
            let mut outcome = outcome(cause, PlaceKind::Host, "10.0.0.2", target);
            outcome.finding.verdict.place.translated_at = Some(HopRef {
                ttl: 4,
                address: Some(target.parse().expect("an address")),
            });
            let first = advise(&outcome, &Situation::default()).remove(0);
            assert!(first.owner.word().contains("hop 4"), "{cause}: {first:?}");
            let command = first.command.expect("a command");
            assert!(format!(" {command}").contains(tables), "{cause}: {command}");
            assert!(!all_text(&outcome).contains("sport"), "{cause}");
        }
    }
}

#[test]
fn an_interface_name_cannot_break_out_of_a_command() {
    let mut ingress = outcome(
        Cause::LocalIngress,
        PlaceKind::Local,
        "10.0.0.2",
        "10.0.0.9",
    );
    ingress.vantage.interface = "e;reboot".to_owned();
    for piece in advise(&ingress, &Situation::default()) {
        let command = piece.command.unwrap_or_default();
        assert!(
            !command.contains("e;") || command.contains("'"),
            "{command}"
        );
    }
}
/// An outcome with a router on the way.
fn routed(cause: Cause, kind: PlaceKind, source: &str, target: &str) -> Outcome {
    let mut outcome = outcome(cause, kind, source, target);
    outcome.vantage.gateway = Some(source.parse().expect("an address"));
    outcome
}

fn said(scenario: Scenario) -> Situation {
    Situation {
        scenario: Some(scenario),
        public_address: None,
    }
}

#[test]
fn a_public_address_that_the_user_gives_is_the_one_to_allow() {
    let edge = routed(Cause::DropEdge, PlaceKind::Edge, "10.0.0.2", "203.0.113.9");
    let situation = Situation {
        scenario: None,
        public_address: Some("198.51.100.7".parse().expect("an address")),
    };
    let text = text_in(&edge, situation);
    assert!(text.contains("EIP 198.51.100.7"), "{text}");
    // What was said need not be said again.
    let again = "synquest probe --public-address 198.51.100.7 203.0.113.9:3306";
    assert!(text.contains(again), "{text}");
    // Between private addresses no NAT stands, whatever EIP there is.
    let edge = routed(Cause::DropEdge, PlaceKind::Edge, "10.0.0.2", "10.1.0.9");
    assert!(!text_in(&edge, situation).contains("EIP 198.51.100.7"));
}

#[test]
fn a_target_on_link_raises_the_doubt_of_overlapping_blocks() {
    let closed = outcome(Cause::Closed, PlaceKind::Host, "10.0.0.2", "10.0.0.9");
    let first = |situation| advise(&closed, &situation).remove(0).text;
    assert!(all_text(&closed).contains("CIDR block overlaps"));
    assert!(first(said(Scenario::OnPrem)).contains("CIDR block overlaps"));
    assert!(!first(said(Scenario::SameRegionVm)).contains("CIDR"));
    let open = outcome(Cause::Open, PlaceKind::Host, "10.0.0.2", "10.0.0.9");
    assert!(!all_text(&open).contains("CIDR"));
    let far = routed(Cause::Closed, PlaceKind::Host, "10.0.0.2", "10.1.0.9");
    assert!(!all_text(&far).contains("CIDR"));
}

#[test]
fn an_address_that_contradicts_the_scenario_comes_first() {
    let first = |target, scenario| {
        let outcome = routed(Cause::DropSomewhere, PlaceKind::Unknown, "10.0.0.2", target);
        advise(&outcome, &said(scenario)).remove(0).text
    };
    assert!(first("10.1.0.9", Scenario::CrossCloud).contains("private address"));
    assert!(first("203.0.113.9", Scenario::SameRegionVm).contains("public address"));
    let public = first("203.0.113.9", Scenario::CrossCloud);
    assert!(
        public.contains("must allow this instance's EIP"),
        "{public}"
    );
}

#[test]
fn silence_between_private_networks_is_advised_by_the_scenario() {
    let silent = routed(
        Cause::DropSomewhere,
        PlaceKind::Unknown,
        "10.0.0.2",
        "10.1.0.9",
    );
    assert!(text_in(&silent, said(Scenario::SameRegionVm)).contains("peering connection"));
    let on_premises = text_in(&silent, said(Scenario::OnPrem));
    assert!(on_premises.contains("VPN is up"), "{on_premises}");
    assert!(!on_premises.contains("peering"), "{on_premises}");
}
