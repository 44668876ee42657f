//! The life of one session, as the record holds it.

use serde::{Deserialize, Serialize};

use super::visible::visible;
use crate::model::session::{End, Party, Said, Session};
use crate::model::time::micros;
use crate::model::verdict::Way;
use crate::model::word::Known;
use crate::wire::greeting::Protocol;

/// What became of a session that somebody else's capture shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// How it ended.
    pub end: Known<End>,
    /// Who ended it.
    pub by: Known<Party>,
    /// The device that ended it, as its distance from the client.
    pub at_hop: Option<u8>,
    /// For how long nothing passed before what ended it, in microseconds.
    pub idle_us: u64,
    /// Octets of payload from the client.
    pub payload_to_server: u64,
    /// Octets of payload from the server.
    pub payload_from_server: u64,
    /// Whether the server sent any.
    pub server_spoke: bool,
    /// The way on which what was sent never arrived while smaller segments did.
    pub stalled: Option<Known<Way>>,
    /// The server's error, where it sent one in clear.
    pub said: Option<SaidRecord>,
    /// The client's port.
    pub client_port: u16,
    /// When it ended or was seen last, in microseconds since the first packet of the capture.
    pub at_us: u64,
    /// Whether something else than its two ends ended it or keeps it from going on.
    pub died: bool,
    /// What became of it, as a clause.
    pub words: String,
}

/// An error of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaidRecord {
    /// `mysql`, `postgresql` or `redis`.
    pub protocol: String,
    /// The server's code: a number of MySQL, a word of the others.
    pub code: Option<Code>,
    /// What the code means, in fixed words; `None` for one that is not known here.
    pub phrase: Option<String>,
}

/// A server's own code for an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Code {
    /// `1130`
    Number(u16),
    /// `28P01`, `NOAUTH`
    Word(String),
}

impl SessionRecord {
    /// The record of a session from this port of the client.
    pub fn of(session: &Session, client_port: u16) -> Self {
        Self {
            end: session.end.into(),
            by: session.by.into(),
            at_hop: session.at_hop,
            idle_us: micros(session.idle),
            payload_to_server: session.to_server,
            payload_from_server: session.from_server,
            server_spoke: session.from_server > 0,
            stalled: session.stalled.map(Known::from),
            said: session.said.as_ref().map(SaidRecord::from),
            client_port,
            at_us: session.at.micros(),
            died: session.died(),
            words: session.words(),
        }
    }
}

impl From<&Said> for SaidRecord {
    fn from(said: &Said) -> Self {
        let code = said.answer.code.as_deref();
        Self {
            protocol: said.protocol.word().to_owned(),
            code: code.map(|code| match code.parse() {
                Ok(number) if said.protocol == Protocol::Mysql => Code::Number(number),
                _ => Code::Word(visible(code).into_owned()),
            }),
            phrase: code.and_then(phrase).map(str::to_owned),
        }
    }
}

/// What a code means (MySQL's error messages, PostgreSQL's error codes, Redis' own words).
fn phrase(code: &str) -> Option<&'static str> {
    Some(match code {
        "1040" => "too many connections",
        "1042" => "the server cannot resolve the client's address",
        "1043" => "bad handshake",
        "1044" => "the user may not use this database",
        "1045" | "1698" => "access denied for the user",
        "1049" => "there is no such database",
        "1053" => "the server is shutting down",
        "1129" => "the client's host is blocked because of many connection errors",
        "1130" => "the client's host is not allowed to connect",
        "1158" | "1159" | "1160" | "1161" => "the server could not read or write on the connection",
        "1203" | "1226" => "the user has as many connections as it may have",
        "1251" => "the client does not support the login that the server asks for",
        "3159" => "only connections with TLS are allowed",
        "4031" => "the server closed the connection because the client was inactive",
        "28000" => "the client, the user or the way of signing in is not admitted (pg_hba.conf)",
        "28P01" => "the password is wrong, or the user does not exist",
        "3D000" => "there is no such database",
        "53300" => "too many connections",
        "57P01" => "an administrator ended the connection",
        "57P02" => "another process of the server crashed",
        "57P03" => "the server does not take connections now: it starts, stops or recovers",
        "57P05" => "the server closed the connection because the client was inactive",
        "NOAUTH" => "a password is asked for first",
        "WRONGPASS" => "the user or the password is wrong",
        "NOPERM" => "the user may not do this",
        "DENIED" => "protected mode: only clients on the server's own host are admitted",
        "LOADING" => "the server is loading its data",
        "MASTERDOWN" | "CLUSTERDOWN" => "the server's cluster is down",
        _ => return None,
    })
}
