//! What answers the SYN of an attempt, or resets it.

use super::*;

impl AttemptState {
    /// A reset, or a SYN-ACK of its own (simultaneous open), from the client.
    pub(in super::super) fn hear_client(&mut self, arrival: Arrival<'_>, flags: Flags) -> Taken {
        let Arrival {
            at, number, packet, ..
        } = arrival;
        self.touch(at);
        if flags.contains(Flags::RST) {
            if !self.is_established() {
                self.mark(Side::Client, at, packet.ttl, None);
            }
            return self.cut(Side::Client, at, number, packet.ttl);
        }
        Taken::Ours
    }

    /// A SYN-ACK or a reset from the server, or a bare SYN (simultaneous open).
    pub(in super::super) fn hear_server(
        &mut self,
        arrival: Arrival<'_>,
        segment: &Segment,
    ) -> Taken {
        self.touch(arrival.at);
        if segment.flags.contains(Flags::RST) {
            return self.shut(arrival, segment);
        }
        if segment.flags.contains(Flags::ACK) {
            return self.opened(arrival, segment);
        }
        Taken::Ours
    }

    /// A segment that acknowledges the SYN and comes from elsewhere.
    pub(in super::super) fn hear_astray(&mut self, arrival: Arrival<'_>, segment: &Segment) {
        self.touch(arrival.at);
        let port = segment.source_port;
        let reply = Reply {
            flaw: Some(Flaw::Misaddressed { port }),
            ..translate::reply(arrival.packet, translate::segment(segment))
        };
        if self.astray.len() < REMEMBERED {
            self.astray.push(Heard {
                at: arrival.at,
                number: arrival.number,
                reply,
                shows: Shows::Sequence,
                relayed: false,
                mark: (arrival.packet.identification, None),
                crossing: arrival.crossing,
                has_window: arrival.has_window,
            });
        }
    }

    fn opened(&mut self, arrival: Arrival<'_>, segment: &Segment) -> Taken {
        if self.isn.is_none() && self.answers.is_empty() {
            self.client.begin(segment.acknowledgment);
        } else if !self.acknowledges_syn(segment.acknowledgment) {
            self.near_misses += 1;
            return Taken::Ours;
        }
        let next = segment.sequence.wrapping_add(1);
        self.server.begin(next);
        if !self.choices.contains(&next) && self.choices.len() < REMEMBERED {
            self.choices.push(next);
        }
        let (stamp, shows) = match segment.options.timestamps {
            Some((stamp, echo)) if echo != 0 => (Some(stamp), Shows::Stamp(echo)),
            Some((stamp, _)) => (Some(stamp), Shows::Sequence),
            None => (None, Shows::Sequence),
        };
        let answer = match translate::segment(segment) {
            // Whatever is not captured must look like nothing out of the ordinary.
            Answer::SynAck { mss, .. } if !arrival.has_window => Answer::SynAck {
                window: u16::MAX,
                mss,
            },
            answer => answer,
        };
        let taken = self.answer(arrival, answer, shows, stamp);
        if taken == Taken::Ours {
            self.server.order(segment.sequence, 1, false);
        }
        let late = |went| arrival.at.since(went) >= UNHEARD;
        if taken == Taken::Ours && self.went_on.is_some_and(late) {
            self.resent = self.resent.saturating_add(1);
        }
        taken
    }

    fn shut(&mut self, arrival: Arrival<'_>, segment: &Segment) -> Taken {
        if self.opened_at().is_some() || self.went_on.is_some() {
            let Arrival {
                at, number, packet, ..
            } = arrival;
            return self.cut(Side::Server, at, number, packet.ttl);
        }
        let acknowledges =
            segment.flags.contains(Flags::ACK) && self.acknowledges_syn(segment.acknowledgment);
        if !acknowledges || self.isn.is_none() {
            self.near_misses += 1;
            return Taken::Ours;
        }
        self.answer(arrival, Answer::Reset, Shows::Sequence, None)
    }

    /// An ICMP error that quotes a segment of the client with the number of its SYN.
    pub(in super::super) fn refuse(
        &mut self,
        arrival: Arrival<'_>,
        message: &Message,
        quote: &Quote,
        source: IpAddr,
    ) -> Taken {
        self.touch(arrival.at);
        let kind = message.kind;
        let answer = translate::error(arrival.packet, kind, quote, source, quote.asked());
        let shows = match (quote.source, quote.identification) {
            (IpAddr::V4(_), Some(identification)) => Shows::Identification(identification),
            _ => Shows::Sequence,
        };
        self.answer(arrival, answer, shows, None)
    }

    fn answer(
        &mut self,
        arrival: Arrival<'_>,
        answer: Answer,
        shows: Shows,
        stamp: Option<u32>,
    ) -> Taken {
        let Arrival { at, packet, .. } = arrival;
        let reply = translate::reply(packet, answer);
        let mark = (packet.identification, stamp);
        // A copy is the same packet: it bears the same identification and stamp. Many stacks write no
        // identification; then no SYN came between that another answer would be for.
        let asked_between = |known: &Heard| {
            let two = [known.at.min(at), known.at.max(at)];
            self.syns
                .iter()
                .any(|syn| syn.at > two[0] && syn.at <= two[1])
        };
        let twin = |known: &Heard| {
            known.at.since(at).max(at.since(known.at)) < TWICE
                && known.reply.answer.same_kind(&answer)
                && known.reply.from == reply.from
                && known.shows == shows
                && known.mark == mark
                && (known.reply.answer == answer
                    && (shows != Shows::Sequence || !is_error(&answer))
                    || known.reply.ttl != reply.ttl)
                && (packet.identification > Some(0) || !asked_between(known))
        };
        if let Some(index) = self.answers.iter().rposition(twin) {
            if let Some(known) = self.answers.get_mut(index) {
                known.relayed |= known.reply.ttl != reply.ttl;
                // As it arrived: nearer to its sender.
                known.reply.ttl = known.reply.ttl.max(reply.ttl);
            }
            return Taken::Twice;
        }
        if self.answers.len() < REMEMBERED {
            self.answers.push(Heard {
                at,
                number: arrival.number,
                reply,
                shows,
                relayed: false,
                mark,
                crossing: arrival.crossing,
                has_window: arrival.has_window,
            });
        }
        Taken::Ours
    }

    /// The number that answers the SYN: the next one, or the one after its data (RFC 7413 §4.2).
    fn acknowledges_syn(&self, acknowledgment: u32) -> bool {
        let Some(isn) = self.isn else {
            return self.client.next_is(acknowledgment);
        };
        let ahead = acknowledgment.wrapping_sub(isn).wrapping_sub(1);
        ahead == 0 || self.syns.iter().any(|syn| u32::from(syn.payload) == ahead)
    }
}

const fn is_error(answer: &Answer) -> bool {
    !matches!(answer, Answer::SynAck { .. } | Answer::Reset)
}
