//! When the ports of a SYN may serve another SYN.
//!
//! A server that answered holds the connection half-open until our reset arrives; a further SYN with
//! the same ports meets that connection (RFC 9293 §3.10.7.4), and draws nothing or a challenge. On ways
//! of seconds the reset takes as long, so a second SYN sent at once would look withheld.

use std::time::Duration;

use crate::model::evidence::{Evidence, Trial};
use crate::model::probe::{Kind, Probe};
use crate::model::reply::Answer;
use crate::model::time::Moment;

/// How long our reset may wait before it leaves.
const CLOSING: Duration = Duration::from_millis(50);

/// From when on `probe` may be sent, where the slowest round trip so far took `slowest`.
pub(super) fn free_from(evidence: &Evidence, probe: &Probe, slowest: Duration) -> Moment {
    // A repetition belongs to the connection that its SYN asked for.
    if probe.kind != Kind::Syn || probe.repeats.is_some() {
        return Moment::START;
    }
    let same = evidence.trials().iter().filter(|trial| {
        let sent = &trial.probe;
        (sent.kind, sent.target, sent.flow) == (probe.kind, probe.target, probe.flow)
    });
    same.map(|trial| closed_at(trial, slowest))
        .fold(Moment::START, Moment::max)
}

/// When what a SYN may have opened is closed for certain.
fn closed_at(trial: &Trial, slowest: Duration) -> Moment {
    if trial.refused.is_some() {
        return Moment::START;
    }
    let opened = trial
        .replies
        .iter()
        .find(|heard| matches!(heard.reply.answer, Answer::SynAck { .. }));
    match opened {
        // The reset takes at most as long as the SYN and its answer together.
        Some(heard) => heard
            .at
            .after(heard.at.since(trial.sent).min(slowest) + CLOSING),
        None if !trial.replies.is_empty() => Moment::START,
        // Its answer, and then the reset of that.
        None => trial.sent.after(2 * slowest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::evidence::{Fact, ReceivedBy};
    use crate::model::probe::{Dscp, Flow, ProbeId, Target, Ttl};
    use crate::model::reply::Reply;

    fn ms(count: u64) -> Moment {
        Moment::START.after(Duration::from_millis(count))
    }

    fn syn(flow: u8) -> Probe {
        Probe::plain(Kind::Syn, Target::Endpoint, Flow::ephemeral(flow))
    }

    fn answered(at: Moment, answer: Answer) -> Evidence {
        let mut evidence = Evidence::new();
        evidence.record(ms(0), Fact::Sent(ProbeId(1), syn(0)));
        let reply = Reply {
            from: [10, 9, 3, 10].into(),
            ttl: Ttl(61),
            dscp: Dscp::ZERO,
            flow_label: None,
            answer,
            flaw: None,
        };
        evidence.record(at, Fact::Replied(ProbeId(1), ReceivedBy::Tap, reply));
        evidence
    }

    #[test]
    fn a_tuple_is_not_used_again_before_the_reset_that_closes_it_can_have_arrived() {
        let open = Answer::SynAck {
            window: 64_240,
            mss: Some(1460),
        };
        let seconds = Duration::from_secs(2);
        for (answer, took, slowest, flow, free) in [
            (open, 2000, seconds, 0, 4050),
            (open, 2000, seconds, 1, 0),
            (open, 1, Duration::from_millis(1), 0, 52),
            // A server's repetition was late; the way is not slow.
            (open, 1010, Duration::from_millis(10), 0, 1070),
            (Answer::Reset, 2000, seconds, 0, 0),
        ] {
            let evidence = answered(ms(took), answer);
            assert_eq!(
                free_from(&evidence, &syn(flow), slowest),
                ms(free),
                "{answer:?} {took} {flow}"
            );
        }
    }

    #[test]
    fn a_silent_syn_holds_its_tuple_as_long_as_an_answer_and_its_reset_may_take() {
        let mut evidence = Evidence::new();
        evidence.record(ms(0), Fact::Sent(ProbeId(1), syn(0)));
        evidence.record(ms(1000), Fact::Expired(ProbeId(1)));
        let slowest = Duration::from_secs(2);
        assert_eq!(free_from(&evidence, &syn(0), slowest), ms(4000));
        let echo = Probe::plain(Kind::Echo, Target::Host, Flow::ephemeral(0));
        assert_eq!(free_from(&evidence, &echo, slowest), Moment::START);
    }
}
