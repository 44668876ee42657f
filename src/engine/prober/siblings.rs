//! What one diagnosis sees of the way, told to the others of its prefix.

use super::super::SessionId;
use super::super::siblings::{Group, Sight};
use super::super::spacing::prefix;
use super::Prober;
use crate::infer::Job;
use crate::model::time::Moment;

fn group(job: &Job) -> Group {
    (job.vantage.source, prefix(job.endpoint.address))
}

impl Prober {
    /// Passes on what a diagnosis saw of the way since it was last asked.
    pub(super) fn pass_on(&mut self, now: Moment, id: SessionId) {
        let Some(entry) = self.sessions.get_mut(&id) else {
            return;
        };
        let sights = entry.session.take_sights();
        if sights.is_empty() {
            return;
        }
        let group = group(entry.session.job());
        for sight in sights {
            if let Some(times) = self.siblings.see(group, id, sight) {
                self.tell_siblings(now, (id, group), sight, times);
            }
        }
    }

    fn tell_siblings(
        &mut self,
        now: Moment,
        (by, of): (SessionId, Group),
        sight: Sight,
        times: u32,
    ) {
        for (id, entry) in &mut self.sessions {
            let job = entry.session.job();
            let bears = sight.port.is_none_or(|port| port == job.endpoint.port);
            if *id != by && bears && group(job) == of && entry.session.is_mute() {
                entry.session.learn_of_sibling(now, sight.told(times));
                entry.reschedule(*id, &mut self.wakes, &mut self.sends);
            }
        }
    }

    /// Tells a diagnosis that begins what others saw before.
    pub(super) fn introduce_siblings(&mut self, now: Moment, id: SessionId) {
        let Some(entry) = self.sessions.get_mut(&id) else {
            return;
        };
        let job = entry.session.job();
        let (group, port) = (group(job), job.endpoint.port);
        for sight in self.siblings.known(group, port, id) {
            entry.session.learn_of_sibling(now, sight);
        }
    }
}
