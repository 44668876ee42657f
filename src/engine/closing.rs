//! Resets that close what SYN-ACKs half-opened, whether or not the inquest goes on.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::inflight::Owner;
use super::token::Tokens;
use super::{SessionId, Transmit, craft};
use crate::model::time::Moment;
use crate::wire::dissect::Packet;
use crate::wire::tcp::Segment;

/// A SYN-ACK that comes again this long after our reset shows that the reset was lost.
const AGAIN: Duration = Duration::from_millis(500);

/// The resets to send, and when those before them were made.
#[derive(Clone, Debug, Default)]
pub(super) struct Closings {
    queue: VecDeque<Transmit>,
    made: BTreeMap<Owner, Moment>,
}

impl Closings {
    /// Makes the reset that answers a SYN-ACK to a probe. False when one was made just now.
    pub(super) fn answer(
        &mut self,
        at: Moment,
        owner: Owner,
        (tokens, count): (&Tokens, u32),
        packet: &Packet,
        syn_ack: &Segment,
    ) -> bool {
        let made = self.made.get(&owner);
        if made.is_some_and(|last| at < last.after(AGAIN)) {
            return false;
        }
        let Some(datagram) = craft::reset(tokens, count, packet, syn_ack) else {
            return false;
        };
        self.made.insert(owner, at);
        self.queue.push_back(Transmit {
            session: owner.session,
            probe: None,
            destination: packet.source,
            datagram,
        });
        true
    }

    /// The next reset to send.
    pub(super) fn next(&mut self) -> Option<Transmit> {
        self.queue.pop_front()
    }

    /// Nothing more of this session will be closed.
    pub(super) fn forget(&mut self, session: SessionId) {
        let made: Vec<Owner> = self
            .made
            .range(Owner::all_of(session))
            .map(|(owner, _)| *owner)
            .collect();
        for owner in made {
            self.made.remove(&owner);
        }
    }
}
