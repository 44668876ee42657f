//! What to send next, and what a frame answers: sessions, tokens, timers, pacing, policy.
//!
//! No I/O and no clock: the caller drives it. The loop of a caller:
//!
//! ```text
//! loop {
//!     match prober.poll(now) {
//!         Output::Transmit(t)    => send t.datagram; on refusal: prober.handle_refusal(now, …)
//!         Output::Settled(id)    => write prober.conclude(id, now)
//!         Output::WaitUntil(t)   => wait for a frame until t; prober.handle_frame(at, …)
//!         Output::Idle           => every diagnosis has settled
//!     }
//! }
//! ```
//!
//! Calls may come in any order. A spurious call changes nothing; a late call costs accuracy, never
//! correctness. `handle_frame` takes any bytes and cannot fail.

mod closing;
mod controls;
mod craft;
mod devices;
mod governor;
pub mod greeting;
mod inflight;
mod judge;
mod ledger;
mod pacer;
pub mod policy;
mod pool;
mod prober;
mod reuse;
mod session;
mod siblings;
mod sighting;
mod spacing;
#[cfg(test)]
mod tests;
mod timing;
mod token;
pub(crate) mod translate;
pub mod triage;

pub use crate::infer::Job;
pub use judge::Judge;
pub use ledger::{Attribution, Ledger, Role};
pub use prober::Prober;
pub use sighting::{Interface, Sighting};
pub use timing::{LINGER, timeout};
pub use token::Key;

use std::net::IpAddr;

use crate::model::evidence::ReceivedBy;
use crate::model::probe::ProbeId;
use crate::model::reply::Flaw;
use crate::wire::checksum::{self, Checksum};

/// Which diagnosis of a prober: its number in the order of [`Prober::add`], from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub usize);

/// What the caller is to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this now.
    Transmit(Transmit),
    /// This diagnosis is over; its finding is final.
    Settled(SessionId),
    /// Nothing to do before this moment, or before a frame arrives.
    WaitUntil(crate::model::time::Moment),
    /// Every diagnosis has settled and was reported.
    Idle,
}

/// One IP datagram to send, header included, checksums filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// The diagnosis it belongs to.
    pub session: SessionId,
    /// The probe it carries; `None` for the reset that closes a half-open connection.
    pub probe: Option<ProbeId>,
    /// Whether it is a SYN that is meant to reach the host.
    pub knocks: bool,
    /// Where it goes.
    pub destination: IpAddr,
    /// The datagram from its IP header on.
    pub datagram: Vec<u8>,
}

/// How a frame came to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// By the tap, on its way out of this host.
    Departing,
    /// On its way in, by this receiver. A wrong checksum at the tap is one; behind the firewall it may be
    /// one that is still to be filled in.
    Arriving(ReceivedBy),
    /// By the tap, on its way in, and the kernel vouches for the checksum of what it carries.
    Vouched,
}

impl Heard {
    /// Which receiver heard it arrive; `None` on its way out.
    const fn by(self) -> Option<ReceivedBy> {
        match self {
            Self::Departing => None,
            Self::Arriving(by) => Some(by),
            Self::Vouched => Some(ReceivedBy::Tap),
        }
    }

    /// What is wrong with the checksums of a datagram that answers a probe.
    fn flaw(self, datagram: &[u8]) -> Option<Flaw> {
        let shown = match self {
            Self::Arriving(ReceivedBy::Tap) => checksum::whole(datagram),
            Self::Vouched => checksum::header(datagram),
            Self::Departing | Self::Arriving(ReceivedBy::Stack) => Checksum::Unknown,
        };
        (shown == Checksum::Wrong).then_some(Flaw::Checksum)
    }
}
