//! Evidence: the append-only list of dated facts of one endpoint, and its view by probe.
//!
//! Facts are only ever added. [`Evidence::trials`] shows the same facts grouped by the probe they
//! belong to, kept up to date as facts arrive so that reading is cheap. A sweep holds very many of
//! these, so the list itself keeps of a fact only what its trial does not.

use std::net::IpAddr;
mod trial;

pub use trial::{HeardReply, Trial};

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::change::{Change, Stance};
use super::probe::{Probe, ProbeId, Ttl};
use super::reply::{Refusal, Reply};
use super::time::Moment;

/// One dated fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// When it happened.
    pub at: Moment,
    /// What happened.
    pub fact: Fact,
}

/// What can happen in an inquest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// A probe was handed to the kernel.
    Sent(ProbeId, Probe),
    /// The probe was not sent for this inquest: another one into the same address sent it, and what
    /// it drew is told here as well.
    Shared(ProbeId, Lender),
    /// The tap saw the probe leave through the interface.
    Departed(ProbeId),
    /// The kernel refused to send the probe.
    Refused(ProbeId, LocalRefusal),
    /// A valid answer to the probe was heard.
    Replied(ProbeId, Ear, Reply),
    /// The probe's patience ran out: an answer after this is late, not impossible.
    Expired(ProbeId),
    /// Right flow, wrong token: counted and reported, never evidence.
    NearMiss,
    /// The same, of a reset, with its TTL on arrival: no client takes it, and yet somebody sent it.
    StrayReset(Ttl),
    /// The kernel dropped this many frames before we read them.
    ReceiveDrops(u64),
    /// We did not run for this long up to now: silence across it is void.
    Gap(Duration),
    /// The kernel's neighbour table about the next hop.
    Neighbour(NeighbourState),
    /// This host's way to the target changed: the inquest began again, with nothing of what was
    /// measured before.
    Moved(Box<Change>),
    /// A TCP connection to the port takes another way than the probes, of which the kernel sees no
    /// ports: by a policy rule that looks at them.
    Detour(Box<Stance>),
    /// What the kernel's own counters and tables say of this host since the run began.
    Kernel(KernelSays),
    /// A device refused something else than this inquest's probes.
    Known(DeviceRefusal),
    /// A device sent an ICMP error to our address about something else than this inquest's probes,
    /// out of the budget that all its errors to that address share.
    Spent(IpAddr),
    /// What limited SYNs to the target's neighbours drew, of all that the run sent so far.
    Sibling(SiblingSight),
    /// So many facts more, of which only the number was kept: the first of them at this time.
    Overflow(Overflow),
    /// The user or a deadline stopped the inquest.
    Interrupted,
}

/// Facts of which only the number was kept: whoever floods us costs us no memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overflow {
    /// Near misses beyond the first [`MOST_NEAR_MISSES`], resets included.
    pub near_misses: u64,
    /// Those of them that were resets.
    pub resets: u64,
    /// Other facts that are no probe's own, beyond the first [`MOST_FURTHER`].
    pub others: u64,
}

/// Near misses that are each kept as a fact.
pub const MOST_NEAR_MISSES: u64 = 64;
/// Facts kept that are no probe's own: repeated answers, what the kernel and devices on the way say.
pub const MOST_FURTHER: usize = 1024;

/// A refusal of something else than an inquest's probes: of another inquest's of the run, or of an
/// application's of this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRefusal {
    /// Who refused.
    pub device: IpAddr,
    /// The hop it stands at, by the TTL with which its error arrived.
    pub hop: u8,
    /// What it said.
    pub refusal: Refusal,
    /// The address it refused.
    pub address: IpAddr,
    /// The port it refused.
    pub port: u16,
    /// Whether it came after seconds, as where a neighbour was asked for in vain.
    pub late: bool,
    /// Whether an earlier SYN to the same port had drawn nothing: what the device rations, other
    /// addresses of it may have used up. A host that has one address answers its first SYN.
    pub after_silence: bool,
    /// Whether the error bears the token of a probe of ours; an application's has none.
    pub authentic: bool,
}

/// What SYNs of one TTL to addresses of the target's prefix drew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiblingSight {
    /// Their TTL.
    pub ttl: u8,
    /// Whether they asked for the same port, which is silent there too; else for another.
    pub of_port: bool,
    /// The router that reported them; `None` where none did.
    pub from: Option<IpAddr>,
    /// How many: a lower bound, and this inquest's own among them.
    pub times: u32,
}

/// The inquest that sent a shared probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Lender {
    /// The port it is about, of the same address.
    pub port: u16,
    /// The probe's number there.
    pub probe: ProbeId,
}

/// Which of our two ears heard a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ear {
    /// The AF_PACKET tap: before this host's firewall and routing.
    Tap,
    /// The raw IP sockets: after them.
    Stack,
}

/// Why the kernel did not take a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LocalRefusal {
    /// EPERM: an OUTPUT or POSTROUTING rule.
    Firewall,
    /// EACCES: a prohibit route or a broadcast address.
    Prohibited,
    /// ENETUNREACH, EHOSTUNREACH on the call: no route in the local table.
    NoRoute,
    /// EINVAL: a route of type `blackhole`.
    Blackhole,
    /// ENETDOWN, ENODEV, ENXIO: the interface is down or gone.
    InterfaceDown,
    /// ENOBUFS, ENOMEM, EAGAIN: the local queue is full.
    Overload,
    /// EMSGSIZE: larger than the interface or a cached path MTU allows.
    TooLong,
    /// EADDRNOTAVAIL: the source address is not (or no longer) ours.
    SourceGone,
    /// Any other errno.
    Other(i32),
}

impl LocalRefusal {
    /// The name of the errno behind a refusal; of several, the usual one.
    pub fn errno(self) -> String {
        match self {
            Self::Firewall => "EPERM".to_owned(),
            Self::Prohibited => "EACCES".to_owned(),
            Self::NoRoute => "ENETUNREACH".to_owned(),
            Self::Blackhole => "EINVAL".to_owned(),
            Self::InterfaceDown => "ENETDOWN".to_owned(),
            Self::Overload => "ENOBUFS".to_owned(),
            Self::TooLong => "EMSGSIZE".to_owned(),
            Self::SourceGone => "EADDRNOTAVAIL".to_owned(),
            Self::Other(code) => format!("errno {code}"),
        }
    }
}

/// What the neighbour table says of the next hop (states of `NUD_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NeighbourState {
    /// Resolved: REACHABLE, STALE, DELAY, PROBE, PERMANENT or NOARP.
    Resolved,
    /// Being resolved, no answer yet.
    Incomplete,
    /// Resolution failed.
    Failed,
}

/// What the kernel says of its own doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KernelSays {
    /// It discarded datagrams on their way out for want of an IPsec association, or by an IPsec policy
    /// (`XfrmOut…` of `/proc/net/xfrm_stat`).
    PolicyOut,
    /// It discarded arriving datagrams by an IPsec policy (`XfrmIn…`).
    PolicyIn,
    /// It discarded arriving datagrams by their reverse path (`IPReversePathFilter`).
    ReversePath,
    /// It tracks no connection, so that no translation of its own changes what we send.
    Untracked,
}

/// A dated fact as the list keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
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
    Replied(ProbeId, Ear, u8),
    Whole(Box<Fact>),
}

/// All facts of one endpoint's inquest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    entries: Vec<Entry>,
    trials: Vec<Trial>,
    near_misses: u64,
    stray_resets: Option<(u64, Ttl)>,
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
        let (mut place, mut is_first) = (None, false);
        match &fact {
            Fact::Sent(id, probe) => self.trials.push(Trial {
                id: *id,
                probe: *probe,
                sent: at,
                shared: None,
                departed: false,
                refused: None,
                replies: Vec::new(),
                flawed: Vec::new(),
                expired: None,
                void: false,
            }),
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
            Fact::Replied(id, ear, reply) => {
                let trial = self.trial_mut(*id);
                if let Some(trial) = trial.filter(|trial| trial.refused.is_none()) {
                    is_first = trial.is_new(*ear, reply);
                    place = trial.hear(at, *ear, *reply);
                }
            }
            Fact::Expired(id) => {
                if let Some(trial) = self.trial_mut(*id) {
                    trial.expired = Some(at);
                }
            }
            Fact::NearMiss => self.near_misses += 1,
            Fact::StrayReset(ttl) => {
                self.near_misses += 1;
                let (count, first) = self.stray_resets.unwrap_or((0, *ttl));
                self.stray_resets = Some((count + 1, first));
            }
            Fact::Overflow(more) => {
                self.near_misses = self.near_misses.saturating_add(more.near_misses);
                if let Some((count, _)) = &mut self.stray_resets {
                    *count = count.saturating_add(more.resets);
                }
            }
            Fact::ReceiveDrops(count) => {
                self.receive_drops = self.receive_drops.saturating_add(*count);
                self.void_pending();
            }
            Fact::Gap(_) => self.void_pending(),
            Fact::Neighbour(state) => self.neighbour = Some(*state),
            Fact::Kernel(says) => self.kernel.push(*says),
            Fact::Detour(stance) => self.detour = Some(stance.clone()),
            Fact::Moved(change) => self.changes.push((at, Change::clone(change))),
            Fact::Known(refusal) if self.further < MOST_FURTHER => self.known.push(*refusal),
            Fact::Spent(device) if self.further < MOST_FURTHER => {
                self.spent.push((at, *device));
            }
            Fact::Known(_) | Fact::Spent(_) => {}
            Fact::Sibling(sight) => self.see_sibling(*sight),
            Fact::Interrupted => self.interrupted = true,
        }
        if let Some(more) = self.overflowing(&fact, is_first) {
            self.count(at, more);
            return;
        }
        let kept = match (&fact, place) {
            (Fact::Sent(id, _), _) => Kept::Sent(*id),
            (Fact::Departed(id), _) => Kept::Departed(*id),
            (Fact::Expired(id), _) => Kept::Expired(*id),
            (Fact::Replied(id, ear, _), Some(place)) => Kept::Replied(*id, *ear, place),
            _ => Kept::Whole(Box::new(fact)),
        };
        self.entries.push(Entry { at, kept });
    }

    /// What of a fact is only counted; `None` where the fact is kept.
    fn overflowing(&mut self, fact: &Fact, is_first: bool) -> Option<Overflow> {
        let many = self.near_misses > MOST_NEAR_MISSES;
        match fact {
            Fact::NearMiss | Fact::StrayReset(_) => many.then(|| Overflow {
                near_misses: 1,
                resets: u64::from(matches!(fact, Fact::StrayReset(_))),
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
            self.entries.push(Entry { at, kept });
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

    fn void_pending(&mut self) {
        for trial in self.trials.iter_mut().filter(|trial| trial.is_pending()) {
            trial.void = true;
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
            Kept::Replied(id, ear, place) => {
                let replies = &self.trial(*id)?.replies;
                Fact::Replied(*id, *ear, replies.get(usize::from(*place))?.reply)
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

    /// Right flow, wrong token: how many.
    pub const fn near_misses(&self) -> u64 {
        self.near_misses
    }

    /// Those of them that were resets: how many, and the TTL on arrival of the first.
    pub const fn stray_resets(&self) -> Option<(u64, Ttl)> {
        self.stray_resets
    }

    /// Frames the kernel dropped before we read them.
    pub const fn receive_drops(&self) -> u64 {
        self.receive_drops
    }

    /// The last word of the neighbour table about the next hop; `None` when never asked.
    pub const fn neighbour(&self) -> Option<NeighbourState> {
        self.neighbour
    }

    /// The changes of this host's way to the target because of which the inquest began again, and
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

    /// What devices refused that was none of this inquest's.
    pub fn known_refusals(&self) -> &[DeviceRefusal] {
        &self.known
    }

    /// When devices sent ICMP errors to our address that were about nothing of this inquest's.
    pub fn spent(&self) -> &[(Moment, IpAddr)] {
        &self.spent
    }

    /// What limited SYNs to the target's neighbours drew.
    pub fn siblings(&self) -> &[SiblingSight] {
        &self.siblings
    }

    /// Whether the inquest was stopped before it settled.
    pub const fn interrupted(&self) -> bool {
        self.interrupted
    }
}

#[cfg(test)]
mod tests;
