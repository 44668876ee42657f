//! The trace as a table: what the port's flow and the control flows drew from each hop.

use std::net::IpAddr;
use std::time::Duration;

use crate::model::evidence::Trial;
use crate::model::probe::{Kind, ProbeId, Target};
use crate::model::time::Moment;

use super::case::{Case, Drawn};

/// What the two kinds of flow drew from one hop.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    pub(super) ttl: u8,
    pub(super) port: Flowed,
    pub(super) control: Flowed,
}

/// What one kind of flow drew from one hop.
#[derive(Clone, Debug, Default)]
pub(super) struct Flowed {
    /// Sent, and answered or waited out.
    pub(super) tried: u32,
    /// Reported expired.
    pub(super) expired: Vec<(ProbeId, IpAddr)>,
    /// Answered by the address itself.
    pub(super) reached: Vec<ProbeId>,
    /// Refused.
    pub(super) refused: Vec<ProbeId>,
    /// Silent.
    pub(super) silent: Vec<(ProbeId, Moment)>,
    /// Least round-trip time.
    pub(super) rtt: Option<Duration>,
}

impl Flowed {
    /// Whether the hop reported it expired.
    pub(super) fn reported(&self) -> bool {
        !self.expired.is_empty()
    }

    /// Whether the hop, or the address behind it, said anything.
    pub(super) fn seen(&self) -> bool {
        self.reported() || !self.reached.is_empty()
    }

    fn add(&mut self, case: &Case<'_>, trial: &Trial) {
        match case.drawn(trial) {
            Drawn::EnRoute => {
                let expired = trial
                    .replies
                    .iter()
                    .find(|heard| heard.reply.answer.is_time_exceeded());
                if let Some(heard) = expired {
                    self.expired.push((trial.id, heard.reply.from));
                }
            }
            Drawn::SynAck | Drawn::Reset | Drawn::Echo => self.reached.push(trial.id),
            Drawn::Refused(_) => self.refused.push(trial.id),
            Drawn::Silence => self.silent.push((trial.id, trial.sent)),
            Drawn::Reassembly | Drawn::Pending | Drawn::Void => return,
        }
        self.tried += 1;
        if let Some(rtt) = trial.rtt() {
            self.rtt = Some(self.rtt.map_or(rtt, |least| least.min(rtt)));
        }
    }
}

/// The rows of the trace so far, by TTL.
pub(super) fn rows(case: &Case<'_>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let limited = case.trials(|probe| {
        !probe.ttl.is_full()
            && probe.padded_to.is_none()
            && matches!(probe.kind, Kind::Syn | Kind::Echo)
    });
    for trial in limited {
        let ttl = trial.probe.ttl.0;
        let at = match rows.binary_search_by_key(&ttl, |row| row.ttl) {
            Ok(at) => at,
            Err(at) => {
                rows.insert(
                    at,
                    Row {
                        ttl,
                        ..Row::default()
                    },
                );
                at
            }
        };
        let Some(row) = rows.get_mut(at) else {
            continue;
        };
        match trial.probe.target {
            Target::Endpoint => row.port.add(case, trial),
            Target::Control(_) | Target::Host => row.control.add(case, trial),
        }
    }
    rows
}
