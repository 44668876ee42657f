//! A result: what triage knows of one endpoint, and the outcome that comes of it.
//!
//! Kept apart from the triage so that judging and writing can be done elsewhere and later.

use std::time::Duration;

use super::probe_state::{ProbeState, Remembered};
use super::{CONTRADICTED_WITHIN, SYNS};
use crate::infer::{self, Job, Observer};
use crate::model::endpoint::Endpoint;
use crate::model::evidence::{Evidence, Fact, NeighbourState, ReceivedBy};
use crate::model::outcome::Outcome;
use crate::model::probe::{Flow, Kind, Probe, ProbeId, Target};
use crate::model::time::Moment;
use crate::model::vantage::Vantage;
use crate::model::verdict::Confidence;

/// What keeps silence from meaning anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lapse {
    /// Frames that the kernel dropped.
    Drops(u64),
    /// A span in which we did not run.
    Gap(Duration),
}

/// What triage knows of an endpoint that has settled.
#[derive(Clone, Debug)]
pub struct TriageResult {
    /// The endpoint: its place in the list.
    pub target: u32,
    /// From where it was probed: a place in the list of vantages.
    pub vantage: u32,
    pub(super) state: ProbeState,
    /// The flow of each SYN.
    pub(super) flows: [Flow; SYNS],
    pub(super) replies: Vec<Remembered>,
    /// What devices that may stand on its way refused to others.
    pub(super) known: Vec<(Moment, Fact)>,
    /// From its first SYN on.
    pub(super) lapses: Vec<(Moment, Lapse)>,
    pub(super) interrupted: bool,
    pub(super) settled: Moment,
}

impl TriageResult {
    /// Whether nothing decided it: whoever knows more of the way to it should say so.
    pub fn is_silent(&self) -> bool {
        self.replies.is_empty()
    }

    /// The outcome: the verdict that the evidence supports, stated one tier less firmly than an
    /// diagnosis would state it. `neighbour` is what the kernel's table says of the next hop.
    pub fn outcome(
        &self,
        endpoint: Endpoint,
        vantage: Vantage,
        neighbour: Option<NeighbourState>,
    ) -> Outcome {
        let evidence = self.evidence(neighbour);
        let began = self.state.began().unwrap_or(self.settled);
        let job = Job {
            observer: Observer::Own,
            endpoint,
            vantage,
            controls: Vec::new(),
            quick: false,
            check_mtu: false,
            thorough: true,
            began,
            deadline: self.settled,
        };
        let mut finding = infer::judge(&evidence, &job, self.settled).finding;
        let verdict = &mut finding.verdict;
        verdict.confidence = one_tier_down(verdict.confidence);
        finding.notes.push(
            "Triage sends SYNs only, so this is stated one tier less firmly than the same \
             answers would allow a diagnosis."
                .to_owned(),
        );
        Outcome {
            endpoint: job.endpoint,
            vantage: job.vantage,
            evidence,
            finding,
            elapsed: self.settled.since(began),
        }
    }

    /// The facts in the order in which they happened.
    fn evidence(&self, neighbour: Option<NeighbourState>) -> Evidence {
        let state = &self.state;
        let mut facts: Vec<(Moment, Fact)> = Vec::with_capacity(8);
        let attempts = state.sent.iter().zip(&self.flows).zip(&state.refused);
        let attempts = attempts.zip(1_u32..).take(usize::from(state.attempts));
        for (((sent, flow), refused), number) in attempts {
            let id = ProbeId(number);
            let probe = Probe::plain(Kind::Syn, Target::Endpoint, *flow);
            facts.push((*sent, Fact::Sent(id, probe)));
            if state.departed & (1 << (number - 1)) != 0 {
                facts.push((*sent, Fact::Departed(id)));
            }
            if let Some(refusal) = refused {
                facts.push((*sent, Fact::Refused(id, *refusal)));
                continue;
            }
            let answered = |known: &Remembered| {
                u32::from(known.attempt) + 1 == number && known.reply.flaw.is_none()
            };
            let timeout = sent.after(CONTRADICTED_WITHIN);
            if timeout <= self.settled && !self.replies.iter().any(answered) {
                facts.push((timeout, Fact::Expired(id)));
            }
        }
        for known in &self.replies {
            let id = ProbeId(u32::from(known.attempt) + 1);
            for (heard, by) in [
                (known.by_tap, ReceivedBy::Tap),
                (known.by_stack, ReceivedBy::Stack),
            ] {
                if heard {
                    facts.push((known.at, Fact::Replied(id, by, known.reply)));
                }
            }
        }
        facts.extend(self.lapses.iter().map(|(at, lapse)| {
            let fact = match *lapse {
                Lapse::Drops(count) => Fact::ReceiveDrops(count),
                Lapse::Gap(span) => Fact::Gap(span),
            };
            (*at, fact)
        }));
        facts.extend(self.known.iter().cloned());
        // Facts of one moment stay in the order they were put: a SYN before its answer.
        facts.sort_by_key(|(at, _)| *at);
        let last = (0..state.near_misses).map(|_| Fact::NearMiss(None));
        let last = last.chain(neighbour.map(Fact::Neighbour));
        let last = last.chain(self.interrupted.then_some(Fact::Interrupted));
        facts.extend(last.map(|fact| (self.settled, fact)));
        let mut evidence = Evidence::new();
        for (at, fact) in facts {
            evidence.record(at, fact);
        }
        evidence
    }
}

const fn one_tier_down(confidence: Confidence) -> Confidence {
    match confidence {
        Confidence::Proven => Confidence::Confirmed,
        Confidence::Confirmed => Confidence::Likely,
        Confidence::Likely | Confidence::Possible => Confidence::Possible,
    }
}
