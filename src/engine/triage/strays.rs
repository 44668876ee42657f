//! What arrived on a port of ours and fits no endpoint by its address.
//!
//! An answer from elsewhere shows the number of a SYN, but not whose it was, and the numbers are not
//! kept: they are worked out again for all endpoints at once. So strays wait, as many as there is room
//! for; the rest are somebody else's, or say what others say.

use std::collections::BTreeMap;

use crate::model::evidence::ReceivedBy;
use crate::model::reply::Flaw;
use crate::model::time::Moment;
use crate::wire::dissect::{Content, Packet};
use crate::wire::quote::Carried;

/// Strays that are kept.
const KEPT: usize = 1024;

/// How something was heard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    pub(super) at: Moment,
    pub(super) by: ReceivedBy,
    pub(super) flaw: Option<Flaw>,
}

/// What was heard, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stray {
    pub(super) told: Told,
    pub(super) packet: Packet,
}

/// The port of ours and the sequence number that an answer shows of a SYN.
pub(super) type Key = (u16, u32);

/// Strays by the SYN that they would answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Strays {
    kept: BTreeMap<Key, Vec<Stray>>,
    count: usize,
}

impl Strays {
    /// Keeps a packet that may answer a SYN of ours, where there is room.
    pub(super) fn put(&mut self, told: Told, packet: &Packet, may_answer: bool) {
        let key = key(packet).filter(|_| may_answer && self.count < KEPT);
        if let Some(key) = key {
            let packet = *packet;
            self.kept
                .entry(key)
                .or_default()
                .push(Stray { told, packet });
            self.count += 1;
        }
    }

    /// Hands over all that are kept.
    pub(super) fn take(&mut self) -> BTreeMap<Key, Vec<Stray>> {
        self.count = 0;
        std::mem::take(&mut self.kept)
    }
}

fn key(packet: &Packet) -> Option<Key> {
    match &packet.content {
        Content::Tcp(segment) => Some((
            segment.destination_port,
            segment.acknowledgment.wrapping_sub(1),
        )),
        Content::Icmp(message) => match message.quote.as_ref()?.carried {
            Carried::Tcp {
                source_port,
                sequence,
                ..
            } => Some((source_port, sequence)),
            Carried::EchoRequest(_) | Carried::Nothing => None,
        },
        Content::LaterFragment { .. } | Content::Other { .. } => None,
    }
}
