//! A verdict: cause, confidence, place, and what became of the rival causes.
//!
//! Words are spelled as in the output contract; nothing else in the crate spells them.

use std::fmt;
use std::net::IpAddr;

use super::path::Hop;
use super::probe::ProbeId;
use super::reply::Refusal;

/// What is the matter with an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The endpoint itself completes the first two steps of the handshake.
    Open,
    /// Something in front answers for it.
    OpenProxied,
    /// The port answers, but full-size packets vanish without an ICMP message.
    MtuBlackHole,
    /// It answers some of the time, beyond what plain retries hide.
    Intermittent,
    /// Answers up to a rate, silent or rejecting above it.
    RateLimited,
    /// Answered at first, then stopped for good during the run.
    Banned,
    /// The target's own TCP stack reset.
    Closed,
    /// A firewall on the target refuses.
    RejectHost,
    /// A device before the target refuses.
    RejectPath,
    /// Reaches the target's IP stack and is discarded there.
    DropHost,
    /// Discarded between the last router and the target's IP stack.
    DropEdge,
    /// Discarded at or after the last router; not split further.
    DropEdgeOrHost,
    /// Discarded between two hops of the path.
    DropPath,
    /// The endpoint's answers are lost on the way back.
    DropReturn,
    /// Silence everywhere past some hop, also for the control flows.
    DropSomewhere,
    /// The host listens, but its accept or SYN queue is full.
    ListenerOverloaded,
    /// Link-layer resolution fails, here or at a router that says so.
    NoNeighbor,
    /// No route, here or at a router that says so.
    NoRoute,
    /// The answer comes, with our token, from another address or port than was asked.
    Misaddressed,
    /// This host's own firewall, or its own stack, stops the probe.
    LocalEgress,
    /// The answer reaches this host's interface and is discarded here.
    LocalIngress,
    /// Valid replies contradict each other.
    Conflicting,
    /// Could not be measured.
    Inconclusive,
}

impl Cause {
    /// Every cause, in the order of the contract.
    pub const ALL: [Self; 23] = [
        Self::Open,
        Self::OpenProxied,
        Self::MtuBlackHole,
        Self::Intermittent,
        Self::RateLimited,
        Self::Banned,
        Self::Closed,
        Self::RejectHost,
        Self::RejectPath,
        Self::DropHost,
        Self::DropEdge,
        Self::DropEdgeOrHost,
        Self::DropPath,
        Self::DropReturn,
        Self::DropSomewhere,
        Self::ListenerOverloaded,
        Self::NoNeighbor,
        Self::NoRoute,
        Self::Misaddressed,
        Self::LocalEgress,
        Self::LocalIngress,
        Self::Conflicting,
        Self::Inconclusive,
    ];

    /// The word of the contract.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::OpenProxied => "open-proxied",
            Self::MtuBlackHole => "mtu-black-hole",
            Self::Intermittent => "intermittent",
            Self::RateLimited => "rate-limited",
            Self::Banned => "banned",
            Self::Closed => "closed",
            Self::RejectHost => "reject-host",
            Self::RejectPath => "reject-path",
            Self::DropHost => "drop-host",
            Self::DropEdge => "drop-edge",
            Self::DropEdgeOrHost => "drop-edge-or-host",
            Self::DropPath => "drop-path",
            Self::DropReturn => "drop-return",
            Self::DropSomewhere => "drop-somewhere",
            Self::ListenerOverloaded => "listener-overloaded",
            Self::NoNeighbor => "no-neighbor",
            Self::NoRoute => "no-route",
            Self::Misaddressed => "misaddressed",
            Self::LocalEgress => "local-egress",
            Self::LocalIngress => "local-ingress",
            Self::Conflicting => "conflicting",
            Self::Inconclusive => "inconclusive",
        }
    }

    /// Whether it leaves the question undecided (exit status 3).
    pub const fn is_undecided(self) -> bool {
        matches!(
            self,
            Self::Inconclusive | Self::Conflicting | Self::DropSomewhere
        )
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.word())
    }
}

/// The port's state, in nmap's words where they exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It answers a SYN with SYN-ACK.
    Open,
    /// It answers a SYN with a reset of its own stack.
    Closed,
    /// Something withholds or refuses the answer.
    Filtered,
    /// There is no way to it.
    Unreachable,
    /// Could not be told.
    Unknown,
}

impl State {
    /// The word of the contract.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Filtered => "filtered",
            Self::Unreachable => "unreachable",
            Self::Unknown => "unknown",
        }
    }
}

/// How firmly a verdict stands. Ordered: the firmest is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// The best reading so far.
    Possible,
    /// Chance of loss at most 1e-3, or a rival remains that is clearly less plausible.
    Likely,
    /// Rests on silence: chance of loss at most 1e-6, spans at least 9 s, controls answered
    /// meanwhile, nothing lost locally.
    Confirmed,
    /// Rests on an authenticated reply that no rival explains.
    Proven,
}

impl Confidence {
    /// The word of the contract.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Possible => "possible",
            Self::Likely => "likely",
            Self::Confirmed => "confirmed",
            Self::Proven => "proven",
        }
    }
}

/// How a refusal was made: a reset, or an ICMP code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// A forged TCP reset.
    TcpReset,
    /// An ICMP or ICMPv6 "destination unreachable".
    Icmp(Refusal),
    /// By this host's own kernel.
    Kernel(KernelReason),
}

/// What discarded a packet in this host's own kernel, in the kernel's words (`SKB_DROP_REASON_*`)
/// where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KernelReason {
    /// A wrong checksum.
    Checksum,
    /// A rule of the packet filter.
    Netfilter,
    /// A filter at the interface: an nft `egress` chain or a `tc` filter.
    EgressHook,
    /// An IPsec policy, or an association that it wants and that is not there.
    XfrmPolicy,
    /// The reverse-path filter.
    ReversePath,
}

impl KernelReason {
    /// The word of the contract.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Checksum => "checksum",
            Self::Netfilter => "netfilter-drop",
            Self::EgressHook => "egress-drop",
            Self::XfrmPolicy => "xfrm-policy",
            Self::ReversePath => "rp-filter",
        }
    }
}

impl Method {
    /// The word of the contract; codes outside it are named by their nearest word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::TcpReset => "tcp-reset",
            Self::Kernel(reason) => reason.word(),
            Self::Icmp(refusal) => match refusal {
                Refusal::NetUnreachable | Refusal::Unknown(_) => "icmp-net-unreachable",
                Refusal::HostUnreachable => "icmp-host-unreachable",
                Refusal::ProtocolUnreachable => "icmp-proto-unreachable",
                Refusal::PortUnreachable => "icmp-port-unreachable",
                Refusal::NetProhibited => "icmp-net-prohibited",
                Refusal::HostProhibited => "icmp-host-prohibited",
                Refusal::AdminProhibited => "icmp-admin-prohibited",
                Refusal::NoRoute6 => "icmp6-no-route",
                Refusal::AdminProhibited6 => "icmp6-adm-prohibited",
                Refusal::AddressUnreachable6 => "icmp6-addr-unreachable",
                Refusal::PortUnreachable6 => "icmp6-port-unreachable",
                Refusal::PolicyFail6 => "icmp6-policy-fail",
                Refusal::RejectRoute6 => "icmp6-reject-route",
            },
        }
    }
}

/// The kind of place where it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PlaceKind {
    /// This host.
    Local,
    /// A router or a link between routers.
    Path,
    /// Between the last router and the host's IP stack.
    Edge,
    /// The target host.
    Host,
    /// Not known.
    Unknown,
}

impl PlaceKind {
    /// The word of the contract.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Path => "path",
            Self::Edge => "edge",
            Self::Host => "host",
            Self::Unknown => "unknown",
        }
    }
}

/// A hop named in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HopRef {
    /// 1 is the first router.
    pub ttl: u8,
    /// Address it reports from; `None` when it is silent.
    pub address: Option<IpAddr>,
}

/// Where on the path it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// What kind of place.
    pub kind: PlaceKind,
    /// The device that acted, when it is identified.
    pub at_hop: Option<HopRef>,
    /// For drops: the last hop that reported this very flow.
    pub after_hop: Option<HopRef>,
    /// For drops: the next hop the control flow shows; `None` at the edge.
    pub before_hop: Option<HopRef>,
    /// For holes that full-size packets fall into: on which way; `None` where that was not shown.
    pub way: Option<Way>,
    /// Whether the hops rest on what other inquests of the run drew.
    pub inferred: bool,
    /// The device that forwards this port to another machine, where the evidence shows one.
    pub translated_at: Option<HopRef>,
}

/// A direction of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

impl Way {
    /// The word of the contract.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ToServer => "to-server",
            Self::ToClient => "to-client",
        }
    }
}

impl Place {
    /// A place of which only the kind is known.
    pub const fn of(kind: PlaceKind) -> Self {
        Self {
            kind,
            at_hop: None,
            after_hop: None,
            before_hop: None,
            way: None,
            inferred: false,
            translated_at: None,
        }
    }

    /// A device on the path.
    pub const fn at(hop: HopRef) -> Self {
        Self {
            at_hop: Some(hop),
            ..Self::of(PlaceKind::Path)
        }
    }
}

/// The answer of an inquest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The port's state.
    pub state: State,
    /// The cause.
    pub cause: Cause,
    /// How firmly it stands.
    pub confidence: Confidence,
    /// Where.
    pub place: Place,
    /// How a refusal was made, or what in this host discards; `None` where neither is known.
    pub method: Option<Method>,
    /// One or two sentences for a tired person.
    pub summary: String,
    /// The probes it rests on.
    pub basis: Vec<ProbeId>,
}

/// A rival cause that the evidence touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alternative {
    /// The rival.
    pub cause: Cause,
    /// Whether the evidence excludes it.
    pub ruled_out: bool,
    /// Why, as a clause.
    pub because: String,
    /// The probes that say so.
    pub basis: Vec<ProbeId>,
}

/// What inference concludes from evidence: the verdict and what stands beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The verdict.
    pub verdict: Verdict,
    /// Rivals, ruled out or not.
    pub alternatives: Vec<Alternative>,
    /// The path as far as it was measured.
    pub path: Vec<Hop>,
    /// Bounds of the path's loss per round trip, estimated from control probes (5 % and 95 %
    /// quantiles); `None` when nothing on the path ever answered.
    pub loss: Option<(f64, f64)>,
    /// Remarks that change nothing in the verdict, as sentences.
    pub notes: Vec<String>,
}
