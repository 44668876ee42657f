//! The connection phase of the MySQL protocol, as MySQL and MariaDB speak it.
//!
//! After "Connection Phase Packets" of the MySQL Internals manual and "Connection" of MariaDB's
//! protocol documentation. Errors sent before the login carry no SQLSTATE.

use super::{Answer, Standing, USER, text, until_nul};

/// A packet of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Its number within the exchange; an answer bears the next one.
    pub sequence: u8,
    /// What it carries.
    pub payload: &'a [u8],
    /// The octets behind it.
    pub rest: &'a [u8],
}

impl<'a> Packet<'a> {
    /// The packet at the beginning of `octets`; `None` while it is not all there.
    pub fn read(octets: &'a [u8]) -> Option<Self> {
        let ([low, middle, high, sequence], rest) = octets.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes([*low, *middle, *high, 0]);
        let (payload, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        Some(Self {
            sequence: *sequence,
            payload,
            rest,
        })
    }

    /// The octets of a packet; `payload` is short.
    fn write(sequence: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap_or_default();
        let [low, middle, high, _] = length.to_le_bytes();
        let mut octets = vec![low, middle, high, sequence];
        octets.extend_from_slice(payload);
        octets
    }
}

/// What a packet of the server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// The first one of a server that listens to us.
    Hello(Hello),
    /// An error.
    Error(Answer),
    /// The login is taken.
    Welcome,
    /// The proof of identity is wanted in another form.
    OtherProof {
        /// Whether that form has an empty packet for an empty password; else it is a NUL.
        empty: bool,
    },
    /// Something about the proof of identity; what counts follows.
    Continued,
}

/// The first packet of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Its version, without the `5.5.5-` that MariaDB puts before it.
    pub version: String,
    /// Whether it offers TLS.
    pub tls: bool,
    /// How it would have a client prove itself; empty where it does not say.
    plugin: Vec<u8>,
}

/// `CLIENT_SSL`, in the capabilities' first half.
const CLIENT_SSL: u8 = 0x08;

/// `CLIENT_LONG_PASSWORD`, `CLIENT_PROTOCOL_41`, `CLIENT_SECURE_CONNECTION`, `CLIENT_PLUGIN_AUTH`.
const CAPABILITIES: u32 = 0x1 | 0x200 | 0x8000 | 0x8_0000;

/// `utf8_general_ci`, which every version knows.
const CHARACTER_SET: u8 = 33;

/// The most octets of a packet we send.
const LARGEST: u32 = 1 << 24;

const NATIVE_PASSWORD: &[u8] = b"mysql_native_password";

impl Message {
    /// The meaning of a payload; `None` where it has none in the connection phase.
    pub fn read(payload: &[u8]) -> Option<Self> {
        match payload.split_first()? {
            (0x0a, body) => hello(body).map(Self::Hello),
            (0xff, body) => error(body).map(Self::Error),
            (0x00, _) => Some(Self::Welcome),
            (0xfe, body) => {
                let (plugin, _) = until_nul(body).unwrap_or((body, &[]));
                Some(Self::OtherProof {
                    // Without a name: the password of before 4.1.
                    empty: plugin.is_empty() || plugin == NATIVE_PASSWORD,
                })
            }
            (0x01, _) => Some(Self::Continued),
            _ => None,
        }
    }
}

/// `Protocol::HandshakeV10` behind its version number.
fn hello(body: &[u8]) -> Option<Hello> {
    let (version, rest) = until_nul(body)?;
    let version = std::str::from_utf8(version).ok()?;
    if version.is_empty() || version.chars().any(char::is_control) {
        return None;
    }
    // Number of the connection (4), first part of the challenge (8), a NUL, capabilities (2),
    // character set (1), status (2), more capabilities (2), length of the challenge (1), reserved
    // (10).
    let capabilities = rest.get(13..15).unwrap_or_default();
    let challenge = rest.get(20).copied().unwrap_or_default();
    let behind = 31_usize.saturating_add(usize::from(challenge.saturating_sub(8).max(13)));
    let plugin = rest.get(behind..).unwrap_or_default();
    let plugin = until_nul(plugin).map_or(plugin, |(name, _)| name);
    Some(Hello {
        version: text(version.strip_prefix("5.5.5-").unwrap_or(version).as_bytes()),
        tls: capabilities
            .get(1)
            .is_some_and(|high| high & CLIENT_SSL != 0),
        plugin: plugin.to_owned(),
    })
}

/// `ERR_Packet` behind its first octet.
fn error(body: &[u8]) -> Option<Answer> {
    let (code, rest) = body.split_first_chunk::<2>()?;
    let code = u16::from_le_bytes(*code);
    let words = match rest.split_first_chunk::<6>() {
        Some(([b'#', ..], words)) => words,
        _ => rest,
    };
    let words = text(words);
    let standing = match code {
        // ER_CON_COUNT_ERROR, ER_USER_LIMIT_REACHED, ER_TOO_MANY_USER_CONNECTIONS
        1040 | 1226 | 1203 => Standing::Full,
        // ER_HOST_IS_BLOCKED
        1129 => Standing::Blocked,
        // ER_HOST_NOT_PRIVILEGED
        1130 => Standing::NotAllowed,
        // ER_SERVER_SHUTDOWN
        1053 => Standing::NotReady,
        // ER_SECURE_TRANSPORT_REQUIRED
        3159 => Standing::TlsRequired,
        // ER_DBACCESS_DENIED_ERROR, ER_ACCESS_DENIED_ERROR, ER_ACCESS_DENIED_NO_PASSWORD_ERROR:
        // of the login, not of the address.
        1044 | 1045 | 1698 => Standing::Admitted,
        _ => Standing::Refused,
    };
    Some(Answer {
        standing,
        code: Some(code.to_string()),
        caller: caller(code, &words),
        words,
    })
}

/// What an error calls our end.
fn caller(code: u16, words: &str) -> Option<String> {
    let quoted = |words: &str| words.split('\'').next().map(str::to_owned);
    let name = match code {
        // Host 'NAME' is …
        1129 | 1130 => quoted(words.split_once('\'')?.1),
        // Access denied for user 'USER'@'NAME' …
        1044 | 1045 | 1698 => quoted(words.split_once("'@'")?.1),
        _ => None,
    };
    name.filter(|name| !name.is_empty())
}

/// The answer to `hello` that signs in as [`USER`] without a password (`HandshakeResponse41`).
pub fn login(sequence: u8, hello: &Hello) -> Vec<u8> {
    let plugin = if hello.plugin.is_empty() {
        NATIVE_PASSWORD
    } else {
        &hello.plugin
    };
    let mut payload = Vec::new();
    payload.extend(CAPABILITIES.to_le_bytes());
    payload.extend(LARGEST.to_le_bytes());
    payload.push(CHARACTER_SET);
    payload.extend([0; 23]);
    payload.extend(USER.as_bytes());
    // The end of the name, and a proof of no octets.
    payload.extend([0, 0]);
    payload.extend(plugin);
    payload.push(0);
    Packet::write(sequence, &payload)
}

/// An empty password as the form asked for has it.
pub fn no_password(sequence: u8, empty: bool) -> Vec<u8> {
    Packet::write(sequence, if empty { &[] } else { &[0] })
}

/// `COM_QUIT`, which ends what was begun by [`Message::Welcome`].
pub fn quit() -> Vec<u8> {
    Packet::write(0, &[0x01])
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    /// The first packet of MariaDB 10.11, the challenge made zeroes.
    fn mariadb(capabilities: u8) -> Vec<u8> {
        let mut payload = b"\x0a5.5.5-10.11.19-MariaDB-0+deb12u1\0\x3c\0\0\0".to_vec();
        payload.extend([b'a'; 8]);
        payload.extend([0, 0xfe, capabilities, 8, 2, 0, 0xff, 0x81, 21]);
        payload.extend([0; 6]);
        payload.extend([0x1d, 0, 0, 0]);
        payload.extend(b"bbbbbbbbbbbb\0mysql_native_password\0");
        payload
    }

    #[test]
    fn a_hello_tells_version_tls_and_how_to_prove_oneself() {
        for (capabilities, tls) in [(0xf7, false), (0xff, true)] {
            let Some(Message::Hello(hello)) = Message::read(&mariadb(capabilities)) else {
                panic!("a hello");
            };
            assert_eq!(hello.version, "10.11.19-MariaDB-0+deb12u1");
            assert_eq!(hello.tls, tls);
            assert_eq!(hello.plugin, NATIVE_PASSWORD);
            let login = login(1, &hello);
            let packet = Packet::read(&login).expect("whole");
            assert_eq!((packet.sequence, packet.rest), (1, &[][..]));
            assert!(packet.payload.ends_with(b"mysql_native_password\0"));
        }
    }

    #[test]
    fn each_error_has_its_standing_and_names_us() {
        let check = |payload: &[u8], standing, code: &str, caller: Option<&str>| {
            let Some(Message::Error(answer)) = Message::read(payload) else {
                panic!("an error");
            };
            assert_eq!(answer.standing, standing, "{}", answer.words);
            assert_eq!(answer.code.as_deref(), Some(code));
            assert_eq!(answer.caller.as_deref(), caller);
            assert!(!answer.words.starts_with('#'), "{}", answer.words);
        };
        let host = Some("10.77.0.2");
        check(
            b"\xffj\x04Host '10.77.0.2' is not allowed to connect to this MariaDB server",
            Standing::NotAllowed,
            "1130",
            host,
        );
        check(
            b"\xffi\x04Host '10.77.0.2' is blocked because of many connection errors",
            Standing::Blocked,
            "1129",
            host,
        );
        check(
            b"\xff\x15\x04#28000Access denied for user 'synquest'@'10.77.0.2' (using password: NO)",
            Standing::Admitted,
            "1045",
            host,
        );
        check(
            b"\xff\x10\x04Too many connections",
            Standing::Full,
            "1040",
            None,
        );
        check(
            b"\xff\x13\x04#08S01Bad handshake",
            Standing::Refused,
            "1043",
            None,
        );
        check(b"\xff\x6a\x04", Standing::NotAllowed, "1130", None);
    }

    #[test]
    fn what_follows_a_login_is_told_apart() {
        let other = |empty| Some(Message::OtherProof { empty });
        assert_eq!(Message::read(b"\0\0\0\x02\0\0\0"), Some(Message::Welcome));
        assert_eq!(
            Message::read(b"\xfemysql_native_password\0abc"),
            other(true)
        );
        assert_eq!(
            Message::read(b"\xfecaching_sha2_password\0abc"),
            other(false)
        );
        assert_eq!(Message::read(b"\xfe"), other(true));
        assert_eq!(Message::read(b"\x01\x03"), Some(Message::Continued));
        assert_eq!(Message::read(b"\x0a\x1b[2J\0"), None);
        assert_eq!(Message::read(b"SSH-2.0"), None);
        assert_eq!(Message::read(b""), None);
    }

    #[test]
    fn a_packet_is_read_once_it_is_all_there() {
        let whole = Packet::write(3, b"abc");
        for length in 0..whole.len() {
            assert_eq!(Packet::read(&whole[..length]), None);
        }
        let mut more = whole;
        more.extend(b"def");
        let packet = Packet::read(&more).expect("whole");
        assert_eq!(
            (packet.sequence, packet.payload, packet.rest),
            (3, &b"abc"[..], &b"def"[..])
        );
    }
}
