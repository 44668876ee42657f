//! First fragments that wait for a rest that never comes.
//!
//! Nothing here joins fragments: no probe ever sends a second one.

use std::net::IpAddr;
use std::time::Duration;

use synquest::model::time::Moment;

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
        let delay = on_wheel(self.now(), patience, self.nodes[node].seed);
        self.nodes[node].held.insert(key, datagram);
        self.queue.put(delay, Event::ReassemblyEnds(node, key));
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

/// A slot of the timer wheel, 16 to 129 s ahead at 250 ticks a second (`LVL_GRAN(3)`).
const SLOT: u64 = 2_048_000_000;

/// How long a timer of `patience` really takes at a node whose wheel began at a chance phase: it
/// runs out at the end of a slot, together with the others of that slot.
fn on_wheel(now: Moment, patience: Duration, seed: u64) -> Duration {
    let phase = seed % SLOT;
    let due = now.after(patience).nanos() + phase;
    Duration::from_nanos(due.next_multiple_of(SLOT) - phase - now.nanos())
}
