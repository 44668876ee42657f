//! Network ACLs of Huawei Cloud.

use serde_json::{Map, Value};

use super::{AddressGroups, action, address_group_named, listed, protocol};
use crate::rules::cloud::address::block;
use crate::rules::cloud::aws::{ends_words, service_words};
use crate::rules::cloud::fields::{Fields, cut};
use crate::rules::cloud::found::{Found, put};
use crate::rules::cloud::model::{End, Group, Layer, Provider, Rule, Service};
use crate::rules::cloud::ports::Ports;

/// A network ACL.
pub(in crate::rules::cloud) fn acl(map: &Map<String, Value>, found: &mut Found) {
    let mut fields = Fields::of(map);
    let id = fields.word("id").unwrap_or("NETWORK-ACL").to_owned();
    let mut group = Group::new(Provider::Huawei, Layer::NetworkAcl, &id);
    group.name = fields.word("name").map(str::to_owned);
    let text = format!("the last rule of {id} denies what no other rule matches");
    group.inbound.default_text.clone_from(&text);
    group.outbound.default_text = text;
    for bound in fields.list("associations") {
        let subnet = bound.get("virsubnet_id").and_then(Value::as_str);
        group.bound.extend(subnet.map(str::to_owned));
    }
    if fields.flag("admin_state_up") == Some(false) {
        group
            .lacking
            .push(format!("whether {id} filters while it is switched off"));
    }
    fields.pass(&[
        "description",
        "project_id",
        "created_at",
        "updated_at",
        "status",
        "enterprise_project_id",
        "tags",
        "type",
    ]);
    for (key, inbound) in [("ingress_rules", true), ("egress_rules", false)] {
        if !fields.gives(key) {
            group
                .lacking
                .push(format!("{key} of {id}, which are not in this listing"));
        }
        for (index, value) in fields.list(key).iter().enumerate() {
            let rule = acl_rule(&id, index, value, inbound, &found.address_groups);
            let side = if inbound {
                &mut group.inbound
            } else {
                &mut group.outbound
            };
            if let Some(rule) = rule {
                put(side, rule);
            }
        }
    }
    let unclear = fields.unclear();
    group
        .lacking
        .extend(unclear.into_iter().map(|what| format!("{id}: {what}")));
    found.add(group);
}

/// A rule of a network ACL; `None` where it is switched off.
fn acl_rule(
    of: &str,
    index: usize,
    value: &Value,
    inbound: bool,
    groups: &AddressGroups,
) -> Option<Rule> {
    let empty = Map::new();
    let mut fields = Fields::of_value(value, &empty);
    let id = fields.word("id").map(str::to_owned);
    let name = fields.word("name").map(str::to_owned);
    let word = fields.word("action").unwrap_or("?").to_ascii_lowercase();
    let action = action(&mut fields);
    let protocol = protocol(&mut fields);
    let version = match fields.number("ip_version") {
        Some(6) => block("::/0"),
        _ => block("0.0.0.0/0"),
    };
    let mut port = |key: &str| {
        let list = fields.token(key);
        list.map_or_else(Ports::every, |list| {
            let dash = if list.contains(':') { ':' } else { '-' };
            listed(&mut fields, &list, dash)
        })
    };
    let (source_ports, ports) = (port("source_port"), port("destination_port"));
    let mut end = |side: &str| end(&mut fields, side, version, groups);
    let (source, destination) = (end("source"), end("destination"));
    let (remote, local) = if inbound {
        (source, destination)
    } else {
        (destination, source)
    };
    let enabled = fields.flag("enabled") != Some(false);
    fields.pass(&["description", "project_id", "tenant_id"]);
    let service = Service { protocol, ports };
    let order = i64::try_from(index).unwrap_or(i64::MAX);
    let place = index.saturating_add(1);
    enabled.then(|| Rule {
        id: id.or(name),
        order,
        text: format!(
            "rule {place}: {} {} {}",
            word,
            service_words(&service),
            ends_words(&remote)
        ),
        services: vec![service],
        source_ports,
        remote,
        local,
        unclear: fields.unclear(),
        ..Rule::new(of, action)
    })
}

/// One end of a rule; where it names none, everybody of the rule's IP version.
fn end(
    fields: &mut Fields<'_>,
    side: &str,
    version: Option<ipnet::IpNet>,
    groups: &AddressGroups,
) -> Vec<End> {
    let mut ends = Vec::new();
    if let Some(text) = fields.word(&format!("{side}_ip_address")) {
        match block(text) {
            Some(block) => ends.push(End::Block(block)),
            None => fields.caveat(format!("{} is no block of addresses", cut(text))),
        }
    }
    if let Some(id) = fields.word(&format!("{side}_address_group_id")) {
        match groups.get(id) {
            Some(list) => ends.extend(list.iter().filter_map(|text| block(text)).map(End::Block)),
            None => ends.push(End::Named(address_group_named(id, Provider::Huawei))),
        }
    }
    if ends.is_empty() {
        ends.extend(version.map(End::Block));
    }
    ends
}
