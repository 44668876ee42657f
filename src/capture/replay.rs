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
use std::time::Duration;

use super::comment;
use super::intent::intent;
use super::note::{Account, Note, Run, Step};
use super::write::Numbers;
use crate::engine::{Brief, Heard, Ledger, Role, SessionId, patience};
use crate::infer;
use crate::model::evidence::{Ear, Evidence, Fact, Trial};
use crate::model::outcome::Outcome;
use crate::model::probe::{Probe, ProbeId, Target};
use crate::model::time::Moment;
use crate::wire::dissect::{Packet, dissect};

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
        written: String,
    },
    /// The file ends before the inquest did.
    Unfinished,
}

#[derive(Debug)]
struct Inquest {
    brief: Brief,
    steps: Vec<Step>,
    /// Which of the replayed it is, once it settled.
    replayed: Option<usize>,
}

/// A packet as far as it is needed.
#[derive(Clone, Debug)]
struct Kept {
    at: Moment,
    departing: bool,
    packet: Packet,
    /// The number that its comment gives the probe it is.
    probe: Option<u32>,
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
        }
    }

    /// The run.
    pub const fn run(&self) -> &Run {
        &self.run
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
                    replayed: None,
                });
            }
            Some(Note::Account(account)) => self.settle(account),
            Some(Note::Run(_)) => {}
            None => self.compare(comment),
        }
    }

    /// The verdict written live stands behind the account.
    fn compare(&mut self, comment: &str) {
        let Some(replayed) = self.replayed.last_mut() else {
            return;
        };
        let head = format!("verdict on {} · ", replayed.outcome.endpoint);
        if replayed.standing == Standing::Unfinished && comment.starts_with(&head) {
            let numbers = &replayed.numbers;
            let in_section = |number: &u64| number.saturating_sub(self.before);
            let again = comment::verdict(&replayed.outcome, |id| {
                numbers.of(id).iter().map(in_section).collect()
            });
            replayed.standing = if comment == again {
                Standing::Same
            } else {
                Standing::Differs {
                    written: comment.to_owned(),
                }
            };
        }
    }

    fn settle(&mut self, account: Account) {
        let Some(inquest) = self.inquests.get_mut(&account.session) else {
            return;
        };
        if inquest.replayed.is_some() {
            return;
        }
        inquest.steps.extend(account.steps);
        if let Some(settled) = account.settled {
            let steps = std::mem::take(&mut inquest.steps);
            let recital = Recital::new(&inquest.brief, &self.packets, self.before);
            let (replayed, told) = recital.tell(&steps, settled);
            inquest.replayed = Some(self.replayed.len());
            self.replayed.push(replayed);
            for number in told {
                self.packets.remove(&number);
            }
        }
    }

    /// Every inquest of the run, those without an account last.
    pub fn finish(mut self) -> Vec<Replayed> {
        for inquest in self.inquests.values() {
            if inquest.replayed.is_none() {
                let recital = Recital::new(&inquest.brief, &self.packets, self.before);
                self.replayed.push(recital.reconstruct(self.latest));
            }
        }
        self.replayed
    }
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

/// One inquest told from its packets.
#[derive(Debug)]
struct Recital<'a> {
    brief: &'a Brief,
    /// By their numbers within the section.
    packets: &'a BTreeMap<u64, Kept>,
    before: u64,
    ledger: Ledger,
    session: SessionId,
    evidence: Evidence,
    /// The number in the file → the number here, which differs where a packet is missing.
    ids: BTreeMap<ProbeId, ProbeId>,
    numbers: BTreeMap<ProbeId, Vec<u64>>,
    told: Vec<u64>,
    noted: u64,
}

impl<'a> Recital<'a> {
    fn new(brief: &'a Brief, packets: &'a BTreeMap<u64, Kept>, before: u64) -> Self {
        let mut ledger = Ledger::default();
        let session = ledger.open(brief.vantage.source, brief.endpoint.address);
        Self {
            brief,
            packets,
            before,
            ledger,
            session,
            evidence: Evidence::new(),
            ids: BTreeMap::new(),
            numbers: BTreeMap::new(),
            told: Vec::new(),
            noted: 0,
        }
    }

    /// Tells the steps of an account. Gives the packets that are told as well.
    fn tell(mut self, steps: &[Step], settled: Moment) -> (Replayed, Vec<u64>) {
        let left: BTreeMap<ProbeId, u64> = steps
            .iter()
            .filter_map(|step| match step {
                Step::Left(id, number) => Some((*id, *number)),
                _ => None,
            })
            .collect();
        for step in steps {
            match step {
                // A probe is sent once, whatever the notes say.
                Step::Sent(_, id, _) if self.ids.contains_key(id) => {}
                Step::Sent(at, id, probe) => match (left.get(id), probe) {
                    (Some(number), _) => self.send(*at, *id, *number, probe.as_ref()),
                    (None, Some(probe)) => {
                        let id = self.next(*id);
                        self.evidence.record(*at, Fact::Sent(id, *probe));
                    }
                    (None, None) => {}
                },
                Step::Left(id, number) => self.leave(*id, *number),
                Step::Heard(number) => {
                    self.hear(*number, None);
                }
                Step::HeardBehind(at, number) => {
                    self.hear(*number, Some(*at));
                }
                Step::Fact(at, fact) => {
                    if let Some(fact) = self.renumbered(fact) {
                        let unshown = self.is_unshown(&fact);
                        self.noted = self.noted.saturating_add(unshown.into());
                        self.evidence.record(*at, fact);
                    }
                }
            }
        }
        let told = std::mem::take(&mut self.told);
        (self.conclude(settled), told)
    }

    /// Tells an inquest that has no account, up to `latest`.
    fn reconstruct(mut self, latest: Moment) -> Replayed {
        let mut expiries: BTreeMap<(Moment, ProbeId), ()> = BTreeMap::new();
        let mut slowest = Duration::ZERO;
        for (number, kept) in self.packets {
            self.expire(&mut expiries, kept.at);
            if kept.departing {
                let count = u32::try_from(self.ids.len()).unwrap_or(u32::MAX);
                let id = ProbeId(kept.probe.unwrap_or(count.saturating_add(1)));
                let probe = intent(&kept.packet, self.brief);
                if let (Some(probe), false) = (probe, self.ids.contains_key(&id)) {
                    self.send(kept.at, id, *number, None);
                    self.leave(id, *number);
                    let family = self.brief.endpoint.family();
                    let due = kept.at.after(patience(slowest, probe.kind, family));
                    if let Some(id) = self.ids.get(&id) {
                        expiries.insert((due, *id), ());
                    }
                }
            } else {
                let answered = self.hear(*number, None);
                self.hear(*number, Some(kept.at));
                let trial = answered.and_then(|id| self.evidence.trial(id));
                slowest = slowest.max(trial.and_then(Trial::rtt).unwrap_or_default());
            }
        }
        self.expire(&mut expiries, latest);
        self.evidence.record(latest, Fact::Interrupted);
        self.conclude(latest)
    }

    fn expire(&mut self, expiries: &mut BTreeMap<(Moment, ProbeId), ()>, now: Moment) {
        while let Some(entry) = expiries.first_entry() {
            let (due, id) = *entry.key();
            if due > now {
                return;
            }
            entry.remove();
            let trial = self.evidence.trial(id);
            if trial.is_some_and(|trial| trial.replies.is_empty()) {
                self.evidence.record(due, Fact::Expired(id));
            }
        }
    }

    /// The number here of the probe that the file numbers `id`, which is the next one sent.
    fn next(&mut self, id: ProbeId) -> ProbeId {
        let count = u32::try_from(self.ids.len()).unwrap_or(u32::MAX);
        let next = ProbeId(count.saturating_add(1));
        self.ids.insert(id, next);
        next
    }

    /// A probe was handed to the kernel; the packet shows what it was, and `noted` the flow of one
    /// without ports.
    fn send(&mut self, at: Moment, id: ProbeId, number: u64, noted: Option<&Probe>) {
        let Some(kept) = self.packets.get(&number) else {
            return;
        };
        if let Some(mut probe) = intent(&kept.packet, self.brief) {
            if let (Target::Host, Some(noted)) = (probe.target, noted) {
                probe.flow = noted.flow;
            }
            let id = self.next(id);
            self.ledger.note(self.session, id, &kept.packet);
            self.evidence.record(at, Fact::Sent(id, probe));
        }
    }

    fn leave(&mut self, id: ProbeId, number: u64) {
        self.told.push(number);
        let (Some(kept), Some(id)) = (self.packets.get(&number), self.ids.get(&id)) else {
            return;
        };
        let attribution = self.ledger.attribute(Heard::Departing, &kept.packet);
        if attribution.is_some_and(|found| found.role == Role::Probe(*id)) {
            self.evidence.record(kept.at, Fact::Departed(*id));
            let number = self.before.saturating_add(number);
            self.numbers.entry(*id).or_default().push(number);
        }
    }

    /// A packet was heard: by the tap, or at the moment `behind` by the ear behind the firewall.
    /// Gives the probe it answers.
    fn hear(&mut self, number: u64, behind: Option<Moment>) -> Option<ProbeId> {
        self.told.push(number);
        let kept = self.packets.get(&number)?;
        let ear = behind.map_or(Ear::Tap, |_| Ear::Stack);
        let attribution = self.ledger.attribute(Heard::Arriving(ear), &kept.packet);
        match attribution.map(|found| found.role) {
            Some(Role::Reply(id, reply)) => {
                let at = behind.unwrap_or(kept.at);
                self.evidence.record(at, Fact::Replied(id, ear, reply));
                let numbers = self.numbers.entry(id).or_default();
                let number = self.before.saturating_add(number);
                if !numbers.contains(&number) {
                    numbers.push(number);
                }
                Some(id)
            }
            Some(Role::NearMiss(..)) if behind.is_none() => {
                self.evidence.record(kept.at, Fact::NearMiss);
                None
            }
            Some(Role::Probe(_) | Role::Closing(_) | Role::NearMiss(..)) | None => None,
        }
    }

    /// A fact of the file in the numbers used here; `None` where its probe is missing.
    fn renumbered(&self, fact: &Fact) -> Option<Fact> {
        let of = |id: &ProbeId| self.ids.get(id).copied();
        Some(match fact {
            // Told by a step of its own.
            Fact::Sent(..) => return None,
            Fact::Departed(id) => Fact::Departed(of(id)?),
            Fact::Refused(id, refusal) => Fact::Refused(of(id)?, *refusal),
            Fact::Replied(id, ear, reply) => Fact::Replied(of(id)?, *ear, *reply),
            Fact::Expired(id) => Fact::Expired(of(id)?),
            Fact::NearMiss
            | Fact::ReceiveDrops(_)
            | Fact::Gap(_)
            | Fact::Neighbour(_)
            | Fact::Interrupted => fact.clone(),
        })
    }

    /// Whether a fact of the notes is one that a packet should show. This host's own ICMP errors are
    /// none: they answer probes that never left.
    fn is_unshown(&self, fact: &Fact) -> bool {
        match fact {
            Fact::Departed(_) => true,
            Fact::Replied(_, Ear::Tap, reply) => reply.from != self.brief.vantage.source,
            _ => false,
        }
    }

    fn conclude(self, settled: Moment) -> Replayed {
        let finding = infer::judge(&self.evidence, self.brief, settled).finding;
        Replayed {
            outcome: Outcome {
                endpoint: self.brief.endpoint.clone(),
                vantage: self.brief.vantage.clone(),
                evidence: self.evidence,
                finding,
                elapsed: settled.since(self.brief.began),
            },
            numbers: Numbers::new(self.numbers),
            standing: Standing::Unfinished,
            noted: self.noted,
        }
    }
}
