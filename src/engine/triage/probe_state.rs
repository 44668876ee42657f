//! What is remembered of each endpoint: when its SYNs left and what they drew.

use super::super::timing::RESET_AGAIN;
use super::SYNS;
use crate::model::evidence::{LocalRefusal, ReceivedBy};
use crate::model::reply::Reply;
use crate::model::time::Moment;

/// Different replies to one endpoint's SYNs that are remembered; what comes after them says nothing
/// new.
const REPLIES: u8 = 16;

/// Whether an endpoint is waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Standing {
    /// Nothing that decides was heard.
    #[default]
    Silent,
    /// It answered, was refused or given up; it settles soon, or has.
    Answered,
}

/// One endpoint.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ProbeState {
    /// When each SYN left; meaningless from `attempts` on.
    pub(super) sent: [Moment; SYNS],
    /// Why this host refused a SYN.
    pub(super) refused: [Option<LocalRefusal>; SYNS],
    /// How many SYNs left.
    pub(super) attempts: u8,
    /// Which of them the tap saw leave, a bit each.
    pub(super) departed: u8,
    /// Segments and quotes of the right flow with the wrong number.
    pub(super) near_misses: u16,
    /// How many different replies are remembered.
    replies: u8,
    /// The latest of them, as a place among all replies; only where there is one.
    latest: u32,
    standing: Standing,
}

impl ProbeState {
    /// Whether it is waited for.
    pub(super) fn is_silent(&self) -> bool {
        self.standing == Standing::Silent
    }

    /// It is no longer waited for; says whether it was until now.
    pub(super) fn answer(&mut self) -> bool {
        std::mem::replace(&mut self.standing, Standing::Answered) == Standing::Silent
    }

    /// When its first SYN left.
    pub(super) fn began(&self) -> Option<Moment> {
        self.sent.first().copied().filter(|_| self.attempts > 0)
    }
}

/// A reply, by whichever receivers heard it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remembered {
    /// Which SYN it answers.
    pub(super) attempt: u8,
    /// When the first receiver heard it.
    pub(super) at: Moment,
    /// When it last was reason to send a reset: where it opens a connection.
    closed: Moment,
    pub(super) by_tap: bool,
    pub(super) by_stack: bool,
    pub(super) reply: Reply,
    /// The reply before it of the same endpoint, if its number is not the first.
    before: u32,
}

/// The replies of all endpoints, each endpoint's chained from its latest to its first.
#[derive(Clone, Debug, Default)]
pub(super) struct Replies {
    all: Vec<Remembered>,
    /// How many replies the tap heard, duplicates included.
    pub(super) heard: u64,
}

impl Replies {
    /// Takes note of a reply. Gives the time at which one that says the same was last closed, where
    /// there was one; takes the new one for closed where that is longer ago than
    /// [`RESET_AGAIN`].
    pub(super) fn hear(
        &mut self,
        state: &mut ProbeState,
        at: Moment,
        by: ReceivedBy,
        attempt: u8,
        reply: Reply,
    ) -> Option<Moment> {
        let (by_tap, by_stack) = (by == ReceivedBy::Tap, by == ReceivedBy::Stack);
        self.heard += u64::from(by_tap);
        let mut place = state.latest;
        for _ in 0..state.replies {
            let known = self.all.get_mut(place as usize)?;
            // A raw socket hears a broken segment like a whole one: the tap knows.
            let same = known.attempt == attempt
                && known.reply.is_same(&reply)
                && (known.reply.flaw == reply.flaw || by_stack || !known.by_tap);
            if same {
                if by_tap && !known.by_tap {
                    known.reply.flaw = reply.flaw;
                }
                known.by_tap |= by_tap;
                known.by_stack |= by_stack;
                let closed = known.closed;
                if at.since(closed) >= RESET_AGAIN {
                    known.closed = at;
                }
                return Some(closed);
            }
            place = known.before;
        }
        if state.replies < REPLIES
            && let Ok(place) = u32::try_from(self.all.len())
        {
            self.all.push(Remembered {
                attempt,
                at,
                closed: at,
                by_tap,
                by_stack,
                reply,
                before: state.latest,
            });
            state.latest = place;
            state.replies += 1;
        }
        None
    }

    /// The replies of an endpoint in the order in which they were first heard.
    pub(super) fn of(&self, state: &ProbeState) -> Vec<Remembered> {
        let mut found = Vec::with_capacity(usize::from(state.replies));
        let mut place = state.latest;
        for _ in 0..state.replies {
            let Some(reply) = self.all.get(place as usize) else {
                break;
            };
            found.push(*reply);
            place = reply.before;
        }
        found.reverse();
        found
    }
}
