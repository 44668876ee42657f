//! Ends of Azure's rules: blocks, tags, and groups of interfaces.

use serde_json::Value;

use crate::rules::cloud::address::block;
use crate::rules::cloud::fields::{Fields, both, cut, part, shell};
use crate::rules::cloud::model::{End, Group, Nature, Reference};

/// Where Azure's own health probes come from, the address that `AzureLoadBalancer` stands for.
const HOST_ADDRESS: &str = "168.63.129.16/32";

/// One end: expanded where the effective list does that, else as it is written.
pub(super) fn ends(fields: &mut Fields<'_>, end: &str) -> Vec<End> {
    let capital = format!(
        "{}{}",
        end.get(..1).unwrap_or_default().to_uppercase(),
        end.get(1..).unwrap_or_default()
    );
    let expanded = fields.words(&format!("expanded{capital}AddressPrefix"));
    let one = format!("{end}AddressPrefix");
    let many = format!("{end}AddressPrefixes");
    let mut words = both(fields, &one, &many);
    let mut found: Vec<End> = Vec::new();
    if !expanded.is_empty() {
        // Tags are among what was expanded; blocks are in both.
        words.retain(|word| block(word).is_some() || *word == "*");
        words.extend(expanded);
    }
    for word in words {
        found.push(match (word, block(word)) {
            ("*", _) => End::Every,
            (_, Some(block)) => End::Block(block),
            (tag, None) => end_named(tag),
        });
    }
    for value in fields.list(&format!("{end}ApplicationSecurityGroups")) {
        match value.get("id").and_then(Value::as_str) {
            Some(id) => found.push(End::Named(application_group(id))),
            None => fields.caveat("an application security group lacks its id".to_owned()),
        }
    }
    if found.is_empty() {
        fields.caveat(format!("it lacks {one}"));
        found.push(End::Every);
    }
    found
}

/// Whether an end is the virtual network.
pub(super) fn is_network(fields: &mut Fields<'_>, end: &str) -> bool {
    let one = format!("{end}AddressPrefix");
    let many = format!("{end}AddressPrefixes");
    both(fields, &one, &many).contains(&"VirtualNetwork")
}

/// What a tag stands for.
pub(in crate::rules::cloud) fn end_named(tag: &str) -> End {
    match tag {
        "*" | "Any" | "any" => return End::Every,
        "AzureLoadBalancer" => {
            if let Some(block) = block(HOST_ADDRESS) {
                return End::Block(block);
            }
        }
        _ => {}
    }
    let (predicate, command, nature) = match tag {
        "VirtualNetwork" => (
            "belongs to VirtualNetwork: the network's own addresses, those of its peers, and what \
             lies behind its gateway"
                .to_owned(),
            "az network nic list-effective-nsg -g RESOURCE-GROUP -n INTERFACE".to_owned(),
            Nature::Inside,
        ),
        "Internet" => (
            "belongs to Internet: what is outside of the virtual network".to_owned(),
            "az network nic list-effective-nsg -g RESOURCE-GROUP -n INTERFACE".to_owned(),
            Nature::Internet,
        ),
        _ => (
            format!("is among the addresses of service tag {}", cut(tag)),
            "az network list-service-tags --location REGION".to_owned(),
            Nature::Services,
        ),
    };
    End::Named(Reference {
        name: tag.to_owned(),
        predicate,
        command: Some(command),
        nature,
    })
}

fn application_group(id: &str) -> Reference {
    let name = id.rsplit('/').next().unwrap_or(id);
    Reference {
        name: name.to_owned(),
        predicate: format!("is of application security group {name}"),
        command: Some(
            "az network nic list --query \
             \"[].{ip:ipConfigurations[].privateIPAddress,\
             asg:ipConfigurations[].applicationSecurityGroups[].id}\""
                .to_owned(),
        ),
        nature: Nature::Inside,
    }
}

/// Writes into the commands of a group what its text tells of where it is.
pub(in crate::rules::cloud) fn locate(group: &mut Group) {
    let mut known: Vec<(&str, String)> = Vec::new();
    if let Some(resources) = &group.handle.resource_group {
        known.push(("RESOURCE-GROUP", shell(resources)));
    }
    if let Some(region) = &group.handle.region {
        known.push(("--location REGION", format!("--location {}", shell(region))));
    }
    let interface = group
        .bound
        .iter()
        .find_map(|id| part(id, "networkInterfaces"));
    if let Some(interface) = interface {
        known.push(("INTERFACE", shell(interface)));
    }
    let sides = [&mut group.inbound, &mut group.outbound];
    for rule in sides.into_iter().flat_map(|side| &mut side.rules) {
        for end in rule.remote.iter_mut().chain(&mut rule.local) {
            if let End::Named(Reference {
                command: Some(command),
                ..
            }) = end
            {
                for (open, told) in &known {
                    *command = command.replace(open, told);
                }
            }
        }
    }
}
