//! What a node does with a datagram that comes in, and a router with one that is not its own.
//!
//! The order is Linux's (`ip_rcv`, `ip_forward`, `ip6_forward`): defragmentation where connections
//! are tracked, PREROUTING, destination translation, routing, and for what passes through
//!
//! 1. a route that leads nowhere answers, whatever the TTL;
//! 2. a TTL of 1 is exceeded;
//! 3. a datagram too long for the next link is refused;
//! 4. the TTL goes down;
//! 5. the FORWARD hook, then POSTROUTING, source translation, the neighbour.

use std::net::IpAddr;

use synquest::engine::Heard;
use synquest::model::evidence::ReceivedBy;

use super::conntrack::{Connection, Tracked};
use super::datagram::Datagram;
use super::filter::{Hook, Verdict};
use super::icmp::Trouble;
use super::nat::{self, Stage};
use super::network::{Network, PROBER};
use super::node::{Kind, NodeId};
use super::reassembly::Holder;
use crate::scenario::{Direction, RouteKind};

/// The port that is translated, proxied and asked about.
pub const DATABASE: u16 = 3306;

impl Network {
    /// A datagram came in on an interface of `node`.
    pub fn arrive(&mut self, node: NodeId, from: NodeId, mut datagram: Datagram) {
        self.note(node, "gets", &datagram);
        if node == PROBER {
            self.hear(Heard::Arriving(ReceivedBy::Tap), &datagram);
        }
        if self.nodes[node].conntrack.is_some() && datagram.fragment.is_some() {
            self.hold(node, Holder::Conntrack, datagram);
            return;
        }
        let mut tracked = self.track(node, &datagram);
        match self.filter(node, Hook::Prerouting, &datagram, tracked.state) {
            Verdict::Accept => {}
            Verdict::Drop => return,
            Verdict::Reject(word, _) => {
                self.refuse(node, &word, &datagram, &tracked);
                return;
            }
        }
        self.translate_destination(node, &mut datagram, &mut tracked);
        if self.nodes[node].owns(datagram.destination) {
            self.deliver(node, from, datagram, tracked);
        } else if self.nodes[node].kind == Kind::Router {
            self.forward(node, datagram, tracked);
        }
    }

    fn forward(&mut self, node: NodeId, mut datagram: Datagram, mut tracked: Tracked) {
        let next = self.next_hop(node, &datagram);
        let route = match self.nodes[node].route {
            Some(kind) if datagram.destination == self.target => Some(kind),
            _ if next.is_none() => Some(RouteKind::None),
            _ => None,
        };
        let (None, Some(next)) = (route, next) else {
            if let Some(kind) = route {
                self.note(node, "has no route for", &datagram);
                self.route_error(node, kind, &datagram, &tracked);
            }
            return;
        };
        if datagram.ttl <= 1 {
            self.icmp_error(node, Trouble::TtlExceeded, &datagram, &tracked);
            return;
        }
        let mtu = self.links[&(node, next)].mtu;
        if datagram.length() > usize::from(mtu) && datagram.dont_fragment {
            self.note(node, "finds too long", &datagram);
            if self.nodes[node].tells_too_big {
                self.icmp_error(node, Trouble::TooBig(mtu), &datagram, &tracked);
            }
            return;
        }
        datagram.ttl -= 1;
        if self.loses(node, &datagram) || self.proxies(node, &datagram) {
            return;
        }
        match self.filter(node, Hook::Forward, &datagram, tracked.state) {
            Verdict::Accept => {}
            Verdict::Drop => return,
            Verdict::Reject(word, _) => {
                self.refuse(node, &word, &datagram, &tracked);
                return;
            }
        }
        if self.nodes[node].bleaches {
            datagram.traffic_class &= 3;
        }
        if self.nodes[node].mangles {
            mangle(&mut datagram, self.target);
        }
        if self.leave(node, &mut datagram, &mut tracked).is_ok() {
            self.transmit(node, next, datagram);
        }
    }

    /// POSTROUTING and source translation; the error is that a rule discarded it.
    pub fn leave(
        &mut self,
        node: NodeId,
        datagram: &mut Datagram,
        tracked: &mut Tracked,
    ) -> Result<(), ()> {
        match self.filter(node, Hook::Postrouting, datagram, tracked.state) {
            Verdict::Accept => {}
            Verdict::Drop => return Err(()),
            Verdict::Reject(word, _) => {
                self.refuse(node, &word, datagram, tracked);
                return Err(());
            }
        }
        if self.nodes[node].snat
            && self.way(datagram) == Some(Direction::Forward)
            && let Some(Connection::Fresh(entry)) = &mut tracked.connection
            && !tracked.reply
        {
            let port = entry.reply.destination.1;
            entry.reply.destination = (self.nodes[node].far, port);
        }
        self.translate(node, datagram, tracked, Stage::Postrouting);
        self.confirm(node, tracked);
        Ok(())
    }

    fn translate_destination(
        &mut self,
        node: NodeId,
        datagram: &mut Datagram,
        tracked: &mut Tracked,
    ) {
        let here = &self.nodes[node];
        if here.dnat
            && datagram.destination == here.near
            && datagram
                .segment()
                .is_some_and(|segment| segment.destination_port == DATABASE)
            && let Some(Connection::Fresh(entry)) = &mut tracked.connection
            && !tracked.reply
        {
            entry.reply.source = (self.target, DATABASE);
        }
        self.translate(node, datagram, tracked, Stage::Prerouting);
    }

    fn translate(&self, node: NodeId, datagram: &mut Datagram, tracked: &Tracked, stage: Stage) {
        let here = &self.nodes[node];
        let passes_by = here.dnat && here.one_way && tracked.reply;
        if let Some(conntrack) = &here.conntrack
            && let Some(entry) = conntrack.entry(tracked)
            && !passes_by
        {
            nat::translate(datagram, entry, tracked.reply, stage);
        }
    }
}

/// Rewrites the window of a segment of the database port, and nothing that covers it.
fn mangle(datagram: &mut Datagram, target: IpAddr) {
    const WINDOW: usize = 14;
    let is_answer = datagram
        .segment()
        .is_some_and(|segment| segment.source_port == DATABASE);
    if datagram.source == target && is_answer {
        datagram.payload[WINDOW..WINDOW + 2].copy_from_slice(&0x1234_u16.to_be_bytes());
    }
}
