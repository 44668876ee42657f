//! The observer: packets in, one encounter for each client and server port out.

use std::net::IpAddr;

use crate::model::time::Moment;
use crate::wire::checksum::{self, Checksum};
use crate::wire::dissect::{Content, Message, Packet};
use crate::wire::frame::Direction;
use crate::wire::glance::{Outline, Sight, glance};
use crate::wire::icmp::Kind;
use crate::wire::quote::{Carried, Quote};
use crate::wire::tcp::{Flags, Segment};

use super::assess;
use super::encounter::Account;
use super::gather::Gather;
use super::pair::{Pair, Socket};
use super::sight;
use super::track::{Syn, Taken, Track};

/// Follows the connection attempts in a capture, packet by packet.
///
/// Memory is bounded however long the capture and however many clients: see [`Account`] for what is
/// counted instead. Packets may be given in any order and more than once; those that stand in the
/// order of their time are understood best.
#[derive(Clone, Debug, Default)]
pub struct Observer {
    gather: Gather,
    /// Any packet went towards a client: the capture holds both directions.
    both_ways: bool,
    last: Moment,
}

/// When, and as which packet of the file, something was seen.
#[derive(Clone, Copy, Debug)]
struct Frame {
    number: u64,
    at: Moment,
    direction: Option<Direction>,
    /// A checksum is wrong, or was left to hardware where the capture was taken.
    broken: bool,
}

impl Observer {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A packet: its number in the file (from 1), when it was captured, which way it crossed the
    /// interface where that is known, and its IP datagram, which may be cut short.
    pub fn see(&mut self, number: u64, at: Moment, direction: Option<Direction>, datagram: &[u8]) {
        self.last = self.last.max(at);
        // The bulk of a capture: neither begins a connection nor answers its beginning.
        if let Some(seen) = glance(datagram)
            && let Sight::Tcp(outline) = seen.sight
            && !outline.flags.contains(Flags::SYN)
            && !outline.flags.contains(Flags::RST)
        {
            self.flow(at, (seen.source, seen.destination, seen.ttl), &outline);
            return;
        }
        let frame = Frame {
            number,
            at,
            direction,
            broken: checksum::whole(datagram) == Checksum::Wrong,
        };
        let Some(packet) = sight::read(datagram) else {
            self.gather.remainder.unread += 1;
            return;
        };
        match &packet.content {
            Content::Tcp(segment) => self.segment(frame, &packet, segment),
            Content::Icmp(message) => self.message(frame, &packet, message),
            Content::LaterFragment { .. } | Content::Other { .. } => {
                self.gather.remainder.unread += 1;
            }
        }
    }

    /// The account of everything seen; `end` is when the capture ended, at the earliest the moment of
    /// its last packet.
    pub fn finish(self, end: Moment) -> Account {
        let end = end.max(self.last);
        let (gathered, remainder) = self.gather.finish(end);
        Account {
            encounters: assess::all(&gathered, self.both_ways, end),
            remainder,
        }
    }

    fn flow(
        &mut self,
        at: Moment,
        (source, destination, ttl): (IpAddr, IpAddr, u8),
        outline: &Outline,
    ) {
        let from = Socket::new(source, outline.source_port);
        let to = Socket::new(destination, outline.destination_port);
        let (pair, from_low) = Pair::of(from, to);
        let Some(track) = self.gather.live(&pair) else {
            self.gather.remainder.stray += 1;
            return;
        };
        let by_client = track.client_is_low == from_low;
        self.both_ways |= !by_client;
        track.flow(by_client, at, ttl, outline);
    }

    fn segment(&mut self, frame: Frame, packet: &Packet, segment: &Segment) {
        let flags = segment.flags;
        if !flags.contains(Flags::SYN) && !flags.contains(Flags::RST) {
            // Its header is cut within the options.
            let outline = outline(segment);
            self.flow(
                frame.at,
                (packet.source, packet.destination, packet.ttl),
                &outline,
            );
            return;
        }
        let from = Socket::new(packet.source, segment.source_port);
        let to = Socket::new(packet.destination, segment.destination_port);
        let (pair, from_low) = Pair::of(from, to);
        let asks = flags.contains(Flags::SYN)
            && !flags.contains(Flags::ACK)
            && !flags.contains(Flags::RST);
        if let Some(track) = self.gather.live(&pair) {
            let by_client = track.client_is_low == from_low;
            let taken = match (by_client, asks) {
                (true, true) => track.ask(syn(frame, packet, segment), segment.sequence),
                (true, false) => track.hear_client(frame.at, frame.number, flags),
                // A SYN from the other side: simultaneous open, or the ports are used the other way.
                (false, true) if !track.answers.is_empty() || track.is_over() => Taken::Another,
                (false, _) => {
                    self.both_ways = true;
                    track.broken = track.broken.saturating_add(frame.broken.into());
                    track.hear_server(frame.at, frame.number, packet, segment)
                }
            };
            match taken {
                Taken::Ours => return,
                Taken::Twice => {
                    self.gather.remainder.twice += 1;
                    return;
                }
                Taken::Another => {}
            }
        }
        if !asks && flags.contains(Flags::ACK) {
            let isn = segment.acknowledgment.wrapping_sub(1);
            if let Some(track) = self.gather.asking(&to, isn) {
                self.both_ways = true;
                track.hear_astray(frame.at, frame.number, packet, segment);
                return;
            }
        }
        if asks {
            match self.gather.begin(pair, from, from_low, to, frame.at) {
                Some(track) => {
                    track.ask(syn(frame, packet, segment), segment.sequence);
                }
                None => self.gather.remainder.syns += 1,
            }
        } else if flags.contains(Flags::SYN) && flags.contains(Flags::ACK) {
            self.both_ways = true;
            match self.gather.begin(pair, to, !from_low, from, frame.at) {
                Some(track) => {
                    track.hear_server(frame.at, frame.number, packet, segment);
                }
                None => self.gather.remainder.stray += 1,
            }
        } else {
            self.gather.remainder.stray += 1;
        }
    }

    fn message(&mut self, frame: Frame, packet: &Packet, message: &Message) {
        let Some((quote, from, to, sequence)) = message.quote.as_ref().and_then(quoted) else {
            return;
        };
        self.both_ways = true;
        let (pair, from_low) = Pair::of(from, to);
        if let Some(track) = self.gather.live(&pair) {
            let taken = if track.client_is_low != from_low {
                // About the server's own segment.
                track.answer_refused.get_or_insert(packet.source);
                Taken::Ours
            } else {
                about(track, frame, packet, message, (&quote, sequence))
            };
            self.gather.remainder.twice += u64::from(taken == Taken::Twice);
            return;
        }
        // Some translations leave the quoted source as it was on their other side: then the error
        // itself tells the client, and the number tells the SYN.
        let client = packet.destination;
        let ports: Vec<u16> = self.gather.recent(&(client, to)).collect();
        for port in ports {
            let (pair, _) = Pair::of(Socket::new(client, port), to);
            if let Some(track) = self.gather.live(&pair)
                && track.isn == Some(sequence)
            {
                about(track, frame, packet, message, (&quote, sequence));
                return;
            }
        }
        let speaks = matches!(message.kind, Kind::Unreachable(_) | Kind::TimeExceeded);
        if !speaks || quote.source != client {
            self.gather.remainder.stray += 1;
            return;
        }
        match self.gather.begin(pair, from, from_low, to, frame.at) {
            Some(track) => {
                track.isn = Some(sequence);
                about(track, frame, packet, message, (&quote, sequence));
            }
            None => self.gather.remainder.stray += 1,
        }
    }
}

/// An ICMP error about a segment of the client.
fn about(
    track: &mut Track,
    frame: Frame,
    packet: &Packet,
    message: &Message,
    (quote, sequence): (&Quote, u32),
) -> Taken {
    if let Kind::TooBig { mtu } = message.kind {
        track.too_big = Some(mtu.map(|mtu| u16::try_from(mtu).unwrap_or(u16::MAX)));
    }
    if track.isn != Some(sequence) {
        return Taken::Ours;
    }
    track.refuse(
        (frame.at, frame.number),
        packet,
        message,
        quote,
        packet.destination,
    )
}

/// A quoted TCP segment: the quote, its sender, its receiver, its sequence number.
fn quoted(quote: &Quote) -> Option<(Quote, Socket, Socket, u32)> {
    let Carried::Tcp {
        source_port,
        destination_port,
        sequence,
    } = quote.carried
    else {
        return None;
    };
    let from = Socket::new(quote.source, source_port);
    let to = Socket::new(quote.destination, destination_port);
    Some((*quote, from, to, sequence))
}

fn syn(frame: Frame, packet: &Packet, segment: &Segment) -> Syn {
    Syn {
        at: frame.at,
        number: frame.number,
        ttl: packet.ttl,
        traffic_class: packet.traffic_class,
        identification: packet.identification,
        stamp: segment.options.timestamps.map(|(value, _)| value),
        payload: segment.payload_length,
        mss: segment.options.mss,
        direction: frame.direction,
    }
}

const fn outline(segment: &Segment) -> Outline {
    Outline {
        source_port: segment.source_port,
        destination_port: segment.destination_port,
        sequence: segment.sequence,
        acknowledgment: segment.acknowledgment,
        flags: segment.flags,
        payload_length: segment.payload_length,
    }
}
