//! How long a probe is waited for.

use std::time::Duration;

use crate::model::endpoint::Family;
use crate::model::probe::Kind;

/// Timeout while nothing slower was seen: the first retransmission timeout of TCP (RFC 6298 §2).
const TIMEOUT: Duration = Duration::from_secs(1);
/// Longest timeout, however slow the path.
const TIMEOUT_MOST: Duration = Duration::from_secs(3);
/// How long after a diagnosis settled its SYN-ACKs are still known, to be reset: twice the longest
/// timeout.
pub const LINGER: Duration = Duration::from_secs(6);
/// A SYN-ACK that comes again this long after our reset shows that the reset was lost.
pub(super) const RESET_AGAIN: Duration = Duration::from_millis(500);
/// The reassembly timer of Linux runs 30 s (`IP_FRAG_TIME`); then the way back.
const REASSEMBLY_V4: Duration = Duration::from_secs(35);
/// RFC 8200 §4.5 and Linux (`IPV6_FRAG_TIMEOUT`): 60 s; then the way back.
const REASSEMBLY_V6: Duration = Duration::from_secs(66);

/// What the round-trip times seen so far teach about timeouts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timing {
    slowest: Duration,
}

impl Timing {
    /// Takes note of a round trip.
    pub(super) fn learn(&mut self, rtt: Duration) {
        self.slowest = self.slowest.max(rtt);
    }

    /// The slowest round trip so far; zero before any.
    pub(super) const fn slowest(&self) -> Duration {
        self.slowest
    }

    /// How long a probe of this kind is waited for.
    pub(super) fn timeout(&self, kind: Kind, family: Family) -> Duration {
        timeout(self.slowest, kind, family)
    }
}

/// How long a probe of a kind is waited for where the slowest round trip so far took `slowest`: 1 s,
/// or three times that, at most 3 s; for a fragment the reassembly timer and a margin.
pub fn timeout(slowest: Duration, kind: Kind, family: Family) -> Duration {
    match (kind, family) {
        (Kind::Fragment, Family::V4) => REASSEMBLY_V4,
        (Kind::Fragment, Family::V6) => REASSEMBLY_V6,
        (Kind::Syn | Kind::Ack | Kind::Fin | Kind::Echo, _) => {
            slowest.saturating_mul(3).clamp(TIMEOUT, TIMEOUT_MOST)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_follows_the_slowest_round_trip_between_its_bounds() {
        for (rtt_ms, expected_ms) in [(0, 1000), (100, 1000), (500, 1500), (2000, 3000)] {
            let mut timing = Timing::default();
            timing.learn(Duration::from_millis(rtt_ms));
            timing.learn(Duration::from_millis(1));
            assert_eq!(
                timing.timeout(Kind::Syn, Family::V4),
                Duration::from_millis(expected_ms)
            );
            assert_eq!(
                timing.timeout(Kind::Fragment, Family::V6),
                REASSEMBLY_V6,
                "{rtt_ms}"
            );
        }
    }
}
