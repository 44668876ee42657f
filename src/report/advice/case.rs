//! The case in hand: what the advice for every cause needs to know of an outcome.

use std::net::IpAddr;

use super::piece::{Advice, Owner, Purpose};
use super::situation::{Reach, Scenario, Situation};
use crate::model::endpoint::Family;
use crate::model::evidence::LocalRefusal;
use crate::model::outcome::Outcome;
use crate::model::probe::{Extras, Kind, Probe, SourceRange, Target};
use crate::model::reply::Answer;
use crate::model::vantage::Vantage;
use crate::model::verdict::{PlaceKind, Verdict};
use crate::model::word::Known;
use crate::report::place;
use crate::report::record::{HopName, PlaceRecord};

/// One outcome, seen by its advice.
#[derive(Debug)]
pub(in crate::report) struct Case<'a> {
    pub(super) verdict: &'a Verdict,
    pub(super) outcome: &'a Outcome,
    pub(super) vantage: &'a Vantage,
    pub(super) target: IpAddr,
    pub(super) port: u16,
    pub(super) reach: Reach,
    pub(super) situation: &'a Situation,
}

impl<'a> Case<'a> {
    pub(super) fn of(outcome: &'a Outcome, situation: &'a Situation) -> Self {
        let target = outcome.endpoint.address;
        Self {
            verdict: &outcome.finding.verdict,
            outcome,
            vantage: &outcome.vantage,
            target,
            port: outcome.endpoint.port,
            reach: Reach::of(&outcome.vantage, target),
            situation,
        }
    }

    /// `iptables` or `ip6tables`.
    pub(super) const fn iptables(&self) -> &'static str {
        match Family::of(self.target) {
            Family::V4 => "iptables",
            Family::V6 => "ip6tables",
        }
    }

    /// `ip` with the option that makes it speak the target's family.
    pub(super) const fn ip(&self) -> &'static str {
        match Family::of(self.target) {
            Family::V4 => "ip",
            Family::V6 => "ip -6",
        }
    }

    /// The endpoint as an argument of this program.
    pub(super) fn argument(&self) -> String {
        match self.target {
            IpAddr::V4(address) => format!("{address}:{}", self.port),
            IpAddr::V6(address) => format!("'[{address}]:{}'", self.port),
        }
    }

    /// Another diagnosis of the endpoint, with `option` and what the user said of the way.
    pub(super) fn probe(&self, option: &str) -> String {
        let Situation {
            scenario,
            public_address,
        } = self.situation;
        let scenario = scenario.map(|scenario| match scenario {
            Scenario::CrossCloud => " --scenario cross-cloud",
            Scenario::OnPrem => " --scenario on-prem",
            Scenario::SameRegionVm => " --scenario same-region-vm",
        });
        let public = public_address.map(|address| format!(" --public-address {address}"));
        format!(
            "synquest probe{option}{}{} {}",
            scenario.unwrap_or_default(),
            public.unwrap_or_default(),
            self.argument()
        )
    }

    /// What the far side sees us as, and so must allow, as a noun phrase.
    pub(super) fn caller(&self) -> String {
        let source = self.vantage.source;
        match (self.reach, self.public_address()) {
            (Reach::Loopback | Reach::Public, _) => source.to_string(),
            (Reach::Neighbour | Reach::Private, _) => {
                format!("this instance's private address {source}")
            }
            (Reach::ThroughNat, Some(public)) => format!("this instance's EIP {public}"),
            (Reach::ThroughNat, None) => {
                "this instance's EIP (its public address, which the instance itself does not see; \
                 it is shown on the page where source and destination databases are configured)"
                    .to_owned()
            }
        }
    }

    /// The address the far side sees, as it is written in a rule or a command; a word in capitals
    /// where this instance does not know it.
    pub(super) fn seen_as(&self) -> String {
        match (self.reach, self.public_address()) {
            (Reach::ThroughNat, Some(public)) => public.to_string(),
            (Reach::ThroughNat, None) => "EIP".to_owned(),
            _ => self.vantage.source.to_string(),
        }
    }

    /// Our public address that the user gave, where it is of the target's family.
    fn public_address(&self) -> Option<IpAddr> {
        let given = self.situation.public_address;
        given.filter(|public| public.is_ipv4() == self.target.is_ipv4())
    }

    /// Whether an address translation may stand between, or both ends are public.
    pub(super) const fn is_public(&self) -> bool {
        matches!(self.reach, Reach::ThroughNat | Reach::Public)
    }

    /// Whether the user says that the database is where `scenario` says.
    pub(super) fn is_in(&self, scenario: Scenario) -> bool {
        self.situation.scenario == Some(scenario)
    }

    /// The place in words, or `otherwise`.
    pub(super) fn place_or(&self, otherwise: &str) -> String {
        place::phrase(&PlaceRecord::from(&self.verdict.place))
            .unwrap_or_else(|| otherwise.to_owned())
    }

    /// Who may discard what vanishes between two hops, as the subject of a sentence. A hop that
    /// reports a packet's TTL has not forwarded it yet, so its own filter is among them.
    pub(super) fn suspects(&self) -> String {
        let place = &self.verdict.place;
        let words = |hop| place::hop_phrase(HopName::from(hop));
        match (place.after_hop, place.before_hop) {
            (Some(after), Some(before)) => format!(
                "The forwarding filter of {}, something behind it, or what {} lets in",
                words(after),
                words(before)
            ),
            _ => format!("Something {}", self.place_or("on the path")),
        }
    }

    /// The last router that reports what goes to the port, in words.
    pub(super) fn last_router(&self) -> Option<String> {
        let hop = self.verdict.place.after_hop?;
        Some(place::hop_phrase(HopName::from(hop)))
    }

    /// The device that acted, in words, when it is identified.
    pub(super) fn device(&self) -> Option<String> {
        let hop = self.verdict.place.at_hop?;
        Some(place::hop_phrase(HopName::from(hop)))
    }

    /// Whether it happens on this host.
    pub(super) fn is_here(&self) -> bool {
        self.verdict.place.kind == PlaceKind::Local
    }

    /// Whether the host itself answered anything.
    pub(super) fn host_answers(&self) -> bool {
        self.answers_with(Answer::is_end_of_path)
    }

    /// Whether it answered a TCP segment of ours.
    pub(super) fn host_answers_tcp(&self) -> bool {
        self.answers_with(|answer| matches!(answer, Answer::SynAck { .. } | Answer::Reset))
    }

    fn answers_with(&self, pick: impl Fn(&Answer) -> bool) -> bool {
        let mut trials = self.outcome.evidence.trials().iter();
        trials.any(|trial| {
            let mut replies = trial.replies.iter();
            replies.any(|heard| heard.reply.from == self.target && pick(&heard.reply.answer))
        })
    }

    /// Whether what answers the port is not what the rest of the address is: its verdict lies on the
    /// path although a stack answered.
    pub(super) fn is_translated(&self) -> bool {
        self.verdict.place.kind == PlaceKind::Path
    }

    /// SYNs of full TTL to the port that were answered, of those that `pick` picks.
    fn answered(&self, pick: impl Fn(&Probe) -> bool) -> bool {
        let mut trials = self.outcome.evidence.trials().iter();
        trials.any(|trial| {
            let probe = &trial.probe;
            let full = probe.kind == Kind::Syn && probe.ttl.is_full();
            full && probe.target == Target::Endpoint
                && pick(probe)
                && trial.first().is_some_and(|heard| {
                    matches!(heard.reply.answer, Answer::SynAck { .. } | Answer::Reset)
                })
        })
    }

    /// Whether a SYN without options, or one that asks for ECN, was answered.
    pub(super) fn options_matter(&self) -> bool {
        self.answered(|probe| probe.extras != Extras::Usual)
    }

    /// Whether SYNs from source ports below 1024 were answered.
    pub(super) fn low_ports_answered(&self) -> bool {
        self.answered(|probe| probe.flow.range == SourceRange::Privileged)
    }

    /// Whether some SYNs pass what discards the others.
    pub(super) fn told_apart(&self) -> bool {
        self.options_matter() || self.low_ports_answered()
    }

    /// Whether probes of full TTL expired on the way.
    pub(super) fn loops(&self) -> bool {
        let mut trials = self.outcome.evidence.trials().iter();
        trials.any(|trial| {
            let mut replies = trial.replies.iter();
            trial.probe.ttl.is_full() && replies.any(|heard| heard.reply.answer.is_time_exceeded())
        })
    }

    /// What the kernel said last to a probe that it did not take.
    pub(super) fn last_refusal(&self) -> Option<LocalRefusal> {
        let trials = self.outcome.evidence.trials();
        trials.last().and_then(|trial| trial.refused)
    }

    /// Whether the evidence is an ordinary client's, read from somebody else's capture: no way out
    /// of this host was looked for.
    pub(super) const fn is_observed(&self) -> bool {
        self.vantage.interface.is_empty()
    }

    /// Who to turn to for what happens between the hops of the verdict.
    pub(super) fn network_team(&self) -> Known<Owner> {
        match (self.verdict.place.after_hop, self.verdict.place.before_hop) {
            (Some(after), Some(before)) => {
                format!("network team of hops {} to {}", after.ttl, before.ttl).into()
            }
            (Some(hop), None) | (None, Some(hop)) => {
                format!("network team of hop {}", hop.ttl).into()
            }
            (None, None) => Owner::NetworkTeam.into(),
        }
    }

    /// To hold the diagnosis again with more time.
    pub(super) fn again(&self) -> Advice {
        Advice::new(Owner::You, "Then test again.")
            .run(self.probe(""))
            .to(Purpose::Retest)
    }
}
