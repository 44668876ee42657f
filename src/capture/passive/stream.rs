//! One direction of a connection: how much was sent, how much acknowledged, and what is stuck.
//!
//! Everything is kept as offsets from the first sequence number seen, so that segments seen twice,
//! resent, merged by the network card or cut by the snapshot length count once and right.

use std::time::Duration;

use crate::model::time::Moment;

/// Resending sooner is a duplicate of the capture: the least retransmission timeout of Linux
/// (`TCP_RTO_MIN`) is 200 ms.
const RESENT_AFTER: Duration = Duration::from_millis(100);
/// Nothing is sent again later than this for want of an acknowledgment (RFC 6298 §2).
const QUIET: Duration = Duration::from_secs(1);
/// Tries after which a segment counts as stuck.
const STUCK: u16 = 3;
/// A FIN that is sent over and over for so long meets nobody; sooner, the capture may have ended.
const FORSAKEN: Duration = Duration::from_secs(3);
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
    /// Where the captor's own view of the stream has a gap, and since when.
    gap: Option<u64>,
    gap_at: Moment,
    /// How often the oldest octet that is not acknowledged was sent.
    tries: u16,
    tried_first: Moment,
    tried_last: Moment,
    /// Octets of payload of the last of those segments.
    tried: u16,
    /// How long the connection had been quiet before the first try.
    quiet: Duration,
    /// Bare acknowledgments that came meanwhile, in answer to something behind that octet.
    echoes: u16,
    /// The fewest octets behind it that were acknowledged selectively.
    skipped: Option<u64>,
    /// When the last octet was sent, new or again.
    sent_at: Moment,
    /// When the acknowledgment moved last.
    acked_at: Moment,
    /// Since when new octets are sent, and none again.
    fresh_since: Option<Moment>,
    /// How often octets were sent again that the captor has seen acknowledged.
    needless: u16,
    /// The offset of the FIN.
    fin: Option<u64>,
    /// How often it was sent, when first and last, and whether it was acknowledged.
    fins: u16,
    fin_first: Moment,
    fin_last: Moment,
    fin_quiet: Duration,
    fin_heard: bool,
    /// How far the sender's bare segments say it is.
    ahead: Option<Ahead>,
    /// The end of the first large segment; what it takes to say that large ones get through.
    goal: Option<u64>,
    large_passed: bool,
    /// The size of a segment that was sent in vain over and over and then passed in smaller pieces.
    shrunk: Option<u16>,
    /// The size of the tries before the last one, where several were alike, and how many were.
    in_vain: (u16, u16),
    /// The number after the last one that was sent, and how many segments came that stand behind it.
    highest: Option<u32>,
    behind: u32,
}

/// What bare segments of the sender say of octets that the captor never saw.
#[derive(Clone, Copy, Debug)]
struct Ahead {
    to: u64,
    first: Moment,
    last: Moment,
}

/// Octets that the sender has sent, that neither the captor nor the receiver ever got, and for which
/// the receiver waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Missing {
    /// How many there are, as far as the sender's later segments say.
    pub(super) octets: u64,
    /// Since when nothing arrived.
    pub(super) since: Moment,
    /// How long later segments of the sender were seen to pass.
    pub(super) shown_for: Duration,
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
    /// When it was sent last.
    pub(super) until: Moment,
    /// How long the connection had been quiet before.
    pub(super) quiet: Duration,
    /// Whether the other side answered what was sent behind it.
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

    /// A segment that takes `numbers` (octets, and a FIN or a SYN): whether it was sent again, or came
    /// late. A keep-alive probe bears the last octet once more (RFC 9293 §3.8.4), and is neither.
    pub(super) fn order(&mut self, sequence: u32, numbers: u32, plain: bool) {
        let end = sequence.wrapping_add(numbers);
        let Some(highest) = self.highest else {
            self.highest = Some(end);
            return;
        };
        let is_behind = sequence.wrapping_sub(highest).cast_signed() < 0;
        let keeps_alive = numbers == 0 || plain && numbers == 1 && end == highest;
        self.behind = self
            .behind
            .saturating_add((is_behind && !keeps_alive).into());
        if end.wrapping_sub(highest).cast_signed() > 0 {
            self.highest = Some(end);
        }
    }

    /// The stream begins at `sequence`, whatever was taken for its beginning before.
    pub(super) fn restart(&mut self, sequence: u32) {
        *self = Self {
            next: Some(sequence),
            highest: self.highest,
            behind: self.behind,
            ..Self::default()
        };
    }

    /// Segments that were sent again, or came late.
    pub(super) const fn behind(&self) -> u32 {
        self.behind
    }

    /// A segment with `length` octets of payload, after `quiet`.
    pub(super) fn send(&mut self, at: Moment, sequence: u32, length: u16, quiet: Duration) {
        self.begin(sequence);
        let (Some(from), long) = (self.offset(sequence), u64::from(length)) else {
            return;
        };
        if from > self.sent + FOREIGN {
            return;
        }
        let to = from + long;
        let oldest = from <= self.acked && to > self.acked;
        let again = at.since(self.sent_at) >= RESENT_AFTER;
        if to > self.sent {
            if from > self.sent && self.gap.is_none() {
                self.gap = Some(self.sent);
                self.gap_at = at;
            }
            if length >= LARGE && self.goal.is_none() {
                self.goal = Some(from + u64::from(LARGE));
            }
            self.sent = to;
            self.sent_at = at;
            self.fresh_since.get_or_insert(at);
            self.next = Some(sequence.wrapping_add(u32::from(length)));
            if oldest {
                (self.tries, self.echoes, self.skipped) = (1, 0, None);
                (self.tried, self.tried_first, self.tried_last) = (length, at, at);
                self.quiet = quiet;
            }
            return;
        }
        if self.gap.is_some_and(|gap| from <= gap && to > gap) {
            self.gap = None;
        }
        if again {
            self.fresh_since = None;
            self.sent_at = at;
            self.needless = self.needless.saturating_add((to <= self.acked).into());
        }
        if oldest && at.since(self.tried_last) >= RESENT_AFTER {
            if self.tries == 0 {
                self.tried_first = at;
                self.quiet = quiet;
            }
            self.tries = self.tries.saturating_add(1);
            if self.tried != length || self.in_vain.0 < length {
                self.in_vain = if self.in_vain.1 >= STUCK && length < self.in_vain.0 {
                    self.in_vain
                } else {
                    (length, 0)
                };
            }
            self.in_vain.1 = self
                .in_vain
                .1
                .saturating_add((length == self.in_vain.0).into());
            // The first time several may have left as one, for the network card to cut.
            self.tried = length;
            self.tried_last = at;
        }
    }

    /// A segment without payload whose number is `sequence`: it says how far the sender is.
    pub(super) fn stand(&mut self, at: Moment, sequence: u32) {
        let Some(to) = self.offset(sequence) else {
            return;
        };
        // The number after a FIN counts the FIN.
        if to <= self.sent || to > self.sent + FOREIGN || self.fin.is_some_and(|fin| to > fin) {
            return;
        }
        let ahead = self.ahead.get_or_insert(Ahead {
            to,
            first: at,
            last: at,
        });
        ahead.to = ahead.to.max(to);
        ahead.last = ahead.last.max(at);
    }

    /// A FIN that follows the octet before `sequence`.
    pub(super) fn close(&mut self, now: Moment, quiet: Duration, sequence: u32) {
        let Some(at) = self.offset(sequence) else {
            return;
        };
        if self.fin.is_none() {
            (self.fins, self.fin_first, self.fin_last) = (1, now, now);
            self.fin_quiet = quiet;
            self.sent_at = self.sent_at.max(now);
        } else if now.since(self.fin_last) >= RESENT_AFTER {
            self.fins = self.fins.saturating_add(1);
            self.fin_last = now;
            self.sent_at = self.sent_at.max(now);
            self.needless = self.needless.saturating_add(self.fin_heard.into());
        }
        self.fin = Some(at);
        // It may have been acknowledged before it was seen.
        if self.sent > at {
            self.sent = at;
            self.next = Some(sequence);
            self.acked = self.acked.min(at);
        }
    }

    /// The other side acknowledges everything before `sequence`, at `at`; `bare` where the segment
    /// holds nothing else and asks for nothing.
    pub(super) fn acknowledge(&mut self, at: Moment, sequence: u32, bare: bool) {
        self.begin(sequence);
        let Some(to) = self
            .offset(sequence)
            .filter(|to| *to <= self.sent + FOREIGN)
        else {
            return;
        };
        // A FIN takes a number, and is no octet.
        self.fin_heard |= self.fin.is_some_and(|fin| to > fin);
        let to = self.fin.map_or(to, |fin| to.min(fin));
        if to > self.acked {
            if to > self.sent {
                // The captor did not see it sent.
                self.sent = to;
                self.next = Some(sequence);
            }
            let pieces = self.tried < self.in_vain.0 && self.in_vain.1 >= STUCK;
            if pieces && self.in_vain.0 >= LARGE {
                self.shrunk = Some(self.in_vain.0);
            }
            self.acked = to;
            self.acked_at = at;
            (self.tries, self.tried, self.echoes) = (0, 0, 0);
            self.skipped = None;
            self.in_vain = (0, 0);
            self.large_passed |= self.goal.is_some_and(|goal| to >= goal);
        } else if self.tries > 0
            && to == self.acked
            && bare
            && at.since(self.tried_first) >= RESENT_AFTER
        {
            self.echoes = self.echoes.saturating_add(1);
        }
    }

    /// The other side says that octets behind the oldest that it waits for arrived.
    pub(super) fn skip(&mut self, (from, to): (u32, u32)) {
        let (Some(from), Some(to)) = (self.offset(from), self.offset(to)) else {
            return;
        };
        // What lies before was received twice (RFC 2883).
        if self.tries == 0 || from <= self.acked || to <= from || to > self.sent {
            return;
        }
        let octets = to - from;
        self.skipped = Some(self.skipped.map_or(octets, |least| least.min(octets)));
    }

    /// The other side answered something else than an acknowledgment, and what is stuck is not all
    /// that is sent: small segments pass.
    pub(super) fn echo(&mut self) {
        if self.tries > 0 {
            self.echoes = self.echoes.saturating_add(1);
        }
    }

    /// Since when the oldest octet that is not acknowledged was sent; `None` where none waits.
    pub(super) fn waiting_since(&self) -> Option<Moment> {
        (self.tries > 0).then_some(self.tried_first)
    }

    /// Whether everything was acknowledged, the last of it sent after `since` and at least `QUIET`
    /// before `now`, and nothing was sent again for want of the acknowledgment: it arrived.
    pub(super) fn settled(&self, since: Moment, now: Moment) -> bool {
        (self.sent > 0 || self.fin.is_some())
            && self.acked == self.sent
            && (self.fin.is_none() || self.fin_heard)
            && self.sent_at >= since
            && now.since(self.sent_at) >= QUIET
            && self.needless <= 1
    }

    /// Whether the sender went on to send new octets for a while after `since`, up to `now`, and none
    /// again: the acknowledgments of those arrive.
    pub(super) fn flows(&mut self, since: Moment, now: Moment) -> bool {
        let fresh = self.fresh_since.filter(|_| self.sent_at > since);
        let Some(fresh) = fresh else {
            return false;
        };
        if fresh < since {
            // What was sent before says nothing: it is looked at from here on.
            self.fresh_since = Some(self.sent_at);
            return false;
        }
        now == self.sent_at && now.since(fresh) >= QUIET
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

    /// The size of a segment that passed in smaller pieces only, after it was sent in vain over and
    /// over.
    pub(super) const fn shrunk(&self) -> Option<u16> {
        self.shrunk
    }

    /// Whether octets are missing in the captor's view that later ones show were sent.
    pub(super) const fn has_gap(&self) -> bool {
        self.gap.is_some()
    }

    /// When the acknowledgment moved last.
    pub(super) const fn acked_at(&self) -> Moment {
        self.acked_at
    }

    /// Whether octets were sent that are not acknowledged.
    pub(super) const fn is_waiting(&self) -> bool {
        self.sent > self.acked
    }

    /// What is sent over and over and never acknowledged: data, or a FIN alone.
    pub(super) fn stuck(&self) -> Option<Stuck> {
        let unheard = self.fins > STUCK && !self.fin_heard;
        if unheard && self.acked == self.sent && self.fin_last.since(self.fin_first) >= FORSAKEN {
            return Some(Stuck {
                size: 0,
                tries: self.fins,
                since: self.fin_first,
                until: self.fin_last,
                quiet: self.fin_quiet,
                alive: false,
            });
        }
        (self.tries >= STUCK).then_some(Stuck {
            size: self.tried,
            tries: self.tries,
            since: self.tried_first,
            until: self.tried_last,
            quiet: self.quiet,
            // Fewer octets than it has came in smaller segments.
            alive: self.echoes > 0 || self.skipped.is_some_and(|least| least < self.tried.into()),
        })
    }

    /// What never arrived, although later segments of the sender did; what was only not captured
    /// the receiver acknowledges.
    pub(super) fn missing(&self) -> Option<Missing> {
        let since = self.acked_at;
        if let Some(gap) = self.gap.filter(|gap| self.acked <= *gap) {
            return Some(Missing {
                octets: self.sent.saturating_sub(gap),
                since,
                shown_for: self.sent_at.since(self.gap_at),
            });
        }
        let ahead = self
            .ahead
            .filter(|ahead| ahead.to > self.sent && self.acked <= self.sent)?;
        Some(Missing {
            octets: ahead.to.saturating_sub(self.sent),
            since,
            shown_for: ahead.last.since(ahead.first),
        })
    }
}
