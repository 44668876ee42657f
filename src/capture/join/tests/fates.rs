//! What became of packets, and how firmly it is said.

use super::build::{BEGIN, CLIENT, DELAY, Does, Pair, SECOND, SERVER, Wire, finding, stated};
use crate::capture::join::{Category, Doubt, End, Sign, text};
use crate::model::verdict::Confidence::{Confirmed, Likely, Possible, Proven};
use crate::wire::icmp::Kind;
use crate::wire::tcp::Flags;

#[test]
fn every_fate_is_told_from_the_others() {
    let check = |does: Does, expected: &[(Sign, usize)]| {
        let (points, joined) = Pair::usual(does).join();
        let stated = stated(&joined);
        let page = text::render(&points, &joined);
        let expected: Vec<_> = expected
            .iter()
            .map(|(sign, count)| (*sign, *count, Proven))
            .collect();
        assert_eq!(stated, expected, "{does:?}\n{page}");
        for line in page.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    };
    check(Does::Vanish, &[(Sign::NeverArrived, 4)]);
    check(Does::Arrive, &[(Sign::Arrived, 4), (Sign::NotAnswered, 4)]);
    check(
        Does::AnswerLost,
        &[
            (Sign::Arrived, 4),
            (Sign::AnsweredThere, 4),
            (Sign::LostBack, 4),
            (Sign::NeverArrived, 4),
        ],
    );
    check(
        Does::Answer,
        &[
            (Sign::Arrived, 4),
            (Sign::AnsweredThere, 4),
            (Sign::Heard, 4),
        ],
    );
    check(
        Does::AnswerBefore,
        &[(Sign::Heard, 4), (Sign::AnsweredBefore, 4)],
    );
}

#[test]
fn a_loss_that_is_not_bracketed_proves_nothing() {
    let mut pair = Pair::new();
    pair.controls();
    for round in 0..4 {
        pair.ask(60 + round * 10, 3306, 40_000, Does::Vanish);
    }
    let (_, joined) = pair.join();
    assert_eq!(stated(&joined), [(Sign::NeverArrived, 4, Possible)]);
    let ground = &finding(&joined, Sign::NeverArrived).ground;
    assert_eq!(ground.doubts.first(), Some(&Doubt::NotBracketed));
}

#[test]
fn a_single_packet_may_be_lost_by_chance() {
    let mut pair = Pair::new();
    pair.controls();
    pair.ask(25, 3306, 40_000, Does::Vanish);
    let (_, joined) = pair.join();
    assert_eq!(stated(&joined), [(Sign::NeverArrived, 1, Likely)]);
    pair.ask(35, 3306, 40_001, Does::Vanish);
    let (_, joined) = pair.join();
    assert_eq!(stated(&joined), [(Sign::NeverArrived, 2, Confirmed)]);
}

#[test]
fn packets_that_expire_on_the_way_are_not_called_lost() {
    let mut pair = Pair::usual(Does::Answer);
    let mut syn = Wire::syn(
        &format!("{CLIENT}:40100"),
        &format!("{SERVER}:3306"),
        77_777,
    );
    syn.ttl = 1;
    pair.ours.put(BEGIN + SECOND, syn);
    pair.ours
        .error(BEGIN + SECOND + 1000, "10.9.0.1", Kind::TimeExceeded, syn);
    let (_, joined) = pair.join();
    let expired = joined.fates.iter().filter(|fate| fate.end == End::Expired);
    assert_eq!(expired.count(), 1);
    assert!(
        stated(&joined)
            .iter()
            .all(|(sign, ..)| *sign != Sign::NeverArrived)
    );
}

#[test]
fn an_error_of_the_server_is_an_answer_there() {
    let mut pair = Pair::usual(Does::Arrive);
    let syn = Wire::syn(
        &format!("{CLIENT}:40100"),
        &format!("{SERVER}:3306"),
        77_777,
    );
    let at = BEGIN + SECOND;
    pair.ours.put(at, syn);
    pair.theirs.put(at + DELAY, syn.hops(1));
    pair.theirs
        .error(at + DELAY + 1, SERVER, Kind::Unreachable(3), syn.hops(1));
    pair.ours
        .error(at + 2 * DELAY, SERVER, Kind::Unreachable(3), syn.hops(1));
    let (_, joined) = pair.join();
    let told = stated(&joined);
    assert!(told.contains(&(Sign::AnsweredThere, 1, Proven)), "{told:?}");
    assert!(told.contains(&(Sign::Heard, 1, Proven)), "{told:?}");
    assert!(told.contains(&(Sign::NotAnswered, 4, Proven)), "{told:?}");
}

#[test]
fn a_syn_sent_again_is_answered_once() {
    let mut pair = Pair::usual(Does::Answer);
    let mut syn = Wire::syn(
        &format!("{CLIENT}:40100"),
        &format!("{SERVER}:3306"),
        77_777,
    );
    for (round, id) in [(0, 1), (1, 2), (3, 3)] {
        syn.id = id;
        syn.stamp = Some((u32::from(id) * 1000, 0));
        let at = BEGIN + SECOND * (1 + round);
        pair.ours.put(at, syn);
        // The first is lost; of the other two only the second is answered.
        if id > 1 {
            pair.theirs.put(at + DELAY, syn.hops(1));
        }
        if id == 2 {
            pair.theirs.put(at + DELAY + 1, syn.answer(Flags::SYN));
        }
    }
    let (_, joined) = pair.join();
    let told = stated(&joined);
    assert!(told.contains(&(Sign::LostBack, 2, Confirmed)), "{told:?}");
    assert!(
        told.iter().all(|(sign, ..)| *sign != Sign::NotAnswered),
        "{told:?}"
    );
    let lost = told
        .iter()
        .find(|(sign, ..)| *sign == Sign::NeverArrived)
        .unwrap();
    assert!(lost.2 <= Likely, "{told:?}");
}

/// A session whose server sends small and large segments.
fn session(pair: &mut Pair, are_large_lost: bool, is_recut: bool) {
    let syn = Wire::syn(
        &format!("{CLIENT}:40100"),
        &format!("{SERVER}:3306"),
        77_777,
    );
    let answer = syn.answer(Flags::SYN);
    let at = BEGIN + SECOND;
    pair.ours.put(at, syn);
    pair.theirs.put(at + DELAY, syn.hops(1));
    pair.theirs.put(at + DELAY + 1, answer);
    pair.ours.put(at + 2 * DELAY, answer.hops(1));
    let mut next = answer.sequence.wrapping_add(1);
    for number in 0..12_u64 {
        let payload = if number % 2 == 0 { 100 } else { 2_800 };
        let segment = Wire {
            sequence: next,
            id: u16::try_from(number).unwrap() + 100,
            flags: Flags::ACK,
            payload,
            ..answer
        };
        next = next.wrapping_add(u32::from(payload));
        let at = at + SECOND / 4 * (number + 1);
        pair.theirs.put(at, segment);
        let is_large = payload > 1_000;
        if is_large && is_recut {
            for half in 0..2 {
                let part = Wire {
                    sequence: segment.sequence.wrapping_add(u32::from(half) * 1_400),
                    payload: 1_400,
                    id: segment.id + half,
                    ..segment
                };
                pair.ours.put(at + DELAY + u64::from(half), part.hops(1));
            }
        } else if !(is_large && are_large_lost) {
            pair.ours.put(at + DELAY, segment.hops(1));
        }
    }
}

#[test]
fn large_segments_that_left_there_and_never_came_are_a_finding_of_their_own() {
    let mut pair = Pair::usual(Does::Answer);
    session(&mut pair, true, false);
    let (_, joined) = pair.join();
    let lost = joined
        .findings
        .iter()
        .find(|finding| finding.sign == Sign::NeverArrived)
        .unwrap();
    assert_eq!((lost.category, lost.journeys.len()), (Category::Data, 6));
    assert_eq!(lost.ground.confidence, Proven, "{:?}", lost.ground);
}

#[test]
fn segments_that_cards_cut_and_join_are_not_lost() {
    let mut pair = Pair::usual(Does::Answer);
    session(&mut pair, false, true);
    let (_, joined) = pair.join();
    let recut = joined.fates.iter().filter(|fate| fate.end == End::Recut);
    assert_eq!(recut.count(), 6);
    assert!(
        joined
            .findings
            .iter()
            .all(|finding| finding.sign != Sign::NeverArrived)
    );
}

#[test]
fn flows_that_take_another_way_are_not_proven_lost() {
    let mut pair = Pair::new();
    pair.controls();
    for round in 0..8 {
        // Every other flow of the port passes the other point.
        let does = if round % 2 == 0 {
            Does::Vanish
        } else {
            Does::Answer
        };
        pair.ask(
            5 + round * 5,
            3306,
            40_000 + u16::try_from(round).unwrap(),
            does,
        );
    }
    let (_, joined) = pair.join();
    let lost = finding(&joined, Sign::NeverArrived);
    assert_eq!(lost.journeys.len(), 4);
    assert_eq!(lost.ground.confidence, Likely, "{:?}", lost.ground.doubts);
}
