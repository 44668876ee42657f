//! Answers that come from elsewhere, or broken.

use super::*;

#[test]
fn answers_from_elsewhere_and_quotes_behind_a_translation_find_their_endpoint() {
    for v6 in [false, true] {
        let mut rig = Rig::of(v6, 3);
        rig.run_for(Duration::from_millis(100));
        for _ in 0..SYNS {
            // Endpoint 1 answers from the address of endpoint 2, endpoint 3 from one that nobody asked.
            for (asked, from) in [(1, 2), (3, 77)] {
                let (_, syn) = *rig.syns(asked).last().unwrap();
                let next = syn.sequence.wrapping_add(1);
                let reply = Segment::bare(3306, syn.source_port, 5, next, SYN_ACK);
                let datagram = compose::segment(&rig.envelope(from), &reply).unwrap();
                rig.hear(&datagram);
            }
            rig.run_for(Duration::from_secs(2));
        }
        rig.run_for(TIMEOUT);
        for last in [1, 3] {
            let outcome = rig.outcome(last);
            let verdict = &outcome.finding.verdict;
            assert_eq!(verdict.cause, Cause::Misaddressed, "{}", verdict.summary);
            let from = address(v6, if last == 1 { 2 } else { 77 }).to_string();
            assert!(verdict.summary.contains(&from), "{}", verdict.summary);
        }
        assert_ne!(rig.outcome(2).finding.verdict.cause, Cause::Misaddressed);
    }
}

#[test]
fn an_error_that_quotes_the_translated_destination_counts_at_the_end_of_a_round() {
    let mut rig = Rig::of(false, 2);
    rig.run_for(Duration::from_millis(100));
    let (_, _, packet) = *rig
        .sent
        .iter()
        .find(|(_, _, packet)| packet.destination == address(false, 1))
        .unwrap();
    let syn = segment(&packet);
    let mut inner = Segment::bare(syn.source_port, 13_306, syn.sequence, 0, Flags::SYN);
    inner.options = Options::NONE;
    let quoted = Envelope {
        source: source(false),
        destination: address(false, 99),
        ..rig.envelope(1)
    };
    let quoted = compose::segment(&quoted, &inner).unwrap();
    let error = compose::message(&rig.envelope(50), Kind::Unreachable(13), &quoted).unwrap();
    rig.hear(&error);
    rig.run_for(Duration::from_secs(10));
    assert_eq!(rig.outcome(1).finding.verdict.cause, Cause::RejectPath);
}

#[test]
fn a_wrong_checksum_decides_nothing_and_is_told() {
    let mut rig = Rig::of(false, 1);
    for _ in 0..SYNS {
        rig.run_for(Duration::from_millis(100));
        let (_, syn) = *rig.syns(1).last().unwrap();
        let next = syn.sequence.wrapping_add(1);
        let reply = Segment::bare(3306, syn.source_port, 5, next, SYN_ACK);
        let mut datagram = compose::segment(&rig.envelope(1), &reply).unwrap();
        datagram[36] ^= 1;
        rig.hear(&datagram);
        rig.run_for(Duration::from_secs(2));
    }
    rig.run_for(TIMEOUT);
    let outcome = rig.outcome(1);
    assert_eq!(outcome.finding.verdict.cause, Cause::LocalIngress);
}
