//! Commands for security groups and whitelists of Alibaba Cloud.

use super::{Remedy, Wanted, single};
use crate::rules::cloud::address::{alone, is_private};
use crate::rules::cloud::fields::shell;
use crate::rules::cloud::model::{Nature, Rule};

pub(super) fn group(wanted: &Wanted<'_>) -> Remedy {
    let id = shell(&wanted.group.id);
    let region = shell(wanted.group.handle.region.as_deref().unwrap_or("REGION"));
    let mut remedy = Remedy::default();
    let (verb, side) = if wanted.step.inbound {
        ("", "Source")
    } else {
        ("Egress", "Dest")
    };
    let key = if wanted.address.is_ipv4() {
        format!("{side}CidrIp")
    } else {
        format!("Ipv6{side}CidrIp")
    };
    let what = format!(
        "--RegionId {region} --SecurityGroupId {id} --Permissions.1.Policy accept \
         --Permissions.1.Priority {} --Permissions.1.IpProtocol {} \
         --Permissions.1.PortRange {} --Permissions.1.{key} {}",
        wanted.priority_before(),
        wanted.protocol().to_uppercase(),
        wanted.ranged("/"),
        alone(wanted.address)
    );
    remedy.steps.push((
        format!("aliyun ecs AuthorizeSecurityGroup{verb} {what}"),
        Some(format!("aliyun ecs RevokeSecurityGroup{verb} {what}")),
    ));
    if let Some(rule) = wanted.first_of_all() {
        remedy.before.push(wanted.moved(rule));
        remedy.steps.push(behind(verb, &region, &id, rule));
    }
    remedy
}

/// Moves a rule that drops at priority 1 to priority 2. The policy is written, for the operation
/// takes `accept` where it is not
/// (<https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-modifysecuritygrouprule>).
fn behind(verb: &str, region: &str, id: &str, rule: &Rule) -> (String, Option<String>) {
    let rule = shell(rule.id.as_deref().unwrap_or("RULE-ID"));
    let moved = |priority: u8| {
        format!(
            "aliyun ecs ModifySecurityGroup{verb}Rule --RegionId {region} --SecurityGroupId {id} \
             --SecurityGroupRuleId {rule} --Policy drop --Priority {priority}"
        )
    };
    (moved(2), Some(moved(1)))
}

/// The last address of a list cannot be deleted, so it is put into one that is there
/// (<https://help.aliyun.com/en/rds/api-modify-ip-address-whitelist>).
pub(super) fn whitelist(wanted: &Wanted<'_>) -> Remedy {
    let id = shell(&wanted.group.id);
    let way = if is_private(wanted.address) {
        Nature::PrivateWay
    } else {
        Nature::PublicWay
    };
    let counts = |rule: &&Rule| rule.target.iter().all(|named| named.nature == way);
    let list = wanted
        .rules()
        .iter()
        .find(counts)
        .and_then(|rule| rule.id.as_deref());
    let what = format!(
        "aliyun rds ModifySecurityIps --DBInstanceId {id} --DBInstanceIPArrayName {} --SecurityIps \
         {}",
        shell(list.unwrap_or("default")),
        wanted.address
    );
    single(
        format!("{what} --ModifyMode Append"),
        format!("{what} --ModifyMode Delete"),
    )
}
