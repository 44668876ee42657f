//! Terraform: the state file, and what `terraform show -json` prints of a state and of a plan.

use super::{answer, check};
use crate::rules::decision::Ruling::{self, Allowed, Blocked, Depends};

/// A state file (<https://developer.hashicorp.com/terraform/language/state>).
fn state(kind: &str, attributes: &str) -> String {
    format!(
        r#"{{"version":4,"terraform_version":"1.9.0","serial":1,"lineage":"l","outputs":{{}},
        "resources":[{{"mode":"managed","type":"{kind}","name":"db","provider":"p",
        "instances":[{{"schema_version":1,"attributes":{attributes},"sensitive_attributes":[]}}]}},
        {{"mode":"data","type":"{kind}","name":"other","provider":"p","instances":[]}}]}}"#
    )
}

/// `terraform show -json` of a state (<https://developer.hashicorp.com/terraform/internals/json-format>).
fn shown(kind: &str, values: &str) -> String {
    format!(
        r#"{{"format_version":"1.0","terraform_version":"1.9.0","values":{{"root_module":{{"resources":[],
        "child_modules":[{{"address":"module.m","resources":[{{"address":"module.m.{kind}.db",
        "mode":"managed","type":"{kind}","name":"db","provider_name":"p","schema_version":1,
        "values":{values},"sensitive_values":{{}}}}]}}]}}}}}}"#
    )
}

/// … and of a plan.
fn plan(kind: &str, values: &str, unknown: &str) -> String {
    format!(
        r#"{{"format_version":"1.2","terraform_version":"1.9.0","planned_values":{{"root_module":{{
        "resources":[{{"address":"{kind}.db","mode":"managed","type":"{kind}","name":"db",
        "values":{values}}}]}}}},"resource_changes":[{{"address":"{kind}.db","change":{{
        "actions":["create"],"before":null,"after":{{}},"after_unknown":{unknown}}}}}],
        "configuration":{{}}}}"#
    )
}

/// Every resource, what it holds so that TCP 3306 is allowed from 203.0.113.0/24 alone, and what
/// becomes of other addresses: Azure's may belong to the virtual network.
const RESOURCES: [(&str, &str, Ruling); 12] = [
    (
        "aws_security_group",
        r#"{"id":"sg-1","name":"db","vpc_id":"vpc-1","arn":"a","owner_id":"1","tags":{},"egress":[],
        "revoke_rules_on_delete":false,"ingress":[{"cidr_blocks":["203.0.113.0/24"],"description":"",
        "from_port":3306,"ipv6_cidr_blocks":[],"prefix_list_ids":[],"protocol":"tcp",
        "security_groups":[],"self":false,"to_port":3306}]}"#,
        Blocked,
    ),
    (
        "aws_security_group_rule",
        r#"{"id":"sgrule-1","security_group_id":"sg-1","type":"ingress","protocol":"tcp","from_port":3306,
        "to_port":3306,"cidr_blocks":["203.0.113.0/24"],"ipv6_cidr_blocks":null,"prefix_list_ids":[],
        "self":false,"source_security_group_id":null,"security_group_rule_id":"sgr-1"}"#,
        Blocked,
    ),
    (
        "aws_vpc_security_group_ingress_rule",
        r#"{"id":"sgr-1","security_group_id":"sg-1","ip_protocol":"tcp","from_port":3306,"to_port":3306,
        "cidr_ipv4":"203.0.113.0/24","cidr_ipv6":null,"referenced_security_group_id":null,"tags":null}"#,
        Blocked,
    ),
    (
        "aws_network_acl",
        r#"{"id":"acl-1","vpc_id":"vpc-1","subnet_ids":["subnet-1"],"ingress":[{"action":"allow",
        "cidr_block":"203.0.113.0/24","from_port":3306,"icmp_code":0,"icmp_type":0,"ipv6_cidr_block":"",
        "protocol":"6","rule_no":100,"to_port":3306}],"egress":[{"action":"allow",
        "cidr_block":"0.0.0.0/0","from_port":0,"to_port":0,"protocol":"-1","rule_no":100}]}"#,
        Blocked,
    ),
    (
        "azurerm_network_security_group",
        r#"{"id":"/x/resourceGroups/rg/y/networkSecurityGroups/nsg1","name":"nsg1","location":"w",
        "resource_group_name":"rg","tags":{},"security_rule":[{"name":"allow-db","priority":100,
        "direction":"Inbound","access":"Allow","protocol":"Tcp","source_port_range":"*",
        "source_port_ranges":[],"destination_port_range":"3306","destination_port_ranges":[],
        "source_address_prefix":"203.0.113.0/24","source_address_prefixes":[],
        "destination_address_prefix":"*","destination_address_prefixes":[],
        "source_application_security_group_ids":[],"destination_application_security_group_ids":[],
        "description":""}]}"#,
        Depends,
    ),
    (
        "azurerm_network_security_rule",
        r#"{"id":"i","name":"allow-db","priority":100,"direction":"Inbound","access":"Allow",
        "protocol":"Tcp","source_port_range":"*","destination_port_range":"3306",
        "source_address_prefix":"203.0.113.0/24","destination_address_prefix":"*",
        "network_security_group_name":"nsg1","resource_group_name":"rg"}"#,
        Depends,
    ),
    (
        "google_compute_firewall",
        r#"{"id":"i","name":"allow-db","network":"https://x/networks/prod","direction":"INGRESS",
        "priority":1000,"disabled":false,"source_ranges":["203.0.113.0/24"],"destination_ranges":[],
        "source_tags":null,"target_tags":null,"allow":[{"protocol":"tcp","ports":["3306"]}],"deny":[],
        "project":"p","self_link":"s","creation_timestamp":"c","log_config":[]}"#,
        Blocked,
    ),
    (
        "huaweicloud_networking_secgroup_rule",
        r#"{"id":"r","security_group_id":"g","direction":"ingress","ethertype":"IPv4","protocol":"tcp",
        "port_range_min":0,"port_range_max":0,"ports":"3306","remote_ip_prefix":"203.0.113.0/24",
        "remote_group_id":"","action":"allow","priority":1,"region":"r"}"#,
        Blocked,
    ),
    (
        "openstack_networking_secgroup_rule_v2",
        r#"{"id":"r","security_group_id":"g","direction":"ingress","ethertype":"IPv4","protocol":"tcp",
        "port_range_min":3306,"port_range_max":3306,"remote_ip_prefix":"203.0.113.0/24",
        "remote_group_id":"","tenant_id":"t","region":"r"}"#,
        Blocked,
    ),
    (
        "alicloud_security_group_rule",
        r#"{"id":"r","security_group_id":"sg-1","type":"ingress","ip_protocol":"tcp","port_range":
        "3306/3306","policy":"accept","priority":1,"nic_type":"intranet","cidr_ip":"203.0.113.0/24",
        "ipv6_cidr_ip":"","source_security_group_id":"","prefix_list_id":""}"#,
        Blocked,
    ),
    (
        "alicloud_db_instance",
        r#"{"id":"rm-1","security_ips":["203.0.113.0/24"],"engine":"MySQL"}"#,
        Blocked,
    ),
    (
        "aws_default_security_group",
        r#"{"id":"sg-1","vpc_id":"vpc-1","egress":[],"ingress":[{"cidr_blocks":["203.0.113.0/24"],
        "from_port":0,"protocol":"-1","self":false,"to_port":0}]}"#,
        Blocked,
    ),
];

#[test]
fn every_resource_is_read_in_every_form() {
    for (kind, values, elsewhere) in RESOURCES {
        for text in [
            state(kind, values),
            shown(kind, values),
            plan(kind, values, "{}"),
        ] {
            let allowed = answer(&text, "203.0.113.9", 3306);
            assert_eq!(allowed.decision, Allowed, "{kind}: {allowed:#?}");
            let other = answer(&text, "198.51.100.1", 3306);
            assert_eq!(other.decision, elsewhere, "{kind}: {other:#?}");
            // Whoever changes it beside Terraform is told so.
            if kind != "google_compute_firewall" {
                assert!(other.before.join("\n").contains(kind), "{kind}: {other:#?}");
            }
        }
    }
}

#[test]
fn what_a_plan_does_not_know_yet_is_not_guessed() {
    let values = r#"{"security_group_id":"sg-1","type":"ingress","protocol":"tcp","from_port":3306,
        "to_port":3306,"self":false}"#;
    let text = plan(
        "aws_security_group_rule",
        values,
        r#"{"id":true,"cidr_blocks":true}"#,
    );
    let document = answer(&text, "203.0.113.9", 3306);
    assert_eq!(document.decision, Depends);
    assert!(
        document.unknown.join("\n").contains("cidr_blocks"),
        "{document:#?}"
    );
    assert!(
        document
            .warnings
            .join("\n")
            .contains("what Terraform plans"),
        "{document:#?}"
    );
    let group = r#"{"name":"db","ingress":[]}"#;
    let text = plan(
        "aws_security_group",
        group,
        r#"{"id":true,"arn":true,"ingress":[{"cidr_blocks":[true]}]}"#,
    );
    assert_eq!(answer(&text, "203.0.113.9", 3306).decision, Depends);
}

#[test]
fn rules_and_their_group_are_one() {
    let text = r#"{"version":4,"terraform_version":"1.9.0","resources":[
        {"mode":"managed","type":"aws_vpc_security_group_ingress_rule","name":"r","provider":"p","module":"module.a",
        "instances":[{"index_key":"x","attributes":{"security_group_id":"sg-1","ip_protocol":"tcp",
        "from_port":3306,"to_port":3306,"cidr_ipv4":"203.0.113.0/24","security_group_rule_id":"sgr-1"}}]},
        {"mode":"managed","type":"aws_security_group","name":"db","provider":"p","instances":[{"attributes":
        {"id":"sg-1","name":"db","ingress":[{"cidr_blocks":["10.0.0.0/8"],"from_port":22,"protocol":"tcp",
        "to_port":22}],"egress":[]}}]}]}"#;
    check(
        text,
        &[
            ("203.0.113.9", 3306, Allowed, "sgr-1"),
            ("10.1.2.3", 22, Allowed, ""),
            ("10.1.2.3", 3306, Blocked, ""),
        ],
    );
}
