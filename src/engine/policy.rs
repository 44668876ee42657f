//! What a diagnosis may cost: time, probes, rate.

use std::time::Duration;

use crate::model::endpoint::Family;

/// What a diagnosis may cost and what it includes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Time budget of one endpoint; `None` is 45 s for IPv4 and 75 s for IPv6, whose reassembly
    /// timer is twice as long.
    pub max_time: Option<Duration>,
    /// Probe budget of one endpoint.
    pub max_probes: u32,
    /// Datagrams a second over all endpoints.
    pub rate: u32,
    /// What one address may be sent, over all of its ports; `None` leaves it at `host_rate`.
    pub allowance: Option<Allowance>,
    /// Datagrams a second to one address, where several of its ports are under diagnosis at once.
    pub host_rate: u32,
    /// Datagrams a second to one /24 or /64, where several diagnoses go there at once.
    pub prefix_rate: u32,
    /// Whether diagnoses of one address share the probes that do not concern their ports. Each
    /// then tells packets that were sent for another, so not where a capture must prove each alone.
    pub share: bool,
    /// Stop at the first answer that names a cause.
    pub quick: bool,
    /// Whether to check an open port with full-size SYNs.
    pub check_mtu: bool,
    /// More flows and more controls than the harm budget allows.
    pub thorough: bool,
    /// Control ports the user named.
    pub control_ports: Vec<u16>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_time: None,
            max_probes: 400,
            rate: 1000,
            allowance: Some(Allowance::DEFAULT),
            host_rate: 250,
            prefix_rate: 1000,
            share: false,
            quick: false,
            check_mtu: true,
            thorough: false,
            control_ports: Vec::new(),
        }
    }
}

/// What one address may be sent. Guards ban whoever knocks oftener: port-scan detectors count within
/// seconds, netfilter's `recent` and `hashlimit` usually within a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Datagrams in any second, the resets that close half-open connections included.
    pub in_second: usize,
    /// Datagrams in any ten seconds.
    pub in_ten_seconds: usize,
    /// Probes of one diagnosis, and as many more for each hop that it found.
    pub in_diagnosis: [usize; 2],
    /// SYNs of one diagnosis that reach the port.
    pub syns_to_port: usize,
    /// SYNs that reach the host, to whichever port, in any minute.
    pub syns_in_minute: usize,
}

impl Allowance {
    /// What is promised unless the user asks for a thorough diagnosis.
    pub const DEFAULT: Self = Self {
        in_second: 8,
        in_ten_seconds: 25,
        in_diagnosis: [40, 2],
        syns_to_port: 12,
        syns_in_minute: 24,
    };
}

impl Policy {
    /// The time budget of one endpoint of this IP version.
    pub fn time_for(&self, family: Family) -> Duration {
        self.max_time.unwrap_or(match family {
            Family::V4 => Duration::from_secs(45),
            Family::V6 => Duration::from_secs(75),
        })
    }
}
