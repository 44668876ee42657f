//! Commands behind a listing that change what it shows, and listings that show less than there is.

use super::{FROM, input_chain, packet, read, rules};
use crate::rules::decision::{Ruling, decide};
use crate::rules::input;
use crate::rules::ruleset::Family;
use crate::rules::unreadable::Fault;

const TABLE: &str = "table inet f {\n chain input {\n  type filter hook input priority filter; policy drop;\n  tcp dport 3306 accept\n }\n}\n";

#[test]
fn what_a_command_of_nft_behind_the_tables_changes_is_not_known() {
    assert_eq!(rules(TABLE, &packet()), Ruling::Allowed);
    for command in [
        "flush chain inet f input",
        "delete rule inet f input handle 5",
        "destroy table inet f",
        "insert rule inet f input tcp dport 3306 drop",
        "add element inet f s { 10.66.0.2 }",
        "flush ruleset",
        "flush ruleset;",
        "include \"/etc/nft.d/*.nft\"",
    ] {
        for text in [
            format!("{TABLE}{command}\n"),
            format!("{TABLE}\n\t{command}"),
            format!("{} ; {command}\n", TABLE.trim_end()),
            format!("{} {command}\n", TABLE.trim_end()),
        ] {
            let decision = decide(&read(&text), &packet());
            assert_eq!(decision.ruling, Ruling::Depends, "{text}");
            let told = format!("{:?}", decision.provisos);
            let words = command.trim_end_matches(';').replace('"', "\\\"");
            assert!(told.contains(&words), "{told}");
        }
    }
}

#[test]
fn what_was_flushed_before_the_tables_were_made_is_firm() {
    for command in ["flush ruleset", "delete table inet f"] {
        let text = format!("#!/usr/sbin/nft -f\n\n{command}\n\n{TABLE}");
        assert_eq!(rules(&text, &packet()), Ruling::Allowed, "{command}");
    }
    let text = format!("include \"./others.nft\"\n{TABLE}");
    assert_eq!(rules(&text, &packet()), Ruling::Depends);
}

#[test]
fn an_ipset_is_without_what_was_taken_out_of_it() {
    let chain = input_chain("ACCEPT", "-A INPUT -m set --match-set s src -j DROP\n");
    let created = "create s hash:net family inet hashsize 1024 maxelem 65536\n";
    let listed = "Name: s\nType: hash:net\nHeader: family inet hashsize 1024 maxelem 65536\n\
        Number of entries: 1\nMembers:\n10.66.0.2\n";
    for (change, ruling) in [
        (String::new(), Ruling::Blocked),
        (format!("del s {FROM}\n"), Ruling::Allowed),
        (format!("del s {FROM}/32\n"), Ruling::Allowed),
        ("flush s\n".to_owned(), Ruling::Allowed),
        (format!("flush s\nadd s {FROM}\n"), Ruling::Blocked),
        ("del s 10.66.0.3\n".to_owned(), Ruling::Blocked),
        ("del other 10.66.0.2\n".to_owned(), Ruling::Blocked),
        // It is not there as it was put in.
        ("del s 10.66.0.0/24\n".to_owned(), Ruling::Depends),
    ] {
        for set in [format!("{created}add s {FROM}\n"), listed.to_owned()] {
            for text in [
                format!("{set}{change}{chain}"),
                format!("{set}{chain}{change}"),
            ] {
                assert_eq!(rules(&text, &packet()), ruling, "{text}");
            }
        }
    }
    let asked = format!("{created}add s {FROM}\nroot@h:~# ipset del s {FROM}\n{chain}");
    assert_eq!(rules(&asked, &packet()), Ruling::Depends);
}

#[test]
fn an_empty_set_that_packets_fill_or_a_terse_listing_shows_may_hold_anything() {
    let table = |set: &str, rule: &str| {
        format!(
            "table inet f {{\n{set}\n chain input {{\n  type filter hook input priority filter; policy accept;\n  {rule}\n }}\n}}\n"
        )
    };
    let other = " set o {\n  type inet_service\n  elements = { 22 }\n }\n";
    let plain = " set s {\n  type ipv4_addr\n }";
    let dynamic = " set s {\n  type ipv4_addr\n  flags dynamic,timeout\n }";
    let map = " map s {\n  type ipv4_addr : verdict\n }";
    let asks = "ip saddr @s drop";
    for (set, rule, ruling) in [
        (plain.to_owned(), asks, Ruling::Depends),
        (map.to_owned(), "ip saddr vmap @s", Ruling::Depends),
        (format!("{other}{dynamic}"), asks, Ruling::Depends),
        // That the other has members says that the listing leaves none out.
        (format!("{other}{plain}"), asks, Ruling::Allowed),
        (
            plain.to_owned(),
            "tcp dport 22 ip saddr @s drop",
            Ruling::Allowed,
        ),
    ] {
        let text = table(&set, rule);
        assert_eq!(rules(&text, &packet()), ruling, "{text}");
    }
    let json = r#"{"nftables":[{"table":{"family":"ip","name":"f"}},
        {"set":{"family":"ip","name":"o","table":"f","type":"inet_service","elem":[22]}},
        {"set":{"family":"ip","name":"s","table":"f","type":"ipv4_addr","flags":["dynamic"]}},
        {"chain":{"family":"ip","table":"f","name":"input","type":"filter","hook":"input","prio":0,"policy":"accept"}},
        {"rule":{"family":"ip","table":"f","chain":"input","expr":[{"match":{"op":"==",
        "left":{"payload":{"protocol":"ip","field":"saddr"}},"right":"@s"}},{"drop":null}]}}]}"#;
    assert_eq!(rules(json, &packet()), Ruling::Depends);
}

fn is_cut_off(text: &str) -> bool {
    let fault = input::read(text, Family::Ip).err();
    fault.is_some_and(|fault| fault.fault == Fault::CutOff(text.lines().count()))
}

#[test]
fn a_text_that_ends_within_a_word_is_cut_off() {
    for end in ["t", "ta", "tabl", "table", "table ", "table inet"] {
        assert!(is_cut_off(&format!("{TABLE}{end}")), "{end}");
    }
    let commands = "-P INPUT ACCEPT\n-A INPUT -i lo -j ACCEPT\n";
    let listing = "Chain OUTPUT (policy ACCEPT)\n\
        target     prot opt source               destination         \n\n";
    for (before, end) in [
        (commands, "-A INPUT"),
        (commands, "-A INPUT -s 10.66.0.0/16"),
        (commands, "-A INPUT -p tcp -m tcp --dport 33"),
        (listing, "Chain INPUT (policy ACCEPT"),
        (listing, "Chain INPUT (pol"),
    ] {
        assert!(is_cut_off(&format!("{before}{end}")), "{end}");
    }
    for whole in [
        "-A INPUT -p tcp -m tcp --dport 33\n",
        "-A INPUT -p udp -j DROP",
    ] {
        let text = format!("{commands}{whole}");
        assert_eq!(rules(&text, &packet()), Ruling::Allowed, "{whole}");
    }
}
