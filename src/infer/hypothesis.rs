//! The table of causes: which signs each one admits.
//!
//! A cause says nothing of a question it names no sign of. A sign it does not admit, although it
//! names others of the same question, rules it out. A cause is only named when one of each group of
//! `needs` was seen. Adding a cause is adding an entry.

use crate::model::verdict::Cause;
use crate::model::verdict::Confidence::{self, Likely, Proven};

use super::sign::Question;
use super::sign::Sign::{self, *};

/// A cause and its predictions.
#[derive(Debug)]
pub(super) struct Hypothesis {
    /// The cause.
    pub(super) cause: Cause,
    /// Signs it admits.
    pub(super) admits: &'static [Sign],
    /// One of these must have been seen before it is named; none needed when empty.
    pub(super) needs: &'static [Sign],
    /// Signs it admits, but seldom shows: with one of them it counts as rare.
    pub(super) seldom: &'static [Sign],
    /// Far less common than the others that fit the same signs: alone it does not keep a verdict
    /// from being `likely`.
    pub(super) rare: bool,
    /// The firmest it can ever be named.
    pub(super) firmest: Confidence,
    /// Causes it stands for when they cannot be told apart: they are no rivals to it.
    pub(super) covers: &'static [Cause],
}

impl Hypothesis {
    /// Whether the sign is among its predictions, or of a question it says nothing of.
    pub(super) fn admits(&self, sign: Sign) -> bool {
        self.admits.contains(&sign)
            || self.seldom.contains(&sign)
            || !self.speaks_of(sign.question())
    }

    fn speaks_of(&self, question: Question) -> bool {
        self.admits
            .iter()
            .chain(self.seldom)
            .any(|sign| sign.question() == question)
    }
}

/// Every cause that evidence can speak for, the most specific first: of those that survive with
/// their needs met, the first is the verdict.
pub(super) const TABLE: &[Hypothesis] = &[
    Hypothesis {
        cause: Cause::LocalEgress,
        admits: &[SendForbidden, NeverLeaves],
        needs: &[SendForbidden, NeverLeaves],
        seldom: &[],
        rare: false,
        firmest: Proven,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::LocalIngress,
        admits: &[HeardByTapOnly],
        needs: &[HeardByTapOnly],
        seldom: &[],
        rare: false,
        firmest: Proven,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::NoNeighbor,
        admits: &[
            WayClear,
            NextHopUnresolved,
            PortRefused,
            PortSilent,
            RefusedByRouter,
            ReasonHost,
            RefusedLate,
            Everything,
            TtlFirst,
            UnknownOrder,
            HostSilent,
        ],
        needs: &[NextHopUnresolved, RefusedLate],
        seldom: &[],
        rare: false,
        firmest: Proven,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::NoRoute,
        admits: &[
            WayClear,
            SendUnrouted,
            PortRefused,
            RefusedByRouter,
            ReasonRoute,
            ReasonHost,
            RefusedAtOnce,
            Everything,
            RefusalFirst,
            UnknownOrder,
        ],
        needs: &[SendUnrouted, RefusalFirst, UnknownOrder],
        seldom: &[],
        rare: false,
        firmest: Proven,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::Conflicting,
        admits: &[WayClear, PortContradicts],
        needs: &[PortContradicts],
        seldom: &[],
        rare: false,
        firmest: Proven,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::Banned,
        admits: &[WayClear, PortMixed, UntilStopped],
        needs: &[UntilStopped],
        seldom: &[],
        rare: false,
        firmest: Proven,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::RateLimited,
        admits: &[WayClear, PortMixed, ByRate],
        needs: &[ByRate],
        seldom: &[],
        rare: false,
        firmest: Proven,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::Intermittent,
        admits: &[WayClear, PortMixed, ByFlow, ByChance, NoPattern],
        needs: &[ByFlow, ByChance, NoPattern],
        seldom: &[],
        rare: false,
        firmest: Proven,
        covers: &[Cause::RateLimited, Cause::Banned],
    },
    Hypothesis {
        cause: Cause::OpenProxied,
        admits: &[
            WayClear,
            PortOpens,
            NearListener,
            ZeroWindow,
            EveryPortOpens,
            UncertainListener,
        ],
        needs: &[NearListener, ZeroWindow, EveryPortOpens],
        seldom: &[],
        rare: true,
        firmest: Proven,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::MtuBlackHole,
        admits: &[
            WayClear,
            PortOpens,
            GenuineListener,
            UncertainListener,
            LargeVanish,
        ],
        needs: &[LargeVanish],
        seldom: &[],
        rare: false,
        // A box that drops only SYNs with much data would look the same.
        firmest: Likely,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::Open,
        admits: &[
            WayClear,
            PortOpens,
            GenuineListener,
            UncertainListener,
            SizesPass,
            SizesUntestable,
        ],
        needs: &[PortOpens],
        seldom: &[],
        rare: false,
        firmest: Proven,
        covers: &[Cause::MtuBlackHole],
    },
    Hypothesis {
        cause: Cause::RejectPath,
        admits: &[
            WayClear,
            PortResets,
            PortRefused,
            ForgedReset,
            UnclearReset,
            NearerThanHost,
            AtHost,
            UnknownDistance,
            RefusedByRouter,
            RefusedByTarget,
            FragmentRefused,
            FragmentHeld,
            TtlFirst,
            UnknownOrder,
            RefusalFirst,
            RefusedAtOnce,
            ReasonPolicy,
            ReasonHost,
            ReasonRoute,
            PortAlone,
            Everything,
        ],
        needs: &[NearerThanHost, RefusedByRouter, FragmentRefused],
        seldom: &[],
        rare: true,
        firmest: Proven,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::Closed,
        admits: &[
            WayClear,
            PortResets,
            StackReset,
            UnclearReset,
            AtHost,
            UnknownDistance,
        ],
        needs: &[PortResets],
        seldom: &[NearerThanHost],
        rare: false,
        firmest: Proven,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::RejectHost,
        admits: &[
            WayClear,
            PortResets,
            PortRefused,
            ForgedReset,
            UnclearReset,
            AtHost,
            UnknownDistance,
            RefusedByTarget,
            FragmentHeld,
            KernelRefusal,
        ],
        needs: &[ForgedReset, RefusedByTarget],
        seldom: &[],
        rare: true,
        firmest: Proven,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::DropPath,
        admits: &[
            WayClear,
            PortSilent,
            TraceInPath,
            TraceUnclear,
            FragmentStops,
            FragmentsUnusable,
        ],
        needs: &[TraceInPath],
        seldom: &[],
        rare: false,
        firmest: Proven,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::DropReturn,
        admits: &[
            WayClear,
            PortSilent,
            TraceToEdge,
            TraceUnclear,
            FragmentArrives,
            FragmentsUnusable,
            OtherRangeAnswers,
            OtherRangeSilent,
            AckSilent,
        ],
        needs: &[OtherRangeAnswers],
        seldom: &[],
        rare: true,
        firmest: Likely,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::ListenerOverloaded,
        admits: &[
            WayClear,
            PortSilent,
            TraceToHost,
            TraceToEdge,
            TraceUnclear,
            FragmentArrives,
            FragmentsUnusable,
            AckResets,
            FinSilent,
            OtherRangeSilent,
        ],
        needs: &[AckResets],
        seldom: &[],
        rare: false,
        firmest: Proven,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::DropHost,
        admits: &[
            WayClear,
            PortSilent,
            TraceToHost,
            TraceToEdge,
            TraceUnclear,
            TraceStopsAll,
            FragmentArrives,
            FragmentsUnusable,
            OtherRangeSilent,
            AckSilent,
        ],
        needs: &[FragmentArrives, TraceToHost],
        seldom: &[AckResets],
        rare: false,
        firmest: Proven,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::DropEdge,
        admits: &[
            WayClear,
            PortSilent,
            TraceToEdge,
            TraceUnclear,
            FragmentStops,
            FragmentsUnusable,
            OtherRangeSilent,
            AckSilent,
        ],
        needs: &[FragmentStops],
        seldom: &[AckResets],
        rare: false,
        firmest: Likely,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::DropEdgeOrHost,
        admits: &[
            WayClear,
            PortSilent,
            TraceToEdge,
            FragmentsUnusable,
            FragmentStops,
            FragmentArrives,
            OtherRangeSilent,
            AckSilent,
        ],
        needs: &[TraceToEdge],
        seldom: &[AckResets],
        rare: false,
        firmest: Likely,
        covers: &[Cause::DropHost, Cause::DropEdge, Cause::ListenerOverloaded],
    },
    Hypothesis {
        cause: Cause::DropSomewhere,
        admits: &[
            WayClear,
            PortSilent,
            TraceStopsAll,
            TraceBeyond,
            TraceUnclear,
            FragmentsUnusable,
            FragmentStops,
            FragmentArrives,
        ],
        needs: &[PortSilent],
        seldom: &[],
        rare: false,
        firmest: Likely,
        covers: &[
            Cause::DropPath,
            Cause::DropEdge,
            Cause::DropHost,
            Cause::DropEdgeOrHost,
            Cause::DropReturn,
            Cause::ListenerOverloaded,
            Cause::NoNeighbor,
        ],
    },
];
