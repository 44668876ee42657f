//! The life of a connection after its handshake: what ended it, and who.

use super::*;
use crate::model::reply::Refusal;
use crate::model::session::{End, Party, Session};
use crate::model::verdict::Way;
use crate::wire::frame::Direction;

use super::super::position::passed;
use super::super::stream::{Missing, Stuck};

/// A transfer that does not go on for so long has stalled: Linux resends four times meanwhile.
const STALLED: Duration = Duration::from_secs(3);
/// A gap that shows once and no longer than this may be the end of the capture, save where it is of
/// several segments.
const SEVERAL: u64 = 2048;
/// A quiet time that parts one exchange from the next, and the longest exchange.
const PAUSE: Duration = Duration::from_millis(20);
const EXCHANGE: Duration = Duration::from_secs(1);
/// Keepalives in a row to which nothing is said that show that nobody is there.
const FORSAKEN: u16 = 3;
/// A window that is closed no longer than this is one of a busy receiver.
const BUSY: Duration = Duration::from_millis(500);

/// A reset after the handshake.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Reset {
    pub(in super::super) side: Side,
    pub(in super::super) at: Moment,
    pub(in super::super) number: u64,
    /// As it arrived at the capturing host.
    ttl: u8,
    /// It was seen a second time, one hop on.
    relayed: bool,
    quiet: Duration,
}

/// Keepalives to which nothing is said.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Unheard {
    since: Moment,
    last: Moment,
    times: u16,
    quiet: Duration,
}

/// ICMP errors about segments after the handshake.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Prohibited {
    pub(in super::super) by: IpAddr,
    pub(in super::super) refusal: Refusal,
    /// Whose segments.
    pub(in super::super) of: Side,
    pub(in super::super) times: u32,
    at: Moment,
    number: u64,
    ttl: u8,
    /// It came from the far side of the capturing host.
    relayed: bool,
    quiet: Duration,
}

/// Where the two ends are, seen from the place of capture.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Distances {
    /// Routers between the client and the place of capture.
    pub(in super::super) client: Option<u8>,
    /// The server's address.
    pub(in super::super) server: IpAddr,
    /// The end of the capture.
    pub(in super::super) end: Moment,
}

impl AttemptState {
    /// A packet of the connection at `at`.
    pub(super) fn touch(&mut self, at: Moment) {
        self.quiet = at.since(self.last);
        if self.quiet >= PAUSE {
            self.pause = (self.quiet, at);
        }
        self.first = self.first.min(at);
        self.last = self.last.max(at);
    }

    /// How long the connection was quiet before the exchange of which the last packet, at `now`, is a
    /// part.
    pub(super) fn quiet_before(&self, now: Moment) -> Duration {
        let (pause, until) = self.pause;
        if now.since(until) <= EXCHANGE {
            self.quiet.max(pause)
        } else {
            self.quiet
        }
    }

    /// A reset of the connection in the name of `side`.
    pub(super) fn cut(&mut self, side: Side, at: Moment, number: u64, ttl: u8) -> Taken {
        if let Some(known) = &mut self.reset {
            if known.side == side && at.since(known.at) < TWICE && known.ttl != ttl {
                known.relayed = true;
                // As it arrived: nearer to its sender.
                known.ttl = known.ttl.max(ttl);
                return Taken::Twice;
            }
            return Taken::Ours;
        }
        let quiet = self.quiet_before(at);
        self.reset = Some(Reset {
            side,
            at,
            number,
            ttl,
            relayed: false,
            quiet,
        });
        Taken::Ours
    }

    /// An ICMP error about a segment of `of` after the handshake.
    pub(in super::super) fn prohibit(
        &mut self,
        (at, number): (Moment, u64),
        (by, ttl): (IpAddr, u8),
        refusal: Refusal,
        of: Side,
        relayed: bool,
    ) {
        self.touch(at);
        if let Some(known) = &mut self.prohibited {
            // Seen once more, one hop on.
            let copy = ttl < known.ttl;
            known.times = known.times.saturating_add((!copy).into());
            known.relayed |= relayed || copy && at.since(known.at) < TWICE;
            known.ttl = known.ttl.max(ttl);
            return;
        }
        self.prohibited = Some(Prohibited {
            by,
            refusal,
            of,
            times: 1,
            at,
            number,
            ttl,
            relayed,
            quiet: self.quiet_before(at),
        });
    }

    /// The packet of what ended it otherwise than by agreement.
    pub(in super::super) fn ended_by(&self) -> Option<u64> {
        let reset = self.reset.map(|reset| reset.number);
        reset.or(self.prohibited.map(|prohibited| prohibited.number))
    }

    /// Whether the receiver has said that it takes no more, and not taken it back.
    pub(in super::super) fn is_shut(&self, receiver: Side) -> bool {
        self.no_room[side_index(receiver)].is_some()
    }

    /// What `sender` sends over and over, and the receiver has room for.
    pub(in super::super) fn held_up(&self, sender: Side, end: Moment) -> Option<Stuck> {
        let stuck = self.stream(sender).stuck()?;
        // The receiver heeds the acknowledgments of what it sends: smaller segments get there.
        let other = self.stream(sender.other());
        let heeds = other.settled(stuck.since, end);
        let stuck = Stuck {
            alive: stuck.alive || stuck.size > 0 && heeds,
            ..stuck
        };
        (!self.is_shut(sender.other())).then_some(stuck)
    }

    /// What `sender` sent and never arrived, on a connection that did not go on for long; and whether
    /// that is more than the end of the capture may explain.
    pub(in super::super) fn lacking(&self, sender: Side) -> Option<(Missing, bool)> {
        let missing = self.stream(sender).missing()?;
        let receiver = side_index(sender.other());
        let heard = self.last_by[receiver]?;
        let since = missing.since.max(self.went_on?);
        let waited = self.last.since(since);
        let waits =
            heard.since(since) >= STALLED || self.last_by[1 - receiver]?.since(since) >= STALLED;
        let firm = missing.octets >= SEVERAL || missing.shown_for >= STALLED;
        (waits && waited >= STALLED && heard > since)
            .then_some((Missing { since, ..missing }, firm))
    }

    pub(in super::super) const fn stream(&self, side: Side) -> &Stream {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    /// The way on which what is sent vanishes while smaller segments pass, and since when.
    pub(in super::super) fn stalled(&self, end: Moment) -> Option<(Way, Moment)> {
        for (sender, way) in [(Side::Client, Way::ToServer), (Side::Server, Way::ToClient)] {
            if let Some(stuck) = self.held_up(sender, end).filter(|stuck| stuck.alive) {
                return Some((way, stuck.since));
            }
            if let Some((missing, true)) = self.lacking(sender) {
                return Some((way, missing.since));
            }
        }
        None
    }

    /// Whether a packet that crossed an interface so came from behind the capturing host, which is a
    /// router between the client and its sender.
    pub(in super::super) fn is_beyond(&self, crossing: Crossing) -> bool {
        let Some(syn) = self.syns.first().filter(|_| self.forwarded) else {
            return false;
        };
        match crossing.direction {
            Some(direction) => direction == Direction::Inbound,
            None => crossing.interface != syn.crossing.interface,
        }
    }

    /// Routers between the place of capture and the sender of an answer, the capturing one included
    /// where that stands between the client and it.
    pub(in super::super) fn away(&self, heard: &Heard) -> u8 {
        let beyond = heard.relayed || self.is_beyond(heard.crossing);
        passed(heard.reply.ttl.0).saturating_add(beyond.into())
    }

    /// The TTL of what the client sent beside its SYNs.
    pub(in super::super) fn client_ttl(&self) -> Option<u8> {
        self.ttls[0].map(|(_, high)| high)
    }

    /// What became of the connection; `None` where its handshake was never completed.
    pub(in super::super) fn session(&self, distances: Distances) -> Option<Session> {
        if !self.is_established() {
            return None;
        }
        let stalled = self.stalled(distances.end);
        let mut session = Session {
            end: End::Alive,
            by: Party::Unknown,
            at_hop: None,
            at: self.last,
            idle: Duration::ZERO,
            to_server: self.client.octets(),
            from_server: self.server.octets(),
            stalled: stalled.map(|(way, _)| way),
            waited: stalled.map_or(Duration::ZERO, |(_, since)| self.last.since(since)),
            refused: None,
            said: self.said.clone(),
        };
        self.tell_end(&mut session, distances);
        Some(session)
    }

    /// How it ended, the strongest sign first: an ICMP error after which nothing passed, a reset that
    /// no FIN came before, silence, a FIN.
    fn tell_end(&self, session: &mut Session, distances: Distances) {
        if let Some(prohibited) = self.prohibited.filter(|known| self.is_final(known)) {
            session.end = End::Icmp;
            session.refused = Some((prohibited.refusal, prohibited.by));
            (session.at, session.idle) = (prohibited.at, prohibited.quiet);
            (session.by, session.at_hop) = self.prohibitor(&prohibited, distances);
            return;
        }
        let silent = [Side::Client, Side::Server].into_iter().find_map(|sender| {
            let stuck = self.held_up(sender, distances.end);
            let stuck = stuck.filter(|stuck| !stuck.alive);
            let stuck = stuck.map(|stuck| (stuck.since, stuck.quiet));
            let (since, quiet) = stuck.or_else(|| self.forsaken(sender))?;
            Some((sender, since, quiet))
        });
        if let Some(reset) = self.reset.filter(|reset| {
            let gave_up = silent.is_some_and(|(sender, ..)| sender == reset.side);
            self.fin.is_none_or(|(_, at, _)| at > reset.at) && !gave_up
        }) {
            session.end = End::Reset;
            (session.at, session.idle) = (reset.at, reset.quiet);
            (session.by, session.at_hop) = self.resetter(&reset, distances);
            return;
        }
        if let Some((_, since, quiet)) = silent {
            session.end = End::Silence;
            (session.at, session.idle) = (since, quiet);
            session.waited = self.last.since(since);
            return;
        }
        if let Some((side, at, quiet)) = self.fin {
            session.end = End::Fin;
            session.by = party(side);
            (session.at, session.idle) = (at, quiet);
        }
    }

    /// Whether nothing passed after an ICMP error.
    fn is_final(&self, prohibited: &Prohibited) -> bool {
        let stream = self.stream(prohibited.of);
        stream.is_waiting() && stream.acked_at() <= prohibited.at
    }

    /// Who wrote an ICMP error: the server itself where it comes from its address and as far away as
    /// its segments.
    fn prohibitor(&self, error: &Prohibited, distances: Distances) -> (Party, Option<u8>) {
        let away = passed(error.ttl).saturating_add(error.relayed.into());
        let nearer = self
            .server_ttl()
            .is_some_and(|ttl| passed(error.ttl) < passed(ttl));
        if error.of == Side::Client && error.by == distances.server && !nearer {
            return (Party::Server, None);
        }
        let hop = match error.of {
            Side::Client => distances
                .client
                .map(|client| client.saturating_add(away).saturating_add(1)),
            // It goes to the server, so it comes from the client's side of the place of capture.
            Side::Server => distances.client.and_then(|client| {
                let captor = u8::from(self.forwarded);
                client.saturating_add(captor).checked_sub(passed(error.ttl))
            }),
        };
        (Party::Device, hop.filter(|hop| *hop > 0))
    }

    /// Who wrote a reset, as its TTL says beside that of the segments of the side it speaks for.
    fn resetter(&self, reset: &Reset, distances: Distances) -> (Party, Option<u8>) {
        let own = match reset.side {
            Side::Server => self.server_ttl(),
            Side::Client => self.ttls[0].map(|(_, high)| high),
        };
        let Some(own) = own.map(passed) else {
            return (Party::Unknown, None);
        };
        let away = passed(reset.ttl);
        if away == own {
            return (party(reset.side), None);
        }
        if away > own {
            return (Party::Unknown, None);
        }
        let hop = match reset.side {
            Side::Server => distances.client.map(|client| {
                client
                    .saturating_add(away)
                    .saturating_add(1 + u8::from(reset.relayed))
            }),
            Side::Client => distances.client.and_then(|client| client.checked_sub(away)),
        };
        (Party::Device, hop.filter(|hop| *hop > 0))
    }

    /// Whether it ended otherwise than by agreement, or stalled.
    pub(in super::super) fn may_have_died(&self) -> bool {
        let stuck = [Side::Client, Side::Server].into_iter().any(|side| {
            let stream = self.stream(side);
            stream.stuck().is_some()
                || self.lacking(side).is_some()
                || self.forsaken(side).is_some()
        });
        self.reset.is_some() || self.prohibited.is_some() || stuck
    }

    /// Takes note of a segment that may be a keepalive: it answers those of the other side.
    pub(super) fn ask_alive(&mut self, side: Side, at: Moment, is_keepalive: bool) {
        let quiet = self.quiet;
        self.unheard[side_index(side.other())] = None;
        let own = &mut self.unheard[side_index(side)];
        *own = is_keepalive.then(|| {
            let before = own.unwrap_or(Unheard {
                since: at,
                last: at,
                times: 0,
                quiet,
            });
            Unheard {
                last: at,
                times: before.times.saturating_add(1),
                ..before
            }
        });
    }

    /// Since when keepalives of `sender` draw nothing, and how long the connection had been quiet.
    fn forsaken(&self, sender: Side) -> Option<(Moment, Duration)> {
        let unheard = self.unheard[side_index(sender)]?;
        let enough = unheard.times >= FORSAKEN && unheard.last.since(unheard.since) >= STALLED;
        enough.then_some((unheard.since, unheard.quiet))
    }

    /// Whether the server took the connection and neither spoke nor ended it.
    pub(in super::super) fn is_unserved(&self) -> bool {
        let ended = self.closed[1] || self.reset.is_some();
        self.is_established() && self.server.octets() == 0 && !ended
    }

    /// Whether the server sent something after `at`.
    pub(in super::super) fn speaks_after(&self, at: Moment) -> bool {
        self.last_by[1].is_some_and(|last| last > at)
    }

    /// Whether the client closed it and the server has not.
    pub(in super::super) fn is_left_half_closed(&self) -> bool {
        self.closed[0] && !self.closed[1]
    }

    /// The TTL of the server's segments, as they arrive at the capturing host.
    fn server_ttl(&self) -> Option<u8> {
        let served = self.ttls[1].map(|(_, high)| high);
        served.or_else(|| self.opened_at().map(|heard| heard.reply.ttl.0))
    }

    /// Whether the segments of the server come from as far away as its SYN-ACK, each of them.
    pub(in super::super) fn is_served_from(&self, opened: &Heard) -> bool {
        self.ttls[1].is_some_and(|(low, high)| {
            let copies = opened.relayed && high.saturating_sub(low) == 1;
            high == opened.reply.ttl.0 && (low == high || copies)
        })
    }

    /// A segment's TTL, and the window that it offers.
    pub(super) fn mark(&mut self, side: Side, at: Moment, ttl: u8, window: Option<u16>) {
        let index = side_index(side);
        let (low, high) = self.ttls[index].unwrap_or((ttl, ttl));
        self.ttls[index] = Some((low.min(ttl), high.max(ttl)));
        self.last_by[index] = Some(self.last_by[index].map_or(at, |last| last.max(at)));
        match window {
            Some(0) => {
                let since = *self.no_room[index].get_or_insert(at);
                self.lacked_room[index] |= at.since(since) >= BUSY;
            }
            Some(_) => {
                let since = self.no_room[index].take();
                self.lacked_room[index] |= since.is_some_and(|since| at.since(since) >= BUSY);
            }
            None => {}
        }
    }

    /// Whether a segment is no copy of one that was seen before the capturing router sent it on.
    pub(super) fn is_fresh(&self, side: Side, ttl: u8) -> bool {
        !self.forwarded || self.ttls[side_index(side)].is_none_or(|(_, high)| ttl == high)
    }

    pub(super) const fn stream_mut(&mut self, side: Side) -> &mut Stream {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// Whether `side` said for longer than a moment that it takes no more.
    pub(in super::super) const fn lacked_room(&self, side: Side) -> bool {
        self.lacked_room[side_index(side)]
    }
}

const fn party(side: Side) -> Party {
    match side {
        Side::Client => Party::Client,
        Side::Server => Party::Server,
    }
}

pub(super) const fn side_index(side: Side) -> usize {
    match side {
        Side::Client => 0,
        Side::Server => 1,
    }
}
