//! The questions that the evidence can be asked, cheapest first, and the signs that answer them.
//!
//! This list is the only one: beside each question stand its occasion (given the signs of those before
//! it), its reader and its signs. `sign` makes the types of it, `judge` calls the readers. A question has
//! at most one sign at a time.

/// Hands the list to the macro `$then`.
macro_rules! questions {
    ($then:ident) => {
        $then! {
        /// What does a capture show that answers to single SYNs do not?
        // What each means is told where it is read.
        Symptom when |_| true, read by bystander::read_symptom {
            StackUnresolved, StackRefuses, UnseenRefusedByTarget, UnseenRefusedByRouter, OpenUnseen,
            RefusedSinceByTarget, RefusedSinceByDevice, ResetNearer, ResetSince, UnheardHere,
            UnheardBehind, AnswersStopped, Disowned, Backlog, Stopped, StoppedResetting, Began,
            ResetNow, ResetAtLast, AtTimes, LargeHeld, Relayed, AnsweredAgain, Ignored, Served,
            ServedThenHeld, Completed, CompletedThenHeld, NeighbourUnresolved, NotForwarded, AtServer,
            ReceivedHere, NotPassedOn, OneWayResent, OneWay, ResetsLabelled, ResetsUnlabelled,
            SaysNoRoute, SaysNoNeighbor,
        }

        /// Do probes leave this host, and do answers get past its own firewall?
        Way when |_| true, read by local::read_way {
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
        }

        /// What does a SYN to the port draw?
        // What never leaves draws nothing.
        Port when |seen| !seen.any(&[
                NextHopUnresolved,
                NeverLeaves,
                SendForbidden,
                SendUnrouted,
                SendImpaired,
                WayChanged,
            ]), read by answer::read_port {
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
        }

        /// Does a TCP stack or a packet filter send the reset?
        Origin when |seen| seen.any(&[PortResets]), read by reset::read_origin {
            /// A TCP stack: it copies the DSCP of the SYN (IPv6: or writes a flow label).
            StackReset,
            /// A packet filter: it does not, though another port of the host does.
            ForgedReset,
            /// The path or the host hides the difference.
            UnclearReset,
            /// The one test that tells the two apart came to nothing.
            UntestedReset,
        }

        /// Is the answer sent at the host's distance?
        Distance when |seen| seen.any(&[PortResets, PortRefused]), read by distance::read_distance {
            /// At the host's distance.
            AtHost,
            /// Nearer than the host.
            NearerThanHost,
            /// Nothing to compare with.
            UnknownDistance,
        }

        /// Does the SYN-ACK come from a listener?
        Listener when |seen| seen.any(&[PortOpens]), read by answer::read_listener {
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
        }

        /// Who sends the ICMP refusal?
        Refuser when |seen| seen.any(&[PortRefused]), read by refusal::read_refuser {
            /// The target's address.
            RefusedByTarget,
            /// Another address.
            RefusedByRouter,
        }

        /// Does a capture show that the refusal comes from nearer than the server's own answers?
        Nearness when |seen| seen.any(&[RefusedByRouter]), read by bystander::read_nearness {
            /// It does.
            RefusedNearer,
        }

        /// What does the refusal say?
        Reason when |seen| seen.any(&[PortRefused]), read by refusal::read_reason {
            /// No route.
            ReasonRoute,
            /// Host (address) unreachable.
            ReasonHost,
            /// A policy.
            ReasonPolicy,
        }

        /// Does the refusal come at once?
        Latency when |seen| seen.any(&[PortRefused]), read by refusal::read_latency {
            /// Within a round trip.
            RefusedAtOnce,
            /// After a resolution attempt of seconds.
            RefusedLate,
        }

        /// Does the refusing router check the TTL first?
        TtlCheckOrder when |seen| seen.any(&[PortRefused]), read by refusal::read_ttl_check_order {
            /// A SYN that expires on the refusing router is reported as expired: it has a route.
            TtlFirst,
            /// It is refused all the same.
            RefusalFirst,
            /// The same, and what it says is that there is no route.
            RouteMissing,
            /// The refusing router was not found by TTL.
            UnknownOrder,
        }

        /// Is everything on the address refused, or this port alone?
        // Whoever refuses in the name of the address answers for it elsewhere as well.
        Scope when |seen| seen.any(&[RefusedByRouter]), read by scope::read_scope {
            /// This port alone (or TCP alone).
            PortAlone,
            /// Every protocol and port tried.
            Everything,
        }

        /// Is the port forwarded to another machine than its address?
        Translation when |seen| seen.any(&[PortOpens, PortResets, PortRefused, PortSilent]), read by translation::read_translation {
            /// It is: what the address shows elsewhere says nothing of the port's machine.
            PortTranslated,
        }

        /// Is the refusal the host's own, or of a transparent box just before it?
        FragmentRefusal when |seen| seen.any(&[ForgedReset, RefusedByTarget]) && seen.any(&[AtHost, UnknownDistance]), read by silence::read_fragment_refusal {
            /// Refused although its rest never came: not by a host that reassembles first.
            FragmentRefused,
            /// Held.
            FragmentHeld,
            /// The ICMP error carries the precedence that the kernel's ICMP layer writes.
            KernelRefusal,
        }

        /// Do full-size packets get there, and back?
        Size when |seen| seen.any(&[PortOpens]), read by size::read_size {
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
        }

        /// By which pattern does the port answer only sometimes?
        Pattern when |seen| seen.any(&[PortMixed]), read by pattern::read_pattern {
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
        }

        /// Could a refusal have been withheld, because the device that refuses rations its errors?
        Ration when |seen| seen.any(&[PortSilent]), read by throttle::read_ration {
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

        /// Does anything on the address answer?
        Host when is_silent, read by silence::read_host {
            /// A control port or echo.
            HostAnswers,
            /// Nothing tried.
            HostSilent,
        }

        /// How far does the port's flow get?
        Trace when is_silent, read by locate::read_trace {
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
        }

        /// Does the port answer a bare ACK?
        Ack when is_silent, read by bare::read_ack {
            /// RST.
            AckResets,
            /// Nothing.
            AckSilent,
        }

        /// Does the port answer a bare FIN?
        Fin when |seen| {
                seen.any(&[AckResets])
                    || seen.any(&[RefusedByTarget])
                        && seen.any(&[ReasonRoute, ReasonHost])
                        && !seen.any(&[RefusedLate])
            }, read by bare::read_fin {
            /// RST.
            FinResets,
            /// Nothing.
            FinSilent,
            /// An ICMP refusal.
            FinRefused,
        }

        /// Does another range of source ports get an answer?
        // A reset that comes back to a client's port shows what SYNs from other ports would.
        Range when |seen| seen.any(&[PortSilent]) && !seen.any(&[AckResets]), read by bare::read_range {
            /// Yes.
            OtherRangeAnswers,
            /// No.
            OtherRangeSilent,
        }

        /// Does a SYN that carries something else get an answer?
        Extras when |seen| seen.any(&[PortSilent]) && seen.any(&[AckResets]), read by extras::read_extras {
            /// One without options does.
            OptionsMatter,
            /// One with the flags of ECN does.
            FlagsMatter,
            /// None does.
            ExtrasSilent,
        }

        /// Does the host reassemble a first fragment sent to the port?
        Fragment when is_silent, read by silence::read_fragment {
            /// The host's reassembly timer speaks for the port.
            FragmentArrives,
            /// It speaks for a control and not for the port.
            FragmentStops,
            /// It speaks for nothing.
            FragmentsUnusable,
        }
        }
    };
}

pub(super) use questions;
