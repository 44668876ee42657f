//! What a capture says of each packet for people: what it is, and what it showed.

use crate::model::endpoint::Endpoint;
use crate::model::evidence::{LocalRefusal, Trial};
use crate::model::outcome::Outcome;
use crate::model::probe::{Dscp, Extras, Kind, Probe, ProbeId, SourceRange, Target};
use crate::model::reply::{Answer, Flaw, Reply};
use crate::model::time::spell;

/// What a probe is: `probe 17 · SYN ttl 3 to :3306`; `of` names its diagnosis.
pub(super) fn probe(id: ProbeId, of: &str, probe: &Probe, endpoint: &Endpoint) -> String {
    let kind = match (probe.kind, probe.target) {
        (Kind::Syn, _) => "SYN",
        (Kind::Ack, _) => "ACK that belongs to no connection,",
        (Kind::Fin, _) => "FIN that belongs to no connection,",
        (Kind::Echo, _) => "echo request",
        (Kind::Fragment, Target::Host) => "first fragment of an echo request, the rest never sent,",
        (Kind::Fragment, _) => "first fragment of a SYN, the rest never sent,",
    };
    let mut words = format!("probe {id}{of} · {kind} ttl {}", probe.ttl.0);
    match probe.target {
        Target::Endpoint => words.push_str(&format!(" to :{}", endpoint.port)),
        Target::Control(port) => words.push_str(&format!(" to control port :{port}")),
        Target::Host => {}
    }
    if probe.flow.range == SourceRange::Privileged {
        words.push_str(" from a privileged port");
    } else if probe.flow.index > 0 {
        words.push_str(&format!(" in flow {}", probe.flow.index));
    }
    if probe.dscp != Dscp::ZERO {
        words.push_str(&format!(" with DSCP {}", probe.dscp.0));
    }
    if let Some(octets) = probe.padded_to {
        words.push_str(&format!(" padded to {octets} octets"));
    }
    match probe.extras {
        Extras::Usual => {}
        Extras::Nothing => words.push_str(" without options"),
        Extras::Ecn => words.push_str(" with ECN"),
    }
    words
}

/// What a reply says: `time-exceeded from 10.9.2.2`.
pub(super) fn reply(reply: &Reply) -> String {
    let mut words = format!("{} from {}", reply.answer.word(), reply.from);
    match reply.answer {
        Answer::SynAck { window: 0, .. } => words.push_str(" with window 0"),
        Answer::TooBig { mtu: Some(mtu), .. } => words.push_str(&format!(" with MTU {mtu}")),
        Answer::OtherIcmp { kind, code } => words.push_str(&format!(" (type {kind} code {code})")),
        _ => {}
    }
    match reply.flaw {
        Some(Flaw::Checksum) => words.push_str(BROKEN),
        Some(Flaw::Misaddressed { port }) => {
            if port > 0 {
                words.push_str(&format!(" port {port}"));
            }
            words.push_str(ELSEWHERE);
        }
        None => {}
    }
    words
}

/// What is said of a reply whose checksum is wrong: the octets alone do not show it, since a right
/// one may be left to hardware.
pub(super) const BROKEN: &str = " with a wrong checksum";
/// What is said of a reply that comes from elsewhere than its probe went.
pub(super) const ELSEWHERE: &str = ", not from where the probe went";

/// What became of a probe that drew no answer.
pub(super) fn unanswered(trial: &Trial) -> String {
    match (trial.refused, trial.expired) {
        (Some(refusal), _) => format!("refused by this host ({})", refused(refusal)),
        (None, _) if trial.invalidated => "no answer, but frames were lost here: void".to_owned(),
        (None, Some(at)) => format!("no answer within {}", spell(at.since(trial.sent))),
        (None, None) => "the diagnosis ended before an answer".to_owned(),
    }
}

/// The verdict, its basis as packet numbers: `numbers` says in which packets a probe and its answers
/// stand.
pub(super) fn verdict(outcome: &Outcome, numbers: impl Fn(ProbeId) -> Vec<u64>) -> String {
    let verdict = &outcome.finding.verdict;
    let mut packets = Vec::new();
    let mut unseen = Vec::new();
    for id in &verdict.basis {
        let found = numbers(*id);
        if found.is_empty() {
            unseen.push(id.to_string());
        }
        packets.extend(found);
    }
    packets.sort_unstable();
    packets.dedup();
    let packets: Vec<String> = packets.iter().map(u64::to_string).collect();
    let mut words = format!(
        "verdict on {} · {} · {} ({})",
        outcome.endpoint,
        verdict.state.word(),
        verdict.cause,
        verdict.confidence.word(),
    );
    if let Some(method) = verdict.method {
        words.push_str(&format!(" with {}", method.word()));
    }
    words.push_str(&format!(" · {}", verdict.summary));
    if !packets.is_empty() {
        words.push_str(&format!(" · rests on packets {}", packets.join(", ")));
    }
    if !unseen.is_empty() {
        words.push_str(&format!(
            " · and on probes that never left: {}",
            unseen.join(", ")
        ));
    }
    words
}

/// The errno behind a refusal, in words.
const fn refused(refusal: LocalRefusal) -> &'static str {
    match refusal {
        LocalRefusal::Firewall => "its firewall",
        LocalRefusal::Prohibited => "a prohibit route",
        LocalRefusal::NoRoute => "no route",
        LocalRefusal::Blackhole => "a blackhole route",
        LocalRefusal::InterfaceDown => "interface down",
        LocalRefusal::Overload => "local queue full",
        LocalRefusal::TooLong => "longer than the path allows",
        LocalRefusal::SourceGone => "source address gone",
        LocalRefusal::Other(_) => "another errno",
    }
}
