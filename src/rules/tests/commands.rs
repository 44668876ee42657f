//! Commands that are printed: safe for a shell, and no wider than what was asked.

use super::{FROM, input_chain, packet, read};
use crate::rules::decision::{decide, handshake};
use crate::rules::document::Document;
use crate::rules::packet::{Journey, Packet};
use crate::rules::remedy::{Remedy, plan};

fn remedy(rules: &str, asked: &Packet) -> Remedy {
    plan(&read(rules), asked)
}

fn commands(rules: &str, asked: &Packet) -> Vec<String> {
    let steps = remedy(rules, asked).steps.into_iter();
    steps.map(|step| step.command).collect()
}

fn nft(rules: &str) -> String {
    format!(
        "table inet t {{\n chain i {{ type filter hook input priority 0; policy drop;\n {rules}\n }}\n}}\n"
    )
}

#[test]
fn a_forwarded_packet_is_let_through_to_where_it_goes_alone() {
    let asked = Packet {
        to: Some("10.9.0.7".parse().expect("an address")),
        out_interface: Some("eth1".to_owned()),
        ..packet()
    };
    let text = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n";
    assert_eq!(
        commands(text, &asked),
        [
            "iptables -A FORWARD -s 10.66.0.2/32 -d 10.9.0.7/32 -o eth1 -p tcp -m tcp --dport 3306 -j ACCEPT"
        ]
    );
}

#[test]
fn an_answer_is_let_in_as_that_of_the_connection_alone() {
    let asked = Packet {
        journey: Journey::Outbound,
        to: Some("10.9.0.7".parse().expect("an address")),
        ..packet()
    };
    let ruleset = read(&input_chain("DROP", ""));
    let first = decide(&ruleset, &asked);
    let document = Document::of(&ruleset, &first, &handshake(&ruleset, &first));
    assert_eq!(
        document.commands().as_deref(),
        Some(
            "iptables -A INPUT -s 10.9.0.7/32 -d 10.66.0.2/32 -p tcp -m tcp --sport 3306 \
             -m conntrack --ctstate ESTABLISHED -j ACCEPT"
        )
    );
}

#[test]
fn names_that_are_more_than_names_reach_no_shell_and_no_tool() {
    let harmless = |command: &str| {
        let mut quoted = false;
        let outside: String = command
            .chars()
            .filter(|character| {
                quoted ^= *character == '\'';
                !quoted && *character != '\''
            })
            .collect();
        !outside.contains("touch")
    };
    for text in [
        "table inet \"x;touch pwned\" {\n chain i { type filter hook input priority 0; policy drop;\n }\n}\n"
            .to_owned(),
        r#"{"nftables": [{"table": {"family": "inet", "name": "t"}},
            {"chain": {"family": "inet", "table": "t", "name": "i$(touch pwned)", "type": "filter",
            "hook": "input", "prio": 0, "policy": "drop"}}]}"#
            .to_owned(),
        input_chain("ACCEPT", &format!("-A INPUT -j f2b-x;touch\n-A f2b-x;touch -s {FROM} -j DROP\n")),
        format!(
            "create p hash:ip family inet\nadd p {FROM} comment \"a timeout $(touch) b\"\n{}",
            input_chain("ACCEPT", "-A INPUT -m set --match-set p src -j DROP\n")
        ),
        format!(
            "Chain INPUT (policy ACCEPT)\ntarget     prot opt source               destination\n\
             REJECT     tcp  --  {FROM}            0.0.0.0/0            reject-with tcp-reset;touch\n"
        ),
    ] {
        let remedy = remedy(&text, &packet());
        let by_hand = remedy.by_hand.iter().map(|(_, step)| step);
        for step in remedy.steps.iter().chain(by_hand) {
            let undo = step.undo.clone().unwrap_or_default();
            assert!(harmless(&step.command) && harmless(&undo), "{step:?}");
        }
    }
}

#[test]
fn rules_of_nft_are_marked_by_what_they_are_for() {
    let one = remedy(&nft(""), &packet());
    let other = Packet {
        port: Some(5432),
        ..packet()
    };
    let other = remedy(&nft(""), &other);
    assert_ne!(one.steps[0].undo, other.steps[0].undo);
}

#[test]
fn the_own_command_of_an_agent_stands_alone() {
    let banned =
        "-A INPUT -p tcp -m multiport --dports 3306 -m set --match-set f2b-db src -j DROP\n";
    let text = format!(
        "create f2b-db hash:ip family inet timeout 600\nadd f2b-db {FROM} timeout 0\n{}",
        input_chain("ACCEPT", banned)
    );
    assert_eq!(
        commands(&text, &packet()),
        [format!("fail2ban-client set db unbanip {FROM}")]
    );
    let ufw = input_chain(
        "DROP",
        &format!("-A INPUT -j ufw-user-input\n-A ufw-user-input -s {FROM} -j DROP\n"),
    );
    assert_eq!(
        commands(&ufw, &packet()),
        [format!(
            "ufw prepend allow proto tcp from {FROM} to any port 3306"
        )]
    );
    // What stands before ufw's own rules is not ufw's.
    let before = input_chain(
        "ACCEPT",
        &format!(
            "-A INPUT -s {FROM} -j DROP\n-A INPUT -j ufw-user-input\n-A ufw-user-input -p udp -j ACCEPT\n"
        ),
    );
    assert_eq!(commands(&before, &packet()), ["iptables -D INPUT 1"]);
}

#[test]
fn what_belongs_to_an_agent_without_commands_is_said_before_the_commands() {
    let text = input_chain(
        "ACCEPT",
        &format!(
            "-A INPUT -j IN_HIDS_MYSQLD_DENY_DROP\n-A IN_HIDS_MYSQLD_DENY_DROP -s {FROM} -j DROP\n"
        ),
    );
    let ruleset = read(&text);
    let document = Document::of(&ruleset, &decide(&ruleset, &packet()), &[]);
    assert!(document.before[0].contains("HOSTGUARD"), "{document:?}");
    assert_eq!(
        document.commands().as_deref(),
        Some("iptables -D IN_HIDS_MYSQLD_DENY_DROP 1")
    );
}
