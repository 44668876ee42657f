//! Effective firewalls of Google Cloud: VPC rules and every policy round them.
//!
//! Policies of the organisation and of folders come first, then those of the system, then, unless
//! the network enforces it otherwise, the VPC rules before the policies of the network; within a
//! policy the smallest priority that matches decides, and `goto_next` hands on to what follows it
//! (<https://docs.cloud.google.com/firewall/docs/firewall-policies-rule-eval-order>,
//! <https://docs.cloud.google.com/firewall/docs/firewall-policies-rule-details>).

use serde_json::{Map, Value};

use super::aws::{ends_words, service_words};
use super::fields::{Fields, cut, shell};
use super::found::{Found, put};
use super::gcp::{blocks, network_group, read, run_by, service};
use super::model::{Action, End, Group, Nature, Reference, Rule, Service};

/// The first segment of what Google itself keeps; those before are the organisation's.
const OF_THE_SYSTEM: usize = 10_000;
/// The first segment of the network's own policies in the usual order of enforcement.
pub(super) const OF_THE_NETWORK: usize = 200_000;
/// The first segment of its regions' policies.
const OF_THE_REGION: usize = 250_000;
/// By how much they come earlier, before the VPC rules, in the other order.
pub(super) const EARLIER: usize = 180_000;

/// `get-effective-firewalls`.
pub(super) fn effective(map: &Map<String, Value>, found: &mut Found) {
    let mut fields = Fields::of(map);
    let list = fields.list("firewalls");
    let rules: Vec<_> = list.iter().filter_map(Value::as_object).map(read).collect();
    if rules.len() < list.len() {
        fields.caveat("an entry of firewalls is no rule".to_owned());
    }
    let network = rules
        .first()
        .map_or("default", |(network, ..)| network)
        .to_owned();
    let mut policies: Vec<&Value> = fields.list("firewallPolicys").iter().collect();
    policies.extend(fields.list("organizationFirewalls"));
    for (network, rule, inbound) in rules {
        let group = network_group(found, &network);
        group.handle.policies = true;
        group.notes.clear();
        if let Some(mut rule) = rule {
            presume(&mut rule.target);
            both_sides(group, rule, inbound);
        }
    }
    let group = network_group(found, &network);
    group.handle.policies = true;
    group.notes.clear();
    for (index, value) in policies.into_iter().enumerate() {
        policy(value, index, &network, group);
    }
    let unclear = fields.unclear();
    group.lacking.extend(unclear);
}

/// Only what targets the instance is listed where it was asked for one.
fn presume(target: &mut [Reference]) {
    for named in target {
        named.nature = Nature::Presumed;
    }
}

fn both_sides(group: &mut Group, rule: Rule, inbound: Option<bool>) {
    if inbound != Some(false) {
        put(&mut group.inbound, rule.clone());
    }
    if inbound != Some(true) {
        put(&mut group.outbound, rule);
    }
}

fn policy(value: &Value, index: usize, network: &str, group: &mut Group) {
    let empty = Map::new();
    let mut fields = Fields::of_value(value, &empty);
    let kind = fields.word("type").unwrap_or("HIERARCHY").to_owned();
    let first = match kind.as_str() {
        "HIERARCHY" => 0,
        "SYSTEM_GLOBAL" | "SYSTEM_REGIONAL" => OF_THE_SYSTEM,
        "NETWORK" => OF_THE_NETWORK,
        "NETWORK_REGIONAL" => OF_THE_REGION,
        _ => {
            fields.caveat(format!("where a policy of type {} stands", cut(&kind)));
            0
        }
    };
    let names = ["shortName", "displayName", "name", "id"].map(|key| fields.token(key));
    let name = names
        .into_iter()
        .flatten()
        .next()
        .unwrap_or_else(|| "policy".to_owned());
    fields.pass(&["priority", "packetMirroringRules"]);
    if !fields.gives("rules") {
        fields.caveat(format!("the rules of policy {name}"));
    }
    for value in fields.list("rules") {
        let (mut rule, inbound) = policy_rule(value, &name, network);
        rule.segment = first.saturating_add(index);
        if let Some(rule) = rule.id.is_some().then_some(rule) {
            both_sides(group, rule, inbound);
        }
    }
    group.lacking.extend(fields.unclear());
}

/// A rule of a policy; one without an id is switched off.
fn policy_rule(value: &Value, policy: &str, network: &str) -> (Rule, Option<bool>) {
    let empty = Map::new();
    let mut fields = Fields::of_value(value, &empty);
    let inbound = match fields.word("direction") {
        Some("INGRESS") => Some(true),
        Some("EGRESS") => Some(false),
        _ => {
            fields.caveat("its direction is not understood".to_owned());
            None
        }
    };
    let order = fields.place("priority");
    let disabled = fields.flag("disabled") == Some(true);
    let word = fields.word("action").unwrap_or("(none)");
    let action = match word {
        "allow" => Action::Allow,
        "deny" => Action::Deny,
        "goto_next" => Action::Next,
        other => Action::Unclear(format!("action {} of policy {policy}", cut(other))),
    };
    let mut target: Vec<Reference> = fields
        .words("targetServiceAccounts")
        .into_iter()
        .map(run_by)
        .collect();
    target.extend(secure_tags(&mut fields, "targetSecureTags", "has"));
    presume(&mut target);
    let resources = fields.words("targetResources");
    let here = |url: &&str| url.rsplit('/').next() == Some(network);
    if !resources.is_empty() && !resources.iter().any(here) {
        fields.caveat("targetResources name another network".to_owned());
    }
    let inner = fields.value("match").unwrap_or(&Value::Null);
    if inner.is_null() {
        fields.caveat("it lacks match".to_owned());
    }
    let (services, remote, local) = matcher(&mut fields, inner, inbound != Some(false));
    fields.pass(&[
        "kind",
        "description",
        "enableLogging",
        "ruleName",
        "ruleTupleCount",
        "securityProfileGroup",
        "tlsInspect",
    ]);
    let words: Vec<String> = services.iter().take(4).map(service_words).collect();
    let rule = Rule {
        id: (!disabled).then(|| format!("{policy}/{order}")),
        order,
        text: format!(
            "policy {policy}: priority {order}, {word} {} {}",
            words.join(", "),
            ends_words(&remote)
        ),
        services,
        remote,
        local,
        target,
        unclear: fields.unclear(),
        ..Rule::new(network, action)
    };
    (rule, inbound)
}

/// What a rule of a policy matches.
fn matcher(
    outer: &mut Fields<'_>,
    value: &Value,
    inbound: bool,
) -> (Vec<Service>, Vec<End>, Vec<End>) {
    let empty = Map::new();
    // The older form keeps the conditions one level deeper.
    let value = value.get("config").unwrap_or(value);
    let mut fields = Fields::of_value(value, &empty);
    let list = fields.list("layer4Configs");
    let mut services: Vec<Service> = list
        .iter()
        .map(|value| service(&mut fields, value, "ipProtocol"))
        .collect();
    if services.is_empty() {
        services.push(Service::every());
    }
    let mut sources = blocks(&mut fields, "srcIpRanges");
    let mut destinations = blocks(&mut fields, "destIpRanges");
    for (ends, side) in [(&mut sources, "src"), (&mut destinations, "dest")] {
        for (kind, what) in [
            ("AddressGroups", "is in address group"),
            ("Fqdns", "is what resolves from"),
            ("RegionCodes", "is of region"),
            ("ThreatIntelligences", "is in threat list"),
        ] {
            let names = fields.words(&format!("{side}{kind}"));
            ends.extend(names.into_iter().map(|name| End::Named(listed(name, what))));
        }
    }
    let tags = secure_tags(&mut fields, "srcSecureTags", "is the address of what has");
    sources.extend(tags.into_iter().map(End::Named));
    if inbound && sources.is_empty() {
        fields.caveat("it names no source".to_owned());
    }
    for what in fields.unclear() {
        outer.caveat(what);
    }
    let or_every = |ends: Vec<End>| {
        if ends.is_empty() {
            vec![End::Every]
        } else {
            ends
        }
    };
    let (remote, local) = if inbound {
        (sources, destinations)
    } else {
        (destinations, sources)
    };
    (services, or_every(remote), or_every(local))
}

fn listed(name: &str, what: &str) -> Reference {
    let command = (what == "is in address group").then(|| {
        let name = shell(name);
        format!("gcloud network-security address-groups describe {name} --location=global")
    });
    Reference {
        name: name.to_owned(),
        predicate: format!("{what} {name}"),
        command,
        nature: Nature::Anything,
    }
}

fn secure_tags(fields: &mut Fields<'_>, key: &str, what: &str) -> Vec<Reference> {
    let mut tags = Vec::new();
    for value in fields.list(key) {
        match value.get("name").and_then(Value::as_str).or(value.as_str()) {
            Some(name) => tags.push(Reference {
                name: name.to_owned(),
                predicate: format!("{what} secure tag {name}"),
                command: Some(
                    "gcloud resource-manager tags bindings list --parent=INSTANCE \
                     --location=ZONE"
                        .to_owned(),
                ),
                nature: Nature::Inside,
            }),
            None => fields.caveat(format!("an entry of {key} lacks its name")),
        }
    }
    tags
}
