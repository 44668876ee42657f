//! The packet loop: prober, mouth and ears, driven by one clock on a thread of its own.
//!
//! The order within a turn is what makes silence mean something:
//!
//! 1. The time is read, *then* the ears are emptied: whatever arrived before that time is known to
//!    the prober before it is told the time. Where an ear could not be emptied, the prober is told
//!    only the time of the last frame read.
//! 2. The tap is read before the ears behind the firewall, so that a reply heard before the
//!    firewall was already let through, or not, when those are read.
//! 3. Drops and gaps are reported after the frames that were kept and before the time: an answer
//!    that is here counts, silence that is not ours to vouch for does not.
//!
//! When this host's own addresses, interfaces or routes change, the sessions whose way is another then
//! begin again: what they measured was the old way, and what is unanswered may have been lost here.
//!
//! Nothing in the loop fails and nothing is retried; there is no error type in it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use super::clock::Clock;
use super::driver::Standing;
use super::ear::Ear;
use super::fellows::Fellows;
use super::filter::Ports;
use super::roster::Roster;
use super::stack;
use super::stop::Stop;
use super::syscall::{Batch, wait};
use super::watch::{News, Watch};
use super::witness::Witness;
use crate::engine::{Brief, Output, Prober, SessionId, Sighting, Transmit};
use crate::model::endpoint::Family;
use crate::model::outcome::Outcome;
use crate::model::time::Moment;

/// Longest sleep: how soon a stop of the process is noticed, and the drop counters read.
const HEARTBEAT: Duration = Duration::from_millis(100);
/// Waking up later than planned by more than this, or working longer, is a gap: the process was
/// stopped or starved.
const LATE: Duration = Duration::from_millis(200);
/// Datagrams sent before the ears are emptied again.
const BURST: usize = 64;
/// Batches read from one ear before the others get their turn.
const BATCHES: usize = 64;
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
    Standing(Standing),
    /// A session as it stands.
    Progress(Box<Outcome>),
    /// A session began.
    Begun(SessionId, Box<Brief>),
    /// A frame of a session passed an interface.
    Sighted(Box<Sighting>),
    /// A session whose way changed, and that began again as another.
    Replaced(SessionId, Box<Outcome>),
    /// A session that is over.
    Settled(SessionId, Box<Outcome>),
}

/// The loop and all it drives.
#[derive(Debug)]
pub(super) struct Packets {
    pub(super) clock: Clock,
    pub(super) prober: Prober,
    pub(super) roster: Roster,
    /// The tap first.
    pub(super) ears: Vec<Ear>,
    /// Families whose ears behind the firewall were opened, or could not be.
    pub(super) hearing: BTreeSet<Family>,
    pub(super) watch: Watch,
    /// The other runs of this user; `None` where they cannot be heard.
    pub(super) fellows: Option<Fellows>,
    pub(super) stop: Stop,
    pub(super) reports: Sender<Report>,
    pub(super) unread: Arc<Unread>,
    /// Frames dropped so far.
    pub(super) receive_drops: u64,
    /// Whether somebody watches sessions as they stand.
    pub(super) live: bool,
    /// The witness for a capture; `None` where nobody keeps one.
    pub(super) witness: Option<Witness>,
}

/// Why the loop goes on, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Wait until then, at the latest.
    Wait(Moment),
    /// There is more to do at once.
    Again,
    /// Every session has settled, or nobody listens any more.
    Done,
}

impl Packets {
    /// Runs until every session has settled.
    pub(super) fn run(mut self) {
        let mut batch = match self.witness {
            Some(_) => Batch::whole(),
            None => Batch::headers(),
        };
        let mut stopped = false;
        let mut shown = Moment::START;
        // The prober's time: everything that was heard before it, the prober knows.
        let mut now = self.clock.now();
        let mut woke = now;
        let (mut news, mut surveyed) = (News::default(), Moment::START);
        loop {
            if self.stop.requested() && !stopped {
                stopped = true;
                self.roster.stop(now, &mut self.prober);
                self.prober.interrupt(now);
            }
            let keeps_up = self.unread.settled.load(Ordering::Acquire) < UNREAD;
            if keeps_up && self.roster.admit(now, &mut self.prober) {
                self.tune();
            }
            if let Some(witness) = &mut self.witness {
                witness.announce(&self.prober, &self.reports);
            }
            let until = match self.act(now) {
                Turn::Done => return,
                Turn::Again => now,
                Turn::Wait(until) => until,
            };
            if now.since(shown) >= PROGRESS {
                shown = now;
                self.show(now);
            }
            let slept = self.clock.now();
            let timeout = until
                .min(self.roster.next_look().unwrap_or(until))
                .since(slept)
                .min(HEARTBEAT);
            self.sleep(timeout, stopped);
            let at = self.clock.now();
            let gap = gap(slept.since(woke), at.since(slept), timeout);
            woke = at;
            now = self.listen(at, &mut batch).max(now);
            let drops = self.ears.iter_mut().map(Ear::drops).sum();
            self.receive_drops += drops;
            self.prober.handle_drops(now, drops);
            self.prober.handle_gap(now, gap);
            self.watch.hear(&mut news);
            if !news.is_none() && now.since(surveyed) >= RESURVEY {
                surveyed = now;
                self.resurvey(now, &std::mem::take(&mut news));
            }
            self.roster.look(now, &mut self.prober);
        }
    }

    /// Begins again what stood on a way that is another now.
    fn resurvey(&mut self, now: Moment, news: &News) {
        let replaced = self.roster.resurvey(now, news, &mut self.prober);
        if replaced.is_empty() {
            return;
        }
        self.tune();
        for (session, outcome) in replaced {
            // Whoever listened may have gone; the loop learns it when it reports an outcome.
            let report = Report::Replaced(session, Box::new(outcome));
            let _ = self.reports.send(report);
        }
    }

    /// Does what the prober asks for at `now`. A refusal is told before the ears are read again: what
    /// this host's firewall answers besides refusing is no answer of the network.
    fn act(&mut self, now: Moment) -> Turn {
        let mut sent = 0;
        while sent < BURST {
            if let Some(fellows) = &mut self.fellows {
                fellows.enter();
                fellows.hear(|address, knocks| {
                    self.prober.handle_sent_elsewhere(now, address, knocks);
                });
            }
            let mut transmits = Vec::new();
            let turn = self.collect(now, BURST - sent, &mut transmits);
            sent += transmits.len();
            if let Some(fellows) = &mut self.fellows {
                fellows.tell(&transmits);
                fellows.leave();
            }
            let mut refused = false;
            self.roster.send(&transmits, &mut |transmit, refusal| {
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
                    self.roster.settle(now, session);
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
                Output::Idle if self.roster.is_done() => return Turn::Done,
                Output::Idle => return Turn::Wait(now.after(HEARTBEAT)),
            }
        }
        Turn::Again
    }

    /// Waits for a frame or a request to stop.
    fn sleep(&self, timeout: Duration, stopped: bool) {
        let stop = (!stopped).then(|| self.stop.fd());
        let fds: Vec<_> = self
            .ears
            .iter()
            .map(Ear::fd)
            .chain([self.watch.fd()])
            .chain(stop)
            .collect();
        // Interrupted by a signal or refused: the turn is taken early, which costs nothing.
        let _ = wait(&fds, timeout);
    }

    /// Hands everything that was heard up to `at` to the prober, and gives the time up to which
    /// nothing is left unheard.
    fn listen(&mut self, at: Moment, batch: &mut Batch) -> Moment {
        let mut complete = at;
        for ear in &mut self.ears {
            let mut last = None;
            let emptied = (0..BATCHES).any(|_| {
                ear.hear(&self.clock, batch, &mut |heard_at, sound| {
                    last = Some(heard_at);
                    let attribution =
                        self.prober
                            .handle_frame(heard_at, sound.heard, sound.datagram);
                    if let (Some(witness), Some(attribution)) = (&mut self.witness, attribution) {
                        witness.see(heard_at, sound, attribution, &self.reports);
                    }
                })
            });
            if let (false, Some(last)) = (emptied, last) {
                complete = complete.min(last);
            }
        }
        complete
    }

    /// Tells the ears which ports are ours; those of a family that is new are opened first. An ear
    /// that does not take the program keeps the old one and hears too little, which drops would not
    /// show; but a longer program of a kind it took before is only refused for want of memory, and
    /// then nothing else works either.
    fn tune(&mut self) {
        let ports = Ports::of(&self.roster.ports());
        for family in self.roster.families() {
            if self.hearing.insert(family) {
                match stack::open(family, &ports) {
                    Ok(ears) => self.ears.extend(ears),
                    Err(failure) => self.roster.deafen(family, &failure),
                }
            }
        }
        for ear in &self.ears {
            if let Err(failure) = ear.listen_for(&ports) {
                tracing::error!(%failure, "an ear keeps its old filter");
            }
        }
    }

    /// Tells how the run stands, and its first sessions where somebody watches. A listener that has
    /// gone is found out with the next outcome.
    fn show(&self, now: Moment) {
        if self.unread.progress.load(Ordering::Acquire) > 0 {
            return;
        }
        let standing = Standing {
            open: self.roster.open().len(),
            sent: self.prober.sent(),
            receive_drops: self.receive_drops,
            rate: self.prober.rate(),
        };
        let shown = if self.live { SHOWN } else { 0 };
        let open = self.roster.open().take(shown);
        let progress = open.map(|session| {
            let outcome = self.prober.outcome(session, now);
            Report::Progress(Box::new(outcome))
        });
        for report in std::iter::once(Report::Standing(standing)).chain(progress) {
            self.unread.progress.fetch_add(1, Ordering::AcqRel);
            let _ = self.reports.send(report);
        }
    }
}

/// How long the process did not run: what it worked or slept beyond all expectation.
pub(super) fn gap(worked: Duration, slept: Duration, planned: Duration) -> Duration {
    let overslept = slept.saturating_sub(planned);
    [worked, overslept]
        .into_iter()
        .filter(|span| *span > LATE)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(worked: u64, slept: u64, planned: u64, expected: u64) {
        let [worked, slept, planned, expected] =
            [worked, slept, planned, expected].map(Duration::from_millis);
        assert_eq!(gap(worked, slept, planned), expected);
    }

    #[test]
    fn a_gap_is_what_no_plan_explains() {
        check(1, 100, 100, 0);
        check(1, 299, 100, 0);
        check(1, 400, 100, 300);
        check(500, 100, 100, 500);
        check(500, 1100, 100, 1500);
        check(1, 5, 100, 0);
    }
}
