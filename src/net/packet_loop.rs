//! The packet loop: whatever decides what to send, and the sockets that hear what comes of it, driven by
//! one clock.
//!
//! The order within a turn is what makes silence mean something:
//!
//! 1. The time is read, *then* the receivers are emptied: whatever arrived before that time is known to
//!    the machine before it is told the time. Where a receiver could not be emptied, the machine is told
//!    only the time of the last frame read.
//! 2. The tap is read before the receivers behind the firewall, so that a reply heard before the
//!    firewall was already let through, or not, when those are read.
//! 3. Drops and gaps are told after the frames that were kept and before the time: an answer
//!    that is here counts, silence that is not ours to vouch for does not.
//!
//! Nothing in the loop fails and nothing is retried; there is no error type in it.

use std::thread;
use std::time::Duration;

use super::clock::Clock;
use super::receiver::{Received, Receivers};
use super::stop::Stop;
use super::syscall::{ReceiveBatch, wait};
use super::watch::{News, Watch};
use crate::model::time::Moment;

/// Longest sleep: how soon a stop of the process is noticed, and the drop counters read.
pub(super) const HEARTBEAT: Duration = Duration::from_millis(100);
/// Waking up later than planned by more than this, or working longer, is a gap: the process was
/// stopped or starved.
const LATE: Duration = Duration::from_millis(200);

/// What a machine wants after it acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// To be woken by a frame, or then, at the latest.
    Wait(Moment),
    /// To be left alone for so long, whatever arrives.
    Nap(Duration),
    /// There is more to do at once.
    Again,
    /// Nothing any more.
    Done,
}

/// What the loop drives.
pub(super) trait Machine {
    /// The run is to end. Once.
    fn interrupt(&mut self, now: Moment);
    /// Does everything that is due at `now`: all that was heard before is known.
    fn act(&mut self, now: Moment, receivers: &mut Receivers) -> Turn;
    /// A frame was heard.
    fn handle_frame(&mut self, at: Moment, received: &Received<'_>);
    /// The kernel dropped `count` frames before they were read, none perhaps.
    fn handle_drops(&mut self, now: Moment, count: u64);
    /// The process did not run for `span` up to `now`, not at all perhaps.
    fn handle_gap(&mut self, now: Moment, span: Duration);
    /// What is new of this host's addresses, interfaces and routes, nothing perhaps: whatever is not
    /// taken out of it is told again.
    fn handle_news(&mut self, now: Moment, news: &mut News, receivers: &mut Receivers);
}

/// The loop and what it listens to.
#[derive(Debug)]
pub(super) struct PacketLoop {
    pub(super) clock: Clock,
    pub(super) receivers: Receivers,
    pub(super) watch: Watch,
    pub(super) stop: Stop,
    /// What frames are read into.
    pub(super) batch: ReceiveBatch,
}

impl PacketLoop {
    /// Drives the machine until it is done.
    pub(super) fn run(mut self, machine: &mut impl Machine) {
        let mut stopped = false;
        // The machine's time: everything that was heard before it, the machine knows.
        let mut now = self.clock.now();
        let mut woke = now;
        let mut news = News::default();
        loop {
            if self.stop.requested() && !stopped {
                stopped = true;
                machine.interrupt(now);
            }
            let turn = machine.act(now, &mut self.receivers);
            let slept = self.clock.now();
            let planned = match turn {
                Turn::Done => return,
                Turn::Again => Duration::ZERO,
                Turn::Wait(until) => until.since(slept).min(HEARTBEAT),
                Turn::Nap(span) => span,
            };
            self.sleep(turn, planned, stopped);
            let at = self.clock.now();
            let gap = gap(slept.since(woke), at.since(slept), planned);
            woke = at;
            let sink = &mut |at, received: &Received<'_>| machine.handle_frame(at, received);
            let heard = self.receivers.hear(&self.clock, at, &mut self.batch, sink);
            now = heard.max(now);
            machine.handle_drops(now, self.receivers.drops());
            machine.handle_gap(now, gap);
            self.watch.hear(&mut news);
            machine.handle_news(now, &mut news, &mut self.receivers);
        }
    }

    /// Waits for a frame, for news of this host or for a request to stop; or naps.
    fn sleep(&self, turn: Turn, planned: Duration, stopped: bool) {
        if let Turn::Nap(span) = turn {
            thread::sleep(span);
            return;
        }
        let stop = (!stopped).then(|| self.stop.fd());
        let fds: Vec<_> = self
            .receivers
            .fds()
            .chain([self.watch.fd()])
            .chain(stop)
            .collect();
        // Interrupted by a signal or refused: the turn is taken early, which costs nothing.
        let _ = wait(&fds, planned);
    }
}

/// How long the process did not run: what it worked or slept beyond all expectation.
fn gap(worked: Duration, slept: Duration, planned: Duration) -> Duration {
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
