//! One piece of advice: whose it is, what it says, what to run, and what it is for.

use serde::{Deserialize, Serialize};

use crate::model::word::{Known, words};

words! {
    /// Who can act, where that is not named by a place (`network team of hops 2 to 3`).
    Owner {
        /// Whoever runs this program.
        You = "you",
        /// The same, on the host where it runs.
        YouHere = "you, on this host",
        /// The same, as long as the owner of the cause does nothing.
        YouMeanwhile = "you, until that is mended",
        /// Who named the address to be probed.
        AddressGiver = "whoever gave you the address",
        /// Who runs the database.
        DatabaseAdmin = "database administrator",
        /// Who runs the host under it.
        HostAdmin = "administrator of the target host",
        /// That host or a router.
        HostOrRouterAdmin = "administrator of the target host or of a router on the way",
        /// The Kubernetes cluster.
        ClusterAdmin = "administrator of the Kubernetes cluster",
        /// The overlay network.
        OverlayAdmin = "administrator of the overlay network",
        /// Whichever team has the device.
        NetworkTeam = "network team",
        /// The far side's.
        TargetNetworkTeam = "network team of the target",
        /// The far side's, where the way back is at fault.
        ServerNetworkTeam = "network team of the server's side",
        /// A firewall, wherever it stands.
        Firewall = "whoever owns the firewall or the host",
        /// A filter of unknown place.
        Filter = "whoever owns the filter",
        /// A filter that looks at client ports.
        PortFilter = "owner of the network ACL or filter",
        /// An address translation.
        Translator = "whoever translates it",
        /// A NAT gateway.
        NatGateway = "owner of the NAT gateway",
        /// A load balancer.
        Balancer = "owner of the load balancer",
        /// What answers in the database's name.
        Front = "owner of the load balancer or DDoS protection in front of the database",
        /// One of several paths or members.
        NetworkOrBalancer = "owner of the network or load balancer",
        /// What carries the packets of a virtual machine.
        VirtualNetwork = "owner of the virtual network, overlay or hypervisor",
        /// What filters before the target.
        TargetGroup = "owner of the target's security group, whitelist or network ACL",
        /// The network ACL before the target.
        TargetAcl = "owner of the target's network ACL",
        /// What filters before the server and on it.
        ServerGroup = "owner of the server and of its security group",
        /// All filters of the far side.
        GroupsAndFirewall = "owner of the security groups and of the host's firewall",
        /// Our own side's filters.
        OwnSide = "owner of this host's own security group and of its subnet's network ACL",
    }
}

/// What a piece of advice is for, where other code asks. Not part of the documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// What it says.
    #[default]
    Stated,
    /// To look for the rule of the target's firewall, or to delete what was found.
    Search,
    /// To test again after a change.
    Retest,
}

/// One piece of advice.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Advice {
    /// Who can act on it.
    pub owner: Known<Owner>,
    /// What they should know or do, as one or two sentences.
    pub text: String,
    /// What to run, where there is something to run.
    pub command: Option<String>,
    /// What it is for; [`Purpose::Stated`] of what was read from a document.
    #[serde(skip)]
    pub purpose: Purpose,
}

impl Advice {
    /// What `owner` should know or do.
    pub fn new(owner: impl Into<Known<Owner>>, text: impl Into<String>) -> Self {
        Self {
            owner: owner.into(),
            text: text.into(),
            command: None,
            purpose: Purpose::Stated,
        }
    }

    /// With something to run.
    #[must_use]
    pub fn run(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }

    /// What it is for.
    #[must_use]
    pub(super) const fn to(mut self, purpose: Purpose) -> Self {
        self.purpose = purpose;
        self
    }
}

/// Two pieces are the same that read the same: what was read from a document has no purpose.
impl PartialEq for Advice {
    fn eq(&self, other: &Self) -> bool {
        (&self.owner, &self.text, &self.command) == (&other.owner, &other.text, &other.command)
    }
}

impl Eq for Advice {}
