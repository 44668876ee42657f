//! This host: its firewall, its neighbour table, its loopback.

use synquest::model::endpoint::Family::V4;
use synquest::model::evidence::{LocalRefusal, NeighbourState, ReceivedBy};

use super::{BOTH, dropping};
use crate::sim::rig::Rig;

#[test]
fn a_dead_gateway_is_never_heard_and_reported_by_this_host_to_itself() {
    for network in ["down = [\"r1\"]", "routers = 0\ndown = [\"target\"]"] {
        let mut rig = Rig::new(V4, &format!("[network]\n{network}\n"));
        rig.try_send(&rig.syn(3306)).expect("the kernel takes it");
        assert_eq!(rig.network.prober_neighbour(), NeighbourState::Incomplete);
        assert!(!rig.departed());
        let answers = rig.wait(4);
        assert_eq!(rig.network.prober_neighbour(), NeighbourState::Failed);
        assert!(
            answers
                .iter()
                .all(|answer| answer.datagram.source == rig.near("prober"))
        );
        assert!(
            answers
                .iter()
                .all(|answer| answer.datagram.icmp() == Some((3, 1)))
        );
    }
}

#[test]
fn our_own_firewall_refuses_on_the_call() {
    for hook in ["output", "postrouting"] {
        let mut rig = Rig::new(
            V4,
            &dropping("prober", hook).replace("drop", "drop\"\ntable = \"mangle"),
        );
        assert_eq!(rig.try_send(&rig.syn(3306)), Err(LocalRefusal::Firewall));
        assert!(rig.ask(&rig.syn(9)).is_some());
    }
    for (kind, refusal) in [
        ("none", LocalRefusal::NoRoute),
        ("unreachable", LocalRefusal::NoRoute),
        ("prohibit", LocalRefusal::Prohibited),
    ] {
        let mut rig = Rig::new(
            V4,
            &format!("[network]\nroute = {{ prober = \"{kind}\" }}\n"),
        );
        assert_eq!(rig.try_send(&rig.syn(3306)), Err(refusal));
    }
}

#[test]
fn what_our_own_input_discards_only_the_tap_hears() {
    let rule = dropping("prober", "input") + "direction = \"return\"\nports = \"any\"\n";
    for body in [rule.as_str(), "[network]\nprober_rp_filter_fails = true\n"] {
        let mut rig = Rig::new(V4, body);
        let ears: Vec<ReceivedBy> = rig
            .ask_for(&rig.syn(9), 1)
            .iter()
            .map(|heard| heard.by)
            .collect();
        assert_eq!(ears, [ReceivedBy::Tap]);
    }
    let mut rig = Rig::new(V4, "");
    let mut ears: Vec<ReceivedBy> = rig
        .ask_for(&rig.syn(9), 1)
        .iter()
        .map(|heard| heard.by)
        .collect();
    ears.sort();
    assert_eq!(ears, [ReceivedBy::Tap, ReceivedBy::Stack]);
}

#[test]
fn loopback_is_heard_leaving_and_arriving() {
    for family in BOTH {
        let mut rig = Rig::new(family, "[network]\nloopback = true\n");
        let heard = rig.ask_for(&rig.syn(3306), 1);
        assert!(rig.departed());
        // The SYN, the answer and the kernel's reset, each by both receivers.
        assert_eq!(heard.len(), 6);
        assert_eq!(rig.network.nodes[0].tcp.completed, 0);
    }
}
