//! Sets, and rules that change packets or sets on the way; the kernel was asked for each end.

use super::{Ruling, input_chain, packet, read, rules};
use crate::rules::decision::decide;
use crate::rules::document::Document;
use crate::rules::packet::{Packet, UDP};

const HASH_NET: &str = "create s hash:net family inet hashsize 1024 maxelem 65536\n";

fn dropped_in(set: &str, elements: &str, directions: &str, asked: &Packet) -> Ruling {
    let chain = input_chain(
        "ACCEPT",
        &format!("-A INPUT -m set --match-set s {directions} -j DROP\n"),
    );
    rules(&format!("{set}{elements}{chain}"), asked)
}

#[test]
fn of_networks_in_an_ipset_the_most_specific_decides() {
    let within = "add s 10.66.0.0/24 nomatch\nadd s 10.66.0.2\n";
    let ruling = dropped_in(HASH_NET, within, "src", &packet());
    assert_eq!(ruling, Ruling::Blocked);
    let without = "add s 10.66.0.0/24\nadd s 10.66.0.2 nomatch\n";
    let ruling = dropped_in(HASH_NET, without, "src", &packet());
    assert_eq!(ruling, Ruling::Allowed);
}

#[test]
fn an_ipset_of_ports_holds_them_with_their_protocol() {
    let set = "create s hash:ip,port family inet hashsize 1024 maxelem 65536\n";
    let elements = "add s 10.66.0.2,udp:3306\n";
    let ruling = dropped_in(set, elements, "src,dst", &packet());
    assert_eq!(ruling, Ruling::Allowed);
    let datagram = Packet {
        protocol: UDP,
        ..packet()
    };
    let ruling = dropped_in(set, elements, "src,dst", &datagram);
    assert_eq!(ruling, Ruling::Blocked);
}

#[test]
fn an_ipset_of_ports_alone_is_asked_for_the_port() {
    let set = "create s bitmap:port range 0-65535\n";
    for (member, directions, ruling) in [
        ("3306", "dst", Ruling::Blocked),
        ("3307", "dst", Ruling::Allowed),
        ("3306", "dst,src", Ruling::Blocked),
        ("3306", "src", Ruling::Allowed),
    ] {
        let asked = Packet {
            source_port: Some(40_000),
            ..packet()
        };
        let found = dropped_in(set, &format!("add s {member}\n"), directions, &asked);
        assert_eq!(found, ruling, "{member} {directions}");
    }
}

#[test]
fn an_ipset_whose_header_changes_lookups_or_whose_members_are_not_shown_tells_nothing() {
    let masked = "create s hash:ip family inet hashsize 1024 maxelem 65536 netmask 24\n";
    let ruling = dropped_in(masked, "add s 10.66.0.0\n", "src", &packet());
    assert_eq!(ruling, Ruling::Depends);
    let terse = "Name: s\nType: hash:ip\nRevision: 6\nHeader: family inet hashsize 1024\n\
                 References: 0\nNumber of entries: 1\n\n";
    assert_eq!(dropped_in(terse, "", "src", &packet()), Ruling::Depends);
    let whole = format!(
        "{}Members:\n10.66.0.2\n\n",
        terse.trim_end().to_owned() + "\n"
    );
    assert_eq!(dropped_in(&whole, "", "src", &packet()), Ruling::Blocked);
}

#[test]
fn the_comment_of_a_member_says_nothing_of_it() {
    let set = "create s hash:ip family inet hashsize 1024 maxelem 65536 comment\n";
    let member = "add s 10.66.0.2 comment \"was nomatch before\"\n";
    assert_eq!(dropped_in(set, member, "src", &packet()), Ruling::Blocked);
}

#[test]
fn what_is_in_a_set_that_rules_fill_nobody_can_tell() {
    let filled = "create s hash:ip family inet hashsize 1024 maxelem 65536\n";
    let chain =
        "-A INPUT -p tcp -j SET --add-set s src\n-A INPUT -m set --match-set s src -j DROP\n";
    let text = format!("{filled}{}", input_chain("ACCEPT", chain));
    assert_eq!(rules(&text, &packet()), Ruling::Depends);
    let table = |rule: &str| {
        format!(
            "table inet t {{\n set s {{ type ipv4_addr\n flags dynamic\n }}\n \
             chain i {{ type filter hook input priority 0; policy accept;\n {rule}\n }}\n}}\n"
        )
    };
    for rule in [
        "add @s { ip saddr }\n ip saddr @s drop",
        "tcp dport 3306 update @s { ip saddr limit rate over 10/second } drop",
        "tcp dport 3306 add @s { ip saddr ct count over 20 } reject",
        "ip saddr @s accept\n add @s { ip saddr }\n ip saddr @s drop",
    ] {
        assert_eq!(rules(&table(rule), &packet()), Ruling::Depends, "{rule}");
    }
    let timed = "update @s { ip saddr timeout 1m } drop";
    assert_eq!(rules(&table(timed), &packet()), Ruling::Blocked);
}

#[test]
fn rules_that_rewrite_packets_or_take_them_away_are_heard() {
    let chains = |chains: &str| format!("table ip t {{\n{chains}\n}}\n");
    let port = |port: u16| Packet {
        port: Some(port),
        ..packet()
    };
    let rewritten = chains(
        "chain p { type filter hook prerouting priority raw; policy accept;\n tcp dport 80 tcp dport set 3306\n }\n\
         chain i { type filter hook input priority 0; policy accept;\n tcp dport 3306 drop\n }",
    );
    assert_ne!(rules(&rewritten, &port(80)), Ruling::Allowed);
    let without_connection = chains(
        "chain p { type filter hook prerouting priority raw; policy accept;\n meta mark set ct mark or 1 drop\n }",
    );
    assert_eq!(rules(&without_connection, &packet()), Ruling::Allowed);
    let forwarded = "table netdev t {\n chain e { type filter hook ingress device \"eth0\" priority 0; policy accept;\n tcp dport 3306 fwd to \"lo\"\n }\n}\n";
    assert_ne!(rules(forwarded, &packet()), Ruling::Allowed);
    let dormant = "table inet t {\n flags dormant\n chain i { type filter hook input priority 0; policy drop;\n }\n}\n";
    assert_eq!(rules(dormant, &packet()), Ruling::Allowed);
}

#[test]
fn of_a_packet_without_a_connection_conntrack_is_asked_the_state_alone() {
    let untracked = |asked: &str| {
        let raw = "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -j CT --notrack\nCOMMIT\n";
        let rule = format!("-A INPUT -m conntrack {asked} -j DROP\n");
        rules(&format!("{raw}{}", input_chain("ACCEPT", &rule)), &packet())
    };
    let both = "--ctstate UNTRACKED --ctorigdst 203.0.113.9";
    assert_eq!(untracked(both), Ruling::Blocked);
    assert_eq!(untracked("--ctorigdst 203.0.113.9"), Ruling::Allowed);
}

#[test]
fn a_chain_may_bear_the_name_of_a_target() {
    let rule = "-A INPUT -j ACCOUNT\n-A ACCOUNT -p tcp --dport 3306 -j DROP\n";
    let text = input_chain("ACCEPT", rule).replace(":OUTPUT", ":ACCOUNT - [0:0]\n:OUTPUT");
    assert_eq!(rules(&text, &packet()), Ruling::Blocked);
}

#[test]
fn what_nobody_can_tell_of_a_packet_is_asked_as_its_rule_asks_it() {
    let text = "table inet t {\n chain i { type filter hook input priority 0; policy accept;\n \
        tcp flags syn tcp option maxseg size != 536-65535 counter drop\n tcp option sack-perm missing drop\n }\n}\n";
    let ruleset = read(text);
    let document = Document::of(&ruleset, &decide(&ruleset, &packet()), &[]);
    let first = &document.outcomes[0];
    assert_eq!(
        first.conditions,
        [r#"what nft calls "tcp option maxseg size != 536-65535""#]
    );
}

#[test]
fn every_part_of_an_entry_is_asked() {
    let by = |interface: &str| Packet {
        in_interface: Some(interface.to_owned()),
        to: Some("10.66.0.1".parse().expect("an address")),
        here: Some(true),
        source_port: Some(40_000),
        ..packet()
    };
    let head = |kind: &str| format!("create s {kind} family inet hashsize 1024 maxelem 65536\n");
    for (kind, entry, directions, ruling) in [
        (
            "hash:ip,port,ip",
            "10.66.0.2,tcp:3306,10.66.0.1",
            "src,dst,dst",
            Ruling::Blocked,
        ),
        (
            "hash:ip,port,ip",
            "10.66.0.2,tcp:3306,10.66.0.9",
            "src,dst,dst",
            Ruling::Allowed,
        ),
        (
            "hash:ip,port,ip",
            "10.66.0.2,udp:3306,10.66.0.1",
            "src,dst,dst",
            Ruling::Allowed,
        ),
        (
            "hash:ip,port,net",
            "10.66.0.2,tcp:3306,10.66.0.0/24",
            "src,dst,dst",
            Ruling::Blocked,
        ),
        (
            "hash:net,iface",
            "10.66.0.0/24,eth0",
            "src,src",
            Ruling::Blocked,
        ),
        (
            "hash:net,iface",
            "10.66.0.0/24,eth1",
            "src,src",
            Ruling::Allowed,
        ),
        (
            "hash:net,iface",
            "10.66.0.0/24,eth wildcard",
            "src,src",
            Ruling::Blocked,
        ),
        (
            "hash:net,iface",
            "10.66.0.0/24,physdev:eth0",
            "src,src",
            Ruling::Depends,
        ),
        (
            "hash:net,net",
            "10.66.0.0/24,10.66.0.0/24",
            "src,dst",
            Ruling::Blocked,
        ),
        (
            "hash:net,net",
            "10.66.0.0/24,10.67.0.0/24",
            "src,dst",
            Ruling::Allowed,
        ),
        ("hash:mac", "00:11:22:33:44:55", "src", Ruling::Depends),
        (
            "hash:ip,port,ip",
            "10.66.0.2,tcp:3306,10.66.0.1",
            "src,dst",
            Ruling::Depends,
        ),
    ] {
        let found = dropped_in(
            &head(kind),
            &format!("add s {entry}\n"),
            directions,
            &by("eth0"),
        );
        assert_eq!(found, ruling, "{kind} {entry} {directions}");
    }
}

#[test]
fn a_list_of_sets_is_asked_set_by_set() {
    let sets = "create a hash:net family inet\nadd a 10.66.0.0/24\nadd a 10.66.0.2 nomatch\n\
        create b hash:ip,port family inet\nadd b 10.66.0.2,tcp:3306\ncreate s list:set size 8\n";
    for (members, directions, ruling) in [
        ("add s a\n", "src", Ruling::Allowed),
        ("add s a\nadd s b\n", "src,dst", Ruling::Blocked),
        ("add s a\nadd s gone\n", "src", Ruling::Depends),
    ] {
        let found = dropped_in(sets, members, directions, &packet());
        assert_eq!(found, ruling, "{members}");
    }
}

#[test]
fn a_line_of_ipset_that_was_spoilt_is_never_passed_over() {
    let chain = input_chain("ACCEPT", "-A INPUT -m set --match-set s src -j DROP\n");
    for spoilt in [
        "ad s 10.66.0.2",
        "add t 10.66.0.2",
        "add 10.66.0.2",
        "s 10.66.0.2",
        "crate s hash:ip family inet",
        "add s 10.66.0.2x",
    ] {
        let text = format!("{HASH_NET}add s 10.0.0.1\n{spoilt}\n{chain}");
        assert_eq!(rules(&text, &packet()), Ruling::Depends, "{spoilt}");
    }
    let listed = "Name: s\nType: hash:ip\nHeader: family inet\nMembers:\n10.66.0.2O\n10.0.0.1\n\n";
    assert_eq!(
        rules(&format!("{listed}{chain}"), &packet()),
        Ruling::Depends
    );
}

#[test]
fn the_command_that_lists_an_ipset_is_told_where_the_input_does_not_show_it() {
    let told = |sets: &str| {
        let chain = input_chain(
            "ACCEPT",
            "-A INPUT -m set --match-set 'bad guys' src -j DROP\n",
        );
        let ruleset = read(&format!("{sets}{chain}"));
        let document = Document::of(&ruleset, &decide(&ruleset, &packet()), &[]);
        document
            .warnings
            .join("\n")
            .contains("ipset list 'bad guys'")
    };
    assert!(told(""));
    assert!(told("create x hash:ip family inet\n"));
}
