//! One try to connect as a client's kernel makes it: a SYN, and the same SYN again when it draws
//! nothing.
//!
//! Some protections drop the first SYN of a flow and pass its repetition, and no client notices. So
//! what a SYN drew is read together with its repetitions: an answer to any of them is the answer,
//! and silence counts once the SYN was repeated.

use std::time::Duration;

use crate::model::evidence::Trial;
use crate::model::probe::{Probe, ProbeId};

use super::analysis::{Analysis, Response};
use super::job::Ask;

/// When a kernel repeats an unanswered SYN: 1 s after it, and 2 s after that (RFC 6298 §2 and §5.5,
/// `tcp_retransmit_timer`).
pub(super) const REPEATED_AFTER: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

/// A SYN to the port and its repetitions, in the order sent.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    pub(super) first: &'a Trial,
    pub(super) repetitions: Vec<&'a Trial>,
}

impl<'a> Attempt<'a> {
    /// The attempts at the port.
    pub(super) fn all(analysis: &Analysis<'a>) -> Vec<Self> {
        let mut attempts: Vec<Self> = Vec::new();
        for trial in analysis.port_syns() {
            let of = |id: ProbeId| move |attempt: &&mut Self| attempt.first.id == id;
            match trial
                .probe
                .repeats
                .and_then(|id| attempts.iter_mut().find(of(id)))
            {
                Some(attempt) => attempt.repetitions.push(trial),
                None => attempts.push(Self {
                    first: trial,
                    repetitions: Vec::new(),
                }),
            }
        }
        attempts
    }

    /// Its SYNs, in the order sent.
    pub(super) fn trials(&self) -> impl Iterator<Item = &'a Trial> + '_ {
        std::iter::once(self.first).chain(self.repetitions.iter().copied())
    }

    /// Whether the SYN drew nothing and one of its repetitions was answered.
    pub(super) fn needed_repetition(&self, analysis: &Analysis<'_>) -> bool {
        analysis.response(self.first) == Response::Silence
            && self
                .repetitions
                .iter()
                .any(|trial| is_decided(analysis.response(trial)))
    }

    /// The next repetition, where the SYN and those before drew nothing; `None` where it was
    /// answered, is still waited for, or was repeated often enough.
    pub(super) fn repetition(&self, analysis: &Analysis<'_>, most: usize) -> Option<Ask> {
        let silent = |trial: &Trial| analysis.response(trial) == Response::Silence;
        let after = REPEATED_AFTER.get(self.repetitions.len())?;
        let wanted = self.repetitions.len() < most && self.trials().all(silent);
        wanted.then(|| Ask {
            probe: Probe {
                repeats: Some(self.first.id),
                ..self.first.probe
            },
            not_before: self.first.sent.after(*after),
        })
    }
}

/// Whether what a SYN drew decides what the port does with it.
const fn is_decided(response: Response) -> bool {
    matches!(
        response,
        Response::SynAck | Response::Reset | Response::Refused(_)
    )
}

/// The attempts that were answered only when their SYN was repeated.
pub(super) fn answered_when_repeated(analysis: &Analysis<'_>) -> Vec<ProbeId> {
    Attempt::all(analysis)
        .iter()
        .filter(|attempt| attempt.needed_repetition(analysis))
        .map(|attempt| attempt.first.id)
        .collect()
}
