//! Triage: SYNs only, to very many endpoints, with little memory for each.
//!
//! The quick sister of the [`Prober`](super::Prober), driven in the same manner:
//!
//! ```text
//! loop {
//!     match triage.poll(now, &mut datagrams) {
//!         Output::Transmit(t)   => send what was appended; on refusal: triage.handle_refusal(now, t, …)
//!         Output::Settled(d)    => write d.outcome(…)
//!         Output::WaitUntil(t)  => wait for a frame until t; triage.handle_frame(at, …)
//!         Output::Idle          => every endpoint has settled
//!     }
//! }
//! ```
//!
//! It goes over the list in rounds: in the first every endpoint gets a SYN, in an order of the run's
//! own, so that no host or router sees a burst; in each later one those that are still silent get
//! another, from another source port. So the pauses between the SYNs of one endpoint are at least
//! those of [`GAPS`], and are paid once for the whole list.
//!
//! Nothing is remembered of a SYN but when it left: its numbers are worked out again from the run's
//! key when an answer shows them, by the address and port that it comes from or quotes. What comes from
//! elsewhere, or was translated before it was quoted, waits as a stray until the round is over: then
//! the numbers of all SYNs to silent endpoints are worked out again, once.

mod hearing;
mod probe_state;
mod rationed;
mod result;
mod strays;
mod targets;
#[cfg(test)]
mod tests;

pub use result::TriageResult;
pub use targets::Target;

use std::collections::VecDeque;
use std::time::Duration;

use self::probe_state::{ProbeState, Replies};
use self::rationed::Rationed;
use self::result::Lapse;
use self::strays::Strays;
use self::targets::Targets;
use super::governor::Governor;
use super::token::Key;
use crate::model::evidence::LocalRefusal;
use crate::model::probe::Flow;
use crate::model::time::Moment;
use crate::model::vantage::Vantage;

/// Pauses between the rounds, from the last SYN of one to the first of the next.
pub const GAPS: [Duration; SYNS - 1] = [Duration::from_secs(1), Duration::from_secs(2)];
/// SYNs to an endpoint that never answers.
const SYNS: usize = 3;
/// How long the last SYN is waited for: a router that cannot resolve the host says so after 3 s.
const TIMEOUT: Duration = Duration::from_millis(3500);
/// How long an endpoint that answered is listened to: what contradicts the answer comes soon.
const CONTRADICTED_WITHIN: Duration = Duration::from_secs(1);
/// How long the signs of one shortage of this host last: a rate this high shows soon what it does.
const SHORTAGE: Duration = Duration::from_millis(100);
/// Losses that follow each other faster than this are told as one.
const LAPSE: Duration = Duration::from_millis(10);

/// What the caller is to do next.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send the datagram that was appended.
    Transmit(Ticket),
    /// This endpoint is done with.
    Settled(Box<TriageResult>),
    /// Nothing to do before this moment, or before a frame arrives.
    WaitUntil(Moment),
    /// Every endpoint has settled and was reported.
    Idle,
}

/// What a datagram is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The endpoint it goes to: its place in the list.
    pub target: u32,
    /// Which of its SYNs it is, from 0; `None` for the reset that closes a half-open connection.
    attempt: Option<u8>,
}

/// A triage of a list of endpoints.
#[derive(Clone, Debug)]
pub struct Triage {
    targets: Targets,
    states: Vec<ProbeState>,
    replies: Replies,
    rationed: Rationed,
    governor: Governor,
    /// The endpoints of this round, in the order in which their SYNs leave.
    order: Vec<u32>,
    /// How far the round has come.
    cursor: usize,
    round: usize,
    /// How many endpoints have not answered yet.
    silent: usize,
    last_sent: Moment,
    /// Endpoints to settle, and when.
    lingering: VecDeque<(Moment, u32)>,
    resets: VecDeque<Reset>,
    strays: Strays,
    lapses: Vec<(Moment, Lapse)>,
    interrupted: bool,
    sent: u64,
}

/// The reset that closes what a SYN half-opened.
#[derive(Clone, Copy, Debug)]
struct Reset {
    target: u32,
    attempt: u8,
    acknowledged: u32,
}

impl Triage {
    /// A triage of `targets`, each of which names one of `vantages` by its place there. `rate` is how
    /// many datagrams may leave in a second. The same arguments, calls and times give the same
    /// outputs.
    pub fn new(rate: u32, key: Key, vantages: Vec<Vantage>, targets: Vec<Target>) -> Self {
        let targets = Targets::new(key, vantages, targets);
        let order = targets.order();
        Self {
            states: vec![ProbeState::default(); order.len()],
            replies: Replies::default(),
            rationed: Rationed::default(),
            governor: Governor::new(rate, SHORTAGE),
            silent: order.len(),
            order,
            targets,
            cursor: 0,
            round: 0,
            last_sent: Moment::START,
            lingering: VecDeque::new(),
            resets: VecDeque::new(),
            strays: Strays::default(),
            lapses: Vec::new(),
            interrupted: false,
            sent: 0,
        }
    }

    /// SYNs handed to the caller, refused ones included.
    pub const fn sent(&self) -> u64 {
        self.sent
    }

    /// Authenticated replies heard before this host's firewall, duplicates included.
    pub const fn replies(&self) -> u64 {
        self.replies.heard
    }

    /// Datagrams that may leave in a second at present.
    pub const fn rate(&self) -> u32 {
        self.governor.rate()
    }

    /// An endpoint, by its place in the list.
    pub fn target(&self, place: u32) -> Option<&Target> {
        self.targets.target(place)
    }

    /// The round that is on: 0 while endpoints get their first SYN.
    pub const fn round(&self) -> usize {
        self.round
    }

    /// How many endpoints have neither answered nor been given up.
    pub const fn silent(&self) -> usize {
        self.silent
    }

    // What happens to it, besides frames.

    /// The kernel refused to send a datagram. One that it was too busy for is tried again in the next
    /// round, and all that follow leave more slowly; whatever else it says is final.
    pub fn handle_refusal(&mut self, now: Moment, ticket: Ticket, refusal: LocalRefusal) {
        let (Some(state), Some(attempt)) =
            (self.states.get_mut(ticket.target as usize), ticket.attempt)
        else {
            return;
        };
        if let Some(place) = state.refused.get_mut(usize::from(attempt)) {
            *place = Some(refusal);
        }
        if refusal == LocalRefusal::Overload {
            self.governor.brake(now);
        } else if state.answer() {
            self.silent -= 1;
            self.lingering.push_back((now, ticket.target));
        }
    }

    /// The kernel dropped `count` frames before they were read: silence of what waits now is invalidated.
    pub fn handle_drops(&mut self, now: Moment, count: u64) {
        if count == 0 {
            return;
        }
        self.governor.brake(now);
        match self.lapses.last_mut() {
            Some((at, Lapse::Drops(all))) if now.since(*at) < LAPSE => {
                *at = now;
                *all = all.saturating_add(count);
            }
            _ => self.lapses.push((now, Lapse::Drops(count))),
        }
    }

    /// The process did not run for `span` up to now: silence of what waits now is invalidated.
    pub fn handle_gap(&mut self, now: Moment, span: Duration) {
        if !span.is_zero() {
            self.lapses.push((now, Lapse::Gap(span)));
        }
    }

    /// Ends it: every endpoint settles in the polls that follow, as it stands.
    pub fn interrupt(&mut self, now: Moment) {
        self.interrupted = true;
        for lingering in &mut self.lingering {
            lingering.0 = lingering.0.min(now);
        }
        self.give_up(now);
    }

    // What it does.

    /// What the caller is to do next; a datagram to send is appended to `datagrams`. To be called
    /// again after each output, until it is [`Output::WaitUntil`] or [`Output::Idle`].
    pub fn poll(&mut self, now: Moment, datagrams: &mut Vec<u8>) -> Output {
        self.governor.recover(now);
        loop {
            let due = self.lingering.front().map(|(due, _)| *due);
            if due.is_some_and(|due| due <= now)
                && let Some((_, target)) = self.lingering.pop_front()
            {
                return Output::Settled(Box::new(self.settle(now, target)));
            }
            if self.silent == 0 && self.resets.is_empty() {
                return due.map_or(Output::Idle, Output::WaitUntil);
            }
            let ready = self.ready_at(now);
            if ready > now {
                return Output::WaitUntil(due.map_or(ready, |due| due.min(ready)));
            }
            if let Some(reset) = self.resets.pop_front() {
                if self.close(now, reset, datagrams) {
                    let Reset { target, .. } = reset;
                    let attempt = None;
                    return Output::Transmit(Ticket { target, attempt });
                }
                continue;
            }
            match self.order.get(self.cursor).copied() {
                Some(target) => {
                    self.cursor += 1;
                    if let Some(ticket) = self.transmit(now, target, datagrams) {
                        return Output::Transmit(ticket);
                    }
                }
                None => self.begin_round(now),
            }
        }
    }

    /// Sends a reset; false where it cannot be made.
    fn close(&mut self, now: Moment, reset: Reset, datagrams: &mut Vec<u8>) -> bool {
        let Reset {
            target,
            attempt,
            acknowledged,
        } = reset;
        let made = self.targets.reset(target, attempt, acknowledged, datagrams);
        if made {
            self.governor.spend(now);
        }
        made
    }

    /// When the next datagram may leave, or the next round begin. Resets go first.
    fn ready_at(&self, now: Moment) -> Moment {
        if !self.resets.is_empty() || self.cursor < self.order.len() {
            return self.governor.ready_at(now);
        }
        let gap = GAPS.get(self.round).copied().unwrap_or(TIMEOUT);
        self.last_sent.after(gap).max(now)
    }

    fn begin_round(&mut self, now: Moment) {
        self.settle_strays();
        if self.round >= GAPS.len() {
            self.give_up(now);
            return;
        }
        let states = &self.states;
        self.order.retain(|target| {
            states
                .get(*target as usize)
                .is_some_and(ProbeState::is_silent)
        });
        self.round += 1;
        self.cursor = 0;
    }

    /// Settles all that are silent.
    fn give_up(&mut self, now: Moment) {
        self.settle_strays();
        for &target in &self.order {
            if let Some(state) = self.states.get_mut(target as usize)
                && state.answer()
            {
                self.lingering.push_back((now, target));
            }
        }
        self.silent = 0;
        self.cursor = self.order.len();
    }

    /// Sends an endpoint its next SYN; `None` where it answered meanwhile.
    fn transmit(&mut self, now: Moment, target: u32, datagrams: &mut Vec<u8>) -> Option<Ticket> {
        let state = self.states.get_mut(target as usize)?;
        if !state.is_silent() {
            return None;
        }
        let attempt = state.attempts;
        *state.sent.get_mut(usize::from(attempt))? = now;
        state.attempts += 1;
        self.sent += 1;
        self.last_sent = now;
        let ticket = Ticket {
            target,
            attempt: Some(attempt),
        };
        if !self.targets.syn(target, attempt, now, datagrams) {
            self.handle_refusal(now, ticket, LocalRefusal::SourceGone);
            return None;
        }
        self.governor.spend(now);
        Some(ticket)
    }

    fn settle(&mut self, now: Moment, target: u32) -> TriageResult {
        let state = self
            .states
            .get(target as usize)
            .copied()
            .unwrap_or_default();
        let began = state.began().unwrap_or(now);
        let first = self.lapses.partition_point(|(at, _)| *at < began);
        let replies = self.replies.of(&state);
        let known = match (self.targets.source(target), self.targets.target(target)) {
            (Some(source), Some(known)) if replies.is_empty() => {
                let endpoint = (known.address, known.port);
                let sent = state.sent.iter().take(usize::from(state.attempts));
                self.rationed.facts(source, endpoint, sent)
            }
            _ => Vec::new(),
        };
        let flow = |attempt| self.targets.at(target, attempt).map(|syn| syn.flow);
        TriageResult {
            target,
            vantage: self
                .targets
                .target(target)
                .map_or(0, |target| target.vantage),
            state,
            flows: [0, 1, 2].map(|attempt| flow(attempt).unwrap_or(Flow::ephemeral(0))),
            replies,
            known,
            lapses: self.lapses.get(first..).unwrap_or_default().to_vec(),
            interrupted: self.interrupted,
            settled: now,
        }
    }
}
