//! Replays a run from its own capture: packets and notes → evidence → the verdict again.
//!
//! Probes and replies are read from the packets, by the ledger that told them live; the notes give
//! what no packet shows and the order in which all became known. So the evidence is the live one to
//! the nanosecond, unless packets were changed or are missing: then what they no longer show is no
//! longer evidence. An inquest without its account (the run was killed) is judged by its packets
//! alone, as if this host had kept nothing from the ear behind its firewall.
//!
//! Packets are kept until the account of their inquest comes, headers only.

use std::collections::BTreeMap;

use super::note::{Account, Claim, Note, Run, Step};
use super::recital::{Kept, Recital};
use super::write::Numbers;
use crate::engine::Brief;
use crate::model::outcome::Outcome;
use crate::model::probe::ProbeId;
use crate::model::time::Moment;
use crate::wire::dissect::dissect;

/// A run being replayed.
#[derive(Debug)]
pub struct Replay {
    run: Run,
    /// Packets of the file before this run's section: notes count from its beginning.
    before: u64,
    inquests: BTreeMap<usize, Inquest>,
    packets: BTreeMap<u64, Kept>,
    latest: Moment,
    replayed: Vec<Replayed>,
    /// Notes, and steps of accounts, that cannot be read here.
    unread: u64,
}

/// An inquest, replayed.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    /// What the evidence in the file comes to.
    pub outcome: Outcome,
    /// In which packets it stands.
    pub numbers: Numbers,
    /// How the file is read.
    pub standing: Standing,
    /// How many things passed the interface by the notes only: no packet shows them.
    pub noted: u64,
}

/// How the inquest stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The verdict written live is the one recomputed.
    Same,
    /// The verdict written live is another.
    Differs {
        /// What was written.
        written: Claim,
    },
    /// No verdict was written live that can be read.
    Unwritten,
    /// Packets have other numbers than when they were written: some were taken out or put in since.
    /// Judged by the packets alone.
    Renumbered,
    /// Its account is not in the file: the run was killed, or another program wrote the file anew.
    Unfinished,
}

#[derive(Debug)]
struct Inquest {
    brief: Brief,
    steps: Vec<Step>,
    /// Whether its account was complete, so that it is among the replayed.
    settled: bool,
}

impl Replay {
    /// A replay of `run`, whose note stands in the header of a section that begins after `before`
    /// packets of the file.
    pub const fn new(run: Run, before: u64) -> Self {
        Self {
            run,
            before,
            inquests: BTreeMap::new(),
            packets: BTreeMap::new(),
            latest: Moment::START,
            replayed: Vec::new(),
            unread: 0,
        }
    }

    /// The run.
    pub const fn run(&self) -> &Run {
        &self.run
    }

    /// Notes, and steps of accounts, that could not be read: of a later version, or damaged.
    pub const fn unread(&self) -> u64 {
        self.unread
    }

    /// Takes a packet: its number, when it passed in nanoseconds since the Unix epoch, whether it
    /// was leaving, its datagram, and its comments. False where no inquest has begun by then: it is
    /// not kept.
    pub fn see<'a>(
        &mut self,
        number: u64,
        nanos: u64,
        departing: bool,
        datagram: &[u8],
        comments: impl IntoIterator<Item = &'a str>,
    ) -> bool {
        let at = Moment::from_nanos(nanos.saturating_sub(self.run.began));
        self.latest = self.latest.max(at);
        let mut probe = None;
        for comment in comments {
            self.read(comment);
            probe = probe.or_else(|| probe_number(comment));
        }
        if self.inquests.is_empty() {
            return false;
        }
        if let Ok(packet) = dissect(datagram) {
            let kept = Kept {
                at,
                departing,
                packet,
                probe,
            };
            let number = number.saturating_sub(self.before);
            self.packets.insert(number, kept);
        }
        true
    }

    /// Takes a comment of a packet or of interface statistics.
    pub fn read(&mut self, comment: &str) {
        match Note::read(comment) {
            Some(Note::Inquest(inquest)) => {
                self.inquests.entry(inquest.session).or_insert(Inquest {
                    brief: inquest.brief,
                    steps: Vec::new(),
                    settled: false,
                });
            }
            Some(Note::Account(account)) => self.settle(account),
            Some(Note::Run(_)) => {}
            None if Note::is_unread(comment) => self.unread = self.unread.saturating_add(1),
            None => {}
        }
    }

    fn settle(&mut self, account: Account) {
        let Some(inquest) = self.inquests.get_mut(&account.session) else {
            return;
        };
        if inquest.settled {
            return;
        }
        inquest.steps.extend(account.steps);
        if let Some(settled) = account.settled {
            let steps = std::mem::take(&mut inquest.steps);
            let recital = Recital::new(&inquest.brief, &self.packets, self.before);
            let (replayed, told) = if is_renumbered(&steps, &self.packets) {
                let mut replayed = recital.reconstruct(settled);
                replayed.standing = Standing::Renumbered;
                (replayed, Vec::new())
            } else {
                let (mut replayed, told) = recital.tell(&steps, settled);
                replayed.standing = match account.claim {
                    None => Standing::Unwritten,
                    Some(claim) if claim == Claim::of(&replayed.outcome.finding.verdict) => {
                        Standing::Same
                    }
                    Some(claim) => Standing::Differs { written: claim },
                };
                (replayed, told)
            };
            let unknown = steps.iter().filter(|step| **step == Step::Unknown).count();
            let unknown = u64::try_from(unknown).unwrap_or(u64::MAX);
            self.unread = self.unread.saturating_add(unknown);
            inquest.settled = true;
            self.replayed.push(replayed);
            for number in told {
                self.packets.remove(&number);
            }
        }
    }

    /// Every inquest of the run, those without an account last.
    pub fn finish(mut self) -> Vec<Replayed> {
        for inquest in self.inquests.values() {
            if !inquest.settled {
                let recital = Recital::new(&inquest.brief, &self.packets, self.before);
                self.replayed.push(recital.reconstruct(self.latest));
            }
        }
        self.replayed
    }
}

/// Whether a packet that the account calls one probe says itself that it is another.
fn is_renumbered(steps: &[Step], packets: &BTreeMap<u64, Kept>) -> bool {
    steps.iter().any(|step| match step {
        Step::Left(ProbeId(id), number) => {
            let said = packets.get(number).and_then(|kept| kept.probe);
            said.is_some_and(|said| said != *id)
        }
        _ => false,
    })
}

/// The number in `probe 17 · …`.
fn probe_number(comment: &str) -> Option<u32> {
    comment
        .strip_prefix("probe ")?
        .split(' ')
        .next()?
        .parse()
        .ok()
}
