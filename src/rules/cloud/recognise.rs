//! Which command printed a document, by its fields.

use serde_json::{Map, Value};

use super::fields::is_empty;
use super::found::Found;
use super::model::{Layer, Provider, UNNAMED};
use super::{alibaba, aws, azure, gcp, huawei, policies, terraform};

/// Takes what a document holds; `false` where it is of no kind that is read.
pub(super) fn document(value: &Value, found: &mut Found) -> bool {
    match value {
        Value::Object(map) => object(map, found),
        // `az … list`, `gcloud … list`, and what `jq` or `--query` leaves.
        Value::Array(list) => {
            !list.is_empty() && list.iter().all(|element| document(element, found))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn object(map: &Map<String, Value>, found: &mut Found) -> bool {
    let has = |key: &str| map.contains_key(key);
    if has("terraform_version") || has("format_version") {
        return terraform::document(map, found);
    }
    aws_object(map, found)
        || azure_object(map, found)
        || gcp_object(map, found)
        || huawei_object(map, found)
        || alibaba_object(map, found)
}

/// The objects of a list, all of which must be objects.
fn objects(value: &Value) -> Option<Vec<&Map<String, Value>>> {
    value.as_array()?.iter().map(Value::as_object).collect()
}

/// Takes the elements of the list under `key`; `None` where it is no list of objects.
fn each(
    map: &Map<String, Value>,
    key: &str,
    mut take: impl FnMut(&Map<String, Value>),
) -> Option<usize> {
    let list = objects(map.get(key)?)?;
    list.iter().for_each(|element| take(element));
    Some(list.len())
}

/// The field that says that a list goes on.
fn goes_on(map: &Map<String, Value>, key: &'static str) -> Option<&'static str> {
    map.get(key).filter(|token| !is_empty(token)).map(|_| key)
}

fn aws_object(map: &Map<String, Value>, found: &mut Found) -> bool {
    let has = |key: &str| map.contains_key(key);
    let group = Layer::SecurityGroup;
    let token = goes_on(map, "NextToken");
    if has("IpPermissions") || has("IpPermissionsEgress") {
        aws::group(map, found);
        return true;
    }
    if has("NetworkAclId") && has("Entries") {
        aws::acl(map, found);
        return true;
    }
    if has("SecurityGroupRuleId") && has("IsEgress") {
        aws::group_rule(map, found);
        return true;
    }
    let many = |count: Option<usize>| count.is_some_and(|count| count > 0);
    if many(each(map, "SecurityGroups", |element| {
        aws::group(element, found)
    })) {
        found.page(Provider::Aws, group, token);
        return true;
    }
    // An empty list does not say of which groups it is.
    if many(each(map, "SecurityGroupRules", |element| {
        aws::group_rule(element, found);
    })) {
        found.page(Provider::Aws, group, token);
        return true;
    }
    if many(each(map, "NetworkAcls", |element| aws::acl(element, found))) {
        found.page(Provider::Aws, Layer::NetworkAcl, token);
        return true;
    }
    false
}

fn azure_object(map: &Map<String, Value>, found: &mut Found) -> bool {
    let inner = map.get("properties").and_then(Value::as_object);
    let has = |key: &str| map.contains_key(key) || inner.is_some_and(|map| map.contains_key(key));
    if has("effectiveSecurityRules") {
        azure::effective(map, found);
        return true;
    }
    if has("securityRules") || has("defaultSecurityRules") {
        azure::group(map, found);
        return true;
    }
    if has("access") && has("direction") && (has("priority") || has("protocol")) {
        azure::loose_rule(map, found);
        return true;
    }
    let list = map.get("value").and_then(Value::as_array);
    if let Some(list) = list.filter(|list| !list.is_empty()) {
        let mut taken = |element: &Value| {
            let map = element.as_object();
            map.is_some_and(|map| azure_object(map, found))
        };
        if list.iter().all(&mut taken) {
            found.page(
                Provider::Azure,
                Layer::SecurityGroup,
                goes_on(map, "nextLink"),
            );
            return true;
        }
    }
    false
}

fn gcp_object(map: &Map<String, Value>, found: &mut Found) -> bool {
    let has = |key: &str| map.contains_key(key);
    if has("firewallPolicys") || has("organizationFirewalls") {
        policies::effective(map, found);
        return true;
    }
    if (has("allowed") || has("denied")) && (has("network") || has("direction")) {
        gcp::rule(map, found);
        return true;
    }
    let kind = map.get("kind").and_then(Value::as_str).unwrap_or_default();
    if kind == "compute#firewallList" {
        let taken = each(map, "items", |element| gcp::rule(element, found));
        let token = goes_on(map, "nextPageToken");
        found.page(Provider::Gcp, Layer::SecurityGroup, token);
        return taken.is_some();
    }
    let is_gcp = |list: Vec<&Map<String, Value>>| {
        let rule = |element: &&Map<String, Value>| {
            element.contains_key("allowed") || element.contains_key("denied")
        };
        !list.is_empty() && list.iter().all(rule)
    };
    if map.get("firewalls").and_then(objects).is_some_and(is_gcp) {
        policies::effective(map, found);
        return true;
    }
    false
}

/// Objects of Huawei Cloud and of OpenStack.
fn huawei_object(map: &Map<String, Value>, found: &mut Found) -> bool {
    let has = |key: &str| map.contains_key(key);
    let nested = |key: &str| map.get(key).and_then(Value::as_object);
    let info = nested("page_info");
    let token = info.and_then(|info| goes_on(info, "next_marker"));
    let token = token.or_else(|| {
        let links = ["security_groups_links", "security_group_rules_links"];
        let next = |link: &Value| link.get("rel").and_then(Value::as_str) == Some("next");
        let open = |key: &&str| {
            let list = map.get(*key).and_then(Value::as_array);
            list.is_some_and(|list| list.iter().any(next))
        };
        links.into_iter().find(open)
    });
    let (groups, acls) = (Layer::SecurityGroup, Layer::NetworkAcl);
    let provider = huawei::provider(map);
    let list = map.get("rules").and_then(Value::as_array);
    let has_rules =
        list.is_some_and(|list| list.iter().any(|rule| rule.get("ethertype").is_some()));
    if has("ingress_rules") || has("egress_rules") {
        huawei::acl(map, found);
    } else if let Some(inner) = nested("firewall") {
        huawei::acl(inner, found);
    } else if each(map, "firewalls", |element| huawei::acl(element, found)).is_some() {
        found.page(Provider::Huawei, acls, token);
    } else if let Some(inner) = nested("security_group") {
        huawei::group(inner, provider, found);
    } else if each(map, "security_groups", |element| {
        huawei::group(element, provider, found)
    })
    .is_some()
    {
        found.page(provider, groups, token);
    } else if has("IP Protocol") && has("IP Range") {
        huawei::client_rule(map, found);
    } else if (has("security_group_rules") || has_rules) && has("id") && has("name") {
        huawei::group(map, provider, found);
    } else if let Some(count) = each(map, "security_group_rules", |element| {
        huawei::group_rule(element, None, provider, found);
    }) {
        if count == 0 {
            found.group(provider, groups, UNNAMED);
        }
        found.page(provider, groups, token);
    } else if let Some(inner) = nested("security_group_rule") {
        huawei::group_rule(inner, None, provider, found);
    } else if has("security_group_id") && has("direction") {
        huawei::group_rule(map, None, provider, found);
    } else if let Some(inner) = nested("address_group") {
        huawei::address_group(inner, found);
    } else {
        return each(map, "address_groups", |element| {
            huawei::address_group(element, found);
        })
        .is_some();
    }
    true
}

fn alibaba_object(map: &Map<String, Value>, found: &mut Found) -> bool {
    let has = |key: &str| map.contains_key(key);
    if has("Permissions") && has("SecurityGroupId") {
        let id = alibaba::group(map, found);
        let token = goes_on(map, "NextToken");
        found.page_of(Provider::Alibaba, Layer::SecurityGroup, &id, token);
        return true;
    }
    let items = map.get("Items").and_then(Value::as_object).unwrap_or(map);
    let Some(lists) = items.get("DBInstanceIPArray").and_then(objects) else {
        return false;
    };
    alibaba::whitelists(&lists, map, found);
    true
}
