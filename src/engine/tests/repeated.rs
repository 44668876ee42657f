//! Which of a SYN and its repetition a reply answers.

use super::*;

/// Sends a SYN, and a second later its segment again.
fn syn_and_its_repetition(evidence: &Evidence, job: &Job, _: Moment) -> Judgement {
    let mut probe = plain(Kind::Syn);
    probe.repeats = evidence.trials().first().map(|trial| trial.id);
    let not_before = job.began.after(Duration::from_secs(1));
    let asks = match evidence.trials() {
        [] => vec![Ask {
            probe,
            not_before: job.began,
        }],
        [_] => vec![Ask { probe, not_before }],
        _ => Vec::new(),
    };
    judgement(Cause::Inconclusive, Next::Ask(asks))
}

#[test]
fn what_arrives_before_a_repetition_was_seen_to_leave_answers_what_it_repeats() {
    for (departs_first, answered) in [(false, 0), (true, 1)] {
        for order in [[TAP, STACK], [STACK, TAP]] {
            let (mut prober, first) = begun(syn_and_its_repetition, Family::V4);
            prober.handle_frame(ms(1), Heard::Departing, &first.datagram);
            let again = transmit(&mut prober, seconds(1));
            assert_eq!(sent_segment(&again).sequence, sent_segment(&first).sequence);
            let next = sent_segment(&first).sequence.wrapping_add(1);
            let syn_ack = segment_back(&first, SYN_ACK, 9, next);
            let leaves = |prober: &mut Prober| {
                prober.handle_frame(ms(1001), Heard::Departing, &again.datagram);
            };
            if departs_first {
                leaves(&mut prober);
            }
            prober.handle_frame(ms(1002), order[0], &syn_ack);
            if !departs_first {
                leaves(&mut prober);
            }
            prober.handle_frame(ms(1003), order[1], &syn_ack);
            let heard: Vec<_> = evidence(&prober)
                .trials()
                .iter()
                .map(|trial| trial.first().map(|heard| (heard.by_tap, heard.by_stack)))
                .collect();
            let mut expected = [None, None];
            expected[answered] = Some((true, true));
            assert_eq!(heard, expected, "{departs_first} {order:?}");
        }
    }
}
