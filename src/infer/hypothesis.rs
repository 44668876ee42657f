//! The table of causes: which signs each one admits.
//!
//! A cause says nothing of a question it names no sign of. A sign it does not admit, although it
//! names others of the same question, rules it out. A cause is only named when one of each group of
//! `needs` was seen. Adding a cause is adding an entry.

use crate::model::verdict::Cause;
use crate::model::verdict::Confidence::{self, Likely, Proven};

use super::sign::Sign::{self, *};
use super::sign::Signs;

/// A cause and its predictions.
#[derive(Debug)]
pub(super) struct Hypothesis {
    /// The cause.
    pub(super) cause: Cause,
    /// Signs it admits.
    pub(super) admits: Signs,
    /// One of these must have been seen before it is named; none needed when empty.
    pub(super) needs: Signs,
    /// Signs it admits, but seldom shows: with one of them it counts as rare.
    pub(super) seldom: Signs,
    /// Far less common than the others that fit the same signs: alone it does not keep a verdict
    /// from being `likely`.
    pub(super) rare: bool,
    /// The firmest it can ever be named.
    pub(super) firmest: Confidence,
    /// Causes it stands for when they cannot be told apart: they are no rivals to it.
    pub(super) covers: &'static [Cause],
}

impl Hypothesis {
    /// What it predicts: the signs it admits, and those it seldom shows.
    pub(super) const fn predictions(&self) -> Signs {
        self.admits.or(self.seldom)
    }

    /// Whether the sign is among its predictions, or of a question it says nothing of.
    pub(super) fn admits(&self, sign: Sign) -> bool {
        let predictions = self.predictions();
        predictions.contains(sign)
            || predictions
                .and(Signs::of_question(sign.question()))
                .is_empty()
    }
}

/// Every cause that evidence can speak for, the most specific first: of those that survive with
/// their needs met, the first is the verdict.
pub(super) static TABLE: &[Hypothesis] = &[
    Hypothesis {
        cause: Cause::LocalEgress,
        admits: Signs::of(&[SendForbidden, NeverLeaves]),
        needs: Signs::of(&[SendForbidden, NeverLeaves]),
        seldom: Signs::of(&[]),
        rare: false,
        firmest: Proven,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::LocalIngress,
        admits: Signs::of(&[HeardByTapOnly]),
        needs: Signs::of(&[HeardByTapOnly]),
        seldom: Signs::of(&[]),
        rare: false,
        firmest: Proven,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::NoNeighbor,
        admits: Signs::of(&[
            WayClear,
            NextHopUnresolved,
            PortRefused,
            PortSilent,
            RefusedByRouter,
            RefusedByTarget,
            ReasonHost,
            RefusedLate,
            Everything,
            PortAlone,
            TtlFirst,
            UnknownOrder,
            HostSilent,
        ]),
        needs: Signs::of(&[NextHopUnresolved, RefusedLate]),
        seldom: Signs::of(&[]),
        rare: false,
        firmest: Proven,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::NoRoute,
        admits: Signs::of(&[
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
            FinResets,
            FinSilent,
        ]),
        needs: Signs::of(&[SendUnrouted, RefusalFirst, UnknownOrder]),
        // Who forwards the port to a network that is gone refuses in the name of its address.
        seldom: Signs::of(&[RefusedByTarget]),
        rare: false,
        firmest: Proven,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::Conflicting,
        admits: Signs::of(&[WayClear, PortContradicts]),
        needs: Signs::of(&[PortContradicts]),
        seldom: Signs::of(&[]),
        rare: false,
        firmest: Proven,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::Banned,
        admits: Signs::of(&[WayClear, PortMixed, UntilStopped]),
        needs: Signs::of(&[UntilStopped]),
        seldom: Signs::of(&[]),
        rare: false,
        firmest: Proven,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::RateLimited,
        admits: Signs::of(&[WayClear, PortMixed, ByRate]),
        needs: Signs::of(&[ByRate]),
        seldom: Signs::of(&[]),
        rare: false,
        firmest: Proven,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::Intermittent,
        admits: Signs::of(&[WayClear, PortMixed, ByFlow, ByChance, NoPattern]),
        needs: Signs::of(&[ByFlow, ByChance, NoPattern]),
        seldom: Signs::of(&[]),
        rare: false,
        firmest: Proven,
        covers: &[Cause::RateLimited, Cause::Banned],
    },
    Hypothesis {
        cause: Cause::OpenProxied,
        admits: Signs::of(&[
            WayClear,
            PortOpens,
            NearListener,
            ZeroWindow,
            EveryPortOpens,
            UncertainListener,
        ]),
        needs: Signs::of(&[NearListener, ZeroWindow, EveryPortOpens]),
        seldom: Signs::of(&[]),
        rare: true,
        firmest: Proven,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::MtuBlackHole,
        admits: Signs::of(&[
            WayClear,
            PortOpens,
            GenuineListener,
            UncertainListener,
            LargeVanish,
        ]),
        needs: Signs::of(&[LargeVanish]),
        seldom: Signs::of(&[]),
        rare: false,
        // A box that drops only SYNs with much data would look the same.
        firmest: Likely,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::Open,
        admits: Signs::of(&[
            WayClear,
            PortOpens,
            GenuineListener,
            UncertainListener,
            SizesPass,
            SizesUntestable,
        ]),
        needs: Signs::of(&[PortOpens]),
        seldom: Signs::of(&[PortTranslated]),
        rare: false,
        firmest: Proven,
        covers: &[Cause::MtuBlackHole],
    },
    Hypothesis {
        cause: Cause::RejectPath,
        admits: Signs::of(&[
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
        ]),
        needs: Signs::of(&[NearerThanHost, RefusedByRouter, FragmentRefused]),
        seldom: Signs::of(&[]),
        rare: true,
        firmest: Proven,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::Closed,
        admits: Signs::of(&[
            WayClear,
            PortResets,
            StackReset,
            UnclearReset,
            AtHost,
            UnknownDistance,
        ]),
        needs: Signs::of(&[PortResets]),
        seldom: Signs::of(&[NearerThanHost]),
        rare: false,
        firmest: Proven,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::RejectHost,
        admits: Signs::of(&[
            WayClear,
            PortResets,
            PortRefused,
            ForgedReset,
            UnclearReset,
            AtHost,
            UnknownDistance,
            RefusedByTarget,
            RefusedAtOnce,
            FragmentHeld,
            KernelRefusal,
            FinRefused,
        ]),
        needs: Signs::of(&[ForgedReset, RefusedByTarget]),
        // A rule that matches new connections only refuses no bare FIN.
        seldom: Signs::of(&[PortTranslated, FinResets, FinSilent]),
        rare: true,
        firmest: Proven,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::DropPath,
        admits: Signs::of(&[
            WayClear,
            PortSilent,
            TraceInPath,
            TraceUnclear,
            FragmentStops,
            FragmentsUnusable,
        ]),
        needs: Signs::of(&[TraceInPath]),
        seldom: Signs::of(&[]),
        rare: false,
        firmest: Proven,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::DropReturn,
        admits: Signs::of(&[
            WayClear,
            PortSilent,
            TraceToEdge,
            TraceUnclear,
            TraceStopsAll,
            FragmentArrives,
            FragmentsUnusable,
            OtherRangeAnswers,
            OtherRangeSilent,
            AckSilent,
        ]),
        needs: Signs::of(&[OtherRangeAnswers]),
        seldom: Signs::of(&[AckResets]),
        rare: true,
        firmest: Likely,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::ListenerOverloaded,
        admits: Signs::of(&[
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
        ]),
        needs: Signs::of(&[AckResets]),
        seldom: Signs::of(&[]),
        rare: false,
        firmest: Proven,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::DropHost,
        admits: Signs::of(&[
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
        ]),
        needs: Signs::of(&[FragmentArrives, TraceToHost]),
        seldom: Signs::of(&[AckResets]),
        rare: false,
        firmest: Proven,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::DropEdge,
        admits: Signs::of(&[
            WayClear,
            PortSilent,
            TraceToEdge,
            TraceUnclear,
            FragmentStops,
            FragmentsUnusable,
            OtherRangeSilent,
            AckSilent,
        ]),
        needs: Signs::of(&[FragmentStops]),
        seldom: Signs::of(&[AckResets]),
        rare: false,
        firmest: Likely,
        covers: &[],
    },
    Hypothesis {
        cause: Cause::DropEdgeOrHost,
        admits: Signs::of(&[
            WayClear,
            PortSilent,
            TraceToEdge,
            FragmentsUnusable,
            FragmentStops,
            FragmentArrives,
            OtherRangeSilent,
            AckSilent,
        ]),
        needs: Signs::of(&[TraceToEdge]),
        // What rewrites the TTL of this port's flow, or takes it another way, hides how far it gets.
        seldom: Signs::of(&[AckResets, TraceInPath]),
        rare: false,
        firmest: Likely,
        covers: &[Cause::DropHost, Cause::DropEdge, Cause::ListenerOverloaded],
    },
    Hypothesis {
        cause: Cause::DropSomewhere,
        admits: Signs::of(&[
            WayClear,
            PortSilent,
            TraceStopsAll,
            TraceBeyond,
            TraceUnclear,
            FragmentsUnusable,
            FragmentStops,
            FragmentArrives,
        ]),
        needs: Signs::of(&[PortSilent]),
        seldom: Signs::of(&[]),
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
