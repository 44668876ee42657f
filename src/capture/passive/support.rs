//! How firm a verdict on passive evidence may be, cause by cause: the one place that decides it.
//!
//! Nothing here is ever `proven`: no token shows that an answer is one, and the client asked what it
//! wanted to know, not what would tell one cause from another. `confirmed` is left to what the
//! client itself went through and no rival explains.

use crate::model::verdict::{Cause, Confidence};

/// What the capture shows besides answers to SYNs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Grounds {
    /// The server sent data that the client acknowledged, from as far away as its SYN-ACK came, and
    /// the SYN-ACK offered a window.
    pub(super) served: bool,
    /// The handshake was completed, or a SYN-ACK came.
    pub(super) answered: bool,
    /// An ICMP error with a policy for reason came from nearer than the server's own answers.
    pub(super) nearer: bool,
    /// The other causes that fit were excluded by a traceroute in the capture.
    pub(super) traced: bool,
    /// The server answered somebody else, or elsewhere, meanwhile.
    pub(super) meanwhile: bool,
    /// How often what the verdict rests on was seen.
    pub(super) times: usize,
}

/// The firmest that a cause may be named on these grounds.
pub(super) const fn ceiling(cause: Cause, grounds: &Grounds) -> Confidence {
    use Confidence::{Confirmed, Likely, Possible};
    match cause {
        // Data that the client took came from whoever completed the handshake: the port serves. Bare
        // SYN-ACKs may be a proxy's.
        Cause::Open if grounds.served => Confirmed,
        Cause::Open if grounds.answered => Likely,
        Cause::Open => Possible,
        // An ICMP error quotes the SYN's random number, so it was written by who saw it; who writes
        // from nearer than the server is another. An address alone may be the server's second one.
        Cause::RejectPath if grounds.nearer => Confirmed,
        // Who writes a reset in the server's name is not shown without marked SYNs.
        Cause::Closed | Cause::RejectHost | Cause::RejectPath => Likely,
        // Read off window, distance, or data that are never acknowledged.
        Cause::OpenProxied => Likely,
        // A retry hides what a pattern needs to be seen; loss looks the same.
        Cause::Intermittent | Cause::RateLimited => Possible,
        // A filter that was changed, or a host that died, looks the same.
        Cause::Banned if grounds.meanwhile && grounds.times >= 3 => Likely,
        Cause::Banned => Possible,
        // The router says so; a policy may say the same.
        Cause::NoRoute | Cause::NoNeighbor => Likely,
        // Answers that were seen, and a client that asks again: once may be loss.
        Cause::DropReturn | Cause::LocalIngress if grounds.times >= 2 => Likely,
        Cause::DropReturn | Cause::LocalIngress => Possible,
        // Silence: what a TTL sweep in the capture shows of the place is as good as our own.
        Cause::DropPath | Cause::DropEdge if grounds.traced => Likely,
        Cause::DropPath | Cause::DropEdge | Cause::DropHost => Possible,
        Cause::DropEdgeOrHost => Likely,
        Cause::DropSomewhere => Likely,
        // SYN-ACKs sent again although they were acknowledged: a lost ACK looks the same, once.
        Cause::ListenerOverloaded if grounds.times >= 2 => Likely,
        Cause::ListenerOverloaded => Possible,
        // Small segments pass and large ones do not; an outage that begins then looks alike.
        Cause::MtuBlackHole if grounds.times >= 2 => Likely,
        Cause::MtuBlackHole => Possible,
        // The number that is acknowledged was random, so who sent it has seen the SYN; translated back
        // behind the place of capture it would be right.
        Cause::Misaddressed => Likely,
        Cause::Conflicting => Likely,
        // Only a refusal by the client's own kernel shows it: the SYN is stopped before any capture.
        Cause::LocalEgress => Likely,
        Cause::Inconclusive => Possible,
    }
}
