//! Probes in flight, found by what an answer shows of them.
//!
//! *Is it ours?* is answered here and nowhere else; *what does it say?* is for others. A number is
//! looked up together with both ports, so what is found was really sent by us; addresses are left to
//! the caller, because a quote behind a NAT may show another one.
//!
//! | what arrives | must show |
//! |---|---|
//! | SYN-ACK | acknowledgment = SYN's sequence + 1, or + 1 + payload |
//! | RST to a SYN or FIN | ACK set and acknowledgment as above |
//! | RST to an ACK | sequence = our acknowledgment number |
//! | ICMP error | both ports and the 32-bit sequence, or the echo's identifier and sequence |
//! | echo reply | identifier, sequence and the first 8 octets of payload |

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::SessionId;
use crate::model::probe::ProbeId;
use crate::wire::dissect::{Content, Packet};
use crate::wire::icmp::{Echo, Kind};
use crate::wire::tcp::{Flags, Segment};

/// What an answer must show of a segment: its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) source_port: u16,
    pub(super) destination_port: u16,
    pub(super) sequence: u32,
    pub(super) acknowledgment: u32,
    pub(super) payload_length: u16,
    pub(super) flags: Flags,
}

impl From<Segment> for Numbers {
    fn from(segment: Segment) -> Self {
        Self {
            source_port: segment.source_port,
            destination_port: segment.destination_port,
            sequence: segment.sequence,
            acknowledgment: segment.acknowledgment,
            payload_length: segment.payload_length,
            flags: segment.flags,
        }
    }
}

/// What an answer must show of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marks {
    /// Those of a segment.
    Segment(Numbers),
    /// The echo request as sent.
    Echo {
        /// Identifier and sequence number.
        echo: Echo,
        /// First octets of the payload; `None` where a capture does not hold them.
        opening: Option<[u8; 8]>,
    },
}

impl Marks {
    /// The marks of a packet that was sent as a probe; `None` where no probe is of its kind.
    pub(super) fn of(packet: &Packet) -> Option<Self> {
        match packet.content {
            Content::Tcp(segment) => Some(Self::Segment(segment.into())),
            Content::Icmp(message) => {
                let Kind::EchoRequest(echo) = message.kind else {
                    return None;
                };
                let opening = message.opening;
                Some(Self::Echo { echo, opening })
            }
            Content::LaterFragment { .. } | Content::Other { .. } => None,
        }
    }
}

/// Which probe of which session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Owner {
    pub(super) session: SessionId,
    pub(super) probe: ProbeId,
}

impl Owner {
    const FIRST: Self = Self {
        session: SessionId(0),
        probe: ProbeId(0),
    };
    const LAST: Self = Self {
        session: SessionId(usize::MAX),
        probe: ProbeId(u32::MAX),
    };

    /// Every probe of a session.
    pub(super) const fn all_of(session: SessionId) -> std::ops::RangeInclusive<Self> {
        Self {
            session,
            ..Self::FIRST
        }..=Self {
            session,
            ..Self::LAST
        }
    }
}

/// A 32-bit number in the flow between two ports: ours, theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Numbered {
    pub(super) number: u32,
    pub(super) ours: u16,
    pub(super) theirs: u16,
}

/// An index from what an answer shows to the probes that could have drawn it.
#[derive(Clone, Debug, Default)]
struct Index(BTreeSet<(Numbered, Owner)>);

impl Index {
    /// The latest sent first: where a segment was sent again, its answer is told of the last.
    fn find(&self, shown: Numbered) -> impl Iterator<Item = Owner> + '_ {
        self.0
            .range((shown, Owner::FIRST)..=(shown, Owner::LAST))
            .rev()
            .map(|(_, owner)| *owner)
    }
}

/// The indexes over all sessions.
#[derive(Clone, Debug, Default)]
pub(super) struct Inflight {
    /// What was sent.
    marks: BTreeMap<Owner, Marks>,
    /// By the sequence number sent: for ICMP quotes and for our own frames on their way out.
    sequences: Index,
    /// By the acknowledgment number that answers a SYN or FIN.
    acknowledgments: Index,
    /// By the sequence number of the reset that answers an ACK.
    resets: Index,
    /// By identifier and sequence number; the ports are zero.
    echoes: Index,
    /// Every TCP flow used: peer, our port, their port.
    flows: BTreeSet<(IpAddr, u16, u16, SessionId)>,
}

impl Inflight {
    /// A probe leaves for `peer`.
    pub(super) fn insert(&mut self, owner: Owner, peer: IpAddr, marks: &Marks) {
        self.each(marks, |index, numbered| {
            index.0.insert((numbered, owner));
        });
        if let Marks::Segment(segment) = marks {
            let (ours, theirs) = (segment.source_port, segment.destination_port);
            self.flows.insert((peer, ours, theirs, owner.session));
        }
        self.marks.insert(owner, *marks);
    }

    /// Forgets what a settled session sent to `peer`, save what shows that a SYN-ACK answers it: that
    /// must still be reset.
    pub(super) fn retire(&mut self, session: SessionId, peer: IpAddr) {
        for (owner, marks) in self.sent_by(session) {
            self.close(owner, peer, &marks);
        }
    }

    /// Forgets all that a retired session sent.
    pub(super) fn forget(&mut self, session: SessionId) {
        for (owner, marks) in self.sent_by(session) {
            self.remove(owner, &marks);
        }
    }

    fn sent_by(&self, session: SessionId) -> Vec<(Owner, Marks)> {
        self.marks
            .range(Owner::all_of(session))
            .map(|(owner, marks)| (*owner, *marks))
            .collect()
    }

    fn close(&mut self, owner: Owner, peer: IpAddr, marks: &Marks) {
        let opens = matches!(marks, Marks::Segment(segment) if segment.flags.contains(Flags::SYN));
        if let Marks::Segment(segment) = marks {
            let (ours, theirs) = (segment.source_port, segment.destination_port);
            self.flows.remove(&(peer, ours, theirs, owner.session));
            self.sequences
                .0
                .remove(&(numbered(segment.sequence, segment), owner));
        }
        if !opens {
            self.remove(owner, marks);
        }
    }

    fn remove(&mut self, owner: Owner, marks: &Marks) {
        self.each(marks, |index, numbered| {
            index.0.remove(&(numbered, owner));
        });
        self.marks.remove(&owner);
    }

    /// What was sent as this probe.
    pub(super) fn marks(&self, owner: Owner) -> Option<&Marks> {
        self.marks.get(&owner)
    }

    /// Calls `visit` with every index a probe stands in, and its entry there.
    fn each(&mut self, marks: &Marks, mut visit: impl FnMut(&mut Index, Numbered)) {
        match marks {
            Marks::Segment(segment) => {
                visit(&mut self.sequences, numbered(segment.sequence, segment));
                if segment.flags.contains(Flags::ACK) {
                    visit(&mut self.resets, numbered(segment.acknowledgment, segment));
                } else {
                    let next = segment.sequence.wrapping_add(1);
                    let all = next.wrapping_add(u32::from(segment.payload_length));
                    visit(&mut self.acknowledgments, numbered(next, segment));
                    visit(&mut self.acknowledgments, numbered(all, segment));
                }
            }
            Marks::Echo { echo, .. } => visit(&mut self.echoes, numbered_echo(*echo)),
        }
    }

    /// The probes sent with this sequence number.
    pub(super) fn by_sequence(&self, shown: Numbered) -> impl Iterator<Item = Owner> + '_ {
        self.sequences.find(shown)
    }

    /// The probes sent with this sequence number, whatever their ports.
    pub(super) fn by_number(&self, number: u32) -> impl Iterator<Item = Owner> + '_ {
        let ports = |port| Numbered {
            number,
            ours: port,
            theirs: port,
        };
        let range = (ports(0), Owner::FIRST)..=(ports(u16::MAX), Owner::LAST);
        self.sequences.0.range(range).map(|(_, owner)| *owner)
    }

    /// The SYNs and FINs that this number acknowledges.
    pub(super) fn by_acknowledgment(&self, shown: Numbered) -> impl Iterator<Item = Owner> + '_ {
        self.acknowledgments.find(shown)
    }

    /// The echo requests with this identifier and sequence number.
    pub(super) fn by_echo(&self, echo: Echo) -> impl Iterator<Item = Owner> + '_ {
        self.echoes.find(numbered_echo(echo))
    }

    /// The probes that a segment from the other side answers by its numbers: the SYNs of a SYN-ACK,
    /// the SYNs, FINs and ACKs of a RST.
    pub(super) fn by_answer(&self, answer: &Segment) -> impl Iterator<Item = Owner> + '_ {
        let shown = |number| Numbered {
            number,
            ours: answer.destination_port,
            theirs: answer.source_port,
        };
        let resets = answer.flags.contains(Flags::RST);
        let acknowledges = answer.flags.contains(Flags::ACK);
        let says_something = resets || answer.flags.contains(Flags::SYN);
        let by_acknowledgment = (acknowledges && says_something)
            .then(|| self.acknowledgments.find(shown(answer.acknowledgment)));
        let by_reset = resets.then(|| self.resets.find(shown(answer.sequence)));
        by_acknowledgment
            .into_iter()
            .flatten()
            .chain(by_reset.into_iter().flatten())
    }

    /// The session that uses this flow, whatever the numbers.
    pub(super) fn by_flow(&self, peer: IpAddr, ours: u16, theirs: u16) -> Option<SessionId> {
        self.flows
            .range((peer, ours, theirs, SessionId(0))..=(peer, ours, theirs, SessionId(usize::MAX)))
            .map(|(_, _, _, session)| *session)
            .next()
    }
}

const fn numbered(number: u32, sent: &Numbers) -> Numbered {
    Numbered {
        number,
        ours: sent.source_port,
        theirs: sent.destination_port,
    }
}

const fn numbered_echo(echo: Echo) -> Numbered {
    Numbered {
        number: echo.bits(),
        ours: 0,
        theirs: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Owner = Owner {
        session: SessionId(3),
        probe: ProbeId(7),
    };

    fn peer() -> IpAddr {
        [10, 0, 0, 2].into()
    }

    fn sent(flags: Flags, payload_length: u16) -> Marks {
        let segment = Segment {
            payload_length,
            ..Segment::bare(40_001, 3306, 1000, 5000, flags)
        };
        Marks::Segment(segment.into())
    }

    fn answer(flags: Flags, sequence: u32, acknowledgment: u32) -> Segment {
        Segment::bare(3306, 40_001, sequence, acknowledgment, flags)
    }

    #[test]
    fn an_answer_is_ours_by_the_number_its_kind_must_show() {
        let syn_ack = Flags::SYN.with(Flags::ACK);
        let rst_ack = Flags::RST.with(Flags::ACK);
        for (probe, reply, ours) in [
            (sent(Flags::SYN, 0), answer(syn_ack, 9, 1001), true),
            (sent(Flags::SYN, 0), answer(syn_ack, 9, 1000), false),
            (sent(Flags::SYN, 0), answer(syn_ack, 1001, 9), false),
            (sent(Flags::SYN, 0), answer(rst_ack, 0, 1001), true),
            (sent(Flags::SYN, 0), answer(rst_ack, 0, 1002), false),
            (sent(Flags::SYN, 0), answer(Flags::RST, 1001, 1001), false),
            (sent(Flags::SYN, 0), answer(Flags::ACK, 9, 1001), false),
            (sent(Flags::SYN, 100), answer(rst_ack, 0, 1101), true),
            (sent(Flags::SYN, 100), answer(syn_ack, 9, 1001), true),
            (sent(Flags::SYN, 100), answer(rst_ack, 0, 1100), false),
            (sent(Flags::FIN, 0), answer(rst_ack, 0, 1001), true),
            (sent(Flags::ACK, 0), answer(Flags::RST, 5000, 0), true),
            (sent(Flags::ACK, 0), answer(Flags::RST, 1000, 5000), false),
            (sent(Flags::ACK, 0), answer(rst_ack, 0, 1001), false),
        ] {
            let mut inflight = Inflight::default();
            inflight.insert(OWNER, peer(), &probe);
            let found = inflight.by_answer(&reply).next();
            assert_eq!(found.is_some(), ours, "{probe:?} {reply:?}");
            let mut elsewhere = reply;
            elsewhere.destination_port += 1;
            assert_eq!(inflight.by_answer(&elsewhere).next(), None);
        }
    }

    #[test]
    fn a_retired_syn_is_still_found_by_its_syn_ack_and_by_nothing_else() {
        let mut inflight = Inflight::default();
        let syn = sent(Flags::SYN, 0);
        let ack = sent(Flags::ACK, 0);
        let sequence = Numbered {
            number: 1000,
            ours: 40_001,
            theirs: 3306,
        };
        for marks in [&syn, &ack] {
            inflight.insert(OWNER, peer(), marks);
            assert_eq!(inflight.by_flow(peer(), 40_001, 3306), Some(OWNER.session));
            inflight.close(OWNER, peer(), marks);
            assert_eq!(inflight.by_sequence(sequence).next(), None);
            assert_eq!(inflight.by_flow(peer(), 40_001, 3306), None);
        }
        let syn_ack = answer(Flags::SYN.with(Flags::ACK), 9, 1001);
        assert_eq!(inflight.by_answer(&syn_ack).next(), Some(OWNER));
        let reset = answer(Flags::RST, 5000, 0);
        assert_eq!(inflight.by_answer(&reset).next(), None);
    }

    #[test]
    fn of_a_forgotten_session_nothing_is_left() {
        let mut inflight = Inflight::default();
        inflight.insert(OWNER, peer(), &sent(Flags::SYN, 100));
        inflight.retire(OWNER.session, peer());
        let syn_ack = answer(Flags::SYN.with(Flags::ACK), 9, 1001);
        assert_eq!(inflight.by_answer(&syn_ack).next(), Some(OWNER));
        inflight.forget(OWNER.session);
        assert_eq!(inflight.by_answer(&syn_ack).next(), None);
        assert!(inflight.marks.is_empty() && inflight.flows.is_empty());
    }
}
