//! What the prober makes of a frame once the ledger has said whose it is.

use super::super::inflight::Owner;
use super::super::ledger::{Attribution, Role};
use super::super::{Heard, SessionId};
use super::Prober;
use crate::model::evidence::Ear;
use crate::model::reply::Answer;
use crate::model::time::Moment;
use crate::wire::dissect::{Content, Packet, dissect};

impl Prober {
    /// Takes the IP datagram of a frame that was heard at `at`, and says whose it was. Any bytes
    /// will do; what is not ours is passed over.
    pub fn handle_frame(
        &mut self,
        at: Moment,
        heard: Heard,
        datagram: &[u8],
    ) -> Option<Attribution> {
        let packet = dissect(datagram).ok()?;
        let attribution = self.ledger.attribute(heard, &packet);
        if let Heard::Arriving(_) = heard {
            self.learn(at, &packet, attribution.as_ref());
        }
        let attribution = attribution?;
        let Attribution { session, role } = attribution;
        match (role, heard) {
            (Role::Probe(probe), _) => self.with(session, |session| session.depart(at, probe)),
            (Role::Reply(probe, reply), Heard::Arriving(ear)) => {
                self.with(session, |session| session.hear(at, ear, probe, reply));
                if matches!(reply.answer, Answer::SynAck { .. }) {
                    self.close(at, Owner { session, probe }, &packet);
                }
            }
            (Role::NearMiss(from, numbers), Heard::Arriving(ear)) => {
                self.miss(at, ear, session, from, numbers);
            }
            (Role::Closing(probe), _) => {
                self.closings.closed(Owner { session, probe });
                self.spacing.note(at, packet.destination);
            }
            (Role::Reply(..) | Role::NearMiss(..), _) => {}
        }
        Some(attribution)
    }

    /// Sends the reset that closes what a SYN-ACK half-opened; for settled inquests too.
    fn close(&mut self, at: Moment, owner: Owner, packet: &Packet) {
        let Content::Tcp(syn_ack) = packet.content else {
            return;
        };
        let making = (&self.tokens, self.count);
        if self.closings.answer(at, owner, making, packet, &syn_ack) {
            self.count = self.count.wrapping_add(1);
        }
    }

    fn miss(
        &mut self,
        at: Moment,
        ear: Ear,
        session: SessionId,
        from: std::net::IpAddr,
        numbers: [u32; 2],
    ) {
        let entry = self.sessions.get_mut(&session);
        let counted = entry.is_some_and(|entry| entry.session.miss(at, ear, from, numbers));
        self.near_misses = self.near_misses.saturating_add(u64::from(counted));
    }
}
