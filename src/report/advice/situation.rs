//! What only the user knows of the way to a database, and what the addresses tell of it otherwise.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::model::vantage::Vantage;

/// What the user says of the way; what is left out is read from the addresses and the route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Situation {
    /// The kind of place the database is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<Scenario>,
    /// The address under which public networks see this instance (its EIP), which the instance
    /// itself does not have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_address: Option<IpAddr>,
}

impl Situation {
    /// Whether public networks may see somebody under `address`.
    pub const fn is_public(address: IpAddr) -> bool {
        !is_private(address) && !address.is_unspecified() && !address.is_multicast()
    }

    /// Whether the user said nothing.
    pub const fn is_unsaid(&self) -> bool {
        self.scenario.is_none() && self.public_address.is_none()
    }
}

/// Where the database is, seen from this instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// In another provider's cloud, over the public network.
    CrossCloud,
    /// In a data centre, over a VPN or the public network.
    OnPrem,
    /// Self-built on a virtual machine of the same region: in this VPC or a peered one.
    SameRegionVm,
}

/// The way to the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// The target is this host.
    Loopback,
    /// By the local table the target is a neighbour on this subnet: no router between.
    Neighbour,
    /// Both private, a router between: two subnets of a VPC, peering or a VPN. The target sees our
    /// own address.
    Private,
    /// From a private address to a public one: a NAT (the EIP) stands between.
    ThroughNat,
    /// Both public: the target sees our own address.
    Public,
}

impl Reach {
    /// The way from a vantage to `target`. Without an interface nobody looked for a way out of this
    /// host, and whether the target is a neighbour is not known.
    pub(super) fn of(vantage: &Vantage, target: IpAddr) -> Self {
        let known = !vantage.interface.is_empty();
        if vantage.loopback {
            Self::Loopback
        } else if known && vantage.on_link() {
            Self::Neighbour
        } else if is_private(target) {
            Self::Private
        } else if is_private(vantage.source) {
            Self::ThroughNat
        } else {
            Self::Public
        }
    }
}

/// Whether `address` is one that no public network carries.
pub(in crate::report) const fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            v4.is_private()
                || v4.is_link_local()
                || v4.is_loopback()
                // RFC 6598: shared address space, also behind a NAT.
                || (first == 100 && second & 0xc0 == 64)
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_loopback(),
    }
}
