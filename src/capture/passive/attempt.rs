//! One connection attempt as its packets stream by.

mod answers;
mod life;
mod shown;
mod under_way;

use std::net::IpAddr;
use std::time::Duration;

use crate::engine::translate;
use crate::model::reply::{Answer, Flaw, Reply};
use crate::model::session::Said;
use crate::model::time::Moment;
use crate::wire::dissect::Message;
use crate::wire::peek::Outline;
use crate::wire::quote::Quote;
use crate::wire::tcp::{Flags, Segment};

use super::conversation::{AttemptOutcome, Ending, Side};
pub(super) use super::heard::{Arrival, Crossing, Heard, Refused, Shows, Syn};
use super::stream::Stream;

pub(super) use life::Distances;
use life::{Prohibited, Reset, Unheard, side_index};

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

/// One attempt.
#[derive(Clone, Debug)]
pub(super) struct AttemptState {
    pub(super) conversation: usize,
    pub(super) client_is_low: bool,
    pub(super) client_port: u16,
    /// The client's initial sequence number; `None` where its SYN is not in the capture.
    pub(super) isn: Option<u32>,
    pub(super) syns: Vec<Syn>,
    pub(super) more_syns: u32,
    /// It was running when the capture began; then its segments are counted.
    under_way: bool,
    segments: u64,
    pub(super) answers: Vec<Heard>,
    /// The numbers that answer the SYN-ACKs, where there are several.
    choices: Vec<u32>,
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
    pub(super) reset: Option<Reset>,
    /// Somebody refused segments after the handshake.
    pub(super) prohibited: Option<Prohibited>,
    closed: [bool; 2],
    /// The first FIN: whose, when, and after how long a quiet time.
    fin: Option<(Side, Moment, Duration)>,
    pub(super) client: Stream,
    pub(super) server: Stream,
    /// The least and the greatest TTL of the segments after the handshake, of the client and of the
    /// server.
    ttls: [Option<(u8, u8)>; 2],
    /// The last packet of the client and of the server.
    last_by: [Option<Moment>; 2],
    /// Since when the client, or the server, offers no window.
    no_room: [Option<Moment>; 2],
    lacked_room: [bool; 2],
    /// Keepalives of the client, and of the server, since the other was heard.
    unheard: [Option<Unheard>; 2],
    /// How long the connection was quiet before its last packet.
    quiet: Duration,
    /// The last time that nothing passed for longer than a round trip takes on a short path: for how
    /// long, and until when.
    pause: (Duration, Moment),
    /// A router said that a later segment is too big, and what fits.
    pub(super) too_big: Option<Option<u16>>,
    /// Somebody refused the answer.
    pub(super) answer_refused: Option<Refused>,
    /// The last error of the server.
    pub(super) said: Option<Said>,
    /// Answers whose checksum is wrong, or was left to hardware.
    pub(super) broken: u32,
    /// Resets, of either side.
    pub(super) resets: u32,
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

impl AttemptState {
    /// An attempt that begins with a packet at `at`.
    pub(super) fn new(
        conversation: usize,
        client_port: u16,
        client_is_low: bool,
        at: Moment,
    ) -> Self {
        Self {
            conversation,
            client_is_low,
            client_port,
            isn: None,
            syns: Vec::new(),
            more_syns: 0,
            under_way: false,
            segments: 0,
            answers: Vec::new(),
            choices: Vec::new(),
            astray: Vec::new(),
            first: at,
            last: at,
            forwarded: false,
            relayed: false,
            went_on: None,
            resent: 0,
            reset: None,
            prohibited: None,
            closed: [false; 2],
            fin: None,
            client: Stream::default(),
            server: Stream::default(),
            ttls: [None; 2],
            last_by: [None; 2],
            no_room: [None; 2],
            unheard: [None; 2],
            lacked_room: [false; 2],
            quiet: Duration::ZERO,
            pause: (Duration::ZERO, at),
            too_big: None,
            answer_refused: None,
            said: None,
            broken: 0,
            resets: 0,
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
            known.elsewhere |= known.crossing.interface != syn.crossing.interface
                || known.crossing.direction != syn.crossing.direction;
            if rewritten {
                self.relayed = true;
            } else if known.ttl != syn.ttl {
                self.forwarded = true;
                // As it arrived: nearer to the client.
                if syn.ttl > known.ttl {
                    (known.ttl, known.crossing) = (syn.ttl, syn.crossing);
                }
            }
            return Taken::Twice;
        }
        self.isn = Some(sequence);
        self.client.begin(sequence.wrapping_add(1));
        self.touch(syn.at);
        self.last_by[0] = Some(self.last);
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

    /// A segment that neither begins nor resets a connection; its window counts where it was
    /// captured.
    pub(super) fn flow(
        &mut self,
        by_client: bool,
        at: Moment,
        ttl: u8,
        segment: &Outline,
        has_window: bool,
    ) {
        self.touch(at);
        self.segments = self.segments.saturating_add(1);
        let acknowledges = segment.flags.contains(Flags::ACK);
        if by_client {
            if acknowledges && self.went_on.is_none() {
                self.went_on = Some(at);
                self.choose(segment.acknowledgment);
            }
        } else if acknowledges
            && self.went_on.is_none()
            && !self.under_way
            && !self.is_of_handshake(segment.acknowledgment)
        {
            self.challenged = true;
            return;
        }
        let side = if by_client {
            Side::Client
        } else {
            Side::Server
        };
        self.mark(side, at, ttl, has_window.then_some(segment.window));
        if self.is_fresh(side, ttl) {
            let fin = segment.flags.contains(Flags::FIN);
            let numbers = u32::from(segment.payload_length) + u32::from(fin);
            // What is sent again on purpose, to be acknowledged once more (RFC 9293 §3.8.4).
            let is_keepalive =
                numbers <= 1 && !fin && self.stream(side).next_is(segment.sequence.wrapping_add(1));
            self.ask_alive(side, at, is_keepalive);
            let own = self.stream_mut(side);
            own.order(segment.sequence, numbers, !fin);
        }
        self.exchange(side, at, segment);
        if segment.flags.contains(Flags::FIN) {
            self.closed[side_index(side)] = true;
            let quiet = self.quiet_before(at);
            self.fin.get_or_insert((side, at, quiet));
        }
    }

    /// What a segment of `side` says of both directions.
    fn exchange(&mut self, side: Side, at: Moment, segment: &Outline) {
        let quiet = self.quiet_before(at);
        let (own, other) = match side {
            Side::Client => (&mut self.client, &mut self.server),
            Side::Server => (&mut self.server, &mut self.client),
        };
        let fin = segment.flags.contains(Flags::FIN);
        let carries = segment.payload_length > 0;
        // Whatever a side sends next shows that the acknowledgment of what it sent before arrived,
        // where it did not send that again.
        let heeded = other
            .waiting_since()
            .is_some_and(|since| own.settled(since, at));
        if segment.flags.contains(Flags::ACK) {
            // A keep-alive probe bears the number before the next one (RFC 9293 §3.8.4).
            let bare = !carries && !fin && own.next_is(segment.sequence);
            other.acknowledge(at, segment.acknowledgment, bare);
            if let Some(block) = segment.selective {
                other.skip(block);
            }
        }
        if heeded {
            other.echo();
        }
        if carries {
            own.send(at, segment.sequence, segment.payload_length, quiet);
        } else {
            own.stand(at, segment.sequence);
        }
        if carries
            && other
                .waiting_since()
                .is_some_and(|since| own.flows(since, at))
        {
            other.echo();
        }
        if fin {
            let after = u32::from(segment.payload_length);
            own.close(at, quiet, segment.sequence.wrapping_add(after));
        }
    }

    /// The client acknowledges one of several SYN-ACKs: the server's numbers are those of it.
    fn choose(&mut self, acknowledgment: u32) {
        if self.server.octets() == 0 && self.choices.contains(&acknowledgment) {
            self.server.restart(acknowledgment);
        }
    }

    /// Whether a server that acknowledges this has answered the SYN, in the capture or unseen.
    fn is_of_handshake(&self, acknowledgment: u32) -> bool {
        let near = |isn: u32| acknowledgment.wrapping_sub(isn).wrapping_sub(1) < 1 << 20;
        self.opened_at().is_some() || self.isn.is_some_and(near)
    }
}
