//! Pastes in which something is missing that was there: lines left out, ends cut off, chains that a
//! tool could not show.

use super::{input_chain, packet, read, rules};
use crate::rules::decision::{Ruling, decide};
use crate::rules::input;
use crate::rules::ruleset::{Caveat, Family};

/// Whether an answer on TCP port 3306 is firm; a text that is refused gives none.
fn is_firm(text: &str) -> bool {
    match input::read(text, Family::Ip) {
        Ok(ruleset) => decide(&ruleset, &packet()).ruling != Ruling::Depends,
        Err(_) => false,
    }
}

const ELISIONS: [&str; 20] = [
    "[snip]",
    "[...]",
    "[…]",
    "<snip>",
    "(omitted)",
    "[truncated]",
    "-- snip --",
    "--snip--",
    "...",
    "…",
    "  ...  ",
    "(many more like this)",
    "# ... 20 more rules",
    "# [snip]",
    "[20 lines omitted]",
    "<... rest omitted ...>",
    "*** output truncated ***",
    "// snip",
    "8< snip 8<",
    "[.....]",
];

#[test]
fn lines_that_were_left_out_may_hold_any_rule() {
    let listing = |policy: &str| {
        format!(
            "Chain INPUT (policy {policy} 0 packets, 0 bytes)\n\
             num   pkts bytes target     prot opt in     out     source               destination         \n\
             1        0     0 ACCEPT     all  --  lo     *       0.0.0.0/0            0.0.0.0/0           \n\
             @\n\
             9        0     0 ACCEPT     tcp  --  *      *       0.0.0.0/0            0.0.0.0/0            tcp dpt:22\n"
        )
    };
    let chain = "table inet t {\n chain i {\n  type filter hook input priority 0; policy accept;\n  tcp dport 22 accept\n@\n  tcp dport 80 accept\n }\n}\n";
    let set = "table inet t {\n set s {\n  type inet_service\n  elements = { 22,\n@\n  80 }\n }\n chain i {\n  type filter hook input priority 0; policy accept;\n  tcp dport @s drop\n }\n}\n";
    let set = set.replace("dport @s", "dport %s");
    for elision in ELISIONS {
        for (name, text, line) in [
            (
                "a save",
                input_chain(
                    "ACCEPT",
                    "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n@\n-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT\n",
                ),
                6,
            ),
            ("a listing", listing("ACCEPT"), 4),
            ("a closed listing", listing("DROP"), 4),
            ("a chain", chain.to_owned(), 5),
            ("a set", set.clone(), 5),
        ] {
            let text = text.replace('@', elision).replace("%s", "@s");
            let ruleset = read(&text);
            assert!(
                ruleset.caveats.contains(&Caveat::LeftOut(line)),
                "{name}, {elision}: {:?}",
                ruleset.caveats
            );
            assert!(!is_firm(&text), "{name}, {elision}");
        }
    }
}

#[test]
fn what_is_left_out_within_a_line_is_no_part_of_its_words() {
    for rule in [
        "-A INPUT -p tcp -m tcp --dport 22[snip]",
        "-A INPUT -p tcp -m tcp --dport 22 -j DROP [...]",
        "-A INPUT -p tcp -m tcp --dport 22 ...",
    ] {
        let text = input_chain("ACCEPT", &format!("{rule}\n"));
        assert_eq!(rules(&text, &packet()), Ruling::Depends, "{rule}");
    }
    for elements in ["22, ..., 80", "22, 80, …", "..., 80", "22, [snip] 80"] {
        let text = format!(
            "table inet t {{\n chain i {{\n type filter hook input priority 0; policy accept;\n tcp dport {{ {elements} }} drop\n }}\n}}\n"
        );
        assert!(!is_firm(&text), "{elements}");
    }
}

#[test]
fn dots_that_are_no_elision_leave_the_answer_firm() {
    let rule = "-A INPUT -p tcp -m tcp --dport 22 -m comment --comment \"more rules ... [snip]\" -j ACCEPT\n";
    for text in [
        input_chain("ACCEPT", rule),
        format!(
            "Here is what I get ... please tell me why it fails.\n{}",
            input_chain("ACCEPT", "")
        ),
    ] {
        assert!(is_firm(&text), "{text}");
    }
}

#[test]
fn a_rule_that_a_mail_has_broken_keeps_its_target() {
    for (first, second, ruling) in [
        (
            "-A INPUT -p tcp -m tcp --dport 3306 -j",
            "DROP",
            Ruling::Blocked,
        ),
        (
            "-A INPUT -p tcp -m tcp --dport",
            "3306 -j DROP",
            Ruling::Blocked,
        ),
        (
            "-A INPUT -p tcp -m tcp",
            "--dport 3306 -j DROP",
            Ruling::Blocked,
        ),
        (
            "-A INPUT -p",
            "tcp -m tcp --dport 3306 -j DROP",
            Ruling::Blocked,
        ),
        (
            "-A INPUT -p tcp -m tcp --dport 3306 -jDROP",
            "",
            Ruling::Depends,
        ),
        (
            "-A INPUT -p tcp -m tcp --dport 3306 --jumpDROP",
            "",
            Ruling::Depends,
        ),
    ] {
        let text = input_chain("ACCEPT", &format!("{first}\n{second}\n"));
        assert_eq!(rules(&text, &packet()), ruling, "{first}|{second}");
    }
}

#[test]
fn chains_that_only_nft_can_show_may_stop_it() {
    for line in [
        "# Table `mangle' contains incompatible base-chains, use 'nft' tool to list them.",
        "# Table `filter' is incompatible, use 'nft' tool.",
        "iptables v1.8.9 (nf_tables): table `filter' is incompatible, use 'nft' tool.",
    ] {
        for text in [
            format!("{line}\n{}", input_chain("ACCEPT", "")),
            format!("{}{line}\n", input_chain("ACCEPT", "")),
        ] {
            let decision = decide(&read(&text), &packet());
            assert_eq!(decision.ruling, Ruling::Depends, "{line}");
            assert!(decision.missing.iter().any(|one| one.contains("nftables")));
        }
        let closed = format!("{line}\n{}", input_chain("DROP", ""));
        assert_eq!(rules(&closed, &packet()), Ruling::Blocked, "{line}");
    }
}
