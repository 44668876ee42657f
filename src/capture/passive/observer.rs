//! The observer: packets in, one conversation for each client and server port out.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::engine::translate;
use crate::model::reply::Refusal;
use crate::model::time::Moment;
use crate::wire::checksum::{self, Checksum};
use crate::wire::dissect::{Content, Message, Packet};
use crate::wire::frame::Direction;
use crate::wire::icmp::Kind;
use crate::wire::peek::{Outline, Sight, peek};
use crate::wire::protocol;
use crate::wire::quote::{Carried, Quote};
use crate::wire::tcp::{Flags, Segment};

use super::assess::{self, Scene};
use super::attempt::{Arrival, AttemptState, Crossing, Refused, Syn, Taken};
use super::choice::Choice;
use super::conversation::Account;
use super::conversation::Side;
use super::gather::Gather;
use super::pair::{Pair, Socket};
use super::sight;
use super::speech;

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
    /// The interfaces that the file describes.
    interfaces: u32,
    choice: Choice,
    /// Addresses that do not answer ARP or neighbour discovery.
    unresolved: BTreeSet<IpAddr>,
    last: Moment,
}

/// When, and as which packet of the file, something was seen.
#[derive(Clone, Copy, Debug)]
struct Frame {
    number: u64,
    at: Moment,
    crossing: Crossing,
    /// The window of a segment is in the capture.
    has_window: bool,
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
        let crossing = Crossing {
            direction,
            ..Crossing::default()
        };
        self.see_on(number, at, crossing, datagram);
    }

    /// A packet, with all that the file says of how it crossed an interface.
    pub fn see_on(&mut self, number: u64, at: Moment, crossing: Crossing, datagram: &[u8]) {
        self.last = self.last.max(at);
        // The bulk of a capture: neither begins a connection nor answers its beginning.
        if let Some(seen) = peek(datagram)
            && let Sight::Tcp(outline) = seen.sight
            && !outline.flags.contains(Flags::SYN)
            && !outline.flags.contains(Flags::RST)
        {
            let way = (seen.source, seen.destination, seen.ttl);
            self.flow(at, way, &outline, datagram, true);
            return;
        }
        let Some(seen) = sight::read(datagram) else {
            self.gather.remainder.cut += 1;
            return;
        };
        let packet = seen.packet;
        let frame = Frame {
            number,
            at,
            crossing,
            has_window: seen.has_window,
            broken: checksum::whole(datagram) == Checksum::Wrong,
        };
        match &packet.content {
            Content::Tcp(segment) => self.segment(frame, &packet, segment, datagram),
            Content::Icmp(message) => self.message(frame, &packet, message),
            Content::LaterFragment { .. } | Content::Other { .. } => {
                self.gather.remainder.unread += 1;
            }
        }
    }

    /// Nothing seen yet; of what is seen, only what is chosen counts.
    pub fn choosing(choice: Choice) -> Self {
        Self {
            choice,
            ..Self::default()
        }
    }

    /// Whether a packet between these two is of what is asked for, whichever of them is the client.
    fn admits(&self, one: Socket, other: Socket) -> bool {
        self.choice.admits(one.address, other) || self.choice.admits(other.address, one)
    }

    /// The file describes `count` interfaces: what crosses one of them only is told by that.
    pub const fn covers(&mut self, count: u32) {
        self.interfaces = count;
    }

    /// The hosts of these addresses did not answer ARP or neighbour discovery, though the capture would
    /// hold their answers.
    pub fn lacks(&mut self, addresses: impl Iterator<Item = IpAddr>) {
        self.unresolved.extend(addresses);
    }

    /// The account of everything seen; `end` is when the capture ended, at the earliest the moment of
    /// its last packet.
    pub fn finish(self, end: Moment) -> Account {
        let end = end.max(self.last);
        let scene = Scene {
            both_ways: self.both_ways,
            choice: self.choice,
            interfaces: self.interfaces,
            unresolved: self.unresolved,
            end,
        };
        let (gathered, remainder) = self.gather.finish(end);
        Account {
            conversations: assess::all(&gathered, &scene),
            remainder,
        }
    }

    fn flow(
        &mut self,
        at: Moment,
        (source, destination, ttl): (IpAddr, IpAddr, u8),
        outline: &Outline,
        datagram: &[u8],
        has_window: bool,
    ) {
        let from = Socket::new(source, outline.source_port);
        let to = Socket::new(destination, outline.destination_port);
        let (pair, from_low) = Pair::of(from, to);
        if self.gather.live(&pair).is_none() {
            self.join(at, (from, to), outline);
        }
        let Some(attempt) = self.gather.live(&pair) else {
            self.gather.remainder.stray += u64::from(self.admits(from, to));
            return;
        };
        let by_client = attempt.client_is_low == from_low;
        self.both_ways |= !by_client;
        attempt.flow(by_client, at, ttl, outline, has_window);
        if !by_client && outline.payload_length > 0 && attempt.is_established() {
            let words = sight::payload(datagram, outline.payload_length);
            let heard = speech::error(words, outline.payload_length, from.port);
            speech::keep(&mut attempt.said, heard);
        }
    }

    /// Follows a connection from here on that runs already, where its ports tell who is the server.
    fn join(&mut self, at: Moment, (from, to): (Socket, Socket), outline: &Outline) {
        /// Linux, and all that follow IANA, give clients higher ports.
        const SERVERS: u16 = 32_768;
        let flags = outline.flags;
        let runs = flags.contains(Flags::ACK) && !flags.contains(Flags::FIN);
        let (server, client) = if from.port < to.port {
            (from, to)
        } else {
            (to, from)
        };
        let told = server.port < SERVERS && client.port > 1024 && server.port != client.port;
        if runs && told && self.choice.bears(server) {
            let (pair, client_is_low) = Pair::of(client, server);
            self.gather.join(pair, client, client_is_low, server, at);
        }
    }

    fn segment(&mut self, frame: Frame, packet: &Packet, segment: &Segment, datagram: &[u8]) {
        let flags = segment.flags;
        if !flags.contains(Flags::SYN) && !flags.contains(Flags::RST) {
            // Its header is cut within the options.
            let outline = outline(segment);
            self.flow(
                frame.at,
                (packet.source, packet.destination, packet.ttl),
                &outline,
                datagram,
                frame.has_window,
            );
            return;
        }
        let from = Socket::new(packet.source, segment.source_port);
        let to = Socket::new(packet.destination, segment.destination_port);
        let (pair, from_low) = Pair::of(from, to);
        if !self.choice.bears(from) && !self.choice.bears(to) {
            return;
        }
        let arrival = arrival(frame, packet);
        let asks = flags.contains(Flags::SYN)
            && !flags.contains(Flags::ACK)
            && !flags.contains(Flags::RST);
        if let Some(attempt) = self.gather.live(&pair) {
            let by_client = attempt.client_is_low == from_low;
            let taken = match (by_client, asks) {
                (true, true) => attempt.ask(syn(frame, packet, segment), segment.sequence),
                (true, false) => attempt.hear_client(arrival, flags),
                // A SYN from the other side: simultaneous open, or the ports are used the other way.
                (false, true) if !attempt.answers.is_empty() || attempt.is_over() => Taken::Another,
                (false, _) => {
                    self.both_ways = true;
                    attempt.broken = attempt.broken.saturating_add(frame.broken.into());
                    attempt.hear_server(arrival, segment)
                }
            };
            let resets = flags.contains(Flags::RST) && taken != Taken::Twice;
            attempt.resets = attempt.resets.saturating_add(resets.into());
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
            if let Some(attempt) = self.gather.asking(&to, isn) {
                self.both_ways = true;
                attempt.hear_astray(arrival, segment);
                return;
            }
        }
        if asks {
            match self.gather.begin(pair, from, from_low, to, frame.at) {
                Some(attempt) => {
                    attempt.ask(syn(frame, packet, segment), segment.sequence);
                }
                None => self.gather.remainder.syns += 1,
            }
            if let Some(identification) = packet.identification.filter(|known| *known > 0) {
                let parties = (from, to, segment.sequence);
                self.gather.remember(identification, parties);
            }
        } else if flags.contains(Flags::SYN) && flags.contains(Flags::ACK) {
            self.both_ways = true;
            match self.gather.begin(pair, to, !from_low, from, frame.at) {
                Some(attempt) => {
                    attempt.hear_server(arrival, segment);
                }
                None => self.gather.remainder.stray += 1,
            }
        } else {
            self.gather.remainder.stray += 1;
        }
    }

    fn message(&mut self, frame: Frame, packet: &Packet, message: &Message) {
        let told = message.quote.as_ref().and_then(|quote| {
            // A quote cut before the ports is told by the identification of the SYN.
            quoted(quote).or_else(|| self.gather.quoted(quote))
        });
        let Some((quote, from, to, sequence)) = told else {
            if message
                .quote
                .is_some_and(|quote| quote.protocol == protocol::TCP)
            {
                self.gather.remainder.cut += 1;
            }
            return;
        };
        self.both_ways = true;
        let (pair, from_low) = Pair::of(from, to);
        if let Some(attempt) = self.gather.live(&pair) {
            let taken = if attempt.client_is_low != from_low {
                about_server(attempt, frame, packet, message);
                Taken::Ours
            } else {
                about(attempt, frame, packet, message, (&quote, sequence))
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
            if let Some(attempt) = self.gather.live(&pair)
                && attempt.isn == Some(sequence)
            {
                about(attempt, frame, packet, message, (&quote, sequence));
                return;
            }
        }
        let speaks = matches!(message.kind, Kind::Unreachable(_) | Kind::TimeExceeded);
        if !speaks || quote.source != client {
            self.gather.remainder.stray += 1;
            return;
        }
        match self.gather.begin(pair, from, from_low, to, frame.at) {
            Some(attempt) => {
                attempt.isn = Some(sequence);
                about(attempt, frame, packet, message, (&quote, sequence));
            }
            None => self.gather.remainder.stray += 1,
        }
    }
}

/// An ICMP error about a segment of the client.
fn about(
    attempt: &mut AttemptState,
    frame: Frame,
    packet: &Packet,
    message: &Message,
    (quote, sequence): (&Quote, u32),
) -> Taken {
    if let Kind::TooBig { mtu } = message.kind {
        attempt.too_big = Some(mtu.map(|mtu| u16::try_from(mtu).unwrap_or(u16::MAX)));
    }
    if attempt.isn != Some(sequence) {
        // Of a connection that was never completed, the errors are about its SYN.
        if attempt.is_established()
            && let Kind::Unreachable(_) = message.kind
            && let Some(refusal) = refusal(packet, message, quote)
        {
            let from = (packet.source, packet.ttl);
            let beyond = attempt.is_beyond(frame.crossing);
            attempt.prohibit(
                (frame.at, frame.number),
                from,
                refusal,
                Side::Client,
                beyond,
            );
        }
        return Taken::Ours;
    }
    attempt.refuse(arrival(frame, packet), message, quote, packet.destination)
}

/// An ICMP error about a segment of the server.
fn about_server(attempt: &mut AttemptState, frame: Frame, packet: &Packet, message: &Message) {
    match message.kind {
        Kind::TooBig { mtu } => {
            attempt.too_big = Some(mtu.map(|mtu| u16::try_from(mtu).unwrap_or(u16::MAX)));
        }
        Kind::Unreachable(_) if attempt.is_established() => {
            let quote = message.quote.as_ref();
            if let Some(refusal) = quote.and_then(|quote| refusal(packet, message, quote)) {
                let from = (packet.source, packet.ttl);
                attempt.prohibit((frame.at, frame.number), from, refusal, Side::Server, false);
            }
        }
        Kind::Unreachable(_) => {
            attempt.answer_refused.get_or_insert(Refused {
                by: packet.source,
                ttl: packet.ttl,
                direction: frame.crossing.direction,
            });
        }
        _ => {}
    }
}

/// What an ICMP error says, where it is a refusal.
fn refusal(packet: &Packet, message: &Message, quote: &Quote) -> Option<Refusal> {
    translate::error(packet, message.kind, quote, quote.source, quote.asked()).refusal()
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
        crossing: frame.crossing,
        elsewhere: false,
    }
}

const fn arrival(frame: Frame, packet: &Packet) -> Arrival<'_> {
    Arrival {
        at: frame.at,
        number: frame.number,
        packet,
        crossing: frame.crossing,
        has_window: frame.has_window,
    }
}

const fn outline(segment: &Segment) -> Outline {
    Outline {
        source_port: segment.source_port,
        destination_port: segment.destination_port,
        sequence: segment.sequence,
        acknowledgment: segment.acknowledgment,
        flags: segment.flags,
        window: segment.window,
        payload_length: segment.payload_length,
        selective: segment.options.selective,
    }
}
