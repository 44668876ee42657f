//! Destinations that a map of nft gives: the kernel looks them up by the packet's own fields.

use super::{Ruling, packet, read, rules};
use crate::rules::decision::decide;
use crate::rules::document::Document;

fn told(text: &str) -> Document {
    let ruleset = read(text);
    Document::of(&ruleset, &decide(&ruleset, &packet()), &[])
}

/// A table that translates, its map if it has one, before one that forwards 10.0.0.6 alone.
fn translated(map: &str, rule: &str) -> String {
    format!(
        "table ip n {{\n{map}\tchain p {{\n\t\ttype nat hook prerouting priority dstnat; policy accept;\n\
         \t\t{rule}\n\t}}\n}}\ntable ip f {{\n\tchain w {{\n\t\ttype filter hook forward priority filter; \
         policy drop;\n\t\tip daddr 10.0.0.6 tcp dport 3306 accept\n\t\tip daddr 10.0.0.5 ip saddr 10.9.9.9 accept\n\
         \t}}\n}}\n"
    )
}

#[test]
fn what_a_map_gives_is_the_destination() {
    let named = "\tmap m {\n\t\ttype inet_service : ipv4_addr . inet_service\n\t\telements = { 3306 : 10.0.0.5 . 3307, 80 : 10.0.0.6 . 3306 }\n\t}\n";
    for (map, rule, ruling, remedy) in [
        (
            "",
            "dnat to tcp dport map { 3306 : 10.0.0.6, 80 : 10.0.0.5 }",
            Ruling::Allowed,
            "",
        ),
        (
            "",
            "dnat to tcp dport map { 3306 : 10.0.0.5, 80 : 10.0.0.6 }",
            Ruling::Blocked,
            "ip saddr 10.66.0.2 ip daddr 10.0.0.5 tcp dport 3306",
        ),
        (
            "",
            "dnat ip addr . port to tcp dport map { 3306 : 10.0.0.6 . 3306 }",
            Ruling::Allowed,
            "",
        ),
        (
            named,
            "dnat ip to tcp dport map @m",
            Ruling::Blocked,
            "ip daddr 10.0.0.5 tcp dport 3307",
        ),
        (
            "",
            "dnat ip to numgen inc mod 2 map { 0 : 10.0.0.5, 1 : 10.0.0.6 }",
            Ruling::Depends,
            "ip saddr 10.66.0.2 ip daddr 10.0.0.5 tcp dport 3306",
        ),
        (
            "",
            "dnat to 10.0.0.5-10.0.0.6 persistent",
            Ruling::Depends,
            "tcp dport 3306",
        ),
    ] {
        let document = told(&translated(map, rule));
        assert_eq!(document.decision, ruling, "{rule}: {document:#?}");
        let commands = document.commands().unwrap_or_default();
        assert!(commands.contains(remedy), "{rule}: {commands}");
        assert_eq!(commands.is_empty(), ruling == Ruling::Allowed, "{rule}");
    }
}

#[test]
fn a_map_without_the_port_leaves_the_packet_alone() {
    let rule = "dnat to tcp dport map { 5432 : 10.0.0.5 }";
    assert_eq!(rules(&translated("", rule), &packet()), Ruling::Allowed);
}

#[test]
fn a_map_that_is_not_shown_may_lead_anywhere() {
    let rule = "dnat ip to tcp dport map @m";
    assert_eq!(rules(&translated("", rule), &packet()), Ruling::Depends);
}

#[test]
fn json_gives_the_same_destination() {
    let text = r#"{"nftables":[{"table":{"family":"ip","name":"n","handle":1}},
        {"map":{"family":"ip","name":"m","table":"n","type":"inet_service","handle":3,"map":"ipv4_addr","elem":[[3306,"10.0.0.5"],[80,"10.0.0.6"]]}},
        {"chain":{"family":"ip","table":"n","name":"p","handle":2,"type":"nat","hook":"prerouting","prio":-100,"policy":"accept"}},
        {"rule":{"family":"ip","table":"n","chain":"p","handle":4,"expr":[{"dnat":{"addr":{"map":{"key":{"payload":{"protocol":"tcp","field":"dport"}},"data":"@m"}}}}]}},
        {"table":{"family":"ip","name":"f","handle":5}},
        {"chain":{"family":"ip","table":"f","name":"w","handle":1,"type":"filter","hook":"forward","prio":0,"policy":"accept"}},
        {"rule":{"family":"ip","table":"f","chain":"w","handle":2,"expr":[{"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"daddr"}},"right":"10.0.0.5"}},{"drop":null}]}}]}"#;
    assert_eq!(rules(text, &packet()), Ruling::Blocked);
}

#[test]
fn a_statement_that_is_not_understood_leaves_the_remedy_narrow() {
    let text = "table ip f {\n\tchain i {\n\t\ttype filter hook input priority filter; policy drop;\n\
        \t\ttcp dport 3306 frobnicate twice\n\t}\n}\n";
    let commands = told(text).commands().unwrap_or_default();
    for command in commands.split(" && ") {
        assert!(command.contains("ip saddr 10.66.0.2"), "{command}");
    }
}
