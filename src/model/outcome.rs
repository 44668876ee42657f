//! The outcome of one diagnosis: everything a report, a capture or a test may want of it.

use std::time::Duration;

use super::endpoint::Endpoint;
use super::evidence::Evidence;
use super::vantage::Vantage;
use super::verdict::Finding;

/// One diagnosis, settled or stopped (or, for a live view, as it stands).
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What it was about.
    pub endpoint: Endpoint,
    /// Where we stood.
    pub vantage: Vantage,
    /// All facts.
    pub evidence: Evidence,
    /// What inference made of them.
    pub finding: Finding,
    /// How long it took.
    pub elapsed: Duration,
}
