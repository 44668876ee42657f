//! A light network of very many hosts, for measuring the engine at the size of a sweep: three routers,
//! and behind them a host for each address, whose fate its number decides.
//!
//! It answers as the lab's devices do, but nothing of it holds state, loses or reorders: what is
//! measured is the engine, and the simulator of `tests/sim` is where verdicts are tried.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use etherparse::checksum::Sum16BitWords;
use synquest::model::time::Moment;
use synquest::model::verdict::Cause;
use synquest::wire::compose::{self, Envelope};
use synquest::wire::dissect::{Content, Packet, dissect};
use synquest::wire::icmp::Kind;
use synquest::wire::tcp::{Flags, Options, Segment};

/// The port under diagnosis, of a host of which only one is.
pub const DATABASE: u16 = 3306;
/// Where we stand.
pub const SOURCE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
/// Routers before the hosts.
const ROUTERS: u8 = 3;
/// There and back, whatever answers.
const ROUND_TRIP: Duration = Duration::from_millis(1);
/// Linux' `IP_FRAG_TIME`.
const REASSEMBLY: Duration = Duration::from_secs(30);
/// ICMP "communication administratively prohibited by filtering" (RFC 1812).
const PROHIBITED: u8 = 13;

/// What becomes of SYNs to the ports under diagnosis of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// A listener answers.
    Open,
    /// The host's stack resets.
    Closed,
    /// The host's firewall refuses.
    Rejected,
    /// The host's firewall drops.
    DroppedOnHost,
    /// A stateless filter drops between the last router and the host.
    DroppedAtEdge,
    /// The second router's forward filter drops.
    DroppedOnPath,
}

impl Fate {
    /// The fate of the host of this number: of sixteen, six open, six closed, one each of the others.
    pub const fn of(number: u32) -> Self {
        match number % 16 {
            0..=5 => Self::Open,
            6..=11 => Self::Closed,
            12 => Self::Rejected,
            13 => Self::DroppedOnHost,
            14 => Self::DroppedAtEdge,
            _ => Self::DroppedOnPath,
        }
    }

    /// What it is rightly called.
    pub const fn cause(self) -> Cause {
        match self {
            Self::Open => Cause::Open,
            Self::Closed => Cause::Closed,
            Self::Rejected => Cause::RejectHost,
            Self::DroppedOnHost => Cause::DropHost,
            Self::DroppedAtEdge => Cause::DropEdge,
            Self::DroppedOnPath => Cause::DropPath,
        }
    }
}

/// The address of a host: each in a /24 with 255 others.
pub fn address(number: u32) -> IpAddr {
    Ipv4Addr::from_bits(Ipv4Addr::new(20, 0, 0, 0).to_bits() + number).into()
}

/// The number of the host that has an address.
pub fn number(address: IpAddr) -> Option<u32> {
    let IpAddr::V4(address) = address else {
        return None;
    };
    let base = Ipv4Addr::new(20, 0, 0, 0).to_bits();
    address.to_bits().checked_sub(base)
}

/// The network: what it owes.
#[derive(Debug, Default)]
pub struct Network {
    owed: BinaryHeap<Reverse<(Moment, u64, Vec<u8>)>>,
    count: u64,
    /// Ports under diagnosis of each host, from [`DATABASE`] on.
    ports: u16,
}

impl Network {
    /// A network of hosts of which so many ports are under diagnosis.
    pub fn new(ports: u16) -> Self {
        Self {
            ports,
            ..Self::default()
        }
    }

    /// When the next answer arrives.
    pub fn next_at(&self) -> Option<Moment> {
        self.owed.peek().map(|Reverse((at, ..))| *at)
    }

    /// The next answer that arrived by `now`.
    pub fn take(&mut self, now: Moment) -> Option<(Moment, Vec<u8>)> {
        self.next_at().filter(|at| *at <= now)?;
        self.owed.pop().map(|Reverse((at, _, bytes))| (at, bytes))
    }

    /// Takes a datagram of ours.
    pub fn send(&mut self, now: Moment, datagram: &[u8]) {
        let Ok(packet) = dissect(datagram) else {
            return;
        };
        let Some(fate) = number(packet.destination).map(Fate::of) else {
            return;
        };
        if let Some((wait, answer)) = self.answer(&packet, fate, datagram) {
            self.count += 1;
            let owed = (now.after(ROUND_TRIP + wait), self.count, answer);
            self.owed.push(Reverse(owed));
        }
    }

    fn answer(&self, packet: &Packet, fate: Fate, datagram: &[u8]) -> Option<(Duration, Vec<u8>)> {
        let at_once = |answer: Option<Vec<u8>>| answer.map(|answer| (Duration::ZERO, answer));
        let is_asked = matches!(
            packet.content,
            Content::Tcp(segment)
                if (DATABASE..DATABASE + self.ports).contains(&segment.destination_port)
        );
        let stops_after = if is_asked && fate == Fate::DroppedOnPath {
            2
        } else {
            ROUTERS
        };
        if packet.ttl <= ROUTERS {
            let reported = packet.ttl <= stops_after;
            return at_once(reported.then(|| expired(packet, datagram)).flatten());
        }
        let lost = is_asked && matches!(fate, Fate::DroppedOnPath | Fate::DroppedAtEdge);
        if lost {
            return None;
        }
        if packet.fragment.is_some() {
            let error = quoting(
                packet,
                packet.destination,
                Kind::ReassemblyTimeout,
                datagram,
            );
            return error.map(|error| (REASSEMBLY, error));
        }
        match packet.content {
            Content::Tcp(segment) => at_once(of_tcp(packet, &segment, fate, is_asked, datagram)),
            Content::Icmp(message) => {
                let Kind::EchoRequest(echo) = message.kind else {
                    return None;
                };
                let payload = datagram.get(28..)?;
                let envelope = back(packet, packet.traffic_class);
                at_once(compose::message(&envelope, Kind::EchoReply(echo), payload).ok())
            }
            Content::LaterFragment { .. } | Content::Other { .. } => None,
        }
    }
}

/// The envelope of a host's own answer.
const fn back(packet: &Packet, traffic_class: u8) -> Envelope {
    Envelope {
        source: packet.destination,
        destination: packet.source,
        ttl: 64 - ROUTERS,
        traffic_class,
        identification: 0,
        flow_label: 0,
        dont_fragment: true,
    }
}

fn of_tcp(
    packet: &Packet,
    segment: &Segment,
    fate: Fate,
    is_asked: bool,
    datagram: &[u8],
) -> Option<Vec<u8>> {
    if segment.flags.contains(Flags::RST) {
        return None;
    }
    let answer = |sequence, acknowledgment, flags| {
        let (ours, theirs) = (segment.destination_port, segment.source_port);
        Segment::bare(ours, theirs, sequence, acknowledgment, flags)
    };
    let length = u32::from(segment.payload_length);
    let reset = || {
        let answer = if segment.flags.contains(Flags::ACK) {
            answer(segment.acknowledgment, 0, Flags::RST)
        } else {
            let acknowledged = segment.sequence.wrapping_add(1 + length);
            answer(0, acknowledged, Flags::RST.with(Flags::ACK))
        };
        compose::segment(&back(packet, packet.traffic_class), &answer).ok()
    };
    match (is_asked, fate) {
        (true, Fate::Open) if segment.flags == Flags::SYN => {
            let next = segment.sequence.wrapping_add(1);
            let mut opened = answer(77, next, Flags::SYN.with(Flags::ACK));
            opened.window = 65_160;
            opened.options = Options::linux_client(1460, 5);
            compose::segment(&back(packet, 0), &opened).ok()
        }
        (true, Fate::Rejected) => {
            let kind = Kind::Unreachable(PROHIBITED);
            quoting(packet, packet.destination, kind, datagram)
        }
        (true, Fate::DroppedOnHost) => None,
        _ => reset(),
    }
}

fn expired(packet: &Packet, datagram: &[u8]) -> Option<Vec<u8>> {
    let router = Ipv4Addr::new(10, 0, packet.ttl, 1).into();
    quoting(packet, router, Kind::TimeExceeded, datagram)
}

/// An ICMP error of a router, or of the host itself.
fn quoting(packet: &Packet, from: IpAddr, kind: Kind, datagram: &[u8]) -> Option<Vec<u8>> {
    let distance = if from == packet.destination {
        ROUTERS
    } else {
        packet.ttl - 1
    };
    // Each router took one off the TTL, and mended the checksum.
    let mut quoted = datagram.get(..28)?.to_vec();
    quoted[8] = packet.ttl - distance;
    quoted[10..12].fill(0);
    let sum = Sum16BitWords::new().add_slice(&quoted[..20]);
    quoted[10..12].copy_from_slice(&sum.ones_complement().to_ne_bytes());
    let envelope = Envelope {
        source: from,
        ttl: 64 - distance,
        dont_fragment: false,
        ..back(packet, 0xc0)
    };
    compose::message(&envelope, kind, &quoted).ok()
}
