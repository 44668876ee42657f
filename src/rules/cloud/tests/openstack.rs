//! OpenStack: security groups as its API and its command line print them
//! (<https://docs.openstack.org/api-ref/network/v2/#security-groups-security-groups>,
//! <https://docs.openstack.org/python-openstackclient/latest/cli/command-objects/security-group-rule.html>).

use super::{Ruling, answer};

const GROUP: &str = r#"{"security_groups":[{"id":"g1","name":"db","stateful":true,"shared":false,"tenant_id":"t","project_id":"t","revision_number":3,"tags":[],"description":"",
    "security_group_rules":[
    {"id":"r1","direction":"ingress","ethertype":"IPv4","protocol":"tcp","port_range_min":3306,"port_range_max":3306,"remote_group_id":null,"remote_ip_prefix":"203.0.113.0/28","security_group_id":"g1","tenant_id":"t","revision_number":0,"standard_attr_id":1,"normalized_cidr":"203.0.113.0/28"},
    {"id":"r2","direction":"ingress","ethertype":"IPv4","protocol":"tcp","port_range_min":3306,"port_range_max":3306,"remote_group_id":"g2","remote_ip_prefix":null,"security_group_id":"g1","tenant_id":"t","revision_number":0},
    {"id":"r3","direction":"egress","ethertype":"IPv4","protocol":null,"port_range_min":null,"port_range_max":null,"remote_group_id":null,"remote_ip_prefix":null,"security_group_id":"g1","tenant_id":"t","revision_number":0}]}]}"#;

fn provider(text: &str) -> Option<&'static str> {
    answer(text, "203.0.113.9", 3306)
        .rule
        .and_then(|rule| rule.provider)
}

#[test]
fn its_rules_allow_only_and_are_its_own() {
    super::check(GROUP, &[("203.0.113.9", 3306, Ruling::Allowed, "r1")]);
    assert_eq!(provider(GROUP), Some("openstack"));
    let inside = answer(GROUP, "10.0.0.5", 3306);
    assert_eq!(inside.decision, Ruling::Depends);
    let told = format!("{inside:?}");
    assert!(
        told.contains("openstack port list --security-group g2"),
        "{told}"
    );
}

#[test]
fn its_own_command_lets_the_address_in() {
    let document = answer(GROUP, "203.0.113.99", 3306);
    let commands = document.commands().unwrap_or_default();
    assert!(
        commands.contains("openstack security group rule create --ingress --ethertype IPv4 --protocol tcp --dst-port 3306 --remote-ip 203.0.113.99/32 g1"),
        "{commands}"
    );
}

#[test]
fn one_rule_as_the_command_line_shows_it() {
    let shown = r#"{"belongs_to_default_sg":false,"created_at":"x","description":"","direction":"ingress","ether_type":"IPv4","id":"r","normalized_cidr":"203.0.113.0/24","port_range_max":3306,"port_range_min":3306,"project_id":"p","protocol":"tcp","remote_address_group_id":null,"remote_group_id":null,"remote_ip_prefix":"203.0.113.0/24","revision_number":0,"security_group_id":"g","updated_at":"x"}"#;
    super::check(
        shown,
        &[
            ("203.0.113.9", 3306, Ruling::Allowed, "r"),
            ("198.51.100.9", 3306, Ruling::Blocked, ""),
        ],
    );
    let listed = r#"[{"ID":"r","IP Protocol":"tcp","Ethertype":"IPv4","IP Range":"203.0.113.0/24","Port Range":"3306:3306","Direction":"ingress","Remote Security Group":null,"Security Group":"g"}]"#;
    super::check(listed, &[("203.0.113.9", 3306, Ruling::Allowed, "r")]);
    assert_eq!(
        (provider(shown), provider(listed)),
        (Some("openstack"), Some("openstack"))
    );
}

#[test]
fn fields_that_huawei_alone_has_tell_its_rules_apart() {
    let huawei = r#"{"security_groups":[{"id":"g","name":"db","vpc_id":"v","enterprise_project_id":"0","security_group_rules":[{"id":"r","direction":"ingress","ethertype":"IPv4","protocol":"tcp","port_range_min":3306,"port_range_max":3306,"remote_ip_prefix":"203.0.113.0/24","security_group_id":"g","tenant_id":"t"}]}]}"#;
    assert_eq!(provider(huawei), Some("huawei"));
}
