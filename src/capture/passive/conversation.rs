//! What an observer gives: one conversation for each client address, server address and server port.

use std::net::IpAddr;
use std::time::Duration;

pub use crate::infer::Position;
use crate::model::outcome::Outcome;
use crate::model::probe::ProbeId;
use crate::model::reply::Refusal;
use crate::model::session::Session;
use crate::model::time::Moment;
use crate::model::verdict::{Cause, Confidence, State};

/// Everything an observer made of a capture.
#[derive(Clone, Debug)]
pub struct Account {
    /// The conversations, in the order of their first packet.
    pub conversations: Vec<Conversation>,
    /// What was seen and not followed.
    pub remainder: Remainder,
}

/// What was seen and not followed, so that nothing is left out unsaid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Remainder {
    /// SYNs of clients or to servers beyond those that can be remembered.
    pub syns: u64,
    /// TCP segments and ICMP errors of connections whose beginning is not in the capture, or that
    /// were no longer followed.
    pub stray: u64,
    /// Datagrams that hold neither TCP nor ICMP.
    pub unread: u64,
    /// Datagrams of TCP or ICMP that are cut too short to say what they are.
    pub cut: u64,
    /// Frames that show a packet once more: captured on its way in and out, or on two interfaces.
    pub twice: u64,
}

/// One client and one server port, and what passed between them.
#[derive(Clone, Debug)]
pub struct Conversation {
    /// The client's address.
    pub client: IpAddr,
    /// The endpoint, all evidence of it and the finding. A probe is a SYN (to the port, or to
    /// another port of the same server, for comparison); TTLs are as the client would read them.
    pub outcome: Outcome,
    /// Where the capture was taken, as far as it shows.
    pub position: Position,
    /// The connection attempts that are remembered, in the order of their first packet.
    pub attempts: Vec<Attempt>,
    /// How many more there were.
    pub forgotten: Forgotten,
    /// The packet numbers of every probe and of its replies, in the order of the probes.
    pub packets: Vec<Cited>,
    /// Probes that would have decided more, the best first.
    pub wanted: Vec<Wanted>,
}

/// Attempts of a conversation that were counted and not remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Established.
    pub established: u64,
    /// Not established.
    pub failed: u64,
}

/// One connection attempt: a SYN and what follows on the same ports, up to the next one.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The client's port.
    pub client_port: u16,
    /// Its first packet.
    pub first: Moment,
    /// Its last packet.
    pub last: Moment,
    /// SYNs sent, resent ones included, frames seen twice counted once.
    pub syns: u32,
    /// Segments beside SYNs that the client sent again or that came late, and those of the server, its
    /// SYN-ACKs included.
    pub resent: [u32; 2],
    /// Resets of either side.
    pub resets: u32,
    /// The TTL its SYNs left with, where it was a traceroute's; `None` for an ordinary client's.
    pub ttl: Option<u8>,
    /// What became of it.
    pub outcome: AttemptOutcome,
    /// What became of the connection, where there was one.
    pub session: Option<Session>,
    /// What it shows, taken for itself.
    pub opinion: Opinion,
    /// Its probes.
    pub probes: Vec<ProbeId>,
    /// The packets it is told by: SYNs, what answered them, and what ended it.
    pub packets: Vec<u64>,
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// Nothing came within its time.
    Silent,
    /// The capture ends before its time was over.
    CutOff,
    /// A SYN-ACK came, and the client never went on.
    Answered {
        /// The client asks again as if it had heard nothing.
        unheard: bool,
        /// The client resets it: a scan, or a client that gave up.
        dropped: bool,
    },
    /// A reset came.
    Reset,
    /// An ICMP error came.
    Refused {
        /// What it says.
        refusal: Refusal,
        /// Who says so.
        by: IpAddr,
    },
    /// The SYN expired on the way.
    Expired {
        /// Who says so.
        by: IpAddr,
    },
    /// Answers that contradict each other.
    Contradicted,
    /// The handshake was completed.
    Established {
        /// Octets of payload from the client.
        sent: u64,
        /// Octets of payload from the server.
        received: u64,
        /// How it ended.
        ending: Ending,
    },
    /// Its SYN is not in the capture, and what is says too little.
    Unseen,
}

/// How an established connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// Both sides said that they have no more to send.
    Closed,
    /// One side said so.
    Half(Side),
    /// One side reset it.
    Reset(Side),
    /// One side sends the same octets over and over and gets no acknowledgment.
    Stuck {
        /// The side that sends.
        sender: Side,
        /// Octets of payload of the segment.
        size: u16,
        /// How often it was sent.
        tries: u16,
        /// Whether the other side still answered meanwhile.
        alive: bool,
    },
    /// It goes on when the capture ends.
    Open,
}

/// A side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Who sent the SYN.
    Client,
    /// Whom it was sent to.
    Server,
}

impl Side {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// A verdict in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// The port's state.
    pub state: State,
    /// The cause.
    pub cause: Cause,
    /// How firmly it stands.
    pub confidence: Confidence,
    /// One sentence.
    pub summary: String,
}

/// The packets of one probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cited {
    /// The probe.
    pub probe: ProbeId,
    /// The packet that is the probe.
    pub sent: u64,
    /// The packets that answer it, in order.
    pub replies: Vec<u64>,
    /// The window of its SYN-ACK is not in the capture, which cut it off.
    pub without_window: bool,
}

/// A probe that would have decided more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What to send, in words.
    pub what: String,
    /// What it would show, in words.
    pub why: String,
    /// The causes between which it would decide.
    pub settles: Vec<Cause>,
}

impl Conversation {
    /// The session that says most: the first one that died, else the last one.
    pub fn session(&self) -> Option<(&Attempt, &Session)> {
        let sessions = || {
            let attempts = self.attempts.iter();
            attempts.filter_map(|attempt| Some((attempt, attempt.session.as_ref()?)))
        };
        let died = sessions().find(|(_, session)| session.died());
        died.or_else(|| sessions().next_back())
    }
}

impl Attempt {
    /// How long it took from its first to its last packet.
    pub const fn lasted(&self) -> Duration {
        self.last.since(self.first)
    }
}
