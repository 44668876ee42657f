//! Where we stand: what the local host says about the way to an endpoint.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::probe::{Flow, SourceRange};

/// The local end of one endpoint's diagnosis, asked of the kernel once before it begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vantage {
    /// Source address the kernel (or the user) chose.
    pub source: IpAddr,
    /// Name of the outgoing interface.
    pub interface: String,
    /// Next hop of the route; `None` when the target is on-link or local.
    pub gateway: Option<IpAddr>,
    /// Largest IP datagram the route carries, in octets.
    pub mtu: u16,
    /// Whether the target is an address of this host.
    pub loopback: bool,
    /// Source ports reserved for the session in the client range; at least one.
    pub ephemeral_ports: Vec<u16>,
    /// Source ports reserved for the session below 1024; may be empty (no privilege).
    pub privileged_ports: Vec<u16>,
}

impl Vantage {
    /// The source port of a flow; `None` where none was reserved for it.
    pub fn port(&self, flow: Flow) -> Option<u16> {
        self.ports(flow.range).get(usize::from(flow.index)).copied()
    }

    /// The flow with this source port; `None` where the port was not reserved.
    pub fn flow(&self, port: u16) -> Option<Flow> {
        [SourceRange::Ephemeral, SourceRange::Privileged]
            .into_iter()
            .find_map(|range| {
                let index = self.ports(range).iter().position(|own| *own == port)?;
                let index = u8::try_from(index).ok()?;
                Some(Flow { range, index })
            })
    }

    fn ports(&self, range: SourceRange) -> &[u16] {
        match range {
            SourceRange::Ephemeral => &self.ephemeral_ports,
            SourceRange::Privileged => &self.privileged_ports,
        }
    }

    /// Whether the target is a neighbour: no router between.
    pub const fn on_link(&self) -> bool {
        self.gateway.is_none()
    }
}
