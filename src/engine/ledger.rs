//! Whose is this packet? What was sent, by session, and what a packet must show to be told as ours.
//!
//! Attribution is kept apart from what is made of it: the live prober and the replay of a capture
//! ask the same ledger, so that a reply counts for the one exactly when it counts for the other.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use super::inflight::{Inflight, Marks, Numbered, Owner};
use super::{Heard, SessionId, translate};
use crate::model::evidence::{NearMiss, NearMissKind};
use crate::model::probe::{ProbeId, Ttl};
use crate::model::reply::{Answer, Flaw, Reply};
use crate::wire::dissect::{Content, Message, Packet};
use crate::wire::icmp::Kind;
use crate::wire::quote::{Carried, Quote};
use crate::wire::tcp::{Flags, Segment};

/// Both flags of the second step of a handshake.
const SYN_ACK: Flags = Flags::SYN.with(Flags::ACK);

/// Whose a packet is, and what it is to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribution {
    /// The diagnosis it belongs to.
    pub session: SessionId,
    /// What it is.
    pub role: Role,
}

/// What a packet is to a diagnosis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A probe on its way out.
    Probe(ProbeId),
    /// An authentic answer to a probe. What its checksums say is the caller's to add.
    Reply(ProbeId, Reply),
    /// A reset on its way out that closes what a probe half-opened: ours, or this host's kernel's.
    Closing(ProbeId),
    /// Right flow, wrong numbers.
    NearMiss(NearMiss),
}

/// What was sent, and between whom.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    inflight: Inflight,
    /// How many sessions were opened.
    opened: usize,
    /// Source and target address of those not forgotten.
    ends: BTreeMap<SessionId, (IpAddr, IpAddr)>,
}

impl Ledger {
    /// Opens the page of the next session, which probes `target` from `source`.
    pub fn open(&mut self, source: IpAddr, target: IpAddr) -> SessionId {
        let session = SessionId(self.opened);
        self.opened += 1;
        self.ends.insert(session, (source, target));
        session
    }

    /// How many sessions were opened.
    pub(super) const fn opened(&self) -> usize {
        self.opened
    }

    /// Takes note that `packet` is how a probe left. False where it is no probe's kind of packet.
    pub fn note(&mut self, session: SessionId, probe: ProbeId, packet: &Packet) -> bool {
        let marks = Marks::of(packet);
        if let Some(marks) = &marks {
            self.enter(Owner { session, probe }, marks);
        }
        marks.is_some()
    }

    pub(super) fn enter(&mut self, owner: Owner, marks: &Marks) {
        if let Some((_, target)) = self.ends.get(&owner.session).copied() {
            self.inflight.insert(owner, target, marks);
        }
    }

    /// A session has settled: of what it sent only that is kept by which a late SYN-ACK is told.
    pub(super) fn retire(&mut self, session: SessionId) {
        if let Some((_, target)) = self.ends.get(&session).copied() {
            self.inflight.retire(session, target);
        }
    }

    /// Whatever still answers a retired session is nobody's from now on.
    pub(super) fn forget(&mut self, session: SessionId) {
        self.inflight.forget(session);
        self.ends.remove(&session);
    }

    /// How a probe left; `None` for a segment whose session has settled, unless it is a SYN.
    pub(super) fn marks(&self, owner: Owner) -> Option<&Marks> {
        self.inflight.marks(owner)
    }

    /// Whose a packet is; `None` where it is nobody's.
    pub fn attribute(&self, heard: Heard, packet: &Packet) -> Option<Attribution> {
        match (heard, packet.content) {
            (Heard::Departing, Content::Tcp(segment)) => self.departing_segment(packet, &segment),
            (Heard::Departing, Content::Icmp(message)) => self.departing_echo(packet, &message),
            (Heard::Arriving(_) | Heard::Vouched, Content::Tcp(segment)) => {
                self.segment(packet, &segment)
            }
            (Heard::Arriving(_) | Heard::Vouched, Content::Icmp(message)) => {
                self.message(packet, &message)
            }
            (_, Content::LaterFragment { .. } | Content::Other { .. }) => None,
        }
    }

    /// A departing segment is a probe when it has the probe's flags: the kernel's own segments on our
    /// ports have others.
    fn departing_segment(&self, packet: &Packet, segment: &Segment) -> Option<Attribution> {
        let shown = Numbered {
            number: segment.sequence,
            ours: segment.source_port,
            theirs: segment.destination_port,
        };
        let probe = self.inflight.by_sequence(shown).find(|owner| {
            let same_flags = matches!(
                self.marks(*owner),
                Some(Marks::Segment(sent)) if sent.flags == segment.flags
            );
            same_flags && self.leaves(*owner, packet)
        });
        if let Some(Owner { session, probe }) = probe {
            let role = Role::Probe(probe);
            return Some(Attribution { session, role });
        }
        let closes = segment.flags.contains(Flags::RST);
        let mut opened = self.inflight.by_acknowledgment(shown);
        opened
            .find(|owner| closes && self.leaves(*owner, packet))
            .map(|Owner { session, probe }| Attribution {
                session,
                role: Role::Closing(probe),
            })
    }

    /// The SYN that leaves as `packet`, where a translation of this host's own has given it another
    /// address or port: it is known by its keyed number. Such a packet does not show what was sent.
    pub(super) fn translated(&self, packet: &Packet) -> Option<Owner> {
        let Content::Tcp(segment) = &packet.content else {
            return None;
        };
        if segment.flags != Flags::SYN {
            return None;
        }
        let mut sent = self.inflight.by_sequence_elsewhere(segment.sequence, None);
        sent.find(|owner| {
            matches!(self.marks(*owner), Some(Marks::Segment(sent)) if sent.flags == Flags::SYN)
        })
    }

    fn departing_echo(&self, packet: &Packet, message: &Message) -> Option<Attribution> {
        let Kind::EchoRequest(echo) = message.kind else {
            return None;
        };
        let mut owners = self.inflight.by_echo(echo);
        owners
            .find(|owner| self.leaves(*owner, packet))
            .map(|Owner { session, probe }| Attribution {
                session,
                role: Role::Probe(probe),
            })
    }

    /// Whether a packet goes the way this session's probes go.
    fn leaves(&self, owner: Owner, packet: &Packet) -> bool {
        self.ends.get(&owner.session) == Some(&(packet.source, packet.destination))
    }

    fn segment(&self, packet: &Packet, segment: &Segment) -> Option<Attribution> {
        let answer = translate::segment(segment);
        let asked = |owner: &Owner| self.is_answered(*owner, packet, segment);
        if let Some(owner) = self.inflight.by_answer(segment).find(asked) {
            return Some(reply(owner, packet, answer));
        }
        // Nobody but who has seen the probe can know its number: it answers, whatever it comes from.
        let mut elsewhere = self.inflight.by_answer_from_elsewhere(segment);
        if let Some(owner) = elsewhere.find(|owner| self.is_answered_for(*owner, packet, segment)) {
            let port = segment.source_port;
            return Some(flawed(owner, packet, answer, Flaw::Misaddressed { port }));
        }
        self.near_miss(
            packet.source,
            [segment.destination_port, segment.source_port],
            packet,
            [segment.sequence, segment.acknowledgment],
        )
    }

    /// Whether a segment that shows the right numbers also comes from where the probe went, and is
    /// of a kind that may answer it.
    fn is_answered(&self, owner: Owner, packet: &Packet, segment: &Segment) -> bool {
        let ends = self.ends.get(&owner.session);
        ends.is_some_and(|(_, target)| *target == packet.source)
            && self.is_answered_for(owner, packet, segment)
    }

    /// The same, wherever it comes from.
    fn is_answered_for(&self, owner: Owner, packet: &Packet, segment: &Segment) -> bool {
        let opens = segment.flags.contains(Flags::SYN) && !segment.flags.contains(Flags::RST);
        let can_open = matches!(
            self.marks(owner),
            Some(Marks::Segment(sent)) if sent.flags.contains(Flags::SYN)
        );
        let ends = self.ends.get(&owner.session);
        ends.is_some_and(|(source, _)| *source == packet.destination) && (can_open || !opens)
    }

    fn message(&self, packet: &Packet, message: &Message) -> Option<Attribution> {
        match (message.kind, &message.quote) {
            (Kind::EchoReply(echo), _) => {
                let mut owners = self.inflight.by_echo(echo);
                let owner = owners.find(|owner| {
                    matches!(
                        self.marks(*owner),
                        Some(Marks::Echo { opening, .. }) if message.opening == *opening
                    )
                })?;
                let answer = translate::echo_reply(packet, message);
                let asked = self.target(owner) == Some(packet.source);
                Some(if asked {
                    reply(owner, packet, answer)
                } else {
                    flawed(owner, packet, answer, Flaw::Misaddressed { port: 0 })
                })
            }
            (kind, Some(quote)) => self.error(packet, kind, quote),
            (_, None) => None,
        }
    }

    fn error(&self, packet: &Packet, kind: Kind, quote: &Quote) -> Option<Attribution> {
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
                let Some(owner) = self.quoted(quote, shown) else {
                    let peer = quote.destination;
                    return self.near_miss(peer, [ours, theirs], packet, [number, 0]);
                };
                owner
            }
            Carried::EchoRequest(echo) => self.prefer(quote, self.inflight.by_echo(echo))?,
            Carried::Nothing => return None,
        };
        let (source, _) = *self.ends.get(&owner.session)?;
        let answer = translate::error(packet, kind, quote, source, self.asked(owner)?);
        Some(reply(owner, packet, answer))
    }

    /// The probe that a quoted segment is. A translation on the way may have rewritten the port it went
    /// to before the error arose; or the one it came from, and then its other end must be as we sent it.
    fn quoted(&self, quote: &Quote, shown: Numbered) -> Option<Owner> {
        let Numbered {
            number,
            ours,
            theirs,
        } = shown;
        let exact = self.prefer(quote, self.inflight.by_sequence(shown));
        let translated = || {
            let owners = self.inflight.by_sequence_elsewhere(number, Some(ours));
            self.prefer(quote, owners)
        };
        let masked = || {
            let mut owners = self.inflight.by_sequence_elsewhere(number, None);
            owners.find(|owner| {
                let sent = self.marks(*owner);
                let same_port = matches!(
                    sent,
                    Some(Marks::Segment(sent)) if sent.destination_port == theirs
                );
                same_port && self.target(*owner) == Some(quote.destination)
            })
        };
        exact.or_else(translated).or_else(masked)
    }

    /// Of the probes a quote may be of, the one sent to the quoted destination; else the first,
    /// because a NAT may have rewritten the destination before the error arose, and the 32 keyed
    /// bits say that the quote is of our making.
    fn prefer(&self, quote: &Quote, owners: impl Iterator<Item = Owner>) -> Option<Owner> {
        let mut owners = owners.peekable();
        let first = owners.peek().copied();
        owners
            .find(|owner| self.target(*owner) == Some(quote.destination))
            .or(first)
    }

    /// Where a probe went, by its address and port; port 0 of one without.
    pub(super) fn asked(&self, owner: Owner) -> Option<SocketAddr> {
        let port = match self.marks(owner) {
            Some(Marks::Segment(sent)) => sent.destination_port,
            Some(Marks::Echo { .. }) | None => 0,
        };
        Some(SocketAddr::new(self.target(owner)?, port))
    }

    /// The address that a probe went to.
    fn target(&self, owner: Owner) -> Option<IpAddr> {
        self.ends.get(&owner.session).map(|(_, target)| *target)
    }

    fn near_miss(
        &self,
        peer: IpAddr,
        ports: [u16; 2],
        packet: &Packet,
        numbers: [u32; 2],
    ) -> Option<Attribution> {
        let [ours, theirs] = ports;
        let session = self.inflight.by_flow(peer, ours, theirs)?;
        let role = Role::NearMiss(NearMiss {
            kind: near_miss_kind(&packet.content),
            from: packet.source,
            ttl: Ttl(packet.ttl),
            ports,
            numbers,
        });
        Some(Attribution { session, role })
    }
}

/// What a packet would say, had its numbers been right.
const fn near_miss_kind(content: &Content) -> NearMissKind {
    match content {
        Content::Tcp(segment) if segment.flags.contains(Flags::RST) => NearMissKind::Reset,
        Content::Tcp(segment) if segment.flags.contains(SYN_ACK) => NearMissKind::SynAck,
        Content::Icmp(message) => match message.kind {
            Kind::Unreachable(_) => NearMissKind::Refusal,
            Kind::TimeExceeded => NearMissKind::TimeExceeded,
            Kind::TooBig { .. }
            | Kind::ReassemblyTimeout
            | Kind::EchoRequest(_)
            | Kind::EchoReply(_)
            | Kind::Other { .. } => NearMissKind::Other,
        },
        Content::Tcp(_) | Content::LaterFragment { .. } | Content::Other { .. } => {
            NearMissKind::Other
        }
    }
}

fn reply(owner: Owner, packet: &Packet, answer: Answer) -> Attribution {
    Attribution {
        session: owner.session,
        role: Role::Reply(owner.probe, translate::reply(packet, answer)),
    }
}

fn flawed(owner: Owner, packet: &Packet, answer: Answer, flaw: Flaw) -> Attribution {
    let reply = Reply {
        flaw: Some(flaw),
        ..translate::reply(packet, answer)
    };
    Attribution {
        session: owner.session,
        role: Role::Reply(owner.probe, reply),
    }
}
