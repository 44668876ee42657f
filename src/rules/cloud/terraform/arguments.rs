//! Terraform's arguments by the names of the providers' own commands.

use serde_json::{Map, Value, json};

use super::Resource;
use crate::rules::cloud::fields::is_empty;

/// Arguments that say nothing of who is let in.
const SILENT: [&str; 27] = [
    "arn",
    "creation_timestamp",
    "creation_time",
    "create_time",
    "created_at",
    "description",
    "enable_logging",
    "fqdn",
    "icmp_code",
    "icmp_type",
    "location",
    "log_config",
    "name_prefix",
    "owner_id",
    "project",
    "region",
    "revoke_rules_on_delete",
    "self_link",
    "tags",
    "tags_all",
    "tenant_id",
    "timeouts",
    "updated_at",
    "resource_group_id",
    "resource_group_name",
    "vpc_id",
    "params",
];

/// An argument that is a text.
pub(super) fn text<'a>(resource: &Resource<'a>, key: &str) -> Option<&'a str> {
    let text = resource.values.get(key)?.as_str()?;
    (!text.is_empty()).then_some(text)
}

/// Arguments by the names of the provider's own form: those of `table` renamed, those that say
/// nothing left out, and the others kept, so that the reader notices them.
pub(super) fn renamed(
    values: &Map<String, Value>,
    table: &[(&str, &str)],
    silent: &[&str],
) -> Map<String, Value> {
    let mut map = Map::new();
    for (key, value) in values {
        if let Some((_, name)) = table.iter().find(|(known, _)| *known == key.as_str()) {
            map.insert((*name).to_owned(), value.clone());
        } else if !SILENT.contains(&key.as_str()) && !silent.contains(&key.as_str()) {
            map.insert(key.clone(), value.clone());
        }
    }
    map
}

/// Notes in a rule what of it is not known yet.
pub(super) fn with_unknown(map: &mut Map<String, Value>, resource: &Resource<'_>, silent: &[&str]) {
    let names = later(resource, silent);
    if !names.is_empty() {
        map.insert("known after apply".to_owned(), json!(names.join(", ")));
    }
}

/// The arguments that are known after the plan is carried out only.
pub(super) fn later(resource: &Resource<'_>, silent: &[&str]) -> Vec<String> {
    let unknown = resource.unknown.and_then(Value::as_object);
    let is_silent = |key: &str| {
        SILENT.contains(&key)
            || silent.contains(&key)
            || key == "id"
            || key == "security_group_rule_id"
    };
    unknown
        .into_iter()
        .flatten()
        .filter(|(key, value)| !is_silent(key) && holds_true(value))
        .map(|(key, _)| key.clone())
        .collect()
}

fn holds_true(value: &Value) -> bool {
    match value {
        Value::Bool(unknown) => *unknown,
        Value::Array(list) => list.iter().any(holds_true),
        Value::Object(map) => map.values().any(holds_true),
        Value::Null | Value::Number(_) | Value::String(_) => false,
    }
}

/// `cidr_blocks` and the like as lists of objects.
fn listed(value: Option<&Value>, key: &str) -> Value {
    let list = value.and_then(Value::as_array);
    let object = |item: &Value| json!({ key: item });
    Value::Array(list.into_iter().flatten().map(object).collect())
}

/// A block of `ingress` or `egress`, or the arguments of a rule, as a permission.
fn permission(values: &Map<String, Value>, own: &str) -> Map<String, Value> {
    let table = [
        ("protocol", "IpProtocol"),
        ("from_port", "FromPort"),
        ("to_port", "ToPort"),
    ];
    let lists = [
        ("cidr_blocks", "IpRanges", "CidrIp"),
        ("ipv6_cidr_blocks", "Ipv6Ranges", "CidrIpv6"),
        ("prefix_list_ids", "PrefixListIds", "PrefixListId"),
        ("security_groups", "UserIdGroupPairs", "GroupId"),
    ];
    let silent = [
        "self",
        "type",
        "security_group_id",
        "source_security_group_id",
        "id",
        "security_group_rule_id",
        "cidr_blocks",
        "ipv6_cidr_blocks",
        "prefix_list_ids",
        "security_groups",
    ];
    let mut map = renamed(values, &table, &silent);
    for (from, to, key) in lists {
        map.insert(to.to_owned(), listed(values.get(from), key));
    }
    let mut groups: Vec<Value> = Vec::new();
    if values.get("self") == Some(&Value::Bool(true)) {
        groups.push(json!({ "GroupId": own }));
    }
    if let Some(source) = values
        .get("source_security_group_id")
        .filter(|id| !is_empty(id))
    {
        groups.push(json!({ "GroupId": source }));
    }
    if let Some(Value::Array(list)) = map.get_mut("UserIdGroupPairs") {
        list.extend(groups);
    }
    map
}

pub(super) fn aws_group(resource: &Resource<'_>, id: &str) -> Map<String, Value> {
    let mut map = renamed(
        resource.values,
        &[("name", "GroupName")],
        &["id", "ingress", "egress"],
    );
    map.insert("GroupId".to_owned(), json!(id));
    map.insert(
        "VpcId".to_owned(),
        resource
            .values
            .get("vpc_id")
            .cloned()
            .unwrap_or(Value::Null),
    );
    for (from, to) in [
        ("ingress", "IpPermissions"),
        ("egress", "IpPermissionsEgress"),
    ] {
        // Where it is no list, it is not in the text.
        let Some(list) = resource.values.get(from).and_then(Value::as_array) else {
            continue;
        };
        let list = list.iter().map(|block| match block.as_object() {
            Some(block) => Value::Object(permission(block, id)),
            None => block.clone(),
        });
        map.insert(to.to_owned(), Value::Array(list.collect()));
    }
    map
}

/// Arguments that say what a rule's resource is for, by the names of the command's fields.
const RULE_SERVICE: [(&str, &str); 4] = [
    ("protocol", "IpProtocol"),
    ("ip_protocol", "IpProtocol"),
    ("from_port", "FromPort"),
    ("to_port", "ToPort"),
];

/// Arguments that name the other end.
const RULE_ENDS: [(&str, &str); 8] = [
    ("cidr_ipv4", "CidrIpv4"),
    ("cidr_ipv6", "CidrIpv6"),
    ("prefix_list_id", "PrefixListId"),
    ("cidr_blocks", "CidrIpv4"),
    ("ipv6_cidr_blocks", "CidrIpv6"),
    ("prefix_list_ids", "PrefixListId"),
    ("referenced_security_group_id", "GroupId"),
    ("source_security_group_id", "GroupId"),
];

/// Whether a rule's resource is for what goes out.
fn outward(resource: &Resource<'_>) -> Option<bool> {
    match (resource.kind, text(resource, "type")) {
        ("aws_vpc_security_group_ingress_rule", _) | (_, Some("ingress")) => Some(false),
        ("aws_vpc_security_group_egress_rule", _) | (_, Some("egress")) => Some(true),
        (_, _) => None,
    }
}

/// A rule's resource: one of the older kind names several ends, and makes several rules.
pub(super) fn aws_rules(resource: &Resource<'_>, id: &str) -> Vec<Map<String, Value>> {
    let values = resource.values;
    let outward = outward(resource);
    let rule_id = text(resource, "security_group_rule_id").unwrap_or(&resource.address);
    let mut silent = vec![
        "id",
        "type",
        "self",
        "security_group_id",
        "security_group_rule_id",
    ];
    silent.extend(RULE_ENDS.map(|(from, _)| from));
    let mut base = renamed(values, &RULE_SERVICE, &silent);
    base.insert("GroupId".to_owned(), json!(id));
    base.insert("SecurityGroupRuleId".to_owned(), json!(rule_id));
    base.insert("IsEgress".to_owned(), json!(outward));
    with_unknown(&mut base, resource, &["security_group_id"]);
    let mut rules = Vec::new();
    let mut push = |key: &str, value: &Value| {
        let mut map = base.clone();
        if key == "GroupId" {
            map.insert(
                "ReferencedGroupInfo".to_owned(),
                json!({ "GroupId": value }),
            );
        } else {
            map.insert(key.to_owned(), value.clone());
        }
        rules.push(map);
    };
    for (from, to) in RULE_ENDS {
        match values.get(from) {
            Some(Value::Array(list)) => list.iter().for_each(|value| push(to, value)),
            Some(value) if !is_empty(value) => push(to, value),
            _ => {}
        }
    }
    if values.get("self") == Some(&Value::Bool(true)) {
        push("GroupId", &json!(id));
    }
    if rules.is_empty() {
        rules.push(base);
    }
    rules
}

/// An entry of a network ACL, from a block or a rule's resource.
pub(super) fn aws_entry(values: &Map<String, Value>) -> Map<String, Value> {
    let table = [
        ("rule_no", "RuleNumber"),
        ("rule_number", "RuleNumber"),
        ("action", "RuleAction"),
        ("rule_action", "RuleAction"),
        ("protocol", "Protocol"),
        ("cidr_block", "CidrBlock"),
        ("ipv6_cidr_block", "Ipv6CidrBlock"),
        ("egress", "Egress"),
    ];
    let mut map = renamed(
        values,
        &table,
        &["from_port", "to_port", "id", "network_acl_id"],
    );
    let port = |key: &str| values.get(key).and_then(Value::as_i64);
    if let (Some(from), Some(to)) = (port("from_port"), port("to_port")) {
        map.insert("PortRange".to_owned(), json!({ "From": from, "To": to }));
    }
    map
}

pub(super) fn aws_acl(resource: &Resource<'_>, id: &str) -> Map<String, Value> {
    let values = resource.values;
    let silent = [
        "id",
        "ingress",
        "egress",
        "subnet_ids",
        "default_network_acl_id",
    ];
    let mut map = renamed(values, &[], &silent);
    let mut entries = Vec::new();
    for (key, egress) in [("ingress", false), ("egress", true)] {
        let Some(list) = values.get(key).and_then(Value::as_array) else {
            map.insert(key.to_owned(), json!("not in the text"));
            continue;
        };
        for block in list.iter().filter_map(Value::as_object) {
            let mut entry = aws_entry(block);
            entry.insert("Egress".to_owned(), json!(egress));
            entries.push(Value::Object(entry));
        }
    }
    map.insert("NetworkAclId".to_owned(), json!(id));
    map.insert(
        "Associations".to_owned(),
        listed(values.get("subnet_ids"), "SubnetId"),
    );
    map.insert("Entries".to_owned(), Value::Array(entries));
    map
}

/// `source_port_range` as `sourcePortRange`.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut all = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        all.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        all.push_str(letters.as_str());
    }
    all
}

pub(super) fn azure_rule(values: &Map<String, Value>) -> Map<String, Value> {
    let mut map = Map::new();
    for (key, value) in renamed(values, &[], &["id"]) {
        match key.strip_suffix("_application_security_group_ids") {
            Some(end) => {
                let name = format!("{end}ApplicationSecurityGroups");
                map.insert(name, listed(Some(&value), "id"));
            }
            None => {
                map.insert(camel(&key), value);
            }
        }
    }
    map
}

pub(super) fn azure_group(resource: &Resource<'_>) -> Map<String, Value> {
    let mut map = renamed(resource.values, &[], &["security_rule"]);
    let list = resource
        .values
        .get("security_rule")
        .and_then(Value::as_array);
    // Where it is no list, it is not in the text.
    if let Some(list) = list {
        let rules = list.iter().map(|block| match block.as_object() {
            Some(block) => Value::Object(azure_rule(block)),
            None => block.clone(),
        });
        map.insert("securityRules".to_owned(), Value::Array(rules.collect()));
    }
    let group = resource.values.get("resource_group_name").cloned();
    map.insert("resourceGroup".to_owned(), group.unwrap_or(Value::Null));
    map
}

pub(super) fn google(resource: &Resource<'_>) -> Map<String, Value> {
    let mut map = Map::new();
    for (key, value) in renamed(resource.values, &[("network", "network")], &["id"]) {
        let name = match key.as_str() {
            "allow" => "allowed".to_owned(),
            "deny" => "denied".to_owned(),
            _ => camel(&key),
        };
        let value = match (key.as_str(), value) {
            ("allow" | "deny", Value::Array(list)) => {
                let service = |block: &Value| match block.as_object() {
                    Some(block) => {
                        Value::Object(renamed(block, &[("protocol", "IPProtocol")], &[]))
                    }
                    None => block.clone(),
                };
                Value::Array(list.iter().map(service).collect())
            }
            (_, value) => value,
        };
        map.insert(name, value);
    }
    with_unknown(&mut map, resource, &[]);
    map
}

pub(super) fn alicloud(resource: &Resource<'_>) -> Map<String, Value> {
    let ingress = text(resource, "type") != Some("egress");
    let side = if ingress { "Source" } else { "Dest" };
    let names = [
        ("cidr_ip", format!("{side}CidrIp")),
        ("ipv6_cidr_ip", format!("Ipv6{side}CidrIp")),
        ("source_security_group_id", format!("{side}GroupId")),
        ("prefix_list_id", format!("{side}PrefixListId")),
    ];
    let mut table = vec![
        ("type", "Direction"),
        ("ip_protocol", "IpProtocol"),
        ("port_range", "PortRange"),
        ("policy", "Policy"),
        ("priority", "Priority"),
        ("nic_type", "NicType"),
        ("security_group_rule_id", "SecurityGroupRuleId"),
    ];
    table.extend(names.iter().map(|(from, to)| (*from, to.as_str())));
    let silent = ["id", "security_group_id", "source_group_owner_account"];
    renamed(resource.values, &table, &silent)
}
