//! The life of one connection: who ended it and how, what it carried, what the server said.

use std::net::IpAddr;
use std::time::Duration;

use super::reply::Refusal;
use super::time::{Moment, spell};
use super::verdict::Way;
use super::word::words;
use crate::wire::greeting::{Answer, Protocol};

/// A quiet time that is worth a word: what forgets connections needs longer.
const QUIET: Duration = Duration::from_secs(1);

/// What became of a connection whose handshake was completed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// How it ended.
    pub end: End,
    /// Who ended it.
    pub by: Party,
    /// The distance from the client of the device that ended it; `None` for an endpoint, or where
    /// it is not known.
    pub at_hop: Option<u8>,
    /// When it ended, or was seen last.
    pub at: Moment,
    /// How long it had been quiet before what ended it.
    pub idle: Duration,
    /// Octets of payload that the client sent.
    pub to_server: u64,
    /// Octets of payload that the server sent, as far as they were seen or acknowledged.
    pub from_server: u64,
    /// The way on which data vanished for good while smaller segments passed.
    pub stalled: Option<Way>,
    /// What the ICMP error says that ended it, and who sent it.
    pub refused: Option<(Refusal, IpAddr)>,
    /// For how long nothing arrived any more, of a session that is silent or stalled.
    pub waited: Duration,
    /// The last error of the server.
    pub said: Option<Said>,
}

words! {
    /// How a connection ended.
    End {
        /// A side had no more to send.
        Fin = "fin",
        /// A reset.
        Reset = "reset",
        /// One side sends the same octets over and over, and nothing answers.
        Silence = "silence",
        /// An ICMP error, after which nothing passed.
        Icmp = "icmp",
        /// It goes on when it is seen last.
        Alive = "alive",
    }
}

words! {
    /// Who ended a connection.
    Party {
        /// Who began it.
        Client = "client",
        /// Who was asked.
        Server = "server",
        /// Something between them.
        Device = "device",
        /// Nothing shows who.
        Unknown = "unknown",
    }
}

/// An error of the server, in clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// What is spoken.
    pub protocol: Protocol,
    /// The error.
    pub answer: Answer,
}

impl Session {
    /// Whether something else than one of its two ends ended it, or keeps it from going on.
    pub fn died(&self) -> bool {
        self.stalled.is_some()
            || match self.end {
                End::Silence | End::Icmp => true,
                End::Reset => self.by == Party::Device,
                End::Fin | End::Alive => false,
            }
    }

    /// What became of it, as a clause.
    pub fn words(&self) -> String {
        let mut words = match (self.stalled, self.end) {
            (Some(way), _) => {
                let towards = match way {
                    Way::ToServer => "server",
                    Way::ToClient => "client",
                };
                return format!(
                    "stalled for {}, until it was seen last: what is sent towards the {towards} does not \
                     arrive, smaller segments do",
                    spell(self.waited)
                );
            }
            (None, End::Silence) => format!(
                "silenced: what is sent is not acknowledged any more, for {}",
                spell(self.waited)
            ),
            (None, End::Reset) => format!("reset by {}", self.culprit()),
            (None, End::Icmp) => match self.refused {
                Some((refusal, by)) => {
                    let (culprit, word) = (self.culprit(), refusal.word());
                    format!("refused by {culprit} ({by}) with {word}")
                }
                None => format!("refused by {}", self.culprit()),
            },
            (None, End::Fin) if self.by == Party::Server && self.from_server == 0 => {
                "closed by the server without a word".to_owned()
            }
            (None, End::Fin) => format!("closed by {}", self.culprit()),
            (None, End::Alive) => return "still open at the end".to_owned(),
        };
        if self.idle >= QUIET && self.end != End::Fin {
            words.push_str(&format!(", after {} without a packet", spell(self.idle)));
        }
        words
    }

    /// Who ended it, in words.
    fn culprit(&self) -> String {
        match (self.by, self.at_hop) {
            (Party::Device, Some(hop)) => format!("a device at hop {hop}"),
            (Party::Device, None) => "a device on the way".to_owned(),
            (Party::Client, _) => "the client".to_owned(),
            (Party::Server, _) => "the server".to_owned(),
            (Party::Unknown, _) => "an unknown sender".to_owned(),
        }
    }
}
