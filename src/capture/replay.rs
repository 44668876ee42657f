//! Replays a run from its own capture: packets and notes → evidence → the verdict again.
//!
//! Probes and replies are read from the packets, by the ledger that told them live; the notes give
//! what no packet shows and the order in which all became known. So the evidence is the live one to
//! the nanosecond, unless packets were changed or are missing: then what they no longer show is no
//! longer evidence. A diagnosis without its account (the run was killed) is judged by its packets
//! alone, as if this host had kept nothing from the receiver behind its firewall.
//!
//! A diagnosis is told when its account is complete, and then forgotten with its packets: what is kept
//! is that of the diagnoses open at once, of the others their numbers and a few octets a probe.

use std::collections::{BTreeMap, BTreeSet};

use super::comment;
use super::note::{self, Account, Claim, Note, Run, Step};
use super::packets::{Around, Kept, Packets};
use super::reconstruction::Reconstruction;
use super::write::Numbers;
use crate::engine::Job;
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
    /// Those without a complete account.
    diagnoses: BTreeMap<usize, Diagnosis>,
    settled: BTreeSet<usize>,
    packets: Packets,
    latest: Moment,
    /// Told, and not yet taken.
    replayed: Vec<Replayed>,
    /// Notes, and steps of accounts, that cannot be read here.
    unread: u64,
}

/// A diagnosis, replayed.
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

/// How the diagnosis stands in the file.
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
struct Diagnosis {
    job: Job,
    steps: Vec<Step>,
}

impl Replay {
    /// A replay of `run`, whose note stands in the header of a section that begins after `before`
    /// packets of the file.
    pub fn new(run: Run, before: u64) -> Self {
        Self {
            run,
            before,
            diagnoses: BTreeMap::new(),
            settled: BTreeSet::new(),
            packets: Packets::default(),
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
    /// was leaving, its datagram, and its comments. False where no diagnosis has begun by then: it is
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
        let (mut broken, mut elsewhere) = (false, false);
        for comment in comments {
            self.read(comment);
            let is_reply = comment.starts_with("reply to probe ");
            broken |= is_reply && comment.contains(comment::BROKEN);
            elsewhere |= is_reply && comment.contains(comment::ELSEWHERE);
            probe = probe.or_else(|| probe_number(comment));
        }
        if self.diagnoses.is_empty() && self.settled.is_empty() {
            return false;
        }
        if let Ok(packet) = dissect(datagram) {
            let kept = Kept {
                at,
                departing,
                packet,
                broken,
                elsewhere,
            };
            let number = number.saturating_sub(self.before);
            self.packets.put(number, kept, probe);
        }
        true
    }

    /// Takes a comment of a packet or of interface statistics.
    pub fn read(&mut self, comment: &str) {
        match Note::read(comment) {
            Some(Note::Diagnosis(diagnosis)) => self.open(*diagnosis),
            Some(Note::Account(account)) => self.settle(account),
            Some(Note::Run(_)) => {}
            None if Note::is_unread(comment) => self.unread = self.unread.saturating_add(1),
            None => {}
        }
    }

    fn open(&mut self, diagnosis: note::Diagnosis) {
        let note::Diagnosis { session, job } = diagnosis;
        if self.settled.contains(&session) || self.diagnoses.contains_key(&session) {
            return;
        }
        self.packets.open(job.endpoint.address);
        let steps = Vec::new();
        self.diagnoses.insert(session, Diagnosis { job, steps });
    }

    fn settle(&mut self, account: Account) {
        let Account {
            session,
            settled,
            steps,
            claim,
        } = account;
        let Some(diagnosis) = self.diagnoses.get_mut(&session) else {
            return;
        };
        diagnosis.steps.extend(steps);
        let Some(settled) = settled else {
            return;
        };
        let Some(Diagnosis { job, steps }) = self.diagnoses.remove(&session) else {
            return;
        };
        self.settled.insert(session);
        let address = job.endpoint.address;
        let packets = self.packets.around(address);
        let reconstruction = Reconstruction::new(&job, packets, self.before);
        let (replayed, told) = if is_renumbered(&steps, packets) {
            let mut replayed = reconstruction.reconstruct(settled);
            replayed.standing = Standing::Renumbered;
            (replayed, Vec::new())
        } else {
            let (mut replayed, told) = reconstruction.tell(&steps, settled);
            replayed.standing = match claim {
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
        self.replayed.push(replayed);
        let open = self.diagnoses.values();
        let earliest = open.map(|diagnosis| diagnosis.job.began).min();
        self.packets.close(address, &told, earliest);
    }

    /// The diagnoses told since they were last taken.
    pub fn take(&mut self) -> Vec<Replayed> {
        std::mem::take(&mut self.replayed)
    }

    /// How many packets are kept.
    pub fn kept(&self) -> usize {
        self.packets.count()
    }

    /// The diagnoses not yet taken, those without an account last.
    pub fn finish(mut self) -> Vec<Replayed> {
        for diagnosis in self.diagnoses.values() {
            let job = &diagnosis.job;
            let packets = self.packets.around(job.endpoint.address);
            let reconstruction = Reconstruction::new(job, packets, self.before);
            self.replayed.push(reconstruction.reconstruct(self.latest));
        }
        self.replayed
    }
}

/// Whether a packet that the account calls one probe says itself that it is another.
fn is_renumbered(steps: &[Step], packets: Around<'_>) -> bool {
    steps.iter().any(|step| match step {
        Step::Left(ProbeId(id), number) => packets.said(*number).is_some_and(|said| said != *id),
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
