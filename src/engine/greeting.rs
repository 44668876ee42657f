//! The conversation of a greeting: what to say next to a server, and when to leave.
//!
//! No I/O and no clock: the caller connects, passes on what it hears and does what the [`Turn`]
//! says. Calls may come in any order; octets may come in any pieces.
//!
//! What is said is the least that makes a server tell how it takes us, and the way of leaving is
//! the one that is held against us least. Measured with MariaDB 10.11, PostgreSQL 15 and Redis 7.0:
//!
//! | server | way of leaving | what it counts or logs |
//! |---|---|---|
//! | MariaDB | closing or resetting after its first packet, `COM_QUIT` instead of a login, TLS asked for and not begun | one of `max_connect_errors` (`SUM_CONNECT_ERRORS`, `COUNT_HANDSHAKE_ERRORS`) |
//! | MariaDB | a login that is refused | nothing of `max_connect_errors`; a failed login (`Aborted_connects`, and a line in the log) |
//! | PostgreSQL | closing when it asks for the password | nothing |
//! | PostgreSQL | `Terminate` when it asks for the password | a line in the log: a violated protocol |
//! | PostgreSQL | closing after it agreed to TLS | a line in the log |
//! | Redis | closing | nothing |
//!
//! So a MySQL server is given a login to refuse, of a user it does not have and without a password.

use crate::model::greeting::Heard;
use crate::wire::greeting::mysql::{self, Packet};
use crate::wire::greeting::{Answer, Protocol, Standing, postgres, redis, text};

/// What the caller is to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Say this, then listen.
    Say(Vec<u8>),
    /// Listen for more.
    Listen,
    /// Close the connection, connect anew and ask [`Conversation::open`] again.
    Reconnect,
    /// Say this, which may be nothing, and close the connection: all is known.
    Leave(Vec<u8>),
}

/// A conversation with a server.
#[derive(Clone, Debug)]
pub struct Conversation {
    asked: Option<Protocol>,
    stage: Stage,
    /// What was heard and not understood yet.
    unread: Vec<u8>,
    spoken: Option<Protocol>,
    server: Option<String>,
    tls: Option<bool>,
    answer: Option<Answer>,
}

/// What is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The server's first words, unasked.
    FirstWords,
    /// What a MySQL server says to the login, for the time of this number.
    MysqlReply(u8),
    /// Whether a PostgreSQL server speaks TLS.
    PostgresTls,
    /// What a PostgreSQL server makes of the startup.
    PostgresReply,
    /// What a Redis server answers to `PING`.
    RedisReply,
    /// Nothing.
    Over,
}

/// The most octets kept of what a server says.
const MOST: usize = 1 << 14;

/// The longest first packet of a MySQL server that is waited for.
const LONGEST_HELLO: usize = 1 << 10;

/// The most packets of a MySQL server to its login.
const MOST_REPLIES: u8 = 4;

impl Conversation {
    /// A conversation in `asked`, or in what the server speaks.
    pub const fn new(asked: Option<Protocol>) -> Self {
        Self {
            asked,
            stage: Stage::FirstWords,
            unread: Vec::new(),
            spoken: None,
            server: None,
            tls: None,
            answer: None,
        }
    }

    /// What to do once connected.
    pub fn open(&mut self) -> Turn {
        self.unread.clear();
        let (stage, words) = match self.asked {
            None | Some(Protocol::Mysql) => {
                self.stage = Stage::FirstWords;
                return Turn::Listen;
            }
            Some(Protocol::Postgres) if self.tls.is_none() => {
                (Stage::PostgresTls, postgres::tls_request())
            }
            Some(Protocol::Postgres) => (Stage::PostgresReply, postgres::startup()),
            Some(Protocol::Redis) => (Stage::RedisReply, redis::ping()),
        };
        self.stage = stage;
        Turn::Say(words)
    }

    /// What to do once these octets were heard.
    pub fn hear(&mut self, octets: &[u8]) -> Turn {
        let room = MOST.saturating_sub(self.unread.len());
        if room == 0 {
            // It has said more than any answer is long.
            return self.leave(Vec::new());
        }
        self.unread
            .extend_from_slice(octets.get(..room).unwrap_or(octets));
        if self.unread.is_empty() {
            return Turn::Listen;
        }
        match self.stage {
            Stage::FirstWords => self.recognise(),
            Stage::MysqlReply(left) => self.mysql_reply(left),
            Stage::PostgresTls => self.postgres_tls(),
            Stage::PostgresReply => self.postgres_reply(),
            Stage::RedisReply => self.redis_reply(),
            Stage::Over => Turn::Leave(Vec::new()),
        }
    }

    /// What came of it, once the connection is at its end: the server's own, when `closed`.
    pub fn end(self, closed: bool) -> Ended {
        let heard = match self.answer {
            Some(answer) => Heard::Answer(answer),
            None if !self.unread.is_empty() => Heard::Words(text(&self.unread)),
            None if closed => Heard::Closed,
            None => Heard::Nothing,
        };
        Ended {
            protocol: self.spoken,
            server: self.server,
            tls: self.tls,
            heard,
        }
    }

    /// Reads first words whose protocol is not known.
    fn recognise(&mut self) -> Turn {
        if let Some(packet) = Packet::read(&self.unread) {
            match mysql::Message::read(packet.payload) {
                Some(mysql::Message::Hello(hello)) => {
                    let login = mysql::login(packet.sequence.wrapping_add(1), &hello);
                    // A question that was put in another language has been taken for the login.
                    let spoilt = self.stage != Stage::FirstWords;
                    self.spoken = Some(Protocol::Mysql);
                    self.server = Some(hello.version);
                    self.tls = Some(hello.tls);
                    self.unread.clear();
                    if spoilt {
                        return self.leave(Vec::new());
                    }
                    self.stage = Stage::MysqlReply(MOST_REPLIES);
                    return Turn::Say(login);
                }
                Some(mysql::Message::Error(answer)) => {
                    return self.settle(Protocol::Mysql, answer);
                }
                _ => {}
            }
        } else if self.may_become_hello() {
            return Turn::Listen;
        }
        match redis::Reading::of(&self.unread) {
            // Unasked it has nothing but bad news.
            redis::Reading::Whole(answer) if answer.standing != Standing::Unguarded => {
                self.settle(Protocol::Redis, answer)
            }
            redis::Reading::Partial => Turn::Listen,
            redis::Reading::Whole(_) | redis::Reading::Foreign => self.leave(Vec::new()),
        }
    }

    /// Whether the octets heard may be the beginning of a MySQL server's first packet.
    fn may_become_hello(&self) -> bool {
        let Some(([low, high, highest, sequence], rest)) = self.unread.split_first_chunk() else {
            return true;
        };
        let short = usize::from(u16::from_le_bytes([*low, *high])) <= LONGEST_HELLO;
        let first = rest.first().copied();
        short && *highest == 0 && *sequence <= 1 && matches!(first, None | Some(0x0a | 0xff))
    }

    fn mysql_reply(&mut self, left: u8) -> Turn {
        let Some(packet) = Packet::read(&self.unread) else {
            return Turn::Listen;
        };
        let (next, message) = (
            packet.sequence.wrapping_add(1),
            mysql::Message::read(packet.payload),
        );
        let rest = packet.rest.to_vec();
        self.stage = match left.checked_sub(1) {
            Some(left) => Stage::MysqlReply(left),
            None => return self.leave(Vec::new()),
        };
        match message {
            Some(mysql::Message::Error(answer)) => self.settle(Protocol::Mysql, answer),
            Some(mysql::Message::Welcome) => {
                self.answer = Some(unguarded());
                self.leave(mysql::quit())
            }
            Some(mysql::Message::OtherProof { empty }) => {
                self.unread = rest;
                Turn::Say(mysql::no_password(next, empty))
            }
            Some(mysql::Message::Continued) => {
                self.unread = rest;
                self.hear(&[])
            }
            Some(mysql::Message::Hello(_)) | None => self.leave(Vec::new()),
        }
    }

    fn postgres_tls(&mut self) -> Turn {
        match self.unread.as_slice() {
            [b'N'] => {
                self.spoken = Some(Protocol::Postgres);
                self.tls = Some(false);
                self.unread.clear();
                self.stage = Stage::PostgresReply;
                Turn::Say(postgres::startup())
            }
            // Having agreed, it takes nothing but TLS on this connection.
            [b'S'] => {
                self.spoken = Some(Protocol::Postgres);
                self.tls = Some(true);
                Turn::Reconnect
            }
            _ => self.postgres_reply(),
        }
    }

    fn postgres_reply(&mut self) -> Turn {
        match postgres::Reading::of(&self.unread) {
            postgres::Reading::Whole(postgres::Message::Authentication(answer)) => {
                let last = if answer.standing == Standing::Unguarded {
                    postgres::terminate()
                } else {
                    Vec::new()
                };
                self.settle(Protocol::Postgres, answer);
                Turn::Leave(last)
            }
            postgres::Reading::Whole(postgres::Message::Error(answer)) => {
                self.settle(Protocol::Postgres, answer)
            }
            postgres::Reading::Whole(postgres::Message::Other(rest)) => {
                self.unread = rest.to_vec();
                self.hear(&[])
            }
            postgres::Reading::Partial => Turn::Listen,
            postgres::Reading::Foreign => self.recognise(),
        }
    }

    fn redis_reply(&mut self) -> Turn {
        match redis::Reading::of(&self.unread) {
            redis::Reading::Whole(answer) => self.settle(Protocol::Redis, answer),
            redis::Reading::Partial => Turn::Listen,
            redis::Reading::Foreign => self.recognise(),
        }
    }

    fn settle(&mut self, spoken: Protocol, answer: Answer) -> Turn {
        self.spoken = Some(spoken);
        self.answer = Some(answer);
        self.leave(Vec::new())
    }

    fn leave(&mut self, last: Vec<u8>) -> Turn {
        self.stage = Stage::Over;
        Turn::Leave(last)
    }
}

fn unguarded() -> Answer {
    Answer {
        standing: Standing::Unguarded,
        code: None,
        words: String::new(),
        caller: None,
    }
}

/// What a conversation brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// What was spoken.
    pub protocol: Option<Protocol>,
    /// The server's version.
    pub server: Option<String>,
    /// Whether the server offers TLS.
    pub tls: Option<bool>,
    /// What came of it.
    pub heard: Heard,
}

/// What the kernel counts of a connection that fell silent (`struct tcp_info`, linux/tcp.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Segments heard, the SYN-ACK included.
    pub heard: u32,
    /// Of those, the ones that carried data.
    pub with_data: u32,
    /// Whether anything of ours was acknowledged since the handshake.
    pub acknowledged: bool,
}

impl Account {
    /// Repetitions of a SYN-ACK before they are no accident: one may follow an ACK that was lost.
    const REPEATED: u32 = 2;

    /// Whether the server went on repeating its SYN-ACK. A server that keeps silent sends nothing
    /// after it, one that took what we said acknowledges it; one that never saw our last step of the
    /// handshake repeats its own, after 1 s and 3 s (RFC 6298 §5).
    pub const fn is_unfinished(self) -> bool {
        let repeated = self.heard > Self::REPEATED && self.with_data == 0;
        repeated && !self.acknowledged
    }
}

#[cfg(test)]
mod tests;
