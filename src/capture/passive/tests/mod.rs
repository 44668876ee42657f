//! Scripted captures → verdict, through one [`check`].
//!
//! A [`Tape`] is written packet by packet, each at its millisecond. The client is two routers from
//! the place of capture and one from the server unless a test says otherwise.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

mod answered;
mod established;
mod places;
mod running;
mod said;
mod silent;
mod volume;

use super::*;
use crate::model::time::Moment;
use crate::model::verdict::{Cause, Confidence};
use crate::wire::compose::{self, Envelope};
use crate::wire::frame::Direction;
use crate::wire::icmp::Kind;
use crate::wire::tcp::{Flags, Options, Segment};

const PORT: u16 = 3306;
const ISN: u32 = 4_294_967_000;
const THEIRS: u32 = 77_000;
const SYN_ACK: Flags = Flags::SYN.with(Flags::ACK);
const RST_ACK: Flags = Flags::RST.with(Flags::ACK);

fn client() -> IpAddr {
    Ipv4Addr::new(10, 9, 0, 2).into()
}

fn server() -> IpAddr {
    Ipv4Addr::new(10, 9, 9, 10).into()
}

fn router(hop: u8) -> IpAddr {
    Ipv4Addr::new(10, 9, hop, 1).into()
}

/// A capture being written.
struct Tape {
    observer: Observer,
    number: u64,
    at: Moment,
    /// Milliseconds before the client's clock that it began.
    end: u64,
    client: IpAddr,
    /// The client's port.
    from: u16,
    to: u16,
    isn: u32,
    /// Routers between the client and the place of capture.
    near: u8,
    /// Routers between the server and the place of capture.
    far: u8,
    direction: Option<(Direction, Direction)>,
    identification: u16,
}

impl Tape {
    fn new() -> Self {
        Self {
            observer: Observer::new(),
            number: 0,
            at: Moment::START,
            end: 120_000,
            client: client(),
            from: 40_000,
            to: PORT,
            isn: ISN,
            near: 2,
            far: 1,
            direction: None,
            identification: 9,
        }
    }

    /// The next packets are captured then.
    fn at(&mut self, millis: u64) -> &mut Self {
        self.at = Moment::from_nanos(millis * 1_000_000);
        self
    }

    /// The next packets belong to another attempt.
    fn flow(&mut self, from: u16, to: u16) -> &mut Self {
        (self.from, self.to) = (from, to);
        self.isn = ISN.wrapping_add(u32::from(from)) ^ u32::from(to);
        self
    }

    fn write(&mut self, by_client: bool, datagram: &[u8]) -> &mut Self {
        self.number += 1;
        let direction = self
            .direction
            .map(|(out, back)| if by_client { out } else { back });
        self.observer.see(self.number, self.at, direction, datagram);
        self
    }

    fn envelope(&mut self, by_client: bool) -> Envelope {
        self.identification = self.identification.wrapping_add(1);
        let (source, destination, passed) = if by_client {
            (self.client, server(), self.near)
        } else {
            (server(), self.client, self.far)
        };
        Envelope {
            source,
            destination,
            ttl: 64 - passed,
            traffic_class: 0,
            identification: self.identification,
            flow_label: 0,
            dont_fragment: true,
        }
    }

    fn segment(&mut self, by_client: bool, segment: Segment) -> &mut Self {
        let envelope = self.envelope(by_client);
        let datagram = compose::segment(&envelope, &segment).unwrap();
        self.write(by_client, &datagram)
    }

    fn stamp(&self) -> u32 {
        u32::try_from(self.at.micros() / 1000).unwrap() + 1
    }

    fn the_syn(&self) -> Segment {
        Segment {
            options: Options::linux_client(1460, self.stamp()),
            window: 64_240,
            ..Segment::bare(self.from, self.to, self.isn, 0, Flags::SYN)
        }
    }

    fn syn(&mut self) -> &mut Self {
        let syn = self.the_syn();
        self.segment(true, syn)
    }

    /// What answers the SYN comes from the same port of another host.
    fn answer_from(&mut self, host: IpAddr, flags: Flags) -> &mut Self {
        let next = self.isn.wrapping_add(1);
        let answer = Segment::bare(self.to, self.from, THEIRS, next, flags);
        let envelope = Envelope {
            source: host,
            ..self.envelope(false)
        };
        let datagram = compose::segment(&envelope, &answer).unwrap();
        self.write(false, &datagram)
    }

    /// A SYN to the same port of another host.
    fn syn_to(&mut self, host: IpAddr) -> &mut Self {
        let envelope = Envelope {
            destination: host,
            ..self.envelope(true)
        };
        let datagram = compose::segment(&envelope, &self.the_syn()).unwrap();
        self.write(true, &datagram)
    }

    /// As a traceroute sends it.
    fn limited_syn(&mut self, ttl: u8) -> &mut Self {
        let envelope = Envelope {
            ttl,
            ..self.envelope(true)
        };
        let datagram = compose::segment(&envelope, &self.the_syn()).unwrap();
        self.write(true, &datagram)
    }

    /// The SYN at 0, 1, 3, 7 … s after `millis`, as Linux resends it, `count` in all.
    fn syns(&mut self, millis: u64, count: u32) -> &mut Self {
        for nth in 0..count {
            self.at(millis + ((1 << nth) - 1) * 1000).syn();
        }
        self
    }

    fn answer(&mut self, flags: Flags) -> &mut Self {
        let opens = flags == SYN_ACK;
        let answer = Segment {
            window: if opens { 65_160 } else { 0 },
            options: if opens {
                Options::linux_client(1460, 5)
            } else {
                Options::NONE
            },
            ..Segment::bare(
                self.to,
                self.from,
                if opens { THEIRS } else { 0 },
                self.isn.wrapping_add(1),
                flags,
            )
        };
        self.segment(false, answer)
    }

    /// Data (or none) with everything before acknowledged: offsets from the first octet.
    fn data(&mut self, by_client: bool, from: u32, length: u16, acknowledged: u32) -> &mut Self {
        let (ours, theirs) = (self.isn.wrapping_add(1), THEIRS + 1);
        let (own, other) = if by_client {
            (ours, theirs)
        } else {
            (theirs, ours)
        };
        let (source, destination) = if by_client {
            (self.from, self.to)
        } else {
            (self.to, self.from)
        };
        let segment = Segment {
            payload_length: length,
            window: 500,
            ..Segment::bare(
                source,
                destination,
                own.wrapping_add(from),
                other.wrapping_add(acknowledged),
                Flags::ACK,
            )
        };
        self.segment(by_client, segment)
    }

    /// SYN, SYN-ACK and ACK within two milliseconds.
    fn handshake(&mut self, millis: u64) -> &mut Self {
        self.at(millis).syn();
        self.at(millis + 1).answer(SYN_ACK);
        self.at(millis + 2).data(true, 0, 0, 0)
    }

    /// An ICMP error about the SYN, from `by`, that has passed `passed` routers.
    fn icmp(&mut self, by: IpAddr, kind: Kind, passed: u8) -> &mut Self {
        let quoted = compose::segment(&self.envelope(true), &self.the_syn()).unwrap();
        let envelope = Envelope {
            source: by,
            destination: self.client,
            ttl: 64 - passed,
            traffic_class: 0xc0,
            ..self.envelope(false)
        };
        // As little as a router must quote.
        let datagram = compose::message(&envelope, kind, &quoted[..28]).unwrap();
        self.write(false, &datagram)
    }

    fn finish(&mut self) -> Account {
        let observer = std::mem::take(&mut self.observer);
        observer.finish(Moment::START.after(Duration::from_millis(self.end)))
    }
}

/// The one check: the conversation with the port, its cause and how firm.
#[track_caller]
fn check(script: impl FnOnce(&mut Tape), cause: Cause, confidence: Confidence) -> Conversation {
    let mut tape = Tape::new();
    script(&mut tape);
    let account = tape.finish();
    let conversations = account.conversations.into_iter();
    let mut ours =
        conversations.filter(|e| e.outcome.endpoint.port == PORT && e.client == client());
    let conversation = ours.next().expect("a conversation with the port");
    assert!(
        ours.next().is_none(),
        "one conversation for one client and port"
    );
    let verdict = &conversation.outcome.finding.verdict;
    assert_eq!(
        (verdict.cause, verdict.confidence),
        (cause, confidence),
        "{}\n{:#?}\n{:#?}",
        verdict.summary,
        conversation.outcome.finding.notes,
        conversation.attempts,
    );
    let says = verdict.summary.contains(' ');
    let cites = !verdict.basis.is_empty() || conversation.packets.is_empty();
    assert!(
        says && (cites || cause == Cause::Inconclusive),
        "{verdict:?}"
    );
    conversation
}

fn outcomes(conversation: &Conversation) -> Vec<AttemptOutcome> {
    conversation
        .attempts
        .iter()
        .map(|attempt| attempt.outcome)
        .collect()
}
