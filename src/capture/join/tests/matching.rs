//! Which sightings are of one packet.

use super::build::{BEGIN, CLIENT, DELAY, Does, Pair, SECOND, SERVER, Wire, finding, stated};
use crate::capture::join::filter::{Candidate, admits};
use crate::capture::join::{Doubt, Half, Protocol, Sign};
use crate::model::verdict::Confidence::{Likely, Proven};
use crate::wire::tcp::Flags;

/// A pair whose other end lies behind a translation of both ends.
fn translated(stamp: Option<(u32, u32)>, keeps_id: bool, does: Does) -> Pair {
    let mut pair = Pair::new();
    for number in 0..12_u16 {
        let port = if number % 3 == 1 {
            3306
        } else {
            20_000 + number
        };
        let client = format!("{CLIENT}:{}", 40_000 + number);
        let mut syn = Wire::syn(
            &client,
            &format!("{SERVER}:{port}"),
            0x3000_0000 + u32::from(number) * 77_777,
        );
        syn.stamp = stamp.map(|(value, echo)| (value + u32::from(number), echo));
        let at = BEGIN + u64::from(number) * SECOND / 2;
        pair.ours.put(at, syn);
        let is_port = port == 3306;
        let mut there = syn.hops(1).translated(
            &format!("198.51.100.7:{}", 61_000 + number),
            &format!("172.16.0.5:{port}"),
        );
        if !keeps_id {
            there.id = 7_000 + number;
        }
        if is_port && does == Does::Vanish {
            continue;
        }
        pair.theirs.put(at + DELAY, there);
        if is_port && does == Does::Arrive {
            continue;
        }
        pair.theirs
            .put(at + DELAY + 1_000, there.answer(Flags::RST));
        let answer = there.answer(Flags::RST).hops(1);
        pair.ours.put(
            at + 2 * DELAY,
            answer.translated(&format!("{SERVER}:{port}"), &client),
        );
    }
    pair
}

#[test]
fn packets_are_known_behind_translations_of_both_ends() {
    for (stamp, keeps_id) in [
        (Some((1000, 0)), true),
        (Some((1000, 0)), false),
        (None, true),
    ] {
        let (_, joined) = translated(stamp, keeps_id, Does::Arrive).join();
        let told = stated(&joined);
        assert_eq!(
            told,
            [(Sign::Arrived, 4, Proven), (Sign::NotAnswered, 4, Proven)]
        );
        let translation = joined
            .translations
            .iter()
            .find(|translation| translation.here.destination.port() == 3306)
            .unwrap();
        assert_eq!(translation.here.source.to_string(), "10.9.0.2:40001");
        assert_eq!(translation.there.source.to_string(), "198.51.100.7:61001");
        assert_eq!(translation.there.destination.to_string(), "172.16.0.5:3306");
        let (_, joined) = translated(stamp, keeps_id, Does::Vanish).join();
        assert_eq!(stated(&joined), [(Sign::NeverArrived, 4, Proven)]);
    }
}

#[test]
fn numbers_that_were_rewritten_are_seen_through_and_never_proven() {
    for stamp in [Some((1000, 0)), None] {
        let mut pair = Pair::new();
        pair.controls();
        for number in 0..4_u16 {
            let client = format!("{CLIENT}:{}", 41_000 + number);
            let mut syn = Wire::syn(
                &client,
                &format!("{SERVER}:3306"),
                6_000_000 + u32::from(number),
            );
            syn.stamp = stamp.map(|(value, echo)| (value + u32::from(number), echo));
            let at = BEGIN + u64::from(number) * SECOND + SECOND / 3;
            pair.ours.put(at, syn);
            let mut there = syn.hops(1);
            there.sequence = 0x7000_0000 + u32::from(number) * 13;
            pair.theirs.put(at + DELAY, there);
        }
        let (_, joined) = pair.join();
        let arrived = finding(&joined, Sign::Arrived);
        assert_eq!(
            (arrived.journeys.len(), arrived.ground.confidence),
            (4, Likely)
        );
        let mute = finding(&joined, Sign::NotAnswered);
        assert!(mute.ground.doubts.contains(&Doubt::Rewritten));
    }
}

#[test]
fn syns_sent_three_times_are_told_apart_by_identification_or_time() {
    for keeps_id in [true, false] {
        let mut pair = Pair::usual(Does::Answer);
        let mut syn = Wire::syn(
            &format!("{CLIENT}:40100"),
            &format!("{SERVER}:3306"),
            77_777,
        );
        for (second, id) in [(0, 11), (1, 12), (3, 13)] {
            syn.id = id;
            let at = BEGIN + SECOND * second + SECOND / 3;
            pair.ours.put(at, syn);
            if id == 12 {
                let mut there = syn.hops(1);
                there.id = if keeps_id { id } else { 500 };
                pair.theirs.put(at + DELAY, there);
            }
        }
        let (points, joined) = pair.join();
        let journey = joined.journeys.iter().find(|journey| {
            journey.sights.len() == 2
                && journey.first() == { i64::try_from(BEGIN + SECOND + SECOND / 3).unwrap() }
        });
        assert!(journey.is_some(), "{keeps_id}: {:?}", points.len());
    }
}

#[test]
fn copies_of_bridges_are_one_packet() {
    let mut pair = Pair::usual(Does::Arrive);
    let before = pair.join().1.journeys.len();
    let syn = Wire::syn(
        &format!("{CLIENT}:40100"),
        &format!("{SERVER}:3306"),
        77_777,
    );
    pair.ours.put(BEGIN + SECOND, syn);
    for copy in 0..3 {
        pair.theirs
            .put(BEGIN + SECOND + DELAY + copy * 1_000, syn.hops(1));
    }
    let (_, joined) = pair.join();
    assert_eq!(joined.journeys.len(), before + 1);
    assert!(joined.journeys.iter().any(|journey| journey.copies == 2));
}

#[test]
fn a_scanner_that_always_uses_one_number_is_not_taken_for_one_flow() {
    let mut pair = Pair::usual(Does::Vanish);
    for number in 0..200_u16 {
        let syn = Wire::syn(
            "10.66.0.1:4444",
            &format!("{SERVER}:{}", 1000 + number),
            0x0100_0000,
        );
        pair.theirs
            .put(BEGIN + u64::from(number) * SECOND / 100, syn);
    }
    let (_, joined) = pair.join();
    assert_eq!(stated(&joined), [(Sign::NeverArrived, 4, Proven)]);
}

#[test]
fn echoes_show_what_passes_without_any_other_port() {
    let mut pair = Pair::new();
    for number in 0..8_u32 {
        let at = BEGIN + u64::from(number) * SECOND / 2;
        pair.ours.echo(at, [CLIENT, SERVER], false, number);
        pair.theirs
            .echo(at + DELAY, [CLIENT, SERVER], false, number);
        pair.theirs
            .echo(at + DELAY + 1, [SERVER, CLIENT], true, number);
        pair.ours
            .echo(at + 2 * DELAY, [SERVER, CLIENT], true, number);
    }
    for round in 0..4 {
        pair.ask(
            3 + round * 8,
            3306,
            40_000 + u16::try_from(round).unwrap(),
            Does::Vanish,
        );
    }
    let (_, joined) = pair.join();
    let lost = finding(&joined, Sign::NeverArrived);
    assert_eq!((lost.journeys.len(), lost.ground.bracketed), (4, 4));
}

#[test]
fn filters_are_read_as_far_as_they_are_understood() {
    let half = |protocol| Half {
        protocol,
        source: "10.9.0.2:40000".parse().unwrap(),
        destination: "10.9.1.10:3306".parse().unwrap(),
    };
    let check = |words: &str, tcp: Option<bool>, echo: Option<bool>| {
        let see = |protocol| {
            let candidate = Candidate {
                half: half(protocol),
                is_syn: true,
            };
            admits(words, &candidate)
        };
        assert_eq!(
            (see(Protocol::Tcp), see(Protocol::Echo)),
            (tcp, echo),
            "{words}"
        );
    };
    let (yes, no) = (Some(true), Some(false));
    check("", yes, yes);
    check("tcp", yes, no);
    check("icmp", no, yes);
    check("port 3306", yes, no);
    check("tcp port 3306", yes, no);
    check("tcp dst port 22", no, no);
    check("not port 3306", no, yes);
    check("host 10.9.0.2 and (port 22 or port 3306)", yes, no);
    check("src host 10.9.1.10", no, no);
    check("dst 10.9.1.10", yes, yes);
    check("!(port 3306)", no, yes);
    check("host db1.example", None, None);
    check("port mysql or icmp", None, yes);
    check("port 3306 or vlan", yes, None);
    check("ip6", no, no);
    check("tcp[tcpflags] & tcp-syn == 0", no, None);
    check("tcp[tcpflags] & (tcp-syn) != 0", yes, None);
    check("tcp[13] & 2 != 0", None, None);
    check("(port 3306", None, None);
}
