//! Captures that show nothing because they cannot: none of them proves a loss.

use super::build::{BEGIN, CLIENT, DELAY, Does, Pair, SECOND, SERVER, Tape, Wire, finding, stated};
use crate::capture::join::{Choice, Doubt, Point, Sign, join};
use crate::capture::read::Reader;
use crate::model::verdict::Confidence::{self, Confirmed, Likely, Possible, Proven};

/// The pair with something wrong with the capture from the other end.
fn with(change: impl Fn(&mut Tape)) -> Pair {
    let mut pair = Pair::usual(Does::Vanish);
    change(&mut pair.theirs);
    pair
}

#[test]
fn what_a_capture_can_have_missed_holds_the_claim_back() {
    let check = |change: &dyn Fn(&mut Tape), most: Confidence| {
        let (_, joined) = with(change).join();
        assert_eq!(stated(&joined), [(Sign::NeverArrived, 4, most)]);
    };
    check(&|_| {}, Proven);
    check(&|tape| tape.dropped = Some(3), Likely);
    check(&|tape| tape.beyond = 100, Likely);
    // Without counters a file tells neither drops nor, for it may have been written anew, a filter.
    check(&|tape| tape.dropped = None, Likely);
    check(&|tape| tape.filter = Some("host 10.9.0.2"), Proven);
    check(
        &|tape| tape.filter = Some("host 10.9.0.2 and not port 22"),
        Proven,
    );
    check(&|tape| tape.filter = Some("not port 3306"), Possible);
    check(
        &|tape| tape.filter = Some("tcp[tcpflags] & tcp-syn == 0"),
        Possible,
    );
    check(&|tape| tape.filter = Some("ether proto 0x800"), Likely);
}

#[test]
fn a_capture_of_our_own_that_lost_packets_proves_no_loss_on_the_way_back() {
    let mut pair = Pair::usual(Does::AnswerLost);
    pair.ours.dropped = Some(5);
    let (_, joined) = pair.join();
    assert_eq!(finding(&joined, Sign::LostBack).ground.confidence, Likely);
    assert_eq!(
        finding(&joined, Sign::AnsweredThere).ground.confidence,
        Proven
    );
}

#[test]
fn a_cut_file_proves_nothing_beyond_its_end() {
    let pair = Pair::usual(Does::Vanish);
    let whole = pair.theirs.octets();
    let ours = pair.ours.point("ours");
    for end in (40..whole.len()).step_by(7) {
        let Ok(reader) = Reader::open(whole.get(..end).unwrap()) else {
            continue;
        };
        let points = [ours.clone(), Point::read("cut", reader)];
        let joined = join(&points, &Choice::default());
        for finding in joined
            .findings
            .iter()
            .filter(|finding| finding.sign == Sign::NeverArrived)
        {
            assert!(finding.ground.confidence <= Likely, "{end}: {finding:?}");
        }
    }
}

#[test]
fn a_capture_without_anything_of_ours_is_called_blank() {
    let mut pair = Pair::usual(Does::Vanish);
    let mut other = Tape::new();
    for number in 0..50 {
        let wire = Wire::syn("10.77.0.1:4000", "10.77.0.2:80", 99_000 + number);
        other.put(BEGIN + u64::from(number) * SECOND / 10, wire);
    }
    pair.theirs = other;
    let (_, joined) = pair.join();
    assert!(
        joined
            .findings
            .iter()
            .all(|finding| finding.sign == Sign::Heard),
        "{:?}",
        joined.findings
    );
    let blank = joined.blanks.first().unwrap();
    assert_eq!((blank.of_client, blank.of_server, blank.of_port), (0, 0, 0));
    assert!(blank.overlaps);
    assert!(!joined.shares(1));
}

#[test]
fn another_attempt_between_the_same_addresses_shares_nothing() {
    let pair = Pair::usual(Does::Arrive);
    let mut other = Tape::new();
    for number in 0..8_u16 {
        let client = format!("{CLIENT}:{}", 40_000 + number);
        let mut syn = Wire::syn(
            &client,
            &format!("{SERVER}:3306"),
            5_000_000 + u32::from(number),
        );
        syn.stamp = Some((900_000, 0));
        other.put(BEGIN + u64::from(number) * SECOND + DELAY, syn.hops(1));
    }
    let mut ours = Pair::new();
    for number in 0..8_u16 {
        let client = format!("{CLIENT}:{}", 40_000 + number);
        let mut syn = Wire::syn(
            &client,
            &format!("{SERVER}:3306"),
            7_000_000 + u32::from(number),
        );
        syn.stamp = Some((100_000, 0));
        ours.ours.put(BEGIN + u64::from(number) * SECOND, syn);
    }
    ours.theirs = other;
    let (_, joined) = ours.join();
    assert!(joined.findings.is_empty(), "{:?}", joined.findings);
    assert_eq!(joined.blanks.len(), 1);
    assert!(pair.join().1.blanks.is_empty());
}

#[test]
fn a_point_that_shows_the_answer_and_not_the_question_does_not_show_all() {
    let mut pair = Pair::new();
    pair.controls();
    for number in 0..4_u16 {
        let client = format!("{CLIENT}:{}", 41_000 + number);
        let syn = Wire::syn(
            &client,
            &format!("{SERVER}:3306"),
            6_000_000 + u32::from(number),
        );
        let at = BEGIN + u64::from(number) * SECOND + SECOND / 3;
        let answer = syn.answer(crate::wire::tcp::Flags::SYN);
        pair.ours.put(at, syn);
        pair.theirs.put(at + DELAY, answer);
        pair.ours.put(at + 2 * DELAY, answer.hops(1));
    }
    let (_, joined) = pair.join();
    let told = stated(&joined);
    assert!(
        told.iter()
            .all(|(sign, ..)| !matches!(sign, Sign::NeverArrived | Sign::AnsweredBefore)),
        "{told:?}"
    );
}

#[test]
fn packets_alike_that_match_none_of_ours_may_be_ours_with_other_numbers() {
    let mut pair = Pair::usual(Does::Vanish);
    for number in 0..4_u32 {
        let client = format!("{CLIENT}:{}", 47_000 + number);
        let syn = Wire::syn(&client, &format!("{SERVER}:3306"), 5_000_000 + number);
        pair.theirs
            .put(BEGIN + u64::from(number) * SECOND, syn.hops(1));
    }
    let (_, joined) = pair.join();
    let lost = finding(&joined, Sign::NeverArrived);
    assert_eq!(lost.ground.confidence, Likely);
    assert!(lost.ground.doubts.contains(&Doubt::Strangers(1, 4)));
}

#[test]
fn no_octets_make_it_panic() {
    let pair = Pair::usual(Does::Answer);
    let whole = pair.theirs.octets();
    let ours = pair.ours.point("ours");
    for at in (0..whole.len()).step_by(3) {
        let mut broken = whole.clone();
        if let Some(octet) = broken.get_mut(at) {
            *octet ^= 0xff;
        }
        let Ok(reader) = Reader::open(broken.as_slice()) else {
            continue;
        };
        let points = [ours.clone(), Point::read("broken", reader)];
        let joined = join(&points, &Choice::default());
        let _ = crate::capture::join::text::render(&points, &joined);
    }
    let nothing = join(&[], &Choice::default());
    assert!(nothing.findings.is_empty());
    assert!(Confirmed < Proven);
}
