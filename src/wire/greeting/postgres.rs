//! The start of a PostgreSQL connection.
//!
//! After "Message Formats" and "Error and Notice Message Fields" of PostgreSQL's manual, and its
//! "Error Codes". Messages are translated on many servers, so codes count, and of the words only
//! those that no translation touches.

use super::{Answer, Standing, USER, quoted_address, text, until_nul};

/// The codes that ask for TLS (`NEGOTIATE_SSL_CODE`) and for version 3.0 of the protocol.
const TLS: u32 = 80_877_103;
const VERSION: u32 = 196_608;

/// `SSLRequest`: asks whether the server speaks TLS. It answers with a single octet, `S` or `N`,
/// or with an error.
pub fn tls_request() -> Vec<u8> {
    let mut octets = 8_u32.to_be_bytes().to_vec();
    octets.extend(TLS.to_be_bytes());
    octets
}

/// `StartupMessage` for [`USER`] and a database of the same name.
pub fn startup() -> Vec<u8> {
    let mut body = VERSION.to_be_bytes().to_vec();
    body.extend(format!("user\0{USER}\0database\0{USER}\0\0").as_bytes());
    let length = u32::try_from(body.len().saturating_add(4)).unwrap_or_default();
    let mut octets = length.to_be_bytes().to_vec();
    octets.extend(body);
    octets
}

/// `Terminate`: what a client that was let in says before it goes.
pub fn terminate() -> Vec<u8> {
    b"X\0\0\0\x04".to_vec()
}

/// What a server makes of a [`startup`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// It asks who we are, or lets us in.
    Authentication(Answer),
    /// An error.
    Error(Answer),
    /// Something that decides nothing, and the octets behind it.
    Other(&'a [u8]),
}

/// What stands at the beginning of `octets`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading<'a> {
    /// A whole message.
    Whole(Message<'a>),
    /// The beginning of one.
    Partial,
    /// No message of this protocol.
    Foreign,
}

impl<'a> Reading<'a> {
    /// Reads what a server answers to a startup.
    pub fn of(octets: &'a [u8]) -> Self {
        let Some((&kind, behind)) = octets.split_first() else {
            return Self::Partial;
        };
        if !matches!(kind, b'E' | b'R' | b'N' | b'v') {
            return Self::Foreign;
        }
        let Some((length, body)) = behind.split_first_chunk::<4>() else {
            return Self::Partial;
        };
        let length = u32::from_be_bytes(*length);
        // A server that has no process for us yet writes as version 2 did: words up to a NUL,
        // without a length (report_fork_failure_to_client).
        if kind == b'E' && length > 0x00ff_ffff {
            return until_nul(behind).map_or(Self::Partial, |(words, _)| {
                Self::Whole(Message::Error(error(
                    None,
                    text(words).trim_end().to_owned(),
                )))
            });
        }
        let body_length = usize::try_from(length).ok().and_then(|l| l.checked_sub(4));
        let Some(body_length) = body_length.filter(|length| *length <= 1 << 16) else {
            return Self::Foreign;
        };
        let Some((body, rest)) = body.split_at_checked(body_length) else {
            return Self::Partial;
        };
        match kind {
            b'R' => authentication(body).map_or(Self::Foreign, |answer| {
                Self::Whole(Message::Authentication(answer))
            }),
            b'E' => {
                let code = field(body, b'C').map(text);
                let words = field(body, b'M').map(text).unwrap_or_default();
                Self::Whole(Message::Error(error(code, words)))
            }
            _ => Self::Whole(Message::Other(rest)),
        }
    }
}

/// `Authentication…`: how we are to prove ourselves.
fn authentication(body: &[u8]) -> Option<Answer> {
    let (code, rest) = body.split_first_chunk::<4>()?;
    let code = u32::from_be_bytes(*code);
    let method = match code {
        0 => String::new(),
        2 => "Kerberos V5".to_owned(),
        3 => "a password in clear text".to_owned(),
        5 => "an MD5 password".to_owned(),
        7 => "GSSAPI".to_owned(),
        9 => "SSPI".to_owned(),
        10 => mechanisms(rest),
        other => format!("method {other}"),
    };
    Some(Answer {
        standing: match code {
            0 => Standing::Unguarded,
            _ => Standing::Admitted,
        },
        code: None,
        words: match code {
            0 => String::new(),
            _ => format!("asks for {method}"),
        },
        caller: None,
    })
}

/// The names of `AuthenticationSASL`, each ended by a NUL, the list by an empty one.
fn mechanisms(mut list: &[u8]) -> String {
    let mut names = Vec::new();
    while let Some((name, rest)) = until_nul(list).filter(|(name, _)| !name.is_empty()) {
        names.push(text(name));
        list = rest;
    }
    text(names.join(" or ").as_bytes())
}

/// A field of an error: a letter, then its value up to a NUL.
fn field(mut body: &[u8], wanted: u8) -> Option<&[u8]> {
    loop {
        let (&letter, rest) = body.split_first().filter(|(letter, _)| **letter != 0)?;
        let (value, behind) = until_nul(rest)?;
        if letter == wanted {
            return Some(value);
        }
        body = behind;
    }
}

fn error(code: Option<String>, words: String) -> Answer {
    let standing = match code.as_deref() {
        // The same code says that the role does not exist, which is asked after pg_hba.conf.
        Some("28000") if words.contains("pg_hba.conf") => Standing::NotAllowed,
        Some("28000" | "28P01" | "3D000" | "42501") => Standing::Admitted,
        Some("53300") => Standing::Full,
        Some("57P01" | "57P02" | "57P03") => Standing::NotReady,
        _ => Standing::Refused,
    };
    Answer {
        standing,
        code,
        caller: quoted_address(&words),
        words,
    }
}

#[cfg(test)]
#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may fail loudly"
)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut octets = vec![kind];
        octets.extend(u32::try_from(body.len() + 4).expect("short").to_be_bytes());
        octets.extend(body);
        octets
    }

    fn answer(octets: &[u8]) -> Answer {
        match Reading::of(octets) {
            Reading::Whole(Message::Error(answer) | Message::Authentication(answer)) => answer,
            other @ (Reading::Whole(_) | Reading::Partial | Reading::Foreign) => {
                panic!("{other:?}")
            }
        }
    }

    #[test]
    fn each_error_has_its_standing_and_names_us() {
        let check = |code: &str, words: &str, standing, caller: Option<&str>| {
            let body = format!("SFATAL\0VFATAL\0C{code}\0M{words}\0Fauth.c\0L544\0RX\0\0");
            let octets = message(b'E', body.as_bytes());
            for length in 0..octets.len() {
                assert_eq!(Reading::of(&octets[..length]), Reading::Partial);
            }
            let answer = answer(&octets);
            assert_eq!(answer.standing, standing, "{code} {words}");
            assert_eq!(answer.code.as_deref(), Some(code));
            assert_eq!(answer.words, words);
            assert_eq!(answer.caller.as_deref(), caller);
        };
        check(
            "28000",
            "no pg_hba.conf entry for host \"10.77.0.2\", user \"u\", database \"u\", no encryption",
            Standing::NotAllowed,
            Some("10.77.0.2"),
        );
        check(
            "28000",
            "role \"synquest\" does not exist",
            Standing::Admitted,
            None,
        );
        check(
            "53300",
            "sorry, too many clients already",
            Standing::Full,
            None,
        );
        check(
            "57P03",
            "the database system is starting up",
            Standing::NotReady,
            None,
        );
        check("XX000", "", Standing::Refused, None);
    }

    #[test]
    fn a_question_for_a_proof_is_admittance() {
        let sasl = answer(&message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0"));
        assert_eq!(sasl.standing, Standing::Admitted);
        assert_eq!(sasl.words, "asks for SCRAM-SHA-256");
        let trust = answer(&message(b'R', b"\0\0\0\0"));
        assert_eq!(trust.standing, Standing::Unguarded);
    }

    #[test]
    fn an_error_of_before_version_3_is_read_too() {
        let refused = answer(b"Ecould not fork new process for connection\n\0");
        assert_eq!(refused.standing, Standing::Refused);
        assert_eq!(refused.words, "could not fork new process for connection");
    }

    #[test]
    fn what_is_no_message_is_foreign() {
        let check = |octets: &[u8]| assert_eq!(Reading::of(octets), Reading::Foreign);
        check(b"SSH-2.0-OpenSSH\r\n");
        check(b"R\xff\xff\xff\xff");
        check(b"R\0\0\0\x01");
        check(&message(b'R', b"\0"));
    }
}
