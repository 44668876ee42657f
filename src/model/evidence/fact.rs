//! The facts that evidence holds.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::change::{Change, Stance};
use crate::model::probe::{Probe, ProbeId, Ttl};
use crate::model::reply::{Refusal, Reply};
use crate::model::time::Moment;
use crate::model::word::words;

/// One dated fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// When it happened.
    pub at: Moment,
    /// What happened.
    pub fact: Fact,
}

/// What can happen in a diagnosis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// A probe was handed to the kernel.
    Sent(ProbeId, Probe),
    /// The probe was not sent for this diagnosis: another one into the same address sent it, and what
    /// it drew is told here as well.
    Shared(ProbeId, Lender),
    /// The tap saw the probe leave through the interface.
    Departed(ProbeId),
    /// The kernel refused to send the probe.
    Refused(ProbeId, LocalRefusal),
    /// A valid answer to the probe was heard.
    Replied(ProbeId, ReceivedBy, Reply),
    /// The probe's timeout ran out: an answer after this is late, not impossible.
    Expired(ProbeId),
    /// Right flow, wrong token: counted and reported, never an answer. `None` where only that was kept.
    NearMiss(Option<NearMiss>),
    /// The kernel dropped this many frames before we read them.
    ReceiveDrops(u64),
    /// We did not run for this long up to now: silence across it is invalidated.
    Gap(Duration),
    /// The kernel's neighbour table about the next hop.
    Neighbour(NeighbourState),
    /// This host's way to the target changed: the diagnosis began again, with nothing of what was
    /// measured before.
    Moved(Box<Change>),
    /// A TCP connection to the port takes another way than the probes, of which the kernel sees no
    /// ports: by a policy rule that looks at them.
    Detour(Box<Stance>),
    /// What the kernel's own counters and tables say of this host since the run began.
    Kernel(KernelSays),
    /// A device refused something else than this diagnosis's probes.
    Known(DeviceRefusal),
    /// A device sent an ICMP error to our address about something else than this diagnosis's probes,
    /// out of the budget that all its errors to that address share.
    Spent(IpAddr),
    /// What limited SYNs to the target's neighbours drew, of all that the run sent so far.
    Sibling(SiblingSight),
    /// So many facts more, of which only the number was kept: the first of them at this time.
    Overflow(Overflow),
    /// The user or a deadline stopped the diagnosis.
    Interrupted,
}

/// A packet on one of our flows whose numbers answer nothing we sent: no client takes it, and yet somebody
/// sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NearMiss {
    /// What it would say, had its numbers been right.
    pub kind: NearMissKind,
    /// The address it bears.
    pub from: IpAddr,
    /// With what TTL it arrived.
    pub ttl: Ttl,
    /// Our port and the other end's, of the flow that it is about.
    pub ports: [u16; 2],
    /// The sequence and acknowledgment number it shows.
    pub numbers: [u32; 2],
}

impl NearMiss {
    /// Whether it is the same packet, by another receiver or sent again: its way may have changed.
    pub fn is_same(&self, other: &Self) -> bool {
        Self {
            ttl: other.ttl,
            ..*self
        } == *other
    }
}

words! {
    /// What a near miss would say.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    NearMissKind {
        /// That the port is open.
        SynAck = "SYN-ACK",
        /// That it is closed.
        Reset = "reset",
        /// That somebody refuses.
        Refusal = "refusal",
        /// That a TTL ran out.
        TimeExceeded = "time-exceeded",
        /// Nothing that decides a port.
        Other = "other packet",
    }
}

/// Facts of which only the number was kept: whoever floods us costs us no memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overflow {
    /// Near misses beyond the first [`MOST_NEAR_MISSES`], resets included.
    pub near_misses: u64,
    /// Those of them that were resets.
    pub resets: u64,
    /// Other facts that are no probe's own, beyond the first [`MOST_FURTHER`].
    pub others: u64,
}

/// Near misses that are each kept as a fact.
pub const MOST_NEAR_MISSES: u64 = 64;
/// Facts kept that are no probe's own: repeated answers, what the kernel and devices on the way say.
pub const MOST_FURTHER: usize = 1024;

/// A refusal of something else than a diagnosis's probes: of another diagnosis's of the run, or of an
/// application's of this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRefusal {
    /// Who refused.
    pub device: IpAddr,
    /// The hop it stands at, by the TTL with which its error arrived.
    pub hop: u8,
    /// What it said.
    pub refusal: Refusal,
    /// The address it refused.
    pub address: IpAddr,
    /// The port it refused.
    pub port: u16,
    /// Whether it came after seconds, as where a neighbour was asked for in vain.
    pub late: bool,
    /// Whether an earlier SYN to the same port had drawn nothing: what the device rations, other
    /// addresses of it may have used up. A host that has one address answers its first SYN.
    pub after_silence: bool,
    /// Whether the error bears the token of a probe of ours; an application's has none.
    pub authentic: bool,
}

/// What SYNs of one TTL to addresses of the target's prefix drew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiblingSight {
    /// Their TTL.
    pub ttl: u8,
    /// Whether they asked for the same port, which is silent there too; else for another.
    pub of_port: bool,
    /// The router that reported them; `None` where none did.
    pub from: Option<IpAddr>,
    /// How many: a lower bound, and this diagnosis's own among them.
    pub times: u32,
}

/// The diagnosis that sent a shared probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Lender {
    /// The port it is about, of the same address.
    pub port: u16,
    /// The probe's number there.
    pub probe: ProbeId,
}

words! {
    /// Which of our two receivers heard a reply.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    ReceivedBy {
        /// The AF_PACKET tap: before this host's firewall and routing.
        Tap = "tap",
        /// The raw IP sockets: after them.
        Stack = "stack",
    }
}

/// Why the kernel did not take a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LocalRefusal {
    /// EPERM: an OUTPUT or POSTROUTING rule.
    Firewall,
    /// EACCES: a prohibit route or a broadcast address.
    Prohibited,
    /// ENETUNREACH, EHOSTUNREACH on the call: no route in the local table.
    NoRoute,
    /// EINVAL: a route of type `blackhole`.
    Blackhole,
    /// ENETDOWN, ENODEV, ENXIO: the interface is down or gone.
    InterfaceDown,
    /// ENOBUFS, ENOMEM, EAGAIN: the local queue is full.
    Overload,
    /// EMSGSIZE: larger than the interface or a cached path MTU allows.
    TooLong,
    /// EADDRNOTAVAIL: the source address is not (or no longer) ours.
    SourceGone,
    /// Any other errno.
    Other(i32),
}

impl LocalRefusal {
    /// The name of the errno behind a refusal; of several, the usual one.
    pub fn errno(self) -> String {
        match self {
            Self::Firewall => "EPERM".to_owned(),
            Self::Prohibited => "EACCES".to_owned(),
            Self::NoRoute => "ENETUNREACH".to_owned(),
            Self::Blackhole => "EINVAL".to_owned(),
            Self::InterfaceDown => "ENETDOWN".to_owned(),
            Self::Overload => "ENOBUFS".to_owned(),
            Self::TooLong => "EMSGSIZE".to_owned(),
            Self::SourceGone => "EADDRNOTAVAIL".to_owned(),
            Self::Other(code) => format!("errno {code}"),
        }
    }
}

/// What the neighbour table says of the next hop (states of `NUD_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NeighbourState {
    /// Resolved: REACHABLE, STALE, DELAY, PROBE, PERMANENT or NOARP.
    Resolved,
    /// Being resolved, no answer yet.
    Incomplete,
    /// Resolution failed.
    Failed,
}

/// What the kernel says of its own doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KernelSays {
    /// It discarded datagrams on their way out for want of an IPsec association, or by an IPsec policy
    /// (`XfrmOut…` of `/proc/net/xfrm_stat`).
    PolicyOut,
    /// It discarded arriving datagrams by an IPsec policy (`XfrmIn…`).
    PolicyIn,
    /// It discarded arriving datagrams by their reverse path (`IPReversePathFilter`).
    ReversePath,
    /// It tracks no connection, so that no translation of its own changes what we send.
    Untracked,
}
