//! What a database server says to a client that has just connected, and the little that a client
//! says to be told whether it is welcome.
//!
//! Bytes ↔ meaning, for MySQL, PostgreSQL and Redis. Nothing here waits or decides what to say
//! next. Reading takes any bytes and never panics: what is not the protocol is `None`.

use std::net::IpAddr;

pub mod mysql;
pub mod postgres;
pub mod redis;

/// The user that greetings sign in as: one that no server is likely to have.
pub const USER: &str = "synquest";

/// The most octets that are kept of a server's words.
pub const LONGEST: usize = 512;

/// A protocol whose greeting is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// MySQL, MariaDB and what speaks like them.
    Mysql,
    /// PostgreSQL and what speaks like it.
    Postgres,
    /// Redis and what speaks like it.
    Redis,
}

impl Protocol {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Mysql => "mysql",
            Self::Postgres => "postgresql",
            Self::Redis => "redis",
        }
    }

    /// The protocol that usually is spoken on `port` (IANA's registry of ports).
    pub const fn usual_on(port: u16) -> Option<Self> {
        match port {
            3306 => Some(Self::Mysql),
            5432 => Some(Self::Postgres),
            6379 => Some(Self::Redis),
            _ => None,
        }
    }
}

/// What the words of a server come to for a client at our address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// The address is let in as far as the login.
    Admitted,
    /// The address is let in, and nothing more was asked for.
    Unguarded,
    /// The server admits no account from this address.
    NotAllowed,
    /// The server blocks the address for its unfinished connections.
    Blocked,
    /// The server has no room for another connection.
    Full,
    /// The server is starting, stopping or recovering.
    NotReady,
    /// The server asks for TLS first.
    TlsRequired,
    /// The server refuses for another reason.
    Refused,
}

/// An answer of a server that settles how it takes us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What it comes to.
    pub standing: Standing,
    /// The server's own code for it: `1130`, `28000`, `NOAUTH`.
    pub code: Option<String>,
    /// The server's words, as they came.
    pub words: String,
    /// What the server calls our end, where it names it: an address, or the name it found for one.
    pub caller: Option<String>,
}

/// As much of `octets` as is kept, as text: what is no UTF-8 is replaced.
pub fn text(octets: &[u8]) -> String {
    let kept = octets.get(..LONGEST).unwrap_or(octets);
    String::from_utf8_lossy(kept).into_owned()
}

/// The octets before the first NUL, and what follows it.
fn until_nul(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = octets.iter().position(|octet| *octet == 0)?;
    let (before, rest) = octets.split_at_checked(end)?;
    Some((before, rest.get(1..)?))
}

/// The first word between quotation marks of any kind that is an IP address: servers speak their
/// operators' languages, and the address is the same in all.
fn quoted_address(words: &str) -> Option<String> {
    words
        .split(['"', '\'', '«', '»', '„', '“', '”', '‘', '’', '`'])
        .map(str::trim)
        .find(|word| word.parse::<IpAddr>().is_ok())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, quoted_address, text};

    #[test]
    fn an_address_is_found_whatever_the_language_and_its_quotation_marks() {
        let check = |words: &str, found: Option<&str>| {
            assert_eq!(quoted_address(words).as_deref(), found, "{words}");
        };
        check(
            "no entry for host \"10.0.0.2\", user \"x\"",
            Some("10.0.0.2"),
        );
        check("kein Eintrag für Host »2001:db8::2«", Some("2001:db8::2"));
        check("Host 'db.example' is not allowed", None);
        check("Host '' \"", None);
        check("", None);
    }

    #[test]
    fn of_long_words_only_the_beginning_is_kept() {
        assert_eq!(text(&[b'x'; 2 * LONGEST]).len(), LONGEST);
        assert_eq!(text(b"\xffa"), "\u{fffd}a");
    }
}
