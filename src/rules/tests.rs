//! Rule sets and packets whose end the kernel was asked for.

mod changed;
mod commands;
mod damaged;
mod firewalld;
mod left_out;
mod owners;
mod pasted;
mod scripts;
mod sets;
mod surroundings;
mod translated;

use std::net::IpAddr;

use super::decision::{Decision, Ruling, decide, handshake};
use super::document::Document;
use super::input;
use super::packet::{Journey, Packet};
use super::ruleset::{Family, Ruleset};

const FROM: &str = "10.66.0.2";

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn read(rules: &str) -> Ruleset {
    input::read(rules, Family::Ip).expect("a rule set")
}

/// TCP port 3306 of the host with the rules.
fn packet() -> Packet {
    Packet::opening(address(FROM), Some(3306))
}

fn rules(rules: &str, packet: &Packet) -> Ruling {
    decide(&read(rules), packet).ruling
}

fn with_handshake(rules: &str, packet: &Packet) -> Document {
    let ruleset = read(rules);
    let first = decide(&ruleset, packet);
    let later = handshake(&ruleset, &first);
    Document::of(&ruleset, &first, &later)
}

/// A filter table whose INPUT has these rules and this policy.
fn input_chain(policy: &str, rules: &str) -> String {
    format!(
        "*filter\n:INPUT {policy} [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n{rules}COMMIT\n"
    )
}

#[test]
fn what_gets_no_answer_out_is_told_although_it_is_let_in() {
    let told = |policy: &str| {
        let ruleset = read(&format!(
            "*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT {policy} [0:0]\nCOMMIT\n"
        ));
        let first = decide(&ruleset, &packet());
        assert_eq!(first.ruling, Ruling::Allowed);
        let document = Document::of(&ruleset, &first, &[]);
        document
            .warnings
            .iter()
            .any(|warning| warning.contains("--handshake"))
    };
    assert!(told("DROP"));
    assert!(!told("ACCEPT"));
}

#[test]
fn facts_are_the_same_only_where_they_are_about_the_same() {
    let unknown_port = Packet {
        port: None,
        ..packet()
    };
    let table = |chain: &str| {
        format!(
            "table inet t {{\n chain input {{ type filter hook input priority 0; policy drop;\n{chain} }}\n}}\n"
        )
    };
    for (name, text) in [
        ("relation", table("tcp dport < 1024 drop\ntcp dport >= 1024 accept\n")),
        (
            "sets that begin alike",
            table("iifname { a0, b0, c0, d0, e0 } drop\niifname { a0, b0, c0, d0, f0 } accept\n"),
        ),
        (
            "sets of one name in two tables",
            "table inet a {\n set s { type inet_service; elements = { 80 } }\n chain input { type filter hook input priority 0; policy accept;\n tcp dport @s drop\n }\n}\n\
             table inet b {\n set s { type inet_service; elements = { 443 } }\n chain input { type filter hook input priority 10; policy drop;\n tcp dport @s accept\n }\n}\n"
                .to_owned(),
        ),
        (
            "a destination before and after its translation",
            "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -d 10.66.0.1/32 -j DROP\nCOMMIT\n\
             *nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -j REDIRECT --to-ports 3306\nCOMMIT\n\
             *filter\n:INPUT DROP [0:0]\n-A INPUT -d 10.66.0.1/32 -j ACCEPT\nCOMMIT\n"
                .to_owned(),
        ),
        (
            "listings that hide interfaces",
            "root@h:~# iptables -t mangle -L -n\nChain INPUT (policy ACCEPT)\ntarget     prot opt source               destination         \nDROP       0    --  0.0.0.0/0            0.0.0.0/0           \n\n\
             root@h:~# iptables -t filter -L -n\nChain INPUT (policy DROP)\ntarget     prot opt source               destination         \nACCEPT     0    --  0.0.0.0/0            0.0.0.0/0           \n"
                .to_owned(),
        ),
    ] {
        assert_eq!(rules(&text, &unknown_port), Ruling::Depends, "{name}");
    }
}

#[test]
fn what_is_known_not_to_hold_is_not_asked_again() {
    let unknown_port = Packet {
        port: None,
        ..packet()
    };
    let text = input_chain(
        "DROP",
        "-A INPUT -p tcp -m tcp --dport 1:1023 -j DROP\n-A INPUT -p tcp -m tcp --dport 1024:65535 -j DROP\n",
    );
    let decision = decide(&read(&text), &unknown_port);
    assert_eq!(decision.outcomes.len(), 2, "{:?}", decision.outcomes);
}

#[test]
fn each_way_to_an_end_is_told_with_what_matters_to_it() {
    let text = input_chain(
        "ACCEPT",
        "-A INPUT -m recent --name a --rcheck -j other\n-A INPUT -m time --timestart 10:00 --timestop 12:00 -j RETURN\n-A INPUT -m recent --name b --rcheck -j DROP\n-A other -p udp -j DROP\n",
    );
    let decision = decide(&read(&text), &packet());
    let told: Vec<(bool, Vec<(&str, bool)>)> = decision
        .outcomes
        .iter()
        .map(|outcome| {
            let assumed = outcome.assumed.iter();
            let assumed = assumed.map(|one| (one.fact.get(..7).unwrap_or(""), one.holds));
            (super::decision::is_blocked(outcome), assumed.collect())
        })
        .collect();
    assert_eq!(
        told,
        [
            (false, vec![("-m time", true)]),
            (false, vec![("-m rece", false)]),
            (true, vec![("-m time", false), ("-m rece", true)]),
        ]
    );
}

#[test]
fn what_is_hidden_may_stop_accept_or_give_back() {
    let ends = |decision: &Decision| {
        let (mut allowed, mut blocked) = (0, 0);
        for outcome in &decision.outcomes {
            if super::decision::is_blocked(outcome) {
                blocked += 1;
            } else {
                allowed += 1;
            }
        }
        (allowed, blocked)
    };
    let chain = input_chain("DROP", "-A INPUT -p tcp -j app\n-A INPUT -j DROP\n");
    let map = "table inet t {\n chain i { type filter hook input priority 0; policy drop;\n tcp dport vmap @services\n }\n}\n";
    for (name, text) in [("a chain", chain.as_str()), ("a map", map)] {
        let decision = decide(&read(text), &packet());
        assert_eq!(decision.ruling, Ruling::Depends, "{name}");
        assert_eq!(ends(&decision), (1, 2), "{name}");
    }
}

#[test]
fn what_was_learnt_of_a_destination_ends_with_its_translation() {
    let text = "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -d 10.66.0.1/32 -j MARK --set-xmark 0x1/0xffffffff\nCOMMIT\n\
        *nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -d 10.66.0.1/32 --dport 3306 -j DNAT --to-destination 10.77.0.9\nCOMMIT\n\
        *filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n-A FORWARD -d 10.77.0.9/32 -j ACCEPT\nCOMMIT\n";
    assert_eq!(rules(text, &packet()), Ruling::Depends);
}

#[test]
fn marks_and_sources_are_what_the_kernel_makes_of_them() {
    let table = |chains: &str| format!("table ip t {{\n{chains}}}\n");
    for (name, text, ruling) in [
        (
            "no connection yet, no mark of it",
            table(
                "chain pre { type filter hook prerouting priority raw; policy accept;\n ct mark set 0x5\n }\n\
                 chain b { type filter hook input priority 0; policy accept;\n ct mark 0x5 drop\n }\n",
            ),
            Ruling::Allowed,
        ),
        (
            "what copies a mark that is not there ends the rule",
            table(
                "chain pre { type filter hook prerouting priority raw; policy accept;\n meta mark set ct mark drop\n }\n",
            ),
            Ruling::Allowed,
        ),
        (
            "a translated source",
            table(
                "chain a { type nat hook input priority 100; policy accept;\n tcp dport 3306 snat to 9.9.9.9\n }\n\
                 chain b { type filter hook input priority 200; policy accept;\n ip saddr 9.9.9.9 drop\n }\n",
            ),
            Ruling::Depends,
        ),
        (
            "sources are translated whatever became of the destination",
            table(
                "chain pre { type nat hook prerouting priority -100; policy accept;\n tcp dport 3306 redirect to :3307\n }\n\
                 chain a { type nat hook input priority 100; policy accept;\n tcp dport 3307 drop\n }\n",
            ),
            Ruling::Blocked,
        ),
    ] {
        assert_eq!(rules(&text, &packet()), ruling, "{name}");
    }
}

#[test]
fn a_packet_to_its_own_host_leaves_and_comes_in() {
    let itself = Packet {
        journey: Journey::Outbound,
        to: Some(address("127.0.0.1")),
        ..Packet::opening(address("127.0.0.1"), Some(3306))
    };
    let closed = input_chain("DROP", "");
    assert_eq!(rules(&closed, &itself), Ruling::Blocked);
    let open = input_chain("DROP", "-A INPUT -i lo -j ACCEPT\n");
    assert_eq!(rules(&open, &itself), Ruling::Allowed);
    let egress = "table netdev t {\n chain e { type filter hook egress device \"eth1\" priority 0; policy accept;\n tcp dport 3306 drop\n }\n}\n";
    let away = Packet {
        journey: Journey::Outbound,
        to: Some(address("10.66.0.1")),
        out_interface: Some("eth1".to_owned()),
        ..packet()
    };
    assert_eq!(rules(egress, &away), Ruling::Blocked);
}

#[test]
fn later_packets_follow_their_connection() {
    let forwarded = Packet {
        to: Some(address("10.77.0.9")),
        in_interface: Some("eth0".to_owned()),
        out_interface: Some("eth1".to_owned()),
        source_port: Some(40_000),
        ..packet()
    };
    let input = packet();
    for (name, text, packet, ruling) in [
        (
            "an answer that is forwarded",
            "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A FORWARD -p tcp -m tcp --dport 3306 -j ACCEPT\nCOMMIT\n",
            &forwarded,
            Ruling::Blocked,
        ),
        (
            "an answer to what was not tracked",
            "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 3306 -j CT --notrack\nCOMMIT\n\
             *filter\n:INPUT ACCEPT [0:0]\n:OUTPUT DROP [0:0]\n-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\nCOMMIT\n",
            &input,
            Ruling::Blocked,
        ),
        (
            "the mark of the connection",
            "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 3306 -j CONNMARK --set-xmark 0x5/0xffffffff\nCOMMIT\n\
             *filter\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -m connmark --mark 0x5 -j DROP\nCOMMIT\n",
            &input,
            Ruling::Blocked,
        ),
        (
            "every way of the first packet",
            "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m time --timestart 08:00 --timestop 18:00 -m tcp --dport 3306 -j REDIRECT --to-ports 3307\nCOMMIT\n\
             *filter\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p tcp -m tcp --sport 3307 -j DROP\nCOMMIT\n",
            &input,
            Ruling::Depends,
        ),
        (
            "an address of the host that nobody gave",
            "*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT DROP [0:0]\n-A OUTPUT -s 10.66.0.5/32 -p tcp -m tcp --sport 3306 -j ACCEPT\nCOMMIT\n",
            &input,
            Ruling::Depends,
        ),
        (
            "the usual pair of rules",
            "*filter\n:INPUT DROP [0:0]\n:OUTPUT DROP [0:0]\n-A INPUT -p tcp -m tcp --dport 3306 -j ACCEPT\n-A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\nCOMMIT\n",
            &input,
            Ruling::Allowed,
        ),
    ] {
        let document = with_handshake(text, packet);
        assert_eq!(document.decision, ruling, "{name}: {document:#?}");
    }
}

#[test]
fn what_the_input_leaves_out_may_stop_what_it_lets_through() {
    let six = Packet::opening(address("2001:db8::1"), Some(3306));
    let forward = "*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n";
    let translation = "*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n";
    let legacy = format!(
        "# Warning: iptables-legacy tables present, use iptables-legacy-save to see them\n{}",
        input_chain("ACCEPT", "")
    );
    let open = input_chain("ACCEPT", "-A INPUT -s 10.66.0.2/32 -j ACCEPT\n");
    for (name, text, packet) in [
        ("the other IP version", open.as_str(), &six),
        ("the chain INPUT", forward, &packet()),
        ("the table filter", translation, &packet()),
        ("the legacy tables", &legacy, &packet()),
    ] {
        let decision = decide(&read(text), packet);
        assert_eq!(decision.ruling, Ruling::Depends, "{name}");
        assert_eq!(decision.missing.len(), 1, "{name}: {:?}", decision.missing);
    }
    assert_eq!(rules(&open, &packet()), Ruling::Allowed);
    let closed = legacy.replace("INPUT ACCEPT", "INPUT DROP");
    assert_eq!(rules(&closed, &packet()), Ruling::Blocked);
}

#[test]
fn a_published_port_is_followed_to_its_container() {
    let text = "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n-A DOCKER ! -i docker0 -p tcp -m tcp --dport 3306 -j DNAT --to-destination 172.17.0.2:3306\nCOMMIT\n\
        *filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n-A FORWARD -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 3306 -j ACCEPT\nCOMMIT\n";
    let published = Packet {
        to: Some(address("10.66.0.1")),
        in_interface: Some("eth0".to_owned()),
        out_interface: Some("docker0".to_owned()),
        ..packet()
    };
    let decision = decide(&read(text), &published);
    assert_eq!(decision.ruling, Ruling::Depends);
    let facts: Vec<&str> = decision
        .outcomes
        .iter()
        .flat_map(|outcome| &outcome.assumed)
        .map(|assumed| assumed.fact.as_str())
        .collect();
    assert!(facts.iter().all(|fact| fact.contains("LOCAL")), "{facts:?}");
}

#[test]
fn many_open_ways_end_the_search() {
    let jumps: String = (0..2000)
        .map(|number| format!("-A INPUT -m recent --rcheck --name r{number} -j other\n"))
        .collect();
    let text = input_chain("ACCEPT", &jumps).replace("COMMIT", "-A other -j RETURN\nCOMMIT");
    let decision = decide(&read(&text), &packet());
    assert!(decision.cut_short);
    assert_eq!(decision.ruling, Ruling::Depends);
}
