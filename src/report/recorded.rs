//! The record of an outcome, and what is added to it afterwards.

use super::advice::advise;
use super::entry::EvidenceEntry;
use super::greeting::GreetingRecord;
use super::record::{
    AlternativeRecord, EndpointRecord, HopRecord, LocalRecord, Record, Run, SCHEMA, Stats,
    VerdictRecord,
};
use super::session::SessionRecord;
use crate::model::greeting::Greeting;
use crate::model::outcome::Outcome;
use crate::model::probe::ProbeId;
use crate::model::session::Session;
use crate::model::time::micros;
use crate::model::verdict::Cause;

impl Record {
    /// The record of `outcome`, advice included.
    pub fn new(outcome: &Outcome, run: &Run) -> Self {
        let Outcome {
            endpoint,
            vantage,
            finding,
            ..
        } = outcome;
        Self {
            schema: SCHEMA.to_owned(),
            endpoint: EndpointRecord::from(endpoint),
            verdict: VerdictRecord::from(&finding.verdict),
            alternatives: finding
                .alternatives
                .iter()
                .map(AlternativeRecord::from)
                .collect(),
            advice: advise::advise(outcome, &run.situation),
            path: finding.path.iter().map(HopRecord::from).collect(),
            evidence: EvidenceEntry::all(outcome),
            local: LocalRecord::from(vantage),
            stats: Stats::of(outcome),
            notes: finding.notes.clone(),
            observed: None,
            session: None,
            greeting: None,
            unfinished: false,
            list: Vec::new(),
            run: run.clone(),
        }
    }

    /// Says in which packets of the capture each probe stands: its own, then those of its answers.
    pub fn number(&mut self, numbers: impl Fn(ProbeId) -> Vec<u64>) {
        for entry in &mut self.evidence {
            let packets = numbers(ProbeId(entry.id));
            if let Some((own, replies)) = packets.split_first() {
                entry.packet = Some(*own);
                entry.reply_packets = replies.to_vec();
            }
        }
    }

    /// Adds what became of its sessions: `session`, from this port of the client, says most of it.
    /// `outcome` is the one this record is of: the advice is given anew where the session died.
    pub fn live(&mut self, outcome: &Outcome, session: &Session, client_port: u16) {
        if outcome.finding.verdict.cause == Cause::Open && session.died() {
            self.advice = advise::died(outcome, &self.run.situation, session);
        }
        self.session = Some(SessionRecord::of(session, client_port));
    }

    /// Adds how the server greeted us. `outcome` is the one this record is of: the advice is given
    /// anew, from the server's own words.
    pub fn greet(&mut self, outcome: &Outcome, greeting: &Greeting) {
        self.advice = advise::greeted(outcome, &self.run.situation, greeting);
        self.greeting = Some(GreetingRecord::from(greeting));
    }
}

impl Stats {
    fn of(outcome: &Outcome) -> Self {
        let trials = outcome.evidence.trials().iter();
        // What another diagnosis sent counts there.
        let own = || trials.clone().filter(|trial| trial.shared.is_none());
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        Self {
            probes_sent: count(own().filter(|t| t.refused.is_none()).count()),
            replies: count(own().map(|trial| trial.replies.len()).sum()),
            strays: outcome.evidence.near_misses(),
            stray_resets: outcome.evidence.stray_resets(),
            receive_drops: outcome.evidence.receive_drops(),
            elapsed_us: micros(outcome.elapsed),
            loss_estimate: outcome.finding.loss.map(|(low, high)| [low, high]),
            interrupted: outcome.evidence.interrupted(),
        }
    }
}
