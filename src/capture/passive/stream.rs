//! One direction of a connection: how much was sent, how much acknowledged, and what is stuck.
//!
//! Everything is kept as offsets from the first sequence number seen, so that segments seen twice,
//! resent, merged by the network card or cut by the snapshot length count once and right.

use std::time::Duration;

use crate::model::time::Moment;

/// Resending sooner is a duplicate of the capture: the least retransmission timeout of Linux
/// (`TCP_RTO_MIN`) is 200 ms.
const RESENT_AFTER: Duration = Duration::from_millis(100);
/// Tries after which a segment counts as stuck.
const STUCK: u16 = 3;
/// Octets of payload from which a segment counts as large: more than any request that a handshake
/// of a database protocol begins with.
const LARGE: u16 = 512;

/// No gap in a capture is so long: such a number belongs to another connection on the same ports, as
/// of a proxy whose two legs are captured.
const FOREIGN: u64 = 1 << 27;

/// One direction of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stream {
    /// The sequence number after the last octet seen; `None` before any.
    next: Option<u32>,
    /// Octets seen sent.
    sent: u64,
    /// Octets of them acknowledged.
    acked: u64,
    /// Where the captor's own view of the stream has a gap.
    gap: Option<u64>,
    /// How often the oldest octet that is not acknowledged was sent.
    tries: u16,
    tried_first: Moment,
    tried_last: Moment,
    /// Octets of payload of the last of those segments.
    tried: u16,
    /// Acknowledgments that came meanwhile and acknowledged nothing new.
    echoes: u16,
    /// The end of the first large segment; what it takes to say that large ones get through.
    goal: Option<u64>,
    large_passed: bool,
}

/// A segment that is sent over and over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stuck {
    /// Octets of payload.
    pub(super) size: u16,
    /// How often it was sent.
    pub(super) tries: u16,
    /// Since when.
    pub(super) since: Moment,
    /// Whether the other side still answered meanwhile.
    pub(super) alive: bool,
}

impl Stuck {
    /// Whether it is large enough for its size to be the reason.
    pub(super) const fn is_large(&self) -> bool {
        self.size >= LARGE
    }
}

impl Stream {
    /// Tells where the stream begins.
    pub(super) const fn begin(&mut self, sequence: u32) {
        if self.next.is_none() {
            self.next = Some(sequence);
        }
    }

    /// Whether the next octet is that of `sequence`.
    pub(super) fn next_is(&self, sequence: u32) -> bool {
        self.next == Some(sequence)
    }

    /// The offset of a sequence number; `None` before the beginning.
    fn offset(&self, sequence: u32) -> Option<u64> {
        let step = i64::from(sequence.wrapping_sub(self.next?).cast_signed());
        self.sent.checked_add_signed(step)
    }

    /// A segment with `length` octets of payload.
    pub(super) fn send(&mut self, at: Moment, sequence: u32, length: u16) {
        self.begin(sequence);
        let (Some(from), long) = (self.offset(sequence), u64::from(length)) else {
            return;
        };
        if from > self.sent + FOREIGN {
            return;
        }
        let to = from + long;
        let oldest = from <= self.acked && to > self.acked;
        if to > self.sent {
            if from > self.sent && self.gap.is_none() {
                self.gap = Some(self.sent);
            }
            if length >= LARGE && self.goal.is_none() {
                self.goal = Some(from + u64::from(LARGE));
            }
            self.sent = to;
            self.next = Some(sequence.wrapping_add(u32::from(length)));
            if oldest {
                (self.tries, self.echoes) = (1, 0);
                (self.tried, self.tried_first, self.tried_last) = (length, at, at);
            }
            return;
        }
        if self.gap.is_some_and(|gap| from <= gap && to > gap) {
            self.gap = None;
        }
        if oldest && at.since(self.tried_last) >= RESENT_AFTER {
            if self.tries == 0 {
                self.tried_first = at;
            }
            self.tries = self.tries.saturating_add(1);
            // The first time several may have left as one, for the network card to cut.
            self.tried = length;
            self.tried_last = at;
        }
    }

    /// The other side acknowledges everything before `sequence`.
    pub(super) fn acknowledge(&mut self, sequence: u32) {
        self.begin(sequence);
        let Some(to) = self
            .offset(sequence)
            .filter(|to| *to <= self.sent + FOREIGN)
        else {
            return;
        };
        if to > self.acked {
            if to > self.sent {
                // The captor did not see it sent.
                self.sent = to;
                self.next = Some(sequence);
            }
            self.acked = to;
            (self.tries, self.tried, self.echoes) = (0, 0, 0);
            self.large_passed |= self.goal.is_some_and(|goal| to >= goal);
        } else if self.tries > 0 && to == self.acked {
            self.echoes = self.echoes.saturating_add(1);
        }
    }

    /// Octets sent, as far as the captor saw or an acknowledgment says.
    pub(super) const fn octets(&self) -> u64 {
        self.sent
    }

    /// Octets acknowledged.
    pub(super) const fn acknowledged(&self) -> u64 {
        self.acked
    }

    /// Whether a large segment was acknowledged.
    pub(super) const fn large_passed(&self) -> bool {
        self.large_passed
    }

    /// Whether octets are missing in the captor's view that later ones show were sent.
    pub(super) const fn has_gap(&self) -> bool {
        self.gap.is_some()
    }

    /// What is sent over and over and never acknowledged.
    pub(super) fn stuck(&self) -> Option<Stuck> {
        (self.tries >= STUCK).then_some(Stuck {
            size: self.tried,
            tries: self.tries,
            since: self.tried_first,
            alive: self.echoes > 0,
        })
    }
}
