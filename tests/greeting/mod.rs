//! Greetings of real servers: MariaDB, PostgreSQL and Redis from Debian's packages, each in a
//! namespace of its own, with its files in a folder of the test.
//!
//! The prober stands in a second namespace and has several addresses, for each of which a server
//! feels differently.
#![allow(
    clippy::print_stderr,
    reason = "what is skipped is said around the test harness"
)]

mod mariadb;
mod postgres;
mod redis;
pub(crate) mod server;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use server::{Place, missing};

/// Whether the test may run: false, said loudly, where something is missing; a failure in CI.
pub(crate) fn may_run(test: &str, tools: &[&str]) -> bool {
    let Some(reason) = missing(tools) else {
        return true;
    };
    assert!(std::env::var_os("CI").is_none(), "{test}: {reason}");
    let text = format!("\n==== SKIPPED: {test}: {reason} ====\n\n");
    let _unheard = std::io::stderr().write_all(text.as_bytes());
    false
}

#[test]
fn a_third_step_that_is_dropped_is_told_from_a_silent_server() {
    if !may_run("the third step of the handshake", &["nft"]) {
        return;
    }
    let place = Place::make();
    let _listeners: Vec<TcpListener> = place.server.enter(|| {
        let of = |port| TcpListener::bind((server::SERVER, port)).expect("a listener");
        vec![of(2525), of(2526), of(6379)]
    });
    let rules = "table ip own { chain in { type filter hook input priority 0; \
                 tcp dport { 2526, 6379 } tcp flags & (syn | rst) == 0 drop; }; }";
    place
        .server
        .run(std::process::Command::new("nft").args(["-f", "-"]), rules);
    let outcome = |port| {
        let document = place.greeted("10.77.0.2", port, &[]);
        document["greeting"]["outcome"].as_str().map(str::to_owned)
    };
    // Nothing is asked on 2526, and on 6379 we speak first.
    assert_eq!(outcome(2525).as_deref(), Some("silent"));
    assert_eq!(outcome(2526).as_deref(), Some("unfinished"));
    assert_eq!(outcome(6379).as_deref(), Some("unfinished"));
}

#[test]
fn first_words_of_other_servers_are_shown_and_nothing_is_said_to_them() {
    if !may_run("the greeting of a mail server", &[]) {
        return;
    }
    let place = Place::make();
    let listener = place
        .server
        .enter(|| TcpListener::bind((server::SERVER, 2525)).expect("a listener"));
    std::thread::scope(|scope| {
        let heard = scope.spawn(move || {
            // Half-open probes never get here.
            let (mut stream, _) = listener.accept().expect("a connection");
            stream.write_all(b"220 mail\x1b[2J\r\n").expect("written");
            stream
                .set_read_timeout(Some(Duration::from_secs(20)))
                .expect("a timeout");
            let mut said = Vec::new();
            let _reset = stream.read_to_end(&mut said);
            said
        });
        let document = place.greeted("10.77.0.2", 2525, &[]);
        let greeting = &document["greeting"];
        assert_eq!(greeting["outcome"], "unrecognised");
        assert_eq!(greeting["said"], "220 mail\\u{1b}[2J\\u{d}\\u{a}");
        assert_eq!(heard.join().expect("a server"), b"");
    });
}
