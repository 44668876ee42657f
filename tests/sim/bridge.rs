//! The layer-2 bridge before the target: its filters see every frame, its clock no TTL.
//!
//! Family bridge rules know no connections. With `br_netfilter` frames also pass the IP hooks of
//! the bridge's own namespace, where a rule on a connection's state brings tracking, and tracking
//! brings reassembly: a lone fragment is held, and because its destination is not local nothing is
//! ever said about it.

use std::time::Duration;

use super::compose;
use super::datagram::Datagram;
use super::filter::{Hook, Verdict};
use super::icmp::{self, Trouble};
use super::network::{Event, Network};
use super::node::NodeId;
use super::reassembly::Holder;
use crate::scenario::Tool;

impl Network {
    /// A datagram reached the bridge on its way from one neighbour to the other.
    pub fn cross(&mut self, from: NodeId, to: NodeId, datagram: Datagram) {
        let Some(bridge) = self.bridge else { return };
        if self.nodes[bridge].conntrack.is_some() && datagram.fragment.is_some() {
            self.hold(bridge, Holder::Conntrack, datagram);
            return;
        }
        let tracked = self.track(bridge, &datagram);
        if self.loses(bridge, &datagram) || self.proxies(bridge, &datagram) {
            return;
        }
        for hook in [Hook::Prerouting, Hook::Forward, Hook::Postrouting] {
            match self.filter(bridge, hook, &datagram, tracked.state) {
                Verdict::Accept => {}
                Verdict::Drop => return,
                Verdict::Reject(word, tool) => {
                    if let Some(mut answer) = self.bridge_refusal(&word, tool, &datagram) {
                        answer.ttl = self.nodes[bridge].ttl;
                        self.note(bridge, "sends back", &answer);
                        self.pass(to, from, answer);
                    }
                    return;
                }
            }
        }
        self.confirm(bridge, &tracked);
        self.pass(from, to, datagram);
    }

    fn pass(&mut self, from: NodeId, to: NodeId, datagram: Datagram) {
        let delay: Duration = self.links[&(from, to)].delay(&mut self.rng) / 2;
        self.queue.put(
            delay,
            Event::Arrive {
                node: to,
                from,
                datagram,
            },
        );
    }

    /// What a bridge answers. Family bridge (`nf_reject_skb_v4_tcp_reset`,
    /// `nf_reject_skb_v4_unreach` and their v6 twins): everything in the target's name, TTL 64,
    /// TOS 0. With `br_netfilter` an ICMP refusal is the bridge's own, from an address it must have
    /// for the purpose.
    fn bridge_refusal(&mut self, word: &str, tool: Tool, datagram: &Datagram) -> Option<Datagram> {
        if !datagram.has_transport_header() || !datagram.checksum_holds() {
            return None;
        }
        if word == "tcp-reset" {
            let segment = datagram.segment().filter(|segment| !segment.rst)?;
            let reset = compose::reset_of(&segment);
            return Some(reset.datagram(datagram.destination, datagram.source));
        }
        let code = icmp::refusal_code(self.family, word);
        if tool == Tool::BrNetfilter {
            let bridge = self.bridge?;
            return self.compose_error(bridge, Trouble::Refused(code), datagram);
        }
        if datagram.is_icmp_error() {
            return None;
        }
        let body = compose::quote(datagram);
        let (source, destination) = (datagram.destination, datagram.source);
        Some(compose::icmp(source, destination, code, [0; 4], &body))
    }
}
