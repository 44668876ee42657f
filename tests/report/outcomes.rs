//! Outcomes made by hand, for the forms of a report.

use std::net::IpAddr;
use std::time::Duration;

use synquest::model::endpoint::Endpoint;
use synquest::model::evidence::{Evidence, Fact, LocalRefusal, NearMiss, NearMissKind, ReceivedBy};
use synquest::model::outcome::Outcome;
use synquest::model::path::{Hop, Sight};
use synquest::model::probe::{Dscp, Flow, Kind, Probe, ProbeId, Target, Ttl};
use synquest::model::reply::{Answer, Quote, Refusal, Reply};
use synquest::model::time::Moment;
use synquest::model::vantage::Vantage;
use synquest::model::verdict::{
    Alternative, Cause, Confidence, Finding, HopRef, Method, Place, PlaceKind, State, Verdict,
};
use synquest::report::record::{Record, Run};

/// A row of a path: TTL, address, what the endpoint flow and the control flow drew.
type Row = (u8, Option<&'static str>, Option<Sight>, Option<Sight>);

/// An outcome under construction.
struct Draft {
    outcome: Outcome,
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn draft(given: &str, target: &str, source: &str, gateway: &str) -> Draft {
    Draft {
        outcome: Outcome {
            endpoint: Endpoint {
                given: given.to_owned(),
                address: address(target),
                port: 3306,
                label: None,
            },
            vantage: Vantage {
                source: address(source),
                interface: "eth0".to_owned(),
                gateway: Some(address(gateway)),
                mtu: 1500,
                loopback: false,
                ephemeral_ports: vec![40_001, 40_002],
                privileged_ports: vec![901],
            },
            evidence: Evidence::new(),
            finding: Finding {
                verdict: Verdict {
                    state: State::Unknown,
                    cause: Cause::Inconclusive,
                    confidence: Confidence::Possible,
                    place: Place::of(PlaceKind::Unknown),
                    method: None,
                    summary: String::new(),
                    basis: Vec::new(),
                },
                alternatives: Vec::new(),
                path: Vec::new(),
                loss: None,
                notes: Vec::new(),
            },
            elapsed: Duration::from_millis(12_044),
        },
    }
}

fn syn(target: Target, ttl: u8) -> Probe {
    Probe {
        ttl: Ttl(ttl),
        ..Probe::plain(Kind::Syn, target, Flow::ephemeral(0))
    }
}

fn quote() -> Quote {
    Quote {
        dscp: Dscp::ZERO,
        ttl: Ttl(1),
        foreign_source: None,
        foreign_destination: None,
    }
}

fn hop(ttl: u8, address: Option<&str>) -> HopRef {
    HopRef {
        ttl,
        address: address.map(|text| text.parse().expect("an address")),
    }
}

impl Draft {
    /// Sends `probe` at `millis`; it left through the interface.
    fn send(&mut self, millis: u64, probe: Probe) -> ProbeId {
        let evidence = &mut self.outcome.evidence;
        let id = ProbeId(u32::try_from(evidence.trials().len()).expect("few") + 1);
        let at = Moment::from_nanos(millis * 1_000_000);
        evidence.record(at, Fact::Sent(id, probe));
        evidence.record(at, Fact::Departed(id));
        id
    }

    fn silent(&mut self, millis: u64, probe: Probe) -> ProbeId {
        let id = self.send(millis, probe);
        let end = Moment::from_nanos((millis + 1_000) * 1_000_000);
        self.outcome.evidence.record(end, Fact::Expired(id));
        id
    }

    /// Sends `probe` at `millis` and hears `answer` 400 µs later by `receivers`.
    fn heard(
        &mut self,
        millis: u64,
        probe: Probe,
        from: &str,
        ttl: u8,
        answer: Answer,
        ears: &[ReceivedBy],
    ) -> ProbeId {
        let id = self.send(millis, probe);
        self.hear(id, millis, from, ttl, answer, ears);
        id
    }

    fn hear(
        &mut self,
        id: ProbeId,
        millis: u64,
        from: &str,
        ttl: u8,
        answer: Answer,
        ears: &[ReceivedBy],
    ) {
        let from = address(from);
        let reply = Reply {
            from,
            ttl: Ttl(ttl),
            dscp: Dscp::ZERO,
            flow_label: from.is_ipv6().then_some(0x1_2345),
            answer,
            flaw: None,
        };
        let at = Moment::from_nanos(millis * 1_000_000 + 400_000);
        for by in ears {
            self.outcome
                .evidence
                .record(at, Fact::Replied(id, *by, reply));
        }
    }

    fn path(&mut self, hops: &[Row]) {
        for (ttl, from, endpoint_flow, control_flow) in hops {
            self.outcome.finding.path.push(Hop {
                ttl: *ttl,
                address: from.map(address),
                rtt: from.map(|_| Duration::from_micros(212 * u64::from(*ttl))),
                endpoint_flow: *endpoint_flow,
                control_flow: *control_flow,
                notes: Vec::new(),
            });
        }
    }

    fn rival(&mut self, cause: Cause, ruled_out: bool, because: &str, basis: &[ProbeId]) {
        self.outcome.finding.alternatives.push(Alternative {
            cause,
            ruled_out,
            because: because.to_owned(),
            basis: basis.to_vec(),
        });
    }

    fn verdict(&mut self) -> &mut Verdict {
        &mut self.outcome.finding.verdict
    }
}

const BOTH: [ReceivedBy; 2] = [ReceivedBy::Tap, ReceivedBy::Stack];

/// A drop between hops 2 and 3 of a VPN, with a rival that stays.
pub(crate) fn drop_path() -> Outcome {
    let mut draft = draft("db1.example:3306", "10.9.3.10", "10.9.0.2", "10.9.0.1");
    let control = Target::Control(51_234);
    let mut silent = Vec::new();
    let seen = draft.heard(
        5,
        syn(Target::Endpoint, 2),
        "10.9.1.2",
        63,
        Answer::TimeExceeded(quote()),
        &BOTH,
    );
    for millis in [10, 310, 910, 2_110, 4_510, 9_310] {
        silent.push(draft.silent(millis, syn(Target::Endpoint, 64)));
    }
    let beyond = draft.silent(9_400, syn(Target::Endpoint, 3));
    let control_beyond = draft.heard(
        9_500,
        syn(control, 3),
        "10.9.2.2",
        62,
        Answer::TimeExceeded(quote()),
        &BOTH,
    );
    let reset = draft.heard(
        9_600,
        syn(control, 64),
        "10.9.3.10",
        61,
        Answer::Reset,
        &BOTH,
    );
    let (time_exceeded, lost) = (Some(Sight::TimeExceeded), Some(Sight::Silent));
    draft.path(&[
        (1, Some("10.9.0.1"), time_exceeded, time_exceeded),
        (2, Some("10.9.1.2"), time_exceeded, time_exceeded),
        (3, Some("10.9.2.2"), lost, time_exceeded),
        (4, Some("10.9.3.10"), lost, Some(Sight::Reached)),
    ]);
    draft.outcome.finding.path[1]
        .notes
        .push("rewrites the DSCP of what it forwards".to_owned());
    draft.rival(
        Cause::Closed,
        true,
        "the host resets SYNs to closed ports, and never reset this one",
        &[reset],
    );
    draft.rival(
        Cause::DropHost,
        true,
        "hop 3 never saw the SYN",
        &[beyond, control_beyond],
    );
    draft.rival(
        Cause::DropEdge,
        true,
        "hop 3 never saw the SYN",
        &[beyond, control_beyond],
    );
    draft.rival(
        Cause::DropReturn,
        false,
        "answers of this very port could be lost on the way back",
        &[],
    );
    draft.outcome.finding.loss = Some((0.0, 0.02));
    let mut basis = vec![seen];
    basis.extend(silent);
    basis.extend([beyond, control_beyond, reset]);
    *draft.verdict() = Verdict {
        state: State::Filtered,
        cause: Cause::DropPath,
        confidence: Confidence::Confirmed,
        place: Place {
            after_hop: Some(hop(2, Some("10.9.1.2"))),
            before_hop: Some(hop(3, Some("10.9.2.2"))),
            ..Place::of(PlaceKind::Path)
        },
        method: None,
        summary: "SYNs to port 3306 vanish after hop 2 (10.9.1.2); hop 3 (10.9.2.2) still answers \
                  the control flow."
            .to_owned(),
        basis,
    };
    draft.outcome
}

/// A refusal by a router in the host's name, over the public network.
pub(crate) fn reject_path() -> Outcome {
    let mut draft = draft("203.0.113.9:3306", "203.0.113.9", "10.9.0.2", "10.9.0.1");
    draft.outcome.endpoint.label = Some("orders".to_owned());
    let probe = Probe {
        dscp: Dscp::MARK,
        ..syn(Target::Endpoint, 64)
    };
    let refused = draft.heard(
        5,
        probe,
        "203.0.113.9",
        63,
        Answer::Unreachable(
            Refusal::AdminProhibited,
            Quote {
                dscp: Dscp::ZERO,
                ttl: Ttl(62),
                foreign_source: Some(address("198.51.100.7")),
                foreign_destination: None,
            },
        ),
        &BOTH,
    );
    draft.path(&[
        (1, Some("10.9.0.1"), Some(Sight::TimeExceeded), None),
        (2, None, Some(Sight::Refused), None),
    ]);
    *draft.verdict() = Verdict {
        state: State::Filtered,
        cause: Cause::RejectPath,
        confidence: Confidence::Proven,
        place: Place::at(hop(2, None)),
        method: Some(Method::Icmp(Refusal::AdminProhibited)),
        summary: "A device 2 hops away refuses SYNs to port 3306 and writes the target's address \
                  on its refusal."
            .to_owned(),
        basis: vec![refused],
    };
    draft.outcome
}

/// A listening port, twice answered.
pub(crate) fn open() -> Outcome {
    let mut draft = draft("db1.example:mysql", "10.9.3.10", "10.9.0.2", "10.9.0.1");
    let answer = Answer::SynAck {
        window: 64_240,
        mss: Some(1_460),
    };
    let first = draft.heard(0, syn(Target::Endpoint, 64), "10.9.3.10", 61, answer, &BOTH);
    draft.hear(
        first,
        900,
        "10.9.3.10",
        62,
        Answer::Reset,
        &[ReceivedBy::Tap],
    );
    *draft.verdict() = Verdict {
        state: State::Open,
        cause: Cause::Open,
        confidence: Confidence::Proven,
        place: Place::of(PlaceKind::Host),
        method: None,
        summary: "Port 3306 answers SYN with SYN-ACK.".to_owned(),
        basis: vec![first],
    };
    draft.outcome.elapsed = Duration::from_micros(1_034);
    draft.outcome
}

/// An IPv6 path whose answers the host's own firewall discards; also names that misbehave.
pub(crate) fn local_ingress() -> Outcome {
    let mut draft = draft(
        "evil\x1b[2Jname:3306",
        "2001:db8:3::10",
        "2001:db8::2",
        "fe80::1",
    );
    draft.outcome.vantage.interface = "e;reboot".to_owned();
    let heard = draft.heard(
        0,
        syn(Target::Endpoint, 64),
        "2001:db8:3::10",
        61,
        Answer::Reset,
        &[ReceivedBy::Tap],
    );
    *draft.verdict() = Verdict {
        state: State::Filtered,
        cause: Cause::LocalIngress,
        confidence: Confidence::Proven,
        place: Place::of(PlaceKind::Local),
        method: None,
        summary: "The answers arrive on e;reboot and are discarded by this host.".to_owned(),
        basis: vec![heard],
    };
    draft.outcome.finding.notes = vec!["A note with a \u{202e}turned end.".to_owned()];
    draft.outcome
}

/// Full-size packets that vanish on an IPv6 path.
pub(crate) fn mtu_black_hole() -> Outcome {
    let mut draft = draft(
        "[2001:db8:3::10]:3306",
        "2001:db8:3::10",
        "2001:db8::2",
        "fe80::1",
    );
    let answer = Answer::SynAck {
        window: 64_240,
        mss: Some(1_440),
    };
    let padded = |size| Probe {
        padded_to: Some(size),
        ..syn(Target::Endpoint, 64)
    };
    let small = draft.heard(0, padded(1_280), "2001:db8:3::10", 61, answer, &BOTH);
    let large = draft.silent(100, padded(1_500));
    let again = draft.silent(1_100, padded(1_500));
    let time_exceeded = Some(Sight::TimeExceeded);
    draft.path(&[
        (
            1,
            Some("2001:db8:0:1234:5678:9abc:def0:1111"),
            time_exceeded,
            None,
        ),
        (2, Some("2001:db8:1::2"), time_exceeded, None),
        (
            3,
            Some("2001:db8:3::10"),
            Some(Sight::Reached),
            Some(Sight::Reached),
        ),
    ]);
    *draft.verdict() = Verdict {
        state: State::Open,
        cause: Cause::MtuBlackHole,
        confidence: Confidence::Likely,
        place: Place {
            after_hop: Some(hop(1, Some("2001:db8:0:1234:5678:9abc:def0:1111"))),
            ..Place::of(PlaceKind::Path)
        },
        method: None,
        summary: "SYNs of 1280 octets are answered, those of 1500 vanish without a message."
            .to_owned(),
        basis: vec![small, large, again],
    };
    draft.outcome
}

/// Nothing left this host.
pub(crate) fn local_egress() -> Outcome {
    let mut draft = draft("10.9.3.10:3306", "10.9.3.10", "10.9.0.2", "10.9.0.1");
    let id = ProbeId(1);
    let evidence = &mut draft.outcome.evidence;
    evidence.record(Moment::START, Fact::Sent(id, syn(Target::Endpoint, 64)));
    evidence.record(Moment::START, Fact::Refused(id, LocalRefusal::Firewall));
    let near_miss = NearMiss {
        kind: NearMissKind::Other,
        from: "10.9.3.10".parse().expect("an address"),
        ttl: Ttl(61),
        ports: [40_000, 3306],
        numbers: [1, 2],
    };
    evidence.record(Moment::START, Fact::NearMiss(Some(near_miss)));
    evidence.record(Moment::START, Fact::ReceiveDrops(3));
    *draft.verdict() = Verdict {
        state: State::Filtered,
        cause: Cause::LocalEgress,
        confidence: Confidence::Proven,
        place: Place::of(PlaceKind::Local),
        method: None,
        summary: "This host's own firewall does not let the probe out.".to_owned(),
        basis: vec![id],
    };
    draft.outcome.elapsed = Duration::from_micros(41);
    draft.outcome
}
pub(crate) fn record(outcome: &Outcome) -> Record {
    Record::new(outcome, &Run::new(Some(7), "2026-11-22T12:00:00Z"))
}

/// Every outcome made by hand, by name.
pub(crate) fn outcomes() -> [(&'static str, Outcome); 6] {
    [
        ("drop-path", drop_path()),
        ("reject-path", reject_path()),
        ("open", open()),
        ("local-ingress", local_ingress()),
        ("mtu-black-hole", mtu_black_hole()),
        ("local-egress", local_egress()),
    ]
}
