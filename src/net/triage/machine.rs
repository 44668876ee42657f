//! A triage as the packet loop drives it: makes batches for the senders, hears what they draw.
//!
//! While batches are with the senders the loop naps instead of waiting for frames: to be woken for each
//! would cost the processor that sends more than to leave them in the sockets' buffers for that long.

use std::net::IpAddr;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use super::super::driver::RunStatus;
use super::super::host::{self, Conntrack};
use super::super::netlink::Netlink;
use super::super::packet_loop::{Machine, Turn};
use super::super::receiver::{Received, Receivers};
use super::super::watch::News;
use super::TriageTotals;
use super::sender::{SendBatch, Way};
use crate::engine::triage::{Output, Triage, TriageResult};
use crate::model::evidence::LocalRefusal;
use crate::model::time::Moment;

/// Loads on their way to the senders and back: enough that these seldom wait for one.
const BATCHES: usize = 6;
/// Datagrams in a batch.
const BATCH_SIZE: usize = 256;
/// How long to leave frames in the sockets while batches are being sent: the least receive buffer that
/// a kernel grants holds more than arrive in it.
const NAP: Duration = Duration::from_micros(300);
/// How often the standing is told and the connection-tracking table looked at.
const LOOK: Duration = Duration::from_millis(100);
/// Silence this long before a change of this host's own addresses or routes was noticed is invalidated.
const CHANGE: Duration = Duration::from_millis(250);

/// What the loop tells whoever listens.
#[derive(Debug)]
pub(super) enum Report {
    Status(RunStatus),
    Settled(Vec<TriageResult>),
}

/// The triage and the senders' channels.
#[derive(Debug)]
pub(super) struct TriageMachine {
    triage: Triage,
    ways: Vec<Way>,
    reports: Sender<Report>,
    idle: Vec<SendBatch>,
    batches: Option<Sender<SendBatch>>,
    returned: Option<Receiver<SendBatch>>,
    settled: Vec<TriageResult>,
    scratch: Vec<u8>,
    tally: TriageTotals,
    began: Option<Moment>,
    tracked: Option<Conntrack>,
    looked: Moment,
    /// The connection-tracking table fills up: nothing is sent meanwhile.
    holding: bool,
    /// Whether the tap hears our own datagrams leave.
    watching_departures: bool,
}

impl Machine for TriageMachine {
    fn interrupt(&mut self, now: Moment) {
        self.triage.interrupt(now);
    }

    fn act(&mut self, now: Moment, receivers: &mut Receivers) -> Turn {
        self.take_back(now);
        self.watch_departures(receivers);
        let turn = self.send_due(now);
        if self.tell(now) { turn } else { Turn::Done }
    }

    fn handle_frame(&mut self, at: Moment, received: &Received<'_>) {
        self.triage
            .handle_frame(at, received.heard, received.datagram);
    }

    fn handle_drops(&mut self, now: Moment, count: u64) {
        self.tally.receive_drops += count;
        self.triage.handle_drops(now, count);
    }

    fn handle_gap(&mut self, now: Moment, span: Duration) {
        self.triage.handle_gap(now, span);
    }

    fn handle_news(&mut self, now: Moment, news: &mut News, _: &mut Receivers) {
        let news = std::mem::take(news);
        if self.ways.iter().any(|way| news.concerns(way.towards)) {
            self.check_sources();
            self.triage.handle_gap(now, CHANGE);
        }
    }
}

impl TriageMachine {
    pub(super) fn new(triage: Triage, ways: Vec<Way>, reports: Sender<Report>) -> Self {
        Self {
            triage,
            ways,
            reports,
            idle: std::iter::repeat_with(SendBatch::default)
                .take(BATCHES)
                .collect(),
            batches: None,
            returned: None,
            settled: Vec::new(),
            scratch: Vec::with_capacity(128),
            tally: TriageTotals::default(),
            began: None,
            tracked: host::conntrack(),
            looked: Moment::START,
            holding: false,
            watching_departures: true,
        }
    }

    /// The sender's ends of the channels to it and back.
    pub(super) fn channels(&mut self) -> (Receiver<SendBatch>, Sender<SendBatch>) {
        let (batches, inbox) = mpsc::channel();
        let (outbox, returned) = mpsc::channel();
        self.batches = Some(batches);
        self.returned = Some(returned);
        (inbox, outbox)
    }

    /// What it did.
    pub(super) fn tally(&self) -> TriageTotals {
        TriageTotals {
            sent: self.triage.sent(),
            replies: self.triage.replies(),
            ..self.tally
        }
    }

    /// Takes what the sender gives back.
    fn take_back(&mut self, now: Moment) {
        let Some(returned) = &self.returned else {
            return;
        };
        for mut batch in returned.try_iter() {
            for (ticket, refusal) in batch.refused.drain(..) {
                self.triage.handle_refusal(now, ticket, refusal);
            }
            if self.triage.round() == 0
                && let Some(began) = self.began
            {
                let round = &mut self.tally.first_round;
                *round = batch.left.since(began).max(*round);
            }
            self.idle.push(batch);
        }
    }

    /// In the first round answers show soon enough what left, and to hear each datagram leave would
    /// cost the sender a copy of it. Those that go again are few, and whether they leave matters.
    fn watch_departures(&mut self, receivers: &Receivers) {
        let watching = self.triage.round() > 0;
        if watching != self.watching_departures {
            self.watching_departures = watching;
            receivers.hear_departures(watching);
        }
    }

    /// Does what the triage asks for at `now`, as far as there are idle batches.
    fn send_due(&mut self, now: Moment) -> Turn {
        while let Some(mut batch) = self.idle.pop() {
            let turn = self.fill(now, &mut batch);
            if batch.count == 0 {
                self.idle.push(batch);
            } else if let Some(batches) = &self.batches {
                // The sender outlives this loop, which holds the other end of its inbox.
                let _ = batches.send(batch);
            }
            if let Some(turn) = turn {
                let flying = self.idle.len() < BATCHES;
                return if flying { Turn::Nap(NAP) } else { turn };
            }
        }
        Turn::Nap(NAP)
    }

    /// Fills a batch; `None` where there is more to send than it holds.
    fn fill(&mut self, now: Moment, batch: &mut SendBatch) -> Option<Turn> {
        while batch.count < BATCH_SIZE {
            if self.holding && self.triage.silent() > 0 {
                return Some(Turn::Wait(now.after(LOOK)));
            }
            self.scratch.clear();
            match self.triage.poll(now, &mut self.scratch) {
                Output::Transmit(ticket) => {
                    let target = self.triage.target(ticket.target)?;
                    let way = self.ways.get(target.vantage as usize)?;
                    match (way.refusal, way.lane) {
                        (None, Some(lane)) => {
                            self.began.get_or_insert(now);
                            let address = target.address;
                            let scope = scope(address, way.link);
                            batch.add(lane, ticket, address, scope, &self.scratch);
                        }
                        (refusal, _) => {
                            let refusal = refusal.unwrap_or(LocalRefusal::SourceGone);
                            self.triage.handle_refusal(now, ticket, refusal);
                        }
                    }
                }
                Output::Settled(result) => self.settled.push(*result),
                Output::WaitUntil(until) => return Some(Turn::Wait(until)),
                Output::Idle => return Some(Turn::Done),
            }
        }
        None
    }

    /// Passes on what has settled, and now and then how it stands. False when nobody listens.
    fn tell(&mut self, now: Moment) -> bool {
        if now.since(self.looked) >= LOOK {
            self.looked = now;
            // Each unanswered SYN stays in the table for 120 s, and a full table is an outage.
            self.holding = self.tracked.is_some_and(|began| {
                host::conntrack().is_some_and(|table| table.count > began.count + began.room() / 10)
            });
            let status = RunStatus {
                open: self.triage.silent(),
                sent: self.triage.sent(),
                receive_drops: self.tally.receive_drops,
                rate: self.triage.rate(),
            };
            if self.reports.send(Report::Status(status)).is_err() {
                return false;
            }
        }
        let settled = std::mem::take(&mut self.settled);
        settled.is_empty() || self.reports.send(Report::Settled(settled)).is_ok()
    }

    /// Refuses from now on what would leave from an address that is no longer this host's.
    fn check_sources(&mut self) {
        let Ok(mut netlink) = Netlink::open() else {
            return;
        };
        for way in &mut self.ways {
            let (source, scope) = way.origin;
            if way.refusal.is_none() && !netlink.is_ours(source, scope) {
                way.refusal = Some(LocalRefusal::SourceGone);
            }
        }
    }
}

/// The scope of a destination on an interface: only link-local ones have one.
const fn scope(address: IpAddr, link: u32) -> u32 {
    match address {
        IpAddr::V6(address) if address.is_unicast_link_local() => link,
        IpAddr::V4(_) | IpAddr::V6(_) => 0,
    }
}
