//! Google Cloud: VPC firewall rules and effective firewalls.

use super::{address, answer, asked, check};
use crate::rules::decision::Ruling::{Allowed, Blocked, Depends};
use crate::rules::packet::Packet;

const NETWORK: &str = "https://www.googleapis.com/compute/v1/projects/p/global/networks/prod";

fn rule(name: &str, priority: u32, action: &str, rest: &str) -> String {
    format!(
        r#"{{"{action}":[{{"IPProtocol":"tcp","ports":["3306"]}}],"creationTimestamp":"c","description":"",
        "direction":"INGRESS","disabled":false,"id":"1","kind":"compute#firewall",
        "logConfig":{{"enable":false}},"name":"{name}","network":"{NETWORK}","priority":{priority},
        "selfLink":"s"{rest}}}"#
    )
}

fn list(rules: &[String]) -> String {
    format!("[{}]", rules.join(",\n"))
}

#[test]
fn the_smaller_priority_decides_and_at_equal_ones_what_denies() {
    // https://cloud.google.com/firewall/docs/firewalls: "a rule with a deny action overrides another
    // with an allow action only if the two rules have the same priority"
    let sources = |sources: &str| format!(r#","sourceRanges":["{sources}"]"#);
    let text = list(&[
        rule("allow-db", 1000, "allowed", &sources("203.0.113.0/24")),
        rule("deny-db", 1000, "denied", &sources("203.0.113.128/25")),
        rule("allow-first", 900, "allowed", &sources("203.0.113.200/32")),
    ]);
    check(
        &text,
        &[
            ("203.0.113.9", 3306, Allowed, "allow-db"),
            ("203.0.113.130", 3306, Blocked, "deny-db"),
            ("203.0.113.200", 3306, Allowed, "allow-first"),
            // The implied rule.
            ("198.51.100.1", 3306, Blocked, ""),
            ("203.0.113.9", 3307, Blocked, ""),
        ],
    );
    let blocked = answer(&text, "203.0.113.130", 3306);
    assert_eq!(
        blocked.commands().as_deref(),
        Some(
            "gcloud compute firewall-rules create synquest-203-0-113-130-3306 --network=prod \
             --direction=INGRESS --priority=999 --action=ALLOW --rules=tcp:3306 \
             --source-ranges=203.0.113.130/32"
        )
    );
    // Policies are not in this listing.
    assert!(
        blocked
            .warnings
            .join("\n")
            .contains("get-effective-firewalls"),
        "{blocked:#?}"
    );
}

#[test]
fn what_is_switched_off_or_goes_out_is_not_asked() {
    let off = rule("off", 100, "allowed", r#","sourceRanges":["0.0.0.0/0"]"#)
        .replace(r#""disabled":false"#, r#""disabled":true"#);
    let out = rule(
        "out",
        100,
        "allowed",
        r#","destinationRanges":["0.0.0.0/0"]"#,
    )
    .replace("INGRESS", "EGRESS");
    check(&list(&[off, out]), &[("203.0.113.9", 3306, Blocked, "")]);
}

#[test]
fn protocols_and_ports_are_read_as_the_api_tells() {
    // https://cloud.google.com/compute/docs/reference/rest/v1/firewalls: without ports every port
    for (services, ruling) in [
        (r#"{"IPProtocol":"all"}"#, Allowed),
        (r#"{"IPProtocol":"tcp"}"#, Allowed),
        (r#"{"IPProtocol":"6","ports":["3000-4000"]}"#, Allowed),
        (r#"{"IPProtocol":"udp","ports":["3306"]}"#, Blocked),
        (
            r#"{"IPProtocol":"icmp"},{"IPProtocol":"tcp","ports":["22","3306"]}"#,
            Allowed,
        ),
        (r#"{"IPProtocol":"tcp","ports":["33o6"]}"#, Depends),
        (
            r#"{"IPProtocol":"tcp","ports":["3306"],"flags":"syn"}"#,
            Depends,
        ),
    ] {
        let one = rule("r", 1000, "allowed", r#","sourceRanges":["203.0.113.9"]"#)
            .replace(r#"{"IPProtocol":"tcp","ports":["3306"]}"#, services);
        let document = answer(&list(&[one]), "203.0.113.9", 3306);
        assert_eq!(document.decision, ruling, "{services}: {document:#?}");
    }
}

#[test]
fn a_range_or_a_tag_is_enough_and_tags_hang_on_instances() {
    // "The connection does not need to match both fields":
    // https://cloud.google.com/compute/docs/reference/rest/v1/firewalls (sourceRanges)
    let both = list(&[rule(
        "both",
        1000,
        "allowed",
        r#","sourceRanges":["203.0.113.9/32"],"sourceTags":["app"]"#,
    )]);
    assert_eq!(answer(&both, "203.0.113.9", 3306).decision, Allowed);
    let inside = answer(&both, "10.1.2.3", 3306);
    assert_eq!((inside.decision, inside.likely), (Depends, None));
    assert!(
        inside
            .unknown
            .join("\n")
            .contains("network tag app (gcloud compute instances list")
    );
    assert_eq!(answer(&both, "198.51.100.1", 3306).likely, Some(Blocked));
    let target = list(&[rule(
        "db",
        1000,
        "allowed",
        r#","sourceRanges":["0.0.0.0/0"],"targetTags":["db"]"#,
    )]);
    let depends = answer(&target, "203.0.113.9", 3306);
    assert_eq!(depends.decision, Depends);
    assert!(
        depends
            .unknown
            .join("\n")
            .contains("the target has network tag db"),
        "{depends:#?}"
    );
    let packet = Packet::opening(address("203.0.113.9"), Some(3306));
    let tagged = asked(&[&target], &["db"], &packet);
    assert_eq!(tagged.decision, Allowed);
    assert!(
        tagged.warnings.join("\n").contains("every address"),
        "{tagged:#?}"
    );
    assert_eq!(asked(&[&target], &["web"], &packet).decision, Blocked);
}

#[test]
fn rules_of_another_network_do_not_count() {
    let other = rule("other", 100, "allowed", r#","sourceRanges":["0.0.0.0/0"]"#)
        .replace("networks/prod", "networks/test");
    let own = rule("own", 100, "denied", r#","sourceRanges":["0.0.0.0/0"]"#);
    let text = list(&[other, own]);
    let depends = answer(&text, "203.0.113.9", 3306);
    assert_eq!(depends.decision, Depends);
    assert!(
        depends
            .unknown
            .join("\n")
            .contains("the target is in network prod"),
        "{depends:#?}"
    );
    let packet = Packet::opening(address("203.0.113.9"), Some(3306));
    assert_eq!(asked(&[&text], &["prod"], &packet).decision, Blocked);
    assert_eq!(asked(&[&text], &["test"], &packet).decision, Allowed);
}

fn policy(kind: &str, name: &str, rules: &[(u32, &str, &str)]) -> String {
    let rules: Vec<String> = rules
        .iter()
        .map(|(priority, action, sources)| {
            format!(
                r#"{{"kind":"compute#firewallPolicyRule","priority":{priority},"action":"{action}",
                "direction":"INGRESS","disabled":false,"enableLogging":false,"match":{{
                "srcIpRanges":["{sources}"],"layer4Configs":[{{"ipProtocol":"tcp","ports":["3306"]}}]}}}}"#
            )
        })
        .collect();
    format!(
        r#"{{"name":"{name}","type":"{kind}","rules":[{}]}}"#,
        rules.join(",")
    )
}

fn effective(firewalls: &[String], policies: &[String]) -> String {
    format!(
        r#"{{"firewalls":[{}],"firewallPolicys":[{}]}}"#,
        firewalls.join(","),
        policies.join(",")
    )
}

#[test]
fn policies_of_the_organisation_come_before_the_networks_rules() {
    // https://docs.cloud.google.com/firewall/docs/firewall-policies-rule-eval-order
    let allow = rule(
        "allow-db",
        1000,
        "allowed",
        r#","sourceRanges":["203.0.113.0/24"]"#,
    );
    let organisation = policy(
        "HIERARCHY",
        "org",
        &[
            (10, "goto_next", "203.0.113.7/32"),
            (20, "deny", "203.0.113.0/28"),
            (30, "allow", "198.51.100.0/24"),
        ],
    );
    let text = effective(&[allow], &[organisation]);
    check(
        &text,
        &[
            ("203.0.113.7", 3306, Allowed, "allow-db"),
            ("203.0.113.9", 3306, Blocked, "org/20"),
            ("203.0.113.99", 3306, Allowed, "allow-db"),
            ("198.51.100.1", 3306, Allowed, "org/30"),
            ("192.0.2.1", 3306, Blocked, ""),
        ],
    );
    let blocked = answer(&text, "203.0.113.9", 3306);
    assert!(
        blocked.remedy.is_empty() && blocked.before[0].contains("org"),
        "{blocked:#?}"
    );
}

#[test]
fn the_order_of_the_networks_policies_is_the_networks_to_tell() {
    let allow = rule(
        "allow-db",
        1000,
        "allowed",
        r#","sourceRanges":["203.0.113.0/24"]"#,
    );
    let own = policy(
        "NETWORK",
        "net",
        &[
            (10, "deny", "203.0.113.9/32"),
            (20, "allow", "192.0.2.0/24"),
        ],
    );
    let text = effective(&[allow], &[own]);
    let depends = answer(&text, "203.0.113.9", 3306);
    assert_eq!((depends.decision, depends.likely), (Depends, Some(Allowed)));
    let told = depends.unknown.join("\n");
    assert!(
        told.contains("networkFirewallPolicyEnforcementOrder"),
        "{told}"
    );
    // Where both orders say the same, it is certain.
    assert_eq!(answer(&text, "192.0.2.1", 3306).decision, Allowed);
    assert_eq!(answer(&text, "198.51.100.1", 3306).decision, Blocked);
}

#[test]
fn what_a_policy_says_beyond_addresses_is_not_guessed() {
    let region = policy("HIERARCHY", "org", &[(10, "deny", "198.51.100.0/24")]).replace(
        r#""layer4Configs""#,
        r#""srcRegionCodes":["US"],"layer4Configs""#,
    );
    let inspected = policy(
        "HIERARCHY",
        "org",
        &[(10, "apply_security_profile_group", "203.0.113.9")],
    );
    let context = policy("HIERARCHY", "org", &[(10, "deny", "203.0.113.9")]).replace(
        r#""layer4Configs""#,
        r#""srcNetworkType":"INTERNET","layer4Configs""#,
    );
    for policy in [region, inspected, context] {
        let allow = rule(
            "allow-db",
            1000,
            "allowed",
            r#","sourceRanges":["203.0.113.0/24"]"#,
        );
        let document = answer(
            &effective(&[allow], std::slice::from_ref(&policy)),
            "203.0.113.9",
            3306,
        );
        assert_eq!(document.decision, Depends, "{policy}");
    }
}

#[test]
fn a_rule_without_a_source_is_of_ipv4_alone() {
    // https://cloud.google.com/firewall/docs/firewalls#sources
    let text = list(&[rule("any", 1000, "allowed", "")]);
    check(
        &text,
        &[
            ("203.0.113.9", 3306, Allowed, "any"),
            ("2001:db8::1", 3306, Blocked, ""),
        ],
    );
}
