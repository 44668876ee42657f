//! What diagnoses of one address need measure only once: probes that do not concern the port under
//! diagnosis.
//!
//! A diagnosis that wants such a probe may adopt an equal one, which another diagnosis of the same
//! address has sent from the same source: its time and what it drew enter the evidence as they were.
//! Two rules keep verdicts right:
//!
//! - Silence is weighed against what the path carried *meanwhile*. So a probe serves others for two
//!   seconds only, and a witness that repeats one the diagnosis has already must have been sent after
//!   the last SYN to the port.
//! - Only what is known is adopted, an answer or a silence waited out; while an equal probe is under
//!   way, the diagnosis waits for it. First fragments are never shared.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use super::inflight::Owner;
use crate::model::evidence::Trial;
use crate::model::probe::{Dscp, Extras, Kind, Probe, SourceRange, Target, Ttl};
use crate::model::time::Moment;

/// How long a probe may serve others: a second, after another in which it may be answered.
const SERVES: Duration = Duration::from_secs(2);
/// How long to wait before asking again for a probe that is under way.
pub(super) const PAUSE: Duration = Duration::from_millis(5);
/// Equal probes that are remembered.
const REMEMBERED: usize = 16;

/// What makes two probes equal, whatever their source port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Like {
    ends: (IpAddr, IpAddr),
    kind: Kind,
    target: Target,
    range: SourceRange,
    ttl: Ttl,
    dscp: Dscp,
    padded_to: Option<u16>,
    extras: Extras,
}

impl Like {
    /// Between `ends`, source and target; `None` for a probe that is of use to one diagnosis only.
    pub(super) fn of(ends: (IpAddr, IpAddr), probe: &Probe) -> Option<Self> {
        let shared = probe.target != Target::Endpoint && probe.kind != Kind::Fragment;
        shared.then_some(Self {
            ends,
            kind: probe.kind,
            target: probe.target,
            range: probe.flow.range,
            ttl: probe.ttl,
            dscp: probe.dscp,
            padded_to: probe.padded_to,
            extras: probe.extras,
        })
    }
}

/// From when on a probe serves others at `now`.
pub(super) fn serves_from(now: Moment) -> Moment {
    let nanos = u64::try_from(SERVES.as_nanos()).unwrap_or(u64::MAX);
    Moment::from_nanos(now.nanos().saturating_sub(nanos))
}

/// What a diagnosis that wants a probe may do about it.
#[derive(Clone, Debug)]
pub(super) enum Offer {
    /// An equal probe that has shown what it shows.
    Known(Owner, Box<Trial>),
    /// An equal probe is under way.
    UnderWay,
    /// There is none: it sends its own.
    Nothing,
}

/// Who sent what of common use, lately, by target.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool {
    sent: BTreeMap<IpAddr, BTreeMap<Like, VecDeque<(Moment, Owner)>>>,
}

impl Pool {
    /// A diagnosis sent a probe of its own.
    pub(super) fn put(&mut self, now: Moment, like: Like, owner: Owner) {
        let at_target = self.sent.entry(like.ends.1).or_default();
        let sent = at_target.entry(like).or_default();
        if sent.len() == REMEMBERED {
            sent.pop_front();
        }
        sent.push_back((now, owner));
    }

    /// The equal probes sent from `since` on, the latest first.
    pub(super) fn find(&self, like: &Like, since: Moment) -> impl Iterator<Item = Owner> + '_ {
        let at_target = self.sent.get(&like.ends.1);
        let sent = at_target.and_then(|sent| sent.get(like));
        let latest = sent.into_iter().flatten().rev();
        latest
            .take_while(move |(at, _)| *at >= since)
            .map(|(_, owner)| *owner)
    }

    /// The last diagnosis of a target is over.
    pub(super) fn forget(&mut self, target: IpAddr) {
        self.sent.remove(&target);
    }
}
