//! Terraform's resources, group by group and rule by rule.
//!
//! The arguments: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs> (and azurerm,
//! google, huaweicloud, alicloud beside it).

use serde_json::{Map, Value, json};

use super::super::found::Found;
use super::super::model::{Group, Layer, Provider};
use super::super::{alibaba, aws, azure, gcp, huawei};
use super::Resource;
use super::arguments::{
    alicloud, aws_acl, aws_entry, aws_group, aws_rules, azure_group, azure_rule, google, later,
    renamed, text, with_unknown,
};
use crate::rules::cloud::fields::is_empty;

/// What stands for an id that only becomes known when the plan is carried out.
const LATER: &str = "known-after-apply";

/// Whether resources of a type are rules, or hold them.
pub(super) fn is_rule(kind: &str) -> bool {
    KINDS.contains(&kind)
}

const KINDS: [&str; 18] = [
    "aws_security_group",
    "aws_default_security_group",
    "aws_security_group_rule",
    "aws_vpc_security_group_ingress_rule",
    "aws_vpc_security_group_egress_rule",
    "aws_network_acl",
    "aws_default_network_acl",
    "aws_network_acl_rule",
    "azurerm_network_security_group",
    "azurerm_network_security_rule",
    "google_compute_firewall",
    "huaweicloud_networking_secgroup",
    "huaweicloud_networking_secgroup_rule",
    "openstack_networking_secgroup_v2",
    "openstack_networking_secgroup_rule_v2",
    "alicloud_security_group",
    "alicloud_security_group_rule",
    "alicloud_db_instance",
];

/// Reads every resource that is a rule, groups before the rules that are put into them.
pub(super) fn all(resources: &[Resource<'_>], found: &mut Found) {
    let alone = |kind: &str| kind.ends_with("_rule") || kind.ends_with("_rule_v2");
    let (rules, groups): (Vec<_>, Vec<_>) =
        resources.iter().partition(|resource| alone(resource.kind));
    for resource in groups {
        whole(resource, found);
    }
    for resource in rules {
        rule(resource, found);
    }
}

/// The id of what the resource is, or what stands for it until it is known.
fn own_id(resource: &Resource<'_>) -> String {
    text(resource, "id").map_or_else(|| format!("{LATER}:{}", resource.address), str::to_owned)
}

/// The group that holds rules, by its resource.
fn mark(found: &mut Found, provider: Provider, layer: Layer, id: &str, resource: &Resource<'_>) {
    if let Some(group) = found.known(provider, layer, id) {
        group.handle.terraform = Some(resource.address.clone());
        let unknown = later(resource, &[]);
        if !unknown.is_empty() {
            group.lacking.push(format!(
                "{} of {}, known after apply",
                unknown.join(", "),
                resource.address
            ));
        }
    }
}

/// A resource that is a group.
fn whole(resource: &Resource<'_>, found: &mut Found) {
    let id = own_id(resource);
    let (group, acl) = (Layer::SecurityGroup, Layer::NetworkAcl);
    match resource.kind {
        "aws_security_group" | "aws_default_security_group" => {
            aws::group(&aws_group(resource, &id), found);
            mark(found, Provider::Aws, group, &id, resource);
        }
        "aws_network_acl" | "aws_default_network_acl" => {
            aws::acl(&aws_acl(resource, &id), found);
            mark(found, Provider::Aws, acl, &id, resource);
        }
        "azurerm_network_security_group" => {
            azure::group(&azure_group(resource), found);
            let name = text(resource, "name").unwrap_or("NSG").to_owned();
            mark(found, Provider::Azure, group, &name, resource);
        }
        "google_compute_firewall" => {
            gcp::rule(&google(resource), found);
        }
        "alicloud_security_group" => {
            let mut map = Map::new();
            map.insert("SecurityGroupId".to_owned(), json!(id));
            for (from, to) in [
                ("inner_access_policy", "InnerAccessPolicy"),
                ("vpc_id", "VpcId"),
            ] {
                map.insert(
                    to.to_owned(),
                    resource.values.get(from).cloned().unwrap_or(Value::Null),
                );
            }
            let name = text(resource, "security_group_name").or(text(resource, "name"));
            map.insert("SecurityGroupName".to_owned(), json!(name));
            // Its rules are resources of their own.
            map.insert("Permissions".to_owned(), json!([]));
            alibaba::group(&map, found);
            mark(found, Provider::Alibaba, group, &id, resource);
        }
        "alicloud_db_instance" => {
            let list = resource
                .values
                .get("security_ips")
                .and_then(Value::as_array);
            let words = list.into_iter().flatten().filter_map(Value::as_str);
            let map = json!({
                "DBInstanceIPArrayName": "default",
                "SecurityIPList": words.collect::<Vec<_>>().join(","),
            });
            let of = json!({ "DBInstanceId": id });
            if let (Some(map), Some(of)) = (map.as_object(), of.as_object()) {
                alibaba::whitelists(&[map], of, found);
            }
            mark(found, Provider::Alibaba, Layer::Whitelist, &id, resource);
        }
        "huaweicloud_networking_secgroup" | "openstack_networking_secgroup_v2" => {
            let provider = huawei_or_openstack(resource);
            found.group(provider, group, &id).name = text(resource, "name").map(str::to_owned);
            mark(found, provider, group, &id, resource);
        }
        _ => {}
    }
}

/// A resource that is one rule of a group.
fn rule(resource: &Resource<'_>, found: &mut Found) {
    let group = Layer::SecurityGroup;
    match resource.kind {
        "aws_security_group_rule"
        | "aws_vpc_security_group_ingress_rule"
        | "aws_vpc_security_group_egress_rule" => {
            let id = owner(resource, "security_group_id", found, Provider::Aws, group);
            for map in aws_rules(resource, &id) {
                aws::group_rule(&map, found);
            }
            mark_rule(found, Provider::Aws, group, &id, resource);
        }
        "aws_network_acl_rule" => {
            let id = owner(
                resource,
                "network_acl_id",
                found,
                Provider::Aws,
                Layer::NetworkAcl,
            );
            let mut map = aws_entry(resource.values);
            with_unknown(&mut map, resource, &["network_acl_id"]);
            aws::loose_entry(&id, &Value::Object(map), found);
            mark_rule(found, Provider::Aws, Layer::NetworkAcl, &id, resource);
        }
        "azurerm_network_security_rule" => azure_lone_rule(resource, found),
        "huaweicloud_networking_secgroup_rule" | "openstack_networking_secgroup_rule_v2" => {
            huawei_rule(resource, found);
        }
        "alicloud_security_group_rule" => {
            let id = owner(
                resource,
                "security_group_id",
                found,
                Provider::Alibaba,
                group,
            );
            let mut map = alicloud(resource);
            with_unknown(&mut map, resource, &["security_group_id"]);
            let list = json!({ "SecurityGroupId": id, "Permissions": [map] });
            if let Some(list) = list.as_object() {
                alibaba::group(list, found);
            }
            mark_rule(found, Provider::Alibaba, group, &id, resource);
        }
        _ => {}
    }
}

/// A rule of Azure that is a resource of its own.
fn azure_lone_rule(resource: &Resource<'_>, found: &mut Found) {
    let group = Layer::SecurityGroup;
    let name = text(resource, "network_security_group_name")
        .unwrap_or("NSG")
        .to_owned();
    let mut map = azure_rule(resource.values);
    map.remove("networkSecurityGroupName");
    let resources = text(resource, "resource_group_name").unwrap_or("RESOURCE-GROUP");
    map.insert(
        "id".to_owned(),
        json!(format!(
            "/resourceGroups/{resources}/networkSecurityGroups/{name}/securityRules/"
        )),
    );
    with_unknown(&mut map, resource, &[]);
    azure::loose_rule(&map, found);
    mark_rule(found, Provider::Azure, group, &name, resource);
}

/// A rule of Huawei Cloud's or OpenStack's provider.
fn huawei_rule(resource: &Resource<'_>, found: &mut Found) {
    let group = Layer::SecurityGroup;
    let provider = huawei_or_openstack(resource);
    let id = owner(resource, "security_group_id", found, provider, group);
    let mut map = renamed(resource.values, &[("ports", "multiport")], &[]);
    // Zero is what the provider keeps where no port is given.
    for key in ["port_range_min", "port_range_max"] {
        if map.get(key).and_then(Value::as_i64) == Some(0) {
            map.remove(key);
        }
    }
    if map.get("multiport").is_some_and(|list| !is_empty(list)) {
        map.remove("port_range_min");
        map.remove("port_range_max");
    }
    // The provider's own defaults.
    if map.get("priority").and_then(Value::as_i64).unwrap_or(0) == 0 {
        map.insert("priority".to_owned(), json!(1));
    }
    if map.get("action").is_none_or(is_empty) {
        map.insert("action".to_owned(), json!("allow"));
    }
    map.insert("security_group_id".to_owned(), json!(id));
    with_unknown(&mut map, resource, &["security_group_id"]);
    huawei::group_rule(&map, None, provider, found);
    mark_rule(found, provider, group, &id, resource);
}

fn huawei_or_openstack(resource: &Resource<'_>) -> Provider {
    if resource.kind.starts_with("openstack") {
        Provider::Openstack
    } else {
        Provider::Huawei
    }
}

/// The group of a rule; where it is not known yet, the only one that is not known either.
fn owner(
    resource: &Resource<'_>,
    key: &str,
    found: &mut Found,
    provider: Provider,
    layer: Layer,
) -> String {
    if let Some(id) = text(resource, key) {
        return id.to_owned();
    }
    let planned = |group: &&Group| {
        group.provider == provider && group.layer == layer && group.id.starts_with(LATER)
    };
    let mut later = found
        .groups
        .iter()
        .filter(planned)
        .map(|group| group.id.clone());
    match (later.next(), later.next()) {
        (Some(only), None) => only,
        (one, _) => {
            let unsaid = format!(
                "to which group {} belongs, which is known after apply",
                resource.address
            );
            if one.is_some() {
                let planned = |group: &&mut Group| {
                    group.provider == provider
                        && group.layer == layer
                        && group.id.starts_with(LATER)
                };
                for group in found.groups.iter_mut().filter(planned) {
                    group.lacking.push(unsaid.clone());
                }
            }
            let id = format!("{LATER}:{}", resource.address);
            found.group(provider, layer, &id).lacking.push(unsaid);
            id
        }
    }
}

/// Names the resource of a rule where none owns its group.
fn mark_rule(
    found: &mut Found,
    provider: Provider,
    layer: Layer,
    id: &str,
    resource: &Resource<'_>,
) {
    let known = found.known(provider, layer, id);
    if let Some(group) = known.filter(|group| group.handle.terraform.is_none()) {
        group.handle.terraform = Some(resource.address.clone());
    }
}
