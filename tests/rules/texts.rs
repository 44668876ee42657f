//! Texts as people have them, with the answers that are right.

use std::net::IpAddr;

use synquest::rules::decision::{Ruling, decide};
use synquest::rules::document::Document;
use synquest::rules::input;
use synquest::rules::packet::Packet;
use synquest::rules::ruleset::Family;
use synquest::rules::unreadable::Fault;

/// A question that a text is asked.
struct Asked {
    from: &'static str,
    to: Option<&'static str>,
    port: u16,
    by: [Option<&'static str>; 2],
}

/// From the internet to MySQL, with nothing else known.
const USUAL: Asked = Asked {
    from: "203.0.113.9",
    to: None,
    port: 3306,
    by: [None, None],
};
const BY_ETH0: Asked = Asked {
    by: [Some("eth0"), None],
    ..USUAL
};

/// An answer: the decision, what is likely where it depends, and the rule that is named.
type Answer = (Ruling, Option<Ruling>, Option<(&'static str, Option<u32>)>);

const ALLOWED: Ruling = Ruling::Allowed;
const BLOCKED: Ruling = Ruling::Blocked;
const DEPENDS: Ruling = Ruling::Depends;

macro_rules! text {
    ($name:literal) => {
        ($name, include_str!(concat!("texts/", $name)))
    };
}

/// Every text that can be read, its questions and their answers.
const TEXTS: [((&str, &str), Asked, Answer); 18] = [
    (
        text!("extensions-nft-cannot-print.nft"),
        Asked {
            from: "2001:db8::9",
            ..USUAL
        },
        (DEPENDS, None, Some(("INPUT", Some(5)))),
    ),
    (
        text!("devices-of-an-inet-ingress-chain.nft"),
        BY_ETH0,
        (BLOCKED, None, Some(("ing", Some(1)))),
    ),
    (
        text!("devices-of-a-netdev-chain.nft"),
        BY_ETH0,
        (BLOCKED, None, Some(("ingress", Some(1)))),
    ),
    (
        text!("hash-before-a-verdict-map.nft"),
        USUAL,
        (BLOCKED, None, Some(("input", Some(1)))),
    ),
    (
        text!("kube-proxy-node-port.nft"),
        Asked {
            port: 30306,
            ..BY_ETH0
        },
        (ALLOWED, None, Some(("forward", None))),
    ),
    (
        text!("two-comments-in-a-row.txt"),
        USUAL,
        (BLOCKED, None, Some(("INPUT", Some(3)))),
    ),
    (
        text!("destinations-that-exclude-each-other.txt"),
        USUAL,
        (ALLOWED, None, Some(("INPUT", None))),
    ),
    (
        text!("prose-behind-a-listing.txt"),
        USUAL,
        (DEPENDS, Some(BLOCKED), Some(("INPUT", Some(2)))),
    ),
    (
        text!("fence-in-prose.txt"),
        USUAL,
        (BLOCKED, None, Some(("INPUT", Some(4)))),
    ),
    (
        text!("error-of-a-shell.txt"),
        USUAL,
        (DEPENDS, Some(BLOCKED), Some(("INPUT", None))),
    ),
    (
        text!("docker-without-its-nat.txt"),
        BY_ETH0,
        (DEPENDS, None, Some(("INPUT", Some(6)))),
    ),
    (
        text!("names-of-services.txt"),
        USUAL,
        (BLOCKED, None, Some(("INPUT", Some(5)))),
    ),
    (
        text!("two-families-of-one-prompt.txt"),
        USUAL,
        (ALLOWED, None, Some(("INPUT", None))),
    ),
    (
        text!("reverse-path-of-firewalld.nft"),
        Asked {
            from: "2001:db8::9",
            port: 22,
            ..USUAL
        },
        (ALLOWED, None, Some(("filter_IN_public_allow", Some(1)))),
    ),
    (
        text!("docker-published-port.txt"),
        BY_ETH0,
        (ALLOWED, None, Some(("DOCKER", Some(2)))),
    ),
    (
        text!("docker-published-port.txt"),
        Asked {
            by: [Some("eth0"), Some("docker0")],
            ..USUAL
        },
        (ALLOWED, None, Some(("DOCKER", Some(2)))),
    ),
    (
        text!("service-without-endpoints.txt"),
        Asked {
            to: Some("10.100.0.6"),
            port: 80,
            ..BY_ETH0
        },
        (BLOCKED, None, Some(("KUBE-SERVICES", Some(1)))),
    ),
    (
        text!("banned-by-the-agent.txt"),
        Asked {
            from: "10.7.0.1",
            ..USUAL
        },
        (
            DEPENDS,
            Some(BLOCKED),
            Some(("IN_HIDS_MYSQLD_DENY_DROP", Some(2))),
        ),
    ),
];

fn packet(asked: &Asked) -> Packet {
    let address = |text: &str| text.parse::<IpAddr>().expect("an address");
    let [comes, goes] = asked.by.map(|name| name.map(str::to_owned));
    Packet {
        to: asked.to.map(address),
        in_interface: comes,
        out_interface: goes,
        ..Packet::opening(address(asked.from), Some(asked.port))
    }
}

fn answer(text: &str, asked: &Asked) -> Document {
    let packet = packet(asked);
    let ruleset = input::read(text, Family::of(packet.from)).expect("rules");
    Document::of(&ruleset, &decide(&ruleset, &packet), &[])
}

#[test]
fn texts_of_people_are_answered_rightly() {
    for ((name, text), asked, right) in &TEXTS {
        let document = answer(text, asked);
        let rule = document
            .rule
            .as_ref()
            .map(|rule| (rule.chain.as_str(), rule.number));
        let told = (document.decision, document.likely, rule);
        assert_eq!(told, *right, "{name}: {document:#?}");
        let bare = document
            .outcomes
            .iter()
            .any(|way| way.conditions.is_empty());
        assert!(document.decision != DEPENDS || !bare, "{name}");
    }
}

#[test]
fn most_texts_of_people_are_told_an_answer() {
    let open = |(_, _, (decision, likely, _)): &&((&str, &str), Asked, Answer)| {
        (*decision, *likely) == (DEPENDS, None)
    };
    let unknown = TEXTS.iter().filter(open).count();
    println!(
        "{unknown} of {} texts of people answered unknown",
        TEXTS.len()
    );
    assert!(
        unknown * 100 <= TEXTS.len() * 15,
        "{unknown} of {}",
        TEXTS.len()
    );
}

#[test]
fn what_nft_cannot_print_is_named() {
    let ((_, text), asked, _) = &TEXTS[0];
    let unknown = answer(text, asked).unknown.join("\n");
    assert!(unknown.contains("-m conntrack"), "{unknown}");
}

#[test]
fn the_reverse_path_is_told_beside_the_answer() {
    let found = TEXTS
        .iter()
        .find(|((name, _), ..)| name.starts_with("reverse-path"));
    let ((_, text), asked, _) = found.expect("the text");
    let warnings = answer(text, asked).warnings.join("\n");
    assert!(warnings.contains("fib saddr"), "{warnings}");
}

#[test]
fn the_ban_of_the_agent_comes_with_its_remedy() {
    let found = TEXTS
        .iter()
        .find(|((name, _), ..)| name.starts_with("banned"));
    let ((_, text), asked, _) = found.expect("the text");
    let document = answer(text, asked);
    let commands: Vec<&str> = document
        .remedy
        .iter()
        .map(|step| step.command.as_str())
        .collect();
    assert_eq!(commands, ["iptables -D IN_HIDS_MYSQLD_DENY_DROP 2"]);
}

#[test]
fn a_text_that_is_cut_off_says_where() {
    let (_, text) = text!("cut-off-in-a-chain.nft");
    let fault = input::read(text, Family::Ip).expect_err("no whole text");
    assert_eq!(fault.fault, Fault::CutOff(5));
}

#[test]
fn a_text_may_end_anywhere() {
    for ((name, text), asked, _) in &TEXTS {
        let packet = packet(asked);
        let marked = name.ends_with(".nft");
        // A table that is whole may be followed by others, which are missing then.
        let whole: Vec<usize> = text
            .match_indices("\n}")
            .map(|(at, _)| at + "\n}".len())
            .collect();
        for end in 0..text.len() {
            let Some(cut) = text.get(..end) else {
                continue;
            };
            match input::read(cut, Family::of(packet.from)) {
                Ok(ruleset) => {
                    let _decided = decide(&ruleset, &packet);
                    let begins = |rest: &str| "table".starts_with(rest.trim());
                    let between = whole.iter().any(|at| cut.get(*at..).is_some_and(begins));
                    assert!(
                        !marked || between,
                        "{name} is taken for whole at {end}: {cut}"
                    );
                }
                Err(fault)
                    if marked && cut.contains('{') && !matches!(fault.fault, Fault::CutOff(_)) =>
                {
                    panic!("{name}, cut at {end}: {fault}");
                }
                Err(_) => {}
            }
        }
    }
}
