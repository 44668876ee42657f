//! Link-layer resolution of neighbours that are not there.

use std::time::Duration;

use synquest::model::evidence::NeighbourState;

use super::conntrack::Tracked;
use super::datagram::Datagram;
use super::icmp::Trouble;
use super::network::{Event, Network, PROBER};
use super::node::NodeId;

/// What a node knows of a neighbour that does not answer.
#[derive(Debug)]
pub enum Resolution {
    /// Asking; these wait.
    Incomplete(Vec<Datagram>),
    /// Asked in vain; the next datagram asks again.
    Failed,
}

/// Datagrams that wait for one neighbour (`unres_qlen`): the oldest gives way.
const QUEUE: usize = 101;

/// Three requests, a second apart (`mcast_solicit`, `retrans_time_ms`).
const PATIENCE: Duration = Duration::from_secs(3);

impl Network {
    /// Queues a datagram for a neighbour that is not there.
    pub fn await_neighbour(&mut self, node: NodeId, next: NodeId, datagram: Datagram) {
        self.note(node, "asks in vain for the neighbour of", &datagram);
        let resolution = self.nodes[node]
            .resolving
            .entry(next)
            .or_insert(Resolution::Failed);
        match resolution {
            Resolution::Incomplete(queue) => {
                if queue.len() >= QUEUE {
                    queue.remove(0);
                }
                queue.push(datagram);
            }
            Resolution::Failed => {
                *resolution = Resolution::Incomplete(vec![datagram]);
                let late = Duration::from_millis(self.rng.u64(0..100));
                self.queue
                    .put(PATIENCE + late, Event::ResolutionEnds { node, next });
            }
        }
    }

    /// Nobody answered: every waiting datagram is returned as host-unreachable (`arp_error_report`,
    /// `ndisc_error_report`).
    pub fn resolution_ends(&mut self, node: NodeId, next: NodeId) {
        let ended = self.nodes[node].resolving.insert(next, Resolution::Failed);
        if let Some(Resolution::Incomplete(queue)) = ended {
            for datagram in queue {
                self.icmp_error(node, Trouble::NoNeighbour, &datagram, &Tracked::NONE);
            }
        }
    }

    /// What the prober's neighbour table says of its next hop.
    pub fn prober_neighbour(&self) -> NeighbourState {
        let mut states = self.nodes[PROBER].resolving.values();
        match states.next() {
            None => NeighbourState::Resolved,
            Some(Resolution::Incomplete(_)) => NeighbourState::Incomplete,
            Some(Resolution::Failed) => NeighbourState::Failed,
        }
    }
}
