//! Runs diagnoses on the network: the engine's one caller outside tests.
//!
//! Packets are handled on a thread of their own, which touches nothing slow; outcomes come back to
//! the caller's thread through a channel, so however long the caller takes over one, no packet
//! waits for it. Endpoints come the other way from an [`EndpointSource`], while the run goes.
//!
//! [`run`] fails before the first datagram leaves, or not at all.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread;
use std::time::SystemTime;

use super::clock::Clock;
use super::diagnoses::{Diagnoses, Report, Unread};
use super::endpoint_source::EndpointSource;
use super::failure::Failure;
use super::filter::Ports;
use super::netlink::Netlink;
use super::packet_loop::PacketLoop;
use super::ports::{EPHEMERAL, PRIVILEGED, Reservation};
use super::raw::{Origin, RawSender};
use super::receiver::Receivers;
use super::sessions::Sessions;
use super::stop::Stop;
use super::survey::{Preference, Standpoint};
use super::syscall::ReceiveBatch;
use super::watch::Watch;
use super::{privilege, tap};
use crate::engine::policy::Policy;
use crate::engine::{Job, Key, Prober, SessionId, Sighting};
use crate::model::endpoint::{Endpoint, Family};
use crate::model::evidence::LocalRefusal;
use crate::model::outcome::Outcome;
use crate::model::vantage::Vantage;

/// How to run.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What a diagnosis may cost.
    pub policy: Policy,
    /// Interface to leave by; `None` leaves it to the kernel.
    pub interface: Option<String>,
    /// Source address; `None` leaves it to the kernel. Endpoints of the other family are refused
    /// locally.
    pub source: Option<IpAddr>,
    /// Firewall mark of all datagrams.
    pub mark: Option<u32>,
    /// Makes the run's choices (control ports, sequence numbers) the same as those of another run
    /// with this seed. The tokens that authenticate replies can then be predicted by whoever knows
    /// the seed: for tests and for reproducing a run, not for networks that lie.
    pub seed: Option<u64>,
    /// Whether to report every frame of ours, for a capture.
    pub sightings: bool,
    /// Whether to report diagnoses as they stand, for somebody who watches.
    pub live: bool,
}

impl Settings {
    pub(super) fn preference(&self) -> Preference {
        Preference {
            interface: self.interface.clone(),
            source: self.source,
            mark: self.mark,
        }
    }

    fn chance(&self) -> fastrand::Rng {
        self.seed
            .map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed)
    }

    /// The key of a run with these settings: from the seed, which makes its tokens predictable, or
    /// drawn anew.
    ///
    /// # Errors
    ///
    /// [`Failure::Randomness`] where the kernel gives none.
    pub fn key(&self) -> Result<Key, Failure> {
        let mut key = [0; 16];
        match self.seed {
            Some(seed) => fastrand::Rng::with_seed(seed).fill(&mut key),
            None => getrandom::fill(&mut key).map_err(|reason| Failure::Randomness { reason })?,
        }
        Ok(Key(key))
    }
}

/// What happens in a run.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "an outcome is moved once for each endpoint"
)]
pub enum Event<'a> {
    /// The run began at this time of day: its moment zero. Once, before anything else.
    Started(SystemTime),
    /// How the run stands; at most ten times a second.
    Status(RunStatus),
    /// A diagnosis as it stands; at most ten times a second for each, fewer when many are open. Only
    /// where somebody watches.
    Progress(&'a Outcome),
    /// A diagnosis began, under this job. Only where sightings are reported.
    Begun(SessionId, Job),
    /// A frame of a diagnosis that began passed an interface. Only where sightings are reported.
    Sighted(Sighting),
    /// A diagnosis that began again as another, because this host's way to the endpoint changed: what it
    /// had come to by then, which is no outcome of the endpoint.
    Replaced(SessionId, Outcome),
    /// A diagnosis that is over; once for each endpoint.
    Settled(SessionId, Outcome),
}

/// How a run stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunStatus {
    /// Diagnoses that are open.
    pub open: usize,
    /// Probes sent so far.
    pub sent: u64,
    /// Frames that the kernel dropped before we read them, so far.
    pub receive_drops: u64,
    /// Datagrams that may leave in a second at present: less than was asked for while this host is
    /// short of something.
    pub rate: u32,
}

/// An endpoint and our end of the way to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Our end.
    pub vantage: Vantage,
    /// What its probes would be told at once; `None` when they would be sent.
    pub refusal: Option<LocalRefusal>,
}

/// Holds a diagnosis on every endpoint of a source and returns when all have settled, or were
/// stopped. `on_event` is called on this thread; every endpoint gets exactly one
/// [`Event::Settled`], in the order in which they settle (for the exception see [`EndpointSource::Fed`]).
///
/// # Errors
///
/// When this host cannot probe at all: no CAP_NET_RAW, no such interface, a source address that is
/// not this host's. Nothing was sent then. That there is no route to an endpoint is an outcome, and
/// so is an IP version that this host does not speak.
pub fn run(
    endpoint_source: impl Into<EndpointSource>,
    settings: &Settings,
    stop: &Stop,
    on_event: &mut dyn FnMut(Event<'_>),
) -> Result<(), Failure> {
    privilege::require_net_raw()?;
    let mut netlink = Netlink::open()?;
    let preference = settings.preference();
    preference.check(&mut netlink)?;
    try_sender(Family::V4, &preference)
        .or_else(|failure| try_sender(Family::V6, &preference).map_err(|_| failure))?;
    let tap = tap::open(&Ports::Listed(Vec::new()))?;
    let (reports, inbox) = mpsc::channel();
    let unread = Arc::new(Unread::default());
    let clock = Clock::start();
    on_event(Event::Started(clock.began()));
    let prober = Prober::new(settings.policy.clone(), settings.key()?);
    let sessions = Sessions::new(
        netlink,
        preference,
        endpoint_source.into(),
        settings.chance(),
        settings.policy.thorough,
    );
    let mut diagnoses = Diagnoses::new(prober, sessions, settings, reports, Arc::clone(&unread));
    let packet_loop = PacketLoop {
        clock,
        receivers: Receivers::new(tap),
        watch: Watch::open()?,
        stop: stop.clone(),
        batch: if settings.sightings {
            ReceiveBatch::whole()
        } else {
            ReceiveBatch::headers()
        },
    };
    thread::scope(|scope| {
        thread::Builder::new()
            .name("packets".to_owned())
            .spawn_scoped(scope, move || packet_loop.run(&mut diagnoses))
            .map_err(|source| Failure::Thread { source })?;
        for report in inbox {
            pass_on(report, &unread, on_event);
        }
        Ok(())
    })
}

/// Tells the caller what the packet loop reports, and the packet loop that it was read.
fn pass_on(report: Report, unread: &Unread, on_event: &mut dyn FnMut(Event<'_>)) {
    match report {
        Report::Status(status) => {
            unread.progress.fetch_sub(1, Ordering::AcqRel);
            on_event(Event::Status(status));
        }
        Report::Progress(outcome) => {
            unread.progress.fetch_sub(1, Ordering::AcqRel);
            on_event(Event::Progress(&outcome));
        }
        Report::Begun(session, job) => on_event(Event::Begun(session, *job)),
        Report::Sighted(sighting) => on_event(Event::Sighted(*sighting)),
        Report::Replaced(session, outcome) => on_event(Event::Replaced(session, *outcome)),
        Report::Settled(session, outcome) => {
            unread.settled.fetch_sub(1, Ordering::AcqRel);
            on_event(Event::Settled(session, *outcome));
        }
    }
}

/// Our end of the way to every endpoint, asked of the kernel; sends nothing and needs no privilege.
/// The ports are what a run would have been given now; they are not kept.
///
/// # Errors
///
/// As [`run`], but for the privilege.
pub fn plan(endpoints: Vec<Endpoint>, settings: &Settings) -> Result<Vec<Planned>, Failure> {
    let mut netlink = Netlink::open()?;
    let preference = settings.preference();
    preference.check(&mut netlink)?;
    let mut chance = settings.chance();
    let mut planned = Vec::with_capacity(endpoints.len());
    for endpoint in endpoints {
        let standpoint = Standpoint::survey(&mut netlink, &endpoint, &preference)?;
        let choice = chance.u16(..);
        let ports = Reservation::hold(&standpoint.origin, EPHEMERAL, PRIVILEGED, choice)?;
        planned.push(Planned {
            endpoint,
            vantage: standpoint.vantage(Some(&ports)),
            refusal: standpoint.way.refusal(),
        });
    }
    Ok(planned)
}

/// Opens a raw sender and closes it again, to fail before anything is sent.
pub(super) fn try_sender(family: Family, preference: &Preference) -> Result<(), Failure> {
    RawSender::open(&Origin {
        source: match family {
            Family::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Family::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        },
        scope: 0,
        interface: preference.interface.clone(),
        mark: preference.mark,
    })
    .map(drop)
}
