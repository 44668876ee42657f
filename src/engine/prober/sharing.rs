//! Which probes a diagnosis need not send, because another into the same address just did.

use super::super::SessionId;
use super::super::pool::{self, Like, Offer};
use super::Prober;
use crate::model::evidence::Lender;
use crate::model::time::Moment;

impl Prober {
    /// What is common about the probe that a session next sends; `None` where nothing is, where
    /// nobody shares, and where the session is alone at its address.
    pub(super) fn wish(&self, id: SessionId) -> Option<Like> {
        let session = &self.sessions.get(&id)?.session;
        let job = session.job();
        let address = job.endpoint.address;
        if !self.policy.share || self.spacing.sessions_at(address) < 2 {
            return None;
        }
        Like::of((job.vantage.source, address), session.next_probe()?)
    }

    /// Whether a session that wants to send need not: it adopts an equal probe, or waits for one that
    /// is under way.
    pub(super) fn borrows(&mut self, now: Moment, id: SessionId) -> bool {
        match self.offer(now, id) {
            Offer::Nothing => return false,
            Offer::UnderWay => {
                if let Some(entry) = self.sessions.get_mut(&id) {
                    entry.session.defer(now.after(pool::PAUSE));
                }
            }
            Offer::Known(owner, trial) => {
                let lender = self.sessions.get(&owner.session).map(|entry| Lender {
                    port: entry.session.job().endpoint.port,
                    probe: owner.probe,
                });
                if let Some(lender) = lender
                    && let Some(entry) = self.sessions.get_mut(&id)
                {
                    entry.session.adopt(now, owner, lender, &trial);
                }
            }
        }
        self.reschedule(id);
        true
    }

    fn offer(&self, now: Moment, id: SessionId) -> Offer {
        let Some(like) = self.wish(id) else {
            return Offer::Nothing;
        };
        let Some(session) = self.sessions.get(&id).map(|entry| &entry.session) else {
            return Offer::Nothing;
        };
        let Some(probe) = session.next_probe() else {
            return Offer::Nothing;
        };
        let since = pool::serves_from(now).max(session.accepts_from(probe));
        let others = self
            .pool
            .find(&like, since)
            .filter(|owner| owner.session != id && !session.has_adopted(*owner));
        let mut offer = Offer::Nothing;
        for owner in others {
            let lender = self.sessions.get(&owner.session);
            let trial = lender.and_then(|entry| entry.session.trial(owner.probe));
            let Some(trial) = trial.filter(|trial| !trial.invalidated && trial.refused.is_none())
            else {
                continue;
            };
            if trial.is_pending() {
                offer = Offer::UnderWay;
            } else {
                return Offer::Known(owner, Box::new(trial.clone()));
            }
        }
        offer
    }
}
