//! How a server greeted one full connection.

use std::time::Duration;

use crate::wire::greeting::{Answer, Protocol};

/// What one full connection to an open endpoint brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// What was spoken; `None` where the server said nothing that was understood.
    pub protocol: Option<Protocol>,
    /// The server's version, where it says one.
    pub server: Option<String>,
    /// Whether the server offers TLS; `None` where it was not said.
    pub tls: Option<bool>,
    /// What came of it.
    pub heard: Heard,
    /// How many connections it took.
    pub connections: u32,
    /// How long it took.
    pub took: Duration,
}

/// What came of a greeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// An answer that says how the server takes us.
    Answer(Answer),
    /// Words of no protocol that is understood here, as they came.
    Words(String),
    /// The server kept silent.
    Nothing,
    /// The server went on repeating its SYN-ACK: our last step of the handshake does not reach it, or
    /// is not taken there.
    Unfinished,
    /// The server closed the connection without a word about us.
    Closed,
    /// There was no connection.
    Unconnected(Obstacle),
}

/// Why there was no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// A reset answered the SYN.
    Refused,
    /// The SYN was not answered in time.
    TimedOut,
    /// An ICMP error answered the SYN, or this host has no route.
    Unreachable,
    /// This host refuses the connection: a firewall, an address that is gone.
    Local,
    /// The run was stopped before.
    Stopped,
}
