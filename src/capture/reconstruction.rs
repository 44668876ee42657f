//! Tells one diagnosis from its packets, in the order that its account gives, or without one.
//!
//! What a packet shows, the packet tells; an account tells the rest. An answer that stands in a note
//! alone is believed, and counted.

use std::collections::BTreeMap;
use std::time::Duration;

use super::intent::intent;
use super::note::Step;
use super::packets::Around;
use super::replay::{Replayed, Standing};
use super::write::Numbers;
use crate::engine::{Heard, Job, Ledger, Role, SessionId, timeout};
use crate::infer;
use crate::model::evidence::{Evidence, Fact, ReceivedBy, Trial};
use crate::model::outcome::Outcome;
use crate::model::probe::{Probe, ProbeId, Target};
use crate::model::reply::Flaw;
use crate::model::time::Moment;
use crate::wire::dissect::Packet;

/// One diagnosis told from its packets.
#[derive(Debug)]
pub(super) struct Reconstruction<'a> {
    job: &'a Job,
    packets: Around<'a>,
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

impl<'a> Reconstruction<'a> {
    pub(super) fn new(job: &'a Job, packets: Around<'a>, before: u64) -> Self {
        let mut ledger = Ledger::default();
        let session = ledger.open(job.vantage.source, job.endpoint.address);
        Self {
            job,
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
    pub(super) fn tell(mut self, steps: &[Step], settled: Moment) -> (Replayed, Vec<u64>) {
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
                Step::Unknown => {}
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
        self.contradict();
        let told = std::mem::take(&mut self.told);
        (self.conclude(settled), told)
    }

    /// Hears the packets that answer a probe which the account calls silent: where a note and a
    /// packet disagree, the packet counts, and what such an account leaves out is no sign that this host
    /// kept it from the receiver behind its firewall. Other answers that the account leaves out came when the
    /// diagnosis was over, or say what another did; they are told with it all the same.
    fn contradict(&mut self) {
        for (number, kept) in self.packets.in_order() {
            let heard = if kept.departing {
                Heard::Departing
            } else {
                Heard::Arriving(ReceivedBy::Tap)
            };
            let Some(attribution) = self.ledger.attribute(heard, &kept.packet) else {
                continue;
            };
            self.told.push(number);
            if let Role::Reply(id, reply) = attribution.role
                && reply.flaw.is_none()
                && !kept.broken
                && let Some(trial) = self.evidence.trial(id)
                && trial.replies.is_empty()
                && trial.sent <= kept.at
                && trial.expired.is_some_and(|expired| kept.at < expired)
            {
                self.hear(number, None);
                self.hear(number, Some(kept.at));
            }
        }
    }

    /// Tells a diagnosis that has no account, up to `latest`.
    pub(super) fn reconstruct(mut self, latest: Moment) -> Replayed {
        let mut expiries: BTreeMap<(Moment, ProbeId), ()> = BTreeMap::new();
        let mut slowest = Duration::ZERO;
        for (number, kept) in self.packets.in_order() {
            self.expire(&mut expiries, kept.at);
            if kept.departing {
                let count = u32::try_from(self.ids.len()).unwrap_or(u32::MAX);
                let id = ProbeId(self.packets.said(number).unwrap_or(count.saturating_add(1)));
                let probe = intent(&kept.packet, self.job);
                if let (Some(probe), false) = (probe, self.ids.contains_key(&id)) {
                    self.send(kept.at, id, number, None);
                    self.leave(id, number);
                    let family = self.job.endpoint.family();
                    let due = kept.at.after(timeout(slowest, probe.kind, family));
                    if let Some(id) = self.ids.get(&id) {
                        expiries.insert((due, *id), ());
                    }
                }
            } else {
                let answered = self.hear(number, None);
                self.hear(number, Some(kept.at));
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
        let Some(kept) = self.packets.find(number) else {
            return;
        };
        if let Some(mut probe) = intent(&kept.packet, self.job) {
            if let (Target::Host, Some(noted)) = (probe.target, noted) {
                probe.flow = noted.flow;
            }
            probe.repeats = self.repeated(&kept.packet);
            let id = self.next(id);
            self.ledger.note(self.session, id, &kept.packet);
            self.evidence.record(at, Fact::Sent(id, probe));
        }
    }

    /// The probe whose segment went out before with the same ports and sequence number.
    fn repeated(&self, packet: &Packet) -> Option<ProbeId> {
        let earlier = self.ledger.attribute(Heard::Departing, packet)?;
        let Role::Probe(id) = earlier.role else {
            return None;
        };
        let first = self.evidence.trial(id)?.probe.repeats;
        Some(first.unwrap_or(id))
    }

    fn leave(&mut self, id: ProbeId, number: u64) {
        self.told.push(number);
        let (Some(kept), Some(id)) = (self.packets.find(number), self.ids.get(&id)) else {
            return;
        };
        let attribution = self.ledger.attribute(Heard::Departing, &kept.packet);
        if attribution.is_some_and(|found| found.role == Role::Probe(*id)) {
            self.evidence.record(kept.at, Fact::Departed(*id));
            let number = self.before.saturating_add(number);
            self.numbers.entry(*id).or_default().push(number);
        }
    }

    /// A packet was heard: by the tap, or at the moment `behind` by the receiver behind the firewall.
    /// Gives the probe it answers.
    fn hear(&mut self, number: u64, behind: Option<Moment>) -> Option<ProbeId> {
        self.told.push(number);
        let kept = self.packets.find(number)?;
        let by = behind.map_or(ReceivedBy::Tap, |_| ReceivedBy::Stack);
        let attribution = self.ledger.attribute(Heard::Arriving(by), &kept.packet);
        match attribution.map(|found| found.role) {
            Some(Role::Reply(id, mut reply)) => {
                if kept.broken && behind.is_none() {
                    reply.flaw = Some(Flaw::Checksum);
                }
                let at = behind.unwrap_or(kept.at);
                let id = self.evidence.answered(id, by, &reply);
                self.evidence.record(at, Fact::Replied(id, by, reply));
                let numbers = self.numbers.entry(id).or_default();
                let number = self.before.saturating_add(number);
                if !numbers.contains(&number) {
                    numbers.push(number);
                }
                Some(id)
            }
            Some(Role::NearMiss(near_miss)) if behind.is_none() => {
                self.evidence
                    .record(kept.at, Fact::NearMiss(Some(near_miss)));
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
            Fact::Shared(id, lender) => Fact::Shared(of(id)?, *lender),
            Fact::Departed(id) => Fact::Departed(of(id)?),
            Fact::Refused(id, refusal) => Fact::Refused(of(id)?, *refusal),
            Fact::Replied(id, by, reply) => Fact::Replied(of(id)?, *by, *reply),
            Fact::Expired(id) => Fact::Expired(of(id)?),
            Fact::NearMiss(_)
            | Fact::ReceiveDrops(_)
            | Fact::Gap(_)
            | Fact::Neighbour(_)
            | Fact::Kernel(_)
            | Fact::Moved(_)
            | Fact::Detour(_)
            | Fact::Known(_)
            | Fact::Sibling(_)
            | Fact::Spent(_)
            | Fact::Overflow(_)
            | Fact::Interrupted => fact.clone(),
        })
    }

    /// Whether a fact of the notes is one that a packet should show. This host's own ICMP errors are
    /// none: they answer probes that never left.
    fn is_unshown(&self, fact: &Fact) -> bool {
        match fact {
            Fact::Departed(_) => true,
            Fact::Replied(_, ReceivedBy::Tap, reply) => reply.from != self.job.vantage.source,
            _ => false,
        }
    }

    fn conclude(self, settled: Moment) -> Replayed {
        let finding = infer::judge(&self.evidence, self.job, settled).finding;
        Replayed {
            outcome: Outcome {
                endpoint: self.job.endpoint.clone(),
                vantage: self.job.vantage.clone(),
                evidence: self.evidence,
                finding,
                elapsed: settled.since(self.job.began),
            },
            numbers: Numbers::new(self.numbers),
            standing: Standing::Unfinished,
            noted: self.noted,
        }
    }
}
