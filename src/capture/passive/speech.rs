//! What a server says in clear when it turns a client away.
//!
//! Errors of MySQL and MariaDB, PostgreSQL and Redis, each in a segment of its own, as all of them are
//! sent. What only looks like one is told apart by its length, its code and the port.

use crate::model::session::Said;
use crate::wire::greeting::{Answer, Protocol, Standing, mysql, postgres, redis};

/// No error that a server sends on its own is longer.
const LONGEST: usize = 1200;

/// The codes of MySQL and MariaDB (`errmsg`): those of the server, and MariaDB's own.
const MYSQL_CODES: std::ops::Range<u16> = 1000..5000;

/// The error that `payload` is, the whole of a server's segment, from a server on
/// this port; `None` where it is none.
pub(super) fn error(payload: Option<&[u8]>, server_port: u16) -> Option<Said> {
    let payload = payload.filter(|payload| payload.len() <= LONGEST)?;
    let (protocol, answer) = match payload {
        [_, _, _, _, 0xff, ..] => (Protocol::Mysql, of_mysql(payload)?),
        [b'E', ..] => (Protocol::Postgres, of_postgres(payload)?),
        [b'-', ..] => (Protocol::Redis, of_redis(payload)?),
        _ => return None,
    };
    let usual = Protocol::usual_on(server_port);
    usual
        .is_none_or(|usual| usual == protocol)
        .then_some(Said { protocol, answer })
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
