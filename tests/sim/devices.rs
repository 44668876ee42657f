//! Tests of the devices themselves, against what Linux does (PROBES.md where it was measured).

use std::time::Duration;

use synquest::model::endpoint::Family::{self, V4, V6};
use synquest::model::evidence::{Ear, LocalRefusal, NeighbourState};

use super::conntrack::Tuple;
use super::datagram::Datagram;
use super::rig::Rig;

const BOTH: [Family; 2] = [V4, V6];

/// The database port refused by a rule at `node`.
fn rejecting(node: &str, with: &str) -> String {
    format!(
        "[[rule]]\nat = \"{node}\"\nhook = \"{}\"\naction = \"reject\"\nwith = \"{with}\"\n",
        if node == "target" { "input" } else { "forward" },
    )
}

/// The database port dropped by a rule at `node`.
fn dropping(node: &str, hook: &str) -> String {
    format!("[[rule]]\nat = \"{node}\"\nhook = \"{hook}\"\naction = \"drop\"\n")
}

#[test]
fn a_listener_answers_and_tries_again_until_reset() {
    for family in BOTH {
        let mut rig = Rig::new(family, dropping("prober", "input").as_str());
        let answer = rig.ask(&rig.syn(3306)).expect("an answer");
        assert_eq!(answer.datagram.source, rig.network.target);
        assert_eq!(answer.datagram.ttl, 61);
        assert_eq!(answer.datagram.traffic_class, 0);
        let segment = answer.segment();
        assert!(segment.syn && segment.ack);
        assert_eq!(segment.acknowledgment, 1001);
        // The prober's own kernel resets what it never asked for.
        assert!(rig.wait(60).is_empty());
        // A listener whose answers the kernel does not see goes on at 1, 3, 7, 15 and 31 s.
        let deaf = "[[rule]]\nat = \"prober\"\nhook = \"input\"\ndirection = \"return\"\n\
                    ports = \"any\"\naction = \"drop\"\n";
        let mut rig = Rig::new(family, deaf);
        let answers = rig.ask_for(&rig.syn(3306), 100);
        let times: Vec<u64> = answers
            .iter()
            .map(|answer| (answer.at.nanos() as f64 / 1e9).round() as u64)
            .collect();
        assert_eq!(times, [0, 1, 3, 7, 15, 31]);
        assert!(answers.iter().all(|answer| answer.ear == Ear::Tap));
    }
}

#[test]
fn a_closed_port_resets_with_the_dscp_it_was_asked_with() {
    for family in BOTH {
        let mut rig = Rig::new(family, "");
        let mut syn = rig.syn(9);
        syn.traffic_class = 0x49;
        let answer = rig.ask(&syn).expect("a reset");
        assert_eq!(answer.datagram.traffic_class, 0x48);
        assert_eq!(answer.datagram.id, 0);
        assert_eq!(answer.datagram.flow_label != 0, family == V6);
        let segment = answer.segment();
        assert!(segment.rst && segment.ack && segment.window == 0);
        assert_eq!(segment.acknowledgment, 1001);
    }
}

#[test]
fn a_closed_port_acknowledges_data_and_a_listener_does_not() {
    let mut rig = Rig::new(V4, "");
    let padded = |port| {
        let mut syn = rig.syn(port);
        syn.payload.extend([0; 100]);
        syn.fill_checksum();
        syn
    };
    let (closed, open) = (padded(9), padded(3306));
    assert_eq!(
        rig.ask(&closed).expect("a reset").segment().acknowledgment,
        1101
    );
    assert_eq!(
        rig.ask(&open).expect("an answer").segment().acknowledgment,
        1001
    );
}

#[test]
fn ack_and_fin_tell_a_listener_from_a_closed_port() {
    for family in BOTH {
        let mut rig = Rig::new(family, "");
        for port in [3306, 9] {
            let ack = rig.tcp(port, |header| {
                header.ack = true;
                header.acknowledgment_number = 77;
            });
            let reset = rig.ask(&ack).expect("a reset").segment();
            assert!(reset.rst && !reset.ack);
            assert_eq!(reset.sequence, 77);
        }
        assert!(
            rig.ask(&rig.tcp(3306, |header| header.fin = true))
                .is_none()
        );
        let reset = rig.ask(&rig.tcp(9, |header| header.fin = true));
        assert_eq!(reset.expect("a reset").segment().acknowledgment, 1001);
    }
}

#[test]
fn an_overloaded_listener_ignores_syns_but_resets_acks() {
    let mut rig = Rig::new(V4, "[host]\noverloaded = true\n");
    assert!(rig.ask(&rig.syn(3306)).is_none());
    assert!(
        rig.ask(&rig.tcp(3306, |header| header.ack = true))
            .is_some()
    );
    assert!(
        rig.ask(&rig.tcp(3306, |header| header.fin = true))
            .is_none()
    );
}

#[test]
fn a_bad_checksum_is_never_answered() {
    for body in [
        String::new(),
        rejecting("target", "tcp-reset"),
        rejecting("r2", "tcp-reset"),
    ] {
        let mut rig = Rig::new(V4, &body);
        for port in [9, 3306] {
            let mut syn = rig.syn(port);
            syn.payload[16] ^= 0xff;
            assert!(rig.ask(&syn).is_none());
        }
    }
}

#[test]
fn a_reject_on_a_router_writes_the_targets_address() {
    for family in BOTH {
        let mut rig = Rig::new(family, &rejecting("r2", "tcp-reset"));
        let mut syn = rig.syn(3306);
        syn.traffic_class = 0x48;
        let answer = rig.ask(&syn).expect("a reset");
        assert_eq!(answer.datagram.source, rig.network.target);
        assert_eq!(answer.datagram.ttl, 63);
        assert_eq!(answer.datagram.traffic_class, 0);
        assert_eq!(answer.datagram.flow_label, 0);
        assert_eq!(answer.segment().acknowledgment, 1001);
    }
}

#[test]
fn an_icmp_refusal_comes_from_the_router_that_faces_us() {
    for (family, code) in [(V4, (3, 13)), (V6, (1, 1))] {
        let mut rig = Rig::new(family, &rejecting("r2", "icmp-admin-prohibited"));
        let answer = rig.ask(&rig.syn(3306)).expect("a refusal");
        assert_eq!(answer.datagram.icmp(), Some(code));
        assert_eq!(answer.datagram.source, rig.near("r2"));
        let class = if family == V4 { 0xc0 } else { 0 };
        assert_eq!(answer.datagram.traffic_class, class);
        // FORWARD stands after the TTL has gone down, on this router as on the one before.
        let quoted = Datagram::parse(answer.quoted()).expect("a whole SYN fits");
        assert_eq!(quoted.ttl, 62);
    }
}

#[test]
fn the_ttl_is_checked_before_forward_and_after_prerouting() {
    for family in BOTH {
        for body in [rejecting("r2", "tcp-reset"), dropping("r2", "forward")] {
            let mut rig = Rig::new(family, &body);
            let mut syn = rig.syn(3306);
            syn.ttl = 2;
            let answer = rig.ask(&syn).expect("time exceeded");
            let expected = if family == V4 { (11, 0) } else { (3, 0) };
            assert_eq!(answer.datagram.icmp(), Some(expected));
            assert_eq!(answer.datagram.source, rig.near("r2"));
            assert_eq!(Datagram::parse(answer.quoted()).expect("quoted").ttl, 1);
        }
        let mut rig = Rig::new(family, &dropping("r2", "prerouting"));
        let mut syn = rig.syn(3306);
        syn.ttl = 2;
        assert!(rig.ask(&syn).is_none());
    }
}

#[test]
fn a_route_that_leads_nowhere_answers_before_the_ttl_is_checked() {
    for (family, kind, code) in [
        (V4, "none", (3, 0)),
        (V4, "unreachable", (3, 1)),
        (V4, "prohibit", (3, 13)),
        (V6, "none", (1, 0)),
        (V6, "unreachable", (1, 0)),
        (V6, "prohibit", (1, 1)),
    ] {
        let mut rig = Rig::new(
            family,
            &format!("[network]\nroute = {{ r2 = \"{kind}\" }}\n"),
        );
        for ttl in [2, 64] {
            let mut syn = rig.syn(3306);
            syn.ttl = ttl;
            let answer = rig.ask(&syn).expect("an error");
            assert_eq!(answer.datagram.icmp(), Some(code));
        }
    }
    let mut rig = Rig::new(V4, "[network]\nroute = { r2 = \"blackhole\" }\n");
    assert!(rig.ask(&rig.syn(3306)).is_none());
}

#[test]
fn an_incomplete_datagram_is_reported_even_by_a_host_that_drops_the_port() {
    let body = dropping("target", "input");
    let mut rig = Rig::new(V4, &body);
    let answers = rig.ask_for(&rig.fragment(3306), 40);
    assert!(answers[0].at.since(Default::default()) >= Duration::from_secs(30));
    assert_eq!(answers[0].datagram.icmp(), Some((11, 1)));
    assert_eq!(answers[0].datagram.source, rig.network.target);
    // IPv6 filters first, unless connections are tracked.
    let mut rig = Rig::new(V6, &body);
    assert!(rig.ask_for(&rig.fragment(3306), 70).is_empty());
    let closed = rig.ask_for(&rig.fragment(9), 70);
    assert_eq!(closed[0].datagram.icmp(), Some((3, 1)));
    let mut rig = Rig::new(V6, &format!("[network]\nconntrack = [\"target\"]\n{body}"));
    let answers = rig.ask_for(&rig.fragment(3306), 70);
    assert_eq!(answers[0].datagram.icmp(), Some((3, 1)));
}

#[test]
fn a_stateful_node_on_the_way_keeps_fragments() {
    let stateful = "[network]\nbridge = true\n[[rule]]\nat = \"bridge\"\ntool = \"br-netfilter\"\n\
                    hook = \"forward\"\nstate = [\"new\"]\naction = \"accept\"\n";
    let router = "[network]\nconntrack = [\"r2\"]\n";
    for body in [stateful, router] {
        let mut rig = Rig::new(V4, body);
        assert!(rig.ask_for(&rig.fragment(9), 100).is_empty());
        assert!(rig.ask(&rig.syn(9)).is_some());
    }
    let mut rig = Rig::new(V4, "[network]\nbridge = true\n");
    assert_eq!(rig.ask_for(&rig.fragment(9), 100).len(), 2);
}

#[test]
fn an_answer_to_echo_keeps_the_tos() {
    for family in BOTH {
        let mut rig = Rig::new(family, "");
        let mut echo = rig.echo();
        echo.traffic_class = 0x48;
        let answer = rig.ask(&echo).expect("an answer");
        assert_eq!(answer.datagram.traffic_class, 0x48);
        assert_eq!(answer.datagram.ttl, 61);
        assert_eq!(answer.datagram.payload[4..], echo.payload[4..]);
    }
}

#[test]
fn a_bridge_refuses_in_the_targets_name() {
    for family in BOTH {
        for with in ["tcp-reset", "icmp-admin-prohibited"] {
            let rule = rejecting("bridge", with).replace("forward", "prerouting");
            let body = format!("[network]\nbridge = true\n{rule}tool = \"nft\"\n");
            let mut rig = Rig::new(family, &body);
            let answer = rig.ask(&rig.syn(3306)).expect("a refusal");
            assert_eq!(answer.datagram.source, rig.network.target);
            assert_eq!(answer.datagram.ttl, 61);
            assert_eq!(answer.datagram.traffic_class, 0);
        }
    }
}

#[test]
fn a_target_that_is_down_is_reported_after_three_seconds() {
    for (family, code) in [(V4, (3, 1)), (V6, (1, 3))] {
        let mut rig = Rig::new(family, "[network]\ndown = [\"target\"]\n");
        for _ in 0..2 {
            let before = rig.network.now();
            let answers = rig.ask_for(&rig.syn(3306), 5);
            assert_eq!(answers[0].datagram.icmp(), Some(code));
            assert_eq!(answers[0].datagram.source, rig.near("r3"));
            assert!(answers[0].at.since(before) >= Duration::from_secs(3));
        }
    }
}

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
        let ears: Vec<Ear> = rig
            .ask_for(&rig.syn(9), 1)
            .iter()
            .map(|heard| heard.ear)
            .collect();
        assert_eq!(ears, [Ear::Tap]);
    }
    let mut rig = Rig::new(V4, "");
    let mut ears: Vec<Ear> = rig
        .ask_for(&rig.syn(9), 1)
        .iter()
        .map(|heard| heard.ear)
        .collect();
    ears.sort();
    assert_eq!(ears, [Ear::Tap, Ear::Stack]);
}

#[test]
fn a_translated_source_is_translated_back_inside_quotes() {
    for family in BOTH {
        let mut rig = Rig::new(family, "[network]\nsnat = [\"r1\"]\n");
        for ttl in [1, 2, 3] {
            let mut syn = rig.syn(3306);
            syn.ttl = ttl;
            let answer = rig.ask(&syn).expect("time exceeded");
            assert_eq!(answer.datagram.source, rig.near(&format!("r{ttl}")));
            let quoted = Tuple::of_quote(answer.quoted()).expect("quoted");
            assert_eq!(Some(quoted), Tuple::of(&syn));
            assert!(answer.datagram.checksum_holds());
        }
        assert!(rig.ask(&rig.syn(3306)).expect("an answer").segment().syn);
        assert!(rig.ask(&rig.echo()).is_some());
    }
}

#[test]
fn behind_a_translated_destination_every_hop_bears_the_probed_address() {
    for family in BOTH {
        let mut rig = Rig::new(
            family,
            "[network]\ndnat = \"r2\"\n[host]\nlisten = [3306]\n",
        );
        let answer = rig.ask(&rig.syn(3306)).expect("an answer");
        assert_eq!(answer.datagram.source, rig.network.probed);
        assert_eq!(answer.datagram.ttl, 61);
        // The database port's flow goes on; the rest ends at the router.
        for ttl in [2, 3] {
            let mut syn = rig.syn(3306);
            syn.ttl = ttl;
            let answer = rig.ask(&syn).expect("time exceeded");
            assert_eq!(answer.datagram.source, rig.network.probed);
            let quoted = Tuple::of_quote(answer.quoted()).expect("quoted");
            assert_eq!(Some(quoted), Tuple::of(&syn));
        }
        let reset = rig.ask(&rig.syn(9)).expect("a reset");
        assert_eq!(reset.datagram.source, rig.network.probed);
        assert_eq!(reset.datagram.ttl, 63);
    }
}

#[test]
fn a_syn_proxy_answers_from_where_it_stands() {
    for family in BOTH {
        let mut rig = Rig::new(family, "[[network.syn_proxy]]\nat = \"r2\"\n");
        let answer = rig.ask(&rig.syn(3306)).expect("an answer");
        assert_eq!(answer.datagram.source, rig.network.target);
        assert_eq!(answer.datagram.ttl, 63);
        let segment = answer.segment();
        assert!(segment.syn && segment.ack && segment.window == 0);
        assert_eq!(rig.ask(&rig.syn(9)).expect("a reset").datagram.ttl, 61);
        let mut syn = rig.syn(3306);
        syn.ttl = 2;
        assert!(
            rig.ask(&syn)
                .expect("time exceeded")
                .datagram
                .is_icmp_error()
        );
    }
}

#[test]
fn a_narrow_link_is_announced_unless_forbidden() {
    for (family, code) in [(V4, (3, 4)), (V6, (2, 0))] {
        let narrow = "[network]\nmtu = { \"r2-r3\" = 1400 }\n";
        let mut rig = Rig::new(family, narrow);
        let mut syn = rig.syn(9);
        syn.payload.extend(vec![0; 1500 - syn.length()]);
        syn.fill_checksum();
        let answer = rig.ask(&syn).expect("too big");
        assert_eq!(answer.datagram.icmp(), Some(code));
        assert_eq!(answer.datagram.source, rig.near("r2"));
        assert_eq!(answer.datagram.payload[4..8], [0, 0, 0x05, 0x78]);
        let most = if family == V4 { 576 } else { 1280 };
        assert_eq!(answer.datagram.length(), most);
        let mut rig = Rig::new(family, &format!("{narrow}no_too_big = [\"r2\"]\n"));
        assert!(rig.ask(&syn).is_none());
    }
}

#[test]
fn a_rate_limited_router_reports_a_burst_of_six() {
    let mut rig = Rig::new(V4, "[network]\nicmp_rate_limited = [\"r1\"]\n");
    let mut syn = rig.syn(3306);
    syn.ttl = 1;
    for _ in 0..10 {
        rig.try_send(&syn).expect("the kernel takes it");
    }
    let answers = rig.wait(1);
    assert_eq!(
        answers
            .iter()
            .filter(|answer| answer.ear == Ear::Tap)
            .count(),
        6
    );
}

#[test]
fn loopback_is_heard_leaving_and_arriving() {
    for family in BOTH {
        let mut rig = Rig::new(family, "[network]\nloopback = true\n");
        let heard = rig.ask_for(&rig.syn(3306), 1);
        assert!(rig.departed());
        // The SYN, the answer and the kernel's reset, each by both ears.
        assert_eq!(heard.len(), 6);
        assert_eq!(rig.network.nodes[0].tcp.completed, 0);
    }
}

#[test]
fn a_flow_takes_one_leg_and_many_flows_take_both() {
    let mut rig = Rig::new(V4, "[network]\necmp = 2\n");
    let mut seen = std::collections::BTreeSet::new();
    for port in 0..32 {
        let ask = |rig: &mut Rig| {
            let mut syn = rig.tcp(3306, |header| {
                header.syn = true;
                header.source_port = 40_000 + port;
            });
            syn.ttl = 2;
            rig.ask(&syn).expect("time exceeded").datagram.source
        };
        let first = ask(&mut rig);
        assert_eq!(first, ask(&mut rig));
        seen.insert(first);
    }
    assert_eq!(seen.len(), 2);
}

#[test]
fn a_ban_outlasts_our_knocking() {
    let mut rig = Rig::new(V4, &(dropping("target", "input") + "after_hits = 3\n"));
    let answered: Vec<bool> = (0..6)
        .map(|_| {
            let answer = rig.ask(&rig.syn(3306));
            answer.is_some()
        })
        .collect();
    assert_eq!(answered, [true, true, true, false, false, false]);
}

#[test]
fn a_new_packet_is_one_without_a_reply() {
    let stateful = dropping("target", "input") + "state = [\"new\"]\n";
    let mut rig = Rig::new(V4, &stateful);
    assert!(rig.ask(&rig.syn(3306)).is_none());
    assert!(
        rig.ask(&rig.tcp(3306, |header| header.ack = true))
            .is_none()
    );
    // A FIN out of nowhere starts no connection: it is invalid, not new.
    assert!(
        rig.ask(&rig.tcp(3306, |header| header.fin = true))
            .is_none()
    );
    assert_eq!(rig.network.moved, [2]);
}
