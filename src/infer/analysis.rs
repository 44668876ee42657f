//! One case: evidence, brief and time, with the views that several rooms share.

use std::cell::OnceCell;
use std::net::IpAddr;
use std::time::Duration;

use crate::model::endpoint::Family;
use crate::model::evidence::{Evidence, HeardReply, Trial};
use crate::model::probe::{Dscp, Extras, Flow, Kind, Probe, ProbeId, SourceRange, Target, Ttl};
use crate::model::reply::{Answer, Refusal, Reply};
use crate::model::time::Moment;

use super::job::{Ask, Control, ControlOrigin, Job};
use super::loss::Loss;
use super::observer::Symptom;

/// What a probe drew, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Response {
    /// SYN-ACK.
    SynAck,
    /// RST.
    Reset,
    /// ICMP destination unreachable.
    Refused(Refusal),
    /// Echo reply.
    Echo,
    /// Time exceeded in transit, packet too big, or another ICMP message from on the way.
    EnRoute,
    /// Reassembly time exceeded.
    Reassembly,
    /// Nothing, though waited for.
    Silence,
    /// Nothing yet.
    Pending,
    /// Not sent, or its silence is invalidated.
    Invalidated,
}

impl Response {
    /// Whether the address itself answered.
    pub(super) const fn is_answer(self) -> bool {
        matches!(
            self,
            Self::SynAck | Self::Reset | Self::Echo | Self::Reassembly
        )
    }
}

/// Evidence, brief and time. What every room asks for is worked out once.
#[derive(Debug)]
pub(super) struct Analysis<'a> {
    /// All facts.
    pub(super) evidence: &'a Evidence,
    /// What the diagnosis is held under.
    pub(super) job: &'a Job,
    /// The time of the judgement.
    pub(super) now: Moment,
    /// The kinds of probes that the tap saw leave, as a set of bits.
    departed: u8,
    /// What each trial drew, in the order sent.
    responses: Vec<Response>,
    control_trials: OnceCell<Vec<&'a Trial>>,
    answering_control: OnceCell<Option<u16>>,
    /// What only a bystander sees, where that decides.
    pub(super) symptom: OnceCell<Option<&'a Symptom>>,
}

const fn bit(kind: Kind) -> u8 {
    1 << match kind {
        Kind::Syn => 0,
        Kind::Ack => 1,
        Kind::Fin => 2,
        Kind::Echo => 3,
        Kind::Fragment => 4,
    }
}

/// What an answer is, in one word.
pub(super) const fn class(answer: &Answer) -> Response {
    match answer {
        Answer::SynAck { .. } => Response::SynAck,
        Answer::Reset => Response::Reset,
        Answer::Unreachable(refusal, _) => Response::Refused(*refusal),
        Answer::EchoReply { .. } => Response::Echo,
        Answer::ReassemblyTimeout(_) => Response::Reassembly,
        Answer::TimeExceeded(_) | Answer::TooBig { .. } | Answer::OtherIcmp { .. } => {
            Response::EnRoute
        }
    }
}

/// Whether a message only advises the sender: ICMP source quench and redirect (RFC 792), ICMPv6
/// redirect (RFC 4861). The probe goes its way all the same.
const fn is_advice(answer: &Answer) -> bool {
    matches!(
        answer,
        Answer::OtherIcmp {
            kind: 4 | 5 | 137,
            ..
        }
    )
}

impl<'a> Analysis<'a> {
    /// The case at `now`.
    pub(super) fn new(evidence: &'a Evidence, job: &'a Job, now: Moment) -> Self {
        let left = evidence.trials().iter().filter(|trial| trial.departed);
        let departed = left.fold(0, |bits, trial| bits | bit(trial.probe.kind));
        let mut analysis = Self {
            evidence,
            job,
            now,
            departed,
            responses: Vec::new(),
            control_trials: OnceCell::new(),
            answering_control: OnceCell::new(),
            symptom: OnceCell::new(),
        };
        let trials = evidence.trials().iter();
        analysis.responses = trials.map(|trial| analysis.read_response(trial)).collect();
        analysis
    }

    /// The address under diagnosis.
    pub(super) const fn address(&self) -> IpAddr {
        self.job.endpoint.address
    }

    /// When the evidence begins: with the diagnosis, or with the last change of the way to the target.
    pub(super) fn began(&self) -> Moment {
        let changed = self.evidence.changes().last();
        changed.map_or(self.job.began, |(at, _)| *at)
    }

    /// Its IP version.
    pub(super) const fn family(&self) -> Family {
        Family::of(self.job.endpoint.address)
    }

    /// Trials of probes that `pick` picks, in the order sent.
    pub(super) fn trials(
        &self,
        pick: impl Fn(&Probe) -> bool + 'a,
    ) -> impl Iterator<Item = &'a Trial> + 'a {
        self.evidence
            .trials()
            .iter()
            .filter(move |trial| pick(&trial.probe))
    }

    /// Full-TTL, unpadded SYNs from the client range to the port.
    pub(super) fn port_syns(&self) -> impl Iterator<Item = &'a Trial> + 'a {
        self.trials(|probe| is_plain_syn(probe, Target::Endpoint))
    }

    /// Full-TTL SYNs to one control port.
    pub(super) fn control_syns(&self, port: u16) -> impl Iterator<Item = &'a Trial> + 'a {
        self.trials(move |probe| is_plain_syn(probe, Target::Control(port)))
    }

    /// Full-TTL, unpadded echo requests.
    pub(super) fn echoes(&self) -> impl Iterator<Item = &'a Trial> + 'a {
        self.trials(|probe| {
            probe.kind == Kind::Echo && probe.ttl.is_full() && probe.padded_to.is_none()
        })
    }

    /// The reply that decides what a trial drew: the first that is more than a message from on the
    /// way, else the first of those. An error that this host sent itself is no answer of the network,
    /// and a redirect or source quench says nothing of what became of the probe.
    pub(super) fn telling<'t>(&self, trial: &'t Trial) -> Option<&'t HeardReply> {
        let told = || {
            trial
                .replies
                .iter()
                .filter(|heard| !self.is_own(&heard.reply) && !is_advice(&heard.reply.answer))
        };
        let decisive = told().find(|heard| class(&heard.reply.answer) != Response::EnRoute);
        decisive.or_else(|| told().next())
    }

    /// What the trial drew.
    pub(super) fn response(&self, trial: &Trial) -> Response {
        let ProbeId(number) = trial.id;
        let known = usize::try_from(number).ok().and_then(|number| {
            let index = number.checked_sub(1)?;
            self.responses.get(index).copied()
        });
        known.unwrap_or_else(|| self.read_response(trial))
    }

    fn read_response(&self, trial: &Trial) -> Response {
        match self.telling(trial) {
            Some(heard) => class(&heard.reply.answer),
            None if trial.refused.is_some() || trial.invalidated => Response::Invalidated,
            None if !trial.departed && self.departs(trial.probe.kind) => Response::Invalidated,
            None if trial.replies.iter().any(|heard| self.is_own(&heard.reply)) => {
                Response::Invalidated
            }
            // Connection tracking on this host may swallow an incomplete datagram.
            None if trial.probe.kind == Kind::Fragment && !trial.departed => Response::Invalidated,
            None if trial.expired.is_some() => Response::Silence,
            None => Response::Pending,
        }
    }

    /// Whether the tap ever saw a probe of this kind leave: then one that it did not see never left.
    /// (Behind this host's own address translation it recognises none.)
    const fn departs(&self, kind: Kind) -> bool {
        self.departed & bit(kind) != 0
    }

    /// Whether a reply was sent by this host about its own probe.
    pub(super) fn is_own(&self, reply: &Reply) -> bool {
        reply.from == self.job.vantage.source && !self.job.vantage.loopback
    }

    /// The first random control port.
    pub(super) fn random_control(&self) -> Option<u16> {
        self.controls(ControlOrigin::Random)
            .next()
            .map(|control| control.port)
    }

    /// The control ports of one origin.
    pub(super) fn controls(&self, origin: ControlOrigin) -> impl Iterator<Item = Control> + 'a {
        self.job
            .controls
            .iter()
            .copied()
            .filter(move |control| control.origin == origin)
    }

    /// The control that the host answers best: one that resets before one that opens; `None` when
    /// none answered.
    pub(super) fn answering_control(&self) -> Option<u16> {
        *self
            .answering_control
            .get_or_init(|| self.find_answering_control())
    }

    fn find_answering_control(&self) -> Option<u16> {
        let answers = |port: u16, wanted: Response| {
            self.control_syns(port)
                .any(|trial| self.response(trial) == wanted)
        };
        let ports = || self.job.controls.iter().map(|control| control.port);
        ports()
            .find(|port| answers(*port, Response::Reset))
            .or_else(|| ports().find(|port| answers(*port, Response::SynAck)))
    }

    /// Whether the address answered an echo request.
    pub(super) fn echo_answers(&self) -> bool {
        self.echoes()
            .any(|trial| self.response(trial) == Response::Echo)
    }

    /// Trials by which the path's loss is estimated: control ports and echo, where their like was
    /// answered at least once.
    pub(super) fn control_trials(&self) -> &[&'a Trial] {
        self.control_trials
            .get_or_init(|| self.find_control_trials())
    }

    fn find_control_trials(&self) -> Vec<&'a Trial> {
        let mut controls = Vec::new();
        for control in &self.job.controls {
            let trials: Vec<_> = self.control_syns(control.port).collect();
            if trials.iter().any(|trial| self.response(trial).is_answer()) {
                controls.extend(trials);
            }
        }
        if self.echo_answers() {
            controls.extend(self.echoes());
        }
        controls.sort_by_key(|trial| trial.id);
        controls
    }

    /// The loss of the path to the host and back, by the controls.
    pub(super) fn loss(&self) -> Loss {
        self.loss_until(self.now)
    }

    /// The same, by the controls sent until a moment.
    pub(super) fn loss_until(&self, moment: Moment) -> Loss {
        let mut loss = Loss::default();
        let until = |trial: &&&Trial| trial.sent <= moment;
        for trial in self.control_trials().iter().filter(until) {
            match self.response(trial) {
                Response::Silence => loss.lost += 1,
                Response::Pending
                | Response::Invalidated
                | Response::EnRoute
                | Response::Refused(_) => {}
                Response::SynAck | Response::Reset | Response::Echo | Response::Reassembly => {
                    loss.answered += 1;
                }
            }
        }
        loss
    }

    /// How many controls were answered within a span.
    pub(super) fn controls_answered_between(&self, from: Moment, to: Moment) -> usize {
        self.control_trials()
            .iter()
            .filter(|trial| trial.sent >= from && trial.sent <= to)
            .filter(|trial| self.response(trial).is_answer())
            .count()
    }

    /// The largest round-trip time of anything that answers at once (not of refusals, which may wait
    /// for ARP, nor of reassembly timers); a generous guess before any.
    pub(super) fn round_trip(&self) -> Duration {
        self.prompt().max().unwrap_or(Duration::from_millis(100))
    }

    /// The same; `None` before any.
    pub(super) fn slowest_round_trip(&self) -> Option<Duration> {
        self.prompt().max()
    }

    /// The least of those; `None` before any.
    pub(super) fn least_round_trip(&self) -> Option<Duration> {
        self.prompt().min()
    }

    /// A SYN-ACK that the server repeated tells nothing of the way.
    fn prompt(&self) -> impl Iterator<Item = Duration> + '_ {
        let least = self.all_prompt().min().unwrap_or_default();
        let is_prompt = move |took: &Duration| !is_repetition(*took, least);
        self.all_prompt().filter(is_prompt)
    }

    fn all_prompt(&self) -> impl Iterator<Item = Duration> + '_ {
        self.evidence.trials().iter().filter_map(|trial| {
            let heard = self.telling(trial)?;
            let prompt = match heard.reply.answer {
                Answer::SynAck { .. }
                | Answer::Reset
                | Answer::EchoReply { .. }
                | Answer::TimeExceeded(_) => true,
                Answer::ReassemblyTimeout(_)
                | Answer::Unreachable(..)
                | Answer::TooBig { .. }
                | Answer::OtherIcmp { .. } => false,
            };
            prompt.then(|| heard.at.since(trial.sent))
        })
    }

    /// A probe wanted at once.
    pub(super) const fn now(&self, probe: Probe) -> Ask {
        Ask {
            probe,
            not_before: self.now,
        }
    }
}

/// The `nth` flow that no SYN of full TTL takes. Connection tracking on the way forgets a flow at the
/// first reset, and lets an ACK of a flow that it knows pass untranslated: what must not be confused
/// with such SYNs takes a flow of its own.
pub(super) fn spare_flow(analysis: &Analysis<'_>, nth: usize) -> u8 {
    let last = analysis.job.vantage.ephemeral_ports.len().saturating_sub(1);
    u8::try_from(last.saturating_sub(nth % 4)).unwrap_or(0)
}

/// Whether a probe is a full-TTL, unpadded SYN from the client range to `target`.
pub(super) fn is_plain_syn(probe: &Probe, target: Target) -> bool {
    probe.kind == Kind::Syn
        && probe.target == target
        && probe.ttl.is_full()
        && probe.padded_to.is_none()
        && probe.extras == Extras::Usual
        && probe.flow.range == SourceRange::Ephemeral
}

/// A plain SYN.
pub(super) const fn syn(target: Target, flow: u8) -> Probe {
    Probe::plain(Kind::Syn, target, Flow::ephemeral(flow))
}

/// A SYN that carries the DSCP mark.
pub(super) const fn marked_syn(target: Target, flow: u8) -> Probe {
    Probe {
        dscp: Dscp::MARK,
        ..syn(target, flow)
    }
}

/// A SYN that expires after `ttl` hops.
pub(super) const fn limited_syn(target: Target, flow: u8, ttl: u8) -> Probe {
    Probe {
        ttl: Ttl(ttl),
        ..syn(target, flow)
    }
}

/// An echo request.
pub(super) const fn echo() -> Probe {
    Probe::plain(Kind::Echo, Target::Host, Flow::ephemeral(0))
}

/// The numbers of trials.
pub(super) fn ids<'t>(trials: impl IntoIterator<Item = &'t Trial>) -> Vec<ProbeId> {
    trials.into_iter().map(|trial| trial.id).collect()
}

/// The hop that a datagram arriving with `ttl` was sent from, taking the least usual initial TTL
/// that fits (32 is not in use by any current stack) and a way back as long as the way there.
pub(crate) const fn hop_of_arrival(ttl: Ttl) -> u8 {
    let initial: u8 = if ttl.0 <= 64 {
        64
    } else if ttl.0 <= 128 {
        128
    } else {
        255
    };
    initial - ttl.0 + 1
}

/// When a server repeats a SYN-ACK whose ACK it lacks, after the first (`TCP_TIMEOUT_INIT`, doubled each
/// time).
const REPEATED_AT: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(7),
];
/// How much sooner or later such a repetition may come: timers of stacks, and the way.
const SOONER: Duration = Duration::from_millis(100);
const LATER: Duration = Duration::from_millis(500);

/// Whether a SYN-ACK that took `took` was the server's repetition, where round trips take `least`.
pub(super) fn is_repetition(took: Duration, least: Duration) -> bool {
    let late = took.saturating_sub(least);
    // On a way that takes as long itself nothing is told apart.
    least < Duration::from_millis(300)
        && REPEATED_AT
            .iter()
            .any(|at| late >= at.saturating_sub(SOONER) && late <= *at + LATER)
}
