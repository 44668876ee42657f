//! Security groups of Alibaba Cloud, and the whitelists of its RDS.
//!
//! Security groups: the smaller priority first, at equal priority what drops; stateful; members of
//! a basic group reach each other before any rule unless its `InnerAccessPolicy` is `Drop`; what no
//! rule matches is dropped on the way in
//! (<https://help.aliyun.com/en/ecs/user-guide/security-group-rules>,
//! <https://www.alibabacloud.com/help/en/ecs/developer-reference/api-modifysecuritygrouppolicy>,
//! <https://alibabacloud.com/help/en/ecs/api-authorizesecuritygroup>). Whitelists: an address of
//! any list is let in, on every port; in the enhanced mode the lists are divided into those of VPCs
//! and those of the classic network and the Internet
//! (<https://www.alibabacloud.com/help/doc-detail/26241.htm>,
//! <https://alibabacloud.com/help/en/rds/api-switch-the-network-isolation-mode-from-standard-whitelist-to-enhanced-whitelist>).

use serde_json::{Map, Value};

use super::address::block;
use super::aws::{ends_words, service_words};
use super::fields::{Fields, cut, shell};
use super::found::{Found, put};
use super::model::{
    Action, End, Group, Layer, Nature, Provider, Reference, Rule, Service, Side, UNNAMED,
};
use super::ports::Ports;

/// `DescribeSecurityGroupAttribute`; its id.
pub(super) fn group(map: &Map<String, Value>, found: &mut Found) -> String {
    let mut fields = Fields::of(map);
    let id = fields.word("SecurityGroupId").map(str::to_owned);
    let unidentified = id.is_none();
    let id = id.or_else(|| fields.word("SecurityGroupName").map(str::to_owned));
    let id = id.unwrap_or_else(|| UNNAMED.to_owned());
    let group = found.group(Provider::Alibaba, Layer::SecurityGroup, &id);
    group.handle.unidentified = unidentified;
    if group.outbound.default == Action::Deny {
        started(&id, group);
    }
    for (known, key) in [
        (&mut group.name, "SecurityGroupName"),
        (&mut group.scope, "VpcId"),
        (&mut group.handle.region, "RegionId"),
    ] {
        if let Some(word) = fields.word(key) {
            *known = Some(word.to_owned());
        }
    }
    match fields.word("InnerAccessPolicy") {
        Some(policy) if policy.eq_ignore_ascii_case("Accept") => members_first(&id, group),
        _ => {}
    }
    fields.pass(&["RequestId", "Description", "NextToken", "SnapshotPolicyIds"]);
    let list = fields.value("Permissions");
    let list = list.and_then(|list| list.get("Permission").or(Some(list)));
    match list.map(|list| list.as_array().ok_or(list)) {
        None if fields.gives("Permissions") => {}
        None => fields.caveat("it lacks Permissions".to_owned()),
        Some(Ok(list)) => list.iter().for_each(|value| permission(&id, value, group)),
        Some(Err(_)) => fields.caveat("Permissions are no list".to_owned()),
    }
    let unclear = fields.unclear();
    group
        .lacking
        .extend(unclear.into_iter().map(|what| format!("{id}: {what}")));
    id
}

/// What a group does without rules: a basic one lets out, an enterprise one does not.
fn started(id: &str, group: &mut Group) {
    group.inbound = Side::denying(&format!(
        "no rule of {id} lets it in, and what none allows is denied"
    ));
    group.outbound = Side {
        rules: Vec::new(),
        default: Action::Unclear(format!(
            "the type of {id}, a basic group letting out what no rule matches,"
        )),
        default_text: format!("what no rule of {id} matches on the way out"),
    };
}

/// Members reach each other before any rule is asked.
fn members_first(id: &str, group: &mut Group) {
    for side in [&mut group.inbound, &mut group.outbound] {
        if side.rules.iter().all(|rule| rule.order >= 0) {
            put(
                side,
                Rule {
                    id: None,
                    order: -1,
                    text: format!("InnerAccessPolicy of {id}: members reach each other"),
                    // Over the internal network, where no public address is.
                    remote: vec![End::Named(Reference {
                        nature: Nature::Private,
                        ..member(id)
                    })],
                    ..Rule::new(id, Action::Allow)
                },
            );
        }
    }
}

fn member(id: &str) -> Reference {
    let command = format!(
        "aliyun ecs DescribeNetworkInterfaces --SecurityGroupId {}",
        shell(id)
    );
    Reference::member(id, command)
}

fn prefix_list(id: &str) -> Reference {
    let command = format!(
        "aliyun ecs DescribePrefixListAttributes --PrefixListId {}",
        shell(id)
    );
    Reference::listed(id, format!("is in prefix list {id}"), command)
}

fn permission(of: &str, value: &Value, group: &mut Group) {
    let empty = Map::new();
    let mut fields = Fields::of_value(value, &empty);
    let direction = fields.word("Direction").map(str::to_ascii_lowercase);
    let inbound = match direction.as_deref() {
        Some("ingress") => Some(true),
        Some("egress") => Some(false),
        _ => {
            fields.caveat("its direction is not understood".to_owned());
            None
        }
    };
    let terms = Terms {
        id: fields.word("SecurityGroupRuleId").map(str::to_owned),
        policy: fields.word("Policy").map(str::to_owned),
        priority: fields.place("Priority"),
        protocol: fields.token("IpProtocol"),
        ports: fields.word("PortRange").map(str::to_owned),
        source_ports: fields.word("SourcePortRange").map(str::to_owned),
    };
    let sources = ends(&mut fields, "Source");
    let destinations = ends(&mut fields, "Dest");
    let nic = fields.word("NicType").unwrap_or("intranet").to_owned();
    if nic != "intranet" {
        fields.caveat(format!(
            "it is for network {} of the classic network",
            cut(&nic)
        ));
    }
    fields.pass(&["CreateTime", "Description"]);
    for side in [true, false] {
        if inbound.is_none_or(|inbound| inbound == side) {
            let (far, near) = if side {
                (&sources, &destinations)
            } else {
                (&destinations, &sources)
            };
            let rule = terms.rule(of, far.clone(), near.clone());
            let rule = Rule {
                unclear: [rule.unclear, told(&fields)].concat(),
                ..rule
            };
            let side = if side {
                &mut group.inbound
            } else {
                &mut group.outbound
            };
            put(side, rule);
        }
    }
}

fn told(fields: &Fields<'_>) -> Vec<String> {
    fields.clone().unclear()
}

/// A rule's fields, from either form.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) id: Option<String>,
    pub(super) policy: Option<String>,
    pub(super) priority: i64,
    pub(super) protocol: Option<String>,
    pub(super) ports: Option<String>,
    pub(super) source_ports: Option<String>,
}

impl Terms {
    /// The rule they make.
    pub(super) fn rule(&self, of: &str, remote: Vec<End>, local: Vec<End>) -> Rule {
        let mut unclear = Vec::new();
        let policy = self.policy.as_deref().unwrap_or("(none)");
        let action = match policy.to_ascii_lowercase().as_str() {
            "accept" => Action::Allow,
            "drop" => Action::Deny,
            _ => Action::Unclear(format!("policy {}", cut(policy))),
        };
        let word = self
            .protocol
            .as_deref()
            .unwrap_or_default()
            .to_ascii_lowercase();
        let protocol = match word.as_str() {
            "all" => None,
            "tcp" => Some(6),
            "udp" => Some(17),
            "icmp" => Some(1),
            "icmpv6" => Some(58),
            "gre" => Some(47),
            other => {
                unclear.push(format!("protocol {} is not understood", cut(other)));
                None
            }
        };
        let mut range = |text: &Option<String>| match text.as_deref() {
            None | Some("-1/-1") => Ports::every(),
            Some(text) => Ports::parsed(text, '/').unwrap_or_else(|| {
                unclear.push(format!("{} is no range of ports", cut(text)));
                Ports::every()
            }),
        };
        let (ports, source_ports) = (range(&self.ports), range(&self.source_ports));
        if remote.is_empty() {
            unclear.push("it names nobody".to_owned());
        }
        if self.ports.is_none() && matches!(protocol, Some(6 | 17)) {
            unclear.push("it lacks PortRange".to_owned());
        }
        let order = self.priority;
        let service = Service { protocol, ports };
        Rule {
            id: self.id.clone(),
            order,
            text: format!(
                "priority {order}, {policy} {} {}",
                service_words(&service),
                ends_words(&remote)
            ),
            services: vec![service],
            source_ports,
            remote: if remote.is_empty() {
                vec![End::Every]
            } else {
                remote
            },
            local: if local.is_empty() {
                vec![End::Every]
            } else {
                local
            },
            unclear,
            ..Rule::new(of, action)
        }
    }
}

/// One end of a rule: a block, a group or a prefix list.
fn ends(fields: &mut Fields<'_>, side: &str) -> Vec<End> {
    let mut ends = Vec::new();
    for key in [format!("{side}CidrIp"), format!("Ipv6{side}CidrIp")] {
        if let Some(text) = fields.word(&key) {
            match block(text) {
                Some(block) => ends.push(End::Block(block)),
                None => fields.caveat(format!("{} is no block of addresses", cut(text))),
            }
        }
    }
    if let Some(id) = fields.word(&format!("{side}GroupId")) {
        ends.push(End::Named(member(id)));
    }
    if let Some(id) = fields.word(&format!("{side}PrefixListId")) {
        ends.push(End::Named(prefix_list(id)));
    }
    let names = ["GroupName", "GroupOwnerAccount", "PrefixListName"];
    for name in names {
        fields.pass(&[&format!("{side}{name}")]);
    }
    ends
}

/// `DescribeDBInstanceIPArrayList`.
pub(super) fn whitelists(
    lists: &[&Map<String, Value>],
    whole: &Map<String, Value>,
    found: &mut Found,
) {
    let of = whole.get("DBInstanceId").and_then(Value::as_str);
    let id = of.unwrap_or("DB-INSTANCE").to_owned();
    let mut group = Group::new(Provider::Alibaba, Layer::Whitelist, &id);
    group.inbound = Side::denying("no list holds it, and what is in none is refused");
    group.outbound.default = Action::Allow;
    for map in lists {
        let mut fields = Fields::of(map);
        let name = fields
            .word("DBInstanceIPArrayName")
            .unwrap_or("default")
            .to_owned();
        let network = fields
            .word("WhitelistNetworkType")
            .unwrap_or("MIX")
            .to_owned();
        if !fields.gives("SecurityIPList") {
            fields.caveat("it lacks SecurityIPList".to_owned());
        }
        let entries = fields.token("SecurityIPList").unwrap_or_default();
        fields.pass(&[
            "DBInstanceIPArrayAttribute",
            "SecurityIPType",
            "SecurityIPList",
        ]);
        let mut ends = Vec::new();
        for text in entries
            .split([',', ';', ' ', '\n'])
            .filter(|text| !text.is_empty())
        {
            match block(text) {
                Some(block) => ends.push(End::Block(block)),
                None => fields.caveat(format!("entry {} is not understood", cut(text))),
            }
        }
        let rule = Rule {
            id: Some(name.clone()),
            text: format!("list {name}: {}", ends_words(&ends)),
            remote: ends,
            target: of_network(&network).into_iter().collect(),
            unclear: fields.unclear(),
            ..Rule::new(&id, Action::Allow)
        };
        put(&mut group.inbound, rule);
    }
    group.notes.push(
        "the members of a security group that is bound to the instance are let in as well: aliyun \
         rds DescribeSecurityGroupConfiguration --DBInstanceId DB-INSTANCE lists it"
            .to_owned(),
    );
    found.add(group);
}

/// In the enhanced mode a list counts for one network only: those of VPCs for private addresses,
/// those of the classic network for public ones.
fn of_network(network: &str) -> Option<Reference> {
    let (predicate, nature) = match network.to_ascii_lowercase().as_str() {
        "mix" => return None,
        "vpc" => ("is reached by its address in the VPC", Nature::PrivateWay),
        "classic" => ("is reached by its public address", Nature::PublicWay),
        _ => ("is reached over the network of that list", Nature::Anything),
    };
    Some(Reference {
        name: network.to_owned(),
        predicate: predicate.to_owned(),
        command: Some("aliyun rds DescribeDBInstanceNetInfo --DBInstanceId DB-INSTANCE".to_owned()),
        nature,
    })
}
