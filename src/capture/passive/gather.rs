//! What is remembered of a capture, and how much of it at most.
//!
//! Attempts that may still go on are found by their two sockets; those that are over lie with their
//! encounter. Of everything there is a most, so that a capture of a SYN flood takes no more memory
//! than one of a quiet night; what is beyond is counted, never silently left out. An encounter
//! remembers failures before successes, since those are what a capture is read for.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use crate::model::time::Moment;
use crate::wire::protocol;
use crate::wire::quote::{Carried, Quote};

use super::encounter::{Fate, Forgotten, Remainder};
use super::pair::{Map, Pair, Socket};
use super::track::Track;

/// Encounters remembered.
const ENCOUNTERS: usize = 16_384;
/// Of them, with one server port: the clients of a flood must not crowd out those of another port.
const CLIENTS: u32 = 4_096;
/// Attempts followed at a time.
const FOLLOWED: usize = 65_536;
/// Attempts remembered with an encounter when they are over.
const KEPT: usize = 64;
/// Of them, established ones.
const KEPT_ESTABLISHED: usize = 24;
/// Attempts remembered in all encounters.
const KEPT_IN_ALL: usize = 40_000;
/// Attempts looked at for being over whenever another one begins.
const SWEPT: usize = 4;
/// An attempt that is over may still be answered for so long.
const LINGER: Duration = Duration::from_secs(20);
/// A SYN is not resent later than this: Linux waits 64 s after its sixth retransmission.
const ABANDONED: Duration = Duration::from_secs(150);
/// Client ports of an encounter among which the SYN of a mistranslated ICMP quote is looked for.
const RECENT: usize = 8;

/// SYNs that a cut quote is compared with.
const SENT: usize = 64;

/// Client, server, server port.
pub(super) type Parties = (IpAddr, Socket);

/// The attempts of one encounter.
#[derive(Clone, Debug, Default)]
pub(super) struct Gathered {
    /// Those that are over.
    pub(super) kept: Vec<Track>,
    kept_established: usize,
    /// Those that were counted only.
    pub(super) forgotten: Forgotten,
    recent: [u16; RECENT],
    next_recent: usize,
}

/// Everything that is remembered.
#[derive(Clone, Debug, Default)]
pub(super) struct Gather {
    live: Map<Pair, Track>,
    encounters: Map<Parties, Gathered>,
    clients: Map<Socket, u32>,
    /// The attempt that each client socket began last: an answer may come from elsewhere.
    asking: Map<Socket, Pair>,
    /// The SYNs that were sent last, by their identification: client, server, number.
    sent: VecDeque<(u32, (Socket, Socket, u32))>,
    kept: usize,
    /// An attempt was given up that might have gone on: segments without a beginning may be its.
    crowded: bool,
    hand: usize,
    pub(super) remainder: Remainder,
}

impl Gather {
    /// The attempt on these two sockets.
    pub(super) fn live(&mut self, pair: &Pair) -> Option<&mut Track> {
        self.live.get_mut(pair)
    }

    /// The attempt of a client socket whose SYN has this number, whatever server it asks.
    pub(super) fn asking(&mut self, client: &Socket, isn: u32) -> Option<&mut Track> {
        let pair = self.asking.get(client)?;
        let track = self.live.get_mut(pair)?;
        (track.isn == Some(isn)).then_some(track)
    }

    /// Remembers a SYN by its identification.
    pub(super) fn remember(&mut self, identification: u32, parties: (Socket, Socket, u32)) {
        if self.sent.len() >= SENT {
            self.sent.pop_front();
        }
        self.sent.push_back((identification, parties));
    }

    /// The SYN that a quote shows which was cut before the ports.
    pub(super) fn quoted(&self, quote: &Quote) -> Option<(Quote, Socket, Socket, u32)> {
        let wanted = quote.identification?;
        let mut sent = self.sent.iter().rev();
        let (_, (from, to, sequence)) = sent.find(|(identification, (from, to, _))| {
            *identification == wanted
                && from.address == quote.source
                && to.address == quote.destination
        })?;
        let is_tcp = quote.protocol == protocol::TCP && quote.carried == Carried::Nothing;
        is_tcp.then_some((*quote, *from, *to, *sequence))
    }

    /// Begins an attempt; `None` when no more can be remembered.
    pub(super) fn begin(
        &mut self,
        pair: Pair,
        client: Socket,
        client_is_low: bool,
        server: Socket,
        at: Moment,
    ) -> Option<&mut Track> {
        if let Some(before) = self.live.swap_remove(&pair) {
            self.retire(before, at);
        }
        let encounter = self.encounter((client.address, server))?;
        self.sweep(at);
        if let Some(gathered) = self.encounters.get_index_mut(encounter) {
            let (_, gathered) = gathered;
            if let Some(place) = gathered.recent.get_mut(gathered.next_recent) {
                *place = client.port;
            }
            gathered.next_recent = (gathered.next_recent + 1) % RECENT;
        }
        if self.asking.len() >= FOLLOWED {
            self.asking.clear();
        }
        self.asking.insert(client, pair);
        let track = Track::new(encounter, client.port, client_is_low, at);
        Some(self.live.entry(pair).or_insert(track))
    }

    /// Follows a connection that runs already when the capture begins; `None` when no more can be
    /// remembered.
    pub(super) fn join(
        &mut self,
        pair: Pair,
        client: Socket,
        client_is_low: bool,
        server: Socket,
        at: Moment,
    ) -> Option<&mut Track> {
        if self.crowded || self.live.len() >= FOLLOWED {
            return None;
        }
        let encounter = self.encounter((client.address, server))?;
        let track = Track::under_way(encounter, client.port, client_is_low, at);
        Some(self.live.entry(pair).or_insert(track))
    }

    fn encounter(&mut self, parties: Parties) -> Option<usize> {
        if let Some(index) = self.encounters.get_index_of(&parties) {
            return Some(index);
        }
        if self.encounters.len() >= ENCOUNTERS {
            return None;
        }
        let clients = self.clients.entry(parties.1).or_default();
        if *clients >= CLIENTS {
            return None;
        }
        *clients += 1;
        Some(self.encounters.insert_full(parties, Gathered::default()).0)
    }

    /// The attempts of an encounter that began last, by their client ports.
    pub(super) fn recent(&self, parties: &Parties) -> impl Iterator<Item = u16> + use<> {
        let recent = self.encounters.get(parties).map(|gathered| gathered.recent);
        recent.into_iter().flatten().filter(|port| *port != 0)
    }

    /// Puts aside a few attempts that are over; where there is no room, the longest quiet of them.
    fn sweep(&mut self, now: Moment) {
        let full = self.live.len() >= FOLLOWED;
        let mut quietest: Option<(Moment, usize)> = None;
        for _ in 0..SWEPT {
            if self.live.is_empty() {
                return;
            }
            self.hand = (self.hand + 1) % self.live.len();
            let Some((_, track)) = self.live.get_index(self.hand) else {
                return;
            };
            let quiet = now.since(track.last);
            let answered = track.is_established() || track.opened_at().is_some();
            let over = track.is_over() && quiet >= LINGER || !answered && quiet >= ABANDONED;
            if over {
                self.put_aside(self.hand, now);
            } else if quietest.is_none_or(|(last, _)| track.last < last) {
                quietest = Some((track.last, self.hand));
            }
        }
        if let (true, Some((_, index))) = (full && self.live.len() >= FOLLOWED, quietest) {
            self.crowded = true;
            self.put_aside(index.min(self.live.len() - 1), now);
        }
    }

    fn put_aside(&mut self, index: usize, now: Moment) {
        if let Some((_, track)) = self.live.swap_remove_index(index) {
            self.retire(track, now);
        }
    }

    /// An attempt is over.
    fn retire(&mut self, mut track: Track, end: Moment) {
        if let Some(segments) = track.unjudged() {
            self.remainder.stray = self.remainder.stray.saturating_add(segments);
            return;
        }
        let Some((_, gathered)) = self.encounters.get_index_mut(track.encounter) else {
            return;
        };
        // A session that died is kept as a failure is.
        let established =
            matches!(track.fate(end), Fate::Established { .. }) && !track.may_have_died();
        let room = gathered.kept.len() < KEPT && self.kept < KEPT_IN_ALL;
        if room && (!established || gathered.kept_established < KEPT_ESTABLISHED) {
            gathered.kept_established += usize::from(established);
            self.kept += 1;
            track.syns.shrink_to_fit();
            track.answers.shrink_to_fit();
            gathered.kept.push(track);
        } else if established {
            gathered.forgotten.established += 1;
        } else {
            gathered.forgotten.failed += 1;
        }
    }

    /// Everything that was remembered, at the end of the capture: each encounter with its attempts in
    /// the order of their first packet.
    pub(super) fn finish(mut self, end: Moment) -> (Vec<(Parties, Gathered)>, Remainder) {
        for (_, track) in std::mem::take(&mut self.live) {
            self.retire(track, end);
        }
        let mut all: Vec<(Parties, Gathered)> = self.encounters.into_iter().collect();
        for (_, gathered) in &mut all {
            gathered.kept.sort_by_key(|track| track.first);
        }
        all.retain(|(_, gathered)| !gathered.kept.is_empty());
        (all, self.remainder)
    }
}
