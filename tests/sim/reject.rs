//! REJECT on a host or router (`nf_reject_ipv4.c`, `nf_reject_ipv6.c`).

use super::compose;
use super::conntrack::Tracked;
use super::datagram::Datagram;
use super::icmp::{self, Trouble};
use super::network::Network;
use super::node::NodeId;

impl Network {
    /// Refuses a datagram: a reset in its destination's name with TTL 64 and TOS 0, or an ICMP
    /// error of this node's own. Both only where the checksum holds over the octets at hand: a
    /// first fragment is refused at once only if its checksum covers itself alone.
    pub fn refuse(&mut self, node: NodeId, word: &str, datagram: &Datagram, tracked: &Tracked) {
        if !datagram.has_transport_header() || !datagram.checksum_holds() {
            return;
        }
        if word == "tcp-reset" {
            let Some(segment) = datagram.segment().filter(|segment| !segment.rst) else {
                return;
            };
            let reset = compose::reset_of(&segment);
            let mut answer = reset.datagram(datagram.destination, datagram.source);
            answer.ttl = self.nodes[node].ttl;
            let _ = self.originate(node, answer, Some(tracked.attached()));
        } else {
            let code = icmp::refusal_code(self.family, word);
            self.icmp_error(node, Trouble::Refused(code), datagram, tracked);
        }
    }
}
