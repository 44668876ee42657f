//! How the server greeted one full connection, as the record holds it.

use serde::{Deserialize, Serialize};

use super::visible::visible;
use crate::model::greeting::{Greeting, Heard, Obstacle};
use crate::model::time::micros;
use crate::wire::greeting::Standing;

/// What one full connection brought, for which the user asked. No part of the verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GreetingRecord {
    /// `mysql`, `postgresql` or `redis`; `None` where nothing was understood.
    pub protocol: Option<String>,
    /// What came of it: `admitted`, `unguarded`, `not-allowed`, `blocked`, `full`, `not-ready`,
    /// `tls-required`, `refused`, `unrecognised`, `silent`, `unfinished`, `closed` or
    /// `not-connected`.
    pub outcome: String,
    /// The server's version, where it says one.
    pub server: Option<String>,
    /// Whether the server offers TLS, where it says so.
    pub tls: Option<bool>,
    /// What the server calls our end, where it names it: the address to allow.
    pub seen_as: Option<String>,
    /// The server's own code for its answer (`1130`, `28000`, `NOAUTH`), or the reason why there
    /// was no connection.
    pub code: Option<String>,
    /// The server's words, sanitised.
    pub said: Option<String>,
    /// Full connections made.
    pub connections: u32,
    /// How long it took, in microseconds.
    pub took_us: u64,
}

impl From<&Greeting> for GreetingRecord {
    fn from(greeting: &Greeting) -> Self {
        let shown =
            |text: &String| Some(visible(text).into_owned()).filter(|text| !text.is_empty());
        let (outcome, code, said, seen_as) = match &greeting.heard {
            Heard::Answer(answer) => (
                standing(answer.standing),
                answer.code.as_ref().and_then(shown),
                shown(&answer.words),
                answer.caller.as_ref().and_then(shown),
            ),
            Heard::Words(words) => ("unrecognised", None, shown(words), None),
            Heard::Nothing => ("silent", None, None, None),
            Heard::Unfinished => ("unfinished", None, None, None),
            Heard::Closed => ("closed", None, None, None),
            Heard::Unconnected(obstacle) => {
                let reason = reason(*obstacle).to_owned();
                ("not-connected", Some(reason), None, None)
            }
        };
        Self {
            protocol: greeting.protocol.map(|spoken| spoken.word().to_owned()),
            outcome: outcome.to_owned(),
            server: greeting.server.as_ref().and_then(shown),
            tls: greeting.tls,
            seen_as,
            code,
            said,
            connections: greeting.connections,
            took_us: micros(greeting.took),
        }
    }
}

const fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Admitted => "admitted",
        Standing::Unguarded => "unguarded",
        Standing::NotAllowed => "not-allowed",
        Standing::Blocked => "blocked",
        Standing::Full => "full",
        Standing::NotReady => "not-ready",
        Standing::TlsRequired => "tls-required",
        Standing::Refused => "refused",
    }
}

const fn reason(obstacle: Obstacle) -> &'static str {
    match obstacle {
        Obstacle::Refused => "refused",
        Obstacle::TimedOut => "timed out",
        Obstacle::Unreachable => "unreachable",
        Obstacle::Local => "refused by this host",
        Obstacle::Stopped => "stopped",
    }
}

/// What came of a greeting, as a sentence.
pub(super) fn sentence(greeting: &GreetingRecord) -> &'static str {
    match greeting.outcome.as_str() {
        "admitted" => "The server lets this address in as far as the login.",
        "unguarded" => "The server lets this address in without a password.",
        // PostgreSQL decides by user, database and TLS as well.
        "not-allowed" if greeting.protocol.as_deref() == Some("postgresql") => {
            "The server does not admit this address, asked without TLS and by a user it may not have."
        }
        "not-allowed" => "The server admits nobody from this address.",
        "blocked" => "The server blocks this address for its unfinished connections.",
        "full" => "The server has no room for another connection.",
        "not-ready" => "The server is starting, stopping or recovering.",
        "tls-required" => "The server asks for TLS first.",
        "refused" => "The server refuses, for the reason it gives.",
        "unrecognised" => "What answers speaks another protocol than was expected.",
        "silent" => "The server takes the connection and keeps silent.",
        "unfinished" => {
            "The server repeats its SYN-ACK: our last step of the handshake does not reach it, or is \
             not taken there."
        }
        "closed" => "The server takes the connection and closes it without saying why.",
        "not-connected" => "There was no full connection.",
        _ => "The server answered.",
    }
}

/// What is known of a greeting, as names and values.
pub(super) fn rows(greeting: &GreetingRecord) -> Vec<(&'static str, String)> {
    let mut rows = vec![("outcome", greeting.outcome.clone())];
    let server = [&greeting.protocol, &greeting.server];
    let server: Vec<&str> = server.into_iter().flatten().map(String::as_str).collect();
    if !server.is_empty() {
        rows.push(("server", server.join(" ")));
    }
    if let Some(offered) = greeting.tls {
        rows.push((
            "TLS",
            if offered { "offered" } else { "not offered" }.to_owned(),
        ));
    }
    if let Some(name) = &greeting.seen_as {
        rows.push(("sees us as", name.clone()));
    }
    let said: Vec<&str> = [&greeting.code, &greeting.said]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    if !said.is_empty() {
        let name = match greeting.outcome.as_str() {
            "not-connected" => "reason",
            _ => "says",
        };
        rows.push((name, said.join(": ")));
    }
    rows
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn words_of_a_server_cannot_act_on_who_reads_them() {
        let greeting = Greeting {
            protocol: None,
            server: None,
            tls: None,
            heard: Heard::Words("\x1b[2Jhello\r\n".to_owned()),
            connections: 1,
            took: Duration::ZERO,
        };
        let record = GreetingRecord::from(&greeting);
        assert_eq!(record.said.as_deref(), Some("\\u{1b}[2Jhello\\u{d}\\u{a}"));
        let rows = rows(&record);
        assert_eq!(rows[1], ("says", "\\u{1b}[2Jhello\\u{d}\\u{a}".to_owned()));
    }
}
