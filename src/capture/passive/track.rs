//! One connection attempt as its packets stream by.

mod shown;

use std::net::IpAddr;
use std::time::Duration;

use crate::engine::translate;
use crate::model::reply::{Answer, Flaw, Reply};
use crate::model::time::Moment;
use crate::wire::dissect::{Message, Packet};
use crate::wire::frame::Direction;
use crate::wire::glance::Outline;
use crate::wire::quote::Quote;
use crate::wire::tcp::{Flags, Segment};

use super::encounter::{Ending, Fate, Side};
use super::stream::Stream;

/// A SYN is silent when nothing came within the first retransmission timeout of TCP (RFC 6298 §2).
pub(super) const PATIENCE: Duration = Duration::from_secs(1);
/// The same packet seen again sooner is the same packet: no stack resends a SYN, SYN-ACK or RST so
/// soon, and no capture shows a packet on two interfaces so late.
pub(super) const TWICE: Duration = Duration::from_millis(150);
/// A client that asks again this long after an answer has not heard it: it was time to resend, and
/// it was not resent because of a packet that crossed the answer on the way.
const UNHEARD: Duration = Duration::from_millis(300);
/// SYNs and answers of one attempt that are remembered; Linux sends 7 SYNs (`tcp_syn_retries`).
const REMEMBERED: usize = 12;
/// Probes of a traceroute live for at most as many hops (`traceroute -m`); stacks begin at 64.
pub(super) const TRACEROUTE: u8 = 30;

/// A SYN.
#[derive(Clone, Copy, Debug)]
pub(super) struct Syn {
    pub(super) at: Moment,
    pub(super) number: u64,
    pub(super) ttl: u8,
    pub(super) traffic_class: u8,
    pub(super) identification: Option<u32>,
    /// Its timestamp option's value.
    pub(super) stamp: Option<u32>,
    pub(super) payload: u16,
    pub(super) mss: Option<u16>,
    pub(super) direction: Option<Direction>,
}

/// An answer to a SYN.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    pub(super) at: Moment,
    pub(super) number: u64,
    pub(super) reply: Reply,
    /// What shows which of the SYNs it answers.
    pub(super) shows: Shows,
    /// It was seen a second time, one hop on: the capturing host sends it on.
    pub(super) relayed: bool,
}

/// What an answer shows of the SYN it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    /// The value of its timestamp option (RFC 7323 §3.2).
    Stamp(u32),
    /// Its IPv4 identification, quoted.
    Identification(u32),
    /// Nothing besides the sequence number.
    Sequence,
}

/// One attempt.
#[derive(Clone, Debug)]
pub(super) struct Track {
    pub(super) encounter: usize,
    pub(super) client_is_low: bool,
    pub(super) client_port: u16,
    /// The client's initial sequence number; `None` where its SYN is not in the capture.
    pub(super) isn: Option<u32>,
    pub(super) syns: Vec<Syn>,
    pub(super) more_syns: u32,
    pub(super) answers: Vec<Heard>,
    /// Answers by their numbers that come from another address or port than was asked.
    pub(super) astray: Vec<Heard>,
    pub(super) first: Moment,
    pub(super) last: Moment,
    /// The SYNs were seen a second time, one hop on.
    pub(super) forwarded: bool,
    /// Another SYN with the same number followed at once: something on the way sends its own.
    pub(super) relayed: bool,
    /// The client acknowledges what a server sent.
    pub(super) went_on: Option<Moment>,
    /// The SYN-ACK was sent again after that.
    pub(super) resent: u16,
    /// A packet that says the connection ended.
    pub(super) reset: Option<(Side, Moment, u64)>,
    closed: [bool; 2],
    pub(super) client: Stream,
    pub(super) server: Stream,
    /// The TTL of the server's segments after the handshake, and whether it is always the same.
    pub(super) served_ttl: Option<u8>,
    /// A router said that a later segment is too big, and what fits.
    pub(super) too_big: Option<Option<u16>>,
    /// Somebody refused the answer.
    pub(super) answer_refused: Option<IpAddr>,
    /// Answers whose checksum is wrong, or was left to hardware.
    pub(super) broken: u32,
    /// Segments of the right ports and the wrong numbers.
    pub(super) near_misses: u32,
    /// The server answered with a bare ACK of something else: an older connection lingers there.
    pub(super) challenged: bool,
}

/// What a packet was to an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It belongs to it.
    Ours,
    /// It was seen before.
    Twice,
    /// It begins another one.
    Another,
}

impl Track {
    /// An attempt that begins with a packet at `at`.
    pub(super) fn new(encounter: usize, client_port: u16, client_is_low: bool, at: Moment) -> Self {
        Self {
            encounter,
            client_is_low,
            client_port,
            isn: None,
            syns: Vec::new(),
            more_syns: 0,
            answers: Vec::new(),
            astray: Vec::new(),
            first: at,
            last: at,
            forwarded: false,
            relayed: false,
            went_on: None,
            resent: 0,
            reset: None,
            closed: [false; 2],
            client: Stream::default(),
            server: Stream::default(),
            served_ttl: None,
            too_big: None,
            answer_refused: None,
            broken: 0,
            near_misses: 0,
            challenged: false,
        }
    }

    /// A SYN of the client.
    pub(super) fn ask(&mut self, syn: Syn, sequence: u32) -> Taken {
        match self.isn {
            Some(isn) if isn != sequence => return Taken::Another,
            None if !self.answers.is_empty() && !self.fits_late(sequence) => return Taken::Another,
            Some(_) | None => {}
        }
        let goes_on = self.went_on.is_some();
        let near = |known: &Syn| {
            let same = known.stamp == syn.stamp && known.identification == syn.identification;
            // A client that went on resends no SYN; one that was held up before the place of capture
            // may arrive there together with the next.
            known.at.since(syn.at).max(syn.at.since(known.at)) < TWICE && (same || goes_on)
        };
        if let Some(known) = self.syns.iter_mut().rev().find(|known| near(known)) {
            let rewritten = known.stamp != syn.stamp
                || known.identification != syn.identification && known.mss != syn.mss;
            if rewritten {
                self.relayed = true;
            } else if known.ttl != syn.ttl {
                self.forwarded = true;
                // As it arrived: nearer to the client.
                known.ttl = known.ttl.max(syn.ttl);
            }
            return Taken::Twice;
        }
        self.isn = Some(sequence);
        self.client.begin(sequence.wrapping_add(1));
        self.touch(syn.at);
        if self.syns.len() < REMEMBERED {
            self.syns.push(syn);
        } else {
            self.more_syns += 1;
        }
        Taken::Ours
    }

    /// Whether a SYN-ACK that stands before its SYN in the file answers it.
    fn fits_late(&self, sequence: u32) -> bool {
        self.went_on.is_none() && self.client.next_is(sequence.wrapping_add(1))
    }

    /// A segment that neither begins nor resets a connection.
    pub(super) fn flow(&mut self, by_client: bool, at: Moment, ttl: u8, segment: &Outline) {
        self.touch(at);
        let acknowledges = segment.flags.contains(Flags::ACK);
        if by_client {
            if acknowledges {
                // Before the server has spoken in the capture, the first number is its first.
                self.server.acknowledge(segment.acknowledgment);
                if self.went_on.is_none() {
                    self.went_on = Some(at);
                }
            }
            if segment.payload_length > 0 {
                self.client
                    .send(at, segment.sequence, segment.payload_length);
            }
            self.closed[0] |= segment.flags.contains(Flags::FIN);
            return;
        }
        if acknowledges && self.went_on.is_none() && !self.is_of_handshake(segment.acknowledgment) {
            self.challenged = true;
            return;
        }
        if acknowledges {
            self.client.acknowledge(segment.acknowledgment);
        }
        if segment.payload_length > 0 {
            self.server
                .send(at, segment.sequence, segment.payload_length);
            // Zero: they differ.
            let same = self.served_ttl.is_none_or(|known| known == ttl);
            self.served_ttl = Some(if same { ttl } else { 0 });
        }
        self.closed[1] |= segment.flags.contains(Flags::FIN);
    }

    /// Whether a server that acknowledges this has answered the SYN, in the capture or unseen.
    fn is_of_handshake(&self, acknowledgment: u32) -> bool {
        let near = |isn: u32| acknowledgment.wrapping_sub(isn).wrapping_sub(1) < 1 << 20;
        self.opened_at().is_some() || self.isn.is_some_and(near)
    }

    /// A reset, or a SYN-ACK of its own (simultaneous open), from the client.
    pub(super) fn hear_client(&mut self, at: Moment, number: u64, flags: Flags) -> Taken {
        self.touch(at);
        if flags.contains(Flags::RST) {
            self.reset.get_or_insert((Side::Client, at, number));
        }
        Taken::Ours
    }

    /// A SYN-ACK or a reset from the server, or a bare SYN (simultaneous open).
    pub(super) fn hear_server(
        &mut self,
        at: Moment,
        number: u64,
        packet: &Packet,
        segment: &Segment,
    ) -> Taken {
        self.touch(at);
        if segment.flags.contains(Flags::RST) {
            return self.shut(at, number, packet, segment);
        }
        if segment.flags.contains(Flags::ACK) {
            return self.opened(at, number, packet, segment);
        }
        Taken::Ours
    }

    /// A segment that acknowledges the SYN and comes from elsewhere.
    pub(super) fn hear_astray(
        &mut self,
        at: Moment,
        number: u64,
        packet: &Packet,
        segment: &Segment,
    ) {
        self.touch(at);
        let port = segment.source_port;
        let reply = Reply {
            flaw: Some(Flaw::Misaddressed { port }),
            ..translate::reply(packet, translate::segment(segment))
        };
        if self.astray.len() < REMEMBERED {
            self.astray.push(Heard {
                at,
                number,
                reply,
                shows: Shows::Sequence,
                relayed: false,
            });
        }
    }

    fn opened(&mut self, at: Moment, number: u64, packet: &Packet, segment: &Segment) -> Taken {
        if self.isn.is_none() && self.answers.is_empty() {
            self.client.begin(segment.acknowledgment);
        } else if !self.acknowledges_syn(segment.acknowledgment) {
            self.near_misses += 1;
            return Taken::Ours;
        }
        self.server.begin(segment.sequence.wrapping_add(1));
        let shows = match segment.options.timestamps {
            Some((_, echo)) if echo != 0 => Shows::Stamp(echo),
            _ => Shows::Sequence,
        };
        let taken = self.answer(at, number, packet, translate::segment(segment), shows);
        if taken == Taken::Ours && self.went_on.is_some_and(|went| at.since(went) >= UNHEARD) {
            self.resent = self.resent.saturating_add(1);
        }
        taken
    }

    fn shut(&mut self, at: Moment, number: u64, packet: &Packet, segment: &Segment) -> Taken {
        if self.opened_at().is_some() || self.went_on.is_some() {
            self.reset.get_or_insert((Side::Server, at, number));
            return Taken::Ours;
        }
        let acknowledges =
            segment.flags.contains(Flags::ACK) && self.acknowledges_syn(segment.acknowledgment);
        if !acknowledges || self.isn.is_none() {
            self.near_misses += 1;
            return Taken::Ours;
        }
        self.answer(at, number, packet, Answer::Reset, Shows::Sequence)
    }

    /// An ICMP error that quotes a segment of the client with the number of its SYN.
    pub(super) fn refuse(
        &mut self,
        (at, number): (Moment, u64),
        packet: &Packet,
        message: &Message,
        quote: &Quote,
        source: IpAddr,
    ) -> Taken {
        self.touch(at);
        let answer = translate::error(packet, message.kind, quote, source, quote.asked());
        let shows = match (quote.source, quote.identification) {
            (IpAddr::V4(_), Some(identification)) => Shows::Identification(identification),
            _ => Shows::Sequence,
        };
        self.answer(at, number, packet, answer, shows)
    }

    fn answer(
        &mut self,
        at: Moment,
        number: u64,
        packet: &Packet,
        answer: Answer,
        shows: Shows,
    ) -> Taken {
        let reply = translate::reply(packet, answer);
        let same = |known: &Heard| {
            known.at.since(at).max(at.since(known.at)) < TWICE
                && known.reply.answer.same_kind(&answer)
                && known.reply.from == reply.from
                && known.shows == shows
        };
        // Errors about several SYNs may come at once, and then differ in nothing but the packet.
        let twin = |known: &Heard| {
            same(known)
                && (known.reply.answer == answer
                    && (shows != Shows::Sequence || !is_error(&answer))
                    || known.reply.ttl != reply.ttl)
        };
        if let Some(known) = self.answers.iter_mut().rev().find(|known| twin(known)) {
            known.relayed |= known.reply.ttl != reply.ttl;
            // As it arrived: nearer to its sender.
            known.reply.ttl = known.reply.ttl.max(reply.ttl);
            return Taken::Twice;
        }
        if self.answers.len() < REMEMBERED {
            self.answers.push(Heard {
                at,
                number,
                reply,
                shows,
                relayed: false,
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

    fn touch(&mut self, at: Moment) {
        self.first = self.first.min(at);
        self.last = self.last.max(at);
    }
}

const fn is_error(answer: &Answer) -> bool {
    !matches!(answer, Answer::SynAck { .. } | Answer::Reset)
}
