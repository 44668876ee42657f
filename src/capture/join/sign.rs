//! Kinds of packet, and what is stated of them.

use super::seen::{Body, Seen};
use crate::wire::tcp::Flags;

/// Kinds of packet that meet different fates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// SYNs of the client.
    Syn,
    /// Echo requests.
    Echo,
    /// Segments without payload: ACK, FIN, reset.
    Bare,
    /// Segments with payload.
    Data,
    /// SYN-ACKs, and echo replies.
    Answer,
    /// ICMP errors about packets of the client.
    Error,
}

/// What is stated of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sign {
    /// They arrived at the last place of the path.
    Arrived,
    /// They were answered there.
    AnsweredThere,
    /// Their answers left by a later place on the way back as well.
    LeftThere,
    /// The answer came back here.
    Heard,
    /// They were lost: seen at `after`, never at `before`.
    NeverArrived,
    /// They never came to `before`, and were answered all the same.
    AnsweredBefore,
    /// They arrived, and no answer left there.
    NotAnswered,
    /// They were answered there, and the answers were lost on the way back.
    LostBack,
}

/// The kind of a packet.
pub(super) fn category(seen: &Seen) -> Category {
    match seen.body {
        Body::Segment { flags, payload, .. } => {
            if flags.contains(Flags::SYN.with(Flags::ACK)) {
                Category::Answer
            } else if flags.contains(Flags::SYN) {
                Category::Syn
            } else if payload > 0 {
                Category::Data
            } else {
                Category::Bare
            }
        }
        Body::Echo { is_reply, .. } => {
            if is_reply {
                Category::Answer
            } else {
                Category::Echo
            }
        }
        Body::Error { .. } => Category::Error,
    }
}
