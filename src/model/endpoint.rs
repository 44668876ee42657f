//! What a diagnosis is about: one address and port, and the words the user gave for it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

/// One address and TCP port to hold a diagnosis on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Endpoint {
    /// What the user typed, before resolution.
    pub given: String,
    /// The address probed.
    pub address: IpAddr,
    /// The TCP port probed.
    pub port: u16,
    /// The user's own name for it, from a list.
    pub label: Option<String>,
}

impl Endpoint {
    /// Address and port as the standard library writes them (`[v6]:port`).
    pub const fn socket(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }

    /// The IP version spoken with it.
    pub const fn family(&self) -> Family {
        Family::of(self.address)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.socket().fmt(out)
    }
}

/// An IP version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The version of `address`.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}
