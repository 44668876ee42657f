//! What is known of a sweep besides its results.

use serde::{Deserialize, Serialize};

/// What a sweep was to do and what it cost, as its runner counts it: probes that endpoints share
/// stand in no record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Endpoints to be probed; `None` when the whole list was not read.
    pub endpoints: Option<u64>,
    /// When it began, in UTC (RFC 3339).
    pub started: String,
    /// How long it took, in microseconds; `None` when nobody timed the whole: shards that were joined
    /// ran beside each other, or one after the other.
    pub elapsed_us: Option<u64>,
    /// Probes handed to the kernel and not refused by it.
    pub probes_sent: u64,
    /// Authenticated replies.
    pub replies: u64,
    /// Frames the kernel dropped before we read them.
    pub receive_drops: u64,
    /// Whether it was stopped before every endpoint had settled.
    pub interrupted: bool,
}
