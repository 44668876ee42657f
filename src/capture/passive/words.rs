//! What a conversation says in words: summaries.

use crate::model::verdict::{Cause, Confidence, State};

use super::conversation::{AttemptOutcome, Opinion};

pub(super) const CUT_OFF: &str = "Not decided: the capture ends before an answer was due.";
/// What a traceroute's SYN shows.
pub(super) fn of_traceroute(ttl: u8, outcome: AttemptOutcome) -> Opinion {
    let (state, cause, summary) = match outcome {
        AttemptOutcome::Expired { by } => (
            State::Unknown,
            Cause::Inconclusive,
            format!("A SYN that lives for {ttl} hops: {by} reports it expired."),
        ),
        AttemptOutcome::Answered { .. } | AttemptOutcome::Established { .. } => (
            State::Open,
            Cause::Open,
            format!("A SYN that lives for {ttl} hops draws SYN-ACK."),
        ),
        AttemptOutcome::Reset => (
            State::Closed,
            Cause::Closed,
            format!("A SYN that lives for {ttl} hops draws a reset."),
        ),
        AttemptOutcome::Refused { by, .. } => (
            State::Filtered,
            Cause::RejectPath,
            format!("A SYN that lives for {ttl} hops is refused by {by}."),
        ),
        AttemptOutcome::Silent
        | AttemptOutcome::CutOff
        | AttemptOutcome::Contradicted
        | AttemptOutcome::Unseen => (
            State::Unknown,
            Cause::Inconclusive,
            format!("A SYN that lives for {ttl} hops draws nothing."),
        ),
    };
    Opinion {
        state,
        cause,
        confidence: Confidence::Possible,
        summary,
    }
}
