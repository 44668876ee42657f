//! Security groups and network ACLs of AWS.
//!
//! Security groups: allow rules only, all of those of an interface taken together, stateful
//! (<https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html>). Network ACLs: in
//! ascending order of their numbers, the first that matches, stateless; the last one, `*`, denies
//! (<https://docs.aws.amazon.com/vpc/latest/userguide/nacl-basics.html>). The fields:
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html>,
//! `API_SecurityGroupRule.html` and `API_NetworkAclEntry.html` beside it.

use serde_json::{Map, Value};

use super::address::block;
use super::fields::{Fields, cut, shell};
use super::found::{Found, put};
use super::model::{Action, End, Group, Layer, Provider, Reference, Rule, Service, UNNAMED};
use super::ports::Ports;

/// The rule of a network ACL that is last and always there.
const LAST_ENTRY: i64 = 32767;

/// `describe-security-groups`, one group.
pub(super) fn group(map: &Map<String, Value>, found: &mut Found) {
    let mut fields = Fields::of(map);
    let name = fields.word("GroupName").map(str::to_owned);
    let id = fields.word("GroupId").map(str::to_owned);
    let unidentified = id.is_none();
    let id = id
        .or_else(|| name.clone())
        .unwrap_or_else(|| UNNAMED.to_owned());
    let mut group = new_group(&id);
    group.handle.unidentified = unidentified;
    group.name = name;
    group.scope = fields.word("VpcId").map(str::to_owned);
    fields.pass(&["Description", "OwnerId", "Tags", "SecurityGroupArn"]);
    for (key, inbound) in [("IpPermissions", true), ("IpPermissionsEgress", false)] {
        if !fields.gives(key) {
            if inbound {
                group.lacking.push(format!("{key} of {id}"));
            } else {
                group.outbound.default = unsaid(&id);
            }
        }
        let side = if inbound {
            &mut group.inbound
        } else {
            &mut group.outbound
        };
        for permission in fields.list(key) {
            permissions(&id, permission, &mut side.rules);
        }
    }
    let unclear = fields.unclear();
    group
        .lacking
        .extend(unclear.into_iter().map(|what| format!("{id}: {what}")));
    found.add(group);
}

/// What a group does with what goes out, where that is not in the text.
fn unsaid(id: &str) -> Action {
    Action::Unclear(format!(
        "what {id} does with what goes out, which is not in the text,"
    ))
}

fn new_group(id: &str) -> Group {
    let mut group = Group::new(Provider::Aws, Layer::SecurityGroup, id);
    let text = format!("no rule of {id} lets it through, and what none allows is denied");
    group.inbound.default_text.clone_from(&text);
    group.outbound.default_text = text;
    group
}

/// One permission: a rule for each end it names, as the other command lists them.
fn permissions(id: &str, value: &Value, rules: &mut Vec<Rule>) {
    let empty = Map::new();
    let mut fields = Fields::of_value(value, &empty);
    let service = service(&mut fields);
    let mut ends: Vec<End> = Vec::new();
    for (list, key) in [("IpRanges", "CidrIp"), ("Ipv6Ranges", "CidrIpv6")] {
        for range in fields.list(list) {
            match range
                .get(key)
                .and_then(Value::as_str)
                .map(|text| (text, block(text)))
            {
                Some((_, Some(block))) => ends.push(End::Block(block)),
                Some((text, None)) => {
                    fields.caveat(format!("{} is no block of addresses", cut(text)))
                }
                None => fields.caveat(format!("an entry of {list} lacks {key}")),
            }
        }
    }
    for list in fields.list("PrefixListIds") {
        match list.get("PrefixListId").and_then(Value::as_str) {
            Some(list) => ends.push(End::Named(prefix_list(list))),
            None => fields.caveat("an entry of PrefixListIds lacks PrefixListId".to_owned()),
        }
    }
    for pair in fields.list("UserIdGroupPairs") {
        match pair.get("GroupId").and_then(Value::as_str) {
            Some(group) => ends.push(End::Named(member(group))),
            None => fields.caveat("an entry of UserIdGroupPairs lacks GroupId".to_owned()),
        }
    }
    let mut unclear = fields.unclear();
    if ends.is_empty() {
        unclear.push("it names nobody".to_owned());
        ends.push(End::Every);
    }
    if unclear.is_empty() {
        rules.extend(ends.into_iter().map(|end| rule(id, &service, vec![end])));
    } else {
        let mut rule = rule(id, &service, ends);
        rule.unclear = unclear;
        rules.push(rule);
    }
}

fn rule(id: &str, service: &Service, ends: Vec<End>) -> Rule {
    Rule {
        text: format!("allow {} {}", service_words(service), ends_words(&ends)),
        services: vec![service.clone()],
        remote: ends,
        ..Rule::new(id, Action::Allow)
    }
}

/// `IpProtocol`, `FromPort` and `ToPort`: ports count for TCP and UDP alone.
fn service(fields: &mut Fields<'_>) -> Service {
    let from = fields.number("FromPort");
    let to = fields.number("ToPort");
    let protocol = match fields.token("IpProtocol") {
        None => {
            fields.caveat("it lacks IpProtocol".to_owned());
            return Service::every();
        }
        Some(word) => match protocol(&word) {
            Some(protocol) => protocol,
            None => {
                fields.caveat(format!("{} is no protocol", cut(&word)));
                return Service::every();
            }
        },
    };
    if !matches!(protocol, Some(6 | 17)) {
        return Service {
            protocol,
            ports: Ports::every(),
        };
    }
    let ports = from.zip(to).and_then(|(from, to)| numbers(from, to));
    if ports.is_none() {
        fields.caveat("its ports are not understood".to_owned());
    }
    Service {
        protocol,
        ports: ports.unwrap_or_else(Ports::every),
    }
}

/// A protocol by name or number; `Some(None)` for all of them.
pub(super) fn protocol(word: &str) -> Option<Option<u8>> {
    Some(match word.to_ascii_lowercase().as_str() {
        "-1" | "all" => None,
        "tcp" => Some(6),
        "udp" => Some(17),
        "icmp" => Some(1),
        "icmpv6" => Some(58),
        number => Some(number.parse().ok()?),
    })
}

pub(super) fn numbers(from: i64, to: i64) -> Option<Ports> {
    Ports::range(u16::try_from(from).ok()?, u16::try_from(to).ok()?)
}

/// A prefix list by its id.
pub(super) fn prefix_list(id: &str) -> Reference {
    let command = format!(
        "aws ec2 get-managed-prefix-list-entries --prefix-list-id {}",
        shell(id)
    );
    Reference::listed(id, format!("is in prefix list {id}"), command)
}

/// The members of a group: their private addresses count.
pub(super) fn member(id: &str) -> Reference {
    let command = format!(
        "aws ec2 describe-network-interfaces --filters Name=group-id,Values={} --query \
         'NetworkInterfaces[].PrivateIpAddress'",
        shell(id)
    );
    Reference::member(id, command)
}

/// `describe-security-group-rules`, one rule.
pub(super) fn group_rule(map: &Map<String, Value>, found: &mut Found) {
    let mut fields = Fields::of(map);
    let id = fields.word("GroupId").unwrap_or(UNNAMED).to_owned();
    let egress = fields.flag("IsEgress");
    let service = service(&mut fields);
    let mut ends = Vec::new();
    for key in ["CidrIpv4", "CidrIpv6"] {
        if let Some(text) = fields.word(key) {
            match block(text) {
                Some(block) => ends.push(End::Block(block)),
                None => fields.caveat(format!("{} is no block of addresses", cut(text))),
            }
        }
    }
    if let Some(list) = fields.word("PrefixListId") {
        ends.push(End::Named(prefix_list(list)));
    }
    if let Some(info) = fields.value("ReferencedGroupInfo") {
        match info.get("GroupId").and_then(Value::as_str) {
            Some(group) => ends.push(End::Named(member(group))),
            None => fields.caveat("ReferencedGroupInfo lacks GroupId".to_owned()),
        }
    }
    let rule_id = fields.word("SecurityGroupRuleId").map(str::to_owned);
    fields.pass(&[
        "GroupOwnerId",
        "Description",
        "Tags",
        "SecurityGroupRuleArn",
    ]);
    if ends.is_empty() {
        fields.caveat("it names nobody".to_owned());
        ends.push(End::Every);
    }
    if egress.is_none() {
        fields.caveat("it lacks IsEgress".to_owned());
    }
    let mut rule = rule(&id, &service, ends);
    rule.id = rule_id;
    rule.unclear = fields.unclear();
    let group = found.group(Provider::Aws, Layer::SecurityGroup, &id);
    if group.inbound.rules.is_empty() && group.outbound.rules.is_empty() {
        group.inbound = new_group(&id).inbound;
        group.outbound = new_group(&id).outbound;
    }
    if egress != Some(true) {
        put(&mut group.inbound, rule.clone());
    }
    if egress != Some(false) {
        put(&mut group.outbound, rule);
    }
}

/// `describe-network-acls`, one of them.
pub(super) fn acl(map: &Map<String, Value>, found: &mut Found) {
    let mut fields = Fields::of(map);
    let id = fields
        .word("NetworkAclId")
        .unwrap_or("NETWORK-ACL")
        .to_owned();
    let mut group = new_acl(&id);
    group.scope = fields.word("VpcId").map(str::to_owned);
    for bound in fields.list("Associations") {
        let subnet = bound.get("SubnetId").and_then(Value::as_str);
        group.bound.extend(subnet.map(str::to_owned));
    }
    fields.pass(&["IsDefault", "OwnerId", "Tags", "NetworkAclArn"]);
    if !fields.gives("Entries") {
        fields.caveat("it lacks Entries".to_owned());
    }
    for value in fields.list("Entries") {
        let (rule, egress) = entry(&id, value);
        if egress != Some(true) {
            put(&mut group.inbound, rule.clone());
        }
        if egress != Some(false) {
            put(&mut group.outbound, rule);
        }
    }
    let unclear = fields.unclear();
    group
        .lacking
        .extend(unclear.into_iter().map(|what| format!("{id}: {what}")));
    found.add(group);
}

/// An entry of a network ACL that is told alone.
pub(super) fn loose_entry(id: &str, value: &Value, found: &mut Found) {
    let (rule, egress) = entry(id, value);
    let group = found.group(Provider::Aws, Layer::NetworkAcl, id);
    if group.stateful {
        *group = new_acl(id);
    }
    if egress != Some(true) {
        put(&mut group.inbound, rule.clone());
    }
    if egress != Some(false) {
        put(&mut group.outbound, rule);
    }
}

/// A network ACL without entries: the last one, which is always there, denies.
pub(super) fn new_acl(id: &str) -> Group {
    let mut group = Group::new(Provider::Aws, Layer::NetworkAcl, id);
    let text = format!("rule * of {id} denies what no other rule matches");
    group.inbound.default_text.clone_from(&text);
    group.outbound.default_text = text;
    group.stateful = false;
    group
}

fn entry(id: &str, value: &Value) -> (Rule, Option<bool>) {
    let empty = Map::new();
    let mut fields = Fields::of_value(value, &empty);
    let egress = fields.flag("Egress");
    let number = fields.place("RuleNumber");
    let action = fields.word("RuleAction").map(str::to_owned);
    let protocol_word = fields.token("Protocol");
    let range = fields.value("PortRange").map(|range| {
        let end = |key: &str| range.get(key).and_then(Value::as_i64);
        end("From")
            .zip(end("To"))
            .and_then(|(from, to)| numbers(from, to))
    });
    let blocks = ["CidrBlock", "Ipv6CidrBlock"].map(|key| fields.word(key));
    fields.pass(&["IcmpTypeCode"]);
    let mut entry = Entry {
        number,
        action,
        protocol: protocol_word,
        ports: range,
        blocks: blocks.into_iter().flatten().map(str::to_owned).collect(),
        unclear: fields.unclear(),
    };
    if egress.is_none() {
        entry.unclear.push("it lacks Egress".to_owned());
    }
    (entry.rule(id), egress)
}

/// An entry of a network ACL, from either form.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) number: i64,
    pub(super) action: Option<String>,
    pub(super) protocol: Option<String>,
    /// Absent for all; `Some(None)` where it is not understood.
    pub(super) ports: Option<Option<Ports>>,
    pub(super) blocks: Vec<String>,
    pub(super) unclear: Vec<String>,
}

impl Entry {
    /// The rule it is.
    pub(super) fn rule(self, id: &str) -> Rule {
        let mut unclear = self.unclear;
        let action = match self.action.as_deref() {
            Some("allow") => Action::Allow,
            Some("deny") => Action::Deny,
            other => Action::Unclear(format!("the action {}", cut(other.unwrap_or("(none)")))),
        };
        let protocol = self.protocol.as_deref().and_then(protocol);
        if protocol.is_none() {
            unclear.push("its protocol is not understood".to_owned());
        }
        let protocol = protocol.flatten();
        // A protocol other than TCP, UDP and ICMP: all ports, whatever range is given.
        let ports = match (protocol, self.ports) {
            (Some(6 | 17), Some(None)) => {
                unclear.push("its ports are not understood".to_owned());
                Ports::every()
            }
            (Some(6 | 17), Some(Some(ports))) => ports,
            (Some(6 | 17), None) => {
                unclear.push("it lacks PortRange".to_owned());
                Ports::every()
            }
            _ => Ports::every(),
        };
        let mut ends = Vec::new();
        for text in &self.blocks {
            match block(text) {
                Some(block) => ends.push(End::Block(block)),
                None => unclear.push(format!("{} is no block of addresses", cut(text))),
            }
        }
        if ends.is_empty() {
            unclear.push("it names nobody".to_owned());
        }
        let number = self.number;
        let service = Service { protocol, ports };
        let does = match &action {
            Action::Allow => "allow",
            Action::Deny => "deny",
            Action::Next | Action::Unclear(_) => "do something with",
        };
        let name = if number >= LAST_ENTRY {
            "*".to_owned()
        } else {
            number.to_string()
        };
        Rule {
            id: Some(number.to_string()),
            order: number,
            text: format!(
                "{name}: {does} {} {}",
                service_words(&service),
                ends_words(&ends)
            ),
            services: vec![service],
            remote: ends,
            unclear,
            ..Rule::new(id, action)
        }
    }
}

/// `tcp 3306`, `all traffic`.
pub(super) fn service_words(service: &Service) -> String {
    let protocol = match service.protocol {
        None => return "all traffic".to_owned(),
        Some(6) => "tcp".to_owned(),
        Some(17) => "udp".to_owned(),
        Some(1) => "icmp".to_owned(),
        Some(58) => "icmpv6".to_owned(),
        Some(other) => format!("protocol {other}"),
    };
    match service.protocol {
        Some(6 | 17) if service.ports.is_every() => format!("{protocol} all ports"),
        Some(6 | 17) => format!("{protocol} {}", service.ports.words()),
        _ => protocol,
    }
}

/// Who a rule is about.
pub(super) fn ends_words(ends: &[End]) -> String {
    /// Most that are written out.
    const MOST: usize = 4;
    let word = |end: &End| match end {
        End::Every => "anywhere".to_owned(),
        End::Block(block) => block.to_string(),
        End::Named(named) => named.name.clone(),
    };
    // Some write one end in two fields.
    let mut ends: Vec<&End> = ends.iter().collect();
    ends.dedup();
    let mut words: Vec<String> = ends.iter().copied().take(MOST).map(word).collect();
    if ends.len() > MOST {
        words.push(format!("{} more", ends.len().saturating_sub(MOST)));
    }
    words.join(", ")
}
