//! Conversations with servers whose words are given, whole and in pieces, and with chance.

use proptest::prelude::*;

use super::{Account, Conversation, Ended, Turn};
use crate::model::greeting::Heard;
use crate::wire::greeting::{Protocol, Standing, postgres, redis};

/// The first packet of a MySQL 8 server.
const HELLO: &[u8] = b"\x4a\0\0\x00\x0a8.0.36\0\x09\0\0\0aaaaaaaa\0\xff\xff\xff\x02\0\xff\xdf\x15\
    \0\0\0\0\0\0\0\0\0\0bbbbbbbbbbbb\0caching_sha2_password\0";
const DENIED: &[u8] =
    b"\x43\0\0\x02\xff\x15\x04#28000Access denied for user 'synquest'@'10.0.0.2' (no password)";
const BLOCKED: &[u8] = b"\x22\0\0\0\xffi\x04Host '10.0.0.2' is blocked etc.";
const HBA: &[u8] =
    b"E\0\0\0\x42SFATAL\0C28000\0Mno pg_hba.conf entry for host \"10.0.0.2\", ...\0\0";
const SASL: &[u8] = b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0";

/// Holds a conversation with a server that says `words`, one at each turn to listen, octet by octet
/// where `torn`. Returns what was said to it by turns and what came of it.
fn hold(asked: Option<Protocol>, words: &[&[u8]], torn: bool) -> (Vec<Turn>, Ended) {
    let mut conversation = Conversation::new(asked);
    let mut turns = Vec::new();
    let mut turn = conversation.open();
    let mut words = words.iter();
    let mut left = false;
    loop {
        if turn != Turn::Listen {
            turns.push(turn.clone());
        }
        turn = match turn {
            Turn::Reconnect => conversation.open(),
            Turn::Leave(_) => {
                left = true;
                break;
            }
            Turn::Say(_) | Turn::Listen => {
                let Some(said) = words.next() else { break };
                let size = if torn { 1 } else { said.len() };
                let mut next = Turn::Listen;
                for piece in said.chunks(size) {
                    next = conversation.hear(piece);
                    if next != Turn::Listen {
                        break;
                    }
                }
                next
            }
        };
    }
    (turns, conversation.end(!left))
}

fn check(
    asked: Option<Protocol>,
    words: &[&[u8]],
    expected: Option<(Protocol, Standing)>,
) -> Ended {
    let whole = hold(asked, words, false);
    assert_eq!(hold(asked, words, true), whole, "in pieces as in one");
    let ended = whole.1;
    let found = match (&ended.heard, ended.protocol) {
        (Heard::Answer(answer), Some(protocol)) => Some((protocol, answer.standing)),
        _ => None,
    };
    assert_eq!(found, expected, "{ended:?}");
    ended
}

#[test]
fn a_mysql_server_is_given_a_login_to_refuse_whatever_its_port() {
    for asked in [None, Some(Protocol::Mysql)] {
        let admitted = Some((Protocol::Mysql, Standing::Admitted));
        let ended = check(asked, &[HELLO, DENIED], admitted);
        assert_eq!(ended.server.as_deref(), Some("8.0.36"));
        assert_eq!(ended.tls, Some(true));
        // MySQL 8 may want another proof first.
        let switch = b"\x1a\0\0\x02\xfemysql_native_password\0abc";
        check(asked, &[HELLO, switch, DENIED], admitted);
        check(
            asked,
            &[HELLO, b"\x02\0\0\x02\x01\x03\x07\0\0\x03\0\0\0\x02\0\0\0"],
            Some((Protocol::Mysql, Standing::Unguarded)),
        );
        check(
            asked,
            &[BLOCKED],
            Some((Protocol::Mysql, Standing::Blocked)),
        );
    }
}

#[test]
fn a_server_that_hangs_up_after_its_hello_has_said_nothing_about_us() {
    let ended = check(None, &[HELLO], None);
    assert_eq!(ended.heard, Heard::Closed);
    assert_eq!(ended.protocol, Some(Protocol::Mysql));
}

#[test]
fn a_postgresql_server_that_speaks_tls_is_asked_anew_without() {
    let asked = Some(Protocol::Postgres);
    let refused = Some((Protocol::Postgres, Standing::NotAllowed));
    let ended = check(asked, &[b"N", HBA], refused);
    assert_eq!(ended.tls, Some(false));
    let ended = check(asked, &[b"S", HBA], refused);
    assert_eq!(ended.tls, Some(true));
    check(asked, &[HBA], refused);
    let (turns, _) = hold(asked, &[b"S", SASL], false);
    let said = [
        Turn::Say(postgres::tls_request()),
        Turn::Reconnect,
        Turn::Say(postgres::startup()),
        Turn::Leave(Vec::new()),
    ];
    assert_eq!(
        turns, said,
        "it leaves without a word when asked for the password"
    );
    let (turns, _) = hold(asked, &[b"N", b"R\0\0\0\x08\0\0\0\0"], false);
    assert_eq!(turns.last(), Some(&Turn::Leave(postgres::terminate())));
}

#[test]
fn a_redis_server_is_asked_with_a_ping_and_heard_before_it() {
    let asked = Some(Protocol::Redis);
    check(
        asked,
        &[b"+PONG\r\n"],
        Some((Protocol::Redis, Standing::Unguarded)),
    );
    let full: &[u8] = b"-ERR max number of clients reached\r\n";
    check(asked, &[full], Some((Protocol::Redis, Standing::Full)));
    check(None, &[full], Some((Protocol::Redis, Standing::Full)));
    let (turns, _) = hold(asked, &[], false);
    assert_eq!(turns, [Turn::Say(redis::ping())]);
}

#[test]
fn the_server_is_believed_rather_than_the_port() {
    for asked in [Protocol::Postgres, Protocol::Redis] {
        let ended = check(
            Some(asked),
            &[BLOCKED],
            Some((Protocol::Mysql, Standing::Blocked)),
        );
        assert_eq!(ended.tls, None);
        let ended = check(Some(asked), &[HELLO], None);
        assert_eq!(ended.server.as_deref(), Some("8.0.36"));
    }
}

#[test]
fn other_words_are_kept_as_they_came() {
    let banner: &[u8] = b"SSH-2.0-OpenSSH_9.2\r\n";
    let (turns, ended) = hold(None, &[banner], false);
    assert_eq!(
        ended.heard,
        Heard::Words("SSH-2.0-OpenSSH_9.2\r\n".to_owned())
    );
    assert_eq!(
        turns,
        [Turn::Leave(Vec::new())],
        "nothing is said to strangers"
    );
    assert_eq!(hold(None, &[], false).1.heard, Heard::Closed);
    assert_eq!(Conversation::new(None).end(false).heard, Heard::Nothing);
}

proptest! {
    #[test]
    fn no_words_bring_it_to_panic_or_to_talk_without_end(
        asked in prop::sample::select(vec![
            None, Some(Protocol::Mysql), Some(Protocol::Postgres), Some(Protocol::Redis),
        ]),
        begins in prop::sample::select(vec![&b""[..], HELLO, b"N", b"S", b"E", b"R", b"\xff", b"-"]),
        words in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..12),
    ) {
        let all: Vec<&[u8]> = std::iter::once(begins)
            .chain(words.iter().map(Vec::as_slice))
            .filter(|words| !words.is_empty())
            .collect();
        let (turns, _) = hold(asked, &all, false);
        prop_assert!(turns.len() <= 8, "{turns:?}");
    }

    #[test]
    fn a_damaged_exchange_is_read_without_panic(
        at in 0_usize..80, value in any::<u8>(), cut in 0_usize..80,
    ) {
        for words in [HELLO, DENIED, BLOCKED, HBA, SASL] {
            let mut damaged = words.to_vec();
            if let Some(octet) = damaged.get_mut(at) {
                *octet = value;
            }
            damaged.truncate(damaged.len().saturating_sub(cut));
            for asked in [None, Some(Protocol::Postgres), Some(Protocol::Redis)] {
                let _ended = hold(asked, &[&damaged, &damaged], true);
            }
        }
    }
}

#[test]
fn a_server_that_repeats_its_syn_ack_never_saw_our_last_step() {
    let account = |heard, with_data, acknowledged| Account {
        heard,
        with_data,
        acknowledged,
    };
    // Silent after the handshake, and after one ACK that was lost.
    assert!(!account(1, 0, false).is_unfinished());
    assert!(!account(2, 0, false).is_unfinished());
    assert!(account(3, 0, false).is_unfinished());
    // It spoke, or took what we said.
    assert!(!account(3, 1, false).is_unfinished());
    assert!(!account(3, 0, true).is_unfinished());
}
