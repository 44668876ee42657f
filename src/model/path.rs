//! The path as the evidence shows it: one row a hop, endpoint flow beside control flow.

use std::net::IpAddr;
use std::time::Duration;

use super::word::words;

/// One hop of the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// TTL that reaches it; 1 is the first router.
    pub ttl: u8,
    /// Address it reports from; `None` when it never reported. The first seen, when several.
    pub address: Option<IpAddr>,
    /// Least round-trip time seen.
    pub rtt: Option<Duration>,
    /// What the flow to the port under diagnosis drew here; `None` when not probed.
    pub endpoint_flow: Option<Sight>,
    /// What the control flow drew here; `None` when not probed.
    pub control_flow: Option<Sight>,
    /// Remarks, as sentences: a rewritten DSCP, several addresses, the target's own address.
    pub notes: Vec<String>,
}

words! {
    /// What a flow drew from one hop.
    Sight {
        /// The hop reported that the TTL ran out on it.
        TimeExceeded = "time-exceeded",
        /// The host answered (SYN-ACK, RST or echo reply): the path ends here.
        Reached = "reached",
        /// A refusal (RST from a nearer box, ICMP unreachable).
        Refused = "refused",
        /// Nothing, although waited for.
        Silent = "silent",
    }
}
