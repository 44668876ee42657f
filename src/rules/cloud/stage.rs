//! The stages that a packet passes, in the order in which it meets them.

use super::fields::shell;
use super::found::{Found, sort};
use super::judge::Fact;
use super::model::{End, Group, Layer, Odds, Placement, Provider, Rule, Side};
use super::policies::{EARLIER, OF_THE_NETWORK};

/// Most groups that one interface has by default
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>; the other providers
/// recommend, or allow, no more).
const MOST_BOUND: usize = 5;
/// Most groups whose orders are all gone through.
const MOST_ORDERED: usize = 4;

/// One reading of a stage.
#[derive(Clone, Debug)]
pub(super) struct Variant {
    /// What must be so for it; `None` where it is the only one.
    pub(super) fact: Option<Fact>,
    pub(super) inbound: Side,
    pub(super) outbound: Side,
}

impl Variant {
    pub(super) const fn side(&self, inbound: bool) -> &Side {
        if inbound {
            &self.inbound
        } else {
            &self.outbound
        }
    }
}

/// Rules that a packet meets at once.
#[derive(Clone, Debug)]
pub struct Stage {
    pub(super) provider: Provider,
    pub(super) layer: Layer,
    /// What Azure binds it to.
    pub(super) placement: Placement,
    pub(super) stateful: bool,
    /// Whether rules only ever allow, so that more of them cannot block.
    pub(super) allows_alone: bool,
    pub(super) groups: Vec<Group>,
    pub(super) variants: Vec<Variant>,
    pub(super) notes: Vec<String>,
}

/// What the user says of the target: groups, subnets, tags, networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attached(pub Vec<String>);

impl Attached {
    /// Names that are no group's: tags and the like. `None` where there are none.
    pub(super) fn tags(&self, found: &Found) -> Option<Vec<String>> {
        let is_group = |name: &&String| found.groups.iter().any(|group| group.is_called(name));
        let tags: Vec<String> = self
            .0
            .iter()
            .filter(|name| !is_group(name))
            .cloned()
            .collect();
        (!tags.is_empty()).then_some(tags)
    }

    /// Names that stand nowhere in the text.
    pub(super) fn strange<'a>(&'a self, found: &Found) -> Vec<&'a String> {
        let named = |rule: &Rule, name: &String| {
            let local = |end: &End| matches!(end, End::Named(named) if named.name == *name);
            rule.target.iter().any(|named| named.name == *name) || rule.local.iter().any(local)
        };
        let known = |name: &String| {
            found.groups.iter().any(|group| {
                let mut rules = group.inbound.rules.iter().chain(&group.outbound.rules);
                group.is_called(name) || rules.any(|rule| named(rule, name))
            })
        };
        self.0.iter().filter(|name| !known(name)).collect()
    }

    fn picked(&self, groups: Vec<Group>) -> (Vec<Group>, bool) {
        let named = |group: &Group| self.0.iter().any(|name| group.is_called(name));
        let picked: Vec<Group> = groups
            .iter()
            .filter(|group| named(group))
            .cloned()
            .collect();
        if picked.is_empty() {
            (groups, false)
        } else {
            (picked, true)
        }
    }
}

/// The stages on the way to the target.
pub(super) fn stages(found: &Found, attached: &Attached) -> Vec<Stage> {
    let mut stages = Vec::new();
    let mut kinds: Vec<(Layer, Provider)> = found
        .groups
        .iter()
        .map(|group| (group.layer, group.provider))
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    for (layer, provider) in kinds {
        let of_kind = |group: &&Group| group.layer == layer && group.provider == provider;
        let groups: Vec<Group> = found.groups.iter().filter(of_kind).cloned().collect();
        let (mut groups, mut said) = attached.picked(groups);
        if (provider, layer) == (Provider::Aws, Layer::SecurityGroup) {
            let missing = missing(attached, found);
            if !missing.is_empty() {
                // What --attached does not name is none of the target's.
                groups.retain(|_| said);
                groups.extend(missing);
                said = true;
            }
        }
        match (provider, layer) {
            (Provider::Azure, _) => azure(groups, said, &mut stages),
            (Provider::Gcp, _) => stages.push(gcp(groups)),
            (_, Layer::NetworkAcl | Layer::Whitelist) => stages.push(one_of(groups)),
            (_, Layer::SecurityGroup) => stages.push(together(groups, said)),
        }
    }
    stages
}

/// The security groups of AWS that the user names and that are not given.
fn missing(attached: &Attached, found: &Found) -> Vec<Group> {
    let names = attached.strange(found).into_iter();
    let groups = names.filter(|name| name.starts_with("sg-")).map(|name| {
        let mut group = Group::new(Provider::Aws, Layer::SecurityGroup, name);
        group.lacking.push(format!(
            "the rules of {name}, which are not given (aws ec2 describe-security-groups --group-ids \
             {})",
            shell(name)
        ));
        group
    });
    groups.collect()
}

fn stage(groups: Vec<Group>, variants: Vec<Variant>) -> Stage {
    let first = groups.first();
    Stage {
        provider: first.map_or(Provider::Aws, |group| group.provider),
        layer: first.map_or(Layer::SecurityGroup, |group| group.layer),
        placement: first.map_or(Placement::Unsaid, |group| group.placement),
        stateful: groups.iter().all(|group| group.stateful),
        allows_alone: groups.iter().all(|group| {
            let aws = group.provider == Provider::Aws && group.layer == Layer::SecurityGroup;
            aws || group.layer == Layer::Whitelist
        }),
        notes: groups
            .iter()
            .flat_map(|group| group.notes.clone())
            .collect(),
        groups,
        variants,
    }
}

/// Groups of which one is the target's.
fn one_of(groups: Vec<Group>) -> Stage {
    let alone = groups.len() == 1;
    let variants = groups
        .iter()
        .map(|group| Variant {
            fact: (!alone).then(|| bound_fact(group)),
            inbound: group.inbound.clone(),
            outbound: group.outbound.clone(),
        })
        .collect();
    stage(groups, variants)
}

/// That the target has a group, and what tells which ones it has.
fn bound_fact(group: &Group) -> Fact {
    let title = group.title();
    let bound = match group.bound.as_slice() {
        [] => String::new(),
        bound => {
            let last = |id: &String| id.rsplit('/').next().unwrap_or(id).to_owned();
            let names: Vec<String> = bound.iter().take(4).map(last).collect();
            format!(", which is bound to {}", names.join(", "))
        }
    };
    let (what, command) = match (group.provider, group.layer) {
        (Provider::Aws, Layer::NetworkAcl) => (
            format!("the target's subnet is under network ACL {title}{bound}"),
            "aws ec2 describe-network-acls --filters Name=association.subnet-id,Values=SUBNET",
        ),
        (_, Layer::NetworkAcl) => (
            format!("the target's subnet is under network ACL {title}{bound}"),
            "hcloud VPC ListFirewall/v3",
        ),
        (_, Layer::Whitelist) => (
            format!("the target is database instance {title}"),
            "aliyun rds DescribeDBInstances",
        ),
        (Provider::Aws, Layer::SecurityGroup) => (
            format!("the target has security group {title}"),
            "aws ec2 describe-network-interfaces --filters Name=addresses.private-ip-address,\
             Values=ADDRESS --query 'NetworkInterfaces[].Groups'",
        ),
        (Provider::Azure, Layer::SecurityGroup) => (
            format!("network security group {title} is the target's{bound}"),
            "az network nic list-effective-nsg -g RESOURCE-GROUP -n INTERFACE",
        ),
        (Provider::Gcp, Layer::SecurityGroup) => (
            format!("the target is in network {title}"),
            "gcloud compute instances describe INSTANCE \
             --format='value(networkInterfaces[].network)'",
        ),
        (Provider::Huawei, Layer::SecurityGroup) => (
            format!("the target has security group {title}"),
            "hcloud ECS NovaListServerSecurityGroups --server_id=SERVER",
        ),
        (Provider::Openstack, Layer::SecurityGroup) => (
            format!("the target has security group {title}"),
            "openstack server show SERVER -c security_groups",
        ),
        (Provider::Alibaba, Layer::SecurityGroup) => (
            format!("the target has security group {title}"),
            "aliyun ecs DescribeInstanceAttribute --InstanceId INSTANCE",
        ),
    };
    let mut command = command.to_owned();
    if let Some(resources) = &group.handle.resource_group {
        command = command.replace("RESOURCE-GROUP", &shell(resources));
    }
    Fact {
        text: what,
        command: Some(command),
        odds: Odds::Open,
    }
}

/// Security groups whose rules count together, where all of them may be the target's.
fn together(groups: Vec<Group>, said: bool) -> Stage {
    if groups.len() == 1 {
        return one_of(groups);
    }
    let first = groups.first().and_then(|group| group.scope.clone());
    let one_scope = groups.iter().all(|group| group.scope == first);
    // A whole listing holds the group that nobody can delete
    // (https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html).
    let default = |group: &Group| group.name.as_deref() == Some("default");
    let listing = groups.iter().any(default);
    // The command of AWS lists every group of an account.
    let every = groups.iter().all(|group| group.provider == Provider::Aws);
    if !said && (every || !one_scope || listing || groups.len() > MOST_BOUND) {
        let mut stage = one_of(groups);
        stage.notes.push(
            "which of the groups are the target's is not told: name those it has with --attached"
                .to_owned(),
        );
        return stage;
    }
    let mut names: Vec<String> = groups.iter().map(Group::title).collect();
    names.sort_unstable();
    let note = format!(
        "taken as all of them the target's: {}; name those it has with --attached",
        names.join(", ")
    );
    let provider = groups.first().map(|group| group.provider);
    let mut stage = match provider {
        Some(Provider::Aws) | None => {
            let all: Vec<usize> = (0..groups.len()).collect();
            let pool = pooled(&groups, &all, false, None);
            stage(groups, vec![pool])
        }
        _ => ordered(groups),
    };
    if !said {
        stage.notes.push(note);
    }
    stage
}

/// The rules of several groups as one list; in the order of the groups, or of priority alone.
fn pooled(groups: &[Group], order: &[usize], in_order: bool, fact: Option<Fact>) -> Variant {
    let mut sides = [true, false].map(|inbound| {
        let mut side = Side::denying("");
        for (segment, group) in order.iter().filter_map(|at| groups.get(*at)).enumerate() {
            let own = group.side(inbound);
            side.default = own.default.clone();
            side.rules.extend(own.rules.iter().cloned().map(|mut rule| {
                if in_order {
                    rule.segment = segment;
                }
                rule
            }));
        }
        let names: Vec<&str> = groups.iter().map(|group| group.id.as_str()).collect();
        side.default_text = format!(
            "no rule of {} lets it through, and what none allows is denied",
            names.join(", ")
        );
        sort(&mut side);
        Some(side)
    });
    let mut take = |at: usize| sides.get_mut(at).and_then(Option::take);
    Variant {
        fact,
        inbound: take(0).unwrap_or_else(|| Side::denying("")),
        outbound: take(1).unwrap_or_else(|| Side::denying("")),
    }
}

/// Groups whose order of binding counts and is not in the text: every order of a few of them.
fn ordered(groups: Vec<Group>) -> Stage {
    if groups.len() > MOST_ORDERED {
        return one_of(groups);
    }
    let all: Vec<usize> = (0..groups.len()).collect();
    let mut variants = Vec::new();
    for order in orders(&all) {
        let names: Vec<String> = order
            .iter()
            .filter_map(|at| groups.get(*at))
            .map(Group::title)
            .collect();
        let fact = Fact {
            text: format!(
                "the target's groups are bound in the order {}",
                names.join(", ")
            ),
            command: None,
            odds: Odds::Open,
        };
        variants.push(pooled(&groups, &order, true, Some(fact)));
    }
    if groups
        .first()
        .is_some_and(|group| group.provider == Provider::Alibaba)
    {
        let fact = Fact {
            text: "the rules of all groups are ordered by priority together".to_owned(),
            command: None,
            odds: Odds::Open,
        };
        variants.push(pooled(&groups, &all, false, Some(fact)));
    }
    stage(groups, variants)
}

fn orders(of: &[usize]) -> Vec<Vec<usize>> {
    if of.len() < 2 {
        return vec![of.to_vec()];
    }
    let mut all = Vec::new();
    for first in of {
        let rest: Vec<usize> = of.iter().copied().filter(|other| other != first).collect();
        for mut behind in orders(&rest) {
            behind.insert(0, *first);
            all.push(behind);
        }
    }
    all
}

/// The group of the subnet, then that of the interface; both must let it through.
fn azure(mut groups: Vec<Group>, said: bool, stages: &mut Vec<Stage>) {
    for group in groups.iter_mut().filter(|group| group.detached && !said) {
        group.lacking.push(format!(
            "whether {} is attached to the target: it is bound to no subnet and no interface",
            group.title()
        ));
    }
    let count = |placement: Placement| {
        groups
            .iter()
            .filter(|group| group.placement == placement)
            .count()
    };
    let known = (
        count(Placement::Subnet),
        count(Placement::Interface),
        count(Placement::Unsaid),
    );
    if said || matches!(known, (0 | 1, 0 | 1, 0)) {
        groups.sort_by_key(|group| group.placement);
        stages.extend(groups.into_iter().map(|group| one_of(vec![group])));
    } else {
        stages.push(one_of(groups));
    }
}

/// The firewall of one network, with its policies where they are given.
fn gcp(groups: Vec<Group>) -> Stage {
    if let [group] = groups.as_slice() {
        let network = |side: &Side| side.rules.iter().any(|rule| rule.segment >= OF_THE_NETWORK);
        if network(&group.inbound) || network(&group.outbound) {
            let command = format!(
                "gcloud compute networks describe {} \
                 --format='value(networkFirewallPolicyEnforcementOrder)'",
                shell(&group.id)
            );
            let fact = |order: &str, odds: Odds| Fact {
                text: format!("the network enforces its policies {order} its firewall rules"),
                command: Some(command.clone()),
                odds,
            };
            let usual = Variant {
                fact: Some(fact("after", Odds::Likely)),
                inbound: group.inbound.clone(),
                outbound: group.outbound.clone(),
            };
            let other = Variant {
                fact: Some(fact("before", Odds::Unlikely)),
                inbound: policies_first(&group.inbound),
                outbound: policies_first(&group.outbound),
            };
            return stage(groups, vec![usual, other]);
        }
    }
    one_of(groups)
}

fn policies_first(side: &Side) -> Side {
    let mut side = side.clone();
    for rule in &mut side.rules {
        if rule.segment >= OF_THE_NETWORK {
            rule.segment = rule.segment.saturating_sub(EARLIER);
        }
    }
    sort(&mut side);
    side
}
