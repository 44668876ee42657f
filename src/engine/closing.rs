//! Resets that close what SYN-ACKs half-opened, whether or not the diagnosis goes on.
//!
//! The source ports are reserved by sockets that do not listen, so this host's kernel resets by
//! itself. Ours follows only where the kernel's was not seen to leave.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::inflight::Owner;
use super::timing::RESET_AGAIN;
use super::token::Tokens;
use super::{SessionId, Transmit, craft};
use crate::model::time::Moment;
use crate::wire::dissect::Packet;
use crate::wire::tcp::Segment;

/// How long the kernel's own reset is waited for.
const KERNELS: Duration = Duration::from_millis(30);

/// The resets to send, and when those before them were made.
#[derive(Clone, Debug, Default)]
pub(super) struct Closings {
    /// In order of when they are due.
    queue: VecDeque<(Moment, Owner, Transmit)>,
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
        if made.is_some_and(|last| at < last.after(RESET_AGAIN)) {
            return false;
        }
        let Some(datagram) = craft::reset(tokens, count, packet, syn_ack) else {
            return false;
        };
        self.made.insert(owner, at);
        let transmit = Transmit {
            session: owner.session,
            probe: None,
            knocks: false,
            destination: packet.source,
            datagram,
        };
        self.queue.push_back((at.after(KERNELS), owner, transmit));
        true
    }

    /// A reset that closes this probe's connection was seen to leave.
    pub(super) fn closed(&mut self, owner: Owner) {
        self.queue.retain(|(_, waiting, _)| *waiting != owner);
    }

    /// When the next reset is to be sent; `None` where none is waiting.
    pub(super) fn due(&self) -> Option<Moment> {
        self.queue.front().map(|(due, ..)| *due)
    }

    /// The next reset to send, when it is due.
    pub(super) fn next(&mut self, now: Moment) -> Option<Transmit> {
        self.due().filter(|due| *due <= now)?;
        self.queue.pop_front().map(|(_, _, transmit)| transmit)
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
