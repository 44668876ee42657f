//! What came of a probe, as the documents say it: in nmap's words where they exist.

use super::reply::{Answer, Refusal};
use super::word::Word;

/// What came of one probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProbeOutcome {
    /// SYN and ACK.
    SynAck,
    /// A reset.
    Reset,
    /// An echo reply.
    EchoReply,
    /// The TTL ran out in transit.
    TimeExceeded,
    /// The reassembly timer ran out.
    ReassemblyTimeout,
    /// Destination unreachable, for this reason.
    Unreachable(Refusal),
    /// Too large for a link.
    TooBig,
    /// Another ICMP message.
    OtherIcmp,
    /// An answer from elsewhere than the probe went to.
    Misaddressed,
    /// An answer with a wrong checksum.
    BadChecksum,
    /// Nothing, although waited for.
    Silent,
    /// This host's kernel did not take it.
    Refused,
    /// It was not waited for to the end.
    Pending,
}

impl ProbeOutcome {
    /// Those of which there is one each.
    const SINGLE: [Self; 13] = [
        Self::SynAck,
        Self::Reset,
        Self::EchoReply,
        Self::TimeExceeded,
        Self::ReassemblyTimeout,
        Self::Unreachable(Refusal::Unknown(0)),
        Self::TooBig,
        Self::OtherIcmp,
        Self::Misaddressed,
        Self::BadChecksum,
        Self::Silent,
        Self::Refused,
        Self::Pending,
    ];

    /// Every one that a word names.
    pub fn all() -> impl Iterator<Item = Self> {
        let refusals = Refusal::NAMED.into_iter().map(Self::Unreachable);
        Self::SINGLE.into_iter().chain(refusals)
    }

    /// What an answer says.
    pub const fn of(answer: &Answer) -> Self {
        match answer {
            Answer::SynAck { .. } => Self::SynAck,
            Answer::Reset => Self::Reset,
            Answer::EchoReply { .. } => Self::EchoReply,
            Answer::TimeExceeded(_) => Self::TimeExceeded,
            Answer::ReassemblyTimeout(_) => Self::ReassemblyTimeout,
            Answer::Unreachable(refusal, _) => Self::Unreachable(*refusal),
            Answer::TooBig { .. } => Self::TooBig,
            Answer::OtherIcmp { .. } => Self::OtherIcmp,
        }
    }

    /// Whether no client is answered by it: it took nothing for an answer.
    pub const fn is_no_answer(self) -> bool {
        matches!(self, Self::Silent | Self::Misaddressed | Self::BadChecksum)
    }
}

impl Word for ProbeOutcome {
    fn word(self) -> &'static str {
        match self {
            Self::SynAck => "syn-ack",
            Self::Reset => "reset",
            Self::EchoReply => "echo-reply",
            Self::TimeExceeded => "time-exceeded",
            Self::ReassemblyTimeout => "reassembly-time-exceeded",
            Self::Unreachable(refusal) => refusal.word(),
            Self::TooBig => "too-big",
            Self::OtherIcmp => "other-icmp",
            Self::Misaddressed => "misaddressed",
            Self::BadChecksum => "bad-checksum",
            Self::Silent => "silent",
            Self::Refused => "refused",
            Self::Pending => "pending",
        }
    }

    fn named(word: &str) -> Option<Self> {
        Self::all().find(|known| known.word() == word)
    }
}
