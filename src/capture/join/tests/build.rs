//! Points made of composed packets.

use std::net::{IpAddr, SocketAddr};

use crate::capture::join::{Choice, Finding, Joined, Point, Sign, join};
use crate::capture::read::Reader;
use crate::model::verdict::Confidence;
use crate::wire::compose::{self, Envelope};
use crate::wire::icmp::{Echo, Kind};
use crate::wire::tcp::{Flags, Options, Segment};

/// The time at which tapes begin, and a second of theirs.
pub(super) const BEGIN: u64 = 1_700_000_000_000_000_000;
pub(super) const SECOND: u64 = 1_000_000_000;
/// How long a packet takes from here to there.
pub(super) const DELAY: u64 = 300_000;

/// A packet to be composed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wire {
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
    pub(super) ttl: u8,
    pub(super) id: u16,
    pub(super) sequence: u32,
    pub(super) acknowledgment: u32,
    pub(super) flags: Flags,
    pub(super) stamp: Option<(u32, u32)>,
    pub(super) payload: u16,
}

impl Wire {
    pub(super) fn syn(source: &str, destination: &str, sequence: u32) -> Self {
        Self {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            ttl: 64,
            id: u16::try_from(sequence % 60_000).unwrap() + 1,
            sequence,
            acknowledgment: 0,
            flags: Flags::SYN,
            stamp: None,
            payload: 0,
        }
    }

    /// The answer to it with these flags.
    pub(super) fn answer(self, flags: Flags) -> Self {
        Self {
            source: self.destination,
            destination: self.source,
            ttl: 64,
            id: 0,
            sequence: self.sequence ^ 0x5555_5555,
            acknowledgment: self.sequence.wrapping_add(1),
            flags: flags.with(Flags::ACK),
            stamp: self.stamp.map(|(value, _)| (value ^ 0xffff, value)),
            payload: 0,
        }
    }

    /// As it looks `hops` routers later.
    pub(super) const fn hops(self, hops: u8) -> Self {
        Self {
            ttl: self.ttl - hops,
            ..self
        }
    }

    /// As it looks with other ends.
    pub(super) fn translated(self, source: &str, destination: &str) -> Self {
        Self {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            ..self
        }
    }

    fn octets(self) -> Vec<u8> {
        let mut segment = Segment::bare(
            self.source.port(),
            self.destination.port(),
            self.sequence,
            self.acknowledgment,
            self.flags,
        );
        segment.options = Options {
            timestamps: self.stamp,
            ..Options::NONE
        };
        segment.payload_length = self.payload;
        compose::segment(&self.envelope(), &segment).unwrap()
    }

    fn envelope(self) -> Envelope {
        Envelope {
            source: self.source.ip(),
            destination: self.destination.ip(),
            ttl: self.ttl,
            traffic_class: 0,
            identification: self.id,
            flow_label: 0,
            dont_fragment: true,
        }
    }
}

/// A capture in the making.
#[derive(Clone, Debug)]
pub(super) struct Tape {
    packets: Vec<(u64, u32, Vec<u8>)>,
    /// What is added to its times.
    pub(super) ahead: i64,
    pub(super) filter: Option<&'static str>,
    pub(super) application: Option<&'static str>,
    pub(super) dropped: Option<u64>,
    /// Packets received beyond those in the file.
    pub(super) beyond: u64,
}

impl Tape {
    /// One that tells its drops and its filter: none.
    pub(super) const fn new() -> Self {
        Self {
            packets: Vec::new(),
            ahead: 0,
            filter: None,
            application: Some("Dumpcap (Wireshark) 4.0"),
            dropped: Some(0),
            beyond: 0,
        }
    }

    pub(super) fn put(&mut self, at: u64, wire: Wire) {
        self.put_on(at, 0, wire.octets());
    }

    pub(super) fn put_on(&mut self, at: u64, interface: u32, octets: Vec<u8>) {
        self.packets.push((at, interface, octets));
    }

    /// An echo request or reply.
    pub(super) fn echo(
        &mut self,
        at: u64,
        [source, destination]: [&str; 2],
        is_reply: bool,
        number: u32,
    ) {
        let echo = Echo::from_bits(0x0707_0000 | number);
        let kind = if is_reply {
            Kind::EchoReply(echo)
        } else {
            Kind::EchoRequest(echo)
        };
        let ends: [IpAddr; 2] = [source, destination].map(|end| end.parse().unwrap());
        let envelope = Envelope {
            source: ends[0],
            destination: ends[1],
            ttl: 64,
            traffic_class: 0,
            identification: u16::try_from(number).unwrap() + 1,
            flow_label: 0,
            dont_fragment: true,
        };
        let octets = compose::message(&envelope, kind, &number.to_be_bytes().repeat(4)).unwrap();
        self.put_on(at, 0, octets);
    }

    /// An error of `from` that quotes `wire`.
    pub(super) fn error(&mut self, at: u64, from: &str, kind: Kind, wire: Wire) {
        let envelope = Envelope {
            source: from.parse().unwrap(),
            destination: wire.source.ip(),
            ..wire.envelope()
        };
        let octets = compose::message(&envelope, kind, &wire.octets()).unwrap();
        self.put_on(at, 0, octets);
    }

    pub(super) fn point(&self, name: &str) -> Point {
        let octets = self.octets();
        Point::read(name, Reader::open(octets.as_slice()).unwrap())
    }

    /// The tape as a pcapng file.
    pub(super) fn octets(&self) -> Vec<u8> {
        let interfaces = self
            .packets
            .iter()
            .map(|(_, interface, _)| *interface)
            .max()
            .unwrap_or(0);
        let mut section = [0x1a2b_3c4d_u32.to_le_bytes(), 1_u32.to_le_bytes()].concat();
        section.extend([0xff; 8]);
        if let Some(application) = self.application {
            option(&mut section, 4, application.as_bytes());
        }
        let mut file = block(0x0a0d_0d0a, section);
        for number in 0..=interfaces {
            let mut body = vec![101, 0, 0, 0, 0, 0, 4, 0];
            option(&mut body, 2, format!("eth{number}").as_bytes());
            option(&mut body, 9, &[9]);
            if let Some(filter) = self.filter {
                option(&mut body, 11, &[&[0], filter.as_bytes()].concat());
            }
            file.extend(block(1, body));
        }
        let mut packets = self.packets.clone();
        packets.sort_by_key(|(at, _, _)| *at);
        for (at, interface, octets) in &packets {
            let at = at.wrapping_add_signed(self.ahead);
            let length = u32::try_from(octets.len()).unwrap();
            let mut body = Vec::new();
            let words = [*interface, (at >> 32) as u32, at as u32, length, length];
            body.extend(words.iter().flat_map(|word| word.to_le_bytes()));
            body.extend(octets);
            body.resize(body.len().next_multiple_of(4), 0);
            file.extend(block(6, body));
        }
        if let Some(dropped) = self.dropped {
            for number in 0..=interfaces {
                let of = packets
                    .iter()
                    .filter(|(_, interface, _)| *interface == number);
                let received = u64::try_from(of.count()).unwrap() + self.beyond;
                let mut body = [number.to_le_bytes(), [0; 4], [0; 4]].concat();
                option(&mut body, 4, &received.to_le_bytes());
                option(&mut body, 7, &dropped.to_le_bytes());
                file.extend(block(5, body));
            }
        }
        file
    }
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    body.extend(code.to_le_bytes());
    body.extend(u16::try_from(value.len()).unwrap().to_le_bytes());
    body.extend(value);
    body.resize(body.len().next_multiple_of(4), 0);
}

fn block(kind: u32, body: Vec<u8>) -> Vec<u8> {
    let length = u32::try_from(body.len() + 12).unwrap().to_le_bytes();
    [&kind.to_le_bytes()[..], &length, &body, &length].concat()
}

/// Two tapes: ours, and one a router further.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) ours: Tape,
    pub(super) theirs: Tape,
}

pub(super) const CLIENT: &str = "10.9.0.2";
pub(super) const SERVER: &str = "10.9.1.10";

/// How far a SYN comes, and what is done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    Vanish,
    Arrive,
    /// It is answered there; the answer is lost.
    AnswerLost,
    Answer,
    /// Something in front of the other point answers.
    AnswerBefore,
}

impl Pair {
    pub(super) const fn new() -> Self {
        Self {
            ours: Tape::new(),
            theirs: Tape::new(),
        }
    }

    /// A SYN after so many tenths of a second.
    pub(super) fn ask(&mut self, tenths: u64, port: u16, source: u16, does: Does) {
        let client = format!("{CLIENT}:{source}");
        let number =
            0x1111_1111_u32.wrapping_mul(u32::try_from(tenths).unwrap() + 7) ^ u32::from(source);
        let syn = Wire::syn(&client, &format!("{SERVER}:{port}"), number);
        let at = BEGIN + tenths * SECOND / 10;
        self.ours.put(at, syn);
        let answer = syn.answer(Flags::RST);
        if !matches!(does, Does::Vanish | Does::AnswerBefore) {
            self.theirs.put(at + DELAY, syn.hops(1));
        }
        if matches!(does, Does::Answer | Does::AnswerLost) {
            self.theirs.put(at + DELAY + 10_000, answer);
        }
        if does == Does::Answer {
            self.ours.put(at + 2 * DELAY + 10_000, answer.hops(1));
        }
        if does == Does::AnswerBefore {
            self.ours.put(at + DELAY, answer);
        }
    }

    /// SYNs to port 3306 in four flows over 4 s, and answered ones to other ports around and between.
    pub(super) fn usual(does: Does) -> Self {
        let mut pair = Self::new();
        pair.controls();
        for round in 0..4 {
            pair.ask(
                5 + round * 10,
                3306,
                40_000 + u16::try_from(round).unwrap(),
                does,
            );
        }
        pair
    }

    pub(super) fn controls(&mut self) {
        for round in 0..6 {
            let port = 20_000 + u16::try_from(round).unwrap();
            self.ask(round * 10, port, 30_000 + port, Does::Answer);
        }
    }

    pub(super) fn join(&self) -> (Vec<Point>, Joined) {
        let points = vec![self.ours.point("ours"), self.theirs.point("theirs")];
        let joined = join(&points, &Choice::default());
        (points, joined)
    }
}

/// The statements on SYNs to port 3306: what, how many, how firmly.
pub(super) fn stated(joined: &Joined) -> Vec<(Sign, usize, Confidence)> {
    let told = joined
        .findings
        .iter()
        .filter(|finding| finding.server.port() == 3306);
    told.map(|finding| {
        (
            finding.sign,
            finding.journeys.len(),
            finding.ground.confidence,
        )
    })
    .collect()
}

/// The finding with this sign on SYNs to port 3306.
pub(super) fn finding(joined: &Joined, sign: Sign) -> &Finding {
    let mut told = joined.findings.iter();
    told.find(|finding| finding.server.port() == 3306 && finding.sign == sign)
        .unwrap()
}
