//! What is remembered of a capture, and how much of it at most.
//!
//! Attempts that may still go on are found by their two sockets; those that are over lie with their
//! conversation. Of everything there is a most, so that a capture of a SYN flood takes no more memory
//! than one of a quiet night; what is beyond is counted, never silently left out. A conversation
//! remembers failures before successes, since those are what a capture is read for.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use crate::model::time::Moment;
use crate::wire::protocol;
use crate::wire::quote::{Carried, Quote};

use super::attempt::AttemptState;
use super::conversation::{AttemptOutcome, Forgotten, Remainder};
use super::pair::{Map, Pair, Socket};

/// Conversations remembered.
const CONVERSATIONS: usize = 16_384;
/// Of them, with one server port: the clients of a flood must not crowd out those of another port.
const CLIENTS: u32 = 4_096;
/// Attempts followed at a time.
const FOLLOWED: usize = 65_536;
/// Attempts remembered with a conversation when they are over.
const KEPT: usize = 64;
/// Of them, established ones.
const KEPT_ESTABLISHED: usize = 24;
/// Attempts remembered in all conversations.
const KEPT_IN_ALL: usize = 40_000;
/// Attempts looked at for being over whenever another one begins.
const SWEPT: usize = 4;
/// An attempt that is over may still be answered for so long.
const LINGER: Duration = Duration::from_secs(20);
/// A SYN is not resent later than this: Linux waits 64 s after its sixth retransmission.
const ABANDONED: Duration = Duration::from_secs(150);
/// Client ports of a conversation among which the SYN of a mistranslated ICMP quote is looked for.
const RECENT: usize = 8;

/// SYNs that a cut quote is compared with.
const SENT: usize = 64;

/// Client, server, server port.
pub(super) type Parties = (IpAddr, Socket);

/// The attempts of one conversation.
#[derive(Clone, Debug, Default)]
pub(super) struct Gathered {
    /// Those that are over.
    pub(super) kept: Vec<AttemptState>,
    kept_established: usize,
    /// Those that were counted only.
    pub(super) forgotten: Forgotten,
    recent: [u16; RECENT],
    next_recent: usize,
}

/// Everything that is remembered.
#[derive(Clone, Debug, Default)]
pub(super) struct Gather {
    live: Map<Pair, AttemptState>,
    conversations: Map<Parties, Gathered>,
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
    pub(super) fn live(&mut self, pair: &Pair) -> Option<&mut AttemptState> {
        self.live.get_mut(pair)
    }

    /// The attempt of a client socket whose SYN has this number, whatever server it asks.
    pub(super) fn asking(&mut self, client: &Socket, isn: u32) -> Option<&mut AttemptState> {
        let pair = self.asking.get(client)?;
        let attempt = self.live.get_mut(pair)?;
        (attempt.isn == Some(isn)).then_some(attempt)
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
    ) -> Option<&mut AttemptState> {
        if let Some(before) = self.live.swap_remove(&pair) {
            self.retire(before, at);
        }
        let conversation = self.conversation((client.address, server))?;
        self.sweep(at);
        if let Some(gathered) = self.conversations.get_index_mut(conversation) {
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
        let attempt = AttemptState::new(conversation, client.port, client_is_low, at);
        Some(self.live.entry(pair).or_insert(attempt))
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
    ) -> Option<&mut AttemptState> {
        if self.crowded || self.live.len() >= FOLLOWED {
            return None;
        }
        let conversation = self.conversation((client.address, server))?;
        let attempt = AttemptState::under_way(conversation, client.port, client_is_low, at);
        Some(self.live.entry(pair).or_insert(attempt))
    }

    fn conversation(&mut self, parties: Parties) -> Option<usize> {
        if let Some(index) = self.conversations.get_index_of(&parties) {
            return Some(index);
        }
        if self.conversations.len() >= CONVERSATIONS {
            return None;
        }
        let clients = self.clients.entry(parties.1).or_default();
        if *clients >= CLIENTS {
            return None;
        }
        *clients += 1;
        Some(
            self.conversations
                .insert_full(parties, Gathered::default())
                .0,
        )
    }

    /// The attempts of a conversation that began last, by their client ports.
    pub(super) fn recent(&self, parties: &Parties) -> impl Iterator<Item = u16> + use<> {
        let recent = self
            .conversations
            .get(parties)
            .map(|gathered| gathered.recent);
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
            let Some((_, attempt)) = self.live.get_index(self.hand) else {
                return;
            };
            let quiet = now.since(attempt.last);
            let answered = attempt.is_established() || attempt.opened_at().is_some();
            let over = attempt.is_over() && quiet >= LINGER || !answered && quiet >= ABANDONED;
            if over {
                self.put_aside(self.hand, now);
            } else if quietest.is_none_or(|(last, _)| attempt.last < last) {
                quietest = Some((attempt.last, self.hand));
            }
        }
        if let (true, Some((_, index))) = (full && self.live.len() >= FOLLOWED, quietest) {
            self.crowded = true;
            self.put_aside(index.min(self.live.len() - 1), now);
        }
    }

    fn put_aside(&mut self, index: usize, now: Moment) {
        if let Some((_, attempt)) = self.live.swap_remove_index(index) {
            self.retire(attempt, now);
        }
    }

    /// An attempt is over.
    fn retire(&mut self, mut attempt: AttemptState, end: Moment) {
        if let Some(segments) = attempt.unjudged() {
            self.remainder.stray = self.remainder.stray.saturating_add(segments);
            return;
        }
        let Some((_, gathered)) = self.conversations.get_index_mut(attempt.conversation) else {
            return;
        };
        // A session that died is kept as a failure is.
        let established = matches!(attempt.outcome(end), AttemptOutcome::Established { .. })
            && !attempt.may_have_died();
        let room = gathered.kept.len() < KEPT && self.kept < KEPT_IN_ALL;
        if room && (!established || gathered.kept_established < KEPT_ESTABLISHED) {
            gathered.kept_established += usize::from(established);
            self.kept += 1;
            attempt.syns.shrink_to_fit();
            attempt.answers.shrink_to_fit();
            gathered.kept.push(attempt);
        } else if established {
            gathered.forgotten.established += 1;
        } else {
            gathered.forgotten.failed += 1;
        }
    }

    /// Everything that was remembered, at the end of the capture: each conversation with its attempts in
    /// the order of their first packet.
    pub(super) fn finish(mut self, end: Moment) -> (Vec<(Parties, Gathered)>, Remainder) {
        for (_, attempt) in std::mem::take(&mut self.live) {
            self.retire(attempt, end);
        }
        let mut all: Vec<(Parties, Gathered)> = self.conversations.into_iter().collect();
        for (_, gathered) in &mut all {
            gathered.kept.sort_by_key(|attempt| attempt.first);
        }
        all.retain(|(_, gathered)| !gathered.kept.is_empty());
        (all, self.remainder)
    }
}
