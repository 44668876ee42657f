//! The first exchange with a Redis server: `PING`, and the line it answers.
//!
//! After "Redis serialization protocol specification" and the errors in `networking.c`. A server in
//! protected mode, or one that has no room, says so unasked and closes.

use super::{Answer, Standing, text};

/// `PING`, as an array of one string.
pub fn ping() -> Vec<u8> {
    b"*1\r\n$4\r\nPING\r\n".to_vec()
}

/// What stands at the beginning of what a server sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// A whole line of the protocol.
    Whole(Answer),
    /// The beginning of one.
    Partial,
    /// No line of this protocol.
    Foreign,
}

/// The longest line that is waited for.
const LONGEST_LINE: usize = 2048;

impl Reading {
    /// Reads the line at the beginning of `octets`.
    pub fn of(octets: &[u8]) -> Self {
        let Some((kind, behind)) = octets.split_first() else {
            return Self::Partial;
        };
        if !matches!(kind, b'+' | b'-') || octets.len() > LONGEST_LINE {
            return Self::Foreign;
        }
        let Some(end) = behind.iter().position(|octet| *octet == b'\n') else {
            return Self::Partial;
        };
        let line = text(behind.get(..end).unwrap_or_default());
        let line = line.trim_end();
        match kind {
            b'+' => Self::Whole(Answer {
                standing: Standing::Unguarded,
                code: None,
                words: line.to_owned(),
                caller: None,
            }),
            _ => Self::Whole(error(line)),
        }
    }
}

/// An error: a code in capitals, then words.
fn error(line: &str) -> Answer {
    let (code, words) = line.split_once(' ').unwrap_or((line, ""));
    let standing = match code {
        "NOAUTH" | "NOPERM" | "WRONGPASS" => Standing::Admitted,
        "DENIED" => Standing::NotAllowed,
        "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" => Standing::NotReady,
        "ERR" if words.starts_with("max number of clients") => Standing::Full,
        // Of versions before 2.8.
        "ERR" if words.starts_with("operation not permitted") => Standing::Admitted,
        _ => Standing::Refused,
    };
    Answer {
        standing,
        code: Some(code.to_owned()),
        words: words.to_owned(),
        caller: None,
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_its_standing() {
        let check = |line: &str, standing, code: Option<&str>| {
            let octets = format!("{line}\r\n");
            for length in 0..octets.len() - 1 {
                assert_eq!(Reading::of(&octets.as_bytes()[..length]), Reading::Partial);
            }
            let Reading::Whole(answer) = Reading::of(octets.as_bytes()) else {
                panic!("a line: {line}");
            };
            assert_eq!(answer.standing, standing, "{line}");
            assert_eq!(answer.code.as_deref(), code, "{line}");
        };
        check("+PONG", Standing::Unguarded, None);
        check(
            "-NOAUTH Authentication required.",
            Standing::Admitted,
            Some("NOAUTH"),
        );
        check(
            "-DENIED Redis is running in protected mode because …",
            Standing::NotAllowed,
            Some("DENIED"),
        );
        check(
            "-ERR max number of clients reached",
            Standing::Full,
            Some("ERR"),
        );
        check(
            "-LOADING Redis is loading the dataset in memory",
            Standing::NotReady,
            Some("LOADING"),
        );
        check("-ERR unknown command", Standing::Refused, Some("ERR"));
    }

    #[test]
    fn what_is_no_line_is_foreign() {
        assert_eq!(
            Reading::of(b"HTTP/1.1 400 Bad Request\r\n"),
            Reading::Foreign
        );
        assert_eq!(Reading::of(b"\x15\x03\x01"), Reading::Foreign);
        assert_eq!(Reading::of(&[b'-'; LONGEST_LINE + 1]), Reading::Foreign);
    }
}
