//! Connection tracking as Linux does it, as far as lone probes can tell: which packets are new,
//! established, related, invalid; entries are only kept once a packet got through (`confirm`).
//!
//! Of TCP's window tracking only what a probe can run into is here: a reset that is the only reply
//! deletes the entry at once, a SYN reopens what our own reset closed, an ACK out of nowhere is
//! picked up (`nf_conntrack_tcp_loose`) and a second, unrelated one on the same ports is invalid.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use synquest::model::time::Moment;

use super::datagram::{Datagram, ICMP, ICMP6, Segment, TCP};

/// What conntrack says of a packet: the words of iptables' `--state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The first direction of a connection that no reply was seen of.
    New,
    /// Part of a connection with traffic both ways.
    Established,
    /// An ICMP error about a known connection.
    Related,
    /// Fits no connection and starts none.
    Invalid,
    /// Not tracked.
    Untracked,
}

/// Addresses and ports of one direction; for ICMP echo both ports are the identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tuple {
    /// Protocol.
    pub protocol: u8,
    /// Source.
    pub source: (IpAddr, u16),
    /// Destination.
    pub destination: (IpAddr, u16),
}

impl Tuple {
    /// The tuple of a datagram; `None` for an ICMP message that is no echo.
    pub fn of(datagram: &Datagram) -> Option<Self> {
        let (from, to) = if let Some(segment) = datagram.segment() {
            (segment.source_port, segment.destination_port)
        } else if let Some((kind, _)) = datagram.icmp() {
            if !matches!(
                (datagram.protocol, kind),
                (ICMP, 0 | 8) | (ICMP6, 128 | 129)
            ) {
                return None;
            }
            (datagram.echo_identifier(), datagram.echo_identifier())
        } else {
            (0, 0)
        };
        Some(Self {
            protocol: datagram.protocol,
            source: (datagram.source, from),
            destination: (datagram.destination, to),
        })
    }

    /// The tuple of what an ICMP error quotes; eight octets of transport suffice.
    pub fn of_quote(quote: &[u8]) -> Option<Self> {
        let address6 = |at: usize| -> Option<IpAddr> {
            Some(<[u8; 16]>::try_from(quote.get(at..at + 16)?).ok()?.into())
        };
        let address4 = |at: usize| -> Option<IpAddr> {
            Some(<[u8; 4]>::try_from(quote.get(at..at + 4)?).ok()?.into())
        };
        let (protocol, source, destination, at) = match quote.first()? >> 4 {
            4 => {
                let length = usize::from(quote.first()? & 15) * 4;
                (*quote.get(9)?, address4(12)?, address4(16)?, length)
            }
            6 => match *quote.get(6)? {
                44 => (*quote.get(40)?, address6(8)?, address6(24)?, 48),
                protocol => (protocol, address6(8)?, address6(24)?, 40),
            },
            _ => return None,
        };
        let word = |at: usize| -> Option<u16> {
            Some(u16::from_be_bytes([*quote.get(at)?, *quote.get(at + 1)?]))
        };
        let (from, to) = match protocol {
            TCP => (word(at)?, word(at + 2)?),
            ICMP | ICMP6 => (word(at + 4)?, word(at + 4)?),
            _ => (0, 0),
        };
        Some(Self {
            protocol,
            source: (source, from),
            destination: (destination, to),
        })
    }

    /// The other direction.
    pub const fn inverse(self) -> Self {
        Self {
            protocol: self.protocol,
            source: self.destination,
            destination: self.source,
        }
    }
}

/// One connection. `original` is as the first packet came in; `reply` is what an answer looks like
/// before it is translated back.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The first direction.
    pub original: Tuple,
    /// The other direction, as seen on the far side of a translation.
    pub reply: Tuple,
    tcp: TcpState,
    seen_reply: bool,
    reset_by_original: bool,
    picked_up: Option<(u32, u32)>,
    expires: Moment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TcpState {
    None,
    SynSent,
    SynReceived,
    Established,
    Close,
}

/// What conntrack attached to one packet.
#[derive(Clone, Debug)]
pub struct Tracked {
    /// The state rules see.
    pub state: State,
    /// The connection it belongs to.
    pub connection: Option<Connection>,
    /// Whether it goes in the reply direction.
    pub reply: bool,
}

/// A connection, kept or not yet.
#[derive(Clone, Debug)]
pub enum Connection {
    /// In the table.
    Kept(u64),
    /// Of a first packet that has not got through yet.
    Fresh(Box<Entry>),
}

impl Tracked {
    /// A packet that is not tracked.
    pub const NONE: Self = Self {
        state: State::Untracked,
        connection: None,
        reply: false,
    };

    const INVALID: Self = Self {
        state: State::Invalid,
        connection: None,
        reply: false,
    };

    /// What `nf_ct_attach` gives to a refusal of this packet: related, the other way.
    pub fn attached(&self) -> Self {
        Self {
            state: State::Related,
            connection: self.connection.clone(),
            reply: !self.reply,
        }
    }
}

/// The table of one node.
#[derive(Debug, Default)]
pub struct Conntrack {
    serial: u64,
    entries: BTreeMap<u64, Entry>,
    index: BTreeMap<Tuple, (u64, bool)>,
}

impl Conntrack {
    /// Looks up a packet and moves its connection on.
    pub fn track(&mut self, datagram: &Datagram, now: Moment) -> Tracked {
        if datagram.fragment.is_some() {
            return Tracked::NONE;
        }
        if datagram.is_icmp_error() {
            return self.track_error(datagram, now);
        }
        let Some(tuple) = Tuple::of(datagram) else {
            return Tracked::INVALID;
        };
        match self.find(tuple, now) {
            Some((id, reply)) => self.follow(id, reply, datagram, now),
            None => Self::start(tuple, datagram, now),
        }
    }

    fn track_error(&mut self, datagram: &Datagram, now: Moment) -> Tracked {
        let quoted = datagram.payload.get(8..).and_then(Tuple::of_quote);
        match quoted.and_then(|tuple| self.find(tuple.inverse(), now)) {
            Some((id, reply)) => Tracked {
                state: State::Related,
                connection: Some(Connection::Kept(id)),
                reply,
            },
            None => Tracked::INVALID,
        }
    }

    fn find(&mut self, tuple: Tuple, now: Moment) -> Option<(u64, bool)> {
        let found = *self.index.get(&tuple)?;
        if self.entries[&found.0].expires > now {
            return Some(found);
        }
        self.delete(found.0);
        None
    }

    fn delete(&mut self, id: u64) {
        if let Some(entry) = self.entries.remove(&id) {
            self.index.remove(&entry.original);
            self.index.remove(&entry.reply);
        }
    }

    fn start(tuple: Tuple, datagram: &Datagram, now: Moment) -> Tracked {
        let (tcp, seconds, picked_up) = match datagram.segment() {
            Some(segment) if segment.is_syn() => (TcpState::SynSent, 120, None),
            Some(segment) if segment.ack && !segment.syn && !segment.rst && !segment.fin => (
                TcpState::Established,
                300,
                Some((segment.sequence, segment.acknowledgment)),
            ),
            Some(_) => return Tracked::INVALID,
            None if matches!(datagram.icmp(), Some((0 | 129, _))) => return Tracked::INVALID,
            None => (TcpState::None, 30, None),
        };
        Tracked {
            state: State::New,
            connection: Some(Connection::Fresh(Box::new(Entry {
                original: tuple,
                reply: tuple.inverse(),
                tcp,
                seen_reply: false,
                reset_by_original: false,
                picked_up,
                expires: now.after(Duration::from_secs(seconds)),
            }))),
            reply: false,
        }
    }

    fn follow(&mut self, id: u64, reply: bool, datagram: &Datagram, now: Moment) -> Tracked {
        let Some(segment) = datagram.segment() else {
            let entry = self.entry_mut(id);
            entry.seen_reply |= reply;
            entry.expires = now.after(Duration::from_secs(30));
            return self.known(id, reply);
        };
        let entry = self.entry_mut(id);
        if segment.is_syn() && !reply && entry.tcp == TcpState::Close && entry.reset_by_original {
            let tuple = entry.original;
            self.delete(id);
            return Self::start(tuple, datagram, now);
        }
        match entry.next_state(reply, &segment) {
            Step::Invalid => Tracked {
                connection: None,
                ..Tracked::INVALID
            },
            Step::Ignore => self.known(id, reply),
            Step::To(state) => {
                let entry = self.entry_mut(id);
                entry.tcp = state;
                entry.reset_by_original = segment.rst && !reply;
                let seconds = match state {
                    TcpState::SynSent => 120,
                    TcpState::SynReceived => 60,
                    TcpState::Close => 10,
                    TcpState::Established | TcpState::None => 300,
                };
                entry.expires = now.after(Duration::from_secs(seconds));
                if reply && segment.rst && !entry.seen_reply {
                    // The packet itself keeps its connection; later ones do not find it.
                    let entry = entry.clone();
                    self.delete(id);
                    return Tracked {
                        state: State::Established,
                        connection: Some(Connection::Fresh(Box::new(entry))),
                        reply,
                    };
                }
                entry.seen_reply |= reply;
                self.known(id, reply)
            }
        }
    }

    fn known(&self, id: u64, reply: bool) -> Tracked {
        Tracked {
            state: if self.entries[&id].seen_reply {
                State::Established
            } else {
                State::New
            },
            connection: Some(Connection::Kept(id)),
            reply,
        }
    }

    fn entry_mut(&mut self, id: u64) -> &mut Entry {
        self.entries.get_mut(&id).expect("an entry that was found")
    }

    /// The connection of a packet.
    pub fn entry<'a>(&'a self, tracked: &'a Tracked) -> Option<&'a Entry> {
        match tracked.connection.as_ref()? {
            Connection::Kept(id) => self.entries.get(id),
            Connection::Fresh(entry) => Some(entry),
        }
    }

    /// Keeps the connection of a first packet that got through the node.
    pub fn confirm(&mut self, tracked: &Tracked) {
        if let Some(Connection::Fresh(entry)) = &tracked.connection
            && !tracked.reply
        {
            self.serial += 1;
            self.index.insert(entry.original, (self.serial, false));
            self.index.insert(entry.reply, (self.serial, true));
            self.entries.insert(self.serial, Entry::clone(entry));
        }
    }
}

enum Step {
    To(TcpState),
    Ignore,
    Invalid,
}

impl Entry {
    /// `tcp_conntracks` of `nf_conntrack_proto_tcp.c`, the rows and columns that occur.
    fn next_state(&self, reply: bool, segment: &Segment) -> Step {
        use TcpState::{Close, Established, None, SynReceived, SynSent};
        if segment.rst {
            return Step::To(Close);
        }
        match (segment.syn, segment.ack, segment.fin, reply, self.tcp) {
            (true, false, _, false, SynSent) => Step::To(SynSent),
            (true, false, _, false, _) => Step::Ignore,
            (true, true, _, true, SynSent) => Step::To(SynReceived),
            (true, true, _, true, _) => Step::Ignore,
            (false, true, false, true, SynSent) => Step::Ignore,
            (false, _, _, false, SynSent) => Step::Invalid,
            (false, true, false, false, Established) if !self.fits(segment) => Step::Invalid,
            (false, true, _, false, SynReceived | Established) => Step::To(Established),
            (false, true, _, true, state @ (SynReceived | Established)) => Step::To(state),
            (false, _, true, _, Established | SynReceived) => Step::To(self.tcp),
            (false, _, _, _, Close) => Step::To(Close),
            (_, _, _, _, None | SynSent | SynReceived | Established | Close) => Step::Invalid,
        }
    }

    /// Whether a segment lies in the window of a connection picked up in its middle.
    fn fits(&self, segment: &Segment) -> bool {
        let Some((sequence, acknowledgment)) = self.picked_up else {
            return true;
        };
        let before = |a: u32, b: u32| (a.wrapping_sub(b) as i32) < 0;
        before(segment.sequence, sequence.wrapping_add(66_000))
            && !before(acknowledgment, segment.acknowledgment)
    }

    /// Whether the destination was translated.
    pub fn translates_destination(&self) -> bool {
        self.original.destination != self.reply.source
    }

    /// Whether the source was translated.
    pub fn translates_source(&self) -> bool {
        self.original.source != self.reply.destination
    }
}
