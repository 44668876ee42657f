//! Commands for security groups and network ACLs of Huawei Cloud. Names of the version and of the
//! command line's fields: <https://support.huaweicloud.com/api-vpc/vpc_apiv3_0016.html>.

use super::{Remedy, Wanted, only};
use crate::rules::cloud::address::alone;
use crate::rules::cloud::fields::shell;
use crate::rules::cloud::model::{End, Rule};

pub(super) fn group(wanted: &Wanted<'_>) -> Remedy {
    let mut remedy = Remedy::default();
    let allow = format!(
        "{}{}",
        created(wanted, wanted.version()),
        fields(&[
            ("protocol", Some(wanted.protocol().to_owned())),
            ("multiport", Some(wanted.dashed())),
            ("remote_ip_prefix", Some(alone(wanted.address).to_string())),
            ("action", Some("allow".to_owned())),
            ("priority", Some(wanted.priority_before().to_string())),
        ])
    );
    remedy
        .steps
        .push((allow, Some(deleted("ID-PRINTED-BY-THE-FIRST-COMMAND"))));
    if let Some(rule) = wanted.first_of_all() {
        match rule.id.as_deref().zip(denied(wanted, rule)) {
            Some((id, [first, second])) => {
                remedy.before.push(wanted.moved(rule));
                let made = Some(deleted("ID-PRINTED-BY-THE-SECOND-COMMAND"));
                remedy.steps.push((second, made));
                remedy.steps.push((deleted(id), Some(first)));
            }
            None => remedy.before.push(format!(
                "at the highest priority what denies comes first: rule {} has to get a larger \
                 priority number, or to go, before a rule can let the address in",
                rule.id.as_deref().unwrap_or("RULE-ID")
            )),
        }
    }
    remedy
}

const COMMAND: &str = "hcloud VPC CreateSecurityGroupRule/v3";

fn created(wanted: &Wanted<'_>, version: &str) -> String {
    let of_group = fields(&[
        ("security_group_id", Some(shell(&wanted.group.id))),
        ("direction", Some(wanted.direction().to_owned())),
        ("ethertype", Some(version.to_owned())),
    ]);
    format!("{COMMAND}{of_group}")
}

fn fields(all: &[(&str, Option<String>)]) -> String {
    let written = all.iter().filter_map(|(name, value)| {
        let value = value.as_ref()?;
        Some(format!(" --security_group_rule.{name}={value}"))
    });
    written.collect()
}

fn deleted(id: &str) -> String {
    format!(
        "hcloud VPC DeleteSecurityGroupRule/v3 --security_group_rule_id={}",
        shell(id)
    )
}

/// The commands that make a denying rule again, at its own priority and at the next one: no
/// operation changes the priority of one. `None` where a command cannot say all of the rule.
fn denied(wanted: &Wanted<'_>, rule: &Rule) -> Option<[String; 2]> {
    let ([service], [end]) = (rule.services.as_slice(), rule.remote.as_slice()) else {
        return None;
    };
    let block = match end {
        End::Every => None,
        End::Block(block) => Some(block),
        End::Named(_) => return None,
    };
    let version = match block {
        Some(block) if block.addr().is_ipv6() => "IPv6",
        Some(_) => "IPv4",
        None => wanted.version(),
    };
    let ports = (!service.ports.is_every()).then(|| service.ports.words().replace(' ', ""));
    let protocol = service.protocol.map(|number| match number {
        6 => "tcp".to_owned(),
        17 => "udp".to_owned(),
        other => other.to_string(),
    });
    Some([1, 2].map(|priority: u8| {
        let rest = fields(&[
            ("protocol", protocol.clone()),
            ("multiport", ports.clone()),
            ("remote_ip_prefix", block.map(ToString::to_string)),
            ("action", Some("deny".to_owned())),
            ("priority", Some(priority.to_string())),
        ]);
        format!("{}{rest}", created(wanted, version))
    }))
}

pub(super) fn acl(wanted: &Wanted<'_>) -> Remedy {
    let side = if wanted.step.inbound {
        "inbound"
    } else {
        "outbound"
    };
    let before = wanted
        .blocker
        .and_then(|rule| rule.id.as_deref())
        .map_or_else(String::new, |rule| format!(" before rule {rule}"));
    only(format!(
        "in the console, insert into network ACL {}{before} an {side} rule: allow {} {} for {}; \
         remove it afterwards",
        wanted.group.title(),
        wanted.protocol(),
        wanted.dashed(),
        alone(wanted.address)
    ))
}
