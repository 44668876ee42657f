//! The provider's own commands that let one address in on one port, and what takes them back.

use std::net::IpAddr;

use super::address::alone;
use super::fields::shell;
use super::free_priority;
use super::judge::Ending;
use super::model::{Action, End, Group, Layer, Provider, Rule, UNNAMED};
use super::trace::Step;

mod alibaba;
mod huawei;
mod openstack;

use crate::rules::packet::{Packet, UDP};

/// Commands with their undo, and what to do where there is no command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Remedy {
    pub(super) steps: Vec<(String, Option<String>)>,
    pub(super) before: Vec<String>,
}

/// What a remedy is made for.
struct Wanted<'a> {
    step: &'a Step,
    group: &'a Group,
    /// The rule that stops it; `None` where none lets it through.
    blocker: Option<&'a Rule>,
    address: IpAddr,
    /// `3306`, or a range.
    first: u16,
    last: u16,
    udp: bool,
}

impl Wanted<'_> {
    fn protocol(&self) -> &'static str {
        if self.udp { "udp" } else { "tcp" }
    }

    fn dashed(&self) -> String {
        self.ranged("-")
    }

    fn ranged(&self, dash: &str) -> String {
        if self.first == self.last && dash == "-" {
            self.first.to_string()
        } else {
            format!("{}{dash}{}", self.first, self.last)
        }
    }

    /// `ingress` or `egress`.
    fn direction(&self) -> &'static str {
        if self.step.inbound {
            "ingress"
        } else {
            "egress"
        }
    }

    /// The IP version as providers write it.
    fn version(&self) -> &'static str {
        if self.address.is_ipv4() {
            "IPv4"
        } else {
            "IPv6"
        }
    }

    /// The rule that stops it at the highest priority, where nothing comes before it, for at equal
    /// priority what denies is asked first.
    fn first_of_all(&self) -> Option<&Rule> {
        self.blocker.filter(|rule| rule.order <= 1)
    }

    /// The priority of a rule that is asked before the one which stops it, where there is one.
    fn priority_before(&self) -> i64 {
        self.blocker
            .map_or(1, |rule| rule.order.saturating_sub(1).max(1))
    }

    /// What else is let in once the rule at the highest priority is moved behind it: what rules of
    /// that priority allow.
    fn moved(&self, rule: &Rule) -> String {
        let allows = |other: &&Rule| other.action == Action::Allow && other.order <= rule.order;
        let also: Vec<&str> = self
            .rules()
            .iter()
            .filter(allows)
            .filter_map(|rule| rule.id.as_deref())
            .collect();
        let name = rule.id.as_deref().unwrap_or(&rule.text);
        let mut told = format!(
            "rule {name} denies at the highest priority, where nothing comes before it: the \
             commands move it to priority 2"
        );
        if !also.is_empty() {
            told.push_str(&format!(
                ", behind what rules of priority 1 allow as well ({})",
                also.join(", ")
            ));
        }
        told
    }

    /// The rules that are asked.
    fn rules(&self) -> &[Rule] {
        &self.group.side(self.step.inbound).rules
    }

    /// The largest order before the blocking rule that no rule has.
    fn free_before(&self, lowest: i64, highest: i64) -> Option<i64> {
        let top = self
            .blocker
            .map_or(highest, |rule| rule.order.saturating_sub(1));
        let mut taken: Vec<i64> = self.rules().iter().map(|rule| rule.order).collect();
        taken.sort_unstable();
        let mut next = top.min(highest);
        for order in taken.into_iter().rev() {
            if order == next {
                next = next.saturating_sub(1);
            }
        }
        (next >= lowest).then_some(next)
    }
}

/// What lets the packet through a step that stops it, or may.
pub(super) fn of(step: &Step, blocking: &Ending, packet: &Packet) -> Remedy {
    let Some(group) = group_of(step, blocking) else {
        return Remedy::default();
    };
    let (first, last) = if step.answers {
        (
            packet.source_port.unwrap_or(1024),
            packet.source_port.unwrap_or(u16::MAX),
        )
    } else {
        (packet.port.unwrap_or(0), packet.port.unwrap_or(u16::MAX))
    };
    let inbound = step.inbound != step.answers;
    let address = match (inbound, packet.to) {
        (false, Some(to)) => to,
        _ => packet.from,
    };
    let wanted = Wanted {
        step,
        group,
        blocker: blocking
            .rule
            .as_ref()
            .filter(|rule| rule.action != Action::Allow),
        address,
        first,
        last,
        udp: packet.protocol == UDP,
    };
    let is_unnamed = group.id == UNNAMED || group.handle.unidentified;
    if group.layer == Layer::SecurityGroup && is_unnamed {
        return only(
            "the text does not name its security group, which a command needs: give a listing with \
             the id of the group"
                .to_owned(),
        );
    }
    let mut remedy = match (group.provider, group.layer) {
        (Provider::Aws, Layer::NetworkAcl) => aws_acl(&wanted),
        (Provider::Aws, _) => aws_group(&wanted),
        (Provider::Azure, _) => azure(&wanted),
        (Provider::Gcp, _) => gcp(&wanted),
        (Provider::Huawei, Layer::NetworkAcl) => huawei::acl(&wanted),
        (Provider::Huawei, _) => huawei::group(&wanted),
        (Provider::Openstack, _) => openstack::group(&wanted),
        (Provider::Alibaba, Layer::Whitelist) => alibaba::whitelist(&wanted),
        (Provider::Alibaba, _) => alibaba::group(&wanted),
    };
    if let Some(resource) = &group.handle.terraform {
        remedy.before.push(format!(
            "Terraform owns {resource} and takes back what is changed beside it: write the rule \
             into its configuration as well"
        ));
    }
    remedy
}

/// The group that a rule is put into: that of the rule which stops the packet, and where none does
/// one that not every instance of the network may have.
fn group_of<'a>(step: &'a Step, blocking: &Ending) -> Option<&'a Group> {
    let groups = &step.stage.groups;
    let group = match &blocking.rule {
        Some(rule) => groups.iter().find(|group| group.id == rule.group),
        None => groups
            .iter()
            .find(|group| group.name.as_deref() != Some("default")),
    };
    group.or(groups.first())
}

fn single(command: String, undo: String) -> Remedy {
    Remedy {
        steps: vec![(command, Some(undo))],
        before: Vec::new(),
    }
}

fn only(before: String) -> Remedy {
    Remedy {
        steps: Vec::new(),
        before: vec![before],
    }
}

fn aws_group(wanted: &Wanted<'_>) -> Remedy {
    let id = shell(&wanted.group.id);
    let direction = wanted.direction();
    let protocol = wanted.protocol();
    let block = alone(wanted.address);
    let what = if wanted.address.is_ipv4() && wanted.step.inbound {
        format!(
            "--protocol {protocol} --port {} --cidr {block}",
            wanted.dashed()
        )
    } else {
        let (list, key) = if wanted.address.is_ipv4() {
            ("IpRanges", "CidrIp")
        } else {
            ("Ipv6Ranges", "CidrIpv6")
        };
        format!(
            "--ip-permissions 'IpProtocol={protocol},FromPort={},ToPort={},{list}=[{{{key}={block}}}]'",
            wanted.first, wanted.last
        )
    };
    single(
        format!("aws ec2 authorize-security-group-{direction} --group-id {id} {what}"),
        format!("aws ec2 revoke-security-group-{direction} --group-id {id} {what}"),
    )
}

fn aws_acl(wanted: &Wanted<'_>) -> Remedy {
    let id = shell(&wanted.group.id);
    let side = wanted.direction();
    // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkAclEntry.html
    let Some(number) = wanted.free_before(1, 32766) else {
        return only(format!(
            "no number is free before the rule of {id} that blocks: renumber its entries first"
        ));
    };
    let protocol = if wanted.udp { 17 } else { 6 };
    let key = if wanted.address.is_ipv4() {
        "--cidr-block"
    } else {
        "--ipv6-cidr-block"
    };
    single(
        format!(
            "aws ec2 create-network-acl-entry --network-acl-id {id} --{side} --rule-number {number} \
             --protocol {protocol} --port-range From={},To={} {key} {} --rule-action allow",
            wanted.first,
            wanted.last,
            alone(wanted.address)
        ),
        format!(
            "aws ec2 delete-network-acl-entry --network-acl-id {id} --{side} --rule-number {number}"
        ),
    )
}

fn rule_name(wanted: &Wanted<'_>) -> String {
    let address: String = wanted
        .address
        .to_string()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let name = format!("synquest-{address}-{}", wanted.first);
    name.replace("--", "-")
}

/// A group's rules have priorities of their own, from 100 to 4096
/// (<https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview>).
fn azure(wanted: &Wanted<'_>) -> Remedy {
    const FIRST: i64 = 100;
    const LAST: i64 = 4096;
    let group = shell(wanted.group.name.as_ref().unwrap_or(&wanted.group.id));
    let resources = wanted.group.handle.resource_group.as_deref();
    let resources = shell(resources.unwrap_or("RESOURCE-GROUP"));
    let mut remedy = Remedy::default();
    let priority = match (wanted.free_before(FIRST, LAST), wanted.blocker) {
        (Some(priority), _) => priority,
        (None, Some(blocker)) => {
            let Some(moves) = free_priority::behind(wanted.rules(), blocker, LAST) else {
                return only(format!(
                    "no priority is free before the rule of {group} that blocks, and none near behind \
                     it: renumber its rules first"
                ));
            };
            let update = format!("az network nsg rule update -g {resources} --nsg-name {group}");
            for (name, from, to) in moves {
                let command =
                    |priority| format!("{update} -n {} --priority {priority}", shell(&name));
                remedy.steps.push((command(to), Some(command(from))));
            }
            remedy.before.push(format!(
                "no priority is free before rule {}, so that it has to move behind the new one",
                blocker.id.as_deref().unwrap_or(&blocker.text)
            ));
            blocker.order
        }
        (None, None) => {
            return only(format!(
                "no priority of {group} is free: a rule of it has to go first"
            ));
        }
    };
    let name = rule_name(wanted);
    let protocol = if wanted.udp { "Udp" } else { "Tcp" };
    let block = alone(wanted.address);
    let (direction, end) = if wanted.step.inbound {
        ("Inbound", "source")
    } else {
        ("Outbound", "destination")
    };
    let port = wanted.dashed();
    let of = format!("-g {resources} --nsg-name {group} -n {name}");
    remedy.steps.push((
        format!(
            "az network nsg rule create {of} --priority {priority} --access Allow --direction \
             {direction} --protocol {protocol} --{end}-address-prefixes {block} \
             --destination-port-ranges {port}"
        ),
        Some(format!("az network nsg rule delete {of}")),
    ));
    remedy
}

fn gcp(wanted: &Wanted<'_>) -> Remedy {
    let network = shell(&wanted.group.id);
    let policy = wanted.blocker.and_then(|rule| {
        let id = rule.id.as_deref()?;
        id.rsplit_once('/').map(|(policy, _)| policy.to_owned())
    });
    if let Some(policy) = policy {
        return only(format!(
            "firewall policy {policy} stops it, which no rule of the network passes by: whoever owns \
             it puts an allow or goto_next rule for {} on {} {} before that one",
            alone(wanted.address),
            wanted.protocol(),
            wanted.dashed()
        ));
    }
    let priority = match wanted.blocker {
        // At equal priority what denies decides.
        Some(rule) => rule.order.saturating_sub(1),
        None => 1000,
    };
    if priority < 0 {
        let name = wanted.blocker.and_then(|rule| rule.id.as_deref());
        let name = shell(name.unwrap_or("RULE"));
        return single(
            format!("gcloud compute firewall-rules update {name} --disabled"),
            format!("gcloud compute firewall-rules update {name} --no-disabled"),
        );
    }
    let name = rule_name(wanted);
    let (direction, end) = if wanted.step.inbound {
        ("INGRESS", "source")
    } else {
        ("EGRESS", "destination")
    };
    single(
        format!(
            "gcloud compute firewall-rules create {name} --network={network} \
             --direction={direction} --priority={priority} --action=ALLOW --rules={}:{} \
             --{end}-ranges={}",
            wanted.protocol(),
            wanted.dashed(),
            alone(wanted.address)
        ),
        format!("gcloud compute firewall-rules delete {name} --quiet"),
    )
}

/// That a rule lets in everybody, where it does.
pub(super) fn open_to_all(rule: &Rule) -> bool {
    rule.action == Action::Allow && rule.remote.iter().any(End::is_everything)
}
