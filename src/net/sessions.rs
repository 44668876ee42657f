//! Who is under diagnosis and who waits: admission, and what each session holds of this host (its way
//! out, its source ports, its raw sender).
//!
//! Source ports are shared between sessions of different addresses: flows differ all the same, and a
//! sweep of thousands would run out of ports and files. Sessions of one address never share.
//!
//! From here on nothing fails: what this host refuses a session is an answer to its probes.

mod change;
mod dispatch;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use super::counters::Counters;
use super::endpoint_source::{EndpointSource, Supplied};
use super::failure::Failure;
use super::host::{self, Conntrack};
use super::neighbour_monitor::{NeighbourMonitor, NextHop};
use super::netlink::Netlink;
use super::ports::{EPHEMERAL, PRIVILEGED, Reservation};
use super::raw::{Origin, RawSender};
use super::survey::{Preference, Standpoint};
use super::syscall::Burst;
use crate::engine::{LINGER, Prober, SessionId};
use crate::model::endpoint::{Endpoint, Family};
use crate::model::evidence::LocalRefusal;
use crate::model::time::Moment;

/// Sessions of one address at a time: they share its allowance, and what knocks on a host from all
/// sides looks like an attack.
const AT_ONE_ADDRESS: usize = 2;
/// The same where there is no allowance.
const AT_ONE_ADDRESS_THOROUGH: usize = 16;
/// Sessions of a run at a time, for the memory's sake: some 20 KiB each while they wait.
const OPEN: usize = 16_384;
/// A session's busy time. What it waits for later, a reassembly timer mostly, costs no datagrams.
const YOUTH: Duration = Duration::from_secs(12);
/// Datagrams a second that a session in its busy time sends, when its port is silent.
const YOUNG_RATE: u32 = 3;
/// Sessions that begin in one turn: asking the kernel for the way to each takes time, and nobody
/// listens meanwhile.
const BEGUN_AT_ONCE: usize = 64;
/// How far into the queue to look for an endpoint whose address is not busy.
const LOOK_AHEAD: usize = 64;
/// How often to look whether the connection-tracking table fills up.
const CONNTRACK_LOOK: Duration = Duration::from_millis(250);

/// One session's hold on this host.
#[derive(Debug)]
struct Slot {
    endpoint: Endpoint,
    standpoint: Standpoint,
    /// What its probes are told; `None` when they are sent.
    refusal: Option<LocalRefusal>,
    /// Which set of its origin's ports it uses.
    ports: usize,
    /// The neighbour it sends to; `None` where there is none to resolve.
    hop: Option<NextHop>,
}

/// All open sessions, and those to come.
#[derive(Debug)]
pub(super) struct Sessions {
    netlink: Netlink,
    preference: Preference,
    endpoint_source: EndpointSource,
    /// No more will be supplied.
    exhausted: bool,
    /// Taken from the source and not begun.
    waiting: VecDeque<Endpoint>,
    open: BTreeMap<SessionId, Slot>,
    /// Settled sessions, while the engine still resets what answers them late.
    left: BTreeMap<SessionId, Slot>,
    leaving: VecDeque<(Moment, SessionId)>,
    /// Open sessions in their busy time, and when that ends for each that began.
    young: BTreeSet<SessionId>,
    aging: VecDeque<(Moment, SessionId)>,
    /// Open sessions by target address.
    busy: BTreeMap<IpAddr, usize>,
    /// How many of them an address may have.
    at_one_address: usize,
    sets: BTreeMap<Origin, Vec<Reservation>>,
    taken: BTreeSet<(IpAddr, Origin, usize)>,
    raw_senders: BTreeMap<Origin, RawSender>,
    /// Families that we cannot hear answers of, and what their probes are told.
    unheard: BTreeMap<Family, LocalRefusal>,
    chance: fastrand::Rng,
    neighbour_monitor: NeighbourMonitor,
    counters: Counters,
    tracked: Tracked,
    /// Empty between sends; kept for its memory.
    burst: Burst,
}

/// What was read of the connection-tracking table.
#[derive(Clone, Copy, Debug)]
struct Tracked {
    began: Option<Conntrack>,
    looked: Moment,
    full: bool,
}

impl Sessions {
    /// Of which none is open yet.
    pub(super) fn new(
        netlink: Netlink,
        preference: Preference,
        endpoint_source: EndpointSource,
        chance: fastrand::Rng,
        thorough: bool,
    ) -> Self {
        Self {
            netlink,
            preference,
            endpoint_source,
            exhausted: false,
            waiting: VecDeque::new(),
            open: BTreeMap::new(),
            left: BTreeMap::new(),
            leaving: VecDeque::new(),
            young: BTreeSet::new(),
            aging: VecDeque::new(),
            busy: BTreeMap::new(),
            at_one_address: if thorough {
                AT_ONE_ADDRESS_THOROUGH
            } else {
                AT_ONE_ADDRESS
            },
            sets: BTreeMap::new(),
            taken: BTreeSet::new(),
            raw_senders: BTreeMap::new(),
            unheard: BTreeMap::new(),
            chance,
            neighbour_monitor: NeighbourMonitor::default(),
            counters: Counters::begin(),
            tracked: Tracked {
                began: host::conntrack(),
                looked: Moment::START,
                full: false,
            },
            burst: Burst::default(),
        }
    }

    /// Whether every session has settled and none is to come.
    pub(super) fn is_done(&self) -> bool {
        self.exhausted && self.waiting.is_empty() && self.open.is_empty()
    }

    /// The sessions not settled.
    pub(super) fn open(&self) -> impl ExactSizeIterator<Item = SessionId> + '_ {
        self.open.keys().copied()
    }

    /// The families that open or settled sessions send in.
    pub(super) fn families(&self) -> BTreeSet<Family> {
        let origins = self.raw_senders.keys();
        origins.map(|origin| Family::of(origin.source)).collect()
    }

    /// Begins as many sessions as there is room for. Says whether ports were reserved anew, so that
    /// the receivers must learn them.
    pub(super) fn admit(&mut self, now: Moment, prober: &mut Prober) -> bool {
        let before = self.reserved();
        for _ in 0..BEGUN_AT_ONCE {
            if !self.has_room(now, prober) {
                break;
            }
            let Some(endpoint) = self.next() else { break };
            self.begin(now, endpoint, prober);
        }
        self.reserved() != before
    }

    /// Whether another session would get what it needs. A session needs datagrams at first and
    /// only time later, so many may wait while few are busy: what all must wait for is paid once.
    fn has_room(&mut self, now: Moment, prober: &Prober) -> bool {
        while let Some(&(until, session)) = self.aging.front() {
            if until > now {
                break;
            }
            self.aging.pop_front();
            self.young.remove(&session);
        }
        let busy = (prober.rate() / YOUNG_RATE).max(1) as usize;
        if self.open.len() >= OPEN || self.young.len() >= busy || prober.is_behind(now) {
            return false;
        }
        !self.is_tracking_full(now)
    }

    /// Ends admission because the run was stopped. What a list still holds begins, whatever the
    /// room, so that each has an outcome; a channel is left alone.
    pub(super) fn stop(&mut self, now: Moment, prober: &mut Prober) {
        if let EndpointSource::Listed(list) = &mut self.endpoint_source {
            self.waiting.append(list);
        }
        self.exhausted = true;
        while let Some(endpoint) = self.waiting.pop_front() {
            self.begin(now, endpoint, prober);
        }
    }

    /// The next endpoint whose address is not busy.
    fn next(&mut self) -> Option<Endpoint> {
        while !self.exhausted && self.waiting.len() < LOOK_AHEAD {
            match self.endpoint_source.next() {
                Supplied::Endpoint(endpoint) => self.waiting.push_back(endpoint),
                Supplied::NotYet => break,
                Supplied::Nothing => self.exhausted = true,
            }
        }
        let free = |endpoint: &Endpoint| {
            self.busy
                .get(&endpoint.address)
                .is_none_or(|sessions| *sessions < self.at_one_address)
        };
        let index = self.waiting.iter().position(free)?;
        self.waiting.remove(index)
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

    fn begin(&mut self, now: Moment, endpoint: Endpoint, prober: &mut Prober) {
        let mut standpoint = Standpoint::survey(&mut self.netlink, &endpoint, &self.preference)
            .unwrap_or_else(|failure| {
                Standpoint::nowhere(&endpoint, &self.preference, refusal_of(&failure))
            });
        if let Err(failure) = self.open_sender(&standpoint) {
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
        let hop = next_hop(&standpoint, endpoint.address);
        *self.busy.entry(endpoint.address).or_default() += 1;
        let session = prober.add(now, endpoint.clone(), vantage);
        self.young.insert(session);
        self.aging.push_back((now.after(YOUTH), session));
        if let Some(hop) = hop {
            self.neighbour_monitor.join(now, session, hop);
        }
        self.tell_detour(now, session, &endpoint, &standpoint, prober);
        let slot = Slot {
            endpoint,
            standpoint,
            refusal,
            ports: set,
            hop,
        };
        self.open.insert(session, slot);
    }

    fn open_sender(&mut self, standpoint: &Standpoint) -> Result<(), Failure> {
        let origin = &standpoint.origin;
        if standpoint.route().is_some() && !self.raw_senders.contains_key(origin) {
            let raw_sender = RawSender::open(origin)?;
            self.raw_senders.insert(origin.clone(), raw_sender);
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

    /// What all probes of a family are told from now on.
    pub(super) fn refuse_family(&mut self, family: Family, failure: &Failure) {
        self.unheard.insert(family, refusal_of(failure));
    }

    /// A session has settled: what it held is free, save its way out, by which late answers are
    /// reset.
    pub(super) fn settle(&mut self, now: Moment, session: SessionId) {
        let Some(slot) = self.open.remove(&session) else {
            return;
        };
        self.young.remove(&session);
        let target = slot.endpoint.address;
        let held = (target, slot.standpoint.origin.clone(), slot.ports);
        self.taken.remove(&held);
        if let Some(sessions) = self.busy.get_mut(&target) {
            *sessions -= 1;
            if *sessions == 0 {
                self.busy.remove(&target);
            }
        }
        if let Some(hop) = slot.hop {
            self.neighbour_monitor.leave(session, hop);
        }
        while let Some(&(until, gone)) = self.leaving.front() {
            if until > now {
                break;
            }
            self.leaving.pop_front();
            self.left.remove(&gone);
        }
        self.left.insert(session, slot);
        self.leaving.push_back((now.after(LINGER), session));
    }

    /// When the neighbour table is next to be looked at.
    pub(super) fn next_look(&self) -> Option<Moment> {
        self.neighbour_monitor.next()
    }

    /// Looks at the neighbour table and the kernel's counters where that is due, and tells the prober.
    pub(super) fn look(&mut self, now: Moment, prober: &mut Prober) {
        self.neighbour_monitor.look(now, &mut self.netlink, prober);
        self.counters.look(now, prober);
    }
}

/// The neighbour that datagrams to `target` are handed to; `None` where there is none to resolve.
fn next_hop(standpoint: &Standpoint, target: IpAddr) -> Option<NextHop> {
    let route = standpoint.route().filter(|route| !route.local)?;
    Some(NextHop {
        interface: route.link.index,
        address: route.gateway.unwrap_or(target),
    })
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
        | Failure::NoAddress { .. } => LocalRefusal::Other(libc::EPERM),
    }
}
