//! VPC firewall rules of Google Cloud.
//!
//! The smallest priority that matches decides, and at equal priority what denies; a source range
//! or a source tag is enough; what no rule matches is denied on the way in and allowed on the way
//! out; stateful (<https://cloud.google.com/firewall/docs/firewalls>; the fields:
//! <https://cloud.google.com/compute/docs/reference/rest/v1/firewalls>).

use serde_json::{Map, Value};

use super::address::block;
use super::aws::{ends_words, protocol, service_words};
use super::fields::{Fields, cut};
use super::found::{Found, put};
use super::model::{Action, End, Group, Layer, Nature, Provider, Reference, Rule, Service, Side};
use super::ports::Ports;

/// The network where rules name none, which then is the default one.
const UNNAMED: &str = "default";
/// The segment of the VPC firewall rules in the usual order of enforcement.
const VPC_RULES: usize = 100_000;

/// One VPC firewall rule.
pub(super) fn rule(map: &Map<String, Value>, found: &mut Found) {
    let (network, rule, inbound) = read(map);
    let group = network_group(found, &network);
    if !group.handle.policies && group.notes.is_empty() {
        group.notes.push(
            "firewall policies of the organisation, of folders and of the network, which come \
             before and after these rules, are not in this listing: gcloud compute instances \
             network-interfaces get-effective-firewalls INSTANCE --format=json shows them"
                .to_owned(),
        );
    }
    if let Some(rule) = rule {
        if inbound != Some(false) {
            put(&mut group.inbound, rule.clone());
        }
        if inbound != Some(true) {
            put(&mut group.outbound, rule);
        }
    }
}

/// The group of a network.
pub(super) fn network_group<'a>(found: &'a mut Found, network: &str) -> &'a mut Group {
    let group = found.group(Provider::Gcp, Layer::SecurityGroup, network);
    if group.scope.is_none() {
        group.scope = Some(network.to_owned());
        group.inbound =
            Side::denying("the implied rule denies what comes in and no other rule matches");
        group.outbound = Side {
            rules: Vec::new(),
            default: Action::Allow,
            default_text: "the implied rule allows what goes out".to_owned(),
        };
    }
    group
}

/// The network, the rule, unless it is switched off, and whether it is for what comes in.
pub(super) fn read(map: &Map<String, Value>) -> (String, Option<Rule>, Option<bool>) {
    let mut fields = Fields::of(map);
    let network = fields.word("network").unwrap_or(UNNAMED);
    let network = network.rsplit('/').next().unwrap_or(network).to_owned();
    let name = fields.word("name").map(str::to_owned);
    let inbound = match fields.word("direction") {
        None | Some("INGRESS") => Some(true),
        Some("EGRESS") => Some(false),
        Some(_) => {
            fields.caveat("its direction is not understood".to_owned());
            None
        }
    };
    let priority = fields.place("priority");
    let disabled = fields.flag("disabled") == Some(true);
    let (action, services) = services(&mut fields);
    let (remote, local) = ends(&mut fields, inbound != Some(false));
    let mut target: Vec<Reference> = fields.words("targetTags").into_iter().map(tagged).collect();
    target.extend(
        fields
            .words("targetServiceAccounts")
            .into_iter()
            .map(run_by),
    );
    fields.pass(&[
        "id",
        "kind",
        "selfLink",
        "creationTimestamp",
        "description",
        "logConfig",
        "enableLogging",
        "params",
    ]);
    let does = if action == Action::Allow {
        "allow"
    } else {
        "deny"
    };
    let words: Vec<String> = services.iter().take(4).map(service_words).collect();
    let rule = Rule {
        text: format!(
            "{}: priority {priority}, {does} {} {}",
            name.as_deref().unwrap_or("(unnamed)"),
            words.join(", "),
            ends_words(&remote)
        ),
        id: name,
        segment: VPC_RULES,
        order: priority,
        services,
        remote,
        local,
        target,
        unclear: fields.unclear(),
        ..Rule::new(&network, action)
    };
    (network, (!disabled).then_some(rule), inbound)
}

/// `allowed` or `denied`, of which a rule has one.
fn services(fields: &mut Fields<'_>) -> (Action, Vec<Service>) {
    let allowed = fields.list("allowed");
    let denied = fields.list("denied");
    let (action, list) = match (allowed.is_empty(), denied.is_empty()) {
        (false, true) => (Action::Allow, allowed),
        (true, false) => (Action::Deny, denied),
        _ => (
            Action::Unclear("a rule that says neither allowed nor denied, or both,".to_owned()),
            if allowed.is_empty() { denied } else { allowed },
        ),
    };
    let mut services: Vec<Service> = list
        .iter()
        .map(|value| service(fields, value, "IPProtocol"))
        .collect();
    if services.is_empty() {
        fields.caveat("it says neither allowed nor denied".to_owned());
        services.push(Service::every());
    }
    (action, services)
}

/// A protocol and its ports; all ports where none are named.
pub(super) fn service(fields: &mut Fields<'_>, value: &Value, key: &str) -> Service {
    let empty = Map::new();
    let mut inner = Fields::of_value(value, &empty);
    let word = inner.token(key);
    let number = word.as_deref().and_then(|word| match word {
        // https://cloud.google.com/compute/docs/reference/rest/v1/firewalls
        "esp" => Some(Some(50)),
        "ah" => Some(Some(51)),
        "ipip" => Some(Some(94)),
        "sctp" => Some(Some(132)),
        other => protocol(other),
    });
    if number.is_none() {
        fields.caveat(format!(
            "protocol {} is not understood",
            cut(word.as_deref().unwrap_or("?"))
        ));
    }
    let words = inner.words("ports");
    let read: Option<Vec<Ports>> = words.iter().map(|word| Ports::parsed(word, '-')).collect();
    if read.is_none() {
        fields.caveat(format!(
            "ports {} are not understood",
            cut(&words.join(", "))
        ));
    }
    // What is not understood may be any port, and so may the ports of such a protocol.
    let ports = match read.filter(|_| number.is_some()) {
        Some(read) if !read.is_empty() => Ports::of(&read),
        _ => Ports::every(),
    };
    for what in inner.unclear() {
        fields.caveat(what);
    }
    Service {
        protocol: number.flatten(),
        ports,
    }
}

/// The other end and the target's own addresses.
fn ends(fields: &mut Fields<'_>, inbound: bool) -> (Vec<End>, Vec<End>) {
    let sources = blocks(fields, "sourceRanges");
    let destinations = blocks(fields, "destinationRanges");
    let mut named: Vec<End> = Vec::new();
    named.extend(
        fields
            .words("sourceTags")
            .into_iter()
            .map(|tag| End::Named(tagged_peer(tag))),
    );
    let accounts = fields.words("sourceServiceAccounts");
    named.extend(
        accounts
            .into_iter()
            .map(|account| End::Named(run_by_peer(account))),
    );
    // Where nothing is named it is 0.0.0.0/0, of IPv4 alone
    // (https://cloud.google.com/firewall/docs/firewalls#sources).
    let or_all = |ends: Vec<End>| match ends.as_slice() {
        [] => block("0.0.0.0/0").map(End::Block).into_iter().collect(),
        _ => ends,
    };
    let or_every = |ends: Vec<End>| {
        if ends.is_empty() {
            vec![End::Every]
        } else {
            ends
        }
    };
    if inbound {
        (or_all([sources, named].concat()), or_every(destinations))
    } else {
        (or_all(destinations), or_every(sources))
    }
}

/// The blocks of a list.
pub(super) fn blocks(fields: &mut Fields<'_>, key: &str) -> Vec<End> {
    let mut ends = Vec::new();
    for word in fields.words(key) {
        match block(word) {
            Some(block) => ends.push(End::Block(block)),
            None => fields.caveat(format!("{} is no block of addresses", cut(word))),
        }
    }
    ends
}

const INSTANCES: &str = "gcloud compute instances list --format='table(name,\
     networkInterfaces[].networkIP,tags.items,serviceAccounts[].email)'";

fn reference(name: &str, predicate: String, nature: Nature) -> Reference {
    Reference {
        name: name.to_owned(),
        predicate,
        command: Some(INSTANCES.to_owned()),
        nature,
    }
}

fn tagged_peer(tag: &str) -> Reference {
    let predicate = format!("is the internal address of an instance with network tag {tag}");
    reference(tag, predicate, Nature::Inside)
}

fn run_by_peer(account: &str) -> Reference {
    let predicate = format!("is the internal address of an instance of service account {account}");
    reference(account, predicate, Nature::Inside)
}

fn tagged(tag: &str) -> Reference {
    reference(tag, format!("has network tag {tag}"), Nature::Anything)
}

/// A service account that the target runs as.
pub(super) fn run_by(account: &str) -> Reference {
    reference(
        account,
        format!("runs as service account {account}"),
        Nature::Anything,
    )
}
