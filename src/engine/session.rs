//! One endpoint's diagnosis: its evidence, the judgement of it, and what is still to be sent.
//!
//! The session never judges in the middle of a call that brings a fact: it marks itself stale, and
//! the next [`Session::advance`] judges once over all that arrived. Facts that cannot change a
//! judgement (departures, near misses) do not make it stale. How to go on is all it asks for then:
//! what was found is put into words when somebody wants to know.

mod adoption;
mod events;

pub(super) use self::events::Miss;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::craft::{self, Crafted, Workbench};
use super::inflight::{Marks, Owner};
use super::judge::Judge;
use super::policy::{Allowance, Policy};
use super::siblings::Sight;
use super::spacing::prefix;
use super::timing::Timing;
use super::token::Tokens;
use super::{SessionId, Transmit, controls, reuse};
use crate::infer::{Ask, Course, Job, Next, Observer, hop_of_arrival};
use crate::model::change::{Change, Stance};
use crate::model::endpoint::Endpoint;
use crate::model::evidence::{
    DeviceRefusal, Evidence, Fact, HeardReply, KernelSays, LocalRefusal, NearMiss, NeighbourState,
    ReceivedBy, SiblingSight, Trial,
};
use crate::model::outcome::Outcome;
use crate::model::probe::{Kind, Probe, ProbeId, Target};
use crate::model::reply::{Answer, Reply};
use crate::model::time::Moment;
use crate::model::vantage::Vantage;
use crate::model::verdict::Finding;

/// Least time between two datagrams of one session.
const SPACING: Duration = Duration::from_millis(1);
/// How often a diagnosis begins again because the way to its target changed.
const CHANGES: usize = 5;
/// Refusals of other things that are remembered: a few say all.
const KNOWN: usize = 8;
/// A SYN to the port.
const PORT: (Kind, Target) = (Kind::Syn, Target::Endpoint);
/// How many near misses are remembered to tell a second one from the other receiver's echo of the first.
const NEAR_MISSES_REMEMBERED: usize = 16;

/// One endpoint's diagnosis.
#[derive(Clone, Debug)]
pub(super) struct Session {
    id: SessionId,
    job: Job,
    judge: Arc<dyn Judge>,
    max_probes: u32,
    /// What it may send; `None` where only `max_probes` counts.
    allowed: Option<Allowance>,
    evidence: Evidence,
    course: Course,
    /// When it was last judged.
    judged: Moment,
    /// Facts have arrived since the last judgement.
    stale: bool,
    /// What the last judgement asked for and is not sent yet, earliest first.
    plan: VecDeque<Ask>,
    /// When the timeout of each probe ends.
    expiries: BTreeSet<(Moment, ProbeId)>,
    timing: Timing,
    last_sent: Option<Moment>,
    near_misses: VecDeque<(ReceivedBy, NearMiss)>,
    /// Probes of other diagnoses that this one tells.
    adopted: BTreeSet<Owner>,
    /// What its limited SYNs drew and the others of its prefix are not told yet.
    sights: Vec<Sight>,
    interrupted: bool,
    settled: Option<Moment>,
}

impl Session {
    pub(super) fn new(
        id: SessionId,
        now: Moment,
        endpoint: Endpoint,
        vantage: Vantage,
        policy: &Policy,
        tokens: &Tokens,
        judge: Arc<dyn Judge>,
    ) -> Self {
        let job = Job {
            observer: Observer::Own,
            controls: controls::choose(tokens, &endpoint, &vantage, policy),
            quick: policy.quick,
            check_mtu: policy.check_mtu,
            thorough: policy.thorough,
            began: now,
            deadline: now.after(policy.time_for(endpoint.family())),
            endpoint,
            vantage,
        };
        let evidence = Evidence::new();
        let course = judge.plan(&evidence, &job, now);
        let mut session = Self {
            id,
            job,
            judge,
            max_probes: policy.max_probes,
            allowed: policy.allowance,
            evidence,
            course,
            judged: now,
            stale: false,
            plan: VecDeque::new(),
            expiries: BTreeSet::new(),
            timing: Timing::default(),
            last_sent: None,
            near_misses: VecDeque::new(),
            adopted: BTreeSet::new(),
            sights: Vec::new(),
            interrupted: false,
            settled: None,
        };
        session.replan();
        session
    }

    /// The diagnosis that takes the place of `old`, whose evidence is invalidated because the way to the target
    /// changed: it has the time that is left, and nothing of what was measured.
    pub(super) fn after_change(mut self, now: Moment, old: &Self, change: Change) -> Self {
        self.job.deadline = old.job.deadline;
        self.job.began = old.job.began;
        let before = old.evidence.changes().iter().cloned();
        for (at, change) in before.chain([(now, change)]) {
            self.record(at, Fact::Moved(Box::new(change)));
        }
        if self.evidence.changes().len() > CHANGES {
            self.interrupt(now);
        }
        self
    }

    pub(super) const fn job(&self) -> &Job {
        &self.job
    }

    /// The trial of one of its probes.
    pub(super) fn trial(&self, probe: ProbeId) -> Option<&Trial> {
        self.evidence.trial(probe)
    }

    /// Whether the next probe is a SYN to a port that answered one by a SYN-ACK, so that this one may
    /// be too, and is reset.
    pub(super) fn opens(&self) -> bool {
        let Some(next) = self.next_probe().filter(|next| next.kind == Kind::Syn) else {
            return false;
        };
        let trials = self.evidence.trials().iter();
        let mut replies = trials
            .filter(|trial| trial.probe.target == next.target)
            .flat_map(|trial| &trial.replies);
        replies.any(|heard| matches!(heard.reply.answer, Answer::SynAck { .. }))
    }

    /// Whether a probe was padded.
    pub(super) fn is_padded(&self, probe: ProbeId) -> bool {
        let trial = self.evidence.trial(probe);
        trial.is_some_and(|trial| trial.probe.padded_to.is_some())
    }

    pub(super) const fn is_settled(&self) -> bool {
        self.settled.is_some()
    }

    /// The diagnosis as it stands.
    pub(super) fn outcome(&self, now: Moment) -> Outcome {
        Outcome {
            endpoint: self.job.endpoint.clone(),
            vantage: self.job.vantage.clone(),
            evidence: self.evidence.clone(),
            finding: self.find(),
            elapsed: self.settled.unwrap_or(now).since(self.job.began),
        }
    }

    /// The diagnosis as it settled, or as it stands.
    pub(super) fn conclude(self, now: Moment) -> Outcome {
        Outcome {
            finding: self.find(),
            elapsed: self.settled.unwrap_or(now).since(self.job.began),
            endpoint: self.job.endpoint,
            vantage: self.job.vantage,
            evidence: self.evidence,
        }
    }

    /// What the last judgement found.
    fn find(&self) -> Finding {
        self.judge.find(&self.evidence, &self.job, self.judged)
    }

    // What it does.

    /// Lets time pass: timeout ends, the deadline comes, stale judgements are renewed.
    pub(super) fn advance(&mut self, now: Moment) {
        if self.is_settled() {
            return;
        }
        self.expire(now);
        self.stale |= self.course.look_again.is_some_and(|due| due <= now);
        self.rejudge(now);
        if now >= self.job.deadline && self.course.next != Next::Settle {
            self.interrupt(now);
            self.rejudge(now);
        }
        if self.interrupted || self.course.next == Next::Settle || self.is_idle() {
            self.settled = Some(now);
            self.plan.clear();
            self.expiries.clear();
        }
    }

    fn expire(&mut self, now: Moment) {
        while let Some(&(due, probe)) = self.expiries.first() {
            if due > now {
                return;
            }
            self.expiries.pop_first();
            let silent = self
                .evidence
                .trial(probe)
                .is_some_and(|trial| !trial.replies.iter().any(is_answer));
            if silent {
                self.record(now, Fact::Expired(probe));
                self.see(probe, None);
            } else if self.expiries.is_empty() && self.plan.is_empty() {
                // Inference may have waited for the other receiver to hear the last answer too.
                self.stale = true;
            }
        }
    }

    fn rejudge(&mut self, now: Moment) {
        if self.stale {
            self.stale = false;
            self.course = self.judge.plan(&self.evidence, &self.job, now);
            self.judged = now;
            self.replan();
        }
    }

    /// The farthest hop that something was heard of, from 1.
    fn farthest(&self) -> u8 {
        let heard = self.evidence.trials().iter().filter_map(|trial| {
            let first = trial.first().filter(|_| !trial.probe.ttl.is_full())?;
            Some((trial.probe.ttl.0, first.reply))
        });
        let (expired, ended): (Vec<_>, Vec<_>) =
            heard.partition(|(_, reply)| reply.answer.is_time_exceeded());
        // What lived longer than the way ended at the same place.
        let end = ended
            .iter()
            .map(|(ttl, reply)| hop_of_arrival(reply.ttl).min(*ttl));
        let beyond = expired.iter().map(|(ttl, _)| ttl.saturating_add(1)).max();
        beyond.max(end.min()).unwrap_or(1)
    }

    /// Replaces the plan by what the judgement asks for and the budget allows.
    fn replan(&mut self) {
        self.plan.clear();
        let sent = u32::try_from(self.evidence.trials().len()).unwrap_or(u32::MAX);
        let mut left = usize::try_from(self.max_probes.saturating_sub(sent)).unwrap_or(usize::MAX);
        let mut syns = usize::MAX;
        if let Some(allowance) = &self.allowed {
            let [probes, a_hop] = allowance.in_diagnosis;
            let most = probes + a_hop * usize::from(self.farthest());
            let trials = self.evidence.trials().iter();
            let sent = trials.filter(|trial| knocks(&trial.probe) && trial.refused.is_none());
            syns = allowance.syns_to_port.saturating_sub(sent.count());
            left = left.min(most.saturating_sub(self.evidence.trials().len()));
        }
        if let Next::Ask(asks) = &self.course.next {
            let deadline = self.job.deadline;
            let mut asks: Vec<Ask> = asks
                .iter()
                .filter(|ask| ask.not_before < deadline)
                .copied()
                .collect();
            for ask in &mut asks {
                let free = reuse::free_from(&self.evidence, &ask.probe, self.timing.slowest());
                ask.not_before = ask.not_before.max(free);
            }
            asks.sort_by_key(|ask| ask.not_before);
            asks.retain(|ask| {
                let allowed = !knocks(&ask.probe) || syns > 0;
                syns -= usize::from(allowed && knocks(&ask.probe));
                allowed
            });
            self.plan.extend(asks.into_iter().take(left));
        }
    }

    /// When it must next advance; `None` once settled.
    pub(super) fn wakes_at(&self) -> Option<Moment> {
        if self.is_settled() {
            return None;
        }
        if self.stale || self.is_idle() || self.course.next == Next::Settle {
            return Some(Moment::START);
        }
        let expiry = self.expiries.first().map(|(due, _)| *due);
        let due = expiry.into_iter().chain(self.course.look_again);
        Some(due.fold(self.job.deadline, Moment::min))
    }

    /// Nothing to send and nothing to wait for: no further judgement can differ.
    fn is_idle(&self) -> bool {
        self.plan.is_empty() && self.expiries.is_empty() && self.course.look_again.is_none()
    }

    /// When it next wants to send; `None` when it has nothing to, or must advance first.
    pub(super) fn sends_at(&self) -> Option<Moment> {
        if self.is_settled() || self.stale {
            return None;
        }
        let ask = self.plan.front()?;
        let spaced = self
            .last_sent
            .map_or(Moment::START, |last| last.after(SPACING));
        Some(ask.not_before.max(spaced))
    }

    /// The probe it next sends.
    pub(super) fn next_probe(&self) -> Option<&Probe> {
        self.plan.front().map(|ask| &ask.probe)
    }

    /// Puts the next probe off; those that may leave before it go first.
    pub(super) fn defer(&mut self, until: Moment) {
        if let Some(mut ask) = self.plan.pop_front() {
            ask.not_before = ask.not_before.max(until);
            let at = self
                .plan
                .partition_point(|other| other.not_before <= ask.not_before);
            self.plan.insert(at, ask);
        }
    }

    fn next_id(&self) -> Option<ProbeId> {
        let sent = u32::try_from(self.evidence.trials().len()).ok()?;
        sent.checked_add(1).map(ProbeId)
    }

    /// Sends the next probe of the plan. `None` where there is none, or where the vantage cannot
    /// send it: then it counts as refused for want of a source.
    pub(super) fn transmit(
        &mut self,
        now: Moment,
        tokens: &Tokens,
        count: u32,
    ) -> Option<(Transmit, Marks)> {
        let ask = self.plan.pop_front()?;
        // With the last probe of a plan gone, inference is asked again.
        self.stale |= self.plan.is_empty();
        let id = self.next_id()?;
        let bench = Workbench {
            tokens,
            job: &self.job,
            count,
            now,
        };
        let numbered = ask.probe.repeats.unwrap_or(id);
        let crafted = craft::craft(bench, numbered, &ask.probe);
        self.evidence.record(now, Fact::Sent(id, ask.probe));
        let Some(Crafted { datagram, marks }) = crafted else {
            self.record(now, Fact::Refused(id, LocalRefusal::SourceGone));
            return None;
        };
        self.last_sent = Some(now);
        let timeout = self
            .timing
            .timeout(ask.probe.kind, self.job.endpoint.family());
        self.expiries.insert((now.after(timeout), id));
        let transmit = Transmit {
            session: self.id,
            probe: Some(id),
            knocks: reaches_a_port(&ask.probe),
            destination: self.job.endpoint.address,
            datagram,
        };
        Some((transmit, marks))
    }
}

/// Whether a probe is a SYN that is meant to reach the host.
pub(super) fn reaches_a_port(probe: &Probe) -> bool {
    probe.kind == Kind::Syn && probe.ttl.is_full()
}

/// Whether a probe is a SYN that reaches the port.
fn knocks(probe: &Probe) -> bool {
    reaches_a_port(probe) && probe.target == Target::Endpoint
}

/// Whether the time to this answer is a round trip: a reassembly timer or a router that waited for
/// its neighbour adds seconds that are not the path's.
const fn teaches_round_trip(kind: Kind, answer: &Answer) -> bool {
    match answer {
        Answer::SynAck { .. }
        | Answer::Reset
        | Answer::EchoReply { .. }
        | Answer::TimeExceeded(_)
        | Answer::TooBig { .. } => !matches!(kind, Kind::Fragment),
        Answer::ReassemblyTimeout(_) | Answer::Unreachable(..) | Answer::OtherIcmp { .. } => false,
    }
}

/// Whether a reply answers its probe: other ICMP messages may only pass advice, and the probe's
/// timeout goes on.
const fn is_answer(heard: &HeardReply) -> bool {
    !matches!(heard.reply.answer, Answer::OtherIcmp { .. })
}
