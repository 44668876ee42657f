//! The table of causes: which signs each is consistent with, requires and rarely shows.

use super::hypothesis::Hypothesis;
use super::sign::Sign::*;
use super::sign::{Question, Signs};
use crate::model::verdict::Cause;
use crate::model::verdict::Confidence::{Likely, Possible};

/// Nothing comes back, and nothing else is known of that.
const SILENT: Signs = Signs::of(&[WayClear, PortSilent, RefusalsSpared, FragmentsUnusable]);

/// The same of what may look at more than addresses and ports.
const FILTERED: Signs = SILENT.with(&[OptionsMatter, FlagsMatter, ExtrasSilent, OtherRangeSilent]);

/// Signs that fit a verdict and carry nothing of it.
pub(super) const NEUTRAL: Signs =
    Signs::of(&[WayClear, FragmentsUnusable, TraceUnclear, RefusalsSpared]);

/// A device is believed to withhold refusals.
pub(super) const WITHHELD: Signs = Signs::of(&[
    RationedByRouter,
    RationedByTarget,
    UnroutedForOthers,
    UnresolvedForOthers,
]);

/// What a device is known to have told others: it may have withheld from this port.
pub(super) const REFUSED_TO_OTHERS: Signs =
    WITHHELD.with(&[UnroutedElsewhere, UnresolvedElsewhere]);

/// Every cause that evidence can speak for, the most specific first: of those that survive with
/// one of the signs they require, the first is the verdict.
#[rustfmt::skip] // Lists of signs, not one a line.
pub(super) static TABLE: &[Hypothesis] = &[
    Hypothesis {
        consistent_with: Signs::of(&[SendForbidden, NeverLeaves]),
        requires: Signs::of(&[SendForbidden, NeverLeaves, StackRefuses]),
        rarely: Signs::of(&[StackUnresolved]),
        ..Hypothesis::plain(Cause::LocalEgress)
    },
    Hypothesis {
        consistent_with: Signs::of(&[HeardByTapOnly, BrokenOnArrival]),
        requires: Signs::of(&[HeardByTapOnly, BrokenOnArrival, UnheardHere]),
        rarely: Signs::of(&[UnheardBehind, Disowned]),
        ..Hypothesis::plain(Cause::LocalIngress)
    },
    Hypothesis {
        consistent_with: Signs::of(&[
            WayClear, NextHopUnresolved, PortRefused, PortSilent, UnresolvedElsewhere,
            UnresolvedForOthers, RefusalsSpared, RefusedByRouter, RefusedByTarget, ReasonHost,
            RefusedLate, Everything, PortAlone, TtlFirst, UnknownOrder, HostSilent, TraceToEdge,
            TraceInPath, TraceStopsAll, TraceBeyond, TraceUnclear,
        ]),
        requires: Signs::of(&[
            NextHopUnresolved, RefusedLate, UnresolvedElsewhere, UnresolvedForOthers,
            StackUnresolved, NeighbourUnresolved, SaysNoNeighbor,
        ]),
        rarely: Signs::of(&[
            RationedByRouter, RationedByTarget, UnroutedForOthers, NotForwarded, NotPassedOn,
        ]),
        placed_by: Some(Question::TtlCheckOrder),
        ..Hypothesis::plain(Cause::NoNeighbor)
    },
    Hypothesis {
        consistent_with: Signs::of(&[
            WayClear, SendUnrouted, PortRefused, PortSilent, UnroutedElsewhere, UnroutedForOthers,
            HostSilent, TraceStopsAll, TraceUnclear, FragmentsUnusable, RefusedByRouter,
            ReasonRoute, ReasonHost, RefusedAtOnce, Everything, RefusalFirst, RouteMissing,
            UnknownOrder, FinResets, FinSilent,
        ]),
        requires: Signs::of(&[
            SendUnrouted, RefusalFirst, RouteMissing, UnknownOrder, TraceLoops, UnroutedElsewhere,
            UnroutedForOthers, SaysNoRoute,
        ]),
        // Linux charges its errors about routes twice to the same budget (`ip_error`, then
        // `icmp_send`): two SYNs a second leave it silent for ever, and no error is seen to be spent.
        rarely: Signs::of(&[
            PortSilent, RefusalsSpared, TraceLoops, RefusedByTarget, UnresolvedForOthers,
            StackRefuses, UnseenRefusedByRouter, NotForwarded, NotPassedOn,
        ]),
        placed_by: Some(Question::TtlCheckOrder),
        ..Hypothesis::plain(Cause::NoRoute)
    },
    Hypothesis {
        consistent_with: Signs::of(&[WayClear, PortContradicts]),
        requires: Signs::of(&[PortContradicts]),
        ..Hypothesis::plain(Cause::Conflicting)
    },
    Hypothesis {
        consistent_with: Signs::of(&[WayClear, PortMisaddressed]),
        requires: Signs::of(&[PortMisaddressed, Disowned]),
        ..Hypothesis::plain(Cause::Misaddressed)
    },
    Hypothesis {
        consistent_with: Signs::of(&[WayClear, PortMixed, UntilStopped]),
        requires: Signs::of(&[UntilStopped, Stopped, StoppedResetting]),
        rarely: Signs::of(&[
            RefusedSinceByTarget, RefusedSinceByDevice, ResetSince, Backlog, ResetNow, AtTimes,
            LargeHeld,
        ]),
        // A filter that was changed, or a host that died, looks the same.
        observed: Possible,
        ..Hypothesis::plain(Cause::Banned)
    },
    Hypothesis {
        consistent_with: Signs::of(&[WayClear, PortMixed, ByRate]),
        requires: Signs::of(&[ByRate]),
        rarely: Signs::of(&[Backlog, Stopped, AtTimes]),
        // A retry hides what a pattern needs to be seen; loss looks the same.
        observed: Possible,
        ..Hypothesis::plain(Cause::RateLimited)
    },
    Hypothesis {
        consistent_with: Signs::of(&[WayClear, PortMixed, ByFlow, ByChance, NoPattern]),
        requires: Signs::of(&[ByFlow, ByChance, NoPattern, AtTimes]),
        rarely: Signs::of(&[Stopped, StoppedResetting, Began, ResetAtLast]),
        covers: &[Cause::RateLimited, Cause::Banned],
        observed: Possible,
        ..Hypothesis::plain(Cause::Intermittent)
    },
    Hypothesis {
        consistent_with: Signs::of(&[
            WayClear, PortOpens, NearListener, ZeroWindow, EveryPortOpens, UncertainListener,
        ]),
        requires: Signs::of(&[NearListener, ZeroWindow, EveryPortOpens, Relayed, Ignored]),
        rarely: Signs::of(&[OpenUnseen, Began, AnsweredAgain, Completed, CompletedThenHeld]),
        rare: true,
        ..Hypothesis::plain(Cause::OpenProxied)
    },
    Hypothesis {
        consistent_with: Signs::of(&[
            WayClear, PortOpens, GenuineListener, UncertainListener, WayTherePasses, LargeVanish,
            AnswersVanish, EchoesVanish, SizesUntestable,
        ]),
        requires: Signs::of(&[LargeVanish, AnswersVanish, EchoesVanish, LargeHeld]),
        rarely: Signs::of(&[Ignored, ServedThenHeld, CompletedThenHeld]),
        // A box that drops only SYNs with much data, or large echo requests, would look the same.
        firmest: Likely,
        ..Hypothesis::plain(Cause::MtuBlackHole)
    },
    Hypothesis {
        consistent_with: Signs::of(&[
            WayClear, PortOpens, GenuineListener, UncertainListener, SizesPass, WayTherePasses,
            SizesUntestable,
        ]),
        requires: Signs::of(&[
            PortOpens, OpenUnseen, Began, Served, ServedThenHeld, Completed, CompletedThenHeld,
        ]),
        rarely: Signs::of(&[PortTranslated, Disowned, LargeHeld, Relayed, AnsweredAgain, Ignored]),
        covers: &[Cause::MtuBlackHole],
        ..Hypothesis::plain(Cause::Open)
    },
    Hypothesis {
        consistent_with: Signs::of(&[
            WayClear, PortResets, PortRefused, PortSilent, RationedByRouter, FragmentStops,
            FragmentsUnusable, ForgedReset, UnclearReset, UntestedReset, NearerThanHost, AtHost,
            UnknownDistance, RefusedByRouter, RefusedByTarget, FragmentRefused, FragmentHeld,
            TtlFirst, UnknownOrder, RefusalFirst, RefusedAtOnce, ReasonPolicy, ReasonHost,
            ReasonRoute, PortAlone, Everything,
        ]),
        requires: Signs::of(&[
            NearerThanHost, RefusedByRouter, FragmentRefused, RationedByRouter,
            UnseenRefusedByRouter, RefusedSinceByDevice, ResetNearer, ResetSince, RefusedNearer,
        ]),
        rarely: Signs::of(&[
            UnroutedForOthers, UnresolvedForOthers, UnseenRefusedByTarget, ResetNow, ResetAtLast,
            ResetsUnlabelled, SaysNoRoute, SaysNoNeighbor,
        ]),
        rare: true,
        doubted_by: Signs::of(&[UntestedReset]),
        placed_by: Some(Question::TtlCheckOrder),
        ..Hypothesis::plain(Cause::RejectPath)
    },
    Hypothesis {
        consistent_with: Signs::of(&[
            WayClear, PortResets, StackReset, UnclearReset, UntestedReset, AtHost, UnknownDistance,
        ]),
        requires: Signs::of(&[PortResets, ResetNow, ResetAtLast, ResetsLabelled]),
        rarely: Signs::of(&[NearerThanHost, StoppedResetting, ResetNearer, ResetSince]),
        doubted_by: Signs::of(&[UntestedReset]),
        ..Hypothesis::plain(Cause::Closed)
    },
    Hypothesis {
        consistent_with: Signs::of(&[
            WayClear, PortResets, PortRefused, PortSilent, RationedByTarget, TraceToHost,
            TraceToEdge, TraceUnclear, TraceStopsAll, FragmentArrives, FragmentsUnusable,
            OtherRangeSilent, AckSilent, ForgedReset, UnclearReset, UntestedReset, AtHost,
            UnknownDistance, RefusedByTarget, RefusedAtOnce, FragmentHeld, KernelRefusal,
            FinRefused,
        ]),
        requires: Signs::of(&[
            ForgedReset, RefusedByTarget, RationedByTarget, UnseenRefusedByTarget,
            RefusedSinceByTarget, ResetsUnlabelled,
        ]),
        rarely: Signs::of(&[PortTranslated, FinResets, FinSilent, ResetNow, ResetAtLast]),
        rare: true,
        doubted_by: Signs::of(&[UntestedReset]),
        ..Hypothesis::plain(Cause::RejectHost)
    },
    Hypothesis {
        consistent_with: FILTERED.with(&[TraceInPath, TraceUnclear, FragmentStops]),
        requires: Signs::of(&[TraceInPath, NotForwarded, NotPassedOn]),
        rarely: REFUSED_TO_OTHERS.with(&[OtherRangeAnswers, ReceivedHere]),
        ..Hypothesis::plain(Cause::DropPath)
    },
    Hypothesis {
        consistent_with: FILTERED.with(&[
            TraceToEdge, TraceUnclear, TraceStopsAll, FragmentArrives, OtherRangeAnswers, AckSilent,
        ]),
        requires: Signs::of(&[OtherRangeAnswers, UnheardBehind, AnswersStopped]),
        rarely: REFUSED_TO_OTHERS.with(&[AckResets, UnheardHere]),
        rare: true,
        firmest: Likely,
        ..Hypothesis::plain(Cause::DropReturn)
    },
    Hypothesis {
        consistent_with: SILENT.with(&[
            TraceToHost, TraceToEdge, TraceUnclear, FragmentArrives, AckResets, FinSilent,
            OtherRangeSilent, ExtrasSilent,
        ]),
        requires: Signs::of(&[AckResets, Backlog, AnsweredAgain]),
        rarely: REFUSED_TO_OTHERS.with(&[Stopped, Ignored, AtServer, ReceivedHere]),
        disputed: Possible,
        ..Hypothesis::plain(Cause::ListenerOverloaded)
    },
    Hypothesis {
        consistent_with: FILTERED.with(&[
            TraceToHost, TraceToEdge, TraceUnclear, TraceStopsAll, FragmentArrives, AckSilent,
        ]),
        requires: Signs::of(&[FragmentArrives, TraceToHost]),
        rarely: REFUSED_TO_OTHERS.with(&[AckResets, OtherRangeAnswers, AtServer, ReceivedHere]),
        observed: Possible,
        ..Hypothesis::plain(Cause::DropHost)
    },
    Hypothesis {
        consistent_with: FILTERED.with(&[TraceToEdge, TraceUnclear, FragmentStops, AckSilent]),
        requires: Signs::of(&[FragmentStops]),
        rarely: REFUSED_TO_OTHERS.with(&[AckResets, OtherRangeAnswers, AtServer]),
        firmest: Likely,
        observed: Possible,
        ..Hypothesis::plain(Cause::DropEdge)
    },
    Hypothesis {
        consistent_with: FILTERED.with(&[TraceToEdge, FragmentStops, FragmentArrives, AckSilent]),
        requires: Signs::of(&[TraceToEdge, AtServer, ReceivedHere]),
        rarely: REFUSED_TO_OTHERS.with(&[AckResets, OtherRangeAnswers, TraceInPath, NotPassedOn]),
        firmest: Likely,
        // Only if the TTL of the flow were rewritten on the way, or its way another one.
        far_fetched: Signs::of(&[TraceInPath]),
        covers: &[Cause::DropHost, Cause::DropEdge, Cause::ListenerOverloaded],
        ..Hypothesis::plain(Cause::DropEdgeOrHost)
    },
    Hypothesis {
        consistent_with: SILENT.with(&[
            TraceStopsAll, TraceBeyond, TraceUnclear, FragmentStops, FragmentArrives,
        ]),
        requires: Signs::of(&[PortSilent, OneWayResent]),
        rarely: REFUSED_TO_OTHERS.with(&[Stopped, StoppedResetting]),
        firmest: Likely,
        // The host answers elsewhere, so somewhere is known to be wrong in part.
        doubted_by: Signs::of(&[HostAnswers]),
        settled_by: Signs::of(&[TraceBeyond]),
        covers: &[
            Cause::DropPath, Cause::DropEdge, Cause::DropHost, Cause::DropEdgeOrHost,
            Cause::DropReturn, Cause::ListenerOverloaded, Cause::NoNeighbor, Cause::NoRoute,
        ],
        ..Hypothesis::plain(Cause::DropSomewhere)
    },
];
