//! What stands between: routers, bridges, translations, proxies, links.

use std::time::Duration;

use synquest::model::endpoint::Family::{V4, V6};
use synquest::model::evidence::ReceivedBy;

use super::{BOTH, dropping, rejecting};
use crate::sim::conntrack::Tuple;
use crate::sim::datagram::Datagram;
use crate::sim::rig::Rig;

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
fn a_router_reports_a_burst_of_six_unless_its_limit_is_lifted() {
    for (network, reports) in [("", 6), ("[network]\nicmp_unlimited = [\"r1\"]\n", 10)] {
        let mut rig = Rig::new(V4, network);
        let mut syn = rig.syn(3306);
        syn.ttl = 1;
        for _ in 0..10 {
            rig.try_send(&syn).expect("the kernel takes it");
        }
        let answers = rig.wait(1);
        let heard = answers.iter().filter(|answer| answer.by == ReceivedBy::Tap);
        assert_eq!(heard.count(), reports);
    }
}

#[test]
fn a_flow_takes_one_leg_and_many_flows_take_both() {
    let mut rig = Rig::new(
        V4,
        "[network]\necmp = 2\nicmp_unlimited = [\"r2\", \"r2b\"]\n",
    );
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
fn errors_about_routes_are_limited_whatever_the_sysctl() {
    let nowhere = "[network]\nroute = { r1 = \"unreachable\" }\n";
    let lifted = format!("{nowhere}icmp_unlimited = [\"r1\"]\n");
    let cases = [
        (V4, nowhere, 2),
        (V4, &lifted, 5),
        (V6, nowhere, 6),
        (V6, &lifted, 9),
    ];
    for (family, network, most) in cases {
        let mut rig = Rig::new(family, network);
        for _ in 0..9 {
            rig.try_send(&rig.syn(3306)).expect("the kernel takes it");
        }
        let answers = rig.wait(1);
        let heard = answers.iter().filter(|answer| answer.by == ReceivedBy::Tap);
        assert_eq!(heard.count(), most);
    }
}

#[test]
fn a_silent_router_resets_but_reports_nothing() {
    let silent = "[network]\nsilent = [\"r2\"]\n";
    let mut rig = Rig::new(V4, &format!("{silent}{}", rejecting("r2", "tcp-reset")));
    let mut syn = rig.syn(3306);
    assert!(rig.ask(&syn).expect("a reset").segment().rst);
    syn.ttl = 2;
    assert!(rig.ask(&syn).is_none());
    let mut rig = Rig::new(
        V4,
        &format!("{silent}{}", rejecting("r2", "icmp-port-unreachable")),
    );
    assert!(rig.ask(&rig.syn(3306)).is_none());
}

#[test]
fn a_router_that_bleaches_shows_in_the_quotes_of_those_behind_it() {
    let mut rig = Rig::new(V4, "[network]\nbleach = [\"r2\"]\n");
    for (ttl, expected) in [(1, 0x48), (2, 0x48), (3, 0)] {
        let mut syn = rig.syn(9);
        syn.traffic_class = 0x48;
        syn.ttl = ttl;
        let answer = rig.ask(&syn).expect("time exceeded");
        let quoted = Datagram::parse(answer.quoted()).expect("quoted");
        assert_eq!(quoted.traffic_class, expected);
    }
    let mut syn = rig.syn(9);
    syn.traffic_class = 0x48;
    assert_eq!(rig.ask(&syn).expect("a reset").datagram.traffic_class, 0);
}

#[test]
fn a_stateful_bridge_refuses_by_icmp_in_its_own_name() {
    let rule = rejecting("bridge", "icmp-admin-prohibited");
    let body = format!("[network]\nbridge = true\n{rule}tool = \"br-netfilter\"\n");
    for family in BOTH {
        let mut rig = Rig::new(family, &body);
        let answer = rig.ask(&rig.syn(3306)).expect("a refusal");
        assert_ne!(answer.datagram.source, rig.network.target);
        assert_eq!(answer.datagram.ttl, 61);
        let class = if family == V4 { 0xc0 } else { 0 };
        assert_eq!(answer.datagram.traffic_class, class);
    }
}

#[test]
fn a_translating_router_reports_fragments_for_the_address_that_is_its_own() {
    let mut rig = Rig::new(V4, "[network]\ndnat = \"r2\"\n");
    let answers = rig.ask_for(&rig.fragment(3306), 40);
    assert_eq!(answers[0].datagram.icmp(), Some((11, 1)));
    assert_eq!(answers[0].datagram.ttl, 63);
    // IPv6 routers report what they hold, whoever it is for.
    let mut rig = Rig::new(V6, "[network]\nsnat = [\"r1\"]\n");
    let answers = rig.ask_for(&rig.fragment(9), 70);
    assert_eq!(answers[0].datagram.icmp(), Some((3, 1)));
    assert_eq!(answers[0].datagram.source, rig.near("r1"));
}

#[test]
fn losses_come_at_their_rate_and_in_their_bursts() {
    for (burst, least_run) in [("", 0.0), ("burst_ms = 500\n", 20.0)] {
        let loss = format!("[[loss]]\nat = \"r2\"\ndirection = \"forward\"\nrate = 0.2\n{burst}");
        let mut rig = Rig::new(V4, &loss);
        let echo = rig.echo();
        let (mut lost, mut runs, mut before) = (0, 0, false);
        for _ in 0..20_000 {
            rig.try_send(&echo).expect("the kernel takes it");
            let now = rig.wait_millis(10).is_empty();
            lost += u32::from(now);
            runs += u32::from(now && !before);
            before = now;
        }
        let rate = f64::from(lost) / 20_000.0;
        assert!((0.15..0.25).contains(&rate), "{rate}");
        assert!(f64::from(lost) / f64::from(runs) > least_run);
    }
}

#[test]
fn the_same_seed_gives_the_same_network() {
    let hear = || {
        let mut rig = Rig::new(V4, "[[loss]]\nat = \"r1\"\nrate = 0.3\n");
        for _ in 0..20 {
            rig.try_send(&rig.syn(9)).expect("the kernel takes it");
        }
        let heard = rig.wait(1);
        heard
            .iter()
            .map(|arrival| (arrival.at, arrival.by))
            .collect::<Vec<_>>()
    };
    assert_eq!(hear(), hear());
    assert!(hear().len() < 40);
}

#[test]
fn a_copy_goes_on_besides_what_the_rule_does() {
    let rule = dropping("r2", "prerouting").replace("drop", "reject");
    let forging = format!("{rule}tool = \"nft\"\nwith = \"tcp-reset\"\ncopy = true\n");
    for family in BOTH {
        let mut rig = Rig::new(family, &forging);
        let mut answers = rig.ask_for(&rig.syn(3306), 1);
        answers.retain(|answer| answer.by == ReceivedBy::Tap);
        let [forged, own] = answers.as_slice() else {
            panic!("two answers: {answers:#?}");
        };
        assert!(forged.segment().rst && forged.datagram.ttl == 63);
        assert!(own.segment().syn && own.datagram.ttl == 61);
    }
}

#[test]
fn a_node_writes_its_own_ttl_on_all_it_sends() {
    let ttl = "[network]\nttl = { r2 = 255, target = 128 }\n";
    for family in BOTH {
        let mut rig = Rig::new(family, ttl);
        assert_eq!(rig.ask(&rig.syn(9)).expect("a reset").datagram.ttl, 125);
        assert_eq!(
            rig.ask(&rig.syn(3306)).expect("an answer").datagram.ttl,
            125
        );
        assert_eq!(rig.ask(&rig.echo()).expect("a reply").datagram.ttl, 125);
        let mut syn = rig.syn(9);
        syn.ttl = 2;
        assert_eq!(rig.ask(&syn).expect("time exceeded").datagram.ttl, 254);
        let mut rig = Rig::new(family, &format!("{ttl}{}", rejecting("r2", "tcp-reset")));
        assert_eq!(rig.ask(&rig.syn(3306)).expect("a reset").datagram.ttl, 254);
    }
}
