//! Huawei Cloud and OpenStack: security group rules in both forms, and network ACLs.

use super::{address, answer, asked, check};
use crate::rules::decision::Ruling::{Allowed, Blocked, Depends};
use crate::rules::packet::Packet;

/// A rule of the v3 form (<https://support.huaweicloud.com/api-vpc/vpc_apiv3_0017.html>).
fn rule(id: &str, group: &str, priority: &str, action: &str, rest: &str) -> String {
    format!(
        r#"{{"id":"{id}","description":"","security_group_id":"{group}","direction":"ingress",
        "protocol":"tcp","ethertype":"IPv4","multiport":"3306","action":"{action}","priority":{priority},
        "remote_group_id":null,"remote_ip_prefix":null,"remote_address_group_id":null,"enabled":true,
        "created_at":"c","updated_at":"u","project_id":"p"{rest}}}"#
    )
}

fn from(prefix: &str) -> String {
    format!(r#","remote_ip_prefix":"{prefix}""#)
}

fn list(rules: &[String]) -> String {
    // The last one of two equal keys counts.
    format!(
        r#"{{"request_id":"r","security_group_rules":[{}],"page_info":{{"current_count":2,"next_marker":null}}}}"#,
        rules.join(",")
    )
    .replace(r#""remote_ip_prefix":null,"remote_address"#, r#""remote_address"#)
}

#[test]
fn the_smaller_priority_decides_and_at_equal_ones_what_denies() {
    // https://support.huaweicloud.com/intl/en-us/usermanual-vpc/en-us_topic_0052003963.html
    let text = list(&[
        rule("allow-net", "g", "5", "allow", &from("203.0.113.0/24")),
        rule("deny-half", "g", "5", "deny", &from("203.0.113.128/25")),
        rule(
            "allow-one",
            "g",
            "\"1\"",
            "allow",
            &from("203.0.113.200/32"),
        ),
    ]);
    check(
        &text,
        &[
            ("203.0.113.9", 3306, Allowed, "allow-net"),
            ("203.0.113.130", 3306, Blocked, "deny-half"),
            ("203.0.113.200", 3306, Allowed, "allow-one"),
            ("198.51.100.1", 3306, Blocked, ""),
            ("203.0.113.9", 22, Blocked, ""),
            ("2001:db8::1", 3306, Blocked, ""),
        ],
    );
    let blocked = answer(&text, "203.0.113.130", 3306);
    let command = blocked.commands().unwrap_or_default();
    for part in [
        "hcloud VPC CreateSecurityGroupRule/v3",
        "security_group_id=g",
        "remote_ip_prefix=203.0.113.130/32",
        "multiport=3306",
        "priority=4",
    ] {
        assert!(command.contains(part), "{part}: {command}");
    }
}

#[test]
fn the_fields_of_a_rule_are_read_as_the_api_tells() {
    for (change, to, ruling) in [
        (
            r#""multiport":"3306""#,
            r#""multiport":"22,3300-3310""#,
            Allowed,
        ),
        (r#""multiport":"3306""#, r#""multiport":null"#, Allowed),
        (r#""multiport":"3306""#, r#""multiport":"22,3389""#, Blocked),
        (r#""multiport":"3306""#, r#""multiport":"33x6""#, Depends),
        (r#""protocol":"tcp""#, r#""protocol":null"#, Allowed),
        (r#""protocol":"tcp""#, r#""protocol":"6""#, Allowed),
        (r#""protocol":"tcp""#, r#""protocol":"udp""#, Blocked),
        (r#""ethertype":"IPv4""#, r#""ethertype":"ipv4""#, Allowed),
        (r#""ethertype":"IPv4""#, r#""ethertype":"IPv6""#, Blocked),
        (r#""enabled":true"#, r#""enabled":false"#, Blocked),
        (
            r#""direction":"ingress""#,
            r#""direction":"egress""#,
            Blocked,
        ),
        (
            r#""enabled":true"#,
            r#""enabled":true,"schedule":"nightly""#,
            Depends,
        ),
        (r#""action":"allow""#, r#""action":"mirror""#, Depends),
    ] {
        // Everybody of the IP version, as no end is named.
        let one = rule("r", "g", "1", "allow", "").replace(change, to);
        let document = answer(&list(&[one]), "203.0.113.9", 3306);
        assert_eq!(document.decision, ruling, "{to}: {document:#?}");
    }
}

#[test]
fn openstacks_form_allows_alone() {
    // https://support.huaweicloud.com/en-us/api-vpc/vpc_sg01_0005.html
    let rule = |ports: &str, remote: &str| {
        format!(
            r#"{{"id":"r","security_group_id":"g","direction":"ingress","ethertype":"IPv4",
            "protocol":"tcp",{ports},"remote_group_id":null,"remote_ip_prefix":{remote},"tenant_id":"t"}}"#
        )
    };
    let within = |rule: &str| {
        format!(
            r#"{{"security_groups":[{{"id":"g","name":"db","description":"","tenant_id":"t",
            "security_group_rules":[{rule}]}}]}}"#
        )
    };
    let some = rule(
        r#""port_range_min":3300,"port_range_max":3310"#,
        r#""10.0.0.0/8""#,
    );
    for text in [
        within(&some),
        format!(r#"{{"security_group_rules":[{some}]}}"#),
        format!("[{some}]"),
    ] {
        check(
            &text,
            &[
                ("10.1.2.3", 3306, Allowed, "r"),
                ("10.1.2.3", 3311, Blocked, ""),
                ("203.0.113.9", 3306, Blocked, ""),
            ],
        );
    }
    let client = r#"[{"ID":"r","IP Protocol":"tcp","Ethertype":"IPv4","IP Range":"10.0.0.0/8",
        "Port Range":"3300:3310","Direction":"ingress","Remote Security Group":null}]"#;
    assert_eq!(answer(client, "10.1.2.3", 3306).decision, Allowed);
    assert_eq!(answer(client, "10.1.2.3", 3311).decision, Blocked);
    let any = rule(r#""port_range_min":null,"port_range_max":null"#, "null");
    assert_eq!(answer(&within(&any), "203.0.113.9", 22).decision, Allowed);
}

#[test]
fn the_order_in_which_groups_are_bound_is_not_told() {
    let allow = rule("a", "g1", "1", "allow", &from("203.0.113.0/24"));
    let deny = rule("d", "g2", "1", "deny", &from("203.0.113.0/25"));
    let text = list(&[allow, deny]);
    let depends = answer(&text, "203.0.113.9", 3306);
    assert_eq!(depends.decision, Depends);
    assert!(
        depends
            .unknown
            .join("\n")
            .contains("bound in the order g1, g2"),
        "{depends:#?}"
    );
    // Where one group alone says anything, the order does not count.
    assert_eq!(answer(&text, "203.0.113.200", 3306).decision, Allowed);
    assert_eq!(answer(&text, "198.51.100.1", 3306).decision, Blocked);
    let packet = Packet::opening(address("203.0.113.9"), Some(3306));
    assert_eq!(asked(&[&text], &["g2"], &packet).decision, Blocked);
}

#[test]
fn groups_are_named_and_address_groups_resolved_where_they_are_given() {
    let member = list(&[rule("r", "g", "1", "allow", r#","remote_group_id":"g9""#)])
        .replace(r#""remote_group_id":null,"#, "");
    let private = answer(&member, "10.1.2.3", 3306);
    assert_eq!((private.decision, private.likely), (Depends, None));
    assert!(
        private.unknown.join("\n").contains("security group g9"),
        "{private:#?}"
    );
    assert_eq!(answer(&member, "203.0.113.9", 3306).likely, Some(Blocked));
    let set = list(&[rule(
        "r",
        "g",
        "1",
        "allow",
        r#","remote_address_group_id":"ag""#,
    )])
    .replace(r#","remote_address_group_id":null"#, "");
    let packet = Packet::opening(address("203.0.113.9"), Some(3306));
    assert_eq!(asked(&[&set], &[], &packet).decision, Depends);
    let group =
        r#"{"address_group":{"id":"ag","name":"n","ip_version":4,"ip_set":["203.0.113.0/24"]}}"#;
    assert_eq!(asked(&[&set, group], &[], &packet).decision, Allowed);
    assert_eq!(asked(&[group, &set], &[], &packet).decision, Allowed);
}

fn acl_rule(id: &str, action: &str, source: &str, ports: &str) -> String {
    format!(
        r#"{{"id":"{id}","name":"","description":"","action":"{action}","protocol":"tcp","ip_version":4,
        "source_ip_address":"{source}","destination_ip_address":"0.0.0.0/0","source_port":null,
        "destination_port":"{ports}","source_address_group_id":null,
        "destination_address_group_id":null,"enabled":true}}"#
    )
}

fn acl(rules: &[String]) -> String {
    format!(
        r#"{{"firewall":{{"id":"fw","name":"acl","admin_state_up":true,"status":"ACTIVE",
        "associations":[{{"virsubnet_id":"s1"}}],"ingress_rules":[{}],"egress_rules":[]}},"request_id":"r"}}"#,
        rules.join(",")
    )
}

#[test]
fn a_network_acl_is_asked_in_its_order_and_keeps_state() {
    // "ACLs are stateful": https://support.huaweicloud.com/intl/pt-br/productdesc-vpc/pt-br_topic_0051746676.html
    let text = acl(&[
        acl_rule("one", "allow", "203.0.113.7", "3306"),
        acl_rule("net", "deny", "203.0.113.0/24", "3300:3310"),
        acl_rule("all", "allow", "0.0.0.0/0", "1-65535"),
    ]);
    check(
        &text,
        &[
            ("203.0.113.7", 3306, Allowed, "one"),
            ("203.0.113.9", 3306, Blocked, "net"),
            ("203.0.113.9", 22, Allowed, "all"),
            ("2001:db8::1", 22, Blocked, ""),
        ],
    );
    // It comes before the security group.
    let group = list(&[rule("r", "g", "1", "deny", "")]);
    let packet = Packet::opening(address("203.0.113.9"), Some(3306));
    let document = asked(&[&group, &text], &[], &packet);
    let rule = document.rule.expect("a rule");
    assert_eq!(
        (rule.layer, rule.rule_id.as_deref()),
        ("network-acl", Some("net"))
    );
    assert_eq!(document.behind.len(), 1);
    let off = text.replace(r#""admin_state_up":true"#, r#""admin_state_up":false"#);
    assert_eq!(answer(&off, "203.0.113.9", 3306).decision, Depends);
}

#[test]
fn a_page_that_is_missing_is_said() {
    let text = list(&[rule("r", "g", "1", "allow", &from("203.0.113.0/24"))])
        .replace(r#""next_marker":null"#, r#""next_marker":"abc""#);
    for from in ["203.0.113.9", "198.51.100.1"] {
        let document = answer(&text, from, 3306);
        let told = document.unknown.join("\n");
        // A rule that only allows cannot be taken back by others of OpenStack's form, but denying
        // ones come first here.
        assert!(
            document.decision == Depends || from == "203.0.113.9",
            "{document:#?}"
        );
        assert!(
            told.contains("next_marker") || from == "203.0.113.9",
            "{told}"
        );
    }
}

#[test]
fn what_denies_at_the_highest_priority_is_moved_by_command() {
    let text = r#"{"security_group_rules":[{"id":"r1","security_group_id":"g1","direction":"ingress","protocol":"tcp","ethertype":"IPv4","multiport":"3306","action":"deny","priority":1,"remote_ip_prefix":"203.0.113.0/24"}]}"#;
    let document = answer(text, "203.0.113.9", 3306);
    let commands: Vec<&str> = document
        .remedy
        .iter()
        .map(|step| step.command.as_str())
        .collect();
    let [allow, again, gone] = commands.as_slice() else {
        panic!("{document:#?}");
    };
    assert!(
        allow.contains("action=allow") && allow.contains("203.0.113.9/32"),
        "{allow}"
    );
    for part in [
        "multiport=3306",
        "203.0.113.0/24",
        "action=deny",
        "priority=2",
    ] {
        assert!(again.contains(part), "{again}");
    }
    assert!(gone.ends_with("--security_group_rule_id=r1"), "{gone}");
    assert!(
        document
            .undoing()
            .is_some_and(|undo| undo.contains("action=deny --security_group_rule.priority=1"))
    );
}
