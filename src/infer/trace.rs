//! The trace as a table: what the port's flow and the control flows drew from each hop; and where
//! packets go round in a circle.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use crate::model::evidence::Trial;
use crate::model::probe::{Kind, ProbeId, Target};
use crate::model::time::Moment;
use crate::model::verdict::HopRef;

use super::analysis::{Analysis, Response};
use super::loss::{Loss, count};

/// What the two kinds of flow drew from one hop.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    pub(super) ttl: u8,
    pub(super) port: Flowed,
    pub(super) control: Flowed,
    /// What SYNs to the same port of the target's neighbours drew, and to other ports.
    pub(super) siblings: [Beside; 2],
}

/// What others' SYNs drew from one hop.
#[derive(Clone, Debug, Default)]
pub(super) struct Beside {
    /// Who reported them.
    pub(super) from: Vec<IpAddr>,
    /// How many were reported.
    pub(super) reports: u32,
    /// How many were not.
    pub(super) silent: u32,
}

impl Row {
    /// What SYNs to the same port of the target's neighbours drew.
    pub(super) const fn port_beside(&self) -> &Beside {
        &self.siblings[0]
    }

    /// What SYNs to other ports of the target's neighbours drew.
    pub(super) const fn control_beside(&self) -> &Beside {
        &self.siblings[1]
    }
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
    /// What was lost of a hop's reports.
    pub(super) fn loss(&self) -> Loss {
        Loss {
            answered: count(self.expired.len()),
            lost: count(self.silent.len()),
        }
    }

    /// Whether the hop reported it expired.
    pub(super) fn reported(&self) -> bool {
        !self.expired.is_empty()
    }

    /// Whether the hop, or the address behind it, said anything.
    pub(super) fn seen(&self) -> bool {
        self.reported() || !self.reached.is_empty()
    }

    fn add(&mut self, analysis: &Analysis<'_>, trial: &Trial) {
        match analysis.response(trial) {
            Response::EnRoute => {
                let expired = trial
                    .replies
                    .iter()
                    .find(|heard| heard.reply.answer.is_time_exceeded());
                if let Some(heard) = expired {
                    self.expired.push((trial.id, heard.reply.from));
                }
            }
            Response::SynAck | Response::Reset | Response::Echo => self.reached.push(trial.id),
            Response::Refused(_) => self.refused.push(trial.id),
            Response::Silence => self.silent.push((trial.id, trial.sent)),
            Response::Reassembly | Response::Pending | Response::Invalidated => return,
        }
        self.tried += 1;
        if let Some(rtt) = trial.rtt() {
            self.rtt = Some(self.rtt.map_or(rtt, |least| least.min(rtt)));
        }
    }
}

/// The rows of the trace so far, by TTL.
pub(super) fn rows(analysis: &Analysis<'_>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let limited = analysis.trials(|probe| {
        !probe.ttl.is_full()
            && probe.padded_to.is_none()
            && matches!(probe.kind, Kind::Syn | Kind::Echo)
    });
    for trial in limited {
        let row = row_of(&mut rows, trial.probe.ttl.0);
        match trial.probe.target {
            Target::Endpoint => row.port.add(analysis, trial),
            Target::Control(_) | Target::Host => row.control.add(analysis, trial),
        }
    }
    for symptom in analysis.evidence.siblings() {
        let row = row_of(&mut rows, symptom.ttl);
        let (beside, own) = if symptom.of_port {
            (&mut row.siblings[0], &row.port)
        } else {
            (&mut row.siblings[1], &row.control)
        };
        // This diagnosis' own are among them.
        let own = match symptom.from {
            Some(from) => own.expired.iter().filter(|(_, by)| *by == from).count(),
            None => own.silent.len(),
        };
        let times = symptom
            .times
            .saturating_sub(u32::try_from(own).unwrap_or(u32::MAX));
        match symptom.from {
            Some(from) if times > 0 => {
                beside.from.push(from);
                beside.reports += times;
            }
            Some(_) => {}
            None => beside.silent += times,
        }
    }
    rows
}

/// The row of a TTL, a new one where there is none.
fn row_of(rows: &mut Vec<Row>, ttl: u8) -> &mut Row {
    let found = rows.binary_search_by_key(&ttl, |row| row.ttl);
    let at = found.unwrap_or_else(|at| {
        let row = Row {
            ttl,
            ..Row::default()
        };
        rows.insert(at, row);
        at
    });
    &mut rows[at]
}

/// Routers that send packets round: those between the first report and the next of one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Circle {
    /// The first router of it on the way.
    pub(super) first: HopRef,
    /// The one that sends packets back to it.
    pub(super) back: HopRef,
}

/// A router that reports at several distances sends packets round in a circle. Legs of unequal length
/// show one router at two neighbouring distances, so it must report at two more beyond the next.
pub(super) fn circle(rows: &[Row]) -> Option<Circle> {
    let reports = |row: &Row| -> BTreeSet<IpAddr> {
        let both = row.port.expired.iter().chain(&row.control.expired);
        both.map(|(_, from)| *from).collect()
    };
    rows.iter().enumerate().find_map(|(at, row)| {
        let later = rows.get(at + 2..)?;
        let again = |from: &IpAddr| -> Vec<u8> {
            let reporting = later.iter().filter(|row| reports(row).contains(from));
            reporting.map(|row| row.ttl).collect()
        };
        let from = reports(row)
            .into_iter()
            .find(|from| again(from).len() >= 2)?;
        let next = *again(&from).first()?;
        let before = rows.iter().find(|row| row.ttl + 1 == next);
        // A device that lowers the TTL makes one router report whatever it was.
        before.filter(|before| reports(before).iter().any(|other| *other != from))?;
        Some(Circle {
            first: HopRef {
                ttl: row.ttl,
                address: Some(from),
            },
            back: HopRef {
                ttl: next - 1,
                address: before.and_then(|row| reports(row).first().copied()),
            },
        })
    })
}

/// SYNs to the port with full TTL that were reported expired, and by whom.
pub(super) fn expired_in_full<'a>(analysis: &Analysis<'a>) -> Vec<(&'a Trial, IpAddr)> {
    analysis
        .port_syns()
        .filter(|trial| analysis.response(trial) == Response::EnRoute)
        .filter_map(|trial| {
            let mut replies = trial.replies.iter();
            let heard = replies.find(|heard| heard.reply.answer.is_time_exceeded())?;
            Some((trial, heard.reply.from))
        })
        .collect()
}
