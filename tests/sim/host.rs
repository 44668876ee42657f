//! What a node does with a datagram of its own, and how it sends one.

use synquest::engine::Heard;
use synquest::model::evidence::ReceivedBy;

use super::compose;
use super::conntrack::Tracked;
use super::datagram::{Datagram, TCP};
use super::filter::{Hook, Verdict};
use super::network::{Network, PROBER};
use super::node::NodeId;
use super::reassembly::Holder;
use super::tcp::{Reaction, Timer};
use crate::scenario::RouteKind;

/// Why the kernel did not send a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// A rule in OUTPUT or POSTROUTING.
    Firewall,
    /// The routing table.
    Route(RouteKind),
    /// Longer than the interface carries.
    TooLong,
}

impl Network {
    /// Local delivery: reassembly stands before INPUT for IPv4 (`ip_local_deliver`) and after it
    /// for IPv6 (`ip6_input`).
    pub fn deliver(&mut self, node: NodeId, from: NodeId, datagram: Datagram, tracked: Tracked) {
        if node == PROBER && from != node && self.fails_reverse_path(&datagram) {
            self.note(node, "fails reverse path", &datagram);
            return;
        }
        if datagram.is_v4() && datagram.fragment.is_some() {
            self.hold(node, Holder::Stack, datagram);
            return;
        }
        if self.proxies(node, &datagram) {
            return;
        }
        match self.filter(node, Hook::Input, &datagram, tracked.state) {
            Verdict::Accept => {}
            Verdict::Drop => return,
            Verdict::Reject(word, _) => {
                self.refuse(node, &word, &datagram, &tracked);
                return;
            }
        }
        self.confirm(node, &tracked);
        if node == PROBER {
            self.hear(Heard::Arriving(ReceivedBy::Stack), &datagram);
        }
        if datagram.fragment.is_some() {
            self.hold(node, Holder::Stack, datagram);
        } else if !datagram.checksum_holds() {
            self.note(node, "finds a bad checksum", &datagram);
        } else if datagram.protocol == TCP {
            self.tcp_receives(node, &datagram);
        } else if datagram.icmp().is_some() {
            self.icmp_receives(node, &datagram);
        }
    }

    fn tcp_receives(&mut self, node: NodeId, datagram: &Datagram) {
        let now = self.now();
        let reaction = self.nodes[node].tcp.receive(datagram, now, &mut self.rng);
        self.react(node, reaction);
    }

    /// A SYN-ACK timer ran out.
    pub fn syn_ack_again(&mut self, node: NodeId, timer: Timer) {
        let reaction = self.nodes[node].tcp.timer(timer);
        self.react(node, reaction);
    }

    fn react(&mut self, node: NodeId, reaction: Reaction) {
        if let Some((delay, timer)) = reaction.timer {
            self.queue
                .put(delay, super::network::Event::SynAckTimer(node, timer));
        }
        if let Some(mut datagram) = reaction.send {
            self.stamp(node, &mut datagram);
            let _ = self.originate(node, datagram, None);
        }
    }

    /// What a node's own stack writes on its datagrams: its TTL, and a flow label.
    pub fn stamp(&self, node: NodeId, datagram: &mut Datagram) {
        datagram.ttl = self.nodes[node].ttl;
        if !datagram.is_v4() {
            datagram.flow_label = super::ecmp::flow_label(self.nodes[node].seed, datagram);
        }
    }

    /// Sends on a copy of a datagram that a rule doubles (`nf_dup_ipv4`): untracked, unfragmentable,
    /// and before routing with a TTL one less.
    pub fn send_copy(&mut self, node: NodeId, hook: Hook, datagram: &Datagram) {
        let mut copy = datagram.clone();
        copy.dont_fragment = true;
        if matches!(hook, Hook::Prerouting | Hook::Input) {
            copy.ttl = copy.ttl.saturating_sub(1);
        }
        let _ = self.originate(node, copy, Some(Tracked::NONE));
    }

    /// Sends a datagram of this node's own: routing, OUTPUT, POSTROUTING, neighbour.
    ///
    /// `attached` is the connection a refusal inherits from the packet it refuses.
    pub fn originate(
        &mut self,
        node: NodeId,
        mut datagram: Datagram,
        attached: Option<Tracked>,
    ) -> Result<(), NotSent> {
        let is_local = self.nodes[node].owns(datagram.destination);
        let next = self.next_hop(node, &datagram);
        if !is_local {
            self.check_route(node, &datagram)?;
            let Some(next) = next else {
                return Err(NotSent::Route(RouteKind::None));
            };
            if datagram.length() > usize::from(self.links[&(node, next)].mtu) {
                return Err(NotSent::TooLong);
            }
        }
        let mut tracked = match attached {
            Some(tracked) => tracked,
            None => self.track(node, &datagram),
        };
        match self.filter(node, Hook::Output, &datagram, tracked.state) {
            Verdict::Accept => {}
            Verdict::Drop => return Err(NotSent::Firewall),
            Verdict::Reject(word, _) => {
                self.refuse(node, &word, &datagram, &tracked);
                return Err(NotSent::Firewall);
            }
        }
        self.leave(node, &mut datagram, &mut tracked)
            .map_err(|()| NotSent::Firewall)?;
        match next {
            Some(next) if !is_local => self.transmit(node, next, datagram),
            _ => self.loop_back(node, datagram),
        }
        Ok(())
    }

    /// A router's own route to the target, a host's route to the other end.
    fn check_route(&self, node: NodeId, datagram: &Datagram) -> Result<(), NotSent> {
        let here = &self.nodes[node];
        let leads_there = if here.owns(self.target) {
            datagram.destination == self.nodes[PROBER].near
        } else {
            datagram.destination == self.target
        };
        match here.route {
            Some(kind) if leads_there => Err(NotSent::Route(kind)),
            _ => Ok(()),
        }
    }

    /// netfilter's SYNPROXY: SYNs to its ports are answered in the target's name, other segments
    /// that are no part of a connection it made are discarded. Whether it took the datagram.
    pub fn proxies(&mut self, node: NodeId, datagram: &Datagram) -> bool {
        let Some(ports) = &self.nodes[node].syn_proxy else {
            return false;
        };
        let Some(segment) = datagram.segment() else {
            return false;
        };
        if !ports.holds(segment.destination_port)
            || self.way(datagram) == Some(crate::scenario::Direction::Return)
        {
            return false;
        }
        if segment.is_syn() && datagram.checksum_holds() {
            self.note(node, "answers for the target", datagram);
            let answer = compose::Draft {
                source_port: segment.destination_port,
                destination_port: segment.source_port,
                sequence: self.rng.u32(..),
                acknowledgment: Some(segment.sequence.wrapping_add(1)),
                syn: true,
                window: 0,
                mss: Some(1460),
                ..compose::Draft::default()
            };
            let mut answer = answer.datagram(datagram.destination, datagram.source);
            answer.ttl = self.nodes[node].ttl;
            let _ = self.originate(node, answer, Some(Tracked::NONE));
        }
        true
    }
}
