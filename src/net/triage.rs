//! Runs a triage on the network: SYNs only, as fast as the rate allows.
//!
//! Four threads. Two send: they do nothing but hand bursts to the kernel, which routes them, and on
//! virtual links even receives their answers, on the processor that sends. One makes the bursts and
//! hears the answers; as it makes them only while it keeps up with these, the senders cannot drown
//! it. The caller's judges what has settled and passes it on; however long it takes, no packet waits
//! for it.

mod machine;
mod route_cache;
mod sender;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::Duration;

use self::machine::{Report, TriageMachine};
use self::route_cache::{RouteCache, SharedStandpoint};
use super::clock::Clock;
use super::driver::{Event, Settings, try_sender};
use super::failure::Failure;
use super::filter::Ports;
use super::netlink::Netlink;
use super::packet_loop::PacketLoop;
use super::ports::{EPHEMERAL, Reservation};
use super::raw::{Origin, RawSender};
use super::receiver::Receivers;
use super::stop::Stop;
use super::syscall::ReceiveBatch;
use super::watch::Watch;
use super::{privilege, stack, tap};
use crate::engine::SessionId;
use crate::engine::triage::{Target, Triage, TriageResult};
use crate::model::endpoint::{Endpoint, Family};
use crate::model::evidence::NeighbourState;
use crate::model::vantage::Vantage;

/// Threads that send. More would only wait for the one that hears.
const SENDERS: usize = 2;

/// What a triage did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TriageTotals {
    /// SYNs sent.
    pub sent: u64,
    /// Authenticated replies heard before this host's firewall, duplicates included.
    pub replies: u64,
    /// Frames that the kernel dropped before we read them.
    pub receive_drops: u64,
    /// How long it took to send every endpoint its first SYN.
    pub first_round: Duration,
}

/// Triages every endpoint and returns when all have settled, or were stopped. `on_event` is called on
/// this thread, as [`super::driver::run`] does; sessions are numbered as `endpoints` are. Every
/// endpoint gets exactly one [`Event::Settled`].
///
/// # Errors
///
/// As [`super::driver::run`].
pub fn run(
    endpoints: &[Endpoint],
    settings: &Settings,
    stop: &Stop,
    on_event: &mut dyn FnMut(Event<'_>),
) -> Result<TriageTotals, Failure> {
    privilege::require_net_raw()?;
    let mut netlink = Netlink::open()?;
    let preference = settings.preference();
    preference.check(&mut netlink)?;
    let families = families(endpoints);
    for &family in &families {
        try_sender(family, &preference)?;
    }
    let mut route_cache = RouteCache::new(netlink, preference);
    let targets: Vec<Target> = endpoints
        .iter()
        .map(|endpoint| Target {
            address: endpoint.address,
            port: endpoint.port,
            vantage: route_cache.place(endpoint),
        })
        .collect();
    let standpoints = route_cache.standpoints();
    let towards = first_targets(standpoints, &targets);
    let mut held = Held::default();
    let vantages = standpoints
        .iter()
        .map(|shared| held.take(shared))
        .collect::<Result<Vec<_>, _>>()?;
    let ports = Ports::of(&held.ports());
    let mut receivers = Receivers::new(tap::open(&ports)?);
    for &family in &families {
        receivers.add(stack::open(family, &ports)?);
    }
    let clock = Clock::start();
    on_event(Event::Started(clock.began()));
    let triage = Triage::new(
        settings.policy.rate,
        settings.key()?,
        vantages.clone(),
        targets,
    );
    let raw_senders = std::iter::repeat_with(|| held.raw_senders())
        .take(SENDERS)
        .collect::<Result<Vec<_>, _>>()?;
    let packet_loop = PacketLoop {
        clock,
        receivers,
        watch: Watch::open()?,
        stop: stop.clone(),
        batch: ReceiveBatch::headers(),
    };
    let (reports, inbox) = mpsc::channel();
    let ways = held.ways(standpoints, &towards);
    let machine = TriageMachine::new(triage, ways, reports);
    let mut judge = Judge {
        endpoints,
        standpoints,
        vantages: &vantages,
        netlink: Netlink::open()?,
        gateways: BTreeMap::new(),
    };
    thread::scope(|scope| {
        let packets = start(scope, packet_loop, machine, raw_senders)?;
        for report in inbox {
            match report {
                Report::Status(status) => on_event(Event::Status(status)),
                Report::Settled(results) => {
                    for result in results {
                        judge.conclude(&result, on_event);
                    }
                }
            }
        }
        match packets.join() {
            Ok(tally) => Ok(tally),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Starts the threads that send, and the one that hears and decides.
fn start<'scope>(
    scope: &'scope Scope<'scope, '_>,
    packet_loop: PacketLoop,
    mut machine: TriageMachine,
    raw_senders: Vec<Vec<RawSender>>,
) -> Result<ScopedJoinHandle<'scope, TriageTotals>, Failure> {
    let failed = |source| Failure::Thread { source };
    let clock = packet_loop.clock;
    let (batches, returned) = machine.channels();
    let batches = Arc::new(Mutex::new(batches));
    for raw_senders in raw_senders {
        let (batches, returned) = (Arc::clone(&batches), returned.clone());
        thread::Builder::new()
            .name("sender".to_owned())
            .spawn_scoped(scope, move || {
                sender::send_all(clock, &raw_senders, &batches, &returned);
            })
            .map_err(failed)?;
    }
    thread::Builder::new()
        .name("packets".to_owned())
        .spawn_scoped(scope, move || {
            packet_loop.run(&mut machine);
            machine.tally()
        })
        .map_err(failed)
}

fn families(endpoints: &[Endpoint]) -> Vec<Family> {
    [Family::V4, Family::V6]
        .into_iter()
        .filter(|family| endpoints.iter().any(|one| one.family() == *family))
        .collect()
}

/// For each standpoint an address that is probed from it.
fn first_targets(standpoints: &[SharedStandpoint], targets: &[Target]) -> Vec<IpAddr> {
    let mut first = vec![None; standpoints.len()];
    for target in targets {
        if let Some(first) = first.get_mut(target.vantage as usize) {
            first.get_or_insert(target.address);
        }
    }
    let nowhere = IpAddr::from([0; 4]);
    first
        .into_iter()
        .map(|first| first.unwrap_or(nowhere))
        .collect()
}

/// The raw senders and source ports of a triage, one of each for every origin.
#[derive(Debug, Default)]
struct Held(BTreeMap<Origin, Reservation>);

impl Held {
    /// Our end at a standpoint, its source ports reserved.
    fn take(&mut self, shared: &SharedStandpoint) -> Result<Vantage, Failure> {
        let origin = &shared.standpoint.origin;
        if shared.refusal.is_none() && !self.0.contains_key(origin) {
            self.0
                .insert(origin.clone(), Reservation::hold(origin, EPHEMERAL, 0, 0)?);
        }
        Ok(shared.standpoint.vantage(self.0.get(origin)))
    }

    fn ports(&self) -> std::collections::BTreeSet<u16> {
        self.0.values().flat_map(Reservation::ephemeral).collect()
    }

    /// A raw sender for every origin.
    fn raw_senders(&self) -> Result<Vec<RawSender>, Failure> {
        self.0.keys().map(RawSender::open).collect()
    }

    /// The way that the datagrams of each standpoint take.
    fn ways(&self, standpoints: &[SharedStandpoint], towards: &[IpAddr]) -> Vec<sender::Way> {
        let way = |(shared, towards): (&SharedStandpoint, &IpAddr)| {
            let origin = &shared.standpoint.origin;
            sender::Way {
                lane: self.0.keys().position(|known| known == origin),
                refusal: shared.refusal,
                origin: (origin.source, origin.scope),
                link: shared
                    .standpoint
                    .route()
                    .map_or(0, |route| route.link.index),
                towards: *towards,
            }
        };
        standpoints.iter().zip(towards).map(way).collect()
    }
}

/// Makes outcomes of results, with what the neighbour table says of next hops. Of a gateway it is asked
/// once.
#[derive(Debug)]
struct Judge<'a> {
    endpoints: &'a [Endpoint],
    standpoints: &'a [SharedStandpoint],
    /// Our end at each standpoint.
    vantages: &'a [Vantage],
    netlink: Netlink,
    gateways: BTreeMap<(u32, IpAddr), Option<NeighbourState>>,
}

impl Judge<'_> {
    fn conclude(&mut self, result: &TriageResult, on_event: &mut dyn FnMut(Event<'_>)) {
        let place = result.target as usize;
        let vantage = result.vantage as usize;
        let (Some(endpoint), Some(shared), Some(vantage)) = (
            self.endpoints.get(place),
            self.standpoints.get(vantage),
            self.vantages.get(vantage),
        ) else {
            return;
        };
        let silent = result.is_silent();
        let neighbour = silent.then(|| self.neighbour(shared, endpoint.address));
        let outcome = result.outcome(endpoint.clone(), vantage.clone(), neighbour.flatten());
        on_event(Event::Settled(SessionId(place), outcome));
    }

    /// The state of the next hop towards `address`; `None` where there is none, or no saying.
    fn neighbour(&mut self, shared: &SharedStandpoint, address: IpAddr) -> Option<NeighbourState> {
        let route = shared.standpoint.route().filter(|route| !route.local)?;
        let link = route.link.index;
        let netlink = &mut self.netlink;
        let Some(gateway) = route.gateway else {
            return netlink.neighbour(address, link).unwrap_or(None);
        };
        let known = self.gateways.entry((link, gateway));
        *known.or_insert_with(|| netlink.neighbour(gateway, link).unwrap_or(None))
    }
}
