//! What inquests into one address need measure only once: probes that do not concern the port under
//! inquest.
//!
//! An inquest that wants such a probe may adopt an equal one, which another inquest into the same
//! address has sent from the same source: its time and what it drew enter the evidence as they were.
//! Two rules keep verdicts right:
//!
//! - Silence is weighed against what the path carried *meanwhile*. So a probe of full TTL is adopted
//!   for a second only, and when it repeats one that the inquest has already, it must have been sent
//!   after the last SYN to the port. Hops move more slowly: a probe of limited TTL serves for five
//!   seconds.
//! - Only what is known is adopted, an answer or a silence waited out; while an equal probe is under
//!   way, the inquest waits for it. First fragments are never shared.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use super::inflight::Owner;
use crate::model::evidence::Trial;
use crate::model::probe::{Dscp, Kind, Probe, SourceRange, Target, Ttl};
use crate::model::time::Moment;

/// How long a probe of full TTL may serve others.
const WITNESS: Duration = Duration::from_secs(1);
/// How long a probe of limited TTL may serve others.
const HOP: Duration = Duration::from_secs(5);
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
}

impl Like {
    /// Between `ends`, source and target; `None` for a probe that is of use to one inquest only.
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
        })
    }

    /// From when on an equal probe serves at `now`.
    pub(super) fn since(&self, now: Moment) -> Moment {
        let span = if self.ttl.is_full() { WITNESS } else { HOP };
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        Moment::from_nanos(now.nanos().saturating_sub(nanos))
    }
}

/// What an inquest that wants a probe may do about it.
#[derive(Clone, Debug)]
pub(super) enum Offer {
    /// An equal probe that has shown what it shows.
    Known(Owner, Box<Trial>),
    /// An equal probe is under way.
    UnderWay,
    /// There is none: it sends its own.
    Nothing,
}

/// Who sent what of common use, lately.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool {
    sent: BTreeMap<Like, VecDeque<(Moment, Owner)>>,
}

impl Pool {
    /// An inquest sent a probe of its own.
    pub(super) fn put(&mut self, now: Moment, like: Like, owner: Owner) {
        let sent = self.sent.entry(like).or_default();
        if sent.len() == REMEMBERED {
            sent.pop_front();
        }
        sent.push_back((now, owner));
    }

    /// The equal probes sent from `since` on, the latest first.
    pub(super) fn find(&self, like: &Like, since: Moment) -> impl Iterator<Item = Owner> + '_ {
        let sent = self.sent.get(like).into_iter().flatten().rev();
        sent.take_while(move |(at, _)| *at >= since)
            .map(|(_, owner)| *owner)
    }

    /// The last inquest into a target is over.
    pub(super) fn forget(&mut self, target: IpAddr) {
        self.sent.retain(|like, _| like.ends.1 != target);
    }
}
