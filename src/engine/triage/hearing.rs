//! What a triage makes of a frame: whose SYN it answers, and what that comes to.

use std::net::SocketAddr;

use super::super::timing::RESET_AGAIN;
use super::super::{Heard, translate};
use super::probe_state::ProbeState;
use super::strays::{Stray, Told};
use super::targets::{Shown, Syn};
use super::{CONTRADICTED_WITHIN, Reset, Triage};
use crate::model::evidence::ReceivedBy;
use crate::model::reply::{Answer, Flaw, Reply};
use crate::model::time::Moment;
use crate::wire::dissect::{Content, Message, Packet, dissect};
use crate::wire::icmp::Kind;
use crate::wire::quote::{Carried, Quote};
use crate::wire::tcp::{Flags, Segment};

impl Triage {
    /// Takes the IP datagram of a frame that was heard at `at`. Any octets will do; what is not ours
    /// is passed over.
    pub fn handle_frame(&mut self, at: Moment, heard: Heard, datagram: &[u8]) {
        let Ok(packet) = dissect(datagram) else {
            return;
        };
        match (heard.by(), &packet.content) {
            (None, Content::Tcp(segment)) => self.depart(&packet, segment),
            (Some(by), Content::Tcp(segment)) => {
                let told = Told {
                    at,
                    by,
                    flaw: heard.flaw(datagram),
                };
                self.hear_segment(told, &packet, segment);
            }
            (Some(by), Content::Icmp(message)) => {
                let told = Told {
                    at,
                    by,
                    flaw: heard.flaw(datagram),
                };
                self.hear_message(told, &packet, message);
            }
            (None, Content::Icmp(_))
            | (_, Content::LaterFragment { .. } | Content::Other { .. }) => {}
        }
    }

    fn depart(&mut self, packet: &Packet, segment: &Segment) {
        if segment.flags != Flags::SYN {
            return;
        }
        let shown = Shown {
            theirs: (packet.destination, segment.destination_port),
            ours: segment.source_port,
            sequence: segment.sequence,
        };
        if let Ok(Syn {
            target, attempt, ..
        }) = self.targets.find(&shown)
            && let Some(state) = self.states.get_mut(target as usize)
        {
            state.departed |= 1 << attempt;
        }
    }

    fn hear_segment(&mut self, told: Told, packet: &Packet, segment: &Segment) {
        let says_something =
            segment.flags.contains(Flags::RST) || segment.flags.contains(Flags::SYN);
        let shown = Shown {
            theirs: (packet.source, segment.source_port),
            ours: segment.destination_port,
            sequence: segment.acknowledgment.wrapping_sub(1),
        };
        let answers = says_something && segment.flags.contains(Flags::ACK);
        match self.targets.find(&shown) {
            Ok(syn) if answers && self.targets.source(syn.target) == Some(packet.destination) => {
                let reply = translate::reply(packet, translate::segment(segment));
                self.hear(told, syn, reply, segment.acknowledgment);
            }
            Ok(Syn { target, .. }) | Err(Some(target)) => {
                self.miss(told.by, target);
                self.strays.put(told, packet, answers);
            }
            Err(None) => self.strays.put(told, packet, answers),
        }
    }

    fn hear_message(&mut self, told: Told, packet: &Packet, message: &Message) {
        let Some(quote) = &message.quote else {
            return;
        };
        let Carried::Tcp {
            source_port,
            destination_port,
            sequence,
        } = quote.carried
        else {
            return;
        };
        let shown = Shown {
            theirs: (quote.destination, destination_port),
            ours: source_port,
            sequence,
        };
        match self.targets.find(&shown) {
            Ok(syn) => self.refuse(told, syn, packet, message.kind, quote),
            Err(target) => {
                if let Some(target) = target {
                    self.miss(told.by, target);
                }
                self.strays.put(told, packet, true);
            }
        }
    }

    fn refuse(&mut self, told: Told, syn: Syn, packet: &Packet, kind: Kind, quote: &Quote) {
        let target = self.targets.target(syn.target);
        let asked = target.map(|target| SocketAddr::new(target.address, target.port));
        if let Some((source, asked)) = self.targets.source(syn.target).zip(asked) {
            let answer = translate::error(packet, kind, quote, source, asked);
            self.hear(told, syn, translate::reply(packet, answer), 0);
        }
    }

    /// Finds among the endpoints that are still silent the SYNs that strays answer.
    pub(super) fn settle_strays(&mut self) {
        let mut strays = self.strays.take();
        if strays.is_empty() {
            return;
        }
        for place in self.order_of_silent() {
            let attempts = self.states.get(place as usize).map_or(0, |it| it.attempts);
            for attempt in 0..attempts {
                let Some(syn) = self.targets.at(place, attempt) else {
                    continue;
                };
                for Stray { told, packet } in strays.remove(&syn.key()).unwrap_or_default() {
                    self.hear_stray(told, syn, &packet);
                }
            }
        }
    }

    fn order_of_silent(&self) -> Vec<u32> {
        let silent = |place: &u32| {
            let state = self.states.get(*place as usize);
            state.is_some_and(ProbeState::is_silent)
        };
        self.order.iter().copied().filter(silent).collect()
    }

    fn hear_stray(&mut self, told: Told, syn: Syn, packet: &Packet) {
        match &packet.content {
            Content::Tcp(segment)
                if self.targets.source(syn.target) == Some(packet.destination) =>
            {
                let port = segment.source_port;
                let told = Told {
                    flaw: told.flaw.or(Some(Flaw::Misaddressed { port })),
                    ..told
                };
                let reply = translate::reply(packet, translate::segment(segment));
                self.hear(told, syn, reply, segment.acknowledgment);
            }
            Content::Icmp(message) => {
                if let Some(quote) = &message.quote {
                    self.refuse(told, syn, packet, message.kind, quote);
                }
            }
            Content::Tcp(_) | Content::LaterFragment { .. } | Content::Other { .. } => {}
        }
    }

    /// An authentic answer to a SYN. One with a flaw decides nothing.
    fn hear(&mut self, told: Told, syn: Syn, reply: Reply, acknowledged: u32) {
        let Told { at, by, flaw } = told;
        let reply = Reply { flaw, ..reply };
        let Syn {
            target, attempt, ..
        } = syn;
        let Some(state) = self.states.get_mut(target as usize) else {
            return;
        };
        if attempt >= state.attempts {
            // The token is that of a SYN that has not left: nobody can know it.
            return;
        }
        let again = self.replies.hear(state, at, by, attempt, reply);
        if flaw.is_none()
            && let (Some(source), Some(known)) =
                (self.targets.source(target), self.targets.target(target))
        {
            let endpoint = (known.address, known.port);
            let sent = state.sent.get(usize::from(attempt)).copied();
            let took = at.since(sent.unwrap_or(at));
            self.rationed
                .hear((at, took), source, endpoint, attempt > 0, &reply);
        }
        let opens = matches!(reply.answer, Answer::SynAck { .. });
        if opens && again.is_none_or(|last| at.since(last) >= RESET_AGAIN) {
            self.resets.push_back(Reset {
                target,
                attempt,
                acknowledged,
            });
        }
        let decides = opens || matches!(reply.answer, Answer::Reset | Answer::Unreachable(..));
        if decides && flaw.is_none() && state.answer() {
            self.silent -= 1;
            self.lingering
                .push_back((at.after(CONTRADICTED_WITHIN), target));
        }
    }

    /// A segment or a quote on one of our flows that shows the wrong number.
    fn miss(&mut self, by: ReceivedBy, target: u32) {
        if let Some(state) = self.states.get_mut(target as usize)
            && by == ReceivedBy::Tap
        {
            state.near_misses = state.near_misses.saturating_add(1);
        }
    }
}
