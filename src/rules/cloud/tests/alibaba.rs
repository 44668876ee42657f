//! Alibaba Cloud: security groups of ECS and whitelists of RDS.

use super::{address, answer, asked, check};
use crate::rules::decision::Ruling::{Allowed, Blocked, Depends};
use crate::rules::packet::Packet;

/// A permission (<https://alibabacloud.com/help/en/ecs/api-describesecuritygroupattribute>).
fn permission(id: &str, priority: &str, policy: &str, source: &str, ports: &str) -> String {
    format!(
        r#"{{"SecurityGroupRuleId":"{id}","Direction":"ingress","IpProtocol":"TCP","PortRange":"{ports}",
        "SourcePortRange":"-1/-1","SourceCidrIp":"{source}","Ipv6SourceCidrIp":"","SourceGroupId":"",
        "SourceGroupOwnerAccount":"","SourcePrefixListId":"","DestCidrIp":"","DestGroupId":"",
        "Policy":"{policy}","Priority":{priority},"NicType":"intranet","CreateTime":"c","Description":""}}"#
    )
}

fn group(id: &str, inner: &str, permissions: &[String]) -> String {
    format!(
        r#"{{"RequestId":"r","SecurityGroupId":"{id}","SecurityGroupName":"n","VpcId":"vpc","RegionId":
        "cn-hangzhou","Description":"","InnerAccessPolicy":"{inner}","Permissions":{{"Permission":[{}]}}}}"#,
        permissions.join(",")
    )
}

#[test]
fn the_smaller_priority_decides_and_at_equal_ones_what_drops() {
    // https://alibabacloud.com/help/en/ecs/api-authorizesecuritygroup: "When multiple security group
    // rules have the same priority, drop rules take precedence."
    let text = group(
        "sg-1",
        "Drop",
        &[
            permission(
                "allow-net",
                "\"5\"",
                "Accept",
                "203.0.113.0/24",
                "3306/3306",
            ),
            permission("drop-half", "5", "Drop", "203.0.113.128/25", "1/65535"),
            permission("allow-one", "1", "Accept", "203.0.113.200", "-1/-1"),
        ],
    );
    check(
        &text,
        &[
            ("203.0.113.9", 3306, Allowed, "allow-net"),
            ("203.0.113.130", 3306, Blocked, "drop-half"),
            ("203.0.113.200", 3306, Allowed, "allow-one"),
            ("203.0.113.9", 22, Blocked, ""),
            ("198.51.100.1", 3306, Blocked, ""),
        ],
    );
    let blocked = answer(&text, "203.0.113.130", 3306);
    assert_eq!(
        blocked.commands().as_deref(),
        Some(
            "aliyun ecs AuthorizeSecurityGroup --RegionId cn-hangzhou --SecurityGroupId sg-1 \
             --Permissions.1.Policy accept --Permissions.1.Priority 4 --Permissions.1.IpProtocol TCP \
             --Permissions.1.PortRange 3306/3306 --Permissions.1.SourceCidrIp 203.0.113.130/32"
        )
    );
    assert!(
        blocked
            .undoing()
            .unwrap_or_default()
            .contains("RevokeSecurityGroup")
    );
}

#[test]
fn members_reach_each_other_before_any_rule() {
    // "the Accept internal access control policy takes precedence over user-created security group
    // rules": https://www.alibabacloud.com/help/en/ecs/developer-reference/api-modifysecuritygrouppolicy
    let drop = permission("drop", "1", "Drop", "0.0.0.0/0", "-1/-1");
    let accept = group("sg-1", "Accept", std::slice::from_ref(&drop));
    let inside = answer(&accept, "10.1.2.3", 3306);
    assert_eq!((inside.decision, inside.likely), (Depends, None));
    assert!(
        inside
            .unknown
            .join("\n")
            .contains("member of security group sg-1"),
        "{inside:#?}"
    );
    let outside = answer(&accept, "203.0.113.9", 3306);
    // Members reach each other over the internal network, by their private addresses.
    assert_eq!((outside.decision, outside.likely), (Blocked, None));
    // Nothing comes before what drops at the highest priority, so that this has to move.
    assert!(
        outside.before.join("\n").contains("rule drop denies"),
        "{outside:#?}"
    );
    let moved = outside.remedy.last().expect("a step that moves it");
    assert!(
        moved
            .command
            .contains("--SecurityGroupRuleId drop --Policy drop --Priority 2"),
        "{moved:?}"
    );
    assert!(
        moved
            .undo
            .as_ref()
            .is_some_and(|undo| undo.ends_with("--Priority 1"))
    );
    assert_eq!(
        answer(&group("sg-1", "Drop", &[drop]), "10.1.2.3", 3306).decision,
        Blocked
    );
}

#[test]
fn references_and_what_is_not_known_are_not_guessed() {
    for (change, to) in [
        (
            r#""SourceCidrIp":"203.0.113.9""#,
            r#""SourceCidrIp":"","SourcePrefixListId":"pl-1""#,
        ),
        (r#""IpProtocol":"TCP""#, r#""IpProtocol":"SCTP""#),
        (r#""PortRange":"3306/3306""#, r#""PortRange":"3306""#),
        (
            r#""PortRange":"3306/3306""#,
            r#""PortRange":"","PortRangeListId":"prl-1""#,
        ),
        (r#""Policy":"Accept""#, r#""Policy":"Audit""#),
        (r#""NicType":"intranet""#, r#""NicType":"internet""#),
    ] {
        let one = permission("r", "1", "Accept", "203.0.113.9", "3306/3306").replace(change, to);
        let one = one.replacen(
            r#""SourcePrefixListId":"","DestCidrIp""#,
            r#""DestCidrIp""#,
            1,
        );
        let document = answer(&group("sg-1", "Drop", &[one]), "203.0.113.9", 3306);
        let expected = if to.contains("\"3306\"") {
            Allowed
        } else {
            Depends
        };
        assert_eq!(document.decision, expected, "{to}: {document:#?}");
    }
    let text =
        group("sg-1", "Drop", &[]).replace("\"RequestId\"", "\"NextToken\":\"t\",\"RequestId\"");
    let depends = answer(&text, "203.0.113.9", 3306);
    assert_eq!(depends.decision, Depends);
    assert!(
        depends.unknown.join("\n").contains("NextToken"),
        "{depends:#?}"
    );
    let packet = Packet::opening(address("203.0.113.9"), Some(3306));
    let last = group(
        "sg-1",
        "Drop",
        &[permission("r", "1", "Accept", "203.0.113.9", "1/65535")],
    );
    assert_eq!(asked(&[&text, &last], &[], &packet).decision, Allowed);
}

/// `DescribeDBInstanceIPArrayList` (<https://www.alibabacloud.com/help/doc-detail/26241.htm>).
fn whitelists(lists: &[(&str, &str, &str)]) -> String {
    let lists: Vec<String> = lists
        .iter()
        .map(|(name, list, network)| {
            format!(
                r#"{{"DBInstanceIPArrayName":"{name}","DBInstanceIPArrayAttribute":"","SecurityIPType":"IPv4",
                "SecurityIPList":"{list}","WhitelistNetworkType":"{network}"}}"#
            )
        })
        .collect();
    format!(
        r#"{{"RequestId":"r","Items":{{"DBInstanceIPArray":[{}]}}}}"#,
        lists.join(",")
    )
}

#[test]
fn an_address_of_any_list_is_let_in_on_every_port() {
    let text = whitelists(&[
        ("default", "127.0.0.1", "MIX"),
        ("dts", "10.0.0.0/8,203.0.113.9", "MIX"),
    ]);
    check(
        &text,
        &[
            ("203.0.113.9", 3306, Allowed, "dts"),
            ("203.0.113.9", 1, Allowed, "dts"),
            ("10.1.2.3", 3306, Allowed, "dts"),
            ("203.0.113.10", 3306, Blocked, ""),
        ],
    );
    let blocked = answer(&text, "203.0.113.10", 3306);
    let rule = blocked.rule.as_ref().expect("a rule");
    assert_eq!(rule.layer, "whitelist");
    assert_eq!(
        blocked.commands().as_deref(),
        Some(
            "aliyun rds ModifySecurityIps --DBInstanceId DB-INSTANCE --DBInstanceIPArrayName default \
             --SecurityIps 203.0.113.10 --ModifyMode Append"
        )
    );
    let nobody = whitelists(&[("default", "127.0.0.1", "MIX")]);
    assert_eq!(answer(&nobody, "10.1.2.3", 3306).decision, Blocked);
    let everybody = answer(
        &whitelists(&[("default", "0.0.0.0/0", "MIX")]),
        "10.1.2.3",
        3306,
    );
    assert_eq!(everybody.decision, Allowed);
    assert!(
        everybody.warnings.join("\n").contains("every address"),
        "{everybody:#?}"
    );
    let odd = whitelists(&[("default", "203.0.113.*", "MIX")]);
    assert_eq!(answer(&odd, "203.0.113.9", 3306).decision, Depends);
}

#[test]
fn in_the_enhanced_mode_a_list_counts_for_one_network() {
    // "IP addresses in the whitelist are divided into VPC IP addresses and IP addresses of the classic
    // network and Internet": https://alibabacloud.com/help/en/rds/
    // api-switch-the-network-isolation-mode-from-standard-whitelist-to-enhanced-whitelist
    let text = whitelists(&[
        ("vpc", "10.0.0.0/8,203.0.113.9", "VPC"),
        ("classic", "192.168.0.0/16,198.51.100.1", "Classic"),
    ]);
    check(
        &text,
        &[
            ("10.1.2.3", 3306, Allowed, "vpc"),
            ("203.0.113.9", 3306, Blocked, ""),
            ("192.168.1.1", 3306, Blocked, ""),
            ("198.51.100.1", 3306, Allowed, "classic"),
        ],
    );
    let blocked = answer(&text, "203.0.113.9", 3306);
    assert!(
        blocked
            .commands()
            .unwrap_or_default()
            .contains("IPArrayName classic"),
        "{blocked:#?}"
    );
}
