//! Security groups of Huawei Cloud and of OpenStack, whose form the older one of Huawei is; and
//! network ACLs of Huawei Cloud.
//!
//! Security groups: the smaller priority first, at equal priority what denies; several groups of
//! an instance in the order in which they are bound; what no rule matches is denied; stateful. Those
//! of OpenStack allow only, without an order
//! (<https://docs.openstack.org/api-ref/network/v2/#security-group-rules-security-group-rules>).
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
use super::model::{Action, End, Layer, Provider, Reference, Rule, Service, UNNAMED};
use super::ports::Ports;

mod acl;

pub(super) use acl::acl;

/// Addresses of the groups that other documents list, by the id of each.
type AddressGroups = std::collections::BTreeMap<String, Vec<String>>;

/// Whose rules these are: of the older form, which both have, by the fields that only one writes.
pub(super) fn provider(map: &Map<String, Value>) -> Provider {
    const OF_HUAWEI: [&str; 9] = [
        "multiport",
        "priority",
        "action",
        "enabled",
        "enterprise_project_id",
        "vpc_id",
        "system_default",
        "page_info",
        "request_id",
    ];
    const OF_OPENSTACK: [&str; 10] = [
        "revision_number",
        "standard_attr_id",
        "normalized_cidr",
        "stateful",
        "shared",
        "is_shared",
        "belongs_to_default_sg",
        "ether_type",
        "tenant_id",
        "IP Protocol",
    ];
    if holds(map, &OF_OPENSTACK) && !holds(map, &OF_HUAWEI) {
        Provider::Openstack
    } else {
        Provider::Huawei
    }
}

/// Whether a document has one of `keys`, in a part of it or as a whole.
fn holds(map: &Map<String, Value>, keys: &[&str]) -> bool {
    map.iter().any(|(key, value)| {
        let within = |value: &Value| value.as_object().is_some_and(|map| holds(map, keys));
        keys.contains(&key.as_str())
            || within(value)
            || value.as_array().is_some_and(|list| list.iter().any(within))
    })
}

/// A security group with its rules in it.
pub(super) fn group(map: &Map<String, Value>, provider: Provider, found: &mut Found) {
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
            Some(map) => group_rule(map, Some(&id), provider, found),
            None => fields.caveat(format!("a rule of {id} is no object")),
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
        "is_shared",
        "stateful",
        "system_default",
    ]);
    let stateless = map.get("stateful") == Some(&Value::Bool(false));
    let group = found.group(provider, Layer::SecurityGroup, &id);
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

/// What a rule says of itself that matters to no packet.
const OF_NO_RULE: [&str; 10] = [
    "description",
    "project_id",
    "tenant_id",
    "created_at",
    "updated_at",
    "revision_number",
    "tags",
    "standard_attr_id",
    "normalized_cidr",
    "belongs_to_default_sg",
];

/// Whether a rule is for what comes in; `None` for either way where it does not say.
fn inbound(fields: &mut Fields<'_>) -> Option<bool> {
    let direction = fields.word("direction").map(str::to_ascii_lowercase);
    match direction.as_deref() {
        Some("ingress") => Some(true),
        Some("egress") => Some(false),
        _ => {
            fields.caveat("its direction is not understood".to_owned());
            None
        }
    }
}

/// One rule of a security group, in either form.
pub(super) fn group_rule(
    map: &Map<String, Value>,
    of: Option<&str>,
    provider: Provider,
    found: &mut Found,
) {
    let mut fields = Fields::of(map);
    let id = fields
        .word("security_group_id")
        .or(of)
        .unwrap_or(UNNAMED)
        .to_owned();
    let rule_id = fields.word("id").map(str::to_owned);
    let inbound = inbound(&mut fields);
    let switched_off = fields.flag("enabled") == Some(false);
    let older = provider == Provider::Openstack
        || (fields.has("port_range_min") && !fields.has("multiport"));
    let (action, order) = action_and_order(&mut fields, older);
    let service = Service {
        protocol: protocol(&mut fields),
        ports: ports(&mut fields),
    };
    let remote = ends(&mut fields, provider, &found.address_groups);
    fields.pass(&OF_NO_RULE);
    let (does, what) = (does(&action), service_words(&service));
    let ends = ends_words(&remote);
    let rule = Rule {
        id: rule_id,
        order,
        text: if provider == Provider::Openstack {
            format!("{does} {what} {ends}")
        } else {
            format!("priority {order}, {does} {what} {ends}")
        },
        services: vec![service],
        remote,
        unclear: fields.unclear(),
        ..Rule::new(&id, action)
    };
    let group = found.group(provider, Layer::SecurityGroup, &id);
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

/// What a rule does, and its priority: the older form knows neither.
fn action_and_order(fields: &mut Fields<'_>, older: bool) -> (Action, i64) {
    let action = if older && !fields.has("action") {
        Action::Allow
    } else {
        action(fields)
    };
    let order = if older && !fields.has("priority") {
        1
    } else {
        fields.place("priority")
    };
    (action, order)
}

const fn does(action: &Action) -> &'static str {
    if matches!(action, Action::Deny) {
        "deny"
    } else {
        "allow"
    }
}

/// What a rule does, which it has to say.
fn action(fields: &mut Fields<'_>) -> Action {
    let word = fields.word("action").map(str::to_ascii_lowercase);
    match word.as_deref() {
        Some("allow") => Action::Allow,
        Some("deny") => Action::Deny,
        other => Action::Unclear(format!("action {}", cut(other.unwrap_or("(none)")))),
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
    // Its ranges have a colon.
    if let Some(Value::String(range)) = rule.remove("Port Range") {
        rule.insert(
            "multiport".to_owned(),
            Value::String(range.replace(':', "-")),
        );
    }
    group_rule(&rule, None, Provider::Openstack, found);
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
                fields.caveat(format!("protocol {} is not understood", cut(other)));
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
            fields.caveat("its ports are not understood".to_owned());
            Ports::every()
        }),
        _ => {
            fields.caveat("it has one end of a range of ports only".to_owned());
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
            fields.caveat(format!("ports {} are not understood", cut(list)));
            Ports::every()
        }
    }
}

/// The other end: one of three fields, or everybody of the rule's IP version.
fn ends(fields: &mut Fields<'_>, provider: Provider, groups: &AddressGroups) -> Vec<End> {
    let version = fields.word("ethertype").or(fields.word("ether_type"));
    let version = version.map(str::to_ascii_lowercase);
    let everybody = match version.as_deref() {
        Some("ipv4") => block("0.0.0.0/0"),
        Some("ipv6") => block("::/0"),
        None => None,
        Some(other) => {
            fields.caveat(format!("ethertype {} is not understood", cut(other)));
            None
        }
    };
    let mut ends = Vec::new();
    if let Some(text) = fields.word("remote_ip_prefix") {
        match block(text) {
            Some(block) => ends.push(End::Block(block)),
            None => fields.caveat(format!("{} is no block of addresses", cut(text))),
        }
    }
    if let Some(id) = fields.word("remote_group_id") {
        ends.push(End::Named(member(id, provider)));
    }
    if let Some(id) = fields.word("remote_address_group_id") {
        match groups.get(id) {
            Some(list) => ends.extend(list.iter().filter_map(|text| block(text)).map(End::Block)),
            None => ends.push(End::Named(address_group_named(id, provider))),
        }
    }
    match (ends.as_slice(), everybody) {
        ([], Some(block)) => vec![End::Block(block)],
        ([], None) => vec![End::Every],
        _ => ends,
    }
}

fn member(id: &str, provider: Provider) -> Reference {
    let named = shell(id);
    Reference::member(
        id,
        if provider == Provider::Openstack {
            format!("openstack port list --security-group {named}")
        } else {
            format!(
                "curl -H \"X-Auth-Token: $TOKEN\" \
                 'https://vpc.REGION.myhuaweicloud.com/v1/PROJECT/ports'?security_groups={named}"
            )
        },
    )
}

/// An address group that no other document lists.
fn address_group_named(id: &str, provider: Provider) -> Reference {
    let named = shell(id);
    let command = if provider == Provider::Openstack {
        format!("openstack address group show {named}")
    } else {
        format!("hcloud VPC ShowAddressGroup/v3 --address_group_id={named}")
    };
    Reference::listed(id, format!("is in address group {id}"), command)
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
