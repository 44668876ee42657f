//! What the prober makes of a frame once the ledger has said whose it is.

use super::super::inflight::Owner;
use super::super::ledger::{Attribution, Role};
use super::super::session::Miss;
use super::super::{Heard, SessionId};
use super::Prober;
use crate::model::evidence::{NearMiss, ReceivedBy};
use crate::model::reply::Answer;
use crate::model::time::Moment;
use crate::wire::dissect::{Content, Packet, dissect};
use crate::wire::tcp::Segment;

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
        if heard.by().is_some() {
            self.learn(at, &packet, attribution.as_ref());
        }
        let Some(mut attribution) = attribution else {
            if heard == Heard::Departing {
                match self.ledger.translated(&packet) {
                    Some(Owner { session, probe }) => {
                        self.with(session, |session| session.depart(at, probe));
                    }
                    None => self.overhear(at, &packet),
                }
            }
            return None;
        };
        if let Role::Reply(probe, reply) = &mut attribution.role {
            reply.flaw = heard.flaw(datagram).or(reply.flaw);
            if let (Some(by), Some(entry)) = (heard.by(), self.sessions.get(&attribution.session)) {
                *probe = entry.session.answered(*probe, by, reply);
            }
        }
        let Attribution { session, role } = attribution;
        match (role, heard.by()) {
            (Role::Probe(probe), _) => self.with(session, |session| session.depart(at, probe)),
            (Role::Reply(probe, reply), Some(by)) => {
                self.with(session, |session| session.hear(at, by, probe, reply));
                self.pass_on(at, session);
                if matches!(reply.answer, Answer::SynAck { .. }) {
                    self.close(at, Owner { session, probe }, &packet);
                }
            }
            (Role::NearMiss(near_miss), Some(by)) => {
                let miss = self.miss(at, by, session, near_miss);
                // Whoever floods us fills no capture.
                if miss != Miss::Kept {
                    return None;
                }
            }
            (Role::Closing(probe), _) => {
                self.closings.closed(Owner { session, probe });
                self.spacing.note(at, packet.destination);
            }
            (Role::Reply(..) | Role::NearMiss(..), _) => {}
        }
        Some(attribution)
    }

    /// Sends the reset that closes what a SYN-ACK half-opened; for settled diagnoses too. It goes where
    /// the probe went, from wherever the SYN-ACK came: there the connection is known, and this host's
    /// kernel resets the sender itself.
    fn close(&mut self, at: Moment, owner: Owner, packet: &Packet) {
        let Content::Tcp(syn_ack) = packet.content else {
            return;
        };
        let Some(asked) = self.ledger.asked(owner) else {
            return;
        };
        let packet = Packet {
            source: asked.ip(),
            ..*packet
        };
        let syn_ack = Segment {
            source_port: asked.port(),
            ..syn_ack
        };
        let making = (&self.tokens, self.count);
        if self.closings.answer(at, owner, making, &packet, &syn_ack) {
            self.count = self.count.wrapping_add(1);
        }
    }

    fn miss(
        &mut self,
        at: Moment,
        by: ReceivedBy,
        session: SessionId,
        near_miss: NearMiss,
    ) -> Miss {
        let entry = self.sessions.get_mut(&session);
        let miss = entry.map_or(Miss::Known, |entry| entry.session.miss(at, by, near_miss));
        self.near_misses += u64::from(miss != Miss::Known);
        miss
    }
}
