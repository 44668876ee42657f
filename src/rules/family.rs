//! The protocol families of tables.

use std::net::IpAddr;

/// The protocol family a table belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// IPv4.
    Ip,
    /// IPv6.
    Ip6,
    /// Both IP versions.
    Inet,
    /// Frames that a bridge forwards.
    Bridge,
    /// ARP.
    Arp,
    /// Frames as a device receives them.
    Netdev,
}

impl Family {
    /// That of an address.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Ip,
            IpAddr::V6(_) => Self::Ip6,
        }
    }

    /// Its name in nftables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ip => "ip",
            Self::Ip6 => "ip6",
            Self::Inet => "inet",
            Self::Bridge => "bridge",
            Self::Arp => "arp",
            Self::Netdev => "netdev",
        }
    }

    /// The family of that name in nftables.
    pub fn named(name: &str) -> Option<Self> {
        let all = [
            Self::Ip,
            Self::Ip6,
            Self::Inet,
            Self::Bridge,
            Self::Arp,
            Self::Netdev,
        ];
        all.into_iter().find(|family| family.name() == name)
    }
}
