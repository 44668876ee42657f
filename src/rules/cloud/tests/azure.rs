//! Azure: network security groups in every form that is printed.

use super::{address, answer, asked, check};
use crate::rules::decision::Ruling::{Allowed, Blocked, Depends};
use crate::rules::packet::Packet;

/// A rule as `az` prints it: the unused one of singular and plural is empty.
fn rule(name: &str, priority: u32, access: &str, source: &str, port: &str) -> String {
    format!(
        r#"{{"access":"{access}","description":null,"destinationAddressPrefix":"*",
        "destinationAddressPrefixes":[],"destinationPortRange":"{port}","destinationPortRanges":[],
        "direction":"Inbound","etag":"e","id":"/x/{name}","name":"{name}","priority":{priority},
        "protocol":"Tcp","provisioningState":"Succeeded","resourceGroup":"rg",
        "sourceAddressPrefix":"{source}","sourceAddressPrefixes":[],"sourcePortRange":"*",
        "sourcePortRanges":[],"type":"t"}}"#
    )
}

const ID: &str = "/subscriptions/s/resourceGroups/rg1/providers/Microsoft.Network/\
                  networkSecurityGroups/nsg1";

/// The rules that every group has, as the listing prints them
/// (<https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview>).
fn defaults() -> String {
    let each = [
        ("AllowVnetInBound", 65000, "Allow", "VirtualNetwork", "VirtualNetwork"),
        ("AllowAzureLoadBalancerInBound", 65001, "Allow", "AzureLoadBalancer", "*"),
        ("DenyAllInBound", 65500, "Deny", "*", "*"),
    ]
    .map(|(name, priority, access, source, destination)| {
        format!(
            r#"{{"name":"{name}","priority":{priority},"access":"{access}","direction":"Inbound",
            "protocol":"*","sourceAddressPrefix":"{source}","destinationAddressPrefix":"{destination}",
            "sourcePortRange":"*","destinationPortRange":"*"}}"#
        )
    });
    each.join(",")
}

fn flat(rules: &[String], bound: &str) -> String {
    format!(
        r#"{{"defaultSecurityRules":[{}],"etag":"e","id":"{ID}","location":"westeurope","name":"nsg1",
        {bound}"resourceGroup":"rg1","securityRules":[{}],"tags":null,"type":"t"}}"#,
        defaults(),
        rules.join(",")
    )
}

#[test]
fn the_smaller_priority_decides_and_ends_it() {
    // https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview
    let text = flat(
        &[
            rule("allow-all", 300, "Allow", "198.51.100.0/24", "3000-4000"),
            rule("deny-one", 200, "Deny", "198.51.100.7", "3306"),
            rule("allow-db", 400, "Allow", "10.0.0.0/8", "3306"),
        ],
        "",
    );
    check(
        &text,
        &[
            ("198.51.100.9", 3306, Allowed, "allow-all"),
            ("198.51.100.7", 3306, Blocked, "deny-one"),
            ("198.51.100.7", 3307, Allowed, "allow-all"),
            ("10.1.2.3", 3306, Allowed, "allow-db"),
        ],
    );
    let blocked = answer(&text, "198.51.100.7", 3306);
    assert_eq!(
        blocked.commands().as_deref(),
        Some(
            "az network nsg rule create -g rg1 --nsg-name nsg1 -n synquest-198-51-100-7-3306 \
             --priority 199 --access Allow --direction Inbound --protocol Tcp \
             --source-address-prefixes 198.51.100.7/32 --destination-port-ranges 3306"
        )
    );
    assert_eq!(
        blocked.undoing().as_deref(),
        Some("az network nsg rule delete -g rg1 --nsg-name nsg1 -n synquest-198-51-100-7-3306")
    );
}

#[test]
fn the_virtual_networks_own_addresses_are_not_in_the_text() {
    // VirtualNetwork holds peers and what is behind gateways:
    // https://learn.microsoft.com/azure/virtual-network/service-tags-overview
    let text = flat(&[], "");
    let private = answer(&text, "10.1.2.3", 3306);
    assert_eq!((private.decision, private.likely), (Depends, None));
    assert!(
        private.unknown.join("\n").contains("list-effective-nsg"),
        "{private:#?}"
    );
    let public = answer(&text, "203.0.113.9", 3306);
    assert_eq!((public.decision, public.likely), (Depends, Some(Blocked)));
    let rule = public.rule.expect("a rule");
    assert_eq!(rule.rule_id.as_deref(), Some("DenyAllInBound"));
    // Health probes come from one address of the host.
    assert_eq!(answer(&text, "168.63.129.16", 3306).decision, Allowed);
}

#[test]
fn the_rest_form_and_a_listing_of_rules_say_the_same() {
    let inner = rule("allow-db", 400, "Allow", "10.0.0.0/8", "3306");
    let rest = format!(
        r#"{{"name":"nsg1","id":"{ID}","type":"t","properties":{{"provisioningState":"Succeeded",
        "securityRules":[{{"name":"allow-db","id":"x","properties":{inner}}}],
        "defaultSecurityRules":[],"subnets":[{{"id":"/x/subnets/a"}}]}}}}"#
    );
    let named = inner.replace("/x/allow-db", &format!("{ID}/securityRules/allow-db"));
    for text in [
        rest.as_str(),
        &format!("[{named}]"),
        &format!(r#"{{"value":[{rest}]}}"#),
    ] {
        check(
            text,
            &[
                ("10.1.2.3", 3306, Allowed, "allow-db"),
                ("10.1.2.3", 3307, Depends, "DenyAllInBound"),
            ],
        );
    }
}

#[test]
fn singular_and_plural_are_both_read() {
    let many = |sources: &str, ports: &str| {
        let one = rule("r", 100, "Allow", "", "")
            .replace(
                r#""sourceAddressPrefixes":[]"#,
                &format!(r#""sourceAddressPrefixes":{sources}"#),
            )
            .replace(
                r#""destinationPortRanges":[]"#,
                &format!(r#""destinationPortRanges":{ports}"#),
            );
        flat(&[one], "")
    };
    let text = many(
        r#"["192.0.2.0/25","198.51.100.1"]"#,
        r#"["22","3300-3310"]"#,
    );
    for (from, port, ruling) in [
        ("192.0.2.1", 3306, Allowed),
        ("198.51.100.1", 22, Allowed),
        ("192.0.2.200", 3306, Depends),
        ("192.0.2.1", 3311, Depends),
    ] {
        assert_eq!(answer(&text, from, port).decision, ruling, "{from} {port}");
    }
}

#[test]
fn tags_and_application_groups_are_named() {
    let tag = flat(&[rule("sql", 100, "Deny", "Sql.WestEurope", "3306")], "");
    let document = answer(&tag, "203.0.113.9", 3306);
    assert_eq!(document.decision, Depends);
    assert!(
        document
            .unknown
            .join("\n")
            .contains("az network list-service-tags"),
        "{document:#?}"
    );
    let group = rule("asg", 100, "Allow", "", "3306").replace(
        r#""sourceAddressPrefixes":[]"#,
        r#""sourceApplicationSecurityGroups":[{"id":"/x/applicationSecurityGroups/app"}]"#,
    );
    let document = answer(&flat(&[group], ""), "10.1.2.3", 3306);
    assert_eq!(document.decision, Depends);
    assert!(
        document
            .unknown
            .join("\n")
            .contains("application security group app (az network nic list"),
        "{document:#?}"
    );
    // The address a rule sees is the private one behind the public one.
    let near = rule("near", 100, "Allow", "203.0.113.0/24", "3306").replace(
        r#""destinationAddressPrefix":"*""#,
        r#""destinationAddressPrefix":"10.1.0.4""#,
    );
    let text = flat(&[near], "");
    let to = |to: &str| Packet {
        to: Some(address(to)),
        ..Packet::opening(address("203.0.113.9"), Some(3306))
    };
    assert_eq!(asked(&[&text], &[], &to("10.1.0.4")).decision, Allowed);
    assert_eq!(asked(&[&text], &[], &to("198.51.100.4")).decision, Depends);
    let other = asked(&[&text], &[], &to("10.1.0.5"));
    assert_eq!((other.decision, other.likely), (Depends, Some(Blocked)));
}

#[test]
fn the_group_of_the_subnet_comes_first_and_both_must_let_it_through() {
    // https://learn.microsoft.com/azure/virtual-network/network-security-group-how-it-works
    let allow = rule("allow-db", 400, "Allow", "203.0.113.0/24", "3306");
    let subnet = flat(
        std::slice::from_ref(&allow),
        r#""subnets":[{"id":"/x/subnets/a"}],"networkInterfaces":[],"#,
    );
    let deny = rule("deny-db", 300, "Deny", "*", "3306");
    let nic = flat(
        &[deny],
        r#""subnets":null,"networkInterfaces":[{"id":"/x/nics/b"}],"#,
    )
    .replace("nsg1", "nsg2");
    let packet = Packet::opening(address("203.0.113.9"), Some(3306));
    for texts in [[&subnet, &nic], [&nic, &subnet]] {
        let texts: Vec<&str> = texts.iter().map(|text| text.as_str()).collect();
        let document = asked(&texts, &[], &packet);
        assert_eq!(document.decision, Blocked);
        assert!(document.way[0].contains("nsg1"), "{document:#?}");
        let rule = document.rule.expect("a rule");
        assert_eq!(rule.group.as_deref(), Some("nsg2"));
    }
    let open = nic.replace(
        "Deny\",\"description\":null",
        "Allow\",\"description\":null",
    );
    assert_eq!(asked(&[&subnet, &open], &[], &packet).decision, Allowed);
}

#[test]
fn the_effective_list_has_its_tags_expanded() {
    // https://learn.microsoft.com/rest/api/virtualnetwork/network-interfaces/list-effective-network-security-groups
    let rules = r#"[{"name":"defaultSecurityRules/AllowVnetInBound","access":"Allow","direction":"Inbound",
        "priority":65000,"protocol":"All","sourceAddressPrefix":"VirtualNetwork",
        "sourceAddressPrefixes":["VirtualNetwork"],"destinationAddressPrefix":"VirtualNetwork",
        "destinationAddressPrefixes":["VirtualNetwork"],
        "expandedSourceAddressPrefix":["10.1.0.0/16","192.168.0.0/16"],
        "expandedDestinationAddressPrefix":["10.1.0.0/16"],
        "sourcePortRange":"0-65535","destinationPortRange":"0-65535"},
        {"name":"defaultSecurityRules/DenyAllInBound","access":"Deny","direction":"Inbound",
        "priority":65500,"protocol":"All","sourceAddressPrefix":"0.0.0.0/0","sourceAddressPrefixes":["0.0.0.0/0"],
        "destinationAddressPrefix":"0.0.0.0/0","expandedSourceAddressPrefix":null,
        "sourcePortRange":"0-65535","destinationPortRange":"0-65535"}]"#;
    let text = format!(
        r#"{{"value":[{{"networkSecurityGroup":{{"id":"{ID}"}},"tagMap":{{}},
        "association":{{"subnet":{{"id":"/x/subnets/a"}},"networkInterface":null}},
        "effectiveSecurityRules":{rules}}}],"nextLink":null}}"#
    );
    let packet = |from: &str| Packet::opening(address(from), Some(3306));
    assert_eq!(
        asked(&[&text], &[], &packet("192.168.3.3")).decision,
        Allowed
    );
    let blocked = asked(&[&text], &[], &packet("203.0.113.9"));
    assert_eq!(blocked.decision, Blocked);
    let rule = blocked.rule.expect("a rule");
    assert_eq!(rule.rule_id.as_deref(), Some("DenyAllInBound"));
    assert_eq!(rule.group.as_deref(), Some("nsg1"));
}

#[test]
fn groups_that_are_bound_nowhere_in_the_text_are_one_or_the_other() {
    let allow = rule("allow-db", 400, "Allow", "203.0.113.0/24", "3306");
    let deny = rule("deny-db", 300, "Deny", "*", "3306");
    let texts = [
        flat(&[allow], ""),
        flat(&[deny], "").replace("nsg1", "nsg2"),
    ];
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let packet = Packet::opening(address("203.0.113.9"), Some(3306));
    assert_eq!(asked(&texts, &[], &packet).decision, Depends);
    assert_eq!(asked(&texts, &["nsg1"], &packet).decision, Allowed);
    // Both, as one may be the subnet's and the other the interface's.
    assert_eq!(asked(&texts, &["nsg1", "nsg2"], &packet).decision, Blocked);
}

#[test]
fn a_group_that_is_bound_to_nothing_may_be_anybodys() {
    let text = r#"{"name":"nsg-1","subnets":[],"networkInterfaces":[],"securityRules":[]}"#;
    let packet = Packet::opening(address("203.0.113.9"), Some(3306));
    let depends = asked(&[text], &[], &packet);
    assert_eq!(depends.decision, Depends, "{depends:#?}");
    let told = depends.unknown.join("\n");
    assert!(told.contains("whether nsg-1 is attached"), "{told}");
}

#[test]
fn a_rule_that_denies_first_moves_behind_the_one_that_lets_in() {
    let denies = [
        rule("deny", 100, "Deny", "*", "3306"),
        rule("next", 101, "Allow", "*", "22"),
    ];
    let document = answer(&flat(&denies, ""), "203.0.113.9", 3306);
    assert_eq!(document.decision, Blocked);
    let commands: Vec<&str> = document
        .remedy
        .iter()
        .map(|step| step.command.as_str())
        .collect();
    let update = "az network nsg rule update -g rg1 --nsg-name nsg1 -n";
    assert_eq!(commands[0], format!("{update} next --priority 102"));
    assert_eq!(commands[1], format!("{update} deny --priority 101"));
    assert!(
        commands[2].contains("--priority 100 --access Allow"),
        "{commands:?}"
    );
    let undone = document.undoing().unwrap_or_default();
    assert!(
        undone.contains(&format!("{update} deny --priority 100")),
        "{undone}"
    );
}

#[test]
fn commands_name_the_resource_group_that_the_text_tells() {
    let allow = [rule("in", 100, "Allow", "Internet", "3306")];
    let document = answer(&flat(&allow, ""), "203.0.113.9", 3306);
    let told = format!("{document:?}");
    assert!(!told.contains("RESOURCE-GROUP"), "{told}");
}
