//! How the datagrams of all sessions leave: each by the raw sender of its session, many with one call.

use super::super::raw::{Origin, RawSender, destination};
use super::{Sessions, Slot};
use crate::engine::{SessionId, Transmit};
use crate::model::endpoint::Family;
use crate::model::evidence::LocalRefusal;

impl Sessions {
    /// Sends datagrams in their order, those in a row that leave from one origin together, and tells
    /// `refused` which the kernel did not take.
    pub(in crate::net) fn send(
        &mut self,
        transmits: &[Transmit],
        refused: &mut dyn FnMut(&Transmit, LocalRefusal),
    ) {
        let mut burst = std::mem::take(&mut self.burst);
        let mut rest = transmits;
        while let Some((first, after)) = rest.split_first() {
            let (origin, raw_sender) = match self.way_of(first) {
                Ok(way) => way,
                Err(refusal) => {
                    refused(first, refusal);
                    rest = after;
                    continue;
                }
            };
            let same = |transmit: &&Transmit| {
                let way = self.way_of(transmit);
                way.is_ok_and(|(other, _)| other == origin)
            };
            let (row, after) = rest.split_at(rest.iter().take_while(same).count().max(1));
            burst.clear();
            for transmit in row {
                let scope = self.scope_of(transmit);
                burst.add(destination(transmit.destination, scope), |octets| {
                    octets.extend_from_slice(&transmit.datagram);
                });
            }
            // One by one: a refused probe that is tried twice may pass the second time, and what this
            // host's firewall answered the first would be told of it.
            raw_sender.send(&mut burst, 1, &mut |index, refusal| {
                if let Some(transmit) = row.get(index) {
                    refused(transmit, refusal);
                }
            });
            rest = after;
        }
        self.burst = burst;
    }

    fn slot_of(&self, session: SessionId) -> Option<&Slot> {
        self.open.get(&session).or_else(|| self.left.get(&session))
    }

    /// By which raw sender a datagram leaves.
    fn way_of(&self, transmit: &Transmit) -> Result<(&Origin, &RawSender), LocalRefusal> {
        let slot = self.slot_of(transmit.session);
        let slot = slot.ok_or(LocalRefusal::SourceGone)?;
        let unheard = self.unheard.get(&Family::of(transmit.destination)).copied();
        if let Some(refusal) = slot.refusal.or(unheard) {
            return Err(refusal);
        }
        let origin = &slot.standpoint.origin;
        let raw_sender = self.raw_senders.get(origin);
        raw_sender
            .map(|raw_sender| (origin, raw_sender))
            .ok_or(LocalRefusal::SourceGone)
    }

    fn scope_of(&self, transmit: &Transmit) -> u32 {
        self.slot_of(transmit.session)
            .map_or(0, |slot| slot.standpoint.scope_of(transmit.destination))
    }
}
