//! Security groups and network ACLs of Huawei Cloud, and what else speaks OpenStack's form.
//!
//! Security groups: the smaller priority first, at equal priority what denies; several groups of
//! an instance in the order in which they are bound; what no rule matches is denied; stateful.
//! Network ACLs: in their order, before the security groups of what comes in; what no rule matches
//! is denied; stateful as well
//! (<https://support.huaweicloud.com/intl/en-us/usermanual-vpc/en-us_topic_0052003963.html>,
//! <https://support.huaweicloud.com/intl/pt-br/productdesc-vpc/pt-br_topic_0051746676.html>). The
//! fields: <https://support.huaweicloud.com/api-vpc/vpc_apiv3_0017.html>, and for the older form
//! <https://support.huaweicloud.com/en-us/api-vpc/vpc_sg01_0005.html>.

use serde_json::{Map, Value};

use super::address::block;
use super::aws::{ends_words, numbers, service_words};
use super::fields::{Fields, cut, shell};
use super::found::{Found, put};
use super::model::{
    Action, End, Group, Layer, Nature, Provider, Reference, Rule, Service, UNNAMED,
};
use super::ports::Ports;

/// A security group with its rules in it.
pub(super) fn group(map: &Map<String, Value>, found: &mut Found) {
    let mut fields = Fields::of(map);
    let name = fields.word("name").map(str::to_owned);
    let id = fields.word("id").map(str::to_owned);
    let unidentified = id.is_none();
    let id = id
        .or_else(|| name.clone())
        .unwrap_or_else(|| UNNAMED.to_owned());
    let key = if fields.has("rules") {
        "rules"
    } else {
        "security_group_rules"
    };
    let given = fields.gives(key);
    for value in fields.list(key) {
        match value.as_object() {
            Some(map) => group_rule(map, Some(&id), found),
            None => fields.doubt(format!("a rule of {id} is no object")),
        }
    }
    fields.pass(&[
        "description",
        "project_id",
        "tenant_id",
        "created_at",
        "updated_at",
        "enterprise_project_id",
        "tags",
        "vpc_id",
        "revision_number",
        "shared",
        "stateful",
        "system_default",
    ]);
    let stateless = map.get("stateful") == Some(&Value::Bool(false));
    let group = found.group(Provider::Huawei, Layer::SecurityGroup, &id);
    group.name = name;
    group.handle.unidentified = unidentified;
    if !given {
        group
            .lacking
            .push(format!("the rules of {id}, which are not in this listing"));
    }
    if stateless {
        group.stateful = false;
    }
    let unclear = fields.unclear();
    group
        .lacking
        .extend(unclear.into_iter().map(|what| format!("{id}: {what}")));
}

/// One rule of a security group, in either form.
pub(super) fn group_rule(map: &Map<String, Value>, of: Option<&str>, found: &mut Found) {
    let mut fields = Fields::of(map);
    let id = fields
        .word("security_group_id")
        .or(of)
        .unwrap_or(UNNAMED)
        .to_owned();
    let rule_id = fields.word("id").map(str::to_owned);
    let direction = fields.word("direction").map(str::to_ascii_lowercase);
    let inbound = match direction.as_deref() {
        Some("ingress") => Some(true),
        Some("egress") => Some(false),
        _ => {
            fields.doubt("its direction is not understood".to_owned());
            None
        }
    };
    let switched_off = fields.flag("enabled") == Some(false);
    let older = fields.has("port_range_min") && !fields.has("multiport");
    let action = match fields
        .word("action")
        .map(str::to_ascii_lowercase)
        .as_deref()
    {
        Some("allow") => Action::Allow,
        Some("deny") => Action::Deny,
        // The older form knows neither actions nor priorities.
        None if older => Action::Allow,
        other => Action::Unclear(format!("action {}", cut(other.unwrap_or("(none)")))),
    };
    let order = if older && !fields.has("priority") {
        1
    } else {
        fields.place("priority")
    };
    let service = Service {
        protocol: protocol(&mut fields),
        ports: ports(&mut fields),
    };
    let remote = ends(&mut fields, &found.address_groups);
    fields.pass(&[
        "description",
        "project_id",
        "tenant_id",
        "created_at",
        "updated_at",
        "revision_number",
        "tags",
        "standard_attr_id",
        "normalized_cidr",
    ]);
    let does = if action == Action::Deny {
        "deny"
    } else {
        "allow"
    };
    let rule = Rule {
        id: rule_id,
        order,
        text: format!(
            "priority {order}, {does} {} {}",
            service_words(&service),
            ends_words(&remote)
        ),
        services: vec![service],
        remote,
        unclear: fields.unclear(),
        ..Rule::new(&id, action)
    };
    let group = found.group(Provider::Huawei, Layer::SecurityGroup, &id);
    let text = format!("no rule of {id} lets it through, and what none allows is denied");
    group.inbound.default_text.clone_from(&text);
    group.outbound.default_text = text;
    if !switched_off {
        if inbound != Some(false) {
            put(&mut group.inbound, rule.clone());
        }
        if inbound != Some(true) {
            put(&mut group.outbound, rule);
        }
    }
}

/// A rule as `openstack security group rule list -f json` prints it
/// (<https://docs.openstack.org/python-openstackclient/latest/cli/command-objects/security-group-rule.html>).
pub(super) fn client_rule(map: &Map<String, Value>, found: &mut Found) {
    let names = [
        ("ID", "id"),
        ("IP Protocol", "protocol"),
        ("Ethertype", "ethertype"),
        ("IP Range", "remote_ip_prefix"),
        ("Direction", "direction"),
        ("Remote Security Group", "remote_group_id"),
        ("Remote Address Group", "remote_address_group_id"),
        ("Security Group", "security_group_id"),
    ];
    let mut rule = Map::new();
    for (key, value) in map {
        match names.iter().find(|(known, _)| *known == key.as_str()) {
            Some((_, name)) => rule.insert((*name).to_owned(), value.clone()),
            None => rule.insert(key.clone(), value.clone()),
        };
    }
    // It knows neither actions nor priorities.
    rule.insert("action".to_owned(), Value::String("allow".to_owned()));
    rule.insert("priority".to_owned(), Value::from(1));
    // Its ranges have a colon.
    if let Some(Value::String(range)) = rule.remove("Port Range") {
        rule.insert(
            "multiport".to_owned(),
            Value::String(range.replace(':', "-")),
        );
    }
    group_rule(&rule, None, found);
}

/// A protocol; absent for all of them.
fn protocol(fields: &mut Fields<'_>) -> Option<u8> {
    let word = fields.token("protocol")?;
    match word.to_ascii_lowercase().as_str() {
        "any" | "all" | "-1" | "0" => None,
        "tcp" => Some(6),
        "udp" => Some(17),
        "icmp" => Some(1),
        "icmpv6" | "ipv6-icmp" => Some(58),
        "gre" => Some(47),
        other => {
            let number = other.parse().ok();
            if number.is_none() {
                fields.doubt(format!("protocol {} is not understood", cut(other)));
            }
            number
        }
    }
}

/// `multiport`, or the two ends of the older form.
fn ports(fields: &mut Fields<'_>) -> Ports {
    let first = fields.number("port_range_min");
    let last = fields.number("port_range_max");
    if let Some(list) = fields.token("multiport") {
        return listed(fields, &list, '-');
    }
    match (first, last) {
        (None, None) => Ports::every(),
        (Some(-1), Some(-1)) => Ports::every(),
        (Some(first), Some(last)) => numbers(first, last).unwrap_or_else(|| {
            fields.doubt("its ports are not understood".to_owned());
            Ports::every()
        }),
        _ => {
            fields.doubt("it has one end of a range of ports only".to_owned());
            Ports::every()
        }
    }
}

/// Ports and ranges, divided by commas.
fn listed(fields: &mut Fields<'_>, list: &str, dash: char) -> Ports {
    let read: Option<Vec<Ports>> = list
        .split(',')
        .map(|word| Ports::parsed(word, dash))
        .collect();
    match read {
        Some(read) => Ports::of(&read),
        // What is not understood may be any port.
        None => {
            fields.doubt(format!("ports {} are not understood", cut(list)));
            Ports::every()
        }
    }
}

/// The other end: one of three fields, or everybody of the rule's IP version.
fn ends(
    fields: &mut Fields<'_>,
    groups: &std::collections::BTreeMap<String, Vec<String>>,
) -> Vec<End> {
    let version = fields.word("ethertype").map(str::to_ascii_lowercase);
    let everybody = match version.as_deref() {
        Some("ipv4") => block("0.0.0.0/0"),
        Some("ipv6") => block("::/0"),
        None => None,
        Some(other) => {
            fields.doubt(format!("ethertype {} is not understood", cut(other)));
            None
        }
    };
    let mut ends = Vec::new();
    if let Some(text) = fields.word("remote_ip_prefix") {
        match block(text) {
            Some(block) => ends.push(End::Block(block)),
            None => fields.doubt(format!("{} is no block of addresses", cut(text))),
        }
    }
    if let Some(id) = fields.word("remote_group_id") {
        ends.push(End::Named(member(id)));
    }
    if let Some(id) = fields.word("remote_address_group_id") {
        match groups.get(id) {
            Some(list) => ends.extend(list.iter().filter_map(|text| block(text)).map(End::Block)),
            None => ends.push(End::Named(address_group_named(id))),
        }
    }
    match (ends.as_slice(), everybody) {
        ([], Some(block)) => vec![End::Block(block)],
        ([], None) => vec![End::Every],
        _ => ends,
    }
}

fn member(id: &str) -> Reference {
    Reference {
        name: id.to_owned(),
        predicate: format!("is the private address of a member of security group {id}"),
        command: Some(format!(
            "curl -H \"X-Auth-Token: $TOKEN\" \
             'https://vpc.REGION.myhuaweicloud.com/v1/PROJECT/ports'?security_groups={}",
            shell(id)
        )),
        nature: Nature::Inside,
    }
}

/// An address group that no other document lists.
fn address_group_named(id: &str) -> Reference {
    Reference {
        name: id.to_owned(),
        predicate: format!("is in address group {id}"),
        command: Some(format!(
            "hcloud VPC ShowAddressGroup/v3 --address_group_id={}",
            shell(id)
        )),
        nature: Nature::Anything,
    }
}

/// An address group, by which rules are resolved.
pub(super) fn address_group(map: &Map<String, Value>, found: &mut Found) {
    let mut fields = Fields::of(map);
    let Some(id) = fields.word("id") else {
        return;
    };
    let list: Vec<String> = fields
        .words("ip_set")
        .into_iter()
        .map(str::to_owned)
        .collect();
    // Ranges with a dash are left to the reference.
    if list.iter().all(|text| block(text).is_some()) {
        for group in &mut found.groups {
            for side in [&mut group.inbound, &mut group.outbound] {
                side.rules
                    .iter_mut()
                    .for_each(|rule| resolve(rule, id, &list));
            }
        }
        found.address_groups.insert(id.to_owned(), list);
    }
}

/// Puts the addresses of a group in the place of its name.
fn resolve(rule: &mut Rule, id: &str, list: &[String]) {
    let is_it = |end: &End| matches!(end, End::Named(named) if named.name == id);
    for ends in [&mut rule.remote, &mut rule.local] {
        if ends.iter().any(is_it) {
            ends.retain(|end| !is_it(end));
            ends.extend(list.iter().filter_map(|text| block(text)).map(End::Block));
        }
    }
}

/// A network ACL.
pub(super) fn acl(map: &Map<String, Value>, found: &mut Found) {
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
    groups: &std::collections::BTreeMap<String, Vec<String>>,
) -> Option<Rule> {
    let empty = Map::new();
    let mut fields = Fields::of_value(value, &empty);
    let id = fields.word("id").map(str::to_owned);
    let name = fields.word("name").map(str::to_owned);
    let word = fields.word("action").map(str::to_ascii_lowercase);
    let action = match word.as_deref() {
        Some("allow") => Action::Allow,
        Some("deny") => Action::Deny,
        other => Action::Unclear(format!("action {}", cut(other.unwrap_or("(none)")))),
    };
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
    let mut end = |side: &str| {
        let mut ends = Vec::new();
        match fields
            .word(&format!("{side}_ip_address"))
            .map(|text| (text, block(text)))
        {
            Some((_, Some(block))) => ends.push(End::Block(block)),
            Some((text, None)) => {
                fields.doubt(format!("{} is no block of addresses", cut(text)));
            }
            None => {}
        }
        if let Some(id) = fields.word(&format!("{side}_address_group_id")) {
            match groups.get(id) {
                Some(list) => {
                    ends.extend(list.iter().filter_map(|text| block(text)).map(End::Block));
                }
                None => ends.push(End::Named(address_group_named(id))),
            }
        }
        if ends.is_empty() {
            ends.extend(version.map(End::Block));
        }
        ends
    };
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
            word.as_deref().unwrap_or("?"),
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
