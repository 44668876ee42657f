//! What is fuzzed: ordinary functions, so that the test suite compiles them and replays the corpus.
//!
//! Each takes any octets. It may not panic, hang or grow without bound; what else must hold, it asserts.

use std::io::Cursor;
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::time::Duration;

use synquest::capture::explain::explain;
use synquest::capture::read::Reader;
use synquest::engine::greeting::{Conversation, Turn};
use synquest::engine::policy::Policy;
use synquest::engine::{Heard, Key, Output, Prober, SessionId, Transmit};
use synquest::infer;
use synquest::model::endpoint::{Endpoint, Family};
use synquest::model::evidence::{LocalRefusal, ReceivedBy};
use synquest::model::time::Moment;
use synquest::model::vantage::Vantage;
use synquest::report::record::Record;
use synquest::report::{html, json, markdown, text};
use synquest::rules::decision::{decide, handshake};
use synquest::rules::document::Document;
use synquest::rules::given::Given;
use synquest::rules::input;
use synquest::rules::packet::Packet;
use synquest::rules::ruleset;
use synquest::sweep::list;
use synquest::sweep::results::{Judgement, survey};
use synquest::wire::compose::{self, Envelope};
use synquest::wire::dissect::{Content, dissect as packet};
use synquest::wire::greeting::Protocol;
use synquest::wire::peek::peek;
use synquest::wire::tcp::{Flags, Segment};

/// One target.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const ALL: [(&str, Target); 9] = [
    ("dissect", dissect),
    ("capture", capture),
    ("rules", rules),
    ("cloud", cloud),
    ("list", list),
    ("results", results),
    ("record", record),
    ("greeting", greeting),
    ("diagnosis", diagnosis),
];

/// A datagram as it comes from the network, by both of its readers.
pub fn dissect(octets: &[u8]) {
    let dissected = packet(octets);
    let peeked = peek(octets);
    if let (Ok(packet), Some(peeked)) = (dissected, peeked) {
        assert_eq!(
            (peeked.source, peeked.destination),
            (packet.source, packet.destination),
            "both readers tell the same of one packet"
        );
    }
}

/// A capture file.
pub fn capture(octets: &[u8]) {
    let Ok(reader) = Reader::open(Cursor::new(octets)) else {
        return;
    };
    explain(reader, &mut |_, _| ControlFlow::Continue(()));
}

/// A text with a host's rules: evaluated, unknown or refused.
pub fn rules(octets: &[u8]) {
    let text = String::from_utf8_lossy(octets);
    for (source, family) in [
        ("10.9.0.2", ruleset::Family::Ip),
        ("fd09::2", ruleset::Family::Ip6),
    ] {
        let packet = Packet::opening(address(source), Some(3306));
        if let Ok(ruleset) = input::read(&text, family) {
            let decision = decide(&ruleset, &packet);
            let later = handshake(&ruleset, &decision);
            Document::of(&ruleset, &decision, &later);
        }
    }
}

/// A document with a cloud's rules.
pub fn cloud(octets: &[u8]) {
    let mut given = Given::default();
    if given.add("fuzzed".to_owned(), octets).is_ok() {
        // What is no cloud's may be a host's, or nothing.
        let _host = given.settled().host(ruleset::Family::Ip);
    }
}

/// A list of endpoints.
pub fn list(octets: &[u8]) {
    let fitness = list::Fitness {
        expand: true,
        family: None,
        broadcasts: &[],
        service: &|name| (name == "mysql").then_some(3306),
    };
    let mut rows = 0;
    // A list that cannot be read is refused with its line.
    let _digest = list::read(octets, "fuzzed", None, &fitness, &mut |row| {
        rows += u32::from(row.is_ok());
        Ok(())
    });
    assert!(
        rows as usize <= octets.len().max(1) * 1100,
        "no more rows than octets unpack to"
    );
}

/// The results of a sweep that was killed.
pub fn results(octets: &[u8]) {
    let survey = survey::<std::io::Error>(octets, &mut |_, line| {
        Ok(if line.is_empty() {
            Judgement::Drop
        } else {
            Judgement::Keep
        })
    });
    let survey = survey.expect("memory is read to its end");
    let kept: u64 = survey
        .kept
        .iter()
        .map(|range| range.end - range.start)
        .sum();
    assert!(
        kept <= octets.len() as u64,
        "nothing is kept that is not there"
    );
}

/// A document of one endpoint, through every form that is made of it.
pub fn record(octets: &[u8]) {
    let Ok(record) = serde_json::from_slice::<Record>(octets) else {
        return;
    };
    let told = text::report(&record, 80);
    assert!(!told.is_empty(), "a report says something");
    let again = json::document(&record).expect("what was read can be written");
    let read: Record = serde_json::from_str(&again).expect("what was written can be read");
    assert_eq!(
        json::document(&read).expect("written"),
        again,
        "a document is written as it was read"
    );
    html::page(std::slice::from_ref(&record));
    markdown::page(std::slice::from_ref(&record));
}

/// What a server says after the handshake.
pub fn greeting(octets: &[u8]) {
    for asked in [
        None,
        Some(Protocol::Mysql),
        Some(Protocol::Postgres),
        Some(Protocol::Redis),
    ] {
        let mut conversation = Conversation::new(asked);
        let mut turns = 0;
        let mut turn = conversation.open();
        // In pieces, as a network cuts them.
        for piece in octets.chunks(7) {
            if matches!(turn, Turn::Leave(_)) {
                break;
            }
            turns += u32::from(matches!(turn, Turn::Say(_)));
            turn = conversation.hear(piece);
        }
        assert!(turns <= 4, "no server makes us talk without end");
        conversation.end(true);
    }
}

/// A history of frames, refusals, losses and pauses: it never panics, no packet with other numbers than ours
/// becomes an answer, the budget holds, and the verdict is the one that its evidence gives.
pub fn diagnosis(octets: &[u8]) {
    /// Datagrams sent that an answer may be made to.
    const MOST: usize = 256;
    /// Probes that may be sent.
    const BUDGET: u32 = 60;
    let mut script = octets.iter().copied();
    let policy = Policy {
        max_probes: BUDGET,
        ..Policy::default()
    };
    let family = match script.next() {
        Some(octet) if octet % 2 == 1 => Family::V6,
        _ => Family::V4,
    };
    let mut prober = Prober::new(policy, Key([5; 16]));
    let mut now = Moment::START;
    let session = prober.add(now, endpoint(family), vantage(family));
    let mut sent: Vec<Transmit> = Vec::new();
    while let Some(call) = script.next() {
        let by = [ReceivedBy::Tap, ReceivedBy::Stack][usize::from(call >> 7)];
        let heard = Heard::Arriving(by);
        let chosen = script.next().unwrap_or(0);
        let answered = sent.get(usize::from(chosen) % sent.len().max(1));
        match (call % 9, answered) {
            (0 | 1, _) => match prober.poll(now) {
                Output::Transmit(transmit) if sent.len() < MOST => sent.push(transmit),
                Output::WaitUntil(until) if call & 8 != 0 => now = now.max(until),
                Output::WaitUntil(_) => now = now.after(Duration::from_millis(chosen.into())),
                Output::Transmit(_) | Output::Settled(_) | Output::Idle => {}
            },
            (2, Some(transmit)) => {
                prober.handle_frame(now, Heard::Departing, &transmit.datagram);
            }
            (3, Some(transmit)) => {
                if let Some(answer) = answer(transmit, call, 0) {
                    prober.handle_frame(now, heard, &answer);
                }
            }
            (4, Some(transmit)) => {
                let before = replies(&prober, session, now);
                let wrong = 0x0001_0000_u32.saturating_mul(u32::from(chosen) + 1);
                if let Some(forged) = answer(transmit, call, wrong) {
                    prober.handle_frame(now, heard, &forged);
                }
                assert_eq!(
                    replies(&prober, session, now),
                    before,
                    "wrong numbers answer nothing"
                );
            }
            (5, Some(transmit)) => {
                if let Some(probe) = transmit.probe {
                    prober.handle_refusal(now, session, probe, LocalRefusal::Overload);
                }
            }
            (6, _) => prober.handle_drops(now, u64::from(chosen % 3)),
            (7, _) => prober.handle_gap(now, Duration::from_millis(chosen.into())),
            _ => {
                let garbage: Vec<u8> = script.by_ref().take(chosen.into()).collect();
                prober.handle_frame(now, heard, &garbage);
            }
        }
    }
    let mut outputs = 0;
    while !prober.is_settled(session) {
        if let Output::WaitUntil(until) = prober.poll(now) {
            assert!(until > now, "time goes on");
            now = until;
        }
        outputs += 1;
        assert!(outputs < 10_000, "a diagnosis comes to its end");
    }
    let job = prober.job(session).expect("a known session").clone();
    let outcome = prober.outcome(session, now);
    let own = outcome.evidence.trials().len();
    assert!(own <= BUDGET as usize, "the budget holds");
    let settled = job.began.after(outcome.elapsed);
    let again = infer::judge(&outcome.evidence, &job, settled).finding;
    assert_eq!(
        again, outcome.finding,
        "the verdict is what the evidence gives"
    );
}

fn replies(prober: &Prober, session: SessionId, now: Moment) -> usize {
    let evidence = prober.outcome(session, now).evidence;
    let trials = evidence.trials().iter();
    trials
        .map(|trial| trial.replies.len() + trial.flawed.len())
        .sum()
}

/// An answer to a segment that was sent, with a number that is `wrong` by so much; `None` for what is no
/// segment.
fn answer(transmit: &Transmit, kind: u8, wrong: u32) -> Option<Vec<u8>> {
    let sent = packet(&transmit.datagram).ok()?;
    let Content::Tcp(segment) = sent.content else {
        return None;
    };
    let flags = [
        Flags::SYN.with(Flags::ACK),
        Flags::RST.with(Flags::ACK),
        Flags::RST,
    ];
    let flags = *flags.get(usize::from(kind >> 4) % flags.len())?;
    let length = u32::from(segment.flags.contains(Flags::SYN));
    let reply = Segment::bare(
        segment.destination_port,
        segment.source_port,
        segment.acknowledgment.wrapping_add(wrong),
        segment.sequence.wrapping_add(length).wrapping_add(wrong),
        flags,
    );
    let envelope = Envelope {
        source: sent.destination,
        destination: sent.source,
        ttl: 60,
        traffic_class: 0,
        identification: 0,
        flow_label: 0,
        dont_fragment: true,
    };
    compose::segment(&envelope, &reply).ok()
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn endpoint(family: Family) -> Endpoint {
    Endpoint {
        given: "db1".into(),
        address: match family {
            Family::V4 => address("10.9.3.10"),
            Family::V6 => address("fd09:3::10"),
        },
        port: 3306,
        label: None,
    }
}

fn vantage(family: Family) -> Vantage {
    let (source, gateway) = match family {
        Family::V4 => ("10.9.0.2", "10.9.0.1"),
        Family::V6 => ("fd09::2", "fd09::1"),
    };
    Vantage {
        source: address(source),
        interface: "eth0".into(),
        gateway: Some(address(gateway)),
        mtu: 1500,
        loopback: false,
        ephemeral_ports: (40_000..40_016).collect(),
        privileged_ports: Vec::new(),
    }
}
