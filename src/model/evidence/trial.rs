//! One probe and what became of it.

use std::time::Duration;

use super::fact::{Lender, LocalRefusal, ReceivedBy};
use crate::model::probe::{Probe, ProbeId};
use crate::model::reply::{Flaw, Reply};
use crate::model::response::ProbeOutcome;
use crate::model::time::Moment;

/// What became of one probe so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Its number.
    pub id: ProbeId,
    /// What was sent.
    pub probe: Probe,
    /// When it was handed to the kernel, or left when the tap saw it.
    pub sent: Moment,
    /// Who sent it; `None` where this diagnosis did.
    pub shared: Option<Lender>,
    /// Whether the tap saw it leave.
    pub departed: bool,
    /// Why the kernel refused it.
    pub refused: Option<LocalRefusal>,
    /// Valid answers in order of arrival, each once however many receivers heard it. A refused probe has
    /// none: what answers it, this host's own firewall made.
    pub replies: Vec<HeardReply>,
    /// Authentic answers that no client's stack takes for such, likewise: to a client the probe is
    /// silent.
    pub flawed: Vec<HeardReply>,
    /// When its timeout ran out.
    pub expired: Option<Moment>,
    /// Frames were lost locally, or we did not run, while it waited: its silence means nothing.
    pub invalidated: bool,
}

/// Replies of a probe that are kept, each of another sender or kind: devices on the way and the host
/// send a handful.
const MOST_REPLIES: usize = 16;

/// A reply with its time and the receivers that heard it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeardReply {
    /// When the first receiver heard it.
    pub at: Moment,
    /// Heard before the local firewall.
    pub by_tap: bool,
    /// Heard after the local firewall.
    pub by_stack: bool,
    /// The reply.
    pub reply: Reply,
}

impl Trial {
    /// The trial of a probe that was just handed to the kernel.
    pub(super) const fn sent(at: Moment, id: ProbeId, probe: Probe) -> Self {
        Self {
            id,
            probe,
            sent: at,
            shared: None,
            departed: false,
            refused: None,
            replies: Vec::new(),
            flawed: Vec::new(),
            expired: None,
            invalidated: false,
        }
    }

    /// The first reply.
    pub fn first(&self) -> Option<&HeardReply> {
        self.replies.first()
    }

    /// Whether the probe was sent, waited out its timeout unanswered, and nothing invalidates that.
    pub fn is_silent(&self) -> bool {
        self.expired.is_some()
            && self.replies.is_empty()
            && self.refused.is_none()
            && !self.invalidated
    }

    /// Whether an answer may still come within its timeout.
    pub const fn is_pending(&self) -> bool {
        self.expired.is_none() && self.replies.is_empty() && self.refused.is_none()
    }

    /// What came of it, by its first answer.
    pub fn outcome(&self) -> ProbeOutcome {
        match self.first().or(self.flawed.first()) {
            Some(heard) => heard.reply.outcome(),
            None if self.refused.is_some() => ProbeOutcome::Refused,
            None if self.is_pending() => ProbeOutcome::Pending,
            None => ProbeOutcome::Silent,
        }
    }

    /// Time from sending to the first reply.
    pub fn rtt(&self) -> Option<Duration> {
        self.first().map(|heard| heard.at.since(self.sent))
    }
}

impl Trial {
    /// Whether a reply says what was not heard there before, and there is room for it.
    pub(super) fn is_new(&self, by: ReceivedBy, reply: &Reply) -> bool {
        let mut all = self.replies.iter().chain(&self.flawed);
        match all.find(|known| known.is_same(reply)) {
            Some(known) => !known.is_by(by),
            None => self.has_room(),
        }
    }

    /// Whether the other receiver has heard this reply, and this one has not.
    pub(super) fn awaits(&self, by: ReceivedBy, reply: &Reply) -> bool {
        let mut all = self.replies.iter().chain(&self.flawed);
        all.any(|known| known.is_same(reply) && !known.is_by(by))
    }

    fn has_room(&self) -> bool {
        self.replies.len() + self.flawed.len() < MOST_REPLIES
    }

    /// Takes note of a reply; gives its place where it is kept to the letter.
    pub(super) fn hear(&mut self, at: Moment, by: ReceivedBy, reply: Reply) -> Option<u8> {
        if reply.flaw.is_some() || self.is_known_broken(by, &reply) {
            self.hear_flawed(at, by, reply);
            return None;
        }
        let (by_tap, by_stack) = (by == ReceivedBy::Tap, by == ReceivedBy::Stack);
        // The stack hands IPv6 segments up without their header, so the receivers may differ in what they
        // know of it: sender and answer identify the reply, the first account of it is kept.
        let known = (0..)
            .zip(&mut self.replies)
            .find(|(_, known)| known.is_same(&reply));
        if let Some((place, known)) = known {
            known.by_tap |= by_tap;
            known.by_stack |= by_stack;
            known.at = known.at.min(at);
            return (known.reply == reply).then_some(place);
        }
        if !self.has_room() {
            return None;
        }
        // Most probes draw one reply at most.
        self.replies.reserve_exact(1);
        self.replies.push(HeardReply {
            at,
            by_tap,
            by_stack,
            reply,
        });
        // What only the receiver behind the firewall has heard may yet turn out to be broken.
        let place = u8::try_from(self.replies.len() - 1).ok();
        place.filter(|_| by_tap)
    }

    /// Whether the tap has seen that this reply's checksum is wrong: a raw socket hears it all the same,
    /// and cannot tell.
    pub(super) fn is_known_broken(&self, by: ReceivedBy, reply: &Reply) -> bool {
        let same = |known: &HeardReply| known.is_same(reply);
        let broken =
            |known: &HeardReply| known.reply.flaw == Some(Flaw::Checksum) && known.is_same(reply);
        by == ReceivedBy::Stack && !self.replies.iter().any(same) && self.flawed.iter().any(broken)
    }

    pub(super) fn hear_flawed(&mut self, at: Moment, by: ReceivedBy, reply: Reply) {
        let mut heard = HeardReply {
            at,
            by_tap: by == ReceivedBy::Tap,
            by_stack: by == ReceivedBy::Stack,
            reply,
        };
        if reply.flaw == Some(Flaw::Checksum)
            && let Some(sooner) = self
                .replies
                .pop_if(|known| !known.by_tap && known.is_same(&reply))
        {
            heard.by_stack = true;
            heard.at = heard.at.min(sooner.at);
        }
        let has_room = self.has_room();
        let known = self.flawed.iter_mut().find(|known| {
            known.is_same(&reply) && (reply.flaw.is_none() || known.reply.flaw == reply.flaw)
        });
        match known {
            Some(known) => {
                known.by_tap |= heard.by_tap;
                known.by_stack |= heard.by_stack;
                known.at = known.at.min(heard.at);
            }
            None if has_room => self.flawed.push(heard),
            None => {}
        }
    }
}

impl HeardReply {
    /// Whether it was heard there.
    const fn is_by(&self, by: ReceivedBy) -> bool {
        match by {
            ReceivedBy::Tap => self.by_tap,
            ReceivedBy::Stack => self.by_stack,
        }
    }

    /// Whether a reply is this one, heard again or by the other receiver.
    pub(super) fn is_same(&self, reply: &Reply) -> bool {
        self.reply.is_same(reply)
    }
}
