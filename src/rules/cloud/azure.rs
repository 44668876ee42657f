//! Network security groups of Azure.
//!
//! Rules in the order of their priorities, the smaller number first, until one matches; default
//! rules last, which cannot be removed; flows are recorded, so answers pass
//! (<https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview>). What
//! comes in meets the group of the subnet, then that of the interface
//! (<https://learn.microsoft.com/azure/virtual-network/network-security-group-how-it-works>). What
//! the tags stand for: <https://learn.microsoft.com/azure/virtual-network/service-tags-overview>.

mod ends;

use serde_json::{Map, Value};

pub(super) use self::ends::{end_named, locate};
use self::ends::{ends, is_network};

use super::aws::{ends_words, numbers, service_words};
use super::fields::{Fields, both, cut, part};
use super::found::{Found, put};
use super::model::{Action, End, Group, Layer, Placement, Provider, Rule, Service, Side};
use super::ports::Ports;

/// The group where rules name none.
const UNNAMED: &str = "NSG";
/// Smallest priority of a default rule; what users write ends at 4096.
const FIRST_DEFAULT: i64 = 65000;

/// An object and its `properties`, where the REST form keeps them apart.
fn flat(map: &Map<String, Value>) -> Map<String, Value> {
    let mut all = map.clone();
    if let Some(Value::Object(inner)) = all.remove("properties") {
        all.extend(inner);
    }
    all
}

/// `az network nsg show`, flat or in the REST form.
pub(super) fn group(map: &Map<String, Value>, found: &mut Found) {
    let all = flat(map);
    let mut fields = Fields::of(&all);
    let name = fields.word("name").unwrap_or(UNNAMED).to_owned();
    let id = fields.word("id").map(str::to_owned);
    let mut group = named(id.as_deref(), &name);
    let ids = |list: &[Value]| -> Vec<String> {
        let id = |value: &Value| value.get("id").and_then(Value::as_str).map(str::to_owned);
        list.iter().filter_map(id).collect()
    };
    let subnets = ids(fields.list("subnets"));
    let interfaces = ids(fields.list("networkInterfaces"));
    group.placement = match (subnets.is_empty(), interfaces.is_empty()) {
        (false, true) => Placement::Subnet,
        (true, false) => Placement::Interface,
        _ => Placement::Unsaid,
    };
    if fields.has("subnets") && subnets.is_empty() && interfaces.is_empty() {
        group.detached = true;
        group.notes.push(format!(
            "{name} is bound to no subnet and no interface, so that it filters nothing yet"
        ));
    }
    group.bound = [subnets, interfaces].concat();
    fields.pass(&[
        "tags",
        "etag",
        "type",
        "resourceGuid",
        "provisioningState",
        "flowLogs",
        "flushConnection",
        "resourceGroup",
    ]);
    if group.handle.resource_group.is_none() {
        group.handle.resource_group = fields.word("resourceGroup").map(str::to_owned);
    }
    group.handle.region = fields.word("location").map(str::to_owned);
    if !fields.gives("securityRules") {
        fields.caveat("it lacks securityRules".to_owned());
    }
    for key in ["securityRules", "defaultSecurityRules"] {
        for value in fields.list(key) {
            rule(&group.id.clone(), value, &mut group);
        }
    }
    with_defaults(&mut group);
    let unclear = fields.unclear();
    group
        .lacking
        .extend(unclear.into_iter().map(|what| format!("{name}: {what}")));
    found.add(group);
}

/// A group by the id of its resource, without rules.
fn named(id: Option<&str>, name: &str) -> Group {
    let mut group = Group::new(Provider::Azure, Layer::SecurityGroup, name);
    if let Some(id) = id {
        group.handle.resource_group = part(id, "resourceGroups").map(str::to_owned);
        group.scope = part(id, "subscriptions").map(str::to_owned);
    }
    group
}

/// Adds the default rules where the listing has none: every group has them.
pub(super) fn with_defaults(group: &mut Group) {
    let defaults = [
        (
            true,
            65000,
            "AllowVnetInBound",
            Action::Allow,
            Some("VirtualNetwork"),
        ),
        (
            true,
            65001,
            "AllowAzureLoadBalancerInBound",
            Action::Allow,
            Some("AzureLoadBalancer"),
        ),
        (true, 65500, "DenyAllInBound", Action::Deny, None),
        (
            false,
            65000,
            "AllowVnetOutBound",
            Action::Allow,
            Some("VirtualNetwork"),
        ),
        (
            false,
            65001,
            "AllowInternetOutBound",
            Action::Allow,
            Some("Internet"),
        ),
        (false, 65500, "DenyAllOutBound", Action::Deny, None),
    ];
    let has = |side: &Side| side.rules.iter().any(|rule| rule.order >= FIRST_DEFAULT);
    let known = (has(&group.inbound), has(&group.outbound));
    for (inbound, order, name, action, tag) in defaults {
        if if inbound { known.0 } else { known.1 } {
            continue;
        }
        let does = if action == Action::Allow {
            "Allow"
        } else {
            "Deny"
        };
        let remote = tag.map_or(End::Every, end_named);
        let rule = Rule {
            id: Some(name.to_owned()),
            order,
            text: format!(
                "{name}: priority {order}, {does} {}",
                tag.unwrap_or("everything")
            ),
            remote: vec![remote],
            ..Rule::new(&group.id, action)
        };
        let side = if inbound {
            &mut group.inbound
        } else {
            &mut group.outbound
        };
        put(side, rule);
    }
}

/// `az network nic list-effective-nsg`, one group with where it is bound.
pub(super) fn effective(map: &Map<String, Value>, found: &mut Found) {
    let mut fields = Fields::of(map);
    let id = fields.value("networkSecurityGroup");
    let id = id.and_then(|group| group.get("id")).and_then(Value::as_str);
    let name = id.and_then(|id| id.rsplit('/').next()).unwrap_or(UNNAMED);
    let association = fields.value("association");
    let bound = |key: &str| {
        let end = association.and_then(|association| association.get(key));
        end.and_then(|end| end.get("id")).and_then(Value::as_str)
    };
    let (placement, place) = match (bound("subnet"), bound("networkInterface")) {
        (Some(subnet), None) => (Placement::Subnet, Some(subnet)),
        (None, Some(interface)) => (Placement::Interface, Some(interface)),
        _ => (Placement::Unsaid, None),
    };
    // The same group may be bound to both: each is asked.
    let known = found
        .groups
        .iter()
        .any(|group| group.id == name && group.placement != placement);
    let key = if known {
        format!("{name} (bound twice)")
    } else {
        name.to_owned()
    };
    let mut group = named(id, &key);
    group.name = Some(name.to_owned());
    group.placement = placement;
    group.bound.extend(place.map(str::to_owned));
    if bound("networkManager").is_some() {
        fields.caveat("rules of a network manager come before the groups'".to_owned());
    }
    fields.pass(&["tagMap", "tagToIPAddresses"]);
    for value in fields.list("effectiveSecurityRules") {
        rule(name, value, &mut group);
    }
    with_defaults(&mut group);
    let unclear = fields.unclear();
    group
        .lacking
        .extend(unclear.into_iter().map(|what| format!("{name}: {what}")));
    found.add(group);
}

/// A rule alone, as `az network nsg rule list` prints it: its id names the group.
pub(super) fn loose_rule(map: &Map<String, Value>, found: &mut Found) {
    let id = map.get("id").and_then(Value::as_str);
    let name = id
        .and_then(|id| part(id, "networkSecurityGroups"))
        .unwrap_or(UNNAMED);
    let mut known = named(id, name);
    if known.handle.resource_group.is_none() {
        let resources = map.get("resourceGroup").and_then(Value::as_str);
        known.handle.resource_group = resources.map(str::to_owned);
    }
    let group = found.group(Provider::Azure, Layer::SecurityGroup, name);
    if group.inbound.rules.is_empty() && group.outbound.rules.is_empty() {
        *group = known;
        with_defaults(group);
    }
    rule(name, &Value::Object(map.clone()), group);
}

/// Reads a rule and puts it on its side; one without a direction on both.
fn rule(of: &str, value: &Value, group: &mut Group) {
    let empty = Map::new();
    let all = value.as_object().map(flat);
    let mut fields = Fields::of(all.as_ref().unwrap_or(&empty));
    if all.is_none() {
        fields.caveat("a rule is no object".to_owned());
    }
    let inbound = match fields
        .word("direction")
        .map(str::to_ascii_lowercase)
        .as_deref()
    {
        Some("inbound") => Some(true),
        Some("outbound") => Some(false),
        _ => {
            fields.caveat("its direction is not understood".to_owned());
            None
        }
    };
    for side in [true, false] {
        if inbound.is_none_or(|inbound| inbound == side) {
            let mut fields = Fields::of(all.as_ref().unwrap_or(&empty));
            fields.pass(&["direction"]);
            if inbound.is_none() {
                fields.caveat("its direction is not understood".to_owned());
            }
            let rule = sided(of, fields, side);
            let side = if side {
                &mut group.inbound
            } else {
                &mut group.outbound
            };
            // The listing's own default takes the place of the one that was put there.
            side.rules
                .retain(|known| known.order < FIRST_DEFAULT || known.id != rule.id);
            put(side, rule);
        }
    }
}

/// The rule as one direction sees it.
fn sided(of: &str, mut fields: Fields<'_>, inbound: bool) -> Rule {
    let name = fields
        .word("name")
        .map(|name| name.rsplit('/').next().unwrap_or(name).to_owned());
    let order = fields.place("priority");
    let access = fields.word("access").map(str::to_owned);
    let action = match access.as_deref().map(str::to_ascii_lowercase).as_deref() {
        Some("allow") => Action::Allow,
        Some("deny") => Action::Deny,
        _ => Action::Unclear(format!(
            "access {}",
            cut(access.as_deref().unwrap_or("(none)"))
        )),
    };
    let protocol = protocol(&mut fields);
    let ports = ports(&mut fields, "destination");
    let source_ports = ports_of_source(&mut fields);
    let (far, near) = if inbound {
        ("source", "destination")
    } else {
        ("destination", "source")
    };
    let (remote, mut local) = (ends(&mut fields, far), ends(&mut fields, near));
    // The target is in the virtual network, whatever its addresses are.
    if is_network(&mut fields, near) {
        local = vec![End::Every];
    }
    fields.pass(&[
        "id",
        "etag",
        "type",
        "resourceGroup",
        "provisioningState",
        "description",
    ]);
    let service = Service { protocol, ports };
    let text = format!(
        "{}: priority {order}, {} {} {}",
        name.as_deref().unwrap_or("(unnamed)"),
        access.as_deref().unwrap_or("?"),
        service_words(&service),
        ends_words(&remote)
    );
    Rule {
        id: name,
        order,
        services: vec![service],
        source_ports,
        remote,
        local,
        unclear: fields.unclear(),
        text,
        ..Rule::new(of, action)
    }
}

fn protocol(fields: &mut Fields<'_>) -> Option<u8> {
    let word = fields.token("protocol").unwrap_or_default();
    Some(match word.to_ascii_lowercase().as_str() {
        "*" | "all" => return None,
        "tcp" => 6,
        "udp" => 17,
        "icmp" => 1,
        "icmpv6" => 58,
        "esp" => 50,
        "ah" => 51,
        other => {
            fields.caveat(format!("protocol {} is not understood", cut(other)));
            return None;
        }
    })
}

fn ports(fields: &mut Fields<'_>, end: &str) -> Ports {
    let one = format!("{end}PortRange");
    let many = format!("{end}PortRanges");
    let words = both(fields, &one, &many);
    let read: Option<Vec<Ports>> = words.iter().map(|word| port_range(word)).collect();
    match read {
        Some(read) if !read.is_empty() => Ports::of(&read),
        // What is not understood may be any port.
        _ => {
            fields.caveat(format!(
                "{one} is not understood: {}",
                cut(&words.join(", "))
            ));
            Ports::every()
        }
    }
}

fn ports_of_source(fields: &mut Fields<'_>) -> Ports {
    if fields.has("sourcePortRange") || fields.has("sourcePortRanges") {
        ports(fields, "source")
    } else {
        Ports::every()
    }
}

fn port_range(word: &str) -> Option<Ports> {
    if word == "*" {
        return Some(Ports::every());
    }
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    numbers(first.trim().parse().ok()?, last.trim().parse().ok()?)
}
