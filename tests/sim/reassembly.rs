//! First fragments that wait for a rest that never comes.
//!
//! Nothing here joins fragments: no probe ever sends a second one.

use std::net::IpAddr;
use std::time::Duration;

use super::conntrack::Tracked;
use super::datagram::Datagram;
use super::icmp::Trouble;
use super::network::{Event, Network};
use super::node::{Kind, NodeId};

/// Who holds a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// The IP stack, for local delivery.
    Stack,
    /// Connection tracking, before PREROUTING.
    Conntrack,
}

/// What fragments of one datagram have in common.
pub type HeldKey = (Holder, IpAddr, IpAddr, u32, u8);

impl Network {
    /// Holds a fragment and starts its timer: 30 s (`ipfrag_time`), IPv6 60 s (`ip6frag_time`,
    /// `nf_conntrack_frag6_timeout`).
    pub fn hold(&mut self, node: NodeId, holder: Holder, datagram: Datagram) {
        let key = (
            holder,
            datagram.source,
            datagram.destination,
            datagram.id,
            datagram.protocol,
        );
        if self.nodes[node].held.contains_key(&key) {
            return;
        }
        self.note(node, "holds", &datagram);
        let patience = Duration::from_secs(if datagram.is_v4() { 30 } else { 60 });
        // The timer wheel is coarse that far ahead: up to 2 s late.
        let late = Duration::from_millis(self.rng.u64(0..2_000));
        self.nodes[node].held.insert(key, datagram);
        self.queue
            .put(patience + late, Event::ReassemblyEnds(node, key));
    }

    /// Reports a timeout, if the first fragment is there and (IPv4 only) the datagram was for this
    /// node (`ip_expire`, `ip6frag_expire_frag_queue`). A bridge has no address to report from.
    pub fn reassembly_ends(&mut self, node: NodeId, key: &HeldKey) {
        let Some(datagram) = self.nodes[node].held.remove(key) else {
            return;
        };
        let here = &self.nodes[node];
        let is_reported = datagram.has_transport_header()
            && here.kind != Kind::Bridge
            && (here.owns(datagram.destination) || !datagram.is_v4());
        if is_reported {
            self.icmp_error(node, Trouble::ReassemblyTimeout, &datagram, &Tracked::NONE);
        }
    }
}
