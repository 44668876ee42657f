//! Who is under inquest and who waits: admission, and what each session holds of this host (its way
//! out, its source ports, its mouth).
//!
//! Source ports are shared between sessions of different addresses: flows differ all the same, and a
//! sweep of thousands would run out of ports and files. Sessions of one address never share.
//!
//! From here on nothing fails: what this host refuses a session is an answer to its probes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use super::failure::Failure;
use super::host::{self, Conntrack};
use super::netlink::Netlink;
use super::ports::{EPHEMERAL, PRIVILEGED, Reservation};
use super::raw::{Mouth, Origin};
use super::route::Way;
use super::survey::{Preference, Standpoint};
use crate::engine::{Prober, SessionId, Transmit};
use crate::model::endpoint::Endpoint;
use crate::model::evidence::{LocalRefusal, NeighbourState};
use crate::model::time::Moment;

/// Sessions of one address at a time: what knocks on a host from all sides looks like an attack.
const AT_ONE_ADDRESS: usize = 16;
/// How far into the queue to look for an endpoint whose address is not busy.
const LOOK_AHEAD: usize = 64;
/// After a session begins, when the neighbour table is first looked at: a neighbour that is there
/// has answered by then.
const FIRST_LOOK: Duration = Duration::from_millis(200);
/// And how often from then on: how often the kernel itself asks again
/// (`net.ipv4.neigh.default.retrans_time_ms`).
const NEXT_LOOK: Duration = Duration::from_secs(1);
/// What one look at the neighbour table is good for, when many sessions share a gateway.
const LOOK_LASTS: Duration = Duration::from_millis(150);
/// How often to look whether the connection-tracking table fills up.
const CONNTRACK_LOOK: Duration = Duration::from_millis(250);

/// One session's hold on this host.
#[derive(Debug)]
struct Seat {
    endpoint: Endpoint,
    standpoint: Standpoint,
    /// What its probes are told; `None` when they are sent.
    refusal: Option<LocalRefusal>,
    /// Which set of its origin's ports it uses.
    ports: usize,
    /// When to look at the neighbour table again; `None` where there is no neighbour to resolve.
    look: Option<Moment>,
    settled: bool,
}

/// All sessions, and those to come.
#[derive(Debug)]
pub(super) struct Roster {
    netlink: Netlink,
    preference: Preference,
    waiting: VecDeque<Endpoint>,
    seats: Vec<Seat>,
    open: BTreeSet<usize>,
    at_once: usize,
    sets: BTreeMap<Origin, Vec<Reservation>>,
    taken: BTreeSet<(IpAddr, Origin, usize)>,
    mouths: BTreeMap<Origin, Mouth>,
    chance: fastrand::Rng,
    looks: BTreeMap<(u32, IpAddr), (Moment, Option<NeighbourState>)>,
    tracked: Tracked,
}

/// What was read of the connection-tracking table.
#[derive(Clone, Copy, Debug)]
struct Tracked {
    began: Option<Conntrack>,
    looked: Moment,
    full: bool,
}

impl Roster {
    /// A roster of endpoints that all wait. `rate` is what all sessions together may send in a
    /// second.
    pub(super) fn new(
        netlink: Netlink,
        preference: Preference,
        endpoints: Vec<Endpoint>,
        rate: u32,
        chance: fastrand::Rng,
    ) -> Self {
        Self {
            netlink,
            preference,
            waiting: endpoints.into(),
            seats: Vec::new(),
            open: BTreeSet::new(),
            // An inquest needs a few datagrams a second to be done within its time.
            at_once: (rate / 4).clamp(1, 256) as usize,
            sets: BTreeMap::new(),
            taken: BTreeSet::new(),
            mouths: BTreeMap::new(),
            chance,
            looks: BTreeMap::new(),
            tracked: Tracked {
                began: host::conntrack(),
                looked: Moment::START,
                full: false,
            },
        }
    }

    /// Whether every session has settled and none waits.
    pub(super) fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.open.is_empty()
    }

    /// Whether some wait.
    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The sessions not settled.
    pub(super) fn open(&self) -> impl Iterator<Item = SessionId> + '_ {
        self.open.iter().copied().map(SessionId)
    }

    /// Begins as many sessions as there is room for. Says whether ports were reserved anew, so that
    /// the ears must learn them.
    pub(super) fn admit(&mut self, now: Moment, prober: &mut Prober) -> bool {
        let before = self.reserved();
        while self.open.len() < self.at_once && !self.is_tracking_full(now) {
            let Some(endpoint) = self.next() else { break };
            self.seat(now, endpoint, prober);
        }
        self.reserved() != before
    }

    /// Begins all that wait, whatever the room: for the end of a run, when each is to have an
    /// outcome.
    pub(super) fn admit_all(&mut self, now: Moment, prober: &mut Prober) {
        while let Some(endpoint) = self.waiting.pop_front() {
            self.seat(now, endpoint, prober);
        }
    }

    fn next(&mut self) -> Option<Endpoint> {
        for _ in 0..self.waiting.len().min(LOOK_AHEAD) {
            let endpoint = self.waiting.pop_front()?;
            let sessions = self
                .taken
                .iter()
                .filter(|(target, ..)| *target == endpoint.address);
            if sessions.count() < AT_ONE_ADDRESS {
                return Some(endpoint);
            }
            self.waiting.push_back(endpoint);
        }
        None
    }

    /// Whether our flows took a tenth of the room that the connection-tracking table had: each
    /// unanswered SYN stays in it for 120 s, and a full table is an outage.
    fn is_tracking_full(&mut self, now: Moment) -> bool {
        let Some(began) = self.tracked.began else {
            return false;
        };
        if now.since(self.tracked.looked) >= CONNTRACK_LOOK {
            self.tracked.looked = now;
            self.tracked.full = host::conntrack()
                .is_some_and(|table| table.count > began.count + began.room() / 10);
        }
        // One at a time always goes on: its few flows fill nothing.
        self.tracked.full && !self.open.is_empty()
    }

    fn seat(&mut self, now: Moment, endpoint: Endpoint, prober: &mut Prober) {
        let mut standpoint = Standpoint::survey(&mut self.netlink, &endpoint, &self.preference)
            .unwrap_or_else(|failure| {
                Standpoint::nowhere(&endpoint, &self.preference, refusal_of(&failure))
            });
        if let Err(failure) = self.open_mouth(&standpoint) {
            standpoint = Standpoint::nowhere(&endpoint, &self.preference, refusal_of(&failure));
        }
        let (mut set, mut refusal) = (0, standpoint.way.refusal());
        match self.reserve(&standpoint.origin, endpoint.address) {
            Ok(index) => set = index,
            Err(failure) => refusal = refusal.or(Some(refusal_of(&failure))),
        }
        let reservation = self
            .sets
            .get(&standpoint.origin)
            .and_then(|sets| sets.get(set));
        let vantage = standpoint.vantage(reservation);
        let waits_for_neighbour = standpoint.route().is_some_and(|route| !route.local);
        self.seats.push(Seat {
            endpoint: endpoint.clone(),
            standpoint,
            refusal,
            ports: set,
            look: waits_for_neighbour.then(|| now.after(FIRST_LOOK)),
            settled: false,
        });
        let SessionId(index) = prober.add(now, endpoint, vantage);
        debug_assert_eq!(
            index + 1,
            self.seats.len(),
            "seats are numbered as sessions"
        );
        self.open.insert(index);
    }

    fn open_mouth(&mut self, standpoint: &Standpoint) -> Result<(), Failure> {
        let origin = &standpoint.origin;
        if standpoint.route().is_some() && !self.mouths.contains_key(origin) {
            let mouth = Mouth::open(origin)?;
            self.mouths.insert(origin.clone(), mouth);
        }
        Ok(())
    }

    /// A set of ports that no other open session uses towards this target.
    fn reserve(&mut self, origin: &Origin, target: IpAddr) -> Result<usize, Failure> {
        let free = (0..)
            .find(|set| !self.taken.contains(&(target, origin.clone(), *set)))
            .unwrap_or_default();
        let sets = self.sets.entry(origin.clone()).or_default();
        if sets.len() <= free {
            let choice = self.chance.u16(..);
            sets.push(Reservation::hold(origin, EPHEMERAL, PRIVILEGED, choice)?);
        }
        self.taken.insert((target, origin.clone(), free));
        Ok(free)
    }

    fn reserved(&self) -> usize {
        self.sets.values().map(Vec::len).sum()
    }

    /// Every port reserved, whatever the address.
    pub(super) fn ports(&self) -> BTreeSet<u16> {
        self.sets
            .values()
            .flatten()
            .flat_map(|set| [set.ephemeral(), set.privileged()].concat())
            .collect()
    }

    /// Sends a session's datagram.
    pub(super) fn send(&self, transmit: &Transmit) -> Result<(), LocalRefusal> {
        let Some(seat) = self.seats.get(transmit.session.0) else {
            return Err(LocalRefusal::SourceGone);
        };
        if let Some(refusal) = seat.refusal {
            return Err(refusal);
        }
        let mouth = self
            .mouths
            .get(&seat.standpoint.origin)
            .ok_or(LocalRefusal::SourceGone)?;
        let scope = seat.standpoint.scope_of(transmit.destination);
        mouth.send(&transmit.datagram, transmit.destination, scope)
    }

    /// A session has settled: what it held is free.
    pub(super) fn settle(&mut self, SessionId(index): SessionId) {
        self.open.remove(&index);
        if let Some(seat) = self.seats.get_mut(index)
            && !seat.settled
        {
            seat.settled = true;
            let target = seat.endpoint.address;
            let held = (target, seat.standpoint.origin.clone(), seat.ports);
            self.taken.remove(&held);
        }
    }

    /// Asks again where every open session stands, after this host's addresses or interfaces
    /// changed. Says whether any of them can no longer send, or sends another way: what is unanswered
    /// then may have been lost here.
    pub(super) fn resurvey(&mut self) -> bool {
        let mut moved = false;
        for &index in &self.open {
            let Some(seat) = self.seats.get_mut(index) else {
                continue;
            };
            let origin = &seat.standpoint.origin;
            // Refused from the beginning: it never had a mouth.
            if !self.mouths.contains_key(origin) {
                continue;
            }
            let ours = self.netlink.is_ours(origin.source, origin.scope);
            let survey = Standpoint::survey(&mut self.netlink, &seat.endpoint, &self.preference);
            // Tables that cannot be read say nothing.
            let Ok(Standpoint { way, .. }) = survey else {
                continue;
            };
            let refusal = if ours {
                way.refusal()
            } else {
                Some(LocalRefusal::SourceGone)
            };
            let hop = |way: &Way| way.route().map(|route| (route.link.index, route.gateway));
            moved |= hop(&way) != hop(&seat.standpoint.way) || refusal != seat.refusal;
            seat.refusal = refusal;
            seat.standpoint.way = way;
        }
        moved
    }

    /// When the neighbour table is next to be looked at.
    pub(super) fn next_look(&self) -> Option<Moment> {
        self.open
            .iter()
            .filter_map(|index| self.seats.get(*index)?.look)
            .min()
    }

    /// Looks at the neighbour table for every open session that is due, and tells the prober.
    pub(super) fn look_at_neighbours(&mut self, now: Moment, prober: &mut Prober) {
        for &index in &self.open {
            let Some(seat) = self.seats.get_mut(index) else {
                continue;
            };
            if seat.look.is_none_or(|due| due > now) {
                continue;
            }
            seat.look = Some(now.after(NEXT_LOOK));
            // The route may have gone meanwhile, and may come back.
            let Some(route) = seat.standpoint.route() else {
                continue;
            };
            let next_hop = route.gateway.unwrap_or(seat.endpoint.address);
            let key = (route.link.index, next_hop);
            let known = self.looks.get(&key).copied();
            let state = match known {
                Some((at, state)) if now.since(at) < LOOK_LASTS => state,
                _ => {
                    // A table that cannot be read says nothing.
                    let state = self.netlink.neighbour(next_hop, key.0).unwrap_or(None);
                    self.looks.insert(key, (now, state));
                    state
                }
            };
            if let Some(state) = state {
                prober.handle_neighbour(now, SessionId(index), state);
            }
        }
    }
}

/// What a failure in mid-run means to the session it befalls.
fn refusal_of(failure: &Failure) -> LocalRefusal {
    match failure {
        Failure::ForeignSource { .. } => LocalRefusal::SourceGone,
        Failure::NoInterface { .. } => LocalRefusal::InterfaceDown,
        Failure::NoSourcePort { .. } => LocalRefusal::Overload,
        Failure::Socket { source, .. } | Failure::Netlink { source, .. } => {
            super::raw::refusal(source.raw_os_error().unwrap_or_default())
        }
        Failure::NoCapability { .. }
        | Failure::NoMark { .. }
        | Failure::Randomness { .. }
        | Failure::Thread { .. }
        | Failure::Pipe { .. }
        | Failure::Unresolved { .. }
        | Failure::ResolverSilent { .. }
        | Failure::NoAddress { .. }
        | Failure::NoService { .. } => LocalRefusal::Other(libc::EPERM),
    }
}
