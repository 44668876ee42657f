//! When sessions must advance, and when they want to send.

use std::collections::BTreeSet;

use super::Entry;
use crate::engine::SessionId;
use crate::model::probe::Kind;
use crate::model::time::Moment;

/// Sessions by the moment when they are due.
pub(super) type Timetable = BTreeSet<(Moment, SessionId)>;

impl Entry {
    pub(super) fn sends_fragment(&self) -> bool {
        let next = self.session.next_probe();
        next.is_some_and(|probe| probe.kind == Kind::Fragment)
    }

    pub(super) const fn slot_of(&mut self, is_fragment: bool) -> &mut Option<Moment> {
        if is_fragment {
            &mut self.fragment_slot
        } else {
            &mut self.slot
        }
    }

    pub(super) fn reschedule(
        &mut self,
        id: SessionId,
        wakes: &mut Timetable,
        sends: &mut Timetable,
    ) {
        let (wake, wanted) = (self.session.wakes_at(), self.session.sends_at());
        let slot = self.slot.filter(|_| !self.sends_fragment());
        let turn = slot.into_iter().chain(self.held).max();
        let send = wanted.map(|wanted| wanted.max(turn.unwrap_or(Moment::START)));
        let old_wake = std::mem::replace(&mut self.wake, wake);
        let old_send = std::mem::replace(&mut self.send, send);
        move_entry(wakes, id, old_wake, wake);
        move_entry(sends, id, old_send, send);
    }
}

pub(super) fn move_entry(
    table: &mut Timetable,
    id: SessionId,
    old: Option<Moment>,
    new: Option<Moment>,
) {
    if old != new {
        if let Some(old) = old {
            table.remove(&(old, id));
        }
        if let Some(new) = new {
            table.insert((new, id));
        }
    }
}
