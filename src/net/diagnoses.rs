//! The diagnoses of a run, as the packet loop drives them: prober, sessions and receivers.
//!
//! When this host's own addresses, interfaces or routes change, the sessions whose way is another then
//! begin again: what they measured was the old way, and what is unanswered may have been lost here.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use super::capture_tap::CaptureTap;
use super::driver::{RunStatus, Settings};
use super::filter::Ports;
use super::other_runs::OtherRuns;
use super::packet_loop::{HEARTBEAT, Machine, Turn};
use super::receiver::{Received, Receivers};
use super::sessions::Sessions;
use super::stack;
use super::watch::News;
use crate::engine::{Job, Output, Prober, SessionId, Sighting, Transmit};
use crate::model::endpoint::Family;
use crate::model::outcome::Outcome;
use crate::model::time::Moment;

/// Datagrams sent before the receivers are emptied again.
const BURST: usize = 64;
/// How long after one survey of a host in change the next may follow.
const RESURVEY: Duration = Duration::from_millis(100);
/// How often a session's progress is shown.
const PROGRESS: Duration = Duration::from_millis(100);
/// Sessions whose progress is shown in one turn; more than that nobody reads.
const SHOWN: usize = 16;

/// Settled sessions that nobody has read yet: while there are more, no session begins, lest a slow
/// reader costs all memory.
const UNREAD: usize = 4096;

/// What the loop told and nobody has read yet.
#[derive(Debug, Default)]
pub(super) struct Unread {
    /// Reports of progress: none are added while there are any.
    pub(super) progress: AtomicUsize,
    /// Sessions that are over.
    pub(super) settled: AtomicUsize,
}

/// What the loop tells whoever listens.
#[derive(Debug)]
pub(super) enum Report {
    /// How the run stands.
    Status(RunStatus),
    /// A session as it stands.
    Progress(Box<Outcome>),
    /// A session began.
    Begun(SessionId, Box<Job>),
    /// A frame of a session passed an interface.
    Sighted(Box<Sighting>),
    /// A session whose way changed, and that began again as another.
    Replaced(SessionId, Box<Outcome>),
    /// A session that is over.
    Settled(SessionId, Box<Outcome>),
}

/// The diagnoses of a run, and whoever hears of them.
#[derive(Debug)]
pub(super) struct Diagnoses {
    prober: Prober,
    sessions: Sessions,
    /// Families whose receivers behind the firewall were opened, or could not be.
    heard_families: BTreeSet<Family>,
    /// The other runs of this user; `None` where they cannot be heard.
    other_runs: Option<OtherRuns>,
    reports: Sender<Report>,
    unread: Arc<Unread>,
    /// Frames dropped so far.
    receive_drops: u64,
    /// Whether somebody watches sessions as they stand.
    live: bool,
    /// When that was last shown.
    shown: Moment,
    /// When the ways were last surveyed again.
    surveyed: Moment,
    /// Where frames go that a capture is to hold; `None` where nobody keeps one.
    capture_tap: Option<CaptureTap>,
}

impl Machine for Diagnoses {
    fn interrupt(&mut self, now: Moment) {
        self.sessions.stop(now, &mut self.prober);
        self.prober.interrupt(now);
    }

    fn act(&mut self, now: Moment, receivers: &mut Receivers) -> Turn {
        self.sessions.look(now, &mut self.prober);
        let keeps_up = self.unread.settled.load(Ordering::Acquire) < UNREAD;
        if keeps_up && self.sessions.admit(now, &mut self.prober) {
            self.set_filters(receivers);
        }
        if let Some(capture_tap) = &mut self.capture_tap {
            capture_tap.announce(&self.prober, &self.reports);
        }
        let turn = self.send_due(now);
        if turn != Turn::Done && now.since(self.shown) >= PROGRESS {
            self.shown = now;
            self.show(now);
        }
        match turn {
            Turn::Wait(until) => Turn::Wait(until.min(self.sessions.next_look().unwrap_or(until))),
            Turn::Nap(_) | Turn::Again | Turn::Done => turn,
        }
    }

    fn handle_frame(&mut self, at: Moment, received: &Received<'_>) {
        let attribution = self
            .prober
            .handle_frame(at, received.heard, received.datagram);
        if let (Some(capture_tap), Some(attribution)) = (&mut self.capture_tap, attribution) {
            capture_tap.see(at, received, attribution, &self.reports);
        }
    }

    fn handle_drops(&mut self, now: Moment, count: u64) {
        self.receive_drops += count;
        self.prober.handle_drops(now, count);
    }

    fn handle_gap(&mut self, now: Moment, span: Duration) {
        self.prober.handle_gap(now, span);
    }

    /// Begins again what stood on a way that is another now.
    fn handle_news(&mut self, now: Moment, news: &mut News, receivers: &mut Receivers) {
        if news.is_none() || now.since(self.surveyed) < RESURVEY {
            return;
        }
        self.surveyed = now;
        let news = std::mem::take(news);
        let replaced = self.sessions.resurvey(now, &news, &mut self.prober);
        if replaced.is_empty() {
            return;
        }
        self.set_filters(receivers);
        for (session, outcome) in replaced {
            // Whoever listened may have gone; the loop learns it when it reports an outcome.
            let report = Report::Replaced(session, Box::new(outcome));
            let _ = self.reports.send(report);
        }
    }
}

impl Diagnoses {
    /// Nothing is diagnosed yet.
    pub(super) fn new(
        prober: Prober,
        sessions: Sessions,
        settings: &Settings,
        reports: Sender<Report>,
        unread: Arc<Unread>,
    ) -> Self {
        Self {
            prober,
            sessions,
            heard_families: BTreeSet::new(),
            other_runs: OtherRuns::join(),
            reports,
            unread,
            receive_drops: 0,
            live: settings.live,
            shown: Moment::START,
            surveyed: Moment::START,
            capture_tap: settings.sightings.then(CaptureTap::default),
        }
    }

    /// Does what the prober asks for at `now`. A refusal is told before the receivers are read again: what
    /// this host's firewall answers besides refusing is no answer of the network.
    fn send_due(&mut self, now: Moment) -> Turn {
        let mut sent = 0;
        while sent < BURST {
            if let Some(other_runs) = &mut self.other_runs {
                other_runs.enter();
                other_runs.hear(|address, knocks| {
                    self.prober.handle_sent_elsewhere(now, address, knocks);
                });
            }
            let mut transmits = Vec::new();
            let turn = self.collect(now, BURST - sent, &mut transmits);
            sent += transmits.len();
            if let Some(other_runs) = &mut self.other_runs {
                other_runs.tell(&transmits);
                other_runs.leave();
            }
            let mut refused = false;
            self.sessions.send(&transmits, &mut |transmit, refusal| {
                if let Some(probe) = transmit.probe {
                    let session = transmit.session;
                    self.prober.handle_refusal(now, session, probe, refusal);
                    refused = true;
                }
            });
            if !refused || turn == Turn::Done {
                return turn;
            }
        }
        Turn::Again
    }

    /// Reports what has settled and collects up to `most` datagrams to send.
    fn collect(&mut self, now: Moment, most: usize, transmits: &mut Vec<Transmit>) -> Turn {
        while transmits.len() < most {
            match self.prober.poll(now) {
                Output::Transmit(transmit) => transmits.push(transmit),
                Output::Settled(session) => {
                    self.sessions.settle(now, session);
                    let Some(outcome) = self.prober.conclude(session, now) else {
                        continue;
                    };
                    self.unread.settled.fetch_add(1, Ordering::AcqRel);
                    let report = Report::Settled(session, Box::new(outcome));
                    if self.reports.send(report).is_err() {
                        return Turn::Done;
                    }
                }
                Output::WaitUntil(until) => return Turn::Wait(until),
                Output::Idle if self.sessions.is_done() => return Turn::Done,
                Output::Idle => return Turn::Wait(now.after(HEARTBEAT)),
            }
        }
        Turn::Again
    }

    /// Tells the receivers which ports are ours; those of a family that is new are opened first.
    fn set_filters(&mut self, receivers: &mut Receivers) {
        let ports = Ports::of(&self.sessions.ports());
        for family in self.sessions.families() {
            if self.heard_families.insert(family) {
                match stack::open(family, &ports) {
                    Ok(new) => receivers.add(new),
                    Err(failure) => self.sessions.refuse_family(family, &failure),
                }
            }
        }
        receivers.listen_for(&ports);
    }

    /// Tells how the run stands, and its first sessions where somebody watches. A listener that has
    /// gone is found out with the next outcome.
    fn show(&self, now: Moment) {
        if self.unread.progress.load(Ordering::Acquire) > 0 {
            return;
        }
        let status = RunStatus {
            open: self.sessions.open().len(),
            sent: self.prober.sent(),
            receive_drops: self.receive_drops,
            rate: self.prober.rate(),
        };
        let shown = if self.live { SHOWN } else { 0 };
        let open = self.sessions.open().take(shown);
        let progress = open.map(|session| {
            let outcome = self.prober.outcome(session, now);
            Report::Progress(Box::new(outcome))
        });
        for report in std::iter::once(Report::Status(status)).chain(progress) {
            self.unread.progress.fetch_add(1, Ordering::AcqRel);
            let _ = self.reports.send(report);
        }
    }
}
