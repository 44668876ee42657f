//! What happens to a session: answers, refusals, losses, changes.

use std::net::IpAddr;
use std::time::Duration;

use super::*;
use crate::model::evidence::MOST_NEAR_MISSES;

/// What became of a near miss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Miss {
    /// It is in the evidence.
    Kept,
    /// There are so many that it was only counted.
    Counted,
    /// The other receiver had heard it, or the diagnosis is over.
    Known,
}

impl Session {
    /// An authentic answer to a probe was heard.
    pub(in super::super) fn hear(
        &mut self,
        at: Moment,
        by: ReceivedBy,
        probe: ProbeId,
        reply: Reply,
    ) {
        if self.is_settled() {
            return;
        }
        let Some(trial) = self.evidence.trial(probe) else {
            return;
        };
        let known = trial.replies.iter().chain(&trial.flawed).any(|known| {
            let heard = match by {
                ReceivedBy::Tap => known.by_tap,
                ReceivedBy::Stack => known.by_stack,
            };
            heard && known.reply == reply
        });
        if known {
            return;
        }
        // Which of a segment and its repetition was answered nobody can tell (Karn's algorithm,
        // RFC 6298 §3).
        let is_repeated = || {
            let mut trials = self.evidence.trials().iter();
            trials.any(|other| other.probe.repeats == Some(probe))
        };
        let whole = reply.flaw.is_none() && trial.probe.repeats.is_none() && !is_repeated();
        let first = trial.replies.is_empty() && whole;
        if first && teaches_round_trip(trial.probe.kind, &reply.answer) {
            self.timing.learn(at.since(trial.sent));
        }
        let reports = reply.answer.is_time_exceeded() && trial.replies.is_empty();
        if reports && reply.flaw.is_none() {
            self.see(probe, Some(reply.from));
        }
        self.record(at, Fact::Replied(probe, by, reply));
    }

    /// The probe that a reply answers, of a segment and its repetitions up to `latest`.
    pub(in super::super) fn answered(
        &self,
        latest: ProbeId,
        by: ReceivedBy,
        reply: &Reply,
    ) -> ProbeId {
        self.evidence.answered(latest, by, reply)
    }

    /// A segment on one of our flows whose numbers answer nothing we sent.
    pub(in super::super) fn miss(
        &mut self,
        at: Moment,
        by: ReceivedBy,
        near_miss: NearMiss,
    ) -> Miss {
        if self.is_settled() {
            return Miss::Known;
        }
        let mut remembered = self.near_misses.iter();
        let echoed =
            remembered.position(|(other, known)| *other != by && known.is_same(&near_miss));
        if let Some(index) = echoed {
            self.near_misses.remove(index);
            return Miss::Known;
        }
        if self.near_misses.len() == NEAR_MISSES_REMEMBERED {
            self.near_misses.pop_front();
        }
        self.near_misses.push_back((by, near_miss));
        self.evidence.record(at, Fact::NearMiss(Some(near_miss)));
        if self.evidence.near_misses() > MOST_NEAR_MISSES {
            Miss::Counted
        } else {
            Miss::Kept
        }
    }

    /// The tap saw a probe leave.
    pub(in super::super) fn depart(&mut self, at: Moment, probe: ProbeId) {
        let departs = self
            .evidence
            .trial(probe)
            .is_some_and(|trial| !trial.departed);
        if departs && !self.is_settled() {
            self.evidence.record(at, Fact::Departed(probe));
        }
    }

    /// The kernel refused a probe.
    pub(in super::super) fn refuse(&mut self, now: Moment, probe: ProbeId, refusal: LocalRefusal) {
        let refused = self
            .evidence
            .trial(probe)
            .is_some_and(|trial| trial.refused.is_none());
        if refused && !self.is_settled() {
            self.expiries.retain(|(_, waiting)| *waiting != probe);
            self.record(now, Fact::Refused(probe, refusal));
        }
    }

    /// Frames were lost before we read them.
    pub(in super::super) fn lose(&mut self, now: Moment, count: u64) {
        if !self.is_settled() {
            self.record(now, Fact::ReceiveDrops(count));
        }
    }

    /// We did not run for `span` up to now.
    pub(in super::super) fn skip(&mut self, now: Moment, span: Duration) {
        if !self.is_settled() {
            self.record(now, Fact::Gap(span));
        }
    }

    /// The neighbour table says this of the next hop.
    pub(in super::super) fn see_neighbour(&mut self, now: Moment, state: NeighbourState) {
        if !self.is_settled() && self.evidence.neighbour() != Some(state) {
            self.record(now, Fact::Neighbour(state));
        }
    }

    /// A TCP connection to the port takes this way, and probes another.
    pub(in super::super) fn learn_of_detour(&mut self, now: Moment, way: Stance) {
        if !self.is_settled() && self.evidence.detour() != Some(&way) {
            self.record(now, Fact::Detour(Box::new(way)));
        }
    }

    /// The kernel's own counters say this of the host.
    pub(in super::super) fn learn_of_kernel(&mut self, now: Moment, says: KernelSays) {
        if !self.is_settled() && !self.evidence.kernel_says(says) {
            self.record(now, Fact::Kernel(says));
        }
    }

    /// The diagnosis is to stop: it settles with its best verdict when it next advances.
    pub(in super::super) fn interrupt(&mut self, now: Moment) {
        if !self.is_settled() && !self.interrupted {
            self.interrupted = true;
            self.record(now, Fact::Interrupted);
        }
    }

    /// A device refused something else than its probes.
    pub(in super::super) fn know(&mut self, at: Moment, refusal: DeviceRefusal) {
        // What matters of the address refused is how near it is: those far away crowd out none.
        let own = self.job.endpoint.address;
        let nearness = |known: &DeviceRefusal| {
            (
                known.address == own,
                prefix(known.address) == prefix(own),
                known.port,
            )
        };
        let like = |known: &DeviceRefusal| {
            (known.device, known.refusal) == (refusal.device, refusal.refusal)
                && nearness(known) == nearness(&refusal)
                && (known.after_silence, known.late) == (refusal.after_silence, refusal.late)
        };
        let known = self.evidence.known_refusals();
        if !self.is_settled() && known.len() < KNOWN && !known.iter().any(like) {
            self.record(at, Fact::Known(refusal));
        }
    }

    /// Whether a SYN to the port that left before then drew nothing, as far as is known.
    pub(in super::super) fn was_silent_before(&self, moment: Moment) -> bool {
        let mut trials = self.evidence.trials().iter();
        trials.any(|trial| {
            knocks(&trial.probe)
                && trial.sent < moment
                && trial.replies.is_empty()
                && trial.refused.is_none()
        })
    }

    /// What a limited SYN of another diagnosis of its prefix drew.
    pub(in super::super) fn learn_of_sibling(&mut self, at: Moment, sight: SiblingSight) {
        if !self.is_settled() {
            self.record(at, Fact::Sibling(sight));
        }
    }

    /// Keeps what one of its own limited SYNs drew, for others to be told.
    pub(super) fn see(&mut self, probe: ProbeId, from: Option<IpAddr>) {
        let Some(trial) = self
            .evidence
            .trial(probe)
            .filter(|trial| !trial.invalidated)
        else {
            return;
        };
        let Probe {
            kind, target, ttl, ..
        } = trial.probe;
        let is_own = trial.shared.is_none() && trial.refused.is_none();
        if kind != Kind::Syn || ttl.is_full() || trial.probe.padded_to.is_some() || !is_own {
            return;
        }
        let to_port = target == Target::Endpoint;
        // SYNs to a port that answers are none to compare a silent one with.
        if !to_port || self.is_mute() {
            self.sights.push(Sight {
                ttl: ttl.0,
                port: to_port.then_some(self.job.endpoint.port),
                from,
            });
        }
    }

    /// What it saw since it was last asked.
    pub(in super::super) fn take_sights(&mut self) -> Vec<Sight> {
        std::mem::take(&mut self.sights)
    }

    /// Whether no SYN to the port was answered or refused.
    pub(in super::super) fn is_mute(&self) -> bool {
        let mut trials = self.evidence.trials().iter();
        !trials.any(|trial| knocks(&trial.probe) && !trial.replies.is_empty())
    }

    /// A device sent an error to our address that this diagnosis did not draw.
    pub(in super::super) fn note_spent(&mut self, at: Moment, device: IpAddr) {
        let is_noted = self.evidence.spent().contains(&(at, device));
        if !self.is_settled() && !is_noted {
            self.evidence.record(at, Fact::Spent(device));
        }
    }

    /// The device, known to ration its refusals, that its next probe would draw an error from: a SYN to
    /// the port that lives longer than the way to it, or anything that ends right there.
    pub(in super::super) fn draws_error_of(&self) -> Option<IpAddr> {
        let probe = self.next_probe()?;
        let trials = self.evidence.trials();
        let asked = |trial: &Trial| (trial.probe.kind, trial.probe.target) == PORT;
        let told = |heard: &HeardReply| heard.reply.answer.refusal().is_some();
        let is_told = trials.iter().any(|trial| trial.replies.iter().any(told));
        if is_told || !trials.iter().any(asked) {
            return None;
        }
        let to_port = (probe.kind, probe.target) == PORT;
        let endpoint = &self.job.endpoint;
        let known = self.evidence.known_refusals().iter().find(|known| {
            let is_target = known.device == known.address;
            let refuses = to_port && (is_target || probe.ttl.0 > known.hop);
            let reports = !is_target && probe.ttl.0 == known.hop;
            let is_near = known.address == endpoint.address
                || prefix(known.address) == prefix(endpoint.address);
            is_near && (refuses || reports)
        });
        known.map(|known| {
            if known.device == known.address {
                // A host may have many addresses, which share one limit.
                prefix(known.device)
            } else {
                known.device
            }
        })
    }

    /// Who sent ICMP errors about its probes.
    pub(in super::super) fn senders(&self) -> Vec<IpAddr> {
        let trials = self.evidence.trials().iter();
        let mut senders: Vec<IpAddr> = trials
            .flat_map(|trial| &trial.replies)
            .filter(|heard| !heard.reply.answer.is_end_of_path())
            .map(|heard| heard.reply.from)
            .collect();
        senders.dedup();
        senders
    }

    pub(super) fn record(&mut self, at: Moment, fact: Fact) {
        self.evidence.record(at, fact);
        self.stale = true;
    }
}
