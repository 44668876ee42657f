//! firewalld's chains, and which of its own commands come before a block.

use super::{packet, read};
use crate::rules::packet::Packet;
use crate::rules::remedy::{Remedy, plan};

fn remedy(text: &str, interface: Option<&str>) -> Remedy {
    let packet = Packet {
        in_interface: interface.map(str::to_owned),
        ..packet()
    };
    plan(&read(text), &packet)
}

/// firewalld's table in nftables, as far as a packet to this host meets it.
fn table(rules: &[(&str, &str)]) -> String {
    let rule = |chain: &str| {
        let found = rules.iter().find(|(name, _)| *name == chain);
        found.map_or("", |(_, rule)| *rule)
    };
    let part = |holder: &str| -> String {
        ["pre", "log", "deny", "allow", "post"]
            .iter()
            .map(|part| {
                let name = format!("filter_IN_{holder}_{part}");
                format!(" chain {name} {{\n  {}\n }}\n", rule(&name))
            })
            .collect()
    };
    let jumps = |holder: &str| -> String {
        ["pre", "log", "deny", "allow", "post"]
            .iter()
            .map(|part| format!("  jump filter_IN_{holder}_{part}\n"))
            .collect()
    };
    format!(
        "table inet firewalld {{\n chain filter_PREROUTING {{\n  type filter hook prerouting priority 10; policy accept;\n  {}\n }}\n \
         chain filter_INPUT {{\n  type filter hook input priority 10; policy accept;\n  jump filter_IN_policy_gate\n  \
         jump filter_INPUT_ZONES\n  reject with icmpx admin-prohibited\n }}\n \
         chain filter_INPUT_ZONES {{\n  iifname \"eth1\" goto filter_IN_dmz\n  goto filter_IN_public\n }}\n \
         chain filter_IN_policy_gate {{\n{} }}\n{} chain filter_IN_public {{\n{}  {}\n }}\n{} chain filter_IN_dmz {{\n{} }}\n{}}}\n",
        rule("filter_PREROUTING"),
        jumps("policy_gate"),
        part("policy_gate"),
        jumps("public"),
        rule("filter_IN_public"),
        part("public"),
        jumps("dmz"),
        part("dmz"),
    )
}

fn commands(remedy: &Remedy) -> Vec<&str> {
    remedy
        .steps
        .iter()
        .map(|step| step.command.as_str())
        .collect()
}

const ACCEPT: &str =
    r#"family="ipv4" source address="10.66.0.2" port port="3306" protocol="tcp" accept'"#;

#[test]
fn a_rich_rule_is_told_where_it_comes_before_the_block() {
    let reject = "ip saddr 10.66.0.0/24 reject";
    let end = ("filter_IN_public", "reject with icmpx admin-prohibited");
    for (rules, interface, holder, priority) in [
        (vec![end], "eth0", "--zone=public", ""),
        (vec![], "eth0", "--zone=public", ""),
        (vec![], "eth1", "--zone=dmz", ""),
        (
            vec![("filter_IN_public_post", reject)],
            "eth0",
            "--zone=public",
            "",
        ),
        (
            vec![("filter_IN_public_deny", reject), end],
            "eth0",
            "--zone=public",
            r#" priority="-10""#,
        ),
        (
            vec![
                ("filter_IN_policy_gate_deny", reject),
                ("filter_IN_public_allow", "accept"),
            ],
            "eth0",
            "--policy=gate",
            r#" priority="-10""#,
        ),
    ] {
        let remedy = remedy(&table(&rules), Some(interface));
        let expected = format!("firewall-cmd {holder} --add-rich-rule='rule{priority} {ACCEPT}");
        assert_eq!(commands(&remedy), [expected], "{rules:?} {interface}");
    }
}

#[test]
fn no_rich_rule_is_told_where_none_comes_before_the_block() {
    let reject = "ip saddr 10.66.0.0/24 reject";
    for (rules, interface, hint) in [
        (
            vec![("filter_IN_public_pre", reject)],
            Some("eth0"),
            "--list-rich-rules",
        ),
        (
            vec![
                ("filter_PREROUTING", "ip saddr 10.66.0.0/24 drop"),
                ("filter_IN_public_allow", "accept"),
            ],
            Some("eth0"),
            "no rich rule",
        ),
        // By one interface it would be dmz's, by any other public's.
        (vec![], None, "--get-active-zones"),
    ] {
        let remedy = remedy(&table(&rules), interface);
        let told: Vec<String> = remedy
            .agents
            .iter()
            .map(|(agent, chain)| agent.warning(chain))
            .collect();
        assert!(
            commands(&remedy)[0].starts_with("nft insert rule"),
            "{rules:?}"
        );
        assert!(told[0].contains(hint), "{rules:?}: {told:?}");
    }
}

#[test]
fn an_old_firewalld_cannot_put_a_rich_rule_before_what_it_denies() {
    let text = |deny: &str| {
        format!(
            "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:INPUT_ZONES - [0:0]\n\
             :IN_dmz - [0:0]\n:IN_dmz_deny - [0:0]\n:IN_dmz_allow - [0:0]\n\
             -A INPUT -j INPUT_ZONES\n-A INPUT -j REJECT --reject-with icmp-host-prohibited\n\
             -A INPUT_ZONES -i eth1 -g IN_dmz\n\
             -A IN_dmz -j IN_dmz_deny\n-A IN_dmz -j IN_dmz_allow\n{deny}COMMIT\n"
        )
    };
    let plain = remedy(&text(""), Some("eth1"));
    let expected = format!("firewall-cmd --zone=dmz --add-rich-rule='rule {ACCEPT}");
    assert_eq!(commands(&plain), [expected]);
    let denied = remedy(
        &text("-A IN_dmz_deny -s 10.66.0.0/24 -j DROP\n"),
        Some("eth1"),
    );
    assert_eq!(
        commands(&denied),
        ["iptables -I IN_dmz_deny 1 -s 10.66.0.2/32 -p tcp -m tcp --dport 3306 -j ACCEPT"]
    );
    let (agent, chain) = &denied.agents[0];
    assert!(
        agent
            .warning(chain)
            .contains("--zone=dmz --list-rich-rules")
    );
    assert!(!agent.has_command());
}
