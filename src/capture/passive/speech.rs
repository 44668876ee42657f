//! What a server says in clear when it turns a client away.
//!
//! Errors of MySQL and MariaDB, PostgreSQL and Redis, each in a segment of its own, as all of them are
//! sent. What only looks like one is told apart by its length, its code and the port.

use std::borrow::Cow;

use crate::model::session::Said;
use crate::wire::greeting::{Answer, Protocol, Standing, mysql, postgres, redis};

/// No error that a server sends on its own is longer.
const LONGEST: usize = 1200;

/// The codes of MySQL and MariaDB (`errmsg`): those of the server, and MariaDB's own.
const MYSQL_CODES: std::ops::Range<u16> = 1000..5000;

/// Octets of an error without which nothing is known of it.
const LEAST: usize = 24;

/// The error that `payload` is, the whole of a server's segment of `length` octets as far as it was
/// captured, from a server on this port; `None` where it is none.
pub(super) fn error(payload: Option<&[u8]>, length: u16, server_port: u16) -> Option<Said> {
    let payload = payload?;
    let length = usize::from(length);
    let (protocol, end) = match payload {
        [_, _, _, _, 0xff, ..] => (Protocol::Mysql, &b""[..]),
        // PostgreSQL trusts an address before it looks for the database.
        [b'E', ..] | [b'R', 0, 0, 0, 8, 0, 0, 0, 0, b'E', ..] => (Protocol::Postgres, &b"\0\0"[..]),
        [b'-', ..] => (Protocol::Redis, &b"\r\n"[..]),
        _ => return None,
    };
    let usual = Protocol::usual_on(server_port);
    if length > LONGEST || usual.is_some_and(|usual| usual != protocol) {
        return None;
    }
    let whole: Cow<'_, [u8]> = if payload.len() >= length {
        payload.into()
    } else {
        if payload.len() < LEAST {
            return None;
        }
        // What the snapshot length cut off is blank.
        let mut whole = payload.to_vec();
        whole.resize(length.max(payload.len() + end.len()) - end.len(), b' ');
        whole.extend_from_slice(end);
        whole.into()
    };
    let mut answer = match protocol {
        Protocol::Mysql => of_mysql(&whole),
        Protocol::Postgres => {
            of_postgres(whole.strip_prefix(b"R\0\0\0\x08\0\0\0\0").unwrap_or(&whole))
        }
        _ => of_redis(&whole),
    }?;
    answer.words.truncate(answer.words.trim_end().len());
    Some(Said { protocol, answer })
}

/// Keeps the error that says most of why the client is not served: the last one, but none about a
/// statement after one about the connection.
pub(super) fn keep(known: &mut Option<Said>, heard: Option<Said>) {
    let Some(heard) = heard else {
        return;
    };
    let about_connection = |said: &Said| said.answer.standing != Standing::Refused;
    if known
        .as_ref()
        .is_none_or(|known| about_connection(&heard) || !about_connection(known))
    {
        *known = Some(heard);
    }
}

fn of_mysql(payload: &[u8]) -> Option<Answer> {
    let packet = mysql::Packet::read(payload)?;
    let mysql::Message::Error(answer) = mysql::Message::read(packet.payload)? else {
        return None;
    };
    let code: u16 = answer.code.as_ref()?.parse().ok()?;
    (packet.rest.is_empty() && MYSQL_CODES.contains(&code) && is_text(&answer.words))
        .then_some(answer)
}

fn of_postgres(payload: &[u8]) -> Option<Answer> {
    let postgres::Reading::Whole(postgres::Message::Error(answer)) = postgres::Reading::of(payload)
    else {
        return None;
    };
    let code = answer.code.as_ref()?;
    let sound = code.len() == 5 && code.bytes().all(|octet| octet.is_ascii_alphanumeric());
    (sound && is_text(&answer.words)).then_some(answer)
}

fn of_redis(payload: &[u8]) -> Option<Answer> {
    let redis::Reading::Whole(answer) = redis::Reading::of(payload) else {
        return None;
    };
    let code = answer.code.as_ref()?;
    let sound =
        (2..=16).contains(&code.len()) && code.bytes().all(|octet| octet.is_ascii_uppercase());
    (sound && payload.ends_with(b"\r\n") && is_text(&answer.words)).then_some(answer)
}

fn is_text(words: &str) -> bool {
    !words.is_empty()
        && !words
            .chars()
            .any(|letter| letter.is_control() && letter != '\n')
}
