//! Rules as commands and files of rules have them, with variables, and what stands round listings.

use super::{FROM, input_chain, packet, read, rules};
use crate::rules::decision::Ruling;
use crate::rules::input;
use crate::rules::ruleset::{Caveat, Family};
use crate::rules::unreadable::Fault;

const MADE: &str = "add table inet f\nadd chain inet f input { type filter hook input priority 0; policy drop; }\n";

#[test]
fn tables_that_commands_of_nft_make_are_as_those_that_it_lists() {
    for (commands, ruling) in [
        (
            "add rule inet f input tcp dport 3306 accept",
            Ruling::Allowed,
        ),
        ("add rule inet f input tcp dport 22 accept", Ruling::Blocked),
        (
            "add rule inet f input tcp dport 3306 accept\ninsert rule inet f input ip saddr 10.66.0.0/16 drop",
            Ruling::Blocked,
        ),
        (
            "add rule inet f input tcp dport 3306 accept\nflush chain inet f input",
            Ruling::Blocked,
        ),
        (
            "add set inet f s { type ipv4_addr; }\nadd element inet f s { 10.66.0.2 }\nadd rule inet f input ip saddr @s accept",
            Ruling::Allowed,
        ),
        (
            "add rule inet f input \\\n  tcp dport { 22,\n 3306 } accept",
            Ruling::Allowed,
        ),
        // Of what is not followed nobody knows what it does.
        ("delete rule inet f input handle 4", Ruling::Depends),
        (
            "add rule inet f other tcp dport 3306 accept",
            Ruling::Depends,
        ),
        (
            "add rule inet g input tcp dport 3306 accept",
            Ruling::Depends,
        ),
        ("include \"/etc/nftables.d/*\"", Ruling::Depends),
    ] {
        let file = format!("#!/usr/sbin/nft -f\nflush ruleset\n{MADE}{commands}\n");
        assert_eq!(rules(&file, &packet()), ruling, "{file}");
        if !commands.contains('\n') && !commands.starts_with("include") {
            let shell: String = file
                .lines()
                .filter(|line| line.contains(' ') && !line.starts_with('#'))
                .map(|line| format!("sudo nft '{line}'\n"))
                .collect();
            assert_eq!(rules(&shell, &packet()), ruling, "{shell}");
        }
    }
}

#[test]
fn variables_of_nft_stand_for_their_values_and_unknown_ones_for_nothing() {
    let table = |rule: &str| {
        format!(
            "table inet f {{\n chain input {{\n  type filter hook input priority 0; policy drop;\n  {rule}\n }}\n}}\n"
        )
    };
    for (defined, rule, ruling) in [
        ("define p = 3306\n", "tcp dport $p accept", Ruling::Allowed),
        (
            "define p = { 22, 3306 }\n",
            "tcp dport $p accept",
            Ruling::Allowed,
        ),
        (
            "define p = {\n 22,\n 80\n}\n",
            "tcp dport $p accept",
            Ruling::Blocked,
        ),
        (
            "define a = 10.66.0.0/24\ndefine b = { $a, 10.1.0.0/16 }\n",
            "ip saddr { $b, 10.2.0.1 } accept",
            Ruling::Allowed,
        ),
        (
            "define p = 3306\nredefine p = 22\n",
            "tcp dport $p accept",
            Ruling::Blocked,
        ),
        (
            "define p = 3306\nundefine p\n",
            "tcp dport $p accept",
            Ruling::Depends,
        ),
        ("", "iifname != $wan accept", Ruling::Depends),
        ("", "jump $chain", Ruling::Depends),
    ] {
        let text = format!("{defined}{}", table(rule));
        assert_eq!(rules(&text, &packet()), ruling, "{text}");
    }
}

#[test]
fn what_a_shell_puts_into_a_rule_is_not_known() {
    for (rule, ruling) in [
        ("iptables -A INPUT -i $WAN -j DROP", Ruling::Depends),
        ("iptables -A INPUT -s \"$CLIENT\" -j DROP", Ruling::Depends),
        ("$IPT -A INPUT -p tcp --dport 3306 -j DROP", Ruling::Blocked),
        (
            "\"${IPTABLES}\" -A INPUT -p tcp \\\n  --dport 3306 -j DROP",
            Ruling::Blocked,
        ),
        (
            "iptables -A INPUT -p tcp --dport 3306 -m comment --comment \"costs $5\" -j DROP",
            Ruling::Blocked,
        ),
    ] {
        let text = format!("#!/bin/sh\niptables -P INPUT ACCEPT\n{rule}\n");
        assert_eq!(rules(&text, &packet()), ruling, "{text}");
    }
}

/// What makes a line of one and its number.
type Form<'f> = &'f dyn Fn(usize, &str) -> String;

#[test]
fn numbers_before_lines_are_no_part_of_them() {
    let save = input_chain("ACCEPT", &format!("-A INPUT -s {FROM} -j DROP\n"));
    let table = "table inet f {\n chain input {\n  type filter hook input priority 0; policy accept;\n  tcp dport 3306 drop\n }\n}\n";
    let numbered = |text: &str, form: Form<'_>| -> String {
        (1..)
            .zip(text.lines())
            .map(|(at, line)| form(at, line))
            .collect()
    };
    let forms: [Form<'_>; 4] = [
        &|at, line| format!("{at}: {line}\n"),
        &|at, line| format!("{at:6}\t{line}\n"),
        &|at, line| format!(" {at}  {line}\n"),
        &|at, line| format!("{at}:{line}\n"),
    ];
    for text in [save.as_str(), table] {
        for form in forms {
            let text = numbered(text, form);
            assert_eq!(rules(&text, &packet()), Ruling::Blocked, "{text}");
        }
    }
    // Of lines that were sought out, others are missing.
    let found = format!("12:-A INPUT -s 10.66.0.3/32 -j DROP\n19:-A INPUT -s {FROM} -j DROP\n");
    let caveats = read(&found).caveats;
    assert!(caveats.contains(&Caveat::LeftOut(2)), "{caveats:?}");
    assert_eq!(rules(&found, &packet()), Ruling::Depends);
}

#[test]
fn entities_and_breaks_of_a_page_are_what_a_browser_shows() {
    let save = input_chain("ACCEPT", "-A INPUT -p tcp --dport 3306 -j DROP\n");
    for text in [
        save.replace(' ', "&nbsp;"),
        save.replace(' ', "&#32;").replace('-', "&#x2d;"),
        format!("<pre>{}</pre>", save.replace('\n', "<br>")),
        format!("<div><code>{}</code></div>", save.replace('\n', "<br/>\n")),
    ] {
        assert_eq!(rules(&text, &packet()), Ruling::Blocked, "{text}");
    }
}

#[test]
fn a_line_that_cannot_be_read_makes_one_rule_unknown() {
    for (odd, behind, ruling) in [
        ("-A INPUT -m multiport --dports", "DROP", Ruling::Depends),
        (
            "-A INPUT -m comment --comment \"open -j ACCEPT",
            "DROP",
            Ruling::Depends,
        ),
        ("-A OUTPUT -m multiport --dports", "DROP", Ruling::Blocked),
        ("-A OUTPUT -m multiport --dports", "ACCEPT", Ruling::Allowed),
        ("<<<<<<< HEAD of DROP", "DROP", Ruling::Depends),
    ] {
        let rule = format!("{odd}\n-A INPUT -s {FROM} -j {behind}\n");
        let text = input_chain("DROP", &rule);
        assert_eq!(rules(&text, &packet()), ruling, "{text}");
    }
    let alone = "*filter\n-A INPUT -m multiport --dports\nCOMMIT\n";
    let fault = input::read(alone, Family::Ip).expect_err("nothing is understood");
    assert_eq!(fault.fault, Fault::NoValue("--dports".to_owned()));
}

#[test]
fn a_listing_without_its_header_is_cut_off() {
    let whole = "Chain INPUT (policy DROP)\ntarget     prot opt source               destination         \n";
    assert_eq!(rules(whole, &packet()), Ruling::Blocked);
    let heading = whole.find('\n').unwrap_or_default();
    for end in heading..=whole.trim_end().len() {
        let cut = whole.get(..end).unwrap_or_default();
        let fault = input::read(cut, Family::Ip).expect_err(cut);
        assert_eq!(
            fault.fault,
            Fault::CutOff(cut.trim_end().lines().count()),
            "{cut}"
        );
    }
    // A last row that does not end may have been longer.
    for (row, ruling) in [
        (
            "DROP       tcp  --  0.0.0.0/0            0.0.0.0/0            tcp dpt:33",
            Ruling::Depends,
        ),
        (
            "DROP       udp  --  0.0.0.0/0            0.0.0.0/0           \n",
            Ruling::Blocked,
        ),
    ] {
        let text = format!("{whole}{row}");
        assert_eq!(rules(&text, &packet()), ruling, "{text}");
    }
    let begun =
        format!("{whole}DROP       udp  --  0.0.0.0/0            0.0.0.0/0           \nDRO");
    assert_eq!(rules(&begun, &packet()), Ruling::Depends);
    let between = format!(
        "Chain INPUT (policy DROP)\n\n{}",
        whole.replace("INPUT", "FORWARD")
    );
    assert_eq!(rules(&between, &packet()), Ruling::Depends);
}

#[test]
fn what_stands_in_a_chain_that_is_not_shown_may_lead_elsewhere() {
    let text = |policy: &str, jump: &str| {
        format!(
            "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j {jump}\nCOMMIT\n\
             *filter\n:INPUT {policy} [0:0]\n:FORWARD ACCEPT [0:0]\nCOMMIT\n"
        )
    };
    assert_eq!(
        rules(&text("DROP", "ELSEWHERE"), &packet()),
        Ruling::Depends
    );
    assert_eq!(rules(&text("DROP", "RETURN"), &packet()), Ruling::Blocked);
    let table = |hook: &str| {
        format!(
            "table inet f {{\n chain i {{\n  type filter {hook} priority 0; policy accept;\n  drop\n }}\n}}\n"
        )
    };
    assert_eq!(rules(&table("hook output"), &packet()), Ruling::Allowed);
    assert_eq!(rules(&table("hook outward"), &packet()), Ruling::Depends);
}

#[test]
fn changes_of_ipsets_are_followed() {
    let made =
        |name: &str| format!("create {name} hash:net family inet hashsize 1024 maxelem 65536\n");
    let chain = input_chain("ACCEPT", "-A INPUT -m set --match-set s src -j DROP\n");
    let (one, other) = (made("s"), made("t"));
    for (changes, ruling) in [
        (format!("{one}{other}add t {FROM}\n"), Ruling::Allowed),
        (
            format!("{one}{other}add t {FROM}\nswap s t\n"),
            Ruling::Blocked,
        ),
        (
            format!("{other}add t {FROM}\nrename t s\n"),
            Ruling::Blocked,
        ),
        (format!("{one}add s {FROM}\nflush\n"), Ruling::Allowed),
        (format!("{one}add s {FROM}\ndestroy s\n"), Ruling::Depends),
        (format!("{one}add s {FROM}\ndestroy\n"), Ruling::Depends),
        (
            format!("{other}add t {FROM}\ncreate s list:set size 8\nadd s t\n"),
            Ruling::Blocked,
        ),
        (
            format!("{other}add t 10.1.2.3\ncreate s list:set size 8\nadd s t\n"),
            Ruling::Allowed,
        ),
        (
            "create s list:set size 8\nadd s gone\n".to_owned(),
            Ruling::Depends,
        ),
        (
            "create s hash:net,iface family inet\nadd s 10.66.0.0/16,eth0\n".to_owned(),
            Ruling::Depends,
        ),
    ] {
        let text = format!("{changes}{chain}");
        assert_eq!(rules(&text, &packet()), ruling, "{text}");
    }
    let script = format!(
        "ipset create s hash:ip\nipset add s {FROM}\niptables -P INPUT ACCEPT\niptables -A INPUT -m set --match-set s src -j DROP\n"
    );
    assert_eq!(rules(&script, &packet()), Ruling::Blocked);
}
