//! A triage of some hundred endpoints in a network of its own: a prober, a router, and a target that
//! is reached at very many addresses, by block open, closed, refused or dropped.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv6Addr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use synquest::engine::policy::Policy;
use synquest::model::endpoint::Endpoint;
use synquest::model::outcome::Outcome;
use synquest::model::verdict::{Cause, Confidence};
use synquest::net::driver::{Event, Settings};
use synquest::net::{Stop, triage};

use super::listener::DATABASE;
use super::missing;
use super::namespace::Namespace;

/// What is true of a block of addresses, and what triage may say of it.
struct Block {
    about: &'static str,
    port: u16,
    may_be: &'static [Cause],
}

/// SYNs alone never show where something is dropped.
const SILENT: &[Cause] = &[Cause::DropSomewhere];
const OPEN: &[Cause] = &[Cause::Open];
const CLOSED: &[Cause] = &[Cause::Closed];
const REFUSED: &[Cause] = &[Cause::RejectHost, Cause::RejectPath];

const BLOCKS: [Block; 6] = [
    Block {
        about: "open",
        port: DATABASE,
        may_be: OPEN,
    },
    Block {
        about: "closed",
        port: DATABASE + 1,
        may_be: CLOSED,
    },
    Block {
        about: "refused by the host with an ICMP message",
        port: DATABASE,
        may_be: REFUSED,
    },
    Block {
        about: "refused by the router with an ICMP message",
        port: DATABASE,
        may_be: REFUSED,
    },
    Block {
        about: "dropped by the router",
        port: DATABASE,
        may_be: SILENT,
    },
    Block {
        about: "dropped by the host",
        port: DATABASE,
        may_be: SILENT,
    },
];

/// Addresses of a block.
const EACH: u16 = 60;

fn address(v6: bool, block: usize, last: u16) -> IpAddr {
    let block = u8::try_from(block).expect("few blocks");
    if v6 {
        let [block, last] = [u16::from(block), last];
        Ipv6Addr::new(0xfd64, 0, 0, block, 0, 0, 0, last).into()
    } else {
        [10, 64, block, u8::try_from(last).expect("few addresses")].into()
    }
}

/// Prober, router and target.
fn raise() -> Vec<Namespace> {
    let nodes = ["prober", "router", "target"].map(str::to_owned);
    let spaces = Namespace::make(&nodes);
    let [prober, router, target] = spaces.as_slice() else {
        panic!("three namespaces were asked for")
    };
    let quiet = [
        ("net/ipv4/ip_forward", "1"),
        ("net/ipv4/conf/all/rp_filter", "0"),
        ("net/ipv6/conf/all/forwarding", "1"),
        ("net/ipv6/conf/all/accept_dad", "0"),
        ("net/ipv6/conf/default/accept_dad", "0"),
    ];
    let quiet = quiet.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let batch = |space: &Namespace, batch: &str| {
        space.set(&quiet, true);
        space.run(Command::new("ip").args(["-b", "-"]), batch);
    };
    batch(
        prober,
        &format!(
            "link set dev lo up\n\
             link add name eth0 type veth peer name near netns {}\n\
             link set dev eth0 up\n\
             addr add 10.63.0.1/24 dev eth0\n\
             addr add fd63::1/64 dev eth0 nodad\n",
            router.name()
        ),
    );
    batch(
        router,
        &format!(
            "link set dev lo up\n\
             link add name far type veth peer name eth0 netns {}\n\
             link set dev near up\n\
             link set dev far up\n\
             addr add 10.63.0.2/24 dev near\n\
             addr add fd63::2/64 dev near nodad\n\
             addr add 10.63.1.1/24 dev far\n\
             addr add fd63:0:0:1::1/64 dev far nodad\n",
            target.name()
        ),
    );
    batch(
        target,
        "link set dev lo up\n\
         link set dev eth0 up\n\
         addr add 10.63.1.2/24 dev eth0\n\
         addr add fd63:0:0:1::2/64 dev eth0 nodad\n\
         route add local 10.64.0.0/16 dev lo\n\
         route add local fd64::/32 dev lo\n\
         route add default via 10.63.1.1\n\
         route add default via fd63:0:0:1::1\n",
    );
    batch(
        router,
        "route add 10.64.0.0/16 via 10.63.1.2\nroute add fd64::/32 via fd63:0:0:1::2\n",
    );
    batch(
        prober,
        "route add 10.64.0.0/16 via 10.63.0.2\nroute add fd64::/32 via fd63::2\n",
    );
    let rules = |space: &Namespace, hook: &str, refused: usize, dropped: usize| {
        let text = format!(
            "table inet filter {{ chain it {{ type filter hook {hook} priority 0\n\
             ip daddr 10.64.{refused}.0/24 tcp dport 3306 reject with icmp type admin-prohibited\n\
             ip6 daddr fd64:0:0:{refused}::/64 tcp dport 3306 reject with icmpv6 type admin-prohibited\n\
             ip daddr 10.64.{dropped}.0/24 tcp dport 3306 drop\n\
             ip6 daddr fd64:0:0:{dropped}::/64 tcp dport 3306 drop\n\
             }}\n}}\n"
        );
        space.run(Command::new("nft").args(["-f", "-"]), &text);
    };
    rules(target, "input", 2, 5);
    rules(router, "forward", 3, 4);
    spaces
}

/// Lets the neighbours find each other first: what waits for one of them, as SYN-ACKs do, is sent once
/// more by its own timer and would then arrive twice.
fn acquaint(prober: &Namespace) {
    for v6 in [false, true] {
        let closed = (address(v6, 1, 1), 9).into();
        let met = || TcpStream::connect_timeout(&closed, Duration::from_secs(10));
        let error = prober.enter(met).expect_err("nothing listens there");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{closed}");
    }
}

fn endpoints() -> Vec<Endpoint> {
    let mut endpoints = Vec::new();
    for v6 in [false, true] {
        for (number, block) in BLOCKS.iter().enumerate() {
            endpoints.extend((1..=EACH).map(|last| Endpoint {
                given: block.about.to_owned(),
                address: address(v6, number, last),
                port: block.port,
                label: None,
            }));
        }
    }
    endpoints
}

#[test]
fn triage_tells_open_closed_refused_and_silent_endpoints_apart() {
    if let Some(reason) = missing() {
        assert!(
            std::env::var_os("CI").is_none(),
            "the lab cannot run: {reason}"
        );
        eprintln!("==== TRIAGE WAS SKIPPED: {reason} ====");
        return;
    }
    let spaces = raise();
    let [prober, _, target] = spaces.as_slice() else {
        panic!("three namespaces were made")
    };
    acquaint(prober);
    let listener = target.enter(|| {
        let any: IpAddr = Ipv6Addr::UNSPECIFIED.into();
        let listener = TcpListener::bind((any, DATABASE)).expect("a free port");
        listener.set_nonblocking(true).expect("O_NONBLOCK");
        listener
    });
    let endpoints = endpoints();
    let settings = Settings {
        policy: Policy {
            rate: 500,
            ..Policy::default()
        },
        ..Settings::default()
    };
    let mut outcomes: BTreeMap<usize, Outcome> = BTreeMap::new();
    let tally = prober.enter(|| {
        let stop = Stop::new().expect("a pipe");
        triage::run(&endpoints, &settings, &stop, &mut |event| {
            if let Event::Settled(session, outcome) = event {
                let before = outcomes.insert(session.0, outcome);
                assert_eq!(before, None, "an endpoint settles once");
            }
        })
        .expect("a triage")
    });
    assert_eq!(outcomes.len(), endpoints.len());
    let (mut sent, mut unanswered) = (0, 0);
    for (place, outcome) in &outcomes {
        let verdict = &outcome.finding.verdict;
        let about = &endpoints[*place].given;
        let block = BLOCKS.iter().find(|block| block.about == about);
        let block = block.expect("an endpoint of a block");
        assert_eq!(outcome.endpoint, endpoints[*place]);
        assert!(
            block.may_be.contains(&verdict.cause),
            "{} is {about}: told as {} ({}): {}",
            outcome.endpoint,
            verdict.cause,
            verdict.confidence.word(),
            verdict.summary
        );
        assert!(verdict.confidence < Confidence::Proven, "{verdict:?}");
        let trials = outcome.evidence.trials();
        let syns = trials.len();
        match block.may_be {
            SILENT => assert_eq!(syns, 3, "{about}"),
            // Most refusals are withheld by the limit on ICMP errors.
            REFUSED => unanswered += u64::from(trials.iter().all(|trial| trial.replies.is_empty())),
            _ => assert_eq!(syns, 1, "{about}"),
        }
        sent += u64::try_from(syns).expect("a few");
    }
    assert_eq!(
        listener.accept().map_err(|error| error.kind()).err(),
        Some(std::io::ErrorKind::WouldBlock)
    );
    let answering = u64::from(EACH) * 2 * 4 - unanswered;
    assert_eq!(tally.replies, answering, "each answers one SYN once");
    assert_eq!(tally.sent, sent);
}
