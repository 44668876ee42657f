//! What every provider's rules are brought to.

use std::net::IpAddr;

use ipnet::IpNet;

use super::address::{is_everything, is_private};
use super::ports::Ports;

/// A group of which the text tells neither the id nor the name.
pub(super) const UNNAMED: &str = "(unnamed)";

/// Whose rules they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Provider {
    /// Amazon Web Services.
    Aws,
    /// Microsoft Azure.
    Azure,
    /// Google Cloud.
    Gcp,
    /// Huawei Cloud.
    Huawei,
    /// A cloud of OpenStack (Neutron).
    Openstack,
    /// Alibaba Cloud.
    Alibaba,
}

impl Provider {
    /// Its word in the output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Azure => "azure",
            Self::Gcp => "gcp",
            Self::Huawei => "huawei",
            Self::Openstack => "openstack",
            Self::Alibaba => "alibaba",
        }
    }
}

/// Where rules stand, in the order in which a packet to the target meets them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// Of a subnet.
    NetworkAcl,
    /// Of an instance or an interface.
    SecurityGroup,
    /// Of a managed database.
    Whitelist,
}

impl Layer {
    /// Its word in the output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NetworkAcl => "network-acl",
            Self::SecurityGroup => "security-group",
            Self::Whitelist => "whitelist",
        }
    }
}

/// How believable a fact is that the text does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Odds {
    Likely,
    Open,
    Unlikely,
}

/// What a name stands for that the text does not resolve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    /// Addresses inside the provider's or the user's private networks.
    Inside,
    /// What is outside of them.
    Internet,
    /// Public addresses of somebody's services.
    Services,
    /// Anything.
    Anything,
    /// Private addresses, and no public ones.
    Private,
    /// It most likely is so.
    Presumed,
    /// A way that only private addresses take.
    PrivateWay,
    /// A way that only public addresses take.
    PublicWay,
}

/// A name that stands for addresses, or for a property of the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    /// Its name or id.
    pub(super) name: String,
    /// What the address, or the target, then is or has: `is a member of security group sg-1`.
    pub(super) predicate: String,
    /// The command that lists it.
    pub(super) command: Option<String>,
    pub(super) nature: Nature,
}

impl Reference {
    /// The private addresses of what is in a security group.
    pub(super) fn member(id: &str, command: String) -> Self {
        Self {
            nature: Nature::Inside,
            ..Self::listed(
                id,
                format!("is the private address of a member of security group {id}"),
                command,
            )
        }
    }

    /// Any addresses, which a command lists.
    pub(super) fn listed(name: &str, predicate: String, command: String) -> Self {
        Self {
            name: name.to_owned(),
            predicate,
            command: Some(command),
            nature: Nature::Anything,
        }
    }

    /// How believable it is that `address` is one of those it stands for.
    pub(super) const fn odds(&self, address: Option<IpAddr>) -> Odds {
        let private = match address {
            Some(address) => is_private(address),
            None => return Odds::Open,
        };
        match (self.nature, private) {
            (Nature::Inside | Nature::Private, false)
            | (Nature::Internet | Nature::Services, true) => Odds::Unlikely,
            (Nature::Internet, false) | (Nature::Presumed, _) => Odds::Likely,
            (Nature::Inside | Nature::Private, true)
            | (Nature::Services, false)
            | (Nature::Anything | Nature::PrivateWay | Nature::PublicWay, _) => Odds::Open,
        }
    }
}

/// One end of a connection as a rule names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    Every,
    Block(IpNet),
    Named(Reference),
}

impl End {
    /// Whether every address of one IP version is in it.
    pub(super) fn is_everything(&self) -> bool {
        match self {
            Self::Every => true,
            Self::Block(block) => is_everything(block),
            Self::Named(_) => false,
        }
    }
}

/// What a rule does with what it matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Allow,
    Deny,
    /// Hand on to the next segment.
    Next,
    /// Something whose effect cannot be told, in its own word.
    Unclear(String),
}

/// A protocol and its ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Service {
    /// `None` for all.
    pub(super) protocol: Option<u8>,
    pub(super) ports: Ports,
}

impl Service {
    /// Everything.
    pub(super) fn every() -> Self {
        Self {
            protocol: None,
            ports: Ports::every(),
        }
    }
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// The group it stands in.
    pub(super) group: String,
    pub(super) id: Option<String>,
    /// The list within the stage: a policy of several, a group in the order of binding.
    pub(super) segment: usize,
    /// Its place among the rules of its segment: the smaller one is asked first.
    pub(super) order: i64,
    pub(super) action: Action,
    /// Any of which may match.
    pub(super) services: Vec<Service>,
    pub(super) source_ports: Ports,
    /// The other end, any of which may match.
    pub(super) remote: Vec<End>,
    /// The target's own address, any of which may match.
    pub(super) local: Vec<End>,
    /// What the target must have, any of it; empty for nothing.
    pub(super) target: Vec<Reference>,
    /// What it says that is not understood.
    pub(super) unclear: Vec<String>,
    /// In words, as its tool would put them.
    pub(super) text: String,
}

impl Rule {
    /// A rule of a group that does what `action` says with everything.
    pub(super) fn new(group: &str, action: Action) -> Self {
        Self {
            group: group.to_owned(),
            id: None,
            segment: 0,
            order: 0,
            action,
            services: vec![Service::every()],
            source_ports: Ports::every(),
            remote: vec![End::Every],
            local: vec![End::Every],
            target: Vec::new(),
            unclear: Vec::new(),
            text: String::new(),
        }
    }
}

/// The rules of one direction, and what happens to what none of them matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Side {
    pub(super) rules: Vec<Rule>,
    pub(super) default: Action,
    /// What the default is called: the rule or the sentence.
    pub(super) default_text: String,
}

impl Side {
    /// No rules, and what none of them matches is denied.
    pub(super) fn denying(text: &str) -> Self {
        Self {
            rules: Vec::new(),
            default: Action::Deny,
            default_text: text.to_owned(),
        }
    }
}

/// Where an Azure group is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Placement {
    Subnet,
    Interface,
    Unsaid,
}

/// What the commands that change a group need to know of it besides its id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Handle {
    /// An Azure resource group.
    pub(super) resource_group: Option<String>,
    pub(super) region: Option<String>,
    /// Whether its id, by which commands ask for it, is not in the text.
    pub(super) unidentified: bool,
    /// The Terraform resource, where Terraform owns it.
    pub(super) terraform: Option<String>,
    /// A cloud policy above the network, which the remedy cannot pass by.
    pub(super) policies: bool,
}

/// A group of rules: a security group, a network ACL, a network's firewall, a whitelist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) provider: Provider,
    pub(super) layer: Layer,
    pub(super) id: String,
    pub(super) name: Option<String>,
    /// The network it belongs to.
    pub(super) scope: Option<String>,
    /// What the text says it is bound to.
    pub(super) bound: Vec<String>,
    pub(super) placement: Placement,
    /// Whether the text says that it is bound to nothing.
    pub(super) detached: bool,
    pub(super) inbound: Side,
    pub(super) outbound: Side,
    /// Whether answers to what came in pass without being asked.
    pub(super) stateful: bool,
    /// What of it is not in the text and could change the decision.
    pub(super) lacking: Vec<String>,
    /// What to know of it.
    pub(super) notes: Vec<String>,
    pub(super) handle: Handle,
}

impl Group {
    /// A group without rules, stateful, that denies what comes in and allows what goes out.
    pub(super) fn new(provider: Provider, layer: Layer, id: &str) -> Self {
        let closed = "no rule lets it through, and what no rule allows is denied";
        Self {
            provider,
            layer,
            id: id.to_owned(),
            name: None,
            scope: None,
            bound: Vec::new(),
            placement: Placement::Unsaid,
            detached: false,
            inbound: Side::denying(closed),
            outbound: Side::denying(closed),
            stateful: true,
            lacking: Vec::new(),
            notes: Vec::new(),
            handle: Handle::default(),
        }
    }

    /// Whether a name given by the user means this group.
    pub(super) fn is_called(&self, name: &str) -> bool {
        let same = |other: &str| other == name || other.rsplit('/').next() == Some(name);
        same(&self.id)
            || self.name.as_deref().is_some_and(same)
            || self.bound.iter().any(|bound| same(bound))
    }

    /// The side that a packet of a direction meets.
    pub(super) const fn side(&self, inbound: bool) -> &Side {
        if inbound {
            &self.inbound
        } else {
            &self.outbound
        }
    }

    /// `sg-1 (web)`.
    pub(super) fn title(&self) -> String {
        match &self.name {
            Some(name) if *name != self.id => format!("{} ({name})", self.id),
            _ => self.id.clone(),
        }
    }
}
