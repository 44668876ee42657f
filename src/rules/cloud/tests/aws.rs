//! AWS: security groups in both forms, and network ACLs.

use super::{address, answer, asked, check};
use crate::rules::decision::Ruling::{Allowed, Blocked, Depends};
use crate::rules::packet::{Journey, Packet};

/// A security group with these permissions, as `describe-security-groups` prints it.
fn group(id: &str, name: &str, permissions: &str) -> String {
    format!(
        r#"{{"Description":"d","GroupName":"{name}","IpPermissions":[{permissions}],"OwnerId":"1",
        "GroupId":"{id}","IpPermissionsEgress":[{{"IpProtocol":"-1","IpRanges":[{{"CidrIp":"0.0.0.0/0"}}],
        "Ipv6Ranges":[],"PrefixListIds":[],"UserIdGroupPairs":[]}}],"VpcId":"vpc-1"}}"#
    )
}

fn groups(list: &[String]) -> String {
    format!(r#"{{"SecurityGroups":[{}]}}"#, list.join(","))
}

fn permission(protocol: &str, ports: &str, cidr: &str) -> String {
    format!(
        r#"{{{ports}"IpProtocol":"{protocol}","IpRanges":[{{"CidrIp":"{cidr}"}}],"Ipv6Ranges":[],
        "PrefixListIds":[],"UserIdGroupPairs":[]}}"#
    )
}

const MYSQL: &str = r#""FromPort":3306,"ToPort":3306,"#;

#[test]
fn allow_rules_alone_and_the_rest_is_denied() {
    // https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
    let text = groups(&[group("sg-1", "db", &permission("tcp", MYSQL, "10.0.0.0/8"))]);
    let allowed = answer(&text, "10.1.2.3", 3306);
    assert_eq!(allowed.decision, Allowed);
    let rule = allowed.rule.expect("a rule");
    assert_eq!((rule.layer, rule.provider), ("security-group", Some("aws")));
    assert_eq!(rule.group.as_deref(), Some("sg-1"));
    assert_eq!(rule.text, "allow tcp 3306 10.0.0.0/8");
    let blocked = answer(&text, "203.0.113.9", 3306);
    assert_eq!(blocked.decision, Blocked);
    assert_eq!(
        blocked.commands().as_deref(),
        Some(
            "aws ec2 authorize-security-group-ingress --group-id sg-1 --protocol tcp --port 3306 \
             --cidr 203.0.113.9/32"
        )
    );
    assert_eq!(
        blocked.undoing().as_deref(),
        Some(
            "aws ec2 revoke-security-group-ingress --group-id sg-1 --protocol tcp --port 3306 \
             --cidr 203.0.113.9/32"
        )
    );
    assert_eq!(answer(&text, "10.1.2.3", 3307).decision, Blocked);
    assert_eq!(answer(&text, "2001:db8::1", 3306).decision, Blocked);
}

#[test]
fn protocols_and_ports_are_read_as_the_api_tells() {
    // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
    for (protocol, ports, ruling) in [
        ("-1", "", Allowed),
        ("6", MYSQL, Allowed),
        ("tcp", r#""FromPort":0,"ToPort":65535,"#, Allowed),
        ("tcp", r#""FromPort":3307,"ToPort":4000,"#, Blocked),
        ("udp", MYSQL, Blocked),
        // Ports of a protocol other than TCP, UDP and ICMP do not count, nor does that protocol.
        ("50", MYSQL, Blocked),
        // What is not understood is not guessed.
        ("tcp", "", Depends),
        ("tcq", MYSQL, Depends),
        (
            "tcp",
            r#""FromPort":3306,"ToPort":3306,"Weekdays":"Mon","#,
            Depends,
        ),
    ] {
        let text = groups(&[group(
            "sg-1",
            "db",
            &permission(protocol, ports, "192.0.2.0/24"),
        )]);
        let document = answer(&text, "192.0.2.1", 3306);
        assert_eq!(
            document.decision, ruling,
            "{protocol} {ports}: {document:#?}"
        );
    }
}

#[test]
fn the_rules_of_all_groups_count_together() {
    // "the rules from each security group are aggregated",
    // https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
    let db = group("sg-1", "db", &permission("tcp", MYSQL, "10.0.0.0/8"));
    let web = group("sg-2", "web", &permission("tcp", MYSQL, "192.0.2.0/24"));
    let both = groups(&[web.clone(), db.clone()]);
    let of_both = |from: &str| {
        let packet = Packet::opening(address(from), Some(3306));
        asked(&[&both], &["sg-1", "sg-2"], &packet).decision
    };
    assert_eq!(of_both("10.1.2.3"), Allowed);
    assert_eq!(of_both("192.0.2.1"), Allowed);
    assert_eq!(of_both("203.0.113.9"), Blocked);
    // A listing with the default group in it is of a whole network: which of them the target has is
    // not told. https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html
    let listing = groups(&[group("sg-0", "default", ""), db, web]);
    let depends = answer(&listing, "10.1.2.3", 3306);
    assert_eq!(depends.decision, Depends);
    let told = depends.unknown.join("\n");
    assert!(
        told.contains("the target has security group sg-1"),
        "{told}"
    );
    assert!(
        told.contains("aws ec2 describe-network-interfaces"),
        "{told}"
    );
    assert_eq!(answer(&listing, "203.0.113.9", 3306).decision, Blocked);
    let packet = Packet::opening(address("10.1.2.3"), Some(3306));
    assert_eq!(asked(&[&listing], &["sg-1"], &packet).decision, Allowed);
    assert_eq!(
        asked(&[&listing], &["sg-0", "web"], &packet).decision,
        Blocked
    );
    let strange = asked(&[&listing], &["sg-1", "sg-7"], &packet);
    assert!(
        strange.warnings.join("\n").contains("called sg-7"),
        "{strange:#?}"
    );
}

#[test]
fn which_groups_are_the_targets_is_not_told_by_a_listing_of_an_account() {
    let db = group("sg-1", "db", &permission("tcp", MYSQL, "10.0.0.0/8"));
    let web = group("sg-2", "web", &permission("tcp", MYSQL, "192.0.2.0/24"));
    let depends = answer(&groups(&[web, db.clone()]), "10.1.2.3", 3306);
    assert_eq!(depends.decision, Depends);
    assert!(
        depends.warnings.join("\n").contains("--attached"),
        "{depends:#?}"
    );
    // Of one group two descriptions.
    let other = group("sg-1", "db", "");
    for both in [[db.clone(), other.clone()], [other, db]] {
        let depends = answer(&groups(&both), "10.1.2.3", 3306);
        assert_eq!(depends.decision, Depends, "{depends:#?}");
        assert!(depends.unknown.join("\n").contains("two descriptions"));
    }
}

#[test]
fn a_group_that_is_attached_and_not_given_may_only_add() {
    let db = group("sg-1", "db", &permission("tcp", MYSQL, "10.0.0.0/8"));
    let text = groups(&[db]);
    let of = |attached: &[&str], from: &str| {
        let packet = Packet::opening(address(from), Some(3306));
        asked(&[&text], attached, &packet)
    };
    assert_eq!(of(&["sg-1", "sg-99"], "10.1.2.3").decision, Allowed);
    for (attached, from) in [
        (["sg-1", "sg-99"].as_slice(), "192.0.2.1"),
        (["sg-99"].as_slice(), "10.1.2.3"),
    ] {
        let depends = of(attached, from);
        assert_eq!(depends.decision, Depends, "{depends:#?}");
        let told = depends.unknown.join("\n");
        assert!(
            told.contains("describe-security-groups --group-ids sg-99"),
            "{told}"
        );
    }
}

#[test]
fn what_the_text_does_not_resolve_is_named_with_what_lists_it() {
    // A referenced group stands for the private addresses of its members, a prefix list for its
    // entries: https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
    let text = groups(&[group(
        "sg-1",
        "db",
        r#"{"FromPort":3306,"ToPort":3306,"IpProtocol":"tcp","IpRanges":[],"Ipv6Ranges":[],
        "PrefixListIds":[{"PrefixListId":"pl-7"}],
        "UserIdGroupPairs":[{"GroupId":"sg-9","UserId":"1"}]}"#,
    )]);
    let depends = answer(&text, "10.1.2.3", 3306);
    assert_eq!((depends.decision, depends.likely), (Depends, None));
    let told = depends.unknown.join("\n");
    assert!(
        told.contains("member of security group sg-9 (aws ec2"),
        "{told}"
    );
    assert!(
        told.contains("get-managed-prefix-list-entries --prefix-list-id pl-7"),
        "{told}"
    );
    // A public address is no member's private one.
    let member = groups(&[group(
        "sg-1",
        "db",
        r#"{"FromPort":3306,"ToPort":3306,"IpProtocol":"tcp","IpRanges":[],"Ipv6Ranges":[],
        "PrefixListIds":[],"UserIdGroupPairs":[{"GroupId":"sg-1","UserId":"1"}]}"#,
    )]);
    let public = answer(&member, "203.0.113.9", 3306);
    assert_eq!((public.decision, public.likely), (Depends, Some(Blocked)));
    assert_eq!(public.remedy.len(), 1);
}

#[test]
fn a_page_that_is_missing_is_said() {
    let one = group("sg-1", "db", &permission("tcp", MYSQL, "10.0.0.0/8"));
    let text = format!(r#"{{"SecurityGroups":[{one}],"NextToken":"abc"}}"#);
    let depends = answer(&text, "203.0.113.9", 3306);
    assert_eq!(depends.decision, Depends);
    assert!(
        depends.unknown.join("\n").contains("NextToken"),
        "{depends:#?}"
    );
    // More rules that allow take nothing away.
    assert_eq!(answer(&text, "10.1.2.3", 3306).decision, Allowed);
    let rest = groups(&[group("sg-2", "web", "")]);
    let packet = Packet::opening(address("203.0.113.9"), Some(3306));
    assert_eq!(asked(&[&text, &rest], &[], &packet).decision, Blocked);
}

#[test]
fn the_newer_command_names_every_rule() {
    // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRule.html
    let rule = |id: &str, egress: bool, rest: &str| {
        format!(
            r#"{{"SecurityGroupRuleId":"{id}","GroupId":"sg-1","GroupOwnerId":"1","IsEgress":{egress},
            {rest},"Tags":[]}}"#
        )
    };
    let text = format!(
        r#"{{"SecurityGroupRules":[{},{},{}]}}"#,
        rule(
            "sgr-1",
            false,
            r#""IpProtocol":"tcp","FromPort":3306,"ToPort":3306,"CidrIpv4":"10.0.0.0/8""#
        ),
        rule(
            "sgr-2",
            true,
            r#""IpProtocol":"-1","FromPort":-1,"ToPort":-1,"CidrIpv4":"0.0.0.0/0""#
        ),
        rule(
            "sgr-3",
            false,
            r#""IpProtocol":"-1","FromPort":-1,"ToPort":-1,"CidrIpv6":"2001:db8::/32""#
        ),
    );
    check(
        &text,
        &[
            ("10.1.2.3", 3306, Allowed, "sgr-1"),
            ("10.1.2.3", 22, Blocked, ""),
            ("192.0.2.1", 3306, Blocked, ""),
            ("2001:db8::1", 22, Allowed, "sgr-3"),
        ],
    );
}

#[test]
fn a_list_without_rules_is_of_no_group() {
    for text in [r#"{"SecurityGroupRules":[]}"#, r#"{"SecurityGroups":[]}"#] {
        let mut found = super::Found::default();
        let refused = super::split(text, &mut found).is_err();
        assert!(refused || found.groups.is_empty(), "{text}");
    }
}

#[test]
fn no_command_is_given_for_a_group_without_its_id() {
    let text = r#"{"SecurityGroups":[{"IpPermissions":[],"IpPermissionsEgress":[]}]}"#;
    let document = answer(text, "192.0.2.1", 3306);
    assert_eq!(document.decision, Blocked);
    assert!(document.remedy.is_empty(), "{document:#?}");
    assert!(
        document.before[0].contains("does not name"),
        "{document:#?}"
    );
}

fn entry(
    number: u32,
    egress: bool,
    action: &str,
    protocol: &str,
    ports: &str,
    cidr: &str,
) -> String {
    format!(
        r#"{{"CidrBlock":"{cidr}","Egress":{egress},{ports}"Protocol":"{protocol}",
        "RuleAction":"{action}","RuleNumber":{number}}}"#
    )
}

/// A network ACL with these entries before the last ones.
fn acl(id: &str, entries: &[String]) -> String {
    let last = [true, false].map(|egress| entry(32767, egress, "deny", "-1", "", "0.0.0.0/0"));
    format!(
        r#"{{"Associations":[{{"NetworkAclAssociationId":"a","NetworkAclId":"{id}","SubnetId":"subnet-{id}"}}],
        "Entries":[{}],"IsDefault":false,"NetworkAclId":"{id}","VpcId":"vpc-1","OwnerId":"1","Tags":[]}}"#,
        [entries, &last].concat().join(",")
    )
}

fn acls(list: &[String]) -> String {
    format!(r#"{{"NetworkAcls":[{}]}}"#, list.join(","))
}

const IN: &str = r#""PortRange":{"From":3306,"To":3306},"#;
const CLIENTS: &str = r#""PortRange":{"From":1024,"To":65535},"#;
const LINUX: &str = r#""PortRange":{"From":32768,"To":60999},"#;

#[test]
fn entries_are_asked_in_the_order_of_their_numbers() {
    // https://docs.aws.amazon.com/vpc/latest/userguide/nacl-basics.html
    let out = entry(100, true, "allow", "6", CLIENTS, "0.0.0.0/0");
    let text = acls(&[acl(
        "acl-1",
        &[
            entry(200, false, "allow", "-1", "", "0.0.0.0/0"),
            entry(100, false, "deny", "6", IN, "203.0.113.0/24"),
            entry(90, false, "allow", "6", IN, "203.0.113.7/32"),
            out,
        ],
    )]);
    check(
        &text,
        &[
            ("203.0.113.7", 3306, Allowed, "90"),
            ("203.0.113.9", 3306, Blocked, "100"),
            ("203.0.113.9", 3307, Allowed, "200"),
            ("2001:db8::1", 3306, Blocked, ""),
        ],
    );
    let blocked = answer(&text, "203.0.113.9", 3306);
    assert_eq!(
        blocked.commands().as_deref(),
        Some(
            "aws ec2 create-network-acl-entry --network-acl-id acl-1 --ingress --rule-number 99 \
             --protocol 6 --port-range From=3306,To=3306 --cidr-block 203.0.113.9/32 --rule-action \
             allow"
        )
    );
}

#[test]
fn a_network_acl_is_asked_about_the_answer_as_well() {
    // "NACLs are stateless": https://docs.aws.amazon.com/vpc/latest/userguide/nacl-basics.html; the
    // client's ports: https://docs.aws.amazon.com/vpc/latest/userguide/nacl-ephemeral-ports.html
    let inward = entry(100, false, "allow", "6", IN, "0.0.0.0/0");
    let nothing_out = acls(&[acl("acl-1", std::slice::from_ref(&inward))]);
    let blocked = answer(&nothing_out, "203.0.113.9", 3306);
    assert_eq!(blocked.decision, Blocked);
    let rule = blocked.rule.as_ref().expect("a rule");
    assert!(rule.answers, "{rule:?}");
    assert_eq!(
        blocked.commands().as_deref(),
        Some(
            "aws ec2 create-network-acl-entry --network-acl-id acl-1 --egress --rule-number 32766 \
             --protocol 6 --port-range From=1024,To=65535 --cidr-block 203.0.113.9/32 \
             --rule-action allow"
        )
    );
    // The port of the service on the way out is no client's port.
    let wrong = entry(100, true, "allow", "6", IN, "0.0.0.0/0");
    let some = answer(
        &acls(&[acl("acl-1", &[inward.clone(), wrong])]),
        "203.0.113.9",
        3306,
    );
    assert_eq!((some.decision, some.likely), (Depends, Some(Blocked)));
    let linux = entry(100, true, "allow", "6", LINUX, "0.0.0.0/0");
    let text = acls(&[acl("acl-1", &[inward, linux])]);
    let most = answer(&text, "203.0.113.9", 3306);
    assert_eq!((most.decision, most.likely), (Depends, Some(Allowed)));
    let packet = Packet {
        source_port: Some(40000),
        ..Packet::opening(address("203.0.113.9"), Some(3306))
    };
    assert_eq!(asked(&[&text], &[], &packet).decision, Allowed);
}

#[test]
fn which_network_acl_the_subnet_has_is_not_told() {
    let open = |id: &str| {
        acl(
            id,
            &[
                entry(100, false, "allow", "-1", "", "0.0.0.0/0"),
                entry(100, true, "allow", "-1", "", "0.0.0.0/0"),
            ],
        )
    };
    let text = acls(&[open("acl-1"), acl("acl-2", &[])]);
    let depends = answer(&text, "10.1.2.3", 3306);
    assert_eq!(depends.decision, Depends);
    assert!(
        depends.unknown.join("\n").contains("subnet-acl-2"),
        "{depends:#?}"
    );
    let packet = Packet::opening(address("10.1.2.3"), Some(3306));
    assert_eq!(
        asked(&[&text], &["subnet-acl-1"], &packet).decision,
        Allowed
    );
    assert_eq!(asked(&[&text], &["acl-2"], &packet).decision, Blocked);
    let both_open = acls(&[open("acl-1"), open("acl-2")]);
    assert_eq!(answer(&both_open, "10.1.2.3", 3306).decision, Allowed);
}

#[test]
fn the_first_layer_that_blocks_is_named_and_the_others_behind_it() {
    let sg = groups(&[group("sg-1", "db", &permission("tcp", MYSQL, "10.0.0.0/8"))]);
    let nacl = acls(&[acl(
        "acl-1",
        &[
            entry(90, false, "deny", "6", IN, "203.0.113.0/24"),
            entry(100, false, "allow", "-1", "", "0.0.0.0/0"),
        ],
    )]);
    let packet = Packet::opening(address("203.0.113.9"), Some(3306));
    let document = asked(&[&sg, &nacl], &[], &packet);
    assert_eq!(document.decision, Blocked);
    let rule = document.rule.as_ref().expect("a rule");
    assert_eq!(
        (rule.layer, rule.rule_id.as_deref()),
        ("network-acl", Some("90"))
    );
    let behind: Vec<(&str, bool)> = document
        .behind
        .iter()
        .map(|rule| (rule.layer, rule.answers))
        .collect();
    assert_eq!(behind, [("security-group", false), ("network-acl", true)]);
    assert_eq!(document.remedy.len(), 3);
}

#[test]
fn what_the_target_itself_opens_meets_the_rules_on_the_way_out() {
    let out = |cidr: &str| {
        groups(&[group("sg-1", "db", "")])
            .replace(r#""CidrIp":"0.0.0.0/0""#, &format!(r#""CidrIp":"{cidr}""#))
    };
    let packet = Packet {
        journey: Journey::Outbound,
        to: Some(address("203.0.113.9")),
        ..Packet::opening(address("10.1.2.3"), Some(3306))
    };
    assert_eq!(asked(&[&out("0.0.0.0/0")], &[], &packet).decision, Allowed);
    let blocked = asked(&[&out("192.0.2.0/24")], &[], &packet);
    assert_eq!(blocked.decision, Blocked);
    assert_eq!(
        blocked.commands().as_deref(),
        Some(
            "aws ec2 authorize-security-group-egress --group-id sg-1 --ip-permissions \
             'IpProtocol=tcp,FromPort=3306,ToPort=3306,IpRanges=[{CidrIp=203.0.113.9/32}]'"
        )
    );
    // The answer comes back in through a network ACL, to a port of the target's.
    let nacl = acls(&[acl(
        "acl-1",
        &[
            entry(100, true, "allow", "6", IN, "0.0.0.0/0"),
            entry(100, false, "allow", "6", CLIENTS, "203.0.113.0/24"),
        ],
    )]);
    assert_eq!(
        asked(&[&nacl, &out("0.0.0.0/0")], &[], &packet).decision,
        Allowed
    );
    let no_answer = acls(&[acl(
        "acl-1",
        &[entry(100, true, "allow", "6", IN, "0.0.0.0/0")],
    )]);
    let rule = asked(&[&no_answer], &[], &packet).rule.expect("a rule");
    assert!(rule.answers, "{rule:?}");
    let unsaid = out("0.0.0.0/0").replace("IpPermissionsEgress", "Description");
    assert_eq!(asked(&[&unsaid], &[], &packet).decision, Depends);
}
