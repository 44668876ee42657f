//! ICMP and ICMPv6 as a node sends them: errors, their rate limit, echo replies.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use synquest::model::endpoint::Family;
use synquest::model::time::Moment;

use super::compose;
use super::conntrack::{Tracked, Tuple};
use super::datagram::Datagram;
use super::network::Network;
use super::node::NodeId;
use crate::scenario::{FamilyName, RouteKind, method_in};

/// What a node reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The TTL ran out.
    TtlExceeded,
    /// The reassembly timer ran out.
    ReassemblyTimeout,
    /// Longer than the next link's MTU, which is this.
    TooBig(u16),
    /// The neighbour does not answer.
    NoNeighbour,
    /// Type and code of a refusal by a rule or a route.
    Refused((u8, u8)),
}

/// Type and code of iptables' `--reject-with` word (given in its v4 form).
pub fn refusal_code(family: Family, word: &str) -> (u8, u8) {
    let name = match family {
        Family::V4 => FamilyName::V4,
        Family::V6 => FamilyName::V6,
    };
    match method_in(name, word) {
        "icmp-net-unreachable" => (3, 0),
        "icmp-host-unreachable" => (3, 1),
        "icmp-proto-unreachable" => (3, 2),
        "icmp-port-unreachable" => (3, 3),
        "icmp-net-prohibited" => (3, 9),
        "icmp-host-prohibited" => (3, 10),
        "icmp-admin-prohibited" => (3, 13),
        "icmp6-no-route" => (1, 0),
        "icmp6-adm-prohibited" => (1, 1),
        "icmp6-addr-unreachable" => (1, 3),
        "icmp6-port-unreachable" => (1, 4),
        "icmp6-policy-fail" => (1, 5),
        "icmp6-reject-route" => (1, 6),
        other => panic!("no rejection is called {other}"),
    }
}

/// The limits of ICMP errors: to each destination (`inet_peer_xrlim_allow`) and in all
/// (`icmp_global_allow`). Both families and all kinds of errors but "too big" draw on them.
#[derive(Debug)]
pub struct Limiter {
    /// Time between errors to one destination; `None` where `icmp_ratelimit` is 0.
    interval: Option<Duration>,
    peers: BTreeMap<IpAddr, Savings>,
    /// Toward errors to anybody.
    all: Option<Savings>,
}

/// Time saved up toward the next error.
#[derive(Debug)]
struct Savings {
    saved: Duration,
    seen: Moment,
}

/// `XRLIM_BURST_FACTOR`.
const BURST: u32 = 6;
/// Time that an error to anybody costs (`icmp_msgs_per_sec`).
const EACH: Duration = Duration::from_millis(1);
/// Errors to anybody that may follow each other at once (`icmp_msgs_burst`).
const ALL_BURST: u32 = 50;

impl Limiter {
    /// The kernel's own limits (`icmp_ratelimit`: IPv4 one second, IPv6 100 ms).
    pub fn default_of(family: Family) -> Self {
        Self {
            interval: Some(Duration::from_millis(match family {
                Family::V4 => 1000,
                Family::V6 => 100,
            })),
            ..Self::lifted()
        }
    }

    /// No limit but that of missing routes.
    pub fn lifted() -> Self {
        Self {
            interval: None,
            peers: BTreeMap::new(),
            all: None,
        }
    }

    /// Whether an error to `peer` may go out now.
    pub fn allows(&mut self, peer: IpAddr, now: Moment) -> bool {
        let Some(interval) = self.interval else {
            return true;
        };
        let savings = self.peers.entry(peer);
        let most = interval * BURST;
        let own = savings.or_insert_with(|| Savings::full(most, now));
        if !own.spend(now, interval, most) {
            return false;
        }
        let most = EACH * ALL_BURST;
        let all = self.all.get_or_insert_with(|| Savings::full(most, now));
        all.spend(now, EACH, most)
    }

    /// The limit of errors about routes that lead nowhere (`ip_error`), which no sysctl of a
    /// namespace turns off: 1 a second, bursts of 5, out of the same savings (`inet_peer`) as the
    /// limit that follows, so that each such error costs twice. IPv6 has none of its own.
    fn allows_route_error(&mut self, peer: IpAddr, now: Moment) -> bool {
        let second = Duration::from_secs(1);
        let most = second * 5;
        let savings = self.peers.entry(peer);
        let own = savings.or_insert_with(|| Savings::full(most, now));
        !peer.is_ipv4() || own.spend(now, second, most)
    }
}

impl Savings {
    const fn full(most: Duration, now: Moment) -> Self {
        Self {
            saved: most,
            seen: now,
        }
    }

    fn spend(&mut self, now: Moment, cost: Duration, most: Duration) -> bool {
        self.saved = (self.saved + now.since(self.seen)).min(most);
        self.seen = now;
        match self.saved.checked_sub(cost) {
            Some(rest) => {
                self.saved = rest;
                true
            }
            None => false,
        }
    }
}

impl Network {
    /// A route that leads nowhere: IPv4 `ip_error`, IPv6 `ip6_pkt_discard`, `ip6_pkt_prohibit`.
    pub fn route_error(
        &mut self,
        node: NodeId,
        kind: RouteKind,
        datagram: &Datagram,
        tracked: &Tracked,
    ) {
        let code = match (kind, datagram.is_v4()) {
            (RouteKind::Blackhole, _) => return,
            (RouteKind::None, true) => (3, 0),
            (RouteKind::Unreachable, true) => (3, 1),
            (RouteKind::Prohibit, true) => (3, 13),
            (RouteKind::None | RouteKind::Unreachable, false) => (1, 0),
            (RouteKind::Prohibit, false) => (1, 1),
        };
        let now = self.now();
        let limiter = &mut self.nodes[node].limiter;
        if limiter.allows_route_error(datagram.source, now) {
            self.icmp_error(node, Trouble::Refused(code), datagram, tracked);
        }
    }

    /// Reports `trouble` with `offending` to its sender (`icmp_send`, `icmp6_send`): never about an
    /// ICMP error, never about a later fragment (RFC 1122 §3.2.2, RFC 4443 §2.4).
    ///
    /// The error inherits the connection `tracked` of what it is about.
    pub fn icmp_error(
        &mut self,
        node: NodeId,
        trouble: Trouble,
        offending: &Datagram,
        tracked: &Tracked,
    ) {
        if let Some(error) = self.compose_error(node, trouble, offending) {
            let attached = tracked.connection.is_some().then(|| tracked.attached());
            let _ = self.originate(node, error, attached);
        }
    }

    /// The error [`Self::icmp_error`] sends, if it sends one.
    pub fn compose_error(
        &mut self,
        node: NodeId,
        trouble: Trouble,
        offending: &Datagram,
    ) -> Option<Datagram> {
        if self.nodes[node].is_silent
            || offending.is_icmp_error()
            || !offending.has_transport_header()
        {
            return None;
        }
        let is_v4 = offending.is_v4();
        let mut rest = [0; 4];
        let code = match (trouble, is_v4) {
            (Trouble::TtlExceeded, true) => (11, 0),
            (Trouble::TtlExceeded, false) => (3, 0),
            (Trouble::ReassemblyTimeout, true) => (11, 1),
            (Trouble::ReassemblyTimeout, false) => (3, 1),
            (Trouble::NoNeighbour, true) => (3, 1),
            (Trouble::NoNeighbour, false) => (1, 3),
            (Trouble::Refused(code), _) => code,
            (Trouble::TooBig(mtu), _) => {
                rest[2..].copy_from_slice(&mtu.to_be_bytes());
                if is_v4 { (3, 4) } else { (2, 0) }
            }
        };
        let is_exempt =
            matches!(trouble, Trouble::TooBig(_)) || self.nodes[node].owns(offending.source);
        let now = self.now();
        if !is_exempt && !self.nodes[node].limiter.allows(offending.source, now) {
            self.note(node, "may not report (rate limit)", offending);
            return None;
        }
        let source = if self.nodes[node].owns(offending.destination) {
            offending.destination
        } else {
            self.facing(node, offending.source)
        };
        let body = compose::quote(offending);
        let mut error = compose::icmp(source, offending.source, code, rest, &body);
        if is_v4 {
            // RT_TOS of the offending datagram, precedence "internetwork control".
            error.traffic_class = offending.traffic_class & 0x1e | 0xc0;
            error.id = self.rng.u16(..).into();
        }
        self.stamp(node, &mut error);
        Some(error)
    }

    /// An ICMP message for this node: echo requests are answered with their own TOS, errors may end
    /// a half-open connection.
    pub fn icmp_receives(&mut self, node: NodeId, datagram: &Datagram) {
        let answer = match (datagram.icmp(), datagram.is_v4()) {
            (Some((8, _)), true) => (0, 0),
            (Some((128, _)), false) => (129, 0),
            (Some((kind, code)), _) if datagram.is_icmp_error() => {
                let is_hard = matches!(
                    (kind, code, datagram.is_v4()),
                    (3, 0 | 1, true) | (1, _, false)
                );
                if is_hard && let Some(tuple) = Tuple::of_quote(&datagram.payload[8..]) {
                    self.nodes[node].tcp.abort(&tuple);
                }
                return;
            }
            _ => return,
        };
        let mut rest = [0; 4];
        rest.copy_from_slice(&datagram.payload[4..8]);
        let body = &datagram.payload[8..];
        let (source, destination) = (datagram.destination, datagram.source);
        let mut reply = compose::icmp(source, destination, answer, rest, body);
        reply.traffic_class = datagram.traffic_class;
        if reply.is_v4() {
            reply.id = self.rng.u16(..).into();
        }
        self.stamp(node, &mut reply);
        let _ = self.originate(node, reply, None);
    }
}
