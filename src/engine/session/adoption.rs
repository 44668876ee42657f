//! What a session takes over from other diagnoses of its address.

use super::super::inflight::Owner;
use super::{Session, teaches_round_trip};
use crate::model::evidence::{Fact, Lender, ReceivedBy, Trial};
use crate::model::probe::{Probe, Target};
use crate::model::time::Moment;

impl Session {
    /// From when on an equal probe of another diagnosis would do for one of this: a witness that
    /// repeats an earlier one must follow the last SYN to the port.
    pub(in super::super) fn accepts_from(&self, probe: &Probe) -> Moment {
        let trials = self.evidence.trials();
        let repeats = probe.ttl.is_full()
            && trials
                .iter()
                .any(|trial| trial.probe.kind == probe.kind && trial.probe.target == probe.target);
        let mut to_port = trials
            .iter()
            .rev()
            .filter(|trial| trial.probe.target == Target::Endpoint && trial.probe.ttl.is_full());
        let last = to_port.next().filter(|_| repeats);
        last.map_or(Moment::START, |trial| trial.sent)
    }

    /// Whether a probe of another diagnosis is told here already.
    pub(in super::super) fn has_adopted(&self, owner: Owner) -> bool {
        self.adopted.contains(&owner)
    }

    /// Tells what an equal probe of another diagnosis drew, instead of sending the next one.
    pub(in super::super) fn adopt(
        &mut self,
        now: Moment,
        owner: Owner,
        lender: Lender,
        known: &Trial,
    ) {
        let Some((ask, id)) = self.plan.pop_front().zip(self.next_id()) else {
            return;
        };
        self.adopted.insert(owner);
        self.record(known.sent, Fact::Sent(id, ask.probe));
        self.record(now, Fact::Shared(id, lender));
        if known.departed {
            self.record(known.sent, Fact::Departed(id));
        }
        if let Some(rtt) = known.rtt()
            && let Some(heard) = known.first()
            && teaches_round_trip(ask.probe.kind, &heard.reply.answer)
        {
            self.timing.learn(rtt);
        }
        for heard in known.replies.iter().chain(&known.flawed) {
            let ears = [
                (ReceivedBy::Tap, heard.by_tap),
                (ReceivedBy::Stack, heard.by_stack),
            ];
            for (by, _) in ears.into_iter().filter(|(_, heard)| *heard) {
                self.record(heard.at, Fact::Replied(id, by, heard.reply));
            }
        }
        if let Some(at) = known.expired {
            self.record(at, Fact::Expired(id));
        }
    }
}
