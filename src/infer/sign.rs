//! The vocabulary of inference: questions, and the signs that answer them.
//!
//! A question is something the evidence can be asked ("what does a SYN to the port draw?"). A sign
//! is one of its possible answers. At any time a question has at most one sign. Rooms read signs
//! from evidence; the table of hypotheses says which signs each cause admits.

use std::borrow::Cow;

use crate::model::probe::ProbeId;
use crate::model::time::Moment;
use crate::model::verdict::Confidence;

use super::Ask;

/// What the evidence can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Question {
    /// Do probes leave this host, and do answers get past its own firewall?
    Way,
    /// What does a SYN to the port draw?
    Port,
    /// By which pattern does the port answer only sometimes?
    Pattern,
    /// Does a TCP stack or a packet filter send the reset?
    Origin,
    /// Is the answer sent at the host's distance?
    Distance,
    /// Is the port forwarded to another machine than its address?
    Translation,
    /// Does the SYN-ACK come from a listener?
    Listener,
    /// Do full-size packets get there, and back?
    Size,
    /// Who sends the ICMP refusal?
    Refuser,
    /// What does the refusal say?
    Reason,
    /// Does the refusal come at once?
    Haste,
    /// Is everything on the address refused, or this port alone?
    Scope,
    /// Does the refusing router check the TTL first?
    Order,
    /// Does anything on the address answer?
    Host,
    /// Does the host reassemble a first fragment sent to the port?
    Fragment,
    /// Is the refusal the host's own, or of a transparent box just before it?
    Early,
    /// How far does the port's flow get?
    Trace,
    /// Does the port answer a bare ACK?
    Ack,
    /// Does the port answer a bare FIN?
    Fin,
    /// Does another range of source ports get an answer?
    Range,
    /// Does a SYN that carries something else get an answer?
    Extras,
    /// Could a refusal have been withheld, because the device that refuses rations its errors?
    Ration,
}

impl Question {
    /// Every question, cheapest first: the order in which probes are sent.
    pub(super) const ALL: [Self; 22] = [
        Self::Way,
        Self::Port,
        Self::Origin,
        Self::Distance,
        Self::Listener,
        Self::Refuser,
        Self::Reason,
        Self::Haste,
        Self::Order,
        Self::Scope,
        Self::Translation,
        Self::Early,
        Self::Size,
        Self::Pattern,
        Self::Ration,
        Self::Host,
        Self::Trace,
        Self::Ack,
        Self::Fin,
        Self::Range,
        Self::Extras,
        Self::Fragment,
    ];
}

/// One answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[rustfmt::skip]
pub(super) enum Sign {
    // Way
    /// Probes leave, and what answers is heard behind the local firewall as well.
    WayClear,
    /// The local firewall refuses the send.
    SendForbidden,
    /// The local table has no route, or forbids it.
    SendUnrouted,
    /// The kernel no longer sends: the source address went away, the queue stays full.
    SendImpaired,
    /// This host's way to the target changed, and no time is left to measure the new one.
    WayChanged,
    /// The kernel takes the probe and it never leaves, while others do.
    NeverLeaves,
    /// The next hop's link-layer address is not resolved.
    NextHopUnresolved,
    /// Answers are heard by the tap and never behind the local firewall.
    HeardByTapOnly,
    /// Answers reach the tap with a wrong checksum, which no stack takes.
    BrokenOnArrival,
    // Port
    /// SYN-ACK.
    PortOpens,
    /// RST.
    PortResets,
    /// ICMP destination unreachable.
    PortRefused,
    /// Nothing.
    PortSilent,
    /// Different answers to different SYNs.
    PortMixed,
    /// Contradictory answers to one SYN.
    PortContradicts,
    /// Answers with the right token from another address or port.
    PortMisaddressed,
    // Pattern
    /// Some flows always, others never.
    ByFlow,
    /// SYNs with room around them always, crowded ones not.
    ByRate,
    /// Until some moment always, after it never.
    UntilStopped,
    /// By chance.
    ByChance,
    /// None that the evidence shows.
    NoPattern,
    // Origin
    /// A TCP stack: it copies the DSCP of the SYN (IPv6: or writes a flow label).
    StackReset,
    /// A packet filter: it does not, though another port of the host does.
    ForgedReset,
    /// The path or the host hides the difference.
    UnclearReset,
    // Distance
    /// At the host's distance.
    AtHost,
    /// Nearer than the host.
    NearerThanHost,
    /// Nothing to compare with.
    UnknownDistance,
    // Translation
    /// It is: what the address shows elsewhere says nothing of the port's machine.
    PortTranslated,
    // Listener
    /// It is sent at the host's distance, offers a window, and random ports do not answer alike.
    GenuineListener,
    /// It is sent from nearer than the host.
    NearListener,
    /// Nothing speaks against a listener, and nothing shows how far away the host is.
    UncertainListener,
    /// Window 0: no stack offers that in a SYN-ACK.
    ZeroWindow,
    /// Ports that nothing listens on answer too.
    EveryPortOpens,
    // Size
    /// Both ways carry full-size packets.
    SizesPass,
    /// The way there does, or a router says what fits; of the way back nothing is known.
    WayTherePasses,
    /// Small SYNs with data are answered, full-size ones vanish untold.
    LargeVanish,
    /// Full-size packets get there, full-size echo requests draw nothing, smaller ones are answered.
    AnswersVanish,
    /// Full-size echo requests draw nothing, smaller ones are answered; SYNs with data vanish.
    EchoesVanish,
    /// SYNs with data vanish whatever their size, and echo requests say nothing.
    SizesUntestable,
    // Refuser
    /// The target's address.
    RefusedByTarget,
    /// Another address.
    RefusedByRouter,
    // Reason
    /// No route.
    ReasonRoute,
    /// Host (address) unreachable.
    ReasonHost,
    /// A policy.
    ReasonPolicy,
    // Haste
    /// Within a round trip.
    RefusedAtOnce,
    /// After a resolution attempt of seconds.
    RefusedLate,
    // Scope
    /// This port alone (or TCP alone).
    PortAlone,
    /// Every protocol and port tried.
    Everything,
    // Order
    /// A SYN that expires on the refusing router is reported as expired: it has a route.
    TtlFirst,
    /// It is refused all the same.
    RefusalFirst,
    /// The same, and what it says is that there is no route.
    RouteMissing,
    /// The refusing router was not found by TTL.
    UnknownOrder,
    // Host
    /// A control port or echo.
    HostAnswers,
    /// Nothing tried.
    HostSilent,
    // Fragment
    /// The host's reassembly timer speaks for the port.
    FragmentArrives,
    /// It speaks for a control and not for the port.
    FragmentStops,
    /// It speaks for nothing.
    FragmentsUnusable,
    // Early
    /// Refused although its rest never came: not by a host that reassembles first.
    FragmentRefused,
    /// Held.
    FragmentHeld,
    /// The ICMP error carries the precedence that the kernel's ICMP layer writes.
    KernelRefusal,
    // Trace
    /// As far as the last router, or the target is on the link.
    TraceToEdge,
    /// The target is this host: there is no way to it.
    TraceToHost,
    /// Not as far as the control flow.
    TraceInPath,
    /// As far as anything gets, and nothing reaches the host.
    TraceStopsAll,
    /// Past the distance at which the address itself answers: it is translated there.
    TraceBeyond,
    /// SYNs of full TTL expire on the way: round and round.
    TraceLoops,
    /// Hops are silent where it matters.
    TraceUnclear,
    // Ack
    /// RST.
    AckResets,
    /// Nothing.
    AckSilent,
    // Fin
    /// RST.
    FinResets,
    /// Nothing.
    FinSilent,
    /// An ICMP refusal.
    FinRefused,
    // Range
    /// Yes.
    OtherRangeAnswers,
    /// No.
    OtherRangeSilent,
    // Extras
    /// One without options does.
    OptionsMatter,
    /// One with the flags of ECN does.
    FlagsMatter,
    /// None does.
    ExtrasSilent,
    // Ration
    /// A device on the way is known to refuse others, and may have had no error left for this port.
    RationedByRouter,
    /// The host is known to refuse other ports, or others, and may have had no error left.
    RationedByTarget,
    /// A router on the way said of another port of this address that there is no route.
    UnroutedElsewhere,
    /// A router on the way said of another port of this address that it does not answer ARP/ND.
    UnresolvedElsewhere,
    /// An application of this host that asked for this very port was told that there is no route.
    UnroutedForOthers,
    /// The same was told that what comes next does not answer ARP/ND.
    UnresolvedForOthers,
    /// The devices on the way had errors to spare when SYNs drew nothing.
    RefusalsSpared,
}

impl Sign {
    /// Every sign.
    #[rustfmt::skip]
    pub(super) const ALL: [Self; 84] = [
        Self::WayClear, Self::SendForbidden, Self::SendUnrouted, Self::SendImpaired,
        Self::WayChanged, Self::NeverLeaves, Self::NextHopUnresolved, Self::HeardByTapOnly, Self::BrokenOnArrival, Self::PortMisaddressed, Self::PortOpens,
        Self::PortResets, Self::PortRefused, Self::PortSilent, Self::PortMixed,
        Self::PortContradicts, Self::ByFlow, Self::ByRate, Self::UntilStopped, Self::ByChance,
        Self::NoPattern, Self::StackReset, Self::ForgedReset, Self::UnclearReset, Self::AtHost,
        Self::NearerThanHost, Self::UnknownDistance, Self::GenuineListener, Self::NearListener,
        Self::UncertainListener, Self::ZeroWindow, Self::EveryPortOpens, Self::SizesPass,
        Self::WayTherePasses, Self::LargeVanish, Self::AnswersVanish, Self::EchoesVanish,
        Self::SizesUntestable, Self::RefusedByTarget, Self::RefusedByRouter,
        Self::ReasonRoute, Self::ReasonHost, Self::ReasonPolicy, Self::RefusedAtOnce,
        Self::RefusedLate, Self::PortAlone, Self::Everything, Self::TtlFirst, Self::RefusalFirst,
        Self::RouteMissing, Self::UnknownOrder, Self::HostAnswers, Self::HostSilent, Self::FragmentArrives,
        Self::FragmentStops, Self::FragmentsUnusable, Self::FragmentRefused, Self::FragmentHeld,
        Self::KernelRefusal, Self::TraceToEdge, Self::TraceToHost, Self::TraceInPath,
        Self::TraceStopsAll, Self::TraceBeyond, Self::TraceLoops, Self::TraceUnclear, Self::AckResets,
        Self::AckSilent, Self::FinResets, Self::FinSilent, Self::OtherRangeAnswers,
        Self::OtherRangeSilent, Self::OptionsMatter, Self::FlagsMatter, Self::ExtrasSilent,
        Self::RationedByRouter, Self::RationedByTarget,
        Self::UnroutedElsewhere, Self::UnresolvedElsewhere, Self::RefusalsSpared,
        Self::PortTranslated, Self::FinRefused,
        Self::UnroutedForOthers, Self::UnresolvedForOthers,
    ];

    const fn bit(self) -> u128 {
        1 << self as u8
    }

    /// The question it answers.
    #[rustfmt::skip]
    pub(super) const fn question(self) -> Question {
        match self {
            Self::WayClear | Self::SendForbidden | Self::SendUnrouted | Self::SendImpaired
            | Self::WayChanged | Self::NeverLeaves
            | Self::NextHopUnresolved | Self::HeardByTapOnly
            | Self::BrokenOnArrival => Question::Way,
            Self::PortOpens | Self::PortResets | Self::PortRefused | Self::PortSilent
            | Self::PortMixed | Self::PortContradicts
            | Self::PortMisaddressed => Question::Port,
            Self::ByFlow | Self::ByRate | Self::UntilStopped | Self::ByChance
            | Self::NoPattern => Question::Pattern,
            Self::StackReset | Self::ForgedReset | Self::UnclearReset => Question::Origin,
            Self::AtHost | Self::NearerThanHost | Self::UnknownDistance => Question::Distance,
            Self::PortTranslated => Question::Translation,
            Self::GenuineListener | Self::NearListener | Self::UncertainListener | Self::ZeroWindow | Self::EveryPortOpens => Question::Listener,
            Self::SizesPass | Self::WayTherePasses | Self::LargeVanish | Self::AnswersVanish
            | Self::EchoesVanish | Self::SizesUntestable => Question::Size,
            Self::RefusedByTarget | Self::RefusedByRouter => Question::Refuser,
            Self::ReasonRoute | Self::ReasonHost | Self::ReasonPolicy => Question::Reason,
            Self::RefusedAtOnce | Self::RefusedLate => Question::Haste,
            Self::PortAlone | Self::Everything => Question::Scope,
            Self::TtlFirst | Self::RefusalFirst | Self::RouteMissing | Self::UnknownOrder => Question::Order,
            Self::HostAnswers | Self::HostSilent => Question::Host,
            Self::FragmentArrives | Self::FragmentStops | Self::FragmentsUnusable => {
                Question::Fragment
            }
            Self::FragmentRefused | Self::FragmentHeld | Self::KernelRefusal => Question::Early,
            Self::TraceToEdge | Self::TraceToHost | Self::TraceInPath | Self::TraceStopsAll | Self::TraceBeyond
            | Self::TraceLoops | Self::TraceUnclear => Question::Trace,
            Self::AckResets | Self::AckSilent => Question::Ack,
            Self::FinResets | Self::FinSilent | Self::FinRefused => Question::Fin,
            Self::OtherRangeAnswers | Self::OtherRangeSilent => Question::Range,
            Self::OptionsMatter | Self::FlagsMatter | Self::ExtrasSilent => Question::Extras,
            Self::RationedByRouter | Self::RationedByTarget | Self::UnroutedElsewhere
            | Self::UnresolvedElsewhere | Self::UnroutedForOthers | Self::UnresolvedForOthers
            | Self::RefusalsSpared => {
                Question::Ration
            }
        }
    }
}

/// A set of signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signs(u128);

impl Signs {
    /// The set of a list.
    pub(super) const fn of(list: &[Sign]) -> Self {
        let mut bits = 0;
        let mut rest = list;
        while let [sign, others @ ..] = rest {
            bits |= sign.bit();
            rest = others;
        }
        Self(bits)
    }

    /// Every sign of a question.
    pub(super) fn of_question(question: Question) -> Self {
        const BY_QUESTION: [Signs; Question::ALL.len()] = {
            let mut all = [Signs(0); Question::ALL.len()];
            let mut rest = Sign::ALL.as_slice();
            while let [sign, others @ ..] = rest {
                all[sign.question() as usize].0 |= sign.bit();
                rest = others;
            }
            all
        };
        BY_QUESTION
            .get(question as usize)
            .copied()
            .unwrap_or(Self(0))
    }

    /// Both sets together.
    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both.
    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether a sign is in the set.
    pub(super) const fn contains(self, sign: Sign) -> bool {
        self.0 & sign.bit() != 0
    }

    /// Whether nothing is in the set.
    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// A sign as read from the evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Observed {
    /// The sign.
    pub(super) sign: Sign,
    /// How firmly it was read.
    pub(super) strength: Confidence,
    /// The probes that show it.
    pub(super) basis: Vec<ProbeId>,
    /// What they show, as a clause that can follow "because".
    pub(super) because: Cow<'static, str>,
}

/// What a room makes of its question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// The sign so far; `None` when nothing can be said yet.
    pub(super) sign: Option<Observed>,
    /// How to go on.
    pub(super) progress: Progress,
}

/// How a question goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// More probes would say no more.
    Done,
    /// Probes under way must be answered or expire; look again at this moment at the latest
    /// (`None`: when the next fact arrives).
    Waiting(Option<Moment>),
    /// These probes would say more.
    Asking(Vec<Ask>),
}

impl Reading {
    /// Nothing known, nothing to do.
    pub(super) const fn nothing() -> Self {
        Self {
            sign: None,
            progress: Progress::Done,
        }
    }

    /// A final sign.
    pub(super) const fn done(sign: Observed) -> Self {
        Self {
            sign: Some(sign),
            progress: Progress::Done,
        }
    }

    /// No sign yet; probes under way.
    pub(super) const fn waiting() -> Self {
        Self {
            sign: None,
            progress: Progress::Waiting(None),
        }
    }

    /// A sign (or none) that more probes would firm up: waiting when there are none to send.
    pub(super) fn going_on(sign: Option<Observed>, asks: Vec<Ask>) -> Self {
        let progress = if asks.is_empty() {
            Progress::Waiting(None)
        } else {
            Progress::Asking(asks)
        };
        Self { sign, progress }
    }
}
