//! What an encounter says in words: summaries.

use crate::model::verdict::{Cause, Confidence, State};

use super::encounter::{Fate, Opinion};

pub(super) const CUT_OFF: &str = "Not decided: the capture ends before an answer was due.";
/// What a traceroute's SYN shows.
pub(super) fn of_traceroute(ttl: u8, fate: Fate) -> Opinion {
    let (state, cause, summary) = match fate {
        Fate::Expired { by } => (
            State::Unknown,
            Cause::Inconclusive,
            format!("A SYN that lives for {ttl} hops: {by} reports it expired."),
        ),
        Fate::Answered { .. } | Fate::Established { .. } => (
            State::Open,
            Cause::Open,
            format!("A SYN that lives for {ttl} hops draws SYN-ACK."),
        ),
        Fate::Reset => (
            State::Closed,
            Cause::Closed,
            format!("A SYN that lives for {ttl} hops draws a reset."),
        ),
        Fate::Refused { by, .. } => (
            State::Filtered,
            Cause::RejectPath,
            format!("A SYN that lives for {ttl} hops is refused by {by}."),
        ),
        Fate::Silent | Fate::CutOff | Fate::Contradicted | Fate::Unseen => (
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
