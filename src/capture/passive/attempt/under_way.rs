//! A connection that runs already when the capture begins.

use super::*;

impl AttemptState {
    /// A connection whose beginning is not in the capture, of which a segment passes at `at`.
    pub(in super::super) fn under_way(
        conversation: usize,
        client_port: u16,
        client_is_low: bool,
        at: Moment,
    ) -> Self {
        Self {
            under_way: true,
            ..Self::new(conversation, client_port, client_is_low, at)
        }
    }

    /// Whether a connection that was under way was seen to run: both sides sent, and something was
    /// acknowledged.
    pub(in super::super) fn runs(&self) -> bool {
        let both = self.last_by.iter().all(Option::is_some);
        self.under_way && both && self.went_on.is_some()
    }

    /// Packets of a connection that was under way and was not seen to run.
    pub(in super::super) fn unjudged(&self) -> Option<u64> {
        (self.under_way && !self.runs() && self.syns.is_empty() && self.answers.is_empty())
            .then_some(self.segments)
    }

    /// How often the client reset the answers to its SYN and sent that again: it did not know them.
    pub(in super::super) fn disowned(&self) -> usize {
        let Some(reset) = self.reset.filter(|reset| reset.side == Side::Client) else {
            return 0;
        };
        let again = self
            .syns
            .iter()
            .filter(|syn| syn.at.since(reset.at) >= UNHEARD);
        if self.went_on.is_some() || self.opened_at().is_none() {
            return 0;
        }
        again.count()
    }

    /// How far away a side of a connection that was under way is, where its segments agree.
    pub(in super::super) fn distance_under_way(&self, side: Side) -> Option<u8> {
        let (low, high) = self.ttls[side_index(side)]?;
        (self.runs() && low == high).then_some(super::super::position::passed(high))
    }
}
