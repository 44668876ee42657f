//! What an attempt shows when all of it was heard.

use super::*;

impl AttemptState {
    /// The first SYN-ACK.
    pub(in super::super) fn opened_at(&self) -> Option<&Heard> {
        self.answers
            .iter()
            .find(|heard| matches!(heard.reply.answer, Answer::SynAck { .. }))
    }

    /// Whether nothing more is expected of it.
    pub(in super::super) const fn is_over(&self) -> bool {
        self.reset.is_some() || self.closed[0] && self.closed[1]
    }

    /// Whether the handshake was completed: the client went on, or the server did.
    pub(in super::super) fn is_established(&self) -> bool {
        self.went_on.is_some() && (self.opened_at().is_some() || self.speaks_alone()) || self.runs()
    }

    /// Whether the client went on, though nothing in the capture answers it: the capture lacks that
    /// direction, or that packet.
    pub(in super::super) fn speaks_alone(&self) -> bool {
        self.went_on.is_some() && self.opened_at().is_none() && !self.syns.is_empty()
    }

    /// Whether it is the probe of a traceroute, as the TTL says on `hops` from the client.
    pub(in super::super) fn limited(&self, hops: u8) -> Option<u8> {
        let ttl = self.syns.first()?.ttl;
        (ttl <= TRACEROUTE).then_some(ttl.saturating_add(hops))
    }

    /// Answers that the client did not hear: it asks again as if there were none, and never goes on.
    /// A reset says nothing of that: some clients try again after one (Windows, twice within a
    /// second).
    pub(in super::super) fn unheard(&self) -> usize {
        if self.went_on.is_some() || self.reset.is_some() {
            return 0;
        }
        self.answers
            .iter()
            .filter(|heard| matches!(heard.reply.answer, Answer::SynAck { .. }))
            .filter(|heard| {
                self.syns
                    .iter()
                    .any(|syn| syn.at.since(heard.at) >= UNHEARD)
            })
            .count()
    }

    /// What became of it by `end`, the last moment of the capture.
    pub(in super::super) fn outcome(&self, end: Moment) -> AttemptOutcome {
        if self.is_established() {
            return AttemptOutcome::Established {
                sent: self.client.octets(),
                received: self.server.octets(),
                ending: self.ending(),
            };
        }
        let unheard = self.unheard() > 0;
        let mut outcome: Option<AttemptOutcome> = None;
        for heard in &self.answers {
            let told = match heard.reply.answer {
                Answer::SynAck { .. } => AttemptOutcome::Answered {
                    unheard,
                    dropped: self.reset.is_some_and(|reset| reset.side == Side::Client),
                },
                Answer::Reset => AttemptOutcome::Reset,
                Answer::Unreachable(refusal, _) => AttemptOutcome::Refused {
                    refusal,
                    by: heard.reply.from,
                },
                Answer::TimeExceeded(_) => AttemptOutcome::Expired {
                    by: heard.reply.from,
                },
                Answer::EchoReply { .. }
                | Answer::ReassemblyTimeout(_)
                | Answer::TooBig { .. }
                | Answer::OtherIcmp { .. } => continue,
            };
            outcome = match outcome {
                None | Some(AttemptOutcome::Expired { .. }) => Some(told),
                Some(known)
                    if std::mem::discriminant(&known) != std::mem::discriminant(&told)
                        && !matches!(told, AttemptOutcome::Expired { .. }) =>
                {
                    return AttemptOutcome::Contradicted;
                }
                known => known,
            };
        }
        if let Some(outcome) = outcome {
            return outcome;
        }
        match self.syns.first() {
            None => AttemptOutcome::Unseen,
            Some(first) if end.since(first.at) < PATIENCE => AttemptOutcome::CutOff,
            Some(_) => AttemptOutcome::Silent,
        }
    }

    pub(super) fn ending(&self) -> Ending {
        if let Some(reset) = self.reset {
            return Ending::Reset(reset.side);
        }
        for (sender, stream) in [(Side::Client, &self.client), (Side::Server, &self.server)] {
            if let Some(stuck) = stream.stuck() {
                return Ending::Stuck {
                    sender,
                    size: stuck.size,
                    tries: stuck.tries,
                    alive: stuck.alive,
                };
            }
        }
        match self.closed {
            [true, true] => Ending::Closed,
            [true, false] => Ending::Half(Side::Client),
            [false, true] => Ending::Half(Side::Server),
            [false, false] => Ending::Open,
        }
    }
}
