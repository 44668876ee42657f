//! What becomes of open sessions when this host's addresses, interfaces or routes change.

use std::collections::BTreeMap;

use super::super::netlink::Netlink;
use super::super::raw::Origin;
use super::super::route::{Route, Way};
use super::super::survey::{Preference, Standpoint};
use super::super::watch::News;
use super::{Sessions, Slot, YOUTH, next_hop, refusal_of};
use crate::engine::{Prober, SessionId};
use crate::model::change::{Change, Stance};
use crate::model::endpoint::Endpoint;
use crate::model::evidence::LocalRefusal;
use crate::model::outcome::Outcome;
use crate::model::time::Moment;
use crate::model::vantage::Vantage;

/// Where a session stands now.
#[derive(Debug)]
struct Turned {
    standpoint: Standpoint,
    refusal: Option<LocalRefusal>,
}

impl Sessions {
    /// Asks again where the open sessions stand whose way may have changed. One that can no longer send,
    /// or sends another way, begins again: what it measured was the other way. Gives what those that
    /// were replaced had come to.
    pub(in crate::net) fn resurvey(
        &mut self,
        now: Moment,
        news: &News,
        prober: &mut Prober,
    ) -> Vec<(SessionId, Outcome)> {
        let concerned = self.open.iter();
        let concerned: Vec<SessionId> = concerned
            .filter(|(_, slot)| news.concerns(slot.endpoint.address))
            .map(|(session, _)| *session)
            .collect();
        let mut replaced = Vec::new();
        // Asked once, not of each session: a sweep has thousands.
        let mut rules_by_port = BTreeMap::new();
        for session in concerned {
            if let Some(turned) = self.turned(session) {
                replaced.extend(self.begin_again(now, session, turned, prober));
            } else if let Some(slot) = self.open.get(&session)
                && *rules_by_port
                    .entry(slot.endpoint.family())
                    .or_insert_with_key(|family| self.netlink.routes_by_port(*family))
            {
                // A rule by port may have come that only its connections meet.
                let (endpoint, standpoint) = (slot.endpoint.clone(), slot.standpoint.clone());
                self.tell_detour(now, session, &endpoint, &standpoint, prober);
            }
        }
        replaced
    }

    /// Where a session stands now; `None` where that has not changed, or cannot be asked.
    fn turned(&mut self, session: SessionId) -> Option<Turned> {
        let slot = self.open.get(&session)?;
        // Tables that cannot be read say nothing.
        let standpoint =
            Standpoint::survey(&mut self.netlink, &slot.endpoint, &self.preference).ok()?;
        let (origin, route) = (&slot.standpoint.origin, slot.standpoint.route());
        let is_gone = route.is_some() && !self.netlink.is_ours(origin.source, origin.scope);
        let refusal = match standpoint.way.refusal() {
            // With a link that is down its addresses and routes may go as well.
            Some(_) if is_down(&mut self.netlink, route) => Some(LocalRefusal::InterfaceDown),
            Some(_) if is_gone => Some(LocalRefusal::SourceGone),
            None if is_gone && !serves(&standpoint.origin, origin, &self.preference) => {
                Some(LocalRefusal::SourceGone)
            }
            refusal => refusal,
        };
        let taken = |way: &Way, origin: &Origin| {
            let route = way.route();
            route.map(|route| (route.link.index, route.gateway, origin.source))
        };
        let same = refusal == slot.refusal
            && (refusal.is_some()
                || taken(&standpoint.way, &standpoint.origin)
                    == taken(&slot.standpoint.way, origin));
        (!same).then_some(Turned {
            standpoint,
            refusal,
        })
    }

    /// Puts another session into the place of one whose way changed.
    fn begin_again(
        &mut self,
        now: Moment,
        old: SessionId,
        turned: Turned,
        prober: &mut Prober,
    ) -> Option<(SessionId, Outcome)> {
        let before = self.open.get(&old)?;
        let stood = prober.job(old)?.vantage.clone();
        let endpoint = before.endpoint.clone();
        let target = endpoint.address;
        let mut refusal = turned.refusal;
        let mut slot = Slot {
            standpoint: before.standpoint.clone(),
            refusal,
            ports: before.ports,
            hop: None,
            endpoint,
        };
        let was = stance(&stood, before.refusal);
        let mut vantage = stood;
        if refusal.is_none() {
            // Other ports as well: whoever remembers the flows of before must not confuse them.
            let reserved = self
                .open_sender(&turned.standpoint)
                .and_then(|()| self.reserve(&turned.standpoint.origin, target));
            match reserved {
                Ok(ports) => {
                    let sets = self.sets.get(&turned.standpoint.origin);
                    let reservation = sets.and_then(|sets| sets.get(ports));
                    vantage = turned.standpoint.vantage(reservation);
                    slot.ports = ports;
                    slot.standpoint = turned.standpoint;
                    slot.hop = next_hop(&slot.standpoint, target);
                }
                Err(failure) => refusal = Some(refusal_of(&failure)),
            }
            slot.refusal = refusal;
        }
        let change = Change {
            before: was,
            after: stance(&vantage, refusal),
        };
        let (new, outcome) = prober.handle_change(now, old, vantage, change)?;
        self.tell_detour(now, new, &slot.endpoint, &slot.standpoint, prober);
        self.hand_over(now, old, new, slot);
        Some((old, outcome))
    }

    /// Tells a session whose port's connections a policy rule sends another way than its probes.
    pub(super) fn tell_detour(
        &mut self,
        now: Moment,
        session: SessionId,
        endpoint: &Endpoint,
        standpoint: &Standpoint,
        prober: &mut Prober,
    ) {
        let family = endpoint.family();
        if standpoint.route().is_none() || !self.netlink.routes_by_port(family) {
            return;
        }
        let way = standpoint.connection(&mut self.netlink, endpoint, &self.preference);
        // Tables that cannot be read say nothing.
        if let Ok(Some(way)) = way {
            let route = way.route();
            let detour = Stance {
                source: route.map_or(standpoint.origin.source, |route| route.source),
                interface: route.map_or_else(String::new, |route| route.link.name.clone()),
                gateway: route.and_then(|route| route.gateway),
                refusal: way.refusal(),
            };
            prober.handle_detour(now, session, detour);
        }
    }

    /// What one session held is free, and the other holds its own.
    fn hand_over(&mut self, now: Moment, old: SessionId, new: SessionId, slot: Slot) {
        *self.busy.entry(slot.endpoint.address).or_default() += 1;
        let held = (
            slot.endpoint.address,
            slot.standpoint.origin.clone(),
            slot.ports,
        );
        self.settle(now, old);
        self.taken.insert(held);
        if let Some(hop) = slot.hop {
            self.neighbour_monitor.join(now, new, hop);
        }
        self.young.insert(new);
        self.aging.push_back((now.after(YOUTH), new));
        self.open.insert(new, slot);
    }
}

/// Whether another source address takes the place of one that went away: not of one that the user
/// chose, and not one that is valid on the link only.
fn serves(new: &Origin, old: &Origin, preference: &Preference) -> bool {
    preference.source.is_none() && (new.scope == 0 || old.scope != 0)
}

/// Whether the interface of a route is down or gone.
fn is_down(netlink: &mut Netlink, route: Option<&Route>) -> bool {
    let link = route.map(|route| netlink.link(route.link.index));
    link.is_some_and(|link| link.is_ok_and(|link| link.is_none_or(|link| !link.up)))
}

fn stance(vantage: &Vantage, refusal: Option<LocalRefusal>) -> Stance {
    Stance {
        source: vantage.source,
        interface: vantage.interface.clone(),
        gateway: vantage.gateway,
        refusal,
    }
}
