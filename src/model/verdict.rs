//! A verdict: cause, confidence, place, and what became of the rival causes.
//!
//! Words are spelled as in the output contract; nothing else in the crate spells them.

use std::net::IpAddr;

pub use super::cause::{Cause, State};
use super::path::Hop;
use super::probe::ProbeId;
use super::reply::Refusal;
use super::word::{Word, words};

words! {
    /// How firmly a verdict stands. Ordered: the firmest is the greatest.
    Confidence {
        /// The best reading so far.
        Possible = "possible",
        /// Chance of loss at most 1e-3, or a rival remains that is clearly less plausible.
        Likely = "likely",
        /// Rests on silence: chance of loss at most 1e-6, spans at least 9 s, controls answered
        /// meanwhile, nothing lost locally.
        Confirmed = "confirmed",
        /// Rests on an authenticated reply that no rival explains.
        Proven = "proven",
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

words! {
    /// What discarded a packet in this host's own kernel, in the kernel's words (`SKB_DROP_REASON_*`)
    /// where it has one.
    KernelReason {
        /// A wrong checksum.
        Checksum = "checksum",
        /// A rule of the packet filter.
        Netfilter = "netfilter-drop",
        /// A filter at the interface: an nft `egress` chain or a `tc` filter.
        EgressHook = "egress-drop",
        /// An IPsec policy, or an association that it wants and that is not there.
        XfrmPolicy = "xfrm-policy",
        /// The reverse-path filter.
        ReversePath = "rp-filter",
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

    /// Every one that has a word of its own.
    pub fn all() -> impl Iterator<Item = Self> {
        let kernel = KernelReason::ALL.into_iter().map(Self::Kernel);
        let refusals = Refusal::NAMED.into_iter().map(Self::Icmp);
        [Self::TcpReset].into_iter().chain(kernel).chain(refusals)
    }
}

impl Word for Method {
    fn word(self) -> &'static str {
        self.word()
    }

    fn named(word: &str) -> Option<Self> {
        Self::all().find(|known| known.word() == word)
    }
}

words! {
    /// The kind of place where it happens.
    PlaceKind {
        /// This host.
        Local = "local",
        /// A router or a link between routers.
        Path = "path",
        /// Between the last router and the host's IP stack.
        Edge = "edge",
        /// The target host.
        Host = "host",
        /// Not known.
        Unknown = "unknown",
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
    /// Whether the hops rest on what other diagnoses of the run drew.
    pub inferred: bool,
    /// The device that forwards this port to another machine, where the evidence shows one.
    pub translated_at: Option<HopRef>,
}

words! {
    /// A direction of the path.
    Way {
        /// From the client to the server.
        ToServer = "to-server",
        /// From the server to the client.
        ToClient = "to-client",
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

/// The answer of a diagnosis.
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
