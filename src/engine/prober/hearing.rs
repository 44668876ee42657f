//! What the prober makes of a frame: whose it is, and what it says.

use super::super::inflight::{Marks, Numbered, Owner};
use super::super::session::Session;
use super::super::{Heard, SessionId, translate};
use super::Prober;
use crate::model::evidence::Ear;
use crate::model::reply::Answer;
use crate::model::time::Moment;
use crate::wire::dissect::{Content, Message, Packet, dissect};
use crate::wire::icmp::{Echo, Kind};
use crate::wire::quote::{Carried, Quote};
use crate::wire::tcp::{Flags, Segment};

impl Prober {
    /// Takes the IP datagram of a frame that was heard at `at`. Any bytes will do; what is not ours
    /// is passed over.
    pub fn handle_frame(&mut self, at: Moment, heard: Heard, datagram: &[u8]) {
        let Ok(packet) = dissect(datagram) else {
            return;
        };
        match (heard, packet.content) {
            (Heard::Departing, Content::Tcp(segment)) => self.depart_segment(at, &packet, &segment),
            (Heard::Departing, Content::Icmp(message)) => {
                if let Kind::EchoRequest(echo) = message.kind {
                    self.depart_echo(at, &packet, echo);
                }
            }
            (Heard::Arriving(ear), Content::Tcp(segment)) => {
                self.hear_segment(at, ear, &packet, &segment);
            }
            (Heard::Arriving(ear), Content::Icmp(message)) => {
                self.hear_message(at, ear, &packet, &message);
            }
            (_, Content::LaterFragment { .. } | Content::Other { .. }) => {}
        }
    }

    fn depart_segment(&mut self, at: Moment, packet: &Packet, segment: &Segment) {
        let shown = Numbered {
            number: segment.sequence,
            ours: segment.source_port,
            theirs: segment.destination_port,
        };
        let owner = self
            .inflight
            .by_sequence(shown)
            .find(|owner| self.left_as(*owner, packet, segment));
        self.depart(at, owner);
    }

    /// Whether a departing segment is this very probe: the kernel's own segments on our ports are
    /// not.
    fn left_as(&self, owner: Owner, packet: &Packet, segment: &Segment) -> bool {
        let Some(session) = self.session(owner.session) else {
            return false;
        };
        let same_flags = matches!(
            session.marks(owner.probe),
            Some(Marks::Segment(sent)) if sent.flags == segment.flags
        );
        same_flags && leaves(session, packet)
    }

    fn depart_echo(&mut self, at: Moment, packet: &Packet, echo: Echo) {
        let owner = self.inflight.by_echo(echo).find(|owner| {
            self.session(owner.session)
                .is_some_and(|session| leaves(session, packet))
        });
        self.depart(at, owner);
    }

    fn depart(&mut self, at: Moment, owner: Option<Owner>) {
        if let Some(Owner { session, probe }) = owner {
            self.with(session, |session| session.depart(at, probe));
        }
    }

    fn hear_segment(&mut self, at: Moment, ear: Ear, packet: &Packet, segment: &Segment) {
        let owner = self
            .inflight
            .by_answer(segment)
            .find(|owner| self.is_answered(*owner, packet, segment));
        let Some(owner) = owner else {
            let flow =
                self.inflight
                    .by_flow(packet.source, segment.destination_port, segment.source_port);
            let numbers = [segment.sequence, segment.acknowledgment];
            self.miss(at, ear, flow, packet, numbers);
            return;
        };
        let answer = translate::segment(segment);
        let opened = matches!(answer, Answer::SynAck { .. });
        self.hear(at, ear, owner, packet, answer);
        if opened && let Some(entry) = self.sessions.get_mut(owner.session.0) {
            let reset = entry
                .session
                .close(at, &self.tokens, self.count, owner.probe, segment);
            if reset.is_some() {
                self.count = self.count.wrapping_add(1);
            }
            self.resets.extend(reset);
        }
    }

    /// Whether a segment that shows the right numbers also comes from where the probe went, and is
    /// of a kind that may answer it.
    fn is_answered(&self, owner: Owner, packet: &Packet, segment: &Segment) -> bool {
        let Some(session) = self.session(owner.session) else {
            return false;
        };
        let opens = segment.flags.contains(Flags::SYN) && !segment.flags.contains(Flags::RST);
        let can_open = matches!(
            session.marks(owner.probe),
            Some(Marks::Segment(sent)) if sent.flags.contains(Flags::SYN)
        );
        let brief = session.brief();
        packet.source == brief.endpoint.address
            && packet.destination == brief.vantage.source
            && (can_open || !opens)
    }

    fn hear_message(&mut self, at: Moment, ear: Ear, packet: &Packet, message: &Message) {
        match (message.kind, &message.quote) {
            (Kind::EchoReply(echo), _) => {
                let owner = self.inflight.by_echo(echo).find(|owner| {
                    let marks = self
                        .session(owner.session)
                        .and_then(|session| session.marks(owner.probe));
                    matches!(
                        marks,
                        Some(Marks::Echo { opening, .. }) if message.opening == Some(*opening)
                    )
                });
                if let Some(owner) = owner {
                    self.hear(at, ear, owner, packet, Answer::EchoReply);
                }
            }
            (kind, Some(quote)) => self.hear_error(at, ear, packet, kind, quote),
            (_, None) => {}
        }
    }

    fn hear_error(&mut self, at: Moment, ear: Ear, packet: &Packet, kind: Kind, quote: &Quote) {
        let owner = match quote.carried {
            Carried::Tcp {
                source_port: ours,
                destination_port: theirs,
                sequence: number,
            } => {
                let shown = Numbered {
                    number,
                    ours,
                    theirs,
                };
                let owner = self.prefer(quote, self.inflight.by_sequence(shown));
                if owner.is_none() {
                    let flow = self.inflight.by_flow(quote.destination, ours, theirs);
                    self.miss(at, ear, flow, packet, [number, 0]);
                }
                owner
            }
            Carried::EchoRequest(echo) => self.prefer(quote, self.inflight.by_echo(echo)),
            Carried::Nothing => None,
        };
        let Some(owner) = owner else {
            return;
        };
        let source = self
            .session(owner.session)
            .map_or(quote.source, |session| session.brief().vantage.source);
        let answer = translate::error(packet, kind, quote, source);
        self.hear(at, ear, owner, packet, answer);
    }

    /// Of the probes a quote may be of, the one sent to the quoted destination; else the first,
    /// because a NAT may have rewritten the destination before the error arose, and the 32 keyed
    /// bits say that the quote is of our making.
    fn prefer(&self, quote: &Quote, owners: impl Iterator<Item = Owner>) -> Option<Owner> {
        let mut owners = owners.peekable();
        let first = owners.peek().copied();
        owners
            .find(|owner| {
                self.session(owner.session)
                    .is_some_and(|session| session.brief().endpoint.address == quote.destination)
            })
            .or(first)
    }

    fn hear(&mut self, at: Moment, ear: Ear, owner: Owner, packet: &Packet, answer: Answer) {
        let reply = translate::reply(packet, answer);
        self.with(owner.session, |session| {
            session.hear(at, ear, owner.probe, reply);
        });
    }

    fn miss(
        &mut self,
        at: Moment,
        ear: Ear,
        flow: Option<SessionId>,
        packet: &Packet,
        numbers: [u32; 2],
    ) {
        let entry = flow.and_then(|id| self.sessions.get_mut(id.0));
        let counted =
            entry.is_some_and(|entry| entry.session.miss(at, ear, packet.source, numbers));
        self.near_misses = self.near_misses.saturating_add(u64::from(counted));
    }
}

/// Whether a packet goes the way this session's probes go.
fn leaves(session: &Session, packet: &Packet) -> bool {
    let brief = session.brief();
    packet.source == brief.vantage.source && packet.destination == brief.endpoint.address
}
