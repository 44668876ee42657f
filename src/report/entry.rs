//! The evidence as entries: one a probe, with what became of it in nmap's words.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::model::evidence::{HeardReply, LocalRefusal, ReceivedBy, Trial};
use crate::model::outcome::Outcome;
use crate::model::probe::{Kind, SourceRange, Target};
use crate::model::reply::{Answer, Flaw, Quote, Refusal};
use crate::model::response::ProbeOutcome;
use crate::model::time::micros;
use crate::model::vantage::Vantage;
use crate::model::word::Known;

/// One probe and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvidenceEntry {
    /// Its number, from 1: what `basis` cites.
    pub id: u32,
    /// When it was sent, in microseconds since the run began.
    pub at_us: u64,
    /// What was sent.
    pub probe: Known<Kind>,
    /// The TCP port it was sent to; `None` for probes of the host itself.
    pub target_port: Option<u16>,
    /// TTL it left with.
    pub ttl: u8,
    /// What came of it: the first reply in nmap's words, `silent`, `refused` or `pending`; where no
    /// client would take what came for an answer, `misaddressed` or `bad-checksum`.
    pub outcome: Known<ProbeOutcome>,
    /// Source address of the first reply: what it claims.
    pub from: Option<IpAddr>,
    /// Number, from 1, of the frame of the run's capture file in which it left; `None` without a
    /// capture, or when it never left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packet: Option<u64>,
    /// Numbers, from 1, of the frames of the run's capture file that hold its replies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reply_packets: Vec<u64>,
    /// What else says something.
    pub details: Details,
}

/// What else an entry has to say; absent fields say nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// Source port of a TCP probe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_port: Option<u16>,
    /// `privileged`, when the source port is below 1024.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_range: Option<String>,
    /// Which of the session's flows, when not the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow: Option<u8>,
    /// Length of the datagram a SYN or an echo request was padded to, in octets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u16>,
    /// Length of the datagram in which the reply to a padded echo request came; of one in pieces,
    /// that of the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_received: Option<u16>,
    /// `true` when an echo reply came in fragments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_pieces: Option<bool>,
    /// What a SYN carried, where not a client's usual options: `none`, or `ecn` besides them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<String>,
    /// DSCP the probe left with, when not zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dscp_sent: Option<u8>,
    /// DSCP of the reply, when it or the probe's is not zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dscp_received: Option<u8>,
    /// Flow label of an IPv6 reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow_label: Option<u32>,
    /// TTL of the reply on arrival.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrival_ttl: Option<u8>,
    /// Window of a SYN-ACK.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<u16>,
    /// Maximum segment size of a SYN-ACK.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mss: Option<u16>,
    /// Next-hop MTU of a `too-big`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u16>,
    /// ICMP type, where the outcome's word does not name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icmp_type: Option<u8>,
    /// ICMP code, where the outcome's word does not name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icmp_code: Option<u8>,
    /// DSCP of our probe as an ICMP error quotes it, when the path rewrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quoted_dscp: Option<u8>,
    /// TTL of our probe as an ICMP error quotes it, when it had not run out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quoted_ttl: Option<u8>,
    /// Source address of our probe as an ICMP error quotes it, when it is not ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quoted_source: Option<IpAddr>,
    /// Destination of our probe as an ICMP error quotes it, when it was translated by then; port 0 of
    /// a probe without ports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quoted_destination: Option<SocketAddr>,
    /// What the answer says, where the outcome says what is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Known<ProbeOutcome>>,
    /// The port a misaddressed answer comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_port: Option<u16>,
    /// Time to the reply, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtt_us: Option<u64>,
    /// `tap` or `stack`, when only that receiver heard the reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heard_by: Option<Known<ReceivedBy>>,
    /// Why the kernel refused to send, as errno's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errno: Option<String>,
    /// `false` when the probe drew nothing and was never seen leaving the interface.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub departed: Option<bool>,
    /// `true` when frames were lost locally while it waited: its silence means nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub void: Option<bool>,
    /// The diagnosis that sent it, where this one did not: it concerns the address, not the port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared: Option<Shared>,
    /// Further valid replies to the same probe.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Also>,
}

/// A diagnosis into another port of the same address that sent a shared probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    /// That port.
    pub port: u16,
    /// The probe's number there.
    pub id: u32,
}

impl Shared {
    /// Who sent it, as a remark.
    pub(super) fn words(self) -> String {
        format!("sent for port {}, #{} there", self.port, self.id)
    }
}

/// A further reply to a probe that was answered before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Also {
    /// When it was heard, in microseconds since the run began.
    pub at_us: u64,
    /// What it says.
    pub outcome: Known<ProbeOutcome>,
    /// Source address: what it claims.
    pub from: IpAddr,
    /// TTL on arrival.
    pub arrival_ttl: u8,
    /// What it says, where the outcome says what is wrong with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Known<ProbeOutcome>>,
    /// The port it comes from, where that is not the one that was asked or the address is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_port: Option<u16>,
}

impl EvidenceEntry {
    /// The entries of every probe of `outcome`, in the order sent.
    pub fn all(outcome: &Outcome) -> Vec<Self> {
        let trials = outcome.evidence.trials();
        trials
            .iter()
            .map(|trial| Self::new(trial, outcome.endpoint.port, &outcome.vantage))
            .collect()
    }

    fn new(trial: &Trial, endpoint_port: u16, vantage: &Vantage) -> Self {
        let target_port = match trial.probe.target {
            Target::Endpoint => Some(endpoint_port),
            Target::Control(port) => Some(port),
            Target::Host => None,
        };
        let mut details = Details::sent(trial, vantage, target_port.is_some());
        let shown = trial.first().or(trial.flawed.first());
        if let Some(heard) = shown {
            details.hear(trial, heard);
        }
        Self {
            id: trial.id.0,
            at_us: trial.sent.micros(),
            probe: trial.probe.kind.into(),
            target_port,
            ttl: trial.probe.ttl.0,
            outcome: trial.outcome().into(),
            from: shown.map(|heard| heard.reply.from),
            packet: None,
            reply_packets: Vec::new(),
            details,
        }
    }
}

impl Details {
    /// What the probe itself has to say.
    fn sent(trial: &Trial, vantage: &Vantage, over_tcp: bool) -> Self {
        let probe = trial.probe;
        let drew_nothing = trial.replies.is_empty() && trial.flawed.is_empty();
        let unanswered = drew_nothing && trial.refused.is_none();
        let privileged = probe.flow.range == SourceRange::Privileged;
        Self {
            // Of a shared probe it is one of the other diagnosis's.
            source_port: vantage
                .port(probe.flow)
                .filter(|_| over_tcp && trial.shared.is_none()),
            source_range: (over_tcp && privileged).then(|| "privileged".to_owned()),
            flow: (probe.flow.index > 0).then_some(probe.flow.index),
            size: probe.padded_to,
            options: probe.extras.word().map(str::to_owned),
            dscp_sent: (probe.dscp.0 > 0).then_some(probe.dscp.0),
            errno: trial.refused.map(LocalRefusal::errno),
            departed: (unanswered && !trial.departed).then_some(false),
            void: (unanswered && trial.invalidated).then_some(true),
            shared: trial.shared.map(|lender| Shared {
                port: lender.port,
                id: lender.probe.0,
            }),
            ..Self::default()
        }
    }

    /// Adds what the first reply, `heard`, has to say.
    fn hear(&mut self, trial: &Trial, heard: &HeardReply) {
        let reply = heard.reply;
        let sent = trial.probe.dscp;
        self.dscp_received = (reply.dscp.0 > 0 || sent.0 > 0).then_some(reply.dscp.0);
        self.flow_label = reply.flow_label;
        self.arrival_ttl = Some(reply.ttl.0);
        self.rtt_us = Some(micros(heard.at.since(trial.sent)));
        self.answer = flawed(heard);
        self.from_port = port_of(heard);
        self.heard_by = match (heard.by_tap, heard.by_stack) {
            (true, false) => Some(ReceivedBy::Tap.into()),
            (false, true) => Some(ReceivedBy::Stack.into()),
            (true, true) | (false, false) => None,
        };
        let mut quote: Option<Quote> = None;
        match reply.answer {
            Answer::SynAck { window, mss } => (self.window, self.mss) = (Some(window), mss),
            Answer::Reset => {}
            Answer::EchoReply { length, in_pieces } => {
                self.size_received = trial.probe.padded_to.map(|_| length);
                self.in_pieces = in_pieces.then_some(true);
            }
            Answer::TimeExceeded(quoted) | Answer::ReassemblyTimeout(quoted) => {
                quote = Some(quoted);
            }
            Answer::Unreachable(refusal, quoted) => {
                quote = Some(quoted);
                if let Refusal::Unknown(code) = refusal {
                    self.icmp_code = Some(code);
                }
            }
            Answer::TooBig { mtu, quote: quoted } => (self.mtu, quote) = (mtu, Some(quoted)),
            Answer::OtherIcmp { kind, code } => {
                (self.icmp_type, self.icmp_code) = (Some(kind), Some(code));
            }
        }
        if let Some(quote) = quote {
            self.quoted_dscp = (quote.dscp != sent).then_some(quote.dscp.0);
            self.quoted_ttl = (quote.ttl.0 > 1).then_some(quote.ttl.0);
            self.quoted_source = quote.foreign_source;
            self.quoted_destination = quote.foreign_destination;
        }
        let all = trial.replies.iter().chain(&trial.flawed);
        self.also = all.skip(1).map(Also::from).collect();
    }
}

/// What an answer says that no client would take.
fn flawed(heard: &HeardReply) -> Option<Known<ProbeOutcome>> {
    let answer = ProbeOutcome::of(&heard.reply.answer);
    heard.reply.flaw.map(|_| answer.into())
}

/// The port that a misaddressed answer comes from.
fn port_of(heard: &HeardReply) -> Option<u16> {
    match heard.reply.flaw {
        Some(Flaw::Misaddressed { port }) if port > 0 => Some(port),
        Some(Flaw::Misaddressed { .. } | Flaw::Checksum) | None => None,
    }
}

impl From<&HeardReply> for Also {
    fn from(heard: &HeardReply) -> Self {
        Self {
            at_us: heard.at.micros(),
            outcome: heard.reply.outcome().into(),
            from: heard.reply.from,
            arrival_ttl: heard.reply.ttl.0,
            answer: flawed(heard),
            from_port: port_of(heard),
        }
    }
}
