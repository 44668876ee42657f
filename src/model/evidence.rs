//! Evidence: the append-only list of dated facts of one endpoint, and its view by probe.
//!
//! Facts are only ever added. [`Evidence::trials`] shows the same facts grouped by the probe they
//! belong to, kept up to date as facts arrive so that reading is cheap. A sweep holds very many of
//! these, so the list itself keeps of a fact only what its trial does not.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "who reads facts reads some kinds of them"
)]

pub(super) mod fact;
mod trial;

use std::net::IpAddr;

pub use fact::{
    DeviceRefusal, Fact, KernelSays, Lender, LocalRefusal, MOST_FURTHER, MOST_NEAR_MISSES,
    NearMiss, NearMissKind, NeighbourState, Observation, Overflow, ReceivedBy, SiblingSight,
};
pub use trial::{HeardReply, Trial};

use super::change::{Change, Stance};
use super::probe::ProbeId;
use super::reply::Reply;
use super::time::Moment;

/// A dated fact as the list keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct KeptFact {
    at: Moment,
    kept: Kept,
}

/// A fact, less what the trial of its probe tells.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kept {
    Sent(ProbeId),
    Departed(ProbeId),
    Expired(ProbeId),
    /// The reply stands at this place among the trial's.
    Replied(ProbeId, ReceivedBy, u8),
    Whole(Box<Fact>),
}

/// All facts of one endpoint's diagnosis.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    entries: Vec<KeptFact>,
    trials: Vec<Trial>,
    near_misses: u64,
    stray_resets: u64,
    /// Those kept as facts, each once, with when it came first.
    strays: Vec<(Moment, NearMiss)>,
    receive_drops: u64,
    neighbour: Option<NeighbourState>,
    kernel: Vec<KernelSays>,
    changes: Vec<(Moment, Change)>,
    detour: Option<Box<Stance>>,
    known: Vec<DeviceRefusal>,
    spent: Vec<(Moment, IpAddr)>,
    siblings: Vec<SiblingSight>,
    interrupted: bool,
    /// How many entries are no probe's own.
    further: usize,
    /// The place of the entry that counts those that were not kept.
    overflow: Option<usize>,
}

impl Evidence {
    /// No facts yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a fact. A fact about a probe that was never sent is ignored.
    pub fn record(&mut self, at: Moment, fact: Fact) {
        let (place, is_first) = self.note_of_probe(at, &fact);
        self.note(at, &fact);
        if let Some(more) = self.overflowing(&fact, is_first) {
            self.count(at, more);
            return;
        }
        let kept = match (&fact, place) {
            (Fact::Sent(id, _), _) => Kept::Sent(*id),
            (Fact::Departed(id), _) => Kept::Departed(*id),
            (Fact::Expired(id), _) => Kept::Expired(*id),
            (Fact::Replied(id, by, _), Some(place)) => Kept::Replied(*id, *by, place),
            _ => Kept::Whole(Box::new(fact)),
        };
        self.entries.push(KeptFact { at, kept });
    }

    /// Takes note of a fact about a probe: gives the place of a reply among those of its trial, where
    /// the list needs no more of it, and whether it is one not heard before.
    fn note_of_probe(&mut self, at: Moment, fact: &Fact) -> (Option<u8>, bool) {
        let (mut place, mut is_first) = (None, false);
        match fact {
            Fact::Sent(id, probe) => self.trials.push(Trial::sent(at, *id, *probe)),
            Fact::Shared(id, lender) => {
                if let Some(trial) = self.trial_mut(*id) {
                    trial.shared = Some(*lender);
                }
            }
            Fact::Departed(id) => {
                if let Some(trial) = self.trial_mut(*id) {
                    if !trial.departed && trial.replies.is_empty() {
                        trial.sent = at;
                    }
                    trial.departed = true;
                }
            }
            Fact::Refused(id, refusal) => {
                self.disown_replies(*id);
                if let Some(trial) = self.trial_mut(*id) {
                    trial.refused = Some(*refusal);
                }
            }
            Fact::Replied(id, by, reply) => {
                let trial = self.trial_mut(*id);
                if let Some(trial) = trial.filter(|trial| trial.refused.is_none()) {
                    is_first = trial.is_new(*by, reply);
                    place = trial.hear(at, *by, *reply);
                }
            }
            Fact::Expired(id) => {
                if let Some(trial) = self.trial_mut(*id) {
                    trial.expired = Some(at);
                }
            }
            _ => {}
        }
        (place, is_first)
    }

    /// Takes note of a fact that is about no probe.
    fn note(&mut self, at: Moment, fact: &Fact) {
        match fact {
            Fact::NearMiss(stray) => {
                self.near_misses += 1;
                self.stray_resets += u64::from(is_reset(stray.as_ref()));
                let is_known =
                    |stray: &NearMiss| self.strays.iter().any(|(_, known)| known.is_same(stray));
                let new = stray.filter(|stray| !is_known(stray));
                if let Some(stray) = new.filter(|_| self.near_misses <= MOST_NEAR_MISSES) {
                    self.strays.push((at, stray));
                }
            }
            Fact::Overflow(more) => {
                self.near_misses = self.near_misses.saturating_add(more.near_misses);
                self.stray_resets = self.stray_resets.saturating_add(more.resets);
            }
            Fact::ReceiveDrops(count) => {
                self.receive_drops = self.receive_drops.saturating_add(*count);
                self.invalidate_pending();
            }
            Fact::Gap(_) => self.invalidate_pending(),
            Fact::Neighbour(state) => self.neighbour = Some(*state),
            Fact::Kernel(says) => self.kernel.push(*says),
            Fact::Detour(stance) => self.detour = Some(stance.clone()),
            Fact::Moved(change) => self.changes.push((at, Change::clone(change))),
            Fact::Known(refusal) if self.further < MOST_FURTHER => self.known.push(*refusal),
            Fact::Spent(device) if self.further < MOST_FURTHER => {
                self.spent.push((at, *device));
            }
            Fact::Sibling(sight) => self.see_sibling(*sight),
            Fact::Interrupted => self.interrupted = true,
            _ => {}
        }
    }

    /// What of a fact is only counted; `None` where the fact is kept.
    fn overflowing(&mut self, fact: &Fact, is_first: bool) -> Option<Overflow> {
        let many = self.near_misses > MOST_NEAR_MISSES;
        match fact {
            Fact::NearMiss(stray) => many.then(|| Overflow {
                near_misses: 1,
                resets: u64::from(is_reset(stray.as_ref())),
                others: 0,
            }),
            Fact::Overflow(more) => Some(*more),
            Fact::Sent(..) | Fact::Departed(_) | Fact::Expired(_) | Fact::Interrupted => None,
            Fact::Replied(..) if is_first => None,
            _ if self.further >= MOST_FURTHER => Some(Overflow {
                others: 1,
                ..Overflow::default()
            }),
            _ => {
                self.further += 1;
                None
            }
        }
    }

    /// Adds to the entry that counts what was not kept.
    fn count(&mut self, at: Moment, more: Overflow) {
        let index = *self.overflow.get_or_insert(self.entries.len());
        if index == self.entries.len() {
            let kept = Kept::Whole(Box::new(Fact::Overflow(more)));
            self.entries.push(KeptFact { at, kept });
            return;
        }
        let entry = self.entries.get_mut(index).map(|entry| &mut entry.kept);
        if let Some(Kept::Whole(fact)) = entry
            && let Fact::Overflow(sum) = fact.as_mut()
        {
            sum.near_misses = sum.near_misses.saturating_add(more.near_misses);
            sum.resets = sum.resets.saturating_add(more.resets);
            sum.others = sum.others.saturating_add(more.others);
        }
    }

    fn trial_mut(&mut self, id: ProbeId) -> Option<&mut Trial> {
        let index = usize::try_from(id.0).ok()?.checked_sub(1)?;
        self.trials.get_mut(index).filter(|trial| trial.id == id)
    }

    /// Takes from a trial the replies that were heard before its refusal was told: the list keeps them.
    fn disown_replies(&mut self, id: ProbeId) {
        if self.trial(id).is_none_or(|trial| trial.replies.is_empty()) {
            return;
        }
        for index in 0..self.entries.len() {
            let kept = self.entries.get(index).map(|entry| &entry.kept);
            let Some(kept @ Kept::Replied(..)) = kept else {
                continue;
            };
            if let Some(fact @ Fact::Replied(of, ..)) = self.restore(kept)
                && of == id
                && let Some(entry) = self.entries.get_mut(index)
            {
                entry.kept = Kept::Whole(Box::new(fact));
            }
        }
        if let Some(trial) = self.trial_mut(id) {
            trial.replies.clear();
        }
    }

    fn invalidate_pending(&mut self) {
        for trial in self.trials.iter_mut().filter(|trial| trial.is_pending()) {
            trial.invalidated = true;
        }
    }

    /// The latest count of each sight.
    fn see_sibling(&mut self, sight: SiblingSight) {
        let like = |known: &&mut SiblingSight| {
            (known.ttl, known.of_port, known.from) == (sight.ttl, sight.of_port, sight.from)
        };
        match self.siblings.iter_mut().find(like) {
            // Counts begin anew where the run forgot them.
            Some(known) => known.times = known.times.max(sight.times),
            None => self.siblings.push(sight),
        }
    }

    /// Every fact, in the order it was recorded.
    pub fn observations(&self) -> impl Iterator<Item = Observation> + '_ {
        self.entries.iter().filter_map(|entry| {
            let fact = self.restore(&entry.kept)?;
            Some(Observation { at: entry.at, fact })
        })
    }

    fn restore(&self, kept: &Kept) -> Option<Fact> {
        Some(match kept {
            Kept::Sent(id) => Fact::Sent(*id, self.trial(*id)?.probe),
            Kept::Departed(id) => Fact::Departed(*id),
            Kept::Expired(id) => Fact::Expired(*id),
            Kept::Replied(id, by, place) => {
                let replies = &self.trial(*id)?.replies;
                Fact::Replied(*id, *by, replies.get(usize::from(*place))?.reply)
            }
            Kept::Whole(fact) => Fact::clone(fact),
        })
    }

    /// The facts by probe, in the order sent: the trial of probe `n` stands at index `n - 1`.
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// The trial of one probe.
    pub fn trial(&self, id: ProbeId) -> Option<&Trial> {
        self.trials.get(usize::try_from(id.0).ok()?.checked_sub(1)?)
    }

    /// The probe that a reply answers, of a segment and its repetitions up to `latest`, whose numbers are the
    /// same: the one whose reply the other receiver has heard; else the latest that was seen to leave.
    /// A server repeats its SYN-ACK by itself, which may arrive while a repetition still waits to leave.
    pub fn answered(&self, latest: ProbeId, by: ReceivedBy, reply: &Reply) -> ProbeId {
        let Some(first) = self.trial(latest).and_then(|trial| trial.probe.repeats) else {
            return latest;
        };
        let alike = || {
            self.trials.iter().rev().filter(move |trial| {
                trial.id <= latest && (trial.id == first || trial.probe.repeats == Some(first))
            })
        };
        alike()
            .find(|trial| trial.awaits(by, reply))
            .or_else(|| alike().find(|trial| trial.departed))
            .map_or(latest, |trial| trial.id)
    }

    /// Right flow, wrong token: how many.
    pub const fn near_misses(&self) -> u64 {
        self.near_misses
    }

    /// How many of the near misses were resets.
    pub const fn stray_resets(&self) -> u64 {
        self.stray_resets
    }

    /// Near misses that differ in what they would say, whence, of which flow or by their numbers, with when each
    /// came first; of the first [`MOST_NEAR_MISSES`].
    pub fn strays(&self) -> &[(Moment, NearMiss)] {
        &self.strays
    }

    /// Frames the kernel dropped before we read them.
    pub const fn receive_drops(&self) -> u64 {
        self.receive_drops
    }

    /// The last word of the neighbour table about the next hop; `None` when never asked.
    pub const fn neighbour(&self) -> Option<NeighbourState> {
        self.neighbour
    }

    /// The changes of this host's way to the target because of which the diagnosis began again, and
    /// when; all of this evidence is later.
    pub fn changes(&self) -> &[(Moment, Change)] {
        &self.changes
    }

    /// The way of a TCP connection to the port, where it is another than the probes'.
    pub fn detour(&self) -> Option<&Stance> {
        self.detour.as_deref()
    }

    /// Whether the kernel said this.
    pub fn kernel_says(&self, says: KernelSays) -> bool {
        self.kernel.contains(&says)
    }

    /// What devices refused that was none of this diagnosis's.
    pub fn known_refusals(&self) -> &[DeviceRefusal] {
        &self.known
    }

    /// When devices sent ICMP errors to our address that were about nothing of this diagnosis's.
    pub fn spent(&self) -> &[(Moment, IpAddr)] {
        &self.spent
    }

    /// What limited SYNs to the target's neighbours drew.
    pub fn siblings(&self) -> &[SiblingSight] {
        &self.siblings
    }

    /// Whether the diagnosis was stopped before it settled.
    pub const fn interrupted(&self) -> bool {
        self.interrupted
    }
}

fn is_reset(near_miss: Option<&NearMiss>) -> bool {
    near_miss.is_some_and(|near_miss| near_miss.kind == NearMissKind::Reset)
}

#[cfg(test)]
mod tests;
