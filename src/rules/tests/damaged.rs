//! Listings of old versions, and what mails, chats and word processors make of listings.

use super::{address, input_chain, packet, read, rules};
use crate::rules::decision::{Decision, Ruling, decide, decided_at};
use crate::rules::input;
use crate::rules::packet::Packet;
use crate::rules::ruleset::Family;

/// The decision and the number of the rule behind it.
fn decided(text: &str, packet: &Packet) -> (Ruling, Option<u32>) {
    let ruleset = read(text);
    let decision: Decision = decide(&ruleset, packet);
    let place = decision.chief.as_ref().and_then(decided_at);
    let number = place.and_then(|place| {
        let chain = &ruleset.tables[place.at.table].chains[place.at.chain];
        Some(chain.rules[place.rule?].number)
    });
    (decision.ruling, number)
}

const SAVE: &str = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n\
    -A INPUT -i lo -j ACCEPT\n\
    -A INPUT -p tcp -m tcp --dport 22 -m comment --comment \"ours – “old”\" -j ACCEPT\n\
    -A INPUT -p tcp -m tcp --dport 3306 -j ACCEPT\nCOMMIT\n";

const LISTING: &str = "Chain INPUT (policy DROP 0 packets, 0 bytes)\n\
    num   pkts bytes target     prot opt in     out     source               destination         \n\
    1        0     0 ACCEPT     all  --  lo     *       0.0.0.0/0            0.0.0.0/0           \n\
    2        0     0            tcp  --  *      *       10.66.0.2            0.0.0.0/0            tcp dpt:22\n\
    3        0     0 ACCEPT     tcp  --  *      *       0.0.0.0/0            0.0.0.0/0            tcp dpt:3306\n";

fn each_line(text: &str, change: impl Fn(usize, &str) -> String) -> String {
    text.lines()
        .enumerate()
        .map(|(index, line)| change(index, line) + "\n")
        .collect()
}

#[test]
fn what_others_make_of_a_text_changes_no_rule() {
    for text in [SAVE, LISTING] {
        for (name, changed) in [
            ("as it was", text.to_owned()),
            ("indented", each_line(text, |_, line| format!("    {line}"))),
            ("by a tab", each_line(text, |_, line| format!("\t{line}"))),
            (
                "but for the first line",
                each_line(text, |index, line| {
                    " ".repeat(4 * usize::from(index > 0)) + line
                }),
            ),
            ("spaced", each_line(text, |_, line| format!("{line}\n"))),
            ("marked", format!("\u{feff}{text}")),
            ("unbroken", text.replace("  ", " \u{a0}")),
            ("short dashes", text.replace("--", "–")),
            ("long dashes", text.replace("--", "—")),
            (
                "single dashes",
                text.replace(" -", " –").replace(" –-", " --"),
            ),
            (
                "nice quotes",
                text.replacen('"', "“", 1).replacen('"', "”", 1),
            ),
        ] {
            let decided = decided(&changed, &packet());
            assert_eq!(decided, (Ruling::Allowed, Some(3)), "{name}:\n{changed}");
        }
    }
}

#[test]
fn old_ip6tables_leaves_the_options_blank() {
    let from = |last: u8| Packet::opening(address(&format!("2001:db8::{last}")), Some(3306));
    let verbose = "Chain INPUT (policy ACCEPT 0 packets, 0 bytes)\n \
        pkts bytes target     prot opt in     out     source               destination         \n    \
        0     0 ACCEPT     all      lo     *       ::/0                 ::/0                \n    \
        0     0            tcp      *      *       ::/0                 ::/0                 tcp dpt:22\n    \
        0     0 ACCEPT     pim      *      *       ::/0                 ::/0                \n    \
        0     0 ACCEPT     247      *      *       ::/0                 ::/0                \n    \
        0     0 DROP       tcp      *      *       2001:db8::5/128      ::/0                 tcp dpt:3306\n";
    assert_eq!(decided(verbose, &from(5)), (Ruling::Blocked, Some(5)));
    assert_eq!(decided(verbose, &from(6)), (Ruling::Allowed, None));
    let short = "Chain INPUT (policy ACCEPT)\n\
        target     prot opt source               destination         \n           \
        tcp      anywhere             anywhere             tcp dpt:ssh\n\
        DROP       tcp      2001:db8::5          anywhere             tcp dpt:mysql\n";
    assert_eq!(decided(short, &from(6)), (Ruling::Allowed, None));
    assert_eq!(rules(short, &from(5)), Ruling::Depends);
}

#[test]
fn a_row_that_is_missing_or_unread_is_no_part_of_the_one_above() {
    let missing = each_line(LISTING, |index, line| {
        if index == 3 {
            String::new()
        } else {
            line.to_owned()
        }
    });
    assert_eq!(decided(&missing, &packet()), (Ruling::Depends, Some(3)));
    let odd = LISTING.replacen("  tcp  --", "  tcp  ??", 1);
    assert_eq!(rules(&odd, &packet()), Ruling::Depends);
    let all = LISTING.replace("  --", "  ??");
    assert_eq!(rules(&all, &packet()), Ruling::Depends);
    assert!(input::read(&all.replace("policy", "police"), Family::Ip).is_err());
    let unnumbered = "Chain INPUT (policy ACCEPT)\n\
        target     prot opt source               destination         \n\
        ACCEPT     tcp  --  anywhere             anywhere             tcp dpt:ssh\n\
        DROP       ?    ?   anywhere             anywhere            \n";
    assert_eq!(rules(unnumbered, &packet()), Ruling::Depends);
}

#[test]
fn listings_tell_their_ip_version_by_their_addresses() {
    let six = LISTING
        .replace("0.0.0.0/0  ", "::/0       ")
        .replace("10.66.0.2", "2001:db8::2")
        .replace("dpt:3306", "dpt:5432");
    let both = format!("{LISTING}\n{six}");
    let port = |port| Packet {
        port: Some(port),
        ..packet()
    };
    assert_eq!(decided(&both, &port(3306)), (Ruling::Allowed, Some(3)));
    assert_eq!(rules(&both, &port(5432)), Ruling::Blocked);
    let other = Packet::opening(address("2001:db8::9"), Some(5432));
    assert_eq!(decided(&both, &other), (Ruling::Allowed, Some(3)));
}

#[test]
fn a_chain_is_no_member_of_the_ipset_above_it() {
    let set = "Name: bad\nType: hash:ip\nHeader: family inet hashsize 1024 maxelem 65536\n\
        Number of entries: 1\nMembers:\n10.66.0.2\n";
    let rules_behind = "Chain INPUT (policy ACCEPT)\n\
        target     prot opt source               destination         \n\
        DROP       all  --  0.0.0.0/0            0.0.0.0/0            match-set bad src\n";
    let text = format!("{set}{rules_behind}");
    assert_eq!(read(&text).ipsets["bad"].elements.len(), 1);
    // Its interfaces are hidden.
    assert_eq!(rules(&text, &packet()), Ruling::Depends);
}

#[test]
fn a_match_counts_wherever_it_stands() {
    for (rule, ruling) in [
        ("-j DROP -s 10.66.0.9", Ruling::Allowed),
        ("-j DROP -s 10.66.0.2", Ruling::Blocked),
        ("-j DROP ! -s 10.66.0.2", Ruling::Allowed),
        (
            "-j REJECT --reject-with tcp-reset -p tcp --dport 22",
            Ruling::Allowed,
        ),
        (
            "-p tcp -j REJECT --dport 3306 --reject-with tcp-reset",
            Ruling::Depends,
        ),
        ("-j LOG --log-prefix -s -m tcp", Ruling::Allowed),
        (
            "-m conntrack -j DROP --ctstate ESTABLISHED",
            Ruling::Allowed,
        ),
        ("-j DROP --hidden x", Ruling::Depends),
    ] {
        let text = input_chain("ACCEPT", &format!("-A INPUT {rule}\n"));
        assert_eq!(rules(&text, &packet()), ruling, "{rule}");
    }
}

#[test]
fn a_destination_that_nobody_gave_is_one_of_a_host() {
    for (destination, ruling) in [
        ("127.0.0.0/8", Ruling::Allowed),
        ("127.0.0.1/32", Ruling::Allowed),
        ("224.0.0.0/4", Ruling::Allowed),
        ("255.255.255.255/32", Ruling::Allowed),
        ("192.0.0.0/3", Ruling::Depends),
        ("10.0.0.0/8", Ruling::Depends),
    ] {
        let text = input_chain("ACCEPT", &format!("-A INPUT -d {destination} -j DROP\n"));
        assert_eq!(rules(&text, &packet()), ruling, "{destination}");
        let within = Packet::opening(address("127.0.0.1"), Some(3306));
        assert_eq!(rules(&text, &within), Ruling::Depends, "{destination}");
    }
    let six = |from: &str, destination: &str| {
        let text = format!(
            "# Generated by ip6tables-save v1.8.9\n{}",
            input_chain("ACCEPT", &format!("-A INPUT -d {destination} -j DROP\n"))
        );
        rules(&text, &Packet::opening(address(from), Some(3306)))
    };
    assert_eq!(six("2001:db8::2", "::1/128"), Ruling::Allowed);
    assert_eq!(six("2001:db8::2", "ff00::/8"), Ruling::Allowed);
    assert_eq!(six("2001:db8::2", "2001:db8::/32"), Ruling::Depends);
    assert_eq!(six("::1", "::1/128"), Ruling::Depends);
}

#[test]
fn a_plain_packet_has_no_extension_header() {
    for matches in [
        "-m rt --rt-type 0",
        "-m rt ! --rt-type 0",
        "-m frag",
        "-m hbh",
        "-m dst",
    ] {
        let text = format!(
            "# Generated by ip6tables-save v1.8.9\n{}",
            input_chain("ACCEPT", &format!("-A INPUT {matches} -j DROP\n"))
        );
        let packet = Packet::opening(address("2001:db8::2"), Some(3306));
        assert_eq!(rules(&text, &packet), Ruling::Allowed, "{matches}");
    }
}

#[test]
fn what_nft_loses_of_a_connection_state_is_not_guessed() {
    for (policy, verdict) in [("drop", "accept"), ("accept", "drop")] {
        let text = format!(
            "table ip filter {{\n chain INPUT {{\n type filter hook input priority filter; policy {policy};\n \
             ct status dnat counter packets 0 bytes 0 {verdict}\n }}\n}}\n"
        );
        assert_eq!(rules(&text, &packet()), Ruling::Depends, "{policy}");
        let own = text.replace("ip filter", "inet own");
        assert_ne!(rules(&own, &packet()), Ruling::Depends, "{policy}");
    }
}

#[test]
fn a_rule_whose_line_was_spoilt_is_never_lost() {
    let good = "-A INPUT -i lo -j ACCEPT\n-A INPUT -s 10.66.0.2/32 -j DROP\n";
    let table = |rules: &str| {
        format!(
            "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n{rules}COMMIT\n"
        )
    };
    assert_eq!(rules(&table(good), &packet()), Ruling::Blocked);
    for (whole, spoilt) in [
        ("-A INPUT -s", "-A IPUT -s"),
        ("-A INPUT -s", "-A I NPUT -s"),
        ("-A INPUT -s", "-A INPUT- s"),
        ("-A INPUT -s", "-A INPUT-s"),
        ("-A INPUT -s", "-A:INPUT -s"),
        ("-A INPUT -s", "- AINPUT -s"),
        ("ACCEPT\n-A INPUT -s", "ACCEPT-A INPUT -s"),
        ("ACCEPT\n-A INPUT -s", "ACCEPT -A INPUT -s"),
        ("-j DROP", "! -j DROP"),
    ] {
        let text = table(&good.replace(whole, spoilt));
        assert_eq!(rules(&text, &packet()), Ruling::Depends, "{text}");
    }
    let joined = table(good).replace("[0:0]\n-A", "[0:0]-A");
    assert_eq!(
        rules(&joined.replace("-i lo", "-s 10.66.0.2"), &packet()),
        Ruling::Depends
    );
}

#[test]
fn nothing_stands_behind_what_ends_a_rule_of_nft() {
    let text = "table ip f {\n\tchain i {\n\t\ttype filter hook input priority filter; policy drop;\n\
        \t\ttcp dport 3307 drop ip saddr 10.66.0.2 accept\n\t}\n}\n";
    assert_eq!(rules(text, &packet()), Ruling::Depends);
}

#[test]
fn a_set_whose_lines_were_joined_or_spoilt_is_unknown() {
    let chain = super::input_chain("ACCEPT", "-A INPUT -m set --match-set s src,dst -j DROP\n");
    let made =
        "create s hash:ip,port family inet hashsize 1024 maxelem 65536\nadd s 10.66.0.2,tcp:3306\n";
    assert_eq!(rules(&format!("{made}{chain}"), &packet()), Ruling::Blocked);
    for (whole, spoilt) in [("65536\nadd", "65536add"), ("10.66.0.2", "10.66,0.2")] {
        let text = format!("{}{chain}", made.replace(whole, spoilt));
        assert_eq!(rules(&text, &packet()), Ruling::Depends, "{text}");
    }
}

#[test]
fn a_command_that_lost_its_option_is_not_the_rest_of_the_one_before() {
    for joined in ["-N DENY-A INPUT -j DENY", "-P INPUT DROP-A INPUT -j DENY"] {
        let text = format!("-P INPUT ACCEPT\n{joined}\n-N DENY\n-A DENY -s 10.66.0.2/32 -j DROP\n");
        assert_eq!(rules(&text, &packet()), Ruling::Depends, "{text}");
    }
    for spoilt in ["9A", "-9", "aA", "A"] {
        let text = format!(
            "-P INPUT ACCEPT\n-N DENY\n{spoilt} INPUT -p tcp -j DENY\n-A DENY -s 10.66.0.2/32 -j DROP\n"
        );
        assert_eq!(rules(&text, &packet()), Ruling::Depends, "{text}");
    }
}
