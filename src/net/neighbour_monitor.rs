//! When to look at the neighbour table, and whom to tell: sessions that share a next hop share the
//! look.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use super::netlink::Netlink;
use crate::engine::{Prober, SessionId};
use crate::model::evidence::NeighbourState;
use crate::model::time::Moment;

/// After a session begins, when the neighbour table is first looked at: a neighbour that is there
/// has answered by then.
const FIRST_LOOK: Duration = Duration::from_millis(200);
/// And how often from then on: how often the kernel itself asks again
/// (`net.ipv4.neigh.default.retrans_time_ms`).
const NEXT_LOOK: Duration = Duration::from_secs(1);

/// A next hop: a neighbour on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NextHop {
    /// The interface's index.
    pub(super) interface: u32,
    /// The gateway, or the target itself where it is on the link.
    pub(super) address: IpAddr,
}

/// What is known of one next hop.
#[derive(Debug)]
struct Watched {
    sessions: BTreeSet<SessionId>,
    /// Those that were told nothing yet.
    fresh: Vec<SessionId>,
    state: Option<NeighbourState>,
    next: Moment,
}

/// The next hops of all open sessions.
#[derive(Debug, Default)]
pub(super) struct NeighbourMonitor {
    hops: BTreeMap<NextHop, Watched>,
    due: BTreeSet<(Moment, NextHop)>,
}

impl NeighbourMonitor {
    /// A session sends by way of `hop` from now on.
    pub(super) fn join(&mut self, now: Moment, session: SessionId, hop: NextHop) {
        let first = now.after(FIRST_LOOK);
        let watched = self.hops.entry(hop).or_insert_with(|| Watched {
            sessions: BTreeSet::new(),
            fresh: Vec::new(),
            state: None,
            next: first,
        });
        watched.sessions.insert(session);
        watched.fresh.push(session);
        self.due.remove(&(watched.next, hop));
        watched.next = watched.next.min(first);
        self.due.insert((watched.next, hop));
    }

    /// A session no longer sends by way of `hop`.
    pub(super) fn leave(&mut self, session: SessionId, hop: NextHop) {
        let Some(watched) = self.hops.get_mut(&hop) else {
            return;
        };
        watched.sessions.remove(&session);
        if watched.sessions.is_empty() {
            self.due.remove(&(watched.next, hop));
            self.hops.remove(&hop);
        }
    }

    /// When the table is next to be looked at.
    pub(super) fn next(&self) -> Option<Moment> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Looks at the table for every next hop that is due, and tells the prober what is new.
    pub(super) fn look(&mut self, now: Moment, netlink: &mut Netlink, prober: &mut Prober) {
        while let Some(&(due, hop)) = self.due.first() {
            if due > now {
                return;
            }
            self.due.remove(&(due, hop));
            let Some(watched) = self.hops.get_mut(&hop) else {
                continue;
            };
            watched.next = now.after(NEXT_LOOK);
            self.due.insert((watched.next, hop));
            // A table that cannot be read says nothing.
            let state = netlink
                .neighbour(hop.address, hop.interface)
                .unwrap_or(None);
            watched.tell(state, |session, state| {
                prober.handle_neighbour(now, session, state);
            });
        }
    }
}

impl Watched {
    /// Tells a change to all, and what was known before to those who do not know it.
    fn tell(
        &mut self,
        state: Option<NeighbourState>,
        mut tell: impl FnMut(SessionId, NeighbourState),
    ) {
        let Some(state) = state else {
            return;
        };
        if self.state.replace(state) == Some(state) {
            self.fresh
                .drain(..)
                .for_each(|session| tell(session, state));
        } else {
            self.fresh.clear();
            self.sessions
                .iter()
                .for_each(|session| tell(*session, state));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(last: u8) -> NextHop {
        NextHop {
            interface: 2,
            address: [10, 9, 0, last].into(),
        }
    }

    fn at(millis: u64) -> Moment {
        Moment::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn a_shared_gateway_is_looked_at_when_the_first_that_waits_is_due() {
        let mut monitor = NeighbourMonitor::default();
        monitor.join(at(0), SessionId(0), hop(1));
        monitor.join(at(50), SessionId(1), hop(1));
        assert_eq!(monitor.next(), Some(at(200)));
        monitor.join(at(50), SessionId(2), hop(7));
        monitor.leave(SessionId(0), hop(1));
        monitor.leave(SessionId(1), hop(1));
        assert_eq!(monitor.next(), Some(at(250)));
        monitor.leave(SessionId(2), hop(7));
        assert_eq!(monitor.next(), None);
    }

    #[test]
    fn a_change_is_told_to_all_and_what_is_known_only_to_newcomers() {
        let mut monitor = NeighbourMonitor::default();
        let told = |monitor: &mut NeighbourMonitor, state| {
            let mut told = Vec::new();
            let watched = monitor.hops.get_mut(&hop(1)).unwrap();
            watched.tell(state, |session, _| told.push(session.0));
            told
        };
        monitor.join(at(0), SessionId(0), hop(1));
        assert_eq!(told(&mut monitor, None), Vec::<usize>::new());
        assert_eq!(told(&mut monitor, Some(NeighbourState::Resolved)), [0]);
        monitor.join(at(500), SessionId(1), hop(1));
        assert_eq!(told(&mut monitor, Some(NeighbourState::Resolved)), [1]);
        assert_eq!(told(&mut monitor, Some(NeighbourState::Failed)), [0, 1]);
    }
}
